package orderstest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest/internal/contract"
	"github.com/tenon-go/tenon/orders/stock"
)

// TestStore checks that a store keeps the contract of [orders.Store]. NewStore returns a
// new, empty store for every case, and sees to its end by t.Cleanup.
//
//	func TestStore(t *testing.T) {
//		orderstest.TestStore(t, func(t *testing.T) orders.StockStore { return newStore(t) })
//	}
//
// A store that is a [StoreFaults] is also tested with a failure at each of its steps.
// The whole takes some thousand calls, of 16 goroutines at most. [TestStock] checks the
// store's stock by itself.
func TestStore(t *testing.T, newStore func(t *testing.T) orders.StockStore) {
	t.Helper()
	testContract(t, contract.Cases(), newStore)
}

// CheckStore is TestStore for callers without a test: it returns all violations, each a
// [*ContractError], joined. An error of newStore ends it.
func CheckStore(ctx context.Context, newStore func() (orders.StockStore, error)) error {
	return checkContract(ctx, contract.Cases(), newStore)
}

// StoreFaults is a store under test that can be made to fail half-way.
type StoreFaults interface {
	orders.StockStore
	// FailAt makes the n-th step from now on fail, and only that one; 0 is none. A
	// step is what can fail by itself: a statement, a commit. It fails before it does
	// anything.
	FailAt(n int)
}

// benchTime is the time of the benchmarks.
func benchTime() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// BenchmarkStore measures a store by itself:
//
//   - Apply: one change as that of an order's first step: cart, checkout, request, two
//     effects, one of them leased, two events and a hold of three lines.
//   - Checkout: reading it.
//   - Events/n=1000: following the stream over a thousand events.
//   - Claim: as [BenchmarkClaim].
func BenchmarkStore(b *testing.B, newStore func(b *testing.B) orders.StockStore) {
	b.Helper()
	b.Run("Apply", func(b *testing.B) {
		s := newBenchStore(b, newStore)
		for n := 0; b.Loop(); n++ {
			begin(b, s, n)
		}
	})
	b.Run("Checkout", func(b *testing.B) {
		s := newBenchStore(b, newStore)
		begin(b, s, 0)
		for b.Loop() {
			if _, err := s.Checkout(b.Context(), "x0"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Events/n=1000", func(b *testing.B) {
		s := newBenchStore(b, newStore)
		for n := range 500 {
			begin(b, s, n)
		}
		for b.Loop() {
			if n := count(b, s.Events(b.Context(), 0, orders.EventQuery{})); n != 1000 {
				b.Fatalf("%d events", n)
			}
		}
	})
	b.Run("Claim", func(b *testing.B) { BenchmarkClaim(b, newStore) })
}

func count(b *testing.B, events iter.Seq2[orders.Event, error]) (n int) {
	b.Helper()
	for _, err := range events {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	return n
}

// BenchmarkClaim claims 1, 10 and 100 of a thousand due effects at once, and reports
// effects/s. Each claim finds the leases of the one before it over.
func BenchmarkClaim(b *testing.B, newStore func(b *testing.B) orders.StockStore) {
	b.Helper()
	for _, batch := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			s := newStore(b)
			for checkout := range 10 {
				change := orders.Change{At: benchTime()}
				for n := range 100 {
					change.Effects = append(change.Effects, benchEffect(checkout, fmt.Sprintf("capture/%d", n), 0))
				}
				if err := s.Apply(b.Context(), change); err != nil {
					b.Fatal(err)
				}
			}
			r := orders.ClaimRequest{At: benchTime(), Worker: "w", Lease: time.Minute, Limit: batch}
			for b.Loop() {
				claimed, err := s.Claim(b.Context(), r)
				if err != nil || len(claimed) != batch {
					b.Fatalf("claimed %d of %d: %v", len(claimed), batch, err)
				}
				r.At = r.At.Add(r.Lease)
			}
			b.ReportMetric(float64(b.N)*float64(batch)/b.Elapsed().Seconds(), "effects/s")
		})
	}
}

func newBenchStore(b *testing.B, newStore func(b *testing.B) orders.StockStore) orders.StockStore {
	b.Helper()
	s := newStore(b)
	for _, l := range benchLines() {
		if err := s.Stock().SetOnHand(b.Context(), l.Key, 1_000_000_000); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func benchLines() []stock.Line {
	return []stock.Line{
		{Key: stock.Key{SKU: "A"}, Quantity: 1}, {Key: stock.Key{SKU: "B"}, Quantity: 2}, {Key: stock.Key{SKU: "C"}, Quantity: 3},
	}
}

func benchEffect(checkout int, name string, due time.Duration) orders.Effect {
	id := orders.CheckoutID(fmt.Sprintf("x%d", checkout))
	key := string(id) + "/" + name
	return orders.Effect{
		Key: key, Kind: orders.EffectCapture, Checkout: id, Due: benchTime().Add(due),
		Payload: json.RawMessage(fmt.Sprintf(`{"key":%q,"tender":{"id":"t1","kind":"card"},"amount":{"amount":"60.00","currency":"EUR"}}`, key)),
	}
}

// begin begins the n-th checkout.
func begin(b *testing.B, s orders.StockStore, n int) {
	b.Helper()
	at, until := benchTime(), benchTime().Add(time.Hour)
	id := orders.CheckoutID(fmt.Sprintf("x%d", n))
	eur := money.MustISO("EUR")
	cart := orders.Cart{ID: orders.CartID(id), Version: 1, State: orders.CartLocked, Currency: eur, At: at, Lock: id, Until: until}
	for _, l := range benchLines() {
		cart.Lines = append(cart.Lines, orders.CartLine{ID: l.SKU, SKU: l.SKU, Quantity: l.Quantity})
	}
	event := func(number int64, kind string) orders.Event {
		return orders.Event{
			Aggregate: "checkout/" + string(id), Number: number, Form: orders.EventForm, Kind: kind, At: at,
			Data: json.RawMessage(fmt.Sprintf(`{"id":%q,"version":1,"state":"AUTHORISING","total":{"amount":"60.00","currency":"EUR"}}`, id)),
		}
	}
	err := s.Apply(b.Context(), orders.Change{
		At: at, Carts: []orders.Cart{cart}, Worker: "w", LeaseUntil: until,
		Checkout: &orders.Checkout{ID: id, Version: 1, State: orders.StateAuthorising, Cart: cart, Began: at, At: at, Until: until, Total: money.New(6_000, eur)},
		Record:   &orders.Record{Scope: "customer/u1", Key: string(id), Hash: "h", Aggregate: "checkout/" + string(id), At: at, KeepUntil: until},
		Effects:  []orders.Effect{benchEffect(n, "authorise/1", 0), benchEffect(n, "timer", time.Hour)},
		Events:   []orders.Event{event(1, "begun"), event(2, "authorising")},
		Stock:    []stock.Move{{Kind: stock.MoveReserve, Hold: string(id), Lines: benchLines(), Until: until}},
	})
	if err != nil {
		b.Fatal(err)
	}
}
