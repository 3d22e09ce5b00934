package orderstest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
)

// A Host is the rest of a shop, as plain as can be: every unit has one price, the warehouse
// does what it is asked for, and time passes when it is told to.
type Host struct {
	Gateway *Gateway
	Price   money.Amount // of one unit
	// Late lets Settle deliver what was lost on its way before anything else.
	Late bool

	mu  sync.Mutex
	now time.Time
	// Handed and Stopped count what the warehouse was asked for, by key.
	handed, stopped map[string]int
}

var (
	_ orders.Pricer     = (*Host)(nil)
	_ orders.Fulfilment = (*Host)(nil)
)

// NewHost returns a host with a price of one unit, at a fixed time.
func NewHost(g *Gateway, price money.Amount) *Host {
	h := &Host{
		Gateway: g, Price: price, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		handed: map[string]int{}, stopped: map[string]int{},
	}
	g.Now = h.Now
	return h
}

// Now is the host's clock.
func (h *Host) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// Pass lets time pass.
func (h *Host) Pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// Config is that of an engine of this host.
func (h *Host) Config() orders.Config {
	return orders.Config{Now: h.Now, Rand: func() float64 { return 1 }}
}

// Engine returns an engine on a store.
func (h *Host) Engine(tb testing.TB, store orders.Store, cfg orders.Config) *orders.Orders {
	tb.Helper()
	s, err := orders.New(store, h, h.Gateway, h, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Cart opens a guest's cart with units of SKU A, and returns what a checkout of it needs.
func (h *Host) Cart(tb testing.TB, s *orders.Orders, c money.Currency, units int64) orders.CartRef {
	tb.Helper()
	cart, token, err := s.OpenCart(tb.Context(), orders.Buyer{Email: "guest@shop.example"}, c)
	if err != nil {
		tb.Fatal(err)
	}
	ref := orders.CartRef{ID: cart.ID, Token: token}
	if cart, err = s.AddLine(tb.Context(), ref, orders.CartLine{ID: "l1", SKU: "A", Quantity: units}); err != nil {
		tb.Fatal(err)
	}
	ref.Key, ref.Version = "key", cart.Version
	return ref
}

// Settle runs what is due until nothing more happens for six hours.
func (h *Host) Settle(tb testing.TB, s *orders.Orders) {
	tb.Helper()
	runner, err := orders.NewRunner(s, orders.RunnerConfig{Parallel: 1})
	if err != nil {
		tb.Fatal(err)
	}
	if h.Late {
		h.Gateway.Arrive()
	}
	for quiet := 0; quiet < 72; {
		n, err := runner.Step(context.WithoutCancel(tb.Context()))
		if err != nil {
			tb.Fatal(err)
		}
		if quiet++; n > 0 {
			quiet = 0
			continue
		}
		h.Pass(5 * time.Minute)
	}
}

// PriceCart implements orders.Pricer.
func (h *Host) PriceCart(_ context.Context, r orders.PriceRequest) (orders.Priced, error) {
	p := orders.Priced{Version: "1"}
	for _, l := range r.Cart.Lines {
		net, err := h.Price.Times(l.Quantity)
		if err != nil {
			return p, err
		}
		p.Lines = append(p.Lines, orders.PricedLine{ID: l.ID, Net: net})
	}
	return p, nil
}

// HandOver implements orders.Fulfilment.
func (h *Host) HandOver(_ context.Context, o orders.HandOver) (orders.Outcome, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handed[o.Key]++
	return orders.Outcome{Status: orders.Done}, nil
}

// Stop implements orders.Fulfilment.
func (h *Host) Stop(_ context.Context, key string, _ []orders.LineQty) (orders.Outcome, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped[key]++
	return orders.Outcome{Status: orders.Done}, nil
}
