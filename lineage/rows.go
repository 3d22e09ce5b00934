package lineage

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/tenon-go/tenon/internal/csr"
	"github.com/tenon-go/tenon/lineage/internal/persist"
)

// rows are the rows of a graph as a batch changes them.
type rows struct {
	g       *graph
	f       *fold
	drafts  [2]map[int32]*persist.ListEditor[entry]
	newest  int64
	edges   int    // how many more entries there are
	changes int    // how many entries came, went or became others
	bulk    *edges // not nil: the graph was empty, and all that is put goes here
}

func newRows(f *fold, g *graph) rows {
	return rows{g: g, f: f, drafts: [2]map[int32]*persist.ListEditor[entry]{{}, {}}, newest: g.newest}
}

// row yields the entries of a row as it is. It may not be changed meanwhile.
func (r *rows) row(direction int, n int32) iter.Seq[entry] {
	d := r.drafts[direction][n]
	if d == nil {
		return slices.Values(r.g.row(direction, n, nil))
	}
	return func(yield func(entry) bool) {
		at := persist.Place{}
		for x, ok := d.At(at); ok && yield(x); x, ok = d.At(at) {
			at = d.Next(at)
		}
	}
}

// both calls change with the row and the other end of each of a fact's ends.
func (r *rows) both(x fact, change func(d *persist.ListEditor[entry], other int32)) {
	for direction, end := range [2][2]int32{{x.from, x.to}, {x.to, x.from}} {
		d := r.drafts[direction][end[0]]
		if d == nil {
			if over := r.g.over[direction].At(end[0]); over != nil {
				d = over.Edit()
			} else {
				d = persist.NewList(r.g.row(direction, end[0], nil))
			}
			r.drafts[direction][end[0]] = d
		}
		change(d, end[1])
	}
	r.changes++
}

// find returns the place of the first entry that is not before x.
func (r *rows) find(d *persist.ListEditor[entry], x entry) persist.Place {
	t := r.f.table()
	return d.Find(func(e *entry) bool { return t.compareEntries(*e, x) < 0 })
}

// add adds an entry where it belongs: so a long row costs what is beside its place.
func (r *rows) add(d *persist.ListEditor[entry], x entry) { d.Insert(r.find(d, x), x) }

// same finds the entry of an edge that begins at x.begin or later, among those that are open
// or those that ended, as x is.
func (r *rows) same(d *persist.ListEditor[entry], x entry, is func(e *entry) bool) (at persist.Place, e entry, ok bool) {
	at = r.find(d, x)
	t := r.f.table()
	for e, ok = d.At(at); ok && t.sameEdge(e, x); e, ok = d.At(at) {
		if e.attr == x.attr && is(&e) {
			return at, e, true
		}
		at = d.Next(at)
	}
	return at, e, false
}

// put adds an interval.
func (r *rows) put(x interval) {
	r.edges++
	if r.newest = max(r.newest, x.Begin); x.End != forever {
		r.newest = max(r.newest, x.End)
	}
	if r.bulk != nil {
		r.bulk.add(x.Elem.from, x.Elem.to, x.Elem.attr, x.Begin, x.End, x.Seen)
		return
	}
	r.both(x.Elem, func(d *persist.ListEditor[entry], other int32) {
		r.add(d, entry{node: other, attr: x.Elem.attr, begin: x.Begin, end: x.End, seen: x.Seen})
	})
}

// drop removes an interval.
func (r *rows) drop(x interval) {
	r.both(x.Elem, func(d *persist.ListEditor[entry], other int32) {
		is := func(e *entry) bool { return e.begin == x.Begin && e.end == x.End }
		if at, _, ok := r.same(d, entry{node: other, attr: x.Elem.attr, begin: x.Begin, end: x.End}, is); ok {
			d.Delete(at)
		}
	})
	r.edges--
}

// open returns a fact's open entry in a row, and its place.
func (r *rows) open(d *persist.ListEditor[entry], other, attr int32) (at persist.Place, e entry, ok bool) {
	return r.same(d, entry{node: other, attr: attr, begin: ever, end: forever}, func(*entry) bool { return true })
}

// end ends a fact's open entry. One that held for no time is removed.
func (r *rows) end(x fact, t, seen int64) {
	gone := 0
	r.both(x, func(d *persist.ListEditor[entry], other int32) {
		at, e, ok := r.open(d, other, x.attr)
		if !ok {
			return
		}
		d.Delete(at)
		if e.begin >= t {
			gone = 1
			return
		}
		e.end, e.seen = t, seen
		r.add(d, e)
	})
	r.edges -= gone
	r.newest = max(r.newest, t)
}

// reopen lets a fact's entry that ended at a time go on. It returns when that was seen last.
// Nothing of the fact begins at that time or later.
func (r *rows) reopen(x fact, t int64) (seen int64, ok bool) {
	names := r.f.table()
	r.both(x, func(d *persist.ListEditor[entry], other int32) {
		last := entry{node: other, attr: x.attr, begin: t, end: t}
		at, before := d.Before(r.find(d, last))
		e, there := d.At(at)
		if !before || !there || e.end != t || e.attr != x.attr || !names.sameEdge(e, last) {
			return
		}
		d.Delete(at)
		seen, ok = e.seen, true
		e.end = forever
		r.add(d, e)
	})
	return seen, ok
}

// recast gives a fact's open entry what is carried with a newer one. Its place is the same.
func (r *rows) recast(x, by fact) {
	r.both(x, func(d *persist.ListEditor[entry], other int32) {
		if at, e, ok := r.open(d, other, x.attr); ok {
			e.attr = by.attr
			d.Set(at, e)
		}
	})
}

