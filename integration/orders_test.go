package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/integration/faulttest"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/money/ledger"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/sqlorders"
	"github.com/tenon-go/tenon/orders/stock"
)

// ordersDBs are the databases that orders are kept in.
func ordersDBs() []stockDB { return stockDBs() }

// orders returns the store on a new database, with its tables.
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
	for _, db := range ordersDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			orderstest.TestCrashPoints(t, func(t *testing.T) orders.StockStore { t.Helper(); return db.migrated(t, db.pool(t)) })
		})
	}
}

// A spreadOrders is several processes: each call goes to the next of their pools.
type spreadOrders struct {
	orders.StockStore // the first one's, for reading

	nodes []*sqlorders.Store
	calls atomic.Uint64
}

func (s *spreadOrders) next() *sqlorders.Store { return s.nodes[s.calls.Add(1)%uint64(len(s.nodes))] }

func (s *spreadOrders) Apply(ctx context.Context, c orders.Change) error {
	return s.next().Apply(ctx, c)
}

func (s *spreadOrders) Claim(ctx context.Context, r orders.ClaimRequest) ([]orders.Claimed, error) {
	return s.next().Claim(ctx, r)
}

// spread returns a store of four pools on one database.
func (db stockDB) spreadOrders(t *testing.T) *spreadOrders {
	t.Helper()
	dsn := db.dsn(t)
	s := &spreadOrders{}
	for range 4 {
		s.nodes = append(s.nodes, db.orders(t, faulttest.Open(t, db.driver, dsn, new(faulttest.Faults))))
	}
	if err := s.nodes[0].Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.StockStore = s.nodes[0]
	return s
}

func TestSQLOrdersKeepTheContract(t *testing.T) {
	t.Parallel()
	for _, db := range ordersDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			orderstest.TestStore(t, func(t *testing.T) orders.StockStore { t.Helper(); return db.spreadOrders(t) })
		})
	}
}

// Each database step of a change fails once: nothing of it is there then, or all of it.
func TestAChangeThatFailsHalfWayLeavesAllOrNothing(t *testing.T) {
	t.Parallel()
	for _, db := range ordersDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			faults := new(faulttest.Faults)
			s := db.migrated(t, faulttest.Open(t, db.driver, db.dsn(t), faults))
			ctx := t.Context()
			if err := s.Stock().SetOnHand(ctx, stock.Key{SKU: "A"}, 1000); err != nil {
				t.Fatal(err)
			}
			whole := 0
			for n := 1; whole < 3; n++ {
				id := orders.CheckoutID(fmt.Sprintf("x%d", n))
				faults.FailAt(n)
				err := s.Apply(ctx, wholeChange(id))
				faults.FailAt(0)
				got, missing := s.Checkout(ctx, id)
				switch {
				case err == nil && (missing != nil || got.ID != id):
					t.Fatalf("step %d: no error, and %v", n, missing)
				case err != nil && missing == nil && !errors.Is(err, sqlorders.ErrOutcomeUnknown):
					t.Fatalf("step %d: %v, and the checkout is there", n, err)
				case err != nil && missing != nil && !errors.Is(missing, orders.ErrNotFound):
					t.Fatalf("step %d: %v", n, missing)
				}
				if err == nil {
					whole++
				}
				allOfIt(t, s, id, missing == nil)
			}
		})
	}
}

