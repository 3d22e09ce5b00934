package resilience_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
	"github.com/tenon-go/tenon/resilience/storm"
)

// script is a case of aws_retry2026.json.
type script struct {
	Config struct {
		MaxAttempts  int      `json:"max_attempts"`
		Tokens       int      `json:"tokens"`
		Cost         float64  `json:"cost"`
		ThrottleCost float64  `json:"throttle_cost"`
		FirstSuccess float64  `json:"first_success"`
		Base         float64  `json:"base_ms"`
		ThrottleBase float64  `json:"throttle_base_ms"`
		Cap          float64  `json:"max_backoff_ms"`
		U            *float64 `json:"u"`
		HintCap      float64  `json:"hint_cap_ms"`
		Polling      bool
	}
	Steps []step
}

type step struct {
	Response struct {
		Status     int
		Code       string
		RetryAfter *string `json:"retry_after_ms"`
	}
	Want struct {
		Outcome string
		Quota   *float64
		Delay   *float64 `json:"delay_ms"`
	}
}

// fails returns the error of the answer, nil for a success.
func (s step) fails() error {
	if s.Response.Status < 300 {
		return nil
	}
	v := resilience.Verdict{Kind: resilience.KindPermanent, Code: strconv.Itoa(s.Response.Status), Answered: true}
	switch {
	case s.Response.Code == "Throttling":
		v.Kind = resilience.KindThrottled
	case slices.Contains([]int{500, 502, 503, 504}, s.Response.Status):
		v.Kind = resilience.KindTransient
	}
	if after, ok := s.hint(); ok {
		v.After, v.HasAfter = after, true
	}
	return resilience.WithVerdict(errors.New("status "+v.Code), v)
}

// hint reads the wait that the answer asks for.
func (s step) hint() (time.Duration, bool) {
	if s.Response.RetryAfter == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(*s.Response.RetryAfter, 10, 32)
	return time.Duration(n) * time.Millisecond, err == nil
}

// check compares what came after the answer with what should.
func (s step) check(t *testing.T, number int, outcome string, waited time.Duration, left float64, drawn bool) {
	t.Helper()
	if outcome != s.Want.Outcome {
		t.Errorf("step %d: outcome %s, want %s", number, outcome, s.Want.Outcome)
	}
	if s.Want.Quota != nil && left != *s.Want.Quota {
		t.Errorf("step %d: quota %v, want %v", number, left, *s.Want.Quota)
	}
	var want time.Duration
	if s.Want.Delay != nil {
		want = ms(*s.Want.Delay)
	}
	if _, hinted := s.hint(); (drawn || hinted || outcome != "retry") && waited != want {
		t.Errorf("step %d: waited %v, want %v", number, waited, want)
	}
}

// runScript plays the answers of a script to a policy, call after call, in a bubble whose clock shows each wait.
func runScript(t *testing.T, c casetest.Case) {
	t.Helper()
	var in script
	c.Decode(t, &in)
	synctest.Test(t, func(t *testing.T) {
		quota, err := budget.NewQuota(in.Config.Tokens, budget.QuotaConfig{
			Cost: in.Config.Cost, ThrottledCost: in.Config.ThrottleCost, FirstSuccess: in.Config.FirstSuccess,
		})
		if err != nil {
			t.Fatal(err)
		}
		cfg := retry.Config{
			MaxAttempts: in.Config.MaxAttempts,
			Backoff:     retry.Exponential{Base: ms(in.Config.Base), Throttled: ms(in.Config.ThrottleBase), Cap: ms(in.Config.Cap)},
			Budget:      quota, HintCap: ms(in.Config.HintCap), HintRule: retry.Clamp, Polling: in.Config.Polling,
		}
		if in.Config.U != nil {
			cfg.Rand = func() float64 { return *in.Config.U }
		}
		p, err := retry.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		next := 0
		for next < len(in.Steps) {
			first := next
			var answered time.Time
			err := retry.Run(t.Context(), p, func(context.Context) error {
				if next == len(in.Steps) {
					t.Fatalf("attempt after the last step")
				}
				if next > first {
					in.Steps[next-1].check(t, next-1, "retry", time.Since(answered), quota.Balance(), in.Config.U != nil)
				}
				answered = time.Now()
				next++
				return in.Steps[next-1].fails()
			})
			in.Steps[next-1].check(t, next-1, outcome(err), time.Since(answered), quota.Balance(), true)
		}
	})
}

// outcome names the end of a call as the scripts do.
func outcome(err error) string {
	switch {
	case err == nil:
		return "success"
	case errors.Is(err, retry.ErrMaxAttempts):
		return "max_attempts"
	case errors.Is(err, retry.ErrBudget):
		return "quota_exceeded"
	case errors.Is(err, retry.ErrPermanent):
		return "fail"
	default:
		return err.Error()
	}
}

