package retry_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/retry"
)

// The tests of this file are about faults that retry libraries are known for. Each is named for the rule that excludes one.

// doneCase is a call whose context is done at some point.
type doneCase struct {
	context func(context.Context) (context.Context, context.CancelFunc) // nil = one to cancel
	in      func(cancel func(), attempt int)                            // what happens in an attempt
	hook    bool                                                        // the hook cancels
	delay   time.Duration
	most    int // attempts
	took    time.Duration
	want    error
}

// Invariant: resilience R1.
func TestNoAttemptBeginsWithADoneContext(t *testing.T) {
	cancel := func(cancel func(), _ int) { cancel() }
	after := func(d time.Duration) func(func(), int) {
		return func(cancel func(), _ int) { time.AfterFunc(d, cancel) }
	}
	timeout := func(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
		return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
	}
	canceled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx, cancel
	}
	second := func(cancel func(), attempt int) {
		if attempt == 2 {
			cancel()
		}
	}
	for name, c := range map[string]doneCase{
		"canceled before the call":               {context: canceled, most: 0, want: retry.ErrCanceled},
		"expired before the call":                {context: timeout(0), most: 0, want: retry.ErrDeadline},
		"canceled in an attempt":                 {in: cancel, most: 1, want: retry.ErrCanceled},
		"canceled in an attempt before a wait":   {in: cancel, delay: time.Second, most: 1, want: retry.ErrCanceled},
		"canceled in the second of two attempts": {in: second, most: 2, want: retry.ErrCanceled},
		"canceled in a wait":                     {in: after(time.Second / 2), delay: time.Second, most: 1, took: time.Second / 2, want: retry.ErrCanceled},
		// A timer and a cancelation of the same instant come in either order.
		"canceled as a wait ends": {in: after(time.Second), delay: time.Second, most: 2, took: time.Second, want: retry.ErrCanceled},
		"canceled by the hook":    {hook: true, most: 1, want: retry.ErrCanceled},
		"expired in an attempt": {
			context: timeout(time.Second), in: func(func(), int) { time.Sleep(2 * time.Second) }, most: 1, took: 2 * time.Second, want: retry.ErrDeadline,
		},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, c.play) })
	}
}

// play makes the call.
func (c doneCase) play(t *testing.T) {
	if c.context == nil {
		c.context = context.WithCancel
	}
	ctx, cancel := c.context(t.Context())
	defer cancel()
	cfg := retry.Config{MaxAttempts: 5, Backoff: retry.Fixed{Base: c.delay}}
	if c.hook {
		cfg.OnRetry = func(context.Context, retry.Event) { cancel() }
	}
	p, attempts, begin := policy(t, cfg), 0, time.Now()
	err := retry.Run(ctx, p, func(ctx context.Context) error {
		attempts++
		if ctx.Err() != nil {
			t.Errorf("attempt %d began with a context that is done", attempts)
		}
		if c.in != nil {
			c.in(cancel, attempts)
		}
		return errDown
	})
	if took := time.Since(begin); attempts > c.most || took != c.took {
		t.Errorf("%d attempts in %v, want %d in %v", attempts, took, c.most, c.took)
	}
	if !errors.Is(err, c.want) || !errors.Is(err, context.Cause(ctx)) {
		t.Errorf("got %v, want %v and %v", err, c.want, context.Cause(ctx))
	}
}

// Invariant: resilience R2.
func TestAHopelessWaitDoesNotBegin(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  retry.Config
		err  error
		want error
	}{
		"deadline":            {retry.Config{Backoff: retry.Fixed{Base: time.Minute}}, errDown, retry.ErrDeadline},
		"deadline and a hint": {retry.Config{Backoff: retry.Fixed{}, HintCap: time.Hour}, asks(time.Minute), retry.ErrDeadline},
		"exact hint":          {retry.Config{Backoff: retry.Fixed{}, HintRule: retry.Exact}, asks(time.Minute), retry.ErrDeadline},
		"elapsed":             {retry.Config{Backoff: retry.Fixed{Base: 2 * time.Second}, MaxElapsed: time.Second}, errDown, retry.ErrElapsed},
		"too little left":     {retry.Config{Backoff: retry.Fixed{Base: 8 * time.Second}, MinRemaining: 5 * time.Second}, errDown, retry.ErrDeadline},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				fn, starts := failing(c.err)
				begin := time.Now()
				err := retry.Run(ctx, policy(t, c.cfg), fn)
				if !errors.Is(err, c.want) || !errors.Is(err, c.err) {
					t.Errorf("got %v, want %v and the last error", err, c.want)
				}
				if len(*starts) != 1 || time.Since(begin) != 0 {
					t.Errorf("%d attempts in %v, want one at once", len(*starts), time.Since(begin))
				}
			})
		})
	}
}

// ownError is a type that errors.As finds.
type ownError struct{ n int }

func (e *ownError) Error() string { return fmt.Sprint("failure ", e.n) }

// lastCase is a call that ends for one cause.
type lastCase struct {
	cfg     retry.Config
	timeout time.Duration // 0 = none
	verdict resilience.Verdict
	marked  bool
}

