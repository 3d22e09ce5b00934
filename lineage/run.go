package lineage

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

// A claim is what is said at one key. Facets (aliases, owners, tags, types) are in force
// whatever becomes of a run; edges, schemas and lifecycles are asserted.
type claim struct {
	key     timeline.Key
	facets  bool
	asserts bool
	event   *Event
}

// keyOf returns the place of a record in time.
func keyOf(r *Record) timeline.Key {
	return timeline.Key{Time: micros(r.Event.Time), ID: r.ID}
}

// A history is what the events of one run amount to, whatever the order they came in.
type history struct {
	run       Run
	streaming bool
	claims    []claim
}

// readRun returns the history of a run's records, which it sorts. There is at least one.
func readRun(records []Record, assertFailed bool) history {
	slices.SortFunc(records, func(a, b Record) int { return compareRecords(&a, &b) })
	first := &records[0].Event
	h := history{run: Run{ID: first.Run.ID, Job: first.Job.Ref, State: RunSeen, Began: first.Time, Events: len(records)}}
	streaming, terminal := false, -1
	for i := range records {
		e := &records[i].Event
		streaming = streaming || e.streams()
		switch t := e.Run.Type; {
		case t.Terminal():
			h.run.Conflict = h.run.Conflict || terminal >= 0 && records[terminal].Event.Run.Type != t
			terminal = i
		case t == Running:
			h.run.State = RunRunning
		case t == Start && h.run.State == RunSeen:
			h.run.State = RunStarted
		}
		h.run.Parent = cmp.Or(e.Run.Parent, h.run.Parent)
		h.run.Error = cmp.Or(e.Run.Error, h.run.Error)
	}
	last := &records[len(records)-1]
	h.run.Newest = RunKey{Time: last.Event.Time, ID: last.ID}
	h.streaming = streaming
	asserts := streaming && h.run.State != RunSeen
	if terminal >= 0 {
		e := &records[terminal].Event
		h.run.Ended = e.Time
		h.run.State = map[EventType]RunState{Complete: RunComplete, Fail: RunFailed, Abort: RunAborted}[e.Run.Type]
		asserts = e.Run.Type == Complete || assertFailed
	}
	h.claim(records, terminal, streaming, asserts)
	h.run.Inputs, h.run.Outputs = named(records, func(e *Event) []DatasetFact { return e.Inputs }), named(records, func(e *Event) []DatasetFact { return e.Outputs })
	return h
}

// claim lists what the records state. A streaming run's events are snapshots of their
// own; a batch run's facts are merged, those of each origin apart, and asserted when it
// ends.
func (h *history) claim(records []Record, terminal int, streaming, asserts bool) {
	origins := map[Origin][]*Event{}
	for i := range records {
		e := &records[i].Event
		h.claims = append(h.claims, claim{key: keyOf(&records[i]), facets: true, asserts: asserts && streaming && e.namesData(), event: e})
		origins[e.Origin] = append(origins[e.Origin], e)
	}
	if terminal < 0 || streaming || !asserts {
		return
	}
	for _, origin := range slices.Sorted(maps.Keys(origins)) {
		h.claims = append(h.claims, claim{key: keyOf(&records[terminal]), asserts: true, event: mergeEvents(origins[origin])})
	}
}

// streams reports whether the event says that its run streams.
func (e Event) streams() bool { return strings.EqualFold(e.Job.Processing, Streaming) }

// namesData reports whether the event names any dataset.
func (e Event) namesData() bool { return len(e.Inputs)+len(e.Outputs)+len(e.JobEdges) > 0 }

// size is how many edges and fields an event has, roughly.
func (e Event) size() int {
	n := len(e.JobEdges)
	for _, facts := range [][]DatasetFact{e.Inputs, e.Outputs} {
		for i := range facts {
			n += 1 + len(facts[i].Edges) + len(facts[i].Fields)
		}
	}
	return n
}

// named returns the datasets that a run's events name on one side, sorted.
func named(records []Record, side func(*Event) []DatasetFact) []DatasetRef {
	out := []DatasetRef{}
	for i := range records {
		for _, d := range side(&records[i].Event) {
			out = append(out, d.Ref)
		}
	}
	slices.SortFunc(out, DatasetRef.Compare)
	return slices.Compact(out)
}

// mergeEvents returns what a batch run's events say together: datasets unite, and a
// statement replaces the earlier one of its aspect. The events are ascending.
func mergeEvents(events []*Event) *Event {
	last := events[len(events)-1]
	if len(events) == 1 {
		return last
	}
	m := Event{Producer: last.Producer, Origin: last.Origin, Time: last.Time, Run: last.Run, Job: last.Job}
	for _, e := range events {
		m.Explicit = m.Explicit || e.Explicit
	}
	in, out := newUnion(), newUnion()
	for _, e := range events {
		if m.Explicit && !e.Explicit {
			e = e.withoutEdges()
		}
		in.add(e.Inputs)
		out.add(e.Outputs)
		if e.JobEdges != nil {
			m.JobEdges = e.JobEdges
		}
	}
	m.Inputs, m.Outputs = in.facts, out.facts
	return &m
}

// withoutEdges returns the event with no statement of edges but what it names: another
// event of the run states them completely.
func (e Event) withoutEdges() *Event {
	bare := e
	for _, facts := range []*[]DatasetFact{&bare.Inputs, &bare.Outputs} {
		*facts = slices.Clone(*facts)
		for i := range *facts {
			d := &(*facts)[i]
			d.Edges, d.States = nil, d.States&^(DatasetEdges|ColumnEdges)
		}
	}
	return &bare
}

// A union collects dataset facts by name. Its facts stay nil until a list is stated.
type union struct {
	facts []DatasetFact
	at    map[DatasetRef]int
}

func newUnion() *union { return &union{at: map[DatasetRef]int{}} }

func (u *union) add(facts []DatasetFact) {
	if facts != nil && u.facts == nil {
		u.facts = []DatasetFact{}
	}
	for _, d := range facts {
		i, ok := u.at[d.Ref]
		if !ok {
			u.at[d.Ref] = len(u.facts)
			u.facts = append(u.facts, d)
			continue
		}
		u.facts[i] = mergeFacts(u.facts[i], d)
	}
}

// mergeFacts returns what two facts of one dataset say together, b being the later.
func mergeFacts(a, b DatasetFact) DatasetFact {
	m := a
	m.States |= b.States
	m.Type = cmp.Or(b.Type, a.Type)
	if b.Lifecycle.Change != Unchanged {
		m.Lifecycle = b.Lifecycle
	}
	m.Primary = a.Primary || b.Primary
	if b.States.Has(Schema) {
		m.Fields = b.Fields
	}
	if b.States.Has(Symlinks) {
		m.Aliases = b.Aliases
	}
	if b.States.Has(Owners) {
		m.Owners = b.Owners
	}
	if b.States.Has(Tags) {
		m.Tags = b.Tags
	}
	m.Rows, m.Bytes = cmp.Or(b.Rows, a.Rows), cmp.Or(b.Bytes, a.Bytes)
	m.Edges = nil
	for _, aspect := range []Aspects{ColumnEdges, DatasetEdges} {
		from := a.Edges
		if b.States.Has(aspect) {
			from = b.Edges
		}
		for _, e := range from {
			if aspectOf(e) == aspect {
				m.Edges = append(m.Edges, e)
			}
		}
	}
	return m
}

// aspectOf returns which statement an edge of a dataset fact belongs to.
func aspectOf(e EdgeFact) Aspects {
	if e.From.Kind == ColumnNode || e.To.Kind == ColumnNode {
		return ColumnEdges
	}
	return DatasetEdges
}
