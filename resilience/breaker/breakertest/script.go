package breakertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/resilience/breaker"
)

// rivals are two engines that get the same calls.
type rivals struct {
	t       *testing.T
	rng     *rand.Rand
	cfg     breaker.Config
	native  *breaker.Breaker
	other   breaker.Engine
	reports [2]reports

	held    []pair
	failing float64       // how likely a call fails
	clock   time.Duration // since the beginning
	pauses  int
	log     []string // the latest steps

	since   time.Time // the state of now was entered
	newest  int64     // bucket that a result was recorded in
	jumbled bool      // results came in another order than their calls
	changed int       // how often the state did
}

// pair is one call that both engines allowed.
type pair struct {
	native, other breaker.Ticket
	at, since     time.Time
}

// rival drives both engines for some steps.
func rival(t *testing.T, factory Factory, seed uint64, steps int) {
	t.Helper()
	r := &rivals{t: t, rng: rand.New(rand.NewPCG(seed, 0x7e0))}
	r.cfg = r.anyConfig()
	cfgs := [2]breaker.Config{r.cfg, r.cfg}
	for i := range cfgs {
		cfgs[i].OnChange = r.reports[i].add
	}
	native, err := breaker.New(cfgs[0])
	if err != nil {
		t.Fatal(err)
	}
	r.native, r.other = native, factory(t, cfgs[1])
	for range steps {
		r.step()
		if t.Failed() {
			t.Fatalf("seed %d, %s\nthe latest steps:\n%s", seed, r.describe(), strings.Join(r.log, "\n"))
		}
	}
	if r.changed == 0 {
		t.Errorf("the engines never changed in %d steps", steps)
	}
}

// anyConfig draws a configuration. Its durations are whole milliseconds.
func (r *rivals) anyConfig() breaker.Config {
	cfg := plain()
	cfg.MinCalls = 1 + r.rng.IntN(10)
	cfg.FailureRatio = []float64{-1, 0.1, 0.25, 0.5, 0.6, 1}[r.rng.IntN(6)]
	if cfg.FailureRatio < 0 || r.rng.IntN(2) == 0 {
		cfg.ConsecutiveFailures = 1 + r.rng.IntN(6)
	}
	cfg.Buckets = max(1, r.rng.IntN(12)-2)
	cfg.Window = time.Duration(cfg.Buckets) * time.Duration(1+r.rng.IntN(50)) * 10 * time.Millisecond
	cfg.OpenFor = time.Duration(1+r.rng.IntN(100)) * 10 * time.Millisecond
	cfg.Probes = 1 + r.rng.IntN(5)
	return cfg
}

// describe names the configuration.
func (r *rivals) describe() string {
	c := r.cfg
	return fmt.Sprintf("ratio %v of %d calls, %d in a row, window %v of %d buckets, open for %v, %d probes",
		c.FailureRatio, c.MinCalls, c.ConsecutiveFailures, c.Window, c.Buckets, c.OpenFor, c.Probes)
}

// note keeps a step for the message of a failure.
func (r *rivals) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf("%12v %v: ", r.clock, r.native.State())+fmt.Sprintf(format, args...))
	if len(r.log) > 20 {
		r.log = r.log[1:]
	}
}

// step does one thing with both.
func (r *rivals) step() {
	switch n := r.rng.IntN(100); {
	case n < 40:
		if p, ok := r.allow(); ok {
			r.record(p, r.outcome())
		}
	case n < 60:
		if p, ok := r.allow(); ok {
			r.held = append(r.held, p)
		}
	case n < 78:
		if len(r.held) > 0 {
			i := r.rng.IntN(len(r.held))
			p := r.held[i]
			r.held = append(r.held[:i], r.held[i+1:]...)
			r.record(p, r.outcome())
		}
	case n < 80:
		r.fault()
	case n < 82:
		r.failing = []float64{0.05, 0.3, 0.6, 0.95}[r.rng.IntN(4)]
	default:
		r.pause()
	}
}

// outcome draws one.
func (r *rivals) outcome() breaker.Outcome {
	switch {
	case r.rng.IntN(8) == 0:
		return breaker.Excluded
	case r.rng.Float64() < r.failing:
		return breaker.Failure
	default:
		return breaker.Success
	}
}

