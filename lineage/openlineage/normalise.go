package openlineage

import (
	"fmt"
	"strings"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// A normaliser makes a lineage.Event of the JSON of one.
type normaliser struct {
	strict   bool
	limits   lineage.Limits
	event    lineage.Event
	paths    int // bytes of the paths of nested fields
	warnings []Warning
	more     int                 // warnings beyond maxWarnings
	refused  *lineage.EventError // the first reason to refuse the event
}

// note warns of what the schemas allow and an event cannot hold.
func (n *normaliser) note(path, reason string) {
	if len(n.warnings) < maxWarnings {
		n.warnings = append(n.warnings, Warning{Path: path, Reason: reason})
		return
	}
	n.more++
}

// warn warns of what the schemas do not allow, which strict reading refuses.
func (n *normaliser) warn(path, reason string) {
	if n.strict {
		n.refuse(lineage.ErrInvalid, path, reason)
		return
	}
	n.note(path, reason)
}

func (n *normaliser) refuse(sentinel error, path, reason string) {
	if n.refused == nil {
		n.refused = &lineage.EventError{Path: path, Reason: reason, Err: sentinel}
	}
}

// read fills the event.
func (n *normaliser) read(w *wireEvent) {
	e := &n.event
	switch {
	case w.Job == nil && w.Run != nil:
		n.refuse(lineage.ErrInvalid, "job", "a run without a job")
	case w.Job == nil && w.Dataset == nil:
		n.refuse(lineage.ErrInvalid, "", "neither a job nor a dataset: no event")
	case w.Job == nil:
		if w.Inputs != nil || w.Outputs != nil {
			n.warn("", "a dataset event with inputs or outputs, which are passed over")
		}
		w.Inputs, w.Outputs = nil, []dataset{*w.Dataset}
	case w.Dataset != nil:
		n.warn("dataset", "beside a job, which makes it no dataset event")
		w.Dataset = nil
	}
	if w.Run == nil && w.EventType != "" {
		n.warn("eventType", "an event type without a run")
	}
	e.Producer = w.Producer
	e.Time = n.time(w.EventTime)
	if n.refused != nil {
		return
	}
	n.run(w)
	n.job(w.Job)
	e.Explicit = w.explicit()
	e.Inputs = n.facts(w, "inputs", w.Inputs)
	e.Outputs = n.facts(w, "outputs", w.Outputs)
	if e.Explicit {
		n.explicit(w)
	}
	n.checkEdges()
}

// explicit reports whether an event has a lineage facet that states something.
func (w *wireEvent) explicit() bool {
	if w.Job != nil {
		if f := w.Job.Facets.Lineage; f != nil && (f.Entries != nil || f.Deleted) {
			return true
		}
	}
	for _, list := range [][]dataset{w.Inputs, w.Outputs} {
		for i := range list {
			if f := list[i].Facets.Lineage; f != nil && (f.Inputs != nil || f.Fields != nil || f.Deleted) {
				return true
			}
		}
	}
	return false
}

func (n *normaliser) checkEdges() {
	edges := len(n.event.JobEdges)
	for _, facts := range [][]lineage.DatasetFact{n.event.Inputs, n.event.Outputs} {
		for i := range facts {
			edges += len(facts[i].Edges)
		}
	}
	if edges > n.limits.Edges {
		n.refuse(lineage.ErrTooLarge, "", fmt.Sprintf("%d edges, where %d are the limit", edges, n.limits.Edges))
	}
}

// time reads the time of the event, in UTC and to the microsecond.
func (n *normaliser) time(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		if t, err = time.Parse("2006-01-02T15:04:05.999999999", text); err == nil {
			n.warn("eventTime", "a time without a zone, taken as UTC")
		}
	}
	switch cut := t.UTC().Truncate(time.Microsecond); {
	case text == "":
		n.refuse(lineage.ErrInvalid, "eventTime", "no time")
	case err != nil || t.IsZero() || cut.Year() < 0 || cut.Year() > 9999:
		n.refuse(lineage.ErrInvalid, "eventTime", "want a time such as 2026-06-01T12:00:00Z")
	case !cut.Equal(t):
		n.note("eventTime", "nanoseconds, which are cut")
		return cut
	}
	return t.UTC()
}

