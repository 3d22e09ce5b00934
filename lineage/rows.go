package lineage

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/tenon-go/tenon/internal/csr"
)

// rows are the rows of a graph as a batch changes them.
type rows struct {
	g      *graph
	drafts [2]map[int32]*draft
	newest int64
	edges  int    // how many more entries there are
	bulk   *edges // not nil: the graph was empty, and all that is put goes here
}

// A draft is a row that is written to. Its first entries are in order, those that came
// are behind: so a long row costs a copy, but is not sorted again. One that is looked
// through again and again gets an index, and then keeps the places of what was taken.
type draft struct {
	row    []entry
	sorted int
	looks  int
	index  map[edgeEnd][]int32 // where the entries of an edge are; nil: not made
	gone   int                 // entries that were taken, which have no attr
}

// An edgeEnd is an edge as a row has it.
type edgeEnd struct{ other, attr int32 }

// manyLooks is after how many looks through a row an index is made.
const manyLooks = 16

// noAttr marks an entry that was taken.
const noAttr = -1

func newRows(g *graph) rows {
	return rows{g: g, drafts: [2]map[int32]*draft{{}, {}}, newest: g.newest}
}

// row returns a row as it is, to be read.
func (r *rows) row(direction int, n int32) []entry {
	if d := r.drafts[direction][n]; d != nil {
		d.compact()
		return d.row
	}
	return r.g.row(direction, n, nil)
}

// both calls change with the row and the other end of each of a fact's ends.
func (r *rows) both(x fact, change func(d *draft, other int32)) {
	for direction, end := range [2][2]int32{{x.from, x.to}, {x.to, x.from}} {
		d := r.drafts[direction][end[0]]
		if d == nil {
			d = &draft{row: r.g.row(direction, end[0], nil)}
			d.sorted = len(d.row)
			r.drafts[direction][end[0]] = d
		}
		change(d, end[1])
	}
}

// find returns the index of an entry of an edge, or -1.
func (d *draft) find(other, attr int32, is func(e *entry) bool) int {
	if d.looks++; d.looks > manyLooks && d.index == nil {
		d.index = make(map[edgeEnd][]int32, len(d.row))
		for i := range d.row {
			d.note(i)
		}
	}
	if d.index == nil {
		return slices.IndexFunc(d.row, func(e entry) bool { return e.node == other && e.attr == attr && is(&e) })
	}
	for _, i := range d.index[edgeEnd{other, attr}] {
		if is(&d.row[i]) {
			return int(i)
		}
	}
	return -1
}

func (d *draft) note(i int) {
	at := edgeEnd{d.row[i].node, d.row[i].attr}
	d.index[at] = append(d.index[at], int32(i)) //nolint:gosec // entries count in int32
}

func (d *draft) forget(i int) {
	at := edgeEnd{d.row[i].node, d.row[i].attr}
	d.index[at] = slices.DeleteFunc(d.index[at], func(k int32) bool { return int(k) == i })
}

// add adds an entry.
func (d *draft) add(e entry) {
	d.row = append(d.row, e)
	if d.index != nil {
		d.note(len(d.row) - 1)
	}
}

// take removes an entry.
func (d *draft) take(i int) {
	if d.index != nil {
		d.forget(i)
		d.row[i].attr = noAttr
		d.gone++
		return
	}
	if i < d.sorted {
		d.sorted--
	}
	d.row = slices.Delete(d.row, i, i+1)
}

// recast gives an entry another attr.
func (d *draft) recast(i int, attr int32) {
	if d.index != nil {
		d.forget(i)
	}
	d.row[i].attr = attr
	if d.index != nil {
		d.note(i)
	}
}

// compact removes what was taken, and the index with it.
func (d *draft) compact() {
	if d.gone == 0 {
		return
	}
	kept, sorted := d.row[:0], d.sorted
	for i, e := range d.row {
		if e.attr != noAttr {
			kept = append(kept, e)
		} else if i < sorted {
			d.sorted--
		}
	}
	d.row, d.index, d.looks, d.gone = kept, nil, 0, 0
}

// finish returns the row in order.
func (d *draft) finish(order func(a, b entry) int) []entry {
	d.compact()
	came := d.row[d.sorted:]
	slices.SortFunc(came, order)
	out := make([]entry, 0, len(d.row)) // Not nil, which would mean that the row is base's.
	rest := d.row[:d.sorted]
	for _, e := range came { // They are few beside the rest of a long row.
		i, _ := slices.BinarySearchFunc(rest, e, order)
		out = append(append(out, rest[:i]...), e)
		rest = rest[i:]
	}
	return append(out, rest...)
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
	r.both(x.Elem, func(d *draft, other int32) {
		d.add(entry{node: other, attr: x.Elem.attr, begin: x.Begin, end: x.End, seen: x.Seen})
	})
}

// drop removes an interval.
func (r *rows) drop(x interval) {
	r.both(x.Elem, func(d *draft, other int32) {
		i := d.find(other, x.Elem.attr, func(e *entry) bool { return e.begin == x.Begin && e.end == x.End })
		if i >= 0 {
			d.take(i)
		}
	})
	r.edges--
}

// open returns the index of a fact's open entry in a row, or -1.
func (d *draft) open(other, attr int32) int {
	return d.find(other, attr, func(e *entry) bool { return e.end == forever })
}

// end ends a fact's open entry. One that held for no time is removed.
func (r *rows) end(x fact, t, seen int64) {
	gone := 0
	r.both(x, func(d *draft, other int32) {
		i := d.open(other, x.attr)
		if i < 0 {
			return
		}
		e := d.row[i]
		d.take(i)
		if e.begin >= t {
			gone = 1
			return
		}
		e.end, e.seen = t, seen
		d.add(e)
	})
	r.edges -= gone
	r.newest = max(r.newest, t)
}

// reopen lets a fact's entry that ended at a time go on. It returns when that was seen last.
func (r *rows) reopen(x fact, t int64) (seen int64, ok bool) {
	r.both(x, func(d *draft, other int32) {
		i := d.find(other, x.attr, func(e *entry) bool { return e.end == t })
		if i < 0 {
			return
		}
		e := d.row[i]
		d.take(i)
		seen, ok = e.seen, true
		e.end = forever
		d.add(e)
	})
	return seen, ok
}

// recast gives a fact's open entry what is carried with a newer one. Its place is the same.
func (r *rows) recast(x, by fact) {
	r.both(x, func(d *draft, other int32) {
		if i := d.open(other, x.attr); i >= 0 {
			d.recast(i, by.attr)
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
