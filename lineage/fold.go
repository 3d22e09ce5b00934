package lineage

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tenon-go/tenon/lineage/internal/persist"
	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

type interval = timeline.Interval[fact]

// A line is all that was ever stated in one scope.
//
// An ordinary line grows at its end only, and its rows change with it. Where something
// else happens to it, or where boundaries cut it, its intervals are derived as a whole
// and compared with those that the rows have: out.
type line struct {
	timeline.Line[fact]
	scope
	id    int32
	slow  bool // it has boundaries: derived as a whole unless it only repeats itself
	dirty bool // to be derived when the batch ends
	out   []interval
}

// A fold is all records so far, folded into lines and rows. It is the writer's alone and
// makes the graphs that readers share. After an error it is of no more use.
type fold struct {
	closeAfter int
	names      *names
	words      []string
	wordIndex  map[string]int32
	index      map[scope]int32
	scopes     []scope
	lines      []*line
	attrs      []attr
	attrIndex  map[string]int32
	last       lastAttr
	dataset    lastDataset
	plain      map[int32]int32       // by scope: its attr without kinds, Exact
	columns    map[int32][]int32     // of a dataset
	sets       map[int32][]int32     // of a dataset, those that it is in
	ops        map[int32][]op        // by dataset or job, ascending; a rename by both its datasets
	given      map[timeline.Key][]op // boundaries as events give them; ops are on all names of a dataset
	alias      *aliasing             // nil: no dataset ever had aliases
	stated     map[int32][]int32     // by dataset: the jobs that stated facets of it, ascending
	jobs       map[jobKey]*jobLines
	loose      []timeline.Key           // of job and dataset events, ascending
	schemaCuts map[int32]bool           // datasets with a schema that ever changed
	bounds     map[int32]map[*line]bool // by dataset the lines that its boundaries lie on

	laid     int                  // changes of the graph that a base is being laid out of
	since    *[2]map[int32]bool   // by direction: rows that changed since a base is being laid out; nil: none is
	err      error                // why it is of no more use
	changing map[place]*statement // what replace did so far, which reread does not see; nil: taken back

	// reread returns what was claimed by jobs, and by events without a run, from one key to
	// another, as far as it is folded.
	reread func(first, last timeline.Key, jobs []int32) ([]claim, error)

	batch
}

// A batch is what changes between two graphs.
type batch struct {
	rows       rows
	marks      *persist.Editor[mark]
	details    *persist.Editor[*detail]
	dirty      []*line
	outputs    map[*line]bool // lines of outputs that changed not only at the end
	cut        map[int32]bool // datasets and jobs whose boundaries changed
	readers    []jobKey       // jobs whose reads are to be derived
	facets     map[int32]bool // nodes whose details changed
	newColumns map[int32]bool
	aliases    bool // some symlinks or pins changed
}

// A jobKey is a job by one origin.
type jobKey struct {
	origin Origin
	job    int32
}

// jobLines are what a job writes and reads.
type jobLines struct {
	reads
	closed  map[int32]bool // outputs that were omitted so long that their edges ended
	known   map[int32]bool // all outputs ever
	missing map[int32]bool // outputs that the newest assertion omits, closed ones too
	live    map[int32]bool // outputs that are not closed
}

func newFold(closeAfter int) *fold {
	f := &fold{
		closeAfter: closeAfter, names: &names{index: map[nodeKey]int32{}}, wordIndex: map[string]int32{}, index: map[scope]int32{},
		attrIndex: map[string]int32{}, last: lastAttr{number: -1}, plain: map[int32]int32{}, columns: map[int32][]int32{}, sets: map[int32][]int32{}, ops: map[int32][]op{}, given: map[timeline.Key][]op{},
		stated: map[int32][]int32{}, jobs: map[jobKey]*jobLines{}, schemaCuts: map[int32]bool{}, bounds: map[int32]map[*line]bool{},
	}
	f.begin(&graph{names: f.names, base: &base{}})
	return f
}

// table returns the meanings of numbers as they are now.
func (f *fold) table() table { return table{nodes: f.names.nodes, scopes: f.scopes, attrs: f.attrs} }

// begin starts the batch that follows a graph.
func (f *fold) begin(g *graph) {
	f.batch = batch{
		rows: newRows(f, g), marks: g.marks.Edit(), details: g.detail.Edit(), outputs: map[*line]bool{}, cut: map[int32]bool{},
		facets: map[int32]bool{}, newColumns: map[int32]bool{},
	}
}

// line returns the line of a scope.
func (f *fold) line(s scope) *line {
	id, ok := f.index[s]
	if ok {
		return f.lines[id]
	}
	l := &line{scope: s, id: int32(len(f.lines))} //nolint:gosec // far fewer than 2^31 scopes fit into memory
	l.slow = l.parsed()
	f.index[s] = l.id
	f.lines, f.scopes = append(f.lines, l), append(f.scopes, s)
	if l.read() {
		j := f.job(jobKey{s.origin, s.job})
		j.lines = append(j.lines, l)
	}
	if l.graphed() && s.job >= 0 && f.job(jobKey{s.origin, s.job}).missing[s.target] {
		l.slow = true // It may be closed already.
		f.outputs[f.line(scope{origin: s.origin, layer: layerOutputs, job: s.job, target: s.job})] = true
	}
	return l
}

