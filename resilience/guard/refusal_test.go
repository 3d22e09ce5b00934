package guard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
)

// slow answers after 20 ms.
func slow(ctx context.Context) (string, error) {
	select {
	case <-time.After(20 * time.Millisecond):
		return "answer", nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func hedger(t *testing.T) *retry.Hedger {
	t.Helper()
	return must(retry.NewHedger(retry.HedgeConfig{Delay: 10 * time.Millisecond, Idempotent: true}))
}

func TestAHedgeThatIsRefusedLeavesTheFirstAttemptAlone(t *testing.T) {
	for name, cfg := range map[string]guard.Config{
		"full semaphore": {Semaphore: must(bulkhead.New(1, bulkhead.Config{}))},
		"full pool":      {Pool: must(bulkhead.NewPool(1, bulkhead.Config{}))},
		"waited out":     {Semaphore: must(bulkhead.New(1, bulkhead.Config{Queue: 1, MaxWait: 5 * time.Millisecond}))},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg.Hedge = hedger(t)
				if v, err := guard.Do(t.Context(), made(t, cfg), slow); v != "answer" || err != nil {
					t.Errorf("%q, %v", v, err)
				}
				synctest.Wait()
			})
		})
	}
}

func TestAHedgedProbeClosesTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := must(breaker.New(breaker.Config{MinCalls: 1}))
		g := made(t, guard.Config{Breaker: b, Hedge: hedger(t)})
		if err := b.Command(breaker.Open); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second) // half-open by now
		if v, err := guard.Do(t.Context(), g, slow); v != "answer" || err != nil || b.State() != breaker.Closed {
			t.Errorf("%q, %v, breaker %v", v, err, b.State())
		}
		synctest.Wait()
	})
}

// Invariant: resilience R4.
func TestWhatTheFunctionReturnedIsReachableBehindARefusal(t *testing.T) {
	boom := errors.New("boom")
	g := made(t, guard.Config{Retry: atOnce(3), Breaker: must(breaker.New(breaker.Config{ConsecutiveFailures: 1}))})
	_, err := guard.Do(t.Context(), g, func(context.Context) (string, error) { return "", boom })
	for _, want := range []error{boom, retry.ErrRejected, breaker.ErrOpen} {
		if !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}
}

func TestAFallbackIsNotFooledByARetryInside(t *testing.T) {
	g := made(t, guard.Config{})
	inner, stop := context.WithCancel(t.Context())
	stop()
	left := func(context.Context) (string, error) {
		return retry.Do(inner, must(retry.New(retry.Config{})), func(context.Context) (string, error) { return "", nil })
	}
	fallback := func(context.Context, error) (string, error) { return "fallback", nil }
	if v, err := guard.DoOr(t.Context(), g, left, fallback); v != "fallback" || err != nil {
		t.Errorf("the caller waits: %q, %v", v, err)
	}
	outer, leave := context.WithCancel(t.Context())
	fn := func(ctx context.Context) (string, error) {
		leave()
		return retry.Do(context.WithoutCancel(ctx), must(retry.New(retry.Config{})), func(context.Context) (string, error) {
			return "", resilience.Permanent(errors.New("no"))
		})
	}
	if v, err := guard.DoOr(outer, g, fn, fallback); v == "fallback" || err == nil {
		t.Errorf("the caller has left: %q, %v", v, err)
	}
}

func TestAPanicBeforeTheFunctionIsNoFailureOfTheService(t *testing.T) {
	b := must(breaker.New(breaker.Config{ConsecutiveFailures: 1}))
	g := made(t, guard.Config{
		Breaker:     b,
		Partitioned: must(bulkhead.NewPartitioned(1, map[string]int{"a": 1}, bulkhead.Config{})),
		Partition:   func(context.Context) string { panic("whose?") },
	})
	func() {
		defer func() { _ = recover() }()
		_ = guard.Run(t.Context(), g, func(context.Context) error { return nil })
	}()
	if s := b.State(); s != breaker.Closed {
		t.Errorf("the breaker is %v", s)
	}
}

func TestAKeyThatIsUnknownHidesNoOtherProblem(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":{"retry":{"foo":1,"max_attempts":-1}}}`:    "MaxAttempts -1",
		`{"a":{"retryx":1,"retry":{"max_attempts":-1}}}`: "MaxAttempts -1",
	} {
		_, err := guard.ParseSpecs(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), "unknown key") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an unknown key and %q", text, err, want)
		}
	}
}

// Thousands of problems take as long to find as thousands of specs.
func TestProblemsAreFoundInLinearTime(t *testing.T) {
	var text strings.Builder
	text.WriteString("{")
	for i := range 20_000 {
		if i > 0 {
			text.WriteString(",")
		}
		fmt.Fprintf(&text, `"g%d":{"retry":{"x":1},"breaker":{},"bulkhead":{"limit":1}}`, i)
	}
	text.WriteString("}")
	start := time.Now()
	if _, err := guard.ParseSpecs(strings.NewReader(text.String())); !errors.Is(err, guard.ErrSpec) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(start); took > 30*time.Second { // quadratic would be many minutes
		t.Errorf("took %v", took)
	}
}

func TestExplainCountsABadSectionAsAbsent(t *testing.T) {
	e := guard.Spec{Retry: &guard.RetrySpec{MaxAttempts: 5, Backoff: &guard.BackoffSpec{Kind: "foo"}}, AttemptTimeout: time.Second}.Explain()
	if e.Attempts != 1 || e.Elapsed != time.Second || len(e.Warnings) == 0 {
		t.Errorf("bad retry: %+v", e)
	}
	e = guard.Spec{Bulkhead: &guard.BulkheadSpec{Limit: -1, Queue: 3, MaxWait: time.Hour}, AttemptTimeout: time.Second}.Explain()
	if e.Elapsed != time.Second || len(e.Warnings) == 0 {
		t.Errorf("bad bulkhead: %+v", e)
	}
}
