package pricingtest

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// priceStage finds the list price: it sets value, perLine, list and fx.
func (n *naive) priceStage() error {
	candidates := n.candidates(pricing.StagePrice)
	if n.policy.Stale == pricing.StaleNative && len(candidates) > 0 && slices.ContainsFunc(n.top(candidates), n.needsStaleRate) {
		candidates = slices.DeleteFunc(candidates, n.isForeign)
	}
	if len(candidates) == 0 {
		return fmt.Errorf("pricingtest: naive: product %q: %w", n.query.Product, pricing.ErrNoPrice)
	}
	var results []naiveResult
	for _, r := range n.top(candidates) {
		result, err := n.offer(r)
		if err != nil {
			return err
		}
		results = append(results, result)
	}
	chosen, err := n.settle(pricing.StagePrice, results)
	if err != nil {
		return err
	}
	n.perLine = chosen.perLine
	stale := n.fx.Stale || chosen.fx.Stale // a stale cost counts, whichever price won
	n.fx = chosen.fx
	n.fx.Stale = stale
	n.advance(chosen.rule, chosen.value)
	n.list = n.value
	return nil
}

// offer is the price that a rule of the price stage gives.
func (n *naive) offer(r pricing.Rule) (naiveResult, error) {
	out := naiveResult{rule: r}
	var err error
	switch e := r.Effect.(type) {
	case pricing.SetTo:
		out.value = ratOf(e.Amount)
	case pricing.Charge:
		out.value, out.perLine = n.charge(e)
	case pricing.Formula:
		out.value, err = n.formula(r, nil, nil)
	case pricing.Markup:
		if out.value, err = n.cost(n.query.Currency); err == nil {
			out.value.Mul(out.value, onePlus(e.Percent.Rat()))
		}
	case pricing.Margin:
		if out.value, err = n.cost(n.query.Currency); err == nil {
			out.value = marginPrice(out.value, e)
		}
	default:
		err = fmt.Errorf("pricingtest: naive: rule %q: effect %T in the price stage", r.ID, r.Effect)
	}
	if err != nil || !n.isForeign(r) {
		return out, err
	}
	c, err := n.conversion(r.Currency, n.query.Currency)
	if err != nil {
		return out, err
	}
	out.fx = pricing.FXUsed{From: r.Currency, To: n.query.Currency, Rates: c.legs, Stale: c.stale}
	out.value = new(big.Rat).Mul(out.value, c.factor)
	out.value.Mul(out.value, onePlus(n.policy.Spread.Rat()))
	return out, nil
}

// charge prices the whole quantity; perLine is false for a volume step without
// a flat part, which is the price of a unit.
func (n *naive) charge(c pricing.Charge) (value *big.Rat, perLine bool) {
	switch c.Mode {
	case pricing.ChargeVolume:
		i := slices.IndexFunc(c.Steps, func(s pricing.ChargeStep) bool { return !s.UpTo.Valid || n.qty.Cmp(s.UpTo.Decimal.Rat()) <= 0 })
		unit := ratOf(c.Steps[i].Unit)
		if c.Steps[i].Flat.IsZero() {
			return unit, false
		}
		unit.Mul(unit, n.qty)
		return unit.Add(unit, ratOf(c.Steps[i].Flat)), true
	case pricing.ChargeGraduated:
		total, low := new(big.Rat), new(big.Rat)
		for i, s := range c.Steps {
			if i > 0 && n.qty.Cmp(low) <= 0 {
				break
			}
			high := n.qty
			if s.UpTo.Valid && n.qty.Cmp(s.UpTo.Decimal.Rat()) > 0 {
				high = s.UpTo.Decimal.Rat()
			}
			share := new(big.Rat).Sub(high, low)
			total.Add(total, share.Mul(share, ratOf(s.Unit)))
			total.Add(total, ratOf(s.Flat))
			low = high
		}
		return total, true
	default: // package
		beyond := new(big.Rat).Sub(n.qty, c.Free.Rat())
		if beyond.Sign() < 0 {
			beyond.SetInt64(0)
		}
		packages := roundInt(beyond.Quo(beyond, c.Size.Rat()), money.Ceil)
		return new(big.Rat).Mul(new(big.Rat).SetInt(packages), ratOf(c.Unit)), true
	}
}

