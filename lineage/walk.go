package lineage

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/tenon-go/tenon/internal/csr"
)

// A Step is a node that a walk reached for the first time.
type Step struct {
	Node  NodeID
	Depth int // in edges from the start

	w *walker
}

// Edge returns the edge that led to the node: the first one by name. It must not be
// called after visit has returned. It costs what there is to copy, which a walk that only
// counts or collects nodes need not pay.
func (s Step) Edge() Edge { return s.w.edge(s.w.last) }

// A Partial says why an answer is not complete; the zero value says that it is.
type Partial struct {
	Reason string // nodes, edges, context; empty: complete
	Nodes  int    // found until then
	Edges  int
}

// The reasons of a [Partial].
const (
	reasonNodes   = "nodes"
	reasonEdges   = "edges"
	reasonContext = "context"
)

// Stats counts what a walk did.
type Stats struct {
	Nodes   int // reached, the start not counted
	Edges   int // followed; those through one set of inputs of a job once
	Depth   int // of the farthest node
	Partial Partial
	Blind   int // datasets that the trace could not enter
}

// A Subgraph is what a query reached. Lists are sorted and never nil.
type Subgraph struct {
	Start   NodeID
	Nodes   []Node // the start and all ends of edges among them
	Edges   []Edge // followed; at dataset level those between columns are one by job and origin, with the kinds of all, unless the job states it
	Blind   []NodeID
	Partial Partial
}

// Downstream returns all that is made from a node, as far as a query goes; the query's
// Direction does not count. Its errors are those of [View.Walk].
func (v *View) Downstream(ctx context.Context, id NodeID, q Query) (*Subgraph, error) {
	q.Direction = Downstream
	return v.subgraph(ctx, id, q)
}

// Upstream returns all that a node is made from, as far as a query goes; the query's
// Direction does not count. Its errors are those of [View.Walk].
func (v *View) Upstream(ctx context.Context, id NodeID, q Query) (*Subgraph, error) {
	q.Direction = Upstream
	return v.subgraph(ctx, id, q)
}

// Walk visits what a query reaches from a node, breadth first; the start is not visited. The
// nodes that one node leads to come in this order: by its own edges, then by those of what
// it is a part of and of its parts, in order of path, under the primary name before others;
// of each of these by the names at the other ends as stated, those valid still before those
// that have ended. So equal sets of records give equal orders, however they came; a record
// that ends an edge may change the order in views of the past.
//
// It builds nothing: the cost is that of the edges followed. It ends early where visit
// returns false; a nil visit only counts.
//
// Errors: [ErrInvalid] for a query that [Query.Validate] refuses, and for an ID that names
// nothing; [ErrNotFound] for a node that no edge and no statement names at any time; the
// cause of the context, when it ends, with what was visited until then in Stats.
func (v *View) Walk(ctx context.Context, id NodeID, q Query, visit func(Step) bool) (Stats, error) {
	if err := q.Validate(); err != nil {
		return Stats{}, err
	}
	n, err := v.find(id)
	if err != nil {
		return Stats{}, err
	}
	w := newWalker(v, q)
	defer w.release()
	if visit == nil {
		visit = func(Step) bool { return true }
	}
	return w.run(ctx, n, visit)
}

func (v *View) subgraph(ctx context.Context, id NodeID, q Query) (*Subgraph, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	n, err := v.find(id)
	if err != nil {
		return nil, err
	}
	w := newWalker(v, q)
	defer w.release()
	w.collect = true
	stats, err := w.run(ctx, n, func(Step) bool { return true })
	ends := map[int32]struct{}{}
	for _, at := range w.queue {
		ends[at.node] = struct{}{}
	}
	for _, h := range w.kept {
		ends[h.from], ends[h.to] = struct{}{}, struct{}{}
	}
	s := &Subgraph{Start: v.id(w.start), Nodes: v.nodesOf(ends), Edges: w.edges(w.kept), Blind: v.ids(w.blind), Partial: stats.Partial}
	return s, err
}

// nodesOf returns nodes, sorted.
func (v *View) nodesOf(set map[int32]struct{}) []Node {
	out := make([]Node, 0, len(set))
	for n := range set {
		out = append(out, v.node(n))
	}
	slices.SortFunc(out, func(a, b Node) int { return a.ID.Compare(b.ID) })
	return out
}

