package eval

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions/internal/consume"
)

// A Solver finds the legal subset of a stage's candidates that takes most, and leaves the
// state as its members have made it, each in its turn in canonical order. The candidates are
// those that nothing outside the stage refuses; nodes bounds its work.
type Solver func(s *State, candidates []int32, nodes int) Search

// A Search is how a Solver fared.
type Search struct {
	Optimal bool  // the best subset is proven to be that
	Bound   int64 // no legal subset takes more
	Nodes   int
}

// What a Solver asks of a State, beside Mark, Undo and Turn.

// Taken is what has been taken so far.
func (s *State) Taken() int64 { return s.taken }

// Targets are the lines and charges that a candidate can take from. The result is valid until
// the next cart.
func (s *State) Targets(candidate int32) []int32 { return s.m.targetsOf(&s.m.Candidates[candidate]) }

// AllTargets is how many lines and charges there are.
func (s *State) AllTargets() int { return len(s.targets) }

// Consumes reports whether a candidate uses units.
func (s *State) Consumes(candidate int32) bool { return s.m.Candidates[candidate].P.consuming }

// Group is the group of a candidate, or -1.
func (s *State) Group(candidate int32) int32 { return s.m.Candidates[candidate].P.group }

// Free is how many more members of a group may fire.
func (s *State) Free(group int32) int64 { return s.counts[group] }

// Slots is how many more of a candidate's stage may fire, or -1 for any number.
func (s *State) Slots(candidate int32) int {
	most := s.m.set.Stages[s.m.Candidates[candidate].P.Stage].MaxPerOrder
	if most == 0 {
		return -1
	}
	return max(most-s.inStage, 0)
}

// Open reports whether a candidate may still fire in this state or a later one, whatever its
// condition says of them.
func (s *State) Open(candidate int32) bool {
	c := &s.m.Candidates[candidate]
	return c.reason == Fires && c.when && s.affords(c).reason == Fires && s.barred(candidate, c).reason == Fires
}

// Linked reports whether what one candidate takes can matter to another that shares no target
// with it: by a constraint, an account, or the subtotal.
func (s *State) Linked(a, b int32) bool {
	p, q := &s.m.Candidates[a], &s.m.Candidates[b]
	switch {
	case p.P.Stack.Exclusive != NotExclusive || q.P.Stack.Exclusive != NotExclusive,
		s.m.set.Stages[p.P.Stage].MaxPerOrder > 0,
		p.P.group >= 0 && p.P.group == q.P.group,
		!combine(p.P, q.P, q.pos),
		p.P.now && q.P.Lines, q.P.now && p.P.Lines:
		return true
	}
	for i := p.accounts.from; i < p.accounts.to; i++ {
		for j := q.accounts.from; j < q.accounts.to; j++ {
			if s.m.accounts[i].left == s.m.accounts[j].left {
				return true
			}
		}
	}
	return false
}

// Most is the most that a candidate could take in this state or any later one: its effect
// here with its condition taken as true. An effect never takes more from less; for one that
// may, or whose value may rise as its measure falls, it is what bounds it.
func (s *State) Most(candidate int32) int64 {
	if !s.Open(candidate) {
		return 0
	}
	c := &s.m.Candidates[candidate]
	targets, r := s.open(c)
	if r.reason != Fires {
		return 0
	}
	var sum int64
	if d, ok := c.P.Effect.(*Discount); ok {
		sum = s.mostOff(c.P, d, targets)
	} else {
		sum = s.rooms(targets)
	}
	for i := c.accounts.from; i < c.accounts.to; i++ {
		if a := &s.m.accounts[i]; a.money {
			sum = min(sum, s.counts[a.left])
		}
	}
	return sum
}

// rooms is what may be taken from targets.
func (s *State) rooms(targets []int32) int64 {
	var sum int64
	for _, t := range targets {
		sum += s.Room(t)
	}
	return sum
}

