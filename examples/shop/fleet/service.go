package fleet

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing/propagation"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A Way is how a service sends its spans.
type Way string

// The ways, each by the exporter of the SDK.
const (
	OverHTTP Way = "OTLP/HTTP"
	OverJSON Way = "OTLP/HTTP, JSON"
	OverGRPC Way = "OTLP/gRPC"
)

// A Service is what a program needs to trace.
type Service struct {
	Name string
	Way  Way

	provider *sdk.TracerProvider
}

// sendAfter is how long a span waits for others that are sent with it.
const sendAfter = 20 * time.Millisecond

// open starts the tracing of a service that sends to a collector.
func open(ctx context.Context, name string, way Way, to *Collector, w *Witness) (*Service, error) {
	exporter, err := to.exporter(ctx, way)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Service{name, way, sdk.NewTracerProvider(
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", name))),
		sdk.WithSampler(sdk.ParentBased(sdk.AlwaysSample())), // all: the collector chooses
		sdk.WithIDGenerator(&numbers{service: name}),
		sdk.WithSpanProcessor(w),
		sdk.WithBatcher(exporter, sdk.WithBatchTimeout(sendAfter), sdk.WithBlocking()), // rather wait than drop
	)}, nil
}

// exporter returns the SDK's own exporter for a way to the collector.
func (c *Collector) exporter(ctx context.Context, way Way) (sdk.SpanExporter, error) {
	url := otlptracehttp.WithEndpointURL(c.url + "/v1/traces")
	switch way {
	case OverHTTP:
		return otlptracehttp.New(ctx, url, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	case OverJSON:
		return otlptracehttp.New(ctx, url, otlptracehttp.WithEncoding(otlptracehttp.EncodingJSON))
	case OverGRPC:
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(c.address), otlptracegrpc.WithInsecure())
	default:
		return nil, fmt.Errorf("no exporter for %q", way)
	}
}

// tracer returns the tracer of a part of the service.
func (s *Service) tracer(part string) trace.Tracer { return s.provider.Tracer(part) }

// serves returns a handler that continues the trace of each request.
func (s *Service) serves(h http.Handler) http.Handler {
	return otelhttp.NewHandler(h, s.Name, otelhttp.WithTracerProvider(s.provider), otelhttp.WithPropagators(propagation.W3C{}))
}

// calls returns a client whose requests carry the trace on. Close ends its connections.
func (s *Service) calls() (client *http.Client, closeIdle func()) {
	base := &http.Transport{}
	traced := otelhttp.NewTransport(base, otelhttp.WithTracerProvider(s.provider), otelhttp.WithPropagators(propagation.W3C{}))
	return &http.Client{Transport: traced}, base.CloseIdleConnections
}

// close sends the last spans.
func (s *Service) close(ctx context.Context) error {
	if err := s.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}

// numbers are IDs that are the same on every run, so that a share by trace ID is too. A real service takes random ones.
type numbers struct {
	service string

	mu            sync.Mutex
	traces, spans int
}

// NewIDs implements the SDK's IDGenerator.
func (n *numbers) NewIDs(ctx context.Context) (id trace.TraceID, span trace.SpanID) {
	n.mu.Lock()
	n.traces++
	copy(id[:], n.hash("trace", n.traces))
	n.mu.Unlock()
	return id, n.NewSpanID(ctx, id)
}

// NewSpanID implements the SDK's IDGenerator.
func (n *numbers) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.spans++
	copy(id[:], n.hash("span", n.spans))
	return id
}

func (n *numbers) hash(kind string, i int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", n.service, kind, i))
	return sum[:]
}
