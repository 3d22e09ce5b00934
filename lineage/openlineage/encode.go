package openlineage

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tenon-go/tenon/lineage"
)

// defaultProducer stands for an empty Event.Producer, because the schemas require one.
const defaultProducer = "https://github.com/tenon-go/tenon"

const (
	specURL   = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
	facetsURL = "https://openlineage.io/spec/facets/"
)

// notStated fills what the schemas require and an event does not have.
const notStated = "UNKNOWN"

// Encode writes an event as JSON that the schemas accept: a run, job or dataset event,
// by what it has. Decode reads the same event back, up to Raw, the order of edges, kinds
// that work on all rows in every column, which become edges to the dataset, and
// explicitly stated dataset edges, which then state columns too. An empty Producer
// becomes this module's URL.
//
// What OpenLineage cannot say is refused by a *lineage.EventError instead of being
// dropped: another Origin than the shape has, Retired, Primary, a Certainty other than
// Exact, more than one dataset in a dataset event, lists without their bit in States.
func Encode(e lineage.Event) ([]byte, error) {
	if err := check(&e); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	out := json.NewEncoder(&buf)
	out.SetEscapeHTML(false)
	if err := out.Encode(encoder{cmp.Or(e.Producer, defaultProducer)}.event(&e)); err != nil {
		return nil, fmt.Errorf("openlineage: encode: %w", err)
	}
	text := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if len(text) > MaxBytes {
		return nil, tooLong(0)
	}
	return text, nil
}

// An encoder makes the JSON of events of one producer.
type encoder struct{ producer string }

// base is what a facet begins with; schema is such as 1-2-0/SchemaDatasetFacet.
func (c encoder) base(schema string) base {
	_, def, _ := strings.Cut(schema, "/")
	return base{Producer: c.producer, SchemaURL: facetsURL + schema + ".json#/$defs/" + def}
}

func (c encoder) event(e *lineage.Event) wireEvent {
	w := wireEvent{
		EventTime: e.Time.UTC().Format("2006-01-02T15:04:05.999999Z07:00"),
		Producer:  c.producer, SchemaURL: specURL + "JobEvent",
	}
	switch {
	case e.Run != nil:
		w.SchemaURL = specURL + "RunEvent"
		w.EventType = e.Run.Type.String()
		w.Run = c.run(e.Run)
	case e.Job == nil:
		w.SchemaURL = specURL + "DatasetEvent"
		w.Dataset = new(dataset)
		c.dataset(w.Dataset, &e.Outputs[0], e.Explicit)
		return w
	}
	w.Job = c.job(e.Job)
	w.Inputs = c.datasets(e.Inputs, false)
	w.Outputs = c.datasets(e.Outputs, e.Explicit)
	for i := range e.Inputs {
		w.Inputs[i].InputFacets.Input = c.statistics(&e.Inputs[i], "1-0-0/InputStatisticsInputDatasetFacet")
	}
	for i := range e.Outputs {
		w.Outputs[i].OutputFacets.Output = c.statistics(&e.Outputs[i], "1-0-2/OutputStatisticsOutputDatasetFacet")
	}
	if e.Explicit {
		w.Job.Facets.Lineage = c.jobLineage(e.JobEdges)
	}
	return w
}

func (c encoder) run(r *lineage.RunFact) *run {
	out := &run{RunID: r.ID}
	if r.Error != "" {
		out.Facets.ErrorMessage = &errorFacet{base: c.base("1-0-1/ErrorMessageRunFacet"), Message: r.Error, ProgrammingLanguage: notStated}
	}
	if r.Parent != nil {
		f := &parentFacet{base: c.base("1-2-0/ParentRunFacet"), Job: name(r.Parent.Job)}
		f.Run.RunID = r.Parent.ID
		out.Facets.Parent = f
	}
	return out
}

