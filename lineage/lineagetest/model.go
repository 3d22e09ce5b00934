package lineagetest

import (
	"bytes"
	"cmp"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// A Model says what an engine has to answer. It keeps all records and derives each answer
// from all of them, in the plainest way: it is slow, and shares no code with the engine.
// It is not safe for concurrent use.
type Model struct {
	cfg     lineage.Config
	records map[lineage.RecordID]lineage.Record
	beliefs map[time.Time]*belief // by the time of recording; dropped when a record comes
}

// A belief is what follows from all that was known at some time.
type belief struct {
	events, assertions []said
	lives              []modelLife
	edges              []stretch // of all times, under the names that were stated
}

// NewModel returns an empty model. Of the configuration it uses Identity, CloseAfter,
// AssertFailed and Now.
func NewModel(cfg lineage.Config) *Model {
	return &Model{cfg: cfg, records: map[lineage.RecordID]lineage.Record{}, beliefs: map[time.Time]*belief{}}
}

// Add adds the records of a store. One that is known is passed over.
func (m *Model) Add(records ...lineage.Record) {
	for _, r := range records {
		if _, known := m.records[r.ID]; !known {
			m.records[r.ID] = r
			clear(m.beliefs)
		}
	}
}

// Read adds all records of a sequence.
func (m *Model) Read(records iter.Seq2[lineage.Record, error]) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		m.Add(r)
	}
	return nil
}

// The bounds of time in microseconds.
const (
	ever    = math.MinInt64
	forever = math.MaxInt64
)

// A moment is the place of a record in time.
type moment struct {
	us int64
	id lineage.RecordID
}

func (k moment) compare(o moment) int {
	return cmp.Or(cmp.Compare(k.us, o.us), bytes.Compare(k.id[:], o.id[:]))
}

// A said is an event at its place.
type said struct {
	moment
	lineage.Event
}

// events returns all that was learnt by an instant, ascending; the zero instant is now.
func (m *Model) events(known time.Time) []said {
	var out []said
	for _, r := range m.records {
		if r.Tombstone != nil || !known.IsZero() && r.Learnt.After(known) {
			continue
		}
		e := m.normalise(r.Event)
		out = append(out, said{moment{e.Time.UnixMicro(), r.ID}, e})
	}
	slices.SortFunc(out, func(a, b said) int { return a.compare(b.moment) })
	return out
}

// believed returns what follows from what was learnt by an instant.
func (m *Model) believed(known time.Time) *belief {
	b := m.beliefs[known]
	if b == nil {
		events := m.events(known)
		h := m.history(events)
		b = &belief{events, h.assertions, h.lives, h.edges()}
		m.beliefs[known] = b
	}
	return b
}

// normalise gives the datasets of an event the names that they are known by, and the
// event its origin.
func (m *Model) normalise(e lineage.Event) lineage.Event {
	if e.Origin == 0 {
		e.Origin = lineage.Declared
		if e.Run != nil {
			e.Origin = lineage.Observed
		}
	}
	if m.cfg.Identity == nil {
		return e
	}
	edges := func(list []lineage.EdgeFact) []lineage.EdgeFact {
		list = slices.Clone(list)
		for i := range list {
			list[i].From, list[i].To = m.named(list[i].From), m.named(list[i].To)
		}
		return list
	}
	facts := func(list []lineage.DatasetFact) []lineage.DatasetFact {
		list = slices.Clone(list)
		for i := range list {
			d := &list[i]
			d.Ref, d.Edges, d.Aliases = m.cfg.Identity(d.Ref), edges(d.Edges), slices.Clone(d.Aliases)
			for j := range d.Aliases {
				d.Aliases[j] = m.cfg.Identity(d.Aliases[j])
			}
			if d.Lifecycle.From != (lineage.DatasetRef{}) {
				d.Lifecycle.From = m.cfg.Identity(d.Lifecycle.From)
			}
		}
		return list
	}
	e.Inputs, e.Outputs, e.JobEdges = facts(e.Inputs), facts(e.Outputs), edges(e.JobEdges)
	return e
}

func (m *Model) named(id lineage.NodeID) lineage.NodeID {
	if id.Kind == lineage.JobNode || id.IsZero() {
		return id
	}
	d := m.cfg.Identity(id.Dataset())
	id.Namespace, id.Name = d.Namespace, d.Name
	return id
}

// A modelRun is all events of a run, ascending.
type modelRun struct {
	lineage.Run
	events    []said
	streaming bool
	terminal  moment // of the newest terminal event
}

// runs sorts run events by run: an ID belongs to its job.
func runs(events []said) []*modelRun {
	type name struct {
		id  string
		job lineage.JobRef
	}
	byName := map[name]*modelRun{}
	var out []*modelRun
	for _, e := range events {
		if e.Run == nil {
			continue
		}
		n := name{e.Run.ID, e.Job.Ref}
		r := byName[n]
		if r == nil {
			r = &modelRun{Run: lineage.Run{ID: n.id, Job: n.job, State: lineage.RunSeen, Began: e.Time}}
			byName[n] = r
			out = append(out, r)
		}
		r.add(e)
	}
	for _, r := range out {
		slices.SortFunc(r.Inputs, lineage.DatasetRef.Compare)
		slices.SortFunc(r.Outputs, lineage.DatasetRef.Compare)
	}
	return out
}

