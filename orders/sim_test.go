package orders_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/money/ledger"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

// A failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// A sim runs one checkout and its order in memory, without an engine: it keeps what
// decisions write, and a gateway's books that know nothing of them.
type sim struct {
	t        failer
	now      time.Time
	checkout orders.Checkout
	order    orders.Order
	cart     orders.Cart
	events   map[string][]orders.Event
	effects  map[string]orders.Effect
	stock    *stock.MemoryStore
	book     ledger.Book
	gateway  map[string]*movement
	calls    map[string]int // movements of money by key
	commits  int
	log      []string
}

// A movement is what a gateway did under a key.
type movement struct {
	kind                           orders.EffectKind
	of                             string
	amount, captured, voided, back int64
}

func newSim(t failer) *sim {
	s := &sim{
		t: t, now: start(), events: map[string][]orders.Event{}, effects: map[string]orders.Effect{},
		stock: stock.NewMemoryStore(), gateway: map[string]*movement{}, calls: map[string]int{},
	}
	for _, sku := range []string{"A", "B"} {
		if err := s.stock.SetOnHand(context.Background(), stock.Key{SKU: sku}, 20); err != nil {
			t.Fatalf("%v", err)
		}
	}
	return s
}

// do decides a command of the checkout and keeps what it changes.
func (s *sim) do(cmd orders.Command) (orders.Decision, error) {
	s.t.Helper()
	before := encode(s.t, s.checkout)
	d, err := orders.DecideCheckout(s.checkout, cmd, s.now)
	if after := encode(s.t, s.checkout); before != after {
		s.t.Fatalf("%T has changed its argument", cmd)
	}
	s.note("%T %+v: %v", cmd, cmd, err)
	if err != nil {
		return d, err
	}
	if err := s.stock.Apply(context.Background(), s.now, d.Stock); err != nil {
		return d, err
	}
	s.keep(d)
	return d, nil
}

// doOrder is do for the order.
func (s *sim) doOrder(cmd orders.OrderCommand) (orders.Decision, error) {
	s.t.Helper()
	before := encode(s.t, s.order)
	d, err := orders.DecideOrder(s.order, cmd, s.now)
	if after := encode(s.t, s.order); before != after {
		s.t.Fatalf("%T has changed its argument", cmd)
	}
	s.note("%T %+v: %v", cmd, cmd, err)
	if err != nil {
		return d, err
	}
	if err := s.stock.Apply(context.Background(), s.now, d.Stock); err != nil {
		s.t.Fatalf("%v", err)
	}
	s.keep(d)
	return d, nil
}

func (s *sim) note(format string, args ...any) {
	s.log = append(s.log, s.now.Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

func encode(t failer, v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(data)
}

// keep writes a decision, as a store would.
func (s *sim) keep(d orders.Decision) {
	s.t.Helper()
	writes := len(d.Events)+len(d.Stock)+len(d.Postings.Postings) > 0 || d.Cart != nil
	if writes == (d.Checkout == nil && d.Order == nil) {
		s.t.Fatalf("a state is written without what makes it, or the other way round: %+v", d)
	}
	if writes {
		s.commits++
	}
	if c := d.Checkout; c != nil {
		if c.Version != s.checkout.Version+1 {
			s.t.Fatalf("checkout version %d after %d", c.Version, s.checkout.Version)
		}
		s.checkout = reread(s.t, *c)
	}
	if o := d.Order; o != nil {
		if o.Version != s.order.Version+1 {
			s.t.Fatalf("order version %d after %d", o.Version, s.order.Version)
		}
		s.order = reread(s.t, *o)
	}
	if c := d.Cart; c != nil {
		if s.cart.Version != 0 && c.Version != s.cart.Version+1 {
			s.t.Fatalf("cart version %d after %d", c.Version, s.cart.Version)
		}
		s.cart = *c
	}
	for _, e := range d.Events {
		s.events[e.Aggregate] = append(s.events[e.Aggregate], reread(s.t, e))
		s.note("   %s %d %s %s %s %s", e.Aggregate, e.Number, e.Kind, e.Key, e.Reason, "")
	}
	maps.DeleteFunc(s.effects, func(key string, _ orders.Effect) bool { return slices.Contains(d.Cancel, key) })
	for _, e := range d.Effects {
		s.effects[e.Key] = e
	}
	if d.Postings.Key != "" {
		if err := s.book.Post(d.Postings); err != nil {
			s.t.Fatalf("post: %v", err)
		}
	}
}

// reread is what a store gives back, strictly.
func reread[T any](t failer, v T) T {
	var back T
	d := json.NewDecoder(bytes.NewReader([]byte(encode(t, v))))
	d.DisallowUnknownFields()
	if err := d.Decode(&back); err != nil {
		t.Fatalf("%v", err)
	}
	if diff := cmp.Diff(v, back, sameAmount()); diff != "" {
		t.Fatalf("%T is not what its JSON says (-want +got):\n%s", v, diff)
	}
	return back
}

func sameAmount() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b money.Amount) bool { return a == b }),
		cmp.Comparer(func(a, b money.Currency) bool { return a == b }),
	}
}