func (c encoder) job(j *lineage.JobFact) *job {
	out := &job{name: name(j.Ref)}
	if j.Type != "" || j.Processing != "" {
		out.Facets.JobType = &jobTypeFacet{base: c.base("2-0-4/JobTypeJobFacet"), ProcessingType: j.Processing, Integration: notStated, JobType: j.Type}
	}
	if j.SQL != "" || j.Dialect != "" {
		out.Facets.SQL = &sqlFacet{base: c.base("1-1-0/SQLJobFacet"), Query: j.SQL, Dialect: j.Dialect}
	}
	if j.Owners != nil {
		out.Facets.Ownership = &ownershipFacet{base: c.base("1-0-1/OwnershipJobFacet"), Owners: ownersOf(j.Owners)}
	}
	if j.Tags != nil {
		out.Facets.Tags = &tagsFacet{base: c.base("1-0-0/TagsJobFacet"), Tags: tagsOf(j.Tags)}
	}
	return out
}

func ownersOf(names []string) []owner {
	owners := make([]owner, len(names))
	for i, n := range names {
		owners[i].Name = n
	}
	return owners
}

// tagsOf parts what normaliser.tags joined. The text k=true is a key of its own, because
// a key with the value true is only the key.
func tagsOf(texts []string) []tag {
	tags := make([]tag, len(texts))
	for i, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" || value == "true" {
			key, value = text, "true"
		}
		tags[i] = tag{Key: key, Value: value}
	}
	return tags
}

func (c encoder) datasets(facts []lineage.DatasetFact, explicit bool) []dataset {
	if facts == nil {
		return nil
	}
	out := make([]dataset, len(facts))
	for i := range facts {
		c.dataset(&out[i], &facts[i], explicit)
	}
	return out
}

func (c encoder) dataset(out *dataset, d *lineage.DatasetFact, explicit bool) {
	out.name = name(d.Ref)
	f := &out.Facets
	if d.States.Has(lineage.Schema) {
		fields, _ := schemaOf(d.Fields, "", 0)
		f.Schema = &schemaFacet{base: c.base("1-2-0/SchemaDatasetFacet"), Fields: fields}
	}
	if d.States.Has(lineage.Symlinks) {
		f.Symlinks = &symlinksFacet{base: c.base("1-0-1/SymlinksDatasetFacet"), Identifiers: identifiersOf(d)}
	}
	if d.States.Has(lineage.Owners) {
		f.Ownership = &ownershipFacet{base: c.base("1-0-1/OwnershipDatasetFacet"), Owners: ownersOf(d.Owners)}
	}
	if d.States.Has(lineage.Tags) {
		f.Tags = &tagsFacet{base: c.base("1-0-0/TagsDatasetFacet"), Tags: tagsOf(d.Tags)}
	}
	if d.Type != "" {
		f.Type = &typeFacet{base: c.base("1-0-1/DatasetTypeDatasetFacet"), DatasetType: d.Type}
	}
	if change := lifecycleName(d.Lifecycle.Change); change != "" {
		f.Lifecycle = &lifecycleFacet{base: c.base("1-0-1/LifecycleStateChangeDatasetFacet"), Change: change}
		if d.Lifecycle.From != (lineage.DatasetRef{}) {
			f.Lifecycle.Previous = (*name)(&d.Lifecycle.From)
		}
	}
	if explicit {
		f.Lineage = c.lineage(d)
	} else if d.States.Has(lineage.ColumnEdges) {
		f.ColumnLineage = c.columnLineage(d.Edges)
	}
}

// identifiersOf names the aliases of a dataset, which are of its type.
func identifiersOf(d *lineage.DatasetFact) []identifier {
	out := make([]identifier, len(d.Aliases))
	for i, a := range d.Aliases {
		out[i] = identifier{name: name(a), Type: cmp.Or(d.Type, "TABLE")}
	}
	return out
}

func (c encoder) statistics(d *lineage.DatasetFact, schema string) *statisticsFacet {
	if d.Rows == 0 && d.Bytes == 0 {
		return nil
	}
	return &statisticsFacet{base: c.base(schema), Rows: d.Rows, Bytes: d.Bytes}
}

// maxNested is how deep fields are nested, so that the text stays within maxDepth.
const maxNested = 24

// schemaOf returns the fields that stand in parent, and those that follow. Each field
// whose path goes on from the one before it is nested in that.
func schemaOf(fields []lineage.Field, parent string, depth int) (inside []schemaField, rest []lineage.Field) {
	inside = []schemaField{}
	for len(fields) > 0 {
		name, ok := within(parent, fields[0].Path)
		if !ok {
			break
		}
		f := schemaField{Name: name, Type: fields[0].Type}
		path := fields[0].Path
		fields = fields[1:]
		if depth < maxNested {
			f.Fields, fields = schemaOf(fields, path, depth+1)
			f.Fields = none(f.Fields)
		}
		inside = append(inside, f)
	}
	return inside, fields
}

