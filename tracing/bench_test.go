package tracing_test

import (
	"context"
	"testing"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A discard is a sink that takes all and keeps nothing.
type discard struct{}

func (discard) Ingest(context.Context, []byte) (tracing.Result, error) { return tracing.Result{}, nil }

func BenchmarkSpanCreate(b *testing.B) {
	p, err := tracing.New(discard{}, tracing.Config{Resource: []attribute.KeyValue{attribute.String("service.name", "bench")}})
	if err != nil {
		b.Fatal(err)
	}
	tracer := p.Tracer("bench")
	ctx, parent := tracer.Start(b.Context(), "parent")
	b.ReportAllocs()
	for b.Loop() {
		_, span := tracer.Start(ctx, "GET /cart", trace.WithAttributes(
			attribute.String("http.request.method", "GET"), attribute.String("url.path", "/cart"),
			attribute.Int("http.response.status_code", 200), attribute.Bool("cached", true)))
		span.End()
	}
	parent.End()
	if err := p.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	if s := p.Stats(); s.Dropped > 0 || s.Delivered != s.Ended {
		b.Fatalf("not all were delivered: %+v", s)
	}
}
