package guard_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
)

// specs reads specs that are right.
func specs(tb testing.TB, text string) map[string]guard.Spec {
	tb.Helper()
	s, err := guard.ParseSpecs(strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// registry returns a registry with specs.
func registry(tb testing.TB, cfg guard.RegistryConfig, text string) *guard.Registry {
	tb.Helper()
	r, err := guard.NewRegistry(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	apply(tb, r, text)
	return r
}

// apply applies specs that are right.
func apply(tb testing.TB, r *guard.Registry, text string) guard.Diff {
	tb.Helper()
	diff, err := r.Apply(specs(tb, text))
	if err != nil {
		tb.Fatal(err)
	}
	return diff
}

// same fails unless got is want, where what is empty is the same as nil.
func same(tb testing.TB, what string, want, got any) {
	tb.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func fail(context.Context) error { return errDown }

func TestAGuardIsStableAndGoesByItsSpecOrTheDefault(t *testing.T) {
	r := registry(t, guard.RegistryConfig{Default: guard.Spec{Bulkhead: &guard.BulkheadSpec{Limit: 7}}}, `{"b": {"bulkhead": {"limit": 2}}}`)
	a, b := r.Guard("a"), r.Guard("b")
	if a != r.Guard("a") || b != r.Guard("b") || a == b || a.Name() != "a" {
		t.Error("a guard is not stable")
	}
	limits := func() (limits []int) {
		for _, g := range r.All() {
			limits = append(limits, g.Stats().Bulkhead.Limit)
		}
		return limits
	}
	same(t, "limits", []int{7, 2}, limits())
	same(t, "diff", guard.Diff{Changed: []string{"a", "b", "c"}, Defaulted: []string{"b"}},
		apply(t, r, `{"a": {"bulkhead": {"limit": 3}}, "c": {"bulkhead": {"limit": 4}}}`))
	same(t, "limits", []int{3, 7, 4}, limits())
	same(t, "diff", guard.Diff{}, apply(t, r, `{"a": {"bulkhead": {"limit": 3}}, "b": {"bulkhead": {"limit": 7}}, "c": {"bulkhead": {"limit": 4}}}`))
	same(t, "diff", guard.Diff{Changed: []string{"a", "c"}, Defaulted: []string{"a", "b", "c"}}, apply(t, r, `{}`))
	if a != r.Guard("a") || r.Guard("c") != r.All()[2] {
		t.Error("a guard is not stable")
	}
}

func TestABadSpecChangesNothingAndNamesEveryProblem(t *testing.T) {
	r := registry(t, guard.RegistryConfig{}, `{"a": {"bulkhead": {"limit": 1}}}`)
	a := r.Guard("a").Stats()
	_, err := r.Apply(map[string]guard.Spec{
		"a": {Bulkhead: &guard.BulkheadSpec{Limit: 5}},
		"b": {Retry: &guard.RetrySpec{MaxAttempts: -1}, Bulkhead: &guard.BulkheadSpec{Limit: 1, Weights: map[string]int{"x": 1}}},
		"c": {AttemptTimeout: -1},
		"":  {},
	})
	if !errors.Is(err, guard.ErrSpec) {
		t.Fatal(err)
	}
	const want = `guard: invalid spec: "": a guard without a name
b.retry: MaxAttempts -1: want at least 1, or 0 for 3
b.bulkhead.weights: want a RegistryConfig.Partition, which says whose a call is
c.attempt_timeout: -1ns: want more than 0, or 0 for none`
	same(t, "problems", want, err.Error())
	same(t, "stats", a, r.Guard("a").Stats())
	if all := r.All(); len(all) != 1 {
		t.Errorf("%d guards", len(all))
	}
	_, err = guard.NewRegistry(guard.RegistryConfig{Default: guard.Spec{Breaker: &guard.BreakerSpec{Probes: -1}}})
	if !errors.Is(err, guard.ErrConfig) || !errors.Is(err, guard.ErrSpec) || !strings.Contains(err.Error(), "default.breaker: Probes -1") {
		t.Error(err)
	}
}

func TestSpecsAreCopied(t *testing.T) {
	s := map[string]guard.Spec{"a": everythingSpec()}
	r := must(guard.NewRegistry(guard.RegistryConfig{Partition: func(context.Context) string { return "a" }}))
	if _, err := r.Apply(s); err != nil {
		t.Fatal(err)
	}
	s["a"].Retry.RetryOn[0], s["a"].Bulkhead.Weights["gold"], s["a"].Breaker.Probes = "500", 5, 9
	s["a"].Retry.Backoff.Base, s["a"].Retry.Budget.Ratio = 1, 1
	diff, err := r.Apply(s)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "diff", guard.Diff{Changed: []string{"a"}}, diff)
}

func TestAReloadKeepsStateAndCountsOfABreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			changes []string
			r       *guard.Registry
		)
		cfg := guard.RegistryConfig{
			OnChange: func(c breaker.Change) {
				changes = append(changes, c.Name+" "+r.Guard(c.Name).Breaker().State().String())
			},
			Rand: func() float64 { return 0.5 }, // no jitter
		}
		r = registry(t, cfg, `{"a": {"breaker": {"consecutive_failures": 4, "open_for": "10s"}}}`)
		a := r.Guard("a")
		for range 3 {
			_ = guard.Run(t.Context(), a, fail)
		}
		same(t, "diff", guard.Diff{Changed: []string{"a"}}, apply(t, r, `{"a": {"breaker": {"consecutive_failures": 4, "open_for": "20s", "min_calls": 50}}}`))
		same(t, "counts", breaker.Counts{Failures: 3, ConsecutiveFailures: 3}, a.Breaker().Counts())
		_ = guard.Run(t.Context(), a, fail)
		apply(t, r, `{"a": {"breaker": {"consecutive_failures": 9, "open_for": "1s", "probes": 2}, "bulkhead": {"limit": 1}}}`)
		time.Sleep(19 * time.Second) // of the 20 s that it opened for
		if s := a.Breaker().State(); s != breaker.Open {
			t.Fatalf("%v, want open", s)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if s := a.Breaker().State(); s != breaker.HalfOpen {
			t.Fatalf("%v, want half-open", s)
		}
		if err := guard.Run(t.Context(), a, func(context.Context) error { return nil }); err != nil { // the first of two probes
			t.Error(err)
		}
		apply(t, r, `{"a": {"breaker": {"consecutive_failures": 9, "open_for": "1s", "probes": 1}}}`) // so that it was enough
		same(t, "changes", []string{"a open", "a half-open", "a closed"}, changes)
	})
}