// within undoes nested.
func within(parent, path string) (field string, ok bool) {
	switch {
	case parent == "":
		return path, true
	case path == parent+"[]":
		return element, true
	}
	field, ok = strings.CutPrefix(path, parent+".")
	return field, ok && field != "" && field != element
}

func (c encoder) columnLineage(edges []lineage.EdgeFact) *columnLineageFacet {
	f := &columnLineageFacet{base: c.base("1-2-0/ColumnLineageDatasetFacet"), Fields: map[string]columnLineageField{}}
	for _, e := range edges {
		in := inputField{name: name(e.From.Dataset()), Field: e.From.Field, Transformations: transformationsOf(e.Kinds)}
		if e.To.Kind == lineage.DatasetNode {
			f.Dataset = append(f.Dataset, in)
			continue
		}
		field := f.Fields[e.To.Field]
		field.InputFields = append(field.InputFields, in)
		f.Fields[e.To.Field] = field
	}
	// Where a reader would hoist, one more field without inputs says that not all rows are
	// meant: it stands for fields that have no edges but those to the dataset.
	if len(f.wide()) > 0 {
		other := "*"
		for _, ok := f.Fields[other]; ok; _, ok = f.Fields[other] {
			other += "*"
		}
		f.Fields[other] = columnLineageField{InputFields: []inputField{}}
	}
	return f
}

func transformationsOf(kinds []lineage.Transformation) []transformation {
	out := make([]transformation, len(kinds))
	for i, t := range kinds {
		out[i] = transformation{Type: t.Type, Subtype: t.Subtype, Description: t.Description, Masking: t.Masking}
	}
	return none(out)
}

// lineage states the edges to a dataset, if the fact does.
func (c encoder) lineage(d *lineage.DatasetFact) *lineageFacet {
	if d.States&(lineage.DatasetEdges|lineage.ColumnEdges) == 0 {
		return nil
	}
	f := &lineageFacet{base: c.base("1-0-0/LineageFacet")}
	f.SchemaURL = facetsURL + "1-0-0/LineageFacet.json#/$defs/LineageDatasetFacet"
	if d.States.Has(lineage.DatasetEdges) {
		f.Inputs = []lineageInput{}
	}
	if d.States.Has(lineage.ColumnEdges) {
		f.Fields = map[string]lineageField{}
	}
	for _, e := range d.Edges {
		if e.To.Kind == lineage.DatasetNode {
			f.Inputs = append(f.Inputs, inputOf(e))
			continue
		}
		field := f.Fields[e.To.Field]
		field.Inputs = append(field.Inputs, inputOf(e))
		f.Fields[e.To.Field] = field
	}
	return f
}

// jobLineage states the edges to jobs. It is there without any too: it makes an event
// explicit.
func (c encoder) jobLineage(edges []lineage.EdgeFact) *jobLineageFacet {
	f := &jobLineageFacet{base: c.base("1-0-0/LineageFacet"), Entries: []lineageEntry{}}
	f.SchemaURL = facetsURL + "1-0-0/LineageFacet.json#/$defs/LineageJobFacet"
	for _, e := range edges {
		if last := len(f.Entries) - 1; last >= 0 && f.Entries[last].lineageEnd == endOf(e.To) {
			f.Entries[last].Inputs = append(f.Entries[last].Inputs, inputOf(e))
			continue
		}
		f.Entries = append(f.Entries, lineageEntry{lineageEnd: endOf(e.To), lineageTarget: lineageTarget{Inputs: []lineageInput{inputOf(e)}}})
	}
	return f
}

func inputOf(e lineage.EdgeFact) lineageInput {
	return lineageInput{lineageEnd: endOf(e.From), Field: e.From.Field, Transformations: transformationsOf(e.Kinds)}
}

func endOf(id lineage.NodeID) lineageEnd {
	end := lineageEnd{name: name{id.Namespace, id.Name}, Type: typeDataset}
	if id.Kind == lineage.JobNode {
		end.Type = typeJob
	}
	return end
}
