package search

import (
	"slices"

	"github.com/tenon-go/tenon/promotions/internal/eval"
)

// A level is what a node knows of the candidates that are still to be decided.
type level struct {
	open   []int32 // those that could take something, in canonical order
	most   []int64 // what each could take
	suffix []int64 // what those from one on could add together; the last is 0
	groups []group
	slots  top
	marked []bool // by target
}

// A group is what the members of one could add.
type group struct {
	id int32
	top
}

// A top is the sum of the largest values, as many as there are places.
type top struct {
	places int
	values []int64
	sum    int64
}

func (t *top) reset(places int) { t.places, t.values, t.sum = places, t.values[:0], 0 }

// add returns by how much the sum grows.
func (t *top) add(v int64) int64 {
	before := t.sum
	if len(t.values) < t.places {
		t.values = append(t.values, v)
		t.sum += v
	} else if t.places > 0 {
		at := 0
		for i, w := range t.values {
			if w < t.values[at] {
				at = i
			}
		}
		if least := t.values[at]; v > least {
			t.sum += v - least
			t.values[at] = v
		}
	}
	return t.sum - before
}

// fill bounds candidates in a state.
func (l *level) fill(s *eval.State, candidates []int32) {
	l.open, l.most = l.open[:0], l.most[:0]
	for _, candidate := range candidates {
		if most := s.Most(candidate); most > 0 {
			l.open, l.most = append(l.open, candidate), append(l.most, most)
		}
	}
	n := len(l.open)
	l.suffix = slices.Grow(l.suffix[:0], n+1)[:n+1]
	l.suffix[n] = 0
	if n == 0 {
		return
	}
	l.groups = l.groups[:0]
	slots := s.Slots(l.open[0]) // one stage has one limit
	l.slots.reset(slots)
	l.marked = slices.Grow(l.marked[:0], s.AllTargets())[:s.AllTargets()]
	clear(l.marked)
	var sum, room int64
	for i := n - 1; i >= 0; i-- {
		candidate := l.open[i]
		for _, t := range s.Targets(candidate) {
			if !l.marked[t] {
				l.marked[t] = true
				room += s.Room(t)
			}
		}
		if id := s.Group(candidate); id >= 0 {
			sum += l.group(s, id).add(l.most[i])
		} else {
			sum += l.most[i]
		}
		l.suffix[i] = min(sum, room)
		if slots >= 0 {
			l.slots.add(l.most[i])
			l.suffix[i] = min(l.suffix[i], l.slots.sum)
		}
	}
}

func (l *level) group(s *eval.State, id int32) *group {
	for i := range l.groups {
		if l.groups[i].id == id {
			return &l.groups[i]
		}
	}
	if len(l.groups) < cap(l.groups) {
		l.groups = l.groups[:len(l.groups)+1]
	} else {
		l.groups = append(l.groups, group{})
	}
	g := &l.groups[len(l.groups)-1]
	g.id = id
	g.reset(int(min(s.Free(id), int64(len(l.open)))))
	return g
}
