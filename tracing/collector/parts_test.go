package collector_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

func of(service string) *tracing.Resource {
	return &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", service)}}
}

// A span that came twice leaves once, also where the same bytes came from another resource in between: that is another span.
//
// Invariant: tracing 4.
func TestDuplicatesAreOfOneResource(t *testing.T) {
	out := &taker{}
	c := start(t, out, collector.Config{})
	for _, service := range []string{"a", "b", "a", "b", "a"} {
		s := span(1, 1)
		s.Resource = of(service)
		take(t, c, tracing.Encode([]tracing.Span{s}))
	}
	ledger := finish(t, c)
	var services []string
	for _, v := range views(t, out.of(id(1))[0].OTLP) {
		services = append(services, v.Service())
	}
	slices.Sort(services)
	differ(t, "services of the spans that left", []string{"a", "b"}, services)
	if ledger.Duplicates.Spans != 3 {
		t.Errorf("%d duplicates, want 3", ledger.Duplicates.Spans)
	}
}

// A summary names each service once, in order, and a trace of very many takes no longer than its spans.
func TestSummaryNamesManyServices(t *testing.T) {
	for _, n := range []int{1, 2, 8, 9, 30_000} {
		out := &taker{}
		c := start(t, out, collector.Config{})
		var spans []tracing.Span
		var want []string
		for i := range n {
			service := fmt.Sprintf("service-%06d", n-i)
			want = append(want, service)
			for again := range 2 {
				s := span(1, 1)
				s.ID, s.Resource = trace.SpanID{1, byte(again), 5: byte(i >> 16), 6: byte(i >> 8), 7: byte(i)}, of(service)
				spans = append(spans, s)
			}
		}
		slices.Sort(want)
		half := make([]tracing.Span, 0, len(spans)) // Runs come again.
		for i := range spans {
			half = append(half, spans[i/2+i%2*n])
		}
		from := time.Now()
		take(t, c, tracing.Encode(half))
		finish(t, c)
		if took := time.Since(from); took > 5*time.Second {
			t.Errorf("%d services took %v", n, took)
		}
		differ(t, fmt.Sprint(n, " services"), want, out.of(id(1))[0].Summary.Services)
	}
}

// What an output does with parts that it did not take, or with one trace's services, does not show in what comes again, or to others.
func TestPartsBelongToTheOutput(t *testing.T) {
	var got []tracing.Kept
	calls := 0
	c := start(t, collector.OutputFunc(func(_ context.Context, kept []tracing.Kept) error {
		if calls++; calls > 1 {
			got = append(got, kept...)
			return nil
		}
		kept[0].Summary.Services[0] = "changed"
		clear(kept[0].OTLP)
		clear(kept)
		return errors.New("later")
	}), collector.Config{Workers: 1})
	for i := range byte(3) {
		s := span(i, 1)
		s.Resource = of("a")
		take(t, c, tracing.Encode([]tracing.Span{s}))
	}
	finish(t, c)
	for _, part := range got {
		differ(t, "services", []string{"a"}, part.Summary.Services)
		if n := len(views(t, part.OTLP)); n != 1 {
			t.Errorf("%d spans came again, want 1", n)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d parts came again, want 3", len(got))
	}
}
