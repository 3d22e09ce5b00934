package integration_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/integration/faulttest"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
)

// The environment of a shop in a process of its own: its database, its gateway, its first
// shopper, and when the clock of all began.
const (
	shopDSN     = "TENON_SHOP_DSN"
	shopGateway = "TENON_SHOP_GATEWAY"
	shopFirst   = "TENON_SHOP_FIRST"
	shopEpoch   = "TENON_SHOP_EPOCH"
)

const (
	flashShops = 4     // shops, with every fourth shopper each
	flashPrice = 5_000 // of one unit, in cents
)

// flashSize is how many shoppers come for how many units.
func flashSize(t *testing.T) (shoppers, units int) {
	t.Helper()
	if shoppers = 1_500; raceEnabled { // what the gate has time for
		shoppers = 500
	}
	if text := os.Getenv("TENON_FLASH_SHOPPERS"); text != "" {
		var err error
		if shoppers, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return shoppers, shoppers / 10
}

// flashClock runs faster than the world's: a hold of a minute ends after a second.
func flashClock(epoch time.Time) func() time.Time {
	const factor = 60
	return func() time.Time { return epoch.Add(factor * time.Since(epoch)) }
}

// newFlashGateway refuses some cards, and loses the answers to others.
func newFlashGateway() *orderstest.Gateway {
	return orderstest.NewGateway(
		orderstest.Script{Call: "authorise:empty", Fault: orderstest.Refuse},
		orderstest.Script{Call: "authorise:lossy", Fault: orderstest.LostAfter},
		orderstest.Script{Call: "capture:lossy", Nth: 1, Fault: orderstest.LostBefore},
	)
}

// A flashShop is one shop in the sale: an engine with shoppers and a runner.
type flashShop struct {
	*orders.Orders

	store orders.StockStore
}

func newFlashShop(t *testing.T, store orders.StockStore, gateway orders.Gateway, now func() time.Time) *flashShop {
	t.Helper()
	h := orderstest.NewHost(orderstest.NewGateway(), money.New(flashPrice, money.MustISO("EUR")))
	s, err := orders.New(store, h, gateway, h, orders.Config{HoldFor: time.Minute, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return &flashShop{s, store}
}

// sell lets every fourth shopper in, 16 at a time, while a runner performs what is left.
func (s *flashShop) sell(t *testing.T, first, shoppers int) {
	t.Helper()
	runner, err := orders.NewRunner(s.Orders, orders.RunnerConfig{Poll: 50 * time.Millisecond, Parallel: 4})
	if err != nil {
		t.Fatal(err)
	}
	ctx, closing := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	queue := make(chan int)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for n := range queue {
				if err := s.shopper(t.Context(), n); err != nil {
					t.Errorf("shopper %d: %v", n, err)
				}
			}
		})
	}
	for n := first; n < shoppers; n += flashShops {
		queue <- n
	}
	close(queue)
	wg.Wait()
	closing()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// shopper wants one unit. Who comes too late asks again as long as others hold what they may
// not pay.
func (s *flashShop) shopper(ctx context.Context, n int) error {
	eur := money.MustISO("EUR")
	cart, token, err := s.OpenCart(ctx, orders.Buyer{Email: "guest@shop.example"}, eur)
	if err != nil {
		return err
	}
	ref := orders.CartRef{ID: cart.ID, Token: token}
	if cart, err = s.AddLine(ctx, ref, orders.CartLine{SKU: "A", Quantity: 1}); err != nil {
		return err
	}
	ref.Key, ref.Version = "click", cart.Version
	req := orders.BeginRequest{Expected: money.New(flashPrice, eur), Tenders: []orders.Tender{{Kind: "card", Token: "tok"}}}
	switch n / flashShops % 10 {
	case 0:
		req.Tenders = nil // leaves without a payment
	case 1:
		req.Tenders[0].Kind = "empty"
	case 2:
		req.Tenders[0].Kind = "lossy"
	}
	for {
		c, err := s.Begin(ctx, ref, req)
		switch {
		case errors.Is(err, stock.ErrShort):
			if gone, err := s.soldOut(ctx); gone || err != nil {
				return err
			}
			time.Sleep(20 * time.Millisecond)
		case err == nil && c.Refusal != nil:
			_, err = s.Cancel(ctx, c.ID, "no other card")
			return err
		default:
			return err
		}
	}
}

// soldOut reports whether there is nothing left, not even in the hands of others.
func (s *flashShop) soldOut(ctx context.Context) (bool, error) {
	levels, err := s.store.Stock().Levels(ctx, []stock.Key{{SKU: "A"}})
	return err == nil && levels[0].OnHand == 0, err
}

// TestFlashShop is what the processes of the sale run.
func TestFlashShop(t *testing.T) {
	if os.Getenv(shopDSN) == "" {
		t.Skip("not a shop's process")
	}
	epoch, err1 := strconv.ParseInt(os.Getenv(shopEpoch), 10, 64)
	first, err2 := strconv.Atoi(os.Getenv(shopFirst))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	db := ordersDBs()[1]
	pool := faulttest.Open(t, db.driver, os.Getenv(shopDSN), new(faulttest.Faults))
	pool.SetMaxOpenConns(16)
	s := newFlashShop(t, db.orders(t, pool), orderstest.NewGatewayClient(os.Getenv(shopGateway), nil), flashClock(time.UnixMicro(epoch)))
	shoppers, _ := flashSize(t)
	s.sell(t, first, shoppers)
}

// Ten times as many shoppers as units, of whom some leave, some cannot pay and some have no
// answer from their bank: every unit is sold once, and paid once, and nothing stays held.
//
// Invariant: orders O1.
// Invariant: orders O2.
func TestAFlashSaleSellsEachUnitOnce(t *testing.T) {
	t.Run("memory", func(t *testing.T) { flashSale(t, orders.NewMemoryStore(), sellHere) })
	for _, db := range ordersDBs() {
		t.Run(db.name, func(t *testing.T) {
			dsn := db.dsn(t)
			store := db.migrated(t, faulttest.Open(t, db.driver, dsn, new(faulttest.Faults)))
			sell := sellHere
			if db.name == "PostgreSQL" {
				sell = func(t *testing.T, _ orders.StockStore, g *orderstest.Gateway, epoch time.Time) {
					t.Helper()
					sellInProcesses(t, dsn, g, epoch)
				}
			}
			flashSale(t, store, sell)
		})
	}
}

// sellHere sells in this process alone.
func sellHere(t *testing.T, store orders.StockStore, g *orderstest.Gateway, epoch time.Time) {
	t.Helper()
	shoppers, _ := flashSize(t)
	var wg sync.WaitGroup
	for first := range flashShops {
		s := newFlashShop(t, store, g, flashClock(epoch))
		wg.Go(func() { s.sell(t, first, shoppers) })
	}
	wg.Wait()
}

// sellInProcesses starts the shops as processes of their own, with one gateway for all.
func sellInProcesses(t *testing.T, dsn string, g *orderstest.Gateway, epoch time.Time) {
	t.Helper()
	server := httptest.NewServer(orderstest.GatewayHandler(g))
	defer server.Close()
	var wg sync.WaitGroup
	for first := range flashShops {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFlashShop$", "-test.timeout=10m") //nolint:gosec // this program
		cmd.Env = append(os.Environ(), shopDSN+"="+dsn, shopGateway+"="+server.URL, shopFirst+"="+strconv.Itoa(first),
			shopEpoch+"="+strconv.FormatInt(epoch.UnixMicro(), 10))
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("shop %d: %v\n%s", first, err, out)
			}
		})
	}
	wg.Wait()
}

