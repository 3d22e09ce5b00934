package limit

// Gradient2 follows the ratio of a long average of the rtt to the present one: it shrinks while calls take longer than they used to, and
// lets the long average drift, so that a service that became slower for good is not throttled for ever. NewGradient2 makes it.
type Gradient2 struct {
	cfg      Gradient2Config
	estimate float64
	long     average
}

// Gradient2Config are the parameters of Gradient2. The zero Gradient2Config is valid.
type Gradient2Config struct {
	// Initial is the limit before the first sample. 0 = 20; Min to Max.
	Initial int
	// Min and Max bound the limit. Max 0 = 200.
	Min, Max int
	// Queue is by how much the limit may outgrow what the rtt justifies; it gets the limit before the sample. nil = 4.
	Queue func(limit int) int
	// Smoothing is how far the limit follows each new estimate. 0 = 0.2; in (0, 1].
	Smoothing float64
	// LongWindow is over how many samples the long average runs. 0 = 600.
	LongWindow int
	// Tolerance is how much longer than the long average calls may take before the limit shrinks: 2 is twice as long. 0 = 1.5; at least
	// 1.
	Tolerance float64
}

// NewGradient2 returns a Gradient2. A cfg that is out of range is an ErrConfig that names every such field.
func NewGradient2(cfg Gradient2Config) (*Gradient2, error) {
	cfg.Initial = or(cfg.Initial, defaultInitial)
	cfg.Max = or(cfg.Max, 200)
	cfg.Smoothing = or(cfg.Smoothing, 0.2)
	cfg.LongWindow = or(cfg.LongWindow, 600)
	cfg.Tolerance = or(cfg.Tolerance, 1.5)
	if cfg.Queue == nil {
		cfg.Queue = func(int) int { return 4 }
	}
	var p problems
	p.bounds(cfg.Initial, cfg.Min, cfg.Max)
	p.check(cfg.Smoothing > 0 && cfg.Smoothing <= 1, "Smoothing %v: want a part in (0, 1], or 0 for 0.2", cfg.Smoothing)
	p.check(cfg.LongWindow > 0, "LongWindow %d: want at least 1, or 0 for 600", cfg.LongWindow)
	p.check(cfg.Tolerance >= 1, "Tolerance %v: want at least 1, or 0 for 1.5", cfg.Tolerance)
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Gradient2{cfg: cfg, estimate: float64(cfg.Initial), long: average{window: cfg.LongWindow}}, nil
}

// Limit returns the current limit.
func (g *Gradient2) Limit() int { return int(g.estimate) }

// Update moves the long average, and then the limit when at least half of it was in use. Whether calls were dropped does not matter. A
// sample without a time changes nothing.
func (g *Gradient2) Update(s Sample) int {
	if s.RTT <= 0 {
		return g.Limit()
	}
	queue := float64(g.cfg.Queue(g.Limit()))
	short := float64(s.RTT)
	long := g.long.add(short)
	if long/short > 2 {
		g.long.value *= 0.95 // the service recovered: the average must not take as long to come down as it took to rise
	}
	if float64(s.InFlight) < g.estimate/2 {
		return g.Limit()
	}
	gradient := max(0.5, min(1, g.cfg.Tolerance*long/short))
	next := float64(g.estimate*gradient) + queue
	next = float64(g.estimate*(1-g.cfg.Smoothing)) + float64(next*g.cfg.Smoothing)
	g.estimate = max(float64(g.cfg.Min), min(float64(g.cfg.Max), next))
	return g.Limit()
}

// warmup is of how many samples the average is a plain mean: an exponential one would be ruled by the first sample for hours.
const warmup = 10

// average is a mean of the first samples and exponential after that.
type average struct {
	window int
	n      int
	sum    float64
	value  float64
}

// add takes a sample into account and returns the average.
func (a *average) add(x float64) float64 {
	if a.n < warmup {
		a.n++
		a.sum += x
		a.value = a.sum / float64(a.n)
		return a.value
	}
	factor := 2 / float64(a.window+1)
	a.value = float64(a.value*(1-factor)) + float64(x*factor)
	return a.value
}