// add adds an event that is newer than all others.
func (r *modelRun) add(e said) {
	r.events = append(r.events, e)
	r.Events++
	r.streaming = r.streaming || strings.EqualFold(e.Job.Processing, lineage.Streaming)
	if e.Run.Parent != nil {
		r.Parent = e.Run.Parent
	}
	if e.Run.Error != "" {
		r.Error = e.Run.Error
	}
	ended := r.State == lineage.RunComplete || r.State == lineage.RunFailed || r.State == lineage.RunAborted
	state := map[lineage.EventType]lineage.RunState{
		lineage.Start: lineage.RunStarted, lineage.Running: lineage.RunRunning, lineage.Complete: lineage.RunComplete,
		lineage.Fail: lineage.RunFailed, lineage.Abort: lineage.RunAborted,
	}[e.Run.Type]
	switch {
	case e.Run.Type.Terminal():
		r.Conflict = r.Conflict || ended && r.State != state
		r.State, r.Ended, r.terminal = state, e.Time, e.moment
	case !ended:
		r.State = max(r.State, state) // Seen, Started and Running follow each other.
	}
	for _, side := range []struct {
		into *[]lineage.DatasetRef
		from []lineage.DatasetFact
	}{{&r.Inputs, e.Inputs}, {&r.Outputs, e.Outputs}} {
		for _, d := range side.from {
			if !slices.Contains(*side.into, d.Ref) {
				*side.into = append(*side.into, d.Ref)
			}
		}
	}
}

// Runs yields all runs, that with the newest event first. There is no error.
func (m *Model) Runs() iter.Seq2[lineage.Run, error] {
	return func(yield func(lineage.Run, error) bool) {
		list := runs(m.believed(time.Time{}).events)
		slices.SortFunc(list, func(a, b *modelRun) int {
			return b.events[len(b.events)-1].compare(a.events[len(a.events)-1].moment)
		})
		for _, r := range list {
			if !yield(r.Run, nil) {
				return
			}
		}
	}
}

// assertions returns what events and runs assert, ascending.
func (m *Model) assertions(events []said) []said {
	var out []said
	for _, e := range events {
		if e.Run == nil {
			e.Inputs, e.Outputs = unite(nil, e.Inputs), unite(nil, e.Outputs)
			out = append(out, e)
		}
	}
	for _, r := range runs(events) {
		failed := r.State == lineage.RunFailed || r.State == lineage.RunAborted
		switch {
		case r.State == lineage.RunSeen || failed && !m.cfg.AssertFailed:
		case r.streaming:
			for _, e := range r.events {
				if len(e.Inputs)+len(e.Outputs)+len(e.JobEdges) > 0 {
					e.Inputs, e.Outputs = orUnstated(unite(nil, e.Inputs)), unite(nil, e.Outputs)
					out = append(out, e)
				}
			}
		case r.State == lineage.RunComplete || failed:
			out = append(out, r.merged()...)
		}
	}
	slices.SortStableFunc(out, func(a, b said) int { return a.compare(b.moment) }) // of one moment by origin
	return out
}

// merged returns the facts of a batch run, those of each origin apart.
func (r *modelRun) merged() []said {
	var out []said
	for _, origin := range []lineage.Origin{lineage.Declared, lineage.Observed, lineage.SQL, lineage.Manual} {
		var events []said
		for _, e := range r.events {
			if e.Origin == origin {
				events = append(events, e)
			}
		}
		if len(events) > 0 {
			out = append(out, said{r.terminal, merge(events)})
		}
	}
	return out
}

// merge returns what events say together. One that is explicit makes all of them so.
func merge(events []said) lineage.Event {
	explicit := slices.ContainsFunc(events, func(e said) bool { return e.Explicit })
	all := lineage.Event{Origin: events[0].Origin, Explicit: explicit}
	for _, e := range events {
		if explicit && !e.Explicit {
			e.Inputs, e.Outputs = withoutEdges(e.Inputs), withoutEdges(e.Outputs)
		}
		all.Job = e.Job
		all.Inputs, all.Outputs = unite(all.Inputs, e.Inputs), unite(all.Outputs, e.Outputs)
		if e.JobEdges != nil {
			all.JobEdges = e.JobEdges
		}
	}
	all.Inputs = orUnstated(all.Inputs)
	return all
}

// orUnstated says of a run's inputs that none are none stated.
func orUnstated(inputs []lineage.DatasetFact) []lineage.DatasetFact {
	if len(inputs) == 0 {
		return nil
	}
	return inputs
}

// withoutEdges takes away what an explicit event overrides.
func withoutEdges(facts []lineage.DatasetFact) []lineage.DatasetFact {
	facts = slices.Clone(facts)
	for i := range facts {
		facts[i].States &^= lineage.ColumnEdges | lineage.DatasetEdges
		facts[i].Edges = nil
	}
	return facts
}

// unite adds facts to others: a statement replaces the one of its aspect. Nil stays nil
// where nothing was stated.
func unite(to, facts []lineage.DatasetFact) []lineage.DatasetFact {
	if facts != nil && to == nil {
		to = []lineage.DatasetFact{}
	}
	for _, d := range facts {
		i := slices.IndexFunc(to, func(x lineage.DatasetFact) bool { return x.Ref == d.Ref })
		if i < 0 {
			to = append(to, d)
			continue
		}
		x := &to[i]
		var edges []lineage.EdgeFact
		for _, e := range x.Edges {
			if !d.States.Has(aspectOf(e)) {
				edges = append(edges, e)
			}
		}
		for _, e := range d.Edges {
			if d.States.Has(aspectOf(e)) {
				edges = append(edges, e)
			}
		}
		x.Edges = edges
		if d.States.Has(lineage.Schema) {
			x.Fields = d.Fields
		}
		if d.Lifecycle.Change != lineage.Unchanged {
			x.Lifecycle = d.Lifecycle
		}
		x.States |= d.States
	}
	return to
}

func aspectOf(e lineage.EdgeFact) lineage.Aspects {
	if e.From.Kind == lineage.ColumnNode || e.To.Kind == lineage.ColumnNode {
		return lineage.ColumnEdges
	}
	return lineage.DatasetEdges
}
