package retry_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/retry"
	"pgregory.net/rapid"
)

// validated is what the backoffs of the package are.
type validated interface {
	retry.Backoff
	Validate() error
}

// drawDuration draws a duration of any size, often at the ends.
func drawDuration(t *rapid.T, name string) time.Duration {
	return time.Duration(rapid.OneOf(
		rapid.Int64Range(0, math.MaxInt64), rapid.Int64Range(0, int64(time.Hour)), rapid.SampledFrom([]int64{0, 1, math.MaxInt64}),
	).Draw(t, name))
}

// drawBackoff draws a backoff with its jitter, and returns beside it the delay of the step before cap and jitter, exactly, and the base.
func drawBackoff(t *rapid.T, s retry.Step, limit time.Duration, j retry.Jitter) (b validated, raw *big.Float, base time.Duration) {
	base = drawDuration(t, "base")
	n := max(s.Retry, 1) - 1
	switch rapid.IntRange(0, 2).Draw(t, "backoff") {
	case 0:
		return retry.Fixed{Base: base, Cap: limit, Jitter: j}, exact(base), base
	case 1:
		step := drawDuration(t, "step")
		return retry.Linear{Base: base, Step: step, Cap: limit, Jitter: j}, sum(exact(base), product(exact(step), float(float64(n)))), base
	}
	e := retry.Exponential{
		Base: base, Throttled: drawDuration(t, "throttled base"), Factor: rapid.Float64Range(1, 100).Draw(t, "factor"), Cap: limit, Jitter: j,
	}
	if n > 4000 && e.Factor < 1.02 {
		t.Skip("too long for the oracle")
	}
	if s.Throttled && e.Throttled != 0 {
		base = e.Throttled
	}
	if base == 0 {
		base = 100 * time.Millisecond
	}
	raw = exact(base)
	for range min(n, 4000) { // by then any other factor has passed every duration
		raw = product(raw, float(e.Factor))
	}
	return e, raw, base
}

// Invariant: resilience R3.
func TestDelaysKeepToTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := retry.Step{
			Retry: rapid.OneOf(rapid.IntRange(-1, 10), rapid.IntRange(0, math.MaxInt32)).Draw(t, "retry"), Prev: drawDuration(t, "prev"),
			Throttled: rapid.Bool().Draw(t, "throttled"),
			U: rapid.OneOf(rapid.Float64Range(0, 1), rapid.SampledFrom([]float64{
				0, 1, -1, 2, math.NaN(), math.Inf(1), math.Inf(-1), math.Nextafter(1, 0),
			})).Draw(t, "u"),
		}
		limit := rapid.SampledFrom([]time.Duration{0, drawDuration(t, "cap")}).Draw(t, "limit")
		part := rapid.Float64Range(0.01, 1).Draw(t, "part")
		jitter := rapid.SampledFrom([]retry.Jitter{
			0, retry.None, retry.Full, retry.Equal, retry.Decorrelated, retry.Proportional(part),
		}).Draw(t, "jitter")
		b, raw, base := drawBackoff(t, s, limit, jitter)
		if err := b.Validate(); err != nil {
			t.Fatal(err)
		}
		if _, ok := b.(retry.Exponential); jitter == 0 && ok {
			jitter = retry.Full
		}
		low, high := bounds(jitter, part, raw, base, limit, s.Prev)
		want := sum(low, product(sum(high, negative(low)), float(unit(s.U))))
		if jitter == retry.Decorrelated { // whose cap comes after the draw
			low, high, want = least(low, limit), least(high, limit), least(want, limit)
		}
		if got := b.Delay(s); got < 0 || outside(got, low, high) || outside(got, want, want) {
			t.Fatalf("%+v.Delay(%+v) = %v, want %.0f in [%.0f, %.0f]", b, s, got, want, low, high)
		}
	})
}

