package lineage

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// A BreakKind is what a [Break] found.
type BreakKind uint8

// The kinds of breaks.
const (
	ColumnGone      BreakKind = iota + 1 // of a dataset: all of it
	ColumnRenamed                        // same inputs and kinds, new name; of a dataset: an event says so, and To is the new one's text
	ColumnRetyped                        // by its dataset's schema
	ColumnRedefined                      // other inputs or kinds; of a dataset: those that all its columns share
	NewlyClear                           // a label arrives unmasked that did not
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
	Readers []Node // who reads it in both views, or did and has said nothing since it was dropped: these break
	Adapted []Node // who read it before and was changed with it: a note
}

// Check compares two views, of one engine or of two, as a gate before a change does: it
// lists what happened to columns, and for each the jobs that read it; where a dataset event
// states the edge, the dataset made of it. A column that stays where only its inputs were
// renamed is not redefined.
//
// What a view does not say is no evidence: a column is gone if its dataset is, or if the
// dataset's schema or its columns' edges are known and do not have it any longer. A dataset
// is gone if nothing writes or describes it any longer, or if it was dropped: then by all
// columns that were read of it. Labelled nodes that neither view knows carry nothing.
//
// A drop or a rename ends edges without anybody having adapted: who read the dataset, and
// has said nothing since, still reads it, and what was made of it is not redefined.
func Check(before, after *View, labels []Labelled) []Break {
	c := &comparison{
		before: before, after: after, old: before.shapes(), young: after.shapes(), renamed: map[NodeID]NodeID{},
		read: before.readColumns(), ends: map[DatasetRef]ending{}, newest: after.newestStatements(),
	}
	c.renames()
	out := []Break{}
	all := maps.Clone(c.read)
	for d := range c.old {
		all[d] = nil
	}
	for _, d := range slices.SortedFunc(maps.Keys(all), DatasetRef.Compare) {
		out = append(out, c.dataset(d)...)
	}
	out = append(out, c.clear(labels)...)
	slices.SortFunc(out, func(a, b Break) int {
		return cmp.Or(a.Node.Compare(b.Node), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Label, b.Label))
	})
	return out
}

// A comparison is a Check under way.
type comparison struct {
	before, after *View
	old, young    map[DatasetRef]*shape
	renamed       map[NodeID]NodeID
	read          map[DatasetRef]map[string]bool // what was read of each dataset; no columns: of all, who knows what
	ends          map[DatasetRef]ending          // of those that were asked for; see end
	newest        map[int32]int64                // see newestStatements
}

// newestStatements returns when each job said last anything of edges, and of each dataset
// when anybody said last what it is made from.
func (v *View) newestStatements() map[int32]int64 {
	out := map[int32]int64{}
	for i, s := range v.g.scopes {
		t := v.g.marks.At(int32(i)).seen
		for _, n := range [2]int32{s.job, v.canon(s.target)} {
			if n >= 0 && t > out[n] {
				out[n] = t
			}
		}
	}
	return out
}

// end returns when a dataset was dropped or renamed last, if the view before does not know
// that; else the zero ending.
func (c *comparison) end(d DatasetRef) ending {
	x, ok := c.ends[d]
	if !ok {
		if x = c.after.end(d); x.at == c.before.end(d).at {
			x = ending{}
		}
		c.ends[d] = x
	}
	return x
}

// end returns what ended a dataset last, under any of its names.
func (v *View) end(d DatasetRef) ending {
	var last ending
	n, err := v.find(d.Node())
	if err != nil {
		return last
	}
	for _, p := range v.peers(n) {
		if x := v.g.detail.At(p); x != nil {
			for _, e := range x.ends {
				if e.at < v.hi && (last == (ending{}) || e.at > last.at) {
					last = e
				}
			}
		}
	}
	return last
}

// over reports whether an event ended a dataset, and nothing was said of it since.
func (c *comparison) over(d DatasetRef) bool {
	if c.end(d) == (ending{}) || c.young[d] != nil {
		return false
	}
	n, err := c.after.find(d.Node())
	return err == nil && !slices.ContainsFunc(append(c.after.columns(n, nil), c.after.peers(n)...), c.after.joined)
}

// silent reports whether a node of the later view has said nothing since a dataset ended.
func (c *comparison) silent(id NodeID, d DatasetRef) bool {
	x := c.end(d)
	n, err := c.after.find(id)
	return x != (ending{}) && (err != nil || c.newest[n] < x.at)
}

// gone reports whether a column that was there is there no longer.
func (c *comparison) gone(d DatasetRef, column string) bool {
	was, is := c.old[d], c.young[d]
	if is == nil {
		return c.vanished(d)
	}
	inputs, made := was.inputs[column]
	ended := func(in input) bool { return c.silent(d.Node(), in.from.Dataset()) }
	switch {
	case is.has(column):
		return false
	case was.types != nil && is.types != nil:
		return true
	}
	return made && !slices.ContainsFunc(inputs, ended) && (is.types != nil || len(is.inputs) > 0)
}

// vanished reports whether a dataset that was there is gone: an event ended it, or nothing
// writes or describes it any longer. A source may still be read.
func (c *comparison) vanished(d DatasetRef) bool {
	was := c.old[d]
	if c.over(d) || was == nil || c.young[d] != nil {
		return c.over(d)
	}
	n, err := c.after.find(d.Node())
	return was.written || err != nil || !c.after.has(n)
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
	left := slices.DeleteFunc(slices.Clone(c.old[d].inputs[was]), func(in input) bool { return c.silent(d.Node(), in.from.Dataset()) })
	now := c.young[d].inputs[is]
	if len(left) < len(c.old[d].inputs[was]) { // What was renamed goes on under its new name.
		now = slices.DeleteFunc(slices.Clone(now), func(in input) bool {
			return !slices.ContainsFunc(left, func(x input) bool { return x.from == in.from })
		})
	}
	return slices.EqualFunc(c.inputs(left), c.inputs(now), func(a, b input) bool { return a.compare(b) == 0 })
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
	was, is := cmp.Or(c.old[d], &shape{}), cmp.Or(c.young[d], &shape{})
	columns, over := was.columns(), c.over(d)
	if end := c.end(d); over && end.to >= 0 { // Its columns went along.
		return []Break{c.found(Break{Kind: ColumnRenamed, Node: d.Node(), To: c.after.id(end.to).String()})}
	}
	if over {
		columns = slices.Compact(slices.Sorted(slices.Values(slices.AppendSeq(columns, maps.Keys(c.read[d])))))
	}
	if c.vanished(d) {
		out = append(out, c.found(Break{Kind: ColumnGone, Node: d.Node()}))
	}
	for _, column := range columns {
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
		n, reads := is[id]
		switch {
		case reads:
			b.Readers = append(b.Readers, c.after.node(n))
		case c.silent(id, b.Node.Dataset()):
			b.Readers = append(b.Readers, c.before.node(was[id]))
		default:
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
