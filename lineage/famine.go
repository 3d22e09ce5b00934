package lineage

import (
	"context"
	"slices"
)

// A famine is what goes without, as far as it is found.
type famine struct {
	p     *appraisal
	w     *walker
	trail *trail
	found map[int32]effect
	queue []find // starved datasets, each with the find that led to it as prev
	cause int32
	list  bool              // columns too
	ways  map[jobTarget]hit // edges from the changed node; nil: not looked for yet
}

// starve finds what breaks where a node is gone, and what goes without then.
func (p *appraisal) starve(ctx context.Context, _ Change, n int32, q Query) (map[int32]effect, error) {
	w := newWalker(p.v, q)
	defer w.release()
	w.begin(n)
	w.reached.Reset(len(p.v.g.nodes)) // Of the changed dataset itself the other columns may starve.
	f := &famine{
		p: p, w: w, found: map[int32]effect{}, cause: n, list: q.Level != DatasetLevel,
		trail: &trail{w: walker{v: p.v, q: Query{Level: DatasetLevel}}, finds: []find{{h: hit{to: n}, prev: -1}}}, // which marks nothing as widened
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
			f.starve(d, f.way(n, r.who, d, first))
		}
	}
	err := f.spread(ctx)
	delete(f.found, n)
	p.note(w, w.stats)
	return f.found, err
}

// add adds a find, with the ends that its edge has at the level of the query: those of
// datasets, or those that are stated.
func (f *famine) add(x find) int32 {
	v, h := f.p.v, &x.h
	if f.list {
		// A namesake stays what it is: a column.
		to := f.w.entry(*h).node
		if of := v.g.nodes[h.row].kind; of == ColumnNode && v.g.nodes[h.from].kind == DatasetNode {
			h.from = v.canon(h.row)
		}
		if v.g.nodes[to].kind == ColumnNode && v.g.nodes[h.to].kind == DatasetNode {
			h.to = v.canon(to)
		}
	} else {
		h.from, h.to = v.canon(v.g.nodes[h.from].owner), v.canon(v.g.nodes[h.to].owner)
	}
	f.trail.finds = append(f.trail.finds, x)
	return int32(len(f.trail.finds) - 1) //nolint:gosec // finds count in int32
}

// way returns an edge from the changed node to what a broken job writes, or from its dataset.
// Where there is none it is the one by which the job reads the node.
func (f *famine) way(n, job, dataset, first int32) int32 {
	v := f.p.v
	if f.ways == nil {
		level := f.w.q.Level
		f.ways = map[jobTarget]hit{}
		for _, l := range []Level{ColumnLevel, DatasetLevel} {
			switch f.w.q.Level = l; {
			case l == DatasetLevel:
				n = v.canon(v.g.nodes[n].owner)
			case v.g.nodes[n].kind == DatasetNode:
				continue
			}
			for _, h := range f.w.neighbours(n) {
				k := jobTarget{v.g.scopes[v.g.attrs[f.w.attr(h)].scope].job, v.canon(v.g.nodes[h.to].owner)}
				if _, ok := f.ways[k]; !ok {
					f.ways[k] = h
				}
			}
		}
		f.w.q.Level = level
	}
	h, ok := f.ways[jobTarget{job, dataset}]
	if !ok {
		return first
	}
	return f.add(find{h: h, prev: 0, depth: 1})
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