func (f *fold) job(k jobKey) *jobLines {
	j := f.jobs[k]
	if j == nil {
		j = &jobLines{closed: map[int32]bool{}, known: map[int32]bool{}, missing: map[int32]bool{}, live: map[int32]bool{}}
		j.leads, j.open = map[int32]span{}, map[fact]span{}
		f.jobs[k] = j
	}
	return j
}

// statedBy remembers which jobs to ask again for the facets of a dataset.
func (f *fold) statedBy(dataset, job int32) {
	if job < 0 {
		return
	}
	if i, found := slices.BinarySearch(f.stated[dataset], job); !found {
		f.stated[dataset] = slices.Insert(slices.Clone(f.stated[dataset]), i, job) // A checkpoint may be reading it.
	}
}

// replace folds the difference between what was claimed and what is now: of one run when
// another of its events came, or of one event.
func (f *fold) replace(before, after []claim) {
	oldSets, oldOps := f.statements(before)
	newSets, newOps := f.statements(after)
	if len(oldSets)+len(oldOps) > 0 {
		oldSets, newSets = without(oldSets, newSets), without(newSets, oldSets)
		keep := func(ops, others []op) []op {
			return slices.DeleteFunc(slices.Clone(ops), func(o op) bool { return slices.Contains(others, o) })
		}
		oldOps, newOps = keep(oldOps, newOps), keep(newOps, oldOps)
	}
	f.changing = map[place]*statement{}
	for _, s := range oldSets {
		f.retract(s)
		f.changing[s.place()] = nil
	}
	for _, s := range newSets {
		f.assert(s)
		f.changing[s.place()] = &s
	}
	f.changing = nil
	for _, o := range oldOps {
		f.setOp(o, false)
	}
	for _, o := range newOps {
		f.setOp(o, true)
	}
}

// without returns the statements of a that b does not have.
func without(a, b []statement) []statement {
	have := map[place][]fact{}
	for _, s := range b {
		have[s.place()] = s.set
	}
	return slices.DeleteFunc(slices.Clone(a), func(s statement) bool {
		set, ok := have[s.place()]
		return ok && slices.Equal(s.set, set)
	})
}

// assert folds one statement.
func (f *fold) assert(s statement) {
	l := s.line
	last, there := l.Last()
	newest := there && s.key.Compare(last) > 0 || !there && !f.late(s)
	if l.derived() && !l.dirty && newest && (!l.slow || l.repeats(s.set)) && !f.bounded(s) && !f.recasts(s) {
		f.append(s)
		return
	}
	f.soil(l)
	inside, stretches := there && s.key.Compare(last) < 0, len(l.Stretches)
	f.changed(l, inside)
	if i := l.Inner(s.key); i >= 0 && !l.Absorbs(s.key, s.set, f.order) {
		f.expand(l, i)
		l.Insert(s.key, s.set, f.order)
		l.Compact(f.order)
	} else {
		l.Insert(s.key, s.set, f.order)
	}
	if l.layer == layerOutputs && !inside {
		f.named(l, s.set, len(l.Stretches) == stretches)
	}
}

// late reports whether the job of a line's first statement has asserted something since, in
// which the target may have been omitted.
func (f *fold) late(s statement) bool {
	l := s.line
	id, ok := f.index[scope{origin: l.origin, layer: layerOutputs, job: l.job, target: l.job}]
	if !ok || !l.graphed() {
		return false
	}
	last, ok := f.lines[id].Last()
	return ok && s.key.Compare(last) < 0
}

// repeats reports whether a set is the newest of the line and nothing has ended that since:
// even where boundaries cut the line, to say it again moves nothing but when it was seen.
func (l *line) repeats(set []fact) bool {
	last, ok := l.Last()
	if !ok || l.parsed() || !slices.Equal(set, l.Stretches[len(l.Stretches)-1].Set) {
		return false
	}
	return len(l.Breaks) == 0 || l.Breaks[len(l.Breaks)-1].Compare(last) < 0
}

// recasts reports whether a statement of what a job only reads must be derived: it is in no
// row while the job's reads are to be derived, or changes what is carried with a read.
func (f *fold) recasts(s statement) bool {
	if s.line.layer != layerSink {
		return false
	}
	n, j := len(s.line.Stretches), f.job(jobKey{s.line.origin, s.line.job})
	switch {
	case j.dirty, s.key.Time < j.last:
		return true
	case n == 0:
		return false
	}
	before := s.line.Stretches[n-1].Set
	return slices.ContainsFunc(s.set, func(x fact) bool {
		i, found := slices.BinarySearchFunc(before, x, f.order)
		return found && before[i].attr != x.attr
	})
}

// retract takes one statement back.
func (f *fold) retract(s statement) {
	l := s.line
	f.soil(l)
	if l.read() {
		f.wake(jobKey{l.origin, l.job}) // It may have been seen last then.
	}
	f.changed(l, true)
	if i := l.Inner(s.key); i >= 0 {
		f.expand(l, i)
	}
	l.Remove(s.key, f.order)
	l.Compact(f.order)
}

