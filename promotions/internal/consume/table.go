package consume

import (
	"cmp"
	"math/bits"
	"slices"
)

// A table is the dynamic programme over the units left of each class: the first class with
// units left is left as it is, or covered by an application that contains it.
type table struct {
	joint  *Joint
	offers []int
	apps   [][]app // by first class
	left   []int64
	size   []int64 // what left was at first
	times  []int64 // left of each offer with a Max
	limits []int   // in offers
	memo   map[state]choice
	work   int
	spent  bool

	// Of what is under way: units by class of an application, and those of them that are got.
	units, got []int64
	known      map[string]int
	key        []byte
}

// An app is one application of an offer, a multiset of classes.
type app struct {
	offer      int // in table.offers
	got, takes []Take
	all        []Take // both together
	gain       int64
}

// A state is what is left, from a class on, in mixed radix.
type state [2]uint64

// A choice is what a state gives and the application to begin with, or -1 for leaving the
// first class as it is.
type choice struct {
	total int64
	app   int32
}

// solve returns the best parts, and whether that took no more than so much work.
func (t *table) solve(j *Joint, offers []int, work int) (parts []Part, used int, ok bool) {
	*t = table{
		joint: j, offers: offers, apps: make([][]app, len(j.merged)), left: make([]int64, len(j.merged)), memo: map[state]choice{},
		work: work, units: make([]int64, len(j.merged)), got: make([]int64, len(j.merged)), known: map[string]int{},
	}
	for i := range j.merged {
		t.left[i] = j.merged[i].Count
	}
	for i, offer := range offers {
		if o := &j.Offers[offer]; o.Max > 0 {
			t.limits, t.times = append(t.limits, i), append(t.times, o.Max)
		}
	}
	t.trim()
	if !t.representable() {
		return nil, 1, false
	}
	for i := range offers {
		t.list(i)
	}
	for _, list := range t.apps {
		slices.SortStableFunc(list, func(a, b app) int { return cmp.Or(a.offer-b.offer, earlier(a.all, b.all)) })
	}
	t.best(0)
	if t.spent {
		return nil, work, false
	}
	return t.walk(), work - t.work, true
}

// earlier orders applications by who takes more of the first class in which they differ.
func earlier(a, b []Take) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Or(cmp.Compare(a[i].Class, b[i].Class), cmp.Compare(b[i].Units, a[i].Units)); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(b), len(a))
}

// spend counts work, and is false when there is none left.
func (t *table) spend(work int) bool {
	t.work -= work
	t.spent = t.spent || t.work < 0
	return !t.spent
}

// list adds the applications of an offer, those of the same units once.
func (t *table) list(offer int) {
	clear(t.known)
	o := &t.joint.Offers[t.offers[offer]]
	if o.Gains != nil {
		t.fill(o, FitsGet, 0, o.Needs[1], func() {
			copy(t.got, t.units)
			t.fill(o, FitsBuy, 0, o.Needs[0], func() { t.addBuyGet(offer, o) })
		})
		return
	}
	var sum int64
	for _, n := range o.Needs {
		sum += min(n, most/MaxNeeds)
	}
	needs := hall(o.Needs)
	t.fill(o, uint8(needs.all()), 0, sum, func() { //nolint:gosec // at most 8 needs
		if t.spend(len(t.units)*needs.all()/looksPerState) && t.matches(o, &needs) {
			t.add(offer, o.gives(t.priced()))
		}
	})
}

// fill calls f with n more units of classes from one on that fit one of the needs, in every
// way.
func (t *table) fill(o *Offer, needs uint8, class int, n int64, f func()) {
	if n == 0 {
		f()
		return
	}
	for ; class < len(t.units) && !t.spent; class++ {
		if t.joint.fits(o, class)&needs == 0 {
			continue
		}
		before := t.units[class]
		for more := min(n, t.joint.merged[class].Count-before); more > 0 && t.spend(1); more-- {
			t.units[class] = before + more
			t.fill(o, needs, class+1, n-more, f)
		}
		t.units[class] = before
	}
}

// matches reports whether the units fill the needs of a bundle.
func (t *table) matches(o *Offer, needs *needs) bool {
	for set := range needs.all() {
		var within int64
		for class, n := range t.units {
			if n > 0 && int(t.joint.fits(o, class))&^set == 0 {
				within += n
			}
		}
		if within > needs.units[set] {
			return false
		}
	}
	return true
}

// priced is the units at hand.
func (t *table) priced() []Priced {
	list := t.joint.priced[:0]
	for class, n := range t.units {
		if m := &t.joint.merged[class]; n > 0 {
			list = append(list, Priced{m.Price, m.room, n})
		}
	}
	t.joint.priced = list
	return list
}

// addBuyGet adds the application of the units at hand.
func (t *table) addBuyGet(offer int, o *Offer) {
	var gain int64
	dearest, cheapest := int64(-1), int64(most)
	for class, n := range t.units {
		m := &t.joint.merged[class]
		if t.got[class] > 0 {
			gain += o.Gains[m.members[0]] * t.got[class]
			dearest = max(dearest, m.Price)
		}
		if n > t.got[class] {
			cheapest = min(cheapest, m.Price)
		}
	}
	if !o.NotDearer || dearest <= cheapest {
		t.add(offer, gain)
	}
}

