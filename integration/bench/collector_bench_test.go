package bench_test

import (
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/tracingtest"
)

// minutesLong is set in the environment to run benchmarks that take minutes.
const minutesLong = "TENON_BENCH_COLLECTOR"

const (
	held        = 5 * time.Second // how long traces are held
	fullFor     = 10 * time.Second
	steadyFor   = 20 * time.Second
	steadyRate  = 100_000 // spans a second
	roomy       = 1 << 30
	tight       = 256 << 20
	stormRate   = 15_000 // traces a second of the loss test
	perRequest  = 1000   // spans
	narrowRate  = 1_000_000
	overloadFor = 20 * time.Second
)

// BenchmarkCollector sends to a collector in a process of its own: for 10 s as fast as it goes, for its time a span; for 20 s 100,000 spans/s, for
// its memory; and three times the load of the loss test, for its memory too, and for what is lost.
func BenchmarkCollector(b *testing.B) {
	if os.Getenv(minutesLong) == "" {
		b.Skipf("minutes long: make bench-collector, or %s=1", minutesLong)
	}
	for _, protocol := range []string{"http", "grpc"} {
		b.Run(protocol, func(b *testing.B) {
			for b.Loop() {
				p := startCollector(b, roomy, 0)
				full := atFullRate(b, p, dial(b, p, protocol))
				p.end()
				b.ReportMetric(float64(full.cpu.Nanoseconds())/float64(full.spans), "cpu-ns/span")
				b.ReportMetric(float64(full.spans)/fullFor.Seconds(), "spans/s")
				b.ReportMetric(float64(full.refused), "refused")

				p = startCollector(b, roomy, 0)
				steady(b, dial(b, p, protocol))
				b.ReportMetric(float64(p.peak())/1e6, "MB")
				p.end()
				overload(b, protocol)
			}
			b.ReportMetric(0, "ns/op") // That of the plan.
		})
	}
}

// A sprint is what came of sending as fast as it goes.
type sprint struct {
	cpu            time.Duration // of the collector, until it decided about all
	spans, refused int
}

// atFullRate sends the same again and again, over each connection one request at a time.
func atFullRate(tb testing.TB, p *process, send send) (all sprint) {
	tb.Helper()
	before, begin := p.cpu(), time.Now()
	var mu sync.Mutex
	var senders sync.WaitGroup
	for salt := range uint64(connections) {
		replay := tracingtest.NewReplay(tracingtest.Load{}, salt, begin)
		senders.Go(func() {
			for time.Since(begin) < fullFor {
				err := send(tb.Context(), replay.Next())
				mu.Lock()
				if err == nil {
					all.spans += perRequest
				} else if all.refused++; !errors.Is(err, tracing.ErrOverload) {
					tb.Error(err)
				}
				mu.Unlock()
				if err != nil {
					time.Sleep(10 * time.Millisecond) // As little as that, so that it stays at its limit.
				}
			}
		})
	}
	senders.Wait()
	time.Sleep(held + 2*time.Second)
	all.cpu = p.cpu() - before
	return all
}

// steady sends at a rate that both a collector and this machine can do.
func steady(tb testing.TB, send send) {
	tb.Helper()
	begin := time.Now()
	var senders sync.WaitGroup
	const interval = perRequest * connections * time.Second / steadyRate
	for n := range connections {
		replay := tracingtest.NewReplay(tracingtest.Load{}, uint64(n), begin)
		senders.Go(func() {
			for due := time.Duration(n) * interval / connections; due < steadyFor; due += interval {
				time.Sleep(due - time.Since(begin))
				if err := send(tb.Context(), replay.Next()); err != nil {
					tb.Errorf("at 100,000 spans/s: %v", err)
					return
				}
			}
		})
	}
	senders.Wait()
	if late := time.Since(begin) - steadyFor; late > steadyFor/10 {
		tb.Errorf("100,000 spans/s took %v longer than they should", late)
	}
}

// overload is that of the loss test, over the wire and in two processes.
func overload(b *testing.B, protocol string) {
	b.Helper()
	p := startCollector(b, tight, narrowRate)
	toll := tracingtest.Storm{Rate: 3 * stormRate, For: overloadFor, Send: dial(b, p, protocol)}.Run(b.Context())
	peak := p.peak()
	left, received := p.end()
	missed := 0
	for id := range toll.Must {
		if !left[id] {
			missed++
		}
	}
	if toll.Failed != nil || missed > 0 || toll.Undelayed > 0 || toll.Refused == 0 || received != toll.Spans {
		b.Errorf("%d of %d traces missed, %d refusals, %d of them without a delay, %d spans received of %d acknowledged, error %v",
			missed, len(toll.Must), toll.Refused, toll.Undelayed, received, toll.Spans, toll.Failed)
	}
	b.ReportMetric(float64(toll.Traces)/overloadFor.Seconds(), "overload-traces/s")
	b.ReportMetric(100*float64(toll.Refused)/float64(toll.Requests), "overload-refused-%")
	b.ReportMetric(float64(missed), "overload-lost")
	b.ReportMetric(float64(peak)/1e6, "overload-MB")
}
