package sampling

import (
	"math"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
)

// Rate keeps a share of traces that is as large as so many spans a second allow. It bounds what it keeps itself; what another policy keeps goes
// beyond.
type Rate struct {
	Label string  // = Name; "" = rate
	Spans float64 // a second, more than 0
	Burst float64 // spans at once; 0 = those of a second. A larger trace needs a burst that is unused.
}

// Name returns the label.
func (p Rate) Name() string { return labelOr(p.Label, "rate") }

// Validate wants a limit.
func (p Rate) Validate() error { return validateRate(p.Name(), "Spans", p.Spans, p.Burst) }

// NewDecider returns what steers a threshold.
func (p Rate) NewDecider() Decider {
	return newRate(p.Spans, p.Burst, func(t Trace) float64 { return float64(t.Spans) }, "the rate of spans")
}

// Bytes is a Rate in bytes of Span messages.
type Bytes struct {
	Label     string  // = Name; "" = bytes
	PerSecond float64 // more than 0
	Burst     float64 // bytes at once; 0 = those of a second. A larger trace needs a burst that is unused.
}

// Name returns the label.
func (p Bytes) Name() string { return labelOr(p.Label, "bytes") }

// Validate wants a limit.
func (p Bytes) Validate() error { return validateRate(p.Name(), "PerSecond", p.PerSecond, p.Burst) }

// NewDecider returns what steers a threshold.
func (p Bytes) NewDecider() Decider {
	return newRate(p.PerSecond, p.Burst, func(t Trace) float64 { return float64(t.Bytes) }, "the rate of bytes")
}

func validateRate(name, field string, limit, burst float64) error {
	problems := problems{name: name}
	problems.refuse(!(limit > 0 && limit <= math.MaxInt64), "%s %v: want more than 0", field, limit)
	problems.refuse(!(burst >= 0 && burst <= math.MaxInt64), "Burst %v: want 0 or more", burst)
	return problems.err()
}

// A rate decides by a limiter.
type rate struct {
	size                  func(Trace) float64
	within, beyond, empty string // reasons

	mu      sync.Mutex
	limiter limiter
}

func newRate(limit, burst float64, size func(Trace) float64, name string) *rate {
	if burst == 0 {
		burst = limit
	}
	return &rate{
		size: size, within: "within " + name, beyond: "beyond its share of " + name, empty: "the bucket of " + name + " is empty",
		limiter: limiter{limit: limit, burst: burst, level: burst},
	}
}

func (r *rate) Early(tracing.View) bool { return false }

func (r *rate) Decide(t Trace, at time.Time) Verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	size, elapsed := r.size(t), r.limiter.meter.advance(at)
	r.limiter.fill(r.limiter.limit * elapsed)
	threshold := tracing.ThresholdOf(r.limiter.share())
	r.limiter.meter.add(weighed(size, t))
	if threshold.Keeps(t.R) && !r.limiter.take(size) {
		return Verdict{Reason: r.empty, Biased: true}
	}
	return Verdict{Vote: VoteKeep, Threshold: threshold, Reason: r.within}.or(r.beyond, t.R)
}

// weighed returns the size of the traffic that a trace stands for: a threshold is a share of all of it, also of what was sampled away before.
// The bound is for tracestates that exaggerate.
func weighed(size float64, t Trace) float64 { return size * min(t.Floor.AdjustedCount(), 10_000) }

// A meter measures how much comes a second, as a mean that forgets with a time constant.
type meter struct {
	load        float64 // sum of sizes, each faded
	first, last time.Time
}

const (
	memory = 2.0         // seconds
	slack  = time.Second // that the times of concurrent callers may be
)

// advance moves to a time, and returns the seconds since the last one. A time far before that says that the clock was ahead, or was set back:
// time goes on from there, as nothing would come until the clock reaches the last one again.
func (m *meter) advance(at time.Time) float64 {
	if m.last.IsZero() {
		m.first, m.last = at, at
	}
	elapsed := at.Sub(m.last)
	switch {
	case elapsed > 0:
		m.load *= math.Exp(-elapsed.Seconds() / memory)
		m.last = at
	case elapsed < -slack:
		m.first, m.last = m.first.Add(elapsed), at
	}
	return max(elapsed.Seconds(), 0)
}

func (m *meter) add(size float64) { m.load += size }

// rate returns the mean. It is too low in the beginning unless the load is divided by the time that it is of; of less than a second it would
// be a guess.
func (m *meter) rate() float64 {
	age := max(m.last.Sub(m.first).Seconds(), 1)
	return m.load / (memory * (1 - math.Exp(-age/memory)))
}

// A limiter steers the share of traffic that is kept to meet a limit, and has a bucket as its hard stop. The fuller the bucket the larger the
// share: so it stays half full where more comes than may be kept, and hardly ever has to refuse.
type limiter struct {
	limit float64 // a second
	burst float64 // the most that is in the bucket
	level float64 // below 0 after a trace larger than the bucket
	meter meter   // of what is offered
}

// fill pours into the bucket and returns what it cannot hold.
func (l *limiter) fill(amount float64) (over float64) {
	l.level += amount
	over = max(l.level-l.burst, 0)
	l.level -= over
	return over
}

// share returns the share to keep, in [0, 1].
func (l *limiter) share() float64 {
	offered := l.meter.rate()
	if offered <= 0 {
		return 1
	}
	return min(l.limit*(0.5+max(l.level, 0)/l.burst)/offered, 1)
}

// take takes from the bucket, or tells that there is not enough in it.
func (l *limiter) take(size float64) bool {
	if l.level < min(size, l.burst) {
		return false
	}
	l.level -= size
	return true
}
