package pricingtest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// dice draws everything random of this package.
type dice struct{ *rand.Rand }

// oneIn is true once in n throws.
func (d dice) oneIn(n int) bool { return d.IntN(n) == 0 }

// pick draws one of the values; write a value twice to draw it twice as often.
func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

// The universe is small on purpose: rules that never meet test nothing.
func (d dice) product() string { return pick(d, "p1", "p1", "p1", "p2") }
func (d dice) variant() string { return pick(d, "v1", "v1", "v2") }

func (d dice) categories() []string {
	return []string{"c1", "c2", "c3"}
}

// epoch is what all times of the universe are near to.
func epoch() time.Time { return time.Date(2026, time.June, 10, 12, 0, 0, 0, time.UTC) }

// moment is the epoch, or a whole second somewhere before or after it.
func (d dice) moment() time.Time {
	return epoch().Add(time.Second * time.Duration(pick(d, -172_800, -86_400, -3_600, -60, -2, -1, 0, 1, 2, 60, 3_600, 86_400)))
}

// currencies are those of two, no and three digits, then two that ISO does not know.
func currencies() []money.Currency {
	return []money.Currency{iso("USD"), iso("EUR"), iso("JPY"), iso("KWD"), own("POINT", 0), own("GEM", 4)}
}

func ownCurrencies() []money.Currency { return currencies()[4:] }

func (d dice) currency() money.Currency {
	return currencies()[pick(d, 0, 0, 0, 0, 1, 1, 1, 2, 3, 4, 5)]
}

func iso(code string) money.Currency { return must(money.ISO(code)) }

func own(code string, digits int) money.Currency { return must(money.NewCurrency(code, digits)) }

// must is for values that this package has written itself.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// amount draws zero, everyday, unsettled, tiny and huge amounts.
func (d dice) amount(c money.Currency) money.Amount {
	coefficient, scale := d.Int64N(30_000), c.Digits()
	switch d.IntN(24) {
	case 0:
		coefficient = 0
	case 1, 2, 3, 4:
		coefficient, scale = d.Int64N(1_000_000), scale+1+d.IntN(4)
	case 5:
		coefficient, scale = 1+d.Int64N(999), scale+d.IntN(19-scale)
	case 6:
		coefficient = 1_000_000_000_000 + d.Int64N(9_000_000_000_000_000_000)
	case 7:
		coefficient = d.Int64N(10_000_000_000_000)
	}
	return must(money.FromUnscaled(coefficient, scale, c))
}

// positive is an amount above zero, smaller is one below bound, of either sign.
func (d dice) positive(c money.Currency) money.Amount {
	if a := d.amount(c); a.Sign() > 0 {
		return a
	}
	return money.New(1, c)
}

func (d dice) smaller(bound money.Amount) money.Amount {
	coefficient, scale := bound.Unscaled()
	return must(money.FromUnscaled(pick[int64](d, -1, 1)*d.Int64N(coefficient), scale, bound.Currency()))
}

// percent draws 0 to limit with up to four decimals.
func (d dice) percent(limit int64) decimal.Decimal {
	switch d.IntN(8) {
	case 0:
		return decimal.New(d.Int64N(limit*10_000+1), -4)
	case 1:
		return decimal.New(d.Int64N(limit*10+1), -1)
	case 2:
		return decimal.NewFromInt(pick(d, 0, limit))
	default:
		return decimal.NewFromInt(d.Int64N(min(limit, 60) + 1))
	}
}

func (d dice) margin() decimal.Decimal {
	return pick(d, decimal.NewFromInt(d.Int64N(100)), decimal.NewFromInt(25), decimal.New(3333, -2), decimal.New(999, -1))
}

func (d dice) quantity() decimal.Decimal {
	return must(decimal.NewFromString(pick(d, "0.5", "1", "1", "2", "2.5", "5", "10", "10.25", "100", "0.735", "12")))
}

func maybe(d decimal.Decimal) decimal.NullDecimal { return decimal.NewNullDecimal(d) }

// RandomRules draws a rule set that [pricing.Compile] accepts: 8 to 30 rules of
// every kind, effect, scope, condition, window, priority and currency, under any
// policy. Their ids and amounts come from a universe small enough that they
// meet, tie, and contradict each other in most queries of [RandomQuery].
func RandomRules(r *rand.Rand) pricing.RuleSet {
	g := &generator{dice: dice{r}, depth: make(map[string]int)}
	g.home = g.currency()
	g.dated = g.oneIn(2)
	g.set.Policy = g.policy()
	g.set.Version = r.Uint64N(3)
	if !g.oneIn(8) {
		g.add(pricing.Rule{Kind: pricing.KindBase, Currency: g.home, Effect: pricing.SetTo{Amount: g.amount(g.home)}, Priority: -3})
	}
	for want := 8 + g.IntN(23); len(g.set.Rules) < want; {
		g.add(g.rule())
		switch {
		case g.oneIn(12):
			g.add(g.duplicate())
		case g.oneIn(5):
			g.add(g.rival())
		case g.dated && g.oneIn(12):
			g.add(g.successor())
		}
	}
	g.Shuffle(len(g.set.Rules), func(i, j int) { g.set.Rules[i], g.set.Rules[j] = g.set.Rules[j], g.set.Rules[i] })
	return g.set
}

