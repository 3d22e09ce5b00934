package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log"
	"strings"

	"github.com/tenon-go/tenon/examples/shop/glue"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
	"github.com/tenon-go/tenon/promotions"
)

const offers = `{"promotions": [{"id": "hello", "codes": ["HELLO"], "currency": "EUR", "limits": {"uses": 1},
  "effect": {"kind": "amount", "value": "5.00", "per": "order"}}]}`

func main() {
	dsn := flag.String("dsn", "", "PostgreSQL, as postgres://... (default: SQLite in a temporary folder)")
	flag.Parse()
	if err := run(context.Background(), *dsn); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dsn string) (err error) {
	db, err := openDatabase(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.remove()) }()
	set, err := promotions.Parse(strings.NewReader(offers))
	if err != nil {
		return err
	}
	snapshot, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		return err
	}
	h := &host{db: db, snapshot: snapshot, rest: orderstest.NewHost(orderstest.NewGateway(), money.New(7_90, money.MustISO("EUR")))}
	if err := h.open(ctx); err != nil {
		return err
	}
	ref, err := h.cart(ctx)
	if err != nil {
		return err
	}
	for _, failure := range []error{errors.New("no room in the diary for a delivery"), nil} {
		checkout, err := h.begin(ctx, ref, failure)
		if err != nil {
			fmt.Println("not begun:", err)
		} else {
			fmt.Println("begun:", checkout.State, checkout.Total)
		}
		if err := h.show(ctx); err != nil {
			return err
		}
	}
	if err := h.runner(ctx); err != nil {
		return err
	}
	return h.show(ctx)
}

// A host has its own table of deliveries in the database of the engines.
type host struct {
	db       database
	snapshot *promotions.Snapshot
	rest     *orderstest.Host // prices, the bank, the warehouse and the time
}

func (h *host) open(ctx context.Context) error {
	orderStore, err := h.db.orders(h.db)
	if err != nil {
		return err
	}
	promotionStore, err := h.db.promotions(h.db)
	if err != nil {
		return err
	}
	_, err = h.db.ExecContext(ctx, "create table deliveries (checkout varchar(40) primary key)")
	return errors.Join(err, orderStore.Migrate(ctx), promotionStore.Migrate(ctx), orderStore.Stock().SetOnHand(ctx, stock.Key{SKU: "mug"}, 10))
}

// connection is what both *sql.DB and *sql.Tx can do.
type connection interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// shop is the two engines on a database or in a transaction. In one, orders calls nobody: Later.
func (h *host) shop(in connection) (*orders.Orders, glue.Promoter, error) {
	promotionStore, err := h.db.promotions(in)
	if err != nil {
		return nil, glue.Promoter{}, err
	}
	ledger, err := promotions.New(promotionStore, promotions.Config{Now: h.rest.Now})
	if err != nil {
		return nil, glue.Promoter{}, err
	}
	promoter := glue.Promoter{Ledger: ledger, Snapshot: h.snapshot}
	orderStore, err := h.db.orders(in)
	if err != nil {
		return nil, promoter, err
	}
	shop, err := orders.New(orderStore, h.rest, h.rest.Gateway, h.rest, orders.Config{Discounts: promoter, Redeem: promoter, Later: true, Now: h.rest.Now})
	return shop, promoter, err
}

func (h *host) cart(ctx context.Context) (ref orders.CartRef, err error) {
	shop, _, err := h.shop(h.db)
	if err != nil {
		return ref, err
	}
	cart, token, err := shop.OpenCart(ctx, orders.Buyer{Email: "ann@example.com"}, money.MustISO("EUR"))
	if err != nil {
		return ref, err
	}
	ref = orders.CartRef{ID: cart.ID, Token: token}
	cart, err = shop.AddLine(ctx, ref, orders.CartLine{SKU: "mug", Quantity: 2})
	ref.Key, ref.Version = "form-1", cart.Version
	return ref, err
}

// begin does all that a checkout promises in one transaction: it locks the cart, holds the stock
// and the promotion, books a delivery, and asks for the payment, which is made later.
func (h *host) begin(ctx context.Context, ref orders.CartRef, failure error) (checkout orders.Checkout, err error) {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return checkout, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	shop, promoter, err := h.shop(tx)
	if err != nil {
		return checkout, err
	}
	checkout, err = shop.Place(ctx, ref, orders.BeginRequest{
		Buyer: orders.Buyer{Email: "ann@example.com"}, Codes: []string{"HELLO"},
		Expected: money.New(10_80, money.MustISO("EUR")), Tenders: []orders.Tender{{Kind: "card", Token: "tok_visa"}},
	})
	if err != nil {
		return checkout, err
	}
	// The runner will ask for this again, under the same key, and get the same answer.
	held, err := promoter.Hold(ctx, string(checkout.ID), checkout.GiveUp, checkout.Redemption(), checkout.Discounts)
	if err != nil {
		return checkout, err
	}
	if held.Status != orders.Done {
		return checkout, fmt.Errorf("promotion: %s", held.Reason)
	}
	if _, err := tx.ExecContext(ctx, "insert into deliveries (checkout) values ($1)", string(checkout.ID)); err != nil {
		return checkout, err
	}
	if failure != nil {
		return checkout, failure
	}
	return checkout, tx.Commit()
}

// runner does what was promised. A service has one running all the time.
func (h *host) runner(ctx context.Context) error {
	shop, _, err := h.shop(h.db)
	if err != nil {
		return err
	}
	runner, err := orders.NewRunner(shop, orders.RunnerConfig{})
	if err != nil {
		return err
	}
	for due := 1; due > 0; {
		if due, err = runner.Step(ctx); err != nil {
			return err
		}
	}
	_, captured := h.rest.Gateway.Books(money.MustISO("EUR"))
	fmt.Println("the runner has asked the bank for", captured)
	return nil
}

// show prints what each of the three has written.
func (h *host) show(ctx context.Context) error {
	orderStore, err := h.db.orders(h.db)
	if err != nil {
		return err
	}
	levels, err := orderStore.Stock().Levels(ctx, []stock.Key{{SKU: "mug"}})
	if err != nil {
		return err
	}
	promotionStore, err := h.db.promotions(h.db)
	if err != nil {
		return err
	}
	accounts, err := promotionStore.Accounts(ctx, []string{"promotion/hello/uses"})
	if err != nil {
		return err
	}
	var deliveries int
	if err := h.db.QueryRowContext(ctx, "select count(*) from deliveries").Scan(&deliveries); err != nil {
		return err
	}
	fmt.Printf("  %v; uses of HELLO: %d reserved, %d committed; deliveries: %d\n", levels[0], accounts[0].Reserved, accounts[0].Committed, deliveries)
	return nil
}
