package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/examples/shop/etl"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
	"github.com/tenon-go/tenon/lineage/sqlrecords"
	"github.com/tenon-go/tenon/money"
)

// lineageScene lets the shop's reports say what they are made from, and asks what a change
// breaks, and where customers can be seen.
func lineageScene(ctx context.Context, s *shop) (err error) {
	batches, err := batchesOf(s.orders.Lines)
	if err != nil {
		return err
	}
	engine, err := openLineage(ctx, s, batches[len(batches)-1].end.Add(time.Hour))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close(ctx)) }()
	reports := etl.Reports{Emit: func(event []byte) error { return ingest(ctx, engine, event) }}
	for _, b := range batches {
		if err := reports.Add(b.end, b.lines); err != nil {
			return err
		}
	}
	s.out.printf("the reports: %d batches, %d runs, %d events of OpenLineage; the revenue of %d days, the value of %d customers\n",
		reports.Batches, reports.Runs, reports.Events, len(reports.Revenue), len(reports.Value))
	now, err := engine.View(ctx, lineage.At{})
	if err != nil {
		return err
	}
	if err := printImpact(ctx, s, now); err != nil {
		return err
	}
	first, err := engine.View(ctx, lineage.At{Time: batches[0].end.Add(time.Hour)})
	if err != nil {
		return err
	}
	for _, at := range []struct {
		when string
		view *lineage.View
	}{{"after the first batch", first}, {"now", now}} {
		if err := printReach(ctx, s, at.when, at.view); err != nil {
			return err
		}
	}
	return nil
}

// openLineage keeps the events in the shop's database. Its clock stands after the last run.
func openLineage(ctx context.Context, s *shop, now time.Time) (*lineage.Engine, error) {
	dialect := sqlrecords.SQLite
	if s.db.PostgreSQL {
		dialect = sqlrecords.PostgreSQL
	}
	store, err := sqlrecords.New(s.db.DB, sqlrecords.Config{Dialect: dialect, Prefix: "shop_lineage_"})
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	return lineage.New(ctx, store, lineage.Config{Now: func() time.Time { return now }})
}

// ingest takes one event as it comes over the wire.
func ingest(ctx context.Context, engine *lineage.Engine, data []byte) error {
	event, warnings, err := openlineage.Decode(data, openlineage.Config{})
	if err != nil {
		return err
	}
	if len(warnings) > 0 {
		return fmt.Errorf("the shop's own event: %v", warnings)
	}
	report, err := engine.Ingest(ctx, event)
	if err != nil {
		return err
	}
	if r := report.Results[0]; r.Outcome != lineage.Applied {
		return fmt.Errorf("event %s: %w", r.Outcome, r.Err)
	}
	return nil
}

// A batch is the orders of half a day.
type batch struct {
	end   time.Time
	lines []etl.Line
}

// batchesOf splits lines, in the order of time.
func batchesOf(lines []Line) (batches []batch, err error) {
	index := map[time.Time]int{}
	for _, l := range lines {
		end := l.At.Truncate(12 * time.Hour).Add(12 * time.Hour)
		i, ok := index[end]
		if !ok {
			i = len(batches)
			index[end] = i
			batches = append(batches, batch{end: end})
		}
		paid, err := l.Price.Mul(l.Quantity, money.Rounding{Mode: money.HalfUp})
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", l.Row, err)
		}
		batches[i].lines = append(batches[i].lines, etl.Line{Day: l.At.Truncate(24 * time.Hour), Customer: l.Customer, Paid: paid})
	}
	slices.SortFunc(batches, func(a, b batch) int { return a.end.Compare(b.end) })
	return batches, nil
}

// printImpact says what breaks where a column of the orders is dropped.
func printImpact(ctx context.Context, s *shop, v *lineage.View) error {
	price := lineage.DatasetRef{Namespace: etl.Namespace, Name: etl.Orders}.Column("price")
	impact, err := v.Impact(ctx, []lineage.Change{{Kind: lineage.Drop, Node: price}}, lineage.Query{})
	if err != nil {
		return err
	}
	s.out.printf("\nif %s is dropped:\n", short(price))
	rows := [][]string{{"  severity", "hop", "what", "because of"}}
	for _, e := range impact.Effects {
		rows = append(rows, []string{"  " + e.Severity.String(), fmt.Sprint(e.Hop), short(e.Node.ID), pathText(e.Path())})
	}
	s.out.table(false, rows)
	return nil
}

// printReach says where the customer's number arrives.
func printReach(ctx context.Context, s *shop, when string, v *lineage.View) error {
	customer := lineage.DatasetRef{Namespace: etl.Namespace, Name: etl.Orders}.Column("customer")
	reach, err := v.Reach(ctx, []lineage.Labelled{{Node: customer, Label: "personal"}}, lineage.ReachQuery{})
	if err != nil {
		return err
	}
	s.out.printf("\nwhere %s arrives, %s:\n", short(customer), when)
	var rows [][]string
	for _, a := range reach.Arrivals {
		rows = append(rows, []string{"  " + a.Exposure.String(), short(a.Node), pathText(a.Path())})
	}
	s.out.table(false, rows)
	return nil
}

// short is a node without the namespaces, of which the shop has one each.
func short(id lineage.NodeID) string {
	switch id.Kind {
	case lineage.JobNode:
		return "job " + id.Name
	case lineage.ColumnNode:
		return id.Name + "." + id.Field
	default:
		return id.Name
	}
}

// pathText draws a path from one end to the other.
func pathText(p lineage.Path) string {
	var text strings.Builder
	for i, e := range p.Edges {
		if i == 0 {
			text.WriteString(short(e.From))
		}
		text.WriteString(" -> " + short(e.To))
	}
	return text.String()
}
