package bulkhead

import (
	"sync"
	"time"

	"github.com/tenon-go/tenon/resilience/bulkhead/limit"
)

// AdaptiveConfig says how a semaphore finds its limit. The zero AdaptiveConfig is valid.
type AdaptiveConfig struct {
	Config
	// Window is over how long calls make one sample of the algorithm. 0 = 1 s.
	Window time.Duration
	// MinSamples is how many timed calls a sample needs; a window with fewer goes on. 0 = 10.
	MinSamples int
	// Every is of how many calls one is timed: reading the clock twice costs more than all else. 0 = 8; 1 times all.
	Every int
}

// defaultEvery stands behind a zero Every.
const defaultEvery = 8

// NewAdaptive returns a semaphore whose limit follows an algorithm of package limit: of each window it gets the mean time of the timed
// calls, the highest number in flight among them, and whether any permit was given back by Drop. The limit is at least 1, for without calls
// there would be no samples, and at most MaxLimit. The algorithm must be used by nothing else.
//
// A cfg that is out of range or contradicts itself, and a nil algorithm, are an ErrConfig that names every problem.
func NewAdaptive(alg limit.Algorithm, cfg AdaptiveConfig) (*Semaphore, error) {
	var p problems
	cfg.validate(&p, 0)
	p.check(cfg.Window >= 0, "Window %v: want more than 0, or 0 for 1s", cfg.Window)
	p.check(cfg.MinSamples >= 0, "MinSamples %d: want at least 1, or 0 for 10", cfg.MinSamples)
	p.check(cfg.Every >= 0, "Every %d: want at least 1, or 0 for %d", cfg.Every, defaultEvery)
	p.check(alg != nil, "algorithm nil: want one")
	if err := p.err(); err != nil {
		return nil, err
	}
	window, err := limit.NewWindow(limit.WindowConfig{Span: cfg.Window, MinSamples: cfg.MinSamples})
	if err != nil {
		return nil, err
	}
	if cfg.Every == 0 {
		cfg.Every = defaultEvery
	}
	s := newSemaphore(bounded(alg.Limit()), cfg.Config)
	s.tuner = &tuner{start: s.now(), every: uint64(cfg.Every), window: window, alg: alg} //nolint:gosec // not negative
	return s, nil
}

// bounded returns a limit that a semaphore can have and recover from.
func bounded(n int) int { return min(max(n, 1), MaxLimit) }

// tuner times calls of a semaphore and moves its limit.
type tuner struct {
	start time.Time // calls are timed from here
	every uint64

	mu     sync.Mutex // guards the rest, and is taken before the semaphore's
	window *limit.Window
	alg    limit.Algorithm
}

// permit returns the permit of who took a slot, which made the word; one in so many is timed.
func (t *tuner) permit(s *Semaphore, word uint64) Permit {
	p := Permit{sem: s}
	if word>>acquiredShift%t.every == 0 {
		p.began = max(1, s.now().Sub(t.start))
		p.inFlight = int(word & inUseMask)
	}
	return p
}

// observe takes a call that has ended into account.
func (t *tuner) observe(p *Permit, dropped bool) {
	now := p.sem.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.began == 0 {
		t.window.Drop()
		return
	}
	rtt := now.Sub(t.start) - p.began
	mean, full := t.window.Add(limit.Sample{RTT: rtt, InFlight: p.inFlight, Dropped: dropped}, now)
	if !full {
		return
	}
	if n := bounded(t.alg.Update(mean)); n != p.sem.set.Load().limit {
		p.sem.apply(n, nil)
	}
}
