package lineage_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// monday is the day on which the events happen.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant that Go cannot spell

// hour returns an instant of the monday.
func hour(h float64) time.Time { return monday.Add(time.Duration(h * float64(time.Hour))) }

// ds returns datasets of a warehouse.
func ds(names ...string) []lineage.DatasetFact {
	out := []lineage.DatasetFact{}
	for _, n := range names {
		out = append(out, lineage.DatasetFact{Ref: lineage.DatasetRef{Namespace: "w", Name: n}})
	}
	return out
}

// reported returns a run event.
func reported(job, id string, typ lineage.EventType, at float64, in, out []lineage.DatasetFact) lineage.Event {
	return lineage.Event{
		Time: hour(at), Run: &lineage.RunFact{ID: id, Type: typ},
		Job: &lineage.JobFact{Ref: lineage.JobRef{Namespace: "etl", Name: job}}, Inputs: in, Outputs: out,
	}
}

// columns states column edges "x.a>b": column a of dataset x makes column b of the fact's.
func columns(fact lineage.DatasetFact, edges ...string) []lineage.DatasetFact {
	fact.States |= lineage.ColumnEdges
	for _, e := range edges {
		from, to, _ := strings.Cut(e, ">")
		dataset, column, _ := strings.Cut(from, ".")
		fact.Edges = append(fact.Edges, lineage.EdgeFact{
			From: lineage.DatasetRef{Namespace: "w", Name: dataset}.Column(column), To: fact.Ref.Column(to),
			Kinds: []lineage.Transformation{{Type: lineage.Direct, Subtype: lineage.Identity}},
		})
	}
	return []lineage.DatasetFact{fact}
}

// open returns an engine on a store of its own, or on the one given.
func open(t *testing.T, cfg lineage.Config, stores ...lineage.Store) *lineage.Engine {
	t.Helper()
	var store lineage.Store = lineage.NewMemoryStore()
	if len(stores) > 0 {
		store = stores[0]
	}
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return hour(100) }
	}
	if cfg.Poll == 0 {
		cfg.Poll = -1
	}
	e, err := lineage.New(t.Context(), store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return e
}

