package bench_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	backoff4 "github.com/cenkalti/backoff/v4"
	backoff5 "github.com/cenkalti/backoff/v5"
	eapachebreaker "github.com/eapache/go-resiliency/breaker"
	"github.com/failsafe-go/failsafe-go"
	failsafebudget "github.com/failsafe-go/failsafe-go/budget"
	failsafebulkhead "github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/failsafehttp"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/hashicorp/go-retryablehttp"
	"github.com/sony/gobreaker/v2"
)

// The tests below show, at the pinned versions, the faults that the table in the
// documentation of package resilience lists. Each fails when a later version has
// mended its fault: then the table has to change.

var errDown = errors.New("down")

func TestGobreakerCallbackThatAsksTheBreakerBlocks(t *testing.T) {
	var cb *gobreaker.CircuitBreaker[int]
	cb = gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		ReadyToTrip:   func(gobreaker.Counts) bool { return true },
		OnStateChange: func(string, gobreaker.State, gobreaker.State) { _ = cb.State() },
	})
	done := make(chan struct{})
	go func() {
		_, _ = cb.Execute(func() (int, error) { return 0, errDown })
		close(done)
	}()
	select {
	case <-done:
		t.Error("the callback came back")
	case <-time.After(200 * time.Millisecond): // the goroutine stays blocked until the process ends
	}
}

func TestGobreakerHungProbeBlocksRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cb := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{Timeout: time.Second, ReadyToTrip: func(gobreaker.Counts) bool { return true }})
		_, _ = cb.Execute(func() (int, error) { return 0, errDown })
		time.Sleep(2 * time.Second)
		release := make(chan struct{})
		go func() { _, _ = cb.Execute(func() (int, error) { <-release; return 0, nil }) }()
		time.Sleep(24 * time.Hour)
		if _, err := cb.Execute(func() (int, error) { return 0, nil }); !errors.Is(err, gobreaker.ErrTooManyRequests) {
			t.Errorf("a day after the probe began: %v", err)
		}
		close(release)
	})
}

func TestEapacheLetsAnyNumberOfProbesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cb := eapachebreaker.New(1, 1, time.Second)
		_ = cb.Run(func() error { return errDown })
		time.Sleep(2 * time.Second)
		var probes atomic.Int64
		release := make(chan struct{})
		for range 100 {
			go func() { _ = cb.Run(func() error { probes.Add(1); <-release; return nil }) }()
		}
		synctest.Wait()
		if n := probes.Load(); n != 100 {
			t.Errorf("%d probes at once", n)
		}
		close(release)
	})
}

func TestFailsafeHTTPIgnoresADate(t *testing.T) {
	resp := asksToWait(time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	var delay time.Duration
	policy := retrypolicy.NewBuilder[*http.Response]().WithMaxRetries(0).HandleIf(func(*http.Response, error) bool { return true }).
		OnFailure(func(e failsafe.ExecutionEvent[*http.Response]) { delay = failsafehttp.DelayFunc(e.ExecutionAttempt) }).Build()
	_, _ = failsafe.With[*http.Response](policy).Get(func() (*http.Response, error) { return resp, nil })
	if delay > 0 {
		t.Errorf("a date an hour ahead asks to wait %v", delay)
	}
}

// asksToWait is an answer with that Retry-After, and without a body.
func asksToWait(after string) *http.Response {
	return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {after}}, Body: http.NoBody}
}

func TestRetryablehttpFollowsAnyRetryAfter(t *testing.T) {
	wait := func(header string) time.Duration {
		return retryablehttp.DefaultBackoff(time.Second, 30*time.Second, 1, asksToWait(header))
	}
	if d := wait("31536000"); d != 365*24*time.Hour {
		t.Errorf("a year, with a cap of 30 s, is %v", d)
	}
	if d := wait("9223372037"); d >= 0 {
		t.Errorf("three centuries are %v", d)
	}
}

func TestBackoff4RunsWithADeadContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	runs := 0
	_ = backoff4.Retry(func() error { runs++; return errDown }, backoff4.WithContext(&backoff4.ZeroBackOff{}, ctx))
	if runs == 0 {
		t.Error("the function did not run")
	}
}

func TestBackoff4SleepsUntilAHopelessDeadlineAndLosesTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		err := backoff4.Retry(func() error { return errDown }, backoff4.WithContext(backoff4.NewConstantBackOff(time.Hour), ctx))
		if took := time.Since(start); took < time.Minute {
			t.Errorf("it gave up after %v", took)
		}
		if errors.Is(err, errDown) {
			t.Errorf("the last error is reachable: %v", err)
		}
	})
}

func TestFailsafeBudgetRefusesOnlyAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none := failsafebudget.NewBuilder().WithMaxRate(0).WithMinConcurrency(0).Build()
		policy := retrypolicy.NewBuilder[any]().WithMaxRetries(3).WithDelay(time.Minute).WithBudget(none).Build()
		start := time.Now()
		err := failsafe.With[any](policy).Run(func() error { return errDown })
		if took := time.Since(start); took < time.Minute {
			t.Errorf("it refused after %v: %v", took, err)
		}
	})
}

func TestFailsafeBulkheadQueuesAnyNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slots := failsafebulkhead.NewBuilder[any](1).WithMaxWaitTime(time.Hour).Build()
		if !slots.TryAcquirePermit() {
			t.Fatal("no free slot")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var waiting atomic.Int64
		for range 10_000 {
			go func() {
				waiting.Add(1)
				_ = slots.AcquirePermitWithMaxWait(ctx, time.Hour)
				waiting.Add(-1)
			}()
		}
		synctest.Wait()
		if n := waiting.Load(); n != 10_000 {
			t.Errorf("%d wait, the others were refused", n)
		}
		cancel()
	})
}

func TestNestedRetriesOfPeersMultiply(t *testing.T) {
	policy := func() failsafe.Executor[any] {
		return failsafe.With[any](retrypolicy.NewBuilder[any]().WithMaxRetries(2).ReturnLastFailure().Build())
	}
	leaf := 0
	_ = policy().Run(func() error {
		return policy().Run(func() error { return policy().Run(func() error { leaf++; return errDown }) })
	})
	if leaf != 27 {
		t.Errorf("failsafe-go made %d calls", leaf)
	}
	leaf = 0
	again := func(fn func() error) error {
		_, err := backoff5.Retry(t.Context(), func() (struct{}, error) { return struct{}{}, fn() }, backoff5.WithBackOff(&backoff5.ZeroBackOff{}), backoff5.WithMaxTries(3))
		return err
	}
	_ = again(func() error { return again(func() error { return again(func() error { leaf++; return errDown }) }) })
	if leaf != 27 {
		t.Errorf("backoff v5 made %d calls", leaf)
	}
}
