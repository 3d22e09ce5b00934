package lineage

import (
	"iter"
	"slices"
)

// A Delta is what changed between two views. Applied to the first it gives the second.
// Lists are sorted and never nil.
type Delta struct {
	Added, Removed []Edge // by their ends, layer, job, origin and kinds
	NodesAdded     []Node
	NodesRemoved   []Node
	NodesChanged   []NodeChange // another type, schema, owners, tags or aliases
}

// A NodeChange is one node in both views.
type NodeChange struct{ Before, After Node }

// Empty reports whether nothing changed.
func (d *Delta) Empty() bool {
	return len(d.Added)+len(d.Removed)+len(d.NodesAdded)+len(d.NodesRemoved)+len(d.NodesChanged) == 0
}

// Diff returns what changed from one view to another, of one engine or of two. Edges are
// the same if they have the same ends, layer, job, origin and kinds, whatever their times.
// The query leaves out edges by layer (Level; 0: none), type, subtype, origin, job,
// SeenSince and SkipStale; the rest of it does not count, nor does it leave out nodes. The
// cost is that of listing both views. It panics with the error of [Query.Validate] where
// that refuses the query, for it has no other way to say so.
func Diff(before, after *View, q Query) *Delta {
	if err := q.Validate(); err != nil {
		panic(err)
	}
	d := &Delta{Added: []Edge{}, Removed: []Edge{}, NodesAdded: []Node{}, NodesRemoved: []Node{}, NodesChanged: []NodeChange{}}
	pairUp(edgesOnce(before, q), edgesOnce(after, q), Edge.compareIdentity, func(a, b *Edge) {
		switch {
		case b == nil:
			d.Removed = append(d.Removed, *a)
		case a == nil:
			d.Added = append(d.Added, *b)
		}
	})
	pairUp(before.Nodes(), after.Nodes(), func(a, b Node) int { return a.ID.Compare(b.ID) }, func(a, b *Node) {
		switch {
		case b == nil:
			d.NodesRemoved = append(d.NodesRemoved, *a)
		case a == nil:
			d.NodesAdded = append(d.NodesAdded, *b)
		case !a.equal(*b):
			d.NodesChanged = append(d.NodesChanged, NodeChange{*a, *b})
		}
	})
	return d
}

func (n Node) equal(o Node) bool {
	return n.Type == o.Type && (n.Fields == nil) == (o.Fields == nil) && slices.Equal(n.Fields, o.Fields) &&
		slices.Equal(n.Aliases, o.Aliases) && slices.Equal(n.Owners, o.Owners) && slices.Equal(n.Tags, o.Tags)
}

// edgesOnce yields the edges of a view that a query lets through, the stretches of one
// edge as one.
func edgesOnce(v *View, q Query) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		var last Edge
		for e := range v.Edges() {
			if !lets(&q, &e) || !last.From.IsZero() && last.compareIdentity(e) == 0 {
				continue
			}
			if last = e; !yield(e) {
				return
			}
		}
	}
}

// lets reports whether a query lets an edge through.
func lets(q *Query, e *Edge) bool {
	return (q.Level == 0 || e.Layer == map[Level]Layer{JobLevel: JobLayer, DatasetLevel: DatasetLayer, ColumnLevel: ColumnLayer}[q.Level]) &&
		(len(q.Origins) == 0 || slices.Contains(q.Origins, e.Origin)) && (len(q.Jobs) == 0 || slices.Contains(q.Jobs, e.Job)) &&
		(len(q.Types)+len(q.Subtypes) == 0 || matches(q, e.Kinds)) && !e.LastSeen.Before(q.SeenSince) && (!q.SkipStale || !e.Stale)
}

// pairUp walks over two sorted sequences and calls f with what is in both or in one, the
// other being nil then.
func pairUp[T any](a, b iter.Seq[T], compare func(a, b T) int, f func(a, b *T)) {
	next, stop := iter.Pull(b)
	defer stop()
	y, ok := next()
	for x := range a {
		for ok && compare(y, x) < 0 {
			f(nil, &y)
			y, ok = next()
		}
		if !ok || compare(x, y) != 0 {
			f(&x, nil)
			continue
		}
		f(&x, &y)
		y, ok = next()
	}
	for ; ok; y, ok = next() {
		f(nil, &y)
	}
}
