package lineage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// A Path is a sequence of edges, each of which begins where the one before ends, or at a
// part or the whole of that.
type Path struct{ Edges []Edge }

// Paths yields the simple paths along the edges from one node to another, or to a part or
// the whole of it, the shortest first and then by the names of their nodes; the direction
// of the query does not count. Between two nodes the first of several edges is taken. A
// path from a node to itself is a cycle through it.
//
// There may be very many paths. The budgets of the query bound what is looked at: when
// they are used up, and when the context ends, the last element is an error, [ErrTooLarge]
// or the context's cause. A wrong query and unknown nodes are the errors of [View.Walk], and
// the only element. Each use of the sequence begins anew.
func (v *View) Paths(ctx context.Context, from, to NodeID, q Query) iter.Seq2[Path, error] {
	return func(yield func(Path, error) bool) {
		a, errFrom := v.find(from)
		b, errTo := v.find(to)
		if err := errors.Join(q.Validate(), errFrom, errTo); err != nil {
			yield(Path{}, err)
			return
		}
		f, err := newFinder(ctx, v, a, b, q)
		defer f.w.release()
		f.yield = func(p Path) bool { return yield(p, nil) }
		for length := 1; err == nil && f.longer && (q.Depth == 0 || length <= q.Depth); length++ {
			f.longer = false
			err = f.extend(f.w.start, length)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Path{}, err)
		}
	}
}

// errStopped says that the caller wants no more.
var errStopped = errors.New("stopped")

// A finder looks for paths by depth first searches of growing length, each of which only
// goes where the target can still be reached.
type finder struct {
	ctx    context.Context //nolint:containedctx // a finder lives for one call
	w      *walker
	dist   map[int32]int   // edges from a node's own row to the target, at least
	next   map[int32][]hit // of a node, one edge to each other end from which there is a way
	on     map[int32]bool  // nodes of the path
	path   []hit
	steps  int
	longer bool // a longer path may be there
	yield  func(Path) bool
}

func newFinder(ctx context.Context, v *View, from, to int32, q Query) (*finder, error) {
	f := &finder{ctx: ctx, dist: map[int32]int{}, next: map[int32][]hit{}, on: map[int32]bool{}, longer: true}
	q.Direction = Downstream
	f.w = newWalker(v, q)
	f.w.begin(from)
	q.Direction, q.Level = Upstream, f.w.q.Level
	up := newWalker(v, q)
	defer up.release()
	stats, err := up.run(ctx, to, func(s Step) bool {
		f.dist[s.w.last.to] = s.Depth
		return true
	})
	f.dist[up.start] = 0
	if stats.Partial.Reason != "" && err == nil {
		err = errBudget
	}
	return f, err
}

// errBudget says that a search for paths was cut.
var errBudget = fmt.Errorf("lineage: paths: there is more than the query's budgets allow: %w", ErrTooLarge)

// need returns how many edges a node is away from the target, at least.
func (f *finder) need(n int32) (int, bool) {
	least, ok := 0, false
	f.w.rows = f.w.relatives(f.w.stop(n), f.w.rows[:0])
	for _, r := range f.w.rows {
		if d, known := f.dist[r.near]; known && (!ok || d < least) {
			least, ok = d, true
		}
	}
	return least, ok
}

// onward returns the edges of a node that may lead to the target.
func (f *finder) onward(n int32) []hit {
	out, ok := f.next[n]
	if !ok {
		out = slices.CompactFunc(f.w.neighbours(n), func(a, b hit) bool { return a.to == b.to })
		out = slices.DeleteFunc(out, func(h hit) bool {
			_, ok := f.need(h.to)
			return !ok
		})
		f.next[n] = out
	}
	return out
}

