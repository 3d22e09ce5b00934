package lineagetest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/lineage"
)

// A stretch is one edge of a scope over one stretch of time.
type stretch struct {
	modelEdge
	scope      modelScope
	begin, end int64
	seen       int64 // when its scope stated it last
	shown      int64 // the latest of that and of others that it stands for
	stale      int64 // since when its job omits the target; forever: it does not
	moved      bool  // it goes on under a name that its target got later
	product    bool  // of inputs x outputs
}

// A boundary ends or changes what is open in a scope.
type boundary struct {
	moment
	rank  int    // among those at one moment
	name  string // among those of one rank
	apply func(open []*stretch) []*stretch
}

// A modelHistory is all that is asserted.
type modelHistory struct {
	cfg        lineage.Config
	assertions []said
	lives      []modelLife
	scopes     map[modelScope][]snapshot
	boundaries []boundary // those on every scope
}

func (m *Model) history(events []said) *modelHistory {
	h := &modelHistory{cfg: m.cfg, assertions: m.assertions(events)}
	h.lives = lives(events, h.assertions)
	h.scopes = snapshots(h.assertions)
	h.lifecycles()
	h.lostColumns()
	return h
}

// touches reports whether an edge has an end on a dataset or a column of it.
func (s *stretch) touches(d lineage.DatasetRef) bool { return on(s.from, d) || on(s.to, d) }

func on(id lineage.NodeID, d lineage.DatasetRef) bool {
	return id.Kind != lineage.JobNode && id.Dataset() == d
}

func moveTo(id lineage.NodeID, from, to lineage.DatasetRef) lineage.NodeID {
	if on(id, from) {
		return to.Column(id.Field)
	}
	return id
}

// lifecycles lists drops, renames and retirements.
func (h *modelHistory) lifecycles() {
	for _, a := range h.assertions {
		if a.Job != nil && a.Job.Retired && a.Origin == lineage.Manual {
			job := a.Job.Ref
			h.boundaries = append(h.boundaries, boundary{a.moment, 0, "", func(open []*stretch) []*stretch {
				return slices.DeleteFunc(open, func(s *stretch) bool { return s.scope.job == job })
			}})
		}
	}
	for _, l := range h.lives {
		h.boundaries = append(h.boundaries, boundary{l.moment, 0, l.name(), func(open []*stretch) []*stretch { return renamed(open, l.from, l.to) }})
	}
}

// renamed lets edges go on under another name, or ends them where there is none. An edge
// that is there under it already stays, and has the stronger certainty of the two.
func renamed(open []*stretch, from, to lineage.DatasetRef) []*stretch {
	there := map[string]*stretch{}
	var out []*stretch
	for _, turn := range []bool{false, true} { // first what is not touched
		for _, s := range open {
			via := renamedVia(s.via, from, to)
			touched := s.touches(from) || via != s.via
			if touched != turn || s.touches(from) && to == (lineage.DatasetRef{}) {
				continue
			}
			if touched {
				next := *s
				next.begin = ever // The walk along the scope sets it.
				next.moved = s.moved || on(s.to, from)
				next.from, next.to, next.via = moveTo(s.from, from, to), moveTo(s.to, from, to), via
				s = &next
			}
			if old := there[s.same()]; old != nil {
				old.modelEdge = stronger(old.modelEdge, s.modelEdge)
				continue
			}
			there[s.same()] = s
			out = append(out, s)
		}
	}
	return out
}

func renamedVia(via string, from, to lineage.DatasetRef) string {
	var out []string
	for name := range strings.SplitSeq(via, viaSeparator) {
		if name == from.Node().String() {
			if name = to.Node().String(); to == (lineage.DatasetRef{}) {
				continue
			}
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), viaSeparator)
}

