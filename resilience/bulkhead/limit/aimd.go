package limit

import "time"

// AIMD grows by one per sample and shrinks by a ratio per drop. It never looks at how long a call takes but for its timeout, so it finds
// the limit by running into it. NewAIMD makes it.
type AIMD struct {
	cfg   AIMDConfig
	limit int
}

// AIMDConfig are the parameters of AIMD. The zero AIMDConfig is valid.
type AIMDConfig struct {
	// Initial is the limit before the first sample. 0 = 20; Min to Max.
	Initial int
	// Min and Max bound the limit. Max 0 = 200.
	Min, Max int
	// Ratio is what is left of the limit after a drop. 0 = 0.9; in (0, 1).
	Ratio float64
	// Timeout is the time above which a call counts as dropped. 0 = 5 s.
	Timeout time.Duration
}

// NewAIMD returns an AIMD. A cfg that is out of range is an ErrConfig that names every such field.
func NewAIMD(cfg AIMDConfig) (*AIMD, error) {
	cfg.Initial = or(cfg.Initial, defaultInitial)
	cfg.Max = or(cfg.Max, 200)
	cfg.Ratio = or(cfg.Ratio, 0.9)
	cfg.Timeout = or(cfg.Timeout, 5*time.Second)
	var p problems
	p.bounds(cfg.Initial, cfg.Min, cfg.Max)
	p.check(cfg.Ratio > 0 && cfg.Ratio < 1, "Ratio %v: want a part in (0, 1), or 0 for 0.9", cfg.Ratio)
	p.check(cfg.Timeout > 0, "Timeout %v: want more than 0, or 0 for 5s", cfg.Timeout)
	if err := p.err(); err != nil {
		return nil, err
	}
	return &AIMD{cfg: cfg, limit: cfg.Initial}, nil
}

// Limit returns the current limit.
func (a *AIMD) Limit() int { return a.limit }

// Update shrinks the limit after a drop or a call that took too long, and grows it when at least half of it was in use.
func (a *AIMD) Update(s Sample) int {
	if s.Dropped || s.RTT > a.cfg.Timeout {
		a.limit = int(float64(a.limit) * a.cfg.Ratio)
	} else if s.InFlight*2 >= a.limit {
		a.limit++
	}
	a.limit = min(max(a.limit, a.cfg.Min), a.cfg.Max)
	return a.limit
}
