package budget_test

import (
	"errors"
	"math"
	"math/big"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
	"pgregory.net/rapid"
)

// test is what a *testing.T and a *rapid.T have in common.
type test interface {
	Helper()
	Fatal(args ...any)
}

// must returns the budget of a constructor that does not fail here.
func must[B any](tb test) func(B, error) B {
	tb.Helper()
	return func(b B, err error) B {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}
}

// model is a budget as one would explain it, exact and behind a mutex of its caller.
type model struct {
	limit   *big.Rat
	balance *big.Rat
}

func rat(x float64) *big.Rat { return new(big.Rat).SetFloat64(math.Round(x * 1000)) } // in thousandths

func (m *model) add(x *big.Rat) {
	m.balance.Add(m.balance, x)
	if m.balance.Cmp(m.limit) > 0 {
		m.balance.Set(m.limit)
	}
	if m.balance.Sign() < 0 {
		m.balance.SetInt64(0)
	}
}

// left returns the balance in whole tokens.
func (m *model) left() float64 {
	f, _ := new(big.Rat).Quo(m.balance, big.NewRat(1000, 1)).Float64()
	return f
}

// drawCharge draws a failure.
func drawCharge(t *rapid.T) retry.Charge {
	return retry.Charge{
		Attempt: rapid.IntRange(1, 3).Draw(t, "attempt"), Throttled: rapid.Bool().Draw(t, "throttled"),
		Last: rapid.IntRange(0, 3).Draw(t, "last") == 0, Stop: rapid.IntRange(0, 5).Draw(t, "stop") == 0,
	}
}

// Invariant: resilience R5.
func TestTokenKeepsToItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens, ratio := rapid.IntRange(1, 20).Draw(t, "tokens"), rapid.Float64Range(0.001, 3).Draw(t, "ratio")
		b := must[*budget.Token](t)(budget.NewToken(tokens, ratio))
		m := model{limit: rat(float64(tokens)), balance: rat(float64(tokens))}
		half := new(big.Rat).Quo(m.limit, big.NewRat(2, 1))
		for range 60 {
			if rapid.IntRange(0, 2).Draw(t, "success") == 0 {
				b.Settle(rapid.IntRange(1, 3).Draw(t, "attempt"), 0)
				m.add(rat(ratio))
			} else {
				_, got := b.Charge(drawCharge(t))
				m.add(rat(-1))
				if want := m.balance.Cmp(half) > 0; got != want {
					t.Fatalf("allowed %v with %v of %d tokens", got, m.left(), tokens)
				}
			}
			if got := b.Balance(); got != m.left() || got < 0 || got > b.Max() {
				t.Fatalf("balance %v, want %v", got, m.left())
			}
		}
	})
}

// quotaPair is a quota beside its model.
type quotaPair struct {
	*budget.Quota

	cfg   budget.QuotaConfig
	model model
	spent retry.Tokens // by the last charge
}

// charge charges both.
func (p *quotaPair) charge(t *rapid.T, c retry.Charge) {
	cost := rat(p.cfg.Cost)
	if c.Throttled {
		cost = rat(p.cfg.ThrottledCost)
	}
	want := !c.Last && p.model.balance.Cmp(cost) >= 0
	took, got := p.Charge(c)
	if got != want || got && cost.Cmp(big.NewRat(int64(took), 1)) != 0 || !got && took != 0 {
		t.Fatalf("took %d, allowed %v with %v left for %v", took, got, p.model.left(), cost)
	}
	if got {
		p.spent = took
		p.model.add(cost.Neg(cost))
	}
}

// Invariant: resilience R5.
func TestQuotaKeepsToItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.IntRange(0, 60).Draw(t, "tokens")
		cfg := budget.QuotaConfig{
			Cost: rapid.Float64Range(0.001, 20).Draw(t, "cost"), ThrottledCost: rapid.Float64Range(0.001, 20).Draw(t, "throttled cost"),
			FirstSuccess: rapid.Float64Range(0.001, 2).Draw(t, "first success"),
		}
		p := quotaPair{
			Quota: must[*budget.Quota](t)(budget.NewQuota(tokens, cfg)), cfg: cfg,
			model: model{limit: rat(float64(tokens)), balance: rat(float64(tokens))},
		}
		for range 60 {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				p.Settle(1, 0)
				p.model.add(rat(cfg.FirstSuccess))
			case 1:
				p.Settle(2, p.spent)
				p.model.add(big.NewRat(int64(p.spent), 1))
			default:
				p.charge(t, drawCharge(t))
			}
			if got := p.Balance(); got != p.model.left() || got < 0 || got > p.Max() {
				t.Fatalf("balance %v, want %v", got, p.model.left())
			}
		}
	})
}

// ratioPair is a ratio budget beside its model, which notes each change with its time.
type ratioPair struct {
	*budget.Ratio

	ttl           time.Duration
	cost, reserve int64
	changes       []change
}

type change struct {
	at time.Time
	n  int64
}

