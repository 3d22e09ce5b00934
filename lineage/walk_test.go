package lineage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
)

// shopEvents are two steps from raw orders to a report, with a filter and a mask.
func shopEvents() []lineage.Event {
	return []lineage.Event{
		did("clean", 1, "raw.id > orders.id IDENTITY", "raw.mail > orders.mail TRANSFORMATION!", "raw.state > orders FILTER"),
		did("sum", 2, "orders.id > report.count AGGREGATION", "orders.mail > report.key JOIN"),
		did("copy", 3, "orders > archive"),
	}
}

func TestWalkFollowsWhatItsLevelSays(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, shopEvents()...)
	for _, c := range []struct {
		from string
		q    lineage.Query
		want string
	}{
		{"raw.id", lineage.Query{}, "orders.id/1 report.count/2"},
		{"raw.state", lineage.Query{}, "orders/1 report.count/2 report.key/2"},
		{"raw", lineage.Query{}, "orders/1 archive/2 report/2"},
		{"raw", lineage.Query{Level: lineage.ColumnLevel}, "orders/1 orders.id/1 orders.mail/1 report.count/2 report.key/2"},
		{"raw.id", lineage.Query{Level: lineage.DatasetLevel}, "orders/1 archive/2 report/2"},
		{"raw.id", lineage.Query{Level: lineage.ColumnLevel, Widen: true}, "orders.id/1 archive/2 report.count/2"},
		{"raw", lineage.Query{Level: lineage.JobLevel}, "(clean)/1 orders/2 (copy)/3 (sum)/3 archive/4 report/4"},
		{"(sum)", lineage.Query{}, "report/1"},
		{"(clean)", lineage.Query{Level: lineage.DatasetLevel}, "orders/1 archive/2 report/2"},
		{"(sum)", lineage.Query{Level: lineage.DatasetLevel, Direction: lineage.Upstream}, "orders/1 raw/2"},
		{"report.count", lineage.Query{Direction: lineage.Upstream}, "orders.id/1 raw.id/2 raw.state/2"},
		{"report", lineage.Query{Direction: lineage.Upstream}, "orders/1 raw/2"},
		{"raw", lineage.Query{Depth: 1}, "orders/1"},
		{"raw.mail", lineage.Query{Types: []string{lineage.Direct}}, "orders.mail/1"},
		{"raw.mail", lineage.Query{Subtypes: []string{lineage.Transform, lineage.JoinKey}}, "orders.mail/1 report.key/2"},
		{"raw", lineage.Query{Jobs: []lineage.JobRef{node("(clean)").Job()}}, "orders/1"},
		{"raw", lineage.Query{Origins: []lineage.Origin{lineage.Declared}}, ""},
		{"raw", lineage.Query{SeenSince: date(2)}, ""},
		{"orders", lineage.Query{SeenSince: date(2)}, "archive/1 report/1"},
	} {
		t.Run(fmt.Sprintf("%s %+v", c.from, c.q), func(t *testing.T) {
			t.Parallel()
			got, want := strings.Fields(steps(t, v, c.from, c.q)), strings.Fields(c.want)
			slices.Sort(got) // The order within a depth is another test's.
			slices.Sort(want)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestWalkIsBreadthFirst(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.x > b.x", "a.x > c.x", "b.x > d.x", "c.x > a.y", "d.x > e.x", "a.x > e.x"))
	if got, want := steps(t, v, "a.x", lineage.Query{}), "b.x/1 c.x/1 e.x/1 d.x/2 a.y/2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Invariant: lineage 6.
func TestDepthCountsEdges(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a > b"), did("k", 1, "b > c"), did("l", 1, "c > a", "c > c"))
	for depth, want := range []string{"b/1 c/2", "b/1", "b/1 c/2"} {
		if got := steps(t, v, "a", lineage.Query{Depth: depth}); got != want {
			t.Errorf("depth %d: got %s, want %s", depth, got, want)
		}
	}
}

func TestSiblingsAreNotReachedThroughTheirDataset(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.x > b.x IDENTITY", "a.y > b.y IDENTITY", "a.z > b SORT"),
		did("k", 2, "b.x > c.x IDENTITY", "b.y > c.y IDENTITY", "b > c.z JOIN"))
	if got, want := steps(t, v, "a.x", lineage.Query{}), "b.x/1 c.x/2 c.z/2"; got != want {
		t.Errorf("downstream of a.x: got %s, want %s", got, want)
	}
	if got, want := steps(t, v, "c.y", lineage.Query{Direction: lineage.Upstream}), "b.y/1 a.y/2 a.z/2"; got != want {
		t.Errorf("upstream of c.y: got %s, want %s", got, want)
	}
	if got, want := steps(t, v, "c.z", lineage.Query{Direction: lineage.Upstream}), "b/1 a.z/2 a.x/2 a.y/2"; got != want {
		t.Errorf("upstream of c.z, made from an unknown column of b: got %s, want %s", got, want)
	}
}

func TestAColumnHasTheEdgesOfItsWholeAndOfItsParts(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.p > b.p IDENTITY", "a.p.q > b.q IDENTITY", "a.p[].r > b.r IDENTITY", "a.pq > b.s IDENTITY"))
	for from, want := range map[string]string{
		"a.p.q": "b.q/1 b.p/1", "a.p": "b.p/1 b.q/1 b.r/1", "a.p[].r": "b.r/1 b.p/1", "a.pq": "b.s/1",
	} {
		if got := steps(t, v, from, lineage.Query{}); got != want {
			t.Errorf("%s: got %s, want %s", from, got, want)
		}
	}
}

func TestAStarLeadsToTheNamesake(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.* > b.* IDENTITY"), did("k", 2, "b.x > c.x IDENTITY", "b.y > c.y IDENTITY"), schema(1, "b", "x", "z"), did("l", 0, "o.y > a.y", "o.x > a.x"))
	if got, want := steps(t, v, "a.x", lineage.Query{}), "b.x/1 c.x/2"; got != want {
		t.Errorf("a.x: got %s, want %s", got, want)
	}
	if got, want := steps(t, v, "b.x", lineage.Query{Direction: lineage.Upstream}), "a.x/1 o.x/2"; got != want {
		t.Errorf("upstream of b.x: got %s, want %s", got, want)
	}
	s, err := v.Downstream(t.Context(), node("a.y"), lineage.Query{})
	if err != nil || names(s.Blind) != "b" || len(s.Edges) != 0 {
		t.Errorf("a.y: %v, blind %q, edges %s; want blind at b, whose schema has no y", err, names(s.Blind), lines(s.Edges))
	}
	s, err = v.Downstream(t.Context(), node("a.x"), lineage.Query{})
	if err != nil || lines(s.Edges) != "a.x > b.x (j), b.x > c.x (k)" {
		t.Errorf("a.x: %v, edges %s; want those between the namesakes", err, lines(s.Edges))
	}
}

// Invariant: lineage 7.
func TestWhereColumnsAreUnknownTheTraceIsBlind(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, shopEvents()...)
	s, err := v.Downstream(t.Context(), node("raw.id"), lineage.Query{})
	if err != nil || names(s.Blind) != "archive" {
		t.Errorf("blind: %q, %v; want archive", names(s.Blind), err)
	}
	s, err = v.Downstream(t.Context(), node("raw.id"), lineage.Query{Widen: true})
	if err != nil || len(s.Blind) != 0 {
		t.Errorf("widened: blind %q, %v", names(s.Blind), err)
	}
	for _, e := range s.Edges {
		if e.Widened != (e.Job.Name == "copy") {
			t.Errorf("%s: Widened = %t", lines([]lineage.Edge{e}), e.Widened)
		}
	}
	s, err = v.Upstream(t.Context(), node("archive"), lineage.Query{Level: lineage.ColumnLevel})
	if err != nil || names(s.Blind) != "orders" {
		t.Errorf("upstream of archive: blind %q, %v; want orders", names(s.Blind), err)
	}
}

// Invariant: lineage 7.
func TestBudgetsSayWhatTheyCut(t *testing.T) {
	t.Parallel()
	var wide []string
	for i := range 100 {
		wide = append(wide, fmt.Sprintf("a.x > b.c%02d", i))
	}
	v := view(t, lineage.At{}, did("j", 1, wide...))
	for _, c := range []struct {
		q    lineage.Query
		want lineage.Partial
	}{
		{lineage.Query{MaxNodes: 100, MaxEdges: 100}, lineage.Partial{}},
		{lineage.Query{MaxNodes: 99}, lineage.Partial{Reason: "nodes", Nodes: 99, Edges: 99}},
		{lineage.Query{MaxEdges: 7}, lineage.Partial{Reason: "edges", Nodes: 7, Edges: 7}},
	} {
		s, err := v.Downstream(t.Context(), node("a.x"), c.q)
		if err != nil || s.Partial != c.want || c.want.Nodes > 0 && len(s.Edges) != c.want.Edges {
			t.Errorf("%+v: %+v with %d edges, %v; want %+v", c.q, s.Partial, len(s.Edges), err, c.want)
		}
	}
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)
	s, err := v.Downstream(gone, node("a.x"), lineage.Query{})
	if !errors.Is(err, errTest) || s == nil || s.Partial.Reason != "context" {
		t.Errorf("cancelled: %v, %+v; want the cause and what was found", err, s)
	}
}

var errTest = errors.New("test")

func TestUnknownNodesAreNotFound(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, shopEvents()...)
	_, err := v.Downstream(t.Context(), node("nowhere"), lineage.Query{})
	_, err2 := v.Walk(t.Context(), node("raw.nothing"), lineage.Query{}, nil)
	var err3 error
	for _, err3 = range v.Paths(t.Context(), node("raw"), node("nowhere"), lineage.Query{}) {
		break
	}
	_, err4 := v.Reach(t.Context(), []lineage.Labelled{{Node: node("nowhere")}}, lineage.ReachQuery{})
	_, err5 := v.Impact(t.Context(), []lineage.Change{{Kind: lineage.Drop, Node: node("nowhere")}}, lineage.Query{})
	for i, err := range []error{err, err2, err3, err4, err5} {
		if !errors.Is(err, lineage.ErrNotFound) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestWalkEndsWhenItIsTold(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, shopEvents()...)
	seen := 0
	s, err := v.Walk(t.Context(), node("raw"), lineage.Query{}, func(lineage.Step) bool { seen++; return seen < 2 })
	if err != nil || seen != 2 || s.Nodes != 2 {
		t.Errorf("%d visited, %+v, %v", seen, s, err)
	}
}

func TestInputsOfOneRunDoNotLeadToOutputsOfAnother(t *testing.T) {
	t.Parallel()
	events := []lineage.Event{did("j", 1, "a > x"), did("j", 2, "b > y"), did("j", 3, "a > x"), did("j", 4, "b > y")}
	v := view(t, lineage.At{}, events...)
	s, err := v.Downstream(t.Context(), node("a"), lineage.Query{})
	if err != nil || lines(s.Edges) != "a > x (j)" {
		t.Errorf("%v, %s", err, lines(s.Edges))
	}
}

func TestAnEdgeThroughChangingInputsIsOneStretch(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a > x", "b > x"), did("j", 2, "a > x", "c > x"), did("j", 3, "a > x", "d > x"))
	s, err := v.Downstream(t.Context(), node("a"), lineage.Query{})
	if err != nil || len(s.Edges) != 1 {
		t.Fatal(err, lines(s.Edges))
	}
	if e := s.Edges[0]; !e.ValidFrom.Equal(date(1)) || !e.ValidTo.IsZero() || !e.LastSeen.Equal(date(3)) {
		t.Errorf("valid from %s to %s, seen %s; want from the first run on, seen in the last", e.ValidFrom, e.ValidTo, e.LastSeen)
	}
	up, err := v.Upstream(t.Context(), node("x"), lineage.Query{})
	if err != nil || lines(up.Edges) != "a > x (j), d > x (j)" || !up.Edges[0].ValidFrom.Equal(date(1)) {
		t.Errorf("upstream: %v, %s", err, lines(up.Edges))
	}
}

func TestNamesOfOneDatasetAreOneNode(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.x > s3.y IDENTITY"), did("k", 2, "t.y > c.z IDENTITY"), alias(3, "t", "s3"))
	if got, want := steps(t, v, "a.x", lineage.Query{}), "s3.y/1 c.z/2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := steps(t, v, "t.y", lineage.Query{}), "c.z/1"; got != want {
		t.Errorf("from an alias: got %s, want %s", got, want)
	}
	if got, want := steps(t, v, "c", lineage.Query{Direction: lineage.Upstream}), "s3/1 a/2"; got != want {
		t.Errorf("upstream: got %s, want %s", got, want)
	}
}