// adjustStage applies tier, volume, sale or surcharge rules to the value.
func (n *naive) adjustStage(stage pricing.Stage) error {
	candidates := n.candidates(stage)
	combine := n.combine(stage)
	if exclusive := slices.DeleteFunc(slices.Clone(candidates), func(r pricing.Rule) bool { return !r.Exclusive }); len(exclusive) > 0 {
		candidates = exclusive
		if combine == pricing.CombineChain {
			candidates = n.top(candidates)[:1]
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	slices.SortStableFunc(candidates, n.compareRank) // equal ranks stay by id
	switch combine {
	case pricing.CombineChain:
		for _, r := range candidates {
			result, err := n.try(r)
			if err != nil {
				return err
			}
			n.advance(r, result.value)
		}
		return nil
	case pricing.CombineBest:
		results, err := n.tryAll(candidates)
		if err != nil {
			return err
		}
		// MinFunc takes the first of equals: the better rank, then the smaller id.
		best := slices.MinFunc(results, func(a, b naiveResult) int { return a.value.Cmp(b.value) })
		n.advance(best.rule, best.value)
		return nil
	default:
		results, err := n.tryAll(n.top(candidates))
		if err != nil {
			return err
		}
		chosen, err := n.settle(stage, results)
		if err != nil {
			return err
		}
		n.advance(chosen.rule, chosen.value)
		return nil
	}
}

func (n *naive) tryAll(rules []pricing.Rule) ([]naiveResult, error) {
	var out []naiveResult
	for _, r := range rules {
		result, err := n.try(r)
		if err != nil {
			return nil, err
		}
		out = append(out, result)
	}
	return out, nil
}

// try is the value after one rule of tier to surcharge. Below zero is zero.
func (n *naive) try(r pricing.Rule) (naiveResult, error) {
	after := new(big.Rat)
	switch e := r.Effect.(type) {
	case pricing.SetTo:
		after.Set(n.scaled(ratOf(e.Amount)))
	case pricing.AmountOff:
		after.Sub(n.value, n.scaled(ratOf(e.Amount)))
	case pricing.AmountUp:
		after.Add(n.value, n.scaled(ratOf(e.Amount)))
	case pricing.PercentOff:
		after.Mul(n.value, onePlus(new(big.Rat).Neg(e.Percent.Rat())))
	case pricing.PercentUp:
		after.Mul(n.value, onePlus(e.Percent.Rat()))
	case pricing.Formula:
		unit, err := n.adjustFormula(r)
		if err != nil {
			return naiveResult{}, err
		}
		after.Set(unit)
	default:
		return naiveResult{}, fmt.Errorf("pricingtest: naive: rule %q: effect %T in an adjustment", r.ID, r.Effect)
	}
	// What raises the price takes nothing off, and a surcharge never does.
	if discount := new(big.Rat).Sub(n.value, after); n.policy.RoundAt == pricing.RoundAtDiscount && discount.Sign() > 0 {
		after.Sub(n.value, n.roundRunning(discount))
	}
	return naiveResult{rule: r, value: atLeastZero(after), perLine: n.perLine}, nil
}

// adjustFormula works on the price of a unit; of a line of nothing there is none.
func (n *naive) adjustFormula(r pricing.Rule) (*big.Rat, error) {
	if n.perLine && n.qty.Sign() == 0 {
		return n.value, nil
	}
	list, current := n.list, n.value
	if n.perLine {
		list, current = new(big.Rat).Quo(list, n.qty), new(big.Rat).Quo(current, n.qty)
	}
	unit, err := n.formula(r, list, current)
	if err != nil {
		return nil, err
	}
	return n.scaled(unit), nil
}

// formula is the result of a rule's formula, in the rule's currency. List and
// current are nil in the price stage, where no formula may ask for them.
func (n *naive) formula(r pricing.Rule, list, current *big.Rat) (*big.Rat, error) {
	f, ok := r.Effect.(pricing.Formula)
	if !ok {
		return nil, fmt.Errorf("pricingtest: naive: rule %q: effect %T is no formula", r.ID, r.Effect)
	}
	base, err := n.formulaBase(r, f.Base, list, current)
	if err != nil {
		return nil, err
	}
	v := new(big.Rat).Set(base)
	if f.PercentOff.Valid {
		v.Mul(v, onePlus(new(big.Rat).Neg(f.PercentOff.Decimal.Rat())))
	}
	if f.PercentUp.Valid {
		v.Mul(v, onePlus(f.PercentUp.Decimal.Rat()))
	}
	if given(f.Round) {
		v = roundTo(v, ratOf(f.Round), money.HalfUp)
	}
	v.Add(v, ratOf(f.Surcharge))
	if least := new(big.Rat).Add(base, ratOf(f.MinMargin)); given(f.MinMargin) && v.Cmp(least) < 0 {
		v = least
	}
	if most := new(big.Rat).Add(base, ratOf(f.MaxMargin)); given(f.MaxMargin) && v.Cmp(most) > 0 {
		v = most
	}
	return atLeastZero(v), nil
}

func (n *naive) formulaBase(r pricing.Rule, base pricing.FormulaBase, list, current *big.Rat) (*big.Rat, error) {
	switch base {
	case pricing.BaseList:
		return list, nil
	case pricing.BaseCurrent:
		return current, nil
	case pricing.BaseCost:
		return n.cost(r.Currency)
	}
	id, _ := strings.CutPrefix(string(base), string(pricing.BaseRule("")))
	i := slices.IndexFunc(n.rules, func(other pricing.Rule) bool { return other.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("pricingtest: naive: rule %q: base %q is no rule", r.ID, base)
	}
	if set, ok := n.rules[i].Effect.(pricing.SetTo); ok {
		return ratOf(set.Amount), nil
	}
	return n.formula(n.rules[i], list, current)
}

// guardStage lets the lowest ceiling act, then the highest floor: where the two
// contradict each other, the value is the floor's.
func (n *naive) guardStage() error {
	var lowest, highest pricing.Rule
	for _, r := range n.candidates(pricing.StageGuard) {
		bound, err := n.bound(r)
		if err != nil {
			return err
		}
		// Candidates come by id, and only a stronger bound takes over: among
		// equals the smallest id is named.
		switch {
		case r.Kind == pricing.KindCeiling && (n.ceiling == nil || bound.Cmp(n.ceiling) < 0):
			n.ceiling, lowest = bound, r
		case r.Kind == pricing.KindMAP && (n.advertised == nil || bound.Cmp(n.advertised) > 0):
			n.advertised = bound
		case (r.Kind == pricing.KindFloor || r.Kind == pricing.KindMinMargin) && (n.floor == nil || bound.Cmp(n.floor) > 0):
			n.floor, highest = bound, r
		}
	}
	if n.ceiling != nil && n.value.Cmp(n.scaled(n.ceiling)) > 0 {
		n.advance(lowest, n.scaled(n.ceiling))
	}
	if n.floor != nil && n.value.Cmp(n.scaled(n.floor)) < 0 {
		n.advance(highest, n.scaled(n.floor))
	}
	return nil
}

// bound is what a guard asks of one unit, in the query's currency.
func (n *naive) bound(r pricing.Rule) (*big.Rat, error) {
	switch e := r.Effect.(type) {
	case pricing.Margin:
		cost, err := n.cost(n.query.Currency)
		if err != nil {
			return nil, err
		}
		return marginPrice(cost, e), nil
	case pricing.SetTo:
		c, err := n.conversion(r.Currency, n.query.Currency)
		if err != nil {
			return nil, err
		}
		n.fx.Stale = n.fx.Stale || c.stale
		return new(big.Rat).Mul(ratOf(e.Amount), c.factor), nil
	default:
		return nil, fmt.Errorf("pricingtest: naive: rule %q: effect %T in a guard", r.ID, r.Effect)
	}
}

// roundStage puts the value on the grid of the round rule of the highest rank.
func (n *naive) roundStage() error {
	candidates := n.candidates(pricing.StageRound)
	if len(candidates) == 0 {
		return nil
	}
	var results []naiveResult
	for _, r := range n.top(candidates) {
		g, ok := r.Effect.(pricing.Grid)
		if !ok {
			return fmt.Errorf("pricingtest: naive: rule %q: effect %T in the round stage", r.ID, r.Effect)
		}
		results = append(results, naiveResult{rule: r, value: n.onGrid(g), perLine: n.perLine})
	}
	chosen, err := n.settle(pricing.StageRound, results)
	if err != nil {
		return err
	}
	if chosen.value.Cmp(n.value) != 0 {
		n.advance(chosen.rule, chosen.value)
	}
	return nil
}

// onGrid is the grid point for the value, or the value where guards leave none.
func (n *naive) onGrid(g pricing.Grid) *big.Rat {
	if n.value.Sign() == 0 {
		return n.value
	}
	increment, offset := ratOf(g.Increment), ratOf(g.Offset)
	low := new(big.Rat)
	if n.floor != nil {
		low = n.scaled(n.floor)
	}
	point := new(big.Rat).Add(roundTo(n.value, increment, g.Mode), offset)
	switch {
	case point.Cmp(low) < 0:
		point.Add(roundTo(new(big.Rat).Sub(low, offset), increment, money.Ceil), offset)
	case n.ceiling != nil && point.Cmp(n.scaled(n.ceiling)) > 0:
		point.Add(roundTo(new(big.Rat).Sub(n.scaled(n.ceiling), offset), increment, money.Floor), offset)
	}
	if point.Cmp(low) < 0 || n.ceiling != nil && point.Cmp(n.scaled(n.ceiling)) > 0 {
		return n.value
	}
	return point
}

// advance makes v the running value. Round_at each rounds it after the rules of
// price to surcharge, not after guards and grids.
func (n *naive) advance(r pricing.Rule, v *big.Rat) {
	stage := stageOf(r.Kind)
	if n.policy.RoundAt == pricing.RoundAtEach && stage != pricing.StageGuard && stage != pricing.StageRound {
		v = n.roundRunning(v)
	}
	n.steps = append(n.steps, naiveStep{rule: r, before: n.value, after: v})
	n.value = v
}

// scaled is an amount per unit as the running value counts it.
func (n *naive) scaled(unit *big.Rat) *big.Rat {
	if n.perLine {
		return new(big.Rat).Mul(unit, n.qty)
	}
	return unit
}
