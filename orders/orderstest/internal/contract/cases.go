package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/money/ledger"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

// A Case is a rule and its check on a new, empty store.
type Case struct {
	Name  string
	Rule  string
	Check func(ctx context.Context, s orders.StockStore) error
}

// Cases are all rules.
func Cases() []Case {
	return []Case{
		{"states", "what is written comes back as its JSON has it; what was never written is ErrNotFound", states},
		{"versions", "a state of version n takes the place of version n-1 and of no other; version 1 of none", versions},
		{"one live checkout", "a cart has one live checkout at most", liveCheckout},
		{"requests", "a key is kept once per scope until it may be forgotten", requests},
		{"ownership", "what a caller changes afterwards changes nothing in the store", ownership},

		{"all or nothing", "a change whose stock is short, or whose last part conflicts, leaves nothing behind", allOrNothing},
		{"stock in order", "the moves of a change are made in their order, and all of them or none", stockInOrder},
		{"ended", "a call whose context has ended says so and does nothing", ended},
		{"faults", "a change that fails at any step changed nothing, and can be repeated", faults},

		{"claims", "due effects are leased to one worker, the earliest first; a fence grows with each lease; who is late conflicts", claims},
		{"terms", "an effect that comes again has new terms and keeps a lease that is not acknowledged; a cancelled one is over", terms},
		{"inline", "a change with a worker leases what is due of its effects", inline},
		{"listed effects", "an EffectLister shows the effects of a checkout that are not over, the earliest first, and leases none", listedEffects},
		{"times", "an effect is due, and a lease over, at its microsecond; times are in UTC", times},

		{"events", "events are numbered by aggregate without a gap and streamed in one order", events},
		{"postings", "postings are streamed in the order in which they were written", postings},
		{"long streams", "a stream has all, however long; it can be stopped anywhere and gone on with after it", longStreams},

		{"concurrent changes", "of any number of changes of one version one is made", concurrentChanges},
		{"concurrent firsts", "of any number of first ones, of a key or of a cart's live checkout, there is one", concurrentFirsts},
		{"concurrent claims", "no effect is leased to two workers, and no lease ends twice", concurrentClaims},
		{"concurrent events", "a reader never finds an earlier event after a later one, and misses none", concurrentEvents},
		{"unnumbered events", "events without a number, added at the same time, get one each without a gap", unnumberedEvents},
		{"opposite orders", "changes that want the same stock in opposite orders all end", oppositeOrders},
	}
}

func at() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC) }

func cart(version int64) orders.Cart {
	return orders.Cart{
		ID: "c1", Version: version, Currency: money.MustISO("EUR"), Owner: orders.Buyer{ID: "u1"}, At: at(),
		Lines: []orders.CartLine{{ID: "l1", SKU: "A", Quantity: version, Options: map[string]string{"size": "é\"<"}}},
	}
}

func checkout(id orders.CheckoutID, version int64, state orders.State) *orders.Checkout {
	return &orders.Checkout{ID: id, Version: version, State: state, Cart: cart(1), Began: at(), At: at(), Total: money.New(1234, money.MustISO("EUR"))}
}

func effect(key string, due time.Time) orders.Effect {
	return orders.Effect{Key: key, Kind: orders.EffectCapture, Checkout: "x1", Due: due, Payload: json.RawMessage(`{"key":"` + key + `"}`)}
}

func event(aggregate string, number int64) orders.Event {
	return orders.Event{Aggregate: aggregate, Number: number, Form: orders.EventForm, Kind: "begun", At: at(), Data: json.RawMessage(`{"n":1}`)}
}

func posting(key string) ledger.Transaction {
	one := money.New(100, money.MustISO("EUR"))
	return ledger.Transaction{Key: key, At: at(), Postings: []ledger.Posting{{Account: "a", Amount: one}, {Account: "b", Amount: one.Neg()}}}
}

func reserve(id string, lines ...stock.Line) stock.Move {
	return stock.Move{Kind: stock.MoveReserve, Hold: id, Lines: lines, Until: at().Add(time.Hour)}
}

func line(sku string, n int64) stock.Line { return stock.Line{Key: stock.Key{SKU: sku}, Quantity: n} }

// same compares the JSON of two values.
func same(what string, got, want any) error {
	g, err := json.Marshal(got)
	if err != nil {
		return err
	}
	w, err := json.Marshal(want)
	if err != nil {
		return err
	}
	if string(g) != string(w) {
		return fmt.Errorf("%s is\n%s\nwant\n%s", what, g, w)
	}
	return nil
}

// conflict wants a *ConflictError.
func conflict(err error, kind orders.ConflictKind, current int64) error {
	var c *orders.ConflictError
	if !errors.As(err, &c) || c.Kind != kind || c.Current != current {
		return fmt.Errorf("got %w, want a conflict of %s with %d stored", orNone(err), kind, current)
	}
	return nil
}

var errNone = errors.New("no error")

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

