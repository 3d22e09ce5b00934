package orders_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
)

// bookshop has ten books at 15.00 EUR. What a host gives, prices, a gateway and a
// warehouse, are fakes here.
func bookshop(cfg orders.Config, script ...orderstest.Script) (*orders.Orders, *orders.MemoryStore, *orderstest.Host) {
	host := orderstest.NewHost(orderstest.NewGateway(script...), money.New(15_00, money.MustISO("EUR")))
	store := orders.NewMemoryStore()
	if err := store.Stock().SetOnHand(context.Background(), stock.Key{SKU: "book"}, 10); err != nil {
		log.Fatal(err)
	}
	cfg.Now = host.Now
	shop, err := orders.New(store, host, host.Gateway, host, cfg)
	if err != nil {
		log.Fatal(err)
	}
	return shop, store, host
}

// basket is a guest's cart with two books, and what a checkout of it needs.
func basket(ctx context.Context, shop *orders.Orders) orders.CartRef {
	cart, token, err := shop.OpenCart(ctx, orders.Buyer{Email: "ann@example.com"}, money.MustISO("EUR"))
	if err != nil {
		log.Fatal(err)
	}
	ref := orders.CartRef{ID: cart.ID, Token: token}
	if cart, err = shop.AddLine(ctx, ref, orders.CartLine{ID: "l1", SKU: "book", Quantity: 2}); err != nil {
		log.Fatal(err)
	}
	ref.Key, ref.Version = "click-1", cart.Version
	return ref
}

