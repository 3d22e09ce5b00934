package guard_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
	"pgregory.net/rapid"
)

// step is one attempt of a script.
type step struct {
	takes   time.Duration
	verdict resilience.Verdict // kind 0 = success
}

// script is a call to play.
type script struct {
	rules   retry.Config
	tokens  int
	steps   []step // then successes
	timeout time.Duration
	key     string
	marked  bool
}

// scripts draws one.
func scripts() *rapid.Generator[script] {
	short := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.IntRange(0, 5).Draw(t, "seconds")) * time.Second
	})
	return rapid.Custom(func(t *rapid.T) script {
		s := script{
			rules: retry.Config{
				MaxAttempts:  rapid.IntRange(1, 5).Draw(t, "attempts"),
				Backoff:      retry.Exponential{Base: short.Draw(t, "base"), Throttled: 3 * time.Second, Cap: 10 * time.Second},
				MaxElapsed:   4 * short.Draw(t, "max elapsed"),
				ElapsedFrom:  rapid.SampledFrom([]retry.Start{retry.FromCall, retry.FromFirstFailure}).Draw(t, "from"),
				MinRemaining: short.Draw(t, "min remaining"),
				HintRule:     rapid.SampledFrom([]retry.HintRule{retry.GiveUp, retry.Clamp, retry.Exact}).Draw(t, "hint rule"),
				Nested:       rapid.SampledFrom([]retry.Nesting{retry.Lazy, retry.Eager, retry.Off}).Draw(t, "nested"),
				Idempotent:   rapid.Bool().Draw(t, "idempotent"),
				Polling:      rapid.Bool().Draw(t, "polling"),
			},
			tokens:  rapid.IntRange(1, 6).Draw(t, "tokens"),
			timeout: 5*short.Draw(t, "timeout") + time.Second/2, // nothing else ends between seconds
			key:     rapid.SampledFrom([]string{"", "key"}).Draw(t, "key"),
			marked:  rapid.Bool().Draw(t, "marked"),
		}
		if rapid.IntRange(0, 9).Draw(t, "expired") == 0 {
			s.timeout = 0
		}
		for range rapid.IntRange(0, 5).Draw(t, "steps") {
			s.steps = append(s.steps, step{short.Draw(t, "takes"), resilience.Verdict{
				Kind:     resilience.Kind(rapid.IntRange(0, int(resilience.KindRejected)).Draw(t, "kind")), //nolint:gosec // small
				After:    short.Draw(t, "after"),
				HasAfter: rapid.Bool().Draw(t, "asks"),
				Stop:     rapid.IntRange(0, 9).Draw(t, "stop") == 0,
				Answered: rapid.Bool().Draw(t, "answered"),
			}})
		}
		return s
	})
}

// told is all that can be seen of a call.
type told struct {
	Value    int
	Err      string
	Cause    retry.Cause
	Attempts []retry.Attempt
	Is       []bool
	Seen     []string // by the function
	Events   []string
	Took     time.Duration
	Balance  float64
	PaidBack float64 // with one success more
}

// doing calls a function by a policy.
type doing func(ctx context.Context, p *retry.Policy, fn func(context.Context) (int, error)) (int, error)

// play plays the script.
func (s script) play(t *testing.T, do doing) (seen told) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(resilience.WithKey(t.Context(), s.key), s.timeout)
		defer cancel()
		if s.marked {
			ctx = resilience.WithMark(ctx, resilience.Mark{Attempt: 2, Max: 3})
		}
		hook := func(name string) func(context.Context, retry.Event) {
			return func(ctx context.Context, e retry.Event) {
				seen.Events = append(seen.Events, fmt.Sprint(name, resilience.Key(ctx), e))
			}
		}
		tokens := must(budget.NewToken(s.tokens, 0.5))
		rules := s.rules
		rules.Budget, rules.OnRetry, rules.OnDone = tokens, hook("retry"), hook("done")
		rules.Rand = func() float64 { return 0.75 }
		steps, begin := s.steps, time.Now()
		v, err := do(ctx, must(retry.New(rules)), func(ctx context.Context) (int, error) {
			seen.Seen = append(seen.Seen, fmt.Sprint(resilience.Attempt(ctx), resilience.Key(ctx), ctx.Err()))
			if len(steps) == 0 {
				return -1, nil
			}
			next := steps[0]
			steps = steps[1:]
			time.Sleep(next.takes)
			if next.verdict.Kind == 0 {
				return len(steps), nil
			}
			return len(steps), resilience.WithVerdict(errDown, next.verdict)
		})
		seen.Value, seen.Took, seen.Balance = v, time.Since(begin), tokens.Balance()
		if _, err := do(t.Context(), must(retry.New(rules)), succeed); err != nil {
			t.Error(err)
		}
		seen.PaidBack = tokens.Balance()
		if failed, ok := err.(*retry.Error); ok { //nolint:errorlint // as it is
			seen.Err, seen.Cause, seen.Attempts = err.Error(), failed.Cause, failed.Attempts
			seen.Is = []bool{errors.Is(err, errDown), errors.Is(err, context.DeadlineExceeded), failed.Sent()}
		} else if err != nil {
			t.Errorf("the error is %#v", err)
		}
	})
	return seen
}

// Invariant: resilience R1, R2, R4, R5.
func TestAGuardRetriesAsItsPolicyDoes(t *testing.T) {
	through := func(change func(*guard.Config)) doing {
		return func(ctx context.Context, p *retry.Policy, fn func(context.Context) (int, error)) (int, error) {
			cfg := guard.Config{Retry: p}
			change(&cfg)
			return guard.Do(ctx, must(guard.New(cfg)), fn)
		}
	}
	ways := map[string]doing{
		"alone":   through(func(*guard.Config) {}),
		"direct":  through(func(c *guard.Config) { c.Semaphore = must(bulkhead.New(1, bulkhead.Config{})) }),
		"layered": through(func(c *guard.Config) { c.AttemptTimeout = time.Hour }),
		"foreign": through(func(c *guard.Config) { c.Breaker = foreign{must(breaker.New(breaker.Config{FailureRatio: -1}))} }),
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := scripts().Draw(rt, "script")
		want := s.play(t, retry.Do)
		for name, way := range ways {
			if diff := cmp.Diff(want, s.play(t, way), cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })); diff != "" {
				rt.Fatalf("%s (-retry.Do +guard.Do):\n%s", name, diff)
			}
		}
	})
}
