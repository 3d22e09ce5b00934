package retry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/retry"
)

func TestDoReturnsTheLastValue(t *testing.T) {
	p := policy(t, retry.Config{Backoff: retry.Fixed{}})
	for name, c := range map[string]struct {
		errs  []error
		want  int
		fails bool
	}{
		"at once":             {[]error{nil}, 1, false},
		"after two failures":  {[]error{errDown, errDown, nil}, 3, false},
		"of the last failure": {[]error{errDown, errDown, errDown}, 3, true},
		"of a permanent one":  {[]error{errDown, failure(resilience.KindPermanent)}, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			got, err := retry.Do(t.Context(), p, func(context.Context) (int, error) { n++; return n, c.errs[n-1] })
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := retry.Do(ctx, p, func(context.Context) (int, error) { return 1, nil }); got != 0 || err == nil {
		t.Errorf("got %d, %v where fn must not run", got, err)
	}
}

// Invariant: resilience R6.
func TestAllAttemptsSeeOneKeyAndTheirNumber(t *testing.T) {
	type seen struct {
		Key     string
		Attempt int
		Mark    resilience.Mark
		Marked  bool
	}
	for name, c := range map[string]struct {
		nested retry.Nesting
		want   []seen
	}{
		"lazy":  {retry.Lazy, []seen{{"k", 1, resilience.Mark{}, false}, {"k", 2, resilience.Mark{Attempt: 2, Max: 3}, true}, {"k", 3, resilience.Mark{Attempt: 3, Max: 3}, true}}},
		"eager": {retry.Eager, []seen{{"k", 1, resilience.Mark{Attempt: 1, Max: 3}, true}, {"k", 2, resilience.Mark{Attempt: 2, Max: 3}, true}, {"k", 3, resilience.Mark{Attempt: 3, Max: 3}, true}}},
		"off":   {retry.Off, []seen{{"k", 1, resilience.Mark{}, false}, {"k", 1, resilience.Mark{}, false}, {"k", 1, resilience.Mark{}, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []seen
			ctx := resilience.WithKey(t.Context(), "k")
			p := policy(t, retry.Config{Backoff: retry.Fixed{}, Nested: c.nested})
			err := retry.Run(ctx, p, func(ctx context.Context) error {
				m, ok := resilience.MarkOf(ctx)
				got = append(got, seen{resilience.Key(ctx), resilience.Attempt(ctx), m, ok})
				return context.DeadlineExceeded // retried only because the call has a key
			})
			if !errors.Is(err, retry.ErrMaxAttempts) {
				t.Error(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAnEagerPolicyInsideAnAttemptLeavesTheMark(t *testing.T) {
	outer := resilience.Mark{Attempt: 2, Max: 7}
	ctx := resilience.WithMark(t.Context(), outer)
	err := retry.Run(ctx, policy(t, retry.Config{Nested: retry.Eager}), func(ctx context.Context) error {
		if m, _ := resilience.MarkOf(ctx); m != outer {
			t.Errorf("mark %+v", m)
		}
		return errDown
	})
	if !errors.Is(err, retry.ErrNested) {
		t.Error(err)
	}
}

// Invariant: resilience R8.
func TestAPanicPassesThrough(t *testing.T) {
	for _, at := range []int{1, 2} {
		b := &ledger{allows: 9}
		p, n := policy(t, retry.Config{Backoff: retry.Fixed{}, Budget: b}), 0
		func() {
			defer func() {
				if got := recover(); got != "boom" {
					t.Errorf("recovered %v", got)
				}
			}()
			_ = retry.Run(t.Context(), p, func(context.Context) error { // panics
				if n++; n == at {
					panic("boom")
				}
				return errDown
			})
			t.Error("returned")
		}()
		if n != at || len(b.settled) != 0 {
			t.Errorf("panic in attempt %d: %d attempts, settled %v", at, n, b.settled)
		}
	}
}

func TestWaitsAreThoseOfTheBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := policy(t, retry.Config{MaxAttempts: 4, Backoff: retry.Exponential{Base: time.Second, Throttled: time.Minute, Jitter: retry.None}})
		var waits []time.Duration
		var last time.Time
		kinds := []resilience.Kind{resilience.KindTransient, resilience.KindThrottled, resilience.KindTransient, resilience.KindPermanent}
		err := retry.Run(t.Context(), p, func(context.Context) error {
			waits = append(waits, time.Since(last))
			last = time.Now()
			return failure(kinds[len(waits)-1])
		})
		want := []time.Duration{time.Second, 2 * time.Minute, 4 * time.Second}
		if !slices.Equal(waits[1:], want) || !errors.Is(err, retry.ErrPermanent) {
			t.Errorf("waited %v, then %v; want %v", waits[1:], err, want)
		}
	})
}

func TestElapsedTimeCountsFromTheCallOrFromTheFirstFailure(t *testing.T) {
	for name, c := range map[string]struct {
		from retry.Start
		want int
	}{
		"from the call":          {retry.FromCall, 1},
		"from the first failure": {retry.FromFirstFailure, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				p := policy(t, retry.Config{Backoff: retry.Fixed{Base: time.Second}, MaxElapsed: time.Hour, ElapsedFrom: c.from})
				err := retry.Run(t.Context(), p, func(context.Context) error {
					n++
					time.Sleep(time.Hour)
					return errDown
				})
				if n != c.want || !errors.Is(err, retry.ErrElapsed) {
					t.Errorf("%d attempts, %v; want %d", n, err, c.want)
				}
			})
		})
	}
}

func TestHooksAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []retry.Event
		note := func(ctx context.Context, e retry.Event) {
			if resilience.Key(ctx) != "k" {
				t.Error("not the context of the caller")
			}
			events = append(events, e)
		}
		p := policy(t, retry.Config{Backoff: retry.Fixed{Base: time.Second}, OnRetry: note, OnDone: note})
		ctx := resilience.WithKey(t.Context(), "k")
		run := func(errs ...error) []retry.Event {
			events = nil
			n := 0
			_ = retry.Run(ctx, p, func(context.Context) error { n++; return errs[n-1] }) // the events say how it ended
			return events
		}
		down, wrong := resilience.Verdict{Kind: resilience.KindTransient}, resilience.Verdict{Kind: resilience.KindPermanent, Answered: true}
		errWrong := resilience.Permanent(errors.New("wrong"))
		for name, c := range map[string]struct{ got, want []retry.Event }{
			"a success at once":         {run(nil), nil},
			"a success after a failure": {run(errDown, nil), []retry.Event{{Attempt: 1, Err: errDown, Verdict: down, Wait: time.Second}, {Attempt: 2}}},
			"a failure":                 {run(errWrong), []retry.Event{{Attempt: 1, Err: errWrong, Verdict: wrong, Cause: retry.CausePermanent}}},
			"two failures": {run(errDown, errWrong), []retry.Event{
				{Attempt: 1, Err: errDown, Verdict: down, Wait: time.Second}, {Attempt: 2, Err: errWrong, Verdict: wrong, Cause: retry.CausePermanent},
			}},
		} {
			if diff := cmp.Diff(c.want, c.got, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s: -want +got:\n%s", name, diff)
			}
		}
	})
}

