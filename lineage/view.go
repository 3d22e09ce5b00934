package lineage

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"
)

// An At is the instant or the window of a [View]. Times are used in UTC and to the
// microsecond. The zero At is now, as believed now.
type At struct {
	Time  time.Time // zero: now; with Until: from the beginning
	Until time.Time // not zero: what is valid at any instant of [Time, Until)
	Known time.Time // not zero: as believed then; slow, for the log is replayed
}

// A View is the graph at one instant or over one window. It is immutable and safe for
// concurrent use.
//
// A node is in a view if it is an end of an edge of the view, if owners, tags or a schema
// are stated of it by then, or if it is a column of such a schema. Names that stand for
// one dataset are one node under the primary name.
type View struct {
	at     At
	g      *graph
	alias  *aliases // nil: no dataset has two names
	lo, hi int64    // the window [lo, hi) in microseconds; an instant t is [t, t+1)
	now    bool     // no edge of g begins or ends past lo: the current part of a row is the row

	// An entry of base is in the window if its begin is less than hiIndex and its end is not
	// less than loIndex.
	loIndex, hiIndex int32
}

// A Node is a node with what is known of it at the instant of its view, or at the last
// instant of a window.
type Node struct {
	ID      NodeID
	Type    string       // of a dataset (TABLE, ...), a job (QUERY, ...) or, as its schema says, a column
	Fields  []Field      // of a dataset, sorted by path; nil: no schema is known
	Aliases []DatasetRef // the other names of a dataset, sorted
	Owners  []string     // sorted; of a column those of its dataset
	Tags    []string     // sorted
}

// newView returns the view of a graph at an instant or over a window. The clock's time
// says what now is.
func newView(g *graph, at At, now time.Time) *View {
	at.Time, at.Until = utc(at.Time), utc(at.Until)
	v := &View{at: at, g: g}
	switch {
	case !at.Until.IsZero():
		v.lo, v.hi = ever, micros(at.Until)
		if !at.Time.IsZero() {
			v.lo = micros(at.Time)
		}
	case at.Time.IsZero():
		v.at.Time = utc(now)
		v.lo = micros(v.at.Time)
		v.hi = v.lo + 1
	default:
		v.lo = micros(at.Time)
		v.hi = v.lo + 1
	}
	v.now = at.Until.IsZero() && v.lo >= g.newest
	if g.alias != nil {
		v.alias = g.aliasesAt(v.hi - 1)
	}
	if !v.now {
		begin, _ := slices.BinarySearch(g.base.times, v.hi)
		end, found := slices.BinarySearch(g.base.times, v.lo)
		if found {
			end++
		}
		v.hiIndex, v.loIndex = int32(begin), int32(end) //nolint:gosec // there are fewer instants than 2^31 edges
	}
	return v
}

// utc cuts a time to what is compared.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}

// At returns the instant or window that the view is of. Time is set where it was now.
func (v *View) At() At { return v.at }

// valid reports whether an entry's edge is valid in the view.
func (v *View) valid(x entry) bool { return x.begin < v.hi && x.end > v.lo }

// find returns the node that stands for a name.
func (v *View) find(id NodeID) (int32, error) {
	if err := id.valid("node"); err != nil {
		return 0, err
	}
	n, ok := v.g.find(id)
	if !ok && v.alias != nil && id.Kind == ColumnNode {
		// The column may be known by another name of its dataset only.
		if d, known := v.g.find(id.Dataset().Node()); known {
			for _, m := range v.alias.members(d) {
				if n, ok = v.g.column(m, id.Field); ok {
					break
				}
			}
		}
	}
	if !ok || !v.known(n) {
		return 0, fmt.Errorf("lineage: %s: %w", id, ErrNotFound)
	}
	return v.canon(n), nil
}