func TestAChangedWindowRestartsCountsAndDiffSaysSo(t *testing.T) {
	r := registry(t, guard.RegistryConfig{}, `{"a": {"breaker": {}}, "b": {"breaker": {}}}`)
	for _, g := range r.All() {
		_ = guard.Run(t.Context(), g, fail)
	}
	same(t, "diff", guard.Diff{Changed: []string{"a", "b"}, Restarted: []string{"a"}},
		apply(t, r, `{"a": {"breaker": {"window": "20s"}}, "b": {"breaker": {"min_calls": 5}}}`))
	same(t, "counts of a", breaker.Counts{}, r.Guard("a").Breaker().Counts())
	same(t, "counts of b", breaker.Counts{Failures: 1, ConsecutiveFailures: 1}, r.Guard("b").Breaker().Counts())
}

func TestAReloadKeepsPermitsAndWaitersWithTheirBound(t *testing.T) {
	for name, weights := range map[string]string{"semaphore": ``, "partitioned": `, "weights": {"*": 1}`} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reloadWithWaiters(t, func(limit int, wait string) string {
					return fmt.Sprintf(`{"a": {"bulkhead": {"limit": %d, "queue": 2, "max_wait": %q%s}}}`, limit, wait, weights)
				})
			})
		})
	}
}

