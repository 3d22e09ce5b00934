package sonybreaker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/breaker/sonybreaker"
)

// made returns a breaker that trips at three failures in a row, for a minute.
func made(t *testing.T, st gobreaker.Settings, cfg breaker.Config) *sonybreaker.Breaker {
	t.Helper()
	if st.ReadyToTrip == nil {
		st.ReadyToTrip = func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 3 }
	}
	b, err := sonybreaker.New(st, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// call makes a call for each outcome, and fails when one is refused.
func call(t *testing.T, b breaker.Engine, outcomes ...breaker.Outcome) {
	t.Helper()
	for _, o := range outcomes {
		ticket, err := b.Allow()
		if err != nil {
			t.Fatal(err)
		}
		b.Record(ticket, o)
	}
}

// trip opens a breaker.
func trip(t *testing.T, b breaker.Engine) {
	t.Helper()
	call(t, b, breaker.Failure, breaker.Failure, breaker.Failure)
	if b.State() != breaker.Open {
		t.Fatalf("the state is %v, want open", b.State())
	}
}

func TestTimeIsNoticedByTheNextTouchJustAfterTheBoundary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var moved []breaker.State
		b := made(t, gobreaker.Settings{}, breaker.Config{OnChange: func(c breaker.Change) { moved = append(moved, c.To) }})
		trip(t, b)
		time.Sleep(time.Minute)
		if got := b.State(); got != breaker.Open {
			t.Errorf("%v at the boundary, want open", got)
		}
		time.Sleep(time.Hour)
		if !slices.Equal(moved, []breaker.State{breaker.Open}) {
			t.Errorf("moved by itself: %v", moved)
		}
		if got := b.State(); got != breaker.HalfOpen || len(moved) != 2 {
			t.Errorf("%v after a touch, %v reported; want half-open", got, moved)
		}
	})
}

func TestHungProbeHoldsItsPlaceForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, gobreaker.Settings{}, breaker.Config{})
		trip(t, b)
		time.Sleep(time.Minute + 1)
		if _, err := b.Allow(); err != nil { // and nothing more is heard of it
			t.Fatal(err)
		}
		time.Sleep(240 * time.Hour)
		if _, err := b.Allow(); !errors.Is(err, gobreaker.ErrTooManyRequests) || !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("got %v, want ErrTooManyRequests", err)
		}
	})
}

func TestUnusedTicketIsAnExclusion(t *testing.T) {
	b := made(t, gobreaker.Settings{}, breaker.Config{})
	call(t, b, breaker.Unused, breaker.Excluded)
	if got := b.Counts(); got != (breaker.Counts{Excluded: 2}) {
		t.Errorf("counted %+v, want 2 excluded", got)
	}
}

func TestRunOfFailuresCanOutlastItsBuckets(t *testing.T) {
	// Of two failures in the first bucket one is recorded after a success in the second, and then the first bucket lapses.
	jumbled := func(e breaker.Engine) breaker.Counts {
		call(t, e, breaker.Failure)
		early, err := e.Allow()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
		call(t, e, breaker.Success)
		e.Record(early, breaker.Failure)
		time.Sleep(9 * time.Second)
		call(t, e, breaker.Excluded)
		return e.Counts()
	}
	synctest.Test(t, func(t *testing.T) {
		want := breaker.Counts{Successes: 1, Excluded: 1}
		native, err := breaker.New(breaker.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if got := jumbled(native); got != want {
			t.Errorf("native counted %+v, want %+v", got, want)
		}
		want.ConsecutiveFailures = 1 // in a window without a failure
		st := gobreaker.Settings{Interval: 10 * time.Second, BucketPeriod: time.Second}
		if got := jumbled(made(t, st, breaker.Config{})); got != want {
			t.Errorf("gobreaker counted %+v, want %+v", got, want)
		}
	})
}

func TestCallbacksRunUnderNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *sonybreaker.Breaker
		var told []string
		look := func(who string, from, to string) {
			told = append(told, who+" "+from+" to "+to)
			_, _ = b.State(), b.Counts()
			if ticket, err := b.Allow(); err == nil {
				b.Record(ticket, breaker.Unused)
			}
		}
		var tripped breaker.Counts
		b = made(t, gobreaker.Settings{
			Name:          "mail",
			OnStateChange: func(name string, from, to gobreaker.State) { look(name, from.String(), to.String()) },
		}, breaker.Config{OnChange: func(c breaker.Change) {
			look(c.Name, c.From.String(), c.To.String())
			if c.To == breaker.Open {
				tripped = c.Counts
			}
		}})
		call(t, b, breaker.Success)
		trip(t, b)
		if want := (breaker.Counts{Successes: 1, Failures: 3, ConsecutiveFailures: 3}); tripped != want {
			t.Errorf("tripped by %+v, want %+v", tripped, want)
		}
		time.Sleep(time.Minute + 1)
		call(t, b, breaker.Success)
		want := []string{
			"mail closed to open", "mail closed to open", "mail open to half-open", "mail open to half-open",
			"mail half-open to closed", "mail half-open to closed",
		}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

func TestLateResultsAreIgnoredAndOnlyTicketsRecordedTwiceAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := made(t, gobreaker.Settings{}, breaker.Config{})
		early, err := b.Allow()
		if err != nil {
			t.Fatal(err)
		}
		trip(t, b)
		b.Record(early, breaker.Success)
		if got := b.Stats(); got.State != breaker.Open || got.Late != 0 || got.Counts != (breaker.Counts{}) {
			t.Errorf("got %+v, want open, and nothing counted", got)
		}
		b.Record(early, breaker.Success)
		b.Record(breaker.Ticket{}, breaker.Success)
		if got := b.Stats().Late; got != 2 {
			t.Errorf("%d late, want 2", got)
		}
	})
}

