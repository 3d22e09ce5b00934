package orders_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
)

// A strangeGateway answers some calls as a test wants, and keeps what it was asked.
type strangeGateway struct {
	*orderstest.Gateway

	answer func(call string, r orders.PaymentRequest) (o orders.Outcome, err error, own bool)
	asked  map[string]orders.PaymentRequest
}

func (g *strangeGateway) call(ctx context.Context, name string, r orders.PaymentRequest, do func(context.Context, orders.PaymentRequest) (orders.Outcome, error)) (orders.Outcome, error) {
	g.asked[r.Key] = r
	if g.answer != nil {
		if o, err, own := g.answer(name, r); own {
			return o, err
		}
	}
	return do(ctx, r)
}

func (g *strangeGateway) Authorise(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call(ctx, "authorise", r, g.Gateway.Authorise)
}

func (g *strangeGateway) Capture(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call(ctx, "capture", r, g.Gateway.Capture)
}

func (g *strangeGateway) Void(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call(ctx, "void", r, g.Gateway.Void)
}

func (g *strangeGateway) Refund(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call(ctx, "refund", r, g.Gateway.Refund)
}

// A strangeShop sells at 50.00 a unit over a strange gateway.
type strangeShop struct {
	*testing.T
	*orders.Orders

	host    *orderstest.Host
	gateway *strangeGateway
	store   *orders.MemoryStore
}

func newStrangeShop(t *testing.T, capture orders.CaptureMode) *strangeShop {
	t.Helper()
	host := orderstest.NewHost(orderstest.NewGateway(), euro(5_000))
	s := &strangeShop{T: t, host: host, gateway: &strangeGateway{Gateway: host.Gateway, asked: map[string]orders.PaymentRequest{}}, store: orders.NewMemoryStore()}
	s.must(s.store.Stock().SetOnHand(t.Context(), stock.Key{SKU: "A"}, 100))
	cfg := host.Config()
	cfg.Capture = capture
	var err error
	s.Orders, err = orders.New(s.store, host, s.gateway, host, cfg)
	s.must(err)
	return s
}

func (s *strangeShop) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// place asks for units, paid by tenders; it fails only if the engine does.
func (s *strangeShop) place(units int64, tenders ...orders.Tender) orders.Checkout {
	s.Helper()
	ref := s.host.Cart(s.T, s.Orders, money.MustISO("EUR"), units)
	c, err := s.Place(s.Context(), ref, orders.BeginRequest{Expected: euro(5_000 * units), Tenders: tenders})
	s.must(err)
	return c
}

func byCard(minor int64) orders.Tender {
	return orders.Tender{Kind: "card", Token: "tok", Amount: euro(minor)}
}

func (s *strangeShop) order(c orders.Checkout) orders.Order {
	s.Helper()
	o, err := s.Order(s.Context(), orders.OrderID(c.ID))
	s.must(err)
	return o
}

func (s *strangeShop) cancel(c orders.Checkout) orders.Order {
	s.Helper()
	_, err := s.CancelOrder(s.Context(), orders.OrderID(c.ID), orders.Cancellation{Key: "cancel", Reason: "r"})
	s.must(err)
	s.host.Settle(s.T, s.Orders)
	return s.order(c)
}

func (s *strangeShop) hears(e orders.PaymentEvent) {
	s.Helper()
	e.Source, e.At = "psp", s.host.Now()
	_, err := s.Observe(s.Context(), e)
	s.must(err)
}

// answers has the gateway say one thing to one kind of call.
func (s *strangeShop) answers(call string, o orders.Outcome) {
	s.gateway.answer = func(name string, r orders.PaymentRequest) (orders.Outcome, error, bool) {
		o := o
		o.Ref = "ref/" + r.Key
		return o, nil, name == call
	}
}

func refusal() orders.Outcome {
	return orders.Outcome{Status: orders.Refused, Code: "no", Reason: "no"}
}

// A gift card with nothing on it has authorised nothing: only an amount without a currency
// stands for all that was asked.
//
// Invariant: orders O6.
func TestZeroOfACurrencyIsNotTheWhole(t *testing.T) {
	t.Parallel()
	nothing := orders.Outcome{Status: orders.Done, Amount: euro(0)}
	s := newStrangeShop(t, orders.CaptureNow)
	s.answers("authorise", nothing)
	if c := s.place(2, byCard(10_000)); c.State != orders.StateLocked {
		t.Errorf("with nothing authorised the checkout is %s", c.State)
	}
	s = newStrangeShop(t, orders.CaptureNow)
	s.answers("capture", nothing)
	if o := s.order(s.place(2, byCard(10_000))); o.State != orders.OrderOnHold || o.Tenders[0].Captured.Sign() != 0 {
		t.Errorf("with nothing captured the order is %s, captured %s", o.State, o.Tenders[0].Captured)
	}
}