func reloadWithWaiters(t *testing.T, spec func(limit int, wait string) string) {
	t.Helper()
	r := registry(t, guard.RegistryConfig{Partition: func(context.Context) string { return "a" }}, spec(1, "10s"))
	a, begin := r.Guard("a"), time.Now()
	release, ended := make(chan struct{}), make(chan error, 3)
	for range 3 {
		go func() { ended <- guard.Run(t.Context(), a, func(context.Context) error { <-release; return nil }) }()
		synctest.Wait()
	}
	same(t, "diff", guard.Diff{Changed: []string{"a"}}, apply(t, r, spec(0, "1s"))) // drains
	same(t, "drained", bulkhead.Stats{InUse: 1, Waiting: 2, Accepted: 1}, *a.Stats().Bulkhead)
	time.Sleep(5 * time.Second)
	apply(t, r, spec(2, "1s")) // lets one waiter go
	synctest.Wait()
	same(t, "grown", bulkhead.Stats{Limit: 2, InUse: 2, Waiting: 1, Accepted: 2}, *a.Stats().Bulkhead)
	if err := <-ended; !errors.Is(err, bulkhead.ErrFull) || time.Since(begin) != 10*time.Second {
		t.Errorf("the other waiter ended after %v: %v", time.Since(begin), err)
	}
	close(release)
	if err := errors.Join(<-ended, <-ended); err != nil {
		t.Error(err)
	}
	same(t, "in the end", bulkhead.Stats{Limit: 2, Accepted: 2, Rejected: 1, WaitedOut: 1}, *a.Stats().Bulkhead)
}

func TestWeightsThatComeOrGoBeginAnew(t *testing.T) {
	r := registry(t, guard.RegistryConfig{Partition: func(context.Context) string { return "a" }}, `{"a": {"bulkhead": {"limit": 1}}}`)
	a := r.Guard("a")
	err := guard.Run(t.Context(), a, func(ctx context.Context) error {
		same(t, "diff", guard.Diff{Changed: []string{"a"}, Restarted: []string{"a"}}, apply(t, r, `{"a": {"bulkhead": {"limit": 1, "weights": {"a": 1}}}}`))
		return guard.Run(ctx, a, func(context.Context) error { return nil })
	})
	if s := a.Stats(); err != nil || s.Bulkhead.Accepted != 1 || s.Parts[0].Accepted != 1 {
		t.Errorf("%v: %v", err, s)
	}
	same(t, "diff", guard.Diff{Changed: []string{"a"}, Restarted: []string{"a"}}, apply(t, r, `{"a": {"bulkhead": {"limit": 1}}}`))
	same(t, "diff", guard.Diff{Changed: []string{"a"}}, apply(t, r, `{"a": {}}`))
}

func TestABudgetKeepsItsBalanceInProportion(t *testing.T) {
	call := func(g *guard.Guard, calls int) {
		for range calls {
			_ = guard.Run(t.Context(), g, fail)
		}
	}
	for _, c := range []struct {
		name, from, to string
		calls          int
		was, is        float64
		restarted      bool
	}{
		{"unchanged", `"token", "tokens": 10, "ratio": 0.1`, `"token", "tokens": 10, "ratio": 0.1`, 2, 6, 6, false},
		{"more tokens", `"token", "tokens": 10, "ratio": 0.1`, `"token", "tokens": 100, "ratio": 0.1`, 2, 6, 60, false},
		{"fewer tokens", `"token", "tokens": 100, "ratio": 0.1`, `"token", "tokens": 10, "ratio": 0.1`, 5, 90, 9, false},
		{"tokens to quota", `"token", "tokens": 10, "ratio": 0.1`, `"quota", "tokens": 500`, 2, 6, 300, false},
		{"quota", `"quota", "tokens": 100`, `"quota", "tokens": 50`, 1, 86, 43, false},
		{"quota of nothing", `"quota", "tokens": 0`, `"quota", "tokens": 50`, 1, 0, 50, false},
		{"reserve in use", `"ratio", "ttl": "10s", "per_second": 1, "ratio": 0`, `"ratio", "ttl": "10s", "per_second": 2, "ratio": 0`, 4, 6, 12, false},
		{"earned", `"ratio", "ttl": "10s", "per_second": 0, "ratio": 2`, `"ratio", "ttl": "10s", "per_second": 1, "ratio": 4`, 3, 3, 16, false},
		{"ratio gone", `"ratio", "ttl": "10s", "per_second": 0, "ratio": 2`, `"ratio", "ttl": "10s", "per_second": 0, "ratio": 0`, 3, 3, 0, false},
		{"token to ratio", `"token", "tokens": 10, "ratio": 0.1`, `"ratio", "ttl": "10s", "per_second": 1, "ratio": 0`, 2, 6, 10, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := func(budget string, limit int) string {
				return fmt.Sprintf(`{"a": {"retry": {"max_attempts": 2, "backoff": {"kind": "fixed", "cap": "%ds"}, "budget": {"kind": %s}}}}`, limit, budget)
			}
			r := registry(t, guard.RegistryConfig{}, spec(c.from, 1))
			a := r.Guard("a")
			call(a, c.calls)
			if got := *a.Stats().Balance; got != c.was {
				t.Errorf("balance %v before, want %v", got, c.was)
			}
			diff := apply(t, r, spec(c.to, 2))
			if got := *a.Stats().Balance; math.Abs(got-c.is) > 0.01 || (len(diff.Restarted) > 0) != c.restarted {
				t.Errorf("balance %v, want %v; %+v", got, c.is, diff)
			}
			call(a, 1)
			if got := *a.Stats().Balance; got == c.is && c.is > 0 {
				t.Error("the policy has another budget")
			}
		})
	}
}

