package guard_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/bulkhead/limit"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
)

// fails returns a function that ends with err so many times before it succeeds, and how often it ran.
func fails(times int, err error) (fn func(context.Context) (string, error), runs *int) {
	runs = new(int)
	return func(context.Context) (string, error) {
		if *runs++; *runs <= times {
			return "", err
		}
		return "done", nil
	}, runs
}

// always is how often a function fails that never succeeds.
const always = 1 << 30

// atOnce is a policy of so many attempts without delays.
func atOnce(attempts int) *retry.Policy {
	return must(retry.New(retry.Config{MaxAttempts: attempts, Backoff: retry.Fixed{}}))
}

func TestEveryAttemptCountsForTheBreaker(t *testing.T) {
	for name, cfg := range layouts(t, guard.Config{Retry: atOnce(3)}) {
		g := made(t, cfg)
		fn, runs := fails(2, errDown)
		if v, err := guard.Do(t.Context(), g, fn); v != "done" || err != nil {
			t.Fatalf("%s: got %q, %v", name, v, err)
		}
		if diff := cmp.Diff(breaker.Counts{Successes: 1, Failures: 2}, g.Breaker().Counts()); diff != "" || *runs != 3 {
			t.Errorf("%s: %d runs; counts (-want +got):\n%s", name, *runs, diff)
		}
		if s := g.Stats(); s.Retries != 2 || s.Hedges != 0 || s.Bulkhead.Accepted != 3 {
			t.Errorf("%s: %v", name, s)
		}
	}
}

func TestAnOpenBreakerEndsTheCallAtOnceAndSaysWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := must(breaker.New(breaker.Config{ConsecutiveFailures: 2, OpenFor: 7 * time.Second, OpenJitter: -1}))
		sem := must(bulkhead.New(1, bulkhead.Config{}))
		g := made(t, guard.Config{Retry: atOnce(5), Breaker: b, Semaphore: sem})
		fn, runs := fails(always, errDown)
		_, err := guard.Do(t.Context(), g, fn)
		failed, ok := errors.AsType[*retry.Error](err)
		if !ok || failed.Cause != retry.CauseRejected || failed.RetryAfter != 7*time.Second || *runs != 2 {
			t.Fatalf("%d runs: %v", *runs, err)
		}
		if !errors.Is(err, breaker.ErrOpen) || !errors.Is(err, retry.ErrRejected) {
			t.Errorf("neither ErrOpen nor ErrRejected: %v", err)
		}
		if s := sem.Stats(); s.Offered() != 2 {
			t.Errorf("a refused attempt asked for a slot: %v", s)
		}
		_, err = guard.Do(t.Context(), g, fn)
		if failed, _ = errors.AsType[*retry.Error](err); failed == nil || failed.Sent() || *runs != 2 {
			t.Errorf("the call was sent: %v", err)
		}
	})
}

// full returns bulkheads of all kinds without a free slot, as configs.
func full(t *testing.T, queue bulkhead.Config) map[string]guard.Config {
	t.Helper()
	tenant := func(context.Context) string { return "a" }
	sem, shared := must(bulkhead.New(1, queue)), must(bulkhead.New(1, queue))
	parts := must(bulkhead.NewPartitioned(1, map[string]int{"a": 1}, queue))
	pool := must(bulkhead.NewPool(1, queue))
	over := make(chan struct{})
	permits := []bulkhead.Permit{
		must(sem.Acquire(t.Context())), must(shared.Acquire(t.Context())), must(parts.Acquire(t.Context(), "a")),
	}
	if err := pool.Submit(t.Context(), func(context.Context) { <-over }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(over)
		for i := range permits {
			permits[i].Release()
		}
	})
	return map[string]guard.Config{
		"semaphore":               {Semaphore: sem},
		"semaphore with priority": {Semaphore: shared, Priority: func(context.Context) int { return 1 }},
		"partitioned":             {Partitioned: parts, Partition: tenant},
		"pool":                    {Pool: pool},
	}
}

