package tracing

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing/internal/wire"
)

const (
	defaultBatch      = 512
	defaultDelay      = time.Second
	defaultQueueBytes = 8 << 20
	maxBatchBytes     = 1 << 20

	// Between tries of a sink that fails without saying when to come back.
	firstWait = 100 * time.Millisecond
	lastWait  = 5 * time.Second

	longestWait = 5 * time.Minute // that a sink can ask for
	farewell    = time.Second     // for a sink to return when Close gives up
)

// Stats counts spans that ended: Ended = Delivered + Rejected + Dropped + Queued at every instant.
type Stats struct {
	Ended     int64
	Delivered int64 // taken by the sink
	Rejected  int64 // refused by the sink for good, one by one
	Dropped   int64 // beyond MaxQueueBytes, after Close, or in a batch that the sink refused for good or was closed for
	Queued    int64 // wait, or are being sent
	Refusals  int64 // of batches, which are sent again, and panics of the sink, which count as refusals
	// LastError is what the sink answered last when it did not take all; "" = nothing so far. A sink that tries again itself, as an
	// *otlp.Client does, has not answered meanwhile: its own stats tell.
	LastError string
}

// pending are the spans of one scope that wait to be sent.
type pending struct {
	resource []byte // the fields of ResourceSpans beside the scope spans
	scope    []byte // the fields of ScopeSpans beside the spans
	spans    []byte // the fields of spans
}

// from is what spans have in common, by pointer.
type from struct {
	resource *Resource
	scope    *Scope
}

// A batch is a request that waits to be sent.
type batch struct {
	req   []byte
	spans int64
}

// A Batcher collects spans that ended and sends them in batches, one at a time, from a goroutine of its own. A batch that the sink refused for
// now waits as long as the sink says, up to 5 minutes. [NewBatcher] makes it; Close ends it. It is safe for concurrent use. A [Provider] has
// one; whoever makes spans otherwise can use it alone.
type Batcher struct {
	sink Sink
	cfg  BatchConfig

	signal chan struct{}      // something to do: spans where there were none, a batch, or the end
	done   chan struct{}      // the goroutine has ended
	cancel context.CancelFunc // gives up sending

	mu      sync.Mutex
	open    []*pending        // with spans, in the order of their first
	added   map[from]*pending // of them, those of Add
	spans   int64             // in open
	bytes   int               // in open and queue, and being sent
	current int               // bytes in open
	queue   []batch
	free    []byte // of a batch that was sent, to be used again
	rooms   rooms
	sealed  int64 // batches that were made
	settled int64 // batches that met their fate
	moved   chan struct{}
	closed  bool
	failing bool // the sink has taken nothing since LastError
	stats   Stats
}

// NewBatcher returns a Batcher that sends to sink. The error Is ErrConfig and names every problem.
func NewBatcher(sink Sink, cfg BatchConfig) (*Batcher, error) {
	if err := cfg.validate(sink); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &Batcher{
		sink: sink, cfg: cfg.withDefaults(), added: map[from]*pending{},
		signal: make(chan struct{}, 1), done: make(chan struct{}), cancel: cancel, moved: make(chan struct{}),
	}
	go b.run(ctx)
	return b, nil
}

// Add takes a span that ended, of which it keeps no reference but Resource and Scope until the batch is sent: spans that share them by pointer
// share the messages. It does not wait for the sink.
func (b *Batcher) Add(s *Span) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := from{s.Resource, s.Scope}
	p := b.added[key]
	if p == nil {
		p = &pending{resource: appendResource(nil, s.Resource), scope: appendScope(nil, s.Scope)}
	}
	if b.put(p, s) {
		b.added[key] = p
		b.full()
	}
}

// end takes a span of a tracer that ended.
func (b *Batcher) end(p *pending, s *Span) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.put(p, s) {
		b.full()
	}
}

// put adds a span to those of its scope, or counts it as dropped.
func (b *Batcher) put(p *pending, s *Span) bool {
	b.stats.Ended++
	if b.closed {
		b.stats.Dropped++
		return false
	}
	before := len(p.spans)
	if before == 0 {
		p.spans = b.rooms.take()
	}
	spans, mark := wire.Begin(p.spans, wire.ScopeSpansSpans)
	p.spans = wire.End(AppendSpan(spans, s), mark)
	size := len(p.spans) - before
	if b.bytes+size > b.cfg.MaxQueueBytes {
		if p.spans = p.spans[:before]; before == 0 {
			b.rooms.give(p)
		}
		b.stats.Dropped++
		return false
	}
	if before == 0 {
		b.open = append(b.open, p)
	}
	b.current += size
	b.bytes += size
	b.spans++
	return true
}

// full makes a batch when there are enough spans, and wakes the goroutine when it has something to do.
func (b *Batcher) full() {
	switch {
	case b.spans >= int64(b.cfg.MaxBatch) || b.current >= maxBatchBytes:
		b.seal()
		b.wake()
	case b.spans == 1:
		b.wake()
	}
}

