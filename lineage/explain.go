package lineage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

// maxExplained is how many records an explanation lists.
const maxExplained = 100

// Explain says why an edge is there: which records assert it, of which runs, and with what
// SQL. The edge is one that a view gave; its ends, layer, job, origin and kinds say which,
// and ValidFrom, unless it is zero, which of its stretches. An edge between datasets that
// stands for those between their columns, and one between namesakes that a * states, are
// explained by what states them; an edge that goes on under a new name by what stated it
// under the old one.
//
// [ErrNotFound] if there is no such edge, or none any more, [ErrInvalid] if an end names
// nothing. It reads the job's records of the stretch from the store.
func (e *Engine) Explain(ctx context.Context, edge Edge) (Explanation, error) {
	if err := e.open(ctx); err != nil {
		return Explanation{}, fmt.Errorf("lineage: explain: %w", err)
	}
	if err := errors.Join(edge.From.valid("explain: From"), edge.To.valid("explain: To")); err != nil {
		return Explanation{}, err
	}
	s := e.state.Load()
	v := newView(s.g, At{Until: timeOf(forever - 1)}, time.Time{})
	m := v.meaningOf(edge)
	found, since := v.resolve(&m)
	if since.IsZero() {
		return Explanation{}, fmt.Errorf("lineage: explain %s > %s: %w", edge.From, edge.To, ErrNotFound)
	}
	x := explainer{e: e, s: s, v: v, meaning: m, since: since, most: maxExplained, out: Explanation{Edge: found, First: found.ValidFrom, Last: found.LastSeen, Records: []RecordID{}, Runs: []string{}}}
	err := x.search(ctx)
	if err == nil && len(x.hits) == 0 && len(x.ops) > 0 {
		// It was asserted before its dataset was renamed, and what else its job said was seen since.
		x.since, x.most = time.Time{}, 1
		err = x.search(ctx)
	}
	if err != nil {
		return Explanation{}, fmt.Errorf("lineage: explain: %w", err)
	}
	return x.explanation(), nil
}

// search looks at the claims from a time on.
func (x *explainer) search(ctx context.Context) error {
	if err := x.loose(ctx); err != nil || x.edge.Job == (JobRef{}) {
		return err
	}
	return x.runs(ctx)
}

// A meaning is which edges an edge stands for that a view, or an answer, gave.
type meaning struct {
	edge   Edge
	lifted bool     // between the columns of two datasets
	kinds  []string // lifted: of each edge, what it may be; nil: anything
}

// meaningOf returns what an edge stands for, under the names that its ends have.
func (v *View) meaningOf(edge Edge) meaning {
	m := meaning{edge: v.named(edge)}
	m.lifted = edge.Layer == ColumnLayer && edge.From.Kind == DatasetNode && edge.To.Kind == DatasetNode
	for _, k := range edge.Kinds {
		m.kinds = append(m.kinds, k.String())
	}
	return m
}

// stands reports whether an edge that is stated is one that is meant. A column may stand for
// the * that it is a namesake of.
func (m *meaning) stands(e *Edge) bool {
	if m.lifted {
		foreign := func(k Transformation) bool { return !slices.Contains(m.kinds, k.String()) }
		return e.Layer == ColumnLayer && e.Job == m.edge.Job && e.Origin == m.edge.Origin && e.From.Dataset() == m.edge.From.Dataset() &&
			e.To.Dataset() == m.edge.To.Dataset() && (m.kinds == nil || !slices.ContainsFunc(e.Kinds, foreign))
	}
	x := *e
	for _, id := range [2]struct{ is, meant *NodeID }{{&x.From, &m.edge.From}, {&x.To, &m.edge.To}} {
		if e.From.Field == star && id.is.Field == star && id.is.Dataset() == id.meant.Dataset() && id.meant.Kind == ColumnNode {
			*id.is = *id.meant
		}
	}
	return x.compareIdentity(m.edge) == 0
}

