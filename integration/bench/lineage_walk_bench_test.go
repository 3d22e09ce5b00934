package bench_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// A layered graph is layers of datasets with 50 columns each, one job a dataset. A column
// past the first layer has 10 or 11 columns of the layer before as inputs, drawn at random
// with a fixed seed. runs is how often each job has run: from the second time on, a tenth
// of its edges are others than before.
type layered struct {
	layers, datasets, runs int
}

const (
	layeredColumns = 50
	layeredSpace   = "warehouse"
)

func (l layered) dataset(layer, i int) lineage.DatasetRef {
	return lineage.DatasetRef{Namespace: layeredSpace, Name: fmt.Sprintf("layer%02d.dataset%04d", layer, i)}
}

func columnName(i int) string { return fmt.Sprintf("column%02d", i) }

// number is a column as the plain loops know it.
func (l layered) number(layer, dataset, column int) int32 {
	return int32((layer*l.datasets+dataset)*layeredColumns + column) //nolint:gosec // a million at most
}

func (l layered) nodes() int { return l.layers * l.datasets * layeredColumns }

// at returns the time of a run.
func (l layered) at(run int) time.Time { return time.Date(2026, 1, 1+run, 0, 0, 0, 0, time.UTC) }

// A pick is one edge of a job: between columns of neighbouring layers, by number.
type pick struct{ from, to int32 }

// each calls f with the edges that each job has in each of its runs.
func (l layered) each(f func(layer, dataset, run int, edges []pick)) {
	random := rand.New(rand.NewPCG(1, 2))
	for layer := 1; layer < l.layers; layer++ {
		before := l.datasets * layeredColumns
		draw := func() int32 { return l.number(layer-1, 0, 0) + int32(random.IntN(before)) } //nolint:gosec // less than a million
		for d := range l.datasets {
			var edges []pick
			for c := range layeredColumns {
				for range 10 + random.IntN(2) {
					edges = append(edges, pick{draw(), l.number(layer, d, c)})
				}
			}
			f(layer, d, 0, edges)
			for run := 1; run < l.runs; run++ {
				for range len(edges) / 10 {
					edges[random.IntN(len(edges))].from = draw()
				}
				f(layer, d, run, edges)
			}
		}
	}
}

// events calls send with the graph as runs, 100 a call.
func (l layered) events(send func([]lineage.Event)) {
	refs := make([]lineage.DatasetRef, l.layers*l.datasets)
	for i := range refs {
		refs[i] = l.dataset(i/l.datasets, i%l.datasets)
	}
	columns := make([]string, layeredColumns)
	for i := range columns {
		columns[i] = columnName(i)
	}
	node := func(n int32) lineage.NodeID { return refs[n/layeredColumns].Column(columns[n%layeredColumns]) }
	kinds := []lineage.Transformation{{Type: lineage.Direct, Subtype: lineage.Identity}}
	var batch []lineage.Event
	l.each(func(layer, d, run int, picks []pick) {
		edges := make([]lineage.EdgeFact, len(picks))
		for i, p := range picks {
			edges[i] = lineage.EdgeFact{From: node(p.from), To: node(p.to), Kinds: kinds}
		}
		name := fmt.Sprintf("job.layer%02d.dataset%04d", layer, d)
		batch = append(batch, lineage.Event{
			Time: l.at(run), Run: &lineage.RunFact{ID: fmt.Sprint(name, "-", run), Type: lineage.Complete},
			Job:     &lineage.JobFact{Ref: lineage.JobRef{Namespace: layeredSpace, Name: name}},
			Outputs: []lineage.DatasetFact{{Ref: refs[layer*l.datasets+d], States: lineage.ColumnEdges, Edges: edges}},
		})
		if len(batch) == 100 {
			send(batch)
			batch = nil
		}
	})
	if len(batch) > 0 {
		send(batch)
	}
}

// fill gives the graph to an engine.
func (l layered) fill(b *testing.B, e *lineage.Engine) {
	b.Helper()
	l.events(func(batch []lineage.Event) {
		if _, err := e.Ingest(b.Context(), batch...); err != nil {
			b.Fatal(err)
		}
	})
}

// plain is the physical limit: the rows of the edges of one run, as two arrays.
func (l layered) plain(run int) (off, to []int32) {
	var picks []pick
	l.each(func(_, _, r int, edges []pick) {
		if r != run {
			return
		}
		seen := map[pick]bool{}
		for _, p := range edges {
			if !seen[p] {
				seen[p] = true
				picks = append(picks, p)
			}
		}
	})
	off, to = make([]int32, l.nodes()+1), make([]int32, len(picks))
	for _, p := range picks {
		off[p.from+1]++
	}
	for i := range l.nodes() {
		off[i+1] += off[i]
	}
	next := append([]int32(nil), off...)
	for _, p := range picks {
		to[next[p.from]] = p.to
		next[p.from]++
	}
	return off, to
}

