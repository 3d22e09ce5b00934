package collector

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
)

// An Output takes what is kept. *otlp.Client is one.
type Output interface {
	// Put takes parts of traces, all or none. They are its own, to keep and to change. After an error the same parts come again after 100 ms to
	// 5 s, behind others that wait, and in smaller batches if others are taken and they are not; unless the error Is tracing.ErrPermanent: then
	// they count as failed. It is called by Config.Workers at once.
	Put(ctx context.Context, kept []tracing.Kept) error
}

// OutputFunc is an Output that calls a function.
type OutputFunc func(ctx context.Context, kept []tracing.Kept) error

// Put calls f.
func (f OutputFunc) Put(ctx context.Context, kept []tracing.Kept) error { return f(ctx, kept) }

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
	wholeTries = 3 // of a batch, after which it is halved, as one part may be what the output does not take
	fewFailed  = 8 // batches, up to which they are halved though nothing shows that the output takes any
)

// A part is spans that leave.
type part struct {
	shard    *shard
	header   uint32
	decision tracing.Decision
	kind     tracing.Part
	partial  bool
	size     int64
	pressed  int64 // bytes that it takes, if it was decided under pressure
}

// A queue has the parts that wait for a worker, in order.
type queue struct {
	signal chan struct{} // there is something where there was nothing, a whole batch, or haste

	mu     sync.Mutex
	parts  []part // from head on
	head   int
	bytes  int64
	taken  uint64              // parts that workers have, or had
	flying map[uint64]struct{} // the first part of each batch that a worker has, or that failed
	hasty  int                 // who waits for the queue to drain
	moved  chan struct{}       // closed when a batch is dealt with
	broken bool                // the last call of the output failed
	failed []*batch            // those that come again, in the order in which they failed
	turn   bool                // it is the turn of one of them
	wins   int64               // batches that the output took
	fresh  pace                // of batches that come for the first time
	later  pace                // of those that come again
}

func (q *queue) init() {
	q.signal, q.moved, q.flying = make(chan struct{}, 1), make(chan struct{}), map[uint64]struct{}{}
}

// push adds a part.
func (q *queue) push(p part) {
	q.mu.Lock()
	before := q.bytes
	q.parts = append(q.parts, p)
	q.bytes += p.size
	notify := len(q.parts)-q.head == 1 || before < batchBytes && q.bytes >= batchBytes
	q.mu.Unlock()
	if notify {
		q.notify()
	}
}

func (q *queue) notify() {
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// take returns the next batch: at 1 MiB, after a while, or at once if somebody waits; or one that failed, in turn with others. nil = stop was
// closed, and nothing is there to be taken at once.
func (q *queue) take(stop <-chan struct{}) *batch {
	timer := time.NewTimer(batchWait) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	defer timer.Stop()
	var since time.Time // when there were parts to wait for others; zero = there are none
	for {
		now := time.Now() //nolint:forbidigo // likewise
		one, due := q.next(now, &since)
		if one != nil {
			return one
		}
		var after <-chan time.Time
		if !due.IsZero() {
			timer.Reset(due.Sub(now))
			after = timer.C
		}
		select {
		case <-stop:
			return nil
		case <-q.signal:
		case <-after:
		}
	}
}

// next returns the batch to be taken now, or when to look again; zero = when there is a signal.
func (q *queue) next(now time.Time, since *time.Time) (one *batch, due time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	ready := false
	if len(q.parts) == q.head {
		*since = time.Time{}
	} else {
		if since.IsZero() {
			*since = now
		}
		due = since.Add(batchWait)
		if q.bytes >= batchBytes || q.hasty > 0 {
			due = now
		}
		due = latest(due, q.fresh.next)
		ready = !now.Before(due)
	}
	at, soonest := q.ripe(now)
	switch {
	case at >= 0 && (q.turn || !ready):
		one, q.turn = q.failed[at], false
		q.failed = slices.Delete(q.failed, at, at+1)
	case ready:
		one, q.turn = q.pop(), true
	case due.IsZero() || !soonest.IsZero() && soonest.Before(due):
		return nil, soonest
	default:
		return nil, due
	}
	if len(q.parts) > q.head || len(q.failed) > 0 { // For another worker.
		q.notify()
	}
	return one, time.Time{}
}

// pop takes a batch off.
func (q *queue) pop() *batch {
	size, n := int64(0), 0
	for _, p := range q.parts[q.head:] {
		if n > 0 && size+p.size > batchBytes {
			break
		}
		size += p.size
		n++
	}
	one := &batch{parts: slices.Clone(q.parts[q.head : q.head+n]), first: q.taken}
	clear(q.parts[q.head : q.head+n])
	q.head += n
	if q.head > len(q.parts)/2 {
		q.parts, q.head = append(q.parts[:0], q.parts[q.head:]...), 0
	}
	q.bytes -= size
	q.taken += uint64(n)
	q.flying[one.first] = struct{}{}
	return one
}

// landed says that a batch is dealt with.
func (q *queue) landed(first uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.flying, first)
	close(q.moved)
	q.moved = make(chan struct{})
}

