package orderstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/money/ledger"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

// TestCrashPoints stops a process before and after each thing that it does to the world, a
// write of the store or a call that moves money, goods or discounts, for every scenario; then
// others go on from what is there, one that calls out itself, and two runners at once. At the
// end the buyer is charged once or not at all, by the gateway's own books; stock, discounts
// and postings balance, and every state is the fold of its events. NewStore returns a new, empty
// store for each point.
func TestCrashPoints(t *testing.T, newStore func(t *testing.T) orders.StockStore) {
	t.Helper()
	for _, sc := range scenarios() {
		for _, runners := range []int{1, 2} {
			name := sc.name
			if runners == 2 {
				name += ", two runners"
			}
			t.Run(name, func(t *testing.T) {
				steps := (&life{scenario: sc, process: &process{}, runners: runners}).run(t, newStore(t))
				for n := range 2 * steps {
					p := &process{at: n/2 + 1, after: n%2 == 1}
					if (&life{scenario: sc, process: p, runners: runners}).run(t, newStore(t)); t.Failed() {
						t.Fatalf("stopped at step %d, after it: %t", p.at, p.after)
					}
				}
				t.Logf("%d steps, %d crashes", steps, 2*steps)
			})
		}
	}
}

// A life is one run of a scenario, in a process that stops, and then in others.
type life struct {
	scenario
	*process

	// Runners is how many go on. With two, commands call nobody: a runner of the process does.
	runners int

	h      *Host
	store  orders.StockStore
	shelf  int64 // how many units there were to sell
	agreed bool  // the buyer has agreed to the new total
}

// run runs to the end, and returns how many steps the process made.
func (l *life) run(t *testing.T, store orders.StockStore) int {
	t.Helper()
	l.h, l.store, l.shelf = NewHost(NewGateway(l.script...), eur(5_000)), store, 5
	l.h.Off = eur(l.off)
	if err := store.Stock().SetOnHand(t.Context(), stock.Key{SKU: "A"}, l.shelf); err != nil {
		t.Fatal(err)
	}
	l.meanwhile()
	cfg := l.h.Config()
	cfg.Capture, cfg.Later = l.capture, l.runners == 2
	cfg.Discounts, cfg.Redeem = l.h, l.h
	healthy := make([]*orders.Orders, l.runners)
	for i := range healthy {
		healthy[i] = l.h.Engine(t, store, cfg)
	}
	ref := l.h.Cart(t, healthy[0], money.MustISO("EUR"), 2)
	if l.price != 0 {
		l.h.Price = eur(l.price)
	}
	id, err := l.act(l.mortal(t, cfg), ref)
	if err != nil && !errors.Is(err, errDead) {
		t.Fatalf("%v; calls %q", err, l.h.Gateway.Log())
	}
	if l.dead {
		id = l.again(t, healthy, ref, id)
	}
	l.h.Settle(t, healthy...)
	err = l.balanced(t.Context(), id)
	for range 40 {
		if err == nil {
			break
		}
		// A database shows its streams only as far as the oldest transaction of anybody.
		time.Sleep(50 * time.Millisecond) //nolint:forbidigo // only before a failure
		err = l.balanced(t.Context(), id)
	}
	if err != nil {
		t.Errorf("%v; calls %q", err, l.h.Gateway.Log())
	}
	if end := l.state(t, id); !l.dead && end != l.end {
		t.Errorf("it ends %s, want %s; calls %q", end, l.end, l.h.Gateway.Log())
	}
	return l.steps
}

// meanwhile does what the scenario has within its first authorisation.
func (l *life) meanwhile() {
	if l.during == nil {
		return
	}
	var once sync.Once
	l.h.Gateway.During = func(call, _ string) {
		if call == "authorise" {
			once.Do(func() { l.during(l.h, l.store); l.shelf = 1 })
		}
	}
}