// lostColumns lists the columns that each schema has lost against the one before.
func (h *modelHistory) lostColumns() {
	schemas := map[lineage.DatasetRef][]statement{}
	for _, a := range h.assertions {
		for _, d := range a.Outputs {
			if d.States.Has(lineage.Schema) {
				schemas[d.Ref] = state(schemas[d.Ref], statement{moment: a.moment, fields: d.Fields})
			}
		}
	}
	for ref, list := range schemas {
		for i := 1; i < len(list); i++ {
			lost := map[lineage.NodeID]bool{}
			for _, f := range list[i-1].fields {
				lost[ref.Column(f.Path)] = true
			}
			for _, f := range list[i].fields {
				delete(lost, ref.Column(f.Path))
			}
			h.boundaries = append(h.boundaries, boundary{list[i].moment, 1, "", func(open []*stretch) []*stretch {
				return slices.DeleteFunc(open, func(s *stretch) bool {
					return s.scope.layer == lineage.ColumnLayer && (lost[s.from] || lost[s.to])
				})
			}})
		}
	}
}

// closeAfter returns how many assertions of an origin in a row must omit a target for
// its edges to end; 0: however many.
func (h *modelHistory) closeAfter(origin lineage.Origin) int {
	switch {
	case origin != lineage.Observed:
		return 1
	case h.cfg.CloseAfter == 0:
		return 5
	}
	return max(h.cfg.CloseAfter, 0)
}

// omissions lists where the target of a scope was omitted first, as often as it was
// omitted for long enough, and since when it is omitted now.
func (h *modelHistory) omissions(s modelScope) (ends []boundary, stale int64) {
	stale = forever
	if s.job == (lineage.JobRef{}) || s.target.Kind != lineage.DatasetNode || s.origin == lineage.SQL {
		return nil, stale
	}
	var first moment
	count, named := 0, false
	for _, a := range h.assertions {
		if a.Job == nil || a.Job.Ref != s.job || a.Origin != s.origin || a.Outputs == nil || s.origin == lineage.Observed && len(a.Outputs) == 0 {
			continue
		}
		if slices.ContainsFunc(a.Outputs, func(d lineage.DatasetFact) bool { return d.Ref.Node() == s.target }) {
			count, named, stale = 0, true, forever
			continue
		}
		if count++; count == 1 {
			first = a.moment
		}
		if named && count == h.closeAfter(s.origin) {
			ends = append(ends, boundary{first, 2, "", func([]*stretch) []*stretch { return nil }})
		}
		if n := h.closeAfter(s.origin); named && (n == 0 || count < n) {
			stale = first.us
		} else {
			stale = forever
		}
	}
	return ends, stale
}

// stretches returns the edges of a scope with the time over which each is valid.
func (h *modelHistory) stretches(s modelScope) []stretch {
	ends, stale := h.omissions(s)
	steps := append(slices.Clone(h.boundaries), ends...)
	for other, shots := range h.scopes {
		for _, shot := range shots {
			switch {
			case other == s:
				steps = append(steps, boundary{shot.moment, -1, "", func(open []*stretch) []*stretch { return h.replaced(s, shot, open) }})
			case other.origin == s.origin && other.job == s.job && other.layer == s.layer && s.job != (lineage.JobRef{}):
				steps = append(steps, boundary{shot.moment, -1, "", func(open []*stretch) []*stretch {
					return slices.DeleteFunc(open, func(x *stretch) bool { return x.moved && on(x.to, other.target.Dataset()) })
				}})
			}
		}
	}
	slices.SortStableFunc(steps, func(a, b boundary) int {
		return cmp.Or(a.compare(b.moment), cmp.Compare(a.rank, b.rank), strings.Compare(a.name, b.name))
	})
	out := walk(steps)
	for i := range out {
		if out[i].stale = forever; out[i].end == forever {
			out[i].stale = stale
		}
	}
	return out
}

// walk takes steps one after the other, and returns what was open for any time.
func walk(steps []boundary) []stretch {
	var open []*stretch
	var out []stretch
	for _, step := range append(steps, boundary{moment: moment{us: forever}, apply: func([]*stretch) []*stretch { return nil }}) {
		next := step.apply(slices.Clone(open))
		for _, x := range open {
			if !slices.Contains(next, x) && x.begin < step.us {
				x.end, x.shown = step.us, x.seen
				out = append(out, *x)
			}
		}
		for _, x := range next {
			if x.begin == ever {
				x.begin = step.us
			}
		}
		open = next
	}
	return out
}