func TestPathsAreSimpleAndShortestFirst(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.x > b.x", "b.x > d.x", "a.x > c.x", "c.x > d.x", "c.x > b.x", "b.x > a.x", "d.x > e.x", "a.y > e.x"),
		did("k", 1, "a.x > d.x", "a.x > c.x"))
	paths := func(from, to string, q lineage.Query) []string {
		var out []string
		for p, err := range v.Paths(t.Context(), node(from), node(to), q) {
			if err != nil {
				out = append(out, err.Error())
				continue
			}
			var text strings.Builder
			text.WriteString(name(p.Edges[0].From))
			for _, e := range p.Edges {
				text.WriteString(" " + name(e.To))
			}
			out = append(out, text.String())
		}
		return out
	}
	for _, c := range []struct {
		from, to string
		q        lineage.Query
		want     []string
	}{
		{"a.x", "d.x", lineage.Query{}, []string{"a.x d.x", "a.x b.x d.x", "a.x c.x d.x", "a.x c.x b.x d.x"}},
		{"a.x", "d.x", lineage.Query{Depth: 2}, []string{"a.x d.x", "a.x b.x d.x", "a.x c.x d.x"}},
		{"a.x", "a.x", lineage.Query{}, []string{"a.x b.x a.x", "a.x c.x b.x a.x"}},
		{"d.x", "a.x", lineage.Query{}, nil},
		{"a", "e.x", lineage.Query{Depth: 1}, []string{"a e"}},
	} {
		if d := cmp.Diff(c.want, paths(c.from, c.to, c.q)); d != "" {
			t.Errorf("%s to %s (-want +got)\n%s", c.from, c.to, d)
		}
	}
	if got := paths("a.x", "d.x", lineage.Query{MaxEdges: 5}); len(got) == 0 || !strings.Contains(got[len(got)-1], "too large") {
		t.Errorf("cut paths end with %q", got)
	}
}

func TestCyclesAreTheSetsThatFeedThemselves(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, states(1, "a.x > b.x", "b.y > c.y", "c.y > b.z", "c > d", "d > e"), did("merge", 1, "e.x > e.y"), did("k", 2, "f > f"))
	var got []string
	for ids, err := range v.Cycles(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, names(ids))
	}
	if d := cmp.Diff([]string{"b c", "e", "f"}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestALongChainIsAnOrdinaryAnswer(t *testing.T) {
	t.Parallel()
	const n = 20_000
	var chain []string
	for i := range n {
		chain = append(chain, fmt.Sprintf("d%d.x > d%d.x", i, i+1))
	}
	v := view(t, lineage.At{}, lineage.Event{Time: date(1), Outputs: did("", 1, chain...).Outputs})
	s, err := v.Walk(t.Context(), node("d0.x"), lineage.Query{}, func(lineage.Step) bool { return true })
	if err != nil || s.Depth != n {
		t.Errorf("%+v, %v", s, err)
	}
	start := time.Now()
	for ids, err := range v.Cycles(t.Context()) {
		t.Fatal("a cycle in a chain:", names(ids), err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("cycles took %s", took)
	}
}
