package orderstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
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

// alive is for what changes nothing.
func (p *process) alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errDead
	}
	return nil
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
	if dead := s.p.alive(); dead != nil {
		return nil, dead
	}
	return s.StockStore.Claim(ctx, r)
}

func (s mortalStore) Stock() stock.Store { return s.StockStore.Stock() }

// A mortalGateway is the gateway as a process sees it; lookups move nothing.
type mortalGateway struct {
	*Gateway

	p *process
}

func (g mortalGateway) call(do func() (orders.Outcome, error)) (o orders.Outcome, err error) {
	if dead := g.p.step(func() { o, err = do() }); dead != nil {
		return orders.Outcome{}, dead
	}
	return o, err
}

func (g mortalGateway) Authorise(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call(func() (orders.Outcome, error) { return g.Gateway.Authorise(ctx, r) })
}

func (g mortalGateway) Capture(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call(func() (orders.Outcome, error) { return g.Gateway.Capture(ctx, r) })
}

func (g mortalGateway) Void(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call(func() (orders.Outcome, error) { return g.Gateway.Void(ctx, r) })
}

func (g mortalGateway) Refund(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call(func() (orders.Outcome, error) { return g.Gateway.Refund(ctx, r) })
}

// A scenario is what a buyer and a warehouse do. Each step may fail because the process
// has stopped; whoever goes on, goes on with the same keys.
type scenario struct {
	name    string
	script  []Script
	capture orders.CaptureMode
	tenders []orders.Tender
	after   func(ctx context.Context, h *Host, s *orders.Orders, id orders.CheckoutID) error
}

func eur(minor int64) money.Amount { return money.New(minor, money.MustISO("EUR")) }

func card(minor int64) orders.Tender {
	return orders.Tender{ID: fmt.Sprintf("card%d", minor), Kind: "card", Token: "tok", Amount: eur(minor)}
}

// scenarios sell two units of 50.00.
func scenarios() []scenario {
	whole := []orders.Tender{card(10_000)}
	shipAndCancel := func(first func(context.Context, *orders.Orders, orders.OrderID) error) func(context.Context, *Host, *orders.Orders, orders.CheckoutID) error {
		return func(ctx context.Context, _ *Host, s *orders.Orders, id orders.CheckoutID) error {
			return first(ctx, s, orders.OrderID(id))
		}
	}
	one := []orders.LineQty{{Line: "l1", Quantity: 1}}
	ship := func(ctx context.Context, s *orders.Orders, id orders.OrderID) error {
		_, err := s.Ship(ctx, id, orders.Shipment{Key: "ship", Lines: one})
		return err
	}
	cancel := func(ctx context.Context, s *orders.Orders, id orders.OrderID) error {
		_, err := s.CancelOrder(ctx, id, orders.Cancellation{Key: "cancel", Lines: one, Reason: "one is enough"})
		return err
	}
	return []scenario{
		{name: "plain", tenders: whole},
		{name: "split tender", tenders: []orders.Tender{card(3_000), card(7_000)}},
		{name: "an answer is lost", tenders: whole, script: []Script{{"authorise", 1, LostAfter}, {"capture", 1, LostAfter}}},
		{name: "refused", tenders: []orders.Tender{card(3_000), card(7_000)}, script: []Script{{"authorise", 2, Refuse}}, after: func(ctx context.Context, _ *Host, s *orders.Orders, id orders.CheckoutID) error {
			_, err := s.Cancel(ctx, id, "no other card")
			return err
		}},
		{name: "refused, then another card", tenders: whole, script: []Script{{"authorise", 1, Refuse}}, after: func(ctx context.Context, _ *Host, s *orders.Orders, id orders.CheckoutID) error {
			_, err := s.Pay(ctx, id, orders.PayRequest{Key: "again", Tenders: []orders.Tender{{ID: "other", Kind: "card", Token: "tok", Amount: eur(10_000)}}})
			return err
		}},
		{name: "the buyer acts", tenders: whole, script: []Script{{"authorise", 1, Buyer}}, after: func(ctx context.Context, h *Host, s *orders.Orders, id orders.CheckoutID) error {
			h.Gateway.Approve()
			_, err := s.Confirm(ctx, id)
			return err
		}},
		{name: "deferred, shipped in parts", tenders: whole, capture: orders.CaptureDeferred, after: shipAndCancel(ship)},
		{name: "cancelled in part before capture", tenders: whole, capture: orders.CaptureDeferred, after: shipAndCancel(cancel)},
		{name: "cancelled in part after capture", tenders: whole, after: shipAndCancel(cancel)},
		{name: "cancelled after capture", tenders: whole, after: func(ctx context.Context, _ *Host, s *orders.Orders, id orders.CheckoutID) error {
			_, err := s.CancelOrder(ctx, orders.OrderID(id), orders.Cancellation{Key: "all", Reason: "no longer wanted"})
			return err
		}},
	}
}