func TestDelaysAreRoundedAndNeverNegative(t *testing.T) {
	for _, c := range []struct {
		b    retry.Backoff
		s    retry.Step
		want time.Duration
	}{
		{retry.Exponential{Base: 3, Factor: 1.5, Jitter: retry.None}, retry.Step{Retry: 2}, 5},
		{retry.Fixed{Base: 3, Jitter: retry.Full}, retry.Step{U: 0.5}, 2},
		{retry.Fixed{Base: -3, Jitter: retry.Full}, retry.Step{U: 1}, 0},
		{retry.Linear{Base: 3, Step: -9}, retry.Step{Retry: 2}, 0},
		{retry.Exponential{Base: -3, Cap: -1, Jitter: retry.Decorrelated}, retry.Step{Retry: 2, Prev: -1, U: 1}, 0},
		{retry.Exponential{Base: 3, Factor: math.NaN()}, retry.Step{Retry: 2, U: 1}, 0},
		{retry.Fixed{Base: 4, Jitter: retry.Proportional(-0.5)}, retry.Step{U: 1}, 2},
	} {
		if got := c.b.Delay(c.s); got != c.want {
			t.Errorf("%+v.Delay(%+v) = %v, want %v", c.b, c.s, got, c.want)
		}
	}
}

func TestJittersHaveNames(t *testing.T) {
	for want, j := range map[string]retry.Jitter{
		"default": 0, "none": retry.None, "full": retry.Full, "equal": retry.Equal, "decorrelated": retry.Decorrelated,
		"proportional(0.2)": retry.Proportional(0.2),
	} {
		if j.String() != want {
			t.Errorf("got %v, want %s", j, want)
		}
	}
	if retry.Proportional(0) != retry.None {
		t.Error("a part of nothing is not None")
	}
}

// unit returns u, or the nearer end of [0, 1].
func unit(u float64) float64 {
	if u > 0 {
		return min(u, 1)
	}
	return 0
}

// bounds returns where a delay must lie, computed without rounding.
func bounds(j retry.Jitter, part float64, raw *big.Float, base, limit, prev time.Duration) (low, high *big.Float) {
	v := least(raw, limit)
	switch j {
	case 0, retry.None:
		return v, v
	case retry.Full:
		return new(big.Float), v
	case retry.Equal:
		return product(v, float(0.5)), v
	case retry.Decorrelated:
		return exact(base), least(product(exact(max(base, prev)), float(3)), 0)
	default:
		return product(v, float(1-part)), least(product(v, float(1+part)), 0)
	}
}

// The arithmetic of the oracle.
func exact(d time.Duration) *big.Float   { return new(big.Float).SetPrec(200).SetInt64(int64(d)) }
func float(x float64) *big.Float         { return new(big.Float).SetPrec(200).SetFloat64(x) }
func sum(a, b *big.Float) *big.Float     { return new(big.Float).SetPrec(200).Add(a, b) }
func product(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(200).Mul(a, b) }
func negative(a *big.Float) *big.Float   { return new(big.Float).SetPrec(200).Neg(a) }

// least caps by the limit unless it is 0, and by the largest duration.
func least(x *big.Float, limit time.Duration) *big.Float {
	if limit == 0 {
		limit = math.MaxInt64
	}
	if x.Cmp(exact(limit)) > 0 {
		return exact(limit)
	}
	return x
}

// outside reports whether d lies outside by more than a float64 must round: two nanoseconds, and 2^-48 of the delay.
func outside(d time.Duration, low, high *big.Float) bool {
	slack := sum(float(2), product(high, float(1.0/(1<<48))))
	return exact(d).Cmp(sum(low, negative(slack))) < 0 || exact(d).Cmp(sum(high, slack)) > 0
}

// plan is a random call: how long each attempt takes, and how it ends.
type plan struct {
	cfg      retry.Config
	timeout  time.Duration
	keyed    bool
	attempts []attempt
	allows   int
}

type attempt struct {
	takes time.Duration
	err   error // nil = success
}

