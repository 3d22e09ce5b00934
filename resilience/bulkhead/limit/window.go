package limit

import "time"

// Window makes one sample of many. It closes with the first call that ends when it has lasted for Span and has MinSamples calls: where
// calls are few it lasts longer, for a mean of three calls is noise. NewWindow makes it.
type Window struct {
	cfg     WindowConfig
	start   time.Time // zero before the first call
	n       int
	sum     time.Duration
	highest int
	dropped bool
}

// WindowConfig are the parameters of a Window. The zero WindowConfig is valid.
type WindowConfig struct {
	// Span is how long a window lasts at least. 0 = 1 s.
	Span time.Duration
	// MinSamples is how many calls a window has at least. 0 = 10.
	MinSamples int
}

// NewWindow returns a Window. A cfg that is out of range is an ErrConfig that names every such field.
func NewWindow(cfg WindowConfig) (*Window, error) {
	cfg.Span = or(cfg.Span, time.Second)
	cfg.MinSamples = or(cfg.MinSamples, 10)
	var p problems
	p.check(cfg.Span > 0, "Span %v: want more than 0, or 0 for 1s", cfg.Span)
	p.check(cfg.MinSamples > 0, "MinSamples %d: want at least 1, or 0 for 10", cfg.MinSamples)
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Window{cfg: cfg}, nil
}

// Add takes a call that ended at the given time into account. When that closes the window, it returns the sample of it and true: the mean
// rtt, the highest number in flight, and whether any call was dropped. The next window then begins.
func (w *Window) Add(s Sample, at time.Time) (Sample, bool) {
	if w.start.IsZero() {
		w.start = at
	}
	w.n++
	w.sum += max(1, s.RTT) // a coarse clock may see no time pass, but no call takes none
	w.highest = max(w.highest, s.InFlight)
	w.dropped = w.dropped || s.Dropped
	if w.n < w.cfg.MinSamples || at.Sub(w.start) < w.cfg.Span {
		return Sample{}, false
	}
	mean := Sample{RTT: w.sum / time.Duration(w.n), InFlight: w.highest, Dropped: w.dropped}
	*w = Window{cfg: w.cfg, start: at}
	return mean, true
}

// Drop notes that a call was dropped which nobody timed.
func (w *Window) Drop() { w.dropped = true }
