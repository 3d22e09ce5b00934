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

// bookshop is what a host gives: prices, a gateway and a warehouse. Here they are fakes.
func bookshop(script ...orderstest.Script) (*orders.Orders, *orders.MemoryStore, *orderstest.Host) {
	host := orderstest.NewHost(orderstest.NewGateway(script...), money.New(1_500, money.MustISO("EUR")))
	store := orders.NewMemoryStore()
	if err := store.Stock().SetOnHand(context.Background(), stock.Key{SKU: "book"}, 10); err != nil {
		log.Fatal(err)
	}
	shop, err := orders.New(store, host, host.Gateway, host, orders.Config{Now: host.Now})
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
	shop, store, _ := bookshop()
	ref := basket(ctx, shop)
	for range 2 {
		checkout, err := shop.Place(ctx, ref, orders.BeginRequest{
			Buyer:    orders.Buyer{Email: "ann@example.com"},
			Expected: money.New(3_000, money.MustISO("EUR")), // the total that the buyer saw
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
	shop, _, _ := bookshop()
	_, err := shop.Begin(ctx, basket(ctx, shop), orders.BeginRequest{Expected: money.New(2_800, money.MustISO("EUR"))})
	if changed, ok := errors.AsType[*orders.TotalChangedError](err); ok {
		fmt.Println("was", changed.Was, "is", changed.Is)
	}
	// Output:
	// was 28.00 EUR is 30.00 EUR
}

// One unit is cancelled after the money was taken: it goes back on sale and its share is refunded.
func ExampleOrders_CancelOrder_afterCapture() {
	ctx := context.Background()
	shop, _, host := bookshop()
	checkout, err := shop.Place(ctx, basket(ctx, shop), orders.BeginRequest{
		Expected: money.New(3_000, money.MustISO("EUR")), Tenders: []orders.Tender{{Kind: "card", Token: "tok_visa"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	order, err := shop.CancelOrder(ctx, orders.OrderID(checkout.ID), orders.Cancellation{Key: "cancel-1", Lines: []orders.LineQty{{Line: "l1", Quantity: 1}}})
	if err != nil {
		log.Fatal(err)
	}
	_, captured := host.Gateway.Books(money.MustISO("EUR"))
	fmt.Println(order.State, "cancelled", order.Cancelled, "gateway keeps", captured)
	// Output:
	// READY cancelled 15.00 EUR gateway keeps 15.00 EUR
}

// The gateway's answer is lost, twice over. What happened is not known; a runner finds out.
func ExampleRunner() {
	ctx := context.Background()
	shop, _, host := bookshop(orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.LostAfter}, orderstest.Script{Call: "lookup", Nth: 1, Fault: orderstest.LostBefore})
	checkout, err := shop.Place(ctx, basket(ctx, shop), orders.BeginRequest{
		Expected: money.New(3_000, money.MustISO("EUR")), Tenders: []orders.Tender{{Kind: "card", Token: "tok_visa"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	found, err := shop.Recover(ctx) // as a start after a crash finds it
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(checkout.State, "in doubt:", found.Doubtful)
	runner, err := orders.NewRunner(shop, orders.RunnerConfig{}) // a service calls Run
	if err != nil {
		log.Fatal(err)
	}
	host.Pass(time.Minute)
	if _, err := runner.Step(ctx); err != nil {
		log.Fatal(err)
	}
	if checkout, err = shop.Checkout(ctx, checkout.ID); err != nil {
		log.Fatal(err)
	}
	_, captured := host.Gateway.Books(money.MustISO("EUR"))
	fmt.Println(checkout.State, "captured", captured)
	// Output:
	// AUTHORISING in doubt: 1
	// PLACED captured 30.00 EUR
}
