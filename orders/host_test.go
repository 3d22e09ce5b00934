package orders_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
)

// An oddHost fails in one of the things that a host gives.
type oddHost struct {
	*orderstest.Host

	price, discount, hold, handOver, stop func() error
	refuse                                bool // the hold of a discount, the stop of a warehouse
}

func try(do func() error) error {
	if do == nil {
		return nil
	}
	return do()
}

func (h *oddHost) PriceCart(ctx context.Context, r orders.PriceRequest) (orders.Priced, error) {
	if err := try(h.price); err != nil {
		return orders.Priced{}, err
	}
	return h.Host.PriceCart(ctx, r)
}

func (h *oddHost) Discount(ctx context.Context, r orders.Redemption) (orders.Discounts, error) {
	if err := try(h.discount); err != nil {
		return orders.Discounts{}, err
	}
	return h.Host.Discount(ctx, r)
}

func (h *oddHost) Hold(ctx context.Context, key string, until time.Time, r orders.Redemption, d orders.Discounts) (orders.Outcome, error) {
	if err := try(h.hold); err != nil {
		return orders.Outcome{}, err
	}
	if h.refuse {
		return orders.Outcome{Status: orders.Refused, Reason: "used up"}, nil
	}
	return h.Host.Hold(ctx, key, until, r, d)
}

func (h *oddHost) HandOver(ctx context.Context, o orders.HandOver) (orders.Outcome, error) {
	if err := try(h.handOver); err != nil {
		return orders.Outcome{}, err
	}
	return h.Host.HandOver(ctx, o)
}

func (h *oddHost) Stop(ctx context.Context, key string, lines []orders.LineQty) (orders.Outcome, error) {
	if err := try(h.stop); err != nil {
		return orders.Outcome{}, err
	}
	if h.refuse {
		return orders.Outcome{Status: orders.Refused, Reason: "it has left"}, nil
	}
	return h.Host.Stop(ctx, key, lines)
}

// newOddShop sells a unit for 50.00 after a discount of 10.00.
func newOddShop(t *testing.T) (*testShop, *oddHost) {
	t.Helper()
	s := newShop(t, nil)
	s.host.Price, s.host.Off = euro(6_000), euro(1_000)
	h := &oddHost{Host: s.host}
	cfg := s.host.Config()
	cfg.Discounts, cfg.Redeem = h, h
	var err error
	if s.Orders, err = orders.New(s.store, h, s.host.Gateway, h, cfg); err != nil {
		t.Fatal(err)
	}
	return s, h
}

// once is an error, or a panic, the first time.
func once(panics bool) func() error {
	done := false
	return func() error {
		if done {
			return nil
		}
		if done = true; panics {
			panic("nil map")
		}
		return errors.New("no answer")
	}
}

// Invariant: orders O10.
func TestAHostThatCannotPriceWritesNothing(t *testing.T) {
	t.Parallel()
	for _, panics := range []bool{false, true} {
		for _, part := range []string{"price", "discount"} {
			s, h := newOddShop(t)
			if part == "price" {
				h.price = once(panics)
			} else {
				h.discount = once(panics)
			}
			ref := s.cart(t, 1)
			commits := s.store.commits
			if _, err := s.Place(t.Context(), ref, paying(1, 5_000)); err == nil || s.store.commits != commits {
				t.Errorf("%s, panics %t: %v, %d commits", part, panics, err, s.store.commits-commits)
			}
			if c, err := s.Place(t.Context(), ref, paying(1, 5_000)); err != nil || c.State != orders.StatePlaced {
				t.Errorf("%s, panics %t, the same key again: %s, %v", part, panics, c.State, err)
			}
		}
	}
}