// drained waits until all parts that are there now are dealt with.
func (q *queue) drained(ctx context.Context) error {
	q.mu.Lock()
	q.hasty++
	until := q.taken + uint64(len(q.parts)-q.head) //nolint:gosec // Not negative.
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.hasty--
		q.mu.Unlock()
	}()
	for {
		q.notify()
		q.mu.Lock()
		done := q.taken
		for first := range q.flying {
			done = min(done, first)
		}
		moved := q.moved
		q.mu.Unlock()
		if done >= until {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (q *queue) failing() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.broken
}

// A batch is parts that are handed on together.
type batch struct {
	parts []part
	first uint64        // number of the first part, in the order of the queue
	tries int           // that failed
	wait  time.Duration // before the next
	due   time.Time     // of the next
	wins  int64         // of the queue, when it failed
}

// size returns about how many bytes the parts have.
func (b *batch) size() int64 {
	size := int64(0)
	for i := range b.parts {
		size += b.parts[i].size
	}
	return size
}

// A pace has batches wait when one after the other fails, as then it is not for what is in them.
type pace struct {
	streak int       // how many failed since the last one that was taken
	next   time.Time // before which none is to be tried
}

func (g *pace) failed(now time.Time) {
	if g.streak++; g.streak > 1 {
		g.next = now.Add(min(firstRetry<<min(g.streak-2, 10), lastRetry))
	}
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// ripe returns the place of the batch that failed and is due, of several the one that failed least often; or when to look again. -1 and zero =
// there is none.
func (q *queue) ripe(now time.Time) (at int, soonest time.Time) {
	at = -1
	for i, one := range q.failed {
		due := latest(one.due, q.later.next)
		switch {
		case now.Before(due):
			if soonest.IsZero() || due.Before(soonest) {
				soonest = due
			}
		case at < 0 || one.tries < q.failed[at].tries:
			at = i
		}
	}
	return at, soonest
}

// again puts back a batch that failed, behind others, so that what the output does not take stops nobody else. It is halved after a while, if the
// output takes others.
func (q *queue) again(one *batch) {
	now := time.Now() //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.wins > one.wins
	one.tries++
	one.wins = q.wins
	one.wait = min(max(2*one.wait, firstRetry), lastRetry)
	half := len(one.parts) / 2
	switch {
	case one.tries == 1:
		q.fresh.failed(now)
	case half == 0 || one.tries < wholeTries || !taken && len(q.failed) >= fewFailed:
		q.later.failed(now)
	default:
		one.wait = firstRetry
		rest := *one
		rest.parts, rest.first, rest.due = one.parts[half:], one.first+uint64(half), now.Add(rest.wait)
		one.parts = one.parts[:half]
		q.failed = append(q.failed, &rest)
		q.flying[rest.first] = struct{}{}
	}
	one.due = now.Add(one.wait)
	q.failed = append(q.failed, one)
	q.notify()
}

// outcome notes how a call of the output went.
func (q *queue) outcome(one *batch, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.broken = err != nil; q.broken {
		return
	}
	q.wins++
	if one.tries == 0 {
		q.fresh = pace{}
	} else {
		q.later = pace{}
	}
}

// rest takes off all that is left.
func (q *queue) rest() []*batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.failed
	for len(q.parts) > q.head {
		all = append(all, q.pop())
	}
	q.failed = nil
	return all
}

// waiting returns how many bytes wait for the output.
func (q *queue) waiting() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	bytes := q.bytes
	for _, one := range q.failed {
		bytes += one.size()
	}
	return bytes
}
