package naive

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// plan is what an effect would do, a part a target that it acts on.
type plan []part

// part is the runs of a target as an effect would cut them.
type part struct {
	target int
	cuts   []cutRun
	times  int64 // applications, of the effect as a whole
}

// cutRun is a run, or a part of one, before something is taken from it.
type cutRun struct {
	run
	index int // of the run that it is a part of
	take  int64
	uses  bool
	owner int // which of several promotions, where they act together
}

func (p plan) total() int64 {
	sum := int64(0)
	for _, part := range p {
		sum += part.total()
	}
	return sum
}

func (p part) total() int64 {
	sum := int64(0)
	for _, c := range p.cuts {
		sum += c.take
	}
	return sum
}

// apply does what a plan says. A run of which nothing is taken or used stays whole.
func (s *state) apply(plan plan) {
	for _, part := range plan {
		t := &s.targets[part.target]
		var runs []run
		for i, whole := range t.runs {
			touched := slices.ContainsFunc(part.cuts, func(c cutRun) bool { return c.index == i && (c.take > 0 || c.uses) })
			if !touched {
				runs = append(runs, whole)
				continue
			}
			for _, c := range part.cuts {
				if c.index == i {
					c.after -= c.take
					c.used = c.used || c.uses
					runs = append(runs, c.run)
				}
			}
		}
		t.runs = runs
	}
}

// fire applies an answer that has no reason.
func (s *state) fire(p *promotions.Promotion, a answer) {
	s.apply(a.plan)
	s.fired = append(s.fired, firedBy(p, a))
}

func firedBy(p *promotions.Promotion, a answer) fired {
	f := fired{p: p, code: a.code, amount: a.plan.total(), times: 1}
	for _, part := range a.plan {
		if part.times > 0 {
			f.times = part.times
		}
		for _, c := range part.cuts {
			if c.take > 0 {
				f.pieces = append(f.pieces, piece{target: part.target, from: c.from, to: c.to, amount: c.take})
			}
		}
	}
	return f
}

// effect is what a promotion does to targets, before caps and budgets.
func (e *evaluation) effect(s *state, p *promotions.Promotion, targets []int) plan {
	switch effect := p.Effect.(type) {
	case *promotions.Discount:
		return e.discount(s, p, effect, targets)
	case *promotions.BuyGet:
		return e.buyGet(s, p, effect, targets)
	case *promotions.Bundle:
		return e.bundle(s, p, effect, targets)
	case *promotions.FreeGift:
		return e.gift(s, p, effect, targets)
	default:
		return nil
	}
}

// rate is a percentage, an amount off or a new price, in minor units.
type rate struct {
	kind    promotions.DiscountKind
	percent *big.Rat
	minor   int64
}

func (e *evaluation) rateOf(kind promotions.DiscountKind, v decimal.Decimal, c money.Currency) rate {
	if kind == promotions.Percent {
		return rate{kind: kind, percent: v.Rat()}
	}
	return rate{kind: kind, minor: e.minorOf(v, c)}
}

// minorOf is a decimal of major units in minor ones.
func (e *evaluation) minorOf(d decimal.Decimal, c money.Currency) int64 {
	return minor(must(money.FromDecimal(d, c)))
}

// off is what a rate takes of a base.
func (e *evaluation) off(r rate, base int64) int64 {
	if r.kind == promotions.AmountOff {
		return r.minor
	}
	if r.kind == promotions.NewPrice {
		return max(0, base-r.minor)
	}
	if e.set.Policy.Round == promotions.RoundPrice {
		return max(0, base-e.percentOf(new(big.Rat).Sub(big.NewRat(100, 1), r.percent), base))
	}
	return e.percentOf(r.percent, base)
}

// percentOf rounds once.
func (e *evaluation) percentOf(percent *big.Rat, of int64) int64 {
	r := new(big.Rat).Mul(percent, e.major(of))
	r.Quo(r, big.NewRat(100, 1))
	return minor(must(money.RoundRat(r, e.cart.Currency, e.set.Policy.Rounding)))
}

// unitPrice is what unit k of a run of n costs that costs so much: the first units cost
// one minor unit more where the total does not divide.
func unitPrice(total, n, k int64) int64 {
	if k < total%n {
		return total/n + 1
	}
	return total / n
}

// baseOf is what an effect starts from.
func baseOf(p *promotions.Promotion, t *target) int64 {
	if p.Base == promotions.Original {
		return t.total
	}
	return t.now()
}

func (e *evaluation) discount(s *state, p *promotions.Promotion, d *promotions.Discount, targets []int) plan {
	measure, units := int64(0), int64(0)
	for _, i := range targets {
		measure += baseOf(p, &s.targets[i])
		units += s.targets[i].qty
	}
	if d.TierBy == promotions.TierByQuantity {
		measure = units
	}
	r, ok := e.tier(p, d, measure)
	if !ok && !d.Graduated || len(targets) == 0 {
		return nil
	}
	switch {
	case d.Per == promotions.PerOrder:
		return e.perOrder(s, p, r, targets)
	case d.Per == promotions.PerLine:
		var out plan
		for _, i := range targets {
			t := &s.targets[i]
			out = append(out, e.spread(t, i, min(e.off(r, baseOf(p, t)), t.room())))
		}
		return out
	case d.Group > 0:
		return e.perGroup(s, p, d, r, targets)
	default:
		var out plan
		for _, i := range targets {
			out = append(out, e.perUnit(s, p, d, r, i))
		}
		return out
	}
}