// Whom an effect calls and who has no answer is called again under the same key.
func TestAHostWithoutAnAnswerIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, panics := range []bool{false, true} {
		s, h := newOddShop(t)
		h.hold, h.handOver, h.stop = once(panics), once(panics), once(panics)
		c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
		if err != nil || c.State != orders.StateAuthorising {
			t.Errorf("panics %t: %s, %v", panics, c.State, err)
		}
		s.host.Settle(t, s.Orders)
		id := orders.OrderID(c.ID)
		if _, err := s.CancelOrder(t.Context(), id, orders.Cancellation{Key: "c", Reason: "no longer wanted"}); err != nil {
			t.Error(err)
		}
		s.host.Settle(t, s.Orders)
		o, err := s.Order(t.Context(), id)
		state, back := s.host.Redeemed(c.ID)
		if err != nil || o.State != orders.OrderCancelled || s.host.Handed(id) != 1 || state != "committed" || back != euro(1_000) {
			t.Errorf("panics %t: %s, handed over %d times, the discount is %s, %v of it came back, %v", panics, o.State, s.host.Handed(id), state, back, err)
		}
		if r, err := s.Recover(t.Context()); err != nil || (r.Panics != 0) != panics {
			t.Errorf("panics %t: %+v, %v", panics, r, err)
		}
		s.wantBooks(t, 0)
	}
}

func TestARefusedDiscountGivesTheCheckoutUp(t *testing.T) {
	t.Parallel()
	s, h := newOddShop(t)
	h.refuse = true
	req := paying(1, 5_000)
	req.Codes = []string{"TEN"}
	c, err := s.Place(t.Context(), s.cart(t, 1), req)
	var refused *orders.DiscountError
	if !errors.As(err, &refused) || refused.Reason != "used up" || len(refused.Codes) != 1 || c.State != orders.StateCancelled {
		t.Errorf("%s, %v, want *DiscountError", c.State, err)
	}
	s.host.Settle(t, s.Orders)
	s.wantBooks(t, 0)
}

func TestUnitsThatHaveLeftStayInTheOrder(t *testing.T) {
	t.Parallel()
	s, h := newOddShop(t)
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil {
		t.Fatal(err)
	}
	h.refuse = true
	o, err := s.CancelOrder(t.Context(), orders.OrderID(c.ID), orders.Cancellation{Key: "c", Reason: "no longer wanted"})
	var shipped *orders.ShippedError
	if !errors.As(err, &shipped) || len(shipped.Lines) != 1 || o.State != orders.OrderReady || o.Units["l1"].Open() != 1 {
		t.Errorf("%s, %+v, %v, want *ShippedError", o.State, o.Units, err)
	}
	s.wantBooks(t, 5_000)
}

// What a gateway says before anybody knows whose it is, is kept, and counts when its reference
// turns up.
//
// Invariant: orders O11.
func TestAnEventThatNobodyKnowsIsKeptUntilItsReferenceTurnsUp(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	e := s.paid("e1", "")
	for i, want := range []orders.Observed{{Unmatched: true}, {Unmatched: true, Duplicate: true}} {
		if got, err := s.Observe(t.Context(), e); err != nil || got != want {
			t.Errorf("%d: %+v, %v, want %+v", i, got, err, want)
		}
	}
	if _, err := s.Observe(t.Context(), orders.PaymentEvent{Ref: "x"}); !errors.Is(err, orders.ErrInvalid) {
		t.Errorf("an event without source and id: %v", err)
	}
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Order(t.Context(), orders.OrderID(c.ID))
	if err != nil || o.Payments["psp"]["e1"].Ref != "ref-1" || o.Differs {
		t.Errorf("payments %v, they differ %t, %v", o.Payments, o.Differs, err)
	}
	if got, err := s.Observe(t.Context(), e); err != nil || got != (orders.Observed{Duplicate: true}) {
		t.Errorf("then: %+v, %v", got, err)
	}
	e.ID, e.Amount = "e2", euro(7_000)
	e.Kind = orders.PaymentCharge
	e.Ref = "ref-2"
	if got, err := s.Observe(t.Context(), e); err != nil || !got.Differs {
		t.Errorf("another amount: %+v, %v, want it to differ", got, err)
	}
	s.wantBooks(t, 5_000)
}