// wholeChange has something of everything.
func wholeChange(id orders.CheckoutID) orders.Change {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	eur := money.MustISO("EUR")
	cart := orders.Cart{ID: orders.CartID("c" + id), Version: 1, State: orders.CartLocked, Currency: eur, At: at}
	key := string(id) + "/authorise/1"
	return orders.Change{
		At: at, Carts: []orders.Cart{cart},
		Checkout: &orders.Checkout{ID: id, Version: 1, Events: 1, State: orders.StateLocked, Cart: cart, Began: at, At: at},
		Record:   &orders.Record{Scope: "s", Key: string(id), Hash: "h", Aggregate: "checkout/" + string(id), At: at, KeepUntil: at.Add(time.Hour)},
		Effects:  []orders.Effect{{Key: key, Kind: orders.EffectAuthorise, Checkout: id, Due: at}},
		Events:   []orders.Event{{Aggregate: "checkout/" + string(id), Number: 1, Form: orders.EventForm, Kind: "begun", At: at, Data: []byte("{}")}},
		Postings: ledger.Transaction{Key: string(id), At: at, Postings: []ledger.Posting{{Account: "a", Amount: money.New(1, eur)}, {Account: "b", Amount: money.New(-1, eur)}}},
		Stock:    []stock.Move{{Kind: stock.MoveReserve, Hold: string(id), Lines: []stock.Line{{Key: stock.Key{SKU: "A"}, Quantity: 1}}, Until: at.Add(time.Hour)}},
	}
}

// allOfIt checks that all of a change is there, or nothing.
//
//nolint:gocognit // one thing after the other
func allOfIt(t *testing.T, s *sqlorders.Store, id orders.CheckoutID, want bool) {
	t.Helper()
	ctx := t.Context()
	_, noCart := s.Cart(ctx, orders.CartID("c"+id))
	_, noRequest := s.Replay(ctx, "s", string(id))
	claimed, err := s.Claim(ctx, orders.ClaimRequest{At: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), Worker: "w", Lease: time.Second, Limit: 10, Checkout: id})
	if err != nil {
		t.Fatal(err)
	}
	events, postings := 0, 0
	for _, err := range s.Events(ctx, 0, orders.EventQuery{Aggregate: "checkout/" + string(id)}) {
		if err != nil {
			t.Fatal(err)
		}
		events++
	}
	// Streams end below the oldest transaction of the whole server, another test's say.
	for wait := 0; wait < 100 && (wait == 0 || want && postings == 0); wait++ {
		time.Sleep(time.Duration(min(wait, 1)) * 50 * time.Millisecond)
		for p, err := range s.Postings(ctx, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if p.Key == string(id) {
				postings++
			}
		}
	}
	held := false
	for h, err := range s.Stock().(stock.Lister).Holds(ctx) { //nolint:errcheck,forcetypeassert // it is one
		if err != nil {
			t.Fatal(err)
		}
		held = held || h.ID == string(id)
	}
	if (noCart == nil) != want || (noRequest == nil) != want || (len(claimed) == 1) != want || (events == 1) != want || (postings == 1) != want || held != want {
		t.Errorf("%s is there: %t; cart %v, request %v, %d effects, %d events, %d postings, held %t", id, want, noCart, noRequest, len(claimed), events, postings, held)
	}
}

// What a store does in a caller's transaction stands or falls with it.
//
//nolint:gocognit // one story
func TestOrdersInACallersTransaction(t *testing.T) {
	t.Parallel()
	for _, db := range ordersDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			pool := db.pool(t)
			s := db.migrated(t, pool)
			ctx := t.Context()
			if err := s.Stock().SetOnHand(ctx, stock.Key{SKU: "A"}, 10); err != nil {
				t.Fatal(err)
			}
			for _, commit := range []bool{false, true} {
				tx, err := pool.BeginTx(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				own := db.orders(t, tx)
				if !own.InTransaction() || s.InTransaction() {
					t.Error("InTransaction tells wrong")
				}
				if _, err := orders.New(own, nil, nil, nil, orders.Config{}); !errors.Is(err, orders.ErrInvalid) {
					t.Errorf("an engine that would call out within a transaction: %v", err)
				}
				if err := own.Apply(ctx, wholeChange("x1")); err != nil {
					t.Fatal(err)
				}
				// What fails is undone alone.
				if err := own.Apply(ctx, wholeChange("x1")); !errors.Is(err, orders.ErrConflict) {
					t.Errorf("twice: %v", err)
				}
				if _, err := own.Checkout(ctx, "x1"); err != nil {
					t.Error(err)
				}
				if commit {
					err = tx.Commit()
				} else {
					err = tx.Rollback()
				}
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Checkout(ctx, "x1"); (err == nil) != commit {
					t.Errorf("committed %t: %v", commit, err)
				}
			}
		})
	}
}