// known reports whether an edge or a statement that holds at any time names a node, or
// another name of it. That it has a number is not enough: it may have got that from what
// was replaced since, which is a matter of the order of arrival.
func (v *View) known(n int32) bool {
	g := v.g
	for direction := range 2 {
		if g.hasRow(direction, n) {
			return true
		}
	}
	switch x := &g.nodes[n]; {
	case v.alias != nil && len(v.alias.members(x.owner)) > 0:
		return true
	case x.kind == ColumnNode:
		d := g.detail.At(x.owner)
		return d != nil && slices.ContainsFunc(d.facets[facetSchema], func(f facet) bool {
			return slices.ContainsFunc(f.fields, func(f Field) bool { return f.Path == x.name })
		})
	}
	d := g.detail.At(n)
	return d != nil && (slices.ContainsFunc(d.facets[:], func(list []facet) bool { return len(list) > 0 }) || slices.ContainsFunc(d.columns, v.known))
}

// hasRow reports whether a node has entries in one direction.
func (g *graph) hasRow(direction int, n int32) bool {
	if over := g.over[direction].At(n); over != nil {
		return over.Len() > 0
	}
	rows := &g.base.rows[direction]
	return int(n) < rows.Nodes() && rows.Off[n] < rows.Off[n+1]
}

// column returns the number of a column of a dataset.
func (g *graph) column(dataset int32, path string) (int32, bool) {
	id := g.id(dataset)
	return g.find(id.Dataset().Column(path))
}

// canon returns the node that stands for a node and its namesakes in answers. Of columns
// it is one of them, whatever its number; [View.id] gives it the primary's name.
func (v *View) canon(n int32) int32 {
	if v.alias == nil {
		return n
	}
	switch x := &v.g.nodes[n]; x.kind {
	case DatasetNode:
		return v.alias.primary(n)
	case ColumnNode:
		for _, m := range v.alias.members(x.owner) {
			if c, ok := v.g.column(m, x.name); ok {
				return c
			}
		}
	default:
	}
	return n
}

// peers returns the nodes that a node stands for, itself among them. They are not to be
// written to.
func (v *View) peers(n int32) []int32 {
	if v.alias == nil {
		return []int32{n}
	}
	x := &v.g.nodes[n]
	group := v.alias.members(x.owner)
	switch {
	case len(group) == 0 || x.kind != DatasetNode && x.kind != ColumnNode:
		return []int32{n}
	case x.kind == DatasetNode:
		return group
	}
	var out []int32
	for _, m := range group {
		if c, ok := v.g.column(m, x.name); ok {
			out = append(out, c)
		}
	}
	return out
}

// columns appends the columns of a dataset, under all of its names, in order of path.
func (v *View) columns(dataset int32, buf []int32) []int32 {
	if v.alias == nil {
		return append(buf, v.g.detail.At(dataset).known()...)
	}
	first := len(buf)
	for _, m := range v.peers(dataset) {
		buf = append(buf, v.g.detail.At(m).known()...)
	}
	slices.SortStableFunc(buf[first:], func(a, b int32) int { return strings.Compare(v.g.nodes[a].name, v.g.nodes[b].name) })
	return buf
}

func (d *detail) known() []int32 {
	if d == nil {
		return nil
	}
	return d.columns
}

// id returns the name of a node in answers.
func (v *View) id(n int32) NodeID {
	id := v.g.id(n)
	if v.alias != nil && id.Kind != JobNode {
		if p := v.alias.primary(v.g.nodes[n].owner); p != v.g.nodes[n].owner {
			of := &v.g.nodes[p]
			id.Namespace, id.Name = of.space, of.name
		}
	}
	return id
}

// compare orders nodes by their names in answers.
func (v *View) compare(a, b int32) int {
	if a == b {
		return 0
	}
	return v.id(a).Compare(v.id(b))
}

// sorted returns those of the nodes that stand for something in order of name.
func (v *View) sorted(want func(n int32) bool) []int32 {
	var out []int32
	for n := range int32(len(v.g.nodes)) { //nolint:gosec // nodes are numbered in int32
		if v.g.nodes[n].kind != setNode && v.canon(n) == n && want(n) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, v.compare)
	return out
}

