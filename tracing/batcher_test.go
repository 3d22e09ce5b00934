package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// emit ends n spans.
func emit(t *testing.T, p *tracing.Provider, n int) {
	t.Helper()
	for i := range n {
		_, span := p.Tracer("t").Start(t.Context(), fmt.Sprint(i))
		span.End()
	}
}

// batching returns a provider in a bubble of package synctest.
func batching(t *testing.T, sink tracing.Sink, cfg tracing.Config) *tracing.Provider {
	t.Helper()
	p, err := tracing.New(sink, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func closed(t *testing.T, p *tracing.Provider) {
	t.Helper()
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestBatchLeavesWhenFullOrOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &keeper{}
		p := batching(t, sink, tracing.Config{MaxBatch: 3})
		defer closed(t, p)
		emit(t, p, 4)
		synctest.Wait()
		if got := p.Stats(); got.Delivered != 3 || got.Queued != 1 {
			t.Errorf("at once %+v, want 3 delivered and one queued", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if _, taken := sink.counts(); p.Stats().Delivered != 4 || taken != 2 {
			t.Errorf("after MaxDelay %+v in %d requests, want all 4 in 2", p.Stats(), taken)
		}
	})
}

func TestLargeSpansLeaveAtOneMebibyte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &keeper{}
		p := batching(t, sink, tracing.Config{})
		defer closed(t, p)
		for range 3 {
			_, span := p.Tracer("t").Start(t.Context(), "s", trace.WithAttributes(attribute.String("a", strings.Repeat("x", 600<<10))))
			span.End()
		}
		synctest.Wait()
		if got := p.Stats(); got.Delivered != 2 {
			t.Errorf("%+v, want the two that exceed 1 MiB delivered", got)
		}
	})
}

func TestRefusedBatchWaitsAsItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &keeper{answer: func(try int) (tracing.Result, error) {
			switch try {
			case 1:
				return tracing.Result{}, &tracing.OverloadError{RetryAfter: 3 * time.Second, Cause: "memory"}
			case 2, 3:
				return tracing.Result{}, errors.New("no route")
			}
			return tracing.Result{}, nil
		}}
		p := batching(t, sink, tracing.Config{MaxBatch: 2})
		defer closed(t, p)
		emit(t, p, 2)
		for _, step := range []struct {
			wait  time.Duration
			tries int
		}{{0, 1}, {2999 * time.Millisecond, 1}, {time.Millisecond, 2}, {99 * time.Millisecond, 2}, {time.Millisecond, 3}, {200 * time.Millisecond, 4}} {
			time.Sleep(step.wait)
			synctest.Wait()
			if tries, _ := sink.counts(); tries != step.tries {
				t.Fatalf("after another %v: %d tries, want %d", step.wait, tries, step.tries)
			}
		}
		got := p.Stats()
		if got.Delivered != 2 || got.Refusals != 3 || got.LastError != "no route" {
			t.Errorf("%+v, want 2 delivered after 3 refusals", got)
		}
	})
}

func TestPermanentRefusalDropsTheBatchOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &keeper{answer: func(try int) (tracing.Result, error) {
			if try == 1 {
				return tracing.Result{}, &tracing.RequestError{Reason: "bad"}
			}
			return tracing.Result{Accepted: 1, Rejected: 1, Reason: "one is bad"}, nil
		}}
		p := batching(t, sink, tracing.Config{MaxBatch: 2})
		defer closed(t, p)
		emit(t, p, 4)
		synctest.Wait()
		want := tracing.Stats{Ended: 4, Delivered: 1, Rejected: 1, Dropped: 2, LastError: "one is bad"}
		if got := p.Stats(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// A sink that was closed takes nothing any more: to wait for it would be for ever.
func TestAClosedSinkIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &keeper{answer: func(int) (tracing.Result, error) {
			return tracing.Result{}, &tracing.OverloadError{RetryAfter: time.Second, Cause: tracing.Closing}
		}}
		p := batching(t, sink, tracing.Config{MaxBatch: 2})
		emit(t, p, 4)
		begun := time.Now()
		closed(t, p)
		if got := p.Stats(); got.Dropped != 4 || time.Since(begun) > time.Second {
			t.Errorf("after %v %+v, want 4 dropped at once", time.Since(begun), got)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		sink := &keeper{answer: func(int) (tracing.Result, error) {
			if !up.Load() {
				return tracing.Result{}, &tracing.OverloadError{RetryAfter: time.Second}
			}
			return tracing.Result{}, nil
		}}
		p := batching(t, sink, tracing.Config{MaxBatch: 10, MaxQueueBytes: 4096})
		defer closed(t, p)
		emit(t, p, 1000)
		synctest.Wait()
		got := p.Stats()
		if got.Ended != 1000 || got.Queued == 0 || got.Queued > 80 || got.Dropped != 1000-got.Queued {
			t.Errorf("%+v: want 4,096 bytes queued, the rest dropped", got)
		}
		queued := got.Queued
		up.Store(true)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := p.Stats(); got.Delivered < queued-9 {
			t.Errorf("%+v: want the %d that were queued delivered", got, queued)
		}
		spans := sink.spans(t)
		for i, s := range spans {
			if s.Name != fmt.Sprint(i) {
				t.Fatalf("span %d is %s: want the oldest, in order", i, s.Name)
			}
		}
	})
}

func TestFlushDeliversOrSaysWhyNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &keeper{answer: func(try int) (tracing.Result, error) {
			if try == 1 {
				return tracing.Result{}, &tracing.OverloadError{RetryAfter: time.Minute}
			}
			return tracing.Result{}, nil
		}}
		p := batching(t, sink, tracing.Config{})
		defer closed(t, p)
		emit(t, p, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		if err := p.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		if got := p.Stats(); got.Delivered != 1 {
			t.Errorf("%+v, want all delivered", got)
		}
	})
}

func TestCloseDeliversThenDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &keeper{}
		p := batching(t, sink, tracing.Config{})
		_, late := p.Tracer("t").Start(t.Context(), "late")
		emit(t, p, 2)
		closed(t, p)
		closed(t, p)
		late.End()
		if got, want := p.Stats(), (tracing.Stats{Ended: 3, Delivered: 2, Dropped: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

func TestCloseGivesUpWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &keeper{answer: func(int) (tracing.Result, error) {
			return tracing.Result{}, &tracing.OverloadError{RetryAfter: time.Hour, Cause: "full"}
		}}
		p := batching(t, sink, tracing.Config{MaxBatch: 2})
		emit(t, p, 5)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := p.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "5 spans") {
			t.Errorf("got %v, want the deadline and 5 spans", err)
		}
		if got := p.Stats(); got.Dropped != 5 || got.Queued != 0 {
			t.Errorf("%+v, want 5 dropped", got)
		}
	})
}

// What ended is delivered once, whatever else goes on.
func TestManyGoroutinesLoseNothing(t *testing.T) {
	sink := &keeper{answer: func(try int) (tracing.Result, error) {
		if try%3 == 0 {
			return tracing.Result{}, &tracing.OverloadError{RetryAfter: time.Millisecond}
		}
		return tracing.Result{}, nil
	}}
	p := batching(t, sink, tracing.Config{MaxBatch: 16, MaxDelay: time.Millisecond})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			tracer := p.Tracer(fmt.Sprint(g % 3))
			for range 200 {
				ctx, span := tracer.Start(t.Context(), "outer")
				_, inner := tracer.Start(ctx, "inner")
				inner.SetAttributes(attribute.Int("g", g))
				inner.End()
				span.End()
			}
			if err := p.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	closed(t, p)
	seen := map[trace.SpanID]bool{}
	for _, s := range sink.spans(t) {
		if seen[s.ID] {
			t.Fatalf("span %s was delivered twice", s.ID)
		}
		seen[s.ID] = true
	}
	if got := p.Stats(); len(seen) != 3200 || got.Delivered != 3200 || got.Dropped != 0 {
		t.Errorf("%d spans, %+v: want 3,200", len(seen), got)
	}
}

// Spans of other makers are sent with the resource and scope that each has.
func TestBatcherSendsSpansAsTheyAre(t *testing.T) {
	sink := &keeper{}
	b, err := tracing.NewBatcher(sink, tracing.BatchConfig{})
	if err != nil {
		t.Fatal(err)
	}
	first, second, bare := full(), full(), tracing.Span{TraceID: trace.TraceID{1}, ID: trace.SpanID{2}}
	second.Scope = &tracing.Scope{Name: "other"}
	third := first
	for _, s := range []tracing.Span{first, bare, second, third} {
		b.Add(&s)
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]tracing.Span{first, third, bare, second}, sink.spans(t), compareValues()); diff != "" { // By resource and scope.
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
	b.Add(&bare)
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.Stats(); got.Delivered != 5 || len(sink.spans(t)) != 5 {
		t.Errorf("%+v, want 5 delivered", got)
	}
	if _, err := tracing.NewBatcher(nil, tracing.BatchConfig{MaxBatch: -1}); !errors.Is(err, tracing.ErrConfig) || !strings.Contains(err.Error(), "no sink") {
		t.Errorf("got %v, want ErrConfig and both problems", err)
	}
}
