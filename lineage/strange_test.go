package lineage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
)

// Each test in this file is something that a stranger to the package tried.

// happened is a dataset event that drops a dataset, or renames one to it.
func happened(day int, dataset, from string) lineage.Event {
	d := lineage.DatasetFact{Ref: node(dataset).Dataset(), Lifecycle: lineage.Lifecycle{Change: lineage.Dropped}}
	if from != "" {
		d.Lifecycle = lineage.Lifecycle{Change: lineage.Renamed, From: node(from).Dataset()}
	}
	return lineage.Event{Time: date(day), Outputs: []lineage.DatasetFact{d}}
}

// permuted calls f with an engine for each order of the events.
func permuted(t *testing.T, events []lineage.Event, f func(e *lineage.Engine)) {
	t.Helper()
	var rest func(k int)
	rest = func(k int) {
		if k == len(events) {
			e := engine(t)
			for _, x := range events {
				ingest(t, e, x)
			}
			f(e)
			return
		}
		for i := k; i < len(events); i++ {
			events[k], events[i] = events[i], events[k]
			rest(k + 1)
			events[k], events[i] = events[i], events[k]
		}
	}
	rest(0)
}

// A catalogue names tables by their names, Spark drops them by their paths.
func TestATableIsDroppedUnderAllOfItsNames(t *testing.T) {
	t.Parallel()
	events := []lineage.Event{
		did("load", 1, "src.a > db_t.a"), did("read", 2, "db_t.a > sink.a"), alias(3, "path", "db_t"), happened(4, "path", ""),
	}
	permuted(t, events, func(e *lineage.Engine) {
		if got := shown(t, e, lineage.DatasetLayer) + shown(t, e, lineage.ColumnLayer); got != "" {
			t.Errorf("after the drop: %s", got)
		}
		if got, want := lines(layerOf(viewAt(t, e, 3), lineage.ColumnLayer)), "db_t.a > sink.a (read), src.a > db_t.a (load)"; got != want {
			t.Errorf("before: got %s, want %s", got, want)
		}
	})
}

