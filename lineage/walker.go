package lineage

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/tenon-go/tenon/internal/csr"
)

// A relative is a row to read for a node.
type relative struct {
	row, near int32
	star      int32 // in the row of a * column, read for one column: that column; else -1
	column    bool  // it is known to be a column's row
}

// A stop is a node to go on from, with its owner, which says what else to read.
type stop struct{ node, owner int32 }

// A jobTarget is a dataset that a job writes; -1 is no job.
type jobTarget struct{ job, target int32 }

// A walker is what a traversal needs. Walkers are pooled: they hold arrays as long as
// there are nodes.
type walker struct {
	v         *View
	q         Query
	direction int
	plain     bool // no edge is left out
	timed     bool // edges are left out for when they were seen
	seenSince int64
	start     int32

	reached, followed csr.Marks
	flat              csr.Marks // datasets whose row is read and whose columns are not parts of each other
	queue             []stop
	rows              []relative
	hits              []hit
	visit             func(Step) bool
	last              hit // that reached a node
	depth             int // of what is reached now
	stats             Stats
	stopped           bool   // by visit
	cut               string // the reason of a Partial
	collect           bool
	once              bool // sets are followed once
	bare              bool // see expandBare
	kept              []hit
	linked            []link // see links
	linkedOf          int32
	blind             map[int32]struct{}
	known             map[jobTarget]bool // whether a job states column edges of a target
}

//nolint:gochecknoglobals // buffers that no answer depends on; a pool per view would be empty each time
var walkers sync.Pool

func newWalker(v *View, q Query) *walker {
	w, ok := walkers.Get().(*walker)
	if !ok {
		w = &walker{blind: map[int32]struct{}{}, known: map[jobTarget]bool{}}
	}
	w.v, w.q = v, q
	w.flat.Reset(len(v.g.nodes))
	w.direction = forward
	if q.Direction == Upstream {
		w.direction = reverse
	}
	w.seenSince = math.MinInt64
	if !q.SeenSince.IsZero() {
		w.seenSince = micros(utc(q.SeenSince))
	}
	w.timed = q.SkipStale || !q.SeenSince.IsZero()
	w.plain = !w.timed && len(q.Types)+len(q.Subtypes)+len(q.Origins)+len(q.Jobs) == 0
	return w
}

// release gives the walker back. Nothing that it returned may be used any longer.
func (w *walker) release() {
	clear(w.blind)
	clear(w.known)
	w.v, w.q, w.visit, w.kept, w.linked, w.stats = nil, Query{}, nil, nil, nil, Stats{}
	w.collect, w.once, w.bare, w.stopped, w.cut, w.depth = false, false, false, false, "", 0
	walkers.Put(w)
}

func (w *walker) stop(n int32) stop { return stop{n, w.v.g.nodes[n].owner} }

// relatives appends the rows to read for a node.
func (w *walker) relatives(at stop, buf []relative) []relative {
	v, n := w.v, at.node
	switch {
	case at.owner != n:
		return w.columnRows(at, buf)
	case w.q.Level != JobLevel && v.g.nodes[n].kind == DatasetNode:
		return w.datasetRows(n, buf)
	case v.alias == nil:
		return append(buf, relative{n, n, -1, false})
	}
	for _, p := range v.peers(n) {
		buf = append(buf, relative{p, n, -1, false})
	}
	return buf
}

// datasetRows appends the rows of a dataset and of its columns.
func (w *walker) datasetRows(n int32, buf []relative) []relative {
	v := w.v
	near := func(c int32) int32 {
		if w.q.Level == DatasetLevel {
			return n
		}
		return v.canon(c)
	}
	if v.alias == nil {
		buf = append(buf, relative{n, n, -1, false})
		for _, c := range v.g.detail.At(n).known() {
			buf = append(buf, relative{c, near(c), -1, true})
		}
		return buf
	}
	for _, p := range v.peers(n) {
		buf = append(buf, relative{p, n, -1, false})
	}
	for _, c := range v.columns(n, nil) {
		buf = append(buf, relative{c, near(c), -1, true})
	}
	return buf
}

