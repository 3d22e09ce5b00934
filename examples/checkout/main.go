package main

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/sqlorders"
	"github.com/tenon-go/tenon/orders/stock"
)

func main() {
	ctx, ann, eur := context.Background(), orders.Buyer{Email: "ann@example.com"}, money.MustISO("EUR")
	db, remove, err := openDatabase()
	check(err)
	defer func() { check(remove()) }()
	store, err := sqlorders.New(db, sqlorders.Config{Dialect: sqlorders.SQLite})
	check(err)
	check(store.Migrate(ctx))
	check(store.Stock().SetOnHand(ctx, stock.Key{SKU: "mug"}, 10))
	bank := orderstest.NewGateway(orderstest.Script{Call: "authorise", Fault: orderstest.LostAfter}) // it never answers
	shop, err := orders.New(store, house{}, bank, house{}, orders.Config{})                          // house: prices and a warehouse
	check(err)

	cart, token, err := shop.OpenCart(ctx, ann, eur)
	check(err)
	ref := orders.CartRef{ID: cart.ID, Token: token}
	cart, err = shop.AddLine(ctx, ref, orders.CartLine{SKU: "mug", Quantity: 2})
	check(err)
	ref.Key, ref.Version = "id of the form", cart.Version // the cart as the buyer saw it
	var answers [2]orders.Checkout
	var clicks sync.WaitGroup
	for i := range answers { // a double click, perhaps on two nodes
		clicks.Go(func() {
			checkout, err := shop.Place(ctx, ref, orders.BeginRequest{
				Buyer: ann, Expected: money.New(15_80, eur), Tenders: []orders.Tender{{Kind: "card", Token: "tok_visa"}},
			})
			check(err)
			answers[i] = checkout
		})
	}
	clicks.Wait()

	order, err := shop.Order(ctx, orders.OrderID(answers[0].ID))
	check(err)
	levels, err := store.Stock().Levels(ctx, []stock.Key{{SKU: "mug"}})
	check(err)
	_, charged := bank.Books(eur)
	fmt.Println("one checkout:", answers[0].ID == answers[1].ID)
	fmt.Println("order", order.State, order.Total, "charged", charged)
	fmt.Println(levels[0])
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