// due are the effects that may be performed now, or at all.
func (s *sim) due(all bool) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(s.effects)) {
		if all || !s.effects[key].Due.After(s.now) {
			keys = append(keys, key)
		}
	}
	return keys
}

// report tells the outcome of an effect to whom it belongs.
func (s *sim) report(key string, o orders.Outcome, lookup bool) orders.Decision {
	s.t.Helper()
	e := s.effects[key]
	rep := orders.Report{Key: key, Outcome: o, Lookup: lookup, Jitter: 0.5}
	var d orders.Decision
	var err error
	switch {
	case e.Order != "" || e.Key == "" && s.order.State != orders.OrderNone && !strings.Contains(key, "/authorise/"):
		d, err = s.doOrder(rep)
	default:
		if d, err = s.do(rep); errors.Is(err, stock.ErrEnded) {
			rep.Stock = orders.HoldGone
			if d, err = s.do(rep); errors.Is(err, stock.ErrShort) {
				rep.Stock = orders.SoldOut
				d, err = s.do(rep)
			}
		}
	}
	if err != nil {
		s.t.Fatalf("report %s: %v\n%s", key, err, strings.Join(s.log, "\n"))
	}
	return d
}

// act is what the gateway does when a call arrives: once per key.
func (s *sim) act(r orders.PaymentRequest, kind orders.EffectKind) orders.Outcome {
	amount, _ := r.Amount.Minor()
	if s.gateway[r.Key] == nil {
		m := &movement{kind: kind, of: r.OfKey, amount: amount}
		of := s.gateway[r.OfKey]
		switch {
		case kind == orders.EffectAuthorise:
		case of == nil: // a void of what moved nothing
		case kind == orders.EffectCapture:
			of.captured += amount
		case kind == orders.EffectVoid:
			of.voided = of.amount - of.captured
		case kind == orders.EffectRefund:
			of.back += amount
		}
		s.gateway[r.Key] = m
		s.calls[r.Key]++
	}
	return orders.Outcome{Status: orders.Done, Ref: "ref:" + r.Key, Amount: eur(s.gateway[r.Key].amount)}
}

// perform does what an effect asks for, truthfully.
func (s *sim) perform(key string) {
	s.t.Helper()
	e := s.effects[key]
	var r orders.PaymentRequest
	if e.Kind.Gateway() {
		if err := json.Unmarshal(e.Payload, &r); err != nil {
			s.t.Fatalf("%s: %v", key, err)
		}
	}
	switch {
	case e.Kind == orders.EffectTimer:
		if _, err := s.do(orders.Expire{}); err != nil {
			s.t.Fatalf("expire: %v", err)
		}
	case e.Kind == orders.EffectRecheck:
		s.report(key, s.lookup(r.OfKey), true)
	case e.Doubt:
		s.report(key, s.lookup(key), true)
	case e.Kind.Gateway():
		s.report(key, s.act(r, e.Kind), false)
	default:
		s.report(key, orders.Outcome{Status: orders.Done}, false)
	}
}

func (s *sim) lookup(key string) orders.Outcome {
	m := s.gateway[key]
	if m == nil {
		return orders.Outcome{Status: orders.NotFound}
	}
	return orders.Outcome{Status: orders.Done, Ref: "ref:" + key, Amount: eur(m.amount)}
}

