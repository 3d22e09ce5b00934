package lineage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/tenon-go/tenon/internal/csr"
)

// A Labelled is a node that carries a label, such as pii. A dataset stands for all of its
// columns.
type Labelled struct {
	Node  NodeID
	Label string
}

// A ReachQuery is a [Query] with nodes that a label does not pass. Its zero level is
// [ColumnLevel]; at [DatasetLevel] an edge of inputs x outputs has no kinds and counts as
// DIRECT, so that more is clear there.
type ReachQuery struct {
	Query
	Barriers map[NodeID]string // why: the reason of whoever declassified the node, and with it its parts
}

// An Exposure says how a label arrives at a node.
type Exposure uint8

// The exposures, the gravest first.
const (
	Clear    Exposure = iota + 1 // along a DIRECT path that nothing masks
	Masked                       // along DIRECT paths, each of them masked
	Inferred                     // along INDIRECT paths only
)

// String returns the exposure in lower case.
func (e Exposure) String() string {
	switch e {
	case Clear:
		return "clear"
	case Masked:
		return "masked"
	case Inferred:
		return "inferred"
	}
	return nameOf(e, "Exposure")
}

// An Arrival is one label at one node. A dataset is reached as a whole: what selects or
// joins its rows depends on the label.
type Arrival struct {
	Node     NodeID
	Label    string
	Exposure Exposure

	witness witness
}

// Path returns a shortest path of the exposure, from a source of the label to the node.
func (a Arrival) Path() Path { return a.witness.path() }

// A Reach is where labels arrive, in order of node and label; a source does not arrive at
// itself. Lists are never nil.
type Reach struct {
	Arrivals []Arrival
	Stopped  []Stop // barriers at which a label ended
	Blind    []NodeID
	Partial  Partial
}

// A Stop is a barrier that a label came to.
type Stop struct {
	Labelled
	Reason string
}

