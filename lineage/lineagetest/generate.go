package lineagetest

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// NewHistory returns n or a few more events at random, the same for the same seed: runs
// of batch and streaming jobs in any state, job and dataset events, parsed and manual
// ones, over few names and few instants, so that much happens to the same edges at the
// same time. Each history draws on some of what can happen only, so that rare things meet
// in some of them. All of them are valid, and happen in the 12 minutes after [Epoch].
func NewHistory(seed uint64, n int) []lineage.Event {
	r := rand.New(rand.NewPCG(seed, 31))
	h := &historian{Rand: r}
	for i := range h.features {
		h.features[i] = r.IntN(2) == 0
	}
	for _, name := range []string{"orders", "Orders", "stage", "report", "orders:v2"}[:2+r.IntN(4)] {
		h.datasets = append(h.datasets, lineage.DatasetRef{Namespace: "db", Name: name})
	}
	h.datasets = append(h.datasets, lineage.DatasetRef{Namespace: "s3", Name: "orders"})
	for i := range 1 + r.IntN(3) {
		h.jobs = append(h.jobs, lineage.JobRef{Namespace: "etl", Name: fmt.Sprintf("job%d", i)})
		h.habits = append(h.habits, habit{h.some(h.datasets, 2), h.some(h.datasets, 2)})
	}
	for len(h.events) < n {
		h.happen()
	}
	return h.events
}

// Epoch is when histories begin.
func Epoch() time.Time { return time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC) }

// What a history may draw on.
const (
	lifecycles = iota
	aliases
	schemas
	streams
	explicits
	declarations
	parses
	persons
	wildcards
	skews
	facets
	failures
	mixes // of explicit events with others in one job
	featureCount
)

// A habit is what a job mostly reads and writes.
type habit struct{ inputs, outputs []lineage.DatasetRef }

// A historian makes a history.
type historian struct {
	*rand.Rand
	features [featureCount]bool
	datasets []lineage.DatasetRef
	jobs     []lineage.JobRef
	habits   []habit
	runs     int
	events   []lineage.Event
}

// chance is true once in n times, if the history has the feature.
func (h *historian) chance(feature, n int) bool { return h.features[feature] && h.IntN(n) == 0 }

// some returns at most n of a list, in no order.
func (h *historian) some(list []lineage.DatasetRef, n int) []lineage.DatasetRef {
	out := slices.Clone(list)
	h.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:min(h.IntN(n+1), len(out))]
}

// pick returns one of a list.
func pick[T any](h *historian, list ...T) T { return list[h.IntN(len(list))] }

// moment is one of few instants.
func (h *historian) moment() time.Time {
	t := Epoch().Add(time.Duration(h.IntN(12)) * time.Minute)
	if h.IntN(3) == 0 {
		t = t.Add(time.Duration(h.IntN(3)) * time.Microsecond)
	}
	return t
}

// happen adds the events of one thing that happens.
func (h *historian) happen() {
	j := h.IntN(len(h.jobs))
	switch {
	case h.chance(declarations, 6):
		h.add(h.jobEvent(j, lineage.Declared))
	case h.chance(declarations, 6):
		h.add(h.datasetEvent(lineage.Declared))
	case h.chance(parses, 4):
		h.add(h.parsed(j))
	case h.chance(persons, 6):
		h.add(h.manual(j))
	case h.chance(lifecycles, 10):
		h.swap()
	default:
		h.run(j)
	}
}

func (h *historian) add(e lineage.Event) { h.events = append(h.events, e) }

// run adds the events of a run.
func (h *historian) run(j int) {
	h.runs++
	id := fmt.Sprintf("run%d", h.runs)
	if h.IntN(20) == 0 {
		id = "run1" // An ID that several jobs use is a run of each.
	}
	types := pick(h, [][]lineage.EventType{
		{lineage.Start, lineage.Complete},
		{lineage.Start, lineage.Complete},
		{lineage.Complete},
		{lineage.Complete},
		{lineage.Start, lineage.Running, lineage.Complete},
		{lineage.Other, lineage.Complete},
	}...)
	if h.chance(failures, 3) {
		types = pick(h, [][]lineage.EventType{
			{lineage.Start},
			{lineage.Running},
			{lineage.Other},
			{lineage.Untyped},
			{lineage.Start, lineage.Fail},
			{lineage.Abort},
			{lineage.Complete, lineage.Fail},
			{lineage.Fail, lineage.Complete},
			{lineage.Complete, lineage.Complete},
			{lineage.Complete, lineage.Running},
		}...)
	}
	at := h.moment()
	streaming := h.features[streams] && j == 0
	for _, t := range types {
		e := lineage.Event{Time: at, Run: &lineage.RunFact{ID: id, Type: t}, Job: &lineage.JobFact{Ref: h.jobs[j]}}
		if streaming && h.IntN(3) > 0 {
			e.Job.Processing = lineage.Streaming
		}
		if t == lineage.Fail {
			e.Run.Error = "it broke"
		}
		if h.IntN(10) == 0 {
			e.Run.Parent = &lineage.RunRef{ID: "dag", Job: lineage.JobRef{Namespace: "etl", Name: "dag"}}
		}
		if len(types) == 1 || h.IntN(4) > 0 {
			h.speak(&e, j)
		}
		h.add(e)
		if at = at.Add(time.Duration(h.IntN(3)) * time.Minute); h.chance(skews, 3) {
			at = h.moment()
		}
	}
}