// holds reports whether a stretch is the one that is meant: it begins with it, or holds while
// what is lifted of several does.
func (m *meaning) holds(e *Edge) bool {
	from, to := m.edge.ValidFrom, m.edge.ValidTo
	switch {
	case from.IsZero():
		return true
	case !m.lifted:
		return e.ValidFrom.Equal(from)
	}
	return (e.ValidTo.IsZero() || e.ValidTo.After(from)) && (to.IsZero() || e.ValidFrom.Before(to))
}

// resolve returns the edge of the view that is meant: the last one of its identity that
// begins at ValidFrom. Of edges that are one at dataset level it is that one, of those that
// hold while it does. It returns also since when claims may assert it, zero where there is
// none: what goes on under a name that it got later was asserted before.
func (v *View) resolve(m *meaning) (one Edge, since time.Time) {
	var found []Edge
	exact := false
	for _, n := range v.sources(m) {
		for _, l := range v.links(n) {
			x := v.edge(l)
			is := x.From == m.edge.From && x.To == m.edge.To // It is stated itself, and counts alone.
			if !m.stands(&x) || !m.holds(&x) || exact && !is {
				continue
			}
			if is && !exact {
				found, exact = nil, true
			}
			x.From, x.To = m.edge.From, m.edge.To
			found = append(found, x)
		}
	}
	slices.SortFunc(found, Edge.Compare)
	if n := len(found); n > 1 && !m.lifted {
		found = found[n-1:]
	}
	if len(found) == 0 {
		return Edge{}, time.Time{}
	}
	since = found[0].ValidFrom
	for _, x := range found {
		since = timeOf(min(micros(since), micros(x.ValidFrom), micros(x.LastSeen)))
	}
	return lift(found)[0], since
}

// sources returns the nodes at which an edge may begin that is meant.
func (v *View) sources(m *meaning) []int32 {
	from := m.edge.From
	if from.Kind == JobNode {
		n, err := v.find(from)
		if err != nil {
			return nil
		}
		return []int32{n}
	}
	d, err := v.find(from.Dataset().Node())
	if err != nil {
		return nil
	}
	if !m.lifted && from.Kind == DatasetNode {
		return []int32{d}
	}
	var out []int32
	if m.lifted {
		out = append(out, d)
	}
	for _, c := range v.columns(d, nil) {
		if name := v.g.nodes[c].name; v.canon(c) == c && (m.lifted || name == from.Field || name == star) {
			out = append(out, c)
		}
	}
	return out
}

// named gives the ends of an edge the names that stand for them.
func (v *View) named(edge Edge) Edge {
	for _, id := range [2]*NodeID{&edge.From, &edge.To} {
		if n, err := v.find(*id); err == nil {
			*id = v.id(n)
		}
	}
	return edge
}

// An explainer collects the claims that assert an edge.
type explainer struct {
	e *Engine
	s *state
	v *View
	meaning
	out   Explanation
	since time.Time   // of the first claim that may assert it
	most  int         // claims to find of each sort
	ops   []happening // what happened to its datasets
	hits  []hitClaim
	sql   timeline.Key // of out.SQL
}

type hitClaim struct {
	key timeline.Key
	run string
}

