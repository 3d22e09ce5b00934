package bench_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	retrygo "github.com/avast/retry-go/v5"
	backoff4 "github.com/cenkalti/backoff/v4"
	backoff5 "github.com/cenkalti/backoff/v5"
	eapachebreaker "github.com/eapache/go-resiliency/breaker"
	"github.com/eapache/go-resiliency/retrier"
	"github.com/failsafe-go/failsafe-go"
	failsafebulkhead "github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/panjf2000/ants/v2"
	"github.com/sony/gobreaker/v2"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/breaker/sonybreaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
	"golang.org/x/sync/semaphore"
)

// slotsOfStack is the limit of every bulkhead below.
const slotsOfStack = 64

func needed[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func answer(context.Context) (int, error) { return 42, nil }

// stackOfTenon is a guard of a default policy with a full token budget, a rate
// breaker and a semaphore.
func stackOfTenon(ctx context.Context) func() (int, error) {
	g := needed(guard.New(guard.Config{
		Retry:     needed(retry.New(retry.Config{Budget: needed(budget.NewToken(100, 0.1))})),
		Breaker:   needed(breaker.New(breaker.Config{})),
		Semaphore: needed(bulkhead.New(slotsOfStack, bulkhead.Config{})),
	}))
	return func() (int, error) { return guard.Do(ctx, g, answer) }
}

// stackByHand nests retry-go around gobreaker around x/sync, as services do.
func stackByHand(ctx context.Context) func() (int, error) {
	slots := semaphore.NewWeighted(slotsOfStack)
	circuit := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{Interval: 10 * time.Second})
	retries := retrygo.NewWithData[int](retrygo.Attempts(3), retrygo.Context(ctx))
	return func() (int, error) {
		return retries.Do(func() (int, error) {
			return circuit.Execute(func() (int, error) {
				if err := slots.Acquire(ctx, 1); err != nil {
					return 0, err
				}
				defer slots.Release(1)
				return answer(ctx)
			})
		})
	}
}

func stackOfFailsafe(ctx context.Context) func() (int, error) {
	executor := failsafe.With[int](
		retrypolicy.NewBuilder[int]().WithMaxRetries(2).Build(),
		circuitbreaker.NewBuilder[int]().WithFailureRateThreshold(0.5, 20, 10*time.Second).Build(),
		failsafebulkhead.New[int](slotsOfStack),
	).WithContext(ctx)
	return func() (int, error) { return executor.Get(func() (int, error) { return answer(ctx) }) }
}

