package database

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

// A Database is where a run's tables live. They vanish with it: the temporary
// folder of SQLite, or a schema of PostgreSQL with a random name.
type Database struct {
	*sql.DB

	Name       string // as people say it
	PostgreSQL bool   // else SQLite
	remove     func() error
}

// Open opens SQLite without a dsn, and PostgreSQL with one.
func Open(ctx context.Context, dsn string) (*Database, error) {
	if dsn == "" {
		return openSQLite()
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("-dsn: %w", err)
	}
	return openPostgreSQL(ctx, config)
}

// Close closes the database and removes what was in it.
func (d *Database) Close() error { return d.remove() }

func openSQLite() (*Database, error) {
	dir, err := os.MkdirTemp("", "tenon-shop-")
	if err != nil {
		return nil, err
	}
	file := filepath.ToSlash(filepath.Join(dir, "shop.db"))
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Database{DB: db, Name: "SQLite", remove: func() error {
		return errors.Join(db.Close(), os.RemoveAll(dir))
	}}, nil
}

func openPostgreSQL(ctx context.Context, config *pgx.ConnConfig) (*Database, error) {
	admin := stdlib.OpenDB(*config)
	schema := "tenon_shop_" + strings.ToLower(rand.Text()[:10])
	if _, err := admin.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		return nil, errors.Join(fmt.Errorf("-dsn: create a schema for this run: %w", err), admin.Close())
	}
	own := config.Copy()
	own.RuntimeParams["search_path"] = schema
	db := stdlib.OpenDB(*own)
	return &Database{DB: db, Name: "PostgreSQL", PostgreSQL: true, remove: func() error {
		// The schema goes also where the run was interrupted.
		_, err := admin.ExecContext(context.WithoutCancel(ctx), "DROP SCHEMA "+schema+" CASCADE")
		return errors.Join(db.Close(), err, admin.Close())
	}}, nil
}
