package etl

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tenon-go/tenon/money"
)

// Orders is the table that the reports are made from, in the namespace [Namespace].
const (
	Namespace = "shop"
	Orders    = "orders.lines"
)

// The reports.
const (
	dailyRevenue  = "reports.daily_revenue"
	customerValue = "reports.customer_value"
	board         = "reports.board"
)

// A Line is what a line of an order comes to.
type Line struct {
	Day      time.Time
	Customer string // empty: a guest
	Paid     money.Amount
}

// Reports are computed in batches. Emit gets each event as JSON.
type Reports struct {
	Emit    func(event []byte) error
	Batches int
	Runs    int
	Events  int
	Revenue map[time.Time]*money.Sum // by day
	Value   map[string]*money.Sum    // by customer
}

// Add computes the reports anew with the lines of a batch that ended at a time. From the
// second batch on the customer's number is hashed on its way into the reports.
func (e *Reports) Add(end time.Time, lines []Line) error {
	if e.Revenue == nil {
		e.Revenue, e.Value = map[time.Time]*money.Sum{}, map[string]*money.Sum{}
	}
	e.Batches++
	for _, l := range lines {
		sumOf(e.Revenue, l.Day).Add(l.Paid)
		if l.Customer != "" {
			sumOf(e.Value, l.Customer).Add(l.Paid)
		}
	}
	for i, t := range e.tables() {
		begun := end.Add(time.Duration(i) * 10 * time.Minute) // one after the other
		if err := e.run(t, begun, begun.Add(5*time.Minute)); err != nil {
			return err
		}
	}
	return nil
}

// tables are the reports, with what each column is made from.
func (e *Reports) tables() []table {
	from := func(column, subtype string) source { return source{Orders, column, subtype, false} }
	customer := from("customer", "TRANSFORMATION")
	customer.masked = e.Batches > 1
	return []table{
		{dailyRevenue, len(e.Revenue), []column{
			{"day", []source{from("at", "TRANSFORMATION")}},
			{"revenue", []source{from("price", "AGGREGATION"), from("quantity", "AGGREGATION")}},
		}, []source{from("at", "GROUP_BY")}},
		{customerValue, len(e.Value), []column{
			{"customer", []source{customer}},
			{"value", []source{from("price", "AGGREGATION"), from("quantity", "AGGREGATION")}},
		}, []source{from("customer", "GROUP_BY")}},
		{board, len(e.Revenue), []column{
			{"day", []source{{dailyRevenue, "day", "IDENTITY", false}}},
			{"revenue", []source{{dailyRevenue, "revenue", "IDENTITY", false}}},
			{"best_customer", []source{{customerValue, "customer", "IDENTITY", false}}},
		}, []source{{customerValue, "value", "SORT", false}}},
	}
}

func sumOf[K comparable](sums map[K]*money.Sum, key K) *money.Sum {
	if sums[key] == nil {
		sums[key] = new(money.Sum)
	}
	return sums[key]
}

// A table is what one job writes.
type table struct {
	name    string
	rows    int
	columns []column
	whole   []source // what decides which rows there are, and in which order
}

type column struct {
	name string
	from []source
}

// A source is what a column is made from, and how.
type source struct {
	table, column, subtype string
	masked                 bool
}

// run emits the two events of one run of the job that writes a table.
func (e *Reports) run(t table, begun, ended time.Time) error {
	e.Runs++
	inputs := map[string]bool{}
	fields := map[string]any{}
	for _, c := range t.columns {
		fields[c.name] = map[string]any{"inputFields": inputFields(c.from, inputs)}
	}
	lineage := facet("ColumnLineageDatasetFacet", map[string]any{"fields": fields, "dataset": inputFields(t.whole, inputs)})
	statistics := facet("OutputStatisticsOutputDatasetFacet", map[string]any{"rowCount": t.rows})
	output := dataset(t.name)
	output["facets"] = map[string]any{"columnLineage": lineage}
	output["outputFacets"] = map[string]any{"outputStatistics": statistics}
	from := []any{}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		from = append(from, dataset(name))
	}
	if err := e.event("START", begun, t, map[string]any{}); err != nil {
		return err
	}
	return e.event("COMPLETE", ended, t, map[string]any{"inputs": from, "outputs": []any{output}})
}

const producer = "https://github.com/tenon-go/tenon/examples/shop"

func (e *Reports) event(kind string, at time.Time, t table, event map[string]any) error {
	event["eventType"] = kind
	event["eventTime"] = at.UTC().Format(time.RFC3339)
	event["producer"] = producer
	event["schemaURL"] = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
	event["run"] = map[string]any{"runId": fmt.Sprintf("0190a000-0000-7000-8000-%012d", e.Runs)}
	event["job"] = map[string]any{"namespace": "etl", "name": t.name}
	data, err := json.Marshal(event)
	if err != nil {
		return err
	}
	e.Events++
	return e.Emit(data)
}

func dataset(name string) map[string]any { return map[string]any{"namespace": Namespace, "name": name} }

func facet(name string, content map[string]any) map[string]any {
	content["_producer"] = producer
	content["_schemaURL"] = "https://openlineage.io/spec/facets/1-0-0/" + name + ".json#/$defs/" + name
	return content
}

func inputFields(sources []source, inputs map[string]bool) []any {
	list := []any{}
	for _, s := range sources {
		inputs[s.table] = true
		kind := "DIRECT"
		if s.subtype == "GROUP_BY" || s.subtype == "SORT" {
			kind = "INDIRECT"
		}
		list = append(list, map[string]any{
			"namespace": Namespace, "name": s.table, "field": s.column,
			"transformations": []any{map[string]any{"type": kind, "subtype": s.subtype, "masking": s.masked}},
		})
	}
	return list
}
