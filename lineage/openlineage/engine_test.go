package openlineage_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest"
	"github.com/tenon-go/tenon/lineage/openlineage"
	"pgregory.net/rapid"
)

// decoded returns the events of files, filled where they are fragments.
func decoded(t *testing.T, pattern string) []lineage.Event {
	t.Helper()
	var events []lineage.Event
	for _, s := range read(t, pattern) {
		e, _, err := openlineage.Decode(fill(t, s.data), openlineage.Config{})
		if err != nil {
			t.Fatal(s.file, err)
		}
		events = append(events, e)
	}
	return events
}

// now is after all events, and not so long after that they are too old.
func now() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// fails is what *testing.T and *rapid.T have in common.
type fails interface {
	Helper()
	Fatal(args ...any)
}

// atEngine hands events to an engine in batches of the sizes given, and to done what it
// knows then.
func atEngine(ctx context.Context, f fails, batches [][]lineage.Event, done func(*lineage.Engine)) {
	f.Helper()
	e, err := lineage.New(ctx, lineage.NewMemoryStore(), lineage.Config{Poll: -1, Now: now})
	if err != nil {
		f.Fatal(err)
	}
	for _, batch := range batches {
		report, err := e.Ingest(ctx, batch...)
		if err != nil {
			f.Fatal(err)
		}
		for _, r := range report.Results {
			if r.Err != nil {
				f.Fatal(r.Err)
			}
		}
	}
	done(e)
	if err := e.Close(ctx); err != nil {
		f.Fatal(err)
	}
}

func viewOf(ctx context.Context, f fails, e *lineage.Engine, at lineage.At) *lineage.View {
	f.Helper()
	v, err := e.View(ctx, at)
	if err != nil {
		f.Fatal(err)
	}
	return v
}

// drawn returns the edges of some layers as text draws them, without the job.
func drawn(v *lineage.View, layers ...lineage.Layer) []string {
	out := []string{}
	for x := range v.Edges() {
		if slices.Contains(layers, x.Layer) {
			out = append(out, text(lineage.EdgeFact{From: x.From, To: x.To, Kinds: x.Kinds}))
		}
	}
	slices.Sort(out)
	return out
}

// forever is a window of all times.
func forever() lineage.At {
	return lineage.At{Until: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// The nine events of a Spark session that makes two tables and joins them into a third
// come to the same end in any order, in batches of any size, and some of them twice.
// Invariant: lineage 1.
func TestColumnScenarioEndsTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	events := decoded(t, "consumer_scenarios/CLL/events/*.json")
	var want string
	atEngine(t.Context(), t, [][]lineage.Event{events}, func(e *lineage.Engine) {
		want = lineagetest.Dump(viewOf(t.Context(), t, e, forever()))
		checkColumnScenario(t, viewOf(t.Context(), t, e, lineage.At{}))
	})
	anyOrder(t, events, want)
}

// anyOrder hands events to engines in any order, in batches of any size and one of them
// twice, and wants the same dump of all times.
func anyOrder(t *testing.T, events []lineage.Event, want string) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		order := rapid.Permutation(append(slices.Clone(events), events[rapid.IntRange(0, len(events)-1).Draw(rt, "twice")])).Draw(rt, "order")
		var batches [][]lineage.Event
		for len(order) > 0 {
			n := rapid.IntRange(1, len(order)).Draw(rt, "batch")
			batches, order = append(batches, order[:n]), order[n:]
		}
		atEngine(t.Context(), rt, batches, func(e *lineage.Engine) {
			if got := lineagetest.Dump(viewOf(t.Context(), rt, e, forever())); got != want {
				rt.Fatalf("(-want +got)\n%s", cmp.Diff(want, got))
			}
		})
	})
}

// The events of all files together come to the same end in any order. Fragments share run
// IDs and times that were filled in, so that much of it happens at one instant.
// Invariant: lineage 1.
func TestAllThirdPartyEventsEndTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	var events []lineage.Event
	for _, s := range corpus(t) {
		e, _, err := openlineage.Decode(s.data, openlineage.Config{})
		if err != nil {
			t.Fatal(s.file, err)
		}
		events = append(events, e)
	}
	atEngine(t.Context(), t, [][]lineage.Event{events}, func(e *lineage.Engine) {
		anyOrder(t, events, lineagetest.Dump(viewOf(t.Context(), t, e, forever())))
		t.Logf("%d events: %d nodes, %d stretches", len(events), e.Status().Nodes, e.Status().Edges)
	})
}