func missing(err error) error {
	if !errors.Is(err, orders.ErrNotFound) {
		return fmt.Errorf("got %w, want ErrNotFound", orNone(err))
	}
	return nil
}

func states(ctx context.Context, s orders.StockStore) error {
	_, noCart := s.Cart(ctx, "c1")
	_, noCheckout := s.Checkout(ctx, "x1")
	_, noOrder := s.Order(ctx, "x1")
	_, noRequest := s.Replay(ctx, "customer/u1", "k")
	for _, err := range []error{noCart, noCheckout, noOrder, noRequest} {
		if err := missing(err); err != nil {
			return err
		}
	}
	c, x := cart(1), checkout("x1", 1, orders.StateLocked)
	o := &orders.Order{ID: "x1", Version: 1, State: orders.OrderReady, Placed: at(), At: at(), Lines: c.Lines, Units: map[string]orders.Units{"l1": {Quantity: 1}}}
	if err := s.Apply(ctx, orders.Change{At: at(), Carts: []orders.Cart{c}, Checkout: x, Order: o}); err != nil {
		return err
	}
	gotCart, err := s.Cart(ctx, c.ID)
	if err == nil {
		err = same("cart", gotCart, c)
	}
	if err != nil {
		return err
	}
	gotCheckout, err := s.Checkout(ctx, x.ID)
	if err == nil {
		err = same("checkout", gotCheckout, x)
	}
	if err != nil {
		return err
	}
	gotOrder, err := s.Order(ctx, o.ID)
	if err == nil {
		err = same("order", gotOrder, o)
	}
	return err
}

func versions(ctx context.Context, s orders.StockStore) error {
	put := func(version int64) error {
		return s.Apply(ctx, orders.Change{At: at(), Carts: []orders.Cart{cart(version)}})
	}
	if err := conflict(put(2), orders.ConflictCart, 0); err != nil {
		return fmt.Errorf("version 2 of nothing: %w", err)
	}
	for version := range int64(3) {
		if err := put(version + 1); err != nil {
			return err
		}
	}
	for _, version := range []int64{1, 2, 3, 5} {
		if err := conflict(put(version), orders.ConflictCart, 3); err != nil {
			return fmt.Errorf("version %d over 3: %w", version, err)
		}
	}
	if err := s.Apply(ctx, orders.Change{At: at(), Checkout: checkout("x1", 1, orders.StateLocked)}); err != nil {
		return err
	}
	err := s.Apply(ctx, orders.Change{At: at(), Checkout: checkout("x1", 1, orders.StateLocked)})
	return conflict(err, orders.ConflictCheckout, 1)
}

func liveCheckout(ctx context.Context, s orders.StockStore) error {
	put := func(c *orders.Checkout) error { return s.Apply(ctx, orders.Change{At: at(), Checkout: c}) }
	if err := s.Apply(ctx, orders.Change{At: at(), Carts: []orders.Cart{cart(1)}, Checkout: checkout("x1", 1, orders.StateLocked)}); err != nil {
		return err
	}
	if err := conflict(put(checkout("x2", 1, orders.StateLocked)), orders.ConflictCart, 1); err != nil {
		return err
	}
	if err := put(checkout("x1", 2, orders.StateCancelled)); err != nil {
		return err
	}
	if err := put(checkout("x2", 1, orders.StateLocked)); err != nil {
		return err
	}
	// The first one cannot come back to life beside it.
	if err := conflict(put(checkout("x1", 3, orders.StateLocked)), orders.ConflictCart, 1); err != nil {
		return fmt.Errorf("a second one that was over: %w", err)
	}
	return put(checkout("x1", 3, orders.StateCancelled))
}

func requests(ctx context.Context, s orders.StockStore) error {
	record := orders.Record{Scope: "customer/u1", Key: "k", Hash: "h", Aggregate: "cart/c1", At: at(), KeepUntil: at().Add(time.Hour)}
	keep := func(r orders.Record, now time.Time) error {
		return s.Apply(ctx, orders.Change{At: now, Record: &r})
	}
	if err := keep(record, at()); err != nil {
		return err
	}
	got, err := s.Replay(ctx, record.Scope, record.Key)
	if err == nil {
		err = same("request", got, record)
	}
	if err != nil {
		return err
	}
	if err := conflict(keep(record, at().Add(time.Minute)), orders.ConflictRequest, 0); err != nil {
		return err
	}
	other := record
	other.Scope = "customer/u2"
	if err := keep(other, at()); err != nil {
		return fmt.Errorf("the same key in another scope: %w", err)
	}
	later := record
	later.Hash, later.At, later.KeepUntil = "h2", at().Add(2*time.Hour), at().Add(3*time.Hour)
	if err := keep(later, later.At); err != nil {
		return fmt.Errorf("a key whose time is over: %w", err)
	}
	if got, err = s.Replay(ctx, record.Scope, record.Key); err == nil {
		err = same("request", got, later)
	}
	return err
}
