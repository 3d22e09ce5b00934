package pricingtest

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// maxDigits is how many decimals an Amount can have, stepDigits how many more
// than the minor unit's a step shows.
const (
	maxDigits  = 18
	stepDigits = 4
)

// quote rounds the finished value, once, and shows how it came about.
func (n *naive) quote() (pricing.Quote, error) {
	var unit, line, list *big.Rat
	if n.perLine {
		line = n.guarded(n.value, n.lineRounding())
		unit, list = n.round(n.perUnit(line), n.policy.Rounding), n.round(n.perUnit(n.list), n.policy.Rounding)
	} else {
		unit, list = n.guarded(n.value, n.policy.Rounding), n.round(n.list, n.policy.Rounding)
		line = n.round(mul(unit, n.qty), n.lineRounding())
	}
	advertised := unit
	if n.advertised != nil && n.advertised.Cmp(unit) > 0 {
		up := n.policy.Rounding
		up.Mode = money.Ceil
		advertised = n.round(n.advertised, up)
	}

	q := pricing.Quote{PerLine: n.perLine, FX: n.fx, At: n.at, NextChange: n.nextChange()}
	out := amounts{currency: n.query.Currency}
	out.set(&q.Unit, unit)
	out.set(&q.Line, line)
	out.set(&q.List, list)
	out.set(&q.Advertised, advertised)
	if n.floor != nil {
		// As fine as a unit, or it could exceed the unit that it is a floor of.
		finest := max(stepDigits, int(n.policy.Rounding.Extra))
		out.set(&q.Floor, out.show(n.floor, out.digits(n.floor, finest, money.Ceil), money.Ceil))
	}
	n.tax(&q, line, &out)
	if n.perLine {
		n.showSteps(&q, line, &out)
	} else {
		n.showSteps(&q, unit, &out)
	}
	return q, out.err
}

// guarded rounds the finished value without breaking a guard. Floors come last:
// where the grid has no point between the two, the ceiling yields.
func (n *naive) guarded(v *big.Rat, r money.Rounding) *big.Rat {
	out := n.round(v, r)
	if n.ceiling != nil && out.Cmp(n.scaled(n.ceiling)) > 0 {
		r.Mode = money.Floor
		out = n.round(v, r)
	}
	if n.floor != nil && out.Cmp(n.scaled(n.floor)) < 0 {
		r.Mode = money.Ceil
		out = n.round(v, r)
	}
	return out
}

func (n *naive) perUnit(line *big.Rat) *big.Rat {
	if n.qty.Sign() == 0 {
		return new(big.Rat)
	}
	return new(big.Rat).Quo(line, n.qty)
}

func (n *naive) tax(q *pricing.Quote, line *big.Rat, out *amounts) {
	if !n.query.TaxRate.Valid {
		return
	}
	factor := onePlus(n.query.TaxRate.Decimal.Rat())
	net, gross := line, line
	var tax *big.Rat
	if n.policy.Tax == pricing.TaxInclusive {
		net = n.round(new(big.Rat).Quo(gross, factor), n.lineRounding())
		tax = new(big.Rat).Sub(gross, net)
	} else {
		tax = n.round(new(big.Rat).Sub(mul(net, factor), net), n.lineRounding())
		gross = new(big.Rat).Add(net, tax)
	}
	out.set(&q.Net, net)
	out.set(&q.Tax, tax)
	out.set(&q.Gross, gross)
}

// showSteps fills in the steps, and the last one that leads to the total.
func (n *naive) showSteps(q *pricing.Quote, total *big.Rat, out *amounts) {
	// All values have the digits of the largest, or the difference of two might
	// not fit an Amount.
	largest := slices.MaxFunc(n.steps, func(a, b naiveStep) int { return a.after.Cmp(b.after) }).after
	digits := out.digits(largest, stepDigits, money.HalfEven)
	before, shown := new(big.Rat), money.New(0, n.query.Currency)
	add := func(s pricing.Step, after *big.Rat) {
		s.Before = shown
		out.set(&s.After, after)
		out.set(&s.Delta, new(big.Rat).Sub(after, before))
		q.Steps = append(q.Steps, s)
		before, shown = after, s.After
	}
	for _, s := range n.steps {
		add(pricing.Step{
			Rule: s.rule.ID, Label: cmp.Or(s.rule.Label, s.rule.ID), Kind: s.rule.Kind, Stage: stageOf(s.rule.Kind),
		}, out.show(s.after, digits, money.HalfEven))
	}
	if before.Cmp(total) != 0 {
		add(pricing.Step{Stage: pricing.StageTotal}, total)
	}
}