// A refund that was refused waits for a person; nobody else writes it off.
//
// Invariant: orders O5.
func TestOnlyAWordWritesARefundOff(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	s.answers("refund", refusal())
	c := s.place(2, byCard(10_000))
	o := s.cancel(c)
	if len(o.Steps) != 1 || !o.Steps[0].Stuck {
		t.Fatalf("%s, steps %v: want a stuck refund", o.State, o.Steps)
	}
	key := o.Steps[0].Key
	s.hears(orders.PaymentEvent{ID: "e1", Key: key, Kind: orders.PaymentRefund, Status: orders.PaymentFailed, Amount: euro(10_000)})
	if o = s.order(c); o.State != orders.OrderCancelling || len(o.Steps) != 1 {
		t.Fatalf("after a webhook of the same refusal: %s, %v", o.State, o.Steps)
	}
	for _, wrong := range []money.Amount{euro(-1), euro(10_001), money.New(1, money.MustISO("USD"))} {
		before := s.order(c).Version
		err := s.Resolve(t.Context(), key, orders.Outcome{Status: orders.Done, Amount: wrong}, "ann", "by hand")
		if !errors.Is(err, orders.ErrInvalid) || s.order(c).Version != before {
			t.Errorf("resolved with %s: %v", wrong, err)
		}
	}
	s.must(s.Resolve(t.Context(), key, orders.Outcome{Status: orders.Refused}, "ann", "the account is closed"))
	if o = s.order(c); o.State != orders.OrderCancelled {
		t.Errorf("after the word: %s", o.State)
	}
}

// A refund of a part is booked once, whoever says it how often, and its rest by a word.
func TestAPartialRefundIsBookedOnce(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	s.answers("refund", orders.Outcome{Status: orders.Done, Amount: euro(6_000)})
	c := s.place(2, byCard(10_000))
	o := s.cancel(c)
	if len(o.Steps) != 1 || o.Steps[0].Amount != euro(4_000) {
		t.Fatalf("steps %v: want 40.00 to go", o.Steps)
	}
	key := o.Steps[0].Key
	s.hears(orders.PaymentEvent{ID: "e1", Key: key, Ref: "ref/" + key, Kind: orders.PaymentRefund, Status: orders.PaymentSucceeded, Amount: euro(6_000)})
	if o = s.order(c); o.Tenders[0].Refunded != euro(6_000) || o.Differs {
		t.Errorf("refunded %s, differs %t", o.Tenders[0].Refunded, o.Differs)
	}
	s.must(s.Resolve(t.Context(), key, orders.Outcome{Status: orders.Done}, "ann", "paid in cash"))
	if o = s.order(c); o.Tenders[0].Refunded != euro(10_000) || o.State != orders.OrderCancelled || o.Differs {
		t.Errorf("%s, refunded %s, differs %t", o.State, o.Tenders[0].Refunded, o.Differs)
	}
}

// The gateway says no in a webhook, and yes in its answer: what ended the capture stays, and
// the difference shows.
func TestASuccessAfterARefusalShows(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	s.gateway.answer = func(call string, r orders.PaymentRequest) (orders.Outcome, error, bool) {
		if call == "capture" {
			s.hears(orders.PaymentEvent{ID: "e1", Key: r.Key, Kind: orders.PaymentCharge, Status: orders.PaymentFailed, Amount: r.Amount})
		}
		return orders.Outcome{}, nil, false
	}
	o := s.order(s.place(2, byCard(10_000)))
	if o.State != orders.OrderOnHold || !o.Differs {
		t.Errorf("%s, differs %t", o.State, o.Differs)
	}
	_, err := s.Capture(t.Context(), o.ID, "again")
	if _, captured := s.host.Gateway.Books(money.MustISO("EUR")); !errors.Is(err, orders.ErrInvalid) || captured != euro(10_000) {
		t.Errorf("captured again: %v; the gateway has %s", err, captured)
	}
	o, err = s.Release(t.Context(), o.ID, "release", orders.Release{By: "ann", Reason: "the gateway has the money"})
	if err != nil || o.State != orders.OrderReady {
		t.Errorf("released: %s, %v", o.State, err)
	}
}