func (n *normaliser) run(w *wireEvent) {
	if w.Run == nil {
		return
	}
	r := &lineage.RunFact{ID: w.Run.RunID}
	if w.EventType != "" {
		r.Type, _ = eventType(w.EventType)
	}
	if f := w.Run.Facets.ErrorMessage; f != nil {
		r.Error = f.Message
	}
	switch f := w.Run.Facets.Parent; {
	case f == nil:
	case f.Run.RunID == "" || f.Job.Name == "":
		n.note("run.facets.parent", "a parent without run ID or job name, which is passed over")
	default:
		r.Parent = &lineage.RunRef{ID: f.Run.RunID, Job: lineage.JobRef(f.Job)}
	}
	n.event.Run = r
}

func (n *normaliser) job(j *job) {
	if j == nil {
		return
	}
	fact := &lineage.JobFact{Ref: lineage.JobRef(j.name)}
	if f := j.Facets.JobType; f != nil {
		fact.Type, fact.Processing = f.JobType, f.ProcessingType
	}
	if f := j.Facets.SQL; f != nil {
		fact.SQL, fact.Dialect = f.Query, f.Dialect
	}
	if f := j.Facets.Ownership; stated(f != nil && f.Owners != nil, f) {
		fact.Owners = n.owners(f.Owners, "job")
	}
	if f := j.Facets.Tags; stated(f != nil && f.Tags != nil, f) {
		fact.Tags = n.tags(f.Tags, "job")
	}
	n.event.Job = fact
}

// stated reports whether a facet states a list: it has one, or is deleted.
func stated[T any, P interface {
	*T
	common() *base
}](has bool, f P) bool {
	return f != nil && (has || f.common().Deleted)
}

// owners returns the names of owners. The list is never nil.
func (n *normaliser) owners(owners []owner, of string) []string {
	names := make([]string, 0, len(owners))
	for i, o := range owners {
		if o.Name == "" {
			n.note(fmt.Sprintf("%s.facets.ownership.owners[%d]", of, i), "an owner without a name, which is passed over")
			continue
		}
		names = append(names, o.Name)
	}
	return names
}

// tags returns the texts of tags. The list is never nil.
func (n *normaliser) tags(tags []tag, of string) []string {
	texts := make([]string, 0, len(tags))
	for i, t := range tags {
		switch path := "%s.facets.tags.tags[%d]"; {
		case t.Key == "":
			n.note(fmt.Sprintf(path, of, i), "a tag without a key, which is passed over")
		case t.Field != "":
			n.note(fmt.Sprintf(path, of, i), "a tag of a column, which stays in Raw")
		case t.Value == "true":
			texts = append(texts, t.Key)
		default:
			texts = append(texts, t.Key+"="+t.Value)
		}
	}
	return texts
}

// facts are nil where the list is.
func (n *normaliser) facts(w *wireEvent, list string, datasets []dataset) []lineage.DatasetFact {
	if datasets == nil {
		return nil
	}
	facts := make([]lineage.DatasetFact, len(datasets))
	for i := range datasets {
		n.fact(&facts[i], &datasets[i], w.place(list, i))
	}
	return facts
}

// place is the path of a dataset.
func (w *wireEvent) place(list string, i int) func() string {
	return func() string {
		if w.Job == nil {
			return "dataset"
		}
		return fmt.Sprintf("%s[%d]", list, i)
	}
}

