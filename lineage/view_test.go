package lineage_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dominikbraun/graph"
	"github.com/dominikbraun/graph/draw"
	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
)

func nodes(list []lineage.Node) string {
	var out []string
	for _, n := range list {
		out = append(out, name(n.ID))
	}
	return strings.Join(out, " ")
}

func TestANodeIsInAViewFromItsFirstEdgeOrStatement(t *testing.T) {
	t.Parallel()
	events := []lineage.Event{did("j", 2, "a.x > b.x"), schema(3, "c", "y:int"), did("j", 4, "a.x > b.z")}
	for on, want := range []string{"", "", "a a.x b b.x (j)", "a a.x b b.x c c.y (j)", "a a.x b b.z c c.y (j)"} {
		v := view(t, lineage.At{Time: date(on)}, events...)
		var got []lineage.Node
		for n := range v.Nodes() {
			got = append(got, n)
		}
		if nodes(got) != want {
			t.Errorf("day %d: %s, want %s", on, nodes(got), want)
		}
	}
}

func TestANodeSaysWhatWasKnownByThen(t *testing.T) {
	t.Parallel()
	owned := lineage.Event{Time: date(3), Outputs: []lineage.DatasetFact{
		{Ref: node("b").Dataset(), Type: "VIEW", States: lineage.Owners | lineage.Tags, Owners: []string{"zoe", "ann"}, Tags: []string{"gold"}},
	}}
	events := []lineage.Event{did("j", 1, "a.x > b.x"), schema(2, "b", "y:text", "x:int"), owned, schema(5, "b", "x:bigint"), alias(6, "b", "s3")}
	id := node("b")
	for on, want := range map[int]lineage.Node{
		1: {ID: id, Type: "VIEW", Aliases: []lineage.DatasetRef{node("s3").Dataset()}, Owners: []string{}, Tags: []string{}},
		4: {
			ID: id, Type: "VIEW", Fields: []lineage.Field{{Path: "x", Type: "int"}, {Path: "y", Type: "text"}},
			Aliases: []lineage.DatasetRef{node("s3").Dataset()}, Owners: []string{"ann", "zoe"}, Tags: []string{"gold"},
		},
		6: {
			ID: id, Type: "VIEW", Fields: []lineage.Field{{Path: "x", Type: "bigint"}},
			Aliases: []lineage.DatasetRef{node("s3").Dataset()}, Owners: []string{"ann", "zoe"}, Tags: []string{"gold"},
		},
	} {
		s, err := view(t, lineage.At{Time: date(on)}, events...).Upstream(t.Context(), id, lineage.Query{})
		if err != nil || len(s.Nodes) != 2 {
			t.Fatal(err, s)
		}
		if d := cmp.Diff(want, s.Nodes[1]); d != "" {
			t.Errorf("day %d (-want +got)\n%s", on, d)
		}
	}
	column, err := view(t, lineage.At{}, events...).Upstream(t.Context(), node("b.x"), lineage.Query{})
	want := lineage.Node{ID: node("b.x"), Type: "bigint", Aliases: []lineage.DatasetRef{}, Owners: []string{"ann", "zoe"}, Tags: []string{}}
	if err != nil || len(column.Nodes) != 2 {
		t.Fatal(err, column)
	}
	if d := cmp.Diff(want, column.Nodes[1]); d != "" {
		t.Errorf("a column (-want +got)\n%s", d)
	}
}

func TestFindGoesByNamePathAndText(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("orders_daily", 1, "raw.order_id > orders.id", "raw.x > orders_old.x"))
	for _, c := range []struct {
		prefix string
		limit  int
		want   string
	}{
		{"order", 0, "orders (orders_daily) orders_old raw.order_id"},
		{"order", 2, "orders (orders_daily)"},
		{"dataset:n:orders", 0, "orders orders_old"},
		{"datasetField:n:raw:", 0, "raw.order_id raw.x"},
		{"job:", 0, "(orders_daily)"},
		{"Orders", 0, ""},
		{"", 1, "orders"},
	} {
		if got := nodes(v.Find(c.prefix, c.limit)); got != c.want {
			t.Errorf("%q: %s, want %s", c.prefix, got, c.want)
		}
	}
}

func TestAGraphIsTheViewAtDatasetLevel(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.x > b.x", "a.y > b.y"), did("k", 1, "a > b"), states(1, "b.x > c.x"), did("merge", 2, "c > c"))
	g, err := v.Graph(lineage.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if order, err := g.Order(); err != nil || order != 3 {
		t.Errorf("%d vertices, %v; want 3", order, err)
	}
	if size, err := g.Size(); err != nil || size != 3 {
		t.Errorf("%d edges, %v; want 3", size, err)
	}
	e, err := g.Edge("dataset:n:a", "dataset:n:b")
	if err != nil || e.Properties.Attributes["jobs"] != "job:n:j job:n:k" || e.Source.ID != node("a") {
		t.Errorf("%+v, %v", e, err)
	}
	path, err := graph.ShortestPath(g, "dataset:n:a", "dataset:n:c")
	if err != nil || len(path) != 3 {
		t.Errorf("%v, %v", path, err)
	}
	var dot bytes.Buffer
	if err := draw.DOT(g, &dot); err != nil || !strings.Contains(dot.String(), `"dataset:n:a" -> "dataset:n:b"`) {
		t.Errorf("%v\n%s", err, dot.String())
	}
	g, err = v.Graph(lineage.Query{Jobs: []lineage.JobRef{node("(k)").Job()}})
	if err != nil {
		t.Fatal(err)
	}
	if size, err := g.Size(); err != nil || size != 1 {
		t.Errorf("of one job: %d edges, %v; want 1", size, err)
	}
}
