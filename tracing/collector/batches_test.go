package collector_test

import (
	"context"
	"encoding/binary"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// oneResource returns a request of traces of one span each, numbered from first on, which share a resource of so many bytes.
func oneResource(first, traces, bytes int) []byte {
	r := &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("process.command_args", strings.Repeat("a", bytes))}}
	var spans []tracing.Span
	for i := range traces {
		s := span(1, 1)
		s.TraceID, s.Resource = traceNo(first+i), r
		spans = append(spans, s)
	}
	return tracing.Encode(spans)
}

func traceNo(n int) trace.TraceID {
	id := trace.TraceID{15: 1}
	binary.BigEndian.PutUint32(id[4:], uint32(n)) //nolint:gosec // Few.
	return id
}

// Batches are of 1 MiB with the resources in them, and no smaller than need be where runs of two resources alternate.
func TestBatchesCountResources(t *testing.T) {
	var mu sync.Mutex
	most, parts, calls := 0, 0, 0
	out := collector.OutputFunc(func(_ context.Context, kept []tracing.Kept) error {
		mu.Lock()
		defer mu.Unlock()
		size := 0
		for _, k := range kept {
			size += len(k.OTLP)
		}
		most, parts, calls = max(most, size), parts+len(kept), calls+1
		return nil
	})
	c := start(t, out, collector.Config{})
	for i := range 10 {
		take(t, c, oneResource(100*i, 100, 8<<10))
	}
	a, b := &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("a", strings.Repeat("a", 8<<10))}}, &tracing.Resource{}
	for i := range 10 {
		var spans []tracing.Span
		for j := range 100 {
			s := span(byte(i+1), byte(j+1))
			if s.Resource = b; j%2 == 0 {
				s.Resource = a
			}
			spans = append(spans, s)
		}
		for _, s := range spans {
			take(t, c, tracing.Encode([]tracing.Span{s}))
		}
	}
	finish(t, c)
	if most > 1<<20 {
		t.Errorf("a batch has %d bytes", most)
	}
	if parts != 1010 || calls > 15 {
		t.Errorf("%d parts in %d batches, want 1010 in about 9", parts, calls)
	}
}

// What is kept reaches another collector through a client and a handler that takes bodies of 4 MiB, though resources are many times the spans.
func TestBatchesFitServers(t *testing.T) {
	var next taker
	second := start(t, &next, collector.Config{MaxBytes: 1 << 30})
	handler, err := otlp.NewHandler(second, otlp.HandlerConfig{MaxBody: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	client, err := otlp.NewClient(server.URL, otlp.ClientConfig{HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, client, collector.Config{})
	for i := range 6 {
		take(t, c, oneResource(50*i, 50, 20<<10))
	}
	if l := finish(t, c); l.Failed.Spans > 0 {
		t.Errorf("%d spans failed: %+v", l.Failed.Spans, l.Reasons)
	}
	finish(t, second)
	if n := len(next.parts); n != 300 {
		t.Errorf("%d of 300 traces came", n)
	}
}
