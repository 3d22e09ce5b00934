package otlp_test

import (
	"fmt"
	"testing"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// typical returns a request of 1,000 spans with 8 attributes, ten to a trace.
func typical() []byte {
	resource, scope := &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "cart")}}, &tracing.Scope{Name: "lib"}
	spans := make([]tracing.Span, 1000)
	for i := range spans {
		spans[i] = tracing.Span{
			TraceID: trace.TraceID{1, 15: byte(i / 10)}, ID: trace.SpanID{1, byte(i >> 8), byte(i)}, Name: "GET /cart/items", Kind: trace.SpanKindServer,
			Resource: resource, Scope: scope,
		}
		for a := range 8 {
			spans[i].Attributes = append(spans[i].Attributes, attribute.String(fmt.Sprint("attribute.key.", a), "some value"))
		}
	}
	return tracing.Encode(spans)
}

func perSpan(b *testing.B, size int, do func() error) {
	b.Helper()
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if err := do(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/span")
}

func BenchmarkJSON(b *testing.B) {
	req := typical()
	text, err := otlp.AppendJSON(nil, req)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("read", func(b *testing.B) {
		perSpan(b, len(text), func() error {
			_, err := otlp.FromJSON(text)
			return err
		})
	})
	b.Run("write", func(b *testing.B) {
		var dst []byte
		perSpan(b, len(text), func() (err error) {
			dst, err = otlp.AppendJSON(dst[:0], req)
			return err
		})
	})
}

func BenchmarkGroups(b *testing.B) {
	req := typical()
	var groups otlp.Groups
	perSpan(b, len(req), func() error {
		_, err := groups.Read(req)
		return err
	})
}
