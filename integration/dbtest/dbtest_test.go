package dbtest_test

import (
	"context"
	"database/sql"
	"os"
	"testing"

	"github.com/tenon-go/tenon/integration/dbtest"
)

func TestEachDatabaseAnswers(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) *sql.DB{"SQLite": dbtest.SQLite, "PostgreSQL": dbtest.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			run(t, db, "create table point (x bigint)")
			run(t, db, "insert into point (x) values (4), (5)")
			if got := number(t, db, "select cast(sum(x) as bigint) from point"); got != 9 {
				t.Errorf("sum = %d, want 9", got)
			}
		})
	}
}

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) *sql.DB{"SQLite": dbtest.SQLite, "PostgreSQL": dbtest.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, db := range []*sql.DB{open(t), open(t)} {
				run(t, db, "create table mine (x bigint)") // fails where it is there already
			}
		})
	}
}

func TestPoolsOfOneDSNShareADatabase(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		dsn := dbtest.SQLiteDSN(t)
		checkShared(t, dbtest.OpenSQLite(t, dsn), dbtest.OpenSQLite(t, dsn))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		dsn := dbtest.PostgreSQLDSN(t)
		checkShared(t, dbtest.OpenPostgreSQL(t, dsn), dbtest.OpenPostgreSQL(t, dsn))
	})
}

func checkShared(t *testing.T, one, two *sql.DB) {
	t.Helper()
	run(t, one, "create table point (x bigint)")
	run(t, two, "insert into point (x) values (7)")
	if got := number(t, one, "select x from point"); got != 7 {
		t.Errorf("x = %d, want 7", got)
	}
}

func TestEachConnectionOfSQLiteHasTheSettings(t *testing.T) {
	t.Parallel()
	db := dbtest.SQLite(t)
	for range 3 { // each stays open, so that the next one is new
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}()
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000", "foreign_keys": "1",
		} {
			var got string
			if err := conn.QueryRowContext(t.Context(), "pragma "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s = %q, %v, want %q", pragma, got, err, want)
			}
		}
	}
}

func TestDatabaseOfPostgreSQLIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	watch := dbtest.PostgreSQL(t)
	const count = "select count(*) from pg_database where datname = $1"
	var name string
	t.Cleanup(func() { // after those of the subtest, and before watch is closed
		var n int
		if err := watch.QueryRowContext(context.WithoutCancel(t.Context()), count, name).Scan(&n); err != nil || n != 0 {
			t.Errorf("after its test: %d databases %q, %v, want 0", n, name, err)
		}
	})
	t.Run("user", func(t *testing.T) {
		t.Parallel()
		db := dbtest.PostgreSQL(t)
		if err := db.QueryRowContext(t.Context(), "select current_database()").Scan(&name); err != nil {
			t.Fatal(err)
		}
		if got := number(t, watch, count, name); got != 1 {
			t.Errorf("while in use: %d databases %q, want 1", got, name)
		}
	})
}

func TestDurableTurnsFsyncOn(t *testing.T) {
	t.Parallel()
	db := dbtest.PostgreSQL(t)
	if os.Getenv("TENON_POSTGRES_DSN") != "" {
		t.Skip("the server's settings are not ours")
	}
	dbtest.Durable(t)
	var fsync string
	if err := db.QueryRowContext(t.Context(), "show fsync").Scan(&fsync); err != nil || fsync != "on" {
		t.Errorf("fsync is %q, %v, want on", fsync, err)
	}
}

func run(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func number(t *testing.T, db *sql.DB, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
