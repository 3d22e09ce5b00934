package render_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/render"
	"github.com/tenon-go/tenon/orders/stock"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func eur(minor int64) money.Amount { return money.New(minor, money.MustISO("EUR")) }

// A keeper is a store that shows the effects which it has.
type keeper struct {
	*orders.MemoryStore

	mu      sync.Mutex
	effects map[string]orders.Effect
}

func (k *keeper) Apply(ctx context.Context, c orders.Change) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.MemoryStore.Apply(ctx, c); err != nil {
		return err
	}
	for _, a := range c.Acks {
		delete(k.effects, a.Key)
	}
	for _, key := range c.Cancel {
		delete(k.effects, key)
	}
	for _, e := range c.Effects {
		k.effects[e.Key] = e
	}
	return nil
}

// A warehouse loses its first answers.
type warehouse struct {
	*orderstest.Host

	silent int
}

func (w *warehouse) HandOver(ctx context.Context, h orders.HandOver) (orders.Outcome, error) {
	if w.silent--; w.silent >= 0 {
		return orders.Outcome{}, orderstest.ErrNoAnswer
	}
	return w.Host.HandOver(ctx, h)
}

// A shop is an engine with everything around it. A call to the gateway takes 180 ms.
type shop struct {
	*orders.Orders

	t         *testing.T
	store     *keeper
	host      *orderstest.Host
	warehouse *warehouse
	runner    *orders.Runner
	id        orders.CheckoutID
	said      strings.Builder
}

func newShop(t *testing.T, cfg orders.Config, script ...orderstest.Script) *shop {
	t.Helper()
	s := &shop{t: t, store: &keeper{MemoryStore: orders.NewMemoryStore(), effects: map[string]orders.Effect{}}}
	s.host = orderstest.NewHost(orderstest.NewGateway(script...), eur(2_495))
	s.host.Gateway.During = func(string, string) { s.host.Pass(180 * time.Millisecond) }
	names := 0
	cfg.Now, cfg.Rand = s.host.Now, func() float64 { return 1 }
	cfg.NewID = func() string { names++; return fmt.Sprintf("ck-%d", names) }
	s.must(s.store.Stock().SetOnHand(t.Context(), stock.Key{SKU: "A"}, 10))
	s.warehouse = &warehouse{Host: s.host}
	var err error
	s.Orders, err = orders.New(s.store, s.host, s.host.Gateway, s.warehouse, cfg)
	s.must(err)
	s.runner, err = orders.NewRunner(s.Orders, orders.RunnerConfig{Parallel: 1, Worker: "w"})
	s.must(err)
	return s
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// begin begins a checkout of units.
func (s *shop) begin(units int64, tenders ...orders.Tender) {
	s.t.Helper()
	ref := s.host.Cart(s.t, s.Orders, money.MustISO("EUR"), units)
	c, err := s.Begin(s.t.Context(), ref, orders.BeginRequest{Buyer: orders.Buyer{Email: "guest@shop.example"}, Expected: eur(2_495 * units), Tenders: tenders})
	s.must(err)
	s.id = c.ID
}

// later lets time pass and performs what is due then.
func (s *shop) later(d time.Duration) {
	s.t.Helper()
	s.host.Pass(d)
	for {
		n, err := s.runner.Step(s.t.Context())
		s.must(err)
		if n == 0 {
			return
		}
	}
}

// standing is what Why is asked about.
func (s *shop) standing() render.Standing {
	s.t.Helper()
	c, err := s.Checkout(s.t.Context(), s.id)
	s.must(err)
	o, err := s.Order(s.t.Context(), orders.OrderID(s.id))
	if !errors.Is(err, orders.ErrNotFound) {
		s.must(err)
	}
	var effects []orders.Effect
	for _, key := range slices.Sorted(maps.Keys(s.store.effects)) {
		effects = append(effects, s.store.effects[key])
	}
	return render.Standing{At: s.host.Now(), Checkout: c, Order: o, Effects: effects}
}

// say notes why the checkout stands where it stands now.
func (s *shop) say(when string) {
	s.t.Helper()
	fmt.Fprintf(&s.said, "-- %s\n%s\n", when, render.Why(s.standing()))
}

// events are all that there are.
func (s *shop) events() []orders.Event {
	s.t.Helper()
	var all []orders.Event
	for e, err := range s.Events(s.t.Context(), 0, orders.EventQuery{}) {
		s.must(err)
		all = append(all, e)
	}
	return all
}

func timeline(t *testing.T, events []orders.Event) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.Timeline(&b, events); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// card pays what is left.
func card() orders.Tender { return orders.Tender{ID: "card", Kind: "card", Token: "tok-secret"} }

func gift(minor int64) orders.Tender {
	return orders.Tender{ID: "gift", Kind: "gift", Amount: eur(minor)}
}

// scenes are courses of a checkout, by name.
func scenes() map[string]func(t *testing.T) *shop {
	all := placed()
	maps.Copy(all, unplaced())
	return all
}

// unplaced are scenes that do not come to an order.
func unplaced() map[string]func(t *testing.T) *shop {
	return map[string]func(t *testing.T) *shop{
		"cancelled": func(t *testing.T) *shop {
			t.Helper()
			s := newShop(t, orders.Config{}, orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.LostBefore}, orderstest.Script{Call: "lookup", Fault: orderstest.LostBefore}, orderstest.Script{Call: "void", Nth: 1, Fault: orderstest.NotSent})
			s.begin(3, card())
			s.host.Pass(3 * time.Second)
			_, err := s.Cancel(t.Context(), s.id, "the buyer called")
			s.must(err)
			s.say("cancelled in doubt")
			s.later(17 * time.Minute)
			s.say("people were told")
			step := s.standing().Checkout.Steps[0].Key
			s.must(s.Resolve(t.Context(), step, orders.Outcome{Status: orders.Done}, "op-7", "seen in the gateway's console"))
			s.say("resolved")
			s.later(time.Hour)
			s.say("undone")
			return s
		},
		"orphan": func(t *testing.T) *shop {
			t.Helper()
			s := newShop(t, orders.Config{}, orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.LostLate}, orderstest.Script{Call: "lookup", Nth: 1, Fault: orderstest.LostBefore})
			s.begin(1, card())
			_, err := s.Cancel(t.Context(), s.id, "")
			s.must(err)
			s.later(time.Second)
			s.say("given up, and the key voided unseen")
			s.host.Gateway.Arrive()
			s.later(20 * time.Minute)
			s.say("the money that came late is given back")
			return s
		},
		"later": func(t *testing.T) *shop {
			t.Helper()
			s := newShop(t, orders.Config{Later: true})
			s.begin(2, card())
			s.say("nobody has been called yet")
			return s
		},
	}
}

