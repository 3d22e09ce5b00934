package lineage

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

// Beside the layers of edges there are lines of other things, each under its own scope.
const (
	layerSink    Layer = iota + 16 // what a run only reads, and explicit edges to jobs; target: the job
	layerOutputs                   // the outputs that an assertion names; target: the job
	layerSchema                    // of a dataset, as are the following
	layerOwners
	layerTags
	layerType
	layerAliases
	layerPin
)

// A fact is one element of a line: an edge, or for the other lines a node (layerOutputs,
// layerAliases) or words (path and type of a field).
type fact struct{ from, to, attr int32 }

// A statement is what one claim says in one scope.
type statement struct {
	line *line
	key  timeline.Key
	set  []fact
}

// A place is where in a line a statement stands.
type place struct {
	line *line
	key  timeline.Key
}

func (s *statement) place() place { return place{s.line, s.key} }

// statements translates claims into numbers.
func (f *fold) statements(claims []claim) ([]statement, []op) {
	t := translation{at: map[place]int{}}
	for _, c := range claims {
		t.fold, t.key, t.event, t.job = f, c.key, c.event, -1
		if c.event.Job != nil {
			t.job = f.node(c.event.Job.Ref.Node())
		}
		if c.facets {
			t.facets()
		}
		if c.asserts {
			t.assertion()
		}
	}
	return t.out, t.ops
}

// A translation turns one claim after the other into statements.
type translation struct {
	fold  *fold
	key   timeline.Key
	event *Event
	job   int32
	out   []statement
	at    map[place]int // their indices
	ops   []op
	last  NodeID // where the last edge led, and its number
	to    int32
}

func (t *translation) state(s scope, set []fact) {
	l := t.fold.line(s)
	x := statement{line: l, key: t.key, set: t.fold.sorted(set)}
	if i, ok := t.at[x.place()]; ok { // What an output says stands before what an input says.
		t.out[i] = x
		return
	}
	t.at[x.place()] = len(t.out)
	t.out = append(t.out, x)
}

// facets states what is in force whatever becomes of the run.
func (t *translation) facets() {
	for _, facts := range [][]DatasetFact{t.event.Inputs, t.event.Outputs} {
		for i := range facts {
			t.datasetFacets(&facts[i])
		}
	}
	j := t.event.Job
	if j == nil {
		return
	}
	if j.Owners != nil {
		t.words(layerOwners, t.job, j.Owners)
	}
	if j.Tags != nil {
		t.words(layerTags, t.job, j.Tags)
	}
	if j.Type != "" {
		t.words(layerType, t.job, []string{j.Type})
	}
}

func (t *translation) datasetFacets(d *DatasetFact) {
	n := t.fold.node(d.Ref.Node())
	if d.States.Has(Symlinks) {
		var set []fact
		for _, a := range d.Aliases {
			set = append(set, fact{from: t.fold.node(a.Node())})
		}
		t.state(scope{layer: layerAliases, job: -1, target: n}, set)
	}
	if d.States.Has(Owners) {
		t.words(layerOwners, n, d.Owners)
	}
	if d.States.Has(Tags) {
		t.words(layerTags, n, d.Tags)
	}
	if d.Type != "" {
		t.words(layerType, n, []string{d.Type})
	}
	if d.Primary && t.event.Origin == Manual {
		t.state(scope{layer: layerPin, job: -1, target: n}, []fact{{}})
	}
	t.fold.statedBy(n, t.job)
}

// words states a list of words of a node.
func (t *translation) words(layer Layer, n int32, words []string) {
	set := make([]fact, len(words))
	for i, w := range words {
		set[i].from = t.fold.word(w)
	}
	t.state(scope{layer: layer, job: -1, target: n}, set)
}

// assertion states edges, schemas and boundaries.
func (t *translation) assertion() {
	e := t.event
	for i := range e.Outputs {
		t.output(&e.Outputs[i])
	}
	for _, facts := range [][]DatasetFact{e.Inputs, e.Outputs} {
		for i := range facts {
			t.lifecycle(&facts[i])
		}
	}
	if t.job < 0 {
		return
	}
	t.named()
	if e.Explicit {
		t.explicit()
	} else {
		t.product()
	}
	if e.Job.Retired && e.Origin == Manual {
		t.ops = append(t.ops, op{key: t.key, on: t.job, to: -1})
	}
}

