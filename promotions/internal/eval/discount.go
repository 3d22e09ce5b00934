package eval

import (
	"cmp"
	"slices"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
)

// off is what a value takes from a base, before any floor: at least 0.
func (m *Machine) off(v *Value, base int64) int64 {
	switch {
	case v.Kind == AmountOff:
		return v.Minor
	case v.Kind == NewPrice:
		return max(base-v.Minor, 0)
	case m.set.Policy.RoundPrice:
		return max(base-m.percent(v.keep, base), 0)
	default:
		return m.percent(v.Percent, base)
	}
}

// percent rounds p % of a base. An increment could round one near the end of int64 past it;
// what is then taken is the room anyway.
func (m *Machine) percent(p decimal.Decimal, base int64) int64 {
	a, err := money.New(base, m.in.Currency).Percent(p, m.set.Policy.Rounding)
	if err != nil {
		return base
	}
	minor, _ := a.Minor()
	return minor
}

// base is what an effect starts from on a target.
func (s *State) base(p *Promotion, target int32) int64 {
	if p.Original {
		return s.m.in.Targets[target].Total
	}
	return s.targets[target].total
}

// discount plans a discount on targets, before its cap.
func (s *State) discount(p *Promotion, d *Discount, targets []int32, out *plan) {
	if d.Per == PerUnit {
		s.perUnit(p, d, targets, out)
	} else if v := d.value(s.measure(p, d, targets)); v == nil {
		return
	} else if d.Per == PerOrder {
		s.perOrder(p, v, targets, out)
	} else {
		for _, t := range targets {
			out.add(t, min(s.m.off(v, s.base(p, t)), s.Room(t)))
		}
	}
}

// measure is what tiers ask about all targets.
func (s *State) measure(p *Promotion, d *Discount, targets []int32) int64 {
	if len(d.Tiers) == 1 && d.Tiers[0].From <= 0 {
		return 0
	}
	var sum int64
	for _, t := range targets {
		if d.ByQuantity {
			sum += s.m.in.Targets[t].Quantity
		} else {
			sum += s.base(p, t)
		}
	}
	return sum
}

// value is that of the last tier at or below a measure; nil below the first.
func (d *Discount) value(measure int64) *Value {
	i := d.tier(measure)
	if i < 0 {
		return nil
	}
	return &d.Tiers[i].Value
}

func (d *Discount) tier(measure int64) int {
	i, found := slices.BinarySearchFunc(d.Tiers, measure, func(t Tier, m int64) int { return cmp.Compare(t.From, m) })
	if found {
		return i
	}
	return i - 1
}

// perOrder takes one amount from all targets together and splits it by their bases.
func (s *State) perOrder(p *Promotion, v *Value, targets []int32, out *plan) {
	x := &s.m.split
	x.reset()
	var sum int64
	for _, t := range targets {
		base := s.base(p, t)
		sum += base
		x.line(base, s.Room(t))
	}
	s.m.share(s.m.off(v, sum))
	for i, t := range targets {
		out.add(t, x.shares[i])
	}
}

// share splits an amount over the splitter's lines as the policy says.
func (m *Machine) share(amount int64) {
	if m.set.Policy.Drop {
		m.split.dropped(amount, m.set.Policy.Allocation)
	} else {
		m.split.capped(amount, m.set.Policy.Allocation)
	}
}

// A segment is units of a run that cost the same and have the same value.
type segment struct {
	target, run int32
	from, to    int64
	price, base int64 // of one unit
	value       *Value
}

// perUnit takes from single units. Its cost is that of the runs, not of the units.
func (s *State) perUnit(p *Promotion, d *Discount, targets []int32, out *plan) {
	var all *Value
	if !d.Graduated {
		if all = d.value(s.measure(p, d, targets)); all == nil {
			return
		}
	}
	list := s.m.segments[:0]
	for _, t := range targets {
		list = s.segments(p, d, t, all, list)
	}
	if d.Group > 0 {
		list = s.grouped(d, list)
	}
	for i := range list {
		g := &list[i]
		if g.value == nil {
			continue
		}
		room := max(g.price-s.m.in.Targets[g.target].Floor, 0)
		take := min(s.m.off(g.value, g.base), room) * (g.to - g.from)
		c := piece{run: g.run, from: g.from, to: g.to, take: take}
		if i > 0 && list[i-1].value == g.value {
			out.extend(g.target, c)
		} else {
			out.addPiece(g.target, c)
		}
	}
	s.m.segments = list[:0]
}

// segments cuts a target's runs where the price, the original price or the tier of a unit
// changes, up to MaxUnits.
func (s *State) segments(p *Promotion, d *Discount, target int32, all *Value, list []segment) []segment {
	t := &s.m.in.Targets[target]
	end := t.Quantity
	if d.MaxUnits > 0 {
		end = min(end, d.MaxUnits)
	}
	dear := t.Total % t.Quantity // so many units cost one more originally
	for at := s.targets[target].runs; at >= 0 && s.runs[at].from < end; at = s.runs[at].next {
		r := &s.runs[at]
		price, dearer := r.total/r.units(), r.from+r.total%r.units()
		for from := r.from; from < min(r.to, end); {
			g := segment{target: target, run: at, from: from, to: min(r.to, end), price: price, value: all}
			if from < dearer {
				g.price, g.to = price+1, min(g.to, dearer)
			}
			g.base = g.price
			if p.Original {
				g.base = t.Total / t.Quantity
				if from < dear {
					g.base, g.to = g.base+1, min(g.to, dear)
				}
			}
			if d.Graduated {
				g.graduate(d)
			}
			list = append(list, g)
			from = g.to
		}
	}
	return list
}

// graduate gives the segment the tier of its first unit, and ends it where the next begins.
func (g *segment) graduate(d *Discount) {
	i := d.tier(g.from + 1)
	if i >= 0 {
		g.value = &d.Tiers[i].Value
	}
	if i+1 < len(d.Tiers) {
		g.to = min(g.to, d.Tiers[i+1].From-1)
	}
}

// grouped keeps the units of full groups, in order of units again.
func (s *State) grouped(d *Discount, list []segment) []segment {
	var units int64
	for i := range list {
		units += list[i].to - list[i].from
	}
	units -= units % d.Group
	slices.SortStableFunc(list, func(a, b segment) int {
		switch d.Pick {
		case Dearest:
			return cmp.Compare(b.price, a.price)
		case LargestLine:
			return cmp.Compare(s.m.in.Targets[b.target].Quantity, s.m.in.Targets[a.target].Quantity)
		default:
			return cmp.Compare(a.price, b.price)
		}
	})
	n := 0
	for n < len(list) && units > 0 {
		g := &list[n]
		g.to = min(g.to, g.from+units)
		units -= g.to - g.from
		n++
	}
	list = list[:n]
	slices.SortFunc(list, func(a, b segment) int {
		return cmp.Or(cmp.Compare(a.target, b.target), cmp.Compare(a.from, b.from))
	})
	return list
}
