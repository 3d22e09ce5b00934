package lineage

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

// cuts collects the boundaries that lie on a line.
type cuts struct {
	f    *fold
	l    *line
	list []boundary
}

// A boundary is a cut with its place among those at one key, whatever the order in which
// they came: first what happened to datasets, by their names, then columns that went, then
// targets that were omitted.
type boundary struct {
	timeline.Cut[fact]
	rank int
	name string
}

func (c *cuts) add(k timeline.Key, rank int, name string, apply func([]fact) []fact) {
	c.list = append(c.list, boundary{Cut: timeline.Cut[fact]{Key: k, Apply: apply}, rank: rank, name: name})
}

// cuts returns the boundaries that lie on a line, ascending.
func (f *fold) cuts(l *line) []timeline.Cut[fact] {
	c := cuts{f: f, l: l}
	if len(f.ops) > 0 || len(f.schemaCuts) > 0 {
		c.datasets()
	}
	if l.job >= 0 {
		for _, o := range f.ops[l.job] {
			c.add(o.key, 0, "", func([]fact) []fact { return nil })
		}
		c.closings()
	}
	slices.SortStableFunc(c.list, func(a, b boundary) int {
		return cmp.Or(a.Key.Compare(b.Key), cmp.Compare(a.rank, b.rank), strings.Compare(a.name, b.name))
	})
	out := make([]timeline.Cut[fact], len(c.list))
	for i, b := range c.list {
		out[i] = b.Cut
	}
	return out
}

// datasets adds what happened to the datasets that the line ever touched, under all
// names that they had since.
func (c *cuts) datasets() {
	f, l := c.f, c.l
	seen := map[int32]bool{}
	queue := []int32{l.target}
	for _, s := range l.Stretches {
		f.owners(s.Set, func(d int32) { queue = append(queue, d) })
	}
	for ; len(queue) > 0; queue = queue[1:] {
		d := queue[0]
		if seen[d] || f.names.nodes[d].kind == JobNode {
			continue
		}
		seen[d] = true
		before := len(c.list)
		queue = append(queue, c.dataset(d)...)
		if len(c.list) > before {
			if f.bounds[d] == nil {
				f.bounds[d] = map[*line]bool{}
			}
			f.bounds[d][l] = true
		}
	}
}

// dataset adds what happened to one dataset, and returns the names that it had next.
func (c *cuts) dataset(d int32) []int32 {
	var next []int32
	for _, o := range c.f.ops[d] {
		switch {
		case o.on == d:
			c.happened(o)
			if o.to >= 0 {
				next = append(next, o.to)
			}
		case d == c.l.target: // Another scope's edges go on under this name until this one speaks.
			c.add(o.key, 0, "", func(set []fact) []fact { return set })
		}
	}
	if c.l.layer == ColumnLayer && c.f.schemaCuts[d] {
		c.gone(d)
	}
	return next
}

// happened adds that a dataset was dropped or renamed.
func (c *cuts) happened(o op) {
	if o.to >= 0 {
		c.succeeded(o)
	}
	c.add(o.key, 0, c.f.opName(o), func(set []fact) []fact { return c.f.moved(set, o.on, o.to) })
}

// succeeded ends what was renamed into another scope's target where that scope speaks.
func (c *cuts) succeeded(o op) {
	f, l := c.f, c.l
	if l.job < 0 || l.target == o.to {
		return
	}
	id, ok := f.index[scope{origin: l.origin, layer: l.layer, job: l.job, target: o.to}]
	if !ok {
		return
	}
	next := f.lines[id]
	f.split(next, o.key)
	for _, s := range next.Stretches {
		if s.First.Compare(o.key) > 0 {
			c.add(s.First, 0, "", func(set []fact) []fact {
				return slices.DeleteFunc(slices.Clone(set), func(x fact) bool { return f.names.nodes[x.to].owner == o.to })
			})
			return
		}
	}
}