// output states what one output says of itself: its schema and the edges that lead to it.
func (t *translation) output(d *DatasetFact) {
	n := t.fold.node(d.Ref.Node())
	if d.States.Has(Schema) {
		set := make([]fact, len(d.Fields))
		for i, x := range d.Fields {
			t.fold.node(d.Ref.Column(x.Path))
			set[i] = fact{from: t.fold.word(x.Path), to: t.fold.word(x.Type)}
		}
		t.state(scope{layer: layerSchema, job: -1, target: n}, set)
		t.fold.statedBy(n, t.job)
	}
	if d.States.Has(ColumnEdges) {
		t.edges(d.Edges, scope{origin: t.event.Origin, layer: ColumnLayer, job: t.job, target: n})
	}
	if d.States.Has(DatasetEdges) && (t.job < 0 || t.event.Explicit) {
		t.edges(d.Edges, scope{origin: t.event.Origin, layer: DatasetLayer, job: t.job, target: n})
	}
}

// layerOf returns the layer of an edge by its ends.
func layerOf(e *EdgeFact) Layer {
	switch {
	case e.From.Kind == JobNode || e.To.Kind == JobNode:
		return JobLayer
	case e.From.Kind == ColumnNode || e.To.Kind == ColumnNode:
		return ColumnLayer
	}
	return DatasetLayer
}

// edges states those of the edges that belong to a scope's layer.
func (t *translation) edges(edges []EdgeFact, s scope) {
	n := 0
	for i := range edges {
		if layerOf(&edges[i]) == s.layer {
			n++
		}
	}
	set := make([]fact, 0, n) // It is kept.
	for i := range edges {
		if layerOf(&edges[i]) == s.layer {
			set = append(set, t.edge(edges[i], s))
		}
	}
	t.state(s, set)
}

func (t *translation) edge(e EdgeFact, s scope) fact {
	from := t.fold.node(e.From)
	if e.To != t.last { // Edges that lead to one node come together.
		t.last, t.to = e.To, t.fold.node(e.To)
	}
	return fact{from: from, to: t.to, attr: t.fold.attr(s, e.Kinds, e.Certainty)}
}

// named states which outputs the assertion names, so that omitted ones can be told. A
// parsed statement speaks only of its own outputs, and a run that names none of nothing.
func (t *translation) named() {
	e := t.event
	if e.Origin == SQL || e.Outputs == nil || e.Origin == Observed && len(e.Outputs) == 0 {
		return
	}
	set := make([]fact, len(e.Outputs))
	for i := range e.Outputs {
		set[i].from = t.fold.node(e.Outputs[i].Ref.Node())
	}
	t.state(scope{origin: e.Origin, layer: layerOutputs, job: t.job, target: t.job}, set)
}

// product states inputs x outputs, through one set of inputs. A run that names no input
// states none of it: producers send an empty list for what changes no data.
func (t *translation) product() {
	e := t.event
	stated := len(e.Inputs) > 0 || e.Inputs != nil && e.Run == nil
	var inputs []int32
	for i := range e.Inputs {
		inputs = append(inputs, t.fold.node(e.Inputs[i].Ref.Node()))
	}
	slices.Sort(inputs)
	inputs = slices.Compact(inputs)
	for i := range e.Outputs {
		d := t.fold.node(e.Outputs[i].Ref.Node())
		s := scope{origin: e.Origin, layer: JobLayer, job: t.job, target: d}
		t.state(s, []fact{{from: t.job, to: d, attr: t.fold.attr(s, nil, Exact)}})
		if !stated {
			continue
		}
		s.layer = DatasetLayer
		var set []fact
		if len(inputs) > 0 {
			set = []fact{{from: t.fold.set(t.job, inputs), to: d, attr: t.fold.attr(s, nil, Exact)}}
		}
		t.state(s, set)
	}
	if !stated {
		return
	}
	if len(e.Outputs) > 0 {
		inputs = nil // They lead to the outputs.
	}
	t.reads(inputs, nil)
}

