package openlineage_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
)

// A frame is an event with holes: each part replaces the default where it is not "".
type frame struct{ time, head, run, job, inputs, outputs, tail string }

func (f frame) text() []byte {
	part := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	return []byte("{" +
		part(f.time, `"eventTime":"2024-01-01T00:00:00Z"`) + "," +
		part(f.head, `"producer":"https://example.com/p","schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json","eventType":"COMPLETE"`) + "," +
		part(f.run, `"run":{"runId":"0190a000-0000-7000-8000-000000000001"}`) + "," +
		part(f.job, `"job":{"namespace":"ns","name":"job"}`) + "," +
		part(f.inputs, `"inputs":[]`) + "," +
		part(f.outputs, `"outputs":[]`) + f.tail + "}")
}

// base is what the schemas require of a facet.
const base = `"_producer":"https://example.com/p","_schemaURL":"https://example.com/s"`

// out is an output with facets.
func out(facets string) frame {
	return frame{outputs: `"outputs":[{"namespace":"ns","name":"t","facets":{` + facets + `}}]`}
}

// A mend is an event that lenient decode takes with one warning, and strict decode
// refuses for the same reason.
type mend struct {
	name   string
	event  frame
	path   string // of the one warning, and of the refusal
	reason string
	check  func(e lineage.Event) bool
}

func mends() []mend {
	at := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	return []mend{
		{"no producer", frame{head: `"schemaURL":"https://example.com"`}, "producer", "required", nil},
		{"no schemaURL", frame{head: `"producer":"https://example.com"`}, "schemaURL", "required", nil},
		{
			"time without a zone",
			frame{time: `"eventTime":"2024-01-01T12:00:00"`},
			"eventTime", "without a zone",
			func(e lineage.Event) bool { return e.Time.Equal(at) },
		},
		{
			"unknown event type",
			frame{head: `"producer":"a:b","schemaURL":"a:b","eventType":"PAUSED"`},
			"eventType", "unknown event type",
			func(e lineage.Event) bool { return e.Run.Type == lineage.Other },
		},
		{
			"event type in lower case",
			frame{head: `"producer":"a:b","schemaURL":"a:b","eventType":"complete"`},
			"eventType", "unknown event type",
			func(e lineage.Event) bool { return e.Run.Type == lineage.Complete },
		},
		{
			"null for a list",
			frame{inputs: `"inputs":null`},
			"inputs", "want a list, not null",
			func(e lineage.Event) bool { return e.Inputs == nil },
		},
		{
			"null for a facet", out(`"schema":null`), "outputs[0].facets.schema", "want an object, not null",
			func(e lineage.Event) bool { return e.Outputs[0].States == 0 },
		},
		{
			"null in a facet", out(`"schema":{` + base + `,"fields":null}`), "outputs[0].facets.schema.fields", "want a list, not null",
			func(e lineage.Event) bool { return e.Outputs[0].States == 0 },
		},
		{"unknown facet", out(`"mine":{}`), "outputs[0].facets.mine", "unknown facet", nil},
		{"extra key", frame{tail: `,"more":{"a":[1]}`}, "more", "unknown key", nil},
		{"dataset beside a job", frame{tail: `,"dataset":{"namespace":"ns","name":"d"}`}, "dataset", "beside a job", nil},
		{
			"repeated key",
			frame{tail: `,"inputs":[{"namespace":"ns","name":"d"}]`},
			"inputs", "repeated key",
			func(e lineage.Event) bool { return len(e.Inputs) == 0 },
		},
		{"run ID that is no UUID", frame{run: `"run":{"runId":"x"}`}, "run.runId", "want a UUID", func(e lineage.Event) bool { return e.Run.ID == "x" }},
		{"no namespace", frame{job: `"job":{"name":"x"}`}, "job.namespace", "required", func(e lineage.Event) bool { return e.Job.Ref.Name == "x" }},
		{
			"transformation without a type", out(`"columnLineage":{` + base +
				`,"fields":{"c":{"inputFields":[{"namespace":"n","name":"s","field":"f","transformations":[{"subtype":"SUM"}]}]}}}`),
			"outputs[0].facets.columnLineage.fields.c.inputFields[0].transformations[0].type", "required",
			func(e lineage.Event) bool {
				return cmp.Equal(e.Outputs[0].Edges[0].Kinds, []lineage.Transformation{{Subtype: "SUM"}})
			},
		},
		{
			"unknown lifecycle change", out(`"lifecycleStateChange":{` + base + `,"lifecycleStateChange":"EXPLODE"}`),
			"outputs[0].facets.lifecycleStateChange.lifecycleStateChange", "unknown change", nil,
		},
		{
			"negative count",
			frame{outputs: `"outputs":[{"namespace":"ns","name":"t","outputFacets":{"outputStatistics":{` + base + `,"rowCount":-1}}}]`},
			"outputs[0].outputFacets.outputStatistics.rowCount", "negative", nil,
		},
		{
			"number that is text",
			frame{outputs: `"outputs":[{"namespace":"ns","name":"t","outputFacets":{"outputStatistics":{` + base + `,"rowCount":"1"}}}]`},
			"outputs[0].outputFacets.outputStatistics.rowCount", "want an integer", nil,
		},
	}
}

func TestLenientDecodeMendsAndStrictDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range mends() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, warned, err := openlineage.Decode(c.event.text(), openlineage.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if len(warned) != 1 || warned[0].Path != c.path || !strings.Contains(warned[0].Reason, c.reason) {
				t.Errorf("warnings %v, want %s: %s", warned, c.path, c.reason)
			}
			if c.check != nil && !c.check(e) {
				t.Errorf("event %+v", e)
			}
			refused(t, c.event.text(), openlineage.Config{Strict: true}, c.path, c.reason, lineage.ErrInvalid)
		})
	}
}

// refused checks how an event is refused.
func refused(t *testing.T, data []byte, cfg openlineage.Config, path, reason string, sentinel error) {
	t.Helper()
	e, warned, err := openlineage.Decode(data, cfg)
	var refusal *lineage.EventError
	if !errors.As(err, &refusal) || refusal.Path != path || !strings.Contains(refusal.Reason, reason) || !errors.Is(err, sentinel) {
		t.Errorf("%v, want %v at %s: %s", err, sentinel, path, reason)
	}
	if e.Raw != nil || e.Job != nil || warned != nil {
		t.Errorf("a refused event: %+v, %v", e, warned)
	}
}

func TestWhatNothingMendsRefusesTheEvent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		data         []byte
		path, reason string
	}{
		{"nothing", nil, "", "want an object"},
		{"a list", []byte(`[]`), "", "want an object, not a list"},
		{"half an event", frame{}.text()[:40], "", "byte 40"},
		{"two events", append(frame{}.text(), frame{}.text()...), "", "data after the value"},
		{"text that is not UTF-8", frame{job: "\"job\":{\"namespace\":\"n\",\"name\":\"\xff\"}"}.text(), "job.name", "UTF-8"},
		{"neither job nor dataset", []byte(`{"eventTime":"2024-01-01T00:00:00Z"}`), "", "no event"},
		{"no job", frame{job: `"job":null`}.text(), "job", "a run without a job"},
		{"a job that is no object", frame{job: `"job":7`}.text(), "job.name", "no job name"},
		{"no job name", frame{job: `"job":{"namespace":"ns"}`}.text(), "job.name", "no job name"},
		{"no run ID", frame{run: `"run":{}`}.text(), "run.runId", "no run ID"},
		{"a run that is no object", frame{run: `"run":"r"`}.text(), "run.runId", "no run ID"},
		{"no time", frame{time: `"eventTime":""`}.text(), "eventTime", "no time"},
		{"no such time", frame{time: `"eventTime":"yesterday"`}.text(), "eventTime", "want a time"},
		{"year 10000 in UTC", frame{time: `"eventTime":"9999-12-31T23:00:00-05:00"`}.text(), "eventTime", "want a time"},
		{"no dataset name", frame{inputs: `"inputs":[{"namespace":"ns"}]`}.text(), "inputs[0].name", "no dataset name"},
		{"null for a dataset", frame{inputs: `"inputs":[null]`}.text(), "inputs[0].name", "no dataset name"},
		{
			"no dataset name of a column", out(`"columnLineage":{"fields":{"c":{"inputFields":[{"namespace":"n","field":"f"}]}}}`).text(),
			"outputs[0].facets.columnLineage.fields.c.inputFields[0].name", "no dataset name",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refused(t, c.data, openlineage.Config{}, c.path, c.reason, lineage.ErrInvalid)
			if _, _, err := openlineage.Decode(c.data, openlineage.Config{Strict: true}); err == nil {
				t.Error("strict decode takes it")
			}
		})
	}
}

