package sampling_test

import (
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing/sampling"
)

// What a clock said while it was wrong is not waited for.
func TestRatesGoOnAfterTheClockWasAhead(t *testing.T) {
	for _, p := range []sampling.Policy{
		sampling.Rate{Spans: 100}, sampling.Bytes{PerSecond: 40_000}, sampling.Composite{PerSecond: 100, Shares: []sampling.Share{{sampling.Always{}, 1}}},
	} {
		d, source, kept := decider(t, p), seeded(21), 0
		for i := range 20_000 {
			if i == 1000 { // For one decision.
				ask(d, light(randomness(source), 1), time.Hour)
			}
			if ask(d, light(randomness(source), 1), time.Duration(i)*time.Millisecond).kept {
				kept++
			}
		}
		if kept < 1700 || kept > 2500 {
			t.Errorf("%s: kept %d in 20 s at 100 a second", p.Name(), kept)
		}
	}
}

// Callers at once are a little apart: no time may count twice for that.
func TestRatesTakeNoTimeTwice(t *testing.T) {
	for _, p := range []sampling.Policy{sampling.Rate{Spans: 100}, sampling.Composite{PerSecond: 100, Shares: []sampling.Share{{sampling.Always{}, 1}}}} {
		d, source, kept := decider(t, p), seeded(22), 0
		for i := range 20_000 {
			apart := time.Duration(i%2) * 900 * time.Millisecond
			if ask(d, light(randomness(source), 1), time.Duration(i)*time.Millisecond-apart).kept {
				kept++
			}
		}
		if kept > 2300 {
			t.Errorf("%s: kept %d in 20 s at 100 a second", p.Name(), kept)
		}
	}
}

func TestPerKeyGoesOnAfterTheClockWasAhead(t *testing.T) {
	d := decider(t, sampling.PerKey{Keep: 0.1})
	ask := func(name string, after time.Duration) float64 {
		return d.Decide(traceOf(t, span(id(9), 1, 0, named(name))), begin().Add(after)).Threshold.Probability()
	}
	ask("many", 0)
	ask("many", time.Hour) // For one decision.
	rare, many := 0.0, 0.0
	for interval := range 6 {
		for range 100 {
			many = ask("many", time.Duration(interval)*10*time.Second)
		}
		rare = ask("rare", time.Duration(interval)*10*time.Second)
	}
	if rare != 1 || many > 0.11 {
		t.Errorf("a minute later: shares %v of the rare key, %v of the other one", rare, many)
	}
}
