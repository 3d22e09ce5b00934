package collector_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/otlp"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
)

// A service samples its own traces, without a collector beside it.
func ExampleNew() {
	recent := collector.NewRecent(0)
	c, err := collector.New(recent, collector.Config{
		LocalRoots: true, // Only spans of this process come.
		Policies:   []sampling.Policy{sampling.Errors{}, sampling.Slow{Over: time.Second}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	provider, err := tracing.New(c, tracing.Config{Resource: []attribute.KeyValue{attribute.String("service.name", "cart")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"add item", "check out"} {
		_, span := provider.Tracer("example").Start(context.Background(), name)
		if name == "check out" {
			span.SetStatus(codes.Error, "card declined")
		}
		span.End()
	}
	for _, end := range []func(context.Context) error{provider.Close, c.Close} {
		if err := end(context.Background()); err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, kept := range recent.All() {
		fmt.Println(kept.Summary.RootService, kept.Summary.RootName, "kept by", kept.Decision.Policy)
	}
	// Output: cart check out kept by errors
}

// A collector in 20 lines: it receives OTLP over HTTP, keeps errors, slow traces and a tenth of the rest, and forwards them.
func ExampleNew_server() {
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fmt.Println("the backend got a request") }))
	defer backend.Close()
	client, err := otlp.NewClient(backend.URL, otlp.ClientConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := collector.New(client, collector.Config{Policies: []sampling.Policy{
		sampling.Errors{}, sampling.Slow{Over: time.Second}, sampling.Probability{P: 0.1},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := otlp.NewHandler(c, otlp.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(handler) // In a program: http.ListenAndServe(":4318", handler).
	defer server.Close()
	export(server.URL)
	if err := c.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println("exported:", c.Ledger().Exported.Spans)
	// Output:
	// the backend got a request
	// exported: 1
}

// export sends a span that failed.
func export(url string) {
	client, err := otlp.NewClient(url, otlp.ClientConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.Ingest(context.Background(), tracing.Encode([]tracing.Span{span(1, 1, failed)})); err != nil {
		fmt.Println(err)
	}
}

// tenant is an own policy: it keeps all traces of a tenant.
type tenant struct{ ID string }

func (p tenant) Name() string                 { return "tenant " + p.ID }
func (p tenant) Validate() error              { return nil }
func (p tenant) NewDecider() sampling.Decider { return p } // It has nothing to remember.

func (p tenant) Early(v tracing.View) bool {
	id, ok := v.Attr("tenant.id")
	return ok && id.AsString() == p.ID
}

func (p tenant) Decide(t sampling.Trace, _ time.Time) sampling.Verdict {
	for v := range t.Each {
		if p.Early(v) {
			return sampling.Verdict{Vote: sampling.VoteKeep, Reason: "watched"}
		}
	}
	return sampling.Verdict{}
}

// An own policy is any type with three methods, and Explain tells of it as of others.
func ExampleCollector_Explain() {
	c, err := collector.New(collector.NewRecent(0), collector.Config{Policies: []sampling.Policy{tenant{ID: "acme"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	of := func(id string) func(*tracing.Span) {
		return func(s *tracing.Span) { s.Attributes = []attribute.KeyValue{attribute.String("tenant.id", id)} }
	}
	if _, err := c.Ingest(context.Background(), tracing.Encode([]tracing.Span{span(1, 1, of("acme")), span(2, 1, of("other"))})); err != nil {
		fmt.Println(err)
	}
	if err := c.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	for _, trace := range []byte{1, 2, 3} {
		d, ok := c.Explain(id(trace))
		fmt.Printf("%v: keep %v, policy %q, reason %q, closed by %v\n", ok, d.Keep, d.Policy, d.Reason, d.Closed)
	}
	// Output:
	// true: keep true, policy "tenant acme", reason "watched", closed by flush
	// true: keep false, policy "", reason "no-policy", closed by flush
	// false: keep false, policy "", reason "", closed by unknown
}

// An own exporter is a function. Whatever it fails with comes again; what no retry helps is tracing.ErrPermanent.
func ExampleOutputFunc() {
	show := func(_ context.Context, kept []tracing.Kept) error {
		for _, k := range kept {
			spans, err := tracing.Decode(k.OTLP)
			if err != nil {
				return fmt.Errorf("%w: %w", tracing.ErrPermanent, err)
			}
			fmt.Printf("%s part of %s: %d spans, %v\n", k.Part, k.Summary.RootName, len(spans), k.Summary.Duration)
		}
		return nil
	}
	c, err := collector.New(collector.OutputFunc(show), collector.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Ingest(context.Background(), tracing.Encode([]tracing.Span{span(1, 2), span(1, 1)})); err != nil {
		fmt.Println(err)
	}
	if err := c.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: whole part of GET /: 2 spans, 1s
}

// What is kept goes to several outputs: the newest stay at hand, the rest goes on.
func ExampleTee() {
	recent := collector.NewRecent(16 << 20)
	next := collector.OutputFunc(func(_ context.Context, kept []tracing.Kept) error {
		for range kept {
			fmt.Println("a trace goes on")
		}
		return nil
	})
	c, err := collector.New(collector.Tee(recent, next), collector.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Ingest(context.Background(), tracing.Encode([]tracing.Span{span(1, 1), span(2, 1)})); err != nil {
		fmt.Println(err)
	}
	fmt.Println(c.Close(context.Background()), len(recent.All()), "are at hand")
	// Output:
	// a trace goes on
	// a trace goes on
	// <nil> 2 are at hand
}

// Policies are tried on what was kept lately, however many parts it came in.
func ExampleRecent_Traces() {
	recent := collector.NewRecent(0)
	c, err := collector.New(recent, collector.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, spans := range [][]tracing.Span{{span(1, 1), span(2, 1)}, {span(1, 2, failed)}} { // The error comes late.
		if _, err := c.Ingest(context.Background(), tracing.Encode(spans)); err != nil {
			fmt.Println(err)
		}
		if err := c.Flush(context.Background()); err != nil {
			fmt.Println(err)
		}
	}
	if err := c.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	report, err := sampling.DryRun([]sampling.Policy{sampling.Errors{}}, recent.Traces())
	fmt.Println(len(recent.All()), "parts of", report.Traces, "traces,", report.Kept, "would be kept", err)
	// Output:
	// 3 parts of 2 traces, 1 would be kept <nil>
}

// Every span that came is in the ledger once.
func ExampleCollector_Ledger() {
	c, err := collector.New(collector.NewRecent(0), collector.Config{Policies: []sampling.Policy{sampling.Errors{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	// One trace with an error and a span that came twice, one without, and a span without IDs.
	spans := []tracing.Span{span(1, 1), span(1, 2, failed), span(1, 1), span(2, 1), {}}
	if _, err := c.Ingest(context.Background(), tracing.Encode(spans)); err != nil {
		fmt.Println(err)
	}
	if err := c.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	l := c.Ledger()
	fmt.Println("received", l.Received.Spans, "check", l.Check(), "loss", l.Loss())
	for _, reason := range l.Reasons {
		fmt.Printf("%-11s %d  %s\n", reason.Fate, reason.Spans, reason.Reason)
	}
	// Output:
	// received 5 check <nil> loss 0
	// rejected    1  trace ID that is zero or not 16 bytes
	// exported    2  errors
	// sampled out 1  no-policy
}
