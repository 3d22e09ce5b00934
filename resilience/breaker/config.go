package breaker

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Config is how a Breaker decides. The zero Config is a good one: it trips when half of at least 20 calls in 10 s failed.
type Config struct {
	// FailureRatio is the part of successes and failures that trips the breaker when it fails, once there are MinCalls of them.
	// 0 = 0.5; up to 1; negative = off.
	FailureRatio float64
	// MinCalls is from how many successes and failures on a ratio says anything. 0 = 20; at least 1.
	MinCalls int
	// ConsecutiveFailures in a row trip the breaker, whatever their part. 0 = off.
	ConsecutiveFailures int

	// Window is how long results count, Buckets in how many steps they lapse. A single bucket lapses as a whole, Window after its start.
	// 0 = 10 s of 10 buckets; Window up to 24 h, 1024 buckets, and a millisecond for each.
	Window  time.Duration
	Buckets int

	// SlowCall is from which duration on a call is slow, SlowRatio the part of slow calls that trips the breaker, as FailureRatio does.
	// SlowCall 0 = off: no clock is read. SlowRatio 0 = 0.5; up to 1.
	SlowCall  time.Duration
	SlowRatio float64

	// OpenFor is how long the breaker stays open. Each return from half-open where a probe failed or hung multiplies it by OpenGrowth, up to
	// OpenMax, until the breaker was closed; then it is drawn from ± OpenJitter of itself, so that many processes do not probe at once.
	// 0 = 5 s, growing by 2, up to 60 s or OpenFor if that is more, jitter 0.1; OpenGrowth from 1, OpenJitter below 1, negative = off.
	OpenFor, OpenMax       time.Duration
	OpenGrowth, OpenJitter float64

	// Probes is how many calls must succeed in half-open, and how many may run. 0 = 1; at least 1.
	Probes int
	// ProbeMaxWait is how long half-open lasts at most, whether probes hang or none came: then the breaker is open again, for OpenFor
	// longer. It should be longer than calls are apart, or a service that is seldom called recovers by chance: for such a one make it
	// long, or negative. 0 = OpenFor; negative = off, and a hung probe holds its place for ever.
	ProbeMaxWait time.Duration

	// Outcome says what an error counts as, for Do; the zero Outcome leaves it to resilience.Default. nil = all errors are left to that.
	Outcome func(err error) Outcome
	// OnChange is told each change of state once, in order, by whoever made the change (a call, a command or a timer) and under no lock:
	// it may use the breaker. While it runs, other changes wait to be told, and nothing else does. A panic passes through. nil = none.
	OnChange func(Change)
	// Name stands in errors and changes.
	Name string

	// Now is the clock of what is reported, and of slow calls. Timers go by package time. nil = time.Now.
	Now func() time.Time
	// Rand draws from [0, 1) and must be safe for concurrent use. nil = math/rand/v2.
	Rand func() float64
}

// The values behind zero fields.
const (
	defaultRatio    = 0.5
	defaultMinCalls = 20
	defaultWindow   = 10 * time.Second
	defaultBuckets  = 10
	defaultOpenFor  = 5 * time.Second
	defaultOpenMax  = time.Minute
	defaultGrowth   = 2
	defaultJitter   = 0.1
	defaultProbes   = 1
)

// The bounds of a window: a bucket counts up to 2^32 results and is turned by a timer.
const (
	minWidth   = time.Millisecond
	maxWindow  = 24 * time.Hour
	maxBuckets = 1024
)

