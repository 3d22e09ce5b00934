package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// A house is what the shop brings along: its prices and its warehouse.
type house struct{}

// PriceCart says what each line costs as a whole. A mug is 7.90.
func (house) PriceCart(_ context.Context, r orders.PriceRequest) (p orders.Priced, err error) {
	for _, l := range r.Cart.Lines {
		p.Lines = append(p.Lines, orders.PricedLine{ID: l.ID, Net: money.New(7_90*l.Quantity, r.Cart.Currency)})
	}
	return p, nil
}

// HandOver gives an order to the warehouse.
func (house) HandOver(_ context.Context, h orders.HandOver) (orders.Outcome, error) {
	fmt.Println("pack", h.Lines[0].Quantity, h.Lines[0].SKU, "for", h.Buyer.Email)
	return orders.Outcome{Status: orders.Done}, nil
}

// Stop keeps units back that were cancelled before they left.
func (house) Stop(context.Context, string, []orders.LineQty) (orders.Outcome, error) {
	return orders.Outcome{Status: orders.Done}, nil
}

// openDatabase opens a database for the time that the program runs. A real one needs the same two pragmas; who
// gives the store transactions of their own adds _txlock=immediate.
func openDatabase() (db *sql.DB, remove func() error, err error) {
	dir, err := os.MkdirTemp("", "tenon-checkout-")
	if err != nil {
		return nil, nil, err
	}
	db, err = sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(dir, "shop.db"))+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return db, func() error { return errors.Join(db.Close(), os.RemoveAll(dir)) }, nil
}
