package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/examples/shop/fleet"
	"github.com/tenon-go/tenon/examples/shop/glue"
	"github.com/tenon-go/tenon/examples/shop/web"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/filter"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Packing takes ten seconds a unit, so that a trace is slow from 91 units on, whatever else takes five seconds.
const (
	packing = 10 * time.Second
	slow    = 15*time.Minute + packing/2
)

// jammed finds a trace worth a look.
const jammed = `{ service = "warehouse" && status = error }`

// tracingScene lets people buy at a shop of four services, each of which traces with the SDK of OpenTelemetry, and shows
// what a collector keeps of it, and why.
func tracingScene(ctx context.Context, s *shop) error {
	const most = 60
	baskets, wanted, _ := basketsOf(s.orders.Lines)
	baskets = baskets[:min(len(baskets), most)]
	start, currency := time.Now(), s.orders.Lines[0].Price.Currency()
	f, err := fleet.Open(ctx, fleet.Config{
		Prices: glue.Pricer{Engine: s.prices, Parcel: money.New(4_95, currency)}, Currency: currency, Shelves: wanted,
		Now: func() time.Time { return s.opening.Add(time.Since(start)) },
		Bank: []orderstest.Script{
			{Call: "authorise", Nth: 10, Fault: orderstest.LostAfter},
			{Call: "authorise", Nth: 20, Fault: orderstest.Refuse}, // which is an answer, and no error
			{Call: "capture", Nth: 30, Fault: orderstest.LostBefore},
		},
		Jams: 25, PerUnit: packing,
		Policies: []sampling.Policy{
			sampling.Errors{},
			sampling.Slow{Over: slow},
			sampling.Filter{Label: "abroad", Expr: `{ name = "buy" && span.country != "United Kingdom" }`},
			sampling.Probability{P: 0.25},
		},
	})
	if err != nil {
		return err
	}
	bought, err := buyAll(ctx, f, baskets)
	if err := errors.Join(err, f.Close(ctx)); err != nil {
		return err
	}
	if err := f.Audit(slow); err != nil {
		return err
	}
	s.out.printf("%d baskets are bought, one after another, each as one trace through %d services\n", len(bought), len(f.Services))
	ledger := f.Collector.Ledger()
	printServices(s.out, f.Services, ledger)
	printDecisions(s.out, f.Collector, bought)
	if err := printTrace(s.out, f.Collector, bought); err != nil {
		return err
	}
	printLedger(s.out, ledger)
	return nil
}

// A purchase is a basket that was bought, and the trace of that.
type purchase struct {
	invoice string
	trace   trace.TraceID
}

func buyAll(ctx context.Context, f *fleet.Fleet, baskets []web.Basket) ([]purchase, error) {
	bought := make([]purchase, len(baskets))
	for i, b := range baskets {
		id, err := f.Buy(ctx, b)
		if err != nil {
			return nil, err
		}
		bought[i] = purchase{strings.TrimPrefix(b.Form, "form-"), id}
	}
	return bought, nil
}

// printServices says who sent how many spans by which way, and how many of them are kept.
func printServices(out *printer, services []*fleet.Service, l collector.Ledger) {
	rows := [][]string{{"  service", "sends by", "spans", "of these kept"}}
	for _, s := range services {
		for _, counted := range l.Services {
			if counted.Name == s.Name {
				rows = append(rows, []string{"  " + s.Name, string(s.Way), fmt.Sprint(counted.Received.Spans), fmt.Sprint(counted.Exported.Spans)})
			}
		}
	}
	out.table(false, rows)
}