func flashSale(t *testing.T, store orders.StockStore, sell func(*testing.T, orders.StockStore, *orderstest.Gateway, time.Time)) {
	t.Helper()
	shoppers, units := flashSize(t)
	ctx := t.Context()
	if err := store.Stock().SetOnHand(ctx, stock.Key{SKU: "A"}, int64(units)); err != nil {
		t.Fatal(err)
	}
	g, epoch := newFlashGateway(), time.Now()
	sell(t, store, g, epoch)
	took := time.Since(epoch)
	s, later := finish(t, store, g, epoch)
	if err := orderstest.Check(ctx, store, later); err != nil {
		t.Error(err)
	}
	levels, err := store.Stock().Levels(ctx, []stock.Key{{SKU: "A"}})
	if err != nil {
		t.Fatal(err)
	}
	if levels[0].OnHand != 0 || levels[0].Reserved != 0 {
		t.Errorf("%+v after the sale", levels[0])
	}
	r, err := s.Recover(ctx)
	if err != nil || r.Orders[orders.OrderReady] != units || r.Checkouts[orders.StatePlaced] != units || r.Overdue+r.Doubtful != 0 {
		t.Errorf("%+v, %v, want %d orders", r, err, units)
	}
	live, captured := g.Books(money.MustISO("EUR"))
	if live.Sign() != 0 || captured != money.New(int64(flashPrice*units), money.MustISO("EUR")) || len(g.Doubled()) > 0 {
		t.Errorf("%v authorised, %v captured of %d units; doubled %q", live, captured, units, g.Doubled())
	}
	t.Logf("%d shoppers, %d units, %d checkouts given up, in %v", shoppers, units, r.Checkouts[orders.StateCancelled], took.Round(time.Millisecond))
}

// finish is a runner long after the sale, when every hold and every wait is over.
func finish(t *testing.T, store orders.StockStore, g orders.Gateway, epoch time.Time) (*flashShop, time.Time) {
	t.Helper()
	clock := flashClock(epoch)
	days := 0
	now := func() time.Time { return clock().AddDate(0, 0, days) }
	s := newFlashShop(t, store, g, now)
	runner, err := orders.NewRunner(s.Orders, orders.RunnerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for days < 3 {
		n, err := runner.Step(t.Context())
		if err != nil {
			t.Fatal(fmt.Errorf("after the sale: %w", err))
		}
		if n == 0 {
			days++
		}
	}
	return s, now()
}
