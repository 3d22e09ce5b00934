package consume

import "math/bits"

// Bundle returns how many applications there are, and the applications, equal ones that
// follow each other counted as one.
//
// The units are those that the pick puts first, each taken if what is taken can still be
// completed. Then each need in turn takes of them what the pick puts first and the later ones
// can do without, and application k the k-th cut of each need's units.
func (s *Solver) Bundle(classes []Class, b Bundle) (times int64, apps []Application) {
	needs := hall(b.Needs)
	times = atMost(needs.times(classes), b.Max)
	if times == 0 {
		return 0, nil
	}
	s.sort(classes, b.Pick)
	s.choose(classes, &needs, times)
	for i := range b.Needs {
		s.assign(classes, &needs, i, times)
	}
	return times, s.cut(classes, b.Needs, times)
}

// needs is how many units one application asks for, by set of needs.
type needs struct {
	count int
	units [1 << MaxNeeds]int64
}

// most is where sums of needs stop: no cart has as many units.
const most = 1 << 62

func hall(list []int64) needs {
	n := needs{count: len(list)}
	for set := 1; set < 1<<len(list); set++ {
		lowest := set & -set
		n.units[set] = min(n.units[set^lowest]+min(list[bits.TrailingZeros(uint(lowest))], most/2), most/2)
	}
	return n
}

func (n *needs) all() int { return 1<<n.count - 1 }

// times is the most applications: for every set of needs, what they ask for together is at
// most the units that fit one of them.
func (n *needs) times(classes []Class) int64 {
	var within [1 << MaxNeeds]int64 // units that fit needs of a set only
	var total int64
	for i := range classes {
		total += classes[i].Count
		within[int(classes[i].Fits)&n.all()] += classes[i].Count
	}
	for i := range n.count {
		for set := range n.all() + 1 {
			if set&(1<<i) != 0 {
				within[set] += within[set^(1<<i)]
			}
		}
	}
	times := int64(most)
	for set := 1; set <= n.all(); set++ {
		times = min(times, (total-within[n.all()^set])/n.units[set])
	}
	return times
}

// choose takes the units of so many applications into s.got: of a class as many as leave, in
// every set of needs, those that fit nothing else within what the set asks for.
func (s *Solver) choose(classes []Class, n *needs, times int64) {
	s.got = resized(s.got, len(classes))
	var room [1 << MaxNeeds]int64
	for set := range n.all() + 1 {
		room[set] = times * n.units[set] //nolint:gosec // all() is below the length
	}
	for _, at := range s.order {
		fits, units := int(classes[at].Fits)&n.all(), classes[at].Count
		for set := range n.all() + 1 {
			if fits&^set == 0 {
				units = min(units, room[set])
			}
		}
		for set := range n.all() + 1 {
			if fits&^set == 0 {
				room[set] -= units
			}
		}
		s.got[at] = units
	}
}

// assign moves the units of a need from s.got to s.assigned: of a class as many as leave it
// enough to take whatever the later needs cannot.
func (s *Solver) assign(classes []Class, n *needs, need int, times int64) {
	later := n.all() &^ (1<<(need+1) - 1)
	var surplus [1 << MaxNeeds]int64 // of units that fit, of the later needs, those of a set only
	left := times * n.units[1<<need]
	subsets(later, func(set int) {
		surplus[set] = -times * n.units[set]
		for i := range classes {
			if int(classes[i].Fits)&later&^set == 0 {
				surplus[set] += s.got[i]
			}
		}
	})
	s.assigned[need] = resized(s.assigned[need], len(classes))
	for _, at := range s.order {
		fits, units := int(classes[at].Fits), min(s.got[at], left)
		if fits&(1<<need) == 0 || units == 0 {
			continue
		}
		subsets(later, func(set int) {
			if fits&later&^set != 0 {
				units = min(units, left-surplus[set])
			}
		})
		subsets(later, func(set int) {
			if fits&later&^set == 0 {
				surplus[set] -= units
			}
		})
		s.assigned[need][at] = units
		s.got[at] -= units
		left -= units
	}
}

// subsets calls f for each part of a set, the empty one first.
func subsets(set int, f func(int)) {
	for part := 0; ; part = (part - set) & set {
		if f(part); part == set {
			return
		}
	}
}

// A cut is where a need is in its units, in the order of the pick.
type cut struct {
	place int   // in s.order
	done  int64 // units of that class
}

// cut makes the applications.
func (s *Solver) cut(classes []Class, list []int64, times int64) []Application {
	s.merged = resized(s.merged, len(classes))
	s.cuts = [MaxNeeds]cut{}
	s.takes, s.apps = s.takes[:0], s.apps[:0]
	for times > 0 {
		same := times
		for i, units := range list {
			same = min(same, s.alike(i, units))
		}
		for i, units := range list {
			s.advance(i, units, same)
		}
		from := len(s.takes)
		for c, units := range s.merged {
			if units > 0 {
				s.takes = append(s.takes, Take{int32(c), units})
				s.merged[c] = 0
			}
		}
		s.apps = append(s.apps, Application{Times: same, Takes: s.takes[from:len(s.takes):len(s.takes)]})
		times -= same
	}
	return s.apps
}

// alike is how many of the next cuts of a need are of one class only, or 1.
func (s *Solver) alike(need int, units int64) int64 {
	c := &s.cuts[need]
	for s.assigned[need][s.order[c.place]] == c.done {
		*c = cut{place: c.place + 1}
	}
	return max((s.assigned[need][s.order[c.place]]-c.done)/units, 1)
}

// advance takes so many cuts of a need, all but one of which are of one class, and adds the
// units of one to s.merged.
func (s *Solver) advance(need int, units, cuts int64) {
	c := &s.cuts[need]
	if cuts > 1 {
		c.done += units * (cuts - 1)
	}
	for units > 0 {
		at := s.order[c.place]
		n := min(units, s.assigned[need][at]-c.done)
		s.merged[at] += n
		units -= n
		if c.done += n; units > 0 {
			*c = cut{place: c.place + 1}
		}
	}
}
