package lineage

import (
	"cmp"
	"context"
	"iter"
	"maps"
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

// A BreakKind is what a [Break] found.
type BreakKind uint8

// The kinds of breaks.
const (
	ColumnGone      BreakKind = iota + 1
	ColumnRenamed             // same inputs and kinds, new name
	ColumnRetyped             // by its dataset's schema
	ColumnRedefined           // other inputs or kinds; of a dataset: those that all its columns share
	NewlyClear                // a label arrives unmasked that did not
)

// String returns what happened, in a few words.
func (k BreakKind) String() string {
	switch k {
	case ColumnGone:
		return "gone"
	case ColumnRenamed:
		return "renamed"
	case ColumnRetyped:
		return "retyped"
	case ColumnRedefined:
		return "redefined"
	case NewlyClear:
		return "newly clear"
	}
	return nameOf(k, "BreakKind")
}

// A Break is one change between two views that readers notice. Lists are sorted and never
// nil.
type Break struct {
	Kind    BreakKind
	Node    NodeID
	To      string // the new name or type
	Label   string // NewlyClear
	Readers []Node // who reads it in both views: these break
	Adapted []Node // who read it before and was changed with it: a note
}

// Check compares two views, of one engine or of two, as a gate before a change does: it
// lists what happened to columns, and for each the jobs that read it; where a dataset event
// states the edge, the dataset made of it. A column that stays where only its inputs were
// renamed is not redefined.
//
// What a view does not say is no evidence: a column is gone if its dataset is, or if the
// dataset's schema or its columns' edges are known and do not have it any longer. Labelled
// nodes that neither view knows carry nothing.
func Check(before, after *View, labels []Labelled) []Break {
	c := &comparison{before: before, after: after, old: before.shapes(), young: after.shapes(), renamed: map[NodeID]NodeID{}}
	c.renames()
	out := []Break{}
	for _, d := range slices.SortedFunc(maps.Keys(c.old), DatasetRef.Compare) {
		out = append(out, c.dataset(d)...)
	}
	out = append(out, c.clear(labels)...)
	slices.SortFunc(out, func(a, b Break) int {
		return cmp.Or(a.Node.Compare(b.Node), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Label, b.Label))
	})
	return out
}

// An input is what a column is made from, and how.
type input struct {
	from  NodeID
	kinds []Transformation
}

func (i input) compare(o input) int {
	return cmp.Or(i.from.Compare(o.from), slices.CompareFunc(i.kinds, o.kinds, Transformation.Compare))
}

// A shape is what a view says of a dataset's columns.
type shape struct {
	types   map[string]string  // by column of the schema; nil: unknown
	inputs  map[string][]input // by column, empty for those that all share; sorted
	written bool
}

// has reports whether anything says that there is a column.
func (s *shape) has(column string) bool {
	_, typed := s.types[column]
	_, made := s.inputs[column]
	return typed || made
}

