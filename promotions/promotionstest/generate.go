package promotionstest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// A Deal is a set and a cart that it is evaluated on.
type Deal struct {
	Set     promotions.Set
	Cart    promotions.Cart
	Options promotions.Options
}

// NewDeal makes a random deal, the same for the same seed: up to six promotions of every
// kind in one or two stages, and a cart of up to four lines and two charges. Numbers are
// small, so that things collide: prices that do not divide, floors, budgets and
// thresholds that are just met or just missed. [promotions.Compile] may refuse the set, as
// some combinations are not legal.
func NewDeal(seed uint64) Deal {
	g := dealer{rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))}
	d := Deal{Cart: g.cart()}
	d.Set.Policy = g.policy()
	d.Set.Stages = g.stages()
	if g.oneIn(3) {
		d.Set.Campaigns = []promotions.Campaign{{ID: "c1", Budget: g.orNone(3, g.money(1, 2000)), Uses: int64(g.IntN(3))}}
	}
	for i := range 1 + g.IntN(6) {
		d.Set.Promotions = append(d.Set.Promotions, g.promotion(fmt.Sprintf("p%d", i), d.Set))
	}
	if g.oneIn(3) {
		d.Options.Left = g.left(d.Set)
	}
	d.Options.WhyNot = promotions.All
	return d
}

// dealer draws what a deal is made of.
type dealer struct{ *rand.Rand }

func (g dealer) oneIn(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g dealer, list ...T) T { return list[g.IntN(len(list))] }

// some is a part of a list, often none.
func (g dealer) some(list ...string) []string {
	var out []string
	for _, v := range list {
		if g.oneIn(3) {
			out = append(out, v)
		}
	}
	return out
}

// money is an amount from least to most minor units.
func (g dealer) money(least, most int64) decimal.Decimal {
	return decimal.New(least+g.Int64N(most-least+1), -2)
}

func (g dealer) orNone(n int, d decimal.Decimal) decimal.Decimal {
	if g.oneIn(n) {
		return decimal.Zero
	}
	return d
}

func (g dealer) percent() decimal.Decimal {
	return pick(g, decimal.NewFromInt(10), decimal.NewFromInt(15), decimal.NewFromInt(50), decimal.NewFromInt(100), decimal.New(3333, -2), decimal.NewFromInt(int64(g.IntN(101))))
}

func (g dealer) policy() promotions.Policy {
	p := promotions.Policy{
		Rounding:   money.Rounding{Mode: money.Mode(g.IntN(7))}, //nolint:gosec // below 7
		Allocation: money.Split(g.IntN(5)),                      //nolint:gosec // below 5
	}
	if g.oneIn(4) {
		p.Rounding.Increment = 5
	}
	if g.oneIn(3) {
		p.Round = promotions.RoundPrice
	}
	if g.oneIn(3) {
		p.Refused = promotions.Drop
	}
	if g.oneIn(3) {
		p.OverBudget = promotions.SkipOverBudget
	}
	return p
}

func (g dealer) stages() []promotions.Stage {
	var stages []promotions.Stage
	for i := range g.IntN(3) {
		s := promotions.Stage{Name: fmt.Sprintf("s%d", i), Mode: promotions.Mode(g.IntN(5))} //nolint:gosec // below 5
		if (s.Mode == promotions.Best || s.Mode == promotions.Lowest) && g.oneIn(2) {
			s.By = promotions.ByLine
		}
		if g.oneIn(3) {
			s.Groups = map[string]int{"g": 1 + g.IntN(2)}
		}
		if g.oneIn(5) {
			s.MaxPerLine = 1 + g.IntN(2)
		}
		if g.oneIn(5) {
			s.MaxPerOrder = 1 + g.IntN(3)
		}
		stages = append(stages, s)
	}
	return stages
}

