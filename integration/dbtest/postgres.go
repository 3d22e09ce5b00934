package dbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// PostgreSQLDriver is the name of the driver for data source names of PostgreSQL.
const PostgreSQLDriver = "pgx"

// PostgreSQL returns a pool on a new database, dropped when the test ends. The
// package doc says on which server, and when the test is skipped.
func PostgreSQL(tb testing.TB) *sql.DB {
	tb.Helper()
	return OpenPostgreSQL(tb, PostgreSQLDSN(tb))
}

// PostgreSQLDSN returns the data source name of a new database, dropped when the
// test ends, whoever is still connected.
func PostgreSQLDSN(tb testing.TB) string {
	tb.Helper()
	s := server(tb)
	name := "tenon_" + strings.ToLower(rand.Text())
	if err := s.admin(tb.Context(), "create database "+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.admin(context.WithoutCancel(tb.Context()), "drop database "+name+" with (force)"); err != nil {
			tb.Error(err)
		}
	})
	dsn, err := withDatabase(s.dsn, name)
	if err != nil {
		tb.Fatal(err)
	}
	return dsn
}

// OpenPostgreSQL returns one more pool on the database of dsn, closed when the
// test ends.
func OpenPostgreSQL(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	return open(tb, PostgreSQLDriver, dsn)
}

// Durable makes the server flush each commit to the disk, from now on and for the
// whole test binary, and the test fails if it does not. It is for measurements.
func Durable(tb testing.TB) {
	tb.Helper()
	s := server(tb)
	if s.lease != nil {
		for _, statement := range []string{"alter system set fsync = on", "select pg_reload_conf()"} {
			if err := s.admin(tb.Context(), statement); err != nil {
				tb.Fatal(err)
			}
		}
	}
	for _, setting := range []string{"fsync", "synchronous_commit"} {
		if err := s.await(tb.Context(), setting, "on"); err != nil {
			tb.Fatal(err)
		}
	}
}

// errNone says that there is no server and nothing to make one with.
var errNone = errors.New("no PostgreSQL")

// A postgres is a server on which databases can be created.
type postgres struct {
	dsn string
	// lease is held open to keep a throw-away cluster running; it would be closed
	// if it were forgotten. nil: the server is somebody else's.
	lease io.Closer
}

// theServer finds or starts the server, once.
//
//nolint:gochecknoglobals // one server per test binary is the point
var theServer = sync.OnceValues(func() (postgres, error) {
	if dsn := os.Getenv("TENON_POSTGRES_DSN"); dsn != "" {
		return postgres{dsn: dsn}, nil
	}
	return startCluster()
})

func server(tb testing.TB) postgres {
	tb.Helper()
	s, err := theServer()
	if errors.Is(err, errNone) && os.Getenv("CI") != "true" {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// admin runs a statement on the server's own database.
func (s postgres) admin(ctx context.Context, statement string) error {
	return s.connect(ctx, func(db *sql.DB) error {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("PostgreSQL: %s: %w", statement, err)
		}
		return nil
	})
}

// await waits until a setting that was reloaded has its value: the server tells
// its processes, and they take a moment.
func (s postgres) await(ctx context.Context, setting, want string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return s.connect(ctx, func(db *sql.DB) error {
		for {
			var got string
			if err := db.QueryRowContext(ctx, "select current_setting($1)", setting).Scan(&got); err != nil {
				return fmt.Errorf("PostgreSQL: %s is not %s: %w", setting, want, err)
			}
			if got == want {
				return nil
			}
		}
	})
}

func (s postgres) connect(ctx context.Context, do func(*sql.DB) error) error {
	db, err := sql.Open(PostgreSQLDriver, s.dsn)
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	if err := db.PingContext(ctx); err != nil {
		return errors.Join(fmt.Errorf("PostgreSQL: %w", err), db.Close())
	}
	return errors.Join(do(db), db.Close())
}

// withDatabase returns dsn, a URL or keywords and values, for another database.
func withDatabase(dsn, name string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " dbname=" + name, nil // the last one counts
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", fmt.Errorf("TENON_POSTGRES_DSN: %w", err)
	}
	u.Path = "/" + name
	query := u.Query()
	for _, key := range []string{"database", "dbname"} {
		query.Del(key) // they would count more than the path
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}
