package collector_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
	"github.com/tenon-go/tenon/tracing/tracingtest"
)

func discard(context.Context, []tracing.Kept) error { return nil }

// BenchmarkIngest takes requests of 1,000 spans, 100 whole traces: with one policy that keeps all of them, and with three that keep a tenth.
func BenchmarkIngest(b *testing.B) {
	for _, load := range []struct {
		name       string
		attributes int
		policies   []sampling.Policy
	}{
		{"attr8", 8, nil},
		{"attr0", -1, nil},
		{"attr8/tenth", 8, []sampling.Policy{sampling.Errors{}, sampling.Slow{Over: 4 * time.Second}, sampling.Probability{P: 0.1}}},
	} {
		b.Run(load.name, func(b *testing.B) { ingest(b, load.attributes, load.policies) })
	}
}

func ingest(b *testing.B, attributes int, policies []sampling.Policy) {
	b.Helper()
	c, err := collector.New(collector.OutputFunc(discard), collector.Config{Quiet: 200 * time.Millisecond, MaxBytes: 1 << 30, Policies: policies})
	if err != nil {
		b.Fatal(err)
	}
	replay := tracingtest.NewReplay(tracingtest.Load{Attributes: attributes}, 1, time.Now())
	b.SetBytes(int64(len(replay.Next())))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	refused := 0
	for b.Loop() {
		b.StopTimer()
		req := replay.Next()
		b.StartTimer()
		if _, err := c.Ingest(b.Context(), req); err != nil {
			refused++
			time.Sleep(time.Millisecond)
		}
	}
	b.StopTimer()
	runtime.ReadMemStats(&after)
	spans := float64(1000 * (b.N - refused))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/spans, "ns/span")
	b.ReportMetric(spans/b.Elapsed().Seconds(), "spans/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/spans, "allocs/span")
	if err := c.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := c.Ledger().Check(); err != nil {
		b.Fatal(err)
	}
	if refused > 0 {
		fmt.Printf("%d of %d requests refused\n", refused, b.N)
	}
}
