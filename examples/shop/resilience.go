package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
)

// guardSpecs are the guards of the shop as they would stand in its
// configuration. Delays are short so that the scene is.
const guardSpecs = `{
  "payments": {
    "retry":    {"max_attempts": 3, "backoff": {"kind": "fixed", "base": "1ms"}, "budget": {"kind": "token", "tokens": 200, "ratio": 0.1}},
    "breaker":  {"failure_ratio": 0.5, "min_calls": 20},
    "bulkhead": {"limit": 8}},
  "carrier": {
    "breaker":  {"failure_ratio": 0.5, "min_calls": 10},
    "bulkhead": {"limit": 4}}}`

// resilienceScene sends payments and parcels through guards. Card gateway and
// carrier are stand-ins: the shop has none of its own yet.
func resilienceScene(ctx context.Context, s *shop) error {
	specs, err := guard.ParseSpecs(strings.NewReader(guardSpecs))
	if err != nil {
		return err
	}
	registry, err := guard.NewRegistry(guard.RegistryConfig{})
	if err != nil {
		return err
	}
	if _, err := registry.Apply(specs); err != nil {
		return err
	}
	payments, carrier := registry.Guard("payments"), registry.Guard("carrier")
	s.out.printf("worst case of a payment:\n%s", specs["payments"].Explain())
	orders, err := firstOrders(s.orders.Lines, 50)
	if err != nil {
		return err
	}
	if err := payAll(ctx, s, payments, orders); err != nil {
		return err
	}
	if err := carrierHangs(ctx, s, carrier, payments, orders); err != nil {
		return err
	}
	carrierIsDown(ctx, s, carrier)
	return nil
}

// order is what there is to pay for one invoice.
type order struct {
	invoice string
	total   money.Amount
}

// firstOrders are the first n invoices of the file.
func firstOrders(lines []Line, n int) ([]order, error) {
	sums := map[string]*money.Sum{}
	var invoices []string
	for _, l := range lines {
		if sums[l.Invoice] == nil {
			if len(invoices) == n {
				break
			}
			invoices = append(invoices, l.Invoice)
			sums[l.Invoice] = new(money.Sum)
		}
		paid, err := l.Price.Mul(l.Quantity, money.Rounding{Mode: money.HalfUp})
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", l.Row, err)
		}
		sums[l.Invoice].Add(paid)
	}
	orders := make([]order, len(invoices))
	for i, invoice := range invoices {
		total, err := sums[invoice].Amount()
		if err != nil {
			return nil, fmt.Errorf("invoice %s: %w", invoice, err)
		}
		orders[i] = order{invoice, total}
	}
	return orders, nil
}

// gateway charges cards, at most once for a key. Every seventh call it is not
// available, and of every fifth its answer is lost after the charge.
type gateway struct {
	calls   int
	charged map[string]money.Amount
}

func (g *gateway) charge(ctx context.Context, amount money.Amount) error {
	g.calls++
	if g.calls%7 == 0 {
		return resilience.WithVerdict(errors.New("503 service unavailable"), resilience.Verdict{Kind: resilience.KindTransient, Code: "503", Answered: true})
	}
	g.charged[resilience.Key(ctx)] = amount
	if g.calls%5 == 0 {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// pay charges one order under a key of its own, so that it is safe to repeat.
func pay(ctx context.Context, g *guard.Guard, cards *gateway, o order) error {
	ctx = resilience.WithKey(ctx, "shop/"+o.invoice)
	return guard.Run(ctx, g, func(ctx context.Context) error { return cards.charge(ctx, o.total) })
}

// payAll pays orders at a gateway that fails, and shows that each was charged
// once.
func payAll(ctx context.Context, s *shop, g *guard.Guard, orders []order) error {
	cards := &gateway{charged: map[string]money.Amount{}}
	var owed, charged money.Sum
	for _, o := range orders {
		if err := pay(ctx, g, cards, o); err != nil {
			return fmt.Errorf("invoice %s: %w", o.invoice, err)
		}
		owed.Add(o.total)
	}
	for _, amount := range cards.charged {
		charged.Add(amount)
	}
	s.out.printf("\n%d payments over a gateway that fails every seventh call and loses every fifth answer:\n", len(orders))
	s.out.table(false, [][]string{
		{"  owed", amount(&owed)},
		{"  charged", amount(&charged), fmt.Sprintf("by %d charges in %d calls", len(cards.charged), cards.calls)},
	})
	s.out.printf("%s", g.Stats())
	return nil
}

// carrierHangs fills the carrier's bulkhead with calls that do not come back.
// More calls are refused at once, and payments go on as if nothing were.
func carrierHangs(ctx context.Context, s *shop, carrier, payments *guard.Guard, orders []order) error {
	const parcels = 20
	entered, release := make(chan struct{}, parcels), make(chan struct{})
	var calls sync.WaitGroup
	limit := carrier.Stats().Bulkhead.Limit
	failed := make(chan error, limit)
	for range limit {
		calls.Go(func() {
			failed <- guard.Run(ctx, carrier, func(context.Context) error {
				entered <- struct{}{}
				<-release
				return nil
			})
		})
	}
	for range limit {
		<-entered
	}
	full := 0
	start := time.Now()
	for range parcels - limit {
		if err := guard.Run(ctx, carrier, func(context.Context) error { return nil }); errors.Is(err, bulkhead.ErrFull) {
			full++
		}
	}
	refusal := time.Since(start) / time.Duration(parcels-limit)
	cards := &gateway{charged: map[string]money.Amount{}}
	for _, o := range orders {
		if err := pay(ctx, payments, cards, o); err != nil {
			return fmt.Errorf("invoice %s, while the carrier hangs: %w", o.invoice, err)
		}
	}
	s.out.printf("\nthe carrier hangs: of %d parcels %d wait for it, %d are refused at once, and %d payments go through meanwhile\n%s%s",
		parcels, limit, full, len(cards.charged), carrier.Stats(), payments.Stats())
	s.out.printf("took %v for a refusal\n", refusal)
	close(release)
	calls.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return fmt.Errorf("a parcel that waited: %w", err)
		}
	}
	return nil
}

// carrierIsDown lets every call fail until the breaker opens. From then on the
// carrier is left alone, and parcels are noted for later.
func carrierIsDown(ctx context.Context, s *shop, carrier *guard.Guard) {
	const parcels = 100
	asked, later := 0, 0
	for range parcels {
		_, _ = guard.DoOr(ctx, carrier, func(context.Context) (string, error) {
			asked++
			return "", errors.New("connection refused")
		}, func(context.Context, error) (string, error) {
			later++
			return "later", nil
		})
	}
	s.out.printf("\nthe carrier is down: of %d parcels %d ask it before the breaker opens, all %d are noted for later\n%s", parcels, asked, later, carrier.Stats())
}
