package bench_test

import (
	"database/sql"
	"testing"

	"github.com/tenon-go/tenon/integration/dbtest"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest"
	"github.com/tenon-go/tenon/lineage/sqlrecords"
)

// BenchmarkRecords measures the log of each store by itself. PostgreSQL flushes its
// commits.
func BenchmarkRecords(b *testing.B) {
	store := func(b *testing.B, db *sql.DB, dialect sqlrecords.Dialect) lineage.Store {
		b.Helper()
		s, err := sqlrecords.New(db, sqlrecords.Config{Dialect: dialect})
		if err == nil {
			err = s.Migrate(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	b.Run("memory", func(b *testing.B) {
		lineagetest.BenchmarkStore(b, func(*testing.B) lineage.Store { return lineage.NewMemoryStore() })
	})
	b.Run("SQLite", func(b *testing.B) {
		lineagetest.BenchmarkStore(b, func(b *testing.B) lineage.Store {
			b.Helper()
			return store(b, dbtest.SQLite(b), sqlrecords.SQLite)
		})
	})
	b.Run("PostgreSQL", func(b *testing.B) {
		dbtest.Durable(b)
		lineagetest.BenchmarkStore(b, func(b *testing.B) lineage.Store {
			b.Helper()
			return store(b, dbtest.PostgreSQL(b), sqlrecords.PostgreSQL)
		})
	})
}