// A cart becomes an order, paid and handed to the warehouse; a second click changes nothing.
func ExampleOrders_Place() {
	ctx := context.Background()
	shop, store, _ := bookshop(orders.Config{})
	ref := basket(ctx, shop)
	for range 2 {
		checkout, err := shop.Place(ctx, ref, orders.BeginRequest{
			Buyer:    orders.Buyer{Email: "ann@example.com"},
			Expected: money.New(30_00, money.MustISO("EUR")), // the total that the buyer saw
			Tenders:  []orders.Tender{{Kind: "card", Token: "tok_visa"}},
		})
		if err != nil {
			log.Fatal(err)
		}
		order, err := shop.Order(ctx, orders.OrderID(checkout.ID))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(checkout.State, order.State, order.Tenders[0].Captured)
	}
	levels, err := store.Stock().Levels(ctx, []stock.Key{{SKU: "book"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(levels[0])
	// Output:
	// PLACED READY 30.00 EUR
	// PLACED READY 30.00 EUR
	// book: 8 on hand, 0 reserved
}

// The buyer never pays another total than the one shown.
func ExampleOrders_Begin_totalChanged() {
	ctx := context.Background()
	shop, _, _ := bookshop(orders.Config{})
	ref := basket(ctx, shop)
	_, err := shop.Begin(ctx, ref, orders.BeginRequest{Expected: money.New(28_00, money.MustISO("EUR"))})
	if changed, ok := errors.AsType[*orders.TotalChangedError](err); ok {
		fmt.Println("was", changed.Was, "is", changed.Is)
	}
	cart, err := shop.Cart(ctx, ref)
	fmt.Println(cart.State, err)
	// Output:
	// was 28.00 EUR is 30.00 EUR
	// OPEN <nil>
}

// A gift card pays first and a card the rest. The card is refused; the buyer tries another
// one, and what the gift card has authorised is kept.
func ExampleOrders_Pay_split() {
	ctx := context.Background()
	shop, _, _ := bookshop(orders.Config{}, orderstest.Script{Call: "authorise:card", Nth: 1, Fault: orderstest.Refuse})
	eur := money.MustISO("EUR")
	checkout, err := shop.Begin(ctx, basket(ctx, shop), orders.BeginRequest{Expected: money.New(30_00, eur)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(checkout.State, checkout.Total)
	for _, pay := range []orders.PayRequest{
		{Key: "pay-1", Tenders: []orders.Tender{
			{Kind: "gift_card", Token: "gift_7", Amount: money.New(12_00, eur)},
			{Kind: "card", Token: "tok_visa"}, // no amount: the rest
		}},
		{Key: "pay-2", Tenders: []orders.Tender{{Kind: "card", Token: "tok_master"}}},
	} {
		if checkout, err = shop.Pay(ctx, checkout.ID, pay); err != nil {
			log.Fatal(err)
		}
		fmt.Println(checkout.State)
		if checkout.Refusal != nil { // a refusal is an answer, not an error
			fmt.Println("refused:", checkout.Refusal.Reason)
		}
	}
	for _, t := range checkout.Tenders {
		fmt.Println(t.Tender.Token, t.Authorised)
	}
	// Output:
	// LOCKED 30.00 EUR
	// LOCKED
	// refused: declined
	// PLACED
	// gift_7 12.00 EUR
	// tok_master 18.00 EUR
}

// A gateway's events come in any order, twice, and before the answer that they are about.
func ExampleOrders_Observe_outOfOrder() {
	ctx := context.Background()
	shop, _, host := bookshop(orders.Config{})
	succeeded := orders.PaymentEvent{ // as the host reads it from a webhook whose signature is right
		Source: "bank", ID: "evt_2", Ref: "ref-2", Kind: orders.PaymentCharge, Status: orders.PaymentSucceeded,
		Amount: money.New(30_00, money.MustISO("EUR")), At: host.Now(),
	}
	requested := succeeded
	requested.ID, requested.Status = "evt_1", orders.PaymentRequested
	observe := func(when string, e orders.PaymentEvent) {
		seen, err := shop.Observe(ctx, e)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: unmatched %t, duplicate %t, differs %t\n", when, seen.Unmatched, seen.Duplicate, seen.Differs)
	}
	host.Gateway.During = func(call, _ string) {
		if call == "capture" {
			observe("before the answer", succeeded)
		}
	}
	checkout, err := shop.Place(ctx, basket(ctx, shop), orders.BeginRequest{
		Expected: money.New(30_00, money.MustISO("EUR")), Tenders: []orders.Tender{{Kind: "card", Token: "tok_visa"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	observe("again", succeeded)
	observe("late", requested)
	order, err := shop.Order(ctx, orders.OrderID(checkout.ID))
	fmt.Println(order.State, order.Tenders[0].Captured, err)
	// Output:
	// before the answer: unmatched true, duplicate false, differs false
	// again: unmatched false, duplicate true, differs false
	// late: unmatched false, duplicate false, differs false
	// READY 30.00 EUR <nil>
}

// One unit is cancelled after the money was taken: it goes back on sale and its share is refunded.
func ExampleOrders_CancelOrder_afterCapture() {
	ctx := context.Background()
	shop, store, host := bookshop(orders.Config{})
	checkout, err := shop.Place(ctx, basket(ctx, shop), orders.BeginRequest{
		Expected: money.New(30_00, money.MustISO("EUR")), Tenders: []orders.Tender{{Kind: "card", Token: "tok_visa"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	order, err := shop.CancelOrder(ctx, orders.OrderID(checkout.ID), orders.Cancellation{
		Key: "cancel-1", Lines: []orders.LineQty{{Line: "l1", Quantity: 1}}, Reason: "ordered one too many",
	})
	if err != nil {
		log.Fatal(err)
	}
	_, captured := host.Gateway.Books(money.MustISO("EUR"))
	fmt.Println(order.State, "cancelled", order.Cancelled, "gateway keeps", captured)
	levels, err := store.Stock().Levels(ctx, []stock.Key{{SKU: "book"}})
	fmt.Println(levels, err)
	// Output:
	// READY cancelled 15.00 EUR gateway keeps 15.00 EUR
	// [book: 9 on hand, 0 reserved] <nil>
}

// With deferred capture a shipment takes its share of the money.
func ExampleOrders_Ship_partial() {
	ctx := context.Background()
	shop, _, host := bookshop(orders.Config{Capture: orders.CaptureDeferred})
	checkout, err := shop.Place(ctx, basket(ctx, shop), orders.BeginRequest{
		Expected: money.New(30_00, money.MustISO("EUR")), Tenders: []orders.Tender{{Kind: "card", Token: "tok_visa"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	id := orders.OrderID(checkout.ID)
	for _, parcel := range []string{"parcel-1", "parcel-1", "parcel-2"} { // the key says that the second one is the first
		order, err := shop.Ship(ctx, id, orders.Shipment{Key: parcel, Lines: []orders.LineQty{{Line: "l1", Quantity: 1}}})
		if err != nil {
			log.Fatal(err)
		}
		authorised, captured := host.Gateway.Books(money.MustISO("EUR"))
		fmt.Println(parcel, order.State, "captured", captured, "still authorised", authorised)
	}
	_, err = shop.CancelOrder(ctx, id, orders.Cancellation{Key: "cancel-1"})
	fmt.Println("too late to cancel:", errors.Is(err, orders.ErrTransition))
	// Output:
	// parcel-1 FULFILLING captured 15.00 EUR still authorised 15.00 EUR
	// parcel-1 FULFILLING captured 15.00 EUR still authorised 15.00 EUR
	// parcel-2 COMPLETED captured 30.00 EUR still authorised 0.00 EUR
	// too late to cancel: true
}

// The gateway's answer is lost, twice over. What happened is not known; a runner finds out.
func ExampleRunner() {
	ctx := context.Background()
	shop, _, host := bookshop(orders.Config{},
		orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.LostAfter},
		orderstest.Script{Call: "lookup", Nth: 1, Fault: orderstest.LostBefore})
	checkout, err := shop.Place(ctx, basket(ctx, shop), orders.BeginRequest{
		Expected: money.New(30_00, money.MustISO("EUR")), Tenders: []orders.Tender{{Kind: "card", Token: "tok_visa"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(checkout.State, "in doubt:", checkout.Steps[0].Doubt)
	runner, err := orders.NewRunner(shop, orders.RunnerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	host.Pass(time.Minute)
	if _, err := runner.Step(ctx); err != nil { // a service calls Run, which steps until its context ends
		log.Fatal(err)
	}
	if checkout, err = shop.Checkout(ctx, checkout.ID); err != nil {
		log.Fatal(err)
	}
	authorised, captured := host.Gateway.Books(money.MustISO("EUR"))
	fmt.Println(checkout.State, "captured", captured, "still authorised", authorised)
	// Output:
	// AUTHORISING in doubt: true
	// PLACED captured 30.00 EUR still authorised 0.00 EUR
}

// A process dies between a commit and the call that it promises. The next one says at its start
// what it finds, and its runner goes on.
func ExampleOrders_Recover() {
	ctx := context.Background()
	dying, store, host := bookshop(orders.Config{Later: true}) // it writes, and calls nobody
	checkout, err := dying.Place(ctx, basket(ctx, dying), orders.BeginRequest{
		Expected: money.New(30_00, money.MustISO("EUR")), Tenders: []orders.Tender{{Kind: "card", Token: "tok_visa"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	host.Pass(2 * time.Minute)
	shop, err := orders.New(store, host, host.Gateway, host, orders.Config{Now: host.Now})
	if err != nil {
		log.Fatal(err)
	}
	found, err := shop.Recover(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Checkouts, "overdue:", found.Overdue, "in doubt:", found.Doubtful)
	runner, err := orders.NewRunner(shop, orders.RunnerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := runner.Step(ctx); err != nil {
		log.Fatal(err)
	}
	order, err := shop.Order(ctx, orders.OrderID(checkout.ID))
	fmt.Println(order.State, order.Tenders[0].Captured, err)
	// Output:
	// map[AUTHORISING:1] overdue: 1 in doubt: 0
	// READY 30.00 EUR <nil>
}

// What a gateway reports is a set: neither order nor repetition makes a difference.
func ExampleFoldPayment() {
	amount := func(minor int64) money.Amount { return money.New(minor, money.MustISO("EUR")) }
	noon := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	event := func(id, ref string, kind orders.PaymentKind, status orders.PaymentStatus, minor int64, minute int) orders.PaymentEvent {
		return orders.PaymentEvent{Source: "bank", ID: id, Ref: ref, Kind: kind, Status: status, Amount: amount(minor), At: noon.Add(time.Duration(minute) * time.Minute)}
	}
	charged := event("4", "ch_1", orders.PaymentCharge, orders.PaymentSucceeded, 20_00, 2)
	balance := orders.FoldPayment(orders.Balance{}, []orders.PaymentEvent{
		event("5", "re_1", orders.PaymentRefund, orders.PaymentRequested, 5_00, 3),
		charged,
		event("1", "au_1", orders.PaymentAuthorisation, orders.PaymentRequested, 30_00, 0),
		charged, // the webhook came twice
		event("2", "au_1", orders.PaymentAuthorisation, orders.PaymentSucceeded, 30_00, 0),
		event("3", "ch_1", orders.PaymentCharge, orders.PaymentFailed, 20_00, 1), // older than its success
	})
	fmt.Println("can still be charged:", balance.Authorised)
	fmt.Println("charged:", balance.Charged, "refund under way:", balance.RefundPending)
	// Output:
	// can still be charged: 10.00 EUR
	// charged: 15.00 EUR refund under way: 5.00 EUR
}
