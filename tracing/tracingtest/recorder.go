package tracingtest

import (
	"context"
	"slices"
	"sync"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/trace"
)

// A Recorder is a sink that keeps the spans it takes, for tests of what makes them. The zero value takes; it is safe for concurrent use.
type Recorder struct {
	mu    sync.Mutex
	spans []tracing.Span
	fails error
}

// Ingest takes the spans of a request, as a collector does: a span without an ID is rejected, a malformed request is a *tracing.RequestError.
func (r *Recorder) Ingest(_ context.Context, req []byte) (tracing.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails != nil {
		return tracing.Result{}, r.fails
	}
	fine, result, err := otlp.Split(req, 1, func(trace.TraceID) int { return 0 })
	if err != nil {
		return tracing.Result{}, err
	}
	spans, err := tracing.Decode(fine[0])
	if err != nil {
		return tracing.Result{}, err
	}
	r.spans = append(r.spans, spans...)
	return result, nil
}

// Fail has Ingest return err from now on, and take nothing; nil ends that. What a Provider does about it depends on the error: see tracing.Sink.
func (r *Recorder) Fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails = err
}

// Spans returns the spans in the order in which they came. Those of a Provider come when a batch is full or old: call its Flush before.
func (r *Recorder) Spans() []tracing.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.spans)
}

// Reset forgets the spans.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spans = nil
}
