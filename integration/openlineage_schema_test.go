package integration_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
)

// openlineageFiles returns the third-party OpenLineage files that match a pattern, and
// skips where there are none.
func openlineageFiles(t *testing.T, pattern string) []string {
	t.Helper()
	root := os.Getenv("TENON_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "testdata")
	}
	files, err := filepath.Glob(filepath.Join(root, "openlineage", filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no third-party cases: openlineage/%s", pattern)
	}
	return files
}

// schemas knows the OpenLineage schemas by the URLs that stand in events.
type schemas struct {
	compiler *jsonschema.Compiler
	used     map[string]int // facets checked, by schema
}

func loadSchemas(t *testing.T, formats bool) *schemas {
	t.Helper()
	s := &schemas{compiler: jsonschema.NewCompiler(), used: map[string]int{}}
	if formats {
		s.compiler.AssertFormat()
	}
	for _, file := range append(openlineageFiles(t, "OpenLineage.json"), openlineageFiles(t, "facets/*.json")...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		schema, _ := doc.(map[string]any)
		id, _ := schema["$id"].(string)
		if err := s.compiler.AddResource(id, doc); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return s
}

// validate checks an event against the schema of all events and its own, and each of its
// facets against the schema that it names.
func (s *schemas) validate(t *testing.T, name string, text []byte) (ok bool) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	errs := []error{s.check(t, "https://openlineage.io/spec/2-0-2/OpenLineage.json", doc)}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for _, key := range []string{"schemaURL", "_schemaURL"} {
				if url, ok := v[key].(string); ok {
					s.used[url]++
					errs = append(errs, s.check(t, url, v))
				}
			}
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(doc)
	for _, err := range errs {
		if err != nil {
			t.Logf("%s: %v\n%s", name, err, text)
			return false
		}
	}
	return true
}

func (s *schemas) check(t *testing.T, url string, v any) error {
	t.Helper()
	schema, err := s.compiler.Compile(url)
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(v)
}

// everything is a run, job or dataset event, one of them explicit, with all that an
// event can state.
func everything() map[string]lineage.Event {
	const run, parent = "0190a000-0000-7000-8000-000000000001", "0190a000-0000-7000-8000-000000000002"
	target, source := lineage.DatasetRef{Namespace: "pg", Name: "t"}, lineage.DatasetRef{Namespace: "pg", Name: "s"}
	job := lineage.JobRef{Namespace: "ns", Name: "job"}
	sum := []lineage.Transformation{{Type: lineage.Direct, Subtype: lineage.Aggregation, Description: "sum()", Masking: true}}
	full := lineage.DatasetFact{
		Ref: target, Type: "VIEW", Rows: 3, Bytes: 4,
		States: lineage.ColumnEdges | lineage.Schema | lineage.Symlinks | lineage.Owners | lineage.Tags,
		Fields: []lineage.Field{{Path: "a", Type: "struct"}, {Path: "a.b", Type: "int"}, {Path: "l"}, {Path: "l[]"}},
		Edges: []lineage.EdgeFact{
			{From: source.Column("x"), To: target.Node(), Kinds: []lineage.Transformation{{Type: lineage.Indirect, Subtype: lineage.JoinKey}}},
			{From: source.Column("y"), To: target.Column("a"), Kinds: sum},
			{From: source.Node(), To: target.Column("a")},
		},
		Aliases: []lineage.DatasetRef{{Namespace: "glue", Name: "t"}}, Owners: []string{"team:a"}, Tags: []string{"pii", "tier=1"},
		Lifecycle: lineage.Lifecycle{Change: lineage.Renamed, From: lineage.DatasetRef{Namespace: "pg", Name: "old"}},
	}
	empty := lineage.DatasetFact{Ref: source, States: full.States}
	still := full
	still.Rows, still.Bytes = 0, 0
	explicit := full
	explicit.States |= lineage.DatasetEdges
	explicit.Edges = append(slices.Clone(full.Edges), lineage.EdgeFact{From: job.Node(), To: target.Node(), Kinds: sum},
		lineage.EdgeFact{From: job.Node(), To: target.Column("a"), Kinds: sum}, lineage.EdgeFact{From: source.Node(), To: target.Node()})
	at := time.Date(2026, 3, 1, 6, 0, 0, 123456000, time.UTC)
	jobFact := &lineage.JobFact{
		Ref: job, Type: "QUERY", Processing: "BATCH", SQL: "SELECT 1", Dialect: "postgres", Owners: []string{"team:a"}, Tags: []string{"nightly"},
	}
	runFact := &lineage.RunFact{
		ID: run, Type: lineage.Fail, Error: "broken", Parent: &lineage.RunRef{ID: parent, Job: lineage.JobRef{Namespace: "ns", Name: "dag"}},
	}
	return map[string]lineage.Event{
		"run": {
			Producer: "https://example.com/p", Time: at, Run: runFact, Job: jobFact,
			Inputs: []lineage.DatasetFact{{Ref: source, Rows: 1, Bytes: 2}}, Outputs: []lineage.DatasetFact{full, empty},
		},
		"explicit run": {
			Time: at, Run: runFact, Job: &lineage.JobFact{Ref: job, Owners: []string{}, Tags: []string{}}, Explicit: true, Inputs: []lineage.DatasetFact{},
			Outputs: []lineage.DatasetFact{explicit}, JobEdges: []lineage.EdgeFact{
				{From: source.Column("x"), To: job.Node(), Kinds: sum}, {From: source.Node(), To: job.Node()}, {From: lineage.JobRef{Name: "j"}.Node(), To: job.Node()},
			},
		},
		"job":              {Time: at, Job: jobFact, Inputs: []lineage.DatasetFact{empty}, Outputs: []lineage.DatasetFact{full}},
		"bare job":         {Time: at, Job: &lineage.JobFact{Ref: job}},
		"dataset":          {Time: at, Outputs: []lineage.DatasetFact{still}},
		"explicit dataset": {Time: at, Explicit: true, Outputs: []lineage.DatasetFact{{Ref: target, States: lineage.DatasetEdges | lineage.ColumnEdges}}},
	}
}

func TestOpenLineageSchemasValidateWhatIsEncoded(t *testing.T) {
	t.Parallel()
	strict := loadSchemas(t, true)
	for name, event := range everything() {
		text, err := openlineage.Encode(event)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strict.validate(t, name, text) {
			t.Errorf("%s: not valid", name)
		}
	}
	written := []string{
		"ColumnLineageDatasetFacet", "DatasetEvent", "DatasetTypeDatasetFacet", "ErrorMessageRunFacet", "InputStatisticsInputDatasetFacet", "JobEvent",
		"JobTypeJobFacet", "LifecycleStateChangeDatasetFacet", "LineageDatasetFacet", "LineageJobFacet", "OutputStatisticsOutputDatasetFacet",
		"OwnershipDatasetFacet", "OwnershipJobFacet", "ParentRunFacet", "RunEvent", "SQLJobFacet", "SchemaDatasetFacet", "SymlinksDatasetFacet",
		"TagsDatasetFacet", "TagsJobFacet",
	}
	var used []string
	for url := range strict.used {
		used = append(used, url[strings.LastIndexByte(url, '/')+1:])
	}
	slices.Sort(used)
	if !slices.Equal(used, written) {
		t.Errorf("schemas %v, want %v", used, written)
	}
}

func TestOpenLineageSchemasValidateDecodedScenariosEncodedAgain(t *testing.T) {
	t.Parallel()
	formats, noFormats := loadSchemas(t, true), loadSchemas(t, false)
	for _, file := range openlineageFiles(t, "consumer_scenarios/*/events/*.json") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		event, warnings, err := openlineage.Decode(data, openlineage.Config{})
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		text, err := openlineage.Encode(event)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		s := formats
		if slices.ContainsFunc(warnings, func(w openlineage.Warning) bool { return w.Reason == "want a UUID" }) {
			s = noFormats // What is no UUID stays as it is.
		}
		if !s.validate(t, file, text) {
			t.Errorf("%s: not valid", file)
		}
	}
}

// What the validation refuses shows that it looks at facets and formats.
func TestOpenLineageSchemasRefuseABrokenEvent(t *testing.T) {
	t.Parallel()
	s := loadSchemas(t, true)
	text, err := openlineage.Encode(everything()["explicit run"])
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []struct{ old, new string }{
		{`"entries"`, `"other"`}, {`"DATASET"`, `"TABLE"`}, {`"runId":"0190`, `"runId":"x`}, {`"_producer"`, `"producer"`}, {`"eventType":"FAIL"`, `"eventType":"X"`},
	} {
		changed := strings.ReplaceAll(string(text), broken.old, broken.new)
		if changed == string(text) || s.validate(t, broken.new, []byte(changed)) {
			t.Errorf("%s for %s is taken", broken.new, broken.old)
		}
	}
}
