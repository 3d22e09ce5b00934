package contract

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest/internal/stockcontract"
	"github.com/tenon-go/tenon/orders/stock"
)

func allOrNothing(ctx context.Context, s orders.StockStore) error {
	if err := s.Stock().SetOnHand(ctx, stock.Key{SKU: "A"}, 1); err != nil {
		return err
	}
	whole := orders.Change{
		At: at(), Carts: []orders.Cart{cart(1)}, Checkout: checkout("x1", 1, orders.StateLocked),
		Record:  &orders.Record{Scope: "s", Key: "k", Hash: "h", Aggregate: "checkout/x1", At: at(), KeepUntil: at().Add(time.Hour)},
		Effects: []orders.Effect{effect("x1/capture/1", at())}, Events: []orders.Event{event("checkout/x1", 1)},
		Postings: posting("p1"), Stock: []stock.Move{reserve("h1", line("A", 2))},
	}
	var short *stock.ShortError
	if err := s.Apply(ctx, whole); !errors.As(err, &short) {
		return fmt.Errorf("got %w, want a *stock.ShortError", orNone(err))
	}
	if err := nothing(ctx, s); err != nil {
		return fmt.Errorf("after a change that was short: %w", err)
	}
	whole.Stock = []stock.Move{reserve("h1", line("A", 1))}
	whole.Events = []orders.Event{event("checkout/x1", 7)}
	if err := conflict(s.Apply(ctx, whole), orders.ConflictCheckout, 0); err != nil {
		return err
	}
	if err := nothing(ctx, s); err != nil {
		return fmt.Errorf("after a change with a gap in its events: %w", err)
	}
	whole.Events = nil
	return s.Apply(ctx, whole)
}

// nothing wants a store without anything but one unit of A.
func nothing(ctx context.Context, s orders.StockStore) error {
	if _, err := s.Cart(ctx, "c1"); !errors.Is(err, orders.ErrNotFound) {
		return fmt.Errorf("a cart: %w", orNone(err))
	}
	if _, err := s.Checkout(ctx, "x1"); !errors.Is(err, orders.ErrNotFound) {
		return fmt.Errorf("a checkout: %w", orNone(err))
	}
	if _, err := s.Replay(ctx, "s", "k"); !errors.Is(err, orders.ErrNotFound) {
		return fmt.Errorf("a request: %w", orNone(err))
	}
	claimed, err := s.Claim(ctx, orders.ClaimRequest{At: at().Add(time.Hour), Worker: "w", Lease: time.Second, Limit: 10})
	if err != nil || len(claimed) > 0 {
		return fmt.Errorf("effects %v: %w", claimed, orNone(err))
	}
	for e, err := range s.Events(ctx, 0, orders.EventQuery{}) {
		return fmt.Errorf("an event %v: %w", e, orNone(err))
	}
	for p, err := range s.Postings(ctx, 0) {
		return fmt.Errorf("postings %v: %w", p, orNone(err))
	}
	levels, err := s.Stock().Levels(ctx, []stock.Key{{SKU: "A"}})
	if err != nil || levels[0].Reserved != 0 {
		return fmt.Errorf("stock %v: %w", levels, orNone(err))
	}
	return nil
}

func stockInOrder(ctx context.Context, s orders.StockStore) error {
	if err := s.Stock().SetOnHand(ctx, stock.Key{SKU: "A"}, 3); err != nil {
		return err
	}
	apply := func(moves ...stock.Move) error {
		return s.Apply(ctx, orders.Change{At: at(), Carts: []orders.Cart{cart(1)}, Stock: moves})
	}
	end := func(kind stock.MoveKind, id string) stock.Move { return stock.Move{Kind: kind, Hold: id} }
	for _, tt := range []struct {
		moves []stock.Move
		want  error
	}{
		{[]stock.Move{reserve("h1", line("A", 2), line("B", 1))}, stock.ErrShort},
		{[]stock.Move{reserve("h1", line("A", 2)), reserve("h2", line("A", 2))}, stock.ErrShort},
		{[]stock.Move{reserve("h1", line("A", 2)), end(stock.MoveCommit, "none")}, stock.ErrNotFound},
		{[]stock.Move{reserve("h1", line("A", 2)), {}}, stock.ErrInvalid},
	} {
		if err := apply(tt.moves...); !errors.Is(err, tt.want) {
			return fmt.Errorf("%v: got %w, want %w", tt.moves, orNone(err), tt.want)
		}
		if err := nothing(ctx, s); err != nil {
			return fmt.Errorf("after %v: %w", tt.moves, err)
		}
	}
	// What one gives up the next has.
	if err := apply(reserve("h1", line("A", 3)), end(stock.MoveRelease, "h1"), reserve("h2", line("A", 2)), end(stock.MoveCommit, "h2")); err != nil {
		return err
	}
	levels, err := s.Stock().Levels(ctx, []stock.Key{{SKU: "A"}})
	if err != nil || levels[0].OnHand != 1 || levels[0].Reserved != 0 {
		return fmt.Errorf("stock %v, want 1 on hand: %w", levels, orNone(err))
	}
	return nil
}

