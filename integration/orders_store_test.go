package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
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

// A spreadOrders is several processes: each call goes to the next of their pools. Its
// steps can be made to fail.
type spreadOrders struct {
	*faulttest.Faults

	nodes []*sqlorders.Store
	calls atomic.Uint64
}

func (s *spreadOrders) next() *sqlorders.Store { return s.nodes[s.calls.Add(1)%uint64(len(s.nodes))] }

func (s *spreadOrders) Stock() stock.Store { return s.next().Stock() }

func (s *spreadOrders) Cart(ctx context.Context, id orders.CartID) (orders.Cart, error) {
	return s.next().Cart(ctx, id)
}

func (s *spreadOrders) Checkout(ctx context.Context, id orders.CheckoutID) (orders.Checkout, error) {
	return s.next().Checkout(ctx, id)
}

func (s *spreadOrders) Order(ctx context.Context, id orders.OrderID) (orders.Order, error) {
	return s.next().Order(ctx, id)
}

func (s *spreadOrders) Apply(ctx context.Context, c orders.Change) error {
	return s.next().Apply(ctx, c)
}

func (s *spreadOrders) Replay(ctx context.Context, scope, key string) (orders.Record, error) {
	return s.next().Replay(ctx, scope, key)
}

func (s *spreadOrders) Claim(ctx context.Context, r orders.ClaimRequest) ([]orders.Claimed, error) {
	return s.next().Claim(ctx, r)
}

func (s *spreadOrders) Events(ctx context.Context, after int64, q orders.EventQuery) iter.Seq2[orders.Event, error] {
	return s.next().Events(ctx, after, q)
}

func (s *spreadOrders) Postings(ctx context.Context, after int64) iter.Seq2[ledger.Transaction, error] {
	return s.next().Postings(ctx, after)
}

// spreadOrders returns a store of four pools on a new database.
func (db stockDB) spreadOrders(t *testing.T) *spreadOrders {
	t.Helper()
	dsn := db.dsn(t)
	s := &spreadOrders{Faults: new(faulttest.Faults)}
	for range 4 {
		s.nodes = append(s.nodes, db.orders(t, faulttest.Open(t, db.driver, dsn, s.Faults)))
	}
	if err := s.nodes[0].Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// The contract holds for several processes as well: four pools share the orders.
//
// Invariant: orders O3.
func TestSQLOrdersKeepTheContract(t *testing.T) {
	t.Parallel()
	for _, db := range ordersDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			orderstest.TestStore(t, func(t *testing.T) orders.StockStore { t.Helper(); return db.spreadOrders(t) })
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

// Whose commit is not answered finds out by the versions whether it happened; who took
// effects and does not know it leaves them to the end of their lease.
func TestAChangeWithoutAnAnswerIsFoundOut(t *testing.T) {
	t.Parallel()
	for _, db := range ordersDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			var faults faulttest.Faults
			s := db.migrated(t, faulttest.Open(t, db.driver, db.dsn(t), &faults))
			if err := s.Stock().SetOnHand(t.Context(), stock.Key{SKU: "A"}, 1); err != nil {
				t.Fatal(err)
			}
			withoutAnswer(t, s, &faults)
		})
	}
}

func withoutAnswer(t *testing.T, s *sqlorders.Store, faults *faulttest.Faults) {
	t.Helper()
	ctx, change := t.Context(), wholeChange("x1")
	faults.LoseCommit()
	if err := s.Apply(ctx, change); !errors.Is(err, sqlorders.ErrOutcomeUnknown) {
		t.Errorf("got %v, want ErrOutcomeUnknown", err)
	}
	if err := s.Apply(ctx, change); !errors.Is(err, orders.ErrConflict) {
		t.Errorf("again: got %v, want ErrConflict", err)
	}
	r := orders.ClaimRequest{At: change.At, Worker: "w", Lease: time.Minute, Limit: 10}
	faults.LoseCommit()
	if _, err := s.Claim(ctx, r); !errors.Is(err, sqlorders.ErrOutcomeUnknown) {
		t.Errorf("claim: got %v, want ErrOutcomeUnknown", err)
	}
	if claimed, err := s.Claim(ctx, r); err != nil || len(claimed) != 0 {
		t.Errorf("claimed %v, %v", claimed, err)
	}
	r.At = r.At.Add(r.Lease)
	if claimed, err := s.Claim(ctx, r); err != nil || len(claimed) != 1 || !claimed[0].Abandoned || claimed[0].Fence != 2 {
		t.Errorf("after the lease: claimed %+v, %v", claimed, err)
	}
}

