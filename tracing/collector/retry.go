package collector

import "time"

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
	wholeTries = 3 // of a batch, after which it is halved, as one part may be what the output does not take
	fewFailed  = 8 // batches, up to which they are halved though nothing shows that the output takes any
)

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

// A gate has batches wait when one after the other fails, as then it is not for what is in them.
type gate struct {
	streak int       // how many failed since the last one that was taken
	next   time.Time // before which none is to be tried
}

func (g *gate) failed(now time.Time) {
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
		q.fresh = gate{}
	} else {
		q.later = gate{}
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