// drawPlan draws a call.
func drawPlan(t *rapid.T) plan {
	span := func(name string, most time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, name))
	}
	p := plan{
		cfg: retry.Config{
			MaxAttempts: rapid.IntRange(1, 6).Draw(t, "max attempts"),
			MaxElapsed:  span("max elapsed", 20*time.Second), MinRemaining: span("min remaining", time.Second),
			ElapsedFrom: rapid.SampledFrom([]retry.Start{retry.FromCall, retry.FromFirstFailure}).Draw(t, "from"),
			HintRule:    rapid.SampledFrom([]retry.HintRule{retry.GiveUp, retry.Clamp, retry.Exact}).Draw(t, "rule"),
			HintCap:     span("hint cap", 4*time.Second), Nested: rapid.SampledFrom([]retry.Nesting{retry.Lazy, retry.Eager, retry.Off}).Draw(t, "nested"),
			Idempotent: rapid.Bool().Draw(t, "idempotent"), Polling: rapid.Bool().Draw(t, "polling"),
			Backoff: retry.Exponential{Base: span("base", 2*time.Second), Cap: span("cap", 8*time.Second)},
		},
		timeout: span("timeout", 30*time.Second), keyed: rapid.Bool().Draw(t, "keyed"), allows: rapid.IntRange(0, 6).Draw(t, "allows"),
	}
	for i := range p.cfg.MaxAttempts + 1 {
		a := attempt{takes: span("takes", 5*time.Second)}
		if rapid.IntRange(0, 5).Draw(t, "fails") > 0 {
			v := resilience.Verdict{
				Kind: rapid.SampledFrom([]resilience.Kind{
					resilience.KindTransient, resilience.KindTransient, resilience.KindThrottled, resilience.KindTimeout, resilience.KindPermanent,
				}).Draw(t, "kind"),
				HasAfter: rapid.Bool().Draw(t, "hinted"), After: span("after", 9*time.Second), Stop: rapid.IntRange(0, 9).Draw(t, "stop") == 0,
			}
			a.err = resilience.WithVerdict(fmt.Errorf("failure %d", i+1), v)
		}
		p.attempts = append(p.attempts, a)
	}
	return p
}

// TestRandomCallsKeepTheRules plays random calls and looks at them from outside: attempts, waits, charges and the error.
// Invariant: resilience R1, R2, R4, R5.
func TestRandomCallsKeepTheRules(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan(rt)
		u := rapid.Float64Range(0, 1).Draw(rt, "u")
		p.cfg.Rand = func() float64 { return u }
		synctest.Test(t, func(t *testing.T) { p.play(t) })
		if t.Failed() {
			rt.Fatal("the rules were broken")
		}
	})
}

// play makes the call.
func (p plan) play(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), p.timeout)
	defer cancel()
	if p.keyed {
		ctx = resilience.WithKey(ctx, "k")
	}
	begin := time.Now()
	var charged, retried []time.Duration
	b := &ledger{allows: p.allows, onTold: func() { charged = append(charged, time.Since(begin)) }}
	p.cfg.Budget = b
	var firstFailure time.Duration
	p.cfg.OnRetry = func(_ context.Context, e retry.Event) {
		now := time.Since(begin)
		retried = append(retried, now)
		if now+e.Wait >= p.timeout || p.timeout-now-e.Wait < p.cfg.MinRemaining {
			t.Errorf("at %v began to wait %v for a deadline at %v", now, e.Wait, p.timeout)
		}
		from := time.Duration(0)
		if p.cfg.ElapsedFrom == retry.FromFirstFailure {
			from = firstFailure
		}
		if p.cfg.MaxElapsed > 0 && now+e.Wait-from > p.cfg.MaxElapsed {
			t.Errorf("at %v began to wait %v with %v in all", now, e.Wait, p.cfg.MaxElapsed)
		}
		if len(charged) != len(retried) || charged[len(charged)-1] != now {
			t.Errorf("charged at %v, waits began at %v", charged, retried)
		}
	}
	n := 0
	err := retry.Run(ctx, policy(t, p.cfg), func(ctx context.Context) error {
		if n++; ctx.Err() != nil || n > p.cfg.MaxAttempts {
			t.Errorf("attempt %d of %d with context %v", n, p.cfg.MaxAttempts, ctx.Err())
		}
		time.Sleep(p.attempts[n-1].takes)
		if n == 1 {
			firstFailure = time.Since(begin)
		}
		return p.attempts[n-1].err
	})
	p.judge(t, n, err)
	if len(charged) > n || b.allows < 0 {
		t.Errorf("%d charges for %d attempts, %d left", len(charged), n, b.allows)
	}
}

// judge checks the end of the call.
func (p plan) judge(t *testing.T, n int, err error) {
	t.Helper()
	if n == 0 {
		if p.timeout > 0 || !errors.Is(err, retry.ErrDeadline) {
			t.Errorf("no attempt, %v", err)
		}
		return
	}
	last := p.attempts[n-1].err
	if (err == nil) != (last == nil) || err != nil && !errors.Is(err, last) {
		t.Errorf("ended with %v after %v", err, last)
	}
	if err != nil && !slices.ContainsFunc([]error{
		retry.ErrPermanent, retry.ErrStopped, retry.ErrMaxAttempts, retry.ErrElapsed, retry.ErrDeadline, retry.ErrBudget, retry.ErrHint,
	}, func(s error) bool { return errors.Is(err, s) }) {
		t.Errorf("%v has no cause", err)
	}
}
