package sqlpromotions

import (
	"context"
	"sync"
)

// What one transaction takes on.
const (
	groupCalls = 64
	groupBytes = 8 << 20 // of results
)

// A group makes calls that come while a transaction is under way wait for the next
// one, which they share.
type group struct {
	write func(ctx context.Context, calls []*call) error // decides all, in order

	mu      sync.Mutex
	waiting []*call
	running bool
}

// do has a call written and returns how it was decided. A caller that leaves gets
// its cause.
func (g *group) do(ctx context.Context, c *call) error {
	c.done = make(chan struct{})
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	if !g.running {
		g.running = true
		// The transaction is nobody's alone: its goroutine outlives whoever started
		// it, and ends with the last call that waits.
		go g.run(context.WithoutCancel(ctx))
	}
	g.mu.Unlock()
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		g.leave(c)
		return context.Cause(ctx)
	}
}

// run writes what waits until nothing does.
func (g *group) run(ctx context.Context) {
	for {
		p := g.next(ctx)
		if p == nil {
			return
		}
		err := g.write(p.ctx, p.calls) //nolint:contextcheck // it is a child of ctx
		p.cancel()
		for _, c := range p.calls {
			if err != nil {
				c.err = err
			}
			close(c.done)
		}
	}
}

// A party is the calls of one transaction.
type party struct {
	calls  []*call
	ctx    context.Context //nolint:containedctx // it is that of the transaction, which nobody else calls
	cancel context.CancelFunc
	there  int // callers that have not left
}

// next takes what waits, in order of arrival, up to a second write of one entry. It
// is nil, and the run is over, where nothing waits.
func (g *group) next(ctx context.Context) *party {
	g.mu.Lock()
	defer g.mu.Unlock()
	keys := make(map[string]bool)
	n, size := 0, 0
	for n < min(len(g.waiting), groupCalls) {
		c := g.waiting[n]
		size += len(c.batch.Entry.Result)
		if keys[c.batch.Key] || n > 0 && size > groupBytes {
			break
		}
		keys[c.batch.Key] = true
		n++
	}
	if n == 0 {
		g.running, g.waiting = false, nil
		return nil
	}
	p := &party{calls: append([]*call(nil), g.waiting[:n]...), there: n}
	p.ctx, p.cancel = context.WithCancel(ctx)
	g.waiting = append(g.waiting[:0], g.waiting[n:]...)
	for _, c := range p.calls {
		c.party = p
	}
	return p
}

// leave takes a call out of what waits. Of a transaction that has it already, the
// last to leave puts an end to it.
func (g *group) leave(c *call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := c.party; p != nil {
		if p.there--; p.there == 0 {
			p.cancel()
		}
		return
	}
	for i, other := range g.waiting {
		if other == c {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return
		}
	}
}
