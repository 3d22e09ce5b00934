package timeline

import "slices"

// An Interval is one stretch of time [Begin, End) over which an element holds.
type Interval[E any] struct {
	Elem       E
	Begin, End int64
	Seen       int64 // when the element was last asserted
}

// A Cut changes what holds from its key until the next assertion: it is an assertion
// that is made from the one before.
type Cut[E any] struct {
	Key   Key
	Apply func(set []E) []E // ascending sets; must not write to its argument
}

// Intervals returns when each element held, in order of element and begin. A set holds
// from its key until the next key of a set or cut; the last one until forever. What holds
// for no time is left out. The cuts are ascending, and the line has a break at each.
func (l *Line[E]) Intervals(cuts []Cut[E], forever int64, order Order[E]) []Interval[E] {
	w := walker[E]{order: order}
	for _, s := range l.Stretches {
		for len(cuts) > 0 && cuts[0].Key.Compare(s.First) < 0 {
			w.cut(cuts[0])
			cuts = cuts[1:]
		}
		w.step(s.First.Time, s.Set)
		for i := range w.open {
			w.open[i].Seen = s.Last.Time
		}
	}
	for _, c := range cuts {
		w.cut(c)
	}
	w.step(forever, nil)
	slices.SortFunc(w.done, func(a, b Interval[E]) int {
		if c := order(a.Elem, b.Elem); c != 0 {
			return c
		}
		if a.Begin < b.Begin {
			return -1
		}
		return 1
	})
	return w.done
}

// A walker goes along a line with what holds at the moment.
type walker[E any] struct {
	order Order[E]
	open  []Interval[E] // ascending by element
	next  []Interval[E]
	done  []Interval[E]
}

func (w *walker[E]) cut(c Cut[E]) {
	if len(w.open) == 0 {
		return
	}
	set := make([]E, len(w.open))
	seen := int64(0)
	for i, x := range w.open {
		set[i], seen = x.Elem, x.Seen
	}
	w.step(c.Key.Time, c.Apply(set))
	for i := range w.open {
		w.open[i].Seen = seen
	}
}

// step goes to a time from which a set holds instead of the open one.
func (w *walker[E]) step(t int64, set []E) {
	w.next = w.next[:0]
	i := 0
	for _, e := range set {
		for i < len(w.open) && w.order(w.open[i].Elem, e) < 0 {
			w.end(w.open[i], t)
			i++
		}
		if i < len(w.open) && w.order(w.open[i].Elem, e) == 0 {
			w.open[i].Elem = e
			w.next = append(w.next, w.open[i])
			i++
			continue
		}
		w.next = append(w.next, Interval[E]{Elem: e, Begin: t})
	}
	for ; i < len(w.open); i++ {
		w.end(w.open[i], t)
	}
	w.open, w.next = w.next, w.open
}

func (w *walker[E]) end(x Interval[E], t int64) {
	if x.Begin < t {
		x.End = t
		w.done = append(w.done, x)
	}
}