func TestNoSlowCallsGrowthJitterAndCommands(t *testing.T) {
	_, err := sonybreaker.New(gobreaker.Settings{
		Name:         "a",
		IsSuccessful: func(error) bool { return true },
		IsExcluded:   func(error) bool { return true },
	}, breaker.Config{
		FailureRatio: 0.5, MinCalls: 1, ConsecutiveFailures: 1, Window: 1, Buckets: 1, SlowCall: 1, SlowRatio: 1, OpenFor: 1, OpenMax: 1,
		OpenGrowth: 1, OpenJitter: 1, Probes: 1, ProbeMaxWait: 1, Name: "b", Now: time.Now, Rand: func() float64 { return 0 },
	})
	if !errors.Is(err, breaker.ErrConfig) {
		t.Fatalf("got %v, want ErrConfig", err)
	}
	var want strings.Builder
	want.WriteString(`sonybreaker: invalid config: Settings.IsSuccessful: want it unset
Settings.IsExcluded: want it unset
Settings.Name "a" and Config.Name "b": want one of them`)
	for field := range strings.FieldsSeq("FailureRatio MinCalls ConsecutiveFailures Window Buckets SlowCall SlowRatio OpenFor OpenMax " +
		"OpenGrowth OpenJitter Probes ProbeMaxWait Now Rand") {
		want.WriteString("\nConfig." + field + ": want it unset")
	}
	if err.Error() != want.String() {
		t.Errorf("got %v\nwant %v", err, want.String())
	}
	var e breaker.Engine = made(t, gobreaker.Settings{}, breaker.Config{})
	if _, ok := e.(breaker.Commander); ok {
		t.Error("it takes commands")
	}
}

func TestDefaultsAreThoseOfGobreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := sonybreaker.New(gobreaker.Settings{Name: "n"}, breaker.Config{})
		if err != nil {
			t.Fatal(err)
		}
		call(t, b, breaker.Failure, breaker.Failure, breaker.Failure, breaker.Failure, breaker.Failure)
		if b.State() != breaker.Closed {
			t.Error("open after five failures")
		}
		call(t, b, breaker.Failure)
		_, err = b.Allow()
		refusal, ok := errors.AsType[*breaker.OpenError](err)
		if !ok || refusal.RetryAfter() != time.Minute || !errors.Is(err, gobreaker.ErrOpenState) {
			t.Errorf("got %v, want to be refused for a minute", err)
		}
	})
}

func TestRecordPanicsOnAnOutcomeThatIsNone(t *testing.T) {
	b := made(t, gobreaker.Settings{}, breaker.Config{})
	ticket, err := b.Allow()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("Record took it")
		}
	}()
	b.Record(ticket, 0)
}

func BenchmarkAllow(b *testing.B) {
	e, err := sonybreaker.New(gobreaker.Settings{Interval: 10 * time.Second, BucketPeriod: time.Second}, breaker.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		ticket, err := e.Allow()
		if err != nil {
			b.Fatal(err)
		}
		e.Record(ticket, breaker.Success)
	}
}