// generator collects the rules of one set.
type generator struct {
	dice
	set   pricing.RuleSet
	home  money.Currency // of most rules
	dated bool
	depth map[string]int // of amounts and formulas that a formula may build on, by rule
	drawn int            // names rules
}

func (g *generator) policy() pricing.Policy {
	p := pricing.Policy{
		Rounding:   g.rounding(),
		RoundAt:    pick(g.dice, pricing.RoundAtEnd, pricing.RoundAtEnd, pricing.RoundAtEach, pricing.RoundAtDiscount),
		Ties:       pick(g.dice, pricing.TiesError, pricing.TiesLowest),
		Tax:        pick(g.dice, pricing.TaxNone, pricing.TaxInclusive, pricing.TaxExclusive),
		Currencies: ownCurrencies(),
	}
	if g.oneIn(3) {
		line := g.rounding()
		p.LineRounding = &line
	}
	for _, stage := range []pricing.Stage{pricing.StageTier, pricing.StageVolume, pricing.StageSale, pricing.StageSurcharge} {
		if g.oneIn(2) {
			if p.Combine == nil {
				p.Combine = make(map[pricing.Stage]pricing.Combine)
			}
			p.Combine[stage] = pick(g.dice, pricing.CombineFirst, pricing.CombineBest, pricing.CombineChain)
		}
	}
	if p.Convert = g.oneIn(2); p.Convert {
		p.Pivot = pick(g.dice, money.Currency{}, iso("EUR"), iso("EUR"), iso("USD"))
		p.MaxAge = pick(g.dice, 0, 0, time.Hour, 24*time.Hour)
		p.Stale = pick(g.dice, pricing.StaleReject, pricing.StaleUse, pricing.StaleNative)
		p.Spread = pick(g.dice, decimal.Decimal{}, decimal.Decimal{}, decimal.New(25, -1))
	}
	return p
}

func (g *generator) rounding() money.Rounding {
	return money.Rounding{
		Mode:      pick(g.dice, money.HalfEven, money.HalfUp, money.HalfDown, money.Up, money.Down, money.Ceil, money.Floor),
		Increment: pick[int64](g.dice, 1, 1, 1, 1, 5, 10, 25),
		Extra:     pick[uint8](g.dice, 0, 0, 0, 0, 2, 4, 6),
	}
}

func (g *generator) rule() pricing.Rule {
	r := pricing.Rule{
		Kind: pick(g.dice,
			pricing.KindContract, pricing.KindList, pricing.KindBase, pricing.KindBase, pricing.KindBase, pricing.KindCostPlus,
			pricing.KindTier, pricing.KindTier, pricing.KindVolume, pricing.KindVolume, pricing.KindSale, pricing.KindSale,
			pricing.KindSurcharge, pricing.KindSurcharge, pricing.KindCeiling, pricing.KindFloor, pricing.KindMinMargin, pricing.KindMAP,
			pricing.KindRound),
		On:       g.scope(),
		Priority: pick(g.dice, 0, 0, 0, 0, 1, 2, -1),
		Currency: g.home,
	}
	if g.oneIn(4) {
		r.Currency = g.currency()
	}
	if g.oneIn(2) {
		r.When = g.condition(2)
	}
	switch stageOf(r.Kind) {
	case pricing.StageTier, pricing.StageVolume, pricing.StageSale, pricing.StageSurcharge:
		r.Exclusive = g.oneIn(7)
	default:
	}
	if r.Kind == pricing.KindVolume || g.oneIn(6) {
		r.MinQty = maybe(g.quantity())
	}
	if g.oneIn(8) {
		r.MaxQty = maybe(r.MinQty.Decimal.Add(g.quantity()))
	}
	if g.dated && g.oneIn(2) {
		r.From, r.Until = g.window()
	}
	r.Effect = g.effect(r)
	switch r.Effect.(type) {
	case pricing.PercentOff, pricing.PercentUp, pricing.Markup, pricing.Margin:
		r.Currency = money.Currency{}
	default:
	}
	return r
}

func (g *generator) scope() pricing.Scope {
	switch g.IntN(8) {
	case 0, 1, 2:
		return pricing.Scope{Level: pricing.Product, ID: g.product()}
	case 3:
		return pricing.Scope{Level: pricing.Variant, ID: g.variant()}
	case 4, 5:
		return pricing.Scope{Level: pricing.Category, ID: pick(g.dice, g.categories()...)}
	default:
		return pricing.Scope{}
	}
}

