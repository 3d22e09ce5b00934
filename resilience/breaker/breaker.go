package breaker

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/resilience/breaker/internal/relay"
)

// Breaker is an Engine whose calls read no clock and take no lock while all is well. It is also a Commander and a Judge. New makes it; it is
// safe for concurrent use and needs no closing: nobody holds it but its users.
type Breaker struct {
	newest atomic.Pointer[bucket] // where the next call counts; never nil
	cfg    atomic.Pointer[Config] // filled and valid
	born   time.Time              // a moment before it was, by Config.Now: calls start after it
	_      [cacheLine]byte        // the above is read by each call, what follows is written

	late    atomic.Uint64
	mu      sync.Mutex
	timer   *time.Timer // of the epoch; nil = not armed yet
	epochs  uint64      // so far, that of now included
	returns int         // from half-open to open since the breaker was closed
	changes relay.Relay[Change]
}

var (
	_ Engine    = (*Breaker)(nil)
	_ Commander = (*Breaker)(nil)
	_ Judge     = (*Breaker)(nil)
)

// New returns a closed breaker. A cfg that is out of range or contradicts itself is an ErrConfig that names every problem.
func New(cfg Config) (*Breaker, error) {
	cfg = filled(cfg)
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	b := &Breaker{born: cfg.Now().Add(-1)}
	b.cfg.Store(&cfg)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.enter(Closed)
	return b, nil
}

// Config returns what the breaker goes by, with the values that zero fields stand for.
func (b *Breaker) Config() Config { return *b.cfg.Load() }

// Allow gives the right to one call, or refuses with an *OpenError, which is ready-made.
//
// It is small enough to be inlined, so that the mark which all copies of a ticket share stays on the stack of the caller: through a
// *Breaker it allocates nothing, through an Engine one byte when the call passes.
func (b *Breaker) Allow() (t Ticket, err error) {
	if t, err = b.admit(); err == nil {
		t.used = new(bool)
	}
	return t, err
}

// admit returns the ticket of a call that starts now, but for its mark, or the refusal.
func (b *Breaker) admit() (Ticket, error) {
	if k := b.newest.Load(); k.mode.Load() == plain {
		return Ticket{of: k}, nil
	}
	return b.admitSlowly()
}

// admitSlowly is admit where the newest bucket alone does not decide.
func (b *Breaker) admitSlowly() (Ticket, error) {
	for {
		k := b.newest.Load()
		switch e := k.epoch; {
		case k.resting:
			b.wake()
		case e.refusal != nil && !e.probe():
			return Ticket{}, e.refusal
		default:
			return Ticket{of: k, start: b.start()}, nil
		}
	}
}

// start is what the clock says at the start of a call, if it matters how long the call takes. It is never 0 then.
func (b *Breaker) start() time.Duration {
	cfg := b.cfg.Load()
	if cfg.SlowCall == 0 {
		return 0
	}
	return max(1, cfg.Now().Sub(b.born))
}

// wake makes the window turn, if it rests.
func (b *Breaker) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if k := b.newest.Load(); k.resting {
		b.rouse(k.epoch)
	}
}

// Record gives a ticket back. A success costs one addition while the breaker is closed; all else takes a lock. A result that comes too late
// is ignored and counted in Stats.Late: that of a ticket that was recorded before, whose state has ended, or whose bucket has lapsed.
// Record panics on an Outcome that is none.
func (b *Breaker) Record(t Ticket, o Outcome) {
	k, ok := t.of.(*bucket)
	if o != Success || !ok || k.mode.Load() != plain || k.owner != b || *t.used {
		b.record(t, o)
		return
	}
	*t.used = true
	b.succeed(k)
}

// succeed counts a success without the lock. If the bucket has left that mode meanwhile, the success came between two looks at it.
func (b *Breaker) succeed(k *bucket) {
	k.results.Add(oneCall)
	if k.mode.Load() == guarded {
		b.settle(k)
	}
}

// settle sees to successes that were added to a bucket after it was looked at for the last time.
func (b *Breaker) settle(k *bucket) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if k.gone {
		b.late.Add(k.results.Swap(0) >> 32)
		return
	}
	if newest := b.newest.Load(); newest.resting {
		b.rouse(newest.epoch) // or they would never lapse
	}
}

// record is Record for all but a plain success.
func (b *Breaker) record(t Ticket, o Outcome) {
	if o < Success || o > Unused {
		panic("breaker: record: " + o.String() + " is no outcome")
	}
	k, ok := t.of.(*bucket)
	if !ok || k.owner != b || *t.used {
		b.late.Add(1)
		return
	}
	*t.used = true
	if e := k.epoch; e.state == Disabled && e == b.current() {
		return
	}
	slow := o <= Failure && b.slow(t.start)
	if o == Success && !slow && k.mode.Load() != guarded {
		b.succeed(k)
		return
	}
	b.mu.Lock()
	changed := b.count(k, o, slow)
	b.mu.Unlock()
	b.told(changed)
}

// slow reports whether a call that ends now was slow.
func (b *Breaker) slow(start time.Duration) bool {
	cfg := b.cfg.Load()
	return start != 0 && cfg.SlowCall > 0 && cfg.Now().Sub(b.born)-start >= cfg.SlowCall
}

// count counts a result under the lock, and reports whether the state changed.
func (b *Breaker) count(k *bucket, o Outcome, slow bool) (changed bool) {
	e := b.current()
	if b.newest.Load().resting {
		b.rouse(e) // so that k is out of the window if it has lapsed
	}
	if k.gone {
		if o != Unused {
			b.late.Add(1)
		}
		return false
	}
	e.count(k, o, slow)
	if next := e.next(b.cfg.Load(), o == Failure || slow); next != e.state {
		return b.change(next)
	}
	return false
}

// State returns the state of now, at the cost of a load.
func (b *Breaker) State() State { return b.current().state }

// Counts returns what the window holds. It takes the lock that failures take.
func (b *Breaker) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, _ := b.current().window.sum((*bucket).read)
	return c
}

// Outcome asks Config.Outcome.
func (b *Breaker) Outcome(err error) Outcome {
	if judge := b.cfg.Load().Outcome; judge != nil {
		return judge(err)
	}
	return 0
}