func TestATableIsRenamedUnderAllOfItsNames(t *testing.T) {
	t.Parallel()
	events := []lineage.Event{did("load", 1, "src > db_t"), did("read", 2, "db_t > sink"), alias(3, "path", "db_t"), happened(4, "new", "path")}
	permuted(t, events, func(e *lineage.Engine) {
		if got, want := shown(t, e, lineage.DatasetLayer), "new > sink (read), src > new (load)"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	// A name that becomes the table's only name was one of its names before.
	events = []lineage.Event{did("load", 1, "src > a"), did("read", 2, "a > sink"), alias(3, "a", "b", "c"), happened(4, "b", "c")}
	permuted(t, events, func(e *lineage.Engine) {
		if got, want := shown(t, e, lineage.DatasetLayer), "a > sink (read), src > a (load)"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// A table that is gone has no schema, and its new name has the one of the old.
func TestASchemaEndsWithItsTable(t *testing.T) {
	t.Parallel()
	fields := func(e *lineage.Engine, day int, name string) string {
		for n := range viewAt(t, e, day).Nodes() {
			if n.ID == node(name) {
				return fmt.Sprint(n.Fields)
			}
		}
		return "none"
	}
	events := []lineage.Event{schema(1, "db_t", "a:int"), alias(1, "path", "db_t"), happened(2, "path", ""), schema(3, "db_t", "a:int")}
	permuted(t, events, func(e *lineage.Engine) {
		got := fields(e, 1, "db_t") + fields(e, 2, "db_t") + fields(e, 3, "db_t")
		if want := "[{a int}]none[{a int}]"; got != want {
			t.Errorf("dropped: got %s, want %s", got, want)
		}
	})
	// dbt's swap: the new table comes under the name of the old one.
	events = []lineage.Event{schema(1, "t", "a:int"), schema(2, "tmp", "a:text"), happened(3, "backup", "t"), happened(4, "t", "tmp")}
	permuted(t, events, func(e *lineage.Engine) {
		got := fields(e, 2, "t") + fields(e, 3, "t") + fields(e, 4, "t") + fields(e, 4, "tmp") + fields(e, 4, "backup")
		if want := "[{a int}]none[{a text}]none[{a int}]"; got != want {
			t.Errorf("swapped: got %s, want %s", got, want)
		}
	})
}

// Two names of one table are exchanged: the schema is no newer than it was, and a third name's
// is told.
func TestASchemaThatComesBackAtOnceIsNoNewer(t *testing.T) {
	t.Parallel()
	a, b, c := node("a").Dataset(), node("b").Dataset(), node("c").Dataset()
	swap := lineage.Event{Time: date(3), Outputs: []lineage.DatasetFact{
		{Ref: a, Lifecycle: lineage.Lifecycle{Change: lineage.Renamed, From: b}},
		{Ref: b, Lifecycle: lineage.Lifecycle{Change: lineage.Renamed, From: a}},
		{Ref: c, States: lineage.Schema | lineage.Symlinks, Aliases: []lineage.DatasetRef{b}},
	}}
	events := []lineage.Event{alias(1, "a", "c"), schema(2, "a", "x:text"), did("read", 2, "a > sink"), swap}
	permuted(t, events, func(e *lineage.Engine) {
		for n := range viewAt(t, e, 3).Nodes() {
			if n.ID == node("a") && len(n.Fields) > 0 {
				t.Errorf("got %v", n.Fields)
			}
		}
	})
}

// What a run says comes after its job omitted the target, and named it again.
func TestALateStatementEndsWhereItsTargetWasOmitted(t *testing.T) {
	t.Parallel()
	both := append(ds("x"), columns(ds("y")[0], "a.i>k")...)
	events := []lineage.Event{
		reported("load", "r1", lineage.Complete, 1, ds("a"), ds("x", "y")),
		reported("load", "r2", lineage.Complete, 2, ds("a"), ds("x")),
		reported("load", "r3", lineage.Complete, 3, nil, ds("x", "y")),
		reported("load", "r1", lineage.Start, 0.5, nil, both),
	}
	want := ""
	for _, order := range [][]int{{3, 0, 1, 2}, {0, 1, 2, 3}, {2, 1, 0, 3}, {1, 2, 3, 0}} {
		e := open(t, lineage.Config{CloseAfter: 1})
		for _, i := range order {
			ingest(t, e, events[i])
		}
		got := dump(t, e)
		if want == "" {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in order %v (-want +got):\n%s", order, diff)
		}
	}
}

func TestValuesPrintAsText(t *testing.T) {
	t.Parallel()
	d, j := lineage.DatasetRef{Namespace: "db:x", Name: "t"}, lineage.JobRef{Namespace: "etl", Name: "j"}
	edge := lineage.Edge{From: d.Column("a"), To: d.Node(), Job: j}
	for _, c := range []struct {
		value any
		want  string
	}{
		{lineage.ColumnLayer, "column"},
		{lineage.Layer(9), "Layer(9)"},
		{lineage.Level(0), "start"},
		{lineage.DatasetLevel, "dataset"},
		{lineage.Upstream, "upstream"},
		{lineage.Renamed, "renamed"},
		{lineage.RunComplete, "complete"},
		{lineage.RunState(0), "RunState(0)"},
		{lineage.PartRaw, "raw"},
		{lineage.Aspects(0), "none"},
		{lineage.Schema | lineage.Tags | 1<<7, "schema+tags+Aspects(128)"},
		{lineage.Origin(7), "Origin(7)"},
		{lineage.Certainty(7), "Certainty(7)"},
		{lineage.Untyped, ""},
		{lineage.EventType(99), "EventType(99)"},
		{lineage.Outcome(0), "Outcome(0)"},
		{lineage.ChangeKind(0), "ChangeKind(0)"},
		{lineage.Severity(7), "Severity(7)"},
		{lineage.Exposure(0), "Exposure(0)"},
		{lineage.BreakKind(0), "BreakKind(0)"},
		{lineage.NodeKind(0), "NodeKind(0)"},
		{d, "dataset:db%3Ax:t"},
		{lineage.DatasetRef{}, ""},
		{j, "job:etl:j"},
		{lineage.JobRef{}, ""},
		{lineage.Change{Kind: lineage.Drop, Node: d.Node()}, "drop dataset:db%3Ax:t"},
		{lineage.Change{Kind: lineage.Retype, Node: d.Column("a"), To: "int"}, "retype datasetField:db%3Ax:t:a to int"},
		{lineage.Transformation{}, "DIRECT"},
		{lineage.Transformation{Type: lineage.Indirect, Subtype: lineage.JoinKey, Masking: true}, "INDIRECT/JOIN/masked"},
		{edge, "datasetField:db%3Ax:t:a > dataset:db%3Ax:t (job:etl:j)"},
		{lineage.Path{Edges: []lineage.Edge{edge, edge}}, "datasetField:db%3Ax:t:a > dataset:db%3Ax:t > dataset:db%3Ax:t"},
		{lineage.Path{}, ""},
		{lineage.RecordID{0xab}, "ab" + strings.Repeat("00", 31)},
	} {
		if got := fmt.Sprint(c.value); got != c.want {
			t.Errorf("%T: got %q, want %q", c.value, got, c.want)
		}
	}
	for _, text := range []string{d.String(), j.String(), d.Column("a").String()} {
		if id, err := lineage.ParseNodeID(text); err != nil || id.String() != text {
			t.Errorf("%s is read as %s, %v", text, id, err)
		}
	}
	id := lineage.EventID(lineage.Event{Producer: "p"})
	text, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	var back lineage.RecordID
	if err := json.Unmarshal(text, &back); err != nil || back != id {
		t.Errorf("%s is read as %s, %v", text, back, err)
	}
	for _, bad := range []string{`""`, `"ab"`, `"` + strings.Repeat("x", 64) + `"`} {
		if err := json.Unmarshal([]byte(bad), &back); !errors.Is(err, lineage.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", bad, err)
		}
	}
}

func TestWrongQuestionsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	e := engine(t, did("j", 1, "a.x > b.x IDENTITY"))
	v := viewAt(t, e, 1)
	a, ctx := node("a.x"), t.Context()
	first := func(seq func(yield func(lineage.Path, error) bool)) error {
		for _, err := range seq {
			return err
		}
		return nil
	}
	runs := func(q lineage.RunQuery) error {
		for _, err := range e.Runs(ctx, q) {
			return err
		}
		return nil
	}
	walk := func(id lineage.NodeID, q lineage.Query) error {
		_, err := v.Walk(ctx, id, q, nil)
		return err
	}
	wrong := lineage.Query{Depth: -1}
	for _, c := range []struct {
		want string // all of it
		err  error
	}{
		{"Depth -1", walk(a, wrong)},
		{"MaxNodes -2", walk(a, lineage.Query{MaxNodes: -2})},
		{"MaxEdges -3", walk(a, lineage.Query{MaxEdges: -3})},
		{"Level 9", walk(a, lineage.Query{Level: 9})},
		{"Direction 2", walk(a, lineage.Query{Direction: 2})},
		{"Origins[1] 0", walk(a, lineage.Query{Origins: []lineage.Origin{lineage.SQL, 0}})},
		{"Level 9, Depth -1", walk(a, lineage.Query{Level: 9, Depth: -1})},
		{"zero ID", walk(lineage.NodeID{}, lineage.Query{})},
		{"Kind 7", walk(lineage.NodeID{Kind: 7, Name: "a"}, lineage.Query{})},
		{"Name is empty", walk(lineage.DatasetRef{Namespace: "db"}.Node(), lineage.Query{})},
		{"Field of a column", walk(lineage.NodeID{Kind: lineage.ColumnNode, Name: "a"}, lineage.Query{})},
		{"no column", walk(lineage.NodeID{Kind: lineage.JobNode, Name: "a", Field: "x"}, lineage.Query{})},
		{"Depth -1", second(v.Upstream(ctx, a, wrong))},
		{"Depth -1", second(v.Downstream(ctx, a, wrong))},
		{"Depth -1", first(v.Paths(ctx, a, node("b.x"), wrong))},
		{"zero ID", first(v.Paths(ctx, a, lineage.NodeID{}, lineage.Query{}))},
		{"Depth -1, zero ID", second(v.Reach(ctx, []lineage.Labelled{{Label: "pii"}}, lineage.ReachQuery{Query: wrong}))},
		{"barrier, zero ID", second(v.Reach(ctx, nil, lineage.ReachQuery{Barriers: map[lineage.NodeID]string{{}: "why"}}))},
		{"Depth -1, Kind 0", second(v.Impact(ctx, []lineage.Change{{Node: a}}, wrong))},
		{"Kind 9", second(v.Impact(ctx, []lineage.Change{{Kind: 9, Node: a}}, lineage.Query{}))},
		{"drop, is a job", second(v.Impact(ctx, []lineage.Change{{Kind: lineage.Drop, Node: node("(j)")}}, lineage.Query{}))},
		{"zero ID", second(v.Impact(ctx, []lineage.Change{{Kind: lineage.Drop}}, lineage.Query{}))},
		{"Level job", second(v.Impact(ctx, []lineage.Change{{Kind: lineage.Drop, Node: a}}, lineage.Query{Level: lineage.JobLevel}))},
		{"Depth -1", second(v.Graph(wrong))},
		{"Depth -1", panicked(func() { lineage.Diff(v, v, wrong) })},
		{"until", second(e.View(ctx, lineage.At{Time: date(3), Until: date(2)}))},
		{"From, To, zero ID", second(e.Explain(ctx, lineage.Edge{}))},
		{"Limit -1", runs(lineage.RunQuery{Limit: -1})},
		{"Job, Name is empty", runs(lineage.RunQuery{Job: lineage.JobRef{Namespace: "etl"}})},
		{"ID is empty", second(e.RunUpstream(ctx, "", 0))},
		{"depth -1 is less", second(e.RunUpstream(ctx, "r", -1))},
		{"zero ID", e.Erase(ctx, lineage.NodeID{}, "")},
	} {
		if !errors.Is(c.err, lineage.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", c.want, c.err)
			continue
		}
		for part := range strings.SplitSeq(c.want, ", ") {
			if !strings.Contains(c.err.Error(), part) {
				t.Errorf("%q does not say %q", c.err, part)
			}
		}
	}
	bad := happened(2, "a", "b")
	bad.Outputs[0].Lifecycle.Change = 9
	report, err := e.Ingest(ctx, bad)
	if err != nil || report.Results[0].Err == nil || report.Results[0].Err.Path != "outputs[0].lifecycle" {
		t.Errorf("an unknown change: %+v, %v", report, err)
	}
}

func second[T any](_ T, err error) error { return err }

// panicked returns the error that a call panics with.
func panicked(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}

func TestWhatOnlyAnUnassertedEventMentionsCanBeErased(t *testing.T) {
	t.Parallel()
	begun := fields(did("j", 1, "secret.a > b.a", "+ b"), "hidden")
	begun.Run.Type, begun.Run.Parent = lineage.Start, &lineage.RunRef{ID: "p", Job: node("(parent)").Job()}
	renamed := happened(2, "new", "gone")
	renamed.Run, renamed.Job = &lineage.RunFact{ID: "r", Type: lineage.Fail}, &lineage.JobFact{Ref: node("(alter)").Job()}
	for _, what := range []string{"secret", "secret.a", "b.a", "b.hidden", "b", "(j)", "(parent)", "gone", "new", "(alter)"} {
		store := lineage.NewMemoryStore()
		e := open(t, lineage.Config{Now: always().Until.Local}, store)
		ingest(t, e, begun, renamed)
		if err := e.Erase(t.Context(), node(what), "a request"); err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		for r, err := range store.Records(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), node(what).String()) || strings.Contains(string(text), `"`+node(what).Name+`"`) && node(what).Field == "" {
				t.Errorf("%s is in %s", what, text)
			}
		}
		if err := e.Erase(t.Context(), node(what), "again"); !errors.Is(err, lineage.ErrNotFound) {
			t.Errorf("%s: got %v the second time, want ErrNotFound", what, err)
		}
	}
}

// A dataset had a name before it was renamed, and may be asked for under both.
func TestANameThatWasRenamedAwayCanBeErased(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ erased, want string }{
		{"old", ""}, // Nothing was said of the new name but that.
		{"new", ""}, // The old one does not come back.
		{"sink", "src > new (load)"},
	} {
		e := engine(t, did("load", 1, "src > old"), did("read", 2, "old > sink"), happened(3, "new", "old"))
		if err := e.Erase(t.Context(), node(c.erased), "a request"); err != nil {
			t.Fatal(err)
		}
		if got := shown(t, e, lineage.DatasetLayer); got != c.want {
			t.Errorf("without %s: got %q, want %q", c.erased, got, c.want)
		}
		if _, err := viewAt(t, e, 9).Walk(t.Context(), node(c.erased), lineage.Query{}, nil); !errors.Is(err, lineage.ErrNotFound) {
			t.Errorf("%s is there: %v", c.erased, err)
		}
	}
}

func TestEdgesThatStandForOthersAreExplained(t *testing.T) {
	t.Parallel()
	first, second := did("j", 1, "a.x > b.x IDENTITY"), did("j", 3, "a.x > b.x IDENTITY", "a.y > b.y AGGREGATION")
	e := engine(t, first, second, did("star", 2, "c.* > d.*"), schema(2, "c", "k:int"), schema(2, "d", "k:int"), did("moved", 2, "a.x > old.x"), happened(4, "new", "old"))
	v := viewAt(t, e, 5)
	edge := func(from, to string, q lineage.Query) lineage.Edge {
		s, err := v.Downstream(t.Context(), node(from), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range s.Edges {
			if x.From == node(from) && x.To == node(to) {
				return x
			}
		}
		t.Fatalf("no edge %s > %s in %s", from, to, lines(s.Edges))
		return lineage.Edge{}
	}
	for _, c := range []struct {
		what    string
		edge    lineage.Edge
		records int
		since   int
	}{
		{"between datasets, for those of columns", edge("a", "b", lineage.Query{Types: []string{lineage.Direct}, Level: lineage.DatasetLevel}), 2, 1},
		{"between namesakes", edge("c.k", "d.k", lineage.Query{}), 1, 2},
		{"under a new name", edge("a.x", "new.x", lineage.Query{}), 1, 4},
		{"of a job", edge("a", "(j)", lineage.Query{Level: lineage.JobLevel}), 2, 1},
	} {
		got, err := e.Explain(t.Context(), c.edge)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if len(got.Records) != c.records || !got.First.Equal(date(c.since)) || got.Edge.From != c.edge.From || got.Edge.To != c.edge.To {
			t.Errorf("%s: got %+v, want %d records since day %d", c.what, got, c.records, c.since)
		}
	}
	// Such an edge may be asked for without the kinds that it collects.
	lifted := lineage.Edge{From: node("a"), To: node("b"), Layer: lineage.ColumnLayer, Job: node("(j)").Job(), Origin: lineage.Observed}
	if got, err := e.Explain(t.Context(), lifted); err != nil || len(got.Records) != 2 || len(got.Edge.Kinds) != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestCheckReportsWhatWasDropped(t *testing.T) {
	t.Parallel()
	base := []lineage.Event{
		schema(1, "src", "a:int", "b:int"), did("load", 1, "src.a > m.x IDENTITY", "other.b > m.y IDENTITY"), did("reads", 1, "m.x > r.x IDENTITY"),
		did("adapts", 1, "m.x > s.x IDENTITY", "src.b > s.b IDENTITY"), did("whole", 1, "src > w"), did("raw", 1, "plain.p > q.p IDENTITY"),
	}
	owned := happened(1, "src", "")
	owned.Outputs[0].Lifecycle, owned.Outputs[0].States, owned.Outputs[0].Owners = lineage.Lifecycle{}, lineage.Owners, []string{"ann"}
	base = append(base, owned)
	for _, c := range []struct {
		what string
		then []lineage.Event
		want []string
	}{
		{
			"a described source that somebody owns",
			[]lineage.Event{happened(2, "src", ""), did("adapts", 3, "m.x > s.x IDENTITY")},
			[]string{"s.b gone:", "src gone: (load) (whole) [(adapts)]", "src.a gone: (load)", "src.b gone: [(adapts)]"},
		},
		{"a source that is only read", []lineage.Event{happened(2, "plain", "")}, []string{"plain gone: (raw)", "plain.p gone: (raw)"}},
		{
			"a table that is written",
			[]lineage.Event{happened(2, "m", ""), did("adapts", 3, "src.b > s.b IDENTITY")},
			[]string{"m gone: (reads) [(adapts)]", "m.x gone: (reads) [(adapts)]", "m.y gone:", "s.x gone:"},
		},
		{"a table that was renamed", []lineage.Event{happened(2, "m2", "m")}, []string{"m renamed dataset:n:m2: (adapts) (reads)"}},
		{"a table that is made again", []lineage.Event{happened(2, "m", ""), did("load", 3, "src.a > m.x IDENTITY", "other.b > m.y IDENTITY")}, nil},
		{
			"a table that is made again without a column",
			[]lineage.Event{happened(2, "m", ""), did("load", 3, "other.b > m.y IDENTITY")},
			[]string{"m.x gone: (adapts) (reads)"},
		},
		{"nothing", nil, nil},
	} {
		all := append(slices.Clone(base), c.then...)
		e := engine(t, all...)
		if d := cmp.Diff(c.want, breaks(lineage.Check(viewAt(t, e, 1), viewAt(t, e, 9), nil))); d != "" {
			t.Errorf("%s (-want +got)\n%s", c.what, d)
		}
		if d := cmp.Diff(c.want, breaks(lineage.Check(view(t, lineage.At{}, base...), viewAt(t, e, 9), nil))); d != "" {
			t.Errorf("%s, of two engines (-want +got)\n%s", c.what, d)
		}
		if got := breaks(lineage.Check(viewAt(t, e, 9), viewAt(t, e, 9), nil)); len(got) > 0 {
			t.Errorf("%s: a view against itself: %q", c.what, got)
		}
	}
}
