package breaker_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience/breaker"
	"pgregory.net/rapid"
)

// model is a breaker that keeps every result of its epoch and looks at all of them each time. It has its own time, one call after the other,
// and no jitter.
type model struct {
	cfg     breaker.Config
	now     time.Duration
	state   breaker.State
	epoch   int
	began   time.Duration // the epoch
	ends    time.Duration // by a timer; 0 = it does not
	returns int
	probes  int // that run
	results []modelResult
	window  time.Duration // start of a single bucket
	windows int           // its number
	late    uint64
	changes []string
}

// modelResult is a result that was counted, and the bucket that it counts in.
type modelResult struct {
	bucket  int
	outcome breaker.Outcome
	slow    bool
}

// modelTicket is a call that was allowed.
type modelTicket struct {
	epoch, bucket int
	at            time.Duration
	used          bool
}

// counting reports whether results lapse in the state of now.
func (m *model) counting() bool { return m.state == breaker.Closed || m.state == breaker.MetricsOnly }

// touch begins a single bucket anew if it has lapsed.
func (m *model) touch() {
	if m.counting() && m.cfg.Buckets == 1 && m.now-m.window >= m.cfg.Window {
		m.window = m.now
		m.windows++
	}
}

// bucket is the number of the bucket of now.
func (m *model) bucket() int {
	if !m.counting() {
		return 0
	}
	if m.cfg.Buckets == 1 {
		return m.windows
	}
	return int((m.now - m.began) / (m.cfg.Window / time.Duration(m.cfg.Buckets)))
}

// there reports whether a bucket is in the window.
func (m *model) there(bucket int) bool {
	if m.counting() && m.cfg.Buckets == 1 && m.now-m.window >= m.cfg.Window {
		return false
	}
	return m.bucket()-bucket < m.cfg.Buckets
}

// enter changes the state.
func (m *model) enter(to breaker.State) {
	m.changes = append(m.changes, fmt.Sprintf("%v to %v with %+v", m.state, to, m.counts()))
	against := m.probes > 0 || m.counts().Failures+m.counts().Slow > 0
	switch {
	case to == breaker.Closed:
		m.returns = 0
	case m.state == breaker.HalfOpen && to == breaker.Open && against:
		m.returns++
	}
	m.state, m.began, m.ends, m.probes, m.results, m.window = to, m.now, 0, 0, nil, m.now
	m.epoch++
	m.windows++
	if to == breaker.Open {
		open := m.cfg.OpenFor
		for range m.returns {
			open = min(open*2, m.cfg.OpenMax)
		}
		m.ends = m.now + open
	}
	if to == breaker.HalfOpen && m.cfg.ProbeMaxWait > 0 {
		m.ends = m.now + m.cfg.ProbeMaxWait
	}
}

// sleep lets time pass, and timers fire on their way.
func (m *model) sleep(d time.Duration) {
	until := m.now + d
	for m.ends != 0 && m.ends <= until {
		m.now = m.ends
		if m.state == breaker.Open {
			m.enter(breaker.HalfOpen)
		} else {
			m.enter(breaker.Open)
		}
	}
	m.now = until
}

// counts counts what is there.
func (m *model) counts() breaker.Counts {
	var c breaker.Counts
	for _, r := range m.results {
		if r.outcome == breaker.Success {
			c.ConsecutiveFailures = 0 // also if it has lapsed
		}
		if !m.there(r.bucket) {
			continue
		}
		if r.slow {
			c.Slow++
		}
		switch r.outcome {
		case breaker.Success:
			c.Successes++
		case breaker.Failure:
			c.Failures++
			c.ConsecutiveFailures++
		default:
			c.Excluded++
		}
	}
	return c
}

// allow returns the ticket of a call, nil if it is refused.
func (m *model) allow() *modelTicket {
	m.touch()
	switch m.state {
	case breaker.Open, breaker.ForcedOpen:
		return nil
	case breaker.HalfOpen:
		if m.probes+m.counts().Successes >= m.cfg.Probes {
			return nil
		}
		m.probes++
	default:
	}
	return &modelTicket{epoch: m.epoch, bucket: m.bucket(), at: m.now}
}

// record takes a result.
func (m *model) record(t *modelTicket, o breaker.Outcome) {
	if t.used {
		m.late++
		return
	}
	t.used = true
	m.touch()
	if t.epoch != m.epoch || !m.there(t.bucket) {
		if o != breaker.Unused {
			m.late++
		}
		return
	}
	if m.state == breaker.HalfOpen {
		m.probes--
	}
	if o == breaker.Unused || m.state == breaker.Disabled {
		return
	}
	slow := o != breaker.Excluded && m.cfg.SlowCall > 0 && m.now-t.at >= m.cfg.SlowCall
	m.results = append(m.results, modelResult{t.bucket, o, slow})
	c, bad := m.counts(), o == breaker.Failure || slow
	switch {
	case m.state == breaker.HalfOpen && bad, m.state == breaker.Closed && bad && m.trips(c):
		m.enter(breaker.Open)
	case m.state == breaker.HalfOpen && c.Successes >= m.cfg.Probes:
		m.enter(breaker.Closed)
	}
}

// trips reports whether counts trip, in whole numbers: ratios are percent here.
func (m *model) trips(c breaker.Counts) bool {
	calls := c.Successes + c.Failures
	percent := func(ratio float64) int { return int(ratio*100 + 0.5) }
	return m.cfg.ConsecutiveFailures > 0 && c.ConsecutiveFailures >= m.cfg.ConsecutiveFailures ||
		calls >= m.cfg.MinCalls && m.cfg.FailureRatio > 0 && 100*c.Failures >= percent(m.cfg.FailureRatio)*calls ||
		calls >= m.cfg.MinCalls && m.cfg.SlowCall > 0 && 100*c.Slow >= percent(m.cfg.SlowRatio)*calls
}

