package integration_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A spanSink decodes what it takes. It refuses as often as refusals says.
type spanSink struct {
	mu       sync.Mutex
	refusals int
	spans    []tracing.Span
}

func (s *spanSink) Ingest(_ context.Context, req []byte) (tracing.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusals > 0 {
		s.refusals--
		return tracing.Result{}, &tracing.OverloadError{RetryAfter: time.Second, Cause: "test"}
	}
	spans, err := tracing.Decode(req)
	s.spans = append(s.spans, spans...)
	return tracing.Result{Accepted: len(spans)}, err
}

// record makes a trace of two spans with a bit of everything, at fixed times.
func record(t *testing.T, provider trace.TracerProvider) {
	t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tracer := provider.Tracer("lib", trace.WithInstrumentationVersion("1.2"), trace.WithSchemaURL("https://schema"), trace.WithInstrumentationAttributes(attribute.Bool("x", true)))
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled | trace.FlagsRandom, Remote: true})
	ctx, outer := tracer.Start(trace.ContextWithRemoteSpanContext(t.Context(), remote), "outer", trace.WithTimestamp(at), trace.WithSpanKind(trace.SpanKindServer))
	_, inner := tracer.Start(ctx, "inner", trace.WithTimestamp(at), trace.WithLinks(trace.Link{SpanContext: remote, Attributes: []attribute.KeyValue{attribute.Int("link", 1)}}))
	inner.SetAttributes(
		attribute.String("a", "v"), attribute.Int("a", 1), attribute.Float64Slice("f", []float64{1, 2.5}), attribute.StringSlice("s", nil),
		attribute.ByteSlice("b", []byte{1}), attribute.Map("m", attribute.String("k", "v")), attribute.Slice("l", attribute.IntValue(1), attribute.BoolValue(true)))
	inner.AddEvent("event", trace.WithTimestamp(at), trace.WithAttributes(attribute.String("k", "v")))
	inner.RecordError(errors.New("broken"), trace.WithTimestamp(at))
	inner.SetStatus(codes.Error, "why")
	inner.End(trace.WithTimestamp(at.Add(time.Second)))
	outer.SetStatus(codes.Ok, "not kept")
	outer.End(trace.WithTimestamp(at.Add(2 * time.Second)))
}

// The Go SDK's exporter, unchanged, sends to our receiver, through a refusal, and what arrives is what our own provider makes.
func TestSDKOverHTTPAndOwnProviderAgree(t *testing.T) {
	service := attribute.String("service.name", "cart")
	theirs, ours := &spanSink{refusals: 1}, &spanSink{}
	handler, err := otlp.NewHandler(theirs, otlp.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(server.URL+"/v1/traces"), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		t.Fatal(err)
	}
	peer := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(resource.NewSchemaless(service)))
	record(t, peer)
	if err := peer.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	provider, err := tracing.New(ours, tracing.Config{Resource: []attribute.KeyValue{service}})
	if err != nil {
		t.Fatal(err)
	}
	record(t, provider)
	if err := provider.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(theirs.spans) != 2 || len(ours.spans) != 2 || theirs.refusals != 0 {
		t.Fatalf("the SDK delivered %d spans, ours %d, refusals left %d", len(theirs.spans), len(ours.spans), theirs.refusals)
	}
	for _, spans := range [][]tracing.Span{theirs.spans, ours.spans} {
		spans[0].ID, spans[1].ID, spans[0].Parent = trace.SpanID{}, trace.SpanID{}, trace.SpanID{} // Random.
	}
	if diff := cmp.Diff(theirs.spans, ours.spans, equalSpans(attribute.Value.String)); diff != "" {
		t.Errorf("-SDK +ours:\n%s", diff)
	}
}