// Two workers hear opposite answers: the first one stays, the second one shows.
func TestARefusalAfterASuccessShows(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	c := s.place(2, byCard(10_000))
	d, err := orders.DecideOrder(s.order(c), orders.Report{Key: string(c.ID) + "/capture/1", Outcome: refusal()}, s.host.Now().Add(2*time.Second))
	s.must(err)
	if d.Order == nil || !d.Order.Differs || d.Order.State != orders.OrderReady {
		t.Errorf("decided %+v", d.Order)
	}
}

// What was said of an earlier attempt is not said of the next one, though the gateway has one
// name for both.
func TestAnEarlierRefusalIsNotThatOfTheNextAttempt(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	attempt := 0
	s.gateway.answer = func(call string, r orders.PaymentRequest) (orders.Outcome, error, bool) {
		if call != "authorise" {
			return orders.Outcome{}, nil, false
		}
		if attempt++; attempt == 1 {
			s.hears(orders.PaymentEvent{ID: "e1", Key: r.Key, Ref: "pi_1", Kind: orders.PaymentAuthorisation, Status: orders.PaymentFailed, Amount: r.Amount})
		}
		return orders.Outcome{Status: orders.Waiting, Ref: "pi_1"}, nil, true
	}
	c := s.place(2, byCard(10_000))
	if c.State != orders.StateLocked {
		t.Fatalf("after the refusal: %s", c.State)
	}
	c, err := s.Pay(t.Context(), c.ID, orders.PayRequest{Key: "again", Tenders: []orders.Tender{byCard(10_000)}})
	if err != nil || c.State != orders.StateAwaitingBuyer {
		t.Errorf("the second attempt: %s, %v", c.State, err)
	}
}

// Lines of one SKU may be more together than one line may be.
func TestLinesOfOneSKUAddUp(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	s.must(s.store.Stock().SetOnHand(t.Context(), stock.Key{SKU: "A"}, 1_500_000))
	ref := s.host.Cart(t, s.Orders, money.MustISO("EUR"), 600_000)
	ref.Version, ref.Key = 0, ""
	cart, err := s.AddLine(t.Context(), ref, orders.CartLine{SKU: "A", Quantity: 600_000, Options: map[string]string{"engraved": "yes"}})
	s.must(err)
	ref.Version, ref.Key = cart.Version, "form"
	total := euro(5_000 * 1_200_000)
	c, err := s.Place(t.Context(), ref, orders.BeginRequest{Expected: total, Tenders: []orders.Tender{{Kind: "card"}}})
	if err != nil || c.State != orders.StatePlaced {
		t.Fatalf("%s, %v", c.State, err)
	}
	if o := s.cancel(c); o.State != orders.OrderCancelled {
		t.Errorf("cancelled: %s", o.State)
	}
}

// A webhook of nobody's comes several times at once: it is one event.
//
// Invariant: orders O11.
func TestAnUnmatchedWebhookIsOneEvent(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	e := orders.PaymentEvent{Source: "psp", ID: "e1", Ref: "nobody's", Kind: orders.PaymentCharge, Status: orders.PaymentSucceeded, Amount: euro(1), At: s.host.Now()}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := s.Observe(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	for _, err := range s.Events(t.Context(), 0, orders.EventQuery{Aggregate: "unmatched/psp"}) {
		s.must(err)
		n++
	}
	if n != 1 {
		t.Errorf("%d events", n)
	}
}

// An authorisation that has lapsed is renewed for later shipments too, and what was taken
// under the old one is refunded from the old one.
//
// Invariant: orders O4.
func TestARenewedAuthorisationCoversWhatIsToCome(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureDeferred)
	c := s.place(3, byCard(15_000))
	id := orders.OrderID(c.ID)
	ship := func(key string) {
		_, err := s.Ship(t.Context(), id, orders.Shipment{Key: key, Lines: []orders.LineQty{{Line: "l1", Quantity: 1}}})
		s.must(err)
	}
	ship("one")
	s.host.Gateway.Lapse()
	ship("two")
	if o := s.order(c); o.State != orders.OrderOnHold {
		t.Fatalf("lapsed: %s", o.State)
	}
	_, err := s.Capture(t.Context(), id, "again")
	s.must(err)
	ship("three")
	o := s.order(c)
	if o.State != orders.OrderCompleted || o.Tenders[0].Captured != euro(15_000) {
		t.Errorf("%s, captured %s", o.State, o.Tenders[0].Captured)
	}

	s = newStrangeShop(t, orders.CaptureNow)
	part := true
	s.gateway.answer = func(call string, r orders.PaymentRequest) (orders.Outcome, error, bool) {
		if call != "capture" || !part {
			return orders.Outcome{}, nil, false
		}
		part = false
		r.Amount = euro(4_000)
		out, err := s.host.Gateway.Capture(t.Context(), r)
		return out, err, true
	}
	c = s.place(2, byCard(10_000))
	s.host.Gateway.Lapse()
	for _, key := range []string{"finds out", "renews"} {
		_, err := s.Capture(t.Context(), orders.OrderID(c.ID), key)
		s.must(err)
	}
	o = s.cancel(c)
	if _, left := s.host.Gateway.Books(money.MustISO("EUR")); o.State != orders.OrderCancelled || left.Sign() != 0 {
		t.Errorf("%s, the gateway keeps %s", o.State, left)
	}
}