func TestNanosecondsAreCutWithAWarningInBothModes(t *testing.T) {
	t.Parallel()
	data := frame{time: `"eventTime":"2024-01-01T13:00:00.123456789+01:00"`}.text()
	for _, strict := range []bool{false, true} {
		e, warned, err := openlineage.Decode(data, openlineage.Config{Strict: strict})
		if err != nil || len(warned) != 1 || !strings.Contains(warned[0].String(), "nanoseconds") {
			t.Fatalf("strict %v: %v, %v", strict, warned, err)
		}
		if want := time.Date(2024, 1, 1, 12, 0, 0, 123456000, time.UTC); e.Time != want {
			t.Errorf("time %v, want %v", e.Time, want)
		}
	}
}

func TestAbsenceIsNoStatementAndAnEmptyListIsOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		facets string
		states lineage.Aspects
	}{
		{``, 0},
		{`"schema":{` + base + `}`, 0},
		{`"schema":{` + base + `,"fields":[]}`, lineage.Schema},
		{`"columnLineage":{` + base + `,"fields":{}}`, lineage.ColumnEdges},
		{`"columnLineage":{"dataset":[]}`, lineage.ColumnEdges},
		{`"columnLineage":{}`, 0},
		{`"symlinks":{` + base + `,"identifiers":[]}`, lineage.Symlinks},
		{`"ownership":{` + base + `,"owners":[]}`, lineage.Owners},
		{`"tags":{` + base + `,"tags":[]}`, lineage.Tags},
		{
			`"schema":{"_deleted":true},"columnLineage":{"_deleted":true},"symlinks":{"_deleted":true},"ownership":{"_deleted":true},"tags":{"_deleted":true}`,
			lineage.Schema | lineage.ColumnEdges | lineage.Symlinks | lineage.Owners | lineage.Tags,
		},
		{`"lineage":{}`, 0},
		{`"lineage":{"inputs":[]}`, lineage.DatasetEdges | lineage.ColumnEdges},
		{`"lineage":{"fields":{}}`, lineage.ColumnEdges},
		{`"lineage":{"_deleted":true}`, lineage.DatasetEdges | lineage.ColumnEdges},
	} {
		e, _, err := openlineage.Decode(out(c.facets).text(), openlineage.Config{})
		if err != nil {
			t.Errorf("%s: %v", c.facets, err)
			continue
		}
		want := lineage.DatasetFact{Ref: lineage.DatasetRef{Namespace: "ns", Name: "t"}, States: c.states}
		if diff := cmp.Diff(want, e.Outputs[0]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.facets, diff)
		}
		explicit := strings.HasPrefix(c.facets, `"lineage"`) && c.states != 0
		if e.Explicit != explicit {
			t.Errorf("%s: explicit %v", c.facets, e.Explicit)
		}
	}
	without, _, err := openlineage.Decode([]byte(`{"eventTime":"2024-01-01T00:00:00Z","job":{"namespace":"n","name":"j"}}`), openlineage.Config{})
	if err != nil || without.Inputs != nil || without.Outputs != nil || without.Job.Owners != nil {
		t.Errorf("%+v, %v", without, err)
	}
}

