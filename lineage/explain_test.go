package lineage_test

import (
	"slices"
	"testing"

	"github.com/tenon-go/tenon/lineage"
	"pgregory.net/rapid"
)

// Each edge that any answer shows is explained by at least one record.
func TestEveryEdgeOfAnAnswerIsExplained(t *testing.T) { //nolint:gocognit // one story, checked as it goes
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e, err := lineage.New(t.Context(), lineage.NewMemoryStore(), lineage.Config{Poll: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = e.Close(t.Context()) }()
		if _, err := e.Ingest(t.Context(), drawEvents(t)...); err != nil {
			t.Fatal(err)
		}
		v, err := e.View(t.Context(), lineage.At{})
		if err != nil {
			t.Fatal(err)
		}
		q := drawQuery(t)
		edges := slices.Collect(v.Edges())
		for n := range v.Nodes() {
			s, err := v.Downstream(t.Context(), n.ID, q)
			if err != nil {
				t.Fatal(err)
			}
			edges = append(edges, s.Edges...)
			if n.ID.Kind == lineage.JobNode {
				continue
			}
			level := lineage.Query{Level: rapid.SampledFrom([]lineage.Level{lineage.DatasetLevel, lineage.ColumnLevel}).Draw(t, "of impact")}
			kind := rapid.SampledFrom([]lineage.ChangeKind{lineage.Drop, lineage.Retype}).Draw(t, "change")
			i, err := v.Impact(t.Context(), []lineage.Change{{Kind: kind, Node: n.ID}}, level)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range i.Effects {
				edges = append(edges, x.Path().Edges...)
			}
		}
		slices.SortFunc(edges, lineage.Edge.Compare)
		edges = slices.CompactFunc(edges, func(a, b lineage.Edge) bool { return a.Compare(b) == 0 })
		for _, x := range edges {
			if got, err := e.Explain(t.Context(), x); err != nil || len(got.Records) == 0 {
				t.Fatalf("%s %s %s %s: %+v, %v", x.Layer, name(x.From), name(x.To), x.Kinds, got, err)
			}
		}
	})
}

// The paths of an impact are made of edges that the view, or at dataset level a traversal at
// that level, has: each begins at what the one before ends at, or in its dataset.
func TestThePathsOfAnImpactAreThereAtItsLevel(t *testing.T) { //nolint:gocognit // one story, checked as it goes
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := viewOf(t, lineage.At{}, drawEvents(t))
		ends := func(e lineage.Edge) string { return e.From.String() + " " + e.To.String() + " " + e.Job.Name }
		stated, writes := map[string]bool{}, map[lineage.JobRef][]lineage.DatasetRef{}
		for e := range v.Edges() {
			stated[ends(e)] = true
			if e.Job != (lineage.JobRef{}) && e.To.Kind != lineage.JobNode {
				writes[e.Job] = append(writes[e.Job], e.To.Dataset())
			}
		}
		level := rapid.SampledFrom([]lineage.Level{lineage.DatasetLevel, lineage.ColumnLevel}).Draw(t, "level")
		kind := rapid.SampledFrom([]lineage.ChangeKind{lineage.Drop, lineage.Retype, lineage.Redefine}).Draw(t, "change")
		q := lineage.Query{Level: level}
		lifted := map[string]bool{}
		for n := range v.Nodes() {
			s, err := v.Downstream(t.Context(), n.ID, lineage.Query{Level: lineage.DatasetLevel})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range s.Edges {
				lifted[ends(e)] = true
			}
		}
		for n := range v.Nodes() {
			if n.ID.Kind == lineage.JobNode {
				continue
			}
			i, err := v.Impact(t.Context(), []lineage.Change{{Kind: kind, Node: n.ID}}, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range i.Effects {
				before, job := n.ID, lineage.JobRef{}
				if len(x.Path().Edges) != x.Hop {
					t.Fatalf("%s after %d edges: %s", name(x.Node.ID), x.Hop, x.Path())
				}
				for _, e := range x.Path().Edges {
					switch columns := e.From.Kind == lineage.ColumnNode && e.To.Kind == lineage.ColumnNode; {
					case before.Dataset() != e.From.Dataset() && !slices.Contains(writes[job], e.From.Dataset()):
						t.Fatalf("%s breaks off: %s", name(x.Node.ID), x.Path())
					case level == lineage.DatasetLevel && e.To.Kind != lineage.JobNode && !lifted[ends(e)]:
						t.Fatalf("no edge at dataset level: %s of %s; %s: %v", e, name(n.ID), x.Path(), lifted)
					case level == lineage.ColumnLevel && !columns && !stated[ends(e)], columns && !stated[ends(e)] && !namesake(stated, ends, e):
						t.Fatalf("no edge: %s", e)
					}
					before, job = e.To, e.Job
				}
			}
		}
	})
}

// namesake reports whether an edge between columns is one that a * states.
func namesake(stated map[string]bool, ends func(lineage.Edge) string, e lineage.Edge) bool {
	all := e
	all.From.Field = "*"
	if stated[ends(all)] {
		return true
	}
	all.To.Field = "*"
	return stated[ends(all)]
}
