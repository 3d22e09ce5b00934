package breaker_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience/breaker"
)

// rolling has ten buckets of a second, and trips at half of four calls.
func rolling() breaker.Config { return breaker.Config{MinCalls: 4, OpenJitter: -1} }

// fixed has one bucket of ten seconds.
func fixed() breaker.Config { return breaker.Config{MinCalls: 4, Buckets: 1, OpenJitter: -1} }

// never is a config under which only commands open the breaker.
func never(cfg breaker.Config) breaker.Config {
	cfg.FailureRatio = -1
	return cfg
}

// rule is a sentence about a breaker of cfg, and what shows it.
type rule struct {
	rule string
	cfg  breaker.Config
	run  func(b box)
}

// hold runs rules.
func hold(t *testing.T, rules []rule) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.rule, func(t *testing.T) { bubble(t, r.cfg, r.run) })
	}
}

func TestWindow(t *testing.T) {
	hold(t, []rule{
		{"a result counts in the bucket of its Allow", rolling(), func(b box) {
			b.sleep(900 * time.Millisecond) // bucket 0
			slow := b.allow()
			b.sleep(5 * time.Second)
			b.calls("S") // bucket 5
			b.record(slow, 'F')
			b.counted(breaker.Counts{Successes: 1, Failures: 1, ConsecutiveFailures: 1})
			b.sleep(4100*time.Millisecond - 1)
			b.counted(breaker.Counts{Successes: 1, Failures: 1, ConsecutiveFailures: 1})
			b.sleep(1)
			b.counted(breaker.Counts{Successes: 1})
		}},
		{"a result is late when its bucket is gone", rolling(), func(b box) {
			slow := b.allow()
			b.calls("S")
			b.sleep(9 * time.Second)
			b.calls("S")
			b.sleep(time.Second)
			b.record(slow, 'F')
			b.counted(breaker.Counts{Successes: 1})
			b.late(1)
		}},
		{"a result of a window that rests counts while its bucket is there", rolling(), func(b box) {
			slow := b.allow()
			b.sleep(9 * time.Second) // no result: the timer rests
			b.record(slow, 'F')
			b.counted(breaker.Counts{Failures: 1, ConsecutiveFailures: 1})
			b.sleep(time.Second)
			b.counted(breaker.Counts{})
			b.late(0)
		}},
		{"a result of a window that rests is late when its bucket is gone", rolling(), func(b box) {
			slow := b.allow()
			b.sleep(10 * time.Second)
			b.record(slow, 'S')
			b.counted(breaker.Counts{})
			b.late(1)
		}},
		{"whichever bucket that was, and however long the window rested", rolling(), func(b box) {
			b.calls("S")
			b.sleep(time.Second)
			slow := b.allow() // bucket 1
			b.sleep(9 * time.Second)
			b.counted(breaker.Counts{})
			b.sleep(10 * time.Second) // the first bucket of the window is now 11
			b.record(slow, 'F')
			b.counted(breaker.Counts{})
			b.late(1)
		}},
		{"rolling buckets align with the start of the epoch, after idleness too", rolling(), func(b box) {
			b.sleep(123456 * time.Millisecond)
			b.calls("F")
			b.sleep(9543*time.Millisecond + 999*time.Microsecond)
			b.counted(breaker.Counts{Failures: 1, ConsecutiveFailures: 1})
			b.sleep(time.Microsecond) // 133 s
			b.counted(breaker.Counts{})
		}},
		{"a single bucket begins with the epoch", fixed(), func(b box) {
			b.sleep(9 * time.Second)
			b.calls("F")
			b.sleep(time.Second)
			b.counted(breaker.Counts{})
		}},
		{"and then with the first Allow after it lapsed", fixed(), func(b box) {
			b.calls("F")
			b.sleep(14 * time.Second)
			b.calls("F") // from 14 s to 24 s
			b.sleep(9 * time.Second)
			b.calls("S")
			b.counted(breaker.Counts{Successes: 1, Failures: 1})
			b.sleep(time.Second)
			b.counted(breaker.Counts{})
		}},
		{"or the first Record", fixed(), func(b box) {
			slow := b.allow()
			b.sleep(14 * time.Second)
			b.record(slow, 'F')
			b.late(1)
			b.sleep(9 * time.Second)
			b.calls("F")
			b.sleep(time.Second)
			b.counted(breaker.Counts{})
		}},
	})
}