func TestJobOwnersAndTagsAreStatedByLists(t *testing.T) {
	t.Parallel()
	job := `"job":{"namespace":"ns","name":"job","facets":{"ownership":{"owners":[{"name":"team:a","type":"OWNER"},{"name":""}]},"tags":{"tags":[
		{"key":"pii","value":"true"},{"key":"tier","value":"1","source":"USER"},{"key":"empty","value":""}]}}}`
	e, _, err := openlineage.Decode(frame{job: job}.text(), openlineage.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"team:a"}, e.Job.Owners); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"pii", "tier=1", "empty="}, e.Job.Tags); diff != "" {
		t.Error(diff)
	}
	e, _, err = openlineage.Decode(frame{job: `"job":{"namespace":"ns","name":"job","facets":{"ownership":{"_deleted":true}}}`}.text(), openlineage.Config{})
	if err != nil || e.Job.Owners == nil || len(e.Job.Owners) > 0 {
		t.Errorf("%v, %v", e.Job.Owners, err)
	}
}

func columns(fields string) []byte {
	return out(`"columnLineage":{` + base + `,` + fields + `}`).text()
}

func from(field, transformations string) string {
	return fmt.Sprintf(`{"namespace":"ns","name":"s","field":%q,"transformations":[%s]}`, field, transformations)
}

func TestHoistingTakesOnlyWhatEachFieldCarries(t *testing.T) {
	t.Parallel()
	kind := func(subtype string) string { return `{"type":"INDIRECT","subtype":"` + subtype + `"}` }
	for _, c := range []struct {
		name, facet string
		want        []string
	}{
		{
			"a pair of each field", `"fields":{"a":{"inputFields":[` + from("x", kind("JOIN")) + `]},"b":{"inputFields":[` + from("x", kind("JOIN")) + `]}}`,
			[]string{"t <- s.x INDIRECT/JOIN"},
		},
		{
			"one field lacks it", `"fields":{"a":{"inputFields":[` + from("x", kind("JOIN")) + `]},"b":{"inputFields":[]}}`,
			[]string{"t.a <- s.x INDIRECT/JOIN"},
		},
		{
			"another input", `"fields":{"a":{"inputFields":[` + from("x", kind("JOIN")) + `]},"b":{"inputFields":[` + from("y", kind("JOIN")) + `]}}`,
			[]string{"t.a <- s.x INDIRECT/JOIN", "t.b <- s.y INDIRECT/JOIN"},
		},
		{
			"one of two kinds", `"fields":{"a":{"inputFields":[` + from("x", kind("SORT")+","+kind("FILTER")) + `]},"b":{"inputFields":[` + from("x", kind("SORT")) + `]}}`,
			[]string{"t <- s.x INDIRECT/SORT", "t.a <- s.x INDIRECT/FILTER"},
		},
		{
			"windows and conditions stay", `"fields":{"a":{"inputFields":[` + from("x", kind("WINDOW")) + `,` + from("y", kind("CONDITIONAL")) + `]}}`,
			[]string{"t.a <- s.x INDIRECT/WINDOW", "t.a <- s.y INDIRECT/CONDITIONAL"},
		},
		{
			"a masked join is another", `"fields":{"a":{"inputFields":[` + from("x", `{"type":"INDIRECT","subtype":"JOIN","masking":true}`) + `]},"b":{"inputFields":[` + from("x", kind("JOIN")) + `]}}`,
			[]string{"t.a <- s.x INDIRECT/JOIN masked", "t.b <- s.x INDIRECT/JOIN"},
		},
		{
			"a direct join stays", `"fields":{"a":{"inputFields":[` + from("x", `{"type":"DIRECT","subtype":"JOIN"}`) + `]}}`,
			[]string{"t.a <- s.x DIRECT/JOIN"},
		},
		{
			"the same pair twice in one field", `"fields":{"a":{"inputFields":[` + from("x", kind("JOIN")) + `,` + from("x", kind("JOIN")) + `]},"b":{"inputFields":[]}}`,
			[]string{"t.a <- s.x INDIRECT/JOIN"},
		},
		{
			"both spellings at once", `"fields":{"a":{"inputFields":[` + from("x", kind("JOIN")) + `]}},"dataset":[` + from("x", kind("JOIN")+","+kind("SORT")) + `]`,
			[]string{"t <- s.x INDIRECT/JOIN INDIRECT/SORT"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for range 4 { // The order of a map's keys must not matter.
				e, warned, err := openlineage.Decode(columns(c.facet), openlineage.Config{Strict: true})
				if err != nil || len(warned) > 0 {
					t.Fatal(warned, err)
				}
				if diff := cmp.Diff(c.want, texts(e.Outputs[0].Edges)); diff != "" {
					t.Fatalf("(-want +got)\n%s", diff)
				}
			}
		})
	}
}