// columnRows appends the rows of a column, of what it is part of and of its parts.
func (w *walker) columnRows(at stop, buf []relative) []relative {
	v, n := w.v, at.node
	if w.flat.Has(at.owner) {
		return append(buf, relative{n, n, -1, true})
	}
	if d := v.g.detail.At(at.owner); v.alias == nil && (d == nil || !d.nested) {
		if w.once || w.collect { // The row of the dataset is to be read once only.
			w.flat.Add(at.owner)
		}
		return append(buf, relative{n, n, -1, true}, relative{at.owner, at.owner, -1, false})
	}
	x, owner := &v.g.nodes[n], v.canon(at.owner)
	for _, p := range v.peers(n) {
		buf = append(buf, relative{p, n, -1, true})
	}
	for _, p := range v.peers(owner) {
		buf = append(buf, relative{p, owner, -1, false})
	}
	for _, c := range v.columns(owner, nil) {
		switch name := v.g.nodes[c].name; {
		case name == x.name:
		case name == star:
			buf = append(buf, relative{c, n, n, true})
		case x.name == star || within(name, x.name) || within(x.name, name):
			buf = append(buf, relative{c, v.canon(c), -1, true})
		}
	}
	return buf
}

// star is the path that stands for each column with a namesake at the other end.
const star = "*"

