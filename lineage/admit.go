package lineage

import (
	"fmt"
	"slices"
	"time"
)

// admit checks and normalises an event, and makes a record of it.
func (e *Engine) admit(from *Event, tombs tombs, now time.Time) (Record, *EventError) {
	a := admission{cfg: &e.cfg, now: now}
	x := *from
	if x.Time = utc(x.Time); x.Origin == 0 {
		x.Origin = Declared
		if x.Run != nil {
			x.Origin = Observed
		}
	}
	if a.check(&x); a.err != nil {
		return Record{}, a.err
	}
	x.Inputs, x.Outputs = a.facts(x.Inputs), a.facts(x.Outputs)
	x.JobEdges = a.edges(x.JobEdges)
	if e.cfg.DropRaw {
		x.Raw = nil
	}
	if tombs.strip(&x) == dropped {
		return Record{}, &EventError{Path: "", Reason: "all that it speaks of was erased", Err: ErrInvalid}
	}
	return Record{ID: EventID(x), Event: x}, nil
}

// An admission checks one event. The first thing that is wrong stands.
type admission struct {
	cfg    *Config
	now    time.Time
	err    *EventError
	fields int
	edge   int
}

func (a *admission) fail(cause error, path, format string, args ...any) {
	if a.err == nil {
		a.err = &EventError{Path: path, Reason: fmt.Sprintf(format, args...), Err: cause}
	}
}

func (a *admission) check(e *Event) {
	switch {
	case e.Time.IsZero():
		a.fail(ErrInvalid, "eventTime", "no time")
	case e.Time.After(a.now.Add(a.cfg.MaxAhead)):
		a.fail(ErrAhead, "eventTime", "%s is more than %s after %s", e.Time.Format(time.RFC3339Nano), a.cfg.MaxAhead, a.now.Format(time.RFC3339Nano))
	case e.Time.Before(a.now.Add(-a.cfg.Retention.Runs)):
		a.fail(ErrHorizon, "eventTime", "%s is more than %s before %s", e.Time.Format(time.RFC3339Nano), a.cfg.Retention.Runs, a.now.Format(time.RFC3339Nano))
	case e.Origin > Manual:
		a.fail(ErrInvalid, "origin", "%d is no origin", e.Origin)
	case e.Run != nil && e.Job == nil:
		a.fail(ErrInvalid, "job", "a run without a job")
	case e.Run != nil && e.Run.ID == "":
		a.fail(ErrInvalid, "run.runId", "empty")
	case e.Run != nil && e.Run.Type > Other:
		a.fail(ErrInvalid, "eventType", "%d is no event type", e.Run.Type)
	case e.Job == nil && len(e.Outputs) == 0:
		a.fail(ErrInvalid, "outputs", "neither a job nor a dataset")
	case e.Job == nil && len(e.Inputs) > 0:
		a.fail(ErrInvalid, "inputs", "inputs of no job")
	case len(e.JobEdges) > 0 && !e.Explicit:
		a.fail(ErrInvalid, "jobEdges", "in an event that does not state its edges")
	}
	if e.Run != nil {
		a.size("run.runId", e.Run.ID)
	}
	if e.Job != nil {
		a.name("job", e.Job.Ref.Namespace, e.Job.Ref.Name)
	}
	for i := range e.Inputs {
		a.dataset("inputs", i, &e.Inputs[i])
	}
	for i := range e.Outputs {
		a.dataset("outputs", i, &e.Outputs[i])
	}
	for i := range e.JobEdges {
		a.ends(func() string { return fmt.Sprintf("jobEdges[%d]", i) }, &e.JobEdges[i])
	}
	if a.edge > a.cfg.Limits.Edges {
		a.fail(ErrTooLarge, "", "%d edges, where %d are allowed", a.edge, a.cfg.Limits.Edges)
	}
	if a.fields > a.cfg.Limits.Fields {
		a.fail(ErrTooLarge, "", "%d fields, where %d are allowed", a.fields, a.cfg.Limits.Fields)
	}
}

func (a *admission) name(path, space, name string) {
	if name == "" {
		a.fail(ErrInvalid, path+".name", "empty")
	}
	a.size(path+".namespace", space)
	a.size(path+".name", name)
}

func (a *admission) size(path, s string) {
	if len(s) > a.cfg.Limits.NameBytes {
		a.fail(ErrTooLarge, path, "%d bytes, where %d are allowed", len(s), a.cfg.Limits.NameBytes)
	}
}

