package consume

import (
	"cmp"
	"math/bits"
	"slices"
)

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

// inTurns lets each offer be the first in turn, those first that could give most, as long as
// there is work left for it, and keeps what gives most.
func (j *Joint) inTurns(offers []int, work int) (best []Part, used int) {
	each := 0
	for _, o := range offers {
		each += j.turnWork(&j.Offers[o])
	}
	order := slices.Clone(offers)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(j.mosts[b], j.mosts[a]) })
	for i, first := range order {
		if i > 0 && used+each > work {
			break
		}
		used += each
		turn := slices.DeleteFunc(slices.Clone(offers), func(o int) bool { return o == first })
		if own := j.inTurn(slices.Insert(turn, 0, first)); i == 0 || total(own) > total(best) {
			best = own
		}
	}
	return append([]Part{}, best...), used
}

// turnWork is what it takes to give an offer what it wants most.
func (j *Joint) turnWork(o *Offer) int {
	classes := len(j.merged)
	looks := classes * looksPerClass
	if o.Gains != nil && o.NotDearer {
		for i := range j.merged {
			looks += classes * bits.Len64(uint64(j.merged[i].Count)) //nolint:gosec // not negative
		}
	}
	return 1 + looks/looksPerState
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
