package bulkhead_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/bulkhead/limit"
)

// BenchmarkAcquire is an Acquire and its Release, beside the two atomic operations that they cannot do without.
func BenchmarkAcquire(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		var word atomic.Uint64
		for b.Loop() {
			old := word.Load()
			if !word.CompareAndSwap(old, old+1<<21+1) {
				b.Fatal("somebody else was here")
			}
			word.Add(^uint64(0))
		}
	})
	b.Run("tenon", func(b *testing.B) {
		ctx := context.Background()
		s := semaphore(b, 64, bulkhead.Config{})
		b.ReportAllocs()
		for b.Loop() {
			p, err := s.Acquire(ctx)
			if err != nil {
				b.Fatal(err)
			}
			p.Release()
		}
	})
}

// BenchmarkAcquireFull is a refusal, beside the one atomic operation that counts it.
func BenchmarkAcquireFull(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		var rejected atomic.Uint64
		for b.Loop() {
			rejected.Add(1)
		}
	})
	b.Run("tenon", func(b *testing.B) {
		ctx := context.Background()
		s := semaphore(b, 1, bulkhead.Config{})
		p, err := s.Acquire(ctx)
		if err != nil {
			b.Fatal(err)
		}
		defer p.Release()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Acquire(ctx); err == nil {
				b.Fatal("not full")
			}
		}
	})
}

// BenchmarkParallelAcquire is what BenchmarkAcquire is on all processors at once, which take turns at one cache line.
func BenchmarkParallelAcquire(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		var word atomic.Uint64
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				for {
					old := word.Load()
					if word.CompareAndSwap(old, old+1<<21+1) {
						break
					}
				}
				word.Add(^uint64(0))
			}
		})
	})
	b.Run("tenon", func(b *testing.B) {
		s := semaphore(b, 64, bulkhead.Config{})
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			ctx := context.Background()
			for pb.Next() {
				p, err := s.Acquire(ctx)
				if err != nil {
					b.Error(err)
					return
				}
				p.Release()
			}
		})
	})
}

// BenchmarkContended is eight callers per processor for one slot, in a queue: with overtaking in the first millisecond, and with a clock by which
// everybody has waited for long, so that every slot is handed over.
func BenchmarkContended(b *testing.B) {
	var ticks atomic.Int64
	clocks := map[string]func() time.Time{
		"overtaking": nil,
		"handover":   func() time.Time { return time.Unix(0, ticks.Add(int64(time.Second))) },
	}
	for name, clock := range clocks {
		b.Run(name, func(b *testing.B) {
			s := semaphore(b, 1, bulkhead.Config{Queue: 1000, Now: clock})
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				ctx := context.Background()
				for pb.Next() {
					p, err := s.Acquire(ctx)
					if err != nil {
						b.Error(err)
						return
					}
					p.Release()
				}
			})
		})
	}
}

// BenchmarkAdaptive is an Acquire and its Release of a semaphore that times one call in eight.
func BenchmarkAdaptive(b *testing.B) {
	alg, err := limit.NewGradient2(limit.Gradient2Config{})
	if err != nil {
		b.Fatal(err)
	}
	s := adaptive(b, alg, bulkhead.AdaptiveConfig{})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		p, err := s.Acquire(ctx)
		if err != nil {
			b.Fatal(err)
		}
		p.Release()
	}
}

// BenchmarkPartitioned is an Acquire and its Release of one of a hundred tenants.
func BenchmarkPartitioned(b *testing.B) {
	weights := make(map[string]int)
	for i := range 100 {
		weights[strconv.Itoa(i)] = 1
	}
	p := partitioned(b, 1000, weights, bulkhead.Config{})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		permit, err := p.Acquire(ctx, "42")
		if err != nil {
			b.Fatal(err)
		}
		permit.Release()
	}
}

// BenchmarkPool runs a function and waits for it, beside a goroutine and a channel: with a context that does not end, and with one that may.
func BenchmarkPool(b *testing.B) {
	fn := func(context.Context) error { return nil }
	p := pool(b, 64, bulkhead.Config{})
	measure := func(name string, ctx context.Context, run func(ctx context.Context) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := run(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	measure("goroutine", context.Background(), func(ctx context.Context) error {
		c := make(chan error)
		go func() { c <- fn(ctx) }()
		return <-c
	})
	measure("tenon", context.Background(), func(ctx context.Context) error { return p.Run(ctx, fn) })
	measure("goroutine/leavable", b.Context(), func(ctx context.Context) error {
		c := make(chan error, 1)
		go func() { c <- fn(ctx) }()
		select {
		case err := <-c:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	measure("tenon/leavable", b.Context(), func(ctx context.Context) error { return p.Run(ctx, fn) })
}
