package retry_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
)

// flaky returns a call that fails so many times.
func flaky(failures int) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		if failures > 0 {
			failures--
			return "", errors.New("service unavailable")
		}
		return "ok", nil
	}
}

// A policy for a service, shared by all calls to it.
func ExampleDo() {
	policy, err := retry.New(retry.Config{
		Backoff: retry.Exponential{Base: time.Millisecond, Cap: 20 * time.Millisecond},
		OnRetry: func(_ context.Context, e retry.Event) { fmt.Println("attempt", e.Attempt, "failed:", e.Err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	value, err := retry.Do(context.Background(), policy, flaky(2))
	fmt.Println(value, err)
	// Output:
	// attempt 1 failed: service unavailable
	// attempt 2 failed: service unavailable
	// ok <nil>
}

// A permanent failure is not retried; what fn returned is in the error.
func ExampleRun() {
	errUnknown := errors.New("unknown customer")
	policy, err := retry.New(retry.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = retry.Run(context.Background(), policy, func(context.Context) error {
		return resilience.Permanent(errUnknown)
	})
	fmt.Println(err)
	fmt.Println(errors.Is(err, retry.ErrPermanent), errors.Is(err, errUnknown))
	// Output:
	// retry: not retryable after 1 attempt: unknown customer
	// true true
}

// A budget shared by all policies for a service ends retries in an outage, before any wait.
func ExampleBudget() {
	tokens, err := budget.NewToken(10, 0.1)
	if err != nil {
		fmt.Println(err)
		return
	}
	policy, err := retry.New(retry.Config{Backoff: retry.Fixed{}, Budget: tokens})
	if err != nil {
		fmt.Println(err)
		return
	}
	attempts := 0
	for range 100 {
		err = retry.Run(context.Background(), policy, func(context.Context) error {
			attempts++
			return errors.New("down")
		})
	}
	fmt.Println(attempts, "attempts of 100 calls,", tokens.Balance(), "tokens left")
	fmt.Println(err)
	// Output:
	// 103 attempts of 100 calls, 0 tokens left
	// retry: retry budget used up after 1 attempt: down
}

// Values of github.com/cenkalti/backoff are BackOffs as they are.
func ExampleBackOff() {
	policy, err := retry.New(retry.Config{
		MaxAttempts: 10,
		NewBackOff: func() retry.BackOff {
			return backoff.WithMaxRetries(backoff.NewConstantBackOff(time.Millisecond), 2)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = retry.Do(context.Background(), policy, flaky(10))
	fmt.Println(err)
	// Output: retry: told to stop after 3 attempts: service unavailable
}

// A second attempt leaves when the first one takes long; the first answer holds.
func ExampleHedge() {
	hedger, err := retry.NewHedger(retry.HedgeConfig{Delay: 5 * time.Millisecond, Idempotent: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	replica, err := retry.Hedge(context.Background(), hedger, func(ctx context.Context) (string, error) {
		if resilience.Attempt(ctx) == 1 {
			<-ctx.Done() // a replica that hangs
			return "", ctx.Err()
		}
		return "second replica", nil
	}, nil)
	fmt.Println(replica, err)
	// Output: second replica <nil>
}

// An error tells why the call ended, whether it may have been executed, and how it went.
func ExampleError() {
	clock := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	policy, err := retry.New(retry.Config{
		MaxAttempts: 2, Backoff: retry.Fixed{Base: 20 * time.Millisecond}, MaxElapsed: time.Minute,
		Now: func() time.Time { clock = clock.Add(20 * time.Millisecond); return clock },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = retry.Run(context.Background(), policy, func(context.Context) error {
		return resilience.WithVerdict(errors.New("unavailable"), resilience.Verdict{Kind: resilience.KindTransient, Code: "503"})
	})
	if failed, ok := errors.AsType[*retry.Error](err); ok {
		fmt.Println(failed.Cause, "- sent:", failed.Sent())
		fmt.Print(failed.Timeline())
	}
	// Output:
	// attempts used up - sent: true
	// #1 [===========..........           ]  20ms  wait 20ms  transient 503: unavailable
	// #2 [                     ===========]  20ms  transient 503: unavailable
	//    attempts used up
}

// The rules alone, for a process that keeps the state of its calls elsewhere.
func ExamplePolicy_Decide() {
	policy, err := retry.New(retry.Config{Backoff: retry.Exponential{Base: time.Second}})
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	h := retry.History{Attempts: 1, Deadline: at.Add(time.Minute)}
	v := resilience.Verdict{Kind: resilience.KindTransient, After: 3 * time.Second, HasAfter: true}
	d := policy.Decide(h, v, at, 0.5)
	fmt.Println(d.Retry, d.Wait)
	h = h.Next(d)
	fmt.Println(policy.Decide(h, resilience.Verdict{Kind: resilience.KindPermanent}, at.Add(d.Wait), 0.5).Cause)
	// Output:
	// true 3s
	// not retryable
}

// A server's Retry-After, as seconds or as a date.
func ExampleParseRetryAfter() {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	fmt.Println(retry.ParseRetryAfter([]string{"120"}, at))
	fmt.Println(retry.ParseRetryAfter([]string{"Mon, 23 Nov 2026 12:02:00 GMT"}, at))
	fmt.Println(retry.ParseRetryAfter([]string{"soon"}, at))
	// Output:
	// 2m0s true
	// 2m0s true
	// 0s false
}
