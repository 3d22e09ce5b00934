package resilience_test

import (
	"encoding/json"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
	"github.com/tenon-go/tenon/resilience/storm"
)

// runners says how to run the cases of a file.
func runners() map[string]func(*testing.T, casetest.Case) {
	return map[string]func(*testing.T, casetest.Case){
		"amplification.json":    runAmplification,
		"aws_retry2026.json":    runScript,
		"backoff_numbers.json":  runBackoff,
		"budget_ratio.json":     runBudgetRatio,
		"grpc_throttling.json":  runThrottling,
		"jitter_simulator.json": runJitter,
		"retry_after.json":      runRetryAfter,
	}
}

// TestCases runs the third-party cases that are about retries. Those of breakers and bulkheads run in their packages; no package has idempotency
// keys for idempotency_key.json.
func TestCases(t *testing.T) {
	byFile := runners()
	ours := func(name string) bool { return name != "breaker_transitions.json" && name != "limits.json" }
	casetest.RunIf(t, "resilience", ours, func(t *testing.T, c casetest.Case) bool {
		t.Helper()
		run, ok := byFile[c.File]
		if ok {
			run(t, c)
		}
		return ok
	})
}

func runRetryAfter(t *testing.T, c casetest.Case) {
	t.Helper()
	var doc struct{ Now time.Time }
	if err := json.Unmarshal(c.Doc, &doc); err != nil {
		t.Fatal(err)
	}
	var in struct {
		Lines []string
		Want  json.RawMessage
	}
	c.Decode(t, &in)
	got, ok := retry.ParseRetryAfter(in.Lines, doc.Now)
	var want time.Duration
	switch string(in.Want) {
	case `"invalid"`:
		if ok || got != 0 {
			t.Errorf("got %v, %v; want invalid", got, ok)
		}
		return
	case `"max"`:
		want = math.MaxInt64
	default:
		var w struct{ Seconds int64 }
		if err := json.Unmarshal(in.Want, &w); err != nil {
			t.Fatal(err)
		}
		want = time.Duration(w.Seconds) * time.Second
	}
	if !ok || got != want {
		t.Errorf("got %v, %v; want %v", got, ok, want)
	}
}

// ms returns milliseconds as a duration.
func ms(x float64) time.Duration { return time.Duration(math.Round(x * float64(time.Millisecond))) }

func runBackoff(t *testing.T, c casetest.Case) {
	t.Helper()
	var in struct {
		Backoff, Jitter string
		Base            float64 `json:"base_ms"`
		Step            float64 `json:"step_ms"`
		Cap             float64 `json:"cap_ms"`
		Factor, Part, U float64
		Retry           int
		WantMS          float64 `json:"want_ms"`
		Want            string
	}
	c.Decode(t, &in)
	var jitter retry.Jitter
	switch in.Jitter {
	case "none":
		jitter = retry.None
	case "proportional":
		jitter = retry.Proportional(in.Part)
	default:
		t.Fatalf("unknown jitter %q", in.Jitter)
	}
	var b retry.Backoff
	switch in.Backoff {
	case "constant":
		b = retry.Fixed{Base: ms(in.Base), Cap: ms(in.Cap), Jitter: jitter}
	case "linear":
		b = retry.Linear{Base: ms(in.Base), Step: ms(in.Step), Cap: ms(in.Cap), Jitter: jitter}
	case "exponential":
		b = retry.Exponential{Base: ms(in.Base), Factor: in.Factor, Cap: ms(in.Cap), Jitter: jitter}
	default:
		t.Fatalf("unknown backoff %q", in.Backoff)
	}
	want := ms(in.WantMS)
	if in.Want == "max" {
		want = math.MaxInt64
	}
	if got := b.Delay(retry.Step{Retry: in.Retry, U: in.U}); (got - want).Abs() >= time.Microsecond {
		t.Errorf("got %v, want %v", got, want)
	}
}

