package breaker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience/breaker"
)

func TestCommandsLeadEverywhereButThree(t *testing.T) {
	forbidden := map[[2]breaker.State]bool{
		{breaker.Closed, breaker.HalfOpen}:      true,
		{breaker.MetricsOnly, breaker.HalfOpen}: true,
		{breaker.MetricsOnly, breaker.Open}:     true,
	}
	for from := breaker.Closed; from <= breaker.MetricsOnly; from++ {
		for to := breaker.Closed; to <= breaker.MetricsOnly; to++ {
			bubble(t, breaker.Config{Probes: 2}, func(b box) {
				b.enter(from)
				b.calls("S")
				b.sleep(time.Second)
				if forbidden[[2]breaker.State{from, to}] {
					b.refusesCommand(to)
					return
				}
				b.command(to)
				b.in(to)
				b.counted(breaker.Counts{})
			})
		}
	}
	bubble(t, breaker.Config{}, func(b box) {
		if err := b.Command(breaker.MetricsOnly + 1); !errors.Is(err, breaker.ErrTransition) {
			t.Errorf("got %v, want ErrTransition", err)
		}
		b.in(breaker.Closed)
	})
}

// refusesCommand fails unless the command is refused and changes nothing.
func (b box) refusesCommand(to breaker.State) {
	b.t.Helper()
	before := b.Stats()
	err := b.Command(to)
	if want := fmt.Sprintf("breaker: command: %v to %v: not allowed", before.State, to); !errors.Is(err, breaker.ErrTransition) || err.Error() != want {
		b.t.Errorf("got %v, want %s", err, want)
	}
	if diff := cmp.Diff(before, b.Stats()); diff != "" {
		b.t.Errorf("something changed (-want +got):\n%s", diff)
	}
}

func TestCommandIntoTheSameStateBeginsItAnew(t *testing.T) {
	var reports journal
	bubble(t, breaker.Config{Probes: 2, OnChange: reports.add}, func(b box) {
		for _, s := range []breaker.State{breaker.Open, breaker.HalfOpen} { // a whole timer
			b.enter(s)
			b.sleep(4 * time.Second)
			b.command(s)
			b.sleep(4 * time.Second)
			b.in(s)
			b.sleep(time.Second)
			if b.State() == s {
				t.Errorf("%v lasts longer than its timer", s)
			}
		}
		b.enter(breaker.HalfOpen) // all places
		b.allow()
		b.allow()
		b.command(breaker.HalfOpen)
		b.calls("SS")
		b.in(breaker.Closed)
		b.sleep(1500 * time.Millisecond)
		b.calls("SSF")
		b.command(breaker.Closed) // a fresh window, aligned with now
		b.counted(breaker.Counts{})
		b.calls("S")
		b.sleep(9999 * time.Millisecond)
		b.counted(breaker.Counts{Successes: 1})
		b.sleep(time.Millisecond)
		b.counted(breaker.Counts{})
	})
	last := reports.all()[len(reports.all())-1]
	if last.From != breaker.Closed || last.To != breaker.Closed || last.Counts.Successes != 2 || last.Counts.Failures != 1 {
		t.Errorf("reported %+v, want what the window held", last)
	}
}

func TestStatesByCommandStayUntilToldOtherwise(t *testing.T) {
	for _, tt := range []struct {
		state   breaker.State
		refused int
		want    breaker.Counts
	}{
		{breaker.ForcedOpen, 50, breaker.Counts{}},
		{breaker.Disabled, 0, breaker.Counts{}},
		{breaker.MetricsOnly, 0, breaker.Counts{Failures: 50, ConsecutiveFailures: 50}},
	} {
		bubble(t, breaker.Config{MinCalls: 1, ConsecutiveFailures: 1}, func(b box) {
			b.command(tt.state)
			b.sleep(time.Hour)
			if got := b.calls(strings.Repeat("F", 50)); got != tt.refused {
				t.Errorf("%v refused %d of 50, want %d", tt.state, got, tt.refused)
			}
			b.in(tt.state)
			b.counted(tt.want)
			b.late(0)
			b.sleep(time.Hour)
			b.in(tt.state)
			b.counted(breaker.Counts{}) // the window of metrics-only lapses
		})
	}
}