// ids returns the IDs of nodes, sorted.
func (v *View) ids(set map[int32]struct{}) []NodeID {
	out := make([]NodeID, 0, len(set))
	for n := range set {
		out = append(out, v.id(n))
	}
	slices.SortFunc(out, NodeID.Compare)
	return out
}

// run walks from a node. With collect set it keeps the edges that it follows.
func (w *walker) run(ctx context.Context, start int32, visit func(Step) bool) (Stats, error) {
	w.begin(start)
	w.visit, w.once = visit, !w.collect
	w.bare = w.once && w.plain && w.v.alias == nil && w.q.Level == ColumnLevel && w.q.MaxEdges == 0
	done := ctx.Done()
	for head, end := 0, 0; head < len(w.queue) && !w.stopped && w.cut == ""; head++ {
		if head == end {
			if w.depth++; w.q.Depth > 0 && w.depth > w.q.Depth {
				break
			}
			end = len(w.queue)
		}
		if done != nil && head%256 == 0 && ctx.Err() != nil {
			w.cut = reasonContext
			break
		}
		w.expand(w.queue[head])
	}
	s := w.stats
	s.Blind = len(w.blind)
	if w.cut != "" {
		s.Partial = Partial{Reason: w.cut, Nodes: s.Nodes, Edges: s.Edges}
	}
	if w.cut == reasonContext {
		return s, fmt.Errorf("lineage: walk: %w", context.Cause(ctx))
	}
	return s, nil
}

// begin puts the start into an empty queue.
func (w *walker) begin(start int32) {
	nodes := w.v.g.nodes
	if w.q.Level == 0 {
		w.q.Level = map[NodeKind]Level{JobNode: JobLevel, DatasetNode: DatasetLevel, ColumnNode: ColumnLevel}[nodes[start].kind]
	}
	if w.q.Level != ColumnLevel && nodes[start].kind == ColumnNode {
		start = w.v.canon(nodes[start].owner)
	}
	w.start = start
	w.reached.Reset(len(nodes))
	w.followed.Reset(len(nodes))
	w.reached.Add(start)
	w.queue = append(w.queue[:0], stop{start, nodes[start].owner})
}

// expand follows the edges of a node, and queues what they reach for the first time.
func (w *walker) expand(at stop) {
	if w.bare && at.owner != at.node && w.flat.Has(at.owner) { // Its own row is all there is to read.
		if w.followed.Add(at.node) {
			w.expandBare(at.node, at.node)
		}
		return
	}
	w.rows = w.relatives(at, w.rows[:0])
	for _, r := range w.rows {
		if r.star < 0 && !w.followed.Add(r.row) {
			continue
		}
		if w.bare && r.column && r.star < 0 {
			w.expandBare(r.row, r.near)
		} else {
			w.hits = w.scan(r, w.hits[:0])
			w.followAll(w.hits)
		}
		if w.stopped || w.cut != "" {
			return
		}
	}
}

func (w *walker) followAll(hits []hit) {
	for _, h := range hits {
		if w.stats.Edges == w.q.MaxEdges && w.q.MaxEdges > 0 {
			w.cut = reasonEdges
			return
		}
		if !w.reached.Has(h.to) && !w.arrive(h) {
			return
		}
		w.stats.Edges++
		if w.collect {
			w.kept = append(w.kept, h)
		}
	}
}

// expandBare is expand for the row of a column of which every edge is followed and only
// counted, which is what most of a large walk is made of. It reads no more than it must.
func (w *walker) expandBare(row, near int32) {
	if over := w.v.g.over[w.direction].At(row); over != nil {
		for i := range over.Parts() {
			first, some := over.Part(i)
			if !w.expandOver(row, near, first, some) {
				return
			}
		}
		return
	}
	rows := &w.v.g.base.rows[w.direction]
	if int(row) >= rows.Nodes() {
		return
	}
	if !w.v.now {
		w.expandTimed(row, near, rows)
		return
	}
	from, end := rows.Off[row], rows.Now[row]
	for p := from; p < end; p++ {
		if to := rows.To[p]; !w.reached.Has(to) && !w.arrive(hit{near, to, row, p}) {
			end = p
		}
	}
	w.stats.Edges += int(end - from)
}

// expandOver is expandBare for entries of a row that replaces one of the base, of which so
// many come before. It returns false where no more are to be read.
func (w *walker) expandOver(row, near int32, first int, some []entry) bool {
	for i := range some {
		x := &some[i]
		switch {
		case w.v.now && x.end != forever:
			return false
		case !w.v.now && !w.v.valid(*x):
			continue
		case !w.reached.Has(x.node) && !w.arrive(hit{near, x.node, row, int32(first + i)}): //nolint:gosec // entries count in int32
			return false
		}
		w.stats.Edges++
	}
	return true
}

