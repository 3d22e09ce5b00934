package collector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/trace"
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

// Tee returns an Output that hands everything to all outputs, in order. If one fails, all get the same parts again; if those that fail do so for
// good, the error Is tracing.ErrPermanent, though others may have taken the parts. Outputs must not change what they get, as the next gets it too.
func Tee(outputs ...Output) Output {
	outputs = slices.Clone(outputs)
	return OutputFunc(func(ctx context.Context, kept []tracing.Kept) error {
		var passing, permanent []error
		for i, out := range outputs {
			switch err := out.Put(ctx, kept); {
			case err == nil:
			case errors.Is(err, tracing.ErrPermanent):
				permanent = append(permanent, fmt.Errorf("output %d: %w", i, err))
			default:
				passing = append(passing, fmt.Errorf("output %d: %w", i, err))
			}
		}
		if len(passing) > 0 {
			return errors.Join(passing...)
		}
		return errors.Join(permanent...)
	})
}

const defaultRecent = 64 << 20

// A Recent is an Output that holds the parts that came last, in memory. [NewRecent] makes it; it is safe for concurrent use.
type Recent struct {
	most int64

	mu    sync.Mutex
	parts []tracing.Kept // from first on
	first int
	bytes int64
}

// NewRecent returns an Output that holds about so many bytes; 0 = 64 MiB. A single part that is larger is held alone.
func NewRecent(bytes int64) *Recent {
	if bytes <= 0 {
		bytes = defaultRecent
	}
	return &Recent{most: bytes}
}

// Put takes parts, and lets the oldest go where there is no room.
func (r *Recent) Put(_ context.Context, kept []tracing.Kept) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts = append(r.parts, kept...)
	for i := range kept {
		r.bytes += weight(&kept[i])
	}
	for r.bytes > r.most && len(r.parts)-r.first > 1 {
		r.bytes -= weight(&r.parts[r.first])
		r.parts[r.first] = tracing.Kept{}
		r.first++
	}
	if r.first > len(r.parts)/2 {
		r.parts, r.first = slices.Clone(r.parts[r.first:]), 0
	}
	return nil
}

// weight is about what a part takes in memory.
func weight(kept *tracing.Kept) int64 { return int64(len(kept.OTLP)) + headerCharge }

// Trace returns the parts of a trace that are held, in the order in which they came; none if there are none. It looks at all parts.
func (r *Recent) Trace(id trace.TraceID) []tracing.Kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	var parts []tracing.Kept
	for i := range r.parts[r.first:] {
		if one := &r.parts[r.first+i]; one.ID == id {
			parts = append(parts, *one)
		}
	}
	return parts
}

// All returns all parts that are held, in the order in which they came. Do not change their bytes.
func (r *Recent) All() []tracing.Kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.parts[r.first:])
}

// A part is spans that leave.
type part struct {
	shard    *shard
	header   uint32
	decision tracing.Decision
	kind     tracing.Part
	partial  bool
	size     int64
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
	fresh  gate                // of batches that come for the first time
	later  gate                // of those that come again
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