// drain performs all effects, in the order in which they are due, until there are none.
func (s *sim) drain() {
	s.t.Helper()
	for range 300 {
		keys := s.due(true)
		if len(keys) == 0 {
			return
		}
		next := slices.MinFunc(keys, func(a, b string) int { return s.effects[a].Due.Compare(s.effects[b].Due) })
		if s.effects[next].Due.After(s.now) {
			s.now = s.effects[next].Due
		}
		s.perform(next)
		s.check()
	}
	s.t.Fatalf("effects without end:\n%s", strings.Join(s.log, "\n"))
}

// check is what must hold after every step.
func (s *sim) check() {
	s.t.Helper()
	fail := func(format string, args ...any) {
		s.t.Helper()
		s.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(s.log, "\n"))
	}
	c, err := orders.FoldCheckout(slices.Values(s.events["checkout/ck1"]))
	if diff := cmp.Diff(s.checkout, c, sameAmount()); err != nil || diff != "" {
		fail("events make another checkout: %v (-want +got):\n%s", err, diff)
	}
	o, err := orders.FoldOrder(slices.Values(s.events["order/ck1"]))
	if diff := cmp.Diff(s.order, o, sameAmount()); err != nil || diff != "" {
		fail("events make another order: %v (-want +got):\n%s", err, diff)
	}
	for key, n := range s.calls {
		if n > 1 {
			fail("%s moved money %d times", key, n)
		}
	}
	if s.checkout.State == orders.StateCancelled && s.checkout.Hold != "" {
		fail("cancelled with hold %s", s.checkout.Hold)
	}
	if o.State == orders.OrderNone {
		return
	}
	s.checkOrder(fail)
}

// checkOrder compares the order with its books.
func (s *sim) checkOrder(fail func(string, ...any)) {
	o := s.order
	var authorised, captured, refunded, refunding int64
	for _, t := range o.Tenders {
		a, b, c, d := minor(t.Authorised), minor(t.Captured), minor(t.Refunded), minor(t.Refunding)
		if a < b || b < c+d || minor(t.Capturing) < 0 || d < 0 || a < b+minor(t.Capturing) {
			fail("tender %s: authorised %d, captured %d, refunded %d, refunding %d", t.Tender.ID, a, b, c, d)
		}
		authorised, captured, refunded, refunding = authorised+a, captured+b, refunded+c, refunding+d
	}
	if o.Version == 1 && authorised != minor(o.Total) {
		fail("placed with %d of %s authorised", authorised, o.Total)
	}
	for line, u := range o.Units {
		if u.Open() < 0 || u.Shipped < 0 || u.Cancelled < 0 || u.Stopping < 0 {
			fail("line %s: %+v", line, u)
		}
	}
	var sum int64
	for _, a := range s.book.Trial() {
		sum += minor(a)
	}
	balance := func(account string) int64 { return minor(s.book.Balance(account, money.MustISO("EUR"))) }
	for _, w := range []struct {
		account string
		want    int64
	}{
		{"receivable/ck1", minor(o.Total) - minor(o.Cancelled) - captured + refunded + refunding},
		{"refunds_payable/ck1", -refunding},
		{"psp_clearing", captured - refunded},
	} {
		if got := balance(w.account); got != w.want {
			fail("%s: %d, want %d", w.account, got, w.want)
		}
	}
	if sale := -balance("revenue") - balance("shipping") - balance("tax/DE"); sum != 0 || sale != minor(o.Total)-minor(o.Cancelled) {
		fail("trial %d; sold %d, want %s less %s", sum, sale, o.Total, o.Cancelled)
	}
}

func minor(a money.Amount) int64 {
	m, ok := a.Minor()
	if !ok {
		panic("not settled")
	}
	return m
}

// live is what the gateway still has authorised, and what it has captured less refunds.
func (s *sim) live() (authorised, captured int64) {
	for _, m := range s.gateway {
		if m.kind == orders.EffectAuthorise {
			authorised += m.amount - m.captured - m.voided
			captured += m.captured - m.back
		}
	}
	return authorised, captured
}

// reserved is what holds have, and sold what is gone from the shelf.
func (s *sim) reserved() (reserved, onHand int64) {
	levels, err := s.stock.Levels(context.Background(), []stock.Key{{SKU: "A"}, {SKU: "B"}})
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	for _, l := range levels {
		reserved += l.Reserved
		onHand += l.OnHand
	}
	return reserved, onHand
}