func TestAFullBulkheadIsNoFailureOfTheService(t *testing.T) {
	for name, cfg := range full(t, bulkhead.Config{}) {
		t.Run(name, func(t *testing.T) {
			b := must(breaker.New(breaker.Config{}))
			cfg.Breaker, cfg.Retry = b, atOnce(3)
			g := made(t, cfg)
			fn, runs := fails(0, nil)
			_, err := guard.Do(t.Context(), g, fn)
			if !errors.Is(err, bulkhead.ErrFull) || !errors.Is(err, retry.ErrRejected) || *runs != 0 {
				t.Errorf("%d runs: %v", *runs, err)
			}
			if diff := cmp.Diff(breaker.Counts{}, b.Counts()); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAWaitForASlotIsNotHeldAgainstTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, cfg := range full(t, bulkhead.Config{Queue: 1}) {
			b := must(breaker.New(breaker.Config{Probes: 1}))
			cfg.Breaker = b
			cfg.AttemptTimeout = time.Millisecond // begins with the slot
			g := made(t, cfg)
			fn, runs := fails(0, nil)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			begin := time.Now()
			_, err := guard.Do(ctx, g, fn)
			cancel()
			if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || *runs != 0 || took != time.Second {
				t.Errorf("%s: %d runs after %v: %v", name, *runs, took, err)
			}
			if diff := cmp.Diff(breaker.Counts{}, b.Counts()); diff != "" {
				t.Errorf("%s: counts (-want +got):\n%s", name, diff)
			}
		}
	})
}

// layouts are guards in which an attempt takes each of the ways that there are, with a breaker of their own and one slot.
func layouts(t *testing.T, cfg guard.Config) map[string]guard.Config {
	t.Helper()
	with := func(change func(*guard.Config)) guard.Config {
		c := cfg
		c.Breaker = must(breaker.New(breaker.Config{}))
		c.Semaphore = must(bulkhead.New(1, bulkhead.Config{}))
		change(&c)
		return c
	}
	pooled := func(c *guard.Config) { c.Semaphore, c.Pool = nil, must(bulkhead.NewPool(1, bulkhead.Config{})) }
	return map[string]guard.Config{
		"direct":  with(func(*guard.Config) {}),
		"foreign": with(func(c *guard.Config) { c.Breaker = foreign{c.Breaker} }),
		"partitioned": with(func(c *guard.Config) {
			c.Semaphore, c.Partitioned = nil, must(bulkhead.NewPartitioned(1, map[string]int{"*": 1}, bulkhead.Config{}))
			c.Partition = func(context.Context) string { return "a" }
		}),
		"timeout":      with(func(c *guard.Config) { c.AttemptTimeout = time.Hour }),
		"pool":         with(pooled),
		"foreign pool": with(func(c *guard.Config) { pooled(c); c.Breaker, c.AttemptTimeout = foreign{c.Breaker}, time.Hour }),
	}
}

// foreign is an engine that is not known to be native.
type foreign struct{ breaker.Engine }

// idle fails unless all slots are free.
func idle(t *testing.T, g *guard.Guard) {
	t.Helper()
	s := g.Stats()
	if s.Bulkhead.InUse != 0 || s.Bulkhead.Accepted != s.Bulkhead.Released() || s.Abandoned != 0 {
		t.Errorf("a slot is taken: %v", s)
	}
}

// Invariant: resilience R8.
func TestAPanicGivesEverythingBackAndCountsAsAFailure(t *testing.T) {
	errPanic := errors.New("out of cheese")
	for name, cfg := range layouts(t, guard.Config{Retry: atOnce(3)}) {
		t.Run(name, func(t *testing.T) {
			g := made(t, cfg)
			func() {
				defer func() {
					err, _ := recover().(error)
					if wrapped, ok := errors.AsType[*bulkhead.PanicError](err); (cfg.Pool != nil) != ok || ok && len(wrapped.Stack) == 0 {
						t.Errorf("the panic is %v", err)
					}
					if cfg.Pool == nil && err != errPanic || !errors.Is(err, errPanic) { //nolint:errorlint // unchanged
						t.Errorf("the panic is %v, want %v", err, errPanic)
					}
				}()
				_ = guard.Run(t.Context(), g, func(context.Context) error { panic(errPanic) })
			}()
			idle(t, g)
			if diff := cmp.Diff(breaker.Counts{Failures: 1, ConsecutiveFailures: 1}, g.Breaker().Counts()); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

// Invariant: resilience R8.
func TestGoexitGivesEverythingBackAndCountsAsAFailure(t *testing.T) {
	for name, cfg := range layouts(t, guard.Config{Retry: atOnce(3)}) {
		t.Run(name, func(t *testing.T) {
			g := made(t, cfg)
			returned := false
			over := make(chan struct{})
			go func() {
				defer close(over)
				_ = guard.Run(t.Context(), g, func(context.Context) error { runtime.Goexit(); return nil })
				returned = true
			}()
			<-over
			if returned {
				t.Error("the call returned")
			}
			idle(t, g)
			if diff := cmp.Diff(breaker.Counts{Failures: 1, ConsecutiveFailures: 1}, g.Breaker().Counts()); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheErrorsOfTheFunctionAreSeenAsTheyAre(t *testing.T) {
	for name, cfg := range layouts(t, guard.Config{}) {
		t.Run(name, func(t *testing.T) {
			_, err := guard.Do(t.Context(), made(t, cfg), func(context.Context) (int, error) { return 7, errDown })
			seen := []error{err}
			hook := func(_ context.Context, e retry.Event) { seen = append(seen, e.Err) }
			cfg.Retry = must(retry.New(retry.Config{MaxAttempts: 2, Backoff: retry.Fixed{}, OnRetry: hook, OnDone: hook}))
			v, err := guard.Do(t.Context(), made(t, cfg), func(context.Context) (int, error) { return 7, errDown })
			failed, ok := err.(*retry.Error) //nolint:errorlint // as it is
			if !ok || v != 7 || failed.Cause != retry.CauseMaxAttempts {
				t.Fatalf("got %v, %#v", v, err)
			}
			seen = append(seen, failed.Last, failed.Attempts[0].Err, failed.Attempts[1].Err)
			for i, err := range seen {
				if err != errDown { //nolint:errorlint // as it is
					t.Errorf("number %d is %#v", i, err)
				}
			}
			if len(seen) != 6 {
				t.Errorf("%d errors", len(seen))
			}
		})
	}
}

func TestAnAttemptIsJudgedOnceForAll(t *testing.T) {
	for name, cfg := range layouts(t, guard.Config{}) {
		t.Run(name, func(t *testing.T) {
			var judgements int
			classify := func(_ context.Context, err error) resilience.Verdict {
				judgements++
				if err != errDown { //nolint:errorlint // as it is
					t.Errorf("asked about %#v", err)
				}
				return resilience.Verdict{Kind: resilience.KindThrottled}
			}
			cfg.Retry = must(retry.New(retry.Config{MaxAttempts: 3, Backoff: retry.Fixed{}, Classify: classify}))
			g := made(t, cfg)
			fn, runs := fails(always, errDown)
			_, err := guard.Do(t.Context(), g, fn)
			if failed, ok := errors.AsType[*retry.Error](err); !ok || failed.Attempts[0].Verdict.Kind != resilience.KindThrottled {
				t.Errorf("the policy does not know the verdict: %v", err)
			}
			if c := g.Breaker().Counts(); judgements != *runs || *runs != 3 || c.Excluded != 3 {
				t.Errorf("%d runs, %d judgements, counts %+v", *runs, judgements, c)
			}
			if cfg.Retry = nil; cfg.Pool != nil {
				cfg.Pool = must(bulkhead.NewPool(1, bulkhead.Config{}))
			}
			cfg.Classify, judgements = classify, 0
			if err := guard.Run(t.Context(), made(t, cfg), func(context.Context) error { return errDown }); err == nil || judgements != 1 {
				t.Errorf("without a policy: %d judgements", judgements)
			}
		})
	}
}

func TestABreakerThatJudgesErrorsHasASay(t *testing.T) {
	b := must(breaker.New(breaker.Config{Outcome: func(err error) breaker.Outcome {
		switch {
		case errors.Is(err, errDown):
			return breaker.Excluded
		case errors.Is(err, breaker.ErrOpen):
			return breaker.Failure // but nobody should ask
		default:
			return 0
		}
	}}))
	for name, engine := range map[string]breaker.Engine{"native": b, "foreign": struct {
		breaker.Engine
		breaker.Judge
	}{b, b}} {
		if err := b.Command(breaker.Closed); err != nil {
			t.Fatal(err)
		}
		g := made(t, guard.Config{Breaker: engine})
		for _, err := range []error{errDown, errors.New("else"), &breaker.OpenError{}} {
			if got := guard.Run(t.Context(), g, func(context.Context) error { return err }); got != err { //nolint:errorlint // as it is
				t.Error(got)
			}
		}
		if diff := cmp.Diff(breaker.Counts{Failures: 1, Excluded: 1, ConsecutiveFailures: 1}, b.Counts()); diff != "" {
			t.Errorf("%s: counts (-want +got):\n%s", name, diff)
		}
	}
}

func TestNoAttemptBeginsWithADoneContext(t *testing.T) {
	errCause := errors.New("shutting down")
	for name, cfg := range layouts(t, guard.Config{}) {
		for _, policy := range []*retry.Policy{nil, atOnce(3)} {
			cfg.Retry = policy
			g := made(t, cfg)
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(errCause)
			fn, runs := fails(0, nil)
			_, err := guard.Do(ctx, g, fn)
			failed, ok := errors.AsType[*retry.Error](err)
			if !errors.Is(err, errCause) || *runs != 0 || ok != (policy != nil) || ok && (failed.Cause != retry.CauseCanceled || failed.Last != nil) {
				t.Errorf("%s: done before the call: %d runs, %v", name, *runs, err)
			}
			ctx, cancel = context.WithCancelCause(t.Context())
			runs = new(int)
			err = guard.Run(ctx, g, func(context.Context) error { *runs++; cancel(errCause); return errDown })
			told := errors.Is(err, retry.ErrCanceled) && errors.Is(err, errCause)
			if *runs != 1 || !errors.Is(err, errDown) || told != (policy != nil) {
				t.Errorf("%s: done in the first attempt: %d runs, %v", name, *runs, err)
			}
		}
	}
}

// Invariant: resilience R1.
func TestASlotThatComesWithTheEndOfTheContextIsNotUsed(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	synctest.Test(t, func(t *testing.T) {
		sem := must(bulkhead.New(1, bulkhead.Config{Queue: 1}))
		g := made(t, guard.Config{Semaphore: sem, Breaker: must(breaker.New(breaker.Config{}))})
		for range 100 {
			permit := must(sem.Acquire(t.Context()))
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- guard.Run(ctx, g, func(context.Context) error { return errors.New("it ran") }) }()
			synctest.Wait()
			permit.Release() // the waiter cannot run before the next pause
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		idle(t, g)
		if diff := cmp.Diff(breaker.Counts{}, g.Breaker().Counts()); diff != "" {
			t.Errorf("counts (-want +got):\n%s", diff)
		}
	})
}

func TestADeadlineBeforeTheNextAttemptEndsTheCallAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, cfg := range layouts(t, guard.Config{Retry: must(retry.New(retry.Config{Backoff: retry.Fixed{Base: time.Minute}}))}) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			begin := time.Now()
			fn, runs := fails(always, errDown)
			_, err := guard.Do(ctx, made(t, cfg), fn)
			if took := time.Since(begin); took != 0 || *runs != 1 || !errors.Is(err, retry.ErrDeadline) || !errors.Is(err, errDown) {
				t.Errorf("%s: %d runs, %v after %v", name, *runs, err, took)
			}
			cancel()
		}
	})
}

// hangs runs until its context is done.
func hangs(ctx context.Context) (*late, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAHangingAttemptEndsAtItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := must(retry.New(retry.Config{MaxAttempts: 2, Backoff: retry.Fixed{Base: time.Second}, Idempotent: true}))
		for name, cfg := range layouts(t, guard.Config{Retry: policy}) {
			cfg.AttemptTimeout = 3 * time.Second
			g := made(t, cfg)
			begin := time.Now()
			_, err := guard.Do(t.Context(), g, hangs)
			if took := time.Since(begin); took != 7*time.Second || !errors.Is(err, retry.ErrMaxAttempts) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v after %v", name, err, took)
			}
			synctest.Wait()
			idle(t, g)
			if c := g.Breaker().Counts(); c.Failures != 2 {
				t.Errorf("%s: counts %+v", name, c)
			}
		}
	})
}

func TestTimeoutsAndThrottlingLowerAnAdaptiveLimit(t *testing.T) {
	for kind, lowers := range map[resilience.Kind]bool{
		resilience.KindTimeout: true, resilience.KindThrottled: true, resilience.KindTransient: false, resilience.KindPermanent: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			alg := must(limit.NewAIMD(limit.AIMDConfig{Initial: 10}))
			sem := must(bulkhead.NewAdaptive(alg, bulkhead.AdaptiveConfig{Window: time.Second, MinSamples: 1, Every: 1}))
			g := made(t, guard.Config{Semaphore: sem})
			for range 2 {
				err := guard.Run(t.Context(), g, func(context.Context) error {
					time.Sleep(2 * time.Second)
					return resilience.WithVerdict(errDown, resilience.Verdict{Kind: kind})
				})
				if !errors.Is(err, errDown) {
					t.Fatal(err)
				}
			}
			if s := sem.Stats(); (s.Limit < 10) != lowers || s.InUse != 0 {
				t.Errorf("%v: %v", kind, s)
			}
		})
	}
}