func (g *generator) window() (from, until time.Time) {
	from, until = g.moment(), g.moment()
	switch g.IntN(3) {
	case 0:
		return from, time.Time{}
	case 1:
		return time.Time{}, until
	}
	if !from.Before(until) {
		from, until = until, from.Add(time.Second)
	}
	return from, until
}

// duplicate is a rule of the set under another name: equal ranks and equal
// results, which are no conflict.
func (g *generator) duplicate() pricing.Rule {
	return pick(g.dice, g.set.Rules...)
}

// rival has the scope, priority and quantity of a rule of the set, but another
// condition and another effect: a customer both gold and silver.
func (g *generator) rival() pricing.Rule {
	r := g.duplicate()
	r.When = g.condition(2)
	r.Effect = g.sameCurrency(r)
	return r
}

// successor takes over from a rule of the set in the second in which that ends.
func (g *generator) successor() pricing.Rule {
	r := pick(g.dice, g.set.Rules...)
	if r.Until.IsZero() {
		return g.rule()
	}
	r.From, r.Until = r.Until, time.Time{}
	r.Effect = g.sameCurrency(r)
	return r
}

// sameCurrency draws another effect that needs a currency where the rule has one.
func (g *generator) sameCurrency(r pricing.Rule) pricing.Effect {
	for range 20 {
		e := g.effect(r)
		switch e.(type) {
		case pricing.PercentOff, pricing.PercentUp, pricing.Markup, pricing.Margin:
			if r.Currency.IsZero() {
				return e
			}
		default:
			if !r.Currency.IsZero() {
				return e
			}
		}
	}
	return r.Effect
}

// add names the rule and takes it, unless Compile could refuse it beside those
// that are there already.
func (g *generator) add(r pricing.Rule) {
	g.drawn++
	r.ID = fmt.Sprintf("%c%d", 'a'+g.IntN(26), g.drawn) // no order of ids that says anything of ranks
	r.Label = ""
	if g.oneIn(3) {
		r.Label = "Rule " + r.ID
	}
	if slices.ContainsFunc(g.set.Rules, func(other pricing.Rule) bool { return g.quarrel(r, other) || g.quarrel(other, r) }) {
		return
	}
	switch e := r.Effect.(type) {
	case pricing.SetTo:
		g.depth[r.ID] = 1
	case pricing.Formula:
		g.depth[r.ID] = 1
		if id, ok := strings.CutPrefix(string(e.Base), string(pricing.BaseRule(""))); ok {
			g.depth[r.ID] += g.depth[id]
		}
	default:
	}
	g.set.Rules = append(g.set.Rules, r)
}

// quarrel reports whether Compile might refuse a beside b: a floor above a
// ceiling, or an undecidable overlap. It errs on the side of yes.
func (g *generator) quarrel(a, b pricing.Rule) bool {
	if a.On != b.On || a.Currency != b.Currency || values(a.When) != values(b.When) {
		return false
	}
	if a.Kind == pricing.KindFloor && b.Kind == pricing.KindCeiling {
		return true
	}
	stage := stageOf(a.Kind)
	first := stage == pricing.StagePrice || stage == pricing.StageRound
	if !first && stage != pricing.StageGuard {
		combine := g.set.Policy.Combine[stage]
		first = combine == pricing.CombineFirst || combine == pricing.CombineDefault && stage != pricing.StageSurcharge
	}
	return first && g.set.Policy.Ties == pricing.TiesError && a.Kind == b.Kind && a.Priority == b.Priority &&
		a.MinQty.Decimal.Equal(b.MinQty.Decimal) && a.Exclusive == b.Exclusive && !disjoint(a, b) &&
		fmt.Sprint(a.Effect) != fmt.Sprint(b.Effect)
}

func disjoint(a, b pricing.Rule) bool {
	return !a.Until.IsZero() && !b.From.IsZero() && !b.From.Before(a.Until) ||
		!b.Until.IsZero() && !a.From.IsZero() && !a.From.Before(b.Until)
}

// values lists what a condition compares with what, in any form that says the same.
func values(c pricing.Condition) string {
	var out []string
	var walk func(c pricing.Condition)
	walk = func(c pricing.Condition) {
		switch c := c.(type) {
		case pricing.All:
			for _, part := range c {
				walk(part)
			}
		case pricing.Any:
			for _, part := range c {
				walk(part)
			}
		case pricing.Not:
			walk(c.Condition)
		case pricing.Leaf:
			for _, v := range c.Values {
				out = append(out, c.Field+" "+v)
			}
			if len(c.Values) == 0 {
				out = append(out, c.Field)
			}
		}
	}
	walk(c)
	slices.SortFunc(out, cmp.Compare[string])
	return strings.Join(slices.Compact(out), "\n")
}
