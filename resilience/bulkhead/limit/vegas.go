package limit

import (
	"math"
	"math/rand/v2"
	"time"
)

// Vegas estimates how many calls queue inside the service, limit·(1 - best rtt/rtt), and keeps that queue short but not empty. It needs a
// service whose calls take about the same time each. NewVegas makes it.
type Vegas struct {
	cfg    VegasConfig
	limit  float64
	noload time.Duration // the best rtt since the last probe, 0 before the first sample
	seen   int           // samples since the last probe
	jitter float64       // spreads the probes of many instances, in [0.5, 1)
}

// VegasConfig are the parameters of Vegas. The zero VegasConfig is valid. Its functions get the limit before the sample; with l =
// Log10Root(limit) their defaults take steps that suit limits of 10 and of 10,000.
type VegasConfig struct {
	// Initial is the limit before the first sample. 0 = 20; 1 to Max.
	Initial int
	// Max bounds the limit. 0 = 1000.
	Max int
	// Smoothing is how far the limit follows each new estimate. 0 = 1, all the way; in (0, 1].
	Smoothing float64
	// Threshold is the queue up to which the limit grows by Beta; below Alpha it grows by Increase; above Beta it shrinks by Decrease.
	// In between it stays. nil = l, 3l and 6l.
	Threshold, Alpha, Beta func(limit int) int
	// Increase and Decrease return the next limit. nil = limit + l and limit - l.
	Increase, Decrease func(limit float64) float64
	// ProbeMultiplier times the limit is after how many samples, at most, the best rtt is forgotten and measured anew: the service may
	// have become slower for good. Probes are spread over the second half. 0 = 30.
	ProbeMultiplier int
	// Rand draws from [0, 1). nil = math/rand/v2.
	Rand func() float64
}

// NewVegas returns a Vegas. A cfg that is out of range is an ErrConfig that names every such field.
func NewVegas(cfg VegasConfig) (*Vegas, error) {
	cfg.Initial = or(cfg.Initial, defaultInitial)
	cfg.Max = or(cfg.Max, 1000)
	cfg.Smoothing = or(cfg.Smoothing, 1)
	cfg.ProbeMultiplier = or(cfg.ProbeMultiplier, 30)
	var p problems
	p.bounds(cfg.Initial, 1, cfg.Max)
	p.check(cfg.Smoothing > 0 && cfg.Smoothing <= 1, "Smoothing %v: want a part in (0, 1], or 0 for 1", cfg.Smoothing)
	p.check(cfg.ProbeMultiplier > 0, "ProbeMultiplier %d: want at least 1, or 0 for 30", cfg.ProbeMultiplier)
	if err := p.err(); err != nil {
		return nil, err
	}
	v := &Vegas{cfg: cfg.filled(), limit: float64(cfg.Initial)}
	v.spread()
	return v, nil
}

// filled returns the config with the functions that nil stands for.
func (c VegasConfig) filled() VegasConfig {
	if c.Threshold == nil {
		c.Threshold = Log10Root
	}
	if c.Alpha == nil {
		c.Alpha = func(limit int) int { return 3 * Log10Root(limit) }
	}
	if c.Beta == nil {
		c.Beta = func(limit int) int { return 6 * Log10Root(limit) }
	}
	if c.Increase == nil {
		c.Increase = func(limit float64) float64 { return limit + float64(Log10Root(int(limit))) }
	}
	if c.Decrease == nil {
		c.Decrease = func(limit float64) float64 { return limit - float64(Log10Root(int(limit))) }
	}
	if c.Rand == nil {
		c.Rand = rand.Float64 //nolint:forbidigo // the default of an injected source
	}
	return c
}

// Limit returns the current limit.
func (v *Vegas) Limit() int { return int(v.limit) }

// Update takes the first rtt, each lower one and each probe as the best rtt, and changes nothing else then; any other sample moves the
// limit. A sample without a time changes nothing.
func (v *Vegas) Update(s Sample) int {
	if s.RTT <= 0 {
		return v.Limit()
	}
	v.seen++
	probe := v.jitter*float64(v.cfg.ProbeMultiplier)*v.limit <= float64(v.seen)
	if probe {
		v.spread()
		v.seen = 0
	}
	if probe || v.noload == 0 || s.RTT < v.noload {
		v.noload = s.RTT
		return v.Limit()
	}
	next, moved := v.next(s)
	if moved {
		next = max(1, min(float64(v.cfg.Max), next))
		v.limit = float64((1-v.cfg.Smoothing)*v.limit) + float64(v.cfg.Smoothing*next)
	}
	return v.Limit()
}

// next returns what the sample says that the limit should be, and whether it says anything.
func (v *Vegas) next(s Sample) (limit float64, moved bool) {
	queue := int(math.Ceil(v.limit * (1 - float64(v.noload)/float64(s.RTT))))
	switch whole := int(v.limit); {
	case s.Dropped:
		return v.cfg.Decrease(v.limit), true
	case float64(s.InFlight*2) < v.limit:
		return 0, false
	case queue <= v.cfg.Threshold(whole):
		return v.limit + float64(v.cfg.Beta(whole)), true
	case queue < v.cfg.Alpha(whole):
		return v.cfg.Increase(v.limit), true
	case queue > v.cfg.Beta(whole):
		return v.cfg.Decrease(v.limit), true
	default:
		return 0, false
	}
}

// spread draws when the next probe is due.
func (v *Vegas) spread() { v.jitter = 0.5 + float64(0.5*v.cfg.Rand()) }