func (n *normaliser) fact(fact *lineage.DatasetFact, d *dataset, place func() string) {
	fact.Ref = lineage.DatasetRef(d.name)
	if f := d.Facets.Schema; stated(f != nil && f.Fields != nil, f) {
		fact.States |= lineage.Schema
		fact.Fields = none(n.schema(make([]lineage.Field, 0, len(f.Fields)), "", f.Fields))
	}
	if f := d.Facets.ColumnLineage; !n.event.Explicit && stated(f != nil && (f.Fields != nil || f.Dataset != nil), f) {
		fact.States |= lineage.ColumnEdges
		fact.Edges = f.edges(fact.Ref)
	}
	if f := d.Facets.Symlinks; stated(f != nil && f.Identifiers != nil, f) {
		fact.States |= lineage.Symlinks
		fact.Aliases = n.aliases(f.Identifiers, place)
	}
	if f := d.Facets.Ownership; stated(f != nil && f.Owners != nil, f) {
		fact.States |= lineage.Owners
		fact.Owners = none(n.owners(f.Owners, place()))
	}
	if f := d.Facets.Tags; stated(f != nil && f.Tags != nil, f) {
		fact.States |= lineage.Tags
		fact.Tags = none(n.tags(f.Tags, place()))
	}
	if f := d.Facets.Lifecycle; f != nil {
		n.lifecycle(&fact.Lifecycle, f, place)
	}
	if f := d.Facets.Type; f != nil {
		fact.Type = f.DatasetType
	}
	for _, f := range []*statisticsFacet{d.InputFacets.Input, d.OutputFacets.Output} {
		if f != nil {
			fact.Rows, fact.Bytes = f.Rows, f.Bytes
		}
	}
}

// none makes nil of an empty list: that it is stated, the fact says otherwise.
func none[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// schema adds fields and those nested in them.
func (n *normaliser) schema(into []lineage.Field, parent string, fields []schemaField) []lineage.Field {
	for i := range fields {
		f := &fields[i]
		path := f.Name
		switch {
		case f.Name == "" || n.refused != nil:
			continue // The parser has said so.
		case parent != "":
			path = nested(parent, f.Name)
			n.paths += len(path)
		}
		if len(path) > n.limits.NameBytes || n.paths > MaxBytes {
			n.refuse(lineage.ErrTooLarge, "", fmt.Sprintf("the path of a nested field has %d bytes, all have %d", len(path), n.paths))
		}
		into = append(into, lineage.Field{Path: path, Type: f.Type})
		into = n.schema(into, path, f.Fields)
	}
	return into
}

// element is the name of the field that stands for the elements of a list.
const element = "_element"

// nested returns the path of a field in another.
func nested(parent, field string) string {
	if field == element {
		return parent + "[]"
	}
	return parent + "." + field
}

func (n *normaliser) aliases(identifiers []identifier, place func() string) []lineage.DatasetRef {
	aliases := make([]lineage.DatasetRef, 0, len(identifiers))
	for i := range identifiers {
		if identifiers[i].Name == "" {
			n.note(fmt.Sprintf("%s.facets.symlinks.identifiers[%d]", place(), i), "a symlink without a name, which is passed over")
			continue
		}
		aliases = append(aliases, lineage.DatasetRef(identifiers[i].name))
	}
	return none(aliases)
}

func (n *normaliser) lifecycle(l *lineage.Lifecycle, f *lifecycleFacet, place func() string) {
	l.Change = lifecycleOf(f.Change)
	if l.Change != lineage.Renamed {
		return
	}
	if f.Previous == nil || f.Previous.Name == "" {
		n.note(place()+".facets.lifecycleStateChange", "a rename without the previous name")
		return
	}
	l.From = lineage.DatasetRef(*f.Previous)
}

// lifecycleOf returns the change that text names, 0 for none.
func lifecycleOf(text string) lineage.LifecycleChange {
	for change := lineage.Created; change <= lineage.Renamed; change++ {
		if strings.EqualFold(text, lifecycleName(change)) {
			return change
		}
	}
	return lineage.Unchanged
}

// lifecycleName is how OpenLineage spells a change.
func lifecycleName(change lineage.LifecycleChange) string {
	switch change {
	case lineage.Created:
		return "CREATE"
	case lineage.Altered:
		return "ALTER"
	case lineage.Truncated:
		return "TRUNCATE"
	case lineage.Overwritten:
		return "OVERWRITE"
	case lineage.Dropped:
		return "DROP"
	case lineage.Renamed:
		return "RENAME"
	case lineage.Unchanged:
	}
	return ""
}