// command is an operator's.
func (m *model) command(to breaker.State) bool {
	if m.state == breaker.Closed && to == breaker.HalfOpen || m.state == breaker.MetricsOnly && (to == breaker.HalfOpen || to == breaker.Open) {
		return false
	}
	m.enter(to)
	return true
}

// anyModelConfig draws a config. Sleeps are whole milliseconds too, so that many end on a boundary.
func anyModelConfig(t *rapid.T) breaker.Config {
	ms := func(from, to int, name string) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Millisecond
	}
	cfg := breaker.Config{
		MinCalls:     rapid.IntRange(1, 8).Draw(t, "min calls"),
		FailureRatio: float64(rapid.SampledFrom([]int{-100, 7, 30, 50, 100}).Draw(t, "ratio")) / 100,
		Buckets:      rapid.IntRange(1, 4).Draw(t, "buckets"),
		OpenFor:      ms(1, 10, "open for"),
		OpenJitter:   -1,
		Probes:       rapid.IntRange(1, 3).Draw(t, "probes"),
	}
	cfg.Window = time.Duration(cfg.Buckets) * ms(1, 4, "width")
	cfg.OpenMax = cfg.OpenFor * time.Duration(rapid.IntRange(1, 5).Draw(t, "open max"))
	cfg.ConsecutiveFailures = rapid.IntRange(0, 4).Draw(t, "in a row")
	cfg.ProbeMaxWait = rapid.SampledFrom([]time.Duration{-1, time.Millisecond, 8 * time.Millisecond}).Draw(t, "probe max wait")
	if rapid.Bool().Draw(t, "timed") {
		cfg.SlowCall, cfg.SlowRatio = ms(1, 5, "slow call"), 0.5
	}
	return cfg
}

// modelStep is one thing that is done.
type modelStep struct {
	do      string
	call    int // which of those that were allowed
	outcome breaker.Outcome
	to      breaker.State
	sleep   time.Duration
}

// anyModelStep draws a step.
func anyModelStep() *rapid.Generator[modelStep] {
	return rapid.Custom(func(t *rapid.T) modelStep {
		return modelStep{
			do:      rapid.SampledFrom([]string{"call", "call", "call", "allow", "record", "record", "again", "sleep", "sleep", "command"}).Draw(t, "do"),
			call:    rapid.IntRange(0, 1000).Draw(t, "call"),
			outcome: breaker.Outcome(rapid.Uint8Range(1, 4).Draw(t, "outcome")),
			to:      breaker.State(rapid.Uint8Range(0, 5).Draw(t, "to")),
			sleep:   time.Duration(rapid.IntRange(1, 12).Draw(t, "sleep")) * time.Millisecond,
		}
	})
}

// Invariant: resilience B1, B3, B5.
func TestBreakerIsItsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := anyModelConfig(rt)
		steps := rapid.SliceOfN(anyModelStep(), 20, 200).Draw(rt, "steps")
		var problem string
		synctest.Test(t, func(t *testing.T) { problem = playModel(t, cfg, steps) })
		if problem != "" {
			rt.Fatalf("%+v: %s", cfg, problem)
		}
	})
}

// played is a breaker, its model, and the calls that both allowed.
type played struct {
	box
	model   *model
	reports journal
	tickets []breaker.Ticket
	calls   []*modelTicket
}

// playModel does the steps with a breaker and its model, and returns where they part.
func playModel(t *testing.T, cfg breaker.Config, steps []modelStep) string {
	t.Helper()
	p := &played{}
	cfg.OnChange = p.reports.add
	p.box = box{made(t, cfg), t}
	p.model = &model{cfg: p.Config()}
	for i, s := range steps {
		if problem := p.do(s) + p.compare(); problem != "" {
			return fmt.Sprintf("step %d, %+v: %s", i, s, problem)
		}
	}
	return ""
}

// do does a step with both, and returns where they part at once.
func (p *played) do(s modelStep) string {
	switch at := s.call % max(1, len(p.calls)); {
	case s.do == "sleep":
		p.sleep(s.sleep)
		p.model.sleep(s.sleep)
	case s.do == "command":
		if got, want := p.Command(s.to) == nil, p.model.command(s.to); got != want {
			return fmt.Sprintf("done: %v, want %v", got, want)
		}
	case s.do == "call", s.do == "allow":
		ticket, err := p.Allow()
		call := p.model.allow()
		if (err == nil) != (call != nil) {
			return fmt.Sprintf("in %v: %v", p.model.state, err)
		}
		if err != nil {
			return ""
		}
		p.tickets, p.calls = append(p.tickets, ticket), append(p.calls, call)
		if s.do == "call" {
			p.Record(ticket, s.outcome)
			p.model.record(call, s.outcome)
		}
	case len(p.calls) > 0 && (s.do == "again" || !p.calls[at].used):
		p.Record(p.tickets[at], s.outcome)
		p.model.record(p.calls[at], s.outcome)
	}
	return ""
}

// compare returns what differs.
func (p *played) compare() string {
	var changes []string
	for _, c := range p.reports.all() {
		changes = append(changes, fmt.Sprintf("%v to %v with %+v", c.From, c.To, c.Counts))
	}
	got, want := p.Stats(), breaker.Stats{State: p.model.state, Counts: p.model.counts(), Late: p.model.late}
	got.Since, got.Until = time.Time{}, time.Time{}
	if diff := cmp.Diff(want, got) + cmp.Diff(p.model.changes, changes); diff != "" {
		return "(-want +got):\n" + diff
	}
	return ""
}