// printDecisions asks of every trace what was decided, and prints each answer once.
func printDecisions(out *printer, c *fleet.Collector, bought []purchase) {
	type answer struct {
		verdict, policy, reason string
		closed                  tracing.Closed
	}
	invoices := map[answer][]string{}
	var kept int
	var weight float64
	for _, p := range bought {
		d, _ := c.Explain(p.trace) // the audit has seen that it knows
		a := answer{"dropped", d.Policy, d.Reason, d.Closed}
		if d.Keep {
			a.verdict = "kept"
			kept++
			weight += d.Threshold.AdjustedCount()
		}
		invoices[a] = append(invoices[a], p.invoice)
	}
	answers := slices.SortedFunc(maps.Keys(invoices), func(a, b answer) int { // kept first, most first
		return cmp.Or(cmp.Compare(b.verdict, a.verdict), cmp.Compare(len(invoices[b]), len(invoices[a])), cmp.Compare(a.policy, b.policy))
	})
	out.printf("\n%d traces are kept; by their weights they stand for %g of %d, which is right on average:\n", kept, weight, len(bought))
	rows := [][]string{{"  ", "traces", "policy", "reason", "they were", "such as invoice"}}
	for _, a := range answers {
		some := invoices[a][:min(len(invoices[a]), 3)]
		rows = append(rows, []string{"  " + a.verdict, fmt.Sprintf("%6d", len(invoices[a])), a.policy, a.reason, a.closed.String(), strings.Join(some, ", ")})
	}
	out.table(false, rows)
}

// printTrace draws the first trace that is kept of a parcel that jammed.
func printTrace(out *printer, c *fleet.Collector, bought []purchase) error {
	find, err := filter.Parse(jammed)
	if err != nil {
		return err
	}
	for _, p := range bought {
		var spans []tracing.View
		for _, kept := range c.Kept.Trace(p.trace) {
			spans = slices.AppendSeq(spans, tracing.Views(kept.OTLP))
		}
		if slices.ContainsFunc(spans, find.MatchSpan) {
			out.printf("\ninvoice %s is the first that %s finds:\n", p.invoice, find)
			slices.SortFunc(spans, func(a, b tracing.View) int { return a.Start().Compare(b.Start()) })
			drawTree(out, spans, map[trace.SpanID]bool{{}: true}, "  ")
			break
		}
	}
	return nil
}

// drawTree draws the children of some spans, and what is below them. Those of one service and name are one line.
func drawTree(out *printer, spans []tracing.View, parents map[trace.SpanID]bool, indent string) {
	type line struct{ service, name string }
	ids, failed := map[line]map[trace.SpanID]bool{}, map[line]string{}
	var lines []line
	for _, s := range spans {
		if !parents[s.Parent()] {
			continue
		}
		l := line{s.Service(), s.Name()}
		if ids[l] == nil {
			ids[l] = map[trace.SpanID]bool{}
			lines = append(lines, l)
		}
		ids[l][s.ID()] = true
		if s.Status() == codes.Error {
			failed[l] = ", error: " + s.StatusMessage()
		}
	}
	for _, l := range lines {
		times := ""
		if n := len(ids[l]); n > 1 {
			times = fmt.Sprintf(", %d times", n)
		}
		out.printf("%s%s: %s%s%s\n", indent, l.service, l.name, times, failed[l])
		drawTree(out, spans, ids[l], indent+"  ")
	}
}

// printLedger prints what became of all that was received.
func printLedger(out *printer, l collector.Ledger) {
	row := func(fate string, spans int64, more ...string) []string {
		return append([]string{"  " + fate, fmt.Sprintf("%5d", spans)}, more...)
	}
	out.printf("\nthe ledger:\n")
	out.table(false, [][]string{
		{"  ", "spans", "", "traces"},
		row("received", l.Received.Spans, "opened", fmt.Sprintf("%6d", l.Opened)),
		row("= exported", l.Exported.Spans, "= kept", fmt.Sprintf("%6d", l.Kept)),
		row("+ sampled out", l.SampledOut.Spans, "+ dropped", fmt.Sprintf("%6d", l.Dropped)),
		row("+ sampled out late", l.SampledOutLate.Spans, "+ open", fmt.Sprintf("%6d", l.Open)),
		row("+ rejected", l.Rejected.Spans),
		row("+ duplicates", l.Duplicates.Spans),
		row("+ failed", l.Failed.Spans),
		row("+ in flight", l.InFlight.Spans),
	})
	out.table(false, [][]string{
		{"~ bytes of spans", fmt.Sprintf("%d received = %d exported + %d sampled out", l.Received.Bytes, l.Exported.Bytes, l.SampledOut.Bytes)},
		{"~ requests", fmt.Sprintf("%d offered, %d refused", l.Offered.Requests, l.Refused.Requests)},
	})
	out.printf("\nwhat the services saw: each span is exported or sampled out once, with all of its trace\n")
	out.printf("no trace with an error and none that was slow is dropped\n")
	out.printf("the ledger balances in requests, spans, bytes and traces\n")
}