// What a store does in a caller's transaction stands or falls with it, and what is
// refused there is undone alone.
func TestOrdersInACallersTransaction(t *testing.T) {
	t.Parallel()
	for _, db := range ordersDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			pool := db.pool(t)
			s := db.migrated(t, pool)
			ctx := t.Context()
			if err := s.Stock().SetOnHand(ctx, stock.Key{SKU: "A"}, 1); err != nil {
				t.Fatal(err)
			}
			for _, stands := range []bool{false, true} {
				inTransaction(t, pool, stands, func(tx *sql.Tx) { inCallersTransaction(t, db.orders(t, tx)) })
				allOfIt(t, s, stands)
			}
			if s.InTransaction() {
				t.Error("a store on a pool says that it is in a transaction")
			}
		})
	}
}

// inTransaction commits what fn does, or not.
func inTransaction(t *testing.T, pool *sql.DB, commit bool, fn func(tx *sql.Tx)) {
	t.Helper()
	tx, err := pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Error(err)
		return
	}
	fn(tx)
	end := tx.Rollback
	if commit {
		end = tx.Commit
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// allOfIt wants the one change to be there, or not.
func allOfIt(t *testing.T, s *sqlorders.Store, want bool) {
	t.Helper()
	_, x1 := s.Checkout(t.Context(), "x1")
	_, x2 := s.Checkout(t.Context(), "x2")
	levels, err := s.Stock().Levels(t.Context(), []stock.Key{{SKU: "A"}})
	if err != nil || (x1 == nil) != want || (levels[0].Reserved == 1) != want || x2 == nil {
		t.Errorf("want it there %t: x1 %v, x2 %v, %v, %v", want, x1, x2, levels, err)
	}
}

// inCallersTransaction makes one change, is refused others, and sees the one.
func inCallersTransaction(t *testing.T, s *sqlorders.Store) {
	t.Helper()
	ctx := t.Context()
	if !s.InTransaction() {
		t.Error("it does not say that it is in a transaction")
	}
	if _, err := orders.New(s, nil, nil, nil, orders.Config{}); !errors.Is(err, orders.ErrInvalid) {
		t.Errorf("an engine that would call out within a transaction: %v", err)
	}
	if err := s.Apply(ctx, wholeChange("x1")); err != nil {
		t.Fatal(err)
	}
	sameCart := wholeChange("x2")
	sameCart.Carts, sameCart.Checkout.Cart.ID = nil, wholeChange("x1").Carts[0].ID
	sameNumber := wholeChange("x2")
	sameNumber.Events = wholeChange("x1").Events
	for name, tt := range map[string]struct {
		c    orders.Change
		want error
	}{
		"twice":         {wholeChange("x1"), orders.ErrConflict},
		"a cart in use": {sameCart, orders.ErrConflict},
		"an old number": {sameNumber, orders.ErrConflict},
		"sold out":      {wholeChange("x2"), stock.ErrShort},
	} {
		if err := s.Apply(ctx, tt.c); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	if _, err := s.Checkout(ctx, "x1"); err != nil {
		t.Error(err)
	}
	for _, q := range []orders.EventQuery{{}, {Aggregate: "checkout/x1"}} {
		if got := aggregates(t, s.Events(ctx, 0, q)); !slices.Equal(got, []string{"checkout/x1"}) {
			t.Errorf("%+v: events of %q", q, got)
		}
	}
	at := wholeChange("x1").At
	claimed, err := s.Claim(ctx, orders.ClaimRequest{At: at, Worker: "w", Lease: time.Minute, Limit: 10})
	if err != nil || len(claimed) != 1 {
		t.Errorf("claimed %v, %v", claimed, err)
	}
}

func aggregates(t *testing.T, events iter.Seq2[orders.Event, error]) (list []string) {
	t.Helper()
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Aggregate)
	}
	return list
}