// BenchmarkStackVsPeers calls a function that succeeds through retry, breaker and
// bulkhead, in turns of 10,000 calls. It reports the peers' time over ours.
func BenchmarkStackVsPeers(b *testing.B) {
	ctx := context.Background()
	stacks := []func() (int, error){stackOfTenon(ctx), stackByHand(ctx), stackOfFailsafe(ctx)}
	const turn = 10_000
	var spent [3]time.Duration
	for b.Loop() {
		for i, call := range stacks {
			start := time.Now()
			for range turn {
				if v, err := call(); v != 42 || err != nil {
					b.Fatalf("contender %d: %d, %v", i, v, err)
				}
			}
			spent[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(spent[0])/float64(b.N)/turn, "ns/call")
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "x-handnested")
	b.ReportMetric(float64(spent[2])/float64(spent[0]), "x-failsafe")
	b.ReportMetric(0, "ns/op") // a turn of all three says nothing
}

// retries are one call by each contender, of a function that fails so many times
// first. No contender waits between attempts.
func retries(failures int) map[string]func() error {
	errAgain := errors.New("again")
	left := 0 // failures to come, of the call that runs
	fn := func() error {
		if left > 0 {
			left--
			return errAgain
		}
		return nil
	}
	withContext := func(context.Context) error { return fn() }
	withValue := func() (int, error) { return 42, fn() }
	policy := needed(retry.New(retry.Config{Backoff: retry.Fixed{}}))
	avast := retrygo.New(retrygo.Attempts(3), retrygo.Delay(0), retrygo.DelayType(retrygo.FixedDelay))
	eapache := retrier.New(retrier.ConstantBackoff(2, 0), nil)
	ctx := context.Background()
	return map[string]func() error{
		"tenon": func() error { left = failures; return retry.Run(ctx, policy, withContext) },
		"backoff4": func() error {
			left = failures
			return backoff4.Retry(fn, backoff4.WithMaxRetries(&backoff4.ZeroBackOff{}, 2))
		},
		"backoff5": func() error {
			left = failures
			_, err := backoff5.Retry(ctx, withValue, backoff5.WithBackOff(&backoff5.ZeroBackOff{}), backoff5.WithMaxTries(3))
			return err
		},
		"avast5":  func() error { left = failures; return avast.Do(fn) },
		"eapache": func() error { left = failures; return eapache.Run(fn) },
	}
}

func benchmarkEach(b *testing.B, contenders map[string]func() error, names ...string) {
	b.Helper()
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			call := contenders[name]
			b.ReportAllocs()
			for b.Loop() {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRetry is a call that succeeds at once.
func BenchmarkRetry(b *testing.B) {
	benchmarkEach(b, retries(0), "tenon", "backoff4", "backoff5", "avast5", "eapache")
}

// BenchmarkRetriedAttempt is a call that fails once and is repeated without a delay.
func BenchmarkRetriedAttempt(b *testing.B) {
	benchmarkEach(b, retries(1), "tenon", "backoff4", "backoff5", "avast5", "eapache")
}

// BenchmarkBreaker is a success through a closed breaker that looks at a rate.
func BenchmarkBreaker(b *testing.B) {
	ctx := context.Background()
	run := func(context.Context) (int, error) { return 42, nil }
	native := needed(breaker.New(breaker.Config{}))
	sony := needed(sonybreaker.New(gobreaker.Settings{Interval: 10 * time.Second}, breaker.Config{}))
	failsafeBreaker := circuitbreaker.NewBuilder[int]().WithFailureRateThreshold(0.5, 20, 10*time.Second).Build()
	eapache := eapachebreaker.New(10, 1, 10*time.Second)
	benchmarkEach(b, map[string]func() error{
		"native": func() error { _, err := breaker.Do(ctx, native, run); return err },
		"sony":   func() error { _, err := breaker.Do(ctx, sony, run); return err },
		"failsafe": func() error {
			if !failsafeBreaker.TryAcquirePermit() {
				return circuitbreaker.ErrOpen
			}
			failsafeBreaker.RecordSuccess()
			return nil
		},
		"eapache": func() error { return eapache.Run(func() error { return nil }) },
	}, "native", "sony", "failsafe", "eapache")
}

// BenchmarkBulkhead takes a free slot and gives it back.
func BenchmarkBulkhead(b *testing.B) {
	ctx := context.Background()
	slots := needed(bulkhead.New(slotsOfStack, bulkhead.Config{}))
	weighted := semaphore.NewWeighted(slotsOfStack)
	channel := make(chan struct{}, slotsOfStack)
	failsafeSlots := failsafebulkhead.New[any](slotsOfStack)
	benchmarkEach(b, map[string]func() error{
		"tenon": func() error {
			permit, err := slots.Acquire(ctx)
			permit.Release()
			return err
		},
		"xsync": func() error {
			err := weighted.Acquire(ctx, 1)
			weighted.Release(1)
			return err
		},
		"chan": func() error {
			select {
			case channel <- struct{}{}:
			case <-ctx.Done():
			}
			<-channel
			return nil
		},
		"failsafe": func() error {
			err := failsafeSlots.AcquirePermit(ctx)
			failsafeSlots.ReleasePermit()
			return err
		},
	}, "tenon", "xsync", "chan", "failsafe")
}

// BenchmarkPool runs a function in a goroutine of its own and waits for it.
func BenchmarkPool(b *testing.B) {
	ctx := context.Background()
	pool := needed(bulkhead.NewPool(slotsOfStack, bulkhead.Config{}))
	peer := needed(ants.NewPool(slotsOfStack))
	b.Cleanup(peer.Release)
	benchmarkEach(b, map[string]func() error{
		"tenon": func() error { return pool.Run(ctx, func(context.Context) error { return nil }) },
		"ants": func() error {
			var done sync.WaitGroup
			done.Add(1)
			err := peer.Submit(done.Done)
			done.Wait()
			return err
		},
		"goroutine": func() error {
			var done sync.WaitGroup
			done.Go(func() {})
			done.Wait()
			return nil
		},
	}, "tenon", "ants", "goroutine")
}
