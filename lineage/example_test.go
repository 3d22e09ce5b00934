package lineage_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// shop names datasets and jobs of one warehouse.
func shop(dataset string) lineage.DatasetRef {
	return lineage.DatasetRef{Namespace: "shop", Name: dataset}
}

// completed is what a run reports when it ends: the columns of one output.
func completed(job string, at time.Time, output string, edges ...lineage.EdgeFact) lineage.Event {
	return lineage.Event{
		Time:    at,
		Run:     &lineage.RunFact{ID: job + at.Format("-20060102"), Type: lineage.Complete},
		Job:     &lineage.JobFact{Ref: lineage.JobRef{Namespace: "shop", Name: job}, Owners: []string{"team-" + job}},
		Outputs: []lineage.DatasetFact{{Ref: shop(output), States: lineage.ColumnEdges, Edges: edges}},
	}
}

// made is one column made from another.
func made(from, to lineage.NodeID, kind, subtype string, masked bool) lineage.EdgeFact {
	return lineage.EdgeFact{From: from, To: to, Kinds: []lineage.Transformation{{Type: kind, Subtype: subtype, Masking: masked}}}
}

// warehouse has two jobs: one cleans orders, the other sums them up.
func warehouse(ctx context.Context) *lineage.Engine {
	engine, err := lineage.New(ctx, lineage.NewMemoryStore(), lineage.Config{})
	if err != nil {
		log.Fatal(err)
	}
	day := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	_, err = engine.Ingest(ctx,
		completed("clean", day, "orders",
			made(shop("raw").Column("amount"), shop("orders").Column("amount"), lineage.Direct, lineage.Identity, false),
			made(shop("raw").Column("mail"), shop("orders").Column("customer"), lineage.Direct, lineage.Transform, true),
			made(shop("raw").Column("state"), shop("orders").Node(), lineage.Indirect, lineage.FilterCriteria, false)),
		completed("sum", day.Add(time.Hour), "revenue",
			made(shop("orders").Column("amount"), shop("revenue").Column("total"), lineage.Direct, lineage.Aggregation, false),
			made(shop("orders").Column("customer"), shop("revenue").Column("total"), lineage.Indirect, lineage.GroupBy, false)))
	if err != nil {
		log.Fatal(err)
	}
	return engine
}

func now(ctx context.Context, engine *lineage.Engine) *lineage.View {
	view, err := engine.View(ctx, lineage.At{})
	if err != nil {
		log.Fatal(err)
	}
	return view
}

// Two events in, what is downstream of one column out.
func Example() {
	ctx := context.Background()
	engine := warehouse(ctx)
	defer shut(ctx, engine)
	graph, err := now(ctx, engine).Downstream(ctx, shop("raw").Column("amount"), lineage.Query{})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range graph.Edges {
		fmt.Println(e.From, "->", e.To, e.Kinds[0].Subtype, "by", e.Job.Name)
	}
	// Output:
	// datasetField:shop:orders:amount -> datasetField:shop:revenue:total AGGREGATION by sum
	// datasetField:shop:raw:amount -> datasetField:shop:orders:amount IDENTITY by clean
}

func shut(ctx context.Context, engine *lineage.Engine) {
	if err := engine.Close(ctx); err != nil {
		log.Fatal(err)
	}
}

// What happens if a column is dropped.
func ExampleView_Impact() {
	ctx := context.Background()
	engine := warehouse(ctx)
	defer shut(ctx, engine)
	impact, err := now(ctx, engine).Impact(ctx, []lineage.Change{{Kind: lineage.Drop, Node: shop("orders").Column("amount")}}, lineage.Query{})
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range impact.Effects {
		fmt.Println(e.Severity, e.Node.ID, e.Node.Owners)
	}
	// Output:
	// breaks job:shop:sum [team-sum]
	// starves dataset:shop:revenue []
	// starves datasetField:shop:revenue:total []
}

// Where personal data arrives, and how.
func ExampleView_Reach() {
	ctx := context.Background()
	engine := warehouse(ctx)
	defer shut(ctx, engine)
	reach, err := now(ctx, engine).Reach(ctx, []lineage.Labelled{{Node: shop("raw").Column("mail"), Label: "pii"}}, lineage.ReachQuery{})
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range reach.Arrivals {
		fmt.Println(a.Label, a.Exposure, a.Node, len(a.Path().Edges))
	}
	// Output:
	// pii masked datasetField:shop:orders:customer 1
	// pii inferred datasetField:shop:revenue:total 2
}

// What another version of a job changed.
func ExampleDiff() {
	ctx := context.Background()
	engine := warehouse(ctx)
	defer shut(ctx, engine)
	before := now(ctx, engine)
	_, err := engine.Ingest(ctx, completed("sum", time.Date(2026, 3, 3, 4, 0, 0, 0, time.UTC), "revenue",
		made(shop("orders").Column("amount"), shop("revenue").Column("total"), lineage.Direct, lineage.Aggregation, false)))
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range lineage.Diff(before, now(ctx, engine), lineage.Query{}).Removed {
		fmt.Println("removed:", e.From, "->", e.To, e.Kinds[0].Subtype)
	}
	// Output:
	// removed: datasetField:shop:orders:customer -> datasetField:shop:revenue:total GROUP_BY
}

// A gate before a change: who reads what is not there any longer.
func ExampleCheck() {
	ctx := context.Background()
	base, head := warehouse(ctx), warehouse(ctx)
	defer shut(ctx, base)
	defer shut(ctx, head)
	_, err := head.Ingest(ctx, completed("clean", time.Date(2026, 3, 3, 3, 0, 0, 0, time.UTC), "orders",
		made(shop("raw").Column("amount"), shop("orders").Column("gross"), lineage.Direct, lineage.Identity, false),
		made(shop("raw").Column("mail"), shop("orders").Column("customer"), lineage.Direct, lineage.Transform, false)))
	if err != nil {
		log.Fatal(err)
	}
	for _, b := range lineage.Check(now(ctx, base), now(ctx, head), []lineage.Labelled{{Node: shop("raw").Column("mail"), Label: "pii"}}) {
		fmt.Println(strings.TrimSpace(fmt.Sprintf("%s: %s %s", b.Kind, b.Node, b.To+b.Label)))
		for _, r := range b.Readers {
			fmt.Println("  breaks", r.ID, r.Owners)
		}
	}
	// Output:
	// redefined: dataset:shop:orders
	//   breaks job:shop:sum [team-sum]
	// renamed: datasetField:shop:orders:amount gross
	//   breaks job:shop:sum [team-sum]
	// redefined: datasetField:shop:orders:customer
	//   breaks job:shop:sum [team-sum]
	// newly clear: datasetField:shop:orders:customer pii
	//   breaks job:shop:sum [team-sum]
}
