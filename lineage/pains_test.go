package lineage_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
)

// Each test in this file is something that users of other lineage systems reported; the
// comment says where.

// fields makes a run state the columns of its first output.
func fields(e lineage.Event, columns ...string) lineage.Event {
	d := &e.Outputs[0]
	d.States |= lineage.Schema
	for _, c := range columns {
		d.Fields = append(d.Fields, lineage.Field{Path: c})
	}
	return e
}

// shown returns the edges of a layer in a view of now, as "from > to (job)".
func shown(t *testing.T, e *lineage.Engine, layer lineage.Layer) string {
	t.Helper()
	v, err := e.View(t.Context(), lineage.At{})
	if err != nil {
		t.Fatal(err)
	}
	return lines(layerOf(v, layer))
}

func layerOf(v *lineage.View, layer lineage.Layer) []lineage.Edge {
	var out []lineage.Edge
	for x := range v.Edges() {
		if x.Layer == layer {
			out = append(out, x)
		}
	}
	return out
}

// OpenMetadata#21536.
func TestColumnsThatAreGoneLoseTheirEdges(t *testing.T) {
	t.Parallel()
	e := engine(t, fields(did("view", 1, "src.NAME > v.NAME IDENTITY", "src.AGE > v.AGE IDENTITY"), "NAME", "AGE"),
		did("report", 1, "v.NAME > r.who IDENTITY", "v.AGE > r.age IDENTITY"))
	// The view is defined anew: one column is gone, the other is spelled differently.
	ingest(t, e, fields(did("view", 2, "src.NAME > v.name IDENTITY"), "name"))
	if got, want := shown(t, e, lineage.ColumnLayer), "src.NAME > v.name (view)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The catalogue alone says that a column is gone, and no job has run since.
func TestAColumnThatTheCatalogueNoLongerHasLosesItsEdges(t *testing.T) {
	t.Parallel()
	e := engine(t, schema(0, "v", "name", "age"), did("view", 1, "src.n > v.name", "src.a > v.age"), did("report", 1, "v.age > r.age"))
	ingest(t, e, schema(2, "v", "name"))
	if got, want := shown(t, e, lineage.ColumnLayer), "src.n > v.name (view)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// OpenMetadata#23184.
func TestAModelThatChangedItsSourceLosesTheOldOne(t *testing.T) {
	t.Parallel()
	e := engine(t, did("dbt", 1, "raw.a > model.a", "old.b > model.b"))
	ingest(t, e, did("dbt", 2, "raw.a > model.a", "new.b > model.b"))
	if got, want := shown(t, e, lineage.DatasetLayer), "new > model (dbt), raw > model (dbt)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := shown(t, e, lineage.ColumnLayer), "new.b > model.b (dbt), raw.a > model.a (dbt)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// OpenMetadata#23815: looking back over a year of queries brings dropped and renamed
// tables back.
func TestReadingAYearOfHistoryAgainRevivesNothing(t *testing.T) {
	t.Parallel()
	dropped, renamed := did("drop", 200, "+ gone"), did("rename", 200, "+ new")
	dropped.Outputs[0].Lifecycle = lineage.Lifecycle{Change: lineage.Dropped}
	renamed.Outputs[0].Lifecycle = lineage.Lifecycle{Change: lineage.Renamed, From: node("old").Dataset()}
	var year []lineage.Event
	for day := range 100 {
		year = append(year, did("etl", day, "a > gone", "a > old", "a > kept"))
	}
	// The last known state comes first, and the look-back afterwards.
	e := engine(t, dropped, renamed)
	for range 2 {
		ingest(t, e, year...)
		if got, want := shown(t, e, lineage.DatasetLayer), "a > kept (etl), a > new (etl)"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	v, err := e.View(t.Context(), lineage.At{Time: date(150)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lines(layerOf(v, lineage.DatasetLayer)), "a > gone (etl), a > kept (etl), a > old (etl)"; got != want {
		t.Errorf("in the middle of the year: got %s, want %s", got, want)
	}
}

// DataHub#4230.
func TestAPipelineThatWasRearrangedLosesItsOldEdges(t *testing.T) {
	t.Parallel()
	var chain, group []lineage.Event
	for i, from := range []string{"d0", "d1", "d2", "d3", "d4"} {
		chain = append(chain, did(fmt.Sprint("t", i+1), 1, fmt.Sprintf("%s > d%d", from, i+1)))
	}
	for i, from := range []string{"d0", "d1", "d1", "d1"} {
		group = append(group, did(fmt.Sprint("t", i+1), 2, fmt.Sprintf("%s > d%d", from, i+1)))
	}
	group = append(group, did("t5", 2, "d2 > d5", "d3 > d5", "d4 > d5"))
	e := engine(t, chain...)
	ingest(t, e, group...)
	want := "d0 > d1 (t1), d1 > d2 (t2), d1 > d3 (t3), d1 > d4 (t4), d2 > d5 (t5), d3 > d5 (t5), d4 > d5 (t5)"
	if got := shown(t, e, lineage.DatasetLayer); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := strings.Count(shown(t, e, lineage.JobLayer), ">"); got != 5+7 {
		t.Errorf("%d edges of jobs, want the 7 read and 5 written: %s", got, shown(t, e, lineage.JobLayer))
	}
}

// A job that is gone for good leaves no event behind that says so: a person does.
func TestARetiredJobLosesItsEdges(t *testing.T) {
	t.Parallel()
	e := engine(t, did("old", 1, "a > x"), did("new", 1, "b > x"))
	ingest(t, e, lineage.Event{Time: date(2), Origin: lineage.Manual, Job: &lineage.JobFact{Ref: node("(old)").Job(), Retired: true}})
	if got, want := shown(t, e, lineage.DatasetLayer), "b > x (new)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// DataHub#18636: a cache went on answering with what was removed.
func TestWhatWasRemovedIsGoneAtTheNextRead(t *testing.T) {
	t.Parallel()
	e := engine(t)
	for day := range 20 {
		event, want := did("j", day, "a.x > b.x IDENTITY", "a.y > b.y IDENTITY"), "b.x/1 b.y/1"
		if day%2 == 1 {
			event.Outputs[0].Edges, want = nil, "" // stated: there is none
		}
		ingest(t, e, event)
		v, err := e.View(t.Context(), lineage.At{})
		if err != nil {
			t.Fatal(err)
		}
		if got := steps(t, v, "a", lineage.Query{Level: lineage.ColumnLevel}); got != want {
			t.Fatalf("day %d: got %q, want %q", day, got, want)
		}
	}
}

// OpenMetadata#15062.
func TestColumnEdgesDoNotOverwriteThoseOfJobs(t *testing.T) {
	t.Parallel()
	parsed := did("query", 2, "a.x > b.x IDENTITY")
	parsed.Origin, parsed.Run, parsed.Inputs = lineage.SQL, nil, nil
	e := engine(t, did("dag", 1, "a > b"))
	before := shown(t, e, lineage.JobLayer)
	ingest(t, e, parsed)
	if got := shown(t, e, lineage.JobLayer); !strings.Contains(got, before) {
		t.Errorf("got %s, want all of %s", got, before)
	}
	if got, want := shown(t, e, lineage.ColumnLayer), "a.x > b.x (query)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// marquez#1519, marquez#2117.
func TestTheGraphIsSeenAsOfATimestamp(t *testing.T) {
	t.Parallel()
	e := engine(t,
		did("load", 10, "a.x > b.x IDENTITY"), did("load", 20, "a.y > b.x IDENTITY"), did("load", 30, "c.z > b.x IDENTITY"),
		did("report", 15, "b.x > r.n AGGREGATION"))
	for _, c := range []struct {
		day  int
		want string
	}{{9, ""}, {10, "a.x/1"}, {19, "a.x/1"}, {20, "a.y/1"}, {29, "a.y/1"}, {30, "c.z/1"}, {999, "c.z/1"}} {
		v, err := e.View(t.Context(), lineage.At{Time: date(c.day)})
		if err != nil {
			t.Fatal(err)
		}
		if got := steps(t, v, "b.x", lineage.Query{Direction: lineage.Upstream}); got != c.want {
			t.Errorf("day %d: upstream %q, want %q", c.day, got, c.want)
		}
		wantDown := ""
		if c.day >= 15 {
			wantDown = "r.n/1"
		}
		if got := steps(t, v, "b.x", lineage.Query{}); got != wantDown {
			t.Errorf("day %d: downstream %q, want %q", c.day, got, wantDown)
		}
	}
	v, err := e.View(t.Context(), lineage.At{Time: date(12), Until: date(25)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := steps(t, v, "b.x", lineage.Query{Direction: lineage.Upstream}), "a.x/1 a.y/1"; got != want {
		t.Errorf("from day 12 to 25: %q, want %q", got, want)
	}
}

// marquez#2738: two runs, then an event that says that their inputs are one dataset.
func TestASymlinkThatComesLateMergesTheLineage(t *testing.T) {
	t.Parallel()
	e := engine(t, did("job1", 1, "input1 > output1"), did("job2", 2, "input2 > output2"))
	ingest(t, e, alias(3, "input1", "input2"))
	for _, at := range []lineage.At{{}, {Time: date(2)}} {
		v, err := e.View(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"input1", "input2"} {
			if got, want := steps(t, v, name, lineage.Query{}), "output1/1 output2/1"; got != want {
				t.Errorf("%v: downstream of %s is %q, want %q", at, name, got, want)
			}
		}
	}
	ingest(t, e, alias(4, "input1"))
	v, err := e.View(t.Context(), lineage.At{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := steps(t, v, "input1", lineage.Query{}), "output1/1"; got != want {
		t.Errorf("undone: downstream of input1 is %q, want %q", got, want)
	}
}

// OpenMetadata#28360: the columns name a table by the symlink, its other facets do not.
func TestColumnsThatNameAnAliasMeetTheirTable(t *testing.T) {
	t.Parallel()
	ingest := did("ingest", 1, "raw.id > s3.id IDENTITY")
	ingest.Outputs[0].States |= lineage.Symlinks
	ingest.Outputs[0].Aliases = []lineage.DatasetRef{node("glue").Dataset()}
	// The input is s3, and its columns are those of glue.
	serve := did("serve", 2, "s3 > report", "glue.id > report.n AGGREGATION")
	serve.Inputs = slices.DeleteFunc(serve.Inputs, func(d lineage.DatasetFact) bool { return d.Ref.Name == "glue" })
	v := view(t, lineage.At{}, ingest, serve)
	up, err := v.Upstream(t.Context(), node("report.n"), lineage.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lines(up.Edges), "glue.id > report.n (serve), raw.id > glue.id (ingest)"; got != want || len(up.Blind) != 0 {
		t.Errorf("got %s, blind %q, want %s", got, names(up.Blind), want)
	}
	for _, alias := range []string{"s3.id", "glue.id"} {
		if got, want := steps(t, v, alias, lineage.Query{}), "report.n/1"; got != want {
			t.Errorf("downstream of %s: %q, want %q", alias, got, want)
		}
	}
}

// marquez#2176, marquez#2289.
func TestAJobThatRunsTwiceGivesEachEdgeOnce(t *testing.T) {
	t.Parallel()
	e := engine(t, did("j", 1, "a.x > b.x IDENTITY"), did("j", 2, "a.x > b.x IDENTITY"), did("j", 2, "a.x > b.x IDENTITY"))
	for _, at := range []lineage.At{{}, {Until: date(999)}} {
		v, err := e.View(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		var got []lineage.Edge
		for x := range v.Edges() {
			got = append(got, x)
		}
		if want := "a > b (j), a > (j) (j), a.x > b.x (j), (j) > b (j)"; lines(got) != want {
			t.Errorf("%v: got %s, want %s", at, lines(got), want)
		}
		if x := layerOf(v, lineage.ColumnLayer)[0]; !x.ValidFrom.Equal(date(1)) || !x.LastSeen.Equal(date(2)) || !x.ValidTo.IsZero() {
			t.Errorf("valid from %s, last seen %s: want the first and the second run", x.ValidFrom, x.LastSeen)
		}
	}
}

// marquez#3082, marquez#3112: each run made a version of its own.
func TestRunsThatSayTheSameLeaveTheStateAsItIs(t *testing.T) {
	t.Parallel()
	run := func(day int) lineage.Event {
		return fields(did("hourly", day, "a.x > b.x IDENTITY", "a.y > b.y IDENTITY"), "x", "y")
	}
	e := engine(t, run(0))
	before := e.Status()
	for day := 1; day <= 500; day++ {
		ingest(t, e, run(day))
	}
	after := e.Status()
	if after.Edges != before.Edges || after.Nodes != before.Nodes || after.Records != before.Records+500 {
		t.Errorf("500 runs more made %+v of %+v", after, before)
	}
	d := lineage.Diff(viewAt(t, e, 1), viewAt(t, e, 499), lineage.Query{})
	if !d.Empty() {
		t.Errorf("equal runs differ: %+v", d)
	}
}

func viewAt(t *testing.T, e *lineage.Engine, day int) *lineage.View {
	t.Helper()
	v, err := e.View(t.Context(), lineage.At{Time: date(day)})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A countingStore counts what is read of it.
type countingStore struct {
	lineage.Store
	calls, records atomic.Int64
}

func (s *countingStore) Records(ctx context.Context, after lineage.Cursor) iter.Seq2[lineage.Record, error] {
	return s.counted(s.Store.Records(ctx, after))
}

func (s *countingStore) Runs(ctx context.Context, q lineage.RunQuery) iter.Seq2[lineage.Record, error] {
	return s.counted(s.Store.Runs(ctx, q))
}

func (s *countingStore) Record(ctx context.Context, id lineage.RecordID) (lineage.Record, error) {
	s.calls.Add(1)
	return s.Store.Record(ctx, id)
}

func (s *countingStore) counted(seq iter.Seq2[lineage.Record, error]) iter.Seq2[lineage.Record, error] {
	s.calls.Add(1)
	return func(yield func(lineage.Record, error) bool) {
		for r, err := range seq {
			s.records.Add(1)
			if !yield(r, err) {
				return
			}
		}
	}
}

// marquez#2987: with 6,000 jobs, asking for one became slow. What a question about one
// job costs does not depend on how many others there are.
func TestSixThousandJobsDoNotSlowAQuestionAboutOne(t *testing.T) { //nolint:paralleltest // AllocsPerRun must be alone
	cost := func(jobs int) (edges int, walk float64, v *lineage.View) {
		var events []lineage.Event
		for i := range jobs {
			events = append(events, did(fmt.Sprint("j", i), 1, fmt.Sprintf("in%d.x > out%d.x IDENTITY", i, i)), did(fmt.Sprint("k", i), 1, fmt.Sprintf("out%d.x > end%d.x IDENTITY", i, i)))
		}
		v = view(t, lineage.At{}, events...)
		start := node("in5.x")
		walk = testing.AllocsPerRun(10, func() {
			s, err := v.Walk(t.Context(), start, lineage.Query{}, func(lineage.Step) bool { return true })
			if err != nil || s.Nodes != 2 {
				t.Errorf("%+v, %v", s, err)
			}
			edges = s.Edges
		})
		return edges, walk, v
	}
	few, fewAllocs, _ := cost(6)
	many, manyAllocs, v := cost(3000)
	const lost = 4 // what a pool lets go of now and then has to be made again
	if few != many || manyAllocs > fewAllocs+lost {
		t.Errorf("a walk follows %d edges and allocates %.0f times among 6,000 jobs, %d and %.0f among 12", many, manyAllocs, few, fewAllocs)
	}
	jobs := 0
	for n := range v.Nodes() {
		if n.ID.Kind == lineage.JobNode {
			jobs++
		}
	}
	if jobs != 6000 || len(v.Find("j2999", 10)) != 1 {
		t.Errorf("%d jobs, %v", jobs, v.Find("j2999", 10))
	}
}

// OpenMetadata#19094, OpenMetadata#26112.
func TestSelfLoopsHideNothingAndEnd(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("load", 1, "src.x > t.x IDENTITY"), did("merge", 2, "t.x > t.x IDENTITY", "t.x > t.y TRANSFORMATION"),
		did("there", 3, "t.y > u.y IDENTITY"), did("back", 4, "u.y > t.z IDENTITY"), did("out", 5, "t.z > end.z IDENTITY"))
	for _, c := range []struct {
		from string
		q    lineage.Query
		want string
	}{
		{"src.x", lineage.Query{}, "t.x/1 t.y/2 u.y/3 t.z/4 end.z/5"},
		{"t.x", lineage.Query{Direction: lineage.Upstream}, "src.x/1"},
		{"src", lineage.Query{}, "t/1 end/2 u/2"},
		{"src", lineage.Query{Level: lineage.JobLevel}, "(load)/1 t/2 (merge)/3 (out)/3 (there)/3 end/4 u/4 (back)/5"},
		{"end", lineage.Query{Direction: lineage.Upstream}, "t/1 src/2 u/2"},
	} {
		got, want := strings.Fields(steps(t, v, c.from, c.q)), strings.Fields(c.want)
		slices.Sort(got)
		slices.Sort(want)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s %+v (-want +got)\n%s", c.from, c.q, d)
		}
	}
	up, err := v.Upstream(t.Context(), node("t.x"), lineage.Query{Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lines(up.Edges), "src.x > t.x (load), t.x > t.x (merge)"; got != want {
		t.Errorf("the loop is an edge: got %s, want %s", got, want)
	}
	var cycles []string
	for ids, err := range v.Cycles(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		cycles = append(cycles, names(ids))
	}
	if d := cmp.Diff([]string{"t u"}, cycles); d != "" {
		t.Errorf("cycles (-want +got)\n%s", d)
	}
}

// OpenMetadata#16400: a classification follows the data, and masking ends what is in
// clear, but not what can be inferred.
func TestPersonalDataIsFollowedUntilItIsMasked(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "users.mail > stage.mail IDENTITY", "users.mail > stage.token TRANSFORMATION!"),
		did("k", 2, "stage.mail > mart.contact TRANSFORMATION", "stage.token > mart.key IDENTITY", "stage.mail > mart FILTER"),
		did("l", 3, "mart.key > report.n AGGREGATION", "mart.contact > public.hash IDENTITY!"))
	r, err := v.Reach(t.Context(), []lineage.Labelled{{Node: node("users.mail"), Label: "pii"}}, lineage.ReachQuery{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, a := range r.Arrivals {
		got[name(a.Node)] = a.Exposure.String()
	}
	want := map[string]string{
		"stage.mail": "clear", "stage.token": "masked", "mart.contact": "clear", "mart.key": "masked", "mart": "inferred",
		"report.n": "masked", "public.hash": "masked",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// OpenMetadata#21568: depth 1 showed two levels.
func TestDepthOneIsTheNeighboursAndNoMore(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.x > b.x"), did("k", 2, "b.x > c.x"), did("l", 3, "c.x > d.x"))
	for _, c := range []struct {
		from string
		q    lineage.Query
		want string
	}{
		{"b", lineage.Query{}, "c/1"},
		{"b", lineage.Query{Direction: lineage.Upstream}, "a/1"},
		{"b.x", lineage.Query{}, "c.x/1"},
		{"b.x", lineage.Query{Direction: lineage.Upstream}, "a.x/1"},
		{"b", lineage.Query{Level: lineage.JobLevel}, "(k)/1"},
	} {
		c.q.Depth = 1
		if got := steps(t, v, c.from, c.q); got != c.want {
			t.Errorf("%s %+v: got %q, want %q", c.from, c.q, got, c.want)
		}
	}
	s, err := v.Downstream(t.Context(), node("a.x"), lineage.Query{Depth: 2})
	if err != nil || lines(s.Edges) != "a.x > b.x (j), b.x > c.x (k)" || s.Partial != (lineage.Partial{}) {
		t.Errorf("depth 2: %s, %+v, %v; a depth that was asked for is no cut", lines(s.Edges), s.Partial, err)
	}
}

// DataHub#15198, DataHub#19799: an answer that was cut looked complete.
func TestACutAnswerSaysThatItIsPartial(t *testing.T) {
	t.Parallel()
	var wide []string
	for i := range 50 {
		wide = append(wide, fmt.Sprintf("a.x > b.c%02d IDENTITY", i))
	}
	v := view(t, lineage.At{}, did("j", 1, wide...))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	source := []lineage.Labelled{{Node: node("a.x"), Label: "pii"}}
	change := []lineage.Change{{Kind: lineage.Redefine, Node: node("a.x")}}
	for _, c := range []struct {
		ctx    context.Context //nolint:containedctx // a column of the table
		q      lineage.Query
		reason string
		err    error
	}{
		{t.Context(), lineage.Query{}, "", nil},
		{t.Context(), lineage.Query{MaxNodes: 50}, "", nil},
		{t.Context(), lineage.Query{MaxNodes: 49}, "nodes", nil},
		{t.Context(), lineage.Query{MaxEdges: 10}, "edges", nil},
		{gone, lineage.Query{}, "context", context.Canceled},
	} {
		sub, err := v.Downstream(c.ctx, node("a.x"), c.q)
		check := func(what string, p lineage.Partial, err error) {
			t.Helper()
			if p.Reason != c.reason || !errors.Is(err, c.err) {
				t.Errorf("%s, %+v: %+v, %v; want %q, %v", what, c.q, p, err, c.reason, c.err)
			}
		}
		check("downstream", sub.Partial, err)
		stats, err := v.Walk(c.ctx, node("a.x"), c.q, func(lineage.Step) bool { return true })
		check("walk", stats.Partial, err)
		reach, err := v.Reach(c.ctx, source, lineage.ReachQuery{Query: c.q})
		check("reach", reach.Partial, err)
		impact, err := v.Impact(c.ctx, change, c.q)
		check("impact", impact.Partial, err)
	}
}

// DataHub#19528: a node that is not there was looked for until a time-out.
func TestAnUnknownNodeIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	store := &countingStore{Store: lineage.NewMemoryStore()}
	e, err := lineage.New(t.Context(), store, lineage.Config{Now: func() time.Time { return date(1000) }, Poll: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(t.Context()) }()
	for i := range 100 {
		ingest(t, e, did(fmt.Sprint("j", i), 1, fmt.Sprintf("d%d.x > d%d.x", i, i+1)))
	}
	read := store.calls.Load() + store.records.Load()
	v, err := e.View(t.Context(), lineage.At{})
	if err != nil {
		t.Fatal(err)
	}
	for _, unknown := range []string{"d101", "d1.y", "(k)", "D1.x"} {
		s, err := v.Walk(t.Context(), node(unknown), lineage.Query{}, func(lineage.Step) bool { return true })
		if !errors.Is(err, lineage.ErrNotFound) || s.Edges != 0 || !strings.Contains(err.Error(), node(unknown).String()) {
			t.Errorf("%s: %v after %d edges; want ErrNotFound with its name", unknown, err, s.Edges)
		}
	}
	if now := store.calls.Load() + store.records.Load(); now != read {
		t.Errorf("the questions read %d times from the store", now-read)
	}
}
