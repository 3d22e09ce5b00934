package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"log"

	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
)

// events are what Spark, Flink, Airflow, dbt or a program of your own sends, one a line.
//
//go:embed events.ndjson
var events []byte

func main() {
	ctx := context.Background()
	engine, err := lineage.New(ctx, lineage.NewMemoryStore(), lineage.Config{}) // a store of sqlrecords keeps it
	check(err)
	for event, err := range openlineage.NewReader(bytes.NewReader(events), openlineage.Config{}).Events() {
		check(err)
		_, err = engine.Ingest(ctx, event) // in any order, and as often as you like
		check(err)
	}
	now, err := engine.View(ctx, lineage.At{}) // or as it was at some time, or as it was believed to be
	check(err)
	amount := lineage.DatasetRef{Namespace: "pg", Name: "shop.orders"}.Column("amount")
	impact, err := now.Impact(ctx, []lineage.Change{{Kind: lineage.Drop, Node: amount}}, lineage.Query{})
	check(err)
	for _, e := range impact.Effects {
		fmt.Printf("%s %s\n    %s", e.Severity, e.Node.ID, amount)
		for _, edge := range e.Path().Edges {
			fmt.Print(" > ", edge.To)
		}
		fmt.Println()
	}
	check(engine.Close(ctx))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
