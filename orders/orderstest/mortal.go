package orderstest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tenon-go/tenon/orders"
)

// errDead is what a process that has stopped gets of everything: nobody sees it.
var errDead = errors.New("the process has stopped")

// A process counts what one process does to the world, and stops it before or after one
// of these steps: from then on nothing that it does has an effect.
type process struct {
	mu    sync.Mutex
	steps int
	at    int // the step at which it stops; 0: never
	after bool
	dead  bool
}

// step does one thing to the world, if the process still lives, and is an error if it
// does not live on.
func (p *process) step(do func()) error {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return errDead
	}
	p.steps++
	stops := p.steps == p.at
	p.dead = stops
	p.mu.Unlock()
	if stops && !p.after {
		return errDead
	}
	do()
	if stops {
		return errDead
	}
	return nil
}

// ask makes one call to the outside.
func (p *process) ask(do func() (orders.Outcome, error)) (o orders.Outcome, err error) {
	if dead := p.step(func() { o, err = do() }); dead != nil {
		return orders.Outcome{}, dead
	}
	return o, err
}

// A mortalStore is the store as a process sees it.
type mortalStore struct {
	orders.StockStore

	p *process
}

func (s mortalStore) Apply(ctx context.Context, c orders.Change) (err error) {
	if dead := s.p.step(func() { err = s.StockStore.Apply(ctx, c) }); dead != nil {
		return dead
	}
	return err
}

func (s mortalStore) Claim(ctx context.Context, r orders.ClaimRequest) (claimed []orders.Claimed, err error) {
	if dead := s.p.step(func() { claimed, err = s.StockStore.Claim(ctx, r) }); dead != nil {
		return nil, dead
	}
	return claimed, err
}

// A mortalGateway is the gateway as a process sees it; lookups move nothing.
type mortalGateway struct {
	*Gateway

	p *process
}

func (g mortalGateway) Authorise(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.p.ask(func() (orders.Outcome, error) { return g.Gateway.Authorise(ctx, r) })
}

func (g mortalGateway) Capture(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.p.ask(func() (orders.Outcome, error) { return g.Gateway.Capture(ctx, r) })
}

func (g mortalGateway) Void(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.p.ask(func() (orders.Outcome, error) { return g.Gateway.Void(ctx, r) })
}

func (g mortalGateway) Refund(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.p.ask(func() (orders.Outcome, error) { return g.Gateway.Refund(ctx, r) })
}

// A mortalHost is the warehouse, and who keeps discounts, as a process sees them.
type mortalHost struct {
	*Host

	p *process
}

func (h mortalHost) HandOver(ctx context.Context, o orders.HandOver) (orders.Outcome, error) {
	return h.p.ask(func() (orders.Outcome, error) { return h.Host.HandOver(ctx, o) })
}

func (h mortalHost) Stop(ctx context.Context, key string, lines []orders.LineQty) (orders.Outcome, error) {
	return h.p.ask(func() (orders.Outcome, error) { return h.Host.Stop(ctx, key, lines) })
}

func (h mortalHost) Hold(ctx context.Context, key string, until time.Time, r orders.Redemption, d orders.Discounts) (orders.Outcome, error) {
	return h.p.ask(func() (orders.Outcome, error) { return h.Host.Hold(ctx, key, until, r, d) })
}

func (h mortalHost) Commit(ctx context.Context, key string) (orders.Outcome, error) {
	return h.p.ask(func() (orders.Outcome, error) { return h.Host.Commit(ctx, key) })
}

func (h mortalHost) Release(ctx context.Context, key string) (orders.Outcome, error) {
	return h.p.ask(func() (orders.Outcome, error) { return h.Host.Release(ctx, key) })
}

func (h mortalHost) Reverse(ctx context.Context, key, part string, given []orders.Adjustment) (orders.Outcome, error) {
	return h.p.ask(func() (orders.Outcome, error) { return h.Host.Reverse(ctx, key, part, given) })
}