// within reports whether a path is part of another: a.b and a[].b of a.
func within(path, whole string) bool {
	rest, ok := strings.CutPrefix(path, whole)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// nestedPath reports whether a column may be a part of another, or stands for all.
func nestedPath(path string) bool { return path == star || strings.ContainsAny(path, ".[") }

// scan appends the edges of a row that the query follows.
func (w *walker) scan(r relative, buf []hit) []hit {
	w.each(r.row, func(x entry, at int32) { buf = w.take(r, x, at, buf) })
	return buf
}

// each calls f with the entries of a row that are valid in the view, and their places.
func (w *walker) each(row int32, f func(x entry, at int32)) {
	v := w.v
	if over := v.g.over[w.direction].At(row); over != nil {
		for i := range over.Parts() {
			first, some := over.Part(i)
			if !w.eachOver(some, int32(first), f) { //nolint:gosec // entries count in int32
				return
			}
		}
		return
	}
	rows := &v.g.base.rows[w.direction]
	if int(row) >= rows.Nodes() {
		return
	}
	end := rows.Off[row+1]
	if v.now {
		end = rows.Now[row]
	}
	for p := rows.Off[row]; p < end; p++ {
		if v.now || w.inWindow(p) {
			f(v.g.base.entry(w.direction, p), p)
		}
	}
}

// eachOver is each for entries of a row that replaces one of the base, of which so many come
// before. It returns false where no more are valid.
func (w *walker) eachOver(some []entry, first int32, f func(x entry, at int32)) bool {
	for _, x := range some {
		if w.v.now && x.end != forever {
			return false
		}
		if w.v.now || w.v.valid(x) {
			f(x, first)
		}
		first++
	}
	return true
}

// inWindow reports whether the entry at a position of base is valid in the view.
func (w *walker) inWindow(p int32) bool {
	b := w.v.g.base
	if w.direction == reverse {
		p = b.rows[reverse].Edge[p]
	}
	return b.begin[p] < w.v.hiIndex && b.end[p] >= w.v.loIndex
}

// take appends what one entry of a row leads to.
func (w *walker) take(r relative, x entry, at int32, buf []hit) []hit {
	v, g := w.v, w.v.g
	layer := g.scopes[g.attrs[x.attr].scope].layer
	jobs := w.q.Level == JobLevel || g.nodes[r.row].kind == JobNode && g.nodes[x.node].kind != JobNode
	h := hit{r.near, v.canon(x.node), r.row, at}
	switch {
	case (layer == JobLayer) != jobs, !w.passes(x):
		return buf
	case layer == DatasetLayer:
		return w.between(h, x, buf)
	case !w.fresh(h):
		return buf
	case layer == JobLayer || g.nodes[x.node].kind != ColumnNode:
	case w.q.Level == DatasetLevel:
		h.to = v.canon(g.nodes[x.node].owner)
	case r.star >= 0 && g.nodes[x.node].name == star:
		namesake, ok := w.namesake(x.node, r.star)
		if !ok {
			w.blind[v.canon(g.nodes[x.node].owner)] = struct{}{}
			return buf
		}
		h.to = namesake
	}
	return append(buf, h)
}

// namesake returns the column that a * edge leads to from a column: the one of the same
// name that the schema of the other dataset has, or where that is not known, that other
// edges have.
func (w *walker) namesake(star, column int32) (int32, bool) {
	v := w.v
	owner, name := v.g.nodes[star].owner, v.g.nodes[column].name
	for _, p := range v.peers(v.canon(owner)) {
		if c, ok := v.g.column(p, name); ok {
			c = v.canon(c)
			_, stated := v.facet(v.canon(owner), facetSchema)
			_, has := v.field(c)
			return c, has || !stated && v.has(c)
		}
	}
	return 0, false
}

// between appends what an entry of the dataset layer leads to. At column level that is
// nothing where columns are known, and else what Widen allows: the rest is blind.
func (w *walker) between(h hit, x entry, buf []hit) []hit {
	v, first := w.v, len(buf)
	switch set := &v.g.nodes[x.node]; {
	case set.kind != setNode:
		buf = append(buf, h)
	case w.once && !w.timed && w.q.Level == DatasetLevel && !w.followed.Add(x.node):
	case w.direction == reverse:
		for m := range members(*set) {
			buf = append(buf, hit{h.from, v.canon(m), h.row, h.at})
		}
		slices.SortFunc(buf[first:], func(a, b hit) int { return v.compare(a.to, b.to) })
	default:
		w.each(x.node, func(y entry, at int32) {
			if w.passes(y) {
				buf = append(buf, hit{h.from, v.canon(y.node), x.node, at})
			}
		})
	}
	kept := buf[:first]
	for _, h := range buf[first:] {
		if w.fresh(h) && (w.q.Level == DatasetLevel || w.enters(h, v.g.scopes[v.g.attrs[x.attr].scope].job)) {
			kept = append(kept, h)
		}
	}
	return kept
}

// enters reports whether a column trace goes on along an edge between datasets, and notes
// where it is blind.
func (w *walker) enters(h hit, job int32) bool {
	target := h.to
	if w.direction == reverse {
		target = w.v.canon(w.v.g.nodes[h.from].owner)
	}
	if w.knows(jobTarget{job, target}) {
		return false
	}
	if !w.q.Widen {
		w.blind[h.to] = struct{}{}
	}
	return w.q.Widen
}

// knows reports whether a job states any column edge of a target.
func (w *walker) knows(k jobTarget) bool {
	known, ok := w.known[k]
	if ok {
		return known
	}
	v := w.v
	var row []entry
	for _, n := range v.columns(k.target, slices.Clone(v.peers(k.target))) {
		row = v.g.row(reverse, n, row[:0])
		known = known || slices.ContainsFunc(row, func(x entry) bool {
			s := &v.g.scopes[v.g.attrs[x.attr].scope]
			return s.layer == ColumnLayer && s.job == k.job && v.valid(x)
		})
	}
	w.known[k] = known
	return known
}

// passes reports whether the query follows an edge for what it is.
func (w *walker) passes(x entry) bool {
	if w.plain {
		return true
	}
	g, q := w.v.g, &w.q
	a := &g.attrs[x.attr]
	s := &g.scopes[a.scope]
	if g.nodes[x.node].kind == setNode && w.direction == forward {
		return true // What counts is the entry from the set to the output.
	}
	return (len(q.Origins) == 0 || slices.Contains(q.Origins, s.origin)) &&
		(len(q.Jobs) == 0 || slices.Contains(q.Jobs, g.jobOf(*s))) &&
		(len(q.Types)+len(q.Subtypes) == 0 || matches(q, a.kinds))
}

// matches reports whether one of an edge's kinds has a type and a subtype that are asked
// for.
func matches(q *Query, kinds []Transformation) bool {
	if len(kinds) == 0 {
		kinds = []Transformation{{}}
	}
	return slices.ContainsFunc(kinds, func(t Transformation) bool {
		typ, subtype := t.counts()
		return (len(q.Types) == 0 || slices.Contains(q.Types, t.Type) || slices.Contains(q.Types, typ)) &&
			(len(q.Subtypes) == 0 || slices.Contains(q.Subtypes, t.Subtype) || slices.Contains(q.Subtypes, subtype))
	})
}

// neighbours returns the edges that lead on from a node, sorted by the other end.
func (w *walker) neighbours(n int32) []hit {
	w.rows = w.relatives(w.stop(n), w.rows[:0])
	var out []hit
	for _, r := range w.rows {
		out = w.scan(r, out)
	}
	w.order(out)
	return out
}

// order sorts hits by the other end, then by what the edge is.
func (w *walker) order(hits []hit) {
	v := w.v
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(v.compare(a.to, b.to), v.compare(a.from, b.from), v.g.compareAttrs(w.entry(a).attr, w.entry(b).attr))
	})
}