func TestACallThatHasBegunEndsByItsPolicy(t *testing.T) {
	spec := func(attempts int) string {
		const budget = `{"kind": "quota", "tokens": 1000, "cost": 1}`
		return fmt.Sprintf(`{"a": {"retry": {"max_attempts": %d, "backoff": {"kind": "fixed"}, "budget": %s}}}`, attempts, budget)
	}
	r := registry(t, guard.RegistryConfig{}, spec(5))
	a, runs := r.Guard("a"), 0
	fn := func(context.Context) error {
		if runs++; runs == 2 {
			apply(t, r, spec(1))
		}
		return errDown
	}
	if err := guard.Run(t.Context(), a, fn); !errors.Is(err, retry.ErrMaxAttempts) || runs != 5 {
		t.Errorf("%d runs: %v", runs, err)
	}
	if left := *a.Stats().Balance; left != 1000-4 {
		t.Errorf("%v tokens left: the call paid to another budget", left)
	}
	if err := guard.Run(t.Context(), a, fn); !errors.Is(err, retry.ErrMaxAttempts) || runs != 6 {
		t.Errorf("%d runs: %v", runs, err)
	}
}

func TestRetryOnNarrowsWhatIsRetriedAndNothingElse(t *testing.T) {
	failures := func(n int) breaker.Counts { return breaker.Counts{Failures: n, ConsecutiveFailures: n} }
	for name, c := range map[string]struct {
		verdict resilience.Verdict
		runs    int
		cause   retry.Cause
		want    breaker.Counts
	}{
		"listed":                {resilience.Verdict{Kind: resilience.KindTransient, Code: "503"}, 2, retry.CauseMaxAttempts, failures(2)},
		"listed though final":   {resilience.Verdict{Kind: resilience.KindPermanent, Code: "409", Answered: true}, 2, retry.CauseMaxAttempts, breaker.Counts{Successes: 2}},
		"not listed":            {resilience.Verdict{Kind: resilience.KindTransient, Code: "500"}, 1, retry.CausePermanent, failures(1)},
		"throttled, not listed": {resilience.Verdict{Kind: resilience.KindThrottled, Code: "429"}, 1, retry.CausePermanent, breaker.Counts{Excluded: 1}},
		"no code":               {resilience.Verdict{Kind: resilience.KindTransient}, 2, retry.CauseMaxAttempts, failures(2)},
		"no code and final":     {resilience.Verdict{Kind: resilience.KindPermanent}, 1, retry.CausePermanent, failures(1)},
		"maybe executed":        {resilience.Verdict{Kind: resilience.KindAmbiguous, Code: "503"}, 1, retry.CausePermanent, failures(1)},
		"rejected":              {resilience.Verdict{Kind: resilience.KindRejected, Code: "500"}, 1, retry.CauseRejected, breaker.Counts{}},
		"canceled":              {resilience.Verdict{Kind: resilience.KindCanceled, Code: "500"}, 1, retry.CauseCanceled, breaker.Counts{Excluded: 1}},
	} {
		r := registry(t, guard.RegistryConfig{}, `{"a": {"retry": {"max_attempts": 2, "retry_on": ["503", "409"], "backoff": {"kind": "fixed"}}, "breaker": {}}}`)
		runs := 0
		err := guard.Run(t.Context(), r.Guard("a"), func(context.Context) error {
			runs++
			return resilience.WithVerdict(errDown, c.verdict)
		})
		if failed, ok := errors.AsType[*retry.Error](err); !ok || failed.Cause != c.cause || runs != c.runs {
			t.Errorf("%s: %d runs, want %d: %v", name, runs, c.runs, err)
		}
		same(t, name, c.want, r.Guard("a").Breaker().Counts())
	}
}

