package dbtest

import (
	"database/sql"
	"testing"
)

// poolSize is enough for tests that let 16 goroutines compete. Connections stay
// open when idle: database/sql would keep two, and time the opening of others.
const poolSize = 16

// open returns a pool that answers.
func open(tb testing.TB, driver, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		tb.Fatalf("open %s: %v", driver, err)
	}
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close %s: %v", driver, err)
		}
	})
	if err := db.PingContext(tb.Context()); err != nil {
		tb.Fatalf("open %s: %v", driver, err)
	}
	return db
}