// differ brings rows from the intervals that they have to those that hold. Both are in
// order of fact and begin. It reports whether anything differed.
func (r *rows) differ(have, want []interval, order func(a, b fact) int) bool {
	differs := false
	for len(have) > 0 || len(want) > 0 {
		switch c := compareIntervals(have, want, order); {
		case c < 0:
			r.drop(have[0])
			differs = true
			have = have[1:]
		case c > 0:
			r.put(want[0])
			differs = true
			want = want[1:]
		default:
			a, b := have[0], want[0]
			if a.Elem.attr != b.Elem.attr || a.End != b.End || a.End != forever && a.Seen != b.Seen {
				r.drop(a)
				r.put(b)
				differs = true
			}
			have, want = have[1:], want[1:]
		}
	}
	return differs
}

func compareIntervals(a, b []interval, order func(a, b fact) int) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return cmp.Or(order(a[0].Elem, b[0].Elem), cmp.Compare(a[0].Begin, b[0].Begin))
}

// edges are all entries of a graph, column by column.
type edges struct {
	from, to, attr   []int32
	begin, end, seen []int64
}

func (x *edges) add(from, to, attr int32, begin, end, seen int64) {
	x.from, x.to, x.attr = append(x.from, from), append(x.to, to), append(x.attr, attr)
	x.begin, x.end, x.seen = append(x.begin, begin), append(x.end, end), append(x.seen, seen)
}

// flatten returns all entries of a graph.
func flatten(g *graph) *edges {
	n := g.edges
	x := &edges{
		from: make([]int32, 0, n), to: make([]int32, 0, n), attr: make([]int32, 0, n),
		begin: make([]int64, 0, n), end: make([]int64, 0, n), seen: make([]int64, 0, n),
	}
	var row []entry
	for n := range int32(len(g.nodes)) { //nolint:gosec // nodes are numbered in int32
		row = g.row(forward, n, row[:0])
		for _, e := range row {
			x.add(n, e.node, e.attr, e.begin, e.end, e.seen)
		}
	}
	return x
}

// layOut makes a base of edges between the nodes of a graph.
func layOut(g *graph, x *edges) *base {
	rank := ranks(len(g.nodes), func(a, b int32) int { return compareNodes(g.nodes, a, b) })
	ties := func(a, b int32) int {
		return cmp.Or(g.compareAttrs(x.attr[a], x.attr[b]), cmp.Compare(x.begin[a], x.begin[b]))
	}
	current := func(e int32) bool { return x.end[e] == forever }
	b := &base{times: instants(x)}
	b.rows[forward] = sortedRows(len(g.nodes), x.from, x.to, rank, ties, current)
	b.rows[reverse] = sortedRows(len(g.nodes), x.to, x.from, rank, ties, current)
	n := len(x.attr)
	b.attr, b.begin, b.end, b.seen = make([]int32, n), make([]int32, n), make([]int32, n), make([]int32, n)
	place := make([]int32, n) // by edge: its position in forward
	for p, e := range b.rows[forward].Edge {
		place[e] = int32(p)
		b.attr[p], b.begin[p], b.end[p] = x.attr[e], b.instant(x.begin[e]), math.MaxInt32
		if !current(e) {
			b.end[p], b.seen[p] = b.instant(x.end[e]), b.instant(x.seen[e])
		}
	}
	b.rows[forward].Edge = nil
	for p, e := range b.rows[reverse].Edge {
		b.rows[reverse].Edge[p] = place[e]
	}
	return b
}

// instants returns the times that edges begin, end or were seen at, ascending, and ever.
func instants(x *edges) []int64 {
	have := map[int64]struct{}{ever: {}}
	for i := range x.attr {
		have[x.begin[i]] = struct{}{}
		if x.end[i] != forever {
			have[x.end[i]], have[x.seen[i]] = struct{}{}, struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(have))
}

func (b *base) instant(t int64) int32 {
	i, _ := slices.BinarySearch(b.times, t)
	return int32(i) //nolint:gosec // there are fewer instants than edges
}

// ranks returns the place of each of n things in an order.
func ranks(n int, order func(a, b int32) int) []int32 {
	sorted := make([]int32, n)
	for i := range sorted {
		sorted[i] = int32(i)
	}
	slices.SortFunc(sorted, order)
	rank := make([]int32, n)
	for i, x := range sorted {
		rank[x] = int32(i)
	}
	return rank
}

// sortedRows lays edges out by one end, each row in order of the other end's rank and of
// ties. Counting does most of it: the edges are brought into the order of the other end
// first, and Build keeps it.
func sortedRows(n int, own, other, rank []int32, ties func(a, b int32) int, current func(e int32) bool) csr.Graph {
	next := make([]int32, n+1)
	for _, o := range other {
		next[rank[o]+1]++
	}
	for i := range n {
		next[i+1] += next[i]
	}
	sorted := make([]int32, len(own))
	for e, o := range other {
		sorted[next[rank[o]]] = int32(e)
		next[rank[o]]++
	}
	from, to := make([]int32, len(own)), make([]int32, len(own))
	for i, e := range sorted {
		from[i], to[i] = own[e], other[e]
	}
	g := csr.Build(n, from, to, func(i int) bool { return current(sorted[i]) })
	for i, e := range g.Edge {
		g.Edge[i] = sorted[e]
	}
	for i := range n {
		for _, part := range [2][2]int32{{g.Off[i], g.Now[i]}, {g.Now[i], g.Off[i+1]}} {
			for j := part[0] + 1; j < part[1]; j++ {
				for k := j; k > part[0] && g.To[k-1] == g.To[k] && ties(g.Edge[k-1], g.Edge[k]) > 0; k-- {
					g.Edge[k-1], g.Edge[k] = g.Edge[k], g.Edge[k-1]
				}
			}
		}
	}
	return g
}