// late is a value that comes late.
type late struct {
	closed *int
	broken bool
}

func (l *late) Close() error { *l.closed++; return nil }

func TestAPoolIsLeftAndItsLateValueClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := must(bulkhead.NewPool(1, bulkhead.Config{}))
		b := must(breaker.New(breaker.Config{Window: time.Hour}))
		g := made(t, guard.Config{Pool: pool, Breaker: b, AttemptTimeout: time.Second})
		closed := 0
		for _, value := range []*late{{closed: &closed}, nil} {
			_, err := guard.Do(t.Context(), g, func(context.Context) (*late, error) {
				time.Sleep(time.Minute) // deaf to its context
				return value, nil
			})
			if !errors.Is(err, bulkhead.ErrAbandoned) || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			if s := g.Stats(); s.Abandoned != 1 || s.Bulkhead.InUse != 1 {
				t.Errorf("the slot is free: %v", s)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			idle(t, g)
		}
		if c := b.Counts(); closed != 1 || c.Failures != 2 {
			t.Errorf("closed %d times, counts %+v", closed, c)
		}
	})
}

func TestHedgesPassBreakerAndBulkheadAndTheirLateValueIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		judgements := 0
		tokens := must(budget.NewToken(10, 0.5))
		g := made(t, guard.Config{
			Hedge:     must(retry.NewHedger(retry.HedgeConfig{Max: 3, Delay: time.Second, Idempotent: true, Budget: tokens})),
			Breaker:   must(breaker.New(breaker.Config{Window: time.Hour})),
			Semaphore: must(bulkhead.New(3, bulkhead.Config{})),
			Classify: func(context.Context, error) resilience.Verdict {
				judgements++
				return resilience.Verdict{Kind: resilience.KindTransient}
			},
		})
		closed := 0
		v, err := guard.Do(t.Context(), g, func(ctx context.Context) (*late, error) {
			switch resilience.Attempt(ctx) {
			case 1:
				time.Sleep(time.Minute) // deaf to its context
				return &late{closed: &closed}, nil
			case 2:
				return nil, errDown
			default:
				return &late{broken: true}, nil
			}
		})
		if err != nil || !v.broken {
			t.Fatalf("got %v, %v", v, err)
		}
		if s := g.Stats(); s.Hedges != 2 || s.Retries != 0 || s.Bulkhead.InUse != 1 || s.Breaker.Counts.Failures != 1 || judgements != 1 {
			t.Errorf("%d judgements: %v", judgements, s)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		idle(t, g)
		if c := g.Breaker().Counts(); closed != 1 || c.Successes != 2 {
			t.Errorf("closed %d times, counts %+v", closed, c)
		}
	})
}

func TestAHedgeThatIsCalledOffIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, timeout := range map[string]time.Duration{"without timeout": 0, "with timeout": time.Hour} {
			g := made(t, guard.Config{
				Hedge:          must(retry.NewHedger(retry.HedgeConfig{Delay: time.Second, Idempotent: true})),
				Breaker:        must(breaker.New(breaker.Config{})),
				AttemptTimeout: timeout,
			})
			_, err := guard.Do(t.Context(), g, func(ctx context.Context) (*late, error) {
				if resilience.Attempt(ctx) == 1 {
					return hangs(ctx)
				}
				return nil, nil
			})
			synctest.Wait()
			if err != nil {
				t.Error(name, err)
			}
			if diff := cmp.Diff(breaker.Counts{Successes: 1, Excluded: 1}, g.Breaker().Counts()); diff != "" {
				t.Errorf("%s: counts (-want +got):\n%s", name, diff)
			}
		}
	})
}

// Invariant: resilience R8.
func TestAPanicOfAHedgeGivesEverythingBack(t *testing.T) {
	g := made(t, guard.Config{
		Hedge:     must(retry.NewHedger(retry.HedgeConfig{Delay: time.Hour, Idempotent: true})),
		Breaker:   must(breaker.New(breaker.Config{})),
		Semaphore: must(bulkhead.New(1, bulkhead.Config{})),
	})
	func() {
		defer func() {
			if p, ok := recover().(*retry.PanicError); !ok || p.Value != any("out of cheese") {
				t.Errorf("the panic is %v", p)
			}
		}()
		_ = guard.Run(t.Context(), g, func(context.Context) error { panic("out of cheese") })
	}()
	idle(t, g)
	if c := g.Breaker().Counts(); c.Failures != 1 {
		t.Errorf("counts %+v", c)
	}
}

