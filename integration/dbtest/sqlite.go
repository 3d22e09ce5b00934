package dbtest

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// SQLiteDriver is the name of the driver for data source names of SQLite.
const SQLiteDriver = "sqlite"

// SQLite returns a pool on a new file, closed when the test ends.
func SQLite(tb testing.TB) *sql.DB {
	tb.Helper()
	return OpenSQLite(tb, SQLiteDSN(tb))
}

// SQLiteDSN returns the data source name of a new file, removed when the test
// ends. Each connection has the journal in WAL mode with full synchronisation, so
// that a commit is durable; waits up to 5 s for a lock; and enforces foreign keys.
func SQLiteDSN(tb testing.TB) string {
	tb.Helper()
	settings := url.Values{"_pragma": {"busy_timeout(5000)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(on)"}}
	file := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(filepath.Join(tb.TempDir(), "test.db")), RawQuery: settings.Encode()}
	return file.String()
}

// OpenSQLite returns one more pool on the file of dsn, closed when the test ends.
func OpenSQLite(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	return open(tb, SQLiteDriver, dsn)
}
