package lineage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A ChangeKind is what is done to a node.
type ChangeKind uint8

// The kinds of changes.
const (
	Drop ChangeKind = iota + 1
	Rename
	Retype
	Redefine
)

// String returns the kind in lower case.
func (k ChangeKind) String() string {
	switch k {
	case Drop:
		return "drop"
	case Rename:
		return "rename"
	case Retype:
		return "retype"
	case Redefine:
		return "redefine"
	}
	return nameOf(k, "ChangeKind")
}

// A Change is one change that [View.Impact] is asked about. Its node is a column, or a
// dataset for all of its columns.
type Change struct {
	Kind ChangeKind
	Node NodeID
	To   string // for readers: Rename: the new name; Retype: the new type. No effect depends on it
}

// A Severity says what a change does to a node.
type Severity uint8

// The severities, the worst first.
const (
	Breaks       Severity = iota + 1 // Drop, Rename: a job that reads what is gone, in any role
	Starves                          // what such a job writes, every column of it, and all after that
	TypeChanges                      // Retype: along IDENTITY
	ValuesChange                     // Redefine: on a DIRECT path
	RowsChange                       // Redefine: on INDIRECT paths only
	Review                           // Retype: a type that something else is made from
)

// String returns the severity as a verb.
func (s Severity) String() string {
	switch s {
	case Breaks:
		return "breaks"
	case Starves:
		return "starves"
	case TypeChanges:
		return "type changes"
	case ValuesChange:
		return "values change"
	case RowsChange:
		return "rows change"
	case Review:
		return "review"
	}
	return nameOf(s, "Severity")
}

// An Effect is what the changes do to one node: the worst of it.
type Effect struct {
	Node     Node // a job where it breaks; else a column or dataset
	Severity Severity
	Hop      int      // edges from the changed node
	Jobs     []JobRef // along the path
	Cause    NodeID   // the changed node
	Stale    bool     // every path has a stale edge

	witness witness
}

// Path returns a shortest witness, from the changed node. That of a job ends at something
// that it makes from the node; that of what a broken job starves begins so.
func (e Effect) Path() Path { return e.witness.path() }

// An Impact is what changes do, in order of severity, hop and name. Lists are never nil.
type Impact struct {
	Effects []Effect
	Blind   []NodeID // datasets and jobs that read the dataset, but nobody knows which columns
	Partial Partial
}

