package breaker

import (
	"fmt"
	"time"
)

// Change is a change of state, and what the state that was left had counted: of a trip, the results that tripped.
type Change struct {
	Name     string
	From, To State     // the same where a command began the state anew
	At       time.Time // in UTC
	Counts   Counts
}

// Command puts the breaker into a state, also the one that it is in: then it begins anew, with an empty window and a whole timer. Tickets
// from before are late. From closed to half-open, and from metrics-only to half-open or open, is an ErrTransition and changes nothing:
// those states know of no failure to recover from.
func (b *Breaker) Command(to State) error {
	if to > MetricsOnly {
		return fmt.Errorf("breaker: command: %v: %w", to, ErrTransition)
	}
	b.mu.Lock()
	from := b.current().state
	if !commandable(from, to) {
		b.mu.Unlock()
		return fmt.Errorf("breaker: command: %v to %v: %w", from, to, ErrTransition)
	}
	changed := b.change(to)
	b.mu.Unlock()
	b.told(changed)
	return nil
}

// commandable reports whether an operator may move a breaker from one state to the other.
func commandable(from, to State) bool {
	switch from {
	case Closed:
		return to != HalfOpen
	case MetricsOnly:
		return to != HalfOpen && to != Open
	default:
		return true
	}
}

// Reload replaces the configuration while calls go on. State, counts and a running timer stay, and calls that are out count as before; but
// another Window or another number of Buckets begins the counts anew, and restarted says so. A cfg that New would refuse changes nothing.
func (b *Breaker) Reload(cfg Config) (restarted bool, err error) {
	cfg = filled(cfg)
	if err := cfg.validate(); err != nil {
		return false, err
	}
	b.mu.Lock()
	old := b.cfg.Swap(&cfg)
	e := b.current()
	restarted = e.lapses() && (old.Window != cfg.Window || old.Buckets != cfg.Buckets)
	changed := false
	switch {
	case restarted:
		b.leave()
		b.enter(e.state)
	case e.lapses() && !b.newest.Load().resting:
		b.open(e) // sets how it counts
	case e.state == HalfOpen:
		e.places.Add(int64(cfg.Probes - old.Probes))
		if next := e.next(&cfg, false); next != HalfOpen {
			changed = b.change(next)
		}
	}
	b.mu.Unlock()
	b.told(changed)
	return restarted, nil
}

// mode is how buckets count under a config.
func (c *Config) mode() uint32 {
	if c.SlowCall > 0 {
		return timed
	}
	return plain
}

// change ends the epoch and begins another. The lock is held; when it is not any more, told must be called with what change returns.
func (b *Breaker) change(to State) (changed bool) {
	e := b.current()
	from, counts := e.state, b.leave()
	hung := int(e.places.Load())+counts.Successes < b.cfg.Load().Probes
	switch {
	case to == Closed:
		b.returns = 0
	case to == Open && from == HalfOpen && (hung || counts.Failures+counts.Slow > 0): // else nothing spoke against the service
		b.returns++
	}
	b.enter(to)
	if cfg := b.cfg.Load(); cfg.OnChange != nil {
		b.changes.Add(Change{Name: cfg.Name, From: from, To: to, At: b.current().since, Counts: counts})
	}
	return true
}

// told reports what has changed. It is called under no lock.
func (b *Breaker) told(changed bool) {
	if !changed {
		return
	}
	b.changes.Run(func(c Change) {
		if tell := b.cfg.Load().OnChange; tell != nil {
			tell(c)
		}
	})
}