// mostOff bounds a discount.
func (s *State) mostOff(p *Promotion, d *Discount, targets []int32) int64 {
	policy := &s.m.set.Policy
	if policy.RoundPrice && policy.Rounding.Increment > 1 {
		return s.rooms(targets) // a price rounded to a step can come down by a whole one
	}
	var v *Value
	if !d.Graduated {
		if v = d.largest(s.measure(p, d, targets)); v == nil {
			return 0
		}
	}
	sum := int64(0)
	switch d.Per {
	case PerUnit:
		sum = s.mostPerUnit(p, d, targets, v)
	case PerOrder:
		sum = s.mostPerOrder(p, targets, v)
	case PerLine:
		for _, t := range targets {
			sum += min(s.m.off(v, s.base(p, t)), s.Room(t))
		}
	}
	if d.Cap != NoCap {
		sum = min(sum, d.Cap)
	}
	return sum
}

// largest is the value that takes most of those whose tier a measure reaches: as it only
// falls, no other will be.
func (d *Discount) largest(measure int64) *Value {
	var best *Value
	for i := range d.tier(measure) + 1 {
		if v := &d.Tiers[i].Value; best == nil || v.above(best) {
			best = v
		}
	}
	return best
}

// above reports whether a value takes more than another of its kind.
func (v *Value) above(other *Value) bool {
	switch v.Kind {
	case AmountOff:
		return v.Minor > other.Minor
	case NewPrice:
		return v.Minor < other.Minor
	default:
		return v.Percent.GreaterThan(other.Percent)
	}
}

func (s *State) mostPerOrder(p *Promotion, targets []int32, v *Value) int64 {
	var base, room int64
	for _, t := range targets {
		base += s.base(p, t)
		room += s.Room(t)
	}
	split := s.m.set.Policy.Allocation
	if s.m.set.Policy.Drop && (split == money.NearestFirst || split == money.LastLine) {
		return room // a share below 0 counts as 0, so that the others sum to more
	}
	return min(s.m.off(v, base), room)
}

// mostPerUnit takes, where units are grouped, those that give most: which the pick says, prices
// may yet change.
func (s *State) mostPerUnit(p *Promotion, d *Discount, targets []int32, v *Value) int64 {
	list := s.m.segments[:0]
	for _, t := range targets {
		list = s.segments(p, d, t, v, list)
	}
	var units, sum int64
	for i := range list {
		g := &list[i]
		units += g.to - g.from
		take := int64(0)
		if g.value != nil {
			take = min(s.m.off(g.value, g.base), max(g.price-s.m.in.Targets[g.target].Floor, 0))
		}
		g.price = take
	}
	if d.Group > 0 {
		units -= units % d.Group
		slices.SortFunc(list, func(a, b segment) int { return cmp.Compare(b.price, a.price) })
	}
	for i := range list {
		n := min(list[i].to-list[i].from, units)
		sum, units = sum+n*list[i].price, units-n
	}
	s.m.segments = list[:0]
	return sum
}

// A Pool is the units that consuming candidates share, in one state.
type Pool struct {
	Joint   consume.Joint
	members []int32 // by offer
	units   []unitClass
	used    []int64 // by class, from the first unit on
}

// Pool describes the units of candidates, each an offer of its Joint in their order.
func (s *State) Pool(members []int32) *Pool {
	p := &Pool{members: members, Joint: consume.Joint{Offers: make([]consume.Offer, len(members))}}
	fits := make([][]uint8, len(members)) // by target
	for i, candidate := range members {
		fits[i] = make([]uint8, len(s.targets))
		targets, _ := s.open(&s.m.Candidates[candidate])
		for _, t := range targets {
			fits[i][t] = s.m.fits(needsOf(s.m.Candidates[candidate].P.Effect), t)
		}
	}
	for t := range s.targets {
		if slices.ContainsFunc(fits, func(list []uint8) bool { return list[t] != 0 }) {
			s.m.classes, s.m.unitsOf = s.m.classes[:0], s.m.unitsOf[:0]
			s.classifyTarget(int32(t), 1)
			p.add(s.m.classes, s.m.unitsOf)
			for i := range p.Joint.Offers {
				for range s.m.classes {
					p.Joint.Offers[i].Fits = append(p.Joint.Offers[i].Fits, fits[i][t])
				}
			}
		}
	}
	for i, candidate := range members {
		s.offer(&p.Joint, &p.Joint.Offers[i], s.m.Candidates[candidate].P.Effect)
	}
	p.Joint.Prepare()
	return p
}