func TestDeprecatedTransformationTypeSpeaksWhereThereAreNone(t *testing.T) {
	t.Parallel()
	facet := `"fields":{
		"a":{"inputFields":[` + from("x", "") + `],"transformationType":"MASKED","transformationDescription":"hash"},
		"b":{"inputFields":[` + from("x", "") + `],"transformationType":"IDENTITY"},
		"c":{"inputFields":[` + from("x", `{"type":"DIRECT","subtype":"AGGREGATION"}`) + `],"transformationType":"IDENTITY"},
		"d":{"inputFields":[` + from("x", "") + `]}}`
	want := []string{
		"t.a <- s.x DIRECT/TRANSFORMATION masked", "t.b <- s.x DIRECT/IDENTITY", "t.c <- s.x DIRECT/AGGREGATION", "t.d <- s.x",
	}
	e, _, err := openlineage.Decode(columns(facet), openlineage.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, texts(e.Outputs[0].Edges)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := e.Outputs[0].Edges[0].Kinds[0].Description; got != "hash" {
		t.Errorf("description %q", got)
	}
}

func TestColumnOfUnknownNameIsAnEdgeFromItsDataset(t *testing.T) {
	t.Parallel()
	facet := `"fields":{"a":{"inputFields":[{"namespace":"ns","name":"s"}]}},"dataset":[{"namespace":"ns","name":"s"}]`
	e, warned, err := openlineage.Decode(columns(facet), openlineage.Config{})
	if err != nil || len(warned) != 2 {
		t.Fatal(warned, err)
	}
	if diff := cmp.Diff([]string{"t.a <- s"}, texts(e.Outputs[0].Edges)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestExplicitEventIgnoresColumnLineageAndAddsTargets(t *testing.T) {
	t.Parallel()
	f := out(`"columnLineage":{` + base + `,"fields":{"a":{"inputFields":[` + from("x", "") + `]}}}`)
	f.inputs = `"inputs":[{"namespace":"ns","name":"in","facets":{"lineage":{` + base + `,"inputs":[{"namespace":"ns","name":"raw","type":"DATASET"}]}}}]`
	f.job = `"job":{"namespace":"ns","name":"job","facets":{"lineage":{` + base + `,"entries":[
		{"namespace":"ns","name":"t","type":"DATASET","fields":{"c":{"inputs":[{"namespace":"ns","name":"s","type":"DATASET","field":"f"},{"type":"JOB"}]}}},
		{"namespace":"ns","name":"other","type":"DATASET","inputs":[]}]}}}`
	e, _, err := openlineage.Decode(f.text(), openlineage.Config{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range e.Outputs {
		got = append(got, fmt.Sprintf("%s %b %v", d.Ref.Name, d.States, texts(d.Edges)))
	}
	want := []string{"t 10 [t.c <- job job t.c <- s.f]", "in 11 [in <- raw]", "other 11 []"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if e.Inputs[0].States != 0 {
		t.Errorf("input %+v", e.Inputs[0])
	}
}

func TestDatasetEventStatesItsDataset(t *testing.T) {
	t.Parallel()
	data := []byte(`{"eventTime":"2024-01-01T00:00:00Z","producer":"a:b","schemaURL":"a:b","dataset":{"namespace":"ns","name":"t",
		"facets":{"datasetType":{` + base + `,"datasetType":"VIEW"},"lineage":{` + base + `,"inputs":[{"namespace":"ns","name":"s","type":"DATASET"},{"type":"JOB"}]}}}}`)
	e, warned, err := openlineage.Decode(data, openlineage.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if len(warned) != 1 || warned[0].Path != "dataset.facets.lineage" {
		t.Errorf("warnings %v", warned)
	}
	if e.Job != nil || e.Run != nil || !e.Explicit || e.Outputs[0].Type != "VIEW" {
		t.Errorf("event %+v", e)
	}
	if diff := cmp.Diff([]string{"t <- s"}, texts(e.Outputs[0].Edges)); diff != "" {
		t.Error(diff)
	}
	refused(t, data, openlineage.Config{Strict: true}, "dataset.facets.lineage", "own job", lineage.ErrInvalid)
}

func TestRunFactsAreRead(t *testing.T) {
	t.Parallel()
	f := frame{
		run: `"run":{"runId":"0190a000-0000-7000-8000-000000000001","facets":{
			"parent":{"run":{"runId":"0190a000-0000-7000-8000-000000000002","facets":{}},"job":{"namespace":"p","name":"dag","facets":{}},"root":{}},
			"errorMessage":{"message":"broken","programmingLanguage":"JAVA","stackTrace":"at"}}}`,
		job: `"job":{"namespace":"ns","name":"job","facets":{"jobType":{"processingType":"STREAMING","integration":"FLINK","jobType":"JOB"},
			"sql":{"query":"SELECT 1","dialect":"spark"}}}`,
		inputs: `"inputs":[{"namespace":"ns","name":"in","inputFacets":{"inputStatistics":{"rowCount":3,"size":4,"fileCount":1},"dataQualityMetrics":{}}}]`,
	}
	e, warned, err := openlineage.Decode(f.text(), openlineage.Config{})
	if err != nil || len(warned) > 0 {
		t.Fatal(warned, err)
	}
	want := lineage.Event{
		Producer: "https://example.com/p", Time: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		Run: &lineage.RunFact{
			ID: "0190a000-0000-7000-8000-000000000001", Type: lineage.Complete, Error: "broken",
			Parent: &lineage.RunRef{ID: "0190a000-0000-7000-8000-000000000002", Job: lineage.JobRef{Namespace: "p", Name: "dag"}},
		},
		Job: &lineage.JobFact{
			Ref: lineage.JobRef{Namespace: "ns", Name: "job"}, Type: "JOB", Processing: lineage.Streaming, SQL: "SELECT 1", Dialect: "spark",
		},
		Inputs:  []lineage.DatasetFact{{Ref: lineage.DatasetRef{Namespace: "ns", Name: "in"}, Rows: 3, Bytes: 4}},
		Outputs: []lineage.DatasetFact{},
		Raw:     f.text(),
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDecodeKeepsACopyOfTheText(t *testing.T) {
	t.Parallel()
	data := frame{}.text()
	e, _, err := openlineage.Decode(data, openlineage.Config{})
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if string(e.Raw) != string(frame{}.text()) || e.Job.Ref.Name != "job" {
		t.Error("the event changes with its text")
	}
}
