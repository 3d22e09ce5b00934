package consume

import (
	"math"
	"math/bits"
)

// exactBundles reports whether no other choice of units for a bundle of one part gives more
// than the dearest in order: where its worth is convex, or that is all that a bound allows.
func (j *Joint) exactBundles(o *Offer, parts []Part) bool {
	if o.Shape == Convex && o.Gives == nil && j.roomy(o) {
		return true
	}
	sum := total(parts)
	return sum == j.mostBundles(o) || sum == j.mostOfSums(o)
}

// most is what an offer gives at most, were it alone.
func (j *Joint) most(offer int) int64 {
	o := &j.Offers[offer]
	if o.Gains == nil {
		return j.mostBundles(o)
	}
	buyable, gettable, all := supply(j.counted(o))
	if o.Needs[0] > all || o.Needs[1] > all-o.Needs[0] {
		return 0
	}
	times := atMost(min(buyable/o.Needs[0], gettable/o.Needs[1], all/(o.Needs[0]+o.Needs[1])), o.Max)
	return j.top(o, FitsGet, times*o.Needs[1], func(i int) int64 { return o.Gains[j.merged[i].members[0]] })
}

// mostBundles bounds what a bundle gives: each application at most what the dearest units
// give that fit; all together at most the room, and where the worth is linear, that of the
// dearest units, with what rounding could add.
func (j *Joint) mostBundles(o *Offer) int64 {
	times, units := j.times(o)
	if times == 0 {
		return 0
	}
	var onePrice, oneRoom int64
	for i, units := range o.Needs {
		onePrice += j.top(o, 1<<i, units, j.price)
		oneRoom += j.top(o, 1<<i, units, j.roomOf)
	}
	most := min(product(o.Worth(onePrice, oneRoom), times), j.top(o, math.MaxUint8, units, j.roomOf))
	if o.Shape == Linear {
		all := j.top(o, math.MaxUint8, units, j.price)
		most = min(most, sum(o.Worth(all, math.MaxInt64), product(o.Rounding, times+1)))
	}
	return most
}

// mostOfSums is mostBundles with what rounding does add at best, where that is known.
func (j *Joint) mostOfSums(o *Offer) int64 {
	most := j.mostBundles(o)
	if times, units := j.times(o); times > 0 && o.Shape == Linear && o.Period > 0 {
		most = min(most, newRegrouping(o).bound(o, j.top(o, math.MaxUint8, units, j.price), times))
	}
	return most
}

// times is how many applications of a bundle there can be, and the units that they take.
func (j *Joint) times(o *Offer) (times, units int64) {
	needs := hall(o.Needs)
	times = atMost(needs.times(j.counted(o)), o.Max)
	return times, times * needs.units[needs.all()]
}

func (j *Joint) price(class int) int64  { return j.merged[class].Price }
func (j *Joint) roomOf(class int) int64 { return j.merged[class].room }

// counted is the merged classes with the needs that they fit.
func (j *Joint) counted(o *Offer) []Class { return j.view(o, nil) }

// top is the sum over the units that have most, of those that fit some of the needs.
func (j *Joint) top(o *Offer, needs uint8, units int64, of func(int) int64) int64 {
	view := j.counted(o)
	for i := range view {
		view[i].Price = of(i)
		if view[i].Fits&needs == 0 {
			view[i].Count = 0
		}
	}
	var sum int64
	for _, at := range j.solver.sort(view, Dearest) {
		n := min(units, view[at].Count)
		sum, units = sum+n*view[at].Price, units-n
	}
	return sum
}

// product stops at the end of int64. Neither factor is negative.
func product(a, b int64) int64 {
	high, low := bits.Mul64(uint64(a), uint64(b)) //nolint:gosec // not negative
	if high > 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}