// plainLoop visits what is reached from the columns of the first dataset.
func plainLoop(off, to []int32, seen []bool, queue []int32) (nodes, edges int) {
	clear(seen)
	queue = queue[:0]
	for n := range int32(layeredColumns) {
		seen[n] = true
		queue = append(queue, n)
	}
	for head := 0; head < len(queue); head++ {
		n := queue[head]
		for _, m := range to[off[n]:off[n+1]] {
			edges++
			if !seen[m] {
				seen[m] = true
				queue = append(queue, m)
			}
		}
	}
	return len(queue) - layeredColumns, edges
}

// graphs are made once: ten million edges take their time.
//
//nolint:gochecknoglobals // a fixture of several benchmarks
var graphs = map[layered]*lineage.Engine{}

func layeredEngine(b *testing.B, l layered) *lineage.Engine {
	b.Helper()
	if graphs[l] == nil {
		e, err := lineage.New(context.Background(), lineage.NewMemoryStore(), lineage.Config{Poll: -1, CheckpointEvery: -1})
		if err != nil {
			b.Fatal(err)
		}
		l.fill(b, e)
		graphs[l] = e
	}
	return graphs[l]
}

// small is a graph of a hundred thousand columns and a million edges.
func small() layered { return layered{layers: 20, datasets: 100, runs: 1} }

// sizes runs a benchmark on the small graph and on its sister of ten million edges.
func sizes(b *testing.B, runs int, f func(b *testing.B, l layered)) {
	b.Helper()
	b.Run("edges=1M", func(b *testing.B) { f(b, layered{layers: 20, datasets: 100, runs: runs}) })
	b.Run("edges=10M", func(b *testing.B) {
		if testing.Short() {
			b.Skip("ten million edges take their time to come in")
		}
		f(b, layered{layers: 20, datasets: 1000, runs: runs})
	})
}

func downstream(b *testing.B, l layered, run int, at lineage.At) {
	b.Helper()
	v, err := layeredEngine(b, l).View(b.Context(), at)
	if err != nil {
		b.Fatal(err)
	}
	off, to := l.plain(run)
	seen, queue := make([]bool, l.nodes()), make([]int32, 0, l.nodes())
	runtime.GC()
	var ours, theirs []time.Duration
	for b.Loop() {
		begin := time.Now()
		nodes := 0
		s, err := v.Walk(b.Context(), l.dataset(0, 0).Node(), lineage.Query{Level: lineage.ColumnLevel}, func(s lineage.Step) bool {
			if s.Node.Kind == lineage.ColumnNode {
				nodes++
			}
			return true
		})
		if err != nil {
			b.Fatal(err)
		}
		ours = append(ours, time.Since(begin))
		begin = time.Now()
		wantNodes, wantEdges := plainLoop(off, to, seen, queue)
		theirs = append(theirs, time.Since(begin))
		if nodes != wantNodes || s.Edges != wantEdges {
			b.Fatalf("%d nodes, %d edges; the plain loop has %d and %d", nodes, s.Edges, wantNodes, wantEdges)
		}
	}
	b.ReportMetric(float64(median(ours)), "ns-tenon")
	b.ReportMetric(float64(median(theirs)), "ns-csr")
	b.ReportMetric(float64(median(ours))/float64(median(theirs)), "x-csr")
}

// BenchmarkDownstream walks over all that is made from one dataset of the first layer, now.
func BenchmarkDownstream(b *testing.B) {
	sizes(b, 1, func(b *testing.B, l layered) {
		b.Helper()
		downstream(b, l, 0, lineage.At{})
	})
}

// BenchmarkDownstreamAsOf is the same at the second of three runs of each job.
func BenchmarkDownstreamAsOf(b *testing.B) {
	sizes(b, 3, func(b *testing.B, l layered) {
		b.Helper()
		downstream(b, l, 1, lineage.At{Time: l.at(1)})
	})
}

// BenchmarkWalkLocal asks what is near: 64 starts in turn, cut at 90 nodes.
func BenchmarkWalkLocal(b *testing.B) {
	sizes(b, 1, func(b *testing.B, l layered) {
		b.Helper()
		v, err := layeredEngine(b, l).View(b.Context(), lineage.At{})
		if err != nil {
			b.Fatal(err)
		}
		starts := make([]lineage.NodeID, 64)
		for i := range starts {
			starts[i] = l.dataset(0, i).Column(columnName(i % layeredColumns))
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s, err := v.Walk(b.Context(), starts[i%len(starts)], lineage.Query{MaxNodes: 90}, func(lineage.Step) bool { return true })
			if err != nil || s.Nodes != 90 {
				b.Fatalf("%+v, %v", s, err)
			}
		}
	})
}

// BenchmarkReach follows one label over the whole graph.
func BenchmarkReach(b *testing.B) {
	sizes(b, 1, func(b *testing.B, l layered) {
		b.Helper()
		v, err := layeredEngine(b, l).View(b.Context(), lineage.At{})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			r, err := v.Reach(b.Context(), []lineage.Labelled{{Node: l.dataset(0, 0).Node(), Label: "pii"}}, lineage.ReachQuery{})
			if err != nil || len(r.Arrivals) == 0 {
				b.Fatal(err)
			}
		}
	})
}