// placed are scenes that do.
func placed() map[string]func(t *testing.T) *shop {
	return map[string]func(t *testing.T) *shop{
		"plain": func(t *testing.T) *shop {
			t.Helper()
			s := newShop(t, orders.Config{})
			s.begin(2)
			s.say("the buyer sees the total")
			s.host.Pass(41 * time.Second)
			_, err := s.Pay(t.Context(), s.id, orders.PayRequest{Key: "pay", Tenders: []orders.Tender{card()}})
			s.must(err)
			s.say("paid")
			return s
		},
		"doubt": func(t *testing.T) *shop {
			t.Helper()
			s := newShop(t, orders.Config{}, orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.LostAfter},
				orderstest.Script{Call: "lookup", Nth: 1, Fault: orderstest.LostBefore}, orderstest.Script{Call: "lookup", Nth: 2, Fault: orderstest.LostBefore})
			s.begin(2, card())
			s.say("the answer is lost")
			s.later(2 * time.Second)
			s.say("looked up in vain")
			s.later(16 * time.Second)
			s.say("found")
			return s
		},
		"buyer": func(t *testing.T) *shop {
			t.Helper()
			s := newShop(t, orders.Config{}, orderstest.Script{Call: "authorise:card", Nth: 1, Fault: orderstest.Refuse}, orderstest.Script{Call: "authorise:card", Nth: 2, Fault: orderstest.Buyer})
			s.begin(4, gift(1_200), card())
			s.say("the card is refused")
			s.host.Pass(95 * time.Second)
			_, err := s.Pay(t.Context(), s.id, orders.PayRequest{Key: "pay-2", Tenders: []orders.Tender{card()}})
			s.must(err)
			s.say("the bank asks the buyer")
			s.host.Pass(50 * time.Second)
			s.host.Gateway.Approve()
			_, err = s.Confirm(t.Context(), s.id)
			s.must(err)
			s.say("the buyer is back")
			return s
		},
		"stopped": func(t *testing.T) *shop {
			t.Helper()
			s := newShop(t, orders.Config{})
			s.warehouse.silent = 1
			s.begin(2, card())
			s.say("the warehouse does not answer")
			_, err := s.CancelOrder(t.Context(), orders.OrderID(s.id), orders.Cancellation{Key: "c1"})
			s.must(err)
			s.say("cancelled meanwhile")
			s.later(time.Second)
			s.say("stopped and refunded")
			return s
		},
		"held": func(t *testing.T) *shop {
			t.Helper()
			s := newShop(t, orders.Config{Capture: orders.CaptureDeferred}, orderstest.Script{Call: "capture", Nth: 1, Fault: orderstest.Refuse})
			s.begin(3, card())
			s.say("placed")
			line := s.standing().Order.Lines[0].ID
			s.later(26 * time.Hour)
			_, err := s.Ship(t.Context(), orders.OrderID(s.id), orders.Shipment{Key: "s1", Lines: []orders.LineQty{{Line: line, Quantity: 2}}})
			s.must(err)
			s.say("the capture is refused")
			s.later(2 * time.Hour)
			_, err = s.Capture(t.Context(), orders.OrderID(s.id), "again")
			s.must(err)
			s.say("captured after all")
			_, err = s.CancelOrder(t.Context(), orders.OrderID(s.id), orders.Cancellation{Key: "c1", Reason: "too late"})
			s.must(err)
			s.say("the rest is cancelled")
			return s
		},
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, scene := range scenes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scene(t)
			golden(t, name+".svg", timeline(t, s.events()))
			golden(t, name+".txt", s.said.String())
		})
	}
}