func TestAFailedHedgeTellsTheErrorsOfTheFunction(t *testing.T) {
	g := made(t, guard.Config{Hedge: must(retry.NewHedger(retry.HedgeConfig{Delay: time.Hour, Idempotent: true}))})
	_, err := guard.Do(t.Context(), g, func(context.Context) (int, error) { return 0, errDown })
	failed, ok := err.(*retry.Error)                                                                                       //nolint:errorlint // as it is
	if !ok || failed.Last != errDown || len(failed.Attempts) != 2 || failed.Attempts[0].Err != errDown || !failed.Sent() { //nolint:errorlint // as it is
		t.Errorf("got %#v", err)
	}
}

// Invariant: resilience R6.
func TestAllAttemptsAndHedgesOfACallSeeOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := resilience.WithKey(t.Context(), "order-17")
		all := layouts(t, guard.Config{Retry: atOnce(3)})
		all["hedge"] = guard.Config{Hedge: must(retry.NewHedger(retry.HedgeConfig{Max: 3, Delay: time.Second}))}
		for name, cfg := range all {
			var mu sync.Mutex
			var keys []string
			fn := func(ctx context.Context) (*late, error) {
				mu.Lock()
				keys = append(keys, resilience.Key(ctx))
				mu.Unlock()
				if cfg.Hedge != nil {
					return hangs(ctx)
				}
				return nil, resilience.WithVerdict(errDown, resilience.Verdict{Kind: resilience.KindAmbiguous})
			}
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			if _, err := guard.Do(ctx, made(t, cfg), fn); err == nil {
				t.Errorf("%s: no error", name)
			}
			cancel()
			synctest.Wait()
			mu.Lock()
			if diff := cmp.Diff([]string{"order-17", "order-17", "order-17"}, keys); diff != "" {
				t.Errorf("%s: keys (-want +got):\n%s", name, diff)
			}
			mu.Unlock()
		}
	})
}