func (g dealer) promotion(id string, set promotions.Set) promotions.Promotion {
	p := promotions.Promotion{ID: id, Priority: g.IntN(3), Currency: money.MustISO("EUR"), Effect: g.effect()}
	if n := len(set.Stages); n > 0 {
		p.Stage = set.Stages[g.IntN(n)].Name
	}
	if _, plain := p.Effect.(*promotions.Discount); plain && g.oneIn(3) {
		p.Target = pick(g, promotions.OnShipping, promotions.OnAll)
	}
	if _, plain := p.Effect.(*promotions.Discount); plain && g.oneIn(4) {
		p.Base = promotions.Original
	}
	if g.oneIn(8) {
		p.From = pick(g, noon().Add(-time.Hour), noon(), noon().Add(time.Hour))
	}
	if g.oneIn(8) {
		p.Until = pick(g, noon(), noon().Add(2*time.Hour))
	}
	if g.oneIn(6) {
		p.Codes = []string{pick(g, "A-1", "B2", "C3")}
	}
	if g.oneIn(20) {
		p.Currency = money.MustISO("USD")
	}
	if g.oneIn(3) {
		p.When = g.when()
	}
	if g.oneIn(2) {
		p.Where = g.where()
	}
	p.Stack = g.stack()
	if _, plain := p.Effect.(*promotions.Discount); !plain && p.Stack.Exclusive == promotions.InCart {
		p.Stack.Exclusive = promotions.InStage // alone in the cart, it picks by its own rule or by the stage's: both are sound
	}
	p.Limits = g.limits(len(set.Campaigns) > 0, len(p.Codes) > 0)
	return p
}

func (g dealer) stack() promotions.Stack {
	var s promotions.Stack
	if g.oneIn(12) {
		s.Exclusive = pick(g, promotions.InStage, promotions.InCart)
	}
	if g.oneIn(5) {
		s.Excludes = []string{fmt.Sprintf("p%d", g.IntN(3))}
	}
	s.Stop = g.oneIn(15)
	if g.oneIn(4) {
		s.Group = "g"
	}
	if g.oneIn(5) {
		s.Class, s.Combines = pick(g, "k", "l"), g.some("k", "l")
	}
	if g.oneIn(5) {
		s.Tags, s.CombinesTags = g.some("t", "u"), g.some("t", "u")
	}
	return s
}

func (g dealer) limits(campaign, codes bool) promotions.Limits {
	var l promotions.Limits
	if g.oneIn(5) {
		l.Budget = g.money(1, 1500)
	}
	if g.oneIn(8) {
		l.Uses = 1 + g.Int64N(2)
	}
	if g.oneIn(10) {
		l.PerCustomer = 1
	}
	if codes && g.oneIn(2) {
		l.PerCode = 1
	}
	if codes && g.oneIn(4) {
		l.PerCodeCustomer = 1
	}
	if campaign && g.oneIn(2) {
		l.Campaign = "c1"
	}
	return l
}

// left is what some accounts have left.
func (g dealer) left(set promotions.Set) map[string]promotions.Left {
	left := map[string]promotions.Left{}
	eur := money.MustISO("EUR")
	if len(set.Campaigns) > 0 {
		left["campaign/c1/budget"] = promotions.Left{Amount: money.New(g.Int64N(800), eur)}
		left["campaign/c1/uses"] = promotions.Left{Uses: g.Int64N(3)}
	}
	for _, p := range set.Promotions {
		if g.oneIn(2) {
			left["promotion/"+p.ID+"/budget"] = promotions.Left{Amount: money.New(g.Int64N(600), eur)}
		}
		if g.oneIn(4) {
			left["promotion/"+p.ID+"/uses"] = promotions.Left{Uses: g.Int64N(2)}
		}
	}
	left["code/A1/uses"] = promotions.Left{Uses: g.Int64N(2)}
	return left
}

func leaf(field, op string, value any) *promotions.Condition {
	return &promotions.Condition{Field: field, Op: op, Value: value}
}

