package tracing

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// deliver sends a batch until the sink took it, refused it for good, or ctx ended.
func (b *Batcher) deliver(ctx context.Context, next batch) {
	wait := firstWait
	for {
		result, err := b.ingest(ctx, next.req)
		if err == nil {
			rejected := min(max(int64(result.Rejected), 0), next.spans)
			b.settle(next, Stats{Delivered: next.spans - rejected, Rejected: rejected, LastError: result.Reason})
			return
		}
		if ctx.Err() != nil {
			b.gaveUp(next, err)
			return
		}
		if errors.Is(err, ErrPermanent) || errors.Is(err, ErrClosed) {
			b.settle(next, Stats{Dropped: next.spans, LastError: err.Error()})
			return
		}
		b.refused(err)
		pause := wait
		if overload, ok := errors.AsType[*OverloadError](err); ok && overload.RetryAfter > 0 {
			pause = min(overload.RetryAfter, longestWait)
		} else {
			wait = min(2*wait, lastWait)
		}
		timer := time.NewTimer(pause) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// ingest hands a request to the sink, which may panic: that must not end a process which only wanted to be traced.
func (b *Batcher) ingest(ctx context.Context, req []byte) (result Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			result, err = Result{}, fmt.Errorf("tracing: the sink panicked: %v", r)
		}
	}()
	return b.sink.Ingest(ctx, req)
}

func (b *Batcher) refused(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Refusals++
	b.stats.LastError = err.Error()
	b.failing = true
}

// gaveUp drops a batch because Close may not wait longer. What the sink says to that hides no reason that it gave before.
func (b *Batcher) gaveUp(dropped batch, err error) {
	fate := Stats{Dropped: dropped.spans}
	if b.trouble() == noAnswer {
		fate.LastError = err.Error()
	}
	b.settle(dropped, fate)
}

const noAnswer = "no answer yet"

// trouble says why spans wait, as far as the sink told.
func (b *Batcher) trouble() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.failing {
		return noAnswer
	}
	return b.stats.LastError
}

// settle counts what became of a batch.
func (b *Batcher) settle(done batch, fate Stats) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Delivered += fate.Delivered
	b.stats.Rejected += fate.Rejected
	b.stats.Dropped += fate.Dropped
	if fate.LastError != "" {
		b.stats.LastError = fate.LastError
	}
	b.failing = fate.Dropped > 0
	b.bytes -= len(done.req)
	b.free = done.req
	b.settled++
	close(b.moved)
	b.moved = make(chan struct{})
}
