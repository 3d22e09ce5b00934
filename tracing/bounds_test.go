package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // What pools had.
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // Far below the maximum.
}

// deaf is a sink that does not mind its context.
type deaf struct{ let chan struct{} }

func (d deaf) Ingest(context.Context, []byte) (tracing.Result, error) {
	<-d.let
	return tracing.Result{}, nil
}

// Whoever adds spans with a resource each, as a bridge may, gets no more than the queue holds.
func TestDroppedSpansLeaveNothingBehind(t *testing.T) {
	for _, end := range []bool{false, true} {
		t.Run(fmt.Sprintf("closed=%t", end), func(t *testing.T) {
			sink := &keeper{answer: func(int) (tracing.Result, error) {
				return tracing.Result{}, &tracing.OverloadError{RetryAfter: time.Minute}
			}}
			b, err := tracing.NewBatcher(sink, tracing.BatchConfig{MaxQueueBytes: 10_000, MaxDelay: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			add := func() {
				b.Add(&tracing.Span{
					TraceID: trace.TraceID{1}, ID: trace.SpanID{1}, Name: "s",
					Resource: &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("r", strings.Repeat("r", 1000))}},
				})
			}
			for range 1000 {
				add()
			}
			if end {
				_ = b.Close(gone) // It says that spans were lost.
			}
			before, dropped := heap(), b.Stats().Dropped
			for range 10_000 {
				add()
			}
			if grown := heap() - before; grown > 4<<20 || b.Stats().Dropped-dropped < 9_000 {
				t.Errorf("%d more dropped, heap grew by %d KiB", b.Stats().Dropped-dropped, grown>>10)
			}
			_ = b.Close(gone) // Likewise.
		})
	}
}

func TestTracersThatAreIdleHoldNoRoom(t *testing.T) {
	p, err := tracing.New(&keeper{answer: func(int) (tracing.Result, error) { return tracing.Result{}, &tracing.RequestError{} }}, tracing.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, p)
	before := heap()
	for i := range 40 {
		tracer := p.Tracer(fmt.Sprint("scope ", i))
		for range 100 {
			_, span := tracer.Start(t.Context(), strings.Repeat("n", 9000))
			span.End()
		}
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > 6<<20 {
		t.Errorf("40 tracers that each had 900 kB hold %d KiB", grown>>10)
	}
}

func TestCloseEndsThoughTheSinkDoesNotMindItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := deaf{make(chan struct{})}
		p := batching(t, sink, tracing.Config{MaxBatch: 2})
		emit(t, p, 5)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		err := p.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "5 spans") {
			t.Errorf("got %v, want the deadline and 5 spans", err)
		}
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("took %v", took)
		}
		if got := p.Stats(); got.Dropped != 3 || got.Queued != 2 {
			t.Errorf("%+v, want the batch that the sink has queued, and 3 spans dropped", got)
		}
		close(sink.let) // It took it after all.
		synctest.Wait()
		if got := p.Stats(); got.Dropped != 3 || got.Delivered != 2 || got.Queued != 0 {
			t.Errorf("%+v, want 2 delivered late", got)
		}
	})
}

func TestNoRefusalIsWaitedForLongerThanFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &keeper{answer: func(try int) (tracing.Result, error) {
			if try == 1 {
				return tracing.Result{}, &tracing.OverloadError{RetryAfter: 68 * 365 * 24 * time.Hour}
			}
			return tracing.Result{}, nil
		}}
		p := batching(t, sink, tracing.Config{MaxBatch: 1})
		defer closed(t, p)
		emit(t, p, 1)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := p.Stats(); got.Delivered != 1 {
			t.Errorf("%+v, want it delivered", got)
		}
	})
}
