package lineage_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
)

func TestDiffListsWhatChanged(t *testing.T) {
	t.Parallel()
	events := []lineage.Event{
		did("j", 1, "a.x > b.x", "a.y > b.y"), did("j", 3, "a.x > b.x", "a.z > b.z"), schema(1, "b", "x:int", "y:int"), schema(3, "b", "x:text", "z:int"),
	}
	before, after := view(t, lineage.At{Time: date(2)}, events...), view(t, lineage.At{}, events...)
	d := lineage.Diff(before, after, lineage.Query{})
	ids := func(nodes []lineage.Node) string {
		var out []string
		for _, n := range nodes {
			out = append(out, name(n.ID))
		}
		return strings.Join(out, " ")
	}
	var changed []string
	for _, c := range d.NodesChanged {
		changed = append(changed, name(c.Before.ID), fmt.Sprint(c.Before.Fields, c.After.Fields))
	}
	got := []string{lines(d.Added), lines(d.Removed), ids(d.NodesAdded), ids(d.NodesRemoved), strings.Join(changed, " ")}
	want := []string{"a.z > b.z (j)", "a.y > b.y (j)", "a.z b.z", "a.y b.y", "b [{x int} {y int}] [{x text} {z int}] b.x [] []"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if d := lineage.Diff(before, after, lineage.Query{Level: lineage.DatasetLevel}); len(d.Added)+len(d.Removed) != 0 {
		t.Errorf("at dataset level nothing changed: %s; %s", lines(d.Added), lines(d.Removed))
	}
	if d := lineage.Diff(after, after, lineage.Query{}); !d.Empty() {
		t.Errorf("a view against itself: %+v", d)
	}
}

// breaks writes a check as "node kind to: readers (adapted)".
func breaks(found []lineage.Break) []string {
	var out []string
	for _, b := range found {
		var text strings.Builder
		text.WriteString(strings.TrimSpace(fmt.Sprintf("%s %s %s%s", name(b.Node), b.Kind, b.To, b.Label)) + ":")
		for _, n := range b.Readers {
			text.WriteString(" " + name(n.ID))
		}
		for _, n := range b.Adapted {
			text.WriteString(" [" + name(n.ID) + "]")
		}
		out = append(out, text.String())
	}
	return out
}

func TestCheckFindsWhatBreaksWhom(t *testing.T) {
	t.Parallel()
	base := []lineage.Event{
		did("m", 1, "s.a > m.keep IDENTITY", "s.b > m.old IDENTITY", "s.c > m.gone IDENTITY", "s.d > m.hash TRANSFORMATION!", "s.e > m.def IDENTITY"),
		did("stays", 2, "m.gone > x.gone IDENTITY", "m.old > x.old IDENTITY", "m.hash > x.hash IDENTITY", "m.def > x.def IDENTITY"),
		did("adapts", 2, "m.gone > y.gone IDENTITY", "m.old > y.old IDENTITY"),
		schema(1, "m", "keep:int", "old:int", "gone:int", "hash:text", "def:int"),
	}
	head := []lineage.Event{
		did("m", 1, "s.a > m.keep IDENTITY", "s.b > m.new IDENTITY", "s.d > m.hash TRANSFORMATION", "s.e > m.def AGGREGATION"),
		did("stays", 2, "m.gone > x.gone IDENTITY", "m.old > x.old IDENTITY", "m.hash > x.hash IDENTITY", "m.def > x.def IDENTITY"),
		did("adapts", 2, "m.keep > y.gone IDENTITY", "m.new > y.old IDENTITY"),
		schema(1, "m", "keep:bigint", "new:int", "hash:text", "def:int"),
	}
	want := []string{
		"m.def redefined: (stays)",
		"m.gone gone: (stays) [(adapts)]",
		"m.hash redefined: (stays)",
		"m.hash newly clear pii: (stays)",
		"m.keep retyped bigint:",
		"m.old renamed new: (stays) [(adapts)]",
		"x.hash newly clear pii:",
		"y.gone redefined:",
	}
	got := breaks(lineage.Check(view(t, lineage.At{}, base...), view(t, lineage.At{}, head...), []lineage.Labelled{{Node: node("s.d"), Label: "pii"}, {Node: node("no.where"), Label: "pii"}}))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	same := view(t, lineage.At{}, base...)
	if got := lineage.Check(same, same, []lineage.Labelled{{Node: node("s.d"), Label: "pii"}}); got == nil || len(got) != 0 {
		t.Errorf("a view against itself: %q", breaks(got))
	}
}

func TestWhatIsNotSaidIsNotGone(t *testing.T) {
	t.Parallel()
	base := view(t, lineage.At{}, did("m", 1, "s.a > m.x", "s.b > m.y"), schema(1, "s", "a:int", "b:int"), did("r", 2, "m.x > r.x"))
	if got := breaks(lineage.Check(base, view(t, lineage.At{}, did("m", 1, "s > m"), did("r", 2, "m.x > r.x")), nil)); len(got) != 0 {
		t.Errorf("a model that cannot be analysed any longer: %q", got)
	}
	want := []string{"m gone: (r)", "m.x gone: (r)", "m.y gone:"}
	if d := cmp.Diff(want, breaks(lineage.Check(base, view(t, lineage.At{}, did("r", 2, "m.x > r.x"), did("q", 2, "s.a > q.x")), nil))); d != "" {
		t.Errorf("a model that is gone (-want +got)\n%s", d)
	}
}