// allow asks both, and reports whether both allowed.
func (r *rivals) allow() (pair, bool) {
	p := pair{at: r.now(), since: r.epoch()}
	var refused, alsoRefused error
	p.native, refused = r.native.Allow()
	p.other, alsoRefused = r.other.Allow()
	r.note("allow: %v; %v", refused, alsoRefused)
	if (refused == nil) != (alsoRefused == nil) {
		r.t.Errorf("native says %v, the other %v", refused, alsoRefused)
		return p, false
	}
	r.compare()
	return p, refused == nil
}

// record gives both tickets back.
func (r *rivals) record(p pair, o breaker.Outcome) {
	if o != breaker.Excluded && r.cfg.Buckets > 1 && p.since.Equal(r.epoch()) {
		switch n := int64(p.at.Sub(p.since) / r.width()); {
		case n >= r.newest:
			r.newest = n
		case r.cfg.ConsecutiveFailures > 0: // the run decides about trips: it must stay comparable
			o = breaker.Excluded
		default:
			r.jumbled = true
		}
	}
	r.note("record %v of the call at %v", o, r.clock-r.now().Sub(p.at))
	r.native.Record(p.native, o)
	r.other.Record(p.other, o)
	r.compare()
}

// fault lets a call of each panic.
func (r *rivals) fault() {
	r.note("panic")
	if r.cfg.Buckets > 1 && r.native.State() == breaker.Closed {
		r.newest = max(r.newest, int64(r.now().Sub(r.epoch())/r.width()))
	}
	for _, e := range []breaker.Engine{r.native, r.other} {
		func() {
			defer func() {
				if got := recover(); got != nil && got != "on purpose" {
					r.t.Errorf("recovered %v", got)
				}
			}()
			_ = breaker.Run(r.t.Context(), e, func(context.Context) error { panic("on purpose") })
		}()
	}
	r.compare()
}

// pause lets time pass. The nanoseconds at its end count the pauses: no boundary, which lies whole milliseconds after an earlier step, has the same.
func (r *rivals) pause() {
	ms := 1 + r.rng.Int64N([]int64{3, r.width().Milliseconds(), 2 * r.cfg.Window.Milliseconds(), 2 * r.cfg.OpenFor.Milliseconds()}[r.rng.IntN(4)])
	r.pauses++
	until := (r.clock.Truncate(time.Millisecond) + time.Duration(ms)*time.Millisecond) + time.Duration(r.pauses)
	r.note("pause %v", until-r.clock)
	time.Sleep(until - r.clock) //nolint:forbidigo // the time of the bubble
	synctest.Wait()             // for what timers report
	r.clock = until
}

// compare fails when the engines differ.
func (r *rivals) compare() {
	if native, other := r.native.State(), r.other.State(); native != other {
		r.t.Errorf("native is %v, the other %v", native, other)
	}
	r.epoch()
	native, other := r.native.Counts(), r.other.Counts()
	if r.jumbled {
		native.ConsecutiveFailures, other.ConsecutiveFailures = 0, 0
	}
	if native != other {
		r.t.Errorf("native counted %+v, the other %+v", native, other)
	}
	changes, others := r.reports[0].take(), r.reports[1].take()
	if !slices.Equal(changes, others) {
		r.t.Errorf("native reported %v, the other %v", changes, others)
	}
	r.changed += len(changes)
}

// reports are the changes that an engine reported since they were looked at.
type reports struct {
	mu      sync.Mutex
	changes []string
}

// add is an OnChange.
func (r *reports) add(c breaker.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, fmt.Sprintf("%v to %v", c.From, c.To))
}

// take returns the reports and forgets them.
func (r *reports) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	changes := r.changes
	r.changes = nil
	return changes
}

// epoch returns when the state of now was entered, and begins to watch the order of results anew when that is news.
func (r *rivals) epoch() time.Time {
	if since := r.native.Stats().Since; !since.Equal(r.since) {
		r.since, r.newest, r.jumbled = since, -1, false
	}
	return r.since
}

// width is how long a bucket lasts.
func (r *rivals) width() time.Duration { return r.cfg.Window / time.Duration(r.cfg.Buckets) }

// now is the time of the bubble.
func (r *rivals) now() time.Time {
	return time.Now() //nolint:forbidigo // the time of the bubble
}
