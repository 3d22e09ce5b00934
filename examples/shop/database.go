package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// database is where a run's tables live. They vanish with it: the temporary
// folder of SQLite, or a schema of PostgreSQL with a random name.
type database struct {
	*sql.DB
	name     string
	postgres bool
	close    func() error
}

// openDatabase opens SQLite without a dsn, and PostgreSQL with one.
func openDatabase(ctx context.Context, dsn string) (*database, error) {
	if dsn == "" {
		return openSQLite()
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("-dsn: %w", err)
	}
	return openPostgreSQL(ctx, config)
}

func openSQLite() (*database, error) {
	dir, err := os.MkdirTemp("", "tenon-shop-")
	if err != nil {
		return nil, err
	}
	file := filepath.ToSlash(filepath.Join(dir, "shop.db"))
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &database{DB: db, name: "SQLite", close: func() error {
		return errors.Join(db.Close(), os.RemoveAll(dir))
	}}, nil
}

func openPostgreSQL(ctx context.Context, config *pgx.ConnConfig) (*database, error) {
	admin := stdlib.OpenDB(*config)
	schema := "tenon_shop_" + strings.ToLower(rand.Text()[:10])
	if _, err := admin.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		return nil, errors.Join(fmt.Errorf("-dsn: create a schema for this run: %w", err), admin.Close())
	}
	own := config.Copy()
	own.RuntimeParams["search_path"] = schema
	db := stdlib.OpenDB(*own)
	return &database{DB: db, name: "PostgreSQL", postgres: true, close: func() error {
		// The schema goes also where the run was interrupted.
		_, err := admin.ExecContext(context.WithoutCancel(ctx), "DROP SCHEMA "+schema+" CASCADE")
		return errors.Join(db.Close(), err, admin.Close())
	}}, nil
}
