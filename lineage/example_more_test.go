package lineage_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// An engine that starts on a store goes on where the last one ended. What is wrong with a
// configuration is said all at once.
func ExampleNew() {
	ctx := context.Background()
	store := lineage.NewMemoryStore()
	first, err := lineage.New(ctx, store, lineage.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := first.Ingest(ctx, nightly(time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC), "orders")); err != nil {
		log.Fatal(err)
	}
	shut(ctx, first)
	second, err := lineage.New(ctx, store, lineage.Config{})
	if err != nil {
		log.Fatal(err)
	}
	sources(now(ctx, second))
	shut(ctx, second)
	_, err = lineage.New(ctx, store, lineage.Config{MaxAhead: -1})
	fmt.Println(err, errors.Is(err, lineage.ErrInvalid))
	// Output:
	// orders since Mar 2
	// lineage: new: Config.MaxAhead is negative: invalid true
}

// The text of a node reads back, whatever is in its name.
func ExampleParseNodeID() {
	id := lineage.DatasetRef{Namespace: "s3://lake", Name: "orders"}.Column("address.zip")
	fmt.Println(id)
	back, err := lineage.ParseNodeID(id.String())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(back == id, back.Dataset())
	// Output:
	// datasetField:s3%3A//lake:orders:address.zip
	// true dataset:s3%3A//lake:orders
}

// What was upstream of a column, nearest first, without building anything.
func ExampleView_Walk() {
	ctx := context.Background()
	engine := warehouse(ctx)
	defer shut(ctx, engine)
	stats, err := now(ctx, engine).Walk(ctx, shop("revenue").Column("total"), lineage.Query{Direction: lineage.Upstream}, func(s lineage.Step) bool {
		fmt.Println(s.Depth, s.Node)
		return true
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stats.Nodes, "nodes,", stats.Edges, "edges")
	// Output:
	// 1 datasetField:shop:orders:amount
	// 1 datasetField:shop:orders:customer
	// 2 datasetField:shop:raw:amount
	// 2 datasetField:shop:raw:state
	// 2 datasetField:shop:raw:mail
	// 5 nodes, 5 edges
}

// How one column comes into another, the shortest way first.
func ExampleView_Paths() {
	ctx := context.Background()
	engine := warehouse(ctx)
	defer shut(ctx, engine)
	for p, err := range now(ctx, engine).Paths(ctx, shop("raw").Column("mail"), shop("revenue").Column("total"), lineage.Query{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(p)
	}
	// Output:
	// datasetField:shop:raw:mail > datasetField:shop:orders:customer > datasetField:shop:revenue:total
}

// The runs of a job, newest first.
func ExampleEngine_Runs() {
	ctx := context.Background()
	engine := warehouse(ctx)
	defer shut(ctx, engine)
	for r, err := range engine.Runs(ctx, lineage.RunQuery{Job: lineage.JobRef{Namespace: "shop", Name: "sum"}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.ID, r.State, r.Outputs)
	}
	// Output:
	// sum-20260302 complete [dataset:shop:revenue]
}

// A name is taken out of all that was ever said, and stays hidden.
func ExampleEngine_Erase() {
	ctx := context.Background()
	engine := warehouse(ctx)
	defer shut(ctx, engine)
	mail := shop("raw").Column("mail")
	if err := engine.Erase(ctx, mail, "request 17"); err != nil {
		log.Fatal(err)
	}
	_, err := now(ctx, engine).Downstream(ctx, mail, lineage.Query{})
	fmt.Println(err)
	// Output:
	// lineage: datasetField:shop:raw:mail: not found
}

// A table is dropped under all of its names: the catalogue's edges end where Spark drops the
// path.
func ExampleLifecycle() {
	ctx := context.Background()
	engine := warehouse(ctx)
	defer shut(ctx, engine)
	path := lineage.DatasetRef{Namespace: "s3", Name: "/lake/orders"}
	_, err := engine.Ingest(ctx, lineage.Event{
		Time: time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC),
		Outputs: []lineage.DatasetFact{{
			Ref: path, States: lineage.Symlinks, Aliases: []lineage.DatasetRef{shop("orders")}, Lifecycle: lineage.Lifecycle{Change: lineage.Dropped},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	for e := range now(ctx, engine).Edges() {
		fmt.Println(e.Layer, e)
	}
	// Output:
	// job job:shop:sum > dataset:shop:revenue (job:shop:sum)
}
