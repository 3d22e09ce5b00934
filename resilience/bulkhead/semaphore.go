package bulkhead

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// The word of a semaphore: acquired(43) | waiting(1) | in use(20). Gauge and total change in one compare-and-swap, so they never disagree,
// and a word that is the same (but for its bit) was the same in between: nothing was acquired, so nothing can have been released either.
const (
	inUseBits     = 20
	inUseMask     = 1<<inUseBits - 1
	waitingBit    = 1 << inUseBits
	acquiredShift = inUseBits + 1
	acquiredBits  = 64 - acquiredShift
	taken         = 1<<acquiredShift + 1 // one more acquired, one more in use
)

// patience is for how long newcomers may overtake the oldest waiter. It is that of sync.Mutex. To hand each slot to a sleeper costs a
// switch of goroutines per call; never to do so starves it.
const patience = time.Millisecond

// Semaphore bounds how many calls run at once. It is safe for concurrent use; New and NewAdaptive make it.
type Semaphore struct {
	word atomic.Uint64
	// open is up to how many slots in use a newcomer may take another one: the limit, or 0 while slots are handed to waiters only.
	open     atomic.Uint64
	set      atomic.Pointer[settings]
	tuner    *tuner        // nil unless adaptive
	rejected atomic.Uint64 // refused at once
	gone     atomic.Uint64 // with a context that was done when they came

	mu      sync.Mutex // guards the rest, and writes to open, to set and to the waiting bit
	queue   queue
	woken   *waiter             // told that a slot is free, and not heard of since
	ends    [stopped + 1]uint64 // how many waiters ended, by fate
	touches uint64              // how often the word counts one acquired that is none
	idle    chan struct{}       // closed when nothing runs or waits after a stop; nil before the stop
}

// New returns a semaphore that lets limit calls run at once, 0 to MaxLimit; 0 refuses all newcomers. A limit or cfg that is out of range or
// contradicts itself is an ErrConfig that names every problem.
func New(limit int, cfg Config) (*Semaphore, error) {
	var p problems
	cfg.validate(&p, limit)
	if err := p.err(); err != nil {
		return nil, err
	}
	return newSemaphore(limit, cfg), nil
}

func newSemaphore(limit int, cfg Config) *Semaphore {
	s := new(Semaphore)
	s.set.Store(newSettings(limit, cfg))
	s.open.Store(uint64(limit)) //nolint:gosec // at most MaxLimit
	return s
}

// Acquire is AcquireAt with priority 0.
func (s *Semaphore) Acquire(ctx context.Context) (Permit, error) {
	return s.AcquireAt(ctx, 0)
}

// AcquireAt returns the permit for one call, after a wait in the queue if there is one. Whoever gets it must give it back. It fails with a
// *FullError, or, wrapped, with the cause of ctx if that is done before there is a slot, be it before the call.
//
// The priority matters to Config.ShedLowest only: it decides who may wait, not who is next.
func (s *Semaphore) AcquireAt(ctx context.Context, priority int) (Permit, error) {
	if ctx.Err() != nil {
		s.gone.Add(1)
		return Permit{}, errGone(ctx)
	}
	word, ok := s.enter()
	if ok {
		return s.permit(word), nil
	}
	if set := s.set.Load(); set.Queue == 0 || set.stopped {
		return Permit{}, s.refuse(set, word, s.waiting(word))
	}
	return s.wait(ctx, priority)
}

// TryAcquire returns a permit if a slot is free for newcomers. It never waits; a refusal counts as one.
func (s *Semaphore) TryAcquire() (Permit, bool) {
	word, ok := s.enter()
	if ok {
		return s.permit(word), true
	}
	_ = s.refuse(s.set.Load(), word, s.waiting(word))
	return Permit{}, false
}

// Resize changes the limit. It does not block: a larger limit lets waiters go at once, a smaller one takes effect as calls end. Of an
// adaptive semaphore it holds until the next window. A limit that is out of range is an ErrConfig and changes nothing.
func (s *Semaphore) Resize(limit int) error {
	var p problems
	checkLimit(&p, limit)
	if err := p.err(); err != nil {
		return err
	}
	s.apply(limit, nil)
	return nil
}

// Reconfigure changes limit and config. Permits and waiters stay, and who waits keeps the MaxWait it came with; a shorter queue takes no
// newcomers until enough have left it. A limit or cfg that New would refuse is an ErrConfig and changes nothing.
func (s *Semaphore) Reconfigure(limit int, cfg Config) error {
	var p problems
	cfg.validate(&p, limit)
	if err := p.err(); err != nil {
		return err
	}
	s.apply(limit, &cfg)
	return nil
}

// Stats returns the present numbers. It takes the lock of the queue.
func (s *Semaphore) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	word := s.word.Load()
	return Stats{
		Limit:     s.set.Load().limit,
		InUse:     int(word & inUseMask),
		Waiting:   s.queue.n,
		Accepted:  (word>>acquiredShift - s.touches) & (1<<acquiredBits - 1),
		Rejected:  s.rejected.Load() + s.ends[shed] + s.ends[waitedOut] + s.ends[stopped],
		Shed:      s.ends[shed],
		WaitedOut: s.ends[waitedOut],
		Left:      s.gone.Load() + s.ends[left],
	}
}

// now reads the clock.
func (s *Semaphore) now() time.Time { return s.set.Load().Now() }

// permit returns the permit of who took a slot, which made the word.
func (s *Semaphore) permit(word uint64) Permit {
	if s.tuner != nil {
		return s.tuner.permit(s, word)
	}
	return Permit{sem: s}
}

// enter takes a slot if one is free for newcomers, and returns the word after it, or the word in which none was. Where it says no, that was
// so at one instant: open was read between two readings of the same word.
func (s *Semaphore) enter() (word uint64, ok bool) {
	for {
		word := s.word.Load()
		if word&inUseMask < s.open.Load() {
			if s.word.CompareAndSwap(word, word+taken) {
				return word + taken, true
			}
		} else if s.word.Load() == word {
			return word, false
		}
	}
}

// refuse counts a caller that found no slot and does not wait, and returns its error.
func (s *Semaphore) refuse(set *settings, word uint64, waiting int) error {
	s.rejected.Add(1)
	if set.stopped {
		return ErrStopped
	}
	return set.reject(set.ready.with(int(word&inUseMask), waiting))
}

// waiting returns how many wait. Where the word says that it is nobody, it does not take the lock.
func (s *Semaphore) waiting(word uint64) int {
	if word&waitingBit == 0 {
		return 0
	}
	return s.queued()
}

func (s *Semaphore) queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queue.n
}

// release gives a slot back.
func (s *Semaphore) release() {
	word := s.word.Add(^uint64(0))
	if word&waitingBit != 0 || word&inUseMask == inUseMask {
		s.released(word&inUseMask == inUseMask)
	}
}
