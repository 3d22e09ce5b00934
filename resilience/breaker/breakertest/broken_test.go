package breakertest_test

import (
	"errors"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/breaker/breakertest"
)

// native makes the engine that is right.
func native(t *testing.T, cfg breaker.Config) *breaker.Breaker {
	t.Helper()
	b, err := breaker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNativeEngine(t *testing.T) {
	breakertest.Run(t, func(t *testing.T, cfg breaker.Config) breaker.Engine {
		t.Helper()
		return native(t, cfg)
	})
}

// altered is an engine with some of its methods replaced.
type altered struct {
	*breaker.Breaker
	allow  func(*breaker.Breaker) (breaker.Ticket, error)
	record func(*breaker.Breaker, breaker.Ticket, breaker.Outcome)
	counts func(*breaker.Breaker) breaker.Counts
	state  func(*breaker.Breaker) breaker.State
}

func (a altered) Allow() (breaker.Ticket, error) {
	if a.allow != nil {
		return a.allow(a.Breaker)
	}
	return a.Breaker.Allow()
}

func (a altered) Record(t breaker.Ticket, o breaker.Outcome) {
	if a.record != nil {
		a.record(a.Breaker, t, o)
		return
	}
	a.Breaker.Record(t, o)
}

func (a altered) Counts() breaker.Counts {
	if a.counts != nil {
		return a.counts(a.Breaker)
	}
	return a.Breaker.Counts()
}

func (a altered) State() breaker.State {
	if a.state != nil {
		return a.state(a.Breaker)
	}
	return a.Breaker.State()
}

// fault is an engine that breaks a rule, and the rules that must notice. Scripts are named where random calls alone find it.
type fault struct {
	make  func(t *testing.T, cfg breaker.Config) breaker.Engine
	found []string
}

// configured is the right engine under another config.
func configured(change func(*breaker.Config)) func(*testing.T, breaker.Config) breaker.Engine {
	return func(t *testing.T, cfg breaker.Config) breaker.Engine {
		t.Helper()
		change(&cfg)
		return native(t, cfg)
	}
}

// with is the right engine with other methods.
func with(a altered) func(*testing.T, breaker.Config) breaker.Engine {
	return func(t *testing.T, cfg breaker.Config) breaker.Engine {
		t.Helper()
		a.Breaker = native(t, cfg)
		return a
	}
}

// faults are the engines that Run must refuse.
func faults() map[string]fault {
	return map[string]fault{
		"trips one call late":      {configured(func(c *breaker.Config) { c.MinCalls++ }), []string{"trips_at_the_ratio", "script=1"}},
		"trips one in a row late":  {configured(func(c *breaker.Config) { c.ConsecutiveFailures++ }), []string{"trips_in_a_row", "script=0"}},
		"window never lapses":      {configured(func(c *breaker.Config) { c.Window = 24 * time.Hour }), []string{"the_window_lapses", "script=1"}},
		"window of a single piece": {configured(func(c *breaker.Config) { c.Buckets = 1 }), []string{"script=0"}},
		"one probe too many":       {configured(func(c *breaker.Config) { c.Probes++ }), []string{"probes_are_bounded", "probes_close"}},
		"stays open for ever":      {configured(func(c *breaker.Config) { c.OpenFor, c.OpenMax = time.Hour, time.Hour }), []string{"half-open_by_time"}},
		"ends half-open by itself": {configured(func(c *breaker.Config) { c.ProbeMaxWait = time.Millisecond }), []string{"script=0"}},
		"reports nothing":          {configured(func(c *breaker.Config) { c.OnChange = nil }), []string{"changes_are_reported_once_and_in_order"}},
		"reports twice": {configured(func(c *breaker.Config) {
			if tell := c.OnChange; tell != nil {
				c.OnChange = func(change breaker.Change) { tell(change); tell(change) }
			}
		}), []string{"changes_are_reported_once_and_in_order", "script=0"}},
		"refuses with any error": {with(altered{allow: func(b *breaker.Breaker) (breaker.Ticket, error) {
			ticket, err := b.Allow()
			if err != nil {
				err = errors.New("no")
			}
			return ticket, err
		}}), []string{"a_refusal_says_why_and_for_how_long"}},
		"lets all probes pass": {with(altered{allow: func(b *breaker.Breaker) (breaker.Ticket, error) {
			ticket, err := b.Allow()
			if b.State() == breaker.HalfOpen {
				err = nil
			}
			return ticket, err
		}}), []string{"probes_are_bounded"}},
		"excluded is a failure": {with(altered{record: func(b *breaker.Breaker, ticket breaker.Ticket, o breaker.Outcome) {
			if o == breaker.Excluded {
				o = breaker.Failure
			}
			b.Record(ticket, o)
		}}), []string{"closed_passes_and_counts", "an_excluded_or_unused_probe_gives_its_place_back"}},
		"unused is lost": {with(altered{record: func(b *breaker.Breaker, ticket breaker.Ticket, o breaker.Outcome) {
			if o != breaker.Unused {
				b.Record(ticket, o)
			}
		}}), []string{"an_excluded_or_unused_probe_gives_its_place_back"}},
		"counts where it records": {with(altered{record: func(b *breaker.Breaker, _ breaker.Ticket, o breaker.Outcome) {
			if ticket, err := b.Allow(); err == nil {
				b.Record(ticket, o)
			}
		}}), []string{"a_ticket_counts_once", "strange_tickets_are_ignored", "results_from_before_a_change_are_ignored"}},
		"a panic is a success": {with(altered{record: func(b *breaker.Breaker, ticket breaker.Ticket, o breaker.Outcome) {
			if strings.Contains(string(debug.Stack()), "panic(") {
				o = breaker.Success
			}
			b.Record(ticket, o)
		}}), []string{"a_panic_is_a_failure"}},
		"callbacks under a lock": {locking, []string{"a_callback_may_use_the_engine"}},
		"forgets some": {with(altered{counts: func(b *breaker.Breaker) breaker.Counts {
			c := b.Counts()
			c.Successes -= c.Successes / 100
			return c
		}}), []string{"no_result_is_lost"}},
		"says closed": {with(altered{state: func(*breaker.Breaker) breaker.State { return breaker.Closed }}), []string{"a_failed_probe_opens", "probes_close"}},
	}
}

// locked is an engine that does everything under one lock, callbacks too.
type locked struct {
	mu sync.Mutex
	b  *breaker.Breaker
}

func locking(t *testing.T, cfg breaker.Config) breaker.Engine {
	t.Helper()
	return &locked{b: native(t, cfg)}
}

func (l *locked) Allow() (breaker.Ticket, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Allow()
}

func (l *locked) Record(t breaker.Ticket, o breaker.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Record(t, o)
}

func (l *locked) State() breaker.State   { return l.b.State() }
func (l *locked) Counts() breaker.Counts { return l.b.Counts() }

// inner names the fault that TestInner is run with.
const inner = "BREAKERTEST_FAULT"

// TestInner is the test that must fail, in a process of its own.
func TestInner(t *testing.T) {
	f, ok := faults()[os.Getenv(inner)]
	if !ok {
		t.Skip("run by TestRunFindsEveryFault")
	}
	breakertest.Run(t, f.make)
}

func TestRunFindsEveryFault(t *testing.T) {
	t.Parallel()
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			only := "^TestInner$/^(" + strings.Join(f.found, "|") + ")$"
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+only, "-test.v") //nolint:gosec // this test binary
			cmd.Env = append(os.Environ(), inner+"="+name)
			out, _ := cmd.CombinedOutput() // its status says that it failed, as its output does
			var failed []string
			for line := range strings.Lines(string(out)) {
				if _, rest, ok := strings.Cut(line, "--- FAIL: TestInner/"); ok {
					failed = append(failed, strings.Fields(rest)[0])
				}
			}
			for _, want := range f.found {
				if !slices.Contains(failed, want) {
					t.Errorf("%s did not fail, but %q", want, failed)
				}
			}
		})
	}
}