// reads states the edges that lead to jobs: from datasets to the event's own, and others.
func (t *translation) reads(inputs []int32, others []EdgeFact) {
	own := scope{origin: t.event.Origin, layer: JobLayer, job: t.job, target: t.job}
	set := make([]fact, 0, len(inputs)+len(others))
	for _, in := range inputs {
		set = append(set, fact{from: in, to: t.job, attr: t.fold.attr(own, nil, Exact)})
	}
	for _, e := range others {
		s := own
		s.layer = layerOf(&e)
		set = append(set, t.edge(e, s))
	}
	own.layer = layerSink
	t.state(own, set)
}

// explicit states the edges of an event that names each of them. Datasets that no edge
// names are read and written by the event's own job.
func (t *translation) explicit() {
	e := t.event
	named := map[DatasetRef]bool{}
	note := func(edges []EdgeFact) {
		for _, x := range edges {
			named[x.From.Dataset()], named[x.To.Dataset()] = true, true
		}
	}
	note(e.JobEdges)
	for _, facts := range [][]DatasetFact{e.Inputs, e.Outputs} {
		for i := range facts {
			d := &facts[i]
			note(d.Edges)
			if d.States&(DatasetEdges|ColumnEdges) != 0 { // There is an entry, if one that names nothing.
				named[d.Ref] = true
			}
		}
	}
	for i := range e.Outputs {
		d := &e.Outputs[i]
		s := scope{origin: e.Origin, layer: JobLayer, job: t.job, target: t.fold.node(d.Ref.Node())}
		edges := d.Edges
		if !named[d.Ref] {
			edges = []EdgeFact{{From: e.Job.Ref.Node(), To: d.Ref.Node()}}
		}
		t.edges(edges, s)
	}
	var inputs []int32
	for i := range e.Inputs {
		if ref := e.Inputs[i].Ref; !named[ref] {
			inputs = append(inputs, t.fold.node(ref.Node()))
		}
	}
	t.reads(inputs, e.JobEdges)
}

// lifecycle lists what ends stretches.
func (t *translation) lifecycle(d *DatasetFact) {
	n := t.fold.node(d.Ref.Node())
	switch d.Lifecycle.Change {
	case Dropped:
		t.ops = append(t.ops, op{key: t.key, on: n, to: -1})
	case Renamed:
		if from := d.Lifecycle.From; from != d.Ref && from != (DatasetRef{}) {
			t.ops = append(t.ops, op{key: t.key, on: t.fold.node(from.Node()), to: n})
		}
	case Unchanged, Created, Altered, Truncated, Overwritten:
	}
}

// sorted puts a set into the order of its line. Of equal facts the strongest certainty
// with the smallest description stands, whatever the order they were stated in.
func (f *fold) sorted(set []fact) []fact {
	slices.SortFunc(set, func(a, b fact) int {
		if c := f.order(a, b); c != 0 || a.attr == b.attr {
			return c
		}
		x, y := f.attrs[a.attr], f.attrs[b.attr]
		return cmp.Or(cmp.Compare(x.certainty, y.certainty), slices.CompareFunc(x.kinds, y.kinds, func(a, b Transformation) int {
			return cmp.Compare(a.Description, b.Description)
		}))
	})
	return slices.CompactFunc(set, func(a, b fact) bool { return f.order(a, b) == 0 })
}

// order compares what facts state, leaving out certainty and descriptions.
func (f *fold) order(a, b fact) int {
	if c := cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)); c != 0 || a.attr == b.attr {
		return c
	}
	return cmp.Compare(f.attrs[a.attr].same, f.attrs[b.attr].same)
}

// node numbers a node, and the dataset of a column.
func (f *fold) node(id NodeID) int32 {
	key := nodeKey{kind: id.Kind, owner: -1, space: id.Namespace, name: id.Name}
	if id.Kind == ColumnNode {
		if d := id.Dataset(); d != f.dataset.ref { // Columns of one come together.
			f.dataset.ref, f.dataset.number = d, f.node(d.Node())
		}
		key = nodeKey{kind: ColumnNode, owner: f.dataset.number, name: id.Field}
	}
	return f.number(key)
}