// seen returns a stream once it has as much as is wanted: what any test has under way
// on the server may hold its end back.
func seen[T any](t *testing.T, want int, stream iter.Seq2[T, error]) (all []T) {
	t.Helper()
	for range 500 {
		all = nil
		for v, err := range stream {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, v)
		}
		if len(all) >= want {
			return all
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d of %d are seen", len(all), want)
	return nil
}

func postgreSQL() stockDB { return ordersDBs()[1] }

// link is the n-th change of a checkout: an event and a posting.
func link(id orders.CheckoutID, n int64) orders.Change {
	c := wholeChange(id)
	c.Carts, c.Record, c.Effects, c.Stock = nil, nil, nil, nil
	c.Checkout.Version, c.Events[0].Number = n, n
	c.Postings.Key = fmt.Sprintf("%s/v%d", id, n)
	return c
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
	if got := aggregates(t, s.Events(ctx, 0, orders.EventQuery{})); len(got) != 0 {
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
	seen(t, 2, s.Events(ctx, 0, orders.EventQuery{}))
	if got := aggregates(t, s.Events(ctx, 0, orders.EventQuery{})); !slices.Equal(got, []string{"checkout/early", "checkout/late"}) {
		t.Errorf("then %q", got)
	}
}

// A transaction that began before others may write after them: events and postings of a
// checkout keep their order all the same.
func TestALateTransactionKeepsTheOrderOfACheckout(t *testing.T) {
	t.Parallel()
	db := postgreSQL()
	pool := db.pool(t)
	s := db.migrated(t, pool)
	ctx := t.Context()
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	late := db.orders(t, tx)
	for _, step := range []struct {
		by orders.Store
		c  orders.Change
	}{
		{late, link("late", 1)}, // it has its number from here on
		{s, link("x1", 1)},
		{s, link("x1", 2)},
		{late, link("x1", 3)},
		{late, link("late", 2)},
		{late, link("x1", 4)},
	} {
		if err := step.by.Apply(ctx, step.c); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []orders.Change{link("x1", 5), link("late", 3)} {
		if err := s.Apply(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []orders.EventQuery{{Aggregate: "checkout/x1"}, {}} {
		var numbers []int64
		for _, e := range seen(t, 5, s.Events(ctx, 0, q)) {
			if e.Aggregate == "checkout/x1" {
				numbers = append(numbers, e.Number)
			}
		}
		if !slices.Equal(numbers, []int64{1, 2, 3, 4, 5}) {
			t.Errorf("%+v: events %v", q, numbers)
		}
	}
	var keys []string
	for _, p := range seen(t, 8, s.Postings(ctx, 0)) {
		if strings.HasPrefix(p.Key, "x1/") {
			keys = append(keys, p.Key)
		}
	}
	if !slices.Equal(keys, []string{"x1/v1", "x1/v2", "x1/v3", "x1/v4", "x1/v5"}) {
		t.Errorf("postings %v", keys)
	}
}

// Short transactions beside long ones, all of them writing to the same few checkouts: who
// follows the stream sees every event once, and each checkout's in their order.
func TestWhoFollowsTheStreamMissesNothing(t *testing.T) {
	t.Parallel()
	db := postgreSQL()
	pool := db.pool(t)
	s := db.migrated(t, pool)
	const workers, each, checkouts = 6, 20, 3
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := range each {
				id := orders.CheckoutID(fmt.Sprintf("x%d", (w+n)%checkouts))
				if w%2 == 0 {
					appendNext(t, s, id)
				} else {
					appendLate(t, db, pool, id)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()

	f := follower{s: s, numbers: map[string]int64{}}
	total := 0
	for writing := true; writing; {
		select {
		case <-done:
			writing = false
		case <-time.After(time.Millisecond):
		}
		total += f.follow(t)
	}
	all := seen(t, workers*each, s.Events(t.Context(), 0, orders.EventQuery{}))
	if total += f.follow(t); total != workers*each || len(all) != total {
		t.Errorf("%d events were seen, %d are there, want %d", total, len(all), workers*each)
	}
}

// A follower of the stream reads on from where it was.
type follower struct {
	s       orders.Store
	last    int64
	numbers map[string]int64 // the last one of each aggregate
}

func (f *follower) follow(t *testing.T) (n int) {
	t.Helper()
	for e, err := range f.s.Events(t.Context(), f.last, orders.EventQuery{}) {
		if err != nil {
			t.Error(err)
			break
		}
		if f.numbers[e.Aggregate]++; e.Number != f.numbers[e.Aggregate] {
			t.Errorf("event %d of %s, want %d", e.Number, e.Aggregate, f.numbers[e.Aggregate])
		}
		f.last = e.Seq
		n++
	}
	return n
}

// appendNext writes the next change of a checkout, whatever that is by then.
func appendNext(t *testing.T, s *sqlorders.Store, id orders.CheckoutID) {
	t.Helper()
	for {
		c, err := s.Checkout(t.Context(), id)
		if err != nil && !errors.Is(err, orders.ErrNotFound) {
			t.Error(err)
			return
		}
		change := link(id, c.Version+1)
		change.Checkout.Cart.ID = orders.CartID(id)
		err = s.Apply(t.Context(), change)
		if err == nil {
			return
		}
		if !errors.Is(err, orders.ErrConflict) {
			t.Error(err)
			return
		}
	}
}

// appendLate does so at the end of a transaction that has had its number for a while.
func appendLate(t *testing.T, db stockDB, pool *sql.DB, id orders.CheckoutID) {
	t.Helper()
	inTransaction(t, pool, true, func(tx *sql.Tx) {
		if _, err := tx.ExecContext(t.Context(), "select txid_current()"); err != nil {
			t.Error(err)
		}
		time.Sleep(3 * time.Millisecond)
		appendNext(t, db.orders(t, tx), id)
	})
}

// Who restores a dump into another server finds transactions with smaller numbers there:
// what was written is shown all the same, and what is written then comes after it.
func TestStreamsGoOnInARestoredDatabase(t *testing.T) {
	t.Parallel()
	db := postgreSQL()
	pool := db.pool(t)
	s := db.migrated(t, pool)
	ctx := t.Context()
	var want []string
	for restored := range int64(3) {
		// One goes on, one is new.
		for _, c := range []orders.Change{link("x1", restored+1), link(orders.CheckoutID(fmt.Sprintf("new-%d", restored)), 1)} {
			if err := s.Apply(ctx, c); err != nil {
				t.Fatal(err)
			}
			want = append(want, c.Postings.Key)
		}
		if _, err := pool.ExecContext(ctx, `update shop_events set seq = seq + (1::bigint << 40);
			update shop_postings set seq = seq + (1::bigint << 40)`); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Migrate(ctx), s.Migrate(ctx)); err != nil {
			t.Fatal(err)
		}
		var events, postings []string
		for _, e := range seen(t, len(want), s.Events(ctx, 0, orders.EventQuery{})) {
			events = append(events, fmt.Sprintf("%s/v%d", strings.TrimPrefix(e.Aggregate, "checkout/"), e.Number))
		}
		for _, p := range seen(t, len(want), s.Postings(ctx, 0)) {
			postings = append(postings, p.Key)
		}
		if !slices.Equal(events, want) || !slices.Equal(postings, want) {
			t.Errorf("restored %d times: events %v, postings %v, want %v", restored+1, events, postings, want)
		}
	}
	var epochs int
	if err := pool.QueryRowContext(ctx, "select count(*) from shop_epochs").Scan(&epochs); err != nil || epochs != 3 {
		t.Errorf("%d epochs, %v; want one for each time", epochs, err)
	}
}