// loose looks at the events without a run.
func (x *explainer) loose(ctx context.Context) error {
	var keys []timeline.Key
	first, last := micros(x.since), micros(x.out.Last)
	err := x.e.do(ctx, func(_ context.Context, w *writer) error {
		x.ops = x.happened(w.fold)
		for _, k := range w.fold.loose {
			if k.Time >= first && k.Time <= last {
				keys = append(keys, k)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range slices.Backward(keys) {
		if len(x.hits) >= x.most {
			return nil
		}
		r, err := x.e.store.Record(ctx, k.ID)
		if isNotFound(err) {
			continue // It was pruned.
		}
		if err != nil {
			return err
		}
		if x.s.tombs.strip(&r.Event) != dropped {
			x.look(claim{key: k, asserts: true, event: &r.Event}, "")
		}
	}
	return nil
}

// runs looks at the runs of the job, from the newest that has the edge.
func (x *explainer) runs(ctx context.Context) error {
	n := 0
	seen := map[string]bool{}
	job := x.out.Edge.Job
	for r, err := range x.e.store.Runs(ctx, RunQuery{Job: job, Before: RunKey{Time: x.out.Last.Add(time.Microsecond)}}) {
		if err != nil {
			return err
		}
		if r.Event.Time.Before(x.since) || n >= x.most {
			return nil
		}
		id := r.Event.Run.ID
		if seen[id] {
			continue
		}
		seen[id] = true
		records, err := x.e.run(ctx, x.s, runName{id, job})
		if err != nil {
			return err
		}
		if len(records) == 0 {
			continue
		}
		for _, c := range readRun(records, x.e.cfg.AssertFailed).claims {
			if c.asserts && x.look(c, id) {
				n++
			}
		}
	}
	return nil
}

// A happening is a boundary by name.
type happening struct {
	key    timeline.Key
	on, to NodeID // to: zero for none
}

// happened returns what happened to the datasets of the edge, and of those that renames tie
// to them.
func (x *explainer) happened(f *fold) []happening {
	var out []happening
	ends := map[int32]bool{}
	for _, id := range [2]NodeID{x.edge.From, x.edge.To} {
		if n, err := x.v.find(id.Dataset().Node()); id.Kind != JobNode && err == nil {
			for _, p := range x.v.peers(n) {
				ends[p] = true
			}
		}
	}
	for n := range f.tied(ends) {
		for _, o := range f.ops[n] {
			if o.on == n {
				b := happening{key: o.key, on: nodeID(f.names.nodes, o.on)}
				if o.to >= 0 {
					b.to = nodeID(f.names.nodes, o.to)
				}
				out = append(out, b)
			}
		}
	}
	return out
}

// look notes a claim if it asserts the edge: it is folded alone, and the edge looked for.
func (x *explainer) look(c claim, run string) bool {
	edge := &x.out.Edge
	if j := c.event.Job; j == nil && edge.Job != (JobRef{}) || j != nil && j.Ref != edge.Job || c.event.Origin != edge.Origin {
		return false
	}
	if t := timeOf(c.key.Time); t.Before(x.since) || t.After(x.out.Last) {
		return false
	}
	g, err := x.alone(c)
	if err != nil {
		return false
	}
	for one := range newView(g, At{Until: timeOf(forever - 1)}, time.Time{}).Edges() {
		if one = x.v.named(one); x.stands(&one) {
			x.hits = append(x.hits, hitClaim{c.key, run})
			if j := c.event.Job; j != nil && j.SQL != "" && c.key.Compare(x.sql) > 0 {
				x.out.SQL, x.sql = j.SQL, c.key
			}
			return true
		}
	}
	return false
}

// alone returns the graph of one claim, and of what happened then or later.
func (x *explainer) alone(c claim) (*graph, error) {
	f := newFold(0)
	c.facets = false
	f.replace(nil, []claim{c})
	for _, b := range x.ops {
		if b.key.Compare(c.key) < 0 {
			continue
		}
		o := op{key: b.key, on: f.node(b.on), to: -1}
		if !b.to.IsZero() {
			o.to = f.node(b.to)
		}
		f.setOp(o, true)
	}
	return f.settle(1)
}

func (x *explainer) explanation() Explanation {
	slices.SortFunc(x.hits, func(a, b hitClaim) int { return b.key.Compare(a.key) })
	for i, h := range x.hits {
		if i == maxExplained {
			break
		}
		x.out.Records = append(x.out.Records, h.key.ID)
		if h.run != "" && !slices.Contains(x.out.Runs, h.run) {
			x.out.Runs = append(x.out.Runs, h.run)
		}
	}
	return x.out
}