// when is a condition on the cart.
func (g dealer) when() *promotions.Condition {
	bound := g.money(100, 6000).String()
	switch g.IntN(10) {
	case 0:
		return leaf("cart.subtotal", pick(g, ">=", "<"), bound)
	case 1, 2:
		return leaf("cart.subtotal_now", pick(g, ">=", "<", ">", "<="), bound)
	case 3:
		return leaf("cart.units", pick(g, ">=", "="), int64(1+g.IntN(6)))
	case 4:
		return leaf("customer.segments", pick(g, "any", "none", "all"), []string{"vip"})
	case 5:
		c := &promotions.LinesCondition{Where: g.where()}
		if g.oneIn(2) {
			c.Count = &promotions.Comparison{Op: ">=", Value: int64(1 + g.IntN(4))}
		} else {
			c.Amount = &promotions.Comparison{Op: ">", Value: bound}
		}
		return &promotions.Condition{Lines: c}
	case 6:
		return &promotions.Condition{Not: leaf("customer.segments", "any", []string{"staff"})}
	case 7, 8:
		return pick(g,
			leaf("customer.orders", pick(g, "=", "!=", "<", ">"), int64(g.IntN(3))),
			leaf("customer.id", "exists", nil),
			leaf("customer.attr.tier", pick(g, "in", "not_in"), []string{"gold", "silver"}),
			leaf("cart.attr.channel", pick(g, "=", "!="), "web"),
			leaf("cart.shipping_methods", pick(g, "any", "all", "none"), []string{"snail"}),
			leaf("cart.subtotal", "between", []string{"5", bound}),
		)
	default:
		all := []promotions.Condition{*g.when(), *g.when()}
		if g.oneIn(2) {
			return &promotions.Condition{Any: all}
		}
		return &promotions.Condition{All: all}
	}
}

// where is a condition on a line.
func (g dealer) where() *promotions.Condition {
	switch g.IntN(8) {
	case 0, 1:
		return leaf("line.product", "=", pick(g, "A", "B", "C"))
	case 2:
		return leaf("line.product", "in", []string{"A", "B"})
	case 3:
		return leaf("line.categories", pick(g, "any", "none"), []string{"x"})
	case 4:
		return leaf("line.price", pick(g, ">=", "<"), g.money(1, 2000).String())
	case 5:
		return pick(g,
			leaf("line.qty", pick(g, "=", "!=", ">="), int64(1+g.IntN(4))),
			leaf("line.tags", pick(g, "any", "all", "none"), []string{"new", "old"}),
			leaf("line.attr.colour", pick(g, "=", "!="), "red"),
			leaf("line.attr.colour", "exists", nil),
			leaf("shipping.method", pick(g, "=", "!="), "snail"),
			leaf("shipping.price", pick(g, ">", "<="), g.money(1, 2000).String()),
			leaf("shipping.attr.zone", "=", "north"),
		)
	case 6:
		return &promotions.Condition{Not: g.where()}
	default:
		return leaf("line.discounted", "=", g.oneIn(2))
	}
}

func (g dealer) effect() promotions.Effect {
	switch g.IntN(10) {
	case 0, 1:
		return g.buyGet()
	case 2:
		return g.bundle()
	case 3:
		return &promotions.FreeGift{Product: "G", Quantity: int64(g.IntN(3)), ForEach: int64(g.IntN(3))}
	default:
		return g.discount()
	}
}

func (g dealer) value() promotions.Value {
	switch g.IntN(3) {
	case 0:
		return promotions.Value{Kind: promotions.Percent, Value: g.percent()}
	case 1:
		return promotions.Value{Kind: promotions.AmountOff, Value: g.money(0, 1000)}
	default:
		return promotions.Value{Kind: promotions.NewPrice, Value: g.money(0, 1500)}
	}
}

func (g dealer) discount() *promotions.Discount {
	v := g.value()
	d := &promotions.Discount{Kind: v.Kind, Per: pick(g, promotions.PerLine, promotions.PerUnit, promotions.PerOrder)}
	if g.oneIn(4) {
		d.TierBy = pick(g, promotions.TierByAmount, promotions.TierByQuantity)
		from := decimal.Zero
		for range 1 + g.IntN(3) {
			from = from.Add(decimal.NewFromInt(1 + g.Int64N(3)))
			d.Tiers = append(d.Tiers, promotions.Tier{From: from, Value: g.valueOf(v.Kind)})
		}
		d.Graduated = d.Per == promotions.PerUnit && d.TierBy == promotions.TierByQuantity && g.oneIn(2)
	} else {
		d.Value = decimal.NewNullDecimal(v.Value)
	}
	if g.oneIn(5) {
		d.Cap = decimal.NewNullDecimal(g.money(0, 1000))
	}
	if d.Per == promotions.PerUnit && !d.Graduated {
		switch g.IntN(4) {
		case 0:
			d.MaxUnits = 1 + g.Int64N(3)
		case 1:
			d.Group, d.Pick = 1+g.Int64N(3), pick(g, promotions.Cheapest, promotions.Dearest, promotions.LargestLine)
		}
	}
	return d
}