// within returns what may be left: a change in its last tenth may have lapsed or not.
func (p *ratioPair) within() (low, high int64) {
	low, high = p.reserve, p.reserve
	for _, c := range p.changes {
		switch age := time.Since(c.at); {
		case age < p.ttl*9/10:
			low, high = low+c.n, high+c.n
		case age <= p.ttl:
			low, high = low+min(0, c.n), high+max(0, c.n)
		}
	}
	return low, high
}

// note notes a change of now.
func (p *ratioPair) note(n int64) { p.changes = append(p.changes, change{time.Now(), n}) }

// ratioStep is a pause, and then a success or a failure.
type ratioStep struct {
	pause   time.Duration
	success bool
	charge  retry.Charge
}

// play makes the step in both.
func (p *ratioPair) play(t *testing.T, s ratioStep) {
	t.Helper()
	time.Sleep(s.pause)
	synctest.Wait() // for the timer of this instant
	if s.success {
		p.Settle(1, 0)
		p.note(1000)
		return
	}
	if s.charge.Attempt == 1 {
		p.note(1000)
	}
	low, high := p.within()
	_, ok := p.Charge(s.charge)
	if ok && (high < p.cost || s.charge.Last) || !ok && low >= p.cost && !s.charge.Last {
		t.Errorf("allowed %v with %d to %d for %d", ok, low, high, p.cost)
	}
	if ok {
		p.note(-p.cost)
	}
}

// Invariant: resilience R5.
func TestRatioKeepsToItsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ttl := time.Duration(rapid.Int64Range(int64(time.Second), int64(time.Minute)).Draw(rt, "ttl"))
		perSecond := float64(rapid.IntRange(0, 3).Draw(rt, "per second"))
		ratio := rapid.Float64Range(0.01, 3).Draw(rt, "ratio")
		steps := make([]ratioStep, rapid.IntRange(1, 60).Draw(rt, "steps"))
		for i := range steps {
			steps[i] = ratioStep{success: rapid.Bool().Draw(rt, "success"), charge: drawCharge(rt)}
			if rapid.IntRange(0, 3).Draw(rt, "pauses") == 0 {
				steps[i].pause = time.Duration(rapid.Int64Range(0, int64(2*ttl)).Draw(rt, "pause"))
			}
		}
		synctest.Test(t, func(t *testing.T) {
			p := ratioPair{Ratio: must[*budget.Ratio](t)(budget.NewRatio(ttl, perSecond, ratio)), ttl: ttl, cost: int64(1000 / ratio)}
			p.reserve = int64(math.Round(perSecond * ttl.Seconds() * float64(p.cost)))
			for i, s := range steps {
				p.play(t, s)
				low, high := p.within()
				if got := p.Balance() * float64(p.cost); got < max(0, float64(low))-1 || got > max(0, float64(high))+1 {
					t.Errorf("step %d: balance %v, want %d to %d", i, got, low, high)
				}
			}
		})
		if t.Failed() {
			rt.Fatal("the model was left")
		}
	})
}

// TestNoInterleavingTakesMoreThanThereIs is about budgets that check first and then take.
// Invariant: resilience R5.
func TestNoInterleavingTakesMoreThanThereIs(t *testing.T) {
	const goroutines, charges = 8, 2000
	for name, c := range map[string]struct {
		budget retry.Budget
		want   int64
	}{
		"token": {must[*budget.Token](t)(budget.NewToken(1000, 0.1)), 499},
		"quota": {must[*budget.Quota](t)(budget.NewQuota(1000, budget.QuotaConfig{Cost: 3})), 333},
		"ratio": {must[*budget.Ratio](t)(budget.NewRatio(time.Minute, 17, 0)), 17 * 60},
	} {
		var allowed atomic.Int64
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				for range charges {
					if _, ok := c.budget.Charge(retry.Charge{Attempt: 2}); ok {
						allowed.Add(1)
					}
				}
			})
		}
		if wg.Wait(); allowed.Load() != c.want || c.budget.Balance() < 0 {
			t.Errorf("%s: %d retries, want %d; %v left", name, allowed.Load(), c.want, c.budget.Balance())
		}
	}
}

func TestRatioForgetsInTenthsOfItsTimeToLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := must[*budget.Ratio](t)(budget.NewRatio(10*time.Second, 0, 1))
		for range 5 {
			b.Settle(1, 0)
			time.Sleep(1100 * time.Millisecond)
		}
		// Deposits were made in the tenths 0 to 4, and are gone when those come round.
		for _, step := range []struct {
			at   time.Duration
			want float64
		}{
			{9900 * time.Millisecond, 5},
			{10100 * time.Millisecond, 4},
			{11100 * time.Millisecond, 3},
			{13900 * time.Millisecond, 1},
			{14100 * time.Millisecond, 0},
		} {
			time.Sleep(step.at - elapsed())
			if got := b.Balance(); got != step.want {
				t.Errorf("at %v: %v retries, want %v", step.at, got, step.want)
			}
		}
	})
}

