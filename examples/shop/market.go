package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tenon-go/tenon/examples/shop/glue"
	"github.com/tenon-go/tenon/examples/shop/web"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/sqlorders"
	"github.com/tenon-go/tenon/promotions"
)

// webOffers are the promotions of the shop on the web. Its campaign's budget is there to be
// counted against, and is more than all can have: nobody is refused, whoever is faster.
const webOffers = `{
  "policy": {"rounding": "half_up"},
  "campaigns": [{"id": "web", "budget": "1000000.00"}],
  "promotions": [
    {"id": "web-ten-percent", "priority": 40, "currency": "{currency}", "when": {"field": "cart.subtotal", "op": ">=", "value": "250"},
     "effect": {"kind": "percent", "value": "10", "cap": "40.00"}, "limits": {"campaign": "web"}},
    {"id": "web-free-shipping", "priority": 10, "currency": "{currency}", "target": "shipping",
     "when": {"field": "cart.subtotal_now", "op": ">=", "value": "120"}, "effect": {"kind": "percent", "value": "100"}, "limits": {"campaign": "web"}}]}`

// webCampaign is the ledger's account of that budget.
const webCampaign = "campaign/web/budget"

// A market is the shop on the web and the bank, on two addresses of this machine, and a
// runner that goes on with what is not known.
type market struct {
	currency   money.Currency
	store      *sqlorders.Store
	orders     *orders.Orders
	promotions *promotions.Ledger
	bank       *orderstest.Gateway
	warehouse  *warehouse
	now        func() time.Time
	client     *http.Client
	address    string // of the shop
	closers    []func() error
	unheard    chan error // reports of the bank that the shop never took
}

// hurry is how much faster the market's clock runs: what a shop waits for in seconds is over
// in hundredths.
const hurry = 100

func openMarket(ctx context.Context, s *shop, script []orderstest.Script) (m *market, err error) {
	start := time.Now()
	m = &market{
		currency: s.orders.Lines[0].Price.Currency(), bank: orderstest.NewGateway(script...), warehouse: &warehouse{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, unheard: make(chan error, 1),
		now: func() time.Time { return s.opening.Add(hurry * time.Since(start)) },
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	snapshot, err := m.openPromotions(ctx, s)
	if err != nil {
		return m, err
	}
	if err := m.openStore(ctx, s); err != nil {
		return m, err
	}
	bank, err := m.serve(orderstest.GatewayHandler(m.bank))
	if err != nil {
		return m, err
	}
	pricer := glue.Pricer{Engine: s.prices, Parcel: money.New(4_95, m.currency)}
	promoter := glue.Promoter{Ledger: m.promotions, Snapshot: snapshot}
	// What a shop gives a buyer minutes for has a day here, and calls an hour: the clock must
	// not overtake a machine that is slow.
	const day = 24 * time.Hour
	m.orders, err = orders.New(m.store, pricer, orderstest.NewGatewayClient(bank, m.client), m.warehouse, orders.Config{
		Discounts: promoter, Redeem: promoter, Now: m.now,
		HoldFor: day, PayFor: day, BuyerFor: day, UnknownFor: day, CallFor: time.Hour,
	})
	if err != nil {
		return m, err
	}
	secret := []byte("known to the bank and the shop")
	front := &web.Shop{Orders: m.orders, Currency: m.currency, Secret: secret}
	if m.address, err = m.serve(front.Handler()); err != nil {
		return m, err
	}
	m.report(ctx, web.Reporter{Shop: m.address, Client: m.client, Secret: secret})
	return m, m.run(ctx)
}

func (m *market) openPromotions(ctx context.Context, s *shop) (*promotions.Snapshot, error) {
	set, err := promotions.Parse(strings.NewReader(strings.ReplaceAll(webOffers, "{currency}", m.currency.Code())))
	if err != nil {
		return nil, err
	}
	if m.promotions, err = openLedger(ctx, s, m.now); err != nil {
		return nil, err
	}
	return promotions.Compile(set, promotions.CompileConfig{})
}

func (m *market) openStore(ctx context.Context, s *shop) (err error) {
	dialect := sqlorders.SQLite
	if s.db.PostgreSQL {
		dialect = sqlorders.PostgreSQL
	}
	if m.store, err = sqlorders.New(s.db.DB, sqlorders.Config{Dialect: dialect, Prefix: "shop_orders_"}); err != nil {
		return err
	}
	return m.store.Migrate(ctx)
}

// serve answers on an address of this machine until the market closes.
func (m *market) serve(h http.Handler) (address string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing to wait for
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: nil}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	m.closers = append(m.closers, func() error {
		if err := server.Close(); err != nil {
			return err
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return "http://" + listener.Addr().String(), nil
}

// report has the bank tell the shop what happened. The first report that is never heard is
// kept for the end.
func (m *market) report(ctx context.Context, r web.Reporter) {
	m.bank.Now = m.now
	m.bank.Webhook = func(e orders.PaymentEvent) {
		if err := r.Report(ctx, e); err != nil {
			select {
			case m.unheard <- err:
			default:
			}
		}
	}
}

// run starts the runner, which ends with the market.
func (m *market) run(ctx context.Context) error {
	runner, err := orders.NewRunner(m.orders, orders.RunnerConfig{Poll: 5 * time.Millisecond})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	m.closers = append(m.closers, func() error {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	})
	return nil
}

// close ends what was started, in the opposite order.
func (m *market) close() error {
	var errs []error
	for len(m.closers) > 0 {
		last := len(m.closers) - 1
		errs = append(errs, m.closers[last]())
		m.closers = m.closers[:last]
	}
	m.client.CloseIdleConnections()
	return errors.Join(errs...)
}

// A warehouse packs what it is given, and keeps back what has not left, which here is all.
type warehouse struct {
	mu     sync.Mutex
	packed map[orders.OrderID]int64 // units
}

// HandOver implements orders.Fulfilment: the same order again is packed once.
func (w *warehouse) HandOver(_ context.Context, h orders.HandOver) (orders.Outcome, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.packed == nil {
		w.packed = map[orders.OrderID]int64{}
	}
	var units int64
	for _, l := range h.Lines {
		units += l.Quantity
	}
	w.packed[h.Order] = units
	return orders.Outcome{Status: orders.Done}, nil
}

// Stop implements orders.Fulfilment.
func (w *warehouse) Stop(context.Context, string, []orders.LineQty) (orders.Outcome, error) {
	return orders.Outcome{Status: orders.Done}, nil
}

// orders is how many were packed.
func (w *warehouse) orders() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.packed)
}
