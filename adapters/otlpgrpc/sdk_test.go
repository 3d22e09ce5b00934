package otlpgrpc_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tenon-go/tenon/adapters/otlpgrpc"
	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

// exporter returns the Go SDK's exporter over conn, with retries that are quick where the server does not say when to come back.
func exporter(t *testing.T, conn *grpc.ClientConn, options ...otlptracegrpc.Option) sdk.SpanExporter {
	t.Helper()
	quick := otlptracegrpc.RetryConfig{Enabled: true, InitialInterval: time.Millisecond, MaxInterval: 5 * time.Millisecond, MaxElapsedTime: 5 * time.Second}
	e, err := otlptracegrpc.New(t.Context(), append([]otlptracegrpc.Option{otlptracegrpc.WithGRPCConn(conn), otlptracegrpc.WithRetry(quick)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

// record makes a trace of two spans with a bit of everything, at fixed times.
func record(t *testing.T, provider trace.TracerProvider) {
	t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tracer := provider.Tracer("lib", trace.WithInstrumentationVersion("1.2"), trace.WithSchemaURL("https://schema"), trace.WithInstrumentationAttributes(attribute.Bool("x", true)))
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled | trace.FlagsRandom, Remote: true})
	ctx, outer := tracer.Start(trace.ContextWithRemoteSpanContext(t.Context(), remote), "outer", trace.WithTimestamp(at), trace.WithSpanKind(trace.SpanKindServer))
	_, inner := tracer.Start(ctx, "inner", trace.WithTimestamp(at), trace.WithLinks(trace.Link{SpanContext: remote, Attributes: []attribute.KeyValue{attribute.Int("link", 1)}}))
	inner.SetAttributes(attribute.String("a", "v"), attribute.Float64Slice("f", []float64{1, 2.5}), attribute.Map("m", attribute.String("k", "v")))
	inner.AddEvent("event", trace.WithTimestamp(at), trace.WithAttributes(attribute.String("k", "v")))
	inner.SetStatus(codes.Error, "why")
	inner.End(trace.WithTimestamp(at.Add(time.Second)))
	outer.SetStatus(codes.Ok, "")
	outer.End(trace.WithTimestamp(at.Add(2 * time.Second)))
}

// The SDK's exporter, unchanged, through a refusal, with gzip and without: what arrives is what our own provider makes.
func TestSDKOverGRPCAndOwnProviderAgree(t *testing.T) {
	service := attribute.String("service.name", "cart")
	ours := &sink{}
	provider, err := tracing.New(ours, tracing.Config{Resource: []attribute.KeyValue{service}})
	if err != nil {
		t.Fatal(err)
	}
	record(t, provider)
	if err := provider.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	compare := cmp.Options{
		cmpopts.IgnoreFields(tracing.Span{}, "ID", "Parent"), // Random.
		cmp.Comparer(func(a, b attribute.Value) bool { return a.Type() == b.Type() && a.String() == b.String() }),
	}
	for name, form := range forms() {
		t.Run(name, func(t *testing.T) {
			theirs := &sink{}
			theirs.ingest = func(context.Context, []byte) error {
				if theirs.asked() == 1 {
					return &tracing.OverloadError{RetryAfter: 10 * time.Millisecond, Cause: "test"}
				}
				return nil
			}
			e := exporter(t, serve(t, theirs, otlpgrpc.Config{}, form.options...), otlptracegrpc.WithCompressor(form.compressor))
			peer := sdk.NewTracerProvider(sdk.WithBatcher(e), sdk.WithResource(resource.NewSchemaless(service)))
			record(t, peer)
			if err := peer.ForceFlush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(theirs.spans) != 2 || theirs.asked() != 2 {
				t.Fatalf("the SDK delivered %d spans in %d tries, want 2 in 2", len(theirs.spans), theirs.asked())
			}
			if diff := cmp.Diff(theirs.spans, ours.spans, compare); diff != "" {
				t.Errorf("-SDK +ours:\n%s", diff)
			}
		})
	}
}

// What the exporter does after each kind of refusal is what the status says.
func TestSDKObeysRefusals(t *testing.T) {
	tests := []struct {
		name  string
		err   error
		body  int // MaxBody
		tries int // of which all but the last are refused; 0 = it never comes back, and is told so at once
	}{
		{"overload", &tracing.OverloadError{RetryAfter: 40 * time.Millisecond, Cause: "memory"}, 0, 4},
		{"failure", errors.New("disk"), 0, 2},
		{"for good", tracing.ErrPermanent, 0, 0},
		{"malformed", &tracing.RequestError{Offset: 1, Reason: "test"}, 0, 0},
		{"too large", nil, 1, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &sink{}
			s.ingest = func(context.Context, []byte) error {
				if test.tries > 0 && s.asked() >= test.tries {
					return nil
				}
				return test.err
			}
			began := time.Now()
			err := exporter(t, serve(t, s, otlpgrpc.Config{MaxBody: test.body})).ExportSpans(t.Context(), spans(3))
			waited := time.Since(began)
			if (err == nil) != (test.tries > 0) || s.asked() > max(test.tries, 1) || (len(s.spans) == 3) != (test.tries > 0) {
				t.Errorf("got %v, %d spans taken in %d tries, want %d tries", err, len(s.spans), s.asked(), test.tries)
			}
			if told := comeBack(test.err) * time.Duration(max(test.tries-1, 0)); waited < told {
				t.Errorf("came back after %v, was told %v", waited, told)
			}
		})
	}
}

// comeBack returns what the service tells for an error.
func comeBack(err error) time.Duration {
	if overload, ok := errors.AsType[*tracing.OverloadError](err); ok {
		return overload.RetryAfter
	}
	return time.Second
}

// spans returns spans of the SDK.
func spans(n int) []sdk.ReadOnlySpan {
	stubs := make(tracetest.SpanStubs, n)
	for i := range stubs {
		stubs[i] = tracetest.SpanStub{
			Name:        "stub",
			SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{byte(i >> 8), byte(i), 1}, TraceFlags: trace.FlagsSampled}),
		}
	}
	return stubs.Snapshots()
}

