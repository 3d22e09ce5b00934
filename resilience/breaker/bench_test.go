package breaker_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/tenon-go/tenon/resilience/breaker"
)

// BenchmarkAllow is Allow and Record of a success, closed.
func BenchmarkAllow(b *testing.B) {
	e := made(b, breaker.Config{})
	b.ReportAllocs()
	for b.Loop() {
		t, err := e.Allow()
		if err != nil {
			b.Fatal(err)
		}
		e.Record(t, breaker.Success)
	}
}

// floor is what no breaker can do without: who asks reads a pointer that others may change, who answers adds to a word that others read.
type floor struct {
	word atomic.Pointer[atomic.Uint64]
}

//go:noinline
func (f *floor) allow() *atomic.Uint64 { return f.word.Load() }

//go:noinline
func (f *floor) record(word *atomic.Uint64) { word.Add(1 << 32) }

// BenchmarkAllowFloor is the floor below BenchmarkAllow: two calls, a load and an addition.
func BenchmarkAllowFloor(b *testing.B) {
	f := new(floor)
	f.word.Store(new(atomic.Uint64))
	for b.Loop() {
		f.record(f.allow())
	}
}

// BenchmarkAllowOpen is a refusal.
func BenchmarkAllowOpen(b *testing.B) {
	e := made(b, breaker.Config{})
	if err := e.Command(breaker.Open); err != nil {
		b.Fatal(err)
	}
	if err := e.Command(breaker.ForcedOpen); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Allow(); err == nil {
			b.Fatal("not refused")
		}
	}
}

// BenchmarkParallelAllow is BenchmarkAllow on all processors.
func BenchmarkParallelAllow(b *testing.B) {
	e := made(b, breaker.Config{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			t, err := e.Allow()
			if err != nil {
				b.Error(err)
				return
			}
			e.Record(t, breaker.Success)
		}
	})
}

// BenchmarkParallelAllowFloor is the floor below BenchmarkParallelAllow.
func BenchmarkParallelAllowFloor(b *testing.B) {
	f := new(floor)
	f.word.Store(new(atomic.Uint64))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f.record(f.allow())
		}
	})
}

// BenchmarkDo is BenchmarkAllow around a function.
func BenchmarkDo(b *testing.B) {
	e := made(b, breaker.Config{})
	ctx := context.Background()
	fn := func(context.Context) (int, error) { return 1, nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := breaker.Do(ctx, e, fn); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOutcome is Allow and Record by what is recorded, and with calls timed.
func BenchmarkOutcome(b *testing.B) {
	for _, bb := range []struct {
		name    string
		cfg     breaker.Config
		outcome breaker.Outcome
	}{
		{"failure", never(breaker.Config{}), breaker.Failure},
		{"excluded", breaker.Config{}, breaker.Excluded},
		{"unused", breaker.Config{}, breaker.Unused},
		{"timed", breaker.Config{SlowCall: 1 << 60}, breaker.Success},
	} {
		b.Run(bb.name, func(b *testing.B) {
			e := made(b, bb.cfg)
			b.ReportAllocs()
			for b.Loop() {
				t, err := e.Allow()
				if err != nil {
					b.Fatal(err)
				}
				e.Record(t, bb.outcome)
			}
		})
	}
}