func TestAnEagerSuccessIsNoEvent(t *testing.T) {
	p := policy(t, retry.Config{Nested: retry.Eager, OnDone: func(context.Context, retry.Event) { t.Error("told") }})
	if err := retry.Run(t.Context(), p, func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestADoneContextDoesNotHideAnAnswer(t *testing.T) {
	for kind, want := range map[resilience.Kind]error{
		resilience.KindPermanent: retry.ErrPermanent,
		resilience.KindRejected:  retry.ErrRejected,
		resilience.KindTransient: retry.ErrCanceled,
		resilience.KindTimeout:   retry.ErrCanceled,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		err := retry.Run(ctx, policy(t, retry.Config{}), func(context.Context) error {
			cancel()
			return failure(kind)
		})
		if !errors.Is(err, want) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v: got %v, want %v", kind, err, want)
		}
	}
}

func TestABudgetIsToldEachFailureWorthRetryingOnce(t *testing.T) {
	stop := resilience.WithVerdict(errors.New("no"), resilience.Verdict{Kind: resilience.KindPermanent, Stop: true})
	for name, c := range map[string]struct {
		errs    []error
		allows  int
		charges []retry.Charge
		settled []int
	}{
		"success at once":  {[]error{nil}, 9, nil, []int{1, 0}},
		"success later":    {[]error{errDown, failure(resilience.KindThrottled), nil}, 9, []retry.Charge{{Attempt: 1}, {Attempt: 2, Throttled: true}}, []int{3, 1000}},
		"attempts used up": {[]error{errDown, errDown, errDown}, 9, []retry.Charge{{Attempt: 1}, {Attempt: 2}, {Attempt: 3, Last: true}}, nil},
		"refused":          {[]error{errDown, errDown}, 1, []retry.Charge{{Attempt: 1}, {Attempt: 2}}, nil},
		"do not retry":     {[]error{stop}, 9, []retry.Charge{{Attempt: 1, Last: true, Stop: true}}, nil},
		"permanent":        {[]error{failure(resilience.KindPermanent)}, 9, nil, nil},
		"rejected":         {[]error{failure(resilience.KindRejected)}, 9, nil, nil},
		"not repeatable":   {[]error{failure(resilience.KindTimeout)}, 9, nil, nil},
		"canceled":         {[]error{failure(resilience.KindCanceled)}, 9, nil, nil},
		"hint too long":    {[]error{asks(time.Hour)}, 9, []retry.Charge{{Attempt: 1, Last: true}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := &ledger{allows: c.allows}
			n := 0
			err := retry.Run(t.Context(), policy(t, retry.Config{Backoff: retry.Fixed{}, Budget: b}), func(context.Context) error {
				n++
				return c.errs[n-1]
			})
			if n != len(c.errs) || (err == nil) != (c.settled != nil) {
				t.Errorf("%d attempts, then %v", n, err)
			}
			if diff := cmp.Diff(c.charges, b.charges); diff != "" {
				t.Errorf("charges: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(c.settled, b.settled); diff != "" {
				t.Errorf("settled: -want +got:\n%s", diff)
			}
		})
	}
}

func TestARefusedPollerIsPaced(t *testing.T) {
	for name, c := range map[string]struct {
		polling bool
		kind    resilience.Kind
		timeout time.Duration
		want    time.Duration
	}{
		"not polling":             {false, resilience.KindTransient, time.Hour, 0},
		"polling":                 {true, resilience.KindTransient, time.Hour, time.Second},
		"never the throttled one": {true, resilience.KindThrottled, time.Hour, time.Second},
		"not past the deadline":   {true, resilience.KindThrottled, time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
				defer cancel()
				p := policy(t, retry.Config{
					Backoff: retry.Exponential{Base: time.Second, Throttled: time.Millisecond, Jitter: retry.None}, Budget: &ledger{},
					Polling: c.polling,
				})
				begin := time.Now()
				err := retry.Run(ctx, p, func(context.Context) error { return failure(c.kind) })
				if took := time.Since(begin); took != c.want || !errors.Is(err, retry.ErrBudget) {
					t.Errorf("%v after %v, want %v", err, took, c.want)
				}
			})
		})
	}
}