// lineRounding is by default the mode of Rounding, to the minor unit.
func (n *naive) lineRounding() money.Rounding {
	if n.policy.LineRounding != nil {
		return *n.policy.LineRounding
	}
	return money.Rounding{Mode: n.policy.Rounding.Mode}
}

// roundRunning rounds a running value, or a part of it.
func (n *naive) roundRunning(v *big.Rat) *big.Rat {
	if n.perLine {
		return n.round(v, n.lineRounding())
	}
	return n.round(v, n.policy.Rounding)
}

func (n *naive) round(v *big.Rat, r money.Rounding) *big.Rat {
	step := new(big.Rat).SetInt64(max(r.Increment, 1))
	step.Quo(step, pow10(n.query.Currency.Digits()+int(r.Extra)))
	return roundTo(v, step, r.Mode)
}

// roundTo returns the multiple of step for v.
func roundTo(v, step *big.Rat, mode money.Mode) *big.Rat {
	k := roundInt(new(big.Rat).Quo(v, step), mode)
	return mul(new(big.Rat).SetInt(k), step)
}

// roundInt returns the integer for v.
func roundInt(v *big.Rat, mode money.Mode) *big.Int {
	below, rest := new(big.Int).DivMod(v.Num(), v.Denom(), new(big.Int)) // the denominator is positive: below is the floor
	if rest.Sign() == 0 {
		return below
	}
	above := new(big.Int).Add(below, big.NewInt(1))
	nearZero, farZero := below, above
	if v.Sign() < 0 {
		nearZero, farZero = above, below
	}
	nearest := below
	half := rest.Lsh(rest, 1).Cmp(v.Denom())
	if half > 0 || half == 0 && below.Bit(0) == 1 {
		nearest = above // of two, the even one
	}
	switch {
	case mode == money.Floor:
		return below
	case mode == money.Ceil:
		return above
	case mode == money.Down, mode == money.HalfDown && half == 0:
		return nearZero
	case mode == money.Up, mode == money.HalfUp && half == 0:
		return farZero
	default:
		return nearest
	}
}

// amounts makes Amounts of exact values and keeps the first error.
type amounts struct {
	currency money.Currency
	err      error
}

func (a *amounts) set(dst *money.Amount, v *big.Rat) {
	if a.err != nil {
		return
	}
	digits, finite := v.FloatPrec()
	coefficient := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	coefficient.Quo(coefficient.Mul(coefficient, v.Num()), v.Denom()) // without a rest, if finite
	if finite && digits <= maxDigits && fits(coefficient) {
		*dst, a.err = money.FromUnscaled(coefficient.Int64(), digits, a.currency)
		return
	}
	a.err = fmt.Errorf("pricingtest: naive: %s %s: %w", v.FloatString(maxDigits), a.currency.Code(), money.ErrRange)
}

// digits is how many decimals can be shown of v: extra more than the minor unit,
// as far as an Amount holds them; set refuses what is too large for any.
func (a *amounts) digits(v *big.Rat, extra int, mode money.Mode) int {
	digits := min(a.currency.Digits()+extra, maxDigits)
	for digits > a.currency.Digits() && !fits(roundInt(mul(v, pow10(digits)), mode)) {
		digits--
	}
	return digits
}

func (a *amounts) show(v *big.Rat, digits int, mode money.Mode) *big.Rat {
	return roundTo(v, new(big.Rat).Inv(pow10(digits)), mode)
}

func fits(coefficient *big.Int) bool {
	return coefficient.IsInt64() && coefficient.Int64() != math.MinInt64
}

// marginPrice is the price of which the margin is that part: cost / (1 - m/100).
func marginPrice(cost *big.Rat, m pricing.Margin) *big.Rat {
	return new(big.Rat).Quo(cost, onePlus(new(big.Rat).Neg(m.Percent.Rat())))
}

// onePlus is 1 + percent/100.
func onePlus(percent *big.Rat) *big.Rat {
	out := new(big.Rat).Quo(percent, big.NewRat(100, 1))
	return out.Add(out, big.NewRat(1, 1))
}

func atLeastZero(v *big.Rat) *big.Rat {
	if v.Sign() < 0 {
		return new(big.Rat)
	}
	return v
}

// given tells 0.00 of a currency, which is an amount, from the zero Amount,
// which is none.
func given(a money.Amount) bool { return !a.Currency().IsZero() }

func ratOf(a money.Amount) *big.Rat { return a.Decimal().Rat() }

func mul(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }

func pow10(n int) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil))
}
