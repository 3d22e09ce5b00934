package consume

import "slices"

// An Offer is an effect that takes units beside others.
type Offer struct {
	Needs []int64 // of a buy-x-get-y: what is bought, then what is got
	Fits  []uint8 // by class: the needs that its units fit
	Max   int64   // applications; 0 is any number

	// Gains makes it a buy-x-get-y: by class, what a got unit gives.
	Gains     []int64
	NotDearer bool

	// Worth is what a bundle gives whose units cost so much and have so much room. It never
	// falls with either. Shape says how it grows with the cost, as long as room allows, and
	// Rounding what a Linear one may be off by.
	Worth    func(price, room int64) int64
	Shape    Shape
	Rounding int64
	// Period, of a Linear one, is a cost from which on what rounding adds repeats: no more than
	// some thousands, else 0.
	Period int64

	// Gives is what a bundle of these units gives, where that may be less than its Worth; nil
	// is its Worth.
	Gives func(units []Priced) int64
}

// Priced is units that are alike.
type Priced struct{ Price, Room, Units int64 }

// Shape is how the worth of a bundle grows with what its units cost.
type Shape uint8

// Convex is a price for the bundle: the more of the dear units are together, the better.
// Linear is a percentage. Others may have any shape.
const (
	AnyShape Shape = iota
	Linear
	Convex
)

// A Joint finds how offers share units so that they give most in sum, whatever unit it is
// that fits a need. Of equal sums it prefers what the first offer takes, then what takes the
// first classes.
type Joint struct {
	Classes []Class // Fits is not looked at
	Rooms   []int64 // by class, of one unit
	Offers  []Offer

	merged []merged
	priced []Priced // scratch
	solver Solver
	table  table
}

// merged is classes whose units no offer can tell apart.
type merged struct {
	Class
	room    int64
	members []int32 // in cart order
}

// A Joined is an answer of [Joint.Solve].
type Joined struct {
	Total int64 // what the parts give
	Bound int64 // no assignment gives more
	Exact bool  // Total is the most
	Work  int   // states and applications looked at
	Parts []Part
}

// A Part is Times equal applications of an offer. Of a buy-x-get-y, Got are the units that
// are got and Takes those that are bought; of a bundle, Takes is all units.
type Part struct {
	Offer      int
	Times      int64
	Got, Takes []Take
	gain       int64 // of one application
}

// Prepare is to be called when the exported fields have been set.
func (j *Joint) Prepare() {
	j.merged = j.merged[:0]
	for i := range j.Classes {
		at := slices.IndexFunc(j.merged, func(m merged) bool { return j.alike(int(m.members[0]), i) })
		if at < 0 {
			at = len(j.merged)
			j.merged = append(j.merged, merged{Class: Class{Price: j.Classes[i].Price}, room: j.Rooms[i]})
		}
		m := &j.merged[at]
		m.members = append(m.members, int32(i))
		m.Count += j.Classes[i].Count
	}
}

func (j *Joint) alike(a, b int) bool {
	if j.Classes[a].Price != j.Classes[b].Price || j.Rooms[a] != j.Rooms[b] {
		return false
	}
	for i := range j.Offers {
		o := &j.Offers[i]
		if o.Fits[a] != o.Fits[b] || o.Gains != nil && o.Gains[a] != o.Gains[b] {
			return false
		}
	}
	return true
}

// fits are the needs of an offer that units of a merged class fit.
func (j *Joint) fits(o *Offer, class int) uint8 { return o.Fits[j.merged[class].members[0]] }

// Solve answers for some of the offers, by index ascending. Offers that share no units are
// solved apart. It does at most about so much work; where that is not enough, the answer is
// what the offers get one after the other, and not exact.
func (j *Joint) Solve(offers []int, work int) Joined {
	out := Joined{Exact: true}
	for _, island := range j.islands(offers) {
		part := j.island(island, work-out.Work)
		out.Total += part.Total
		out.Bound += part.Bound
		out.Exact = out.Exact && part.Exact
		out.Work += part.Work
		out.Parts = append(out.Parts, part.Parts...)
	}
	slices.SortStableFunc(out.Parts, func(a, b Part) int { return a.Offer - b.Offer })
	out.Parts = j.spread(out.Parts)
	return out
}

// islands partitions offers into those that share units, directly or through others.
func (j *Joint) islands(offers []int) [][]int {
	var islands [][]int
	for _, o := range offers {
		own := []int{o}
		islands = slices.DeleteFunc(islands, func(other []int) bool {
			if !slices.ContainsFunc(other, func(p int) bool { return j.share(o, p) }) {
				return false
			}
			own = append(own, other...)
			return true
		})
		slices.Sort(own)
		islands = append(islands, own)
	}
	return islands
}