// Money that comes late for a tender that was given up goes back to that tender, whatever
// was tried since.
func TestLateMoneyGoesBackToWhereItCameFrom(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	first := true
	s.gateway.answer = func(call string, _ orders.PaymentRequest) (orders.Outcome, error, bool) {
		refuse := call == "authorise" && first
		first = false
		return refusal(), nil, refuse
	}
	c := s.place(2, orders.Tender{ID: "pay", Kind: "gift", Token: "GIFT", Amount: euro(10_000)})
	key := c.Steps[0].Key
	c, err := s.Pay(t.Context(), c.ID, orders.PayRequest{Key: "again", Tenders: []orders.Tender{{ID: "pay", Kind: "card", Token: "CARD", Amount: euro(10_000)}}})
	s.must(err)
	s.hears(orders.PaymentEvent{ID: "late", Key: key, Ref: "gift-1", Kind: orders.PaymentAuthorisation, Status: orders.PaymentSucceeded, Amount: euro(10_000)})
	s.host.Settle(t, s.Orders)
	voids := 0
	for _, r := range s.gateway.asked {
		if r.OfKey == key {
			voids++
			if r.Tender.Token != "GIFT" {
				t.Errorf("the void of the gift card names %+v", r.Tender)
			}
		}
	}
	if voids != 1 || c.State != orders.StatePlaced {
		t.Errorf("%d voids of the gift card, the checkout is %s", voids, c.State)
	}
}

// Tenders' ids become parts of keys.
func TestTendersHavePlainIDs(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	for _, id := range []string{"a/b", "Ä", " ", strings.Repeat("x", 65)} {
		ref := s.host.Cart(t, s.Orders, money.MustISO("EUR"), 1)
		_, err := s.Place(t.Context(), ref, orders.BeginRequest{Expected: euro(5_000), Tenders: []orders.Tender{{ID: id, Amount: euro(5_000)}}})
		if !errors.Is(err, orders.ErrInvalid) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// blind hides a gateway's lookup.
type blind struct{ *strangeGateway }

func (blind) Lookup(context.Context, string) (orders.Outcome, error) {
	return orders.Outcome{}, orders.ErrNoLookup
}

// The success comes before the answer that says under which name, and there is no lookup.
func TestAnEarlyWebhookIsApplied(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	var err error
	s.Orders, err = orders.New(s.store, s.host, blind{s.gateway}, s.host, s.host.Config())
	s.must(err)
	s.gateway.answer = func(call string, _ orders.PaymentRequest) (orders.Outcome, error, bool) {
		if call != "authorise" {
			return orders.Outcome{}, nil, false
		}
		s.hears(orders.PaymentEvent{ID: "e1", Ref: "pi_1", Kind: orders.PaymentAuthorisation, Status: orders.PaymentSucceeded, Amount: euro(10_000)})
		return orders.Outcome{Status: orders.Waiting, Ref: "pi_1"}, nil, true
	}
	if c := s.place(2, byCard(10_000)); c.State != orders.StatePlaced {
		t.Errorf("the checkout is %s", c.State)
	}
}

// A webhook with a key of somebody else's is known by the reference.
func TestAForeignKeyIsNoKey(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	s.answers("authorise", orders.Outcome{Status: orders.Waiting})
	c := s.place(2, byCard(10_000))
	s.hears(orders.PaymentEvent{ID: "e1", Key: "req_777", Ref: "ref/" + c.Steps[0].Key, Kind: orders.PaymentAuthorisation, Status: orders.PaymentSucceeded, Amount: euro(10_000)})
	if c, err := s.Checkout(t.Context(), c.ID); err != nil || c.State != orders.StatePlaced {
		t.Errorf("the checkout is %s, %v", c.State, err)
	}
}

// Captures may share a reference: what is decided does not depend on the order of a map.
func TestDecisionsAreFunctions(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureDeferred)
	s.gateway.answer = func(call string, r orders.PaymentRequest) (orders.Outcome, error, bool) {
		return orders.Outcome{Status: orders.Done, Ref: "pi_1", Amount: r.Amount}, nil, call == "authorise" || call == "capture"
	}
	c := s.place(3, byCard(15_000))
	for key, n := range map[string]int64{"one": 1, "two": 2} {
		_, err := s.Ship(t.Context(), orders.OrderID(c.ID), orders.Shipment{Key: key, Lines: []orders.LineQty{{Line: "l1", Quantity: n}}})
		s.must(err)
	}
	e := orders.PaymentEvent{Source: "psp", ID: "e", Ref: "pi_1", Kind: orders.PaymentCharge, Status: orders.PaymentSucceeded, Amount: euro(5_000), At: s.host.Now().Add(time.Second)}
	differs := map[bool]int{}
	for range 100 {
		d, err := orders.DecideOrder(s.order(c), orders.Observe{Event: e}, s.host.Now())
		s.must(err)
		differs[d.Order.Differs]++
	}
	if len(differs) > 1 {
		t.Errorf("differs: %v", differs)
	}
}

// What has shipped is not handed over.
func TestShippedUnitsAreNotHandedOver(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureDeferred)
	w := &refusingWarehouse{Host: s.host}
	cfg := s.host.Config()
	cfg.Capture = orders.CaptureDeferred
	var err error
	s.Orders, err = orders.New(s.store, s.host, s.gateway, w, cfg)
	s.must(err)
	c := s.place(2, byCard(10_000))
	_, err = s.Ship(t.Context(), orders.OrderID(c.ID), orders.Shipment{Key: "one", Lines: []orders.LineQty{{Line: "l1", Quantity: 1}}})
	s.must(err)
	s.host.Settle(t, s.Orders)
	_, err = s.Release(t.Context(), orders.OrderID(c.ID), "release", orders.Release{By: "ann", Reason: "found the shelf"})
	s.must(err)
	if last := w.asked[len(w.asked)-1]; len(w.asked) != 3 || last.Lines[0].Quantity != 1 {
		t.Errorf("%d hand-overs, the last of %v", len(w.asked), last.Lines)
	}
}

