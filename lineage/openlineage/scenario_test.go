package openlineage_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
)

// counts are what expected.json says of a scenario folder.
type counts struct {
	Name, Folder string
	Events       int
	Datasets     int
	Jobs         int
	Runs         int
	ColumnPairs  int `json:"column_pairs"`
	WidePairs    int `json:"wide_pairs"`
}

// rawLineage is the part of an output that the pairs are counted in.
type rawLineage struct {
	Namespace, Name string
	Facets          struct {
		ColumnLineage struct {
			Fields map[string]struct {
				InputFields []rawColumn `json:"inputFields"`
			}
			Dataset []rawColumn
		} `json:"columnLineage"`
	}
}

type rawColumn struct{ Namespace, Name, Field string }

func (c rawColumn) node() lineage.NodeID {
	return lineage.DatasetRef{Namespace: c.Namespace, Name: c.Name}.Column(c.Field)
}

// A tally collects what distinct things decoded events have. Pairs are those of the raw
// text that the decoded edges carry, hoisted or not.
type tally struct {
	datasets   map[lineage.DatasetRef]bool
	jobs       map[lineage.JobRef]bool
	runs       map[string]bool
	pairs      map[[2]lineage.NodeID]bool
	wide       map[[2]lineage.NodeID]bool
	unfounded  []lineage.EdgeFact // edges that no pair of the text asks for
	unanswered [][2]lineage.NodeID
}

func newTally() *tally {
	return &tally{
		datasets: map[lineage.DatasetRef]bool{}, jobs: map[lineage.JobRef]bool{}, runs: map[string]bool{},
		pairs: map[[2]lineage.NodeID]bool{}, wide: map[[2]lineage.NodeID]bool{},
	}
}

func (c *tally) add(e lineage.Event, raw []rawLineage) {
	if e.Job != nil {
		c.jobs[e.Job.Ref] = true
	}
	if e.Run != nil {
		c.runs[e.Run.ID] = true
	}
	for _, facts := range [][]lineage.DatasetFact{e.Inputs, e.Outputs} {
		for _, d := range facts {
			c.datasets[d.Ref] = true
		}
	}
	for i, d := range e.Outputs {
		c.edges(d, raw[i])
	}
}

func (c *tally) edges(d lineage.DatasetFact, raw rawLineage) {
	decoded := map[[2]lineage.NodeID]bool{}
	for _, e := range d.Edges {
		decoded[[2]lineage.NodeID{e.From, e.To}] = true
	}
	asked := map[[2]lineage.NodeID]bool{}
	whole := d.Ref.Node()
	for field, f := range raw.Facets.ColumnLineage.Fields {
		for _, in := range f.InputFields {
			narrow := [2]lineage.NodeID{in.node(), d.Ref.Column(field)}
			hoisted := [2]lineage.NodeID{in.node(), whole}
			asked[narrow], asked[hoisted] = true, true
			if decoded[narrow] || decoded[hoisted] {
				c.pairs[narrow] = true
			} else {
				c.unanswered = append(c.unanswered, narrow)
			}
		}
	}
	for _, in := range raw.Facets.ColumnLineage.Dataset {
		pair := [2]lineage.NodeID{in.node(), whole}
		asked[pair] = true
		if decoded[pair] {
			c.wide[pair] = true
		} else {
			c.unanswered = append(c.unanswered, pair)
		}
	}
	for _, e := range d.Edges {
		if !asked[[2]lineage.NodeID{e.From, e.To}] {
			c.unfounded = append(c.unfounded, e)
		}
	}
}

