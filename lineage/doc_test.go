package lineage_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/lineage"
)

// documented returns the block of the package comment that begins with a line.
func documented(t *testing.T, first string) []string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	i := slices.IndexFunc(lines, func(l string) bool { return strings.TrimSpace(strings.TrimPrefix(l, "//")) == first })
	if i < 0 {
		t.Fatalf("doc.go has no table that begins with %q", first)
	}
	var out []string
	for ; strings.HasPrefix(lines[i], "//\t"); i++ {
		out = append(out, strings.TrimPrefix(lines[i], "//\t"))
	}
	return out
}

// The table of run states in the package comment is what the engine does.
func TestTheDocumentedRunStates(t *testing.T) {
	t.Parallel()
	const head = "newest terminal   else events of type      state      asserts"
	got := []string{head}
	states := map[lineage.RunState]string{
		lineage.RunSeen: "seen", lineage.RunStarted: "started", lineage.RunRunning: "running",
		lineage.RunComplete: "complete", lineage.RunFailed: "failed", lineage.RunAborted: "aborted",
	}
	for _, row := range []struct {
		terminal, others string
		types            []lineage.EventType
	}{
		{"COMPLETE", "any", []lineage.EventType{lineage.Start, lineage.Running, lineage.Fail, lineage.Complete}},
		{"FAIL", "any", []lineage.EventType{lineage.Start, lineage.Complete, lineage.Fail}},
		{"ABORT", "any", []lineage.EventType{lineage.Start, lineage.Complete, lineage.Abort}},
		{"none", "RUNNING", []lineage.EventType{lineage.Running, lineage.Start}},
		{"none", "START", []lineage.EventType{lineage.Start, lineage.Other}},
		{"none", "OTHER or no type", []lineage.EventType{lineage.Other, lineage.Untyped}},
	} {
		state, batch := tried(t, lineage.Config{}, "", row.types)
		_, streaming := tried(t, lineage.Config{}, lineage.Streaming, row.types)
		_, failed := tried(t, lineage.Config{AssertFailed: true}, "", row.types)
		asserts := map[[3]bool]string{
			{true, true, true}: "yes", {false, false, true}: "no, unless Config.AssertFailed",
			{false, true, false}: "if it streams", {}: "no",
		}[[3]bool{batch, streaming, failed}]
		got = append(got, fmt.Sprintf("%-17s %-24s %-10s %s", row.terminal, row.others, states[state], cmp.Or(asserts, "?")))
	}
	want(t, got, documented(t, head)...)
}

// tried returns what a run with these events comes to, and whether it asserts.
func tried(t *testing.T, cfg lineage.Config, processing string, types []lineage.EventType) (lineage.RunState, bool) {
	t.Helper()
	e := open(t, cfg)
	for i, typ := range types {
		x := reported("job", "r", typ, float64(i), ds("a"), ds("x"))
		x.Job.Processing = processing
		ingest(t, e, x)
	}
	for r, err := range e.Runs(t.Context(), lineage.RunQuery{Run: "r"}) {
		if err != nil {
			t.Fatal(err)
		}
		return r.State, len(edges(t, e, lineage.At{})) > 0
	}
	return 0, false
}

// The table of classes of paths in the package comment is what Reach says.
func TestTheDocumentedClassesOfPaths(t *testing.T) {
	t.Parallel()
	const head = "unmasked   masked"
	got := []string{"                  " + head}
	for _, subtype := range []string{lineage.Identity, lineage.Transform, lineage.Aggregation, ""} {
		typ := lineage.Direct
		name := subtype
		if subtype == "" {
			typ, name, subtype = lineage.Indirect, lineage.Indirect, lineage.FilterCriteria
		}
		var line strings.Builder
		fmt.Fprintf(&line, "%-17s", name)
		for _, masking := range []bool{false, true} {
			fmt.Fprintf(&line, " %-10s", reachedAs(t, lineage.Transformation{Type: typ, Subtype: subtype, Masking: masking}))
		}
		got = append(got, strings.TrimRight(line.String(), " "))
	}
	want(t, got, documented(t, head)...)
}

// reachedAs returns how a label reaches a column along one edge.
func reachedAs(t *testing.T, kind lineage.Transformation) string {
	t.Helper()
	e := open(t, lineage.Config{})
	x := columns(ds("x")[0], "a.i>k")
	x[0].Edges[0].Kinds = []lineage.Transformation{kind}
	ingest(t, e, reported("job", "r", lineage.Complete, 1, ds("a"), x))
	v, err := e.View(t.Context(), lineage.At{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := v.Reach(t.Context(), []lineage.Labelled{{Node: ds("a")[0].Ref.Column("i"), Label: "pii"}}, lineage.ReachQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Arrivals {
		if f.Node == ds("x")[0].Ref.Column("k") {
			return f.Exposure.String()
		}
	}
	return "none"
}
