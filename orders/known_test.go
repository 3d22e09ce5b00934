package orders_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
)

// Failures that other shops have had, each as what must be instead.

// paid is what a gateway reports of an authorisation of 50.00 by itself.
func (s *testShop) paid(id, key string) orders.PaymentEvent {
	return orders.PaymentEvent{
		Source: "psp", ID: id, Key: key, Ref: "ref-1", Kind: orders.PaymentAuthorisation, Status: orders.PaymentSucceeded, Amount: euro(5_000), At: s.host.Now(),
	}
}

// called counts the calls of a kind that the gateway had.
func (s *testShop) called(call string) int {
	n := 0
	for _, line := range s.host.Gateway.Log() {
		if strings.HasPrefix(line, call+" ") {
			n++
		}
	}
	return n
}

// wantBooks compares the gateway's books, where nothing is left authorised.
func (s *testShop) wantBooks(t *testing.T, captured int64) {
	t.Helper()
	l, c := s.host.Gateway.Books(money.MustISO("EUR"))
	if l.Sign() != 0 || c != euro(captured) || len(s.host.Gateway.Doubled()) > 0 {
		t.Errorf("the gateway has %v authorised and %v captured, want none and %v; doubled %q; calls %q", l, c, euro(captured), s.host.Gateway.Doubled(), s.calls())
	}
	s.balance(t)
}

// calls are the last that the gateway had.
func (s *testShop) calls() []string {
	log := s.host.Gateway.Log()
	return log[max(0, len(log)-20):]
}

// The buyer comes back while the webhook arrives, several times each and on two nodes.
//
// Invariant: orders O11.
func TestAWebhookThatRacesTheConfirmationCapturesOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := newShop(t, nil, orderstest.Script{Call: "authorise", Fault: orderstest.Buyer})
		c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
		if err != nil || c.State != orders.StateAwaitingBuyer || c.Action == nil {
			t.Fatalf("%s, %v", c.State, err)
		}
		s.host.Gateway.Approve()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() { s.comesBack(t, c, i) })
		}
		wg.Wait()
		s.host.Settle(t, s.Orders)
		if c, err = s.Checkout(t.Context(), c.ID); err != nil || c.State != orders.StatePlaced || s.called("capture") != 1 {
			t.Errorf("%s, %v; calls %q", c.State, err, s.calls())
		}
		s.wantBooks(t, 5_000)
	}
}

// comesBack is a buyer who has paid, by himself or by the word of the bank.
func (s *testShop) comesBack(t *testing.T, c orders.Checkout, i int) {
	t.Helper()
	if i%2 == 0 {
		if _, err := s.Confirm(t.Context(), c.ID); err != nil {
			t.Errorf("confirm: %v", err)
		}
		return
	}
	if _, err := s.Observe(t.Context(), s.paid(fmt.Sprintf("e%d", i), c.Steps[0].Key)); err != nil {
		t.Errorf("observe: %v", err)
	}
}

// Two checkouts for the last units: the one whose hold ended during its payment gives its own
// money back, and touches nothing of the other's.
func TestALoserUndoesOnlyItsOwn(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	loser, winner := s.cart(t, 5), s.cart(t, 5)
	var won orders.Checkout
	var during atomic.Bool
	s.host.Gateway.During = func(string, string) {
		if during.Swap(true) {
			return
		}
		s.host.Pass(3 * time.Hour)
		var err error
		if won, err = s.Place(t.Context(), winner, paying(5, 25_000)); err != nil || won.State != orders.StatePlaced {
			t.Errorf("the winner: %s, %v", won.State, err)
		}
	}
	lost, err := s.Place(t.Context(), loser, paying(5, 25_000))
	if err != nil || lost.State != orders.StateCancelled || lost.Refusal == nil || lost.Refusal.Code != "sold_out" {
		t.Errorf("the loser: %s, %+v, %v", lost.State, lost.Refusal, err)
	}
	s.host.Settle(t, s.Orders)
	for _, line := range s.host.Gateway.Log() {
		if strings.HasPrefix(line, "void") && !strings.Contains(line, string(lost.ID)) || strings.HasPrefix(line, "refund") {
			t.Errorf("undone: %s", line)
		}
	}
	s.wantBooks(t, 25_000)
}

// The same click again, another payment, a return of the buyer: all get the order.
func TestACompletionThatComesAgainIsTheSameOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	ref := s.cart(t, 1)
	c, err := s.Place(t.Context(), ref, paying(1, 5_000))
	if err != nil {
		t.Fatal(err)
	}
	s.host.Pass(24 * time.Hour)
	commits := s.store.commits
	for name, again := range map[string]func() (orders.Checkout, error){
		"place":   func() (orders.Checkout, error) { return s.Place(t.Context(), ref, paying(1, 5_000)) },
		"confirm": func() (orders.Checkout, error) { return s.Confirm(t.Context(), c.ID) },
		"cancel":  func() (orders.Checkout, error) { return s.Cancel(t.Context(), c.ID, "too late") },
		"pay": func() (orders.Checkout, error) {
			return s.Pay(t.Context(), c.ID, orders.PayRequest{Key: "p", Tenders: paying(1, 5_000).Tenders})
		},
	} {
		if got, err := again(); err != nil || got.ID != c.ID || got.State != orders.StatePlaced {
			t.Errorf("%s: %s, %v", name, got.State, err)
		}
	}
	if s.store.commits != commits {
		t.Errorf("%d commits", s.store.commits-commits)
	}
	s.wantBooks(t, 5_000)
}

