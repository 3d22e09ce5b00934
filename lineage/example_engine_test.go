package lineage_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// nightly is what one run of a job reports when it ends: the report is made from one
// source.
func nightly(at time.Time, source string) lineage.Event {
	report := shop("report")
	return lineage.Event{
		Time:   at,
		Run:    &lineage.RunFact{ID: "run of " + at.Format("Jan 2"), Type: lineage.Complete},
		Job:    &lineage.JobFact{Ref: lineage.JobRef{Namespace: "shop", Name: "nightly"}, SQL: "insert into report select * from " + source},
		Inputs: []lineage.DatasetFact{{Ref: shop(source)}}, Outputs: []lineage.DatasetFact{{Ref: report}},
	}
}

// sources prints what the report was made from.
func sources(v *lineage.View) {
	for e := range v.Edges() {
		if e.Layer == lineage.DatasetLayer {
			fmt.Println(e.From.Name, "since", e.ValidFrom.Format("Jan 2"))
		}
	}
}

// A view as of an instant has the edges that were valid then.
func ExampleEngine_View_asOf() {
	ctx := context.Background()
	monday := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	e, err := lineage.New(ctx, lineage.NewMemoryStore(), lineage.Config{Now: func() time.Time { return monday.AddDate(0, 0, 9) }})
	if err != nil {
		log.Fatal(err)
	}
	if _, err = e.Ingest(ctx, nightly(monday, "orders"), nightly(monday.AddDate(0, 0, 1), "orders_v2")); err != nil {
		log.Fatal(err)
	}
	for _, at := range []lineage.At{{Time: monday.Add(time.Hour)}, {}} {
		v, err := e.View(ctx, at)
		if err != nil {
			log.Fatal(err)
		}
		sources(v)
	}
	if err := e.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// orders since Mar 2
	// orders_v2 since Mar 3
}

// What came late is in today's view of that night, but was not believed then.
func ExampleEngine_View_knownAt() {
	ctx := context.Background()
	monday := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	now := monday.Add(time.Minute)
	e, err := lineage.New(ctx, lineage.NewMemoryStore(), lineage.Config{Now: func() time.Time { return now }, Poll: -1})
	if err != nil {
		log.Fatal(err)
	}
	if _, err = e.Ingest(ctx, nightly(monday.AddDate(0, 0, -1), "orders")); err != nil {
		log.Fatal(err)
	}
	now = monday.AddDate(0, 0, 2) // The event of Monday took two days.
	if _, err = e.Ingest(ctx, nightly(monday, "orders_v2")); err != nil {
		log.Fatal(err)
	}
	now = now.Add(time.Hour)
	for _, known := range []time.Time{monday.Add(time.Hour), now} {
		v, err := e.View(ctx, lineage.At{Time: monday.Add(time.Hour), Known: known})
		if err != nil {
			log.Fatal(err)
		}
		sources(v)
	}
	if err := e.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// orders since Mar 1
	// orders_v2 since Mar 2
}

// An edge is explained by the runs that assert it.
func ExampleEngine_Explain() {
	ctx := context.Background()
	monday := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	e, err := lineage.New(ctx, lineage.NewMemoryStore(), lineage.Config{Now: func() time.Time { return monday.AddDate(0, 0, 9) }})
	if err != nil {
		log.Fatal(err)
	}
	if _, err = e.Ingest(ctx, nightly(monday, "orders"), nightly(monday.AddDate(0, 0, 1), "orders")); err != nil {
		log.Fatal(err)
	}
	x, err := e.Explain(ctx, lineage.Edge{
		From: shop("orders").Node(), To: shop("report").Node(), Layer: lineage.DatasetLayer,
		Job: lineage.JobRef{Namespace: "shop", Name: "nightly"}, Origin: lineage.Observed,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(x.Runs, "since", x.First.Format("Jan 2"))
	fmt.Println(x.SQL)
	if err := e.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// [run of Mar 3 run of Mar 2] since Mar 2
	// insert into report select * from orders
}