func TestCallbackThatPanicsLosesNoChange(t *testing.T) {
	var reports journal
	cfg := breaker.Config{OnChange: func(c breaker.Change) {
		reports.add(c)
		if c.To == breaker.Open {
			panic("on purpose")
		}
	}}
	bubble(t, cfg, func(b box) {
		func() {
			defer func() {
				if got := recover(); got != "on purpose" {
					t.Errorf("recovered %v", got)
				}
			}()
			b.command(breaker.Open)
		}()
		b.in(breaker.Open)
		b.command(breaker.Closed)
		b.calls("S")
		if diff := cmp.Diff([]string{"closed to open", "open to closed"}, reports.moves()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestReloadKeepsStateCountsAndCallsThatAreOut(t *testing.T) {
	hold(t, []rule{
		{"counts and calls that are out stay", breaker.Config{}, func(b box) {
			b.calls("SSFX")
			out := b.allow()
			b.reload(breaker.Config{MinCalls: 6, Name: "new"}, false)
			b.record(out, 'F')
			b.counted(breaker.Counts{Successes: 2, Failures: 2, Excluded: 1, ConsecutiveFailures: 2})
			b.calls("F")
			b.in(breaker.Closed)
			b.calls("F") // the sixth, under the new MinCalls
			b.in(breaker.Open)
		}},
		{"another window begins the counts anew", breaker.Config{}, func(b box) {
			for _, cfg := range []breaker.Config{{Window: 5 * time.Second}, {Window: 5 * time.Second, Buckets: 5}} {
				b.calls("SSFX")
				out := b.allow()
				b.reload(cfg, true)
				b.counted(breaker.Counts{})
				late := b.Stats().Late
				b.record(out, 'S')
				b.counted(breaker.Counts{})
				b.late(late + 1)
			}
			b.calls("S")
			b.sleep(5 * time.Second)
			b.counted(breaker.Counts{})
		}},
	})
}

func TestReloadOfEachState(t *testing.T) {
	hold(t, []rule{
		{"a running timer stays, the next one is new", breaker.Config{}, func(b box) {
			b.command(breaker.Open)
			b.sleep(4 * time.Second)
			b.reload(breaker.Config{OpenFor: time.Minute, OpenMax: time.Hour, ProbeMaxWait: time.Second}, false)
			b.in(breaker.Open)
			b.sleep(time.Second)
			b.in(breaker.HalfOpen)
			b.calls("F")
			b.in(breaker.Open)
			b.sleep(time.Minute)
			b.in(breaker.Open) // twice a minute, after a return
			b.sleep(time.Minute)
			b.in(breaker.HalfOpen)
		}},
		{"probes that succeeded may be enough now", breaker.Config{}, func(b box) {
			b.reload(breaker.Config{Probes: 3}, false)
			b.enter(breaker.HalfOpen)
			b.calls("SS")
			b.in(breaker.HalfOpen)
			b.reload(breaker.Config{Probes: 2}, false)
			b.in(breaker.Closed)
		}},
		{"places for probes come and go", breaker.Config{}, func(b box) {
			b.enter(breaker.HalfOpen)
			b.allow()
			b.reload(breaker.Config{Probes: 2}, false)
			out := b.allow()
			b.reload(breaker.Config{Probes: 1}, false)
			b.record(out, 'X')
			if refused := b.calls("S"); refused != 1 {
				b.t.Error("a call passed beside the only probe")
			}
		}},
		{"slow calls are looked for from now on", breaker.Config{}, func(b box) {
			b.calls("S")
			out := b.allow()
			b.reload(breaker.Config{SlowCall: time.Second, MinCalls: 3}, false)
			b.sleep(time.Second)
			b.record(out, 'S') // nobody knows when it began
			b.timed("S", time.Second)
			b.counted(breaker.Counts{Successes: 3, Slow: 1})
			out = b.allow()
			b.reload(breaker.Config{}, false)
			b.sleep(time.Second)
			b.record(out, 'S')
			b.counted(breaker.Counts{Successes: 4, Slow: 1})
		}},
		{"a bad config changes nothing", breaker.Config{}, func(b box) {
			b.calls("S")
			before := b.Stats()
			if _, err := b.Reload(breaker.Config{Probes: -1, Window: time.Minute}); !errors.Is(err, breaker.ErrConfig) {
				b.t.Errorf("got %v, want ErrConfig", err)
			}
			if diff := cmp.Diff(before, b.Stats()); diff != "" || b.Config().Window != 10*time.Second {
				b.t.Errorf("something changed (-want +got):\n%s", diff)
			}
		}},
	})
}

// reload replaces the config, without jitter.
func (b box) reload(cfg breaker.Config, restarted bool) {
	b.t.Helper()
	cfg.OpenJitter = -1
	got, err := b.Reload(cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	if got != restarted {
		b.t.Errorf("the counts begin anew: %v, want %v", got, restarted)
	}
}
