package orders_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
)

// once lets something happen within the first call of a kind.
func (s *testShop) once(call string, do func()) {
	var done atomic.Bool
	s.host.Gateway.During = func(name, _ string) {
		if name == call && !done.Swap(true) {
			do()
		}
	}
}

// Calls that were asked for at once are made one after the other. One may take so long that
// the lease of the next has ended: that one may be somebody else's by now.
func TestNobodyCallsOnALeaseThatIsOver(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.once("capture", func() { s.host.Pass(2 * time.Minute) })
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 2_000, 3_000))
	if err != nil || c.State != orders.StatePlaced || s.called("capture") != 1 {
		t.Errorf("%s, %v, %d captures; want the second left to a runner", c.State, err, s.called("capture"))
	}
	s.host.Settle(t, s.Orders)
	s.wantBooks(t, 5_000)
}

// A worker that is slower than its lease: another one looks up, finds nothing, and calls under
// the same key. What the first one hears then is late, and changes nothing.
//
// Invariant: orders O4.
func TestAnAnswerAfterTheLeaseIsALateOutcome(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	other := s.host.Engine(t, s.store, s.host.Config())
	s.once("authorise", func() {
		s.host.Pass(2 * time.Minute)
		s.host.Settle(t, other)
	})
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil || c.State != orders.StatePlaced {
		t.Errorf("%s, %v", c.State, err)
	}
	s.host.Settle(t, s.Orders)
	if s.called("capture") != 1 {
		t.Errorf("calls %q", s.calls())
	}
	s.wantBooks(t, 5_000)
}

// A worker that was slower than its lease, and than the cancellation after it: what it
// brings is given back by itself.
//
// Invariant: orders O5.
func TestMoneyOfALeaseThatWasLostIsGivenBack(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	other := s.host.Engine(t, s.store, s.host.Config())
	s.once("authorise", func() {
		s.host.Pass(20 * time.Minute)
		runner, err := orders.NewRunner(other, orders.RunnerConfig{})
		if err != nil {
			t.Error(err)
			return
		}
		for n := 1; n > 0 && err == nil; {
			n, err = runner.Step(t.Context())
		}
		if err != nil {
			t.Error(err)
		}
		s.host.Pass(time.Minute)
	})
	s.host.Gateway.During = cancelling(t, s, s.host.Gateway.During)
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil || c.State != orders.StateCancelled || s.called("authorise") != 1 || s.called("void") != 2 {
		t.Errorf("%s, %v; calls %q", c.State, err, s.calls())
	}
	s.wantBooks(t, 0)
}

// cancelling cancels the checkout before what happens within its first authorisation.
func cancelling(t *testing.T, s *testShop, then func(call, key string)) func(call, key string) {
	t.Helper()
	done := false
	return func(call, key string) {
		if call == "authorise" && !done {
			done = true
			id := cutID(key)
			if _, err := s.Cancel(t.Context(), id, "too slow"); err != nil {
				t.Error(err)
			}
		}
		then(call, key)
	}
}

// A look after a key that was given up is nothing that a repeat has to wait for.
func TestARepeatDoesNotWaitForALookAfterTheEnd(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil, orderstest.Script{Call: "authorise", Fault: orderstest.LostBefore})
	ref := s.cart(t, 1)
	c, err := s.Place(t.Context(), ref, paying(1, 5_000))
	if err != nil || c.State != orders.StateAuthorising {
		t.Fatalf("%s, %v", c.State, err)
	}
	if c, err = s.Cancel(t.Context(), c.ID, "too slow"); err != nil || c.State != orders.StateCancelled {
		t.Fatalf("%s, %v", c.State, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if again, err := s.Place(ctx, ref, paying(1, 5_000)); err != nil || again.ID != c.ID || again.State != orders.StateCancelled {
		t.Errorf("%s, %v", again.State, err)
	}
}

// What is held lasts as long as the payment of each tender may take.
func TestTheHoldOutlivesThePaymentOfEachTender(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	calls := 0
	s.host.Gateway.During = func(call, key string) {
		if call != "authorise" {
			return
		}
		if calls++; calls == 1 {
			s.host.Pass(25 * time.Second) // a slow gift card
			return
		}
		id := cutID(key)
		c, err := s.Checkout(t.Context(), id)
		if want := s.host.Now().Add(30 * time.Minute); err != nil || !c.Until.Equal(want) {
			t.Errorf("held until %v, %v, want %v", c.Until, err, want)
		}
	}
	if c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 2_000, 3_000)); err != nil || c.State != orders.StatePlaced || calls != 2 {
		t.Errorf("%s, %v, %d authorisations", c.State, err, calls)
	}
}

// A cancellation waits for the answer of a call that is under way.
func TestACancellationDuringACallIsDoneAfterIt(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	var id orders.CheckoutID
	s.once("authorise", func() {
		for e, err := range s.Events(t.Context(), 0, orders.EventQuery{}) {
			if err != nil {
				t.Error(err)
			}
			id = orders.CheckoutID(strings.TrimPrefix(e.Aggregate, "checkout/"))
		}
		c, err := s.Cancel(t.Context(), id, "changed my mind")
		if err != nil || c.State != orders.StateAuthorising || !c.CancelAsked {
			t.Errorf("%s, asked %t, %v", c.State, c.CancelAsked, err)
		}
	})
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil || c.State != orders.StateCancelled || c.Cause != "changed my mind" {
		t.Errorf("%s, %q, %v", c.State, c.Cause, err)
	}
	if s.called("void") != 1 || s.called("capture") != 0 {
		t.Errorf("calls %q", s.calls())
	}
	s.wantBooks(t, 0)
}

