package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tenon-go/tenon/examples/shop/web"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A Config says what the shop sells, what goes wrong, and which traces are kept.
type Config struct {
	Prices   orders.Pricer
	Currency money.Currency
	Shelves  map[string]int64 // units on hand
	Now      func() time.Time // the shop's clock

	Bank    []orderstest.Script // what the bank does wrong
	Jams    int                 // at each so manieth parcel the printer of labels jams, above 0
	PerUnit time.Duration       // that packing takes, of a time that nobody waits for

	Policies []sampling.Policy
}

// A Fleet is a browser, a shop, a bank, a warehouse and a collector, which is where their spans go. It serves one buyer at
// a time.
type Fleet struct {
	Collector *Collector
	Witness   *Witness
	Services  []*Service

	orders  *orders.Orders
	browser *Service
	shopper web.Shopper
	closers closers
}

// Open starts all of them.
func Open(ctx context.Context, cfg Config) (f *Fleet, err error) {
	f = &Fleet{Witness: &Witness{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(ctx))
		}
	}()
	if f.Collector, err = openCollector(ctx, cfg.Policies); err != nil {
		return f, err
	}
	f.closers.add(f.Collector.Close)
	for _, s := range []struct {
		name string
		way  Way
	}{{"browser", OverJSON}, {"shop", OverHTTP}, {"bank", OverGRPC}, {"warehouse", OverGRPC}} {
		service, err := open(ctx, s.name, s.way, f.Collector, f.Witness)
		if err != nil {
			return f, err
		}
		f.Services = append(f.Services, service)
		f.closers.add(service.close)
	}
	f.browser = f.Services[0]
	return f, f.serve(ctx, cfg, f.Services[1], f.Services[2], f.Services[3])
}

// serve starts what answers: from the ends to the shop.
func (f *Fleet) serve(ctx context.Context, cfg Config, shop, bank, stores *Service) error {
	bankURL, err := f.serveHTTP(bank.serves(orderstest.GatewayHandler(orderstest.NewGateway(cfg.Bank...))))
	if err != nil {
		return err
	}
	queue := make(chan Record, 16)
	w := &warehouse{tracer: stores.tracer("warehouse"), jams: cfg.Jams, perUnit: cfg.PerUnit}
	worked := make(chan error, 1)
	go func() { worked <- w.work(context.WithoutCancel(ctx), queue) }()
	f.closers.add(func(context.Context) error {
		close(queue)
		return <-worked
	})

	store := orders.NewMemoryStore()
	for sku, units := range cfg.Shelves {
		if err := store.Stock().SetOnHand(ctx, stock.Key{SKU: sku}, units); err != nil {
			return err
		}
	}
	gateway := orderstest.NewGatewayClient(bankURL, f.client(shop))
	f.orders, err = orders.New(store, cfg.Prices, gateway, dispatcher{queue, shop.tracer("queue")}, orders.Config{
		Now: cfg.Now, Tracer: shop.tracer("orders"),
	})
	if err != nil {
		return err
	}
	front := &web.Shop{Orders: f.orders, Currency: cfg.Currency}
	shopURL, err := f.serveHTTP(shop.serves(front.Handler()))
	if err != nil {
		return err
	}
	f.shopper = web.Shopper{Shop: shopURL, Client: f.client(f.browser), Clicks: 1}
	return nil
}

func (f *Fleet) serveHTTP(h http.Handler) (string, error) {
	url, stop, err := serveHTTP(h)
	if err == nil {
		f.closers.add(stop)
	}
	return url, err
}

// client returns the client of a service.
func (f *Fleet) client(s *Service) *http.Client {
	client, closeIdle := s.calls()
	f.closers.add(func(context.Context) error {
		closeIdle()
		return nil
	})
	return client
}

// Buy buys a basket, as one trace.
func (f *Fleet) Buy(ctx context.Context, b web.Basket) (trace.TraceID, error) {
	ctx, span := f.browser.tracer("browser").Start(ctx, "buy", trace.WithAttributes(
		attribute.String("form", b.Form), attribute.String("country", b.Country)))
	defer span.End()
	got, err := f.shopper.Buy(ctx, b)
	if err != nil {
		return trace.TraceID{}, fmt.Errorf("%s: %w", b.Form, err)
	}
	order, err := f.orders.Order(ctx, got.Order)
	switch {
	case err != nil:
		return trace.TraceID{}, fmt.Errorf("%s: %w", b.Form, err)
	case order.State != orders.OrderReady:
		return trace.TraceID{}, fmt.Errorf("%s: order %s is %s", b.Form, order.ID, order.State)
	}
	return span.SpanContext().TraceID(), nil
}

// closeFor is how long the end may take.
const closeFor = 10 * time.Second

// Close waits until everything that was bought is packed, ends the services, which send their last spans, and then the
// collector, which decides. What it decided can be asked after that.
func (f *Fleet) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeFor) // also after an interrupt
	defer cancel()
	return f.closers.close(ctx, 0)
}
