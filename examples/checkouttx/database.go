package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/tenon-go/tenon/orders/sqlorders"
	"github.com/tenon-go/tenon/promotions/sqlpromotions"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// A database is where the tables of orders, promotions and the host live.
type database struct {
	*sql.DB
	dialect sqlorders.Dialect
	remove  func() error
}

// orders and promotions are the stores in the database, or in a transaction of it.
func (d database) orders(in sqlorders.DB) (*sqlorders.Store, error) {
	return sqlorders.New(in, sqlorders.Config{Dialect: d.dialect, Prefix: "orders_"})
}

func (d database) promotions(in sqlpromotions.DB) (*sqlpromotions.Store, error) {
	return sqlpromotions.New(in, sqlpromotions.Config{Dialect: d.dialect, Prefix: "promotions_"})
}

func openDatabase(ctx context.Context, dsn string) (database, error) {
	if dsn == "" {
		return openSQLite()
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return database{}, err
	}
	admin, schema := stdlib.OpenDB(*config), "checkouttx_"+strings.ToLower(rand.Text()[:10])
	if _, err := admin.ExecContext(ctx, "create schema "+schema); err != nil {
		return database{}, errors.Join(err, admin.Close())
	}
	own := config.Copy()
	own.RuntimeParams["search_path"] = schema
	db := stdlib.OpenDB(*own)
	return database{DB: db, dialect: sqlorders.PostgreSQL, remove: func() error {
		_, err := admin.ExecContext(context.WithoutCancel(ctx), "drop schema "+schema+" cascade")
		return errors.Join(db.Close(), err, admin.Close())
	}}, nil
}

// openSQLite begins transactions as those that write, which cannot fail half-way for another one.
func openSQLite() (database, error) {
	dir, err := os.MkdirTemp("", "tenon-checkouttx-")
	if err != nil {
		return database{}, err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(dir, "shop.db"))+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return database{}, errors.Join(err, os.RemoveAll(dir))
	}
	return database{DB: db, dialect: sqlorders.SQLite, remove: func() error { return errors.Join(db.Close(), os.RemoveAll(dir)) }}, nil
}
