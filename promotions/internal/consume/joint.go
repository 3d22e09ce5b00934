package consume

import (
	"encoding/binary"
	"math"
	"slices"
)

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
	mosts  []int64 // by offer: what it gives at most, were it alone
	known  map[string]*island
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
	j.merged, j.known = j.merged[:0], map[string]*island{}
	places := map[string]int{}
	var key []byte
	for i := range j.Classes {
		key = j.look(key[:0], i)
		at, ok := places[string(key)]
		if !ok {
			at = len(j.merged)
			places[string(key)] = at
			j.merged = append(j.merged, merged{Class: Class{Price: j.Classes[i].Price}, room: j.Rooms[i]})
		}
		m := &j.merged[at]
		m.members = append(m.members, int32(i))
		m.Count += j.Classes[i].Count
	}
	j.mosts = j.mosts[:0]
	for i := range j.Offers {
		j.mosts = append(j.mosts, j.most(i))
	}
}

// look appends all that offers see of a class.
func (j *Joint) look(key []byte, class int) []byte {
	key = binary.AppendVarint(key, j.Classes[class].Price)
	key = binary.AppendVarint(key, j.Rooms[class])
	for i := range j.Offers {
		key = append(key, j.Offers[i].Fits[class])
		if gains := j.Offers[i].Gains; gains != nil {
			key = binary.AppendVarint(key, gains[class])
		}
	}
	return key
}

// fits are the needs of an offer that units of a merged class fit.
func (j *Joint) fits(o *Offer, class int) uint8 { return o.Fits[j.merged[class].members[0]] }

// Solve answers for some of the offers, by index ascending. Offers that share no units are
// solved apart, each set of them once. It does at most about so much work, beside what it
// takes to look at each offer once; where that is not enough, the answer is what the offers
// get one after the other, and only exact if it meets its bound.
func (j *Joint) Solve(offers []int, work int) Joined {
	out := Joined{Exact: true}
	islands, used := j.islands(offers)
	out.Work = used
	for _, offers := range islands {
		i, used := j.island(offers, work-out.Work)
		out.Work += used
		if i.parts == nil {
			i.parts, used = j.inTurns(offers, work-out.Work)
			out.Work += used
			if lone := total(i.lone); lone > total(i.parts) {
				i.parts = i.lone
			}
			i.total = total(i.parts)
			i.bound = max(i.bound, i.total)
			i.exact = i.total == i.bound
		}
		out.Total += i.total
		out.Bound += i.bound
		out.Exact = out.Exact && i.exact
		out.Parts = append(out.Parts, i.parts...)
	}
	slices.SortStableFunc(out.Parts, func(a, b Part) int { return a.Offer - b.Offer })
	out.Parts = j.spread(out.Parts)
	return out
}

// Bound is what no assignment to these offers gives more than, and the work that it was to
// find out.
func (j *Joint) Bound(offers []int, work int) (bound int64, used int) {
	islands, used := j.islands(offers)
	for _, offers := range islands {
		i, more := j.island(offers, work-used)
		used += more
		bound += i.bound
	}
	return bound, used
}

// islands partitions offers into those that share units, directly or through others. Those
// that can give nothing are left out.
func (j *Joint) islands(offers []int) (islands [][]int, work int) {
	root := make([]int, len(offers))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	for class := range j.merged {
		first := -1
		for i, offer := range offers {
			switch {
			case j.fits(&j.Offers[offer], class) == 0 || j.mosts[offer] == 0:
			case first < 0:
				first = find(i)
			default:
				root[find(i)] = first
			}
		}
	}
	place := make([]int, len(offers)) // of a root's island, from 1 on
	for i, offer := range offers {
		if j.mosts[offer] == 0 {
			continue
		}
		at := &place[find(i)]
		if *at == 0 {
			islands = append(islands, nil)
			*at = len(islands)
		}
		islands[*at-1] = append(islands[*at-1], offer)
	}
	return islands, 1 + len(offers)*len(j.merged)/looksPerState
}

// An island is what is known of offers that share units.
type island struct {
	parts        []Part // nil is not known
	lone         []Part // of a lone offer: not known to be the best
	total, bound int64
	exact        bool
}

// island solves offers that share units: a lone one in closed form where that is known to be
// exact, else by search. Where the work is not enough for that, only the bound is known.
func (j *Joint) island(offers []int, work int) (i *island, used int) {
	var key []byte
	for _, o := range offers {
		key = binary.AppendUvarint(key, uint64(o)) //nolint:gosec // an index
	}
	if i, ok := j.known[string(key)]; ok {
		return i, 0
	}
	i = &island{}
	j.known[string(key)] = i
	if len(offers) == 1 {
		i.lone, used, i.exact = j.lone(offers[0], work)
		i.parts = i.lone
	}
	if !i.exact {
		var more int
		i.parts, more, i.exact = j.table.solve(j, offers, work-used)
		used += more
	}
	if i.exact {
		i.parts = append([]Part{}, i.parts...) // known, be it none
		i.total = total(i.parts)
		i.bound = i.total
		return i, used
	}
	i.parts = nil
	for _, o := range offers {
		i.bound = sum(i.bound, j.mosts[o])
	}
	i.bound = min(i.bound, j.room(offers))
	return i, used
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

// sum stops at the end of int64. Neither term is negative.
func sum(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}
