package bench_test

import (
	"testing"
	"time"

	dgraph "github.com/dominikbraun/graph"
	"github.com/tenon-go/tenon/lineage"
	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gonum.org/v1/gonum/graph/traverse"
)

// BenchmarkDownstreamVsPeers walks downstream of one column of the first layer, in a graph
// of 100,000 columns and 1 M edges, beside the peers' breadth first searches over the same
// edges. Neither of them keeps names and times beside the edges. There are five turns at
// least, and the middle one stands: a peer's walk takes so long that whatever else the
// machine does is in it.
func BenchmarkDownstreamVsPeers(b *testing.B) {
	l := small()
	v, err := layeredEngine(b, l).View(b.Context(), lineage.At{})
	if err != nil {
		b.Fatal(err)
	}
	directed := simple.NewDirectedGraph()
	hashed := dgraph.New(dgraph.StringHash, dgraph.Directed()) // Its nodes have names, gonum's have numbers.
	names := make([]string, l.nodes())
	for n := range l.nodes() {
		directed.AddNode(simple.Node(n))
		names[n] = l.dataset(n/layeredColumns/l.datasets, n/layeredColumns%l.datasets).Column(columnName(n % layeredColumns)).String()
		if err := hashed.AddVertex(names[n]); err != nil {
			b.Fatal(err)
		}
	}
	l.each(func(_, _, _ int, edges []pick) {
		for _, p := range edges {
			directed.SetEdge(directed.NewEdge(simple.Node(p.from), simple.Node(p.to)))
			_ = hashed.AddEdge(names[p.from], names[p.to]) // The second of two equal edges is refused.
		}
	})
	start := l.dataset(0, 0).Column(columnName(0))
	var ours, theirs, dominik []time.Duration
	turn := func() {
		nodes, gonumNodes, dominikNodes := 0, -1, -1 // Theirs visit the start.
		for range 20 {
			nodes = 0
			begin := time.Now()
			if _, err := v.Walk(b.Context(), start, lineage.Query{}, func(lineage.Step) bool { nodes++; return true }); err != nil {
				b.Fatal(err)
			}
			ours = append(ours, time.Since(begin))
		}
		begin := time.Now()
		(&traverse.BreadthFirst{}).Walk(directed, directed.Node(0), func(gonum.Node, int) bool { gonumNodes++; return false })
		theirs = append(theirs, time.Since(begin))
		begin = time.Now()
		if err := dgraph.BFS(hashed, names[0], func(string) bool { dominikNodes++; return false }); err != nil {
			b.Fatal(err)
		}
		dominik = append(dominik, time.Since(begin))
		if nodes == 0 || nodes != gonumNodes || nodes != dominikNodes {
			b.Fatalf("%d nodes; gonum has %d, dominikbraun/graph %d", nodes, gonumNodes, dominikNodes)
		}
	}
	for b.Loop() {
		for range 5 {
			turn()
		}
	}
	b.ReportMetric(float64(median(ours)), "ns-tenon")
	b.ReportMetric(float64(median(theirs))/float64(median(ours)), "x-gonum")
	b.ReportMetric(float64(median(dominik))/float64(median(ours)), "x-dominikbraun")
}