func columnEdges(edges []EdgeFact) (n int) {
	for i := range edges {
		if layerOf(&edges[i]) == ColumnLayer {
			n++
		}
	}
	return n
}

func (a *admission) dataset(side string, i int, d *DatasetFact) {
	limit := a.cfg.Limits.NameBytes
	path := func() string { return fmt.Sprintf("%s[%d]", side, i) }
	if d.Ref.Name == "" || len(d.Ref.Namespace) > limit || len(d.Ref.Name) > limit {
		a.name(path(), d.Ref.Namespace, d.Ref.Name)
	}
	for _, list := range [...]struct {
		name string
		n    int
		is   Aspects // one of which has to be stated
	}{
		{"fields", len(d.Fields), Schema},
		{"aliases", len(d.Aliases), Symlinks},
		{"owners", len(d.Owners), Owners},
		{"tags", len(d.Tags), Tags},
		{"edges", columnEdges(d.Edges), ColumnEdges},
	} {
		if list.n > 0 && d.States&list.is == 0 {
			a.fail(ErrInvalid, path()+"."+list.name, "%d are listed, and States does not say that they are stated", list.n)
		}
	}
	if d.Lifecycle.Change > Renamed {
		a.fail(ErrInvalid, path()+".lifecycle", "%d is no change", uint8(d.Lifecycle.Change))
	}
	a.fields += len(d.Fields)
	for k, f := range d.Fields {
		switch {
		case f.Path == "":
			a.fail(ErrInvalid, fmt.Sprintf("%s.fields[%d].name", path(), k), "empty")
		case len(f.Path) > limit:
			a.size(fmt.Sprintf("%s.fields[%d].name", path(), k), f.Path)
		}
	}
	for k, r := range d.Aliases {
		a.name(fmt.Sprintf("%s.aliases[%d]", path(), k), r.Namespace, r.Name)
	}
	for k := range d.Edges {
		x := &d.Edges[k]
		where := func() string { return fmt.Sprintf("%s.edges[%d]", path(), k) }
		a.ends(where, x)
		if x.To.Dataset() != d.Ref {
			a.fail(ErrInvalid, where(), "leads to %s, not to the dataset or a column of it", x.To)
		}
	}
}

// ends checks an edge. The path is told only where something is wrong: there may be a
// million edges.
func (a *admission) ends(path func() string, x *EdgeFact) {
	a.edge++
	for _, id := range [2]*NodeID{&x.From, &x.To} {
		limit := a.cfg.Limits.NameBytes
		switch {
		case id.wrong() != "":
			a.fail(ErrInvalid, path(), "%q is no node: %s", id.String(), id.wrong())
		case len(id.Namespace) > limit || len(id.Name) > limit || len(id.Field) > limit:
			a.fail(ErrTooLarge, path(), "a name of more than %d bytes", limit)
		}
	}
	if x.Certainty > Assumed {
		a.fail(ErrInvalid, path(), "%d is no certainty", x.Certainty)
	}
}

// facts gives datasets their names and unites those of one name.
func (a *admission) facts(list []DatasetFact) []DatasetFact {
	if list == nil || a.cfg.Identity == nil && distinct(list) {
		return list
	}
	u := newUnion()
	out := slices.Clone(list)
	for i := range out {
		d := &out[i]
		d.Ref = a.ref(d.Ref)
		d.Edges = a.edges(d.Edges)
		if a.cfg.Identity != nil {
			d.Aliases = slices.Clone(d.Aliases)
			for k := range d.Aliases {
				d.Aliases[k] = a.ref(d.Aliases[k])
			}
			d.Lifecycle.From = a.ref(d.Lifecycle.From)
		}
	}
	u.add(out)
	return u.facts
}

func distinct(list []DatasetFact) bool {
	if len(list) < 2 {
		return true
	}
	seen := make(map[DatasetRef]bool, len(list))
	for i := range list {
		seen[list[i].Ref] = true
	}
	return len(seen) == len(list)
}

func (a *admission) ref(r DatasetRef) DatasetRef {
	if a.cfg.Identity == nil || r == (DatasetRef{}) {
		return r
	}
	return a.cfg.Identity(r)
}

func (a *admission) edges(list []EdgeFact) []EdgeFact {
	if a.cfg.Identity == nil || len(list) == 0 {
		return list
	}
	out := slices.Clone(list)
	for i := range out {
		for _, id := range [2]*NodeID{&out[i].From, &out[i].To} {
			if id.Kind != JobNode {
				*id = a.ref(id.Dataset()).Column(id.Field)
			}
		}
	}
	return out
}
