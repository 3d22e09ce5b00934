package collector_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"go.opentelemetry.io/otel/trace"
)

// A picky output takes nothing together with what it chokes on.
type picky struct {
	mu     sync.Mutex
	chokes func(trace.TraceID) bool
	taken  map[trace.TraceID]bool
	sizes  []int // of batches that were taken
	calls  int
}

func (p *picky) Put(_ context.Context, kept []tracing.Kept) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	for _, one := range kept {
		if p.chokes(one.ID) {
			panic("chokes on " + one.ID.String())
		}
	}
	for _, one := range kept {
		p.taken[one.ID] = true
	}
	p.sizes = append(p.sizes, len(kept))
	return nil
}

func (p *picky) set(chokes func(trace.TraceID) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.chokes = chokes
}

// What an output never takes stops nobody else: neither what comes later, nor what is in the same batch.
func TestPoisonStopsNobodyElse(t *testing.T) {
	poison := func(who trace.TraceID) bool { return who[0] < 4 }
	for name, pause := range map[string]time.Duration{"in batches of their own": time.Second, "in one batch": 0} {
		synctest.Test(t, func(t *testing.T) {
			out := &picky{chokes: poison, taken: map[trace.TraceID]bool{}}
			c := start(t, out, collector.Config{Quiet: time.Millisecond, MaxAge: time.Second})
			for i := range byte(100) {
				if i <= 4 {
					time.Sleep(pause)
				}
				take(t, c, tracing.Encode([]tracing.Span{span(i, 1)}))
			}
			time.Sleep(4 * time.Second)
			synctest.Wait()
			if len(out.taken) != 96 {
				t.Errorf("%s: of 96 others %d left", name, len(out.taken))
			}
			if out.calls > 100 {
				t.Errorf("%s: %d calls", name, out.calls)
			}
			balanced(t, c)
			out.set(func(trace.TraceID) bool { return false })
			finish(t, c) // Once they are taken, they leave as well.
			if l := c.Ledger(); l.Exported.Spans != 100 {
				t.Errorf("%s: %+v", name, l.Exported)
			}
		})
	}
}

// An output that takes nothing is asked seldom, and gets whole batches again once it takes some: that all fail tells nothing about what is in them.
func TestDeadOutputIsSpared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &picky{chokes: func(trace.TraceID) bool { return true }, taken: map[trace.TraceID]bool{}}
		c := start(t, out, collector.Config{Quiet: time.Millisecond, MaxAge: time.Second})
		for i := range 1000 {
			s := span(1, 1, func(s *tracing.Span) { s.Name = strings.Repeat("n", 20_000) })
			s.TraceID = traceNo(i)
			take(t, c, tracing.Encode([]tracing.Span{s}))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if out.calls > 80 {
			t.Errorf("%d calls in a minute", out.calls)
		}
		out.set(func(trace.TraceID) bool { return false })
		finish(t, c)
		if len(out.taken) != 1000 || len(out.sizes) > 30 {
			t.Errorf("%d of 1000 traces left, in %d batches of %v", len(out.taken), len(out.sizes), out.sizes)
		}
	})
}

// A Flush that waits ends when Close gives up, also for batches that failed and are not due.
func TestFlushEndsWhenCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, collector.OutputFunc(func(context.Context, []tracing.Kept) error { return errors.New("down") }), collector.Config{})
		for i := range byte(30) {
			take(t, c, tracing.Encode([]tracing.Span{span(i, 1, func(s *tracing.Span) { s.Name = strings.Repeat("x", 200_000) })}))
		}
		flushed := make(chan error, 1)
		go func() { flushed <- c.Flush(context.Background()) }()
		time.Sleep(10 * time.Second)
		if queued := c.Stats().Queued; queued < 30*200_000 {
			t.Errorf("%d bytes wait for the output", queued)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := c.Close(ctx); err == nil {
			t.Error("want an error")
		}
		if err := <-flushed; err != nil {
			t.Error(err)
		}
		if l := balanced(t, c); l.Failed.Spans != 30 {
			t.Errorf("%+v", l.Failed)
		}
	})
}

// Behind a Tee each output gets each part once, though another is down or chokes on some, and parts come again in other batches.
func TestTeeKnowsPartsInOtherBatches(t *testing.T) {
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			whole := &taker{}
			other := &picky{chokes: func(trace.TraceID) bool { return true }, taken: map[trace.TraceID]bool{}}
			tee := collector.Tee(whole, calm{other})
			if !first {
				tee = collector.Tee(calm{other}, whole)
			}
			c := start(t, tee, collector.Config{MaxAge: 2 * time.Second})
			for i := range byte(62) {
				take(t, c, tracing.Encode([]tracing.Span{span(i+1, 1)}))
			}
			time.Sleep(time.Minute)
			other.set(func(who trace.TraceID) bool { return who[0] < 4 })
			time.Sleep(time.Minute)
			synctest.Wait()
			if len(whole.parts) != 62 || len(other.taken) != 59 {
				t.Errorf("of 62 parts one output got %d, the other, which chokes on 3, took %d", len(whole.parts), len(other.taken))
			}
			other.set(func(trace.TraceID) bool { return false })
			finish(t, c)
			if len(whole.parts) != 62 || len(other.taken) != 62 {
				t.Errorf("of 62 parts outputs got %d and %d", len(whole.parts), len(other.taken))
			}
		})
	}
}

// A calm output fails where another panics, which would end the call of a Tee before the next output.
type calm struct{ out collector.Output }

func (c calm) Put(ctx context.Context, kept []tracing.Kept) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("chokes")
		}
	}()
	return c.out.Put(ctx, kept)
}