// A spot is an address where one server follows another.
type spot struct {
	mu       sync.Mutex
	listener *bufconn.Listener
}

// open starts a server there and returns what stops it, in peace.
func (p *spot) open(t *testing.T, s tracing.Sink) (stop func()) {
	t.Helper()
	server := grpc.NewServer()
	if err := otlpgrpc.Register(server, s, otlpgrpc.Config{}); err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(1 << 20)
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	return func() {
		server.GracefulStop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

func (p *spot) dial(ctx context.Context, _ string) (net.Conn, error) {
	p.mu.Lock()
	listener := p.listener
	p.mu.Unlock()
	return listener.DialContext(ctx)
}

// A sink that is closing refuses, its server goes, another one comes at the same place, and takes what the first refused.
func TestClosingSinkLosesNoSpan(t *testing.T) {
	var place spot
	closing := make(chan struct{})
	first := &sink{}
	first.ingest = func(context.Context, []byte) error {
		if first.asked() == 3 {
			close(closing)
		}
		if first.asked() >= 3 {
			return &tracing.OverloadError{RetryAfter: 10 * time.Millisecond, Cause: tracing.Closing}
		}
		return nil
	}
	stop := place.open(t, first)
	conn, err := grpc.NewClient("passthrough:memory", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(place.dial),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second})) // No wait between tries.
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // The exporter's requests are answered by then.
	e := exporter(t, conn)
	second := &sink{}
	var restart sync.WaitGroup
	stopSecond := func() {}
	restart.Go(func() {
		<-closing
		stop()
		stopSecond = place.open(t, second)
	})
	for range 5 {
		if err := e.ExportSpans(t.Context(), spans(10)); err != nil {
			t.Error(err)
		}
	}
	restart.Wait()
	stopSecond()
	if len(first.spans) != 20 || len(second.spans) != 30 {
		t.Errorf("%d spans before, %d after, want 20 and 30", len(first.spans), len(second.spans))
	}
}
