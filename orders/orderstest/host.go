package orderstest

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
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
	// Off is what Discount takes off the first line of a cart; zero: nothing.
	Off money.Amount
	// Late lets Settle deliver what was lost on its way before anything else.
	Late bool

	mu      sync.Mutex
	now     time.Time
	handed  map[string]orders.HandOver // by key
	stopped map[string]bool
	held    map[string]string // what became of a checkout's discount
	back    map[string]money.Amount
}

var (
	_ orders.Pricer     = (*Host)(nil)
	_ orders.Fulfilment = (*Host)(nil)
	_ orders.Discounter = (*Host)(nil)
	_ orders.Redeemer   = (*Host)(nil)
)

// NewHost returns a host with a price of one unit, at a fixed time.
func NewHost(g *Gateway, price money.Amount) *Host {
	h := &Host{
		Gateway: g, Price: price, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		handed: map[string]orders.HandOver{}, stopped: map[string]bool{}, held: map[string]string{}, back: map[string]money.Amount{},
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

// Settle runs what is due until nothing more happens for five hours. With more engines than one
// it is done by a runner of each, at once.
func (h *Host) Settle(tb testing.TB, engines ...*orders.Orders) {
	tb.Helper()
	runners := make([]*orders.Runner, len(engines))
	for i, s := range engines {
		var err error
		if runners[i], err = orders.NewRunner(s, orders.RunnerConfig{Parallel: 1}); err != nil {
			tb.Fatal(err)
		}
	}
	if h.Late {
		h.Gateway.Arrive()
	}
	const first, last = 5 * time.Minute, 3 * time.Hour
	for wait := first; wait < last; {
		n := stepAll(tb, runners)
		if n > 0 {
			wait = first
			continue
		}
		h.Pass(wait)
		wait *= 2
	}
}

// stepAll lets each runner make one step, and returns how much they have done.
func stepAll(tb testing.TB, runners []*orders.Runner) int {
	tb.Helper()
	var sum atomic.Int64
	var wg sync.WaitGroup
	for _, r := range runners {
		wg.Go(func() {
			n, err := r.Step(context.WithoutCancel(tb.Context()))
			if err != nil {
				tb.Error(err)
			}
			sum.Add(int64(n))
		})
	}
	wg.Wait()
	return int(sum.Load())
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

// Discount implements orders.Discounter.
func (h *Host) Discount(_ context.Context, r orders.Redemption) (orders.Discounts, error) {
	d := orders.Discounts{Version: "1"}
	if h.Off.Sign() > 0 {
		d.Ref = "off"
		d.Adjustments = []orders.Adjustment{{Target: r.Cart.Lines[0].ID, Label: "off", Ref: "off", Net: h.Off.Neg()}}
	}
	return d, nil
}

// HandOver implements orders.Fulfilment.
func (h *Host) HandOver(_ context.Context, o orders.HandOver) (orders.Outcome, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handed[o.Key] = o
	return orders.Outcome{Status: orders.Done}, nil
}

// Stop implements orders.Fulfilment.
func (h *Host) Stop(_ context.Context, key string, _ []orders.LineQty) (orders.Outcome, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped[key] = true
	return orders.Outcome{Status: orders.Done}, nil
}

// Handed is how often an order was given to the warehouse, under keys of its own.
func (h *Host) Handed(id orders.OrderID) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, o := range h.handed {
		if o.Order == id {
			n++
		}
	}
	return n
}

// The states of a discount that a checkout has.
const (
	held      = "held"
	committed = "committed"
	released  = "released"
)

// Hold implements orders.Redeemer.
func (h *Host) Hold(_ context.Context, key string, _ time.Time, _ orders.Redemption, _ orders.Discounts) (orders.Outcome, error) {
	return h.redeem(key, "", held)
}

// Commit implements orders.Redeemer.
func (h *Host) Commit(_ context.Context, key string) (orders.Outcome, error) {
	return h.redeem(key, held, committed)
}

// Release implements orders.Redeemer.
func (h *Host) Release(_ context.Context, key string) (orders.Outcome, error) {
	h.mu.Lock()
	none := h.held[key] == ""
	h.mu.Unlock()
	if none {
		return orders.Outcome{Status: orders.Done}, nil
	}
	return h.redeem(key, held, released)
}

// redeem moves a discount on, and says that it is done when it was before.
func (h *Host) redeem(key, from, to string) (orders.Outcome, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch h.held[key] {
	case from, to:
		h.held[key] = to
		return orders.Outcome{Status: orders.Done}, nil
	}
	return orders.Outcome{Status: orders.Refused, Reason: "it is " + h.held[key]}, nil
}

// Reverse implements orders.Redeemer.
func (h *Host) Reverse(_ context.Context, key, part string, given []orders.Adjustment) (orders.Outcome, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sum := money.New(0, h.Price.Currency())
	for _, a := range given {
		sum = minus(sum, a.Net)
	}
	h.back[key+" "+part] = sum
	return orders.Outcome{Status: orders.Done}, nil
}

// Redeemed is what became of a checkout's discount, and what of it was given back.
func (h *Host) Redeemed(id orders.CheckoutID) (state string, back money.Amount) {
	h.mu.Lock()
	defer h.mu.Unlock()
	back = money.New(0, h.Price.Currency())
	for part, a := range h.back {
		if strings.HasPrefix(part, string(id)+" ") {
			back = plus(back, a)
		}
	}
	return h.held[string(id)], back
}
