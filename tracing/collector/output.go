package collector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
)

// An Output takes what is kept. *otlp.Client is one.
type Output interface {
	// Put takes parts of traces, all or none. It may keep them. After an error the same parts come again, unless it Is tracing.ErrPermanent:
	// then they count as failed. It is called by Config.Workers at once.
	Put(ctx context.Context, kept []tracing.Kept) error
}

// OutputFunc is an Output that calls a function.
type OutputFunc func(ctx context.Context, kept []tracing.Kept) error

// Put calls f.
func (f OutputFunc) Put(ctx context.Context, kept []tracing.Kept) error { return f(ctx, kept) }

// Tee returns an Output that hands everything to all outputs, in order. If one fails, the same parts come again, and go to those outputs that have
// not taken them; if those that fail do so for good, the error Is tracing.ErrPermanent, though others may have taken the parts. So that it knows
// them again it holds the last 64 batches that failed: a collector brings back each of them before it ends.
func Tee(outputs ...Output) Output { return &tee{outputs: slices.Clone(outputs)} }

// maxTried bounds what a tee holds for those that never come back.
const maxTried = 64

type tee struct {
	outputs []Output

	mu    sync.Mutex
	tried []*attempt // nobody is at work on them; the oldest first
}

// An attempt is parts that not all outputs have dealt with.
type attempt struct {
	kept  []tracing.Kept
	dealt []bool  // by output: it took the parts, or never will
	errs  []error // of those that never will
}

// Put hands parts to the outputs that have not taken them yet.
func (t *tee) Put(ctx context.Context, kept []tracing.Kept) error {
	a := t.take(kept)
	var passing []error
	for i, out := range t.outputs {
		if a.dealt[i] {
			continue
		}
		err := out.Put(ctx, kept)
		if err != nil {
			err = fmt.Errorf("output %d: %w", i, err)
		}
		switch {
		case err != nil && !errors.Is(err, tracing.ErrPermanent):
			passing = append(passing, err)
			continue
		case err != nil:
			a.errs = append(a.errs, err)
		}
		a.dealt[i] = true
	}
	if len(passing) == 0 {
		return errors.Join(a.errs...)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tried = append(t.tried, a)
	if len(t.tried) > maxTried {
		t.tried = slices.Delete(t.tried, 0, 1)
	}
	return errors.Join(passing...)
}

// take returns what is known of parts, and forgets it.
func (t *tee) take(kept []tracing.Kept) *attempt {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, a := range t.tried {
		if slices.EqualFunc(a.kept, kept, same) {
			t.tried = slices.Delete(t.tried, i, i+1)
			return a
		}
	}
	return &attempt{kept: slices.Clone(kept), dealt: make([]bool, len(t.outputs))}
}

// same tells of two parts whether they are one. It looks at no byte twice that is the same in memory.
func same(a, b tracing.Kept) bool {
	return a.ID == b.ID && a.Part == b.Part && bytes.Equal(a.OTLP, b.OTLP)
}

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
	taken  uint64            // parts that workers have, or had
	flying map[uint64]uint64 // first and last+1 of the parts that a worker has
	hasty  int               // who waits for the queue to drain
	moved  chan struct{}     // closed when a worker is done
	broken bool              // the last call of the output failed
}

func (q *queue) init() {
	q.signal, q.moved, q.flying = make(chan struct{}, 1), make(chan struct{}), map[uint64]uint64{}
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

// take returns the next batch: at 1 MiB, after a while, or at once if somebody waits. first tells it apart; none = stop was closed.
func (q *queue) take(stop <-chan struct{}) (batch []part, first uint64) {
	timer := time.NewTimer(batchWait) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	defer timer.Stop()
	waited := false
	for {
		q.mu.Lock()
		some := len(q.parts) > q.head
		if some && (q.bytes >= batchBytes || q.hasty > 0 || waited) {
			batch, first = q.pop()
			more := len(q.parts) > q.head
			q.mu.Unlock()
			if more { // For another worker.
				q.notify()
			}
			return batch, first
		}
		q.mu.Unlock()
		if !some {
			waited = false
			timer.Reset(batchWait)
		}
		var after <-chan time.Time
		if some {
			after = timer.C
		}
		select {
		case <-stop:
			return nil, 0
		case <-q.signal:
			if !some {
				timer.Reset(batchWait)
			}
		case <-after:
			waited = true
		}
	}
}

// pop takes a batch off.
func (q *queue) pop() (batch []part, first uint64) {
	size, n := int64(0), 0
	for _, p := range q.parts[q.head:] {
		if n > 0 && size+p.size > batchBytes {
			break
		}
		size += p.size
		n++
	}
	batch = slices.Clone(q.parts[q.head : q.head+n])
	clear(q.parts[q.head : q.head+n])
	q.head += n
	if q.head > len(q.parts)/2 {
		q.parts, q.head = append(q.parts[:0], q.parts[q.head:]...), 0
	}
	q.bytes -= size
	first = q.taken
	q.taken += uint64(n)
	q.flying[first] = q.taken
	return batch, first
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

func (q *queue) outcome(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.broken = err != nil
}