// ratioCase is a case of budget_ratio.json.
type ratioCase struct {
	Config struct {
		TTL       float64 `json:"ttl_s"`
		PerSecond float64 `json:"min_per_second"`
		Ratio     float64
	}
	Requests     int
	DepositsOnly bool `json:"deposits_only"`
	Want         json.RawMessage
}

func runBudgetRatio(t *testing.T, c casetest.Case) {
	t.Helper()
	var in ratioCase
	c.Decode(t, &in)
	synctest.Test(t, func(t *testing.T) { // time stands still
		b, err := budget.NewRatio(time.Duration(in.Config.TTL*float64(time.Second)), in.Config.PerSecond, in.Config.Ratio)
		switch want := string(in.Want); {
		case want == `"error"`:
			if err == nil {
				t.Error("not refused")
			}
		case err != nil:
			t.Error(err)
		case want == `"never"`:
			if _, ok := b.Charge(retry.Charge{Attempt: 1}); ok {
				t.Error("allowed")
			}
		default:
			in.check(t, b)
		}
	})
}

// check makes the requests of a case.
func (in ratioCase) check(t *testing.T, b *budget.Ratio) {
	t.Helper()
	var want struct {
		Start           float64  `json:"balance_at_start"`
		End             *float64 `json:"balance_at_end"`
		Retries, Within int
	}
	if err := json.Unmarshal(in.Want, &want); err != nil {
		t.Fatal(err)
	}
	if got := math.Floor(b.Balance()); got != want.Start {
		t.Errorf("balance at start %v, want %v", got, want.Start)
	}
	retries := 0
	for range in.Requests {
		if in.DepositsOnly {
			b.Settle(1, 0)
		} else if _, ok := b.Charge(retry.Charge{Attempt: 1}); ok {
			retries++
		}
	}
	if want.End != nil && math.Floor(b.Balance()) != *want.End {
		t.Errorf("balance at end %v, want %v", b.Balance(), *want.End)
	}
	if retries < want.Retries-want.Within || retries > want.Retries+want.Within {
		t.Errorf("%d retries, want %d within %d", retries, want.Retries, want.Within)
	}
}

func runJitter(t *testing.T, c casetest.Case) {
	t.Helper()
	var doc struct {
		Model struct {
			Runs      int
			Base, Cap float64
		}
	}
	if err := json.Unmarshal(c.Doc, &doc); err != nil {
		t.Fatal(err)
	}
	var in struct {
		Clients int
		Jitter  string
		Want    struct {
			Calls       float64 `json:"calls_mean"`
			CallsWithin float64 `json:"calls_within"`
			Time        float64 `json:"time_mean"`
			TimeWithin  float64 `json:"time_within"`
		}
	}
	c.Decode(t, &in)
	got := storm.Contend(storm.ContendConfig{
		Clients: in.Clients, Runs: doc.Model.Runs, Backoff: strategy(t, in.Jitter),
		Base: ms(doc.Model.Base), Cap: ms(doc.Model.Cap), Seed: 1,
	})
	if d := math.Abs(got.Calls - in.Want.Calls); d > in.Want.CallsWithin || d > 0.1*in.Want.Calls {
		t.Errorf("%.1f calls, want %.1f within %.1f", got.Calls, in.Want.Calls, in.Want.CallsWithin)
	}
	if took := float64(got.Time) / float64(time.Millisecond); math.Abs(took-in.Want.Time) > in.Want.TimeWithin {
		t.Errorf("%.0f ms, want %.0f within %.0f", took, in.Want.Time, in.Want.TimeWithin)
	}
}

// strategy finds a strategy by its name.
func strategy(t *testing.T, name string) storm.Strategy {
	t.Helper()
	for s := storm.Full; s <= storm.None; s++ {
		if s.String() == name {
			return s
		}
	}
	t.Fatalf("unknown strategy %q", name)
	return 0
}