// A refusingWarehouse loses the first answer, refuses the second time, and then does it.
type refusingWarehouse struct {
	*orderstest.Host

	asked []orders.HandOver
}

func (w *refusingWarehouse) HandOver(_ context.Context, h orders.HandOver) (orders.Outcome, error) {
	switch w.asked = append(w.asked, h); len(w.asked) {
	case 1:
		return orders.Outcome{}, errors.New("lost")
	case 2:
		return refusal(), nil
	default:
		return orders.Outcome{Status: orders.Done}, nil
	}
}

func TestWebhooksAreUTF8(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	c := s.place(1, byCard(5_000))
	_, err := s.Observe(t.Context(), orders.PaymentEvent{Source: "psp", ID: "\xff", Key: string(c.ID) + "/capture/1", Kind: orders.PaymentCharge, Status: orders.PaymentSucceeded, Amount: euro(5_000), At: s.host.Now()})
	if !errors.Is(err, orders.ErrInvalid) {
		t.Errorf("an id that is no text: %v", err)
	}
}

// A quote is what Begin then expects; it locks nothing, and an order is the cart owner's
// where nobody says whose.
func TestAQuoteIsWhatBeginExpects(t *testing.T) {
	t.Parallel()
	s := newStrangeShop(t, orders.CaptureNow)
	s.host.Off = euro(500)
	cfg := s.host.Config()
	cfg.Discounts, cfg.Redeem = s.host, s.host
	var err error
	s.Orders, err = orders.New(s.store, s.host, s.gateway, s.host, cfg)
	s.must(err)
	ref := s.host.Cart(t, s.Orders, money.MustISO("EUR"), 2)
	q, err := s.Quote(t.Context(), ref, orders.BeginRequest{})
	s.must(err)
	if q.Total != euro(9_500) || q.Cart.State != orders.CartOpen || q.Cart.Version != ref.Version {
		t.Errorf("quoted %s for a cart %s at %d", q.Total, q.Cart.State, q.Cart.Version)
	}
	c, err := s.Place(t.Context(), ref, orders.BeginRequest{Expected: q.Total, Tenders: []orders.Tender{{Kind: "card"}}})
	if err != nil || c.State != orders.StatePlaced || c.Buyer != q.Cart.Owner {
		t.Errorf("%s for %+v, %v; the owner is %+v", c.State, c.Buyer, err, q.Cart.Owner)
	}
	if _, err := s.Quote(t.Context(), orders.CartRef{ID: "none"}, orders.BeginRequest{}); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("a quote of no cart: %v", err)
	}
}