func TestHooksKnowTheNameOfTheirGuard(t *testing.T) {
	var told []string
	cfg := guard.RegistryConfig{
		OnRetry: func(_ context.Context, name string, e retry.Event) { told = append(told, name+" retry "+e.Err.Error()) },
		OnDone: func(_ context.Context, name string, e retry.Event) {
			told = append(told, name+" done "+e.Cause.String())
		},
	}
	const spec = `{"retry": {"max_attempts": 2, "backoff": {"kind": "fixed"}}}`
	r := registry(t, cfg, `{"a": `+spec+`, "b": `+spec+`}`)
	for _, g := range r.All() {
		_ = guard.Run(t.Context(), g, fail)
	}
	same(t, "told", []string{"a retry down", "a done attempts used up", "b retry down", "b done attempts used up"}, told)
}

func TestWhatARegistryHasServesAllItsGuards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		var waits []time.Duration
		cfg := guard.RegistryConfig{
			Classify: func(context.Context, error) resilience.Verdict {
				return resilience.Verdict{Kind: resilience.KindThrottled}
			},
			OnRetry: func(_ context.Context, _ string, e retry.Event) { waits = append(waits, e.Wait) },
			Rand:    func() float64 { return 0.25 },
			Now:     func() time.Time { return begin },
		}
		r := registry(t, cfg, `{"with": {"retry": {"max_attempts": 2}, "breaker": {"open_for": "10s"}}, "without": {"breaker": {}}}`)
		for name, excluded := range map[string]int{"with": 2, "without": 1} {
			err := guard.Run(t.Context(), r.Guard(name), fail)
			same(t, "counts", breaker.Counts{Excluded: excluded}, r.Guard(name).Breaker().Counts())
			if failed, ok := errors.AsType[*retry.Error](err); ok && !failed.Attempts[0].End.Equal(begin) {
				t.Errorf("an attempt ended at %v", failed.Attempts[0].End)
			}
		}
		same(t, "waits", []time.Duration{time.Second / 4}, waits)
		b, ok := r.Guard("with").Breaker().(*breaker.Breaker)
		if !ok {
			t.Fatal("another engine")
		}
		if err := b.Command(breaker.Open); err != nil {
			t.Fatal(err)
		}
		if until, want := b.Stats().Until, begin.Add(9500*time.Millisecond); !until.Equal(want) {
			t.Errorf("open until %v, want %v", until, want)
		}
	})
}

func TestAThrottledDelayIsNotBelowTheBase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		r := registry(t, guard.RegistryConfig{
			OnRetry: func(_ context.Context, _ string, e retry.Event) { waits = append(waits, e.Wait) },
			Rand:    func() float64 { return 0.5 },
		}, `{"a": {"retry": {"max_attempts": 2, "backoff": {"base": "6s"}}}}`)
		for _, kind := range []resilience.Kind{resilience.KindTransient, resilience.KindThrottled} {
			_ = guard.Run(t.Context(), r.Guard("a"), func(context.Context) error {
				return resilience.WithVerdict(errDown, resilience.Verdict{Kind: kind})
			})
		}
		same(t, "waits", []time.Duration{3 * time.Second, 3 * time.Second}, waits)
	})
}

func TestManyMayAskForAGuardWhileSpecsChange(t *testing.T) {
	r := must(guard.NewRegistry(guard.RegistryConfig{}))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				g := r.Guard(string(rune('a' + i%26)))
				_ = guard.Run(t.Context(), g, func(context.Context) error { return nil })
			}
		})
		wg.Go(func() {
			for i := range 50 {
				text := `{"a": {"bulkhead": {"limit": 5}}, "b": {"breaker": {}}}`
				if i%2 == 0 {
					text = `{"c": {"bulkhead": {"limit": 5}}}`
				}
				apply(t, r, text)
			}
		})
	}
	wg.Wait()
	apply(t, r, `{"z": {"bulkhead": {"limit": 3}}}`)
	for _, g := range r.All() {
		if s := g.Stats(); (s.Bulkhead != nil) != (g.Name() == "z") || s.Breaker != nil {
			t.Errorf("after the last specs: %v", s)
		}
	}
}