// speak says what an event of a job reads and writes.
func (h *historian) speak(e *lineage.Event, j int) {
	of := h.habits[j]
	if h.IntN(3) == 0 {
		of = habit{h.some(h.datasets, 3), h.some(h.datasets, 3)}
	}
	if h.IntN(5) > 0 {
		e.Inputs = []lineage.DatasetFact{}
		for _, d := range of.inputs {
			e.Inputs = append(e.Inputs, h.fact(d))
		}
	}
	for _, d := range of.outputs {
		e.Outputs = append(e.Outputs, h.written(d))
	}
	e.Explicit = h.features[explicits] && j == len(h.jobs)-1 && (!h.features[mixes] || h.IntN(2) == 0)
	if e.Explicit {
		h.explain(e)
	}
	if h.chance(facets, 6) {
		e.Job.Owners, e.Job.Tags, e.Job.Type = pick(h, nil, []string{}, []string{"team"}), pick(h, nil, []string{"nightly", "pii"}), "QUERY"
	}
}

// fact says things of a dataset that hold whatever becomes of the run, and a schema that
// is a statement of outputs only.
func (h *historian) fact(d lineage.DatasetRef) lineage.DatasetFact {
	f := lineage.DatasetFact{Ref: d}
	if h.chance(aliases, 4) {
		f.States |= lineage.Symlinks
		f.Aliases = h.some(h.datasets, 2)
	}
	if h.chance(facets, 6) {
		f.States |= lineage.Owners
		f.Owners = pick(h, nil, []string{"ann"}, []string{"bob", "ann"})
	}
	if h.chance(facets, 6) {
		f.States |= lineage.Tags
		f.Tags = pick(h, nil, []string{"pii"})
	}
	if h.chance(facets, 6) {
		f.Type = pick(h, "TABLE", "VIEW")
	}
	if h.chance(schemas, 2) {
		f.States |= lineage.Schema
		for _, path := range []string{"a", "b", "b.c", "d[].e"} {
			if h.IntN(2) == 0 {
				f.Fields = append(f.Fields, lineage.Field{Path: path, Type: pick(h, "int", "text")})
			}
		}
	}
	if h.chance(lifecycles, 12) {
		f.Lifecycle = lineage.Lifecycle{Change: pick(h, lineage.Created, lineage.Truncated, lineage.Dropped)}
	}
	return f
}

// written says what an output is made from.
func (h *historian) written(d lineage.DatasetRef) lineage.DatasetFact {
	f := h.fact(d)
	if h.IntN(2) == 0 {
		f.States |= lineage.ColumnEdges
		for range h.IntN(4) {
			f.Edges = append(f.Edges, h.columnEdge(d))
		}
	}
	if h.chance(lifecycles, 5) {
		f.Lifecycle = lineage.Lifecycle{Change: lineage.Renamed, From: pick(h, h.datasets...)}
	}
	return f
}

func (h *historian) columnEdge(to lineage.DatasetRef) lineage.EdgeFact {
	from := pick(h, h.datasets...)
	e := lineage.EdgeFact{From: from.Column(pick(h, "a", "b", "b.c")), To: to.Column(pick(h, "a", "b", "d[].e")), Kinds: h.kinds()}
	switch {
	case h.IntN(6) == 0:
		e.To = to.Node()
	case h.chance(wildcards, 4):
		e.From, e.To = from.Column("*"), to.Column("*")
	case h.IntN(12) == 0:
		e.From = from.Node()
	}
	e.Certainty = pick(h, lineage.Exact, lineage.Exact, lineage.Resolved, lineage.Assumed)
	return e
}

func (h *historian) kinds() []lineage.Transformation {
	var out []lineage.Transformation
	for range pick(h, 0, 1, 1, 2) {
		out = append(out, lineage.Transformation{
			Type: pick(h, lineage.Direct, lineage.Direct, lineage.Indirect), Subtype: pick(h, lineage.Identity, lineage.Aggregation, ""),
			Masking: h.IntN(6) == 0, Description: pick(h, "", "", "sum", "cast"),
		})
	}
	return out
}