func (j *Joint) share(a, b int) bool {
	for c := range j.Classes {
		if j.Offers[a].Fits[c] != 0 && j.Offers[b].Fits[c] != 0 {
			return true
		}
	}
	return false
}

// island solves offers that share units: a lone one in closed form where that is known to be
// exact, else by search.
func (j *Joint) island(offers []int, work int) Joined {
	var lone []Part
	spent := 0
	if len(offers) == 1 {
		var ok bool
		if lone, spent, ok = j.lone(offers[0], work); ok {
			out := Joined{Exact: true, Work: spent, Parts: lone, Total: total(lone)}
			out.Bound = out.Total
			return out
		}
	}
	parts, used, ok := j.table.solve(j, offers, work-spent)
	used += spent
	if ok {
		out := Joined{Exact: true, Work: used, Parts: parts, Total: total(parts)}
		out.Bound = out.Total
		return out
	}
	out := Joined{Work: used, Parts: j.inTurns(offers)}
	if len(offers) == 1 && total(lone) > total(out.Parts) {
		out.Parts = lone
	}
	out.Total = total(out.Parts)
	for _, o := range offers {
		out.Bound += j.most(o)
	}
	out.Bound = max(min(out.Bound, j.room(offers)), out.Total)
	return out
}

// room is what units that fit an offer can give.
func (j *Joint) room(offers []int) int64 {
	var sum int64
	for i := range j.merged {
		if slices.ContainsFunc(offers, func(o int) bool { return j.fits(&j.Offers[o], i) != 0 }) {
			sum += j.merged[i].room * j.merged[i].Count
		}
	}
	return sum
}

func total(parts []Part) int64 {
	var sum int64
	for i := range parts {
		sum += parts[i].gain * parts[i].Times
	}
	return sum
}

// view is the merged classes as an offer sees them. left are the counts; nil is all.
func (j *Joint) view(o *Offer, left []int64) []Class {
	list := make([]Class, len(j.merged))
	for i := range j.merged {
		list[i] = Class{Price: j.merged[i].Price, Count: j.merged[i].Count, Fits: j.fits(o, i)}
		if left != nil {
			list[i].Count = left[i]
		}
		if o.Gains != nil && !o.NotDearer {
			list[i].Price = o.Gains[j.merged[i].members[0]]
		}
		if list[i].Fits == 0 {
			list[i].Count = 0
		}
	}
	return list
}

// lone solves an offer that nothing contests, where a closed form is exact, or what it is at
// most can be reached with so much work.
func (j *Joint) lone(offer, work int) (parts []Part, used int, ok bool) {
	o := &j.Offers[offer]
	switch {
	case o.Gains != nil && !o.NotDearer:
		return j.loneBuyGet(offer), 0, true
	case o.Gains == nil && len(o.Needs) == 1:
		parts = j.dearestBundles(offer, nil)
		if j.exactBundles(o, parts) {
			return parts, 0, true
		}
		return j.regroup(o, parts, work)
	default:
		return nil, 0, false
	}
}

// loneBuyGet gets the units that give most. What m applications give is concave in m, as the
// optimum of a flow is in what flows; so m is the last that gives more than the one before.
func (j *Joint) loneBuyGet(offer int) []Part {
	o := &j.Offers[offer]
	view := j.view(o, nil)
	q := BuyGet{Buy: o.Needs[0], Get: o.Needs[1], Pick: Dearest, Max: o.Max}
	gain := func(times int64) int64 {
		if times == 0 {
			return 0
		}
		q.Max = times
		_, got, _ := j.solver.BuyGet(view, q)
		var sum int64
		for i, n := range got {
			sum += n * view[i].Price
		}
		return sum
	}
	most, _, _ := j.solver.BuyGet(view, q)
	times := last(0, most, func(n int64) bool { return n == 0 || gain(n) > gain(n-1) })
	if times == 0 {
		return nil
	}
	q.Max = times
	return j.buyGetParts(offer, view, q)
}

// buyGetParts is what an offer gets of a view, as one part.
func (j *Joint) buyGetParts(offer int, view []Class, q BuyGet) []Part {
	times, got, bought := j.solver.BuyGet(view, q)
	if times == 0 {
		return nil
	}
	p := Part{Offer: offer, Times: 1}
	for i := range view {
		if got[i] > 0 {
			p.Got = append(p.Got, Take{int32(i), got[i]})
			p.gain += got[i] * j.Offers[offer].Gains[j.merged[i].members[0]]
		}
		if bought[i] > 0 {
			p.Takes = append(p.Takes, Take{int32(i), bought[i]})
		}
	}
	return []Part{p}
}

