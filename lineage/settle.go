package lineage

import (
	"cmp"
	"slices"

	"github.com/tenon-go/tenon/lineage/internal/persist"
	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

// settle ends a batch: it derives what did not just grow, and returns the next graph.
func (f *fold) settle(cursor Cursor) (*graph, error) {
	for l := range f.outputs {
		f.recount(l)
	}
	f.realias()
	f.touch()
	for i := 0; i < len(f.dirty); i++ { // Deriving may soil lines whose edges were hidden.
		f.derive(f.dirty[i])
	}
	for _, k := range f.readers {
		f.read(k)
	}
	schemas := f.schemas()
	if f.err != nil {
		return nil, f.err
	}
	f.describe(schemas)
	return f.publish(cursor), nil
}

// closing returns how many assertions in a row must omit a target for its edges to end;
// 0: however many. A job or dataset event is complete, a run is weak evidence.
func (f *fold) closing(origin Origin) int {
	if origin != Observed {
		return 1
	}
	return f.closeAfter
}

// named notes which targets the newest assertion of a job names, at the end of the line
// of them. Only what it names, what the one before it named, and what is missing but not
// ended yet can have changed.
func (f *fold) named(l *line, set []fact, extends bool) {
	j := f.job(jobKey{l.origin, l.job})
	var targets []int32
	note := func(set []fact) {
		for _, x := range set {
			j.known[x.from] = true
			targets = append(targets, x.from)
		}
	}
	if n := len(l.Stretches); !extends {
		note(set)
		note(l.Stretches[max(n-2, 0)].Set)
	}
	if f.closing(l.origin) > 0 {
		for target := range j.live {
			targets = append(targets, target)
		}
	}
	slices.Sort(targets)
	for _, target := range slices.Compact(targets) {
		f.omitted(l, j, target, false)
	}
}

// recount does what named does after a change inside the line.
func (f *fold) recount(l *line) {
	j := f.job(jobKey{l.origin, l.job})
	for _, s := range l.Stretches {
		for _, x := range s.Set {
			j.known[x.from] = true
		}
	}
	for target := range j.known {
		f.omitted(l, j, target, true)
	}
}

// omitted brings the lines of one target of a job up to date: it is named, stale, or
// omitted for so long that its edges end.
func (f *fold) omitted(l *line, j *jobLines, target int32, inside bool) {
	first, count := trailing(l, target)
	n := f.closing(l.origin)
	closed := n > 0 && count >= n
	soil := inside || closed || j.closed[target]
	set(j.closed, target, closed)
	set(j.missing, target, count > 0)
	set(j.live, target, count > 0 && !closed)
	for _, layer := range []Layer{JobLayer, DatasetLayer, ColumnLayer} {
		id, ok := f.index[scope{origin: l.origin, layer: layer, job: l.job, target: target}]
		if !ok {
			continue
		}
		if soil {
			f.soil(f.lines[id])
		}
		m := f.marks.At(id)
		if m.stale = 0; count > 0 && !closed {
			m.stale = first.Time
		}
		f.marks.Set(id, m)
	}
}

func set(in map[int32]bool, n int32, is bool) {
	if is {
		in[n] = true
		return
	}
	delete(in, n)
}

func holds(set []fact, n int32) bool {
	return slices.ContainsFunc(set, func(x fact) bool { return x.from == n })
}

// trailing returns since when and in how many of the newest assertions a target is
// missing that was there before.
func trailing(l *line, target int32) (first timeline.Key, count int) {
	for _, s := range slices.Backward(l.Stretches) {
		if holds(s.Set, target) {
			return first, count
		}
		first = s.First
		count += s.Count
	}
	return timeline.Key{}, 0
}

// touch soils the lines that boundaries which came or went may cut: those with edges in
// the rows of the dataset, of its columns, and of sets that hold it, and those that its
// boundaries have cut, for what these leave is perhaps in no row.
func (f *fold) touch() {
	for n := range f.tied(f.cut) {
		if id, ok := f.index[scope{layer: layerSchema, job: -1, target: n}]; ok && len(f.lines[id].Stretches) > 1 {
			f.schemaCuts[n] = true
		}
		if f.names.nodes[n].kind == JobNode {
			for _, l := range f.lines {
				if l.job == n {
					f.soil(l)
				}
			}
		}
		for l := range f.bounds[n] {
			f.soil(l)
		}
		f.soilRows(n)
		for _, node := range slices.Concat(f.columns[n], f.sets[n]) {
			f.soilRows(node)
		}
	}
	if len(f.cut) > 0 {
		f.soilReaders()
	}
}

// soilReaders soils what jobs only read whose reads are to be derived: that is not in the
// rows yet.
func (f *fold) soilReaders() {
	for _, k := range f.readers {
		if id, ok := f.index[scope{origin: k.origin, layer: layerSink, job: k.job, target: k.job}]; ok {
			f.soil(f.lines[id])
		}
	}
}

// soilRows soils the lines that have edges in the rows of a node.
func (f *fold) soilRows(n int32) {
	for direction := range 2 {
		for x := range f.rows.row(direction, n) {
			f.soilScope(f.attrs[x.attr].scope)
		}
	}
}

// soilScope soils the line of a scope, or that of what the job only reads.
func (f *fold) soilScope(id int32) {
	l := f.lines[id]
	if l.target != l.job {
		f.soil(l)
	} else if id, ok := f.index[scope{origin: l.origin, layer: layerSink, job: l.job, target: l.job}]; ok {
		f.soil(f.lines[id])
	}
}

// derive brings the rows of a line up to date.
func (f *fold) derive(l *line) {
	want := f.intervals(l)
	l.slow = len(l.Breaks) > 0 || l.parsed()
	if l.parsed() {
		want = f.hidden(l, want)
	}
	if l.read() {
		f.readOn(l, want)
	}
	changed := l.graphed() && f.rows.differ(l.out, want, f.order)
	l.out, l.dirty = nil, false
	if l.slow {
		l.out = want
	}
	if last, ok := l.Last(); ok && l.graphed() {
		m := f.marks.At(l.id)
		m.seen = last.Time
		f.marks.Set(l.id, m)
	}
	if changed && l.layer == ColumnLayer && l.origin == Observed {
		f.reveal(l)
	}
}

// intervals returns when each fact of a line holds, with all boundaries on it.
func (f *fold) intervals(l *line) []interval {
	cuts := f.cuts(l)
	keys := make([]timeline.Key, len(cuts))
	for i, c := range cuts {
		keys[i] = c.Key
	}
	keys = slices.Compact(keys)
	for _, k := range keys {
		f.split(l, k)
	}
	l.Breaks = keys
	l.Compact(f.order)
	return l.Intervals(cuts, forever, f.order)
}

// reveal soils the parsed edges that observed ones of a line hide.
func (f *fold) reveal(l *line) {
	if id, ok := f.index[scope{origin: SQL, layer: ColumnLayer, job: l.job, target: l.target}]; ok {
		f.soil(f.lines[id])
	}
}

// split makes known what a line asserted around a key, if it lies inside a stretch.
func (f *fold) split(l *line, k timeline.Key) {
	if i := l.Inner(k); i >= 0 && k.Compare(l.Stretches[i].Last) < 0 {
		f.expand(l, i)
	}
}

// describe renews what is known of the nodes whose statements or columns changed.
func (f *fold) describe(schemas map[int32][]facet) {
	for n := range f.newColumns {
		f.facets[n] = true
	}
	for n := range f.facets {
		byName := func(a, b int32) int { return cmp.Compare(f.names.nodes[a].name, f.names.nodes[b].name) }
		d := &detail{columns: slices.SortedFunc(slices.Values(f.columns[n]), byName)}
		d.nested = slices.ContainsFunc(d.columns, func(c int32) bool { return nestedPath(f.names.nodes[c].name) })
		for kind, layer := range [facetKinds]Layer{facetSchema: layerSchema, facetOwners: layerOwners, facetTags: layerTags} {
			d.facets[kind] = f.statedOf(layer, n)
		}
		for _, o := range f.ops[n] {
			if o.on == n {
				d.ends = append(d.ends, ending{o.key.Time, o.to})
			}
		}
		if list, told := schemas[n]; told {
			d.facets[facetSchema] = list
		}
		if list := f.statedOf(layerType, n); len(list) > 0 {
			d.typ = list[len(list)-1].words[0]
		}
		f.details.Set(n, d)
	}
}

// statedOf returns the statements of a list of a node, ascending by time.
func (f *fold) statedOf(layer Layer, n int32) []facet {
	id, ok := f.index[scope{layer: layer, job: -1, target: n}]
	if !ok {
		return nil
	}
	var out []facet
	for _, s := range f.lines[id].Stretches {
		x := facet{from: s.First.Time}
		if layer == layerSchema {
			x.fields = f.fieldsOf(s.Set)
		}
		for _, e := range s.Set {
			if layer != layerSchema {
				x.words = append(x.words, f.words[e.from])
			}
		}
		if last := len(out) - 1; last >= 0 && out[last].from == x.from {
			out = out[:last] // One that was replaced at once was never in force.
		}
		out = append(out, x)
	}
	return out
}

// fieldsOf returns the fields that a set states.
func (f *fold) fieldsOf(set []fact) []Field {
	var out []Field
	for _, e := range set {
		out = append(out, Field{Path: f.words[e.from], Type: f.words[e.to]})
	}
	return out
}

// publish returns the graph as it is now.
func (f *fold) publish(cursor Cursor) *graph {
	old := f.rows.g
	g := &graph{
		table: f.table(), cursor: cursor, names: f.names, base: old.base, over: old.over, detail: f.details.Vector(), marks: f.marks.Vector(),
		alias: f.alias, newest: f.rows.newest, edges: old.edges + f.rows.edges, delta: old.delta, changes: old.changes + f.rows.changes,
	}
	g.groups = g.alias != nil
	if f.rows.bulk != nil {
		g.base, g.delta, g.changes = layOut(g, f.rows.bulk), 0, 0
	}
	for direction := range g.over {
		over := old.over[direction].Edit()
		for n, d := range f.rows.drafts[direction] {
			row := d.List()
			g.delta += row.Len()
			if before := over.At(n); before != nil {
				g.delta -= before.Len()
			}
			over.Set(n, row)
		}
		if f.since != nil {
			for n := range f.rows.drafts[direction] {
				f.since[direction][n] = true
			}
		}
		g.over[direction] = over.Vector()
	}
	f.begin(g)
	return g
}

// rebase returns a graph with the rows of a base that was laid out of an earlier one,
// and over it those that changed since.
func (f *fold) rebase(b *base) *graph {
	g := *f.rows.g
	g.base, g.delta, g.changes = b, 0, g.changes-f.laid
	for direction := range g.over {
		var over persist.Vector[*persist.List[entry]]
		edit := over.Edit()
		for n := range f.since[direction] {
			row := f.rows.g.over[direction].At(n)
			edit.Set(n, row)
			g.delta += row.Len()
		}
		g.over[direction] = edit.Vector()
	}
	f.since = nil
	f.begin(&g)
	return &g
}