func ended(ctx context.Context, s orders.StockStore) error {
	over, cancel := context.WithCancel(ctx)
	cancel()
	calls := map[string]func() error{
		"cart":     func() error { _, err := s.Cart(over, "c1"); return err },
		"checkout": func() error { _, err := s.Checkout(over, "x1"); return err },
		"order":    func() error { _, err := s.Order(over, "x1"); return err },
		"replay":   func() error { _, err := s.Replay(over, "s", "k"); return err },
		"claim":    func() error { _, err := claim(over, s, 0, 1, ""); return err },
		"apply": func() error {
			return s.Apply(over, orders.Change{At: at(), Carts: []orders.Cart{cart(1)}, Events: []orders.Event{event("checkout/x1", 1)}, Postings: posting("p1")})
		},
	}
	for what, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s: got %w, want context.Canceled", what, orNone(err))
		}
	}
	if err := nothing(ctx, s); err != nil {
		return err
	}
	if err := s.Apply(ctx, orders.Change{At: at(), Events: []orders.Event{event("checkout/x1", 1), event("checkout/x1", 2)}, Postings: posting("p1")}); err != nil {
		return err
	}
	n := 0
	for _, err := range s.Events(over, 0, orders.EventQuery{Aggregate: "checkout/x1"}) {
		if n++; n > 1 || !errors.Is(err, context.Canceled) {
			return fmt.Errorf("events: answer %d is %w, want context.Canceled and the end", n, orNone(err))
		}
	}
	return nil
}

// A FaultInjector is a store that can be made to fail half-way.
type FaultInjector interface {
	orders.StockStore
	FailAt(n int)
}

func faults(ctx context.Context, s orders.StockStore) error {
	faulty, ok := s.(FaultInjector)
	if !ok {
		return fmt.Errorf("a failure at each step: %w", stockcontract.ErrNotOffered)
	}
	if err := s.Stock().SetOnHand(ctx, stock.Key{SKU: "A"}, 1000); err != nil {
		return err
	}
	const most = 200
	var posted []string
	for n, failed := 1, true; failed; n++ {
		if n > most {
			return fmt.Errorf("it still fails at step %d", n)
		}
		t := trial{s: faulty, n: n, id: fmt.Sprintf("x%d", n)}
		var err error
		if failed, err = t.run(ctx); err != nil {
			return fmt.Errorf("step %d: %w", n, err)
		}
		posted = append(posted, "posting "+t.id)
	}
	return keysOf(ctx, s, posted)
}

// A trial is one change with something of everything, that fails at one step.
type trial struct {
	s  FaultInjector
	n  int
	id string
}

// before is what is there when the change comes: a checkout with a hold, and two
// effects that its caller has.
func (t trial) before() orders.Change {
	c := cart(1)
	c.ID = orders.CartID(t.id)
	x := checkout(orders.CheckoutID(t.id), 1, orders.StateLocked)
	x.Cart = c
	return orders.Change{
		At: at(), Carts: []orders.Cart{c}, Checkout: x,
		Effects: []orders.Effect{t.effect("goes-on", 0), t.effect("is-over", 0)}, Worker: "w", LeaseUntil: at().Add(time.Minute),
		Events: []orders.Event{event("checkout/"+t.id, 1)},
		Stock:  []stock.Move{reserve(t.id, line("A", 2))},
	}
}

func (t trial) effect(name string, due time.Duration) orders.Effect {
	e := effect(t.id+"/"+name+"/1", at().Add(due))
	e.Checkout = orders.CheckoutID(t.id)
	return e
}