// number numbers what has a key, and notes it with its owner.
func (f *fold) number(key nodeKey) int32 {
	n, isNew := f.names.add(key)
	if !isNew {
		return n
	}
	switch key.kind {
	case ColumnNode:
		f.columns[key.owner] = append(f.columns[key.owner], n)
		f.newColumns[key.owner] = true
	case setNode:
		for d := range members(f.names.nodes[n]) {
			f.sets[d] = append(f.sets[d], n)
		}
	case DatasetNode, JobNode:
	}
	return n
}

// set numbers a set of inputs of a job, each once. The name has them in order of their
// names, so that sets are compared without sorting.
func (f *fold) set(job int32, inputs []int32) int32 {
	name := make([]byte, 0, 4*len(inputs))
	for _, n := range slices.SortedFunc(slices.Values(inputs), func(a, b int32) int { return compareNodes(f.names.nodes, a, b) }) {
		name = binary.LittleEndian.AppendUint32(name, uint32(n)) //nolint:gosec // a number of a node is not negative
	}
	return f.number(nodeKey{kind: setNode, owner: job, name: string(name)})
}

// word numbers a word.
func (f *fold) word(w string) int32 {
	n, ok := f.wordIndex[w]
	if !ok {
		n = int32(len(f.words)) //nolint:gosec // far fewer than 2^31 words fit into memory
		w = f.names.texts.once(w)
		f.wordIndex[w], f.words = n, append(f.words, w)
	}
	return n
}

// A lastDataset is the one whose column was asked for last. No dataset has the zero name.
type lastDataset struct {
	ref    DatasetRef
	number int32
}

// A lastAttr is the attr that was asked for last, as it was asked for.
type lastAttr struct {
	scope     int32
	kinds     []Transformation
	certainty Certainty
	number    int32
}

// attr numbers what an edge is, within its scope.
func (f *fold) attr(s scope, kinds []Transformation, certainty Certainty) int32 {
	id := f.line(s).id
	if len(kinds) == 0 && certainty == Exact { // By far the most are one of these.
		if a, ok := f.plain[id]; ok {
			return a
		}
	}
	if l := &f.last; l.scope == id && l.certainty == certainty && l.number >= 0 && slices.Equal(l.kinds, kinds) {
		return l.number // Edges of one kind come together.
	}
	n := f.newAttr(id, kinds, certainty)
	f.last = lastAttr{scope: id, kinds: kinds, certainty: certainty, number: n}
	return n
}

func (f *fold) newAttr(id int32, kinds []Transformation, certainty Certainty) int32 {
	kinds = slices.Clone(kinds)
	for i := range kinds {
		k, texts := &kinds[i], &f.names.texts
		k.Type, k.Subtype, k.Description = texts.once(k.Type), texts.once(k.Subtype), texts.once(k.Description)
	}
	slices.SortFunc(kinds, func(a, b Transformation) int { return cmp.Or(a.Compare(b), cmp.Compare(a.Description, b.Description)) })
	kinds = slices.CompactFunc(kinds, func(a, b Transformation) bool { return a.Compare(b) == 0 })
	bare := slices.Clone(kinds)
	for i := range bare {
		bare[i].Description = ""
	}
	same := f.addAttr(attr{scope: id, kinds: bare}, -1)
	return f.addAttr(attr{scope: id, kinds: kinds, certainty: certainty}, same)
}

// addAttr numbers an attr. A negative same is its own number.
func (f *fold) addAttr(a attr, same int32) int32 {
	w := wire{buf: binary.AppendVarint(nil, int64(a.scope))}
	number(&w, &a.certainty)
	w.kinds(&a.kinds)
	n, ok := f.attrIndex[string(w.buf)]
	if !ok {
		n = int32(len(f.attrs)) //nolint:gosec // far fewer than 2^31 attrs fit into memory
		if a.same = same; same < 0 {
			a.same = n
		}
		f.attrIndex[string(w.buf)], f.attrs = n, append(f.attrs, a)
		if len(a.kinds) == 0 && a.certainty == Exact {
			f.plain[a.scope] = n
		}
	}
	return n
}
