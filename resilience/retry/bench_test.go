package retry_test

import (
	"context"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
)

// succeed is the function that benchmarks call: never inlined, so that its floor is a call.
//
//go:noinline
func succeed(context.Context) (int, error) { return 1, nil }

// BenchmarkCall is the floor of BenchmarkDo: the same function without a policy.
func BenchmarkCall(b *testing.B) {
	ctx, fn := context.Background(), succeed
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fn(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDo is a success under the default policy.
func BenchmarkDo(b *testing.B) {
	ctx, p := context.Background(), policy(b, retry.Config{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := retry.Do(ctx, p, succeed); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDoWithBudget is the same with a full token budget.
func BenchmarkDoWithBudget(b *testing.B) {
	tokens, err := budget.NewToken(10, 0.1)
	if err != nil {
		b.Fatal(err)
	}
	ctx, p := context.Background(), policy(b, retry.Config{Budget: tokens})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := retry.Do(ctx, p, succeed); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParallelDo is BenchmarkDo on all cores at once: calls share nothing that is written.
func BenchmarkParallelDo(b *testing.B) {
	ctx, p := context.Background(), policy(b, retry.Config{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := retry.Do(ctx, p, succeed); err != nil {
				b.Error(err)
			}
		}
	})
}

// recovers returns a function that fails and succeeds in turn.
//
//go:noinline
func recovers() func(context.Context) (int, error) {
	fails := false
	return func(context.Context) (int, error) {
		if fails = !fails; fails {
			return 0, errDown
		}
		return 1, nil
	}
}

// BenchmarkRetriedCall is the floor of BenchmarkRetriedAttempt: its two calls, the one look at the clock, and the mark.
func BenchmarkRetriedCall(b *testing.B) {
	ctx, fn, now := context.Background(), recovers(), time.Now
	var at time.Time
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fn(ctx); err == nil {
			b.Fatal("no failure")
		}
		at = now()
		if _, err := fn(resilience.WithMark(ctx, resilience.Mark{Attempt: 2, Max: 3})); err != nil {
			b.Fatal(err)
		}
	}
	if at.IsZero() {
		b.Fatal("no time")
	}
}

// BenchmarkRetriedAttempt is a whole call: a failure, no delay, a success.
func BenchmarkRetriedAttempt(b *testing.B) {
	ctx, fn, p := context.Background(), recovers(), policy(b, retry.Config{Backoff: retry.Fixed{}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := retry.Do(ctx, p, fn); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecide is one decision under the default policy.
func BenchmarkDecide(b *testing.B) {
	p := policy(b, retry.Config{})
	h := retry.History{Attempts: 2, Deadline: at.Add(time.Minute)}
	v := resilience.Verdict{Kind: resilience.KindTransient}
	b.ReportAllocs()
	for b.Loop() {
		if !p.Decide(h, v, at, 0.5).Retry {
			b.Fatal("stopped")
		}
	}
}