// TestCrashPoints stops a process before and after each thing that it does to the world,
// a write of the store or a movement of money, for every scenario; then another process
// goes on from what is there. At the end the buyer is charged once or not at all, by the
// gateway's own books, stock and postings balance, and every state is the fold of its events.
// NewStore returns a new, empty store for each point.
func TestCrashPoints(t *testing.T, newStore func(t *testing.T) orders.StockStore) {
	t.Helper()
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			steps := sc.run(t, newStore(t), &process{})
			for at := 1; at <= steps; at++ {
				for _, after := range []bool{false, true} {
					sc.run(t, newStore(t), &process{at: at, after: after})
				}
			}
			t.Logf("%d steps, %d crashes", steps, 2*steps)
		})
	}
}

// run runs a scenario in a process, and then to its end in others. It returns how many steps
// the process made.
func (sc *scenario) run(t *testing.T, store orders.StockStore, p *process) int {
	t.Helper()
	ctx := t.Context()
	h := NewHost(NewGateway(sc.script...), eur(5_000))
	if err := store.Stock().SetOnHand(ctx, stock.Key{SKU: "A"}, 5); err != nil {
		t.Fatal(err)
	}
	cfg := h.Config()
	cfg.Capture = sc.capture
	healthy := h.Engine(t, store, cfg)
	ref := h.Cart(t, healthy, money.MustISO("EUR"), 2)
	mortal, err := orders.New(mortalStore{store, p}, h, mortalGateway{h.Gateway, p}, h, cfg)
	if err != nil {
		t.Fatal(err)
	}
	id, err := sc.act(ctx, h, mortal, ref)
	if err != nil && !errors.Is(err, errDead) {
		t.Fatalf("step %d, after %t: %v; calls %q", p.at, p.after, err, h.Gateway.Log())
	}
	if p.dead {
		// The buyer, and the warehouse, ask again, of another process.
		h.Pass(2 * healthyLease)
		h.Settle(t, healthy)
		if again, err := sc.act(ctx, h, healthy, ref); err != nil && !passed(err) {
			t.Errorf("step %d, after %t: asked again: %v; calls %q", p.at, p.after, err, h.Gateway.Log())
		} else if again != "" {
			id = again
		}
	}
	h.Settle(t, healthy)
	if err := balanced(ctx, h, store, id); err != nil {
		t.Errorf("step %d, after %t: %v; calls %q", p.at, p.after, err, h.Gateway.Log())
	}
	return p.steps
}

// healthyLease is longer than the call of a process that may have died in it.
const healthyLease = 60_000_000_000

// act is the buyer's part, and then the rest.
func (sc *scenario) act(ctx context.Context, h *Host, s *orders.Orders, ref orders.CartRef) (orders.CheckoutID, error) {
	c, err := s.Place(ctx, ref, orders.BeginRequest{Expected: eur(10_000), Tenders: sc.tenders})
	if err != nil || sc.after == nil {
		return c.ID, err
	}
	return c.ID, sc.after(ctx, h, s, c.ID)
}

// passed reports whether the time for a command is over: the checkout was given up, or it
// was placed meanwhile.
func passed(err error) bool {
	return errors.Is(err, orders.ErrExpired) || errors.Is(err, orders.ErrTransition) || errors.Is(err, orders.ErrCartChanged) ||
		errors.Is(err, orders.ErrNotFound) || errors.Is(err, orders.ErrInvalid) || errors.Is(err, orders.ErrKeyReused)
}

// balanced compares a store with the gateway's books when nothing is due any more.
func balanced(ctx context.Context, h *Host, store orders.StockStore, id orders.CheckoutID) error {
	if err := Check(ctx, store, h.Now()); err != nil {
		return err
	}
	live, captured := h.Gateway.Books(money.MustISO("EUR"))
	levels, err := store.Stock().Levels(ctx, []stock.Key{{SKU: "A"}})
	if err != nil {
		return err
	}
	if levels[0].Reserved != 0 {
		return fmt.Errorf("%d units are held", levels[0].Reserved)
	}
	sold := 5 - levels[0].OnHand
	o, err := store.Order(ctx, orders.OrderID(id))
	if errors.Is(err, orders.ErrNotFound) {
		if live.Sign() != 0 || captured.Sign() != 0 || sold != 0 {
			return fmt.Errorf("nothing was ordered; %v authorised, %v captured, %d units sold", live, captured, sold)
		}
		return nil
	}
	if err != nil {
		return err
	}
	due := minus(o.Total, o.Cancelled)
	if o.Policy.Capture == orders.CaptureDeferred {
		due = o.Due
		if rest := minus(minus(o.Total, o.Cancelled), o.Due); less(live, rest) {
			return fmt.Errorf("order is %s: %v authorised, %v still to be captured", o.State, live, rest)
		}
	} else if live.Sign() != 0 {
		return fmt.Errorf("order is %s: %v still authorised", o.State, live)
	}
	if captured != due {
		return fmt.Errorf("order is %s: %v captured, %v due", o.State, captured, due)
	}
	var units int64
	for _, u := range o.Units {
		units += u.Quantity - u.Cancelled
	}
	if sold != units {
		return fmt.Errorf("order is %s: %d units left the shelf, %d were sold", o.State, sold, units)
	}
	return nil
}
