package naive

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// truth has three values, in order.
type truth int

const (
	isFalse truth = iota
	isUnknown
	isTrue
)

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

// value is what a field has: one of the four, or nothing that is known.
type value struct {
	text *string
	num  *big.Rat
	flag *bool
	set  *[]string
}

// subject answers for fields.
type subject func(field string) value

// holds is the truth of a condition; nil is always. forced, where not nil, is a
// leaf that is taken as true.
func (e *evaluation) holds(s *state, c *promotions.Condition, of subject, forced *promotions.Condition) truth {
	switch {
	case c == nil:
		return isTrue
	case c == forced:
		return isTrue
	case len(c.All) > 0:
		out := isTrue
		for i := range c.All {
			out = min(out, e.holds(s, &c.All[i], of, forced))
		}
		return out
	case len(c.Any) > 0:
		out := isFalse
		for i := range c.Any {
			out = max(out, e.holds(s, &c.Any[i], of, forced))
		}
		return out
	case c.Not != nil:
		return isTrue - e.holds(s, c.Not, of, forced)
	case c.Lines != nil:
		count, amount := e.linesSums(s, c.Lines)
		out := isTrue
		if c.Lines.Count != nil {
			out = min(out, compare(value{num: count}, c.Lines.Count.Op, c.Lines.Count.Value))
		}
		if c.Lines.Amount != nil {
			out = min(out, compare(value{num: amount}, c.Lines.Amount.Op, c.Lines.Amount.Value))
		}
		return out
	default:
		return compare(of(c.Field), c.Op, c.Value)
	}
}

// linesSums are units and price of the lines that are no gifts and where a condition holds.
func (e *evaluation) linesSums(s *state, l *promotions.LinesCondition) (count, amount *big.Rat) {
	count, amount = new(big.Rat), new(big.Rat)
	for i := range s.targets {
		t := &s.targets[i]
		if t.line == nil || t.isGift() || !e.where(s, l.Where, t) {
			continue
		}
		count.Add(count, big.NewRat(t.qty, 1))
		amount.Add(amount, e.major(t.total))
	}
	return count, amount
}

// compare applies an operator to a field's value and a constant.
func compare(v value, op string, constant any) truth {
	known := v.text != nil || v.num != nil || v.flag != nil || v.set != nil && len(*v.set) > 0
	if op == "exists" {
		return truthOf(known)
	}
	texts := textsOf(constant)
	switch {
	case v.set != nil:
		is := func(text string) bool { return slices.Contains(*v.set, text) }
		switch op {
		case "any":
			return truthOf(slices.ContainsFunc(texts, is))
		case "none":
			return truthOf(!slices.ContainsFunc(texts, is))
		default: // all
			return truthOf(!slices.ContainsFunc(texts, func(text string) bool { return !is(text) }))
		}
	case v.text != nil:
		return truthOf(slices.Contains(texts, *v.text) == (op == "=" || op == "in"))
	case v.flag != nil:
		return truthOf(fmt.Sprint(*v.flag) == texts[0])
	case v.num != nil:
		return truthOf(compareNumber(v.num, op, texts))
	default:
		return isUnknown
	}
}

func compareNumber(n *big.Rat, op string, texts []string) bool {
	is := n.Cmp(numberOf(texts[0]))
	switch op {
	case "=":
		return is == 0
	case "!=":
		return is != 0
	case "<":
		return is < 0
	case "<=":
		return is <= 0
	case ">":
		return is > 0
	case ">=":
		return is >= 0
	default: // between
		return is >= 0 && n.Cmp(numberOf(texts[1])) <= 0
	}
}

func numberOf(text string) *big.Rat { return must(decimal.NewFromString(text)).Rat() }

// textsOf are the members of a constant as texts.
func textsOf(constant any) []string {
	switch c := constant.(type) {
	case []string:
		return c
	case []any:
		out := make([]string, len(c))
		for i := range c {
			out[i] = fmt.Sprint(c[i])
		}
		return out
	default:
		return []string{fmt.Sprint(c)}
	}
}

// where reports whether a condition on targets is true of one.
func (e *evaluation) where(s *state, c *promotions.Condition, t *target) bool {
	return e.holds(s, c, e.targetSubject(t), nil) == isTrue
}

// when reports whether a condition on the cart is true.
func (e *evaluation) when(s *state, c *promotions.Condition, forced *promotions.Condition) bool {
	return e.holds(s, c, e.cartSubject(s), forced) == isTrue
}

func text(s string) value {
	if s == "" {
		return value{}
	}
	return value{text: &s}
}

func attribute(of map[string]string, key string) value {
	if v, ok := of[key]; ok {
		return value{text: &v}
	}
	return value{}
}

func number(r *big.Rat) value { return value{num: r} }

func (e *evaluation) cartSubject(s *state) subject {
	return func(field string) value {
		if key, ok := strings.CutPrefix(field, "cart.attr."); ok {
			return attribute(e.cart.Attributes, key)
		}
		if strings.HasPrefix(field, "customer.") {
			return e.customerField(field)
		}
		subtotal, now, units := int64(0), int64(0), int64(0)
		methods := []string{}
		for i := range s.targets {
			t := &s.targets[i]
			switch {
			case t.charge != nil && t.charge.Method != "":
				methods = append(methods, t.charge.Method)
			case t.line != nil && !t.isGift():
				subtotal, now, units = subtotal+t.total, now+t.now(), units+t.qty
			}
		}
		switch field {
		case "cart.subtotal":
			return number(e.major(subtotal))
		case "cart.subtotal_now":
			return number(e.major(now))
		case "cart.units":
			return number(big.NewRat(units, 1))
		default: // cart.shipping_methods
			return value{set: &methods}
		}
	}
}

func (e *evaluation) customerField(field string) value {
	c := e.cart.Customer
	switch {
	case c == nil:
		return value{}
	case field == "customer.id":
		return text(c.ID)
	case field == "customer.orders" && c.Orders != nil:
		return number(big.NewRat(*c.Orders, 1))
	case field == "customer.orders":
		return value{}
	case field == "customer.segments":
		return value{set: &c.Segments}
	default:
		return attribute(c.Attributes, strings.TrimPrefix(field, "customer.attr."))
	}
}

func (e *evaluation) targetSubject(t *target) subject {
	return func(field string) value {
		of, key, _ := strings.Cut(field, ".")
		switch {
		case of == "line" && t.line != nil:
			return e.lineField(t.line, key)
		case of == "shipping" && t.charge != nil:
			return e.chargeField(t.charge, key)
		default:
			return value{}
		}
	}
}

func (e *evaluation) lineField(l *promotions.Line, key string) value {
	switch key {
	case "product":
		return text(l.Product)
	case "price":
		return number(e.major(minor(l.Price)))
	case "qty":
		return number(big.NewRat(l.Quantity, 1))
	case "categories":
		return value{set: &l.Categories}
	case "tags":
		return value{set: &l.Tags}
	case "discounted":
		is := minor(l.List) > minor(l.Price)
		return value{flag: &is}
	default:
		return attribute(l.Attributes, strings.TrimPrefix(key, "attr."))
	}
}

func (e *evaluation) chargeField(c *promotions.Charge, key string) value {
	switch key {
	case "method":
		return text(c.Method)
	case "price":
		return number(e.major(minor(c.Price)))
	default:
		return attribute(c.Attributes, strings.TrimPrefix(key, "attr."))
	}
}

// major is minor units in major ones.
func (e *evaluation) major(n int64) *big.Rat { return money.New(n, e.cart.Currency).Decimal().Rat() }
