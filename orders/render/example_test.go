package render_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/render"
	"github.com/tenon-go/tenon/orders/stock"
)

// lost is a checkout of two books whose payment has no answer: the gateway's first two are lost.
func lost(ctx context.Context) (*orders.Orders, *orders.MemoryStore, *orderstest.Host, orders.Checkout) {
	host := orderstest.NewHost(orderstest.NewGateway(
		orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.LostAfter}, orderstest.Script{Call: "lookup", Nth: 1, Fault: orderstest.LostBefore},
	), money.New(1_500, money.MustISO("EUR")))
	store := orders.NewMemoryStore()
	if err := store.Stock().SetOnHand(ctx, stock.Key{SKU: "book"}, 10); err != nil {
		log.Fatal(err)
	}
	names := strings.NewReader("abcdefghijklmnopqrstuvwxyz")
	newID := func() string {
		b, err := names.ReadByte()
		if err != nil {
			log.Fatal(err)
		}
		return string(b)
	}
	shop, err := orders.New(store, host, host.Gateway, host, orders.Config{Now: host.Now, NewID: newID})
	if err != nil {
		log.Fatal(err)
	}
	cart, token, err := shop.OpenCart(ctx, orders.Buyer{Email: "ann@example.com"}, money.MustISO("EUR"))
	if err != nil {
		log.Fatal(err)
	}
	ref := orders.CartRef{ID: cart.ID, Token: token}
	if cart, err = shop.AddLine(ctx, ref, orders.CartLine{ID: "l1", SKU: "book", Quantity: 2}); err != nil {
		log.Fatal(err)
	}
	ref.Key, ref.Version = "click-1", cart.Version
	checkout, err := shop.Place(ctx, ref, orders.BeginRequest{
		Buyer: orders.Buyer{Email: "ann@example.com"}, Expected: money.New(3_000, money.MustISO("EUR")), Tenders: []orders.Tender{{ID: "visa", Kind: "card", Token: "tok"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	return shop, store, host, checkout
}

// What to tell a buyer whose payment hangs.
func ExampleWhy() {
	_, _, host, checkout := lost(context.Background())
	host.Pass(5 * time.Second)
	fmt.Println(render.Why(render.Standing{At: host.Now(), Checkout: checkout}))
	// Output:
	// Checkout d is being paid: 30.00 EUR in all.
	// The authorisation of 30.00 EUR by visa (d/authorise/1) is in doubt since 2026-01-02 03:04:05: after 2 attempts nobody knows whether it happened; it is looked up before anything else is done.
	// Its stock is held until 2026-01-02 03:34:05, 29m55s from now.
	// What has no answer is tried again by itself, after pauses that grow from a second to an hour.
	// Next: the checkout is given up unless it moves on, in 14m55s, at 2026-01-02 03:19:05.
}

func ExampleStock() {
	ctx := context.Background()
	_, store, host, _ := lost(ctx)
	host.Pass(90 * time.Second)
	sheet, err := render.ReadStock(ctx, store, host.Now())
	if err != nil {
		log.Fatal(err)
	}
	if err := render.Stock(os.Stdout, sheet); err != nil {
		log.Fatal(err)
	}
	// Output:
	// stock at 2026-01-02 03:05:35 UTC
	// sku    on hand  reserved  left  sold
	// book        10         2     8     0
	// ------------------------------------
	// total       10         2     8     0
	// holds by age  holds  units  past their time
	// 1m to 5m          1      2                0
	// -------------------------------------------
	// total             1      2                0
	// oldest: d, taken 1m30s ago, checkout AUTHORISING, ends in 28m30s: 2 of book
}

// The picture of a checkout, with its order's part where there is one.
func ExampleTimeline() {
	ctx := context.Background()
	shop, _, _, checkout := lost(ctx)
	var events []orders.Event
	for _, aggregate := range []string{"checkout/", "order/"} {
		for e, err := range shop.Events(ctx, 0, orders.EventQuery{Aggregate: aggregate + string(checkout.ID)}) {
			if err != nil {
				log.Fatal(err)
			}
			events = append(events, e)
		}
	}
	var svg strings.Builder
	if err := render.Timeline(&svg, events); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(events), "events;", strings.Count(svg.String(), `data-status="unknown"`)-1, "reports in doubt") // one more is in the legend
	// Output:
	// 5 events; 2 reports in doubt
}

func ExampleStates() {
	var mermaid strings.Builder
	if err := render.States(&mermaid, render.Order, render.Mermaid); err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(mermaid.String()) {
		if strings.Contains(line, "ON_HOLD -->") {
			fmt.Print(strings.TrimSpace(line), "\n")
		}
	}
	// Output:
	// ON_HOLD --> CAPTURING: Capture
	// ON_HOLD --> READY: captured, released
	// ON_HOLD --> FULFILLING: captured, released after Ship
	// ON_HOLD --> COMPLETED: captured, released after the last Ship<br>Cancel the rest
	// ON_HOLD --> ON_HOLD: Cancel<br>money missing<br>outcome
	// ON_HOLD --> CANCELLING: Cancel all
}