func TestConsecutiveFailures(t *testing.T) {
	hold(t, []rule{
		{"the run of failures is the trailing one", never(rolling()), func(b box) {
			b.calls("FSFFXF")
			b.counted(breaker.Counts{Successes: 1, Failures: 4, Excluded: 1, ConsecutiveFailures: 3})
			b.calls("S")
			b.counted(breaker.Counts{Successes: 2, Failures: 4, Excluded: 1})
		}},
		{"and only inside the window", never(rolling()), func(b box) {
			b.calls("FF")
			b.sleep(time.Second)
			b.calls("FFF")
			b.sleep(9 * time.Second)
			b.counted(breaker.Counts{Failures: 3, ConsecutiveFailures: 3})
			b.sleep(time.Second)
			b.calls("F")
			b.counted(breaker.Counts{Failures: 1, ConsecutiveFailures: 1})
		}},
		{"a success that lapsed still interrupts the run", never(rolling()), func(b box) {
			b.calls("F")
			b.sleep(time.Second)
			slow := b.allow() // bucket 1
			b.sleep(7 * time.Second)
			b.calls("F") // bucket 8
			b.record(slow, 'S')
			b.calls("F")
			b.sleep(3 * time.Second)
			b.counted(breaker.Counts{Failures: 2, ConsecutiveFailures: 1})
		}},
	})
}

func TestTrip(t *testing.T) {
	slow := breaker.Config{MinCalls: 4, FailureRatio: -1, SlowCall: time.Second, SlowRatio: 0.75}
	hold(t, []rule{
		{"by default at half of 20 calls", breaker.Config{}, func(b box) {
			b.calls(strings.Repeat("F", 19))
			b.in(breaker.Closed)
			b.calls("F")
			b.in(breaker.Open)
		}},
		{"needs MinCalls successes and failures, exclusions aside", rolling(), func(b box) {
			b.calls("FFFXXU")
			b.in(breaker.Closed)
			b.calls("F")
			b.in(breaker.Open)
		}},
		{"needs the ratio", breaker.Config{MinCalls: 4, FailureRatio: 0.6}, func(b box) {
			b.calls("SSFFF"[:4])
			b.in(breaker.Closed)
			b.calls("F")
			b.in(breaker.Open)
		}},
		{"at the ratio as it is written", breaker.Config{MinCalls: 100, FailureRatio: 0.07}, func(b box) {
			b.calls(strings.Repeat("S", 93) + strings.Repeat("F", 6))
			b.in(breaker.Closed)
			b.calls("F")
			b.in(breaker.Open)
		}},
		{"is judged on failures, not on successes", rolling(), func(b box) {
			b.calls("FFFS") // three of four
			b.in(breaker.Closed)
			b.calls("X")
			b.in(breaker.Closed)
			b.calls("F")
			b.in(breaker.Open)
		}},
		{"by a run, whatever the ratio", breaker.Config{ConsecutiveFailures: 3}, func(b box) {
			b.calls("FFSFF")
			b.in(breaker.Closed)
			b.calls("F")
			b.in(breaker.Open)
		}},
		{"not by the ratio when that is off", never(breaker.Config{ConsecutiveFailures: 30}), func(b box) {
			b.calls(strings.Repeat("F", 29))
			b.in(breaker.Closed)
			b.calls("F")
			b.in(breaker.Open)
		}},
		{"by slow calls, which count as what they were too", slow, func(b box) {
			b.timed("S", time.Second-1)
			b.timed("SSS", time.Second)
			b.in(breaker.Open) // three of four
		}},
		{"slow exclusions are not counted as slow", slow, func(b box) {
			b.timed("XXXXSUS", time.Second)
			b.counted(breaker.Counts{Successes: 2, Excluded: 4, Slow: 2})
		}},
		{"slow failures count", slow, func(b box) {
			b.timed("FF", time.Second)
			b.calls("S")
			b.counted(breaker.Counts{Successes: 1, Failures: 2, Slow: 2})
			b.timed("F", time.Minute) // alone in its window
			b.in(breaker.Closed)
		}},
	})
}

