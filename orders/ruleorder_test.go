package orders_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/orders"
)

func units(line string, n int64) []orders.LineQty { return []orders.LineQty{{Line: line, Quantity: n}} }

func TestCancelledUnitByUnitSumsToTheOrder(t *testing.T) {
	t.Parallel()
	s := placed(t, orders.CaptureNow)
	for i := range 10 {
		line := "l1"
		if i >= 3 {
			line = "l2"
		}
		s.mustOrder(orders.CancelOrder{Lines: units(line, 1)})
		s.drain()
	}
	if s.order.State != orders.OrderCancelled || s.order.Cancelled != s.order.Total {
		t.Errorf("%s, cancelled %s of %s", s.order.State, s.order.Cancelled, s.order.Total)
	}
	for account, balance := range s.book.Trial() {
		if !balance.IsZero() {
			t.Errorf("%s: %s at the end", account, balance)
		}
	}
	if _, onHand := s.reserved(); onHand != 40 {
		t.Errorf("%d on hand", onHand)
	}
}

func TestRefundsGoToTheLastTenderFirst(t *testing.T) {
	t.Parallel()
	s := placed(t, orders.CaptureNow)
	s.mustOrder(orders.CancelOrder{Lines: units("l1", 1)})
	s.perform("ck1/cancel/1/stop")
	if want := []string{"ck1/cancel/1/refund/card"}; !slices.Equal(s.due(true), want) {
		t.Fatalf("effects %v, want %v", s.due(true), want)
	}
	if got := s.order.Tenders[1].Refunding; got != eur(3445) {
		t.Errorf("refunds %s, want a third of the line, 34.45", got)
	}
	s.mustOrder(orders.CancelOrder{})
	s.drain()
	if live, captured := s.live(); live != 0 || captured != 0 || s.order.State != orders.OrderCancelled {
		t.Errorf("%s, %d authorised, %d captured", s.order.State, live, captured)
	}
}

func TestShipmentsTakeTheirShareFromTheTendersInOrder(t *testing.T) {
	t.Parallel()
	s := placed(t, orders.CaptureDeferred)
	s.mustOrder(orders.Ship{Lines: units("l1", 1)}) // 34.45 and 5.95 of shipping
	captures := func() []int64 {
		var out []int64
		for _, key := range s.due(true) {
			var r orders.PaymentRequest
			if err := json.Unmarshal(s.effects[key].Payload, &r); err != nil || !strings.Contains(key, "/capture/") {
				t.Fatalf("%s: %v", key, err)
			}
			out = append(out, minor(r.Amount))
		}
		return out
	}
	if got := captures(); !slices.Equal(got, []int64{3000, 1040}) {
		t.Errorf("captures %v, want 30.00 of the gift card and 10.40 of the card", got)
	}
	s.drain()
	s.mustOrder(orders.CancelOrder{Lines: units("l2", 6)})
	s.drain()
	s.mustOrder(orders.Ship{Lines: []orders.LineQty{{Line: "l1", Quantity: 2}, {Line: "l2", Quantity: 1}}})
	s.drain()
	live, captured := s.live()
	if s.order.State != orders.OrderCompleted || live != 0 || captured != minor(s.order.Total)-minor(s.order.Cancelled) {
		t.Errorf("%s, %d authorised, %d captured of %s less %s", s.order.State, live, captured, s.order.Total, s.order.Cancelled)
	}
}

func TestLapsedAuthorisationIsRenewedByCapture(t *testing.T) {
	t.Parallel()
	s := placed(t, orders.CaptureDeferred)
	s.mustOrder(orders.Ship{Lines: units("l2", 7)})
	s.perform("ck1/capture/1")
	s.report("ck1/capture/2", orders.Outcome{Status: orders.Refused, Code: orders.CodeLapsed}, false)
	if s.order.State != orders.OrderOnHold || s.order.Reason == "" {
		t.Fatalf("%s, %q", s.order.State, s.order.Reason)
	}
	s.mustOrder(orders.Capture{})
	if want := []string{"ck1/reauthorise/1"}; !slices.Equal(s.due(true), want) {
		t.Fatalf("effects %v, want %v", s.due(true), want)
	}
	s.perform("ck1/reauthorise/1")
	if want := []string{"ck1/capture/3"}; !slices.Equal(s.due(true), want) {
		t.Fatalf("effects %v, want %v", s.due(true), want)
	}
	s.drain()
	if s.order.State != orders.OrderFulfilling {
		t.Errorf("%s", s.order.State)
	}
}

