package sampling

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
)

// Composite shares so many spans a second between policies. What a share leaves of its own, and the traces that it has no room for, flow on to
// the next one that would keep them. It bounds what it keeps itself; what another policy keeps goes beyond.
type Composite struct {
	Label     string  // = Name; "" = composite
	PerSecond float64 // spans, more than 0
	Shares    []Share // one at least, in the order in which they flow
}

// A Share is a part of a Composite.
type Share struct {
	Policy Policy
	// Fraction of PerSecond, in [0, 1]; 0 = only what flows on. All together are at most 1. Of it a second can be saved up, and at least a
	// tenth of a second of the whole.
	Fraction float64
}

// Name returns the label.
func (p Composite) Name() string { return labelOr(p.Label, "composite") }

// Validate wants shares that keep and are not more than the whole.
func (p Composite) Validate() error {
	problems := problems{name: p.Name()}
	problems.refuse(!(p.PerSecond > 0 && p.PerSecond <= math.MaxInt64), "PerSecond %v: want more than 0", p.PerSecond)
	var policies []Policy
	sum := 0.0
	for i, share := range p.Shares {
		policies = append(policies, share.Policy)
		problems.refuse(!(share.Fraction >= 0 && share.Fraction <= 1), "Shares[%d]: Fraction %v: want 0 to 1", i, share.Fraction)
		sum += share.Fraction
	}
	problems.refuse(sum > 1+1e-9, "Shares: fractions add up to %v: want at most 1", sum)
	problems.keepers("Shares", policies)
	return problems.err()
}

// NewDecider returns what steers a threshold for each share.
func (p Composite) NewDecider() Decider {
	c := &composite{}
	for i, share := range p.Shares {
		limit := share.Fraction * p.PerSecond
		burst := max(share.Fraction, 0.1) * p.PerSecond
		c.shares = append(c.shares, &portion{
			decider: share.Policy.NewDecider(),
			own:     limit,
			reason:  fmt.Sprintf("share %d: %s", i, share.Policy.Name()),
			limiter: limiter{limit: limit, burst: burst, level: burst},
		})
	}
	return c
}

// A composite lays the shares of a trace end to end: the first that would keep it gets the traces of the highest randomness, the next one those
// that follow. So the end of the last is the threshold of all, and the weights are right.
type composite struct {
	mu     sync.Mutex
	shares []*portion
}

// A portion is a share at work.
type portion struct {
	decider Decider
	own     float64 // limit without what flows in
	reason  string
	limiter limiter
}

func (c *composite) Early(tracing.View) bool { return false }

func (c *composite) Decide(t Trace, at time.Time) Verdict {
	verdicts := make([]Verdict, len(c.shares))
	for i, share := range c.shares {
		verdicts[i] = share.decider.Decide(t, at) // Under no lock: it may be slow, or somebody else's.
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(at)
	all := Verdict{}
	reach := 0.0 // the share of traces like this one that are kept
	var chosen *portion
	for i, share := range c.shares {
		inner := verdicts[i]
		all.Biased = all.Biased || inner.Biased
		if inner.Vote != VoteKeep {
			continue
		}
		end := min(reach+share.limiter.share(), max(reach, inner.Threshold.Probability()))
		if reach < 1 {
			share.limiter.meter.add(weighed(float64(t.Spans), t))
		}
		reach = end
		all.Vote, all.Threshold = VoteKeep, tracing.ThresholdOf(reach)
		if chosen == nil {
			all.Reason = share.reason
			if all.keeps(t.R) {
				chosen = share
			}
		}
	}
	if chosen != nil && !chosen.limiter.take(float64(t.Spans)) {
		return Verdict{Reason: chosen.reason + ": its bucket is empty", Biased: true}
	}
	return all.or("beyond "+all.Reason, t.R)
}

// advance pours what came since the last decision into the buckets, one overflowing into the next, and has limits follow what is offered.
func (c *composite) advance(at time.Time) {
	over, left := 0.0, 0.0
	for _, share := range c.shares {
		elapsed := share.limiter.meter.advance(at)
		over = share.limiter.fill(share.own*elapsed + over)
		share.limiter.limit = share.own + left
		left = max(share.limiter.limit-share.limiter.meter.rate(), 0)
	}
}