// ingest hands events over one by one; none may be refused.
func ingest(t *testing.T, e *lineage.Engine, events ...lineage.Event) {
	t.Helper()
	for _, x := range events {
		report, err := e.Ingest(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if r := report.Results[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// edges returns the edges of a view at dataset or column level as lines. A window shows
// the stretches too.
func edges(t *testing.T, e *lineage.Engine, at lineage.At, layers ...lineage.Layer) []string {
	t.Helper()
	v, err := e.View(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) == 0 {
		layers = []lineage.Layer{lineage.DatasetLayer, lineage.ColumnLayer}
	}
	out := []string{}
	for x := range v.Edges() {
		if !slices.Contains(layers, x.Layer) {
			continue
		}
		line := short(x.From) + " > " + short(x.To)
		if x.Stale {
			line += " stale"
		}
		if !at.Until.IsZero() {
			line += fmt.Sprintf(" [%s, %s)", clock(x.ValidFrom), clock(x.ValidTo))
		}
		out = append(out, line)
	}
	return out
}

func short(id lineage.NodeID) string {
	if id.Field != "" {
		return id.Name + "." + id.Field
	}
	return id.Name
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return fmt.Sprint(t.Sub(monday).Hours())
}

// always is the window of all times.
func always() lineage.At { return lineage.At{Until: hour(1000)} }

// dump is everything of an all-time window, as text.
func dump(t *testing.T, e *lineage.Engine) string {
	t.Helper()
	v, err := e.View(t.Context(), always())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range v.Nodes() {
		fmt.Fprintf(&b, "%+v\n", n)
	}
	for x := range v.Edges() {
		fmt.Fprintf(&b, "%s > %s %d %s %s %v [%s, %s) %s %s stale=%t\n", x.From, x.To, x.Layer, x.Job, x.Origin, x.Kinds, clock(x.ValidFrom), clock(x.ValidTo), clock(x.LastSeen), x.Certainty, x.Stale)
	}
	return b.String()
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestInputsTimesOutputsOfACompleteRun(t *testing.T) {
	e := open(t, lineage.Config{})
	ingest(t, e, reported("load", "r1", lineage.Start, 1, ds("a", "b"), nil))
	want(t, edges(t, e, lineage.At{}))
	ingest(t, e, reported("load", "r1", lineage.Complete, 2, nil, ds("x")))
	want(t, edges(t, e, lineage.At{}), "a > x", "b > x")
	want(t, edges(t, e, lineage.At{Time: hour(1.5)}))
	want(t, edges(t, e, lineage.At{}, lineage.JobLayer), "load > x", "a > load", "b > load")
}

func TestAChangeEndsAnEdgeWhereItHappened(t *testing.T) {
	e := open(t, lineage.Config{})
	ingest(t, e,
		reported("load", "r3", lineage.Complete, 3, ds("b"), ds("x")),
		reported("load", "r1", lineage.Complete, 1, ds("a"), ds("x")),
		reported("load", "r2", lineage.Complete, 2, ds("a", "b"), ds("x")))
	want(t, edges(t, e, always()), "a > x [1, 3)", "b > x [2, -)")
}

// Every order of the events, in batches of every size, gives the same state.
// Invariant: lineage 1.
func TestOrderAndBatchesDoNotCount(t *testing.T) {
	events := history()
	var first string
	for seed := range 300 {
		order := shuffled(len(events), seed)
		e := open(t, lineage.Config{})
		for i := 0; i < len(order); {
			n := min(1+(seed*7+i*3)%5, len(order)-i)
			var batch []lineage.Event
			for _, k := range order[i : i+n] {
				batch = append(batch, events[k])
			}
			if seed%3 == 0 {
				batch = append(batch, events[order[0]])
			}
			if _, err := e.Ingest(t.Context(), batch...); err != nil {
				t.Fatal(err)
			}
			i += n
		}
		got := dump(t, e)
		if first = cmp.Or(first, got); got != first {
			t.Fatalf("seed %d: got\n%s\nwhere another order gave\n%s", seed, got, first)
		}
	}
}

// shuffled returns a permutation that depends on the seed alone.
func shuffled(n, seed int) []int {
	out := make([]int, n)
	r := rand.New(rand.NewPCG(uint64(seed), 1)) //nolint:gosec // a test that can be repeated
	for i := range out {
		out[i] = i
	}
	if seed == 0 {
		return out
	}
	for i := n - 1; i > 0; i-- {
		k := r.IntN(i + 1)
		out[i], out[k] = out[k], out[i]
	}
	return out
}

// history is a little of everything.
func history() []lineage.Event {
	schema := func(d lineage.DatasetFact, paths ...string) lineage.DatasetFact {
		d.States |= lineage.Schema
		for _, p := range paths {
			d.Fields = append(d.Fields, lineage.Field{Path: p, Type: "int"})
		}
		return d
	}
	renamed := ds("x2")
	renamed[0].Lifecycle = lineage.Lifecycle{Change: lineage.Renamed, From: ds("x")[0].Ref}
	dropped := ds("a")
	dropped[0].Lifecycle = lineage.Lifecycle{Change: lineage.Dropped}
	aliased := ds("b")
	aliased[0].States, aliased[0].Aliases = lineage.Symlinks, []lineage.DatasetRef{{Namespace: "w", Name: "bb"}}
	bare := ds("b")
	bare[0].States = lineage.Symlinks
	x := columns(ds("x")[0], "a.i>k", "b.j>l")
	x[0] = schema(x[0], "k", "l")
	less := columns(ds("x")[0], "a.i>k")
	parsed := reported("load", "", lineage.Untyped, 1.5, ds("a"), columns(ds("x")[0], "a.i>k", "a.z>k"))
	parsed.Run, parsed.Origin = nil, lineage.SQL
	streaming := reported("stream", "s", lineage.Running, 3, ds("t"), ds("u"))
	streaming.Job.Processing = lineage.Streaming
	declared := func(at float64, in, out []lineage.DatasetFact) lineage.Event {
		e := reported("decl", "", lineage.Untyped, at, in, out)
		e.Run = nil
		return e
	}
	return []lineage.Event{
		reported("load", "r1", lineage.Start, 1, ds("a", "b"), nil),
		reported("load", "r1", lineage.Complete, 2, nil, x),
		reported("load", "r2", lineage.Complete, 3, ds("a", "b"), x),
		reported("load", "r3", lineage.Complete, 4, ds("a"), less),
		reported("load", "r4", lineage.Complete, 5, ds("bb"), append(ds("y"), schema(ds("x")[0], "k"))),
		reported("load", "r5", lineage.Complete, 6, ds("b"), ds("y")),
		reported("load", "r6", lineage.Complete, 7, ds("b"), ds("y")),
		reported("load", "r7", lineage.Fail, 7.5, ds("b"), ds("y")),
		reported("load", "r8", lineage.Complete, 8, ds("b"), ds("y")),
		reported("load", "r9", lineage.Complete, 9, ds("b"), ds("x")),
		reported("alter", "a1", lineage.Complete, 4.5, nil, renamed),
		reported("alter", "a2", lineage.Complete, 3.5, dropped, ds("log")),
		reported("other", "o1", lineage.Complete, 2.5, aliased, ds("z")),
		reported("other", "o2", lineage.Complete, 6.5, bare, ds("z")),
		reported("other", "o3", lineage.Complete, 6.6, ds("x", "x2"), ds("z")),
		parsed, streaming,
		reported("stream", "s", lineage.Start, 2.9, ds("t"), ds("v")),
		reported("stream", "s", lineage.Running, 3.4, ds("t", "t2"), ds("u")),
		reported("stream", "s", lineage.Abort, 9.5, ds("t2"), ds("u")),
		declared(1, ds("m"), ds("n", "o")), declared(2, ds("m"), ds("n")), declared(2.2, ds("m", "x"), ds("n")),
		{Time: hour(2.7), Outputs: []lineage.DatasetFact{schema(ds("x")[0], "l")}},
	}
}