// Invariant: resilience R7.
func TestNestedGuardsAddUpInsteadOfMultiplying(t *testing.T) {
	for _, c := range []struct {
		nested        retry.Nesting
		depth, n, all int
	}{
		{retry.Lazy, 3, 3, 7},
		{retry.Eager, 3, 3, 3},
		{retry.Off, 3, 3, 27},
		{retry.Lazy, 1, 3, 3},
		{retry.Lazy, 2, 4, 7},
		{retry.Lazy, 4, 2, 5},
		{retry.Eager, 4, 5, 5},
	} {
		for name, cfg := range layouts(t, guard.Config{}) {
			if cfg.Pool != nil || cfg.Semaphore != nil {
				cfg.Pool, cfg.Semaphore = nil, nil // a guard inside itself needs a slot for each
			}
			if cfg.Partitioned != nil {
				continue
			}
			cfg.Retry = must(retry.New(retry.Config{MaxAttempts: c.n, Backoff: retry.Fixed{}, Nested: c.nested}))
			cfg.Breaker = must(breaker.New(breaker.Config{FailureRatio: -1}))
			g := made(t, cfg)
			leaves := 0
			layer := func(context.Context) error { leaves++; return errDown }
			for range c.depth {
				inner := layer
				layer = func(ctx context.Context) error { return guard.Run(ctx, g, inner) }
			}
			if err := layer(t.Context()); !errors.Is(err, errDown) || leaves != c.all {
				t.Errorf("%s: %+v: %d leaf calls, %v", name, c, leaves, err)
			}
		}
	}
}

