package sqlkit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
)

// DB is what *sql.DB, *sql.Conn and *sql.Tx have in common. Every store declares
// it anew, under its own name.
type DB interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Kit is one engine's access to one database. It is safe for concurrent use if
// its DB is a *sql.DB. On a *sql.Conn or *sql.Tx one call follows another: a
// connection has but one transaction, and a savepoint set by one call would
// undo the work of others that ran beside it.
type Kit struct {
	db       DB
	engine   string
	dialect  Dialect
	names    *strings.Replacer
	table    string // of migrations
	attempts int
	random   func() float64
}

// Config says which database it is and who uses it.
type Config struct {
	// Engine names the store, such as "pricing", in the table of migrations, which
	// engines of one prefix share. Required.
	Engine string
	// Dialect is the database's. Required.
	Dialect Dialect
	// Prefix begins the name of each table: at most 31 of a-z, 0-9 and _, not a
	// digit first, nor "sqlite_". Empty: none.
	Prefix string
	// Attempts is how often at most InTx runs a transaction that others keep from
	// committing. 0: 8. 1: it is not repeated.
	Attempts int
	// Rand returns a number in [0, 1), for waits before repeating. It must be safe
	// for concurrent use. nil: math/rand/v2.
	Rand func() float64
}

// New returns the kit for db: a *sql.DB, *sql.Conn or *sql.Tx, or what embeds one
// of them. It does not touch the database. All problems are reported at once.
func New(db DB, cfg Config) (*Kit, error) {
	errs := []error{checkDB(db), cfg.Dialect.check(), checkPrefix(cfg.Prefix)}
	if cfg.Engine == "" {
		errs = append(errs, errors.New("engine: required"))
	}
	if cfg.Attempts < 0 {
		errs = append(errs, fmt.Errorf("attempts: %d is negative", cfg.Attempts))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if cfg.Attempts == 0 {
		cfg.Attempts = 8
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64 //nolint:forbidigo // the default of an injected source
	}
	return &Kit{
		db:       db,
		engine:   cfg.Engine,
		dialect:  cfg.Dialect,
		names:    strings.NewReplacer("{prefix}", cfg.Prefix, "{blob}", cfg.Dialect.blob()),
		table:    cfg.Prefix + "migrations",
		attempts: cfg.Attempts,
		random:   cfg.Rand,
	}, nil
}

// DB returns the database for single statements, which need no transaction.
func (k *Kit) DB() DB { return k.db }

// Dialect returns the dialect, for what one text cannot say in both.
func (k *Kit) Dialect() Dialect { return k.dialect }

// SQL returns query as the database wants it: {prefix} is the table prefix and
// {blob} the type of bytes, wherever they stand; ? and ?1 are placeholders,
// outside of quotes and comments. It costs a pass over the text, so a store calls
// it once per statement. PostgreSQL's operators with a question mark cannot be
// written; its functions of the same meaning can.
func (k *Kit) SQL(query string) string {
	query = k.names.Replace(query)
	if k.dialect == PostgreSQL {
		query = rebind(query)
	}
	return query
}

// What db can do beyond DB decides how InTx uses it.
type (
	pool interface {
		Conn(ctx context.Context) (*sql.Conn, error)
	}
	connection interface {
		DB
		BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
		Raw(f func(driverConn any) error) error
	}
	transaction interface {
		DB
		Commit() error
		Rollback() error
	}
)

func checkDB(db DB) error {
	switch db.(type) {
	case nil:
		return errors.New("db: required")
	case pool, connection, transaction:
		return nil
	default:
		return fmt.Errorf("db: %T can neither begin a transaction nor is it one: want *sql.DB, *sql.Conn, *sql.Tx, or what embeds one", db)
	}
}