// A transaction that began first and writes last must not put its events before those that a
// reader has seen.
func TestALongTransactionHidesNoEvent(t *testing.T) {
	t.Parallel()
	db := ordersDBs()[1]
	pool := db.pool(t)
	s := db.migrated(t, pool)
	ctx := t.Context()
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	early := db.orders(t, tx)
	add := func(s *sqlorders.Store, aggregate string) {
		t.Helper()
		e := orders.Event{Aggregate: aggregate, Number: 1, Form: orders.EventForm, Kind: "begun", Data: []byte("{}")}
		if err := s.Apply(ctx, orders.Change{Events: []orders.Event{e}}); err != nil {
			t.Fatal(err)
		}
	}
	add(early, "checkout/early")
	add(s, "checkout/late")
	seen := func() (list []string) {
		for e, err := range s.Events(ctx, 0, orders.EventQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, e.Aggregate)
		}
		return list
	}
	if got := seen(); len(got) != 0 {
		t.Errorf("%q is seen while an earlier transaction is under way", got)
	}
	for e, err := range s.Events(ctx, 0, orders.EventQuery{Aggregate: "checkout/late"}) {
		if err != nil || e.Number != 1 {
			t.Errorf("by its aggregate: %v, %v", e, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := seen(); !slices.Equal(got, []string{"checkout/early", "checkout/late"}) {
		t.Errorf("then %q", got)
	}
}

// More shoppers than units: each unit is sold once, and what nobody paid for is not held.
//
// Invariant: orders O1.
func TestAFlashSaleSellsEachUnitOnce(t *testing.T) {
	t.Parallel()
	stores := map[string]func(t *testing.T) orders.StockStore{
		"memory": func(*testing.T) orders.StockStore { return orders.NewMemoryStore() },
	}
	for _, db := range ordersDBs() {
		stores[db.name] = func(t *testing.T) orders.StockStore { t.Helper(); return db.spreadOrders(t) }
	}
	for name, newStore := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flashSale(t, newStore(t))
		})
	}
}

func flashSale(t *testing.T, store orders.StockStore) {
	t.Helper()
	const shoppers, units, workers = 400, 40, 16
	ctx := t.Context()
	eur := money.MustISO("EUR")
	if err := store.Stock().SetOnHand(ctx, stock.Key{SKU: "A"}, units); err != nil {
		t.Fatal(err)
	}
	h := orderstest.NewHost(orderstest.NewGateway(orderstest.Script{Call: "authorise", Nth: 7, Fault: orderstest.LostAfter}), money.New(5_000, eur))
	s := h.Engine(t, store, h.Config())
	var placed, short atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := w; n < shoppers; n += workers {
				ref := h.Cart(t, s, eur, 1) //nolint:contextcheck // the test's
				c, err := s.Place(ctx, ref, orders.BeginRequest{Expected: money.New(5_000, eur), Tenders: []orders.Tender{{Kind: "card", Token: "tok", Amount: money.New(5_000, eur)}}})
				var sold *stock.ShortError
				switch {
				case errors.As(err, &sold):
					short.Add(1)
				case err != nil:
					t.Errorf("shopper %d: %v", n, err)
				case c.State == orders.StatePlaced:
					placed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	h.Settle(t, s)
	if err := orderstest.Check(ctx, store, h.Now()); err != nil {
		t.Error(err)
	}
	levels, err := store.Stock().Levels(ctx, []stock.Key{{SKU: "A"}})
	if err != nil {
		t.Fatal(err)
	}
	live, captured := h.Gateway.Books(eur)
	if levels[0].OnHand != 0 || levels[0].Reserved != 0 || live.Sign() != 0 || captured != money.New(5_000*units, eur) {
		t.Errorf("%v; %v authorised, %v captured, want %d units sold", levels[0], live, captured, units)
	}
	if placed.Load() != units || short.Load() != shoppers-units {
		t.Errorf("%d placed, %d short", placed.Load(), short.Load())
	}
}