func TestAFallbackServesAllButACallerWhoLeft(t *testing.T) {
	open := must(breaker.New(breaker.Config{}))
	if err := open.Command(breaker.ForcedOpen); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for name, c := range map[string]struct {
		ctx     context.Context //nolint:containedctx // of a case
		cfg     guard.Config
		fails   error
		instead error // what the fallback is to see; nil = it is not asked
	}{
		"success":                   {t.Context(), guard.Config{Retry: atOnce(2)}, nil, nil},
		"attempts used up":          {t.Context(), guard.Config{Retry: atOnce(2)}, errDown, retry.ErrMaxAttempts},
		"permanent":                 {t.Context(), guard.Config{Retry: atOnce(2)}, resilience.Permanent(errDown), retry.ErrPermanent},
		"open":                      {t.Context(), guard.Config{Breaker: open, Retry: atOnce(2)}, nil, breaker.ErrOpen},
		"open, without a policy":    {t.Context(), guard.Config{Breaker: open}, nil, breaker.ErrOpen},
		"failure, without a policy": {t.Context(), guard.Config{}, errDown, errDown},
		"expired":                   {expired, guard.Config{Retry: atOnce(2)}, nil, retry.ErrDeadline},
		"expired, no policy":        {expired, guard.Config{}, nil, context.DeadlineExceeded},
		"canceled":                  {canceled, guard.Config{Retry: atOnce(2)}, nil, nil},
		"canceled, no policy":       {canceled, guard.Config{}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var asked error
			got, err := guard.DoOr(c.ctx, made(t, c.cfg), func(context.Context) (string, error) { return "value", c.fails },
				func(ctx context.Context, err error) (string, error) {
					if ctx != c.ctx {
						t.Error("another context")
					}
					asked = err
					return "instead", nil
				})
			served := got == "instead" && err == nil
			if served != (c.instead != nil) || !errors.Is(asked, c.instead) {
				t.Errorf("got %q, %v; asked about %v", got, err, asked)
			}
		})
	}
}

func TestAFallbackMayFail(t *testing.T) {
	errStale := errors.New("nothing cached")
	_, err := guard.DoOr(t.Context(), made(t, guard.Config{}), func(context.Context) (int, error) { return 0, errDown },
		func(_ context.Context, err error) (int, error) { return 0, fmt.Errorf("%w after %w", errStale, err) })
	if !errors.Is(err, errStale) || !errors.Is(err, errDown) {
		t.Error(err)
	}
}
