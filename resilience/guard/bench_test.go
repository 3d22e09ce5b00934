package guard_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
)

// stack returns a guard with the default policy, a full token budget, a breaker by rate and a semaphore of 64.
func stack(tb testing.TB) *guard.Guard {
	tb.Helper()
	return made(tb, guard.Config{
		Name:      "stack",
		Retry:     must(retry.New(retry.Config{Budget: must(budget.NewToken(100, 0.1))})),
		Breaker:   must(breaker.New(breaker.Config{})),
		Semaphore: must(bulkhead.New(64, bulkhead.Config{})),
	})
}

//go:noinline
func succeed(context.Context) (int, error) { return 1, nil }

// BenchmarkStack is what a success costs through all parts.
func BenchmarkStack(b *testing.B) {
	g, ctx, fn := stack(b), context.Background(), succeed
	b.ReportAllocs()
	for b.Loop() {
		if _, err := guard.Do(ctx, g, fn); err != nil {
			b.Fatal(err)
		}
	}
}

// floor is the least that the parts can do: to take a slot, to give it back, to count a success, and to look at the state of each.
type floor struct{ plan, breaker, slots, results, tokens atomic.Uint64 }

func (f *floor) do(ctx context.Context, fn func(context.Context) (int, error)) (int, error) {
	if f.plan.Load()|f.breaker.Load() != 0 {
		return 0, errDown
	}
	for {
		if old := f.slots.Load(); f.slots.CompareAndSwap(old, old+1<<21+1) {
			break
		}
	}
	v, err := fn(ctx)
	f.slots.Add(^uint64(0))
	f.results.Add(1 << 32)
	if f.tokens.Load() != 0 {
		return 0, errDown
	}
	return v, err
}

// BenchmarkStackFloor is the function called between the atomic operations that the parts cannot do without.
func BenchmarkStackFloor(b *testing.B) {
	f, ctx, fn := new(floor), context.Background(), succeed
	for b.Loop() {
		if v, err := f.do(ctx, fn); v != 1 || err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParallelDo is BenchmarkStack from all processors at once.
func BenchmarkParallelDo(b *testing.B) {
	g, ctx, fn := stack(b), context.Background(), succeed
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := guard.Do(ctx, g, fn); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkParallelDoFloor is BenchmarkStackFloor from all processors at once.
func BenchmarkParallelDoFloor(b *testing.B) {
	f, ctx, fn := new(floor), context.Background(), succeed
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := f.do(ctx, fn); err != nil {
				b.Error(err)
			}
		}
	})
}