// columns returns the columns that anything names, sorted.
func (s *shape) columns() []string {
	all := map[string]struct{}{}
	for c := range s.types {
		all[c] = struct{}{}
	}
	for c := range s.inputs {
		if c != "" && c != star {
			all[c] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// shapes returns the shapes of all datasets that the view says more of than that they are
// read.
func (v *View) shapes() map[DatasetRef]*shape {
	out := map[DatasetRef]*shape{}
	of := func(id NodeID) *shape {
		s := out[id.Dataset()]
		if s == nil {
			s = &shape{inputs: map[string][]input{}}
			out[id.Dataset()] = s
		}
		return s
	}
	for e := range v.Edges() {
		if e.To.Kind == JobNode {
			continue
		}
		s := of(e.To)
		s.written = true
		if e.Layer == ColumnLayer {
			s.inputs[e.To.Field] = append(s.inputs[e.To.Field], input{e.From, e.Kinds})
		}
	}
	for _, s := range out {
		for c := range s.inputs {
			s.inputs[c] = sortedInputs(s.inputs[c])
		}
	}
	for n := range v.Nodes() {
		if n.ID.Kind != DatasetNode || n.Fields == nil {
			continue
		}
		s := of(n.ID)
		s.types = map[string]string{}
		for _, f := range n.Fields {
			s.types[f.Path] = f.Type
		}
	}
	return out
}

func sortedInputs(list []input) []input {
	slices.SortFunc(list, input.compare)
	return slices.CompactFunc(list, func(a, b input) bool { return a.compare(b) == 0 })
}

// A comparison is a Check under way.
type comparison struct {
	before, after *View
	old, young    map[DatasetRef]*shape
	renamed       map[NodeID]NodeID
}

// gone reports whether a column that was there is there no longer.
func (c *comparison) gone(d DatasetRef, column string) bool {
	was, is := c.old[d], c.young[d]
	_, made := was.inputs[column]
	switch {
	case is == nil: // Nothing writes or describes the dataset any longer. A source may still be read.
		n, err := c.after.find(d.Node())
		return was.written || err != nil || !c.after.has(n)
	case is.has(column):
		return false
	case was.types != nil && is.types != nil:
		return true
	}
	return made && (is.types != nil || len(is.inputs) > 0)
}

// renames finds columns that are gone where a new one is made from the same. What it finds
// may make the inputs of others the same, so it goes on until it finds no more.
func (c *comparison) renames() {
	datasets := slices.SortedFunc(maps.Keys(c.old), DatasetRef.Compare)
	taken := map[NodeID]bool{}
	for before := -1; before < len(c.renamed); {
		before = len(c.renamed)
		for _, d := range datasets {
			for _, column := range c.old[d].columns() {
				from := d.Column(column)
				if _, done := c.renamed[from]; done || c.young[d] == nil || !c.gone(d, column) {
					continue
				}
				if to := c.successor(d, column, taken); !to.IsZero() {
					c.renamed[from], taken[to] = to, true
				}
			}
		}
	}
}

// successor returns the first new column that is made from what one that is gone was made
// from, or zero.
func (c *comparison) successor(d DatasetRef, column string, taken map[NodeID]bool) NodeID {
	for _, name := range c.young[d].columns() {
		to := d.Column(name)
		if !c.old[d].has(name) && !taken[to] && len(c.young[d].inputs[name]) > 0 && c.same(d, column, name) {
			return to
		}
	}
	return NodeID{}
}

// same reports whether a column was made from what another is made from now.
func (c *comparison) same(d DatasetRef, was, is string) bool {
	return slices.EqualFunc(c.inputs(c.old[d].inputs[was]), c.inputs(c.young[d].inputs[is]), func(a, b input) bool { return a.compare(b) == 0 })
}

// inputs returns inputs under their new names; a reader that was not adapted still has the
// old ones.
func (c *comparison) inputs(list []input) []input {
	out := slices.Clone(list)
	for i, in := range out {
		if to, ok := c.renamed[in.from]; ok {
			out[i].from = to
		}
	}
	return sortedInputs(out)
}

// dataset returns the breaks of one dataset that was there.
func (c *comparison) dataset(d DatasetRef) []Break {
	var out []Break
	was, is := c.old[d], cmp.Or(c.young[d], &shape{})
	for _, column := range was.columns() {
		id := d.Column(column)
		if to, ok := c.renamed[id]; ok {
			out = append(out, c.found(Break{Kind: ColumnRenamed, Node: id, To: to.Field}))
			continue
		}
		if c.gone(d, column) {
			out = append(out, c.found(Break{Kind: ColumnGone, Node: id}))
			continue
		}
		if from, to := was.types[column], is.types[column]; from != "" && to != "" && from != to {
			out = append(out, c.found(Break{Kind: ColumnRetyped, Node: id, To: to}))
		}
	}
	if len(was.inputs) == 0 || len(is.inputs) == 0 { // Nothing is known of one.
		return out
	}
	for _, column := range append(was.columns(), "") {
		if (column == "" || is.has(column)) && !c.same(d, column, column) {
			out = append(out, c.found(Break{Kind: ColumnRedefined, Node: d.Column(column)}))
		}
	}
	return out
}

// clear returns the nodes at which labels arrive in clear now and did not.
func (c *comparison) clear(labels []Labelled) []Break {
	was := clearly(c.before, labels)
	var out []Break
	for at := range clearly(c.after, labels) {
		if !was[at] {
			out = append(out, c.found(Break{Kind: NewlyClear, Node: at.Node, Label: at.Label}))
		}
	}
	return out
}

func clearly(v *View, labels []Labelled) map[Labelled]bool {
	known := slices.DeleteFunc(slices.Clone(labels), func(l Labelled) bool {
		_, err := v.find(l.Node)
		return err != nil
	})
	out := map[Labelled]bool{}
	r, err := v.Reach(context.Background(), known, ReachQuery{})
	if err != nil {
		return out // Sources are known and nothing is bounded: there is no error to be had.
	}
	for _, a := range r.Arrivals {
		if a.Exposure == Clear {
			out[Labelled{a.Node, a.Label}] = true
		}
	}
	return out
}

// found adds the readers to a break.
func (c *comparison) found(b Break) Break {
	b.Readers, b.Adapted = []Node{}, []Node{}
	was, is := readersOf(c.before, b.Node), readersOf(c.after, b.Node)
	for _, id := range slices.SortedFunc(maps.Keys(was), NodeID.Compare) {
		if n, ok := is[id]; ok {
			b.Readers = append(b.Readers, c.after.node(n))
		} else {
			b.Adapted = append(b.Adapted, c.before.node(was[id]))
		}
	}
	return b
}

// readersOf returns who reads a node in a view.
func readersOf(v *View, id NodeID) map[NodeID]int32 {
	n, err := v.find(id)
	if err != nil {
		return nil
	}
	w := newWalker(v, Query{})
	defer w.release()
	w.begin(n)
	out := map[NodeID]int32{}
	for _, r := range w.readers(n) {
		out[v.id(r.who)] = r.who
	}
	return out
}
