package promotions

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions/internal/eval"
)

// failAt reports a problem of the promotion at hand.
func (c *compiler) failAt(key, format string, args ...any) {
	c.failf(fmt.Sprintf("promotions[%d].%s", c.at, key), format, args...)
}

func (c *compiler) warnAt(key, format string, args ...any) {
	path := fmt.Sprintf("promotions[%d].%s", c.at, key)
	c.warnings = append(c.warnings, Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}

// promotion checks a promotion and makes out, which is new, what the evaluator
// takes. What p points to becomes its own.
func (c *compiler) promotion(p *Promotion, out *eval.Promotion) {
	// Field by field: a literal would be made on the stack and copied, half a kilobyte each.
	out.ID, out.Priority, out.Currency = p.ID, p.Priority, p.Currency
	out.From, out.Until = p.From, p.Until
	out.Lines, out.Shipping, out.Original = p.Target != OnShipping, p.Target != OnLines, p.Base == Original
	if !isID(p.ID) {
		c.failAt("id", "%w", errID(p.ID))
	} else if last := c.promotions[p.ID]; last != c.at {
		c.failAt("id", "promotions[%d] has the same: %q", last, p.ID)
	}
	if p.Priority < -maxPriority || p.Priority > maxPriority {
		c.failAt("priority", "%d is not -10^9 to 10^9", p.Priority)
	}
	if p.Target > OnAll {
		c.failAt("target", "unknown choice")
	}
	if p.Base > Original {
		c.failAt("base", "unknown choice")
	}
	if !p.From.IsZero() && !p.Until.IsZero() && !p.From.Before(p.Until) {
		c.failAt("until", "%s is not after from", p.Until.UTC().Format(time.RFC3339Nano))
	}
	c.codes(p, out)
	p.When, out.When = c.condition("when", p.When, c.cart)
	p.Where, out.Where = c.condition("where", p.Where, c.target)
	c.effect(p, out)
	c.stageOf(p, out)
	c.stack(p, out)
	c.limits(p, out)
}

// stageOf finds the stage, and checks what only some stages allow.
func (c *compiler) stageOf(p *Promotion, out *eval.Promotion) {
	stage, ok := c.standard, c.standard >= 0
	if p.Stage != "" {
		stage, ok = c.stages[p.Stage]
	}
	switch {
	case !ok && p.Stage == "":
		c.failAt("stage", "required, as there are several and none is %q", defaultStage)
		return
	case !ok:
		c.failAt("stage", "there is no stage %q", shortened(p.Stage))
		return
	}
	out.Stage = stage
	s := &c.out.Stages[stage]
	if s.Mode == eval.Optimal && p.Stack.Stop {
		c.failAt("stack.stop", "not in a stage of mode optimal, which has no order")
	}
	switch p.Effect.(type) {
	case *BuyGet, *Bundle:
		if s.ByLine {
			c.failAt("effect.kind", "bxgy and bundle do not go by line, as stage %q does", s.Name)
		}
	}
}

func (c *compiler) codes(p *Promotion, out *eval.Promotion) {
	p.Codes, p.Batches = slices.Clone(p.Codes), slices.Clone(p.Batches)
	for i, code := range p.Codes {
		normal := eval.NormalCode(code)
		if normal == "" || len(code) > maxCode || !utf8.ValidString(code) {
			c.failAt(fmt.Sprintf("codes[%d]", i), "want 1 to %d bytes of UTF-8, not only spaces and hyphens", maxCode)
			continue
		}
		if !slices.Contains(out.Codes, normal) {
			out.Codes = append(out.Codes, normal)
		}
	}
	for i, batch := range p.Batches {
		n, ok := c.batches[batch]
		if !ok {
			c.failAt(fmt.Sprintf("batches[%d]", i), "there is no batch %q", shortened(batch))
			continue
		}
		if !slices.Contains(out.Batches, n) {
			out.Batches = append(out.Batches, n)
		}
	}
}

// condition compiles a condition of the promotion at hand, and returns the
// snapshot's own copy of it with the program.
func (c *compiler) condition(key string, source *Condition, compile func(*Condition) (compiled, error)) (*Condition, *predicate.Program) {
	if source == nil {
		return nil, nil
	}
	done, err := compile(source)
	for _, p := range predicate.Problems(err) {
		p = p.Under(key)
		cause := errors.New(p.Text)
		if p.Limit {
			cause = fmt.Errorf("%s: %w", p.Text, ErrRange)
		}
		c.e.add(fmt.Sprintf("promotions[%d].%s", c.at, p.Path), cause)
	}
	if done.money && c.set.Promotions[c.at].Currency.IsZero() {
		c.warnAt(key, "money in a condition of a promotion without currency: the number counts in whatever currency a cart has")
	}
	return done.source, done.program
}

func (c *compiler) stack(p *Promotion, out *eval.Promotion) {
	s := &p.Stack
	s.Excludes, s.Combines = slices.Clone(s.Excludes), slices.Clone(s.Combines)
	s.Tags, s.CombinesTags = slices.Clone(s.Tags), slices.Clone(s.CombinesTags)
	if s.Exclusive > InCart {
		c.failAt("stack.exclusive", "unknown choice")
	}
	for i, id := range s.Excludes {
		switch _, ok := c.promotions[id]; {
		case id == p.ID:
			c.failAt(fmt.Sprintf("stack.excludes[%d]", i), "the promotion itself")
		case !ok:
			c.warnAt(fmt.Sprintf("stack.excludes[%d]", i), "there is no promotion %q", shortened(id))
		}
	}
	if s.Class == "" && len(s.Combines) > 0 {
		c.failAt("stack.combines", "goes with class: without one it combines with all")
	}
	if s.Group != "" && !isName(s.Group) {
		c.failAt("stack.group", badName)
	}
	if s.Class != "" && !isName(s.Class) {
		c.failAt("stack.class", badName)
	}
	c.names("stack.combines", s.Combines)
	c.names("stack.tags", s.Tags)
	c.names("stack.combines_tags", s.CombinesTags)
	out.Stack = eval.Stack{
		Exclusive: eval.Exclusive(s.Exclusive), Excludes: s.Excludes, Stop: s.Stop, Group: s.Group,
		Class: s.Class, Combines: s.Combines, Tags: s.Tags, CombinesTags: s.CombinesTags,
	}
}

func (c *compiler) names(key string, list []string) {
	for i, text := range list {
		if !isName(text) {
			c.failAt(fmt.Sprintf("%s[%d]", key, i), badName)
		}
	}
}

func (c *compiler) limits(p *Promotion, out *eval.Promotion) {
	l := &p.Limits
	out.Limits = eval.Limits{
		KeepUses: l.KeepAfterCancel,
		Uses:     l.Uses, PerCustomer: l.PerCustomer, PerCode: l.PerCode, PerCodeCustomer: l.PerCodeCustomer, Campaign: -1,
	}
	for _, limit := range [...]struct {
		key string
		n   int64
	}{{"uses", l.Uses}, {"per_customer", l.PerCustomer}, {"per_code", l.PerCode}, {"per_code_customer", l.PerCodeCustomer}} {
		if limit.n < 0 {
			c.failAt("limits."+limit.key, "%d is below 1", limit.n)
		}
	}
	if (l.PerCode != 0 || l.PerCodeCustomer != 0) && len(p.Codes)+len(p.Batches) == 0 {
		c.failAt("limits", "per_code and per_code_customer go with codes or batches")
	}
	switch l.Budget.Sign() {
	case -1:
		c.failAt("limits.budget", "%s is not above 0", shown(l.Budget))
	case 1:
		out.Limits.Budget = c.minor(l.Budget, "limits.budget")
	}
	if l.Campaign == "" {
		return
	}
	n, ok := c.campaigns[l.Campaign]
	if !ok {
		c.failAt("limits.campaign", "there is no campaign %q", shortened(l.Campaign))
		return
	}
	out.Limits.Campaign = n
}

// minor is money, for which the promotion at hand must have a currency.
func (c *compiler) minor(d decimal.Decimal, key string) int64 {
	currency := c.set.Promotions[c.at].Currency
	if currency.IsZero() {
		if !c.noCurrency {
			c.failAt("currency", "required, as %s names money: %w", key, money.ErrCurrency)
		}
		c.noCurrency = true
		return 0
	}
	minor, err := minorOf(d, currency)
	if err != nil {
		c.failAt(key, "%w", err)
	}
	return minor
}

func (c *compiler) effect(p *Promotion, out *eval.Promotion) {
	c.noCurrency = false
	if _, ok := kindOf(p.Effect); !ok {
		if p.Effect == nil {
			c.failAt("effect", "required")
		} else {
			c.failAt("effect", "%T: nil or of no kind", p.Effect)
		}
		return
	}
	switch e := p.Effect.(type) {
	case *Discount:
		own := *e
		own.Tiers = slices.Clone(e.Tiers)
		p.Effect, out.Effect = &own, c.discount(&own)
	case *BuyGet:
		own := *e
		c.linesOnly(p)
		p.Effect, out.Effect = &own, c.buyGet(&own)
	case *Bundle:
		own := *e
		own.Parts = slices.Clone(e.Parts)
		c.linesOnly(p)
		p.Effect, out.Effect = &own, c.bundle(&own)
	case *FreeGift:
		own := *e
		c.linesOnly(p)
		p.Effect, out.Effect = &own, c.gift(&own)
	}
}

// linesOnly refuses what an effect on units of lines at their current price cannot do.
func (c *compiler) linesOnly(p *Promotion) {
	if p.Target != OnLines {
		c.failAt("target", "bxgy, bundle and gift work on lines")
	}
	if p.Base != Discounted {
		c.failAt("base", "bxgy, bundle and gift work on the current price")
	}
}

func (c *compiler) discount(d *Discount) *eval.Discount {
	out := &eval.Discount{
		Per: eval.Per(d.Per), ByQuantity: d.TierBy == TierByQuantity, Graduated: d.Graduated,
		Cap: eval.NoCap, MaxUnits: d.MaxUnits, Group: d.Group, Pick: eval.Pick(d.Pick),
	}
	c.checkDiscount(d)
	if d.Cap.Valid {
		if d.Cap.Decimal.Sign() < 0 {
			c.failAt("effect.cap", "%s is below 0", shown(d.Cap.Decimal))
		}
		out.Cap = c.minor(d.Cap.Decimal, "effect.cap")
	}
	if d.Value.Valid {
		out.Tiers = []eval.Tier{{Value: c.value(d.Kind, d.Value.Decimal, "effect.value")}}
	}
	for i, t := range d.Tiers {
		at := fmt.Sprintf("effect.tiers[%d]", i)
		if i > 0 && !t.From.GreaterThan(d.Tiers[i-1].From) {
			c.failAt(at+".from", "%s is not above the one before", shown(t.From))
		}
		out.Tiers = append(out.Tiers, eval.Tier{From: c.tierFrom(d, t, at+".from"), Value: c.value(d.Kind, t.Value, at+".value")})
	}
	return out
}

// checkDiscount checks what of a discount goes with what.
func (c *compiler) checkDiscount(d *Discount) {
	unit, tiers := d.Per == PerUnit, len(d.Tiers) > 0
	for _, rule := range [...]struct {
		broken    bool
		key, text string
	}{
		{d.Value.Valid == tiers, "", "want exactly one of value and tiers"},
		{d.Per > PerOrder, ".per", "unknown choice"},
		{d.TierBy > TierByQuantity, ".tier_by", "unknown choice"},
		{d.Pick > LargestLine, ".pick", "unknown choice"},
		{d.MaxUnits < 0, ".max_units", "below 0"},
		{d.Group < 0, ".group", "below 0"},
		{d.MaxUnits > 0 && !unit, ".max_units", "goes with per unit"},
		{d.Group > 0 && !unit, ".group", "goes with per unit"},
		{d.Pick != Cheapest && d.Group == 0, ".pick", "goes with group"},
		{d.TierBy != TierByAmount && !tiers, ".tier_by", "goes with tiers"},
		{d.Graduated && (!unit || !tiers || d.TierBy != TierByQuantity), ".graduated", "goes with per unit and tiers by quantity"},
	} {
		if rule.broken {
			c.failAt("effect"+rule.key, "%s", rule.text)
		}
	}
}

// tierFrom is the measure from which a tier holds: minor units, or units.
func (c *compiler) tierFrom(d *Discount, t Tier, key string) int64 {
	switch {
	case t.From.Sign() < 0:
		c.failAt(key, "%s is below 0", shown(t.From))
	case d.TierBy == TierByAmount:
		return c.minor(t.From, key)
	case !inInt64(t.From) || !t.From.IsInteger():
		c.failAt(key, "%s is no whole number of units", shown(t.From))
	default:
		return t.From.IntPart()
	}
	return 0
}

// inInt64 reports whether a decimal is of a size that costs nothing to look at, and
// its whole part that of an int64.
func inInt64(d decimal.Decimal) bool {
	text, ok := strictjson.AppendDecimal(nil, d)
	if !ok {
		return false
	}
	whole, _, _ := strings.Cut(string(text), ".")
	_, err := strconv.ParseInt(whole, 10, 64)
	return err == nil
}

// value checks a percentage, an amount off or a new price.
func (c *compiler) value(kind DiscountKind, v decimal.Decimal, key string) eval.Value {
	out := eval.Value{Kind: eval.Kind(kind)}
	switch {
	case kind > NewPrice:
		c.failAt(key, "unknown kind")
	case kind == Percent:
		// Exponents first: a comparison would write out the zeros of 1e1000000000.
		if v.Exponent() < -18 || v.Exponent() > 18 || v.Sign() < 0 || v.GreaterThan(decimal.NewFromInt(100)) {
			c.failAt(key, "%s is not 0 to 100 with at most 18 decimals", shown(v))
		}
		out.Percent = v
	case v.Sign() < 0:
		c.failAt(key, "%s is below 0", shown(v))
	default:
		out.Minor = c.minor(v, key)
	}
	return out
}

func (c *compiler) need(n *Need, key string) eval.Need {
	if n.Quantity < 1 {
		c.failAt(key+".qty", "%d is below 1", n.Quantity)
	}
	out := eval.Need{Quantity: n.Quantity}
	n.Where, out.Where = c.condition(key+".where", n.Where, c.target)
	return out
}

func (c *compiler) pick(p Pick, most int64) {
	if p > Dearest {
		c.failAt("effect.pick", "want cheapest or dearest")
	}
	if most < 0 {
		c.failAt("effect.max", "%d is below 0", most)
	}
}

func (c *compiler) buyGet(b *BuyGet) *eval.BuyGet {
	out := &eval.BuyGet{
		Buy: c.need(&b.Buy, "effect.buy"), Get: c.need(&b.Get, "effect.get"), NotDearer: b.NotDearer,
		Value: c.value(b.Value.Kind, b.Value.Value, "effect.value"), Pick: eval.Pick(b.Pick),
		PerGroup: b.Pairing == PerGroup, Max: b.Max,
	}
	out.SameWhere = out.Buy.Where.Canonical() == out.Get.Where.Canonical()
	c.pick(b.Pick, b.Max)
	switch {
	case b.Pairing > PerGroup:
		c.failAt("effect.pairing", "unknown choice")
	case out.PerGroup && !out.SameWhere:
		c.failAt("effect.pairing", "per_group needs one where for buy and get")
	}
	return out
}

func (c *compiler) bundle(b *Bundle) *eval.Bundle {
	if n := len(b.Parts); n < 1 || n > maxBundle {
		c.failAt("effect.parts", "%d, want 1 to %d", n, maxBundle)
	}
	c.pick(b.Pick, b.Max)
	out := &eval.Bundle{Value: c.value(b.Value.Kind, b.Value.Value, "effect.value"), Pick: eval.Pick(b.Pick), Max: b.Max}
	for i := range b.Parts {
		out.Parts = append(out.Parts, c.need(&b.Parts[i], fmt.Sprintf("effect.parts[%d]", i)))
	}
	return out
}

func (c *compiler) gift(g *FreeGift) *eval.Gift {
	if g.Quantity < 0 {
		c.failAt("effect.qty", "%d is below 1", g.Quantity)
	}
	if g.ForEach < 0 {
		c.failAt("effect.for_each", "%d is below 0", g.ForEach)
	}
	return &eval.Gift{Product: g.Product, Quantity: max(g.Quantity, 1), ForEach: g.ForEach}
}

// shortened is a text for a message.
func shortened(s string) string { return s[:min(len(s), maxID)] }