// graphed reports whether the line's intervals are edges in rows.
func (l *line) graphed() bool { return l.layer <= ColumnLayer }

// parsed reports whether observed edges hide the line's.
func (l *line) parsed() bool { return l.origin == SQL && l.layer == ColumnLayer }

// derived reports whether the line's intervals are derived: those of edges, and those of
// what a job only reads.
func (l *line) derived() bool { return l.graphed() || l.layer == layerSink }

// soil keeps what the rows have of a line, before the line changes otherwise than by
// growing.
func (f *fold) soil(l *line) {
	if l.dirty || !l.derived() {
		return
	}
	if !l.slow {
		l.out = l.Intervals(nil, forever, f.order)
	}
	l.dirty = true
	f.dirty = append(f.dirty, l)
}

// changed notes what else depends on a line.
func (f *fold) changed(l *line, inside bool) {
	switch l.layer {
	case JobLayer, DatasetLayer, layerSink:
	case ColumnLayer:
		if l.origin == Observed {
			f.reveal(l)
		}
	case layerOutputs:
		if inside {
			f.outputs[l] = true
		}
	case layerSchema:
		f.facets[l.target] = true
		f.cut[l.target] = true
	case layerAliases, layerPin:
		f.aliases = true
	default:
		f.facets[l.target] = true
	}
	f.renamed(l)
}

// append folds a statement at the end of an ordinary line: what the set before it had
// and it has not ends there, what is new begins.
func (f *fold) append(s statement) {
	l := s.line
	var before []fact
	var seen int64
	if n := len(l.Stretches); n > 0 {
		before, seen = l.Stretches[n-1].Set, l.Stretches[n-1].Last.Time
	}
	t, differs := s.key.Time, false
	again := len(l.Stretches) > 0 && seen == t // What began at t may have held for no time.
	if k := (jobKey{l.origin, l.job}); l.read() && (again || t < f.job(k).last) {
		f.wake(k) // It is the first of its line, but not of the job.
	}
	after := s.set
	for len(before) > 0 || len(after) > 0 {
		switch c := f.head(before, after); {
		case c < 0:
			f.end(l, before[0], t, seen)
			before, differs = before[1:], true
		case c > 0:
			f.start(l, after[0], t)
			after, differs = after[1:], true
		default:
			if before[0].attr != after[0].attr {
				f.rows.recast(before[0], after[0])
			}
			before, after = before[1:], after[1:]
		}
	}
	l.Insert(s.key, s.set, f.order)
	if l.graphed() {
		f.marks.Set(l.id, mark{seen: t, stale: f.marks.At(l.id).stale})
	}
	if l.read() {
		f.saw(jobKey{l.origin, l.job}, t)
	}
	if differs {
		f.changed(l, false)
	}
}

// start begins a fact of a line.
func (f *fold) start(l *line, x fact, t int64) {
	if l.graphed() {
		f.rows.put(interval{Elem: x, Begin: t, End: forever})
	}
	if l.read() {
		f.readMore(l, x, t)
	}
}

// end ends a fact of a line.
func (f *fold) end(l *line, x fact, t, seen int64) {
	if l.graphed() {
		f.rows.end(x, t, seen)
	}
	if l.read() {
		f.readLess(l, interval{Elem: x, Begin: l.since(x, f.order), End: t, Seen: seen})
	}
}

// head compares the first facts of two sets; an empty one is behind.
func (f *fold) head(a, b []fact) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return f.order(a[0], b[0])
}

// expand makes all keys of one stretch known, by reading its claims again.
func (f *fold) expand(l *line, i int) {
	s := l.Stretches[i]
	jobs := []int32{l.job}
	if l.job < 0 {
		jobs = f.stated[l.target]
		if f.names.nodes[l.target].kind == JobNode {
			jobs = []int32{l.target}
		}
	}
	claims, err := f.reread(s.First, s.Last, jobs)
	if err != nil {
		f.err = cmp.Or(f.err, err)
		return
	}
	// What bounds a stretch is there even where its record is not any more.
	exact := map[timeline.Key][]fact{s.First: s.Set, s.Last: s.Set}
	for _, c := range claims {
		if c.key.Compare(s.First) < 0 || c.key.Compare(s.Last) > 0 {
			continue
		}
		sets, _ := f.statements([]claim{c})
		for _, x := range sets {
			if x.line == l {
				exact[x.key] = x.set
			}
		}
	}
	for at, now := range f.changing {
		switch {
		case at.line != l || at.key.Compare(s.First) < 0 || at.key.Compare(s.Last) > 0:
		case now == nil:
			delete(exact, at.key)
		default:
			exact[at.key] = now.set
		}
	}
	out := make([]timeline.Stretch[fact], 0, len(exact))
	for _, k := range slices.SortedFunc(maps.Keys(exact), timeline.Key.Compare) {
		out = append(out, timeline.Stretch[fact]{First: k, Last: k, Count: 1, Set: exact[k]})
	}
	l.Expand(i, out)
}
