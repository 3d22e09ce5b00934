package breaker

import (
	"sync/atomic"
	"time"
)

// bucket is where the results of the calls count that were allowed while it was the newest one of its window.
type bucket struct {
	owner   *Breaker
	epoch   *epoch
	mode    atomic.Uint32
	resting bool // no call counts here: it stands in for the newest bucket while no timer runs
	gone    bool // out of the window; guarded by owner.mu

	_       [cacheLine]byte // calls on other processors read the above while results are written here
	results atomic.Uint64   // calls<<32 | failures
	others  atomic.Uint64   // excluded<<32 | slow
	run     int             // failures in the current run; guarded by owner.mu
	_       [cacheLine]byte
}

// cacheLine is the unit in which processors share memory.
const cacheLine = 64

// The modes of a bucket.
const (
	guarded uint32 = iota // results are counted under the lock
	plain                 // successes are counted by one addition
	timed                 // so are successes that were not slow
)

// One of each in the words of a bucket.
const (
	oneCall     = 1 << 32
	oneFailure  = 1
	oneExcluded = 1 << 32
	oneSlow     = 1
)

// halves splits a word.
func halves(word uint64) (high, low int) { return int(word >> 32), int(word & (1<<32 - 1)) }

// read returns what the bucket holds.
func (k *bucket) read() (results, others uint64) { return k.results.Load(), k.others.Load() }

// leave takes the bucket out of the window, and returns what it held. A result that is added without the lock meanwhile is either in what it
// held, or in the bucket afterwards, where its Record finds it.
func (k *bucket) leave() (results, others uint64) {
	k.mode.Store(guarded)
	k.gone = true
	return k.results.Swap(0), k.others.Swap(0)
}

// window is the recent buckets of an epoch, in a ring. It is guarded by the lock of the breaker.
type window struct {
	ring   []*bucket     // bucket n is at n modulo its length; nil = no call yet, or lapsed
	newest int64         // its number, counted from the start of the epoch; -1 = none yet
	start  time.Time     // of the epoch, by package time
	width  time.Duration // of a bucket

	// A run of failures goes on as long as no success is counted.
	left  int // successes in buckets that have lapsed
	runAt int // successes counted before the run, in all
}

// due returns which bucket is the newest at a time, and for how long. Of a window of one it is always 0: the one that began with the epoch,
// or when that has lapsed, one that begins now.
func (w *window) due(now time.Time) (n int64, left time.Duration) {
	elapsed := now.Sub(w.start)
	if len(w.ring) == 1 && elapsed >= w.width {
		elapsed = 0
	}
	n = int64(elapsed / w.width)
	return n, time.Duration(n+1)*w.width - elapsed
}

// advance makes n the newest bucket, so that those lapse that are a whole ring older.
func (w *window) advance(n int64) {
	for i := max(w.newest+1, n-int64(len(w.ring))+1); i <= n; i++ {
		w.drop(i)
	}
	w.newest = n
}

// drop takes out the bucket in the place of bucket n.
func (w *window) drop(n int64) {
	at := n % int64(len(w.ring))
	if k := w.ring[at]; k != nil {
		var c Counts
		c.add(k.leave())
		w.left += c.Successes
		w.ring[at] = nil
	}
}

// setMode sets how the buckets count.
func (w *window) setMode(mode uint32) {
	for _, k := range w.ring {
		if k != nil {
			k.mode.Store(mode)
		}
	}
}

// empty reports whether there is no result in the window.
func (w *window) empty() bool {
	for _, k := range w.ring {
		if k == nil {
			continue
		}
		if results, others := k.read(); results|others != 0 {
			return false
		}
	}
	return true
}

// failed counts a failure in k.
func (w *window) failed(k *bucket) {
	c, successes := w.sum((*bucket).read)
	if c.ConsecutiveFailures == 0 { // a run begins
		for _, other := range w.ring {
			if other != nil {
				other.run = 0
			}
		}
		w.runAt = successes
	}
	k.results.Add(oneCall | oneFailure)
	k.run++
}

// sum adds up what of returns for each bucket. It also returns how many successes were ever counted.
func (w *window) sum(of func(*bucket) (results, others uint64)) (c Counts, successes int) {
	run := 0
	for _, k := range w.ring {
		if k != nil {
			c.add(of(k))
			run += k.run
		}
	}
	successes = w.left + c.Successes
	if successes == w.runAt {
		c.ConsecutiveFailures = run
	}
	return c, successes
}

// add adds the words of a bucket.
func (c *Counts) add(results, others uint64) {
	calls, failures := halves(results)
	excluded, slow := halves(others)
	c.Successes += calls - failures
	c.Failures += failures
	c.Excluded += excluded
	c.Slow += slow
}
