package breaker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tenon-go/tenon/resilience/breaker"
)

// commanded returns a breaker that was put into a state.
func commanded(tb testing.TB, cfg breaker.Config, to breaker.State) *breaker.Breaker {
	tb.Helper()
	b := made(tb, cfg)
	for _, s := range []breaker.State{breaker.ForcedOpen, to} {
		if err := b.Command(s); err != nil {
			tb.Fatal(err)
		}
	}
	return b
}

// TestCallsAllocateNothing holds for calls through *Breaker, in every state.
func TestCallsAllocateNothing(t *testing.T) {
	for state := breaker.Closed; state <= breaker.MetricsOnly; state++ {
		outcomes := []breaker.Outcome{breaker.Excluded, breaker.Unused, breaker.Success, breaker.Failure}
		if state == breaker.HalfOpen {
			outcomes = outcomes[:2] // the others end it
		}
		for _, o := range outcomes {
			plain := commanded(t, never(breaker.Config{ProbeMaxWait: -1}), state)
			timed := commanded(t, never(breaker.Config{ProbeMaxWait: -1, SlowCall: 1 << 60}), state)
			for _, b := range []*breaker.Breaker{plain, timed} {
				if got := testing.AllocsPerRun(100, func() {
					if ticket, err := b.Allow(); err == nil {
						b.Record(ticket, o)
					}
				}); got != 0 {
					t.Errorf("%v, %v: %v allocations", state, o, got)
				}
			}
		}
	}
}

func TestRefusalsThroughEngineAllocateNothing(t *testing.T) {
	var e breaker.Engine = commanded(t, breaker.Config{}, breaker.Open)
	if got := testing.AllocsPerRun(100, func() {
		if _, err := e.Allow(); err == nil {
			t.Error("not refused")
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestDoAllocatesNothing(t *testing.T) {
	b, ctx := made(t, never(breaker.Config{})), context.Background()
	for _, want := range []error{nil, errors.New("down")} {
		fn := func(context.Context) (int, error) { return 1, want }
		if got := testing.AllocsPerRun(100, func() {
			if _, err := breaker.Do(ctx, b, fn); err != want { //nolint:errorlint // the very same
				t.Error(err)
			}
		}); got != 0 {
			t.Errorf("with %v: %v allocations", want, got)
		}
	}
}
