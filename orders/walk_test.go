package orders_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
	"pgregory.net/rapid"
)

// Invariant: orders O4.
// Invariant: orders O5.
// Invariant: orders O6.
// Invariant: orders O7.
// Invariant: orders O8.
// Invariant: orders O9.
func TestAnyWalkKeepsTheInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &walk{sim: newSim(t), t: t}
		w.begin()
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			w.step()
			w.check()
		}
		w.end()
	})
}

// A walk is a sim whose steps are drawn.
type walk struct {
	*sim

	t *rapid.T
}

func (w *walk) begin() {
	b := begin(rapid.SampledFrom([]orders.CaptureMode{orders.CaptureNow, orders.CaptureDeferred}).Draw(w.t, "capture"), w.tenders()...)
	b.Policy.Redeem = rapid.Bool().Draw(w.t, "redeem")
	b.Policy.Tries = rapid.IntRange(1, 3).Draw(w.t, "tries")
	if _, err := w.do(b); err != nil {
		w.t.Fatalf("%v", err)
	}
	w.check()
}

func (w *walk) tenders() []orders.Tender {
	return rapid.SampledFrom([][]orders.Tender{
		nil, {card(17540)}, {gift(3000), card(14540)}, {gift(3000), card(0)}, {gift(17540), card(0)}, {card(0)},
	}).Draw(w.t, "tenders")
}

// step draws what happens next. Commands may be refused, which changes nothing.
func (w *walk) step() {
	lines := func() []orders.LineQty {
		return []orders.LineQty{{
			Line:     rapid.SampledFrom([]string{"l1", "l2"}).Draw(w.t, "line"),
			Quantity: rapid.Int64Range(1, 7).Draw(w.t, "quantity"),
		}}
	}
	switch rapid.SampledFrom([]string{
		"perform", "perform", "perform", "perform", "fault", "fault", "pay", "cancel", "confirm", "expire", "wait", "ship", "ship",
		"cancel order", "cancel all", "capture", "release", "webhook", "late",
	}).Draw(w.t, "what") {
	case "perform":
		if keys := w.due(false); len(keys) > 0 {
			w.perform(rapid.SampledFrom(keys).Draw(w.t, "effect"))
		}
	case "fault":
		w.fault()
	case "pay":
		_, _ = w.do(orders.Pay{Tenders: w.tenders()})
	case "cancel":
		_, _ = w.do(orders.Cancel{})
	case "confirm":
		_, _ = w.do(orders.Confirm{})
	case "expire":
		_, _ = w.do(orders.Expire{})
	case "wait":
		w.now = w.now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 20 * time.Minute}).Draw(w.t, "for"))
		if rapid.Bool().Draw(w.t, "sweep") {
			if _, err := w.stock.Expire(w.ctx(), w.now, 10); err != nil {
				w.t.Fatalf("%v", err)
			}
		}
	case "ship":
		_, _ = w.doOrder(orders.Ship{Lines: lines()})
	case "cancel order":
		_, _ = w.doOrder(orders.CancelOrder{Lines: lines(), Reason: "changed mind"})
	case "cancel all":
		_, _ = w.doOrder(orders.CancelOrder{Reason: "changed mind"})
	case "capture":
		_, _ = w.doOrder(orders.Capture{})
	case "release":
		_, _ = w.doOrder(orders.Release{By: "op", Reason: "trusted"})
	case "webhook":
		w.webhook()
	case "late":
		w.late()
	}
}

// end lets everything come to rest.
func (w *walk) end() {
	w.drain()
	w.check()
	authorised, captured := w.live()
	reserved, onHand := w.reserved()
	if reserved != 0 {
		w.t.Fatalf("%d reserved at rest, checkout %s", reserved, w.checkout.State)
	}
	switch w.checkout.State {
	case orders.StateCancelled:
		if authorised > 0 || captured > 0 || onHand != 40 {
			w.t.Fatalf("cancelled with %d authorised, %d captured, %d on hand\n%v", authorised, captured, onHand, w.log)
		}
	case orders.StatePlaced:
		var want int64
		var gone int64 = 40
		for _, t := range w.order.Tenders {
			want += minor(t.Captured) - minor(t.Refunded)
		}
		for _, u := range w.order.Units {
			gone -= u.Quantity - u.Cancelled
		}
		if captured != want || onHand != gone {
			w.t.Fatalf("captured %d, want %d; on hand %d, want %d", captured, want, onHand, gone)
		}
		if w.order.State == orders.OrderCancelled && (captured != 0 || authorised > 0) {
			w.t.Fatalf("order cancelled with %d authorised, %d captured", authorised, captured)
		}
	default:
		w.t.Fatalf("comes to rest %s", w.checkout.State)
	}
}