// sequence is a foreign BackOff: its delays in turn, then a stop.
type sequence struct {
	delays []time.Duration
	next   int
	resets *atomic.Int32
}

func (s *sequence) NextBackOff() time.Duration {
	if s.next == len(s.delays) {
		return -1
	}
	s.next++
	return s.delays[s.next-1]
}

func (s *sequence) Reset() { s.next = 0; s.resets.Add(1) }

func TestAForeignBackOffServesOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made, resets atomic.Int32
		p := policy(t, retry.Config{MaxAttempts: 9, NewBackOff: func() retry.BackOff {
			made.Add(1)
			return &sequence{delays: []time.Duration{time.Second, time.Minute}, next: 1, resets: &resets}
		}})
		if err := retry.Run(t.Context(), p, func(context.Context) error { return nil }); err != nil || made.Load() != 0 {
			t.Errorf("made %d for a success, %v", made.Load(), err)
		}
		for range 2 {
			begin := time.Now()
			fn, starts := failing(errDown)
			err := retry.Run(t.Context(), p, fn)
			if !errors.Is(err, retry.ErrStopped) || len(*starts) != 3 || time.Since(begin) != time.Minute+time.Second {
				t.Errorf("%d attempts in %v, then %v", len(*starts), time.Since(begin), err)
			}
		}
		if made.Load() != 2 || resets.Load() != 2 {
			t.Errorf("made %d and reset %d for two calls", made.Load(), resets.Load())
		}
	})
}

func TestAnExactHintRestartsTheSequence(t *testing.T) {
	for name, cfg := range map[string]retry.Config{
		"own": {Backoff: retry.Linear{Base: time.Second, Step: time.Minute}},
		"foreign": {NewBackOff: func() retry.BackOff {
			return &sequence{[]time.Duration{time.Second, 61 * time.Second, 121 * time.Second}, 0, new(atomic.Int32)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg.MaxAttempts, cfg.HintRule = 6, retry.Exact
				errs := []error{errDown, errDown, asks(time.Hour), errDown, errDown, errDown}
				var waits []time.Duration
				var last time.Time
				err := retry.Run(t.Context(), policy(t, cfg), func(context.Context) error {
					waits = append(waits, time.Since(last))
					last = time.Now()
					return errs[len(waits)-1]
				})
				want := []time.Duration{time.Second, 61 * time.Second, time.Hour, time.Second, 61 * time.Second}
				if !errors.Is(err, retry.ErrMaxAttempts) || !slices.Equal(waits[1:], want) {
					t.Errorf("waited %v, then %v; want %v", waits[1:], err, want)
				}
			})
		})
	}
}