// joined makes one of neighbouring stretches of one edge where are says so.
func joined(list []stretch, are func(a, b stretch) bool) []stretch {
	byEdge := map[string][]stretch{}
	for _, x := range list {
		byEdge[x.same()] = append(byEdge[x.same()], x)
	}
	var out []stretch
	for _, edge := range byEdge {
		slices.SortFunc(edge, func(a, b stretch) int {
			return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.certainty, b.certainty),
				slices.CompareFunc(a.kinds, b.kinds, compareKindsAndWords))
		})
		last := edge[0]
		for _, x := range edge[1:] {
			if are(last, x) {
				last = union(last, x)
				continue
			}
			out = append(out, last)
			last = x
		}
		out = append(out, last)
	}
	return out
}

// union returns one stretch of two that overlap or touch, of which a begins first. What
// is carried is that of the one that goes on for longer, was seen later, and is not
// omitted; else of the stronger one.
func union(a, b stretch) stretch {
	u := b
	if c := cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.seen, b.seen), cmp.Compare(a.stale, b.stale)); c > 0 {
		u = a
	} else if c == 0 {
		u.modelEdge = stronger(a.modelEdge, b.modelEdge)
	}
	u.begin, u.shown = a.begin, max(a.shown, b.shown)
	return u
}

// replaced returns what is open after a snapshot: what was open before goes on.
func (h *modelHistory) replaced(s modelScope, shot snapshot, open []*stretch) []*stretch {
	var out []*stretch
	for same, e := range shot.edges {
		i := slices.IndexFunc(open, func(x *stretch) bool { return x.same() == same })
		x := &stretch{begin: ever, scope: s}
		if i >= 0 {
			x = open[i]
		}
		x.modelEdge, x.seen, x.moved, x.product = e, shot.us, false, shot.product
		out = append(out, x)
	}
	return out
}

// edges returns all edges of all times, under the names that were stated.
func (h *modelHistory) edges() []stretch {
	var out []stretch
	reads := map[modelScope][]stretch{} // by the scope of the job itself
	for s := range h.scopes {
		own := modelScope{s.origin, s.job, s.job.Node(), lineage.JobLayer}
		for _, x := range h.stretches(s) {
			switch {
			case s == own:
				reads[own] = append(reads[own], x)
			case s.layer == products: // What leads to an output leads to the job.
				x.to, x.via, x.product, x.stale, x.scope = own.target, "", false, forever, own
				reads[own] = append(reads[own], x)
			default:
				out = append(out, h.visible(x)...)
			}
		}
	}
	for own, list := range reads {
		list = joined(list, func(a, b stretch) bool {
			return b.begin <= a.end && a.certainty == b.certainty && slices.Equal(a.kinds, b.kinds)
		})
		for _, x := range list {
			if x.end == forever {
				x.seen = h.lastRead(own)
				x.shown = x.seen
			}
			out = append(out, x)
		}
	}
	return out
}

// lastRead returns when a job said last what it reads.
func (h *modelHistory) lastRead(own modelScope) int64 {
	last := int64(ever)
	for s, shots := range h.scopes {
		if s.origin == own.origin && s.job == own.job && (s == own || s.layer == lineage.DatasetLayer) {
			for _, shot := range shots {
				last = max(last, shot.us)
			}
		}
	}
	return last
}

// visible returns the parts of a parsed edge over which its job has no observed ones on
// the target.
func (h *modelHistory) visible(x stretch) []stretch {
	observed := x.scope
	observed.origin = lineage.Observed
	if x.scope.origin != lineage.SQL || x.scope.layer != lineage.ColumnLayer || len(h.scopes[observed]) == 0 {
		return []stretch{x}
	}
	rest := []stretch{x}
	for _, o := range h.stretches(observed) {
		var next []stretch
		for _, r := range rest {
			before, after := r, r
			before.end, after.begin = min(r.end, o.begin), max(r.begin, o.end)
			for _, part := range []stretch{before, after} {
				if part.begin < part.end {
					next = append(next, part)
				}
			}
		}
		rest = next
	}
	return rest
}