func checkColumnScenario(t *testing.T, v *lineage.View) {
	t.Helper()
	columns := []string{
		"tbl1 <- cll_source1.a INDIRECT/FILTER INDIRECT/GROUP_BY INDIRECT/JOIN",
		"tbl1 <- cll_source1.b INDIRECT/GROUP_BY",
		"tbl1 <- cll_source2.a INDIRECT/FILTER INDIRECT/JOIN",
		"tbl1.agg <- cll_source2.c DIRECT/AGGREGATION",
		"tbl1.ident <- cll_source1.a DIRECT/IDENTITY",
		"tbl1.trans <- cll_source1.b DIRECT/TRANSFORMATION",
	}
	if d := cmp.Diff(columns, drawn(v, lineage.ColumnLayer)); d != "" {
		t.Errorf("columns (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"tbl1 <- cll_source1", "tbl1 <- cll_source2"}, drawn(v, lineage.DatasetLayer)); d != "" {
		t.Errorf("datasets (-want +got)\n%s", d)
	}
	const job = "job open_lineage_integration_create_table."
	jobs := []string{
		"cll_source1 <- " + job + "execute_create_table_command.cll_test_cll_source1",
		"cll_source2 <- " + job + "execute_create_table_command.cll_test_cll_source2",
		job + "execute_create_hive_table_as_select_command.default_tbl1 <- cll_source1",
		job + "execute_create_hive_table_as_select_command.default_tbl1 <- cll_source2",
		"tbl1 <- " + job + "execute_create_hive_table_as_select_command.default_tbl1",
	}
	if d := cmp.Diff(jobs, drawn(v, lineage.JobLayer)); d != "" {
		t.Errorf("jobs (-want +got)\n%s", d)
	}
	ended := time.Date(2024, 8, 6, 13, 26, 54, 340_000_000, time.UTC)
	for x := range v.Edges() {
		if x.Layer != lineage.JobLayer && (!x.ValidFrom.Equal(ended) || !x.ValidTo.IsZero()) {
			t.Errorf("%s > %s is valid from %s to %s, want from the end of the run on", x.From, x.To, x.ValidFrom, x.ValidTo)
		}
	}
	checkColumnAnswers(t, v)
}

// checkColumnAnswers asks the questions that the scenario is there for, by the tables'
// paths and by their names in the catalogue.
func checkColumnAnswers(t *testing.T, v *lineage.View) {
	t.Helper()
	for column, want := range map[string]string{
		"ident": "cll_source1.a cll_source1.b cll_source2.a",
		"trans": "cll_source1.a cll_source1.b cll_source2.a",
		"agg":   "cll_source1.a cll_source1.b cll_source2.a cll_source2.c",
	} {
		for _, tbl := range []lineage.DatasetRef{{Namespace: "file", Name: "/tmp/cll_test/tbl1"}, {Namespace: "file:/tmp/cll_test", Name: "default.tbl1"}} {
			s, err := v.Upstream(t.Context(), tbl.Column(column), lineage.Query{})
			if err != nil {
				t.Error(err)
				continue
			}
			var got []string
			for _, x := range s.Edges {
				got = append(got, strings.TrimPrefix(x.From.Name, "/tmp/cll_test/")+"."+x.From.Field)
			}
			slices.Sort(got)
			if got := strings.Join(slices.Compact(got), " "); got != want {
				t.Errorf("upstream of %s: %s, want %s", tbl.Column(column), got, want)
			}
		}
	}
}

// primary returns the name under which a dataset is shown.
func primary(d lineage.DatasetFact) lineage.DatasetRef {
	return slices.MinFunc(append([]lineage.DatasetRef{d.Ref}, d.Aliases...), lineage.DatasetRef.Compare)
}

// product is the edges of inputs x outputs, as drawn draws them.
func product(e lineage.Event) []string {
	want := []string{}
	for _, out := range e.Outputs {
		for _, in := range e.Inputs {
			want = append(want, text(lineage.EdgeFact{From: primary(in).Node(), To: primary(out).Node()}))
		}
	}
	slices.Sort(want)
	return want
}

// later is an event of the same run that names no datasets.
func later(e lineage.Event, typ lineage.EventType, by time.Duration) lineage.Event {
	e.Time, e.Inputs, e.Outputs = e.Time.Add(by), nil, nil
	e.Run = &lineage.RunFact{ID: e.Run.ID, Type: typ}
	return e
}

// startsOfFlink returns the events that start a run, of streams or of others.
func startsOfFlink(t *testing.T, streams bool) []lineage.Event {
	t.Helper()
	events := slices.DeleteFunc(decoded(t, "flink/*/*.json"), func(e lineage.Event) bool {
		return e.Run.Type != lineage.Start || (e.Job.Processing == lineage.Streaming) != streams
	})
	if len(events) == 0 {
		t.Skip("no file starts such a run")
	}
	return events
}

// A stream tells its lists when it starts, and may run for years.
func TestAFlinkStreamHasEdgesWhileItRuns(t *testing.T) {
	t.Parallel()
	for _, start := range startsOfFlink(t, true) {
		checkpoint, end := later(start, lineage.Running, time.Minute), later(start, lineage.Complete, time.Hour)
		for _, batches := range [][][]lineage.Event{{{start}}, {{checkpoint}, {start}}, {{end, checkpoint}, {start}}} {
			atEngine(t.Context(), t, batches, func(e *lineage.Engine) {
				v := viewOf(t.Context(), t, e, lineage.At{})
				if d := cmp.Diff(product(start), drawn(v, lineage.DatasetLayer)); d != "" {
					t.Errorf("%s (-want +got)\n%s", start.Job.Ref.Name, d)
				}
				for x := range v.Edges() {
					if !x.ValidFrom.Equal(start.Time) || !x.ValidTo.IsZero() {
						t.Errorf("%s: %s > %s valid from %s to %s, want since the start", start.Job.Ref.Name, x.From, x.To, x.ValidFrom, x.ValidTo)
					}
				}
			})
		}
	}
}

func TestAFlinkJobThatIsNoStreamHasEdgesWhenItHasEnded(t *testing.T) {
	t.Parallel()
	for _, start := range startsOfFlink(t, false) {
		atEngine(t.Context(), t, [][]lineage.Event{{start}}, func(e *lineage.Engine) {
			if got := drawn(viewOf(t.Context(), t, e, lineage.At{}), lineage.DatasetLayer); len(got) > 0 {
				t.Errorf("%s has %q while it runs", start.Job.Ref.Name, got)
			}
		})
		atEngine(t.Context(), t, [][]lineage.Event{{later(start, lineage.Complete, time.Hour)}, {start}}, func(e *lineage.Engine) {
			if d := cmp.Diff(product(start), drawn(viewOf(t.Context(), t, e, lineage.At{}), lineage.DatasetLayer)); d != "" {
				t.Errorf("%s (-want +got)\n%s", start.Job.Ref.Name, d)
			}
		})
	}
}

// wrote is a run of another job that copies a table.
func wrote(job, from, to string, at time.Time) lineage.Event {
	fact := func(name string) []lineage.DatasetFact {
		return []lineage.DatasetFact{{Ref: lineage.DatasetRef{Namespace: "file", Name: name}}}
	}
	e := lineage.Event{
		Time: at, Run: &lineage.RunFact{ID: fmt.Sprint(job, at.Unix()), Type: lineage.Complete},
		Job: &lineage.JobFact{Ref: lineage.JobRef{Namespace: "etl", Name: job}}, Inputs: fact(from), Outputs: fact(to),
	}
	out := &e.Outputs[0]
	out.States = lineage.ColumnEdges
	out.Edges = []lineage.EdgeFact{{From: e.Inputs[0].Ref.Column("a"), To: out.Ref.Column("a")}}
	return e
}

// orders calls f with all orders of the events, one by one.
func orders(events []lineage.Event, f func(batches [][]lineage.Event)) {
	var rest func(done, left []lineage.Event)
	rest = func(done, left []lineage.Event) {
		if len(left) == 0 {
			var batches [][]lineage.Event
			for _, e := range done {
				batches = append(batches, []lineage.Event{e})
			}
			f(batches)
		}
		for i := range left {
			rest(append(slices.Clone(done), left[i]), slices.Delete(slices.Clone(left), i, i+1))
		}
	}
	rest(nil, events)
}

func TestATableThatSparkRenamedKeepsItsLineageUnderTheNewName(t *testing.T) {
	t.Parallel()
	const table = "/tmp/alter_test/alter_table_test"
	rename := decoded(t, "spark_expectations/container/pysparkAlterTableRenameEnd.json")[0]
	day := func(n int) time.Time { return rename.Time.AddDate(0, 0, n) }
	both := []string{"alter_table_test_new <- src", "alter_table_test_new.a <- src.a", "sink <- alter_table_test_new", "sink.a <- alter_table_test_new.a"}
	layers := []lineage.Layer{lineage.DatasetLayer, lineage.ColumnLayer}
	orders([]lineage.Event{wrote("load", "/src", table, day(-2)), wrote("read", table, "/sink", day(-1)), rename}, func(batches [][]lineage.Event) {
		atEngine(t.Context(), t, batches, func(e *lineage.Engine) {
			if d := cmp.Diff(both, drawn(viewOf(t.Context(), t, e, lineage.At{}), layers...)); d != "" {
				t.Errorf("renamed (-want +got)\n%s", d)
			}
			old := []string{"alter_table_test <- src", "alter_table_test.a <- src.a", "sink <- alter_table_test", "sink.a <- alter_table_test.a"}
			if d := cmp.Diff(old, drawn(viewOf(t.Context(), t, e, lineage.At{Time: day(0).Add(-time.Second)}), layers...)); d != "" {
				t.Errorf("before (-want +got)\n%s", d)
			}
		})
	})
	// A table that takes the old name starts clean, and leaves the reader of the new one.
	events := []lineage.Event{wrote("load", "/src", table, day(-2)), wrote("read", table, "/sink", day(-1)), rename, wrote("other", "/new", table, day(1))}
	orders(events, func(batches [][]lineage.Event) {
		atEngine(t.Context(), t, batches, func(e *lineage.Engine) {
			want := append([]string{"alter_table_test <- new", "alter_table_test.a <- new.a"}, both...)
			slices.Sort(want)
			if d := cmp.Diff(want, drawn(viewOf(t.Context(), t, e, lineage.At{}), layers...)); d != "" {
				t.Errorf("the old name in use again (-want +got)\n%s", d)
			}
		})
	})
}

func TestATableThatSparkDroppedHasNoLineage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, table string }{
		{"pysparkDropTableEvent.json", "/tmp/drop_test/drop_table_test"},
		{"pysparkV2DropTable*Event.json", "/tmp/iceberg/default/iceberg_drop_table_test"},
	} {
		drops := decoded(t, "spark_expectations/container/"+c.file)
		day := func(n int) time.Time { return drops[0].Time.AddDate(0, 0, n) }
		events := append(slices.Clone(drops), wrote("load", "/src", c.table, day(-2)), wrote("read", c.table, "/sink", day(-1)))
		layers := []lineage.Layer{lineage.DatasetLayer, lineage.ColumnLayer}
		orders(events, func(batches [][]lineage.Event) {
			atEngine(t.Context(), t, batches, func(e *lineage.Engine) {
				if got := drawn(viewOf(t.Context(), t, e, lineage.At{}), layers...); len(got) > 0 {
					t.Errorf("%s: after the drop there is %q", c.file, got)
				}
				if got := drawn(viewOf(t.Context(), t, e, lineage.At{Time: day(0).Add(-time.Second)}), layers...); len(got) != 4 {
					t.Errorf("%s: before the drop there is %q", c.file, got)
				}
			})
		})
		again := wrote("load", "/src", c.table, day(1))
		atEngine(t.Context(), t, [][]lineage.Event{events, {again}}, func(e *lineage.Engine) {
			if got := drawn(viewOf(t.Context(), t, e, lineage.At{}), layers...); len(got) != 2 {
				t.Errorf("%s: after it was made again there is %q, want what was loaded", c.file, got)
			}
		})
	}
}

