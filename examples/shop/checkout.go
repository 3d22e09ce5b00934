package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/tenon-go/tenon/examples/shop/web"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
)

// shoppers is how many people buy at a time; every third clicks twice, and every tenth
// order is given back before it leaves.
const (
	shoppers    = 8
	doubleClick = 3
	giveBack    = 10
)

// checkoutScene has the people of the file buy everything again, all at once, where there
// is too little for all, at a bank that fails in every way that banks have.
func checkoutScene(ctx context.Context, s *shop) (err error) {
	baskets, wanted, odd := basketsOf(s.orders.Lines)
	script, kinds := troubles(len(baskets))
	m, err := openMarket(ctx, s, script)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	opening, err := m.fillShelves(ctx, wanted)
	if err != nil {
		return err
	}
	var units int64
	for _, n := range wanted {
		units += n
	}
	s.out.printf("%d baskets want %d units of %d products; on hand is four fifths of each, rounded down: %d\n", len(baskets), units, len(wanted), sum(opening))
	s.out.printf("left out: %d rows without a price, as listed above, and %d lines of no whole number of units\n", len(s.orders.Skipped), odd)
	s.out.printf("%d people buy at a time, over HTTP; the bank is a server of its own, and has %d ways to fail\n\n", shoppers, kinds)

	bought, err := m.sell(ctx, s, baskets)
	if err != nil {
		return err
	}
	if err := m.takeBack(ctx, bought); err != nil {
		return err
	}
	sheet, err := m.balance(ctx, opening, bought)
	if err != nil {
		return err
	}
	sheet.print(s.out)
	return nil
}

// basketsOf makes a basket of each invoice, and counts what all of them want. Odd are the
// lines that no basket can have.
func basketsOf(lines []Line) (baskets []web.Basket, wanted map[string]int64, odd int) {
	index := map[string]int{}
	wanted = map[string]int64{}
	for _, l := range lines {
		if !l.Quantity.IsInteger() {
			odd++
			continue
		}
		i, ok := index[l.Invoice]
		if !ok {
			i = len(baskets)
			index[l.Invoice] = i
			baskets = append(baskets, web.Basket{
				Form: "form-" + l.Invoice, Customer: l.Customer, Email: "buyer-" + l.Invoice + "@shop.example", Country: l.Country,
			})
		}
		units := l.Quantity.IntPart()
		baskets[i].Items = append(baskets[i].Items, web.Item{SKU: l.Code, Quantity: units})
		wanted[l.Code] += units
	}
	return baskets, wanted, odd
}

// troubles are what the bank does wrong, in turn, with two calls of five.
func troubles(baskets int) (script []orderstest.Script, kinds int) {
	faults := map[string][]orderstest.Fault{
		"authorise": {
			orderstest.LostAfter, orderstest.LostBefore, orderstest.Twice, orderstest.Refuse,
			orderstest.NotSent, orderstest.WebhookFirst, orderstest.LostLate, orderstest.WebhookTwice,
		},
		"capture": {orderstest.LostLate, orderstest.LostAfter, orderstest.WebhookFirst, orderstest.LostBefore, orderstest.WebhookTwice, orderstest.NotSent},
		"refund":  {orderstest.LostAfter, orderstest.LostBefore},
		"lookup":  {orderstest.LostBefore, orderstest.Lags},
	}
	seen := map[orderstest.Fault]bool{}
	for call, list := range faults {
		for i := range 2 * baskets {
			fault := list[i%len(list)]
			seen[fault] = true
			script = append(script, orderstest.Script{Call: call, Nth: 2 + i*5/2, Fault: fault})
		}
	}
	return script, len(seen)
}

// fillShelves puts four fifths of what is wanted on hand.
func (m *market) fillShelves(ctx context.Context, wanted map[string]int64) (map[string]int64, error) {
	opening := make(map[string]int64, len(wanted))
	for sku, n := range wanted {
		opening[sku] = n * 4 / 5
		if err := m.store.Stock().SetOnHand(ctx, stock.Key{SKU: sku}, opening[sku]); err != nil {
			return nil, err
		}
	}
	return opening, nil
}

// sell lets people buy their baskets, some at a time, in the order of the file.
func (m *market) sell(ctx context.Context, s *shop, baskets []web.Basket) ([]web.Purchase, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	bought := make([]web.Purchase, len(baskets))
	progress := newBar(s.progress, "checkout", len(baskets))
	next := make(chan int)
	var people sync.WaitGroup
	var mu sync.Mutex
	for range shoppers {
		people.Go(func() {
			for i := range next {
				shopper := web.Shopper{Shop: m.address, Client: m.client, Clicks: 1}
				if i%doubleClick == 0 {
					shopper.Clicks = 2
				}
				got, err := shopper.Buy(ctx, baskets[i])
				if err != nil {
					stop(fmt.Errorf("%s: %w", baskets[i].Form, err))
					return
				}
				bought[i] = got
				m.bank.Arrive() // what was lost on its way
				mu.Lock()
				progress.add(1)
				mu.Unlock()
			}
		})
	}
	for i := range baskets {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	people.Wait()
	return bought, context.Cause(ctx)
}

// takeBack cancels every tenth order, which its buyer has paid.
func (m *market) takeBack(ctx context.Context, bought []web.Purchase) error {
	shopper := web.Shopper{Shop: m.address, Client: m.client}
	for i, b := range bought {
		if i%giveBack != 0 || b.Order == "" {
			continue
		}
		if err := shopper.Cancel(ctx, b.Order); err != nil {
			return fmt.Errorf("order %s: %w", b.Order, err)
		}
	}
	return nil
}

func sum(counts map[string]int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// A balanceSheet is what is left when all is over. Who got what depends on who was faster:
// so do its figures, and only that they agree does not.
type balanceSheet struct {
	placed, cancelled, short, nothing, refused int
	calls, failed                              int // of the bank
	opening, sold, left                        int64
	charged, off                               string
}

func (b balanceSheet) print(out *printer) {
	n, count := strconv.Itoa, func(n int64) string { return strconv.FormatInt(n, 10) }
	out.table(false, [][]string{
		{"~ orders", n(b.placed), fmt.Sprintf("of these %d given back", b.cancelled)},
		{"~ people who got nothing", n(b.nothing), fmt.Sprintf("and %d times there were fewer units than wanted", b.short)},
		{"~ calls of the bank", n(b.calls), fmt.Sprintf("of these %d went wrong, and %d cards were refused", b.failed, b.refused)},
		{"~ units on hand before", count(b.opening)},
		{"~ units sold", count(b.sold)},
		{"~ units on hand after", count(b.left)},
		{"~ buyers were charged", b.charged, "what was given back taken off"},
		{"~ promotions took", b.off},
	})
	out.printf("\nevery product: on hand before = sold + on hand after, none reserved\n")
	out.printf("money: orders = the bank's own books = postings, nothing authorised is left, no key moved money twice\n")
	out.printf("promotions: the ledger's balance = what the orders say, nothing reserved\n")
	out.printf("every checkout and order is the fold of its events\n")
}
