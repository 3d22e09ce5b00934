package sqlorders

import (
	"context"
	"database/sql"
	"embed"

	"github.com/tenon-go/tenon/internal/sqlkit"
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
	// call: it finds out whether it had happened.
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
