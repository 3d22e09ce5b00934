package orderstest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

// A scenario is what a buyer and a warehouse do with a cart of two units of 50.00. Each of its
// commands may fail because the process has stopped; whoever goes on, goes on with the same
// keys.
type scenario struct {
	name    string
	script  []Script
	capture orders.CaptureMode
	tenders []orders.Tender
	off     int64                                        // a discount, which is held and committed
	during  func(h *Host, store orders.StockStore)       // what happens meanwhile, within the first authorisation
	price   int64                                        // of one unit, when it has changed since it was shown
	then    []func(b *buyer, id orders.CheckoutID) error // what is done once it was placed
	end     string                                       // the state of the order, else of the checkout, when nobody dies
}

// A buyer gives commands to one process.
type buyer struct {
	ctx    context.Context //nolint:containedctx // of the one test that it lives in
	h      *Host
	s      *orders.Orders
	runner *orders.Runner // of the same process, where commands call nobody; else nil
}

// drive performs what is due, where commands do not.
func (b *buyer) drive() error {
	for b.runner != nil {
		if n, err := b.runner.Step(b.ctx); n == 0 || err != nil {
			return err
		}
	}
	return nil
}

func (b *buyer) done(err error) error {
	if err != nil {
		return err
	}
	return b.drive()
}

func eur(minor int64) money.Amount { return money.New(minor, money.MustISO("EUR")) }

func card(minor int64) orders.Tender {
	return orders.Tender{ID: fmt.Sprintf("card%d", minor), Kind: "card", Token: "tok", Amount: eur(minor)}
}

// place is the buyer's part: whose total has changed agrees to the new one, once.
func (l *life) place(b *buyer, ref orders.CartRef) (orders.CheckoutID, error) {
	req := orders.BeginRequest{Expected: eur(10_000 - l.off), Tenders: l.tenders}
	if l.agreed {
		ref.Key, req = "agreed", orders.BeginRequest{Expected: eur(2 * l.price), Tenders: []orders.Tender{card(2 * l.price)}}
	}
	c, err := b.s.Place(b.ctx, ref, req)
	if errors.Is(err, orders.ErrTotalChanged) && !l.agreed {
		l.agreed = true
		return l.place(b, ref)
	}
	return c.ID, b.done(err)
}

// act is all that is done.
func (l *life) act(b *buyer, ref orders.CartRef) (orders.CheckoutID, error) {
	id, err := l.place(b, ref)
	for _, do := range l.then {
		if err != nil {
			break
		}
		err = do(b, id)
	}
	return id, err
}

func ship(b *buyer, id orders.CheckoutID) error {
	_, err := b.s.Ship(b.ctx, orders.OrderID(id), orders.Shipment{Key: "ship", Lines: []orders.LineQty{{Line: "l1", Quantity: 1}}})
	return b.done(err)
}

func cancelOne(b *buyer, id orders.CheckoutID) error {
	_, err := b.s.CancelOrder(b.ctx, orders.OrderID(id), orders.Cancellation{Key: "one", Lines: []orders.LineQty{{Line: "l1", Quantity: 1}}, Reason: "one is enough"})
	return b.done(err)
}

func cancelAll(b *buyer, id orders.CheckoutID) error {
	_, err := b.s.CancelOrder(b.ctx, orders.OrderID(id), orders.Cancellation{Key: "all", Reason: "no longer wanted"})
	return b.done(err)
}

func giveUp(b *buyer, id orders.CheckoutID) error {
	_, err := b.s.Cancel(b.ctx, id, "no other card")
	return b.done(err)
}

func payAgain(b *buyer, id orders.CheckoutID) error {
	_, err := b.s.Pay(b.ctx, id, orders.PayRequest{Key: "again", Tenders: []orders.Tender{{ID: "other", Kind: "card", Token: "tok", Amount: eur(10_000)}}})
	return b.done(err)
}

func approve(b *buyer, id orders.CheckoutID) error {
	b.h.Gateway.Approve()
	_, err := b.s.Confirm(b.ctx, id)
	return b.done(err)
}

// sellOut lets the hold end, and others buy what it had.
func sellOut(h *Host, store orders.StockStore) {
	h.Pass(3 * time.Hour)
	ctx := context.Background()
	_, err := store.Stock().Expire(ctx, h.Now(), 100)
	if err = errors.Join(err, store.Stock().SetOnHand(ctx, stock.Key{SKU: "A"}, 1)); err != nil {
		panic(err) // there is no hold left that could be in its way
	}
}

func scenarios() []scenario {
	whole, split := []orders.Tender{card(10_000)}, []orders.Tender{card(3_000), card(7_000)}
	deferred := orders.CaptureDeferred
	type then = []func(*buyer, orders.CheckoutID) error
	return []scenario{
		{name: "plain", tenders: whole, end: "READY"},
		{name: "split tender", tenders: split, end: "READY"},
		{name: "answers are lost", tenders: whole, script: []Script{{"authorise", 1, LostAfter}, {"lookup", 1, Lags}, {"capture", 1, LostAfter}}, end: "READY"},
		{name: "refused", tenders: split, script: []Script{{"authorise", 2, Refuse}}, then: then{giveUp}, end: "CANCELLED"},
		{name: "refused, then another card", tenders: whole, script: []Script{{"authorise", 1, Refuse}}, then: then{payAgain}, end: "READY"},
		{name: "the buyer acts", tenders: whole, script: []Script{{"authorise", 1, Buyer}}, then: then{approve}, end: "READY"},
		{name: "deferred, shipped in parts", tenders: whole, capture: deferred, then: then{ship}, end: "FULFILLING"},
		{name: "one cancelled, one shipped, before capture", tenders: split, capture: deferred, then: then{cancelOne, ship}, end: "COMPLETED"},
		{name: "cancelled before capture", tenders: split, capture: deferred, then: then{cancelAll}, end: "CANCELLED"},
		{name: "cancelled in part after capture", tenders: whole, then: then{cancelOne}, end: "READY"},
		{name: "cancelled after capture", tenders: split, then: then{cancelAll}, end: "CANCELLED"},
		{name: "price changed", tenders: whole, price: 6_000, end: "READY"},
		{name: "sold out at placing", tenders: whole, during: sellOut, end: "CANCELLED"},
		{name: "a discount", tenders: []orders.Tender{card(9_000)}, off: 1_000, then: then{cancelOne}, end: "READY"},
		{name: "a discount, given up", tenders: []orders.Tender{card(9_000)}, off: 1_000, script: []Script{{"authorise", 1, Refuse}}, then: then{giveUp}, end: "CANCELLED"},
	}
}
