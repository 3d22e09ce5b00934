package orders_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

func TestCommitsPerCheckout(t *testing.T) {
	t.Parallel()
	two := []orders.Tender{gift(3000), card(0)}
	for _, c := range []struct {
		name    string
		capture orders.CaptureMode
		tenders []orders.Tender
		redeem  bool
		want    int
	}{
		{"one tender", orders.CaptureNow, two[1:], false, 4},
		{"one tender, deferred", orders.CaptureDeferred, two[1:], false, 3},
		{"two tenders", orders.CaptureNow, two, false, 6},
		{"two tenders, deferred", orders.CaptureDeferred, two, false, 4},
		{"with a redeemer", orders.CaptureNow, two[1:], true, 6},
	} {
		s := newSim(t)
		b := begin(c.capture, c.tenders...)
		b.Policy.Redeem = c.redeem
		s.must(b)
		s.drain()
		if s.commits != c.want || s.checkout.State != orders.StatePlaced {
			t.Errorf("%s: %d commits to %s, want %d\n%s", c.name, s.commits, s.checkout.State, c.want, strings.Join(s.log, "\n"))
		}
	}
}

func TestBeginRefusesWhatTheBuyerWasNotShown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*orders.Begin)
		want   error
	}{
		"another version":         {func(b *orders.Begin) { b.CartVersion = 3 }, orders.ErrCartChanged},
		"locked":                  {func(b *orders.Begin) { b.Cart.State = orders.CartLocked }, orders.ErrLocked},
		"another total":           {func(b *orders.Begin) { b.Expected = eur(17539) }, orders.ErrTotalChanged},
		"empty":                   {func(b *orders.Begin) { b.Cart.Lines = nil }, orders.ErrInvalid},
		"ordered":                 {func(b *orders.Begin) { b.Cart.State = orders.CartOrdered }, orders.ErrInvalid},
		"id with a slash":         {func(b *orders.Begin) { b.ID = "a/b" }, orders.ErrInvalid},
		"line without a price":    {func(b *orders.Begin) { b.Priced.Lines = b.Priced.Lines[:1] }, orders.ErrInvalid},
		"price without a line":    {func(b *orders.Begin) { b.Cart.Lines = b.Cart.Lines[:1] }, orders.ErrInvalid},
		"discount of nothing":     {func(b *orders.Begin) { b.Discounts.Adjustments[0].Target = "l9" }, orders.ErrInvalid},
		"discount over the price": {func(b *orders.Begin) { b.Discounts.Adjustments[0].Net = eur(-99999) }, orders.ErrInvalid},
		"surcharge":               {func(b *orders.Begin) { b.Discounts.Adjustments[0].Net = eur(1) }, orders.ErrInvalid},
		"no policy":               {func(b *orders.Begin) { b.Policy = orders.Policy{} }, orders.ErrInvalid},
	} {
		b := begin(orders.CaptureNow)
		c.change(&b)
		d, err := orders.DecideCheckout(orders.Checkout{}, b, start())
		if !errors.Is(err, c.want) || d.Checkout != nil || len(d.Stock) > 0 {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	b := begin(orders.CaptureNow)
	b.Expected = eur(1)
	var changed *orders.TotalChangedError
	if _, err := orders.DecideCheckout(orders.Checkout{}, b, start()); !errors.As(err, &changed) || changed.Is != eur(17540) || len(changed.Lines) != 2 {
		t.Errorf("got %v", err)
	}
}

func TestTendersAddUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tenders []orders.Tender
		want    error
	}{
		"exact":          {[]orders.Tender{gift(3000), card(14540)}, nil},
		"rest":           {[]orders.Tender{gift(3000), card(0)}, nil},
		"rest of zero":   {[]orders.Tender{gift(17540), card(0)}, nil},
		"too little":     {[]orders.Tender{gift(3000), card(14539)}, orders.ErrTenderSum},
		"too much":       {[]orders.Tender{gift(3000), card(14541)}, orders.ErrTenderSum},
		"two for rest":   {[]orders.Tender{gift(0), card(0)}, orders.ErrTenderSum},
		"negative":       {[]orders.Tender{gift(-1), card(0)}, orders.ErrTenderSum},
		"none":           {nil, orders.ErrTenderSum},
		"same id":        {[]orders.Tender{card(3000), card(0)}, orders.ErrInvalid},
		"other currency": {[]orders.Tender{{Amount: yen(100)}}, orders.ErrCurrency},
	} {
		c0 := *decide(t, orders.Checkout{}, begin(orders.CaptureNow), start()).Checkout
		if _, err := orders.DecideCheckout(c0, orders.Pay{Tenders: c.tenders}, start()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestNothingToPayIsPlacedAtBegin(t *testing.T) {
	t.Parallel()
	b := begin(orders.CaptureNow)
	b.Priced.Lines[0], b.Priced.Lines[1] = orders.PricedLine{ID: "l1", Net: eur(0)}, orders.PricedLine{ID: "l2", Net: eur(0)}
	b.Priced.Shipping, b.Discounts, b.Expected = nil, orders.Discounts{}, eur(0)
	s := newSim(t)
	d := s.must(b)
	if s.checkout.State != orders.StatePlaced || s.order.State != orders.OrderReady || d.Postings.Key != "" {
		t.Errorf("%s, order %s, posts %v", s.checkout.State, s.order.State, d.Postings)
	}
	if want := []string{"ck1/hand_over/1"}; !slices.Equal(s.due(true), want) {
		t.Errorf("effects %v, want %v", s.due(true), want)
	}
}

func TestUnknownIsLookedUpThenCalledAgainUnderTheSameKey(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.must(begin(orders.CaptureNow, card(0)))
	key := "ck1/authorise/1"
	s.report(key, orders.Outcome{}, false)
	if e := s.effects[key]; !e.Doubt || !e.Due.Equal(s.now) || s.checkout.State != orders.StateAuthorising {
		t.Fatalf("after an unknown answer: %+v in %s", e, s.checkout.State)
	}
	s.report(key, orders.Outcome{Status: orders.NotFound}, true)
	if e := s.effects[key]; e.Doubt || !e.Due.Equal(s.now) {
		t.Fatalf("not found: %+v", e)
	}
	var waits []time.Duration
	for range 40 {
		s.report(key, orders.Outcome{}, s.effects[key].Doubt)
		e := s.effects[key]
		waits = append(waits, e.Due.Sub(s.now))
		if !s.checkout.Until.After(e.Due) {
			t.Fatalf("the hold ends %s, the next attempt is %s", s.checkout.Until, e.Due)
		}
		s.now = e.Due
	}
	if waits[0] > 2*time.Second || waits[0] < time.Second/2 || waits[len(waits)-1] != 45*time.Minute {
		t.Errorf("waits %v, want from about a second to three quarters of an hour", waits)
	}
	alerts := 0
	for _, e := range s.events["checkout/ck1"] {
		if e.Kind == "alert" {
			alerts++
		}
	}
	if alerts != 1 {
		t.Errorf("%d alerts, want 1", alerts)
	}
	s.report(key, orders.Outcome{Status: orders.Done}, true)
	if s.checkout.State != orders.StatePlaced {
		t.Errorf("%s", s.checkout.State)
	}
}

func TestOutcomesThatCannotBeAreUnknown(t *testing.T) {
	t.Parallel()
	for name, rep := range map[string]orders.Report{
		"lookup not sent":         {Outcome: orders.Outcome{Status: orders.NotSent}, Lookup: true},
		"not found, not a lookup": {Outcome: orders.Outcome{Status: orders.NotFound}},
		"no such status":          {Outcome: orders.Outcome{Status: 77}},
		"other currency":          {Outcome: orders.Outcome{Status: orders.Done, Amount: yen(5)}},
		"negative":                {Outcome: orders.Outcome{Status: orders.Done, Amount: eur(-5)}},
	} {
		s := newSim(t)
		s.must(begin(orders.CaptureNow, card(0)))
		rep.Key = "ck1/authorise/1"
		s.must(rep)
		if step := s.checkout.Steps[0]; step.Status != orders.Unknown || !step.Open || !step.Doubt {
			t.Errorf("%s: %+v", name, step)
		}
	}
}

func TestCancelInFlightVoidsEveryKeyThatWasSent(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.must(begin(orders.CaptureNow, gift(3000), card(0)))
	s.perform("ck1/authorise/1")
	s.must(orders.Cancel{})
	if s.checkout.State != orders.StateAuthorising || !s.checkout.CancelAsked {
		t.Fatalf("%s, asked %v", s.checkout.State, s.checkout.CancelAsked)
	}
	s.report("ck1/authorise/2", orders.Outcome{Status: orders.NotFound}, true)
	if want := []string{"ck1/void/1", "ck1/void/2"}; s.checkout.State != orders.StateCancelling || !slices.Equal(s.due(true), want) {
		t.Fatalf("%s with %v, want %v", s.checkout.State, s.due(true), want)
	}
	s.perform("ck1/void/1")
	s.perform("ck1/void/2")
	if s.checkout.State != orders.StateCancelled || s.cart.State != orders.CartOpen {
		t.Fatalf("%s, cart %s", s.checkout.State, s.cart.State)
	}
	// The request arrives after all.
	s.gateway["ck1/authorise/2"] = &movement{kind: orders.EffectAuthorise, amount: 14540}
	s.drain()
	if live, _ := s.live(); live != 0 {
		t.Errorf("%d authorised at the end\n%s", live, strings.Join(s.log, "\n"))
	}
}

func TestCancelOfWhatWasNeverSentVoidsNothing(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.must(begin(orders.CaptureNow, card(0)))
	s.report("ck1/authorise/1", orders.Outcome{Status: orders.NotSent}, false)
	s.must(orders.Cancel{})
	s.report("ck1/authorise/1", orders.Outcome{Status: orders.NotSent}, false)
	if s.checkout.State != orders.StateCancelled || len(s.effects) > 0 {
		t.Errorf("%s with %v", s.checkout.State, s.due(true))
	}
}

func TestLessThanAskedIsTakenByALaterTenderWithoutAmount(t *testing.T) {
	t.Parallel()
	less := orders.Outcome{Status: orders.Done, Amount: eur(1200)}
	s := newSim(t)
	s.must(begin(orders.CaptureNow, gift(3000), card(0)))
	s.report("ck1/authorise/1", less, false)
	if got := s.checkout.Steps[1].Amount; got != eur(16340) {
		t.Errorf("card is asked for %s, want 163.40", got)
	}
	s = newSim(t)
	s.must(begin(orders.CaptureNow, gift(3000), card(14540)))
	s.report("ck1/authorise/1", less, false)
	if s.checkout.State != orders.StateLocked || len(s.checkout.Tenders) != 1 {
		t.Fatalf("%s with %v", s.checkout.State, s.checkout.Tenders)
	}
	s.must(orders.Pay{Tenders: []orders.Tender{card(16340)}})
	s.drain()
	if s.checkout.State != orders.StatePlaced {
		t.Errorf("%s", s.checkout.State)
	}
}

func TestRefusalsLeaveOtherTendersUntilTheLastTry(t *testing.T) {
	t.Parallel()
	no := orders.Outcome{Status: orders.Refused, Code: "05", Reason: "do not honour"}
	s := newSim(t)
	s.must(begin(orders.CaptureNow, gift(3000), card(0)))
	s.perform("ck1/authorise/1")
	for n := range 3 {
		s.report(s.checkout.Steps[len(s.checkout.Steps)-1].Key, no, false)
		if n == 2 {
			break
		}
		if live, _ := s.live(); s.checkout.State != orders.StateLocked || live != 3000 || s.checkout.Refusal.Code != "05" {
			t.Fatalf("refusal %d: %s, %d authorised, %+v", n+1, s.checkout.State, live, s.checkout.Refusal)
		}
		s.must(orders.Pay{Tenders: []orders.Tender{card(0)}})
	}
	if s.checkout.State != orders.StateCancelling {
		t.Errorf("%s after three refusals", s.checkout.State)
	}
	s.drain()
	if live, _ := s.live(); live != 0 || s.checkout.State != orders.StateCancelled {
		t.Errorf("%s with %d authorised", s.checkout.State, live)
	}
}

func TestBuyerIsAwaitedAndGivenUp(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.must(begin(orders.CaptureNow, card(0)))
	s.now = s.now.Add(10 * time.Minute)
	s.report("ck1/authorise/1", orders.Outcome{Status: orders.Waiting, Action: &orders.BuyerAction{Kind: "3ds", URL: "u"}}, false)
	c := s.checkout
	if c.State != orders.StateAwaitingBuyer || c.Action == nil || !c.GiveUp.Equal(s.now.Add(15*time.Minute)) || !c.Until.Equal(s.now.Add(30*time.Minute)) {
		t.Fatalf("%s until %s, given up %s, %+v", c.State, c.Until, c.GiveUp, c.Action)
	}
	s.must(orders.Confirm{})
	if e := s.effects["ck1/authorise/1"]; !e.Doubt || !e.Due.Equal(s.now) {
		t.Errorf("confirm: %+v, want a lookup now", e)
	}
	if d := s.must(orders.Expire{}); d.Checkout != nil || len(d.Effects) != 1 || !d.Effects[0].Due.Equal(c.GiveUp) {
		t.Errorf("an early timer: %+v", d)
	}
	s.now = c.GiveUp
	s.must(orders.Expire{})
	s.drain()
	if s.checkout.State != orders.StateCancelled || s.checkout.Cause != "expired" {
		t.Errorf("%s, %s", s.checkout.State, s.checkout.Cause)
	}
}

func TestSweptHoldIsTakenAgainOrTheBuyerIsTold(t *testing.T) {
	t.Parallel()
	for _, left := range []int64{20, 2} {
		s := newSim(t)
		s.must(begin(orders.CaptureNow, card(0)))
		s.now = s.checkout.Until
		if n, err := s.stock.Expire(t.Context(), s.now, 10); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if err := s.stock.SetOnHand(t.Context(), stock.Key{SKU: "A"}, left); err != nil {
			t.Fatal(err)
		}
		s.perform("ck1/authorise/1")
		want := orders.StatePlaced
		if left < 3 {
			want = orders.StateCancelling
		}
		if s.checkout.State != want {
			t.Errorf("%d left: %s, want %s", left, s.checkout.State, want)
		}
		s.drain()
		if live, _ := s.live(); live != 0 || left < 3 && s.checkout.Refusal.Code != "sold_out" {
			t.Errorf("%d left: %d authorised at the end, %+v", left, live, s.checkout.Refusal)
		}
	}
}

func TestLateMoneyIsGivenBack(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.must(begin(orders.CaptureNow, card(0)))
	s.report("ck1/authorise/1", orders.Outcome{Status: orders.Refused}, false)
	s.must(orders.Cancel{})
	s.gateway["ck1/authorise/1"] = &movement{kind: orders.EffectAuthorise, amount: 17540}
	e := orders.PaymentEvent{
		Source: "psp", ID: "1", Key: "ck1/authorise/1", Status: orders.PaymentSucceeded, Amount: eur(17540), At: s.now.Add(time.Second),
	}
	if d := s.must(orders.Observe{Event: e}); !d.Observed.Late || s.checkout.State != orders.StateCancelled {
		t.Errorf("%+v in %s", d.Observed, s.checkout.State)
	}
	s.drain()
	if live, _ := s.live(); live != 0 {
		t.Errorf("%d authorised at the end", live)
	}
}

func TestDiscountThatIsGoneEndsTheCheckout(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	b := begin(orders.CaptureNow, card(0))
	b.Policy.Redeem, b.Codes = true, []string{"SPRING"}
	s.must(b)
	d := s.report("ck1/hold/1", orders.Outcome{Status: orders.Refused, Reason: "used up"}, false)
	var refused *orders.DiscountError
	if !errors.As(d.Answer, &refused) || !slices.Equal(refused.Codes, b.Codes) || s.checkout.State != orders.StateCancelled {
		t.Errorf("%v in %s", d.Answer, s.checkout.State)
	}
	if len(s.effects) > 0 {
		t.Errorf("effects %v", s.due(true))
	}
}

func TestRefusedVoidBecomesARefundThenAPersons(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.must(begin(orders.CaptureNow, gift(3000), card(0)))
	s.perform("ck1/authorise/1")
	s.report("ck1/authorise/2", orders.Outcome{Status: orders.Refused}, false)
	s.must(orders.Cancel{})
	s.report("ck1/void/1", orders.Outcome{Status: orders.Refused}, false)
	s.report("ck1/refund/1", orders.Outcome{Status: orders.Refused}, false)
	if s.checkout.State != orders.StateCancelling || len(s.effects) > 0 {
		t.Fatalf("%s with %v", s.checkout.State, s.due(true))
	}
	resolve := orders.Resolve{Report: orders.Report{Key: "ck1/refund/1", Outcome: orders.Outcome{Status: orders.Done}}}
	if _, err := s.do(resolve); !errors.Is(err, orders.ErrInvalid) {
		t.Errorf("nobody says so: %v", err)
	}
	resolve.By, resolve.Reason = "op", "paid by hand"
	s.must(resolve)
	if s.checkout.State != orders.StateCancelled {
		t.Errorf("%s", s.checkout.State)
	}
	if _, err := s.do(resolve); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}

func TestPayAfterTheLockIsExpired(t *testing.T) {
	t.Parallel()
	c := *decide(t, orders.Checkout{}, begin(orders.CaptureNow), start()).Checkout
	if _, err := orders.DecideCheckout(c, orders.Pay{Tenders: []orders.Tender{card(0)}}, c.Until); !errors.Is(err, orders.ErrExpired) {
		t.Errorf("got %v", err)
	}
	d := decide(t, c, orders.Expire{}, c.Until)
	if d.Checkout.State != orders.StateCancelled || d.Cart.State != orders.CartOpen {
		t.Errorf("%s, cart %s", d.Checkout.State, d.Cart.State)
	}
	want := []stock.Move{{Kind: stock.MoveRelease, Hold: "ck1"}}
	if diff := cmp.Diff(want, d.Stock); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
