package otelsdk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Between tries of a sink that fails without saying when to come back.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 5 * time.Second
)

// A Config says how a SpanProcessor puts spans together; a SpanExporter is told by the SDK.
type Config struct {
	// MaxBatch is how many spans are sent at once; 0 = 512. A batch is also sent at 1 MiB.
	MaxBatch int
	// MaxDelay is how long a span waits for others; 0 = 1 s.
	MaxDelay time.Duration
	// MaxQueueBytes bounds the spans that were not yet taken by the sink; 0 = 8 MiB. Spans that end beyond it are dropped and counted.
	MaxQueueBytes int
}

// A Bridge hands spans of the SDK to a sink. It is a SpanProcessor and a SpanExporter, for a provider to have it as one of them. [New] makes it;
// Shutdown ends it. It is safe for concurrent use.
type Bridge struct {
	sink    tracing.Sink
	batcher *tracing.Batcher
	shared  shared

	mu       sync.Mutex
	exported tracing.Stats // of the exporter; the batcher has its own
	closed   bool
}

var (
	_ sdk.SpanProcessor = (*Bridge)(nil)
	_ sdk.SpanExporter  = (*Bridge)(nil)
)

// New returns a Bridge to sink, with a goroutine of its own. The error Is tracing.ErrConfig and names every problem.
func New(sink tracing.Sink, cfg Config) (*Bridge, error) {
	batcher, err := tracing.NewBatcher(sink, tracing.BatchConfig(cfg))
	if err != nil {
		return nil, fmt.Errorf("otelsdk: %w", err)
	}
	return &Bridge{sink: sink, batcher: batcher}, nil
}

// OnStart does nothing.
func (b *Bridge) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd takes a span that ended, if it is sampled. It does not wait for the sink. After Shutdown it drops and counts.
func (b *Bridge) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	span := b.shared.span(s)
	b.batcher.Add(&span)
}

// ForceFlush sends what OnEnd took before the call, and waits until the sink took or refused it for good. It returns context.Cause(ctx),
// wrapped, if ctx ends first; what is left is sent later.
func (b *Bridge) ForceFlush(ctx context.Context) error {
	if err := b.batcher.Flush(ctx); err != nil {
		return fmt.Errorf("otelsdk: %w", err)
	}
	return nil
}

// Shutdown sends what OnEnd took before the call and waits until that is done. If ctx ends first, the rest is dropped and counted, and the error
// says how many spans. What comes later is dropped and counted. Exports that wait for the sink end with their own contexts.
func (b *Bridge) Shutdown(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	if err := b.batcher.Close(ctx); err != nil {
		return fmt.Errorf("otelsdk: %w", err)
	}
	return nil
}

// Stats returns what became of the spans that ended.
func (b *Bridge) Stats() tracing.Stats {
	s := b.batcher.Stats()
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Ended += b.exported.Ended
	s.Delivered += b.exported.Delivered
	s.Rejected += b.exported.Rejected
	s.Dropped += b.exported.Dropped
	s.Refusals += b.exported.Refusals
	s.LastError = cmp.Or(b.exported.LastError, s.LastError)
	s.Queued = s.Ended - s.Delivered - s.Rejected - s.Dropped
	return s
}

// ExportSpans sends spans in one request. Where the sink refuses for now it tries again after the delay that it is told, until ctx ends; the
// error is context.Cause(ctx), wrapped, with what the sink said last, then. A panic of the sink is a refusal. A sink that refuses for good or is closed ends it at once, with an error that Is
// tracing.ErrPermanent or tracing.ErrClosed; so does Shutdown before. In these cases the spans are dropped. Some that the sink rejects, while it
// takes the others, are an error that Is tracing.ErrPermanent too.
func (b *Bridge) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	ended := int64(len(spans))
	if !b.begin(ended) {
		return fmt.Errorf("otelsdk: export: %w", tracing.ErrClosed)
	}
	result, err := b.send(ctx, b.encode(spans))
	if err != nil {
		b.count(tracing.Stats{Dropped: ended, LastError: err.Error()})
		return fmt.Errorf("otelsdk: export: %w", err)
	}
	rejected := min(max(int64(result.Rejected), 0), ended)
	b.count(tracing.Stats{Delivered: ended - rejected, Rejected: rejected, LastError: result.Reason})
	if rejected > 0 {
		return fmt.Errorf("otelsdk: export: %d of %d spans were rejected: %s: %w", rejected, ended, result.Reason, tracing.ErrPermanent)
	}
	return nil
}

// begin counts spans, and tells whether they are welcome.
func (b *Bridge) begin(ended int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.exported.Ended += ended
	if b.closed {
		b.exported.Dropped += ended
	}
	return !b.closed
}

// count adds what became of spans that began.
func (b *Bridge) count(fate tracing.Stats) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.exported.Delivered += fate.Delivered
	b.exported.Rejected += fate.Rejected
	b.exported.Dropped += fate.Dropped
	b.exported.Refusals += fate.Refusals
	b.exported.LastError = cmp.Or(fate.LastError, b.exported.LastError)
}

// encode returns the request of spans, those of one resource and scope together, so that they share its messages.
func (b *Bridge) encode(spans []sdk.ReadOnlySpan) []byte {
	list := make([]tracing.Span, len(spans))
	ranks := map[any]int{} // of resources and scopes, in the order of their first
	for i, s := range spans {
		list[i] = b.shared.span(s)
		for _, of := range []any{list[i].Resource, list[i].Scope} {
			if _, known := ranks[of]; !known {
				ranks[of] = len(ranks)
			}
		}
	}
	slices.SortStableFunc(list, func(x, y tracing.Span) int {
		return cmp.Or(cmp.Compare(ranks[x.Resource], ranks[y.Resource]), cmp.Compare(ranks[x.Scope], ranks[y.Scope]))
	})
	return tracing.Encode(list)
}

// send hands a request to the sink until it takes it, refuses it for good, or ctx ends.
func (b *Bridge) send(ctx context.Context, req []byte) (tracing.Result, error) {
	wait := firstWait
	var last error // of a try that ctx did not end
	for {
		result, err := b.ingest(ctx, req)
		if err == nil {
			return result, nil
		}
		if errors.Is(err, tracing.ErrPermanent) || errors.Is(err, tracing.ErrClosed) { // One in this process that closed stays so.
			return tracing.Result{}, err
		}
		if ctx.Err() != nil {
			return tracing.Result{}, fmt.Errorf("%w (last try: %w)", context.Cause(ctx), cmp.Or(last, err))
		}
		last = err
		b.count(tracing.Stats{Refusals: 1, LastError: err.Error()})
		pause := wait
		if overload, ok := errors.AsType[*tracing.OverloadError](err); ok && overload.RetryAfter > 0 {
			pause = overload.RetryAfter
		} else {
			wait = min(2*wait, lastWait)
		}
		timer := time.NewTimer(pause) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return tracing.Result{}, fmt.Errorf("%w (last try: %w)", context.Cause(ctx), err)
		}
	}
}

// ingest hands a request to the sink, which may panic: that must not end a process which only wanted to be traced.
func (b *Bridge) ingest(ctx context.Context, req []byte) (result tracing.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			result, err = tracing.Result{}, fmt.Errorf("otelsdk: the sink panicked: %v", r)
		}
	}()
	return b.sink.Ingest(ctx, req)
}