// add adds an application of the units at hand, or makes it give more.
func (t *table) add(offer int, gain int64) {
	if gain == 0 {
		return
	}
	t.key = t.key[:0]
	a := app{offer: offer, gain: gain}
	buyGet := t.joint.Offers[t.offers[offer]].Gains != nil
	for i, n := range t.units {
		if n == 0 {
			continue
		}
		class, got := int32(i), int64(0)
		if buyGet {
			got = t.got[i]
		}
		a.all = append(a.all, Take{class, n})
		if got > 0 {
			a.got = append(a.got, Take{class, got})
		}
		if n > got {
			a.takes = append(a.takes, Take{class, n - got})
		}
		for _, v := range [...]uint64{uint64(i), uint64(n)} { //nolint:gosec // not negative
			for ; v >= 0x80; v >>= 7 {
				t.key = append(t.key, byte(v)|0x80)
			}
			t.key = append(t.key, byte(v))
		}
	}
	first := &t.apps[a.all[0].Class]
	if at, ok := t.known[string(t.key)]; !ok {
		t.known[string(t.key)] = len(*first)
		*first = append(*first, a)
	} else if (*first)[at].gain < gain {
		(*first)[at] = a
	}
}

// trim leaves out units that the offers together could not use.
func (t *table) trim() {
	for class := range t.left {
		var useful int64
		for _, offer := range t.offers {
			o := &t.joint.Offers[offer]
			fits := t.joint.fits(o, class)
			var one int64 // of an application
			for i, units := range o.Needs {
				if fits&(1<<i) != 0 {
					one = sum(one, units)
				}
			}
			if one > 0 && o.Max == 0 {
				useful = t.left[class]
				break
			}
			useful = sum(useful, product(one, o.Max))
		}
		t.left[class] = min(t.left[class], useful)
	}
	t.size = slices.Clone(t.left)
}

// hopeful is how many times the work the states may be, of which by far not all are met.
const hopeful = 64

// representable reports whether every state has a number, and there are not far too many.
func (t *table) representable() bool {
	size := state{1, 0}
	ok := true
	grow := func(by int64) {
		high, low := bits.Mul64(size[0], uint64(by)+1) //nolint:gosec // not negative
		over, mid := bits.Mul64(size[1], uint64(by)+1) //nolint:gosec // not negative
		sum, carry := bits.Add64(mid, high, 0)
		ok = ok && over == 0 && carry == 0
		size = state{low, sum}
	}
	for _, n := range t.left {
		grow(n)
	}
	for _, n := range t.times {
		grow(n)
	}
	grow(int64(len(t.left)))
	return ok && size[1] == 0 && size[0] <= hopeful*uint64(max(t.work, 0))
}

// number is the state's. What is left of the classes before the first does not matter.
func (t *table) number(first int) state {
	var s state
	grow := func(by, digit int64) {
		high, low := bits.Mul64(s[0], uint64(by)+1)        //nolint:gosec // not negative
		sum, carry := bits.Add64(low, uint64(digit), 0)    //nolint:gosec // not negative
		s = state{sum, s[1]*(uint64(by)+1) + high + carry} //nolint:gosec // not negative
	}
	grow(int64(len(t.left)), int64(first))
	for class, left := range t.left {
		if class < first {
			left = 0
		}
		grow(t.size[class], left)
	}
	for i, n := range t.times {
		grow(t.joint.Offers[t.offers[t.limits[i]]].Max, n)
	}
	return s
}

// How many applications are tried, and how many fields of classes are looked at, in the time
// that a state takes; and how many of those fields an offer in turn looks at.
const (
	triesPerState = 64
	looksPerState = 1024
	looksPerClass = 32
)

// best is what is to be had from the classes from one on.
func (t *table) best(class int) int64 {
	for class < len(t.left) && (t.left[class] == 0 || len(t.apps[class]) == 0) {
		class++
	}
	if class == len(t.left) || t.spent {
		return 0
	}
	number := t.number(class)
	if c, ok := t.memo[number]; ok {
		return c.total
	}
	if !t.spend(1 + len(t.apps[class])/triesPerState + len(t.left)/looksPerState) {
		return 0
	}
	c := choice{total: -1, app: -1}
	for i := range t.apps[class] {
		a := &t.apps[class][i]
		if !t.take(a) {
			continue
		}
		if sum := a.gain + t.best(class); sum > c.total {
			c = choice{sum, int32(i)}
		}
		t.give(a)
	}
	if sum := t.best(class + 1); sum > c.total {
		c = choice{sum, -1}
	}
	t.memo[number] = c
	return c.total
}

// take takes the units of an application, if they are left.
func (t *table) take(a *app) bool {
	for _, take := range a.all {
		if t.left[take.Class] < take.Units {
			return false
		}
	}
	limit := slices.Index(t.limits, a.offer)
	if limit >= 0 && t.times[limit] == 0 {
		return false
	}
	if limit >= 0 {
		t.times[limit]--
	}
	for _, take := range a.all {
		t.left[take.Class] -= take.Units
	}
	return true
}

func (t *table) give(a *app) {
	if limit := slices.Index(t.limits, a.offer); limit >= 0 {
		t.times[limit]++
	}
	for _, take := range a.all {
		t.left[take.Class] += take.Units
	}
}

// walk follows the choices from the start.
func (t *table) walk() []Part {
	var parts []Part
	for class := 0; class < len(t.left); {
		if t.left[class] == 0 || len(t.apps[class]) == 0 {
			class++
			continue
		}
		c := t.memo[t.number(class)]
		if c.app < 0 {
			class++
			continue
		}
		a := &t.apps[class][c.app]
		t.take(a)
		offer := t.offers[a.offer]
		if n := len(parts); n > 0 && parts[n-1].Offer == offer && slices.Equal(parts[n-1].Got, a.got) && slices.Equal(parts[n-1].Takes, a.takes) {
			parts[n-1].Times++
			continue
		}
		parts = append(parts, Part{Offer: offer, Times: 1, Got: a.got, Takes: a.takes, gain: a.gain})
	}
	return parts
}
