package sqlrecords

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/lineage"
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
	// ErrMigration says that the migrations that the database has behind it are not
	// those of this program. Nothing was written.
	ErrMigration = sqlkit.ErrMigration
	// ErrOutcomeUnknown says that a commit was sent and not answered. Repeat the call:
	// records that were written are duplicates then.
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

// A Store is a [lineage.Store] in a database. It is safe for concurrent use if its DB is
// a *sql.DB; with a *sql.Conn or *sql.Tx one call follows another.
type Store struct {
	kit *sqlkit.Kit
	q   queries
}

var _ lineage.Store = (*Store)(nil)

// New returns the store in db, a *sql.DB, *sql.Conn or *sql.Tx, or all that is wrong with
// its input. It does not touch the database: the tables come by Migrate.
func New(db DB, cfg Config) (*Store, error) {
	kit, err := sqlkit.New(db, sqlkit.Config{Engine: "lineage", Dialect: cfg.Dialect, Prefix: cfg.Prefix})
	if err != nil {
		return nil, fmt.Errorf("sqlrecords: new: %w", err)
	}
	return &Store{kit: kit, q: newQueries(kit)}, nil
}

// Migrate makes the tables, or brings those of an older program up to date, in one
// transaction. Migrators wait for each other; who comes second has nothing to do.
// [ErrMigration] before any write when a migration that the database has behind it is
// not, or no longer, the one that this program knows.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.kit.Migrate(ctx, migrations); err != nil {
		return fmt.Errorf("sqlrecords: %w", err)
	}
	return nil
}

// fail says what failed, and why the context ended if that is why.
func fail(ctx context.Context, err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = errors.Join(err, cause)
	}
	return fmt.Errorf("sqlrecords: "+format+": %w", append(args, err)...)
}
