package bench_test

import (
	"context"
	"database/sql"
	"sync/atomic"
	"testing"

	"github.com/tenon-go/tenon/integration/dbtest"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/sqlorders"
	"github.com/tenon-go/tenon/orders/stock"
)

// countedOrders counts commits.
type countedOrders struct {
	orders.StockStore

	commits atomic.Int64
}

func (s *countedOrders) Apply(ctx context.Context, c orders.Change) error {
	err := s.StockStore.Apply(ctx, c)
	if err == nil {
		s.commits.Add(1)
	}
	return err
}

// BenchmarkCheckout places and pays carts of one line at a gateway that answers at once: from
// Place to the hand-over, which is four commits. Opening the cart and filling it are two more,
// which are timed but not counted.
func BenchmarkCheckout(b *testing.B) {
	b.Run("memory", func(b *testing.B) { checkout(b, orders.NewMemoryStore()) })
	b.Run("SQLite", func(b *testing.B) { checkout(b, sqlOrders(b, dbtest.SQLite(b), sqlorders.SQLite)) })
	b.Run("PostgreSQL", func(b *testing.B) {
		dbtest.Durable(b)
		checkout(b, sqlOrders(b, dbtest.PostgreSQL(b), sqlorders.PostgreSQL))
	})
}

func sqlOrders(b *testing.B, db *sql.DB, dialect sqlorders.Dialect) *sqlorders.Store {
	b.Helper()
	s, err := sqlorders.New(db, sqlorders.Config{Dialect: dialect, Prefix: "shop_"})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}

func checkout(b *testing.B, store orders.StockStore) {
	b.Helper()
	eur := money.MustISO("EUR")
	if err := store.Stock().SetOnHand(b.Context(), stock.Key{SKU: "A"}, 1_000_000_000); err != nil {
		b.Fatal(err)
	}
	counted := &countedOrders{StockStore: store}
	h := orderstest.NewHost(orderstest.NewGateway(), money.New(5_000, eur))
	s := h.Engine(b, counted, h.Config())
	var commits int64
	for b.Loop() {
		ref := h.Cart(b, s, eur, 1)
		before := counted.commits.Load()
		c, err := s.Place(b.Context(), ref, orders.BeginRequest{Expected: money.New(5_000, eur), Tenders: []orders.Tender{{Kind: "card", Token: "tok", Amount: money.New(5_000, eur)}}})
		if err != nil || c.State != orders.StatePlaced {
			b.Fatalf("%s, %v", c.State, err)
		}
		commits += counted.commits.Load() - before
	}
	b.ReportMetric(float64(commits)/float64(b.N), "commits/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
}