// validate returns every problem of a config that is filled.
func (c *Config) validate() error {
	var problems []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	want(c.FailureRatio <= 1, "FailureRatio %v: want more than 0, up to 1, or negative for none", c.FailureRatio)
	want(c.MinCalls >= 1, "MinCalls %d: want at least 1, or 0 for %d", c.MinCalls, defaultMinCalls)
	want(c.ConsecutiveFailures >= 0, "ConsecutiveFailures %d: want at least 1, or 0 for none", c.ConsecutiveFailures)
	want(c.Buckets >= 1 && c.Buckets <= maxBuckets, "Buckets %d: want 1 to %d, or 0 for %d", c.Buckets, maxBuckets, defaultBuckets)
	want(c.Window > 0 && c.Window <= maxWindow, "Window %v: want more than 0, up to %v, or 0 for %v", c.Window, maxWindow, defaultWindow)
	if c.Window > 0 && c.Buckets >= 1 {
		want(c.Window/time.Duration(c.Buckets) >= minWidth, "Window %v of %d Buckets: want at least %v for each", c.Window, c.Buckets, minWidth)
	}
	want(c.SlowCall >= 0, "SlowCall %v: want more than 0, or 0 for off", c.SlowCall)
	want(c.SlowRatio >= 0 && c.SlowRatio <= 1, "SlowRatio %v: want more than 0, up to 1, or 0 for %v", c.SlowRatio, defaultRatio)
	want(c.SlowRatio == 0 || c.SlowCall != 0, "SlowRatio %v without SlowCall", c.SlowRatio)
	want(c.OpenFor > 0, "OpenFor %v: want more than 0, or 0 for %v", c.OpenFor, defaultOpenFor)
	want(c.OpenMax >= c.OpenFor, "OpenMax %v: want at least OpenFor, %v", c.OpenMax, c.OpenFor)
	want(c.OpenGrowth >= 1 && !math.IsInf(c.OpenGrowth, 1), "OpenGrowth %v: want at least 1, or 0 for %v", c.OpenGrowth, defaultGrowth)
	want(c.OpenJitter < 1, "OpenJitter %v: want more than 0, less than 1, or negative for none", c.OpenJitter)
	want(c.Probes >= 1, "Probes %d: want at least 1, or 0 for %d", c.Probes, defaultProbes)
	return refused(problems)
}

// filled returns a config with the values that its zero fields stand for.
func filled(c Config) Config {
	fill(&c.FailureRatio, defaultRatio)
	fill(&c.MinCalls, defaultMinCalls)
	fill(&c.Window, defaultWindow)
	fill(&c.Buckets, defaultBuckets)
	if c.SlowCall != 0 {
		fill(&c.SlowRatio, defaultRatio)
	}
	fill(&c.OpenFor, defaultOpenFor)
	fill(&c.OpenMax, max(defaultOpenMax, c.OpenFor))
	fill(&c.OpenGrowth, defaultGrowth)
	fill(&c.OpenJitter, defaultJitter)
	fill(&c.Probes, defaultProbes)
	fill(&c.ProbeMaxWait, c.OpenFor)
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	if c.Rand == nil {
		c.Rand = rand.Float64 //nolint:forbidigo // the default of an injected source
	}
	return c
}

// fill gives a field that is zero its value.
func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// width is how long a bucket lasts.
func (c *Config) width() time.Duration { return c.Window / time.Duration(c.Buckets) }

// openFor is how long the breaker stays open when it returned from half-open so many times, u a uniform draw.
func (c *Config) openFor(returns int, u float64) time.Duration {
	d := min(float64(c.OpenFor)*math.Pow(c.OpenGrowth, float64(returns)), float64(c.OpenMax))
	if c.OpenJitter > 0 {
		d *= 1 + c.OpenJitter*(2*u-1)
	}
	if d >= math.MaxInt64 {
		return math.MaxInt64
	}
	return max(1, time.Duration(d))
}

// trips reports whether c are results that trip a closed breaker.
func (c *Config) trips(counts Counts) bool {
	if c.ConsecutiveFailures > 0 && counts.ConsecutiveFailures >= c.ConsecutiveFailures {
		return true
	}
	calls := counts.Successes + counts.Failures
	if calls < c.MinCalls {
		return false
	}
	return reached(counts.Failures, calls, c.FailureRatio) || c.SlowCall > 0 && reached(counts.Slow, calls, c.SlowRatio)
}

// reached reports whether part of calls is at least the ratio, if that is on. The quotient is rounded once: 7 of 100 are 0.07, though 0.07
// times 100 is more than 7 in a float64.
func reached(part, calls int, ratio float64) bool {
	return ratio > 0 && float64(part)/float64(calls) >= ratio
}
