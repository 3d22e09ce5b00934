package persist

import "slices"

// partSize is how many items a part of a list has at most. Small parts keep a scattered
// insertion cheap; a list of ten thousand items then has a spine of 5 KiB, which each
// version copies once.
const partSize = 128

// A List is one version of a list. The zero value is empty. It is immutable and safe for
// concurrent use; [List.Edit] begins the next version.
type List[T any] struct{ parts []part[T] }

// A part is a piece of a list. None is empty.
type part[T any] struct {
	items []T
	end   int  // how many items the list has up to the end of the part; not kept while edited
	own   bool // no version shares the items
}

// Len returns how many items there are.
func (l *List[T]) Len() int {
	if len(l.parts) == 0 {
		return 0
	}
	return l.parts[len(l.parts)-1].end
}

// At returns the item at an index, which must be there.
func (l *List[T]) At(i int) T {
	p := 0
	if len(l.parts) > 1 {
		p, _ = slices.BinarySearchFunc(l.parts, i, func(x part[T], i int) int { return x.end - i - 1 })
	}
	x := &l.parts[p]
	return x.items[i-x.end+len(x.items)]
}

// Parts returns how many parts there are.
func (l *List[T]) Parts() int { return len(l.parts) }

// Part returns some items, which may not be written to, and the index of the first of them.
// Parts come in order.
func (l *List[T]) Part(i int) (first int, items []T) {
	x := &l.parts[i]
	return x.end - len(x.items), x.items
}

// A ListEditor writes the next version of a list. It copies each part at most once. It is
// not safe for concurrent use, and of no use after List.
type ListEditor[T any] struct{ parts []part[T] }

// A Place is where in an editor an item is, or would be. It holds until the next change.
type Place struct{ part, item int }

// NewList begins a list with items, which it takes over.
func NewList[T any](items []T) *ListEditor[T] {
	e := &ListEditor[T]{}
	for some := range slices.Chunk(items, partSize*3/4) {
		e.parts = append(e.parts, part[T]{items: slices.Clip(some), own: true})
	}
	return e
}

// Edit begins a new version.
func (l *List[T]) Edit() *ListEditor[T] { return &ListEditor[T]{parts: slices.Clone(l.parts)} }

// Find returns the place of the first item for which before is false: it is true of items
// up to somewhere, and false of all after.
func (e *ListEditor[T]) Find(before func(x *T) bool) Place {
	lo, hi := 0, len(e.parts)
	for lo < hi {
		m := (lo + hi) / 2
		if items := e.parts[m].items; before(&items[len(items)-1]) {
			lo = m + 1
		} else {
			hi = m
		}
	}
	at := Place{part: lo}
	if lo == len(e.parts) {
		return at
	}
	items := e.parts[lo].items
	for hi := len(items); at.item < hi; {
		m := (at.item + hi) / 2
		if before(&items[m]) {
			at.item = m + 1
		} else {
			hi = m
		}
	}
	return at
}

// At returns the item at a place, and false at the end.
func (e *ListEditor[T]) At(at Place) (x T, ok bool) {
	if at.part >= len(e.parts) {
		return x, false
	}
	return e.parts[at.part].items[at.item], true
}

// Next returns the place after one.
func (e *ListEditor[T]) Next(at Place) Place {
	if at.item++; at.item == len(e.parts[at.part].items) {
		return Place{part: at.part + 1}
	}
	return at
}

// Before returns the place before one, and false at the beginning.
func (e *ListEditor[T]) Before(at Place) (Place, bool) {
	switch {
	case at.item > 0:
		at.item--
	case at.part > 0:
		at.part--
		at.item = len(e.parts[at.part].items) - 1
	default:
		return at, false
	}
	return at, true
}

// Set replaces the item at a place.
func (e *ListEditor[T]) Set(at Place, x T) { e.writable(at.part, 0).items[at.item] = x }

// Insert puts an item at a place, before what is there.
func (e *ListEditor[T]) Insert(at Place, x T) {
	switch {
	case at.part < len(e.parts):
	case len(e.parts) > 0: // The end of the last part is the same place.
		at.part = len(e.parts) - 1
		at.item = len(e.parts[at.part].items)
	default:
		e.parts = []part[T]{{own: true}}
	}
	p := e.writable(at.part, 1)
	p.items = slices.Insert(p.items, at.item, x)
	if len(p.items) <= partSize {
		return
	}
	half := partSize / 2
	if at.part == len(e.parts)-1 && at.item == partSize {
		half = partSize // What comes in order fills its parts.
	}
	second := part[T]{items: slices.Clone(p.items[half:]), own: true}
	clear(p.items[half:])
	p.items = p.items[:half]
	e.parts = slices.Insert(e.parts, at.part+1, second)
}

// Delete removes the item at a place.
func (e *ListEditor[T]) Delete(at Place) {
	p := e.writable(at.part, 0)
	if p.items = slices.Delete(p.items, at.item, at.item+1); len(p.items) == 0 {
		e.parts = slices.Delete(e.parts, at.part, at.part+1)
	}
}

// writable returns a part that may be written to, with room for so many more items.
func (e *ListEditor[T]) writable(p, more int) *part[T] {
	x := &e.parts[p]
	if !x.own {
		items := make([]T, len(x.items), len(x.items)+more)
		copy(items, x.items)
		x.items, x.own = items, true
	}
	return x
}

// List returns the version.
func (e *ListEditor[T]) List() *List[T] {
	n := 0
	for i := range e.parts {
		x := &e.parts[i]
		n += len(x.items)
		if x.own && cap(x.items)-len(x.items) > len(x.items)/4 { // It is kept.
			x.items = slices.Clip(append(make([]T, 0, len(x.items)), x.items...))
		}
		x.end, x.own = n, false
	}
	return &List[T]{parts: e.parts}
}
