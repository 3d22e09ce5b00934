package retry

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/tenon-go/tenon/resilience"
)

// Policy says when and how long to retry. It is immutable and safe for any number of concurrent calls; New makes it.
type Policy struct {
	budget Budget // cfg.Budget, beside the flag that the first attempt reads
	early  bool   // the first attempt needs the clock or a mark
	cfg    Config // without a zero that stands for something else
}

// Config are the parts of a Policy. The zero Config is a good one for calls that are not safe to repeat, but for the budget, which several
// policies can share and each should have.
type Config struct {
	// MaxAttempts is how often fn runs at most, the first attempt included. 0 = 3; at least 1.
	MaxAttempts int
	// Backoff gives the delays. nil = Exponential{100 ms, throttled 1 s, doubling, cap 20 s, full jitter}.
	Backoff Backoff
	// NewBackOff makes the delays instead of Backoff: a value with a state, one for each call, at its first failure. It must not return nil.
	NewBackOff func() BackOff

	// Classify says what an error means. nil = resilience.Default.
	Classify resilience.Classifier
	// Budget bounds the load that retries add. nil = none: in an outage every call then makes MaxAttempts attempts.
	Budget Budget

	// MaxElapsed bounds the time from ElapsedFrom to the start of the last attempt. 0 = none. From the call, it costs each call a look at
	// the clock.
	MaxElapsed  time.Duration
	ElapsedFrom Start
	// MinRemaining is what the next attempt must still have before the deadline of its context. 0 = more than nothing.
	MinRemaining time.Duration

	// HintCap bounds by how much a wait that the service asks for may exceed the policy's own delay. 0 = 5 s.
	HintCap  time.Duration
	HintRule HintRule

	// Nested is what the policy does inside a retried attempt of another policy, and for policies inside its own.
	Nested Nesting

	// Idempotent says that fn is safe to repeat after an attempt that may have been executed. So is any call with a resilience.Key.
	Idempotent bool
	// Polling makes a call that the budget refuses wait one ordinary delay before it fails, so that a loop of long polls cannot spin.
	Polling bool

	// Timeline is how many attempts an Error keeps, the latest ones. 0 = 8; at least 1. When the first attempt began is known only to a
	// policy with MaxElapsed, because a call that succeeds reads no clock.
	Timeline int
	// OnRetry is called before the wait for each retry, OnDone at the end of each call that had a failed attempt. They run in the
	// caller's goroutine. nil = none.
	OnRetry, OnDone func(context.Context, Event)

	// Rand draws from [0, 1) and must be safe for concurrent use. nil = math/rand/v2.
	Rand func() float64
	// Now is the clock that deadlines are compared with. It is not read while attempts succeed. nil = time.Now.
	Now func() time.Time
}

// Event tells a hook about a call.
type Event struct {
	Attempt int                // the failed one; for OnDone the last one
	Err     error              // its error; nil where OnDone tells of a success
	Verdict resilience.Verdict // on Err
	Wait    time.Duration      // OnRetry: before the next attempt
	Cause   Cause              // OnDone: why the call ended, 0 for a success
}

// Start is where elapsed time counts from.
type Start uint8

const (
	// FromCall counts the first attempt.
	FromCall Start = iota
	// FromFirstFailure counts the time spent on retrying: a first attempt of an hour leaves its retries as much as one of a second.
	FromFirstFailure
)

// HintRule is how a wait that the service asks for (Retry-After) meets the policy's own delay.
type HintRule uint8

const (
	// GiveUp waits for as long as was asked, and at least the own delay. More than the own delay and HintCap is a stop with ErrHint: to
	// come back earlier is noise, and the caller learns from Error.RetryAfter when to.
	GiveUp HintRule = iota
	// Clamp waits for as long as was asked, at least the own delay and at most that and HintCap.
	Clamp
	// Exact waits exactly as long as was asked, and the sequence of delays begins anew. A negative wait is a stop with ErrStopped.
	Exact
)

// Nesting is how a policy behaves inside a retried attempt.
type Nesting uint8

const (
	// Lazy marks the context of each attempt from the second on, and makes one attempt where it finds a mark. Success at once costs nothing.
	Lazy Nesting = iota
	// Eager also marks the first attempt, for one allocation a call: of nested layers only the outermost retries.
	Eager
	// Off neither marks nor looks: nested layers multiply.
	Off
)

// The values behind zero fields.
const (
	defaultMaxAttempts = 3
	defaultBase        = 100 * time.Millisecond
	defaultThrottled   = time.Second
	defaultCap         = 20 * time.Second
	defaultHintCap     = 5 * time.Second
	defaultTimeline    = 8
)

// New returns the policy of cfg. A cfg that is out of range or contradicts itself is an ErrConfig that names every such field.
func New(cfg Config) (*Policy, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.filled()
	early := cfg.Nested == Eager || cfg.MaxElapsed > 0 && cfg.ElapsedFrom == FromCall
	return &Policy{budget: cfg.Budget, early: early, cfg: cfg}, nil
}

// Config returns what the policy was made of, with the values that zero fields stand for; Backoff is nil where there is a NewBackOff.
func (p *Policy) Config() Config { return p.cfg }

// validate returns every problem.
func (c Config) validate() error {
	var p problems
	p.check(c.MaxAttempts >= 0, "MaxAttempts %d: want at least 1, or 0 for %d", c.MaxAttempts, defaultMaxAttempts)
	p.check(c.Timeline >= 0, "Timeline %d: want at least 1, or 0 for %d", c.Timeline, defaultTimeline)
	p.check(c.MaxElapsed >= 0, "MaxElapsed %v: want at least 0", c.MaxElapsed)
	p.check(c.MinRemaining >= 0, "MinRemaining %v: want at least 0", c.MinRemaining)
	p.check(c.HintCap >= 0, "HintCap %v: want at least 0", c.HintCap)
	p.check(c.ElapsedFrom <= FromFirstFailure, "ElapsedFrom %d: want FromCall or FromFirstFailure", c.ElapsedFrom)
	p.check(c.HintRule <= Exact, "HintRule %d: want GiveUp, Clamp or Exact", c.HintRule)
	p.check(c.Nested <= Off, "Nested %d: want Lazy, Eager or Off", c.Nested)
	p.check(c.Backoff == nil || c.NewBackOff == nil, "Backoff and NewBackOff: want one of them")
	if b, ok := c.Backoff.(interface{ Validate() error }); ok {
		err := b.Validate()
		p.check(err == nil, "Backoff: %w", err)
	}
	return p.err()
}

// filled returns the config with the values that its zero fields stand for.
func (c Config) filled() Config {
	if c.MaxAttempts == 0 {
		c.MaxAttempts = defaultMaxAttempts
	}
	if c.Backoff == nil && c.NewBackOff == nil {
		c.Backoff = Exponential{Base: defaultBase, Throttled: defaultThrottled, Cap: defaultCap}
	}
	if c.HintCap == 0 {
		c.HintCap = defaultHintCap
	}
	if c.Timeline == 0 {
		c.Timeline = defaultTimeline
	}
	if c.Rand == nil {
		c.Rand = rand.Float64 //nolint:forbidigo // the default of an injected source
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	return c
}
