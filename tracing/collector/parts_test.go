package collector_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"go.opentelemetry.io/otel/attribute"
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

// A summary names each service once, in order, and a trace of very many takes not much longer than one of as many spans.
func TestSummaryNamesManyServices(t *testing.T) {
	const many = 30_000
	_, plain := services(t, many, 1)
	for _, n := range []int{2, 8, 9, 16, many} {
		got, took := services(t, many, n)
		want := make([]string, n)
		for i := range want {
			want[i] = fmt.Sprintf("service-%06d", i)
		}
		differ(t, fmt.Sprint(n, " services"), want, got)
		if took > 20*plain+time.Second {
			t.Errorf("%d services took %v, one %v", n, took, plain)
		}
	}
}

// services sends a trace of spans whose services come in turns, and returns those of its summary, and how long it took.
func services(t *testing.T, spans, n int) ([]string, time.Duration) {
	t.Helper()
	out := &taker{}
	c := start(t, out, collector.Config{})
	resources := make([]*tracing.Resource, n)
	for i := range resources {
		resources[i] = of(fmt.Sprintf("service-%06d", n-1-i))
	}
	var req []byte
	for i := 0; i < spans; i += 1000 {
		some := make([]tracing.Span, 1000)
		for j := range some {
			some[j] = span(1, 1)
			some[j].Resource = resources[(i+j)%n]
			binary.BigEndian.PutUint32(some[j].ID[:], uint32(i+j+1))
		}
		req = append(req, tracing.Encode(some)...)
	}
	from := time.Now()
	take(t, c, req)
	finish(t, c)
	return out.of(id(1))[0].Summary.Services, time.Since(from)
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