// Nodes yields all nodes of the view, sorted by ID.
func (v *View) Nodes() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for _, n := range v.sorted(v.has) {
			if !yield(v.node(n)) {
				return
			}
		}
	}
}

// Find returns the first nodes of the view, by ID, whose name begins with a prefix: the
// name of a dataset or job, the path of a column, or [NodeID.String]. A limit of 0 or less
// is none.
func (v *View) Find(prefix string, limit int) []Node {
	out := []Node{}
	for _, n := range v.sorted(func(n int32) bool {
		return strings.HasPrefix(v.g.nodes[n].name, prefix) || strings.HasPrefix(v.id(n).String(), prefix)
	}) {
		if limit > 0 && len(out) == limit {
			break
		}
		if v.has(n) {
			out = append(out, v.node(n))
		}
	}
	return out
}

// has reports whether a node is in the view.
func (v *View) has(n int32) bool {
	for _, p := range v.peers(n) {
		if v.joined(p) {
			return true
		}
		for kind := range facetKinds {
			if _, ok := v.g.detail.At(p).at(kind, v.hi-1); ok {
				return true
			}
		}
	}
	switch x := &v.g.nodes[n]; x.kind {
	case DatasetNode:
		return slices.ContainsFunc(v.columns(n, nil), v.joined)
	case ColumnNode:
		_, ok := v.field(n)
		return ok
	default:
		return false
	}
}

// joined reports whether a valid entry begins or ends at a node.
func (v *View) joined(n int32) bool {
	return slices.ContainsFunc(v.g.row(forward, n, nil), v.valid) || slices.ContainsFunc(v.g.row(reverse, n, nil), v.valid)
}

// field returns what the schema of its dataset says of a column.
func (v *View) field(column int32) (Field, bool) {
	x := &v.g.nodes[column]
	f, ok := v.facet(v.canon(x.owner), facetSchema)
	if !ok {
		return Field{}, false
	}
	if i := slices.IndexFunc(f.fields, func(f Field) bool { return f.Path == x.name }); i >= 0 {
		return f.fields[i], true
	}
	return Field{}, false
}

// facet returns the newest statement of a list, under whichever name of the node.
func (v *View) facet(n int32, kind int) (facet, bool) {
	newest, found := facet{from: math.MinInt64}, false
	for _, p := range v.peers(n) {
		if f, ok := v.g.detail.At(p).at(kind, v.hi-1); ok && (!found || f.from > newest.from) {
			newest, found = f, true
		}
	}
	return newest, found
}

// node returns a node with what is known of it.
func (v *View) node(n int32) Node {
	out := Node{ID: v.id(n), Aliases: []DatasetRef{}, Owners: []string{}, Tags: []string{}}
	if out.ID.Kind == ColumnNode {
		f, _ := v.field(n)
		out.Type = f.Type
		if f, ok := v.facet(v.canon(v.g.nodes[n].owner), facetOwners); ok {
			out.Owners = slices.Sorted(slices.Values(f.words))
		}
		return out
	}
	for _, p := range v.peers(n) {
		if d := v.g.detail.At(p); d != nil {
			out.Type = cmp.Or(out.Type, d.typ)
		}
		if p != n {
			out.Aliases = append(out.Aliases, v.g.id(p).Dataset())
		}
	}
	slices.SortFunc(out.Aliases, DatasetRef.Compare)
	if f, ok := v.facet(n, facetSchema); ok {
		out.Fields = append([]Field{}, f.fields...)
		slices.SortFunc(out.Fields, func(a, b Field) int { return strings.Compare(a.Path, b.Path) })
	}
	for kind, into := range map[int]*[]string{facetOwners: &out.Owners, facetTags: &out.Tags} {
		if f, ok := v.facet(n, kind); ok {
			*into = append(*into, f.words...)
			slices.Sort(*into)
		}
	}
	return out
}
