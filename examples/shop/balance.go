package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tenon-go/tenon/examples/shop/web"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/money/ledger"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
)

// settleFor is how long the last calls may take, and a database that is used by others too
// to show the last events.
const settleFor = time.Minute

// errUnsettled is a balance that is not yet right, as long as something is under way.
var errUnsettled = errors.New("does not balance")

// balance compares all books when everything is settled. That they do not agree in the end
// is an error.
func (m *market) balance(ctx context.Context, opening map[string]int64, bought []web.Purchase) (balanceSheet, error) {
	for deadline := time.Now().Add(settleFor); ; {
		b, err := m.compare(ctx, opening, bought)
		if err == nil {
			select {
			case err = <-m.unheard:
			default:
				err = orderstest.Check(ctx, m.store, m.now())
			}
		}
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return b, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// compare reads all books once.
func (m *market) compare(ctx context.Context, opening map[string]int64, bought []web.Purchase) (balanceSheet, error) {
	b := balanceSheet{opening: sum(opening)}
	for _, p := range bought {
		b.short += p.Short
		b.refused += p.Refused
		if p.Order == "" {
			b.nothing++
		}
	}
	for _, call := range m.bank.Log() {
		b.calls++
		if len(strings.Fields(call)) > 4 { // the name, key, amount and currency of the call, and its fault
			b.failed++
		}
	}
	sold, total, off, err := m.readOrders(ctx, bought, &b)
	if err != nil {
		return b, err
	}
	b.sold, b.charged, b.off = sum(sold), total.String(), off.String()
	if b.left, err = m.compareStock(ctx, opening, sold); err != nil {
		return b, err
	}
	if err := m.compareMoney(ctx, total); err != nil {
		return b, err
	}
	return b, m.comparePromotions(ctx, off)
}

// readOrders sums up the orders that people have: units sold by product, what is charged for
// them, and what promotions took.
func (m *market) readOrders(ctx context.Context, bought []web.Purchase, b *balanceSheet) (sold map[string]int64, total, off money.Amount, err error) {
	sold = map[string]int64{}
	var charged, taken money.Sum
	charged.Add(money.New(0, m.currency))
	taken.Add(money.New(0, m.currency))
	for _, p := range bought {
		if p.Order == "" {
			continue
		}
		o, err := m.orders.Order(ctx, p.Order)
		if err != nil {
			return nil, total, off, err
		}
		b.placed++
		charged.Add(o.Total)
		charged.Sub(o.Cancelled)
		switch o.State {
		case orders.OrderCancelled:
			b.cancelled++
		case orders.OrderReady:
			for _, a := range o.Adjustments {
				taken.Sub(a.Net)
			}
		default:
			return nil, total, off, fmt.Errorf("%w: order %s is %s %s", errUnsettled, o.ID, o.State, o.Reason)
		}
		for _, l := range o.Lines {
			sold[l.SKU] += l.Quantity - o.Units[l.ID].Cancelled
		}
	}
	if packed := m.warehouse.orders(); packed != b.placed {
		return nil, total, off, fmt.Errorf("%w: %d orders, %d packed", errUnsettled, b.placed, packed)
	}
	total, err = charged.Amount()
	if err != nil {
		return nil, total, off, err
	}
	off, err = taken.Amount()
	return sold, total, off, err
}

func (m *market) compareStock(ctx context.Context, opening, sold map[string]int64) (left int64, err error) {
	keys := make([]stock.Key, 0, len(opening))
	for sku := range opening {
		keys = append(keys, stock.Key{SKU: sku})
	}
	levels, err := m.store.Stock().Levels(ctx, keys)
	if err != nil {
		return 0, err
	}
	for _, l := range levels {
		left += l.OnHand
		if l.OnHand+sold[l.SKU] != opening[l.SKU] || l.Reserved != 0 {
			return left, fmt.Errorf("%w: %v, %d sold of %d", errUnsettled, l, sold[l.SKU], opening[l.SKU])
		}
	}
	return left, nil
}

// compareMoney compares what orders say that buyers were charged with the bank's books and
// with the postings.
func (m *market) compareMoney(ctx context.Context, total money.Amount) error {
	live, captured := m.bank.Books(m.currency)
	if doubled := m.bank.Doubled(); captured != total || live.Sign() != 0 || len(doubled) > 0 {
		return fmt.Errorf("%w: orders are charged %s, the bank has %s and %s authorised, twice %q", errUnsettled, total, captured, live, doubled)
	}
	var books ledger.Book
	for t, err := range m.store.Postings(ctx, 0) {
		if err != nil {
			return err
		}
		if err := books.Post(t); err != nil {
			return err
		}
	}
	if clearing := books.Balance("psp_clearing", m.currency); clearing != total {
		return fmt.Errorf("%w: orders are charged %s, postings have %s", errUnsettled, total, clearing)
	}
	for account, amount := range books.Trial() {
		owed := strings.HasPrefix(account, "receivable/") || strings.HasPrefix(account, "refunds_payable/")
		if owed && amount.Sign() != 0 {
			return fmt.Errorf("%w: %s is %s", errUnsettled, account, amount)
		}
	}
	return nil
}

func (m *market) comparePromotions(ctx context.Context, off money.Amount) error {
	accounts, err := m.promotions.Balances(ctx, []string{webCampaign})
	if err != nil {
		return err
	}
	account := accounts[0]
	if taken := money.New(account.Committed, m.currency); taken != off || account.Reserved != 0 {
		return fmt.Errorf("%w: orders have %s off, the ledger has %s and %d reserved", errUnsettled, off, taken, account.Reserved)
	}
	return nil
}