// extend yields the paths that go on from a node by a number of edges.
func (f *finder) extend(n int32, length int) error {
	f.on[n] = true
	defer delete(f.on, n)
	for _, h := range f.onward(n) {
		f.steps++
		if f.steps > f.w.q.MaxEdges && f.w.q.MaxEdges > 0 {
			return errBudget
		}
		if f.steps%256 == 0 && f.ctx.Err() != nil {
			return fmt.Errorf("lineage: paths: %w", context.Cause(f.ctx))
		}
		need, _ := f.need(h.to)
		switch {
		case need > 0 && f.on[h.to]:
			continue
		case need > length-1:
			f.longer = true
			continue
		case need == 0 && length > 1: // A shorter path.
			continue
		}
		f.path = append(f.path, h)
		var err error
		if need > 0 {
			err = f.extend(h.to, length-1)
		} else if !f.yield(f.found()) {
			err = errStopped
		}
		f.path = f.path[:len(f.path)-1]
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *finder) found() Path {
	var p Path
	for _, h := range f.path {
		p.Edges = append(p.Edges, f.w.edge(h))
	}
	return p
}

// Cycles yields the cycles at dataset level: each set of datasets that are all made from
// each other, and each dataset that is made from itself, as a job does that updates a
// table in place. The datasets of one are sorted, and so are the cycles. It is Tarjan's
// algorithm over all edges of the view (R. Tarjan, Depth-first search and linear graph
// algorithms, 1972). After an error, the cause of the context, the sequence ends.
func (v *View) Cycles(ctx context.Context) iter.Seq2[[]NodeID, error] {
	return func(yield func([]NodeID, error) bool) {
		found, err := v.cycles(ctx)
		if err != nil {
			yield(nil, fmt.Errorf("lineage: cycles: %w", err))
			return
		}
		for _, ids := range found {
			if !yield(ids, nil) {
				return
			}
		}
	}
}

func (v *View) cycles(ctx context.Context) ([][]NodeID, error) {
	w := newWalker(v, Query{Level: DatasetLevel})
	defer w.release()
	t := tarjan{index: map[int32]int{}, low: map[int32]int{}, on: map[int32]bool{}}
	var found [][]NodeID
	for n := range int32(len(v.g.nodes)) { //nolint:gosec // nodes are numbered in int32
		if v.g.nodes[n].kind != DatasetNode || v.canon(n) != n || t.index[n] != 0 {
			continue
		}
		parts, err := t.from(ctx, n, w.targets)
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			ids := make([]NodeID, len(part))
			for i, m := range part {
				ids[i] = v.id(m)
			}
			slices.SortFunc(ids, NodeID.Compare)
			found = append(found, ids)
		}
	}
	slices.SortFunc(found, func(a, b []NodeID) int { return a[0].Compare(b[0]) })
	return found, nil
}

// targets returns where the edges of a node lead, each once.
func (w *walker) targets(n int32) []int32 {
	w.rows = w.relatives(w.stop(n), w.rows[:0])
	seen := map[int32]bool{}
	var out []int32
	for _, r := range w.rows {
		w.hits = w.scan(r, w.hits[:0])
		for _, h := range w.hits {
			if !seen[h.to] {
				seen[h.to] = true
				out = append(out, h.to)
			}
		}
	}
	return out
}

// A tarjan finds strongly connected components without recursion, so that a long chain
// does not grow the stack.
type tarjan struct {
	index, low map[int32]int // from 1
	on         map[int32]bool
	stack      []int32
	count      int
}

type frame struct {
	node int32
	next []int32
	self bool
}

// from returns the components found from a node that are cycles.
func (t *tarjan) from(ctx context.Context, n int32, targets func(int32) []int32) ([][]int32, error) {
	var out [][]int32
	enter := func(n int32) frame {
		t.count++
		t.index[n], t.low[n], t.on[n] = t.count, t.count, true
		t.stack = append(t.stack, n)
		next := targets(n)
		return frame{n, next, slices.Contains(next, n)}
	}
	for frames := []frame{enter(n)}; len(frames) > 0; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		f := &frames[len(frames)-1]
		if len(f.next) > 0 {
			m := f.next[0]
			f.next = f.next[1:]
			switch {
			case t.index[m] == 0:
				frames = append(frames, enter(m))
			case t.on[m]:
				t.low[f.node] = min(t.low[f.node], t.index[m])
			}
			continue
		}
		if part := t.leave(f.node); len(part) > 1 || len(part) == 1 && f.self {
			out = append(out, part)
		}
		child := f.node
		if frames = frames[:len(frames)-1]; len(frames) > 0 {
			parent := frames[len(frames)-1].node
			t.low[parent] = min(t.low[parent], t.low[child])
		}
	}
	return out, nil
}

// leave returns the component of which a node is the root, if it is one.
func (t *tarjan) leave(n int32) []int32 {
	if t.low[n] != t.index[n] {
		return nil
	}
	i := len(t.stack) - 1
	for t.stack[i] != n {
		i--
	}
	part := slices.Clone(t.stack[i:])
	t.stack = t.stack[:i]
	for _, m := range part {
		t.on[m] = false
	}
	return part
}