// Reach follows labels from their sources and says where each of them arrives in clear,
// masked or by inference. A path is indirect if any of its edges is, and masked if any
// masks; edges without kinds count as DIRECT. Each edge is followed at most eight times
// for each label, cycles or not.
//
// Errors, all at once: [ErrInvalid] for a query that [Query.Validate] refuses, and for a
// source or barrier that names nothing; [ErrNotFound] for a source that no event ever
// named. A barrier that no event ever named stops nothing. Then the cause of the context,
// with what was found until it ended.
func (v *View) Reach(ctx context.Context, sources []Labelled, q ReachQuery) (*Reach, error) {
	labels := map[string][]int32{}
	errs := []error{q.Validate()}
	for _, s := range sources {
		n, err := v.find(s.Node)
		errs = append(errs, err)
		labels[s.Label] = append(labels[s.Label], n)
	}
	for _, id := range slices.SortedFunc(maps.Keys(q.Barriers), NodeID.Compare) {
		errs = append(errs, id.valid("barrier"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	out := &Reach{Arrivals: []Arrival{}, Stopped: []Stop{}, Blind: []NodeID{}}
	s := newSpread(v, q.Query)
	defer s.w.release()
	s.bar(q.Barriers)
	var err error
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if err = s.run(ctx, labels[label]); err != nil {
			err = fmt.Errorf("lineage: reach: %w", err)
		}
		out.arrivals(s, label)
		if s.w.cut != "" {
			out.Partial = s.partial()
			break
		}
	}
	out.Blind = v.ids(s.w.blind)
	slices.SortFunc(out.Arrivals, func(a, b Arrival) int { return cmp.Or(a.Node.Compare(b.Node), cmp.Compare(a.Label, b.Label)) })
	slices.SortFunc(out.Stopped, func(a, b Stop) int { return cmp.Or(a.Node.Compare(b.Node), cmp.Compare(a.Label, b.Label)) })
	return out, err
}

// arrivals adds what a spread found.
func (out *Reach) arrivals(s *spread, label string) {
	t := s.trail()
	s.done.Reset(len(s.have))
	for i := range s.finds {
		f := &s.finds[i]
		if f.prev < 0 {
			s.done.Add(f.h.to)
		}
		if s.done.Has(f.h.to) {
			continue
		}
		e, of := Inferred, ^direct
		switch all := s.have[f.h.to]; {
		case all&clearDirect != 0:
			e, of = Clear, clearDirect
		case all&maskedDirect != 0:
			e, of = Masked, maskedDirect
		}
		if f.classes&of == 0 {
			continue
		}
		s.done.Add(f.h.to) // Finds are in order of depth: this path is a shortest one.
		out.Arrivals = append(out.Arrivals, Arrival{s.w.v.id(f.h.to), label, e, witness{t, int32(i), f.classes & of}})
	}
	for n := range s.stopped {
		id := s.w.v.id(n)
		out.Stopped = append(out.Stopped, Stop{Labelled{id, label}, s.reasons[n]})
	}
}

// A find is a set of classes that reached a node for the first time, along one edge.
type find struct {
	h       hit
	prev    int32 // the find at the edge's beginning; -1: a source
	depth   int32
	classes classes
}

// A spread finds which classes of paths reach which nodes. It is breadth first over pairs
// of node and class, so that the first find of a class is a nearest one.
type spread struct {
	w       *walker
	have    []classes // by node: what reached it
	pushed  []classes // by row: what went on along it
	edge    []classes // by attr; 0: not looked up yet
	finds   []find
	done    csr.Marks
	barred  map[int32]bool // nodes and their parts; nil: there are none
	reasons map[int32]string
	stopped map[int32]struct{}
}

func newSpread(v *View, q Query) *spread {
	if q.Level == 0 {
		q.Level = ColumnLevel
	}
	n := len(v.g.nodes)
	return &spread{w: newWalker(v, q), have: make([]classes, n), pushed: make([]classes, n), edge: make([]classes, len(v.g.attrs))}
}

// bar sets the barriers.
func (s *spread) bar(barriers map[NodeID]string) {
	v := s.w.v
	s.barred, s.reasons = map[int32]bool{}, map[int32]string{}
	set := func(n int32, reason string) {
		if old, ok := s.reasons[n]; !ok || reason < old {
			s.barred[n], s.reasons[n] = true, reason
		}
	}
	for id, reason := range barriers {
		if n, err := v.find(id); err == nil {
			set(n, reason)
		}
		// Parts may be known where the whole is not; nothing arrives at what nobody ever named.
		d, err := v.find(id.Dataset().Node())
		if err != nil || id.Kind == JobNode {
			continue
		}
		for _, c := range v.columns(d, nil) {
			if id.Kind == DatasetNode || within(v.g.nodes[c].name, id.Field) {
				set(v.canon(c), reason)
			}
		}
	}
}

// run spreads from sources, and forgets what it found before.
func (s *spread) run(ctx context.Context, sources []int32) error {
	clear(s.have)
	clear(s.pushed)
	s.stopped, s.finds = map[int32]struct{}{}, nil
	for _, n := range sources {
		if s.w.q.Level != ColumnLevel {
			n = s.w.v.canon(s.w.v.g.nodes[n].owner)
		}
		if s.barred[n] {
			s.stopped[n] = struct{}{}
			continue
		}
		s.have[n] = unchanged
		s.finds = append(s.finds, find{h: hit{to: n}, prev: -1, classes: unchanged})
	}
	for head := 0; head < len(s.finds) && s.w.cut == ""; head++ {
		if head%256 == 0 && ctx.Err() != nil {
			s.w.cut = reasonContext
			return context.Cause(ctx)
		}
		if s.w.q.Depth == 0 || int(s.finds[head].depth) < s.w.q.Depth {
			s.push(int32(head))
		}
	}
	return nil
}

// push follows the edges of a find's node with the classes that did not go there yet.
func (s *spread) push(at int32) {
	f, w := s.finds[at], s.w
	w.rows = w.relatives(w.stop(f.h.to), w.rows[:0])
	for _, r := range w.rows {
		fresh := f.classes
		if r.star < 0 {
			fresh &^= s.pushed[r.row]
			s.pushed[r.row] |= fresh
		}
		if fresh == 0 || s.bars(r.near) {
			continue
		}
		w.hits = w.scan(r, w.hits[:0])
		for _, h := range w.hits {
			if s.arrive(h, at, compose()[fresh][s.along(h)]); w.cut != "" {
				return
			}
		}
	}
}

// arrive adds the classes that come to a node along an edge from a find.
func (s *spread) arrive(h hit, from int32, along classes) {
	w := s.w
	if w.stats.Edges == w.q.MaxEdges && w.q.MaxEdges > 0 {
		w.cut = reasonEdges
		return
	}
	w.stats.Edges++
	fresh := along &^ s.have[h.to]
	if fresh == 0 || s.bars(h.to) {
		return
	}
	if s.have[h.to] == 0 {
		if w.stats.Nodes == w.q.MaxNodes && w.q.MaxNodes > 0 {
			w.cut = reasonNodes
			return
		}
		w.stats.Nodes++
	}
	s.have[h.to] |= fresh
	s.finds = append(s.finds, find{h: h, prev: from, depth: s.finds[from].depth + 1, classes: fresh})
}

// bars reports whether a node is a barrier, and notes that something came to it.
func (s *spread) bars(n int32) bool {
	if !s.barred[n] {
		return false
	}
	s.stopped[n] = struct{}{}
	return true
}

// along returns the classes of a hit's edge.
func (s *spread) along(h hit) classes {
	a := s.w.attr(h)
	if s.edge[a] == 0 {
		s.edge[a] = classesOf(s.w.v.g.attrs[a].kinds)
	}
	return s.edge[a]
}

func (s *spread) partial() Partial {
	if s.w.cut == "" {
		return Partial{}
	}
	return Partial{Reason: s.w.cut, Nodes: s.w.stats.Nodes, Edges: s.w.stats.Edges}
}

// trail returns what it takes to show the paths of what was found so far.
func (s *spread) trail() *trail {
	return &trail{walker{v: s.w.v, q: s.w.q, direction: s.w.direction}, s.finds}
}

// A trail keeps the finds of a spread, so that a path is made only where it is asked for.
type trail struct {
	w     walker
	finds []find
}

// A witness is a path that is not made yet.
type witness struct {
	trail   *trail
	find    int32
	classes classes // the path is of one of these
}

// path goes back from a find, at each edge to a class that becomes the wanted one.
func (w witness) path() Path {
	var p Path
	if w.trail == nil {
		return p
	}
	want := w.classes
	for f := w.trail.finds[w.find]; f.prev >= 0; f = w.trail.finds[f.prev] {
		want &= -want
		p.Edges = append(p.Edges, w.trail.w.edge(f.h))
		before := w.trail.finds[f.prev].classes
		along := classesOf(w.trail.w.v.g.attrs[w.trail.w.attr(f.h)].kinds)
		for c := before & -before; ; c = before & -before {
			if compose()[c][along]&want != 0 || before == c {
				want = c
				break
			}
			before &^= c
		}
	}
	slices.Reverse(p.Edges)
	return p
}

// hits yields the edges of the path, the last one first.
func (w witness) hits() iter.Seq[hit] {
	return func(yield func(hit) bool) {
		for f := w.trail.finds[w.find]; f.prev >= 0; f = w.trail.finds[f.prev] {
			if !yield(f.h) {
				return
			}
		}
	}
}

// jobs returns the jobs along the path, each once.
func (w witness) jobs() []JobRef {
	out, g := []JobRef{}, w.trail.w.v.g
	for h := range w.hits() {
		if s := g.scopes[g.attrs[w.trail.w.attr(h)].scope]; s.job >= 0 && !slices.Contains(out, g.jobOf(s)) {
			out = append(out, g.jobOf(s))
		}
	}
	slices.Reverse(out)
	return out
}

// stale reports whether the path has a stale edge.
func (w witness) stale() bool {
	v := w.trail.w.v
	for h := range w.hits() {
		if v.g.stale(w.trail.w.entry(h), v.hi-1) {
			return true
		}
	}
	return false
}