// dearestBundles is what a bundle gets of what is left if it takes the dearest units.
func (j *Joint) dearestBundles(offer int, left []int64) []Part {
	o := &j.Offers[offer]
	_, apps := j.solver.Bundle(j.view(o, left), Bundle{Needs: o.Needs, Max: o.Max, Pick: Dearest})
	var parts []Part
	for _, app := range apps {
		j.priced = j.priced[:0]
		for _, t := range app.Takes {
			j.priced = append(j.priced, Priced{j.merged[t.Class].Price, j.merged[t.Class].room, t.Units})
		}
		if gain := o.gives(j.priced); gain > 0 {
			parts = append(parts, Part{Offer: offer, Times: app.Times, Takes: slices.Clone(app.Takes), gain: gain})
		}
	}
	return parts
}

// gives is what a bundle of these units gives.
func (o *Offer) gives(units []Priced) int64 {
	if o.Gives != nil {
		return o.Gives(units)
	}
	var price, room int64
	for _, u := range units {
		price, room = price+u.Price*u.Units, room+u.Room*u.Units
	}
	return o.Worth(price, room)
}

// inTurns lets each offer be the first in turn, and keeps what gives most.
func (j *Joint) inTurns(offers []int) []Part {
	var best []Part
	for i, first := range offers {
		turn := append([]int{first}, offers[:i]...)
		if own := j.inTurn(append(turn, offers[i+1:]...)); i == 0 || total(own) > total(best) {
			best = own
		}
	}
	return best
}

// inTurn gives the offers one after the other what they want most of what is left.
func (j *Joint) inTurn(offers []int) []Part {
	left := make([]int64, len(j.merged))
	for i := range j.merged {
		left[i] = j.merged[i].Count
	}
	var parts []Part
	for _, offer := range offers {
		var own []Part
		if o := &j.Offers[offer]; o.Gains == nil {
			own = j.dearestBundles(offer, left)
		} else {
			q := BuyGet{Buy: o.Needs[0], Get: o.Needs[1], Max: o.Max, Pick: Dearest, NotDearer: o.NotDearer}
			own = j.buyGetParts(offer, j.view(o, left), q)
		}
		for i := range own {
			for _, takes := range [...][]Take{own[i].Got, own[i].Takes} {
				for _, take := range takes {
					left[take.Class] -= take.Units * own[i].Times
				}
			}
		}
		parts = append(parts, own...)
	}
	return parts
}

// spread says for parts of merged classes which classes their units are of, first things
// first. Applications of a bundle that it makes unequal are parts of their own.
func (j *Joint) spread(parts []Part) []Part {
	used := make([]int64, len(j.Classes))
	var out []Part
	for _, p := range parts {
		if j.Offers[p.Offer].Gains != nil {
			own := Part{Offer: p.Offer, Times: 1, gain: p.gain * p.Times}
			own.Got = j.members(p.Got, p.Times, used)
			own.Takes = j.members(p.Takes, p.Times, used)
			out = append(out, own)
			continue
		}
		for p.Times > 0 {
			same := p.Times
			for _, t := range p.Takes {
				same = min(same, j.within(t, used))
			}
			own := Part{Offer: p.Offer, Times: same, gain: p.gain}
			own.Takes = j.members(p.Takes, 1, used)
			for _, t := range own.Takes {
				used[t.Class] += t.Units * (same - 1)
			}
			out = append(out, own)
			p.Times -= same
		}
	}
	return out
}

// within is how many times so many units are of one class, or 1.
func (j *Joint) within(t Take, used []int64) int64 {
	for _, class := range j.merged[t.Class].members {
		if left := j.Classes[class].Count - used[class]; left > 0 {
			return max(left/t.Units, 1)
		}
	}
	return 1
}

// members takes units of merged classes out of their classes.
func (j *Joint) members(takes []Take, times int64, used []int64) []Take {
	var out []Take
	for _, t := range takes {
		left := t.Units * times
		for _, class := range j.merged[t.Class].members {
			if n := min(left, j.Classes[class].Count-used[class]); n > 0 {
				out = append(out, Take{class, n})
				used[class] += n
				left -= n
			}
		}
	}
	slices.SortFunc(out, func(a, b Take) int { return int(a.Class - b.Class) })
	return out
}