// Invariant: resilience R4.
func TestTheLastErrorIsNeverDropped(t *testing.T) {
	for want, c := range map[retry.Cause]lastCase{
		retry.CausePermanent:   {verdict: resilience.Verdict{Kind: resilience.KindPermanent}},
		retry.CauseRejected:    {verdict: resilience.Verdict{Kind: resilience.KindRejected}},
		retry.CauseStopped:     {verdict: resilience.Verdict{Kind: resilience.KindTransient, Stop: true}},
		retry.CauseMaxAttempts: {},
		retry.CauseElapsed:     {cfg: retry.Config{MaxElapsed: 1500 * time.Millisecond}},
		retry.CauseDeadline:    {timeout: 1500 * time.Millisecond},
		retry.CauseBudget:      {cfg: retry.Config{Budget: &ledger{}}},
		retry.CauseHint:        {verdict: resilience.Verdict{Kind: resilience.KindTransient, After: time.Hour, HasAfter: true}},
		retry.CauseNested:      {marked: true},
		retry.CauseCanceled:    {verdict: resilience.Verdict{Kind: resilience.KindCanceled}},
	} {
		t.Run(want.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.play(t, want) })
		})
	}
}

// play makes the call.
func (c lastCase) play(t *testing.T, want retry.Cause) {
	t.Helper()
	ctx := t.Context()
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	if c.marked {
		ctx = resilience.WithMark(ctx, resilience.Mark{Attempt: 2})
	}
	c.cfg.Backoff = retry.Fixed{Base: time.Second}
	n := 0
	err := retry.Run(ctx, policy(t, c.cfg), func(context.Context) error {
		n++
		return fmt.Errorf("call: %w", resilience.WithVerdict(&ownError{n}, c.verdict))
	})
	if own, ok := errors.AsType[*ownError](err); !ok || own.n != n {
		t.Errorf("got %v after %d attempts, without the last error", err, n)
	}
	if e := asError(t, err); e.Last == nil || e.Attempts[len(e.Attempts)-1].Number != n {
		t.Errorf("kept %+v", e.Attempts)
	}
	for cause := retry.CausePermanent; cause <= retry.CauseCanceled; cause++ {
		if errors.Is(err, cause.Err()) != (cause == want) {
			t.Errorf("got %v; want %v and no other, asked for %v", err, want, cause)
		}
	}
}

// Invariant: resilience R5.
func TestABudgetRefusesBeforeTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var told []time.Duration
		b := &ledger{allows: 1, onTold: func() { told = append(told, time.Since(begin)) }}
		p := policy(t, retry.Config{MaxAttempts: 9, Backoff: retry.Fixed{Base: time.Minute}, Budget: b})
		fn, starts := failing(errDown)
		err := retry.Run(t.Context(), p, fn)
		if !errors.Is(err, retry.ErrBudget) || len(*starts) != 2 {
			t.Errorf("%d attempts, then %v", len(*starts), err)
		}
		if time.Since(begin) != time.Minute {
			t.Errorf("took %v, want the one wait that was paid for", time.Since(begin))
		}
		if len(told) != 2 || told[0] != 0 || told[1] != time.Minute {
			t.Errorf("charged at %v, want at each failure", told)
		}
	})
}

func TestThreeLayersOfThreeAttemptsMakeSevenCallsNotTwentySeven(t *testing.T) {
	calls := 0
	p := policy(t, retry.Config{Backoff: retry.Fixed{}})
	leaf := func(context.Context) error { calls++; return errDown }
	middle := func(ctx context.Context) error { return retry.Run(ctx, p, leaf) }
	outer := func(ctx context.Context) error { return retry.Run(ctx, p, middle) }
	err := retry.Run(t.Context(), p, outer)
	if calls != 7 {
		t.Errorf("%d calls, want 7", calls)
	}
	if e := asError(t, err); e.Cause != retry.CauseMaxAttempts || !errors.Is(e.Last, retry.ErrNested) || !errors.Is(err, errDown) {
		t.Errorf("got %v", err)
	}
}

func TestRetryAfterReadsDates(t *testing.T) {
	for _, line := range []string{"Mon, 23 Nov 2026 12:02:00 GMT", "Monday, 23-Nov-26 12:02:00 GMT", "Mon Nov 23 12:02:00 2026"} {
		if got, ok := retry.ParseRetryAfter([]string{line}, at); !ok || got != 2*time.Minute {
			t.Errorf("%q: got %v, %v", line, got, ok)
		}
	}
}

func TestRetryAfterIsNeverNegativeNorUncapped(t *testing.T) {
	for line, want := range map[string]time.Duration{
		"Sun, 06 Nov 1994 08:49:37 GMT": 0,
		"99999999999999999999":          math.MaxInt64,
		"Fri, 31 Dec 9999 23:59:59 GMT": math.MaxInt64,
	} {
		if got, ok := retry.ParseRetryAfter([]string{line}, at); !ok || got != want {
			t.Errorf("%q: got %v, %v; want %v", line, got, ok, want)
		}
	}
	if got, ok := retry.ParseRetryAfter([]string{"-1"}, at); ok {
		t.Errorf("-1: got %v", got)
	}
	for name, c := range map[string]struct {
		rule retry.HintRule
		want time.Duration
		err  error
	}{
		"give up": {retry.GiveUp, 0, retry.ErrHint},
		"clamp":   {retry.Clamp, 2 * (time.Second + 5*time.Second), retry.ErrMaxAttempts},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				fn, _ := failing(asks(math.MaxInt64))
				err := retry.Run(t.Context(), policy(t, retry.Config{Backoff: retry.Fixed{Base: time.Second}, HintRule: c.rule}), fn)
				if took := time.Since(begin); took != c.want || !errors.Is(err, c.err) || asError(t, err).RetryAfter != math.MaxInt64 {
					t.Errorf("%v after %v; want %v after %v", err, took, c.err, c.want)
				}
			})
		})
	}
}