// Spark drops a path, and says by which name the catalogue has it.
func TestATableThatSparkDroppedIsGoneFromTheCatalogue(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"pysparkDropTableEvent.json", "pysparkV2DropTableCompleteEvent.json"} {
		drop := decoded(t, "spark_expectations/container/"+file)[0]
		aliases := drop.Outputs[0].Aliases
		if len(aliases) == 0 {
			t.Fatalf("%s names no alias", file)
		}
		read := wrote("read", "/src", "/sink", drop.Time.AddDate(0, 0, -1))
		read.Inputs[0].Ref, read.Outputs[0].Edges[0].From = aliases[0], aliases[0].Column("a")
		orders([]lineage.Event{drop, read}, func(batches [][]lineage.Event) {
			atEngine(t.Context(), t, batches, func(e *lineage.Engine) {
				if got := drawn(viewOf(t.Context(), t, e, lineage.At{}), lineage.DatasetLayer, lineage.ColumnLayer); len(got) > 0 {
					t.Errorf("%s: after the drop there is %q", file, got)
				}
				if got := drawn(viewOf(t.Context(), t, e, lineage.At{Time: read.Time}), lineage.DatasetLayer, lineage.ColumnLayer); len(got) != 2 {
					t.Errorf("%s: before the drop there is %q", file, got)
				}
			})
		})
	}
}

// A run that drops a table has not dropped it before it is complete.
func TestADropThatHasOnlyStartedEndsNothing(t *testing.T) {
	t.Parallel()
	start := decoded(t, "spark_expectations/container/pysparkV2DropTableStartEvent.json")[0]
	load := wrote("load", "/src", start.Outputs[0].Ref.Name, start.Time.AddDate(0, 0, -1))
	atEngine(t.Context(), t, [][]lineage.Event{{start, load}}, func(e *lineage.Engine) {
		if got := drawn(viewOf(t.Context(), t, e, lineage.At{}), lineage.DatasetLayer); len(got) != 1 {
			t.Errorf("got %q", got)
		}
	})
}