func TestScenariosHaveTheCountedDatasetsJobsRunsAndColumns(t *testing.T) {
	text, err := os.ReadFile(casetest.Path(t, "openlineage", "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected struct{ Cases []counts }
	if err := json.Unmarshal(text, &expected); err != nil {
		t.Fatal(err)
	}
	passed := 0
	for _, want := range expected.Cases {
		if t.Run(want.Name, func(t *testing.T) { scenario(t, want) }) {
			passed++
		}
	}
	t.Logf("cases openlineage/expected.json: passed %d of %d", passed, len(expected.Cases))
}

func scenario(t *testing.T, want counts) {
	t.Helper()
	events := read(t, filepath.ToSlash(want.Folder)+"/*.json")
	c := newTally()
	warnings := map[string]int{}
	for _, s := range events {
		e, warned, err := openlineage.Decode(s.data, openlineage.Config{})
		if err != nil {
			t.Fatalf("%s: %v", s.file, err)
		}
		for _, w := range warned {
			warnings[w.Reason]++
		}
		var raw struct{ Outputs []rawLineage }
		if err := json.Unmarshal(s.data, &raw); err != nil {
			t.Fatal(err)
		}
		c.add(e, raw.Outputs)
	}
	got := counts{
		want.Name, want.Folder, len(events), len(c.datasets), len(c.jobs), len(c.runs), len(c.pairs), len(c.wide),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(c.unanswered) > 0 || len(c.unfounded) > 0 {
		t.Errorf("pairs without an edge: %v; edges without a pair: %v", c.unanswered, c.unfounded)
	}
	if len(warnings) > 0 {
		t.Logf("warnings: %v", warnings)
	}
}

func TestSparkAndFlinkFragmentsDecode(t *testing.T) {
	t.Parallel()
	fragments := read(t, "spark_expectations/*/*.json", "flink/*/*.json")
	changes := map[lineage.LifecycleChange]int{}
	edges := 0
	for _, s := range fragments {
		data := fill(t, s.data)
		e, warned, err := openlineage.Decode(data, openlineage.Config{})
		if err != nil {
			t.Errorf("%s: %v", s.file, err)
			continue
		}
		for _, w := range warned {
			if strings.HasPrefix(w.Reason, "want ") {
				t.Errorf("%s: %s", s.file, w)
			}
		}
		var raw struct {
			Inputs  []any
			Outputs []rawLineage
		}
		if err := json.Unmarshal(data, &raw); err != nil {
			t.Fatal(err)
		}
		if len(raw.Inputs) != len(e.Inputs) || len(raw.Outputs) != len(e.Outputs) {
			t.Errorf("%s: %d inputs of %d, %d outputs of %d", s.file, len(e.Inputs), len(raw.Inputs), len(e.Outputs), len(raw.Outputs))
		}
		c := newTally()
		c.add(e, raw.Outputs)
		if len(c.unanswered) > 0 || len(c.unfounded) > 0 {
			t.Errorf("%s: pairs without an edge: %v; edges without a pair: %v", s.file, c.unanswered, c.unfounded)
		}
		edges += len(c.pairs)
		for _, d := range e.Outputs {
			changes[d.Lifecycle.Change]++
		}
	}
	t.Logf("cases openlineage/spark_expectations and flink: passed %d of %d; %d column pairs, changes %v", len(fragments), len(fragments), edges, changes)
}

func TestFlinkStreamsStateTheirListsInStart(t *testing.T) {
	t.Parallel()
	for _, s := range read(t, "flink/flink2/*.json") {
		e, _, err := openlineage.Decode(fill(t, s.data), openlineage.Config{})
		if err != nil {
			t.Fatal(s.file, err)
		}
		if len(e.Outputs) > 0 && e.Job.Processing != lineage.Streaming {
			t.Errorf("%s: processing %q with outputs", s.file, e.Job.Processing)
		}
	}
}

func TestRenamesAndDropsOfSparkAreRead(t *testing.T) {
	t.Parallel()
	find := func(name string) lineage.DatasetFact {
		t.Helper()
		s := read(t, "spark_expectations/container/"+name)
		e, _, err := openlineage.Decode(fill(t, s[0].data), openlineage.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return e.Outputs[0]
	}
	renamed := find("pysparkAlterTableRenameEnd.json")
	want := lineage.Lifecycle{
		Change: lineage.Renamed,
		From:   lineage.DatasetRef{Namespace: "file", Name: "/tmp/alter_test/alter_table_test"},
	}
	if renamed.Lifecycle != want {
		t.Errorf("rename: %+v", renamed.Lifecycle)
	}
	dropped := find("pysparkDropTableEvent.json")
	if dropped.Lifecycle.Change != lineage.Dropped || dropped.States != lineage.Symlinks {
		t.Errorf("drop: %+v", dropped)
	}
}

// text draws an edge as from -> to kinds.
func text(e lineage.EdgeFact) string {
	short := func(id lineage.NodeID) string {
		s := id.Name[strings.LastIndexByte(id.Name, '/')+1:]
		if id.Kind == lineage.JobNode {
			s = "job " + s
		}
		if id.Field != "" {
			s += "." + id.Field
		}
		return s
	}
	var kinds []string
	for _, k := range e.Kinds {
		s := k.Type + "/" + k.Subtype
		if k.Masking {
			s += " masked"
		}
		kinds = append(kinds, s)
	}
	return strings.TrimSpace(fmt.Sprintf("%s <- %s %s", short(e.To), short(e.From), strings.Join(kinds, " ")))
}

func texts(edges []lineage.EdgeFact) []string {
	var out []string
	for _, e := range edges {
		out = append(out, text(e))
	}
	return out
}

func TestColumnsThatWorkOnAllRowsAreHoisted(t *testing.T) {
	t.Parallel()
	want := []string{
		"tbl1 <- cll_source1.a INDIRECT/FILTER INDIRECT/GROUP_BY INDIRECT/JOIN",
		"tbl1 <- cll_source1.b INDIRECT/GROUP_BY",
		"tbl1 <- cll_source2.a INDIRECT/FILTER INDIRECT/JOIN",
		"tbl1.agg <- cll_source2.c DIRECT/AGGREGATION",
		"tbl1.ident <- cll_source1.a DIRECT/IDENTITY",
		"tbl1.trans <- cll_source1.b DIRECT/TRANSFORMATION",
	}
	stated := 0
	for _, s := range read(t, "consumer_scenarios/CLL/events/*.json") {
		e, _, err := openlineage.Decode(s.data, openlineage.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range e.Outputs {
			if !d.States.Has(lineage.ColumnEdges) {
				continue
			}
			stated++
			if diff := cmp.Diff(want, texts(d.Edges)); diff != "" {
				t.Errorf("%s (-want +got)\n%s", s.file, diff)
			}
		}
	}
	if stated == 0 {
		t.Error("no event states column edges")
	}
}

func TestRunIDThatIsNoUUIDIsKeptWithAWarning(t *testing.T) {
	t.Parallel()
	s := read(t, "consumer_scenarios/simple_run_event/events/*.json")[0]
	e, warned, err := openlineage.Decode(s.data, openlineage.Config{})
	if err != nil || e.Run.ID != "run_id" {
		t.Fatalf("%+v, %v", e.Run, err)
	}
	want := []openlineage.Warning{{Path: "run.runId", Reason: "want a UUID"}}
	if diff := cmp.Diff(want, warned); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, _, err = openlineage.Decode(s.data, openlineage.Config{Strict: true}); err == nil {
		t.Error("strict decode takes it")
	}
}