// runThrottling plays a case of grpc_throttling.json.
func runThrottling(t *testing.T, c casetest.Case) {
	t.Helper()
	var in struct {
		Config struct {
			MaxAttempts int     `json:"max_attempts"`
			MaxTokens   int     `json:"max_tokens"`
			TokenRatio  float64 `json:"token_ratio"`
			Retryable   []string
			Delay       float64 `json:"delay_ms"`
		}
		Steps []struct {
			Server []string
			Want   struct {
				Code     string
				Attempts int
				Tokens   float64
			}
		}
	}
	c.Decode(t, &in)
	tokens, err := budget.NewToken(in.Config.MaxTokens, in.Config.TokenRatio)
	if err != nil {
		t.Fatal(err)
	}
	p, err := retry.New(retry.Config{
		MaxAttempts: in.Config.MaxAttempts, Backoff: retry.Fixed{Base: ms(in.Config.Delay)}, Budget: tokens,
	})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		for i, step := range in.Steps {
			attempts, code := 0, ""
			_ = retry.Run(t.Context(), p, func(context.Context) error { // code says how it ended
				if attempts == len(step.Server) {
					t.Fatalf("step %d: more attempts than the server answers", i+1)
				}
				code = step.Server[attempts]
				attempts++
				switch {
				case code == "OK":
					return nil
				case slices.Contains(in.Config.Retryable, code):
					return resilience.WithVerdict(errors.New(code), resilience.Verdict{Kind: resilience.KindTransient, Code: code})
				default:
					return resilience.Permanent(errors.New(code))
				}
			})
			if code != step.Want.Code || attempts != step.Want.Attempts || tokens.Balance() != step.Want.Tokens {
				t.Errorf("step %d: %s after %d attempts, %v tokens left; want %+v", i+1, code, attempts, tokens.Balance(), step.Want)
			}
		}
	})
}

// runAmplification runs a case of amplification.json.
func runAmplification(t *testing.T, c casetest.Case) {
	t.Helper()
	var in struct {
		Kind             string
		Layers, Attempts int
		Guard            string
		Calls            int
		Budget           string
		Config           struct {
			MaxTokens  int     `json:"max_tokens"`
			TokenRatio float64 `json:"token_ratio"`
			Tokens     int
			Cost       float64
			Ratio      float64
			PerSecond  float64 `json:"min_per_second"`
		}
		Want struct {
			LeafCalls int `json:"leaf_calls"`
			Attempts  int
		}
	}
	c.Decode(t, &in)
	var shared retry.Budget
	var err error
	switch in.Kind + " " + in.Budget {
	case "nested ":
		nesting := map[string]retry.Nesting{"off": retry.Off, "lazy": retry.Lazy, "eager": retry.Eager}
		if got := leafCalls(t, in.Layers, in.Attempts, nesting[in.Guard]); got != in.Want.LeafCalls {
			t.Errorf("%d leaf calls, want %d", got, in.Want.LeafCalls)
		}
		return
	case "outage none":
	case "outage token":
		shared, err = budget.NewToken(in.Config.MaxTokens, in.Config.TokenRatio)
	case "outage quota":
		shared, err = budget.NewQuota(in.Config.Tokens, budget.QuotaConfig{Cost: in.Config.Cost})
	case "outage ratio":
		shared, err = budget.NewRatio(time.Minute, in.Config.PerSecond, in.Config.Ratio)
	default:
		t.Fatalf("unknown kind %q with budget %q", in.Kind, in.Budget)
	}
	if err != nil {
		t.Fatal(err)
	}
	// In a bubble, the clock of the ratio budget stands still while calls are made.
	synctest.Test(t, func(t *testing.T) {
		got := storm.Outage(storm.OutageConfig{Calls: in.Calls, MaxAttempts: in.Attempts, Budget: shared})
		if got != in.Want.Attempts {
			t.Errorf("%d attempts, want %d", got, in.Want.Attempts)
		}
	})
}

// leafCalls returns how often the innermost function runs, which always fails, below so many policies.
func leafCalls(t *testing.T, layers, attempts int, nesting retry.Nesting) int {
	t.Helper()
	calls := 0
	fn := func(context.Context) error {
		calls++
		return errors.New("down")
	}
	for range layers {
		p, err := retry.New(retry.Config{MaxAttempts: attempts, Backoff: retry.Fixed{}, Nested: nesting})
		if err != nil {
			t.Fatal(err)
		}
		inner := fn
		fn = func(ctx context.Context) error { return retry.Run(ctx, p, inner) }
	}
	if err := fn(t.Context()); err == nil {
		t.Error("no error")
	}
	return calls
}

// closedForm is how many leaf calls there should be.
func closedForm(layers, attempts int, nesting retry.Nesting) int {
	switch nesting {
	case retry.Lazy:
		return attempts + (layers-1)*(attempts-1)
	case retry.Eager:
		return attempts
	default:
		return int(math.Pow(float64(attempts), float64(layers)))
	}
}

// Invariant: resilience R7.
func TestGuardedLayersAddUpInsteadOfMultiplying(t *testing.T) {
	for _, nesting := range []retry.Nesting{retry.Lazy, retry.Eager, retry.Off} {
		for layers := 1; layers <= 5; layers++ {
			for attempts := 1; attempts <= 5; attempts++ {
				want := closedForm(layers, attempts, nesting)
				if got := leafCalls(t, layers, attempts, nesting); got != want {
					t.Errorf("nesting %d, %d layers of %d attempts: %d leaf calls, want %d", nesting, layers, attempts, got, want)
				}
			}
		}
	}
}
