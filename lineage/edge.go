package lineage

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"
)

// A Layer is one of the three graphs that lie on each other. None overwrites another.
type Layer uint8

// The layers.
const (
	JobLayer     Layer = iota + 1 // dataset to job, job to dataset, job to job
	DatasetLayer                  // dataset to dataset
	ColumnLayer                   // column to column, or column to a whole dataset
)

// An Edge is one edge over one stretch of time.
type Edge struct {
	From, To  NodeID
	Layer     Layer
	Job       JobRef // via which it leads; zero for an edge that a dataset event states
	Origin    Origin
	Kinds     []Transformation // sorted; shared, not to be written to
	ValidFrom time.Time
	ValidTo   time.Time // zero: still valid
	LastSeen  time.Time // the newest snapshot that has it
	Certainty Certainty
	Stale     bool // its job's newest runs have outputs, but no longer this one
	Widened   bool // followed at dataset level for want of column edges
}

// Compare orders edges by their ends, layer, job, origin and kinds, which is what makes
// them different edges, and then by the time from which they are valid. It is the order
// of every list of edges in this package.
func (e Edge) Compare(o Edge) int {
	return cmp.Or(e.compareIdentity(o), e.ValidFrom.Compare(o.ValidFrom))
}

func (e Edge) compareIdentity(o Edge) int {
	return cmp.Or(e.From.Compare(o.From), e.To.Compare(o.To), cmp.Compare(e.Layer, o.Layer), e.Job.Compare(o.Job),
		cmp.Compare(e.Origin, o.Origin), slices.CompareFunc(e.Kinds, o.Kinds, Transformation.Compare))
}

// A link is an edge by number: the ends as answered, and the entry that states it.
type link struct {
	from, to int32
	x        entry
	seen     int64 // of the newest snapshot with the edge
	set      bool  // it leads through a set
}

// edge returns a link as an edge.
func (v *View) edge(l link) Edge {
	g := v.g
	a := &g.attrs[l.x.attr]
	s := &g.scopes[a.scope]
	e := Edge{
		From: v.id(l.from), To: v.id(l.to), Layer: s.layer, Job: g.jobOf(*s), Origin: s.origin, Kinds: a.kinds,
		Certainty: a.certainty, ValidFrom: timeOf(l.x.begin), LastSeen: timeOf(l.seen), Stale: g.stale(l.x, v.hi-1),
	}
	if l.x.end != forever {
		e.ValidTo = timeOf(l.x.end)
	}
	return e
}

// Edges yields all edges of the view, sorted as [Edge.Compare] does. An edge of a job's
// inputs x outputs is one edge from each input to each output.
func (v *View) Edges() iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		for _, n := range v.sorted(func(int32) bool { return true }) {
			for _, l := range v.links(n) {
				if !yield(v.edge(l)) {
					return
				}
			}
		}
	}
}

// links returns the edges of the view that begin at a node, sorted. Stretches are joined
// before those outside of the view are left out, so that no view cuts a stretch short.
func (v *View) links(n int32) []link {
	var out []link
	add := func(x entry, set bool) {
		out = append(out, link{from: n, to: v.canon(x.node), x: x, seen: v.g.seen(x), set: set})
	}
	var row, through []entry
	for _, p := range v.peers(n) {
		row = v.g.row(forward, p, row[:0])
		for _, x := range row {
			if v.g.nodes[x.node].kind != setNode {
				add(x, false)
				continue
			}
			through = v.g.row(forward, x.node, through[:0])
			for _, y := range through {
				add(y, true)
			}
		}
	}
	return slices.DeleteFunc(v.join(out), func(l link) bool { return !v.valid(l.x) })
}

// join sorts links and makes one of those that are stretches of one edge: through one set
// of inputs of a scope after another, and then in several scopes at once, as under several
// names of a dataset.
func (v *View) join(links []link) []link {
	scope := func(l link) int32 { return v.g.attrs[l.x.attr].scope }
	byTime := func(a, b link) int { return cmp.Or(cmp.Compare(a.x.begin, b.x.begin), cmp.Compare(a.x.end, b.x.end)) }
	slices.SortFunc(links, func(a, b link) int {
		return cmp.Or(v.compareLinks(a, b), cmp.Compare(scope(a), scope(b)), byTime(a, b))
	})
	links = v.fuse(links, func(a, b link) bool { return a.set && b.set && scope(a) == scope(b) && a.x.end == b.x.begin })
	slices.SortFunc(links, func(a, b link) int { return cmp.Or(v.compareLinks(a, b), byTime(a, b)) })
	return v.fuse(links, func(a, b link) bool { return b.x.begin < a.x.end })
}

// compareLinks orders links by what makes them different edges.
func (v *View) compareLinks(a, b link) int {
	if c := cmp.Or(v.compare(a.from, b.from), v.compare(a.to, b.to)); c != 0 || a.x.attr == b.x.attr {
		return c
	}
	g := v.g
	x, y := &g.attrs[a.x.attr], &g.attrs[b.x.attr]
	s, t := g.scopes[x.scope], g.scopes[y.scope]
	return cmp.Or(cmp.Compare(s.layer, t.layer), g.jobOf(s).Compare(g.jobOf(t)), cmp.Compare(s.origin, t.origin),
		slices.CompareFunc(x.kinds, y.kinds, Transformation.Compare))
}

// fuse makes one of neighbours that are the same edge and go on in each other.
func (v *View) fuse(links []link, on func(a, b link) bool) []link {
	out := links[:0]
	for _, l := range links {
		if len(out) > 0 {
			last := &out[len(out)-1]
			if on(*last, l) && v.compareLinks(*last, l) == 0 {
				begin, seen := last.x.begin, max(last.seen, l.seen)
				if v.g.compareNews(last.x, l.x) < 0 {
					*last = l
				}
				last.x.begin, last.seen = begin, seen
				continue
			}
		}
		out = append(out, l)
	}
	return out
}

// compareNews orders stretches of one edge by which is to be believed in what is carried:
// the one that ends later, was seen later, went stale later; of equals the one that is more
// certain, with the smaller descriptions.
func (g *graph) compareNews(a, b entry) int {
	stale := func(x entry) int64 {
		if since := g.marks.At(g.attrs[x.attr].scope).stale; since != 0 && x.end == forever {
			return since
		}
		return forever
	}
	x, y := &g.attrs[a.attr], &g.attrs[b.attr]
	return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(g.seen(a), g.seen(b)), cmp.Compare(stale(a), stale(b)), cmp.Compare(y.certainty, x.certainty),
		slices.CompareFunc(y.kinds, x.kinds, func(k, l Transformation) int { return strings.Compare(k.Description, l.Description) }))
}
