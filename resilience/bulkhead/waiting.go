package bulkhead

import (
	"context"
	"time"
)

// A free slot goes to a waiter in one of two ways. While the oldest has waited for less than patience, one waiter is woken, to try again
// like any newcomer. From then on newcomers find the semaphore closed, and slots are handed over one by one.
//
// Either way a free slot is never overlooked. Who finds none free sets the waiting bit in the same compare-and-swap, so the next release
// comes here. The bit is clear only while nobody waits, or while somebody is woken; who was woken comes here whatever it does next.

// wait is AcquireAt for who may have to wait.
func (s *Semaphore) wait(ctx context.Context, priority int) (Permit, error) {
	w, word, err := s.join(priority)
	switch {
	case err != nil:
		return Permit{}, err
	case w == nil:
		return s.permit(word), nil
	}
	expired, stop := w.expiry()
	defer stop()
	end, rejected := waits, (*FullError)(nil)
	for end == waits {
		end, rejected = s.look(w, w.wait(ctx, expired))
	}
	switch end {
	case granted:
		return s.permit(w.word), nil
	case left:
		return Permit{}, errGone(ctx)
	case stopped:
		return Permit{}, ErrStopped
	default:
		return Permit{}, s.set.Load().reject(rejected)
	}
}

// join puts a caller into the queue. Without a place there, it returns the word of a slot that the caller took, or the error of its
// refusal.
func (s *Semaphore) join(priority int) (w *waiter, word uint64, err error) {
	now := s.now()
	s.mu.Lock()
	set := s.set.Load()
	s.settle(now) // nobody may be overtaken who has waited for too long by now
	if s.open.Load() != 0 {
		if word, ok := s.take(set.limit); ok {
			s.mu.Unlock()
			return nil, word, nil
		}
	}
	victim, ok := s.queue.room(set, priority)
	if !ok {
		word, waiting := s.word.Load(), s.queue.n
		s.mu.Unlock()
		return nil, 0, s.refuse(set, word, waiting)
	}
	if victim != nil {
		s.end(victim, shed)
	}
	w = newWaiter(&set.Config, priority, now)
	s.queue.push(w) // the waiting bit was set when no slot was free
	s.mu.Unlock()
	return w, 0, nil
}

// look decides about a waiter that was told to look or has a reason to leave, and returns what became of it. Who waited out leaves only at
// an instant at which no slot is free.
func (s *Semaphore) look(w *waiter, why fate) (fate, *FullError) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.woken == w {
		s.woken = nil
	}
	set := s.set.Load()
	if w.fate == waits && why != left {
		if word, ok := s.take(set.limit); ok {
			s.grant(w, word)
		}
	}
	if w.fate == waits && why != waits {
		s.end(w, why)
	}
	s.settle(now)
	if w.fate != shed && w.fate != waitedOut {
		return w.fate, nil
	}
	return w.fate, &FullError{
		InUse: int(s.word.Load() & inUseMask), Limit: set.limit, Waiting: s.queue.n, Waited: now.Sub(w.since), Shed: w.fate == shed,
	}
}

// released goes on with a release that has somebody to look after, or that gave back more than there was.
func (s *Semaphore) released(tooMany bool) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if tooMany {
		s.word.Add(1) // the bit may have been borrowed from meanwhile
		s.word.Or(waitingBit)
	}
	s.settle(now)
	if tooMany {
		panic(releasedTwice)
	}
}

// apply puts a limit into force, and a config if there is one.
func (s *Semaphore) apply(limit int, cfg *Config) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.set.Load()
	if cfg == nil {
		cfg = &old.Config
	}
	set := newSettings(limit, *cfg)
	set.stopped = old.stopped
	s.set.Store(set)
	for w := s.queue.next(&set.Config, now); w != nil; w = s.queue.next(&set.Config, now) {
		word, ok := s.take(limit)
		if !ok {
			break
		}
		s.grant(w, word)
	}
	s.settle(now)
	if limit < old.limit {
		s.touch()
	}
}

// stop refuses newcomers from now on, and returns a channel that is closed when nothing runs or waits any more.
func (s *Semaphore) stop() <-chan struct{} {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle == nil {
		s.idle = make(chan struct{})
		set := *s.set.Load()
		set.stopped = true
		s.set.Store(&set)
		s.open.Store(0)
		s.touch()
		s.settle(now)
	}
	return s.idle
}

// touch changes the word, lest a newcomer that read it and a larger open just before takes a slot now. mu is held.
func (s *Semaphore) touch() {
	s.touches++
	s.word.Add(1 << acquiredShift)
}

// evict sends all waiters away after a stop.
func (s *Semaphore) evict() {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := s.queue.oldest(); w != nil; w = s.queue.oldest() {
		s.end(w, stopped)
	}
	s.settle(now)
}

// settle brings waiters, gate and waiting bit in line after anything that may have changed them. mu is held.
func (s *Semaphore) settle(now time.Time) {
	set := s.set.Load()
	for w := s.queue.oldest(); w != nil; w = s.queue.oldest() {
		if now.Sub(w.since) < patience && !set.stopped {
			s.open.Store(uint64(set.limit)) //nolint:gosec // at most MaxLimit
			s.wake(set, now)
			return
		}
		s.open.Store(0)
		word, ok := s.take(set.limit)
		if !ok {
			return
		}
		s.grant(s.queue.next(&set.Config, now), word)
	}
	if !set.stopped {
		s.open.Store(uint64(set.limit)) //nolint:gosec // at most MaxLimit
		s.word.And(^uint64(waitingBit))
		return
	}
	s.open.Store(0)
	if s.free(1) {
		select {
		case <-s.idle:
		default:
			close(s.idle)
		}
	}
}

// wake tells one waiter that a slot is free, unless one is about to look. mu is held, and there are waiters.
func (s *Semaphore) wake(set *settings, now time.Time) {
	if s.woken == nil {
		if !s.free(set.limit) {
			return
		}
		s.woken = s.queue.next(&set.Config, now)
		s.woken.tell()
	}
	s.word.And(^uint64(waitingBit))
}

// take takes a slot, and returns the word after it. If none is free it sets the waiting bit at that instant. mu is held.
func (s *Semaphore) take(limit int) (word uint64, ok bool) {
	for s.free(limit) {
		word := s.word.Load()
		if int(word&inUseMask) < limit && s.word.CompareAndSwap(word, word+taken) {
			return word + taken, true
		}
	}
	return 0, false
}

// free reports whether fewer than limit slots are in use. If not, it sets the waiting bit at that instant. mu is held.
func (s *Semaphore) free(limit int) bool {
	for {
		word := s.word.Load()
		if int(word&inUseMask) < limit {
			return true
		}
		if s.word.CompareAndSwap(word, word|waitingBit) {
			return false
		}
	}
}

// grant gives a waiter the slot whose taking made the word. mu is held.
func (s *Semaphore) grant(w *waiter, word uint64) {
	w.word = word
	s.end(w, granted)
}

// end takes a waiter out of the queue and tells it why. mu is held.
func (s *Semaphore) end(w *waiter, why fate) {
	s.queue.remove(w)
	s.ends[why]++
	w.fate = why
	w.tell()
}
