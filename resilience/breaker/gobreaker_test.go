package breaker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience/breaker"
)

// The scenarios of gobreaker's own tests (v2.4.0), told as facts: what is called, and what is counted then.

func TestGobreakerDefaultScenario(t *testing.T) {
	cfg := never(breaker.Config{ConsecutiveFailures: 6, Window: 24 * time.Hour, Buckets: 1, OpenFor: time.Minute, OpenGrowth: 1, ProbeMaxWait: -1})
	bubble(t, cfg, func(b box) {
		b.calls("FFFFF")
		b.in(breaker.Closed)
		b.counted(breaker.Counts{Failures: 5, ConsecutiveFailures: 5})
		b.calls("S")
		b.counted(breaker.Counts{Successes: 1, Failures: 5})
		b.calls("F")
		b.counted(breaker.Counts{Successes: 1, Failures: 6, ConsecutiveFailures: 1})

		b.calls("FFFFF") // six in a row
		b.in(breaker.Open)
		b.counted(breaker.Counts{})
		if refused := b.calls("SF"); refused != 2 {
			t.Errorf("%d of 2 refused", refused)
		}
		b.counted(breaker.Counts{})

		b.sleep(time.Minute - time.Millisecond)
		b.in(breaker.Open)
		b.sleep(time.Second)
		b.in(breaker.HalfOpen)
		b.calls("F")
		b.in(breaker.Open)
		b.sleep(time.Minute + 1)
		b.in(breaker.HalfOpen)
		b.calls("S")
		b.in(breaker.Closed)
		b.counted(breaker.Counts{})
	})
}

func TestGobreakerCustomScenario(t *testing.T) {
	var reports journal
	cfg := breaker.Config{
		Name: "cb", FailureRatio: 0.6, MinCalls: 3, Window: 30 * time.Second, Buckets: 1, OpenFor: 90 * time.Second, OpenGrowth: 1, Probes: 3,
		OnChange: reports.add,
	}
	last := func(want string) {
		t.Helper()
		if all := reports.all(); len(all) == 0 || all[len(all)-1].Name+" "+all[len(all)-1].From.String()+" "+all[len(all)-1].To.String() != want {
			t.Errorf("reported %+v, want %s at last", all, want)
		}
	}
	bubble(t, cfg, func(b box) {
		b.calls("SFXSFXSFXSFXSFX")
		b.in(breaker.Closed)
		b.counted(breaker.Counts{Successes: 5, Failures: 5, Excluded: 5, ConsecutiveFailures: 1})
		b.sleep(30*time.Second - time.Millisecond)
		b.calls("S")
		b.counted(breaker.Counts{Successes: 6, Failures: 5, Excluded: 5})
		b.sleep(time.Second) // over the interval
		b.calls("F")
		b.counted(breaker.Counts{Failures: 1, ConsecutiveFailures: 1})
		b.calls("SF") // two of three
		b.in(breaker.Open)
		b.counted(breaker.Counts{})
		last("cb closed open")

		b.sleep(90*time.Second + 1)
		b.in(breaker.HalfOpen)
		last("cb open half-open")
		b.calls("XXXX")
		b.in(breaker.HalfOpen)
		b.calls("F")
		b.in(breaker.Open)
		b.counted(breaker.Counts{})
		last("cb half-open open")

		b.sleep(90*time.Second + 1)
		b.in(breaker.HalfOpen)
		b.calls("SS")
		b.in(breaker.HalfOpen)
		b.counted(breaker.Counts{Successes: 2})
		later := b.allow()
		b.sleep(50 * time.Millisecond)
		b.counted(breaker.Counts{Successes: 2})
		if _, err := b.Allow(); !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("a fourth probe: %v", err)
		}
		b.record(later, 'S')
		b.in(breaker.Closed)
		b.counted(breaker.Counts{})
		last("cb half-open closed")
	})
}