func (b *Batcher) wake() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

// seal makes a batch of the spans that wait.
func (b *Batcher) seal() {
	if b.spans == 0 {
		return
	}
	req, outer := wire.Begin(b.free[:0], wire.RequestResourceSpans)
	b.free = nil
	for i, p := range b.open {
		another := i > 0 && !bytes.Equal(p.resource, b.open[i-1].resource)
		if another {
			req, outer = wire.Begin(wire.End(req, outer), wire.RequestResourceSpans)
		}
		if another || i == 0 {
			req = append(req, p.resource...)
		}
		size := uint64(len(p.scope) + len(p.spans))
		req = wire.AppendUvarint(wire.AppendTag(req, wire.ResourceSpansScopeSpans, wire.Len), size)
		req = append(append(req, p.scope...), p.spans...)
		b.rooms.give(p)
	}
	req = wire.End(req, outer)
	b.queue = append(b.queue, batch{req: req, spans: b.spans})
	b.bytes += len(req) - b.current
	clear(b.added)
	b.open, b.spans, b.current = b.open[:0], 0, 0
	b.sealed++
}

// take returns the next batch, and whether the goroutine has to wait for more spans, or to end.
func (b *Batcher) take(due bool) (next batch, waiting, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 && (due || b.closed) {
		b.seal()
	}
	if len(b.queue) == 0 {
		return batch{}, b.spans > 0, b.closed
	}
	next = b.queue[0]
	b.queue = slices.Delete(b.queue, 0, 1)
	return next, false, false
}

func (b *Batcher) run(ctx context.Context) {
	defer close(b.done)
	timer := time.NewTimer(b.cfg.MaxDelay) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	defer timer.Stop()
	timer.Stop()
	armed, due := false, false
	for {
		next, waiting, ended := b.take(due)
		due = false
		switch {
		case next.req != nil:
			timer.Stop()
			armed = false
			b.deliver(ctx, next)
			continue
		case ended:
			return
		case waiting && !armed:
			timer.Reset(b.cfg.MaxDelay)
			armed = true
		}
		select {
		case <-b.signal:
		case <-timer.C:
			armed, due = false, true
		}
	}
}

// rooms are what spans were appended to before, up to those of a large batch, which grew beyond it. Tracers that have no spans hold none,
// because there may be many.
type rooms struct {
	all   [][]byte
	bytes int
}

func (r *rooms) take() []byte {
	last := len(r.all) - 1
	if last < 0 {
		return nil
	}
	room := r.all[last]
	r.all = r.all[:last]
	r.bytes -= cap(room)
	return room
}

// give takes back the room of spans that are no longer needed there.
func (r *rooms) give(p *pending) {
	if size := cap(p.spans); r.bytes+size <= 2*maxBatchBytes {
		r.all = append(r.all, p.spans[:0])
		r.bytes += size
	}
	p.spans = nil
}

// Flush sends what ended before the call, and waits until the sink took or refused it for good. It returns context.Cause(ctx), wrapped, with
// what the sink said last, if ctx ends first; what is left is sent later.
func (b *Batcher) Flush(ctx context.Context) error {
	b.mu.Lock()
	b.seal()
	target := b.sealed
	b.mu.Unlock()
	b.wake()
	for {
		b.mu.Lock()
		settled, moved := b.settled, b.moved
		b.mu.Unlock()
		if settled >= target {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("tracing: flush: %w (sink: %s)", context.Cause(ctx), b.trouble())
		}
	}
}

// Close sends what ended before the call and waits until that is done. If ctx ends first, the rest is dropped and counted, and the error says
// how many spans, and what the sink said last; the batch of a sink that does not return then within a second stays queued until it does. Spans
// that end later are dropped and counted. After the first call others wait for its end.
func (b *Batcher) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	before := b.stats.Dropped
	b.mu.Unlock()
	b.wake()
	defer b.cancel()
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
	}
	b.cancel()
	lost := -before
	timer := time.NewTimer(farewell) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	defer timer.Stop()
	select {
	case <-b.done:
	case <-timer.C:
		lost += b.abandon()
	}
	if lost += b.Stats().Dropped; lost == 0 {
		return nil
	}
	return fmt.Errorf("tracing: close: %d spans were not delivered: %w (sink: %s)", lost, context.Cause(ctx), b.trouble())
}

// abandon counts as dropped what waits behind the batch that the sink has, and returns how many spans that batch has.
func (b *Batcher) abandon() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seal()
	for i := range b.queue {
		b.stats.Dropped += b.queue[i].spans
		b.queue[i].spans = 0 // The goroutine may come to it yet.
	}
	return b.stats.Ended - b.stats.Delivered - b.stats.Rejected - b.stats.Dropped
}

// Stats returns what became of the spans that ended.
func (b *Batcher) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Queued = s.Ended - s.Delivered - s.Rejected - s.Dropped
	return s
}