// gone adds the columns that each schema of a dataset has lost against the one before.
func (c *cuts) gone(d int32) {
	f := c.f
	id, ok := f.index[scope{layer: layerSchema, job: -1, target: d}]
	if !ok {
		return
	}
	stretches := f.lines[id].Stretches
	for i := 1; i < len(stretches); i++ {
		lost := map[int32]bool{}
		for _, x := range stretches[i-1].Set {
			if !holds(stretches[i].Set, x.from) {
				if n, ok := f.names.index[nodeKey{kind: ColumnNode, owner: d, name: f.words[x.from]}]; ok {
					lost[n] = true
				}
			}
		}
		if len(lost) > 0 {
			c.add(stretches[i].First, 1, "", func(set []fact) []fact {
				return slices.DeleteFunc(slices.Clone(set), func(x fact) bool { return lost[x.from] || lost[x.to] })
			})
		}
	}
}

// first returns the key of a line's first statement, the zero key for an empty one.
func (l *line) first() timeline.Key {
	if len(l.Stretches) == 0 {
		return timeline.Key{}
	}
	return l.Stretches[0].First
}

// closings ends the edges of a target that its job omitted for long enough, where it was
// omitted first.
func (c *cuts) closings() {
	f, l := c.f, c.l
	id, ok := f.index[scope{origin: l.origin, layer: layerOutputs, job: l.job, target: l.job}]
	n := f.closing(l.origin)
	if !ok || n <= 0 || l.target == l.job {
		return
	}
	var first timeline.Key
	count, named := 0, false
	for _, s := range f.lines[id].From(l.first()) { // Before that nothing of it can end.
		if holds(s.Set, l.target) {
			count, named = 0, true
			continue
		}
		if count == 0 {
			first = s.First
		}
		if was := count; named && was < n && was+s.Count >= n {
			c.add(first, 2, "", func([]fact) []fact { return nil })
		}
		count += s.Count
	}
}

// moved returns a set in which a dataset has another name, or is gone (to < 0).
func (f *fold) moved(set []fact, from, to int32) []fact {
	var out []fact
	changed := false
	for _, x := range set {
		a, b := f.moveNode(x.from, from, to), f.moveNode(x.to, from, to)
		changed = changed || a != x.from || b != x.to
		if a >= 0 && b >= 0 {
			out = append(out, fact{from: a, to: b, attr: x.attr})
		}
	}
	if !changed {
		return set
	}
	return f.sorted(out)
}

// moveNode returns the node that a node is after a rename, or -1.
func (f *fold) moveNode(n, from, to int32) int32 {
	x := f.names.nodes[n]
	switch {
	case n == from:
		return to
	case x.kind == ColumnNode && x.owner == from && to < 0:
		return -1
	case x.kind == ColumnNode && x.owner == from:
		of := f.names.nodes[to]
		return f.node(DatasetRef{Namespace: of.space, Name: of.name}.Column(x.name))
	case x.kind == setNode:
		return f.moveSet(n, x, from, to)
	}
	return n
}

func (f *fold) moveSet(n int32, x node, from, to int32) int32 {
	list := slices.Collect(members(x))
	i := slices.Index(list, from)
	if i < 0 {
		return n
	}
	list = slices.Delete(list, i, i+1)
	if to >= 0 {
		list = append(list, to)
	}
	if len(list) == 0 {
		return -1
	}
	slices.Sort(list)
	return f.set(x.owner, slices.Compact(list))
}

// hidden cuts out of parsed edges the time over which the same job has observed ones on
// the target.
func (f *fold) hidden(l *line, list []interval) []interval {
	id, ok := f.index[scope{origin: Observed, layer: ColumnLayer, job: l.job, target: l.target}]
	if !ok {
		return list
	}
	observed := f.lines[id]
	spans := merge(f.intervals(observed))
	var out []interval
	for _, x := range list {
		for _, s := range spans {
			if s.End <= x.Begin || s.Begin >= x.End {
				continue
			}
			if x.Begin < s.Begin {
				before := x
				before.End = s.Begin
				out = append(out, before)
			}
			x.Begin = s.End
		}
		if x.Begin < x.End {
			out = append(out, x)
		}
	}
	return out
}
