package timeline

import (
	"bytes"
	"cmp"
	"slices"
)

// A Key is when something was asserted. Keys at one time are ordered by ID, so that no
// two assertions are at the same place.
type Key struct {
	Time int64
	ID   [32]byte
}

// Compare orders keys by time, then by ID.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Time, o.Time), bytes.Compare(k.ID[:], o.ID[:]))
}

// A Stretch is a run of equal sets that were asserted one after the other. Only the first
// and the last of its keys are kept, so that memory grows with changes, not with
// assertions.
type Stretch[E any] struct {
	First, Last Key
	Count       int // of assertions; First and Last are one if it is 1
	Set         []E // as asserted at Last: ascending by the line's order, never written to
}

// An Order compares elements. What it does not compare is carried: the newest of equal
// elements stands for them.
type Order[E any] func(a, b E) int

// A Line is all sets that were asserted of one thing, as maximal stretches that no break
// interrupts. The zero value is an empty line. It is not safe for concurrent use.
type Line[E any] struct {
	Stretches []Stretch[E] // ascending
	Breaks    []Key        // ascending; no stretch has a break at its first key or after it, and before its last
}

// find returns the index of the first stretch that ends at or after k.
func (l *Line[E]) find(k Key) int {
	i, _ := slices.BinarySearchFunc(l.Stretches, k, func(s Stretch[E], k Key) int { return s.Last.Compare(k) })
	return i
}

// Last returns the newest key, and false where the line is empty.
func (l *Line[E]) Last() (Key, bool) {
	if len(l.Stretches) == 0 {
		return Key{}, false
	}
	return l.Stretches[len(l.Stretches)-1].Last, true
}

// From returns the stretches that end at a key or later.
func (l *Line[E]) From(k Key) []Stretch[E] { return l.Stretches[l.find(k):] }

// Inner returns the stretch whose unknown keys must be known before something happens at
// k, or -1. [Line.Expand] makes them known. An equal set inserted there needs nothing.
func (l *Line[E]) Inner(k Key) int {
	i := l.find(k)
	if i < len(l.Stretches) {
		if s := &l.Stretches[i]; s.First.Compare(k) <= 0 && s.Count > 1 {
			return i
		}
	}
	return -1
}

// Expand replaces stretch i by its exact assertions, which the caller has read again.
func (l *Line[E]) Expand(i int, exact []Stretch[E]) {
	l.Stretches = slices.Replace(l.Stretches, i, i+1, exact...)
}

// Compact joins neighbours that are one stretch.
func (l *Line[E]) Compact(order Order[E]) {
	out := l.Stretches[:0]
	for _, s := range l.Stretches {
		if n := len(out); n > 0 && l.joins(&out[n-1], &s, order) {
			out[n-1].Last, out[n-1].Set = s.Last, s.Set
			out[n-1].Count += s.Count
			continue
		}
		out = append(out, s)
	}
	clear(l.Stretches[len(out):])
	l.Stretches = out
}

func (l *Line[E]) joins(a, b *Stretch[E], order Order[E]) bool {
	return !l.broken(a.Last, b.First) && equal(a.Set, b.Set, order)
}

// broken reports whether a break lies at a or after it, and before b: what is asserted at
// the key of a break comes before it.
func (l *Line[E]) broken(a, b Key) bool {
	i, _ := slices.BinarySearchFunc(l.Breaks, a, Key.Compare)
	return i < len(l.Breaks) && l.Breaks[i].Compare(b) < 0
}

// Absorbs reports whether a set at k is one more assertion inside a stretch that has it.
func (l *Line[E]) Absorbs(k Key, set []E, order Order[E]) bool {
	i := l.find(k)
	return i < len(l.Stretches) && l.Stretches[i].First.Compare(k) < 0 && k.Compare(l.Stretches[i].Last) < 0 &&
		equal(l.Stretches[i].Set, set, order)
}

// Insert asserts a set at a key that the line does not have. Unless [Line.Absorbs] says
// that the set is one more of its kind, no stretch of unknown keys may be in the way:
// see [Line.Inner]. The line takes over the set.
func (l *Line[E]) Insert(k Key, set []E, order Order[E]) {
	i := l.find(k)
	if l.Absorbs(k, set, order) {
		l.Stretches[i].Count++
		return
	}
	one := Stretch[E]{First: k, Last: k, Count: 1, Set: set}
	if i > 0 && l.joins(&l.Stretches[i-1], &one, order) {
		left := &l.Stretches[i-1]
		left.Last, left.Set = k, set
		left.Count++
		if i < len(l.Stretches) && l.joins(left, &l.Stretches[i], order) {
			right := l.Stretches[i]
			left.Last, left.Set = right.Last, right.Set
			left.Count += right.Count
			l.Stretches = slices.Delete(l.Stretches, i, i+1)
		}
		return
	}
	if i < len(l.Stretches) && l.joins(&one, &l.Stretches[i], order) {
		l.Stretches[i].First = k
		l.Stretches[i].Count++
		return
	}
	l.Stretches = slices.Insert(l.Stretches, i, one)
}

// Remove takes the assertion at a key back. As with Insert its stretch must be one of
// known keys.
func (l *Line[E]) Remove(k Key, order Order[E]) {
	i := l.find(k)
	if i >= len(l.Stretches) || l.Stretches[i].First != k {
		return
	}
	l.Stretches = slices.Delete(l.Stretches, i, i+1)
	if i > 0 && i < len(l.Stretches) && l.joins(&l.Stretches[i-1], &l.Stretches[i], order) {
		left, right := &l.Stretches[i-1], l.Stretches[i]
		left.Last, left.Set = right.Last, right.Set
		left.Count += right.Count
		l.Stretches = slices.Delete(l.Stretches, i, i+1)
	}
}

func equal[E any](a, b []E, order Order[E]) bool {
	return slices.EqualFunc(a, b, func(x, y E) bool { return order(x, y) == 0 })
}