// explain makes an event explicit: edges to its outputs one by one, and edges of jobs.
func (h *historian) explain(e *lineage.Event) {
	for i := range e.Outputs {
		d := &e.Outputs[i]
		d.States &^= lineage.DatasetEdges
		if h.IntN(3) == 0 {
			continue
		}
		d.States |= lineage.DatasetEdges
		for range h.IntN(3) {
			x := lineage.EdgeFact{From: pick(h, h.datasets...).Node(), To: d.Ref.Node(), Kinds: h.kinds()}
			if h.IntN(4) == 0 {
				x.From = pick(h, h.jobs...).Node()
			}
			d.Edges = append(d.Edges, x)
		}
	}
	if h.IntN(3) == 0 {
		e.JobEdges = append(e.JobEdges, lineage.EdgeFact{From: pick(h, h.jobs...).Node(), To: pick(h, h.jobs...).Node(), Kinds: h.kinds()})
	}
	if h.IntN(3) == 0 {
		e.JobEdges = append(e.JobEdges, lineage.EdgeFact{From: pick(h, h.datasets...).Node(), To: pick(h, h.jobs...).Node()})
	}
}

func (h *historian) jobEvent(j int, origin lineage.Origin) lineage.Event {
	e := lineage.Event{Time: h.moment(), Origin: origin, Job: &lineage.JobFact{Ref: h.jobs[j]}}
	h.speak(&e, j)
	return e
}

func (h *historian) datasetEvent(origin lineage.Origin) lineage.Event {
	d := pick(h, h.datasets...)
	f := h.written(d)
	if h.IntN(2) == 0 {
		f.States |= lineage.DatasetEdges
		for range h.IntN(3) {
			f.Edges = append(f.Edges, lineage.EdgeFact{From: pick(h, h.datasets...).Node(), To: d.Node(), Kinds: h.kinds()})
		}
	}
	return lineage.Event{Time: h.moment(), Origin: origin, Outputs: []lineage.DatasetFact{f}}
}

// parsed is what a parser makes of a job's statement.
func (h *historian) parsed(j int) lineage.Event {
	e := lineage.Event{Time: h.moment(), Origin: lineage.SQL, Job: &lineage.JobFact{Ref: h.jobs[j], SQL: "select 1"}}
	for _, d := range h.some(h.datasets, 2) {
		f := lineage.DatasetFact{Ref: d, States: lineage.ColumnEdges}
		for range h.IntN(4) {
			f.Edges = append(f.Edges, h.columnEdge(d))
		}
		e.Outputs = append(e.Outputs, f)
	}
	return e
}

// swap puts a new table in the place of an old one, as dbt does: the old one is renamed
// out of the way, the new one takes its name, and the old one is dropped.
func (h *historian) swap() {
	old, fresh, at := pick(h, h.datasets...), pick(h, h.datasets...), h.moment()
	backup := lineage.DatasetRef{Namespace: old.Namespace, Name: old.Name + "__backup"}
	for _, x := range []struct {
		ref lineage.DatasetRef
		lineage.Lifecycle
	}{
		{backup, lineage.Lifecycle{Change: lineage.Renamed, From: old}},
		{old, lineage.Lifecycle{Change: lineage.Renamed, From: fresh}},
		{backup, lineage.Lifecycle{Change: lineage.Dropped}},
	} {
		h.add(lineage.Event{Time: at, Outputs: []lineage.DatasetFact{{Ref: x.ref, Lifecycle: x.Lifecycle}}})
		at = at.Add(time.Duration(h.IntN(2)) * time.Microsecond)
	}
}

func (h *historian) manual(j int) lineage.Event {
	switch h.IntN(4) {
	case 0:
		return lineage.Event{Time: h.moment(), Origin: lineage.Manual, Job: &lineage.JobFact{Ref: h.jobs[j], Retired: true}}
	case 1:
		return lineage.Event{Time: h.moment(), Origin: lineage.Manual, Outputs: []lineage.DatasetFact{{Ref: pick(h, h.datasets...), Primary: true}}}
	case 2:
		return h.datasetEvent(lineage.Manual)
	}
	return h.jobEvent(j, lineage.Manual)
}

// Shuffle brings events into another order, the same for the same seed: some come
// repeatedly, and all of them in batches of different sizes. Where an event comes depends
// on itself and the seed only, so that a history from which one is left out keeps its
// order.
func Shuffle(seed uint64, events []lineage.Event) [][]lineage.Event {
	type place struct {
		at    uint64
		event lineage.Event
		last  bool // of its batch
	}
	var all []place
	longest := 1 + int(seed%7)
	for _, e := range events {
		id := lineage.EventID(e)
		r := rand.New(rand.NewPCG(seed, binary.BigEndian.Uint64(id[:8])))
		for range pick(&historian{Rand: r}, 1, 1, 1, 2) {
			all = append(all, place{r.Uint64(), e, r.IntN(longest) == 0})
		}
	}
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(a.at, b.at) })
	var out [][]lineage.Event
	var batch []lineage.Event
	for i, p := range all {
		batch = append(batch, p.event)
		if p.last || i == len(all)-1 {
			out, batch = append(out, batch), nil
		}
	}
	return out
}
