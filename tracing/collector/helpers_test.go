package collector_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
	"github.com/tenon-go/tenon/tracing/tracingtest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// A taker is an output that remembers all, and on command is slow or fails.
type taker struct {
	mu    sync.Mutex
	parts []tracing.Kept
	calls int
	fail  func(call int) error // nil = never
	pause time.Duration
}

func (o *taker) Put(ctx context.Context, kept []tracing.Kept) error {
	o.mu.Lock()
	o.calls++
	call := o.calls
	fail := o.fail
	pause := o.pause
	o.mu.Unlock()
	if pause > 0 {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if fail != nil {
		if err := fail(call); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.parts = append(o.parts, kept...)
	return nil
}

func (o *taker) set(fail func(int) error, pause time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail, o.pause = fail, pause
}

// of returns the parts of a trace.
func (o *taker) of(id trace.TraceID) []tracing.Kept {
	o.mu.Lock()
	defer o.mu.Unlock()
	var parts []tracing.Kept
	for _, one := range o.parts {
		if one.ID == id {
			parts = append(parts, one)
		}
	}
	return parts
}

// spans returns how often each span left, by its key. No part may hold one twice, or one of another trace.
func (o *taker) spans(tb testing.TB) map[string]int {
	tb.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	left := map[string]int{}
	for _, part := range o.parts {
		inside := map[string]bool{}
		for _, v := range views(tb, part.OTLP) {
			key := tracingtest.Key(v)
			if inside[key] || v.TraceID() != part.ID {
				tb.Errorf("%s part of %s: span %s of %s: twice, or of another trace", part.Part, part.ID, v.ID(), v.TraceID())
			}
			inside[key] = true
			left[key]++
		}
		if len(inside) != part.Summary.Spans {
			tb.Errorf("summary of %s says %d spans, there are %d", part.ID, part.Summary.Spans, len(inside))
		}
	}
	return left
}

func views(tb testing.TB, req []byte) []tracing.View {
	tb.Helper()
	var all []tracing.View
	err := tracing.Scan(req, func(v tracing.View, rejected tracing.Rejection) {
		if rejected != tracing.Fine {
			tb.Errorf("what left is rejected: %s", rejected)
		}
		all = append(all, v)
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func start(tb testing.TB, out collector.Output, cfg collector.Config) *collector.Collector {
	tb.Helper()
	c, err := collector.New(out, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func balanced(tb testing.TB, c *collector.Collector) collector.Ledger {
	tb.Helper()
	ledger := c.Ledger()
	if err := ledger.Check(); err != nil {
		tb.Fatal(err)
	}
	return ledger
}

func take(tb testing.TB, c *collector.Collector, req []byte) {
	tb.Helper()
	if _, err := c.Ingest(tb.Context(), req); err != nil {
		tb.Fatal(err)
	}
}

func finish(tb testing.TB, c *collector.Collector) collector.Ledger {
	tb.Helper()
	if err := c.Close(context.WithoutCancel(tb.Context())); err != nil {
		tb.Fatal(err)
	}
	ledger := balanced(tb, c)
	if ledger.InFlight != (collector.Count{}) || ledger.Open != 0 || c.Stats().Used != 0 {
		tb.Fatalf("after Close: in flight %+v, %d open, %d bytes used", ledger.InFlight, ledger.Open, c.Stats().Used)
	}
	return ledger
}

// play sends arrivals at their time, in a bubble. A request that is refused comes again after its delay, until it is taken.
func play(tb testing.TB, c *collector.Collector, arrivals []tracingtest.Arrival) (refused int) {
	tb.Helper()
	begin := time.Now()
	for _, one := range arrivals {
		time.Sleep(one.At - time.Since(begin))
		for {
			_, err := c.Ingest(tb.Context(), one.Req)
			if overload, ok := errors.AsType[*tracing.OverloadError](err); ok {
				refused++
				if overload.RetryAfter < 500*time.Millisecond || overload.RetryAfter > 5*time.Second {
					tb.Fatalf("come back after %v", overload.RetryAfter)
				}
				time.Sleep(overload.RetryAfter)
				continue
			}
			if err != nil {
				tb.Fatal(err)
			}
			break
		}
	}
	return refused
}

// mixes are lists of policies without memory.
func mixes() [][]sampling.Policy {
	return [][]sampling.Policy{
		nil,
		{sampling.Errors{}, sampling.Slow{Over: 4 * time.Second}, sampling.Probability{P: 0.3}},
		{sampling.Errors{}},
		{sampling.Count{Min: 5}, sampling.Probability{P: 0.1}},
		{sampling.Drop{Policy: sampling.Attr{Key: "n", Equals: attribute.IntValue(7)}}, sampling.Errors{}, sampling.Probability{P: 0.5}},
	}
}

func differ(tb testing.TB, what string, want, got any) {
	tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, shortened(diff))
	}
}

func shortened(text string) string {
	if len(text) > 3000 {
		return text[:3000] + "..."
	}
	return text
}

func writeFile(name string) error { return os.WriteFile(name, nil, 0o600) }