// An event may be kept as nobody's just when the answer that it is about is written.
func TestAnEventThatCrossesItsAnswerIsNotLost(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	ref := s.cart(t, 1)
	var id orders.CheckoutID
	s.store.before = func(c orders.Change) {
		if len(c.Events) != 1 || c.Events[0].Kind != "unmatched" {
			return
		}
		s.store.before = nil
		c2, err := s.Place(t.Context(), ref, paying(1, 5_000))
		if id = c2.ID; err != nil {
			t.Error(err)
		}
	}
	seen, err := s.Observe(t.Context(), s.paid("e1", ""))
	if err != nil || seen.Unmatched {
		t.Errorf("%+v, %v", seen, err)
	}
	if o, err := s.Order(t.Context(), orders.OrderID(id)); err != nil || o.Payments["psp"]["e1"].Ref != "ref-1" {
		t.Errorf("payments %v, %v", o.Payments, err)
	}
}

// A blindGateway has no lookup.
type blindGateway struct {
	*orderstest.Gateway

	idempotent bool
}

func (g blindGateway) Lookup(context.Context, string) (orders.Outcome, error) {
	return orders.Outcome{}, orders.ErrNoLookup
}

func (g blindGateway) IdempotentKeys() bool { return g.idempotent }

// A gateway without lookup is called again only where it says that its keys allow it; else
// the doubt is a person's.
func TestAGatewayWithoutLookup(t *testing.T) {
	t.Parallel()
	for _, idempotent := range []bool{true, false} {
		s := newShop(t, nil, orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.LostAfter})
		var err error
		if s.Orders, err = orders.New(s.store, s.host, blindGateway{s.host.Gateway, idempotent}, s.host, s.host.Config()); err != nil {
			t.Fatal(err)
		}
		c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
		if err != nil || (c.State == orders.StatePlaced) != idempotent {
			t.Errorf("idempotent %t: %s, %v", idempotent, c.State, err)
		}
		if !idempotent {
			if s.called("authorise") != 1 || c.Steps[0].Code != "no_lookup" {
				t.Errorf("%+v; calls %q", c.Steps, s.calls())
			}
			if err := s.Resolve(t.Context(), c.Steps[0].Key, orders.Outcome{Status: orders.Done}, "ann", "seen at the bank"); err != nil {
				t.Error(err)
			}
			s.host.Settle(t, s.Orders)
		}
		s.wantBooks(t, 5_000)
	}
}

// The gateway is somewhere else: answers that are lost are lost on the wire.
func TestAGatewayBehindHTTP(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil, orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.LostAfter}, orderstest.Script{Call: "capture", Nth: 1, Fault: orderstest.LostBefore})
	server := httptest.NewServer(orderstest.GatewayHandler(s.host.Gateway))
	var err error
	if s.Orders, err = orders.New(s.store, s.host, orderstest.NewGatewayClient(server.URL, server.Client()), s.host, s.host.Config()); err != nil {
		t.Fatal(err)
	}
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil || c.State != orders.StatePlaced {
		t.Fatalf("%s, %v", c.State, err)
	}
	if o, err := s.Order(t.Context(), orders.OrderID(c.ID)); err != nil || o.State != orders.OrderReady || s.called("authorise") != 1 || s.called("capture") != 2 {
		t.Errorf("%s, %v; calls %q", o.State, err, s.calls())
	}
	server.Close()
	if c, err = s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000)); err != nil || c.State != orders.StateAuthorising || c.Steps[0].Status != orders.NotSent || c.Steps[0].Doubt {
		t.Errorf("nobody listens: %s, %+v, %v", c.State, c.Steps, err)
	}
	client := orderstest.NewGatewayClient(server.URL, nil)
	if o, err := client.Lookup(t.Context(), "k"); err == nil {
		t.Errorf("a lookup that was not sent: %+v", o)
	}
	odd := httptest.NewServer(http.NotFoundHandler())
	defer odd.Close()
	if o, err := orderstest.NewGatewayClient(odd.URL, nil).Capture(t.Context(), orders.PaymentRequest{Amount: money.New(1, money.MustISO("EUR"))}); err == nil {
		t.Errorf("an answer that cannot be understood: %+v", o)
	}
	s.wantBooks(t, 5_000)
}
