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

// Path returns a shortest witness, from the changed node, or at [DatasetLevel] from its
// dataset. That of a job ends at something that it makes from the node, or at the job where
// it makes nothing. What such a job makes of other things starves too: its path begins by
// what the job reads of the node or of its dataset. What starves goes without as a whole: at [ColumnLevel], where edges between columns are shown as they are stated, the
// path may go on from another column of it.
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
// Errors, all at once: [ErrInvalid] for a query that [Query.Validate] refuses or at
// [JobLevel], and for a change without a kind, of nothing or of a job; [ErrNotFound] for a node that no event
// ever named. Then the cause of the context, with what was found until it ended.
func (v *View) Impact(ctx context.Context, changes []Change, q Query) (*Impact, error) {
	q.Direction = Downstream
	nodes := make([]int32, len(changes))
	errs := []error{q.Validate()}
	if q.Level == JobLevel {
		errs = append(errs, fmt.Errorf("lineage: impact: Level %s: a change is followed between columns or datasets: %w", q.Level, ErrInvalid))
	}
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