func TestGobreakerRollingScenario(t *testing.T) {
	cfg := breaker.Config{
		FailureRatio: 0.6, MinCalls: 3, Window: 30 * time.Second, Buckets: 10, OpenFor: 90 * time.Second, OpenGrowth: 1, Probes: 3,
	}
	bubble(t, cfg, func(b box) {
		b.calls("SFXSFXSFXSFXSFX")
		b.counted(breaker.Counts{Successes: 5, Failures: 5, Excluded: 5, ConsecutiveFailures: 1})
		b.sleep(3 * time.Second)
		b.calls("S")
		b.counted(breaker.Counts{Successes: 6, Failures: 5, Excluded: 5})
		b.sleep(2 * time.Second)
		b.calls("SX")
		b.counted(breaker.Counts{Successes: 7, Failures: 5, Excluded: 6})
		b.sleep(2 * time.Second)
		b.calls("XS")
		b.counted(breaker.Counts{Successes: 8, Failures: 5, Excluded: 7})
		b.sleep(2 * time.Second)
		b.calls("F")
		b.counted(breaker.Counts{Successes: 8, Failures: 6, Excluded: 7, ConsecutiveFailures: 1})
		for i := range 6 {
			b.sleep(3 * time.Second)
			b.calls("SF")
			b.counted(breaker.Counts{Successes: 9 + i, Failures: 7 + i, Excluded: 7, ConsecutiveFailures: 1})
		}
		b.sleep(3 * time.Second) // the first bucket goes
		b.calls("F")
		b.counted(breaker.Counts{Successes: 9, Failures: 8, Excluded: 2, ConsecutiveFailures: 2})
		for i := range 5 {
			b.calls("F")
			b.counted(breaker.Counts{Successes: 9, Failures: 9 + i, Excluded: 2, ConsecutiveFailures: 3 + i})
		}
		b.in(breaker.Closed)
		b.calls("F") // 14 of 23
		b.in(breaker.Open)
		b.sleep(90*time.Second + 1)
		b.calls("SS")
		b.in(breaker.HalfOpen)
		b.counted(breaker.Counts{Successes: 2})
		b.calls("S")
		b.in(breaker.Closed)
	})
}

func TestGobreakerGenerationScenario(t *testing.T) {
	bubble(t, never(breaker.Config{Window: 30 * time.Second, Buckets: 1}), func(b box) {
		b.sleep(29 * time.Second)
		b.calls("S")
		later := b.allow()
		b.sleep(500 * time.Millisecond)
		b.counted(breaker.Counts{Successes: 1})
		b.sleep(500 * time.Millisecond)
		b.counted(breaker.Counts{})
		b.sleep(500 * time.Millisecond)
		b.record(later, 'S') // of the generation before
		b.counted(breaker.Counts{})
		b.late(1)
	})
}

func TestGobreakerTwoStepScenario(t *testing.T) {
	cfg := never(breaker.Config{ConsecutiveFailures: 6, OpenFor: time.Minute, OpenGrowth: 1, Probes: 2})
	bubble(t, cfg, func(b box) {
		b.calls("FFFFFSF")
		b.in(breaker.Closed)
		b.calls("FFFFF")
		b.in(breaker.Open)
		if refused := b.calls("SFX"); refused != 3 {
			t.Errorf("%d of 3 refused", refused)
		}
		b.sleep(time.Minute)
		one, two := b.allow(), b.allow()
		if refused := b.calls("SF"); refused != 2 {
			t.Errorf("%d of 2 refused beside two probes", refused)
		}
		b.record(one, 'X')
		b.record(two, 'X')
		b.calls("S")
		b.in(breaker.HalfOpen)
		b.calls("F")
		b.in(breaker.Open)
		b.sleep(time.Minute)
		b.calls("SS")
		b.in(breaker.Closed)
	})
}

// Polly's documentation: with a ratio of 0.1 and at least 3 calls, of ten calls that fail one after the other 3 run and 7 are refused.
func TestPollyScenario(t *testing.T) {
	bubble(t, breaker.Config{FailureRatio: 0.1, MinCalls: 3}, func(b box) {
		if refused := b.calls("FFFFFFFFFF"); refused != 7 {
			t.Errorf("%d of ten calls were refused, want 7", refused)
		}
		b.in(breaker.Open)
	})
}