// tier is the rate that holds for a measure.
func (e *evaluation) tier(p *promotions.Promotion, d *promotions.Discount, measure int64) (r rate, ok bool) {
	if d.Value.Valid {
		return e.rateOf(d.Kind, d.Value.Decimal, p.Currency), true
	}
	for _, t := range d.Tiers {
		var from int64
		if d.TierBy == promotions.TierByQuantity {
			from = t.From.IntPart()
		} else {
			from = e.minorOf(t.From, p.Currency)
		}
		if from <= measure {
			r, ok = e.rateOf(d.Kind, t.Value, p.Currency), true
		}
	}
	return r, ok
}

// spread takes a share of a target from its runs, under their rooms.
func (e *evaluation) spread(t *target, index int, share int64) part {
	weights, rooms := make([]int64, len(t.runs)), make([]int64, len(t.runs))
	out := part{target: index}
	for i, r := range t.runs {
		weights[i], rooms[i] = r.after, t.roomOf(r)
		out.cuts = append(out.cuts, cutRun{run: r, index: i})
	}
	for i, take := range e.allocate(share, weights, rooms, money.LargestRemainder) {
		out.cuts[i].take = take
	}
	return out
}

func (e *evaluation) perOrder(s *state, p *promotions.Promotion, r rate, targets []int) plan {
	weights, rooms := make([]int64, len(targets)), make([]int64, len(targets))
	sum := int64(0)
	for k, i := range targets {
		t := &s.targets[i]
		weights[k], rooms[k] = baseOf(p, t), t.room()
		sum += weights[k]
	}
	var out plan
	for k, share := range e.share(e.off(r, sum), weights, rooms) {
		out = append(out, e.spread(&s.targets[targets[k]], targets[k], share))
	}
	return out
}

// share splits a total over weights and under rooms as the policy says.
func (e *evaluation) share(total int64, weights, rooms []int64) []int64 {
	if e.set.Policy.Refused == promotions.Redistribute {
		return e.allocate(total, weights, rooms, e.set.Policy.Allocation)
	}
	shares := minors(must(money.Allocate(money.New(total, e.cart.Currency), weights, e.set.Policy.Allocation)))
	left := total
	for i := range shares {
		shares[i] = min(max(shares[i], 0), rooms[i], left)
		left -= shares[i]
	}
	return shares
}

// perUnit looks at every unit of a line, and cuts its runs where units begin or end
// to be meant, or get another tier.
//
//nolint:gocognit // the rules one after the other, as they are written down
func (e *evaluation) perUnit(s *state, p *promotions.Promotion, d *promotions.Discount, r rate, index int) part {
	t := &s.targets[index]
	out := part{target: index}
	for i, whole := range t.runs {
		last := ""
		for k := range whole.to - whole.from {
			at := whole.from + k
			mark, take := "", int64(0)
			unit := e.unitOf(whole, k)
			if d.MaxUnits == 0 || at < d.MaxUnits {
				mark = "meant"
				if !d.Graduated {
					take = e.unitTake(t, p, r, unit)
				}
			}
			if d.Graduated && mark != "" {
				own, ok := e.tier(p, d, at+1)
				mark, take = "tier", 0
				if ok {
					mark, take = own.percentText()+" tier", e.unitTake(t, p, own, unit)
				}
			}
			if k == 0 || mark != last {
				out.cuts = append(out.cuts, cutRun{index: i, run: run{from: at, to: at, used: whole.used}})
				last = mark
			}
			c := &out.cuts[len(out.cuts)-1]
			c.to, c.before, c.after, c.take = at+1, c.before+unit.before, c.after+unit.after, c.take+take
		}
	}
	return out
}

// unitOf is the unit k of a run.
func (e *evaluation) unitOf(r run, k int64) run {
	n := r.to - r.from
	return run{before: unitPrice(r.before, n, k), after: unitPrice(r.after, n, k)}
}

func (e *evaluation) unitTake(t *target, p *promotions.Promotion, r rate, unit run) int64 {
	base := unit.after
	if p.Base == promotions.Original {
		base = unit.before
	}
	return min(e.off(r, base), max(0, unit.after-t.floor))
}

// percentText tells rates apart.
func (r rate) percentText() string {
	if r.percent != nil {
		return r.percent.String()
	}
	return big.NewInt(r.minor).String()
}

// perGroup takes full groups of units, chosen over all targets.
func (e *evaluation) perGroup(s *state, p *promotions.Promotion, d *promotions.Discount, r rate, targets []int) plan {
	units := e.unitsOf(s, targets)
	switch d.Pick {
	case promotions.Cheapest:
		slices.SortStableFunc(units, func(a, b *single) int { return cmp.Compare(a.price, b.price) })
	case promotions.Dearest:
		slices.SortStableFunc(units, func(a, b *single) int { return cmp.Compare(b.price, a.price) })
	case promotions.LargestLine:
		slices.SortStableFunc(units, func(a, b *single) int { return cmp.Compare(s.targets[b.target].qty, s.targets[a.target].qty) })
	}
	for _, u := range units[:int64(len(units))/d.Group*d.Group] {
		u.mark = "meant"
		u.take = e.unitTake(&s.targets[u.target], p, r, run{before: u.before, after: u.price})
	}
	return planOf(s, targets, units)
}
