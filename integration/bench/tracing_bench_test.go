package bench_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/tracingtest"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// spansATurn are made before the next contender has its turn.
const spansATurn = 1000

// A spanMaker is a contender of BenchmarkSpanCreate.
type spanMaker struct {
	name   string
	tracer trace.Tracer
	ctx    context.Context //nolint:containedctx // That of the parent of all spans.
	turns  []time.Duration
	allocs uint64
}

// make makes spans with 4 attributes below one that is recorded.
func (m *spanMaker) make() {
	for range spansATurn {
		_, span := m.tracer.Start(m.ctx, "GET /cart", trace.WithAttributes(
			attribute.String("http.request.method", "GET"), attribute.String("url.path", "/cart"),
			attribute.Int("http.response.status_code", 200), attribute.Bool("cached", true)))
		span.End()
	}
}

// taken counts what the sink of ours, and the exporter of the SDK, take and let go.
type taken struct{ spans int }

func (t *taken) Ingest(context.Context, []byte) (tracing.Result, error) { return tracing.Result{}, nil }

func (t *taken) ExportSpans(_ context.Context, spans []sdk.ReadOnlySpan) error {
	t.spans += len(spans)
	return nil
}

func (t *taken) Shutdown(context.Context) error { return nil }

// BenchmarkSpanCreate makes spans by ours, by the SDK with its batcher, and by the API's no-op, which is the floor: the time and the allocations of
// a span of each, and how many times our time the SDK takes. What ends too fast for the SDK's queue it drops, which is not worked out of its time.
func BenchmarkSpanCreate(b *testing.B) {
	service := attribute.String("service.name", "bench")
	mine, theirs := &taken{}, &taken{}
	ours := needed(tracing.New(mine, tracing.Config{Resource: []attribute.KeyValue{service}}))
	peer := sdk.NewTracerProvider(sdk.WithBatcher(theirs), sdk.WithResource(resource.NewSchemaless(service)))
	makers := []*spanMaker{{name: "tenon"}, {name: "sdk"}, {name: "noop"}}
	for i, provider := range []trace.TracerProvider{ours, peer, noop.NewTracerProvider()} {
		m := makers[i]
		m.tracer = provider.Tracer("bench")
		m.ctx, _ = m.tracer.Start(b.Context(), "parent")
		m.make()
	}
	ended := spansATurn
	var before, after runtime.MemStats
	for b.Loop() {
		for _, m := range makers {
			runtime.ReadMemStats(&before)
			begin := time.Now()
			m.make()
			m.turns = append(m.turns, time.Since(begin))
			runtime.ReadMemStats(&after)
			m.allocs += after.Mallocs - before.Mallocs
		}
		ended += spansATurn
	}
	base := median(makers[0].turns)
	for i, m := range makers {
		took := median(m.turns)
		b.ReportMetric(float64(took)/spansATurn, "ns-"+m.name)
		b.ReportMetric(float64(m.allocs)/float64(len(m.turns)*spansATurn), "allocs-"+m.name)
		if i > 0 {
			b.ReportMetric(float64(took)/float64(base), "x-"+m.name)
		}
	}
	b.ReportMetric(0, "ns/op") // That of a round.
	if err := peer.Shutdown(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := ours.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	if s := ours.Stats(); s.Dropped > 0 || s.Delivered != s.Ended || s.Ended != int64(ended) {
		b.Fatalf("of %d spans not all were delivered: %+v", ended, s)
	}
	b.ReportMetric(100-100*float64(theirs.spans)/float64(ended), "sdk-dropped-%")
}

// BenchmarkScan reads a request of 1,000 spans, every one to its last byte, and beside it by the Collector's pdata: the time a span.
func BenchmarkScan(b *testing.B) {
	req := tracingtest.NewReplay(tracingtest.Load{}, 1, time.Now()).Next()
	readers := []struct {
		name string
		read func() (spans int, err error)
	}{
		{"tenon", func() (spans int, err error) {
			err = tracing.Scan(req, func(_ tracing.View, rejected tracing.Rejection) {
				if rejected == tracing.Fine {
					spans++
				}
			})
			return spans, err
		}},
		{"pdata", func() (spans int, err error) {
			into := ptraceotlp.NewExportRequest()
			err = into.UnmarshalProto(req)
			return into.Traces().SpanCount(), err
		}},
	}
	turns, allocs := make([][]time.Duration, len(readers)), make([]float64, len(readers))
	for i, r := range readers {
		if spans, err := r.read(); err != nil || spans != perRequest {
			b.Fatalf("%s reads %d spans: %v", r.name, spans, err)
		}
		allocs[i] = testing.AllocsPerRun(10, func() { _, _ = r.read() }) // It was read before.
	}
	for b.Loop() {
		for i, r := range readers {
			begin := time.Now()
			if _, err := r.read(); err != nil {
				b.Fatal(err)
			}
			turns[i] = append(turns[i], time.Since(begin))
		}
	}
	base := median(turns[0])
	for i, r := range readers {
		took := median(turns[i])
		b.ReportMetric(float64(took)/perRequest, "ns-"+r.name)
		b.ReportMetric(allocs[i]/perRequest, "allocs-"+r.name)
		if i > 0 {
			b.ReportMetric(float64(took)/float64(base), "x-"+r.name)
		}
	}
	b.ReportMetric(0, "ns/op") // That of a round.
}

// BenchmarkDecisions asks the cache of decisions that the Collector's tail sampler has, of as many traces as the benchmark of that name in
// tracing/internal/decided, which no other module can import, asks ours.
func BenchmarkDecisions(b *testing.B) {
	const capacity = 1 << 20
	source := rand.New(rand.NewPCG(1, 2))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cache := needed(lru.New[uint64, bool](capacity))
	for range capacity {
		cache.Add(source.Uint64(), true)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	hashes := cache.Keys()
	i := 0
	b.Run("lru/known", func(b *testing.B) {
		for b.Loop() {
			i = (i + 7919) & (capacity - 1)
			cache.Get(hashes[i])
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/capacity, "B/entry")
	})
	b.Run("lru/unknown", func(b *testing.B) {
		for b.Loop() {
			cache.Get(source.Uint64())
		}
	})
}