func (g dealer) valueOf(kind promotions.DiscountKind) decimal.Decimal {
	if kind == promotions.Percent {
		return g.percent()
	}
	return g.money(0, 1000)
}

func (g dealer) need() promotions.Need {
	n := promotions.Need{Quantity: 1 + g.Int64N(2)}
	if !g.oneIn(3) {
		n.Where = g.where()
	}
	return n
}

func (g dealer) buyGet() *promotions.BuyGet {
	b := &promotions.BuyGet{Buy: g.need(), Get: g.need(), Value: g.value(), Pick: pick(g, promotions.Cheapest, promotions.Dearest), Max: int64(g.IntN(3))}
	switch g.IntN(4) {
	case 0:
		b.NotDearer = true
	case 1:
		b.Pairing, b.Get.Where = promotions.PerGroup, b.Buy.Where
	}
	return b
}

func (g dealer) bundle() *promotions.Bundle {
	b := &promotions.Bundle{Value: g.value(), Pick: pick(g, promotions.Cheapest, promotions.Dearest), Max: int64(g.IntN(3))}
	for range 1 + g.IntN(3) {
		b.Parts = append(b.Parts, g.need())
	}
	return b
}

func noon() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

func (g dealer) cart() promotions.Cart {
	eur := money.MustISO("EUR")
	c := promotions.Cart{Currency: eur, At: noon(), PricesIncludeTax: g.oneIn(2), Codes: g.some("a1", "B-2", "zzz")}
	if g.oneIn(8) {
		c.At = time.Time{}
	}
	if !g.oneIn(3) {
		c.Customer = &promotions.Customer{ID: "c1", Segments: g.some("vip", "staff"), Attributes: g.attribute("tier", "gold", "bronze")}
		if g.oneIn(2) {
			orders := g.Int64N(3)
			c.Customer.Orders = &orders
		}
	}
	c.Attributes = g.attribute("channel", "web", "shop")
	for i := range 1 + g.IntN(4) {
		l := promotions.Line{
			ID: fmt.Sprintf("l%d", i), Product: pick(g, "A", "B", "C", ""), Price: g.price(), Quantity: 1 + g.Int64N(4),
			Categories: g.some("x", "y"), Tags: g.some("new", "old"), Attributes: g.attribute("colour", "red", "blue"),
			TaxRate: pick(g, decimal.Zero, decimal.NewFromInt(20), decimal.New(75, -1)),
		}
		switch g.IntN(8) {
		case 0:
			l.Floor = g.price()
		case 1:
			l.List = g.price()
		case 2:
			l.Total = g.price()
		case 3:
			l.Gift = pick(g, "p0", "p1", "p2")
		}
		c.Lines = append(c.Lines, l)
	}
	for i := range g.IntN(3) {
		c.Shipping = append(c.Shipping, promotions.Charge{
			ID: fmt.Sprintf("f%d", i), Method: pick(g, "snail", ""), Price: g.price(), TaxRate: pick(g, decimal.Zero, decimal.NewFromInt(20)),
			Attributes: g.attribute("zone", "north", "south"),
		})
	}
	return c
}

// attribute is one of two values of an attribute, or none.
func (g dealer) attribute(name, a, b string) map[string]string {
	if g.oneIn(2) {
		return nil
	}
	return map[string]string{name: pick(g, a, b)}
}

// price is often one that others have too.
func (g dealer) price() money.Amount {
	return money.New(pick(g, 1000, 1000, 500, 333, 1050, g.Int64N(2000)), money.MustISO("EUR"))
}

// String shows what a deal is, as JSON.
func (d Deal) String() string {
	var b strings.Builder
	for _, part := range []interface{ MarshalJSON() ([]byte, error) }{d.Set, d.Cart} {
		text, err := part.MarshalJSON()
		if err != nil {
			text = []byte(err.Error())
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "left %v\n", d.Options.Left)
	return b.String()
}