// Events with ids of their own that say the same are no second payment.
//
// Invariant: orders O11.
func TestTwoWebhooksOfOnePaymentCaptureOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil, orderstest.Script{Call: "authorise", Fault: orderstest.Buyer})
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil {
		t.Fatal(err)
	}
	s.host.Gateway.Approve()
	var wg sync.WaitGroup
	var duplicates atomic.Int64
	for i := range 8 {
		wg.Go(func() {
			seen, err := s.Observe(t.Context(), s.paid(fmt.Sprintf("e%d", i%2), c.Steps[0].Key))
			if err != nil {
				t.Error(err)
			}
			if seen.Duplicate {
				duplicates.Add(1)
			}
		})
	}
	wg.Wait()
	s.host.Settle(t, s.Orders)
	if duplicates.Load() != 6 || s.called("capture") != 1 {
		t.Errorf("%d duplicates of 8; calls %q", duplicates.Load(), s.calls())
	}
	s.wantBooks(t, 5_000)
}

// Many payments at a gateway that loses answers of all kinds: as many orders, each paid once.
//
// Invariant: orders O4.
func TestNoPaymentOfManyIsDoubledOrLost(t *testing.T) {
	t.Parallel()
	const payments = 305
	var script []orderstest.Script
	faults := []orderstest.Fault{orderstest.LostBefore, orderstest.LostAfter, orderstest.NotSent, orderstest.WebhookFirst, orderstest.WebhookTwice, orderstest.Panics}
	for n := range payments {
		for i, call := range []string{"authorise", "capture", "lookup"} {
			if fault := faults[(n+i)%len(faults)]; n%3 != i {
				script = append(script, orderstest.Script{Call: call, Nth: n + 1, Fault: fault})
			}
		}
	}
	s := newShop(t, nil, script...)
	if err := s.store.Stock().SetOnHand(t.Context(), stock.Key{SKU: "A"}, payments); err != nil {
		t.Fatal(err)
	}
	s.host.Gateway.Webhook = func(e orders.PaymentEvent) {
		if _, err := s.Observe(t.Context(), e); err != nil {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			for range payments / 5 {
				if _, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s.host.Settle(t, s.Orders)
	r, err := s.Recover(t.Context())
	placed, givenUp := r.Orders[orders.OrderReady], r.Checkouts[orders.StateCancelled]
	// Some lookups have no answer for as long as a payment may take.
	if err != nil || placed+givenUp != payments || givenUp > payments/10 || r.Overdue+r.Doubtful != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	s.wantBooks(t, int64(placed)*5_000)
}

// A card that was refused, and was charged all the same, after another one has paid.
func TestMoneyOfARefusedCardIsGivenBackThoughAnotherHasPaid(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil, orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.Refuse})
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil || c.State != orders.StateLocked {
		t.Fatalf("%s, %v", c.State, err)
	}
	refused := c.Steps[0].Key
	c, err = s.Pay(t.Context(), c.ID, orders.PayRequest{Key: "p", Tenders: []orders.Tender{{ID: "other", Kind: "card", Token: "tok"}}})
	if err != nil || c.State != orders.StatePlaced {
		t.Fatalf("%s, %v", c.State, err)
	}
	e := s.paid("late", refused)
	e.Ref = "ref-late"
	seen, err := s.Observe(t.Context(), e)
	if err != nil || !seen.Late {
		t.Errorf("%+v, %v, want it seen as late money", seen, err)
	}
	s.host.Settle(t, s.Orders)
	if s.called("void") != 1 {
		t.Errorf("calls %q, want a void of the refused card", s.calls())
	}
	s.wantBooks(t, 5_000)
}

// An authorisation that arrives after its checkout was given up.
//
// Invariant: orders O5.
func TestMoneyThatComesAfterACancellationIsGivenBack(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil, orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.LostLate}, orderstest.Script{Call: "lookup", Nth: 1, Fault: orderstest.LostBefore})
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil || c.State != orders.StateAuthorising {
		t.Fatalf("%s, %v", c.State, err)
	}
	if c, err = s.Cancel(t.Context(), c.ID, "too slow"); err != nil || c.State != orders.StateCancelled {
		t.Fatalf("%s, %v", c.State, err)
	}
	s.host.Gateway.Arrive()
	s.host.Settle(t, s.Orders)
	s.wantBooks(t, 0)
	kinds := []string{}
	for e, err := range s.Events(t.Context(), 0, orders.EventQuery{Aggregate: "checkout/" + string(c.ID)}) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, e.Kind)
	}
	if !slices.Contains(kinds, "alert") {
		t.Errorf("nobody is told; events %q", kinds)
	}
}

// A hot article at two nodes: what is sold is what was there.
//
// Invariant: orders O1.
func TestNothingIsOversoldUnderLoad(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	other := s.host.Engine(t, s.store, s.host.Config())
	var placed, short atomic.Int64
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			node := []*orders.Orders{s.Orders, other}[i%2]
			_, err := node.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
			var sold *stock.ShortError
			switch {
			case err == nil:
				placed.Add(1)
			case errors.As(err, &sold):
				short.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if placed.Load() != 5 || short.Load() != 27 {
		t.Errorf("%d placed, %d short, of 5 units", placed.Load(), short.Load())
	}
	s.wantBooks(t, 25_000)
}
