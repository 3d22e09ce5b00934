package sqlpromotions

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"iter"
	"time"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/promotions"
)

//go:embed migrations/*.sql
var migrations embed.FS

// DB is what *sql.DB, *sql.Conn and *sql.Tx have in common.
type DB interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Dialect is the SQL that a database speaks; nothing is guessed from its driver.
type Dialect = sqlkit.Dialect

// The dialects.
const (
	PostgreSQL = sqlkit.PostgreSQL // 12 and later
	SQLite     = sqlkit.SQLite     // 3.35 and later
)

var (
	// ErrMigration says that the migrations that the database has behind it are
	// not those of this program. Nothing was written.
	ErrMigration = sqlkit.ErrMigration
	// ErrOutcomeUnknown says that a commit was sent and not answered. Repeat the
	// ledger's call with the same key: it finds what was written.
	ErrOutcomeUnknown = sqlkit.ErrOutcomeUnknown
)

// Config says which database it is.
type Config struct {
	// Dialect is the database's, required.
	Dialect Dialect
	// Prefix begins the name of every table: at most 31 of a-z, 0-9 and _, no digit
	// first. Empty is none.
	Prefix string
}

// A Store is a [promotions.Store] in a database. It is safe for concurrent use if
// its DB is a *sql.DB; with a *sql.Conn or *sql.Tx one call follows another.
type Store struct {
	kit   *sqlkit.Kit
	q     queries
	group *group // nil: every write is a transaction of its own, or part of the caller's
}

var _ promotions.Store = (*Store)(nil)

// New returns the store in db, a *sql.DB, *sql.Conn or *sql.Tx, or all that is
// wrong with its input. It does not touch the database: the tables come by
// Migrate.
func New(db DB, cfg Config) (*Store, error) {
	kit, err := sqlkit.New(db, sqlkit.Config{Engine: "promotions", Dialect: cfg.Dialect, Prefix: cfg.Prefix})
	if err != nil {
		return nil, fmt.Errorf("sqlpromotions: new: %w", err)
	}
	s := &Store{kit: kit, q: newQueries(kit)}
	if _, pool := db.(interface {
		Conn(ctx context.Context) (*sql.Conn, error)
	}); pool {
		s.group = &group{write: s.write}
	}
	return s, nil
}

// Migrate makes the tables, or brings those of an older program up to date, in
// one transaction. Migrators wait for each other; who comes second has nothing to
// do. [ErrMigration] before any write when a migration that the database has
// behind it is not, or no longer, the one that this program knows.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.kit.Migrate(ctx, migrations); err != nil {
		return fmt.Errorf("sqlpromotions: %w", err)
	}
	return nil
}

// Accounts implements [promotions.Store]. It is one statement; more than 32,766
// ids are promotions.ErrRange.
func (s *Store) Accounts(ctx context.Context, ids []string) ([]promotions.Account, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("sqlpromotions: accounts: %w", context.Cause(ctx))
	}
	if len(ids) == 0 {
		return nil, nil
	}
	if len(ids) > sqlkit.MaxArgs {
		return nil, fmt.Errorf("sqlpromotions: %d accounts, at most %d: %w", len(ids), sqlkit.MaxArgs, promotions.ErrRange)
	}
	balances, err := s.balances(ctx, s.kit.DB(), s.q.readAccounts(len(ids)), ids)
	if err != nil {
		return nil, fmt.Errorf("sqlpromotions: accounts: %w", err)
	}
	list := make([]promotions.Account, len(ids))
	for i, id := range ids {
		list[i] = balances[id]
		list[i].ID = id
	}
	return list, nil
}

func (s *Store) balances(ctx context.Context, db sqlkit.DB, query string, ids []string) (map[string]promotions.Account, error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	list, err := sqlkit.All(ctx, db, scanAccount, query, args...)
	if err != nil {
		return nil, err
	}
	balances := make(map[string]promotions.Account, len(list))
	for _, a := range list {
		balances[a.ID] = a
	}
	return balances, nil
}

// Entry implements [promotions.Store].
func (s *Store) Entry(ctx context.Context, key string) (promotions.Entry, error) {
	list, err := sqlkit.All(ctx, s.kit.DB(), scanEntry, s.q.entry, []byte(key))
	if err == nil && len(list) == 0 {
		err = promotions.ErrNotFound
	}
	if err != nil {
		return promotions.Entry{}, fmt.Errorf("sqlpromotions: entry %q: %w", key, err)
	}
	return list[0], nil
}

// Apply implements [promotions.Store].
func (s *Store) Apply(ctx context.Context, b promotions.Batch) (promotions.Entry, error) {
	c, err := newCall(b)
	switch {
	case err != nil:
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case s.group != nil:
		err = s.group.do(ctx, c)
	default:
		if err = s.write(ctx, []*call{c}); err == nil {
			err = c.err
		}
	}
	if err != nil {
		return promotions.Entry{}, fmt.Errorf("sqlpromotions: apply %q: %w", b.Key, err)
	}
	return c.entry, nil
}

// Due implements [promotions.Store].
func (s *Store) Due(ctx context.Context, before time.Time, most int) ([]string, error) {
	keys, err := sqlkit.All(ctx, s.kit.DB(), scanKey, s.q.due, sqlkit.Micros(before), max(most, 0))
	if err != nil {
		return nil, fmt.Errorf("sqlpromotions: due: %w", err)
	}
	return keys, nil
}

// Entries implements [promotions.Store]. It reads pages of 200.
func (s *Store) Entries(ctx context.Context, after string) iter.Seq2[promotions.Entry, error] {
	const size = 200
	return sqlkit.Pages(size, func(last *promotions.Entry) ([]promotions.Entry, error) {
		from := after
		if last != nil {
			from = last.Key
		}
		entries, err := sqlkit.All(ctx, s.kit.DB(), scanEntry, s.q.entries, []byte(from), size)
		if err != nil {
			return nil, fmt.Errorf("sqlpromotions: entries after %q: %w", from, err)
		}
		return entries, nil
	})
}
