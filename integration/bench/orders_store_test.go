package bench_test

import (
	"testing"

	"github.com/tenon-go/tenon/integration/dbtest"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/sqlorders"
)

// orderStores has a benchmark run on each store. PostgreSQL flushes its commits.
func orderStores(b *testing.B, run func(b *testing.B, newStore func(b *testing.B) orders.StockStore)) {
	b.Helper()
	b.Run("memory", func(b *testing.B) {
		run(b, func(*testing.B) orders.StockStore { return orders.NewMemoryStore() })
	})
	b.Run("SQLite", func(b *testing.B) {
		run(b, func(b *testing.B) orders.StockStore {
			b.Helper()
			return sqlOrders(b, dbtest.SQLite(b), sqlorders.SQLite)
		})
	})
	b.Run("PostgreSQL", func(b *testing.B) {
		dbtest.Durable(b)
		run(b, func(b *testing.B) orders.StockStore {
			b.Helper()
			return sqlOrders(b, dbtest.PostgreSQL(b), sqlorders.PostgreSQL)
		})
	})
}

// BenchmarkOrderStore measures changes and streams of the stores by themselves.
func BenchmarkOrderStore(b *testing.B) { orderStores(b, orderstest.BenchmarkStore) }

// BenchmarkClaim is the part of it that a Runner does at every poll.
func BenchmarkClaim(b *testing.B) { orderStores(b, orderstest.BenchmarkClaim) }
