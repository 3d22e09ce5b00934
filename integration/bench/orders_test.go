package bench_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// BenchmarkCheckoutBusy is 16 buyers at once, each with three of a thousand SKUs, at a gateway
// that takes 150 to 250 ms for each call. Of a checkout, from Place to the hand-over, p95-ms is the
// whole time, and own-p95-ms what is left of it without the gateway's: the engine's own part,
// store and all.
func BenchmarkCheckoutBusy(b *testing.B) {
	b.Run("memory", func(b *testing.B) { busyCheckouts(b, orders.NewMemoryStore()) })
	b.Run("SQLite", func(b *testing.B) { busyCheckouts(b, sqlOrders(b, dbtest.SQLite(b), sqlorders.SQLite)) })
	b.Run("PostgreSQL", func(b *testing.B) {
		dbtest.Durable(b)
		db := dbtest.PostgreSQL(b)
		db.SetMaxOpenConns(busyBuyers)
		db.SetMaxIdleConns(busyBuyers)
		busyCheckouts(b, sqlOrders(b, db, sqlorders.PostgreSQL))
	})
}

const (
	busyBuyers = 16
	busySKUs   = 1_000
)

func busyCheckouts(b *testing.B, store orders.StockStore) {
	b.Helper()
	for i := range busySKUs {
		if err := store.Stock().SetOnHand(b.Context(), stock.Key{SKU: strconv.Itoa(i)}, 1_000_000); err != nil {
			b.Fatal(err)
		}
	}
	h := orderstest.NewHost(orderstest.NewGateway(), money.New(5_000, money.MustISO("EUR")))
	var mu sync.Mutex
	var took, own []time.Duration
	called := map[string]time.Duration{} // what the gateway took, by checkout
	h.Gateway.During = func(_, key string) {
		begin := time.Now()
		time.Sleep(150*time.Millisecond + rand.N(100*time.Millisecond))
		id, _, _ := strings.Cut(key, "/")
		mu.Lock()
		defer mu.Unlock()
		called[id] += time.Since(begin)
	}
	s := h.Engine(b, store, h.Config())
	b.SetParallelism(max(1, busyBuyers/runtime.GOMAXPROCS(0)))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id, d, err := busyCheckout(b.Context(), s)
			if err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			took, own = append(took, d), append(own, d-called[string(id)])
			mu.Unlock()
		}
	})
	if b.Failed() {
		return
	}
	p95 := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)*95/100].Microseconds()) / 1000
	}
	b.ReportMetric(p95(took), "p95-ms")
	b.ReportMetric(p95(own), "own-p95-ms")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
}

// busyCheckout fills a cart and buys it, and returns how long the latter took.
func busyCheckout(ctx context.Context, s *orders.Orders) (orders.CheckoutID, time.Duration, error) {
	eur := money.MustISO("EUR")
	cart, token, err := s.OpenCart(ctx, orders.Buyer{Email: "guest@shop.example"}, eur)
	if err != nil {
		return "", 0, err
	}
	ref := orders.CartRef{ID: cart.ID, Token: token}
	first := rand.IntN(busySKUs)
	for i := range 3 {
		line := orders.CartLine{SKU: strconv.Itoa((first + 337*i) % busySKUs), Quantity: 1}
		if cart, err = s.AddLine(ctx, ref, line); err != nil {
			return "", 0, err
		}
	}
	ref.Key, ref.Version = "click", cart.Version
	begin := time.Now()
	c, err := s.Place(ctx, ref, orders.BeginRequest{Expected: money.New(15_000, eur), Tenders: []orders.Tender{{Kind: "card", Token: "tok"}}})
	if err == nil && c.State != orders.StatePlaced {
		err = fmt.Errorf("checkout is %s", c.State)
	}
	return c.ID, time.Since(begin), err
}