// fault gives an effect another answer than Done, whatever happened.
func (w *walk) fault() {
	keys := w.due(false)
	if len(keys) == 0 {
		return
	}
	key := rapid.SampledFrom(keys).Draw(w.t, "effect")
	e := w.effects[key]
	if e.Kind == orders.EffectTimer {
		return
	}
	fault := rapid.SampledFrom([]string{"lost before", "lost after", "refused", "waiting", "not sent", "less"}).Draw(w.t, "fault")
	r := w.request(e)
	known := w.gateway[key] != nil
	switch {
	case fault == "lost before":
		w.report(key, orders.Outcome{}, e.Doubt)
	case fault == "not sent":
		w.report(key, orders.Outcome{Status: orders.NotSent}, e.Doubt)
	case !e.Kind.Gateway():
		w.report(key, orders.Outcome{Status: orders.Refused, Reason: "no"}, false)
	case e.Kind == orders.EffectRecheck || e.Doubt || known:
		w.perform(key)
	case fault == "lost after":
		w.act(r, e.Kind)
		w.report(key, orders.Outcome{}, false)
	case fault == "waiting" && e.Kind == orders.EffectAuthorise:
		w.act(r, e.Kind)
		w.report(key, orders.Outcome{Status: orders.Waiting, Ref: "ref:" + key, Action: &orders.BuyerAction{Kind: "3ds"}}, false)
	case fault == "less" && (e.Kind == orders.EffectAuthorise || e.Kind == orders.EffectCapture) && minor(r.Amount) > 1:
		r.Amount = eur(minor(r.Amount) / 2)
		w.report(key, w.act(r, e.Kind), false)
	case e.Kind == orders.EffectAuthorise || e.Kind == orders.EffectCapture:
		code := rapid.SampledFrom([]string{"", orders.CodeLapsed}).Draw(w.t, "code")
		if of := w.gateway[r.OfKey]; code != "" && of != nil {
			of.voided = of.amount - of.captured
		}
		w.report(key, orders.Outcome{Status: orders.Refused, Code: code}, false)
	}
}

// request is what an effect asks the gateway for.
func (w *walk) request(e orders.Effect) orders.PaymentRequest {
	var r orders.PaymentRequest
	if e.Kind.Gateway() {
		if err := json.Unmarshal(e.Payload, &r); err != nil {
			w.t.Fatalf("%v", err)
		}
	}
	return r
}

// webhook tells of a movement that took place, perhaps not for the first time.
func (w *walk) webhook() {
	keys := slices.Sorted(maps.Keys(w.gateway))
	if len(keys) == 0 {
		return
	}
	key := rapid.SampledFrom(keys).Draw(w.t, "movement")
	m := w.gateway[key]
	kinds := map[orders.EffectKind]orders.PaymentKind{
		orders.EffectAuthorise: orders.PaymentAuthorisation, orders.EffectCapture: orders.PaymentCharge,
		orders.EffectRefund: orders.PaymentRefund, orders.EffectVoid: orders.PaymentCancel,
	}
	e := orders.PaymentEvent{
		Source: "psp", ID: "wh:" + key, Ref: "ref:" + key, Kind: kinds[m.kind], Status: orders.PaymentSucceeded, Amount: eur(m.amount), At: w.now,
	}
	if rapid.Bool().Draw(w.t, "echo") {
		e.Key = key
	}
	obs := orders.Observe{Event: e}
	if w.order.State != orders.OrderNone {
		if _, err := w.doOrder(obs); err != nil {
			w.t.Fatalf("observe: %v", err)
		}
		return
	}
	if _, err := w.do(obs); errors.Is(err, stock.ErrEnded) {
		obs.Stock = orders.HoldGone
		if _, err := w.do(obs); err != nil {
			w.t.Fatalf("observe: %v", err)
		}
	} else if err != nil {
		w.t.Fatalf("observe: %v", err)
	}
}

// late lets an answer come once more, from a worker that was too slow.
func (w *walk) late() {
	var keys []string
	for key, m := range w.gateway {
		if _, open := w.effects[key]; !open && m.kind == orders.EffectAuthorise && strings.Contains(key, "/authorise/") {
			keys = append(keys, key)
		}
	}
	if slices.Sort(keys); len(keys) > 0 {
		key := rapid.SampledFrom(keys).Draw(w.t, "step")
		if _, err := w.do(orders.Report{Key: key, Outcome: w.lookup(key)}); err != nil {
			w.t.Fatalf("late: %v", err)
		}
	}
}

func (w *walk) ctx() context.Context { return context.Background() }
