package orders_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
)

// A gatewayCase is a script of a gateway's failures and what they must come to.
type gatewayCase struct {
	Total    string
	Currency string
	Tenders  []struct{ Kind, Amount string }
	Capture  string
	Script   []json.RawMessage
	Want     struct {
		Checkout       string
		LiveAuthorised string `json:"live_authorised"`
		Captured       string
		Orders         int
		UnitsSold      int64 `json:"units_sold"`
		Holds          int
	}
}

func TestGatewayCases(t *testing.T) {
	t.Parallel()
	casetest.RunIf(t, "orders", func(name string) bool { return name == "gateway.json" }, func(t *testing.T, c casetest.Case) bool {
		t.Helper()
		var script gatewayCase
		c.Decode(t, &script)
		script.run(t)
		return true
	})
}

func (c *gatewayCase) run(t *testing.T) {
	t.Helper()
	currency := money.MustISO(c.Currency)
	total := amountOf(t, c.Total, currency)
	faults, cancels := c.faults(t)
	h := orderstest.NewHost(orderstest.NewGateway(faults...), total)
	store := orders.NewMemoryStore()
	cfg := h.Config()
	cfg.Tries = 1
	if c.Capture == "deferred" {
		cfg.Capture = orders.CaptureDeferred
	}
	s := h.Engine(t, store, cfg)
	ctx := t.Context()
	if err := store.Stock().SetOnHand(ctx, stock.Key{SKU: "A"}, 10); err != nil {
		t.Fatal(err)
	}
	h.Gateway.Webhook = func(e orders.PaymentEvent) {
		if _, err := s.Observe(ctx, e); err != nil {
			t.Errorf("observe: %v", err)
		}
	}
	if cancels {
		cancelDuringFirst(t, h, s)
	}
	req := orders.BeginRequest{Expected: total}
	for _, tender := range c.Tenders {
		req.Tenders = append(req.Tenders, orders.Tender{Kind: tender.Kind, Token: "tok", Amount: amountOf(t, tender.Amount, currency)})
	}
	checkout, err := s.Place(ctx, h.Cart(t, s, currency, 1), req)
	if err != nil {
		t.Fatal(err)
	}
	h.Settle(t, s)
	c.check(t, h, s, store, checkout.ID)
}

// cancelDuringFirst is the buyer who gives up while the first call has no answer.
func cancelDuringFirst(t *testing.T, h *orderstest.Host, s *orders.Orders) {
	t.Helper()
	done := false
	h.Gateway.During = func(_, key string) {
		if done {
			return
		}
		done = true
		id := cutID(key)
		if _, err := s.Cancel(context.WithoutCancel(t.Context()), id, "changed my mind"); err != nil {
			t.Errorf("cancel: %v", err)
		}
	}
	h.Late = true
}

func (c *gatewayCase) faults(t *testing.T) (faults []orderstest.Script, cancels bool) {
	t.Helper()
	for _, raw := range c.Script {
		var line [3]any
		if err := json.Unmarshal(raw, &line); err != nil {
			t.Fatal(err)
		}
		call, fault := fmt.Sprint(line[0]), fmt.Sprint(line[2])
		if call == "buyer" {
			cancels = cancels || fault == "cancel"
			continue
		}
		nth := 0
		if n, ok := line[1].(float64); ok {
			nth = int(n)
		}
		faults = append(faults, orderstest.Script{Call: call, Nth: nth, Fault: orderstest.Fault(fault)})
	}
	return faults, cancels
}

func (c *gatewayCase) check(t *testing.T, h *orderstest.Host, s *orders.Orders, store *orders.MemoryStore, id orders.CheckoutID) {
	t.Helper()
	ctx := t.Context()
	got, err := s.Checkout(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if got.State.String() != c.Want.Checkout {
		t.Errorf("checkout is %s, want %s; calls: %q", got.State, c.Want.Checkout, h.Gateway.Log())
	}
	live, captured := h.Gateway.Books(got.Total.Currency())
	if live.Text() != c.Want.LiveAuthorised || captured.Text() != c.Want.Captured {
		t.Errorf("the gateway has %s authorised and %s captured, want %s and %s; calls: %q", live.Text(), captured.Text(), c.Want.LiveAuthorised, c.Want.Captured, h.Gateway.Log())
	}
	recovery, err := s.Recover(ctx)
	if err != nil {
		t.Fatal(err)
	}
	placed := 0
	for _, n := range recovery.Orders {
		placed += n
	}
	levels, err := store.Stock().Levels(ctx, []stock.Key{{SKU: "A"}})
	if err != nil {
		t.Fatal(err)
	}
	if sold := 10 - levels[0].OnHand; placed != c.Want.Orders || sold != c.Want.UnitsSold || levels[0].Reserved != int64(c.Want.Holds) {
		t.Errorf("%d orders, %d units sold, %d held, want %d, %d and %d", placed, sold, levels[0].Reserved, c.Want.Orders, c.Want.UnitsSold, c.Want.Holds)
	}
	if err := orderstest.Check(ctx, store, time.Time{}); err != nil {
		t.Error(err)
	}
}

func amountOf(t *testing.T, text string, c money.Currency) money.Amount {
	t.Helper()
	a, err := money.Parse(text, c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// cutID is the checkout that an effect's key belongs to.
func cutID(key string) orders.CheckoutID {
	id, _, _ := strings.Cut(key, "/")
	return orders.CheckoutID(id)
}