// expandTimed is expandBare where times are to be read.
func (w *walker) expandTimed(row, near int32, rows *csr.Graph) {
	b, lo, hi := w.v.g.base, w.v.loIndex, w.v.hiIndex
	for p := rows.Off[row]; p < rows.Off[row+1]; p++ {
		e := p
		if w.direction == reverse {
			e = rows.Edge[p]
		}
		if b.begin[e] >= hi || b.end[e] < lo {
			continue
		}
		if to := rows.To[p]; !w.reached.Has(to) && !w.arrive(hit{near, to, row, p}) {
			return
		}
		w.stats.Edges++
	}
}

// arrive marks, shows and queues a node. It returns false where the walk ends before.
func (w *walker) arrive(h hit) bool {
	x := &w.v.g.nodes[h.to]
	switch {
	case x.kind == JobNode && w.q.Level != JobLevel:
		w.stats.Edges-- // A job that reads a column, and nothing of the column layer.
		return true
	case w.stats.Nodes == w.q.MaxNodes && w.q.MaxNodes > 0:
		w.cut = reasonNodes
		return false
	}
	w.reached.Add(h.to)
	w.queue = append(w.queue, stop{h.to, x.owner})
	w.stats.Nodes, w.stats.Depth, w.last = w.stats.Nodes+1, w.depth, h
	s := Step{Depth: w.depth, w: w}
	if x.kind == ColumnNode && w.v.alias == nil { // Most are, and copying a name costs as much as finding the node.
		of := &w.v.g.nodes[x.owner]
		s.Node.Kind, s.Node.Namespace, s.Node.Name, s.Node.Field = ColumnNode, of.space, of.name, x.name
	} else {
		s.Node = w.v.id(h.to)
	}
	w.stopped = !w.visit(s)
	return !w.stopped
}

// edges returns hits as edges, sorted. At dataset level edges between columns become one
// by job and origin, or none where the job states the edge between the datasets.
func (w *walker) edges(hits []hit) []Edge {
	out := make([]Edge, 0, len(hits))
	known := map[int32][]link{}
	links := func(n int32) []link {
		if _, ok := known[n]; !ok {
			known[n] = w.v.links(n)
		}
		return known[n]
	}
	for _, h := range hits {
		out = append(out, w.edgeOf(h, links))
	}
	slices.SortFunc(out, Edge.Compare)
	if w.q.Level == DatasetLevel {
		slices.SortStableFunc(out, func(a, b Edge) int { return cmp.Or(lifted(a, b), cmp.Compare(a.Layer, b.Layer)) })
		out = lift(out)
		slices.SortFunc(out, Edge.Compare)
	}
	return slices.CompactFunc(out, func(a, b Edge) bool { return a.Compare(b) == 0 })
}

// lifted orders edges as they are one at dataset level.
func lifted(a, b Edge) int {
	return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To), a.Job.Compare(b.Job), cmp.Compare(a.Origin, b.Origin))
}

// lift makes one edge of those between the columns of two datasets.
func lift(edges []Edge) []Edge {
	out := edges[:0]
	for _, e := range edges {
		if len(out) == 0 || e.Layer != ColumnLayer || lifted(out[len(out)-1], e) != 0 {
			e.Kinds = slices.Clone(e.Kinds)
			out = append(out, e)
			continue
		}
		last := &out[len(out)-1]
		if last.Layer != ColumnLayer {
			continue
		}
		last.Kinds = append(last.Kinds, e.Kinds...)
		slices.SortFunc(last.Kinds, Transformation.Compare)
		last.Kinds = slices.CompactFunc(last.Kinds, func(a, b Transformation) bool { return a.Compare(b) == 0 })
		last.Certainty = min(last.Certainty, e.Certainty)
		last.Stale = last.Stale && e.Stale
		if e.ValidFrom.Before(last.ValidFrom) {
			last.ValidFrom = e.ValidFrom
		}
		if e.ValidTo.IsZero() || !last.ValidTo.IsZero() && e.ValidTo.After(last.ValidTo) {
			last.ValidTo = e.ValidTo
		}
		if e.LastSeen.After(last.LastSeen) {
			last.LastSeen = e.LastSeen
		}
	}
	return out
}