// mortal returns a buyer at the process that stops.
func (l *life) mortal(t *testing.T, cfg orders.Config) *buyer {
	t.Helper()
	h := mortalHost{l.h, l.process}
	cfg.Redeem = h
	s, err := orders.New(mortalStore{l.store, l.process}, h, mortalGateway{l.h.Gateway, l.process}, h, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l.buyer(t, s)
}

func (l *life) buyer(t *testing.T, s *orders.Orders) *buyer {
	t.Helper()
	b := &buyer{ctx: t.Context(), h: l.h, s: s}
	if l.runners == 2 {
		var err error
		if b.runner, err = orders.NewRunner(s, orders.RunnerConfig{Parallel: 1}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// again is the buyer, and the warehouse, who had no answer and ask another process: at once
// where nobody waits for a call, else when all is over.
func (l *life) again(t *testing.T, healthy []*orders.Orders, ref orders.CartRef, id orders.CheckoutID) orders.CheckoutID {
	t.Helper()
	const lease = time.Minute // of the process that has died
	l.h.Pass(2 * lease)
	if l.runners == 1 {
		l.h.Settle(t, healthy...)
	}
	asked, err := l.act(l.buyer(t, healthy[0]), ref)
	if err != nil && !passed(err) {
		t.Errorf("asked again: %v; calls %q", err, l.h.Gateway.Log())
	}
	if asked != "" {
		id = asked
	}
	return id
}

// passed reports whether the time for a command is over: the checkout was given up, or it
// was placed meanwhile.
func passed(err error) bool {
	return errors.Is(err, orders.ErrExpired) || errors.Is(err, orders.ErrTransition) || errors.Is(err, orders.ErrCartChanged) ||
		errors.Is(err, orders.ErrNotFound) || errors.Is(err, orders.ErrInvalid)
}

// state is where the order, else the checkout, stands.
func (l *life) state(t *testing.T, id orders.CheckoutID) string {
	t.Helper()
	if o, err := l.store.Order(t.Context(), orders.OrderID(id)); err == nil {
		return o.State.String()
	}
	c, err := l.store.Checkout(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return c.State.String()
}

// balanced compares the store with the books of all others when nothing is due any more.
func (l *life) balanced(ctx context.Context, id orders.CheckoutID) error {
	if err := Check(ctx, l.store, l.h.Now()); err != nil {
		return err
	}
	if doubled := l.h.Gateway.Doubled(); len(doubled) > 0 {
		return fmt.Errorf("keys that were used twice: %q", doubled)
	}
	levels, err := l.store.Stock().Levels(ctx, []stock.Key{{SKU: "A"}})
	if err != nil {
		return err
	}
	if levels[0].Reserved != 0 {
		return fmt.Errorf("%d units are held", levels[0].Reserved)
	}
	sold := l.shelf - levels[0].OnHand
	o, err := l.store.Order(ctx, orders.OrderID(id))
	if errors.Is(err, orders.ErrNotFound) {
		return l.nothing(id, sold)
	}
	if err != nil {
		return err
	}
	return errors.Join(l.goods(&o, sold), l.money(ctx, &o), l.discount(&o))
}

// nothing was ordered, and so nothing may have moved.
func (l *life) nothing(id orders.CheckoutID, sold int64) error {
	live, captured := l.h.Gateway.Books(money.MustISO("EUR"))
	discount, _ := l.h.Redeemed(id)
	if live.Sign() != 0 || captured.Sign() != 0 || sold != 0 || discount != "" && discount != released {
		return fmt.Errorf("nothing was ordered; %v authorised, %v captured, %d units sold, the discount is %q", live, captured, sold, discount)
	}
	return nil
}

func (l *life) goods(o *orders.Order, sold int64) error {
	var units int64
	for _, u := range o.Units {
		units += u.Quantity - u.Cancelled
	}
	if sold != units {
		return fmt.Errorf("order is %s: %d units left the shelf, %d were sold", o.State, sold, units)
	}
	if n := l.h.Handed(o.ID); n > 1 || n == 0 && units > 0 {
		return fmt.Errorf("order is %s: handed over %d times", o.State, n)
	}
	return nil
}

func (l *life) money(ctx context.Context, o *orders.Order) error {
	live, captured := l.h.Gateway.Books(money.MustISO("EUR"))
	owed := minus(o.Total, o.Cancelled)
	rest := minus(owed, o.Due) // what is still to be captured
	if less(live, rest) || rest.Sign() == 0 && live.Sign() != 0 {
		return fmt.Errorf("order is %s: %v authorised, %v still to be captured", o.State, live, rest)
	}
	if captured != o.Due {
		return fmt.Errorf("order is %s: %v captured, %v due", o.State, captured, o.Due)
	}
	var book ledger.Book
	for p, err := range l.store.Postings(ctx, 0) {
		if err != nil {
			return err
		}
		if err := book.Post(p); err != nil {
			return err
		}
	}
	for account, want := range map[string]money.Amount{
		"psp_clearing": captured, "revenue": owed.Neg(), "receivable/" + string(o.ID): rest, "refunds_payable/" + string(o.ID): eur(0),
	} {
		if got := book.Balance(account, money.MustISO("EUR")); got != want {
			return fmt.Errorf("order is %s: %s has %v, want %v", o.State, account, got, want)
		}
	}
	return nil
}

func (l *life) discount(o *orders.Order) error {
	state, back := l.h.Redeemed(o.Checkout)
	want := eur(0)
	for _, u := range o.Units {
		want = eur(l.off * u.Cancelled / u.Quantity)
	}
	if l.off == 0 && state != "" || l.off != 0 && (state != committed || back != want) {
		return fmt.Errorf("order is %s: the discount is %q, %v of it was given back, want %v", o.State, state, back, want)
	}
	return nil
}
