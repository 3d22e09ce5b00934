package openlineage_test

import (
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
)

// A run tells how it made a column. Its time lacks a zone, which is mended with a
// warning.
func ExampleDecode() {
	event, warnings, err := openlineage.Decode([]byte(`{
		"eventTime": "2026-03-01T06:00:00", "eventType": "COMPLETE",
		"producer": "https://example.com/nightly", "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
		"run": {"runId": "0190a000-0000-7000-8000-000000000001"},
		"job": {"namespace": "batch", "name": "revenue"},
		"inputs": [{"namespace": "pg", "name": "shop.orders"}],
		"outputs": [{"namespace": "pg", "name": "shop.revenue", "facets": {"columnLineage": {"fields": {
			"total": {"inputFields": [
				{"namespace": "pg", "name": "shop.orders", "field": "amount", "transformations": [{"type": "DIRECT", "subtype": "AGGREGATION"}]},
				{"namespace": "pg", "name": "shop.orders", "field": "day", "transformations": [{"type": "INDIRECT", "subtype": "GROUP_BY"}]}]}}}}}]
	}`), openlineage.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for _, w := range warnings {
		fmt.Println(w)
	}
	fmt.Println(event.Job.Ref.Name, event.Run.Type, event.Time)
	for _, edge := range event.Outputs[0].Edges {
		fmt.Println(edge.From, "->", edge.To, edge.Kinds[0].Subtype)
	}
	// Output:
	// eventTime: a time without a zone, taken as UTC
	// revenue COMPLETE 2026-03-01 06:00:00 +0000 UTC
	// datasetField:pg:shop.orders:day -> dataset:pg:shop.revenue GROUP_BY
	// datasetField:pg:shop.orders:amount -> datasetField:pg:shop.revenue:total AGGREGATION
}

// A file of events, one a line, with a line that is none.
func ExampleReader_Events() {
	file := strings.NewReader(`{"eventTime":"2026-03-01T06:00:00Z","job":{"namespace":"batch","name":"revenue"},"inputs":[],"outputs":[]}
{"eventTime":"2026-03-01T07:00:00Z"}
{"eventTime":"2026-03-01T08:00:00Z","dataset":{"namespace":"pg","name":"shop.orders"}}
`)
	for event, err := range openlineage.NewReader(file, openlineage.Config{}).Events() {
		switch {
		case err != nil:
			fmt.Println(err)
		case event.Job != nil:
			fmt.Println("job", event.Job.Ref.Name)
		default:
			fmt.Println("dataset", event.Outputs[0].Ref.Name)
		}
	}
	// Output:
	// job revenue
	// lineage: event 1: neither a job nor a dataset: no event
	// dataset shop.orders
}

// Edges made by hand become an event that any consumer of OpenLineage reads.
func ExampleEncode() {
	source, target := lineage.DatasetRef{Namespace: "pg", Name: "orders"}, lineage.DatasetRef{Namespace: "pg", Name: "revenue"}
	event := lineage.Event{
		Producer: "https://example.com/nightly", Time: time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC),
		Outputs: []lineage.DatasetFact{{
			Ref: target, States: lineage.ColumnEdges,
			Edges: []lineage.EdgeFact{{From: source.Column("amount"), To: target.Column("total")}},
		}},
	}
	text, err := openlineage.Encode(event)
	if err != nil {
		log.Fatal(err)
	}
	back, _, err := openlineage.Decode(text, openlineage.Config{Strict: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s...\n", text[:34])
	fmt.Println(back.Outputs[0].Edges[0].From, "->", back.Outputs[0].Edges[0].To)
	// Output:
	// {"eventTime":"2026-03-01T06:00:00Z...
	// datasetField:pg:orders:amount -> datasetField:pg:revenue:total
}

// Names may be normalised before anything else is done with them.
func ExampleStripPartitions() {
	fmt.Println(openlineage.StripPartitions(lineage.DatasetRef{Namespace: "s3://lake", Name: "orders/dt=2026-03-02/hour=03"}).Name)
	// Output:
	// orders
}

// Some databases do not tell upper from lower case.
func ExampleFoldCase() {
	fold := openlineage.FoldCase("snowflake://acme")
	fmt.Println(fold(lineage.DatasetRef{Namespace: "snowflake://acme", Name: "DB.ORDERS"}).Name)
	fmt.Println(fold(lineage.DatasetRef{Namespace: "postgres://db", Name: "Orders"}).Name)
	// Output:
	// db.orders
	// Orders
}
