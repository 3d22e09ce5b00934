package lineage_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
)

// effects writes an impact as "severity hop node <- cause: path".
func effects(t *testing.T, v *lineage.View, q lineage.Query, changes ...lineage.Change) []string {
	t.Helper()
	i, err := v.Impact(t.Context(), changes, q)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range i.Effects {
		text := fmt.Sprintf("%s %d %s: %s", e.Severity, e.Hop, name(e.Node.ID), lines(e.Path().Edges))
		if e.Stale {
			text += " stale"
		}
		out = append(out, text)
	}
	for _, id := range i.Blind {
		out = append(out, "blind "+name(id))
	}
	return out
}

func TestDroppingAColumnBreaksItsReadersAndStarvesWhatTheyWrite(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("load", 1, "raw.id > o.id IDENTITY", "raw.v > o.v IDENTITY"),
		did("sum", 2, "o.v > r.total AGGREGATION", "o.id > r.n AGGREGATION"), did("other", 2, "o.id > s.id IDENTITY"),
		did("show", 3, "r.n > dash.n IDENTITY"), did("copy", 3, "o > backup"), did("peek", 4, "- o"))
	want := []string{
		"breaks 1 (sum): o.v > r.total (sum)",
		"starves 1 r: o.v > r.total (sum)",
		"starves 1 r.n: o.v > r.total (sum)",
		"starves 1 r.total: o.v > r.total (sum)",
		"starves 2 dash: o.v > r.total (sum), r > dash (show)",
		"starves 2 dash.n: o.v > r.total (sum), r > dash (show)",
		"blind backup",
		"blind (peek)",
	}
	for _, kind := range []lineage.ChangeKind{lineage.Drop, lineage.Rename} {
		if d := cmp.Diff(want, effects(t, v, lineage.Query{}, lineage.Change{Kind: kind, Node: node("o.v"), To: "w"})); d != "" {
			t.Errorf("%s (-want +got)\n%s", kind, d)
		}
	}
}

func TestDroppingADatasetBreaksAllItsReaders(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("sum", 2, "o.v > r.total AGGREGATION"), did("copy", 3, "o > backup"), did("peek", 4, "- o"), states(5, "o.v > w.v", "w.v > x.v"))
	want := []string{
		"breaks 1 (copy): o > backup (copy)",
		"breaks 1 (peek): o > (peek) (peek)",
		"breaks 1 (sum): o > r (sum)",
		"starves 1 backup: o > backup (copy)",
		"starves 1 r: o > r (sum)",
		"starves 1 w: o > w",
		"starves 2 x: o > w, w > x",
	}
	if d := cmp.Diff(want, effects(t, v, lineage.Query{Level: lineage.DatasetLevel}, lineage.Change{Kind: lineage.Drop, Node: node("o")})); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestANewTypeGoesAlongIdentity(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.x > b.x IDENTITY", "a.x > b.sum AGGREGATION", "a.x > b.hash IDENTITY!", "a.x > b FILTER"), did("k", 2, "b.x > c.x IDENTITY", "b.sum > c.sum IDENTITY"))
	want := []string{
		"type changes 1 b.x: a.x > b.x (j)",
		"type changes 2 c.x: a.x > b.x (j), b.x > c.x (k)",
		"review 1 b: a.x > b (j)",
		"review 1 b.hash: a.x > b.hash (j)",
		"review 1 b.sum: a.x > b.sum (j)",
		"review 2 c.sum: a.x > b (j), b.sum > c.sum (k)",
	}
	if d := cmp.Diff(want, effects(t, v, lineage.Query{}, lineage.Change{Kind: lineage.Retype, Node: node("a.x"), To: "text"})); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestANewDefinitionChangesValuesOrOnlyRows(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.x > b.x TRANSFORMATION!", "a.x > b.y JOIN"), did("k", 2, "b.x > c.x IDENTITY", "b.y > c.x IDENTITY", "b.y > c.y IDENTITY"))
	want := []string{
		"values change 1 b.x: a.x > b.x (j)",
		"values change 2 c.x: a.x > b.x (j), b.x > c.x (k)",
		"rows change 1 b.y: a.x > b.y (j)",
		"rows change 2 c.y: a.x > b.y (j), b.y > c.y (k)",
	}
	if d := cmp.Diff(want, effects(t, v, lineage.Query{}, lineage.Change{Kind: lineage.Redefine, Node: node("a.x")})); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestOfSeveralChangesTheWorstCounts(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.x > b.x IDENTITY", "a.y > b.y IDENTITY"))
	want := []string{
		"breaks 1 (j): a.y > b.y (j)",
		"starves 1 b: a.y > b.y (j)",
		"starves 1 b.x: a.y > b.y (j)",
		"starves 1 b.y: a.y > b.y (j)",
	}
	got := effects(t, v, lineage.Query{}, lineage.Change{Kind: lineage.Redefine, Node: node("a.x")}, lineage.Change{Kind: lineage.Drop, Node: node("a.y")})
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestAnEffectIsStaleIfEveryPathIs(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.x > b.x IDENTITY"), did("j", 2, "z.x > other.x IDENTITY"), did("k", 3, "b.x > c.x IDENTITY", "a.x > d.x IDENTITY"), did("l", 3, "b.x > d.x IDENTITY"))
	want := []string{
		"values change 1 b.x: a.x > b.x (j) stale",
		"values change 1 d.x: a.x > d.x (k)",
		"values change 2 c.x: a.x > b.x (j), b.x > c.x (k) stale",
	}
	if d := cmp.Diff(want, effects(t, v, lineage.Query{}, lineage.Change{Kind: lineage.Redefine, Node: node("a.x")})); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// Invariant: lineage 7.
func TestImpactSaysWhatItCut(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "a.x > b.x", "a.x > b.y", "a.x > b.z"), did("k", 2, "b.x > c.x", "b.y > d.y"))
	for _, kind := range []lineage.ChangeKind{lineage.Drop, lineage.Retype} {
		for reason, q := range map[string]lineage.Query{"nodes": {MaxNodes: 1}, "edges": {MaxEdges: 1}, "": {}} {
			i, err := v.Impact(t.Context(), []lineage.Change{{Kind: kind, Node: node("a.x")}}, q)
			if err != nil || i.Partial.Reason != reason || reason != "" && len(i.Effects) == 0 {
				t.Errorf("%s, %q: %+v with %d effects, %v", kind, reason, i.Partial, len(i.Effects), err)
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errTest)
		i, err := v.Impact(ctx, []lineage.Change{{Kind: kind, Node: node("a.x")}}, lineage.Query{})
		if !errors.Is(err, errTest) || i == nil || i.Partial.Reason != "context" {
			t.Errorf("%s, cancelled: %v, %+v", kind, err, i)
		}
	}
}

func TestChangesThatAreNoneAreInvalid(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, shopEvents()...)
	for _, c := range []lineage.Change{{Node: node("raw.id")}, {Kind: 9, Node: node("raw.id")}, {Kind: lineage.Drop, Node: node("(sum)")}} {
		if _, err := v.Impact(t.Context(), []lineage.Change{c}, lineage.Query{}); !errors.Is(err, lineage.ErrInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
