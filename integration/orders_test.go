package integration_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/integration/faulttest"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/sqlorders"
)

// ordersDBs are the databases that orders are kept in.
func ordersDBs() []stockDB { return stockDBs() }

// orders returns the store on a pool.
func (db stockDB) orders(tb testing.TB, pool sqlorders.DB) *sqlorders.Store {
	tb.Helper()
	s, err := sqlorders.New(pool, sqlorders.Config{Dialect: db.dialect, Prefix: "shop_"})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func (db stockDB) migrated(tb testing.TB, pool *sql.DB) *sqlorders.Store {
	tb.Helper()
	s := db.orders(tb, pool)
	if err := s.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

func (db stockDB) pool(tb testing.TB) *sql.DB {
	tb.Helper()
	return faulttest.Open(tb, db.driver, db.dsn(tb), new(faulttest.Faults))
}

// A process may stop anywhere, on any store.
//
// Invariant: orders O12.
func TestACrashAnywhereOnADatabase(t *testing.T) {
	t.Parallel()
	skipUnderRace(t) // which sees the crashes in memory
	for _, db := range ordersDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			pool := db.pool(t)
			s := db.migrated(t, pool)
			orderstest.TestCrashPoints(t, func(t *testing.T) orders.StockStore {
				t.Helper()
				db.clear(t, pool)
				return s
			})
		})
	}
}

// clear empties the tables of orders, which takes less time than a new database.
func (db stockDB) clear(t *testing.T, pool *sql.DB) {
	t.Helper()
	query := "select tablename from pg_tables where tablename like 'shop_%' and tablename <> 'shop_migrations'"
	if db.dialect == sqlorders.SQLite {
		query = "select name from sqlite_master where type = 'table' and name like 'shop_%' and name <> 'shop_migrations'"
	}
	rows, err := pool.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err says it
	var deletes strings.Builder
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}
		deletes.WriteString("delete from " + table + ";\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.ExecContext(t.Context(), deletes.String()); err != nil {
		t.Fatal(err)
	}
}