// Impact says what changes do to everything downstream. The level of the query is
// [ColumnLevel] if it is zero. At [DatasetLevel] no columns are listed, and Retype and
// Redefine walk edges between datasets, which know less of what reaches what: more comes
// out, and graver. Its direction does not count. A changed node is no effect of its own
// change.
//
// Errors, all at once: [ErrInvalid] for a query that [Query.Validate] refuses, and for a
// change without a kind, of nothing or of a job; [ErrNotFound] for a node that no event
// ever named. Then the cause of the context, with what was found until it ended.
func (v *View) Impact(ctx context.Context, changes []Change, q Query) (*Impact, error) {
	q.Direction = Downstream
	nodes := make([]int32, len(changes))
	errs := []error{q.Validate()}
	for i, c := range changes {
		n, err := v.find(c.Node)
		switch {
		case c.Kind < Drop || c.Kind > Redefine:
			err = fmt.Errorf("lineage: change of %s: Kind %d is none: %w", c.Node, uint8(c.Kind), ErrInvalid)
		case c.Node.Kind == JobNode:
			err = fmt.Errorf("lineage: %s: Node is a job, not a dataset or column: %w", c, ErrInvalid)
		}
		nodes[i] = n
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p := &appraisal{v: v, q: q, effects: map[int32]effect{}, blind: map[int32]struct{}{}}
	var err error
	for i, c := range changes {
		if err = p.change(ctx, c, nodes[i]); err != nil || p.partial.Reason != "" {
			break
		}
	}
	if err != nil {
		err = fmt.Errorf("lineage: impact: %w", err)
	}
	return p.impact(), err
}

// An effect is an Effect by number.
type effect struct {
	severity Severity
	hop      int
	cause    int32
	stale    bool
	witness  witness
}

// An appraisal collects the worst effect on each node.
type appraisal struct {
	v       *View
	q       Query
	effects map[int32]effect
	blind   map[int32]struct{}
	partial Partial
	writes  map[int32][]int32 // by job: its scopes
}

// change adds the effects of one change.
func (p *appraisal) change(ctx context.Context, c Change, n int32) error {
	trace := p.spread
	if c.Kind == Drop || c.Kind == Rename {
		trace = p.starve
	}
	q, ok := p.left()
	if !ok {
		return nil
	}
	found, err := trace(ctx, c, n, q)
	if err == nil && p.partial.Reason == "" && slices.ContainsFunc(slices.Collect(maps.Values(found)), func(e effect) bool { return e.witness.stale() }) {
		// What is not found again without stale edges is stale. That counts for nothing.
		q.SkipStale = true
		counted := p.partial
		var fresh map[int32]effect
		fresh, err = trace(ctx, c, n, q)
		p.partial = counted
		for m, e := range found {
			_, ok := fresh[m]
			e.stale = !ok
			found[m] = e
		}
	}
	for m, e := range found {
		if old, ok := p.effects[m]; !ok || p.compare(e, old) < 0 {
			p.effects[m] = e
		}
	}
	return err
}

func (p *appraisal) compare(a, b effect) int {
	return cmp.Or(cmp.Compare(a.severity, b.severity), cmp.Compare(a.hop, b.hop), p.v.compare(a.cause, b.cause))
}

// spread finds what a new type or a new definition does.
func (p *appraisal) spread(ctx context.Context, c Change, n int32, q Query) (map[int32]effect, error) {
	s := newSpread(p.v, q)
	defer s.w.release()
	err := s.run(ctx, []int32{n})
	t := s.trail()
	out := map[int32]effect{}
	for i := range s.finds {
		f := &s.finds[i]
		if f.prev < 0 || f.h.to == n {
			continue
		}
		severity, of := severityOf(c.Kind, s.have[f.h.to])
		if _, ok := out[f.h.to]; !ok && f.classes&of != 0 {
			out[f.h.to] = effect{severity: severity, hop: int(f.depth), cause: n, witness: witness{t, int32(i), f.classes & of}}
		}
	}
	p.note(s.w, s.w.stats)
	return out, err
}

// severityOf returns what a change does at the end of paths of some classes, and of which
// of them a witness is to be.
func severityOf(kind ChangeKind, all classes) (Severity, classes) {
	switch {
	case kind == Retype && all&unchanged != 0:
		return TypeChanges, unchanged
	case kind == Retype:
		return Review, ^unchanged
	case all&direct != 0:
		return ValuesChange, direct
	}
	return RowsChange, ^direct
}

// left returns the query with what earlier changes have left of its budgets, and false
// where one is used up.
func (p *appraisal) left() (q Query, ok bool) {
	q = p.q
	switch {
	case q.MaxNodes > 0 && p.partial.Nodes >= q.MaxNodes:
		p.partial.Reason = reasonNodes
	case q.MaxEdges > 0 && p.partial.Edges >= q.MaxEdges:
		p.partial.Reason = reasonEdges
	}
	if q.MaxNodes > 0 {
		q.MaxNodes -= p.partial.Nodes
	}
	if q.MaxEdges > 0 {
		q.MaxEdges -= p.partial.Edges
	}
	return q, p.partial.Reason == ""
}

// note adds what a traversal did.
func (p *appraisal) note(w *walker, s Stats) {
	p.partial.Reason = cmp.Or(p.partial.Reason, w.cut)
	p.partial.Nodes += s.Nodes
	p.partial.Edges += s.Edges
	for n := range w.blind {
		p.blind[n] = struct{}{}
	}
}

// A famine is what goes without, as far as it is found.
type famine struct {
	p     *appraisal
	w     *walker
	trail *trail
	found map[int32]effect
	queue []find // starved datasets, each with the find that led to it as prev
	cause int32
	list  bool // columns too
}

// starve finds what breaks where a node is gone, and what goes without then.
func (p *appraisal) starve(ctx context.Context, _ Change, n int32, q Query) (map[int32]effect, error) {
	w := newWalker(p.v, q)
	defer w.release()
	w.begin(n)
	w.reached.Reset(len(p.v.g.nodes)) // Of the changed dataset itself the other columns may starve.
	f := &famine{
		p: p, w: w, found: map[int32]effect{}, cause: n, list: q.Level != DatasetLevel,
		trail: &trail{w: walker{v: p.v, q: Query{Level: DatasetLevel}}, finds: []find{{h: hit{to: n}, prev: -1}}},
	}
	for _, r := range w.readers(n) {
		if w.q.MaxEdges > 0 && w.stats.Edges == w.q.MaxEdges {
			w.cut = reasonEdges
			break
		}
		w.stats.Edges++
		first := f.add(find{h: r.h, prev: 0, depth: 1})
		if p.v.g.nodes[r.who].kind == DatasetNode {
			f.starve(r.who, first)
			continue
		}
		f.reach(r.who, Breaks, first)
		for _, d := range p.outputs(r.who) {
			f.starve(d, first)
		}
	}
	err := f.spread(ctx)
	delete(f.found, n)
	p.note(w, w.stats)
	return f.found, err
}

func (f *famine) add(x find) int32 {
	f.trail.finds = append(f.trail.finds, x)
	return int32(len(f.trail.finds) - 1) //nolint:gosec // finds count in int32
}

func (f *famine) effect(s Severity, by int32) effect {
	return effect{severity: s, hop: int(f.trail.finds[by].depth), cause: f.cause, witness: witness{trail: f.trail, find: by}}
}

// reach notes what becomes of a node, unless the budget is used up.
func (f *famine) reach(n int32, s Severity, by int32) {
	switch _, known := f.found[n]; {
	case known || f.w.cut != "":
	case f.w.q.MaxNodes > 0 && f.w.stats.Nodes == f.w.q.MaxNodes && n != f.cause:
		f.w.cut = reasonNodes
	default:
		f.found[n] = f.effect(s, by)
		if n != f.cause {
			f.w.stats.Nodes++
		}
	}
}

// starve notes that a dataset goes without, every column of it.
func (f *famine) starve(dataset, by int32) {
	if f.w.cut != "" || !f.w.reached.Add(dataset) {
		return
	}
	f.queue = append(f.queue, find{h: hit{to: dataset}, prev: by, depth: f.trail.finds[by].depth})
	f.reach(dataset, Starves, by)
	if !f.list {
		return
	}
	for _, c := range f.p.v.columns(dataset, nil) {
		if f.p.v.has(c) {
			f.reach(f.p.v.canon(c), Starves, by)
		}
	}
}

// spread starves what is made of what starves.
func (f *famine) spread(ctx context.Context) error {
	w := f.w
	w.q.Level = DatasetLevel
	for ; len(f.queue) > 0 && w.cut == ""; f.queue = f.queue[1:] {
		at := f.queue[0]
		if ctx.Err() != nil {
			w.cut = reasonContext
			return context.Cause(ctx)
		}
		if w.q.Depth > 0 && int(at.depth) >= w.q.Depth {
			continue
		}
		for _, h := range w.neighbours(at.h.to) {
			switch {
			case w.q.MaxEdges > 0 && w.stats.Edges == w.q.MaxEdges:
				w.cut = reasonEdges
				return nil
			case w.reached.Has(h.to):
			default:
				f.starve(h.to, f.add(find{h: h, prev: at.prev, depth: at.depth + 1}))
			}
			w.stats.Edges++
		}
	}
	return nil
}

// A reader is who reads a node: a job or, where a dataset event states the edge, the
// dataset that is made of it.
type reader struct {
	who int32
	h   hit // an edge by which it reads
}

// readers returns who reads a node, each once, in order of name. A dataset is read by
// whoever reads any of its columns. Jobs that read the dataset of a column are blind where
// nothing says which columns.
func (w *walker) readers(n int32) []reader {
	v, level := w.v, w.q.Level
	whole := v.g.nodes[n].kind == DatasetNode
	w.q.Level = ColumnLevel
	if whole {
		w.q.Level = DatasetLevel
	}
	var out []reader
	for _, h := range w.neighbours(n) {
		who := v.g.scopes[v.g.attrs[w.attr(h)].scope].job
		if who < 0 {
			who = v.canon(v.g.nodes[h.to].owner)
		}
		out = append(out, reader{who, h})
	}
	for _, r := range w.relatives(w.stop(n), nil) {
		w.each(r.row, func(x entry, at int32) {
			switch {
			case v.g.nodes[x.node].kind != JobNode || !w.passes(x):
			case whole || r.column:
				out = append(out, reader{x.node, hit{r.near, x.node, r.row, at}})
			case len(v.outputs(x.node)) == 0:
				w.blind[x.node] = struct{}{}
			}
		})
	}
	w.q.Level = level
	slices.SortStableFunc(out, func(a, b reader) int { return v.compare(a.who, b.who) })
	return slices.CompactFunc(out, func(a, b reader) bool { return a.who == b.who })
}

// outputs returns the datasets that a job writes, in order of name.
func (v *View) outputs(job int32) []int32 {
	// The job layer names all but those of edges that an event states one by one.
	var out []int32
	for _, x := range v.g.row(forward, job, nil) {
		if v.valid(x) && v.g.nodes[x.node].kind != JobNode {
			out = append(out, v.canon(v.g.nodes[x.node].owner))
		}
	}
	slices.SortFunc(out, v.compare)
	return slices.Compact(out)
}

// outputs returns the datasets that a job writes, in order of name: those of the job
// layer, and the targets of edges that an event states one by one.
func (p *appraisal) outputs(job int32) []int32 {
	v := p.v
	if p.writes == nil {
		p.writes = map[int32][]int32{}
		for i, s := range v.g.scopes {
			if s.job >= 0 && s.layer <= ColumnLayer && v.g.nodes[s.target].kind == DatasetNode {
				p.writes[s.job] = append(p.writes[s.job], int32(i))
			}
		}
	}
	out := v.outputs(job)
	for _, i := range p.writes[job] {
		target := v.g.scopes[i].target
		states := func(n int32) bool {
			return slices.ContainsFunc(v.g.row(reverse, n, nil), func(x entry) bool { return v.g.attrs[x.attr].scope == i && v.valid(x) })
		}
		if d := v.canon(target); !slices.Contains(out, d) && slices.ContainsFunc(append(v.g.detail.At(target).known(), target), states) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, v.compare)
	return out
}

// impact returns the effects, sorted.
func (p *appraisal) impact() *Impact {
	out := &Impact{Effects: make([]Effect, 0, len(p.effects)), Blind: p.v.ids(p.blind)}
	if p.partial.Reason != "" {
		out.Partial = p.partial
	}
	for n, e := range p.effects {
		out.Effects = append(out.Effects, Effect{
			Node: p.v.node(n), Severity: e.severity, Hop: e.hop, Jobs: e.witness.jobs(), Cause: p.v.id(e.cause), Stale: e.stale, witness: e.witness,
		})
	}
	slices.SortFunc(out.Effects, func(a, b Effect) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Hop, b.Hop), a.Node.ID.Compare(b.Node.ID))
	})
	return out
}