// elapsed is the time of the bubble since its start.
func elapsed() time.Duration { return time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) }

// TestAnIdleRatioHoldsNoTimer waits for real: the timers of a bubble end with it.
func TestAnIdleRatioHoldsNoTimer(t *testing.T) {
	t.Parallel()
	var collected atomic.Bool
	b := must[*budget.Ratio](t)(budget.NewRatio(time.Second, 1, 0.5))
	b.Charge(retry.Charge{Attempt: 1})
	runtime.AddCleanup(b, func(gone *atomic.Bool) { gone.Store(true) }, &collected)
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(50 * time.Millisecond) {
		if runtime.GC(); collected.Load() {
			return
		}
	}
	t.Error("the budget is still held, by its timer")
}

func TestABalanceMovesToAnotherBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		token := must[*budget.Token](t)(budget.NewToken(10, 0.5))
		quota := must[*budget.Quota](t)(budget.NewQuota(500, budget.QuotaConfig{}))
		ratio := must[*budget.Ratio](t)(budget.NewRatio(10*time.Second, 1, 0.2))
		for _, c := range []struct {
			fill, token, quota, ratio float64
		}{
			{3, 3, 3, 3}, {7.25, 7.25, 7.25, 7.25}, {0, 0, 0, 0}, {1e6, 10, 500, 1e6}, {-1, 0, 0, 0}, {math.NaN(), 0, 0, 0}, {math.Inf(1), 10, 500, 1e9},
		} {
			token.Fill(c.fill)
			quota.Fill(c.fill)
			ratio.Fill(c.fill)
			if token.Balance() != c.token || quota.Balance() != c.quota || ratio.Balance() != c.ratio {
				t.Errorf("filled with %v: token %v, quota %v, ratio %v", c.fill, token.Balance(), quota.Balance(), ratio.Balance())
			}
		}
		time.Sleep(time.Minute)
		if got := ratio.Balance(); got != 10 {
			t.Errorf("the balance did not lapse to the reserve: %v", got)
		}
		if token.Max() != 10 || quota.Max() != 500 {
			t.Errorf("full with %v and %v", token.Max(), quota.Max())
		}
	})
}

func TestConstructorsNameEveryProblem(t *testing.T) {
	nan := math.NaN()
	for want, err := range map[string]error{
		"budget: token: invalid config: tokens 0: want 1 to 1000\nratio 0: want 0.001 to 1000":      second(budget.NewToken(0, 0)),
		"budget: token: invalid config: tokens 1001: want 1 to 1000\nratio NaN: want 0.001 to 1000": second(budget.NewToken(1001, nan)),
		"budget: quota: invalid config: tokens -1: want 0 to 1000000000\nCost -1: want 0.001 to 1000000000\n" +
			"ThrottledCost NaN: want 0.001 to 1000000000\nFirstSuccess 1e-09: want 0.001 to 1000000000": second(
			budget.NewQuota(-1, budget.QuotaConfig{Cost: -1, ThrottledCost: nan, FirstSuccess: 1e-9})),
		"budget: ratio: invalid config: ttl 0s: want 1s to 1m\nperSecond -1: want 0 to 1000000\nratio -1: want 0, or 0.000001 to 1000": second(
			budget.NewRatio(0, -1, -1)),
		"budget: ratio: invalid config: ttl 1m1s: want 1s to 1m\nperSecond NaN: want 0 to 1000000\nratio 1e-09: want 0, or 0.000001 to 1000": second(
			budget.NewRatio(61*time.Second, nan, 1e-9)),
	} {
		if !errors.Is(err, budget.ErrConfig) || err.Error() != want {
			t.Errorf("got  %s\nwant %s", strings.ReplaceAll(err.Error(), "\n", "; "), strings.ReplaceAll(want, "\n", "; "))
		}
	}
}

// second returns the error of a constructor.
func second[B any](_ B, err error) error { return err }

func TestBudgetsAllocateNothing(t *testing.T) {
	for name, b := range map[string]retry.Budget{
		"token": must[*budget.Token](t)(budget.NewToken(1000, 0.1)),
		"quota": must[*budget.Quota](t)(budget.NewQuota(500, budget.QuotaConfig{})),
		"ratio": must[*budget.Ratio](t)(budget.NewRatio(time.Minute, 10, 0.2)),
	} {
		b.Settle(1, 0) // a ratio arms its timer
		if got := testing.AllocsPerRun(100, func() { b.Charge(retry.Charge{Attempt: 1}); b.Settle(1, 0) }); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

// BenchmarkSettle is what a budget adds to each success.
func BenchmarkSettle(b *testing.B) {
	for name, budget := range map[string]retry.Budget{
		"token": must[*budget.Token](b)(budget.NewToken(1000, 0.1)),
		"quota": must[*budget.Quota](b)(budget.NewQuota(500, budget.QuotaConfig{})),
		"ratio": must[*budget.Ratio](b)(budget.NewRatio(time.Minute, 10, 0.2)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				budget.Settle(1, 0)
			}
		})
	}
}