func (p *Pool) add(classes []consume.Class, units []unitClass) {
	p.Joint.Classes = append(p.Joint.Classes, classes...)
	p.units = append(p.units, units...)
	for i := range units {
		p.Joint.Rooms = append(p.Joint.Rooms, units[i].room)
	}
	p.used = make([]int64, len(p.units))
}

func (s *State) offer(j *consume.Joint, o *consume.Offer, e Effect) {
	switch e := e.(type) {
	case *BuyGet:
		o.Needs, o.Max, o.NotDearer = []int64{e.Buy.Quantity, e.Get.Quantity}, e.Max, e.NotDearer
		o.Gains = make([]int64, len(j.Classes))
		for i := range o.Gains {
			o.Gains[i] = min(s.m.off(&e.Value, j.Classes[i].Price), j.Rooms[i])
		}
	case *Bundle:
		o.Max = e.Max
		for i := range e.Parts {
			o.Needs = append(o.Needs, e.Parts[i].Quantity)
		}
		o.Worth = func(price, room int64) int64 { return min(s.m.off(&e.Value, price), room) }
		o.Shape, o.Rounding = s.shape(j, &e.Value)
		if o.Shape == consume.Linear {
			o.Period = s.m.set.Policy.period(e.Value.Percent)
		}
		if s.m.set.Policy.Drop {
			o.Gives = func(units []consume.Priced) int64 { return s.m.gives(&e.Value, units) }
		}
	}
}

// shape says how the value of a bundle grows, and how far rounding can be off. Nothing is
// rounded where the percentage of each price is exact.
func (s *State) shape(j *consume.Joint, v *Value) (consume.Shape, int64) {
	switch v.Kind {
	case NewPrice:
		return consume.Convex, 0
	case Percent:
		hundred := int64(100)
		for i := range j.Classes {
			if price := j.Classes[i].Price; price > Unlimited/hundred || s.m.off(v, price)*hundred != s.m.off(v, price*hundred) {
				return consume.Linear, max(s.m.set.Policy.Rounding.Increment, 1)
			}
		}
		return consume.Linear, 0
	default:
		return consume.AnyShape, 0
	}
}

// period is twice the least amount of which a percentage is exact, as half_even looks at what
// is even; 0 if that is large.
func (p *Policy) period(percent decimal.Decimal) int64 {
	step := decimal.NewFromInt(100 * max(p.Rounding.Increment, 1))
	for _, n := range [...]int64{1, 2, 4, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000} {
		if percent.Mul(decimal.NewFromInt(n)).Mod(step).IsZero() {
			return 2 * n
		}
	}
	return 0
}

// Reset forgets which units have been given out.
func (p *Pool) Reset() { clear(p.used) }

// Assigned is the turn of the candidate of an offer with the units that it is given: parts of
// an answer of the Joint, each offer's together, in order of offers.
func (s *State) Assigned(p *Pool, parts []consume.Part) Reason {
	candidate := p.members[parts[0].Offer]
	c, out := &s.m.Candidates[candidate], &s.m.plan
	out.reset()
	if r := s.eligible(c); r.reason != Fires {
		return r.reason
	}
	if r := s.barred(candidate, c); r.reason != Fires {
		return r.reason
	}
	open, r := s.open(c)
	if r.reason != Fires {
		return r.reason
	}
	s.m.classes = append(s.m.classes[:0], p.Joint.Classes...)
	s.m.unitsOf = append(s.m.unitsOf[:0], p.units...)
	for i := range p.units {
		s.m.unitsOf[i].from += p.used[i]
	}
	for i := range parts {
		for _, takes := range [...][]consume.Take{parts[i].Got, parts[i].Takes} {
			for _, t := range takes {
				p.used[t.Class] += t.Units * parts[i].Times
				if !slices.Contains(open, p.units[t.Class].target) {
					return Conflicts
				}
			}
		}
	}
	s.m.join(c.P.Effect, parts, out)
	if out.total == 0 {
		return NoEffect
	}
	if r := s.limit(c, out.total, out); r.reason != Fires {
		return r.reason
	}
	s.apply(candidate, out)
	return Fires
}