// A buyer who leaves takes nothing along: the outcome is written down.
func TestAnOutcomeIsKeptAlsoWhenItsCallerHasLeft(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	ctx, leave := context.WithCancelCause(t.Context())
	gone := errors.New("the connection was closed")
	s.once("authorise", func() { leave(gone) })
	c, err := s.Place(ctx, s.cart(t, 1), paying(1, 5_000))
	if !errors.Is(err, gone) || c.State != orders.StatePlaced {
		t.Errorf("%s, %v, want the order, and why the rest is left", c.State, err)
	}
	s.host.Settle(t, s.Orders)
	if s.called("authorise") != 1 {
		t.Errorf("calls %q", s.calls())
	}
	s.wantBooks(t, 5_000)
}

// Drive is a runner for one checkout.
func TestDriveTakesACheckoutAndItsOrderToTheirEnd(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(c *orders.Config) { c.Later = true })
	first, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Drive(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	o, err := s.Order(t.Context(), orders.OrderID(first.ID))
	if err != nil || o.State != orders.OrderReady || !o.HandedOver {
		t.Errorf("%s, handed over %t, %v", o.State, o.HandedOver, err)
	}
	if c, err := s.Checkout(t.Context(), second.ID); err != nil || c.State != orders.StateAuthorising {
		t.Errorf("the other is %s, %v", c.State, err)
	}
	s.wantBooks(t, 5_000)
}

// Attempts of a gateway that does not answer are spread from a second to a minute, and hourly
// once people have been told; they never end.
func TestADoubtIsLookedUpAtTheSaidPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := orderstest.NewHost(orderstest.NewGateway(orderstest.Script{Call: "authorise", Fault: orderstest.LostBefore}), euro(5_000))
		store := orders.NewMemoryStore()
		if err := store.Stock().SetOnHand(t.Context(), stock.Key{SKU: "A"}, 1); err != nil {
			t.Fatal(err)
		}
		s := h.Engine(t, store, orders.Config{Rand: func() float64 { return 1 }})
		runner, err := orders.NewRunner(s, orders.RunnerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var calls []time.Duration
		h.Gateway.During = func(string, string) { calls = append(calls, time.Since(began)) }
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan error)
		go func() { done <- runner.Run(ctx) }()
		c, err := s.Place(t.Context(), h.Cart(t, s, money.MustISO("EUR"), 1), paying(1, 5_000))
		if err != nil || c.State != orders.StateAuthorising {
			t.Fatalf("%s, %v", c.State, err)
		}
		time.Sleep(14 * time.Minute)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if len(calls) < 8 || len(calls) > 40 || calls[1] != 0 {
			t.Fatalf("called after %v", calls)
		}
		for i := 2; i < len(calls); i++ {
			if gap := calls[i] - calls[i-1]; gap < time.Second || gap > 3*time.Minute {
				t.Errorf("a gap of %v; called after %v", gap, calls)
			}
		}
		if !slices.IsSortedFunc(calls[2:], func(a, b time.Duration) int { return int(a - b) }) {
			t.Errorf("called after %v", calls)
		}
	})
}

// What a process that died has leased is taken up when the lease ends, not before.
func TestARunnerTakesUpWhatWasLeftWhenItsLeaseEnds(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	down := errors.New("power cut")
	s.once("authorise", func() {
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		s.store.fail = down
	})
	if _, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000)); !errors.Is(err, down) {
		t.Fatal(err)
	}
	runner, err := orders.NewRunner(s.Orders, orders.RunnerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	s.host.Pass(59 * time.Second)
	if n, err := runner.Step(t.Context()); n != 0 || err != nil {
		t.Errorf("within the lease: %d, %v", n, err)
	}
	s.host.Pass(time.Second)
	if n, err := runner.Step(t.Context()); n != 1 || err != nil {
		t.Errorf("after the lease: %d, %v", n, err)
	}
	if s.called("authorise") != 1 {
		t.Errorf("calls %q, want it looked up", s.calls())
	}
	s.wantBooks(t, 5_000)
}

// A store that is down is waited out, longer each time.
func TestARunnerWaitsOutAStoreThatIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := orderstest.NewHost(orderstest.NewGateway(), euro(5_000))
		store := &downStore{MemoryStore: orders.NewMemoryStore()}
		s := h.Engine(t, store, orders.Config{})
		runner, err := orders.NewRunner(s, orders.RunnerConfig{Poll: time.Second, Backoff: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if err := runner.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		// After 0, 1, 3, 7, 15 seconds; the next is due after 31.
		if got := store.claims.Load(); got != 5 {
			t.Errorf("asked %d times in half a minute, want 5", got)
		}
	})
}

type downStore struct {
	*orders.MemoryStore

	claims atomic.Int64
}

func (s *downStore) Claim(context.Context, orders.ClaimRequest) ([]orders.Claimed, error) {
	s.claims.Add(1)
	return nil, errors.New("the store is down")
}
