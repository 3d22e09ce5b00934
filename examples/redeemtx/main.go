package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/sqlpromotions"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "tenon-redeemtx-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(dir, "shop.db"))+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	config := sqlpromotions.Config{Dialect: sqlpromotions.SQLite, Prefix: "promotions_"}
	store, err := sqlpromotions.New(db, config)
	if err != nil {
		return err
	}
	if err := store.Migrate(ctx); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "create table orders (id text primary key, total text not null)"); err != nil {
		return err
	}
	set, err := promotions.Parse(strings.NewReader(`{"promotions": [{"id": "sale", "currency": "EUR", "limits": {"budget": "100.00"}, "effect": {"kind": "percent", "value": "10"}}]}`))
	if err != nil {
		return err
	}
	snapshot, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		return err
	}
	for _, failed := range []error{errors.New("no more stock"), nil} {
		if err := place(ctx, db, config, snapshot, failed); err != nil {
			fmt.Println("order 1042:", err)
		}
		if err := show(ctx, db, store); err != nil {
			return err
		}
	}
	return nil
}

// place writes an order and what its promotions take, in one transaction.
func place(ctx context.Context, db *sql.DB, config sqlpromotions.Config, s *promotions.Snapshot, failed error) (err error) {
	cart, err := promotions.ParseCart(strings.NewReader(`{"currency": "EUR", "lines": [{"id": "a", "price": "80.00"}]}`))
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	store, err := sqlpromotions.New(tx, config) // it neither commits nor repeats
	if err != nil {
		return err
	}
	ledger, err := promotions.New(store, promotions.Config{})
	if err != nil {
		return err
	}
	receipt, err := ledger.Redeem(ctx, "order/1042", s, cart, promotions.Options{})
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "insert into orders (id, total) values (?, ?)", "1042", receipt.Result.Total.String()); err != nil {
		return err
	}
	if failed != nil {
		return failed // whatever else the transaction does may fail
	}
	return tx.Commit()
}

func show(ctx context.Context, db *sql.DB, store *sqlpromotions.Store) error {
	var orders int
	if err := db.QueryRowContext(ctx, "select count(*) from orders").Scan(&orders); err != nil {
		return err
	}
	accounts, err := store.Accounts(ctx, []string{"promotion/sale/budget"})
	if err != nil {
		return err
	}
	fmt.Printf("%d orders, %d cents reserved of the budget\n", orders, accounts[0].Reserved)
	return nil
}
