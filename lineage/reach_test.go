package lineage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
)

// reached writes arrivals as "label node exposure: path".
func reached(t *testing.T, v *lineage.View, q lineage.ReachQuery, sources ...string) []string {
	t.Helper()
	var labelled []lineage.Labelled
	for _, s := range sources {
		label, at, _ := strings.Cut(s, " ")
		labelled = append(labelled, lineage.Labelled{Node: node(at), Label: label})
	}
	r, err := v.Reach(t.Context(), labelled, q)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range r.Arrivals {
		out = append(out, fmt.Sprintf("%s %s %s: %s", a.Label, name(a.Node), a.Exposure, lines(a.Path().Edges)))
	}
	for _, s := range r.Stopped {
		out = append(out, fmt.Sprintf("%s stopped at %s: %s", s.Label, name(s.Node), s.Reason))
	}
	return out
}

// OpenMetadata#16400.
func TestMaskingStopsPersonalDataFromCountingAsClear(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{},
		did("j", 1, "u.mail > a.mail IDENTITY", "u.mail > a.hash TRANSFORMATION!", "u.mail > a.group GROUP_BY", "u.mail > a FILTER"),
		did("k", 2, "a.hash > b.hash IDENTITY", "a.mail > b.first TRANSFORMATION", "a.group > b.n AGGREGATION"))
	want := []string{
		"pii a inferred: u.mail > a (j)",
		"pii a.group inferred: u.mail > a.group (j)",
		"pii a.hash masked: u.mail > a.hash (j)",
		"pii a.mail clear: u.mail > a.mail (j)",
		"pii b.first clear: u.mail > a.mail (j), a.mail > b.first (k)",
		"pii b.hash masked: u.mail > a.hash (j), a.hash > b.hash (k)",
		"pii b.n inferred: u.mail > a (j), a.group > b.n (k)",
	}
	if d := cmp.Diff(want, reached(t, v, lineage.ReachQuery{}, "pii u.mail")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestAMaskedPathBesideAnIndirectOneStaysMasked(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "u.x > a.x IDENTITY!", "u.x > b.x FILTER"), did("k", 2, "a.x > c.x IDENTITY", "b.x > c.x IDENTITY"))
	got := reached(t, v, lineage.ReachQuery{}, "pii u.x")
	if want := "pii c.x masked: u.x > a.x (j), a.x > c.x (k)"; !slices.Contains(got, want) {
		t.Errorf("got %q, want %q among them", got, want)
	}
}

func TestOneEdgeWithTwoKindsIsTwoPaths(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "u.x > a.x IDENTITY!+JOIN"), did("k", 2, "a.x > b.x"))
	want := []string{"pii a.x masked: u.x > a.x (j)", "pii b.x masked: u.x > a.x (j), a.x > b.x (k)"}
	if d := cmp.Diff(want, reached(t, v, lineage.ReachQuery{}, "pii u.x")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestALabelEndsAtABarrier(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "u.x > a.x", "u.x > b.x", "u.x > c.p.q"), did("k", 2, "a.x > d.x", "b.x > d.y", "c.p.q > d.z"))
	q := lineage.ReachQuery{Barriers: map[lineage.NodeID]string{node("a"): "declassified", node("b.x"): "public", node("c.p"): "old", node("zz"): "unknown"}}
	want := []string{
		"pii stopped at a.x: declassified",
		"pii stopped at b.x: public",
		"pii stopped at c.p.q: old",
	}
	if d := cmp.Diff(want, reached(t, v, q, "pii u.x")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestLabelsAreFollowedOneByOneAndCyclesEnd(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, did("j", 1, "u.x > a.x IDENTITY", "w.y > a.x IDENTITY!"), did("k", 2, "a.x > b.x AGGREGATION"), did("l", 3, "b.x > a.x IDENTITY!", "b.x > u.x FILTER"))
	want := []string{
		"geo a.x masked: w.y > a.x (j)",
		"pii a.x clear: u.x > a.x (j)",
		"geo b.x masked: w.y > a.x (j), a.x > b.x (k)",
		"pii b.x clear: u.x > a.x (j), a.x > b.x (k)",
		"geo u.x inferred: w.y > a.x (j), a.x > b.x (k), b.x > u.x (l)",
	}
	if d := cmp.Diff(want, reached(t, v, lineage.ReachQuery{}, "pii u.x", "geo w.y")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