func TestAnErrorKeepsTheLatestAttempts(t *testing.T) {
	for _, c := range []struct{ limit, attempts, first, kept int }{
		{0, 1, 1, 1}, {0, 8, 1, 8}, {0, 9, 2, 8}, {0, 100, 93, 8}, {1, 1, 1, 1}, {1, 5, 5, 1}, {2, 5, 4, 2}, {3, 3, 1, 3}, {3, 4, 2, 3},
	} {
		p := policy(t, retry.Config{MaxAttempts: c.attempts, Backoff: retry.Fixed{}, Timeline: c.limit})
		e := asError(t, retry.Run(t.Context(), p, func(ctx context.Context) error {
			return fmt.Errorf("failure %d", resilience.Attempt(ctx))
		}))
		var numbers []int
		for i, a := range e.Attempts {
			numbers = append(numbers, a.Number)
			if a.Number != c.first+i || a.Err.Error() != fmt.Sprint("failure ", a.Number) {
				t.Errorf("%+v: kept %+v", c, a)
			}
		}
		if len(e.Attempts) != c.kept || e.Last.Error() != fmt.Sprint("failure ", c.attempts) {
			t.Errorf("%+v: kept %v, last %v", c, numbers, e.Last)
		}
	}
}

func TestSentSaysWhetherAnAttemptMayHaveBeenExecuted(t *testing.T) {
	refused := resilience.WithVerdict(errors.New("refused"), resilience.Verdict{Kind: resilience.KindTransient, Unsent: true})
	rejected := failure(resilience.KindRejected)
	for name, c := range map[string]struct {
		errs []error
		want bool
	}{
		"none was":           {[]error{refused, refused, refused}, false},
		"rejected":           {[]error{rejected}, false},
		"refused, rejected":  {[]error{refused, rejected}, false},
		"the last one":       {[]error{refused, refused, errDown}, true},
		"one that is gone":   {[]error{errDown, refused, refused, refused, refused}, true},
		"one among the gone": {[]error{refused, refused, errDown, refused, refused, refused}, true},
		"none, some gone":    {[]error{refused, refused, refused, refused, refused}, false},
		"then rejected":      {[]error{errDown, rejected}, true},
		"one that timed out": {[]error{refused, failure(resilience.KindTimeout)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy(t, retry.Config{MaxAttempts: len(c.errs), Backoff: retry.Fixed{}, Timeline: 2})
			n := 0
			call := func(context.Context) error { n++; return c.errs[n-1] }
			e := asError(t, retry.Run(t.Context(), p, call))
			if e.Sent() != c.want {
				t.Errorf("sent %v, want %v", e.Sent(), c.want)
			}
			// A call around the call knows the same, whatever its one attempt looks like.
			n = 0
			once := policy(t, retry.Config{MaxAttempts: 1})
			e = asError(t, retry.Run(t.Context(), once, func(ctx context.Context) error { return retry.Run(ctx, p, call) }))
			if e.Sent() != c.want {
				t.Errorf("around it: sent %v, want %v", e.Sent(), c.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e := asError(t, retry.Run(ctx, policy(t, retry.Config{}), func(context.Context) error { return nil })); e.Sent() {
		t.Error("sent without an attempt")
	}
}

func TestAnErrorBringsTheVerdictOfItsLastAttempt(t *testing.T) {
	want := resilience.Verdict{Kind: resilience.KindThrottled, Code: "429", After: time.Hour, HasAfter: true, Answered: true}
	err := retry.Run(t.Context(), policy(t, retry.Config{}), func(context.Context) error {
		return resilience.WithVerdict(errors.New("slow down"), want)
	})
	if got := resilience.Default(t.Context(), fmt.Errorf("pay: %w", err)); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if e := asError(t, err); e.RetryAfter != time.Hour || e.Cause != retry.CauseHint {
		t.Errorf("got %+v", e)
	}
}

func TestErrorsReadWell(t *testing.T) {
	once := policy(t, retry.Config{MaxAttempts: 1})
	twice := policy(t, retry.Config{MaxAttempts: 2, Backoff: retry.Fixed{}})
	down := func(context.Context) error { return errDown }
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("shutting down"))
	for want, err := range map[string]error{
		"retry: attempts used up after 1 attempt: down":  retry.Run(t.Context(), once, down),
		"retry: attempts used up after 2 attempts: down": retry.Run(t.Context(), twice, down),
		"retry: canceled: shutting down":                 retry.Run(gone, once, down),
	} {
		if err.Error() != want {
			t.Errorf("got  %v\nwant %v", err, want)
		}
	}
}

func TestNewNamesEveryProblem(t *testing.T) {
	_, err := retry.New(retry.Config{
		MaxAttempts: -1, Backoff: retry.Exponential{Base: -1, Throttled: -2, Factor: 0.5, Cap: -3, Jitter: retry.Proportional(2)},
		NewBackOff: noBackOff, MaxElapsed: -4, MinRemaining: -5, HintCap: -6, ElapsedFrom: 7, HintRule: 8, Nested: 9, Timeline: -10,
	})
	want := `retry: invalid config: MaxAttempts -1: want at least 1, or 0 for 3
Timeline -10: want at least 1, or 0 for 8
MaxElapsed -4ns: want at least 0
MinRemaining -5ns: want at least 0
HintCap -6ns: want at least 0
ElapsedFrom 7: want FromCall or FromFirstFailure
HintRule 8: want GiveUp, Clamp or Exact
Nested 9: want Lazy, Eager or Off
Backoff and NewBackOff: want one of them
Backoff: Exponential.Base -1ns: want at least 0
Exponential.Throttled -2ns: want at least 0
Exponential.Factor 0.5: want a finite number of at least 1, or 0 for 2
Exponential.Cap -3ns: want at least 0
Exponential.Jitter proportional(2): want a part in (0, 1]`
	if !errors.Is(err, retry.ErrConfig) || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%v", err, want)
	}
	for _, b := range []retry.Backoff{
		retry.Fixed{Base: -1},
		retry.Fixed{Cap: -1},
		retry.Fixed{Jitter: retry.Proportional(-0.1)},
		retry.Linear{Base: -1},
		retry.Linear{Step: -1},
		retry.Linear{Cap: -1},
	} {
		if _, err := retry.New(retry.Config{Backoff: b}); !errors.Is(err, retry.ErrConfig) {
			t.Errorf("%+v: got %v", b, err)
		}
	}
}

func TestConfigShowsTheDefaults(t *testing.T) {
	want := retry.Config{
		MaxAttempts: 3, HintCap: 5 * time.Second, Timeline: 8,
		Backoff: retry.Exponential{Base: 100 * time.Millisecond, Throttled: time.Second, Cap: 20 * time.Second},
	}
	got := policy(t, retry.Config{}).Config()
	if got.Rand == nil || got.Now == nil {
		t.Error("no clock or no source")
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(retry.Config{}, "Rand", "Now")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCausesHaveSentinels(t *testing.T) {
	seen := map[error]bool{}
	for c := retry.CausePermanent; c <= retry.CauseCanceled; c++ {
		seen[c.Err()] = true
		if c.String() != c.Err().Error() {
			t.Errorf("%v is %v", c, c.Err())
		}
	}
	if len(seen) != 10 || seen[nil] || retry.Cause(0).Err() != nil || retry.Cause(0).String() != "none" || retry.Cause(99).String() != "Cause(99)" {
		t.Errorf("%v", seen)
	}
}

func TestASuccessAllocatesNothing(t *testing.T) {
	ctx := t.Context()
	fn := func(context.Context) (int, error) { return 1, nil }
	fails := false
	once := func(context.Context) (int, error) {
		if fails = !fails; fails {
			return 0, errDown
		}
		return 1, nil
	}
	free := policy(t, retry.Config{Backoff: retry.Fixed{}})
	for name, c := range map[string]struct {
		fn   func(context.Context) (int, error)
		want float64
	}{
		"a success":         {fn, 0},
		"a retried attempt": {once, 1},
	} {
		got := testing.AllocsPerRun(100, func() {
			if _, err := retry.Do(ctx, free, c.fn); err != nil {
				t.Error(err)
			}
		})
		if got > c.want {
			t.Errorf("%s: %v allocations, want %v", name, got, c.want)
		}
	}
	run := func(context.Context) error { return nil }
	if got := testing.AllocsPerRun(100, func() { _ = retry.Run(ctx, free, run) }); got != 0 { // run succeeds
		t.Errorf("Run: %v allocations", got)
	}
}
