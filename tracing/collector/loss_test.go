package collector_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
	"github.com/tenon-go/tenon/tracing/tracingtest"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// TestNoErrorIsLostAtTripleLoad sends far more than fits into memory to an output that takes 100 KB/s and is set free at the end: children in one
// request, roots in the next; in 1 of 100 traces a child failed, 1 of 200 roots took 5 s. A request that is refused is sent again once, after
// its delay. Whatever of these spans was acknowledged is found in the output.
func TestNoErrorIsLostAtTripleLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		var mu sync.Mutex
		left := map[trace.TraceID]bool{}
		out := collector.OutputFunc(func(_ context.Context, kept []tracing.Kept) error {
			size := 0
			for i := range kept {
				size += len(kept[i].OTLP)
			}
			select {
			case <-free:
			case <-time.After(time.Duration(size) * time.Second / 100_000):
			}
			mu.Lock()
			defer mu.Unlock()
			for i := range kept {
				left[kept[i].ID] = true
			}
			return nil
		})
		const limit = 4 << 20
		c := start(t, out, collector.Config{
			MaxBytes: limit, Quiet: 5 * time.Second,
			Policies: []sampling.Policy{sampling.Errors{}, sampling.Slow{Over: 4 * time.Second}, sampling.Probability{P: 0.1}},
		})
		must, refused := overload(t, c)
		close(free)
		ledger := finish(t, c)
		missed := 0
		for id := range must {
			if !left[id] {
				missed++
			}
		}
		t.Logf("%d requests refused, %d traces had to leave, %d spans received, %d exported, loss %v", refused, len(must), ledger.Received.Spans, ledger.Exported.Spans, ledger.Loss())
		if missed > 0 || ledger.Loss() != 0 || refused == 0 || len(must) < 50 {
			t.Errorf("%d of %d traces are missed, loss %v, %d refusals", missed, len(must), ledger.Loss(), refused)
		}
	})
}

// overload sends 750 traces/s for 20 s, and returns those of which an error or slow root was acknowledged.
func overload(t *testing.T, c *collector.Collector) (must map[trace.TraceID]bool, refused int) {
	t.Helper()
	source := rand.New(rand.NewPCG(1, 2))
	must = map[trace.TraceID]bool{}
	var senders sync.WaitGroup
	var mu sync.Mutex
	send := func(spans []tracing.Span) {
		req := tracing.Encode(spans)
		for try := range 2 {
			_, err := c.Ingest(t.Context(), req)
			overload, again := errors.AsType[*tracing.OverloadError](err)
			mu.Lock()
			for _, s := range spans {
				if err == nil && (s.Status.Code == codes.Error || s.End.Sub(s.Start) >= 5*time.Second) {
					must[s.TraceID] = true
				}
			}
			if again {
				refused++
			}
			mu.Unlock()
			if !again || try == 1 {
				return
			}
			time.Sleep(overload.RetryAfter)
		}
	}
	for range 20 * 10 {
		children, roots := tracingtest.Halves(source, 75)
		senders.Go(func() {
			send(children)
			send(roots)
		})
		time.Sleep(100 * time.Millisecond)
	}
	senders.Wait()
	return must, refused
}
