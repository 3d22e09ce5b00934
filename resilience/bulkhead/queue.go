package bulkhead

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Order is which waiter is next.
type Order uint8

const (
	// FIFO serves who has waited longest.
	FIFO Order = iota
	// LIFOWhenLate serves who came last once the oldest has waited for more than half of MaxWait. A queue that has become that long
	// serves in order only callers who are about to give up; so it keeps the newest in time, and lets the oldest wait out.
	LIFOWhenLate
)

// fate is what became of a waiter.
type fate uint8

const (
	waits     fate = iota
	granted        // it has a slot
	left           // its context was done
	waitedOut      // its bound was over
	shed           // a newcomer of higher priority took its place
	stopped        // the pool was stopped
)

// waiter is one caller in a queue. The lock of the queue's owner guards it.
type waiter struct {
	since    time.Time
	maxWait  time.Duration // the bound that it came with, 0 = none
	priority int
	signal   chan struct{} // holds one: look at your fate, or try again
	fate     fate
	word     uint64 // of a semaphore, with the slot that was granted
	links    [2]struct{ older, newer *waiter }
}

func newWaiter(cfg *Config, priority int, now time.Time) *waiter {
	return &waiter{since: now, maxWait: cfg.MaxWait, priority: priority, signal: make(chan struct{}, 1)}
}

// tell makes the waiter look. A signal that it has not seen yet is as good as a second one.
func (w *waiter) tell() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// expiry returns the channel that tells that the waiter's bound is over, nil where there is none, and what frees its timer.
func (w *waiter) expiry() (<-chan time.Time, func() bool) {
	if w.maxWait == 0 {
		return nil, func() bool { return false }
	}
	timer := time.NewTimer(w.maxWait) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	return timer.C, timer.Stop
}

// wait blocks until the waiter is told to look, and returns waits, or until it has a reason to leave, and returns that.
func (w *waiter) wait(ctx context.Context, expired <-chan time.Time) fate {
	select {
	case <-w.signal:
		return waits
	case <-ctx.Done():
		return left
	case <-expired:
		return waitedOut
	}
}

// The two lists that a waiter is in.
const (
	byAge = iota
	byPriority
)

// list is a list of waiters from the oldest to the newest, doubly linked through links[of].
type list struct {
	oldest, newest *waiter
	of             int
}

func (l *list) push(w *waiter) {
	w.links[l.of].older = l.newest
	if l.newest == nil {
		l.oldest = w
	} else {
		l.newest.links[l.of].newer = w
	}
	l.newest = w
}

func (l *list) remove(w *waiter) {
	at := &w.links[l.of]
	if at.older == nil {
		l.oldest = at.newer
	} else {
		at.older.links[l.of].newer = at.newer
	}
	if at.newer == nil {
		l.newest = at.older
	} else {
		at.newer.links[l.of].older = at.older
	}
	at.older, at.newer = nil, nil
}

// level is the waiters of one priority.
type level struct {
	priority int
	list     list
}

// queue is who waits for a slot. All operations take constant time, but for the search among the priorities that wait.
type queue struct {
	n      int
	age    list
	levels []level // with waiters, lowest priority first
}

// oldest returns who has waited longest, nil where nobody waits.
func (q *queue) oldest() *waiter { return q.age.oldest }

// next returns who is to have the next slot, nil where nobody waits.
func (q *queue) next(cfg *Config, now time.Time) *waiter {
	w := q.age.oldest
	if w != nil && cfg.Order == LIFOWhenLate && w.maxWait > 0 && now.Sub(w.since) > w.maxWait/2 {
		return q.age.newest
	}
	return w
}

// room reports whether a newcomer can wait, and who must be shed for that: the youngest of the lowest priority, if that is below the
// newcomer's. A queue that is longer than it may be, since it was made shorter, sheds nobody.
func (q *queue) room(set *settings, priority int) (victim *waiter, ok bool) {
	switch {
	case set.stopped || set.limit == 0:
		return nil, false
	case q.n < set.Queue:
		return nil, true
	case !set.ShedLowest || q.n > set.Queue || q.levels[0].priority >= priority:
		return nil, false
	}
	return q.levels[0].list.newest, true
}

func (q *queue) push(w *waiter) {
	q.n++
	q.age.push(w)
	i, found := q.level(w.priority)
	if !found {
		q.levels = slices.Insert(q.levels, i, level{priority: w.priority, list: list{of: byPriority}})
	}
	q.levels[i].list.push(w)
}

func (q *queue) remove(w *waiter) {
	q.n--
	q.age.remove(w)
	i, _ := q.level(w.priority)
	q.levels[i].list.remove(w)
	if q.levels[i].list.oldest == nil {
		q.levels = slices.Delete(q.levels, i, i+1)
	}
}

// level finds the place of a priority.
func (q *queue) level(priority int) (int, bool) {
	return slices.BinarySearchFunc(q.levels, priority, func(l level, p int) int { return cmp.Compare(l.priority, p) })
}
