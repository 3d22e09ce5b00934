package lineage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest"
)

// reads is a run of a job that makes columns c of targets from columns of a source.
func reads(id string, minute int, columns []string, targets ...string) lineage.Event {
	source := lineage.DatasetRef{Namespace: "db", Name: "source"}
	e := lineage.Event{
		Time: minuteOf(minute), Run: &lineage.RunFact{ID: id, Type: lineage.Complete},
		Job: &lineage.JobFact{Ref: lineage.JobRef{Namespace: "etl", Name: "job"}}, Inputs: []lineage.DatasetFact{{Ref: source}},
	}
	for _, name := range targets {
		d := lineage.DatasetFact{Ref: lineage.DatasetRef{Namespace: "db", Name: name}, States: lineage.ColumnEdges}
		for _, c := range columns {
			d.Edges = append(d.Edges, lineage.EdgeFact{From: source.Column(c), To: d.Ref.Column(c)})
		}
		e.Outputs = append(e.Outputs, d)
	}
	return e
}

func minuteOf(n int) time.Time {
	return time.Date(2026, 3, 1, 0, n, 0, 0, time.UTC)
}

func ingested(t *testing.T, store lineage.Store, cfg lineage.Config, events ...lineage.Event) *lineage.Engine {
	t.Helper()
	e, err := lineage.New(t.Context(), store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if _, err := e.Ingest(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
	return e
}

// However an impact is found, its budget bounds what it lists, and one that is just enough
// is not said to have been too little.
//
// Invariant: lineage 7.
func TestAnImpactKeepsToItsBudget(t *testing.T) {
	e := ingested(t, lineage.NewMemoryStore(), lineage.Config{}, reads("r1", 1, []string{"c", "d"}, "x", "y", "z", "s"), reads("r2", 2, []string{"c", "d"}, "x", "y", "z"))
	v, err := e.View(t.Context(), lineage.At{})
	if err != nil {
		t.Fatal(err)
	}
	source := lineage.DatasetRef{Namespace: "db", Name: "source"}
	for _, changes := range [][]lineage.Change{
		{{Kind: lineage.Drop, Node: source.Column("c")}},
		{{Kind: lineage.Drop, Node: source.Node()}},
		{{Kind: lineage.Redefine, Node: source.Column("c")}},
		{{Kind: lineage.Redefine, Node: source.Column("c")}, {Kind: lineage.Redefine, Node: source.Column("d")}},
	} {
		whole, err := v.Impact(t.Context(), changes, lineage.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= len(whole.Effects); n++ {
			some, err := v.Impact(t.Context(), changes, lineage.Query{MaxNodes: n})
			if err != nil {
				t.Fatal(err)
			}
			complete := n == len(whole.Effects)
			if len(some.Effects) > n || (some.Partial.Reason == "") != complete {
				t.Errorf("%v with %d nodes of %d: %d effects, partial %q", changes, n, len(whole.Effects), len(some.Effects), some.Partial.Reason)
			}
			if diff := cmp.Diff(stale(whole), stale(some)); complete && diff != "" {
				t.Errorf("%v (-without +with a budget that is enough):\n%s", changes, diff)
			}
		}
	}
}

func stale(i *lineage.Impact) (out []string) {
	for _, e := range i.Effects {
		out = append(out, fmt.Sprint(e.Node.ID, e.Stale))
	}
	return out
}

// A job that reads a column is no node of the column layer, and uses no budget there.
func TestAJobUsesNoBudgetOfAColumnWalk(t *testing.T) {
	source, x := lineage.DatasetRef{Namespace: "db", Name: "source"}, lineage.DatasetRef{Namespace: "db", Name: "x"}
	report := lineage.JobRef{Namespace: "bi", Name: "report"}.Node()
	event := reads("r1", 1, []string{"c"}, "x")
	event.Explicit = true
	event.JobEdges = []lineage.EdgeFact{{From: source.Column("c"), To: report}, {From: x.Column("c"), To: report}}
	e := ingested(t, lineage.NewMemoryStore(), lineage.Config{}, event)
	v, err := e.View(t.Context(), lineage.At{})
	if err != nil {
		t.Fatal(err)
	}
	stats, err := v.Walk(t.Context(), source.Column("c"), lineage.Query{MaxNodes: 1}, func(lineage.Step) bool { return true })
	if err != nil || stats.Nodes != 1 || stats.Partial.Reason != "" {
		t.Errorf("%+v, %v", stats, err)
	}
}

// Runs that closed an edge together are kept together, and neither failed runs nor those
// that still stream take their place.
//
// Invariant: lineage 8.
func TestPruneKeepsTheRunsThatClosedAnEdge(t *testing.T) {
	now := minuteOf(10)
	cfg := lineage.Config{
		Now: func() time.Time { return now }, Poll: -1, CheckpointEvery: -1,
		Retention: lineage.Retention{Runs: 100 * time.Minute, Raw: time.Minute, KeepPerJob: 1},
	}
	failed := func(id string, minute int) lineage.Event {
		e := reads(id, minute, []string{"c"}, "y")
		e.Run.Type = lineage.Fail
		return e
	}
	streamed := func(minute int) lineage.Event {
		e := reads("stream", minute, []string{"c"}, "y")
		e.Run.Type, e.Job.Processing = lineage.Running, lineage.Streaming
		return e
	}
	for name, between := range map[string][]lineage.Event{
		"failed runs": {
			reads("r2", 3, []string{"c"}, "y"), failed("f1", 4), reads("r3", 5, []string{"c"}, "y"), failed("f2", 6), failed("f3", 7), reads("r4", 8, []string{"c"}, "y"),
		},
		"a stream": {streamed(2), streamed(3), streamed(4), streamed(5)},
	} {
		now = minuteOf(10)
		store := lineage.NewMemoryStore()
		events := append([]lineage.Event{reads("r0", 0, []string{"c"}, "x", "y"), reads("r1", 1, []string{"c"}, "y")}, between...)
		e := ingested(t, store, cfg, append(events, reads("r9", 9, []string{"c"}, "y"))...)
		now = minuteOf(101)
		if _, err := e.Ingest(t.Context(), reads("z", 99, []string{"c"}, "z"), reads("z2", 100, []string{"c"}, "z")); err != nil {
			t.Fatal(err)
		}
		now = minuteOf(150)
		window := lineage.At{Time: minuteOf(60), Until: minuteOf(200)}
		dump := func(e *lineage.Engine) string {
			v, err := e.View(t.Context(), window)
			if err != nil {
				t.Fatal(err)
			}
			return lineagetest.Dump(v)
		}
		before := dump(e)
		if err := e.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, dump(ingested(t, store, cfg))); diff != "" {
			t.Errorf("%s (-before +after):\n%s", name, diff)
		}
	}
}

// Rows that change in many places at once are indexed for it, and are the same as those that
// are derived as a whole.
//
// Invariant: lineage 1.
func TestALongRowThatChangesALotIsTheSameInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var events []lineage.Event
	for i := range 15 {
		e := reads(fmt.Sprint("r", i), i, nil, "x")
		e.Inputs = nil
		for n := range 80 {
			if random.IntN(2) == 0 {
				e.Inputs = append(e.Inputs, lineage.DatasetFact{Ref: lineage.DatasetRef{Namespace: "db", Name: fmt.Sprint("in", n)}})
			}
		}
		events = append(events, e)
	}
	dump := func(e *lineage.Engine) string {
		v, err := e.View(t.Context(), lineage.At{Until: minuteOf(100)})
		if err != nil {
			t.Fatal(err)
		}
		return lineagetest.Dump(v)
	}
	forward := ingested(t, lineage.NewMemoryStore(), lineage.Config{})
	for _, e := range events {
		if _, err := forward.Ingest(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	slices.Reverse(events)
	backward := ingested(t, lineage.NewMemoryStore(), lineage.Config{}, events...)
	if diff := cmp.Diff(dump(forward), dump(backward)); diff != "" {
		t.Errorf("(-one by one +backward):\n%s", diff)
	}
}

// What is listed but not said to be stated would be dropped silently.
func TestListsThatAreNotStatedAreRefused(t *testing.T) {
	for name, change := range map[string]func(d *lineage.DatasetFact){
		"outputs[0].edges":   func(d *lineage.DatasetFact) { d.States = 0 },
		"outputs[0].fields":  func(d *lineage.DatasetFact) { d.Fields = []lineage.Field{{Path: "c"}} },
		"outputs[0].aliases": func(d *lineage.DatasetFact) { d.Aliases = []lineage.DatasetRef{{Name: "a"}} },
		"outputs[0].owners":  func(d *lineage.DatasetFact) { d.Owners = []string{"ann"} },
		"outputs[0].tags":    func(d *lineage.DatasetFact) { d.Tags = []string{"pii"} },
	} {
		event := reads("r1", 1, []string{"c"}, "x")
		change(&event.Outputs[0])
		e := ingested(t, lineage.NewMemoryStore(), lineage.Config{})
		report, err := e.Ingest(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		if r := report.Results[0]; r.Outcome != lineage.Rejected || r.Err.Path != name {
			t.Errorf("%s: %s, %v", name, r.Outcome, r.Err)
		}
	}
	if _, err := lineage.New(t.Context(), nil, lineage.Config{}); !errors.Is(err, lineage.ErrInvalid) {
		t.Errorf("an engine without a store: %v", err)
	}
}