// timed makes calls that take d each.
func (b box) timed(script string, d time.Duration) {
	b.t.Helper()
	for _, letter := range script {
		ticket := b.allow()
		b.sleep(d)
		b.record(ticket, letter)
	}
}

func TestHalfOpen(t *testing.T) {
	three := breaker.Config{MinCalls: 4, Probes: 3, ProbeMaxWait: time.Minute}
	for _, tt := range []rule{
		{"closes when Probes succeeded", three, func(b box) {
			b.calls("SXS")
			b.in(breaker.HalfOpen)
			b.counted(breaker.Counts{Successes: 2, Excluded: 1})
			b.calls("S")
			b.in(breaker.Closed)
			b.counted(breaker.Counts{})
		}},
		{"opens when one fails", three, func(b box) {
			b.calls("SSF")
			b.in(breaker.Open)
		}},
		{"opens when one is slow", breaker.Config{MinCalls: 4, SlowCall: time.Second}, func(b box) {
			b.timed("S", time.Second)
			b.in(breaker.Open)
		}},
		{"opens when a probe outlasts ProbeMaxWait", three, func(b box) {
			hung := b.allow()
			b.sleep(time.Minute - 1)
			b.in(breaker.HalfOpen)
			b.sleep(1)
			b.in(breaker.Open)
			b.record(hung, 'S')
			b.in(breaker.Open)
			b.late(1)
		}},
		{"for OpenFor, if nothing else is said", rolling(), func(b box) {
			b.allow()
			b.sleep(5*time.Second - 1)
			b.in(breaker.HalfOpen)
			b.sleep(1)
			b.in(breaker.Open)
		}},
		{"stays when ProbeMaxWait is off", breaker.Config{MinCalls: 4, ProbeMaxWait: -1}, func(b box) {
			hung := b.allow()
			b.sleep(240 * time.Hour)
			b.in(breaker.HalfOpen)
			if refused := b.calls("S"); refused != 1 {
				b.t.Error("a call passed beside the only probe")
			}
			b.record(hung, 'S')
			b.in(breaker.Closed)
		}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			bubble(t, tt.cfg, func(b box) {
				b.calls("FFFF")
				if tt.cfg.SlowCall > 0 {
					b.command(breaker.Open)
				}
				b.sleep(5 * time.Second)
				b.in(breaker.HalfOpen)
				tt.run(b)
			})
		})
	}
}

func TestOpenForGrowsUntilClosed(t *testing.T) {
	cfg := breaker.Config{MinCalls: 1, OpenFor: 2 * time.Second, OpenMax: 15 * time.Second, OpenGrowth: 3, OpenJitter: -1}
	bubble(t, cfg, func(b box) {
		b.calls("F")
		for _, open := range []time.Duration{2 * time.Second, 6 * time.Second, 15 * time.Second, 15 * time.Second} {
			b.sleep(open - 1)
			b.in(breaker.Open)
			b.sleep(1)
			b.in(breaker.HalfOpen)
			b.calls("F")
			b.in(breaker.Open)
		}
		b.sleep(15 * time.Second)
		b.calls("S")
		b.in(breaker.Closed)
		b.calls("F")
		b.sleep(2 * time.Second)
		b.in(breaker.HalfOpen)
		b.sleep(2 * time.Second) // nobody probes: another return
		b.in(breaker.Open)
		b.sleep(6 * time.Second)
		b.in(breaker.HalfOpen)
	})
}

func TestOpenForHasJitter(t *testing.T) {
	for u, want := range map[float64]time.Duration{0: 9 * time.Second, 0.5: 10 * time.Second, 0.75: 10500 * time.Millisecond} {
		cfg := breaker.Config{MinCalls: 1, OpenFor: 10 * time.Second, OpenMax: 10 * time.Second, OpenJitter: 0.1, Rand: func() float64 { return u }}
		bubble(t, cfg, func(b box) {
			start := time.Now()
			b.calls("F")
			_, err := b.Allow()
			refusal, _ := errors.AsType[*breaker.OpenError](err)
			if got := refusal.Until.Sub(start); got != want {
				t.Errorf("with %v: open for %v, want %v", u, got, want)
			}
			b.sleep(want - 1)
			b.in(breaker.Open)
			b.sleep(1)
			b.in(breaker.HalfOpen)
		})
	}
}

