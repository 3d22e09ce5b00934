package tracing_test

import (
	"context"
	"testing"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// A discard is a sink that takes all and keeps nothing.
type discard struct{}

func (discard) Ingest(context.Context, []byte) (tracing.Result, error) { return tracing.Result{}, nil }

// create makes spans with 4 attributes below one that is sampled, or not.
func create(b *testing.B, provider trace.TracerProvider, sampled bool) {
	b.Helper()
	tracer := provider.Tracer("bench")
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, Remote: true})
	if sampled {
		parent = parent.WithTraceFlags(trace.FlagsSampled)
	}
	ctx, local := tracer.Start(trace.ContextWithRemoteSpanContext(b.Context(), parent), "parent")
	b.ReportAllocs()
	for b.Loop() {
		_, span := tracer.Start(ctx, "GET /cart", trace.WithAttributes(
			attribute.String("http.request.method", "GET"), attribute.String("url.path", "/cart"),
			attribute.Int("http.response.status_code", 200), attribute.Bool("cached", true)))
		span.End()
	}
	local.End()
}

func BenchmarkSpanCreate(b *testing.B) {
	p, err := tracing.New(discard{}, tracing.Config{Resource: []attribute.KeyValue{attribute.String("service.name", "bench")}})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("recorded", func(b *testing.B) { create(b, p, true) })
	b.Run("unsampled", func(b *testing.B) { create(b, p, false) })
	b.Run("noop", func(b *testing.B) { create(b, noop.NewTracerProvider(), false) }) // The floor.
	if err := p.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	if s := p.Stats(); s.Dropped > 0 || s.Delivered != s.Ended {
		b.Fatalf("not all were delivered: %+v", s)
	}
}