func TestCapturedLessIsHeldUntilReleased(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.must(begin(orders.CaptureNow, card(0)))
	s.perform("ck1/authorise/1")
	s.report("ck1/capture/1", orders.Outcome{Status: orders.Done, Amount: eur(10000)}, false)
	if s.order.State != orders.OrderOnHold || len(s.effects) > 0 {
		t.Fatalf("%s with %v", s.order.State, s.due(true))
	}
	if _, err := s.doOrder(orders.Release{By: "op"}); !errors.Is(err, orders.ErrInvalid) {
		t.Errorf("without a reason: %v", err)
	}
	s.mustOrder(orders.Release{By: "op", Reason: "known customer"})
	if want := []string{"ck1/hand_over/1"}; s.order.State != orders.OrderReady || !slices.Equal(s.due(true), want) {
		t.Errorf("%s with %v, want %v", s.order.State, s.due(true), want)
	}
	if got := s.book.Balance("receivable/ck1", eur(0).Currency()); got != eur(7540) {
		t.Errorf("receivable %s, want 75.40", got)
	}
}

func TestWhatHasShippedIsNotCancelled(t *testing.T) {
	t.Parallel()
	s := placed(t, orders.CaptureNow)
	s.mustOrder(orders.CancelOrder{Lines: units("l1", 2)})
	if _, err := s.doOrder(orders.Ship{Lines: units("l1", 2)}); !errors.Is(err, orders.ErrInvalid) {
		t.Errorf("shipping what is being stopped: %v", err)
	}
	d := s.report("ck1/cancel/1/stop", orders.Outcome{Status: orders.Refused}, false)
	var shipped *orders.ShippedError
	if !errors.As(d.Answer, &shipped) || shipped.Lines[0].Quantity != 2 || s.order.State != orders.OrderReady {
		t.Errorf("%v in %s", d.Answer, s.order.State)
	}
	s.mustOrder(orders.Ship{Lines: units("l1", 3)})
	if _, err := s.doOrder(orders.CancelOrder{Lines: units("l1", 1)}); !errors.Is(err, orders.ErrInvalid) {
		t.Errorf("cancelling what has shipped: %v", err)
	}
}

func TestStopWaitsForTheHandOver(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	s.must(begin(orders.CaptureDeferred, card(0)))
	s.perform("ck1/authorise/1")
	s.mustOrder(orders.CancelOrder{})
	if want := []string{"ck1/hand_over/1"}; !slices.Equal(s.due(true), want) {
		t.Fatalf("effects %v, want %v", s.due(true), want)
	}
	s.perform("ck1/hand_over/1")
	if want := []string{"ck1/cancel/1/stop"}; !slices.Equal(s.due(true), want) {
		t.Fatalf("effects %v, want %v", s.due(true), want)
	}
	s.perform("ck1/cancel/1/stop")
	if want := []string{"ck1/cancel/1/void/card"}; s.order.State != orders.OrderCancelling || !slices.Equal(s.due(true), want) {
		t.Fatalf("%s, effects %v, want %v", s.order.State, s.due(true), want)
	}
	s.drain()
	if live, _ := s.live(); live != 0 || s.order.State != orders.OrderCancelled {
		t.Errorf("%s with %d authorised", s.order.State, live)
	}
}

func TestCancelledUnitsGiveTheirDiscountBack(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	b := begin(orders.CaptureNow, card(0))
	b.Policy.Redeem = true
	s.must(b)
	s.drain()
	s.mustOrder(orders.CancelOrder{Lines: units("l1", 2)})
	s.perform("ck1/cancel/1/stop")
	var r orders.ReverseRequest
	if err := json.Unmarshal(s.effects["ck1/cancel/1/reverse"].Payload, &r); err != nil {
		t.Fatal(err)
	}
	if r.Key != "ck1" || r.Part != "ck1/cancel/1" || len(r.Given) != 1 || r.Given[0].Net != eur(-210) || r.Given[0].Taxes[0].Amount != eur(-40) {
		t.Errorf("%+v, want two thirds of -3.15 and -0.60", r)
	}
}

func TestRefusedRefundIsAPersons(t *testing.T) {
	t.Parallel()
	s := placed(t, orders.CaptureNow)
	s.mustOrder(orders.CancelOrder{})
	s.perform("ck1/cancel/1/stop")
	s.report("ck1/cancel/1/refund/card", orders.Outcome{Status: orders.Refused}, false)
	s.drain()
	if s.order.State != orders.OrderCancelling || len(s.order.Steps) != 1 {
		t.Fatalf("%s with %+v", s.order.State, s.order.Steps)
	}
	s.mustOrder(orders.Resolve{
		Report: orders.Report{Key: "ck1/cancel/1/refund/card", Outcome: orders.Outcome{Status: orders.Done}}, By: "op", Reason: "by transfer",
	})
	if s.order.State != orders.OrderCancelled {
		t.Errorf("%s", s.order.State)
	}
}