func (t trial) change() orders.Change {
	c := t.before()
	c.Carts[0].Version, c.Carts[0].State = 2, orders.CartOrdered
	c.Checkout.Version, c.Checkout.State = 2, orders.StatePlaced
	c.Order = &orders.Order{ID: orders.OrderID(t.id), Version: 1, State: orders.OrderCapturing, Placed: at(), At: at()}
	c.Record = &orders.Record{Scope: "s", Key: t.id, Hash: "h", Aggregate: "checkout/" + t.id, At: at(), KeepUntil: at().Add(time.Hour)}
	c.Acks = []orders.Ack{{Key: t.id + "/goes-on/1", Fence: 1}}
	c.Cancel = []string{t.id + "/is-over/1"}
	fresh := t.effect("new", 0)
	fresh.Checkout, fresh.Order = "", "other-"+orders.OrderID(t.id)
	c.Effects, c.Worker = []orders.Effect{t.effect("goes-on", time.Hour), fresh}, ""
	c.Events = []orders.Event{event("checkout/"+t.id, 2), event("order/"+t.id, 1), event("unmatched/"+t.id, 0)}
	c.Postings = posting("posting " + t.id)
	c.Stock = []stock.Move{
		{Kind: stock.MoveCommit, Hold: t.id},
		{Kind: stock.MoveRestock, Lines: []stock.Line{line("A", 1)}},
		reserve(t.id+"+", line("A", 1)),
	}
	return c
}

// run lets the change fail at the n-th step, and says whether there is one.
func (t trial) run(ctx context.Context) (failed bool, err error) {
	if err := t.s.Apply(ctx, t.before()); err != nil {
		return false, err
	}
	before, err := t.picture(ctx)
	if err != nil {
		return false, err
	}
	t.s.FailAt(t.n)
	err = t.s.Apply(ctx, t.change())
	t.s.FailAt(0)
	if failed = err != nil; failed {
		after, err := t.picture(ctx)
		if err == nil {
			err = same("a store after a failure", after, before)
		}
		if err != nil {
			return true, err
		}
		if err := t.s.Apply(ctx, t.change()); err != nil {
			return true, fmt.Errorf("repeated: %w", err)
		}
	}
	return failed, t.whole(ctx)
}

// whole wants all that the change writes.
func (t trial) whole(ctx context.Context) error {
	after, err := t.picture(ctx)
	if err != nil {
		return err
	}
	c := t.change()
	whole := picture{
		Cart: c.Carts[0], Checkout: *c.Checkout, Order: *c.Order, Record: *c.Record,
		Events:  []string{"checkout 1", "checkout 2", "order 1", "unmatched 1"},
		Effects: []string{t.id + "/new/1"},
		// Each trial sells two, gets one back and holds one.
		Stock: []stock.Level{{Key: stock.Key{SKU: "A"}, OnHand: 1000 - int64(t.n), Reserved: int64(t.n)}},
	}
	if err := same("the store", after, whole); err != nil {
		return err
	}
	claimed, err := claim(ctx, t.s, 2*time.Hour, 10, orders.CheckoutID(t.id))
	if err == nil {
		err = want(claimed, t.id+"/goes-on/1 2")
	}
	return err
}

// A picture is what a store shows of a trial.
type picture struct {
	Cart            orders.Cart
	Checkout        orders.Checkout
	Order           orders.Order
	Record          orders.Record
	Events, Effects []string
	Stock           []stock.Level
}

func (t trial) picture(ctx context.Context) (p picture, err error) {
	var errs [4]error
	p.Cart, errs[0] = t.s.Cart(ctx, orders.CartID(t.id))
	p.Checkout, errs[1] = t.s.Checkout(ctx, orders.CheckoutID(t.id))
	p.Order, errs[2] = t.s.Order(ctx, orders.OrderID(t.id))
	p.Record, errs[3] = t.s.Replay(ctx, "s", t.id)
	for _, err := range errs {
		if err != nil && !errors.Is(err, orders.ErrNotFound) {
			return p, err
		}
	}
	for _, aggregate := range []string{"checkout/", "order/", "unmatched/"} {
		for e, err := range t.s.Events(ctx, 0, orders.EventQuery{Aggregate: aggregate + t.id}) {
			if err != nil {
				return p, err
			}
			p.Events = append(p.Events, fmt.Sprintf("%s %d", strings.TrimSuffix(aggregate, "/"), e.Number))
		}
	}
	claimed, err := claim(ctx, t.s, 2*time.Hour, 10, orders.CheckoutID("other-"+t.id))
	for _, c := range claimed {
		p.Effects = append(p.Effects, c.Effect.Key)
	}
	if err == nil {
		p.Stock, err = t.s.Stock().Levels(ctx, []stock.Key{{SKU: "A"}})
	}
	return p, err
}
