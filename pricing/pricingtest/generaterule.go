package pricingtest

import (
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// effect draws one of those that the rule's kind takes, in the rule's currency.
func (g *generator) effect(r pricing.Rule) pricing.Effect {
	c := r.Currency
	if c.IsZero() {
		c = g.home
	}
	amount := g.amount(c)
	switch r.Kind {
	case pricing.KindContract, pricing.KindList, pricing.KindBase:
		switch g.IntN(6) {
		case 0:
			return g.charge(c)
		case 1:
			return g.formula(c, pick(g.dice, g.rule8(c), g.rule8(c), pricing.BaseCost))
		default:
			return pricing.SetTo{Amount: amount}
		}
	case pricing.KindCostPlus:
		return pick[pricing.Effect](g.dice, pricing.Markup{Percent: g.percent(10_000)}, pricing.Margin{Percent: g.margin()}, g.formula(c, pricing.BaseCost))
	case pricing.KindTier, pricing.KindVolume, pricing.KindSale:
		off := pricing.PercentOff{Percent: g.percent(100)}
		base := pick(g.dice, pricing.BaseList, pricing.BaseCurrent, pricing.BaseCurrent, pricing.BaseCost, g.rule8(c))
		return pick[pricing.Effect](g.dice, off, off, pricing.AmountOff{Amount: amount}, pricing.SetTo{Amount: amount}, g.formula(c, base))
	case pricing.KindSurcharge:
		return pick[pricing.Effect](g.dice, pricing.PercentUp{Percent: g.percent(1_000)}, pricing.AmountUp{Amount: amount})
	case pricing.KindMinMargin:
		return pricing.Margin{Percent: g.margin()}
	case pricing.KindRound:
		return g.grid(c)
	default: // ceiling, floor, map
		return pricing.SetTo{Amount: amount}
	}
}

// charge draws steps with and without flat parts, and packages.
func (g *generator) charge(c money.Currency) pricing.Charge {
	if g.oneIn(3) {
		return pricing.Charge{
			Mode: pricing.ChargePackage, Size: g.quantity(), Unit: g.amount(c),
			Free: pick(g.dice, decimal.Decimal{}, decimal.Decimal{}, g.quantity()),
		}
	}
	out := pricing.Charge{Mode: pick(g.dice, pricing.ChargeVolume, pricing.ChargeGraduated)}
	flat := g.oneIn(2)
	upTo := decimal.Decimal{}
	for last := g.IntN(4); last >= 0; last-- {
		step := pricing.ChargeStep{Unit: g.amount(c)}
		if flat && !g.oneIn(3) {
			step.Flat = g.amount(c)
		}
		if last > 0 {
			upTo = upTo.Add(g.quantity())
			step.UpTo = maybe(upTo)
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}

// formula draws every step of one half of the time.
func (g *generator) formula(c money.Currency, base pricing.FormulaBase) pricing.Formula {
	out := pricing.Formula{Base: base}
	switch g.IntN(4) {
	case 0:
		out.PercentUp = maybe(g.percent(1_000))
	case 1, 2:
		out.PercentOff = maybe(g.percent(100))
	}
	if g.oneIn(2) {
		out.Round = g.positive(c)
	}
	if g.oneIn(2) {
		if out.Surcharge = g.amount(c); g.oneIn(2) {
			out.Surcharge = out.Surcharge.Neg()
		}
	}
	if g.oneIn(2) {
		out.MinMargin = g.amount(c)
	}
	if g.oneIn(2) {
		out.MaxMargin = g.amount(c)
		if a, err := out.MinMargin.Cmp(out.MaxMargin); err == nil && a > 0 {
			out.MinMargin, out.MaxMargin = out.MaxMargin, out.MinMargin
		}
	}
	return out
}

// rule8 is a rule of the price stage to build a formula on, at most 8 deep, else the cost.
func (g *generator) rule8(c money.Currency) pricing.FormulaBase {
	for range 8 {
		if len(g.set.Rules) == 0 {
			break
		}
		r := pick(g.dice, g.set.Rules...)
		if depth := g.depth[r.ID]; stageOf(r.Kind) == pricing.StagePrice && r.Currency == c && 0 < depth && depth < 8 {
			return pricing.BaseRule(r.ID)
		}
	}
	return pricing.BaseCost
}

// grid draws coarse and fine ones, with the offset of a charm price or any other.
func (g *generator) grid(c money.Currency) pricing.Grid {
	out := pricing.Grid{
		Mode:      pick(g.dice, money.HalfUp, money.HalfEven, money.HalfDown, money.Up, money.Down, money.Ceil, money.Floor),
		Increment: pick(g.dice, money.New(100, c), money.New(5, c), money.New(1_000, c), g.positive(c)),
	}
	switch g.IntN(3) {
	case 0:
		out.Offset = g.smaller(out.Increment)
	case 1:
		if coefficient, _ := out.Increment.Unscaled(); coefficient > 1 && out.Increment.IsSettled() {
			out.Offset = money.New(-1, c)
		}
	}
	return out
}

// condition draws a tree of at most that depth above its leaves.
func (g *generator) condition(depth int) pricing.Condition {
	if depth == 0 || g.oneIn(2) {
		return g.leaf()
	}
	switch g.IntN(5) {
	case 0:
		return pricing.Not{Condition: g.condition(depth - 1)}
	case 1, 2:
		return pricing.Any{g.condition(depth - 1), g.condition(depth - 1)}
	default:
		return pricing.All{g.condition(depth - 1), g.condition(depth - 1)}
	}
}

func (g *generator) leaf() pricing.Leaf {
	switch g.IntN(12) {
	case 0, 1:
		return g.text("customer.id", "acme", "bob")
	case 2:
		return g.text("channel", "web", "pos")
	case 3:
		return g.text("region", "US", "DE", "FR")
	case 4:
		return g.text("attributes.color", "red", "blue")
	case 5:
		return g.text(pick(g.dice, "product", "variant"), "p1", "p2", "v1", "v2")
	case 6:
		return g.text("currency", "USD", "EUR", "JPY")
	case 7, 8:
		return g.list("customer.segments", "gold", "silver", "staff")
	case 9:
		return g.list("categories", g.categories()...)
	case 10:
		return g.number("qty", "1", "2.5", "10")
	default:
		return g.number("numbers.weight", "0.5", "2", "10")
	}
}

func (g *generator) text(field string, from ...string) pricing.Leaf {
	l := pricing.Leaf{Field: field, Op: pick(g.dice, "=", "=", "=", "!=", "in", "not_in", "exists")}
	switch l.Op {
	case "=", "!=":
		l.Values = []string{pick(g.dice, from...)}
	case "in", "not_in":
		l.Values = from[:1+g.IntN(len(from))]
	}
	return l
}

func (g *generator) list(field string, from ...string) pricing.Leaf {
	l := pricing.Leaf{Field: field, Op: pick(g.dice, "any", "any", "any", "all", "none", "exists")}
	if first := g.IntN(len(from)); l.Op != "exists" {
		l.Values = from[first : first+1+g.IntN(len(from)-first)]
	}
	return l
}

func (g *generator) number(field string, ascending ...string) pricing.Leaf {
	l := pricing.Leaf{Field: field, Op: pick(g.dice, "=", "!=", "<", "<=", ">", ">=", "between", "exists")}
	switch l.Op {
	case "between":
		l.Values = []string{ascending[0], pick(g.dice, ascending...)}
	case "exists":
	default:
		l.Values = []string{pick(g.dice, ascending...)}
	}
	return l
}