func TestRefusalIsReadyMade(t *testing.T) {
	bubble(t, breaker.Config{Name: "search", MinCalls: 1}, func(b box) {
		b.calls("F")
		_, err := b.Allow()
		_, again := b.Allow()
		if err != again { //nolint:errorlint // the very same
			t.Error("two refusals are two errors")
		}
		refusal, _ := errors.AsType[*breaker.OpenError](err)
		b.sleep(3 * time.Second)
		if got := refusal.RetryAfter(); got != 2*time.Second {
			t.Errorf("retry after %v, want 2s", got)
		}
		b.sleep(time.Hour)
		if got := refusal.RetryAfter(); got != 0 {
			t.Errorf("retry after %v, want 0", got)
		}
		if want := "breaker: search: open until 2000-01-01T00:00:05Z"; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	})
	bubble(t, breaker.Config{MinCalls: 1}, func(b box) {
		b.calls("F")
		b.sleep(5 * time.Second)
		b.allow()
		_, probing := b.Allow()
		b.command(breaker.ForcedOpen)
		_, forced := b.Allow()
		got := []string{probing.Error(), forced.Error()}
		if diff := cmp.Diff([]string{"breaker: half-open", "breaker: forced-open"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for _, err := range []error{probing, forced} {
			refusal, ok := errors.AsType[*breaker.OpenError](err)
			if !ok || refusal.RetryAfter() != 0 || refusal.Verdict().HasAfter || !errors.Is(err, breaker.ErrOpen) {
				t.Errorf("%v: want an ErrOpen that does not say how long", err)
			}
		}
	})
}

func TestCallsReadNoClock(t *testing.T) {
	reads := 0
	cfg := breaker.Config{MinCalls: 1, Now: func() time.Time { reads++; return time.Now() }}
	bubble(t, cfg, func(b box) {
		b.calls("S")
		before := reads
		b.calls(strings.Repeat("SXU", 1000))
		b.sleep(time.Hour)
		b.calls("S")
		if reads != before {
			t.Errorf("%d looks at the clock while closed", reads-before)
		}
		b.calls("F")
		before = reads
		b.calls(strings.Repeat("S", 1000))
		if reads != before {
			t.Errorf("%d looks at the clock while open", reads-before)
		}
	})
}

func TestTimerRunsOnlyWhileThereIsSomethingToLapse(t *testing.T) {
	bubble(t, rolling(), func(b box) {
		if breaker.StopTimer(b.Breaker) {
			t.Error("an unused breaker holds a timer")
		}
	})
	for _, cfg := range []breaker.Config{rolling(), fixed()} {
		bubble(t, cfg, func(b box) {
			b.calls("F")
			b.sleep(10*time.Second - 1)
			b.counted(breaker.Counts{Failures: 1, ConsecutiveFailures: 1})
			b.sleep(1)
			b.counted(breaker.Counts{})
			if breaker.StopTimer(b.Breaker) {
				t.Error("an idle window holds a timer")
			}
			b.calls("F")
			if !breaker.StopTimer(b.Breaker) {
				t.Error("the first call after idleness armed no timer")
			}
		})
	}
}

func TestZeroOutcomeAndOthersPanic(t *testing.T) {
	for _, o := range []breaker.Outcome{0, breaker.Unused + 1} {
		b := made(t, breaker.Config{})
		ticket, err := b.Allow()
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Record took %v", o)
				}
			}()
			b.Record(ticket, o)
		}()
	}
}

func TestStatsAreATable(t *testing.T) {
	bubble(t, breaker.Config{MinCalls: 4}, func(b box) {
		b.calls("FFFF")
		b.sleep(5 * time.Second)
		b.calls("X")
		want := strings.Join([]string{
			"state         successes  failures  excluded    slow  in a row    late  since",
			"half-open             0         0         1       0         0       0  2000-01-01T00:00:05Z, until 2000-01-01T00:00:10Z",
			"",
		}, "\n")
		if diff := cmp.Diff(want, b.Stats().String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		synctest.Wait()
	})
}
