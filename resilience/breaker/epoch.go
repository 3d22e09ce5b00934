package breaker

import (
	"sync/atomic"
	"time"
	"weak"
)

// epoch is what belongs to one stay in one state. A result counts only in the epoch that its call was allowed in.
type epoch struct {
	number  uint64
	state   State
	since   time.Time    // by Config.Now
	until   time.Time    // when a timer ends it, by Config.Now; zero = none does
	refusal *OpenError   // nil where all calls pass
	places  atomic.Int64 // for calls to pass where there is a refusal: Probes, less those that run and that succeeded
	rest    *bucket      // the newest bucket while the window does not turn
	window  window
}

// probe takes a place, if there is one.
func (e *epoch) probe() bool {
	for {
		free := e.places.Load()
		if free <= 0 {
			return false
		}
		if e.places.CompareAndSwap(free, free-1) {
			return true
		}
	}
}

// lapses reports whether results lapse while the state stays.
func (e *epoch) lapses() bool { return e.state == Closed || e.state == MetricsOnly }

// count counts a result in bucket k of the epoch.
func (e *epoch) count(k *bucket, o Outcome, slow bool) {
	switch o {
	case Success:
		k.results.Add(oneCall)
	case Failure:
		e.window.failed(k)
	case Excluded:
		k.others.Add(oneExcluded)
		e.places.Add(1)
	case Unused:
		e.places.Add(1)
	}
	if slow {
		k.others.Add(oneSlow)
	}
}

// next returns the state that a result leads to, which is counted already. Only what speaks against the service can trip, so that successes
// need no look at the window.
func (e *epoch) next(cfg *Config, bad bool) State {
	switch {
	case e.state == Closed && bad:
		if c, _ := e.window.sum((*bucket).read); cfg.trips(c) {
			return Open
		}
	case e.state == HalfOpen && bad:
		return Open
	case e.state == HalfOpen:
		if c, _ := e.window.sum((*bucket).read); c.Successes >= cfg.Probes {
			return Closed
		}
	}
	return e.state
}

// current returns the epoch of now.
func (b *Breaker) current() *epoch { return b.newest.Load().epoch }

// enter begins an epoch. The lock is held, and the epoch before has ended.
func (b *Breaker) enter(state State) {
	cfg := b.cfg.Load()
	b.epochs++
	e := &epoch{number: b.epochs, state: state, since: cfg.Now().UTC()}
	k := &bucket{owner: b, epoch: e}
	var lasts time.Duration
	switch state {
	case Closed, MetricsOnly:
		k.resting = true
		e.window = window{ring: make([]*bucket, cfg.Buckets), newest: -1, start: packageTime(), width: cfg.width()}
	case Open:
		lasts = cfg.openFor(b.returns, cfg.Rand())
		e.refusal = &OpenError{Name: cfg.Name, State: state, Until: e.since.Add(lasts), now: cfg.Now}
	case HalfOpen:
		lasts = max(0, cfg.ProbeMaxWait)
		e.refusal = &OpenError{Name: cfg.Name, State: state}
		e.places.Store(int64(cfg.Probes))
	case ForcedOpen:
		e.refusal = &OpenError{Name: cfg.Name, State: state}
	case Disabled:
	}
	e.rest = k
	if !k.resting {
		e.window.ring = []*bucket{k}
	}
	if lasts > 0 {
		e.until = e.since.Add(lasts)
	}
	b.newest.Store(k)
	if lasts > 0 {
		b.arm(lasts)
	}
}

// leave ends the epoch of now and returns what it counted. The lock is held.
func (b *Breaker) leave() Counts {
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	c, _ := b.current().window.sum((*bucket).leave)
	return c
}

// rouse makes the buckets of a window that rests turn, beginning with the one of now. The lock is held.
func (b *Breaker) rouse(e *epoch) {
	w := &e.window
	n, left := w.due(packageTime())
	w.advance(n)
	b.open(e)
	b.arm(left)
}

// turn is the timer of a window: it lets results lapse, and rests when none is left. The lock is held.
func (b *Breaker) turn(e *epoch) {
	w := &e.window
	if len(w.ring) == 1 { // another begins with the next call
		w.drop(0)
		b.newest.Store(e.rest)
		return
	}
	n, left := w.due(packageTime())
	w.advance(n)
	w.setMode(guarded) // what is added without the lock from here on, its Record sees to
	if w.empty() {
		b.newest.Store(e.rest)
		return
	}
	b.open(e)
	b.timer.Reset(left)
}

// open puts the newest bucket of a window in place. The lock is held.
func (b *Breaker) open(e *epoch) {
	w := &e.window
	at := w.newest % int64(len(w.ring))
	if w.ring[at] == nil {
		w.ring[at] = &bucket{owner: b, epoch: e}
	}
	w.setMode(b.cfg.Load().mode())
	b.newest.Store(w.ring[at])
}

// arm starts the timer of the epoch. The lock is held.
//
// The timer refers to the breaker weakly: one that nobody uses any more would otherwise live as long as it is open, and with half-open
// ending by itself that is for ever.
func (b *Breaker) arm(d time.Duration) {
	if b.timer != nil {
		b.timer.Reset(d)
		return
	}
	ref, number := weak.Make(b), b.epochs
	b.timer = time.AfterFunc(d, func() { //nolint:forbidigo // a timer, which tests run in a bubble of package synctest
		if b := ref.Value(); b != nil {
			b.fire(number)
		}
	})
}

// fire is called by the timer of an epoch, which may have ended meanwhile.
func (b *Breaker) fire(number uint64) {
	b.mu.Lock()
	changed := false
	if e := b.current(); e.number == number {
		switch e.state {
		case Closed, MetricsOnly:
			b.turn(e)
		case Open:
			changed = b.change(HalfOpen)
		case HalfOpen:
			changed = b.change(Open)
		default:
		}
	}
	b.mu.Unlock()
	b.told(changed)
}

// packageTime is the time that timers go by, in tests that of the bubble.
func packageTime() time.Time {
	return time.Now() //nolint:forbidigo // timers know no other clock
}
