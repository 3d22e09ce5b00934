package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/explain"
	"github.com/tenon-go/tenon/promotions/sqlpromotions"
)

// offers are the shop's promotions; {product} is what it sold first, {currency} that
// of its prices.
const offers = `{
  "policy": {"rounding": "half_up"},
  "campaigns": [{"id": "spring", "budget": "400.00"}],
  "promotions": [
    {"id": "buy-3-pay-2", "priority": 50, "currency": "{currency}",
     "effect": {"kind": "bxgy", "buy": {"where": {"field": "line.product", "op": "=", "value": "{product}"}, "qty": 2},
                "get": {"where": {"field": "line.product", "op": "=", "value": "{product}"}, "qty": 1}, "value": {"percent": "100"}},
     "limits": {"campaign": "spring"}},
    {"id": "ten-percent", "priority": 40, "currency": "{currency}", "when": {"field": "cart.subtotal", "op": ">=", "value": "250"},
     "effect": {"kind": "percent", "value": "10", "cap": "40.00"}, "limits": {"campaign": "spring"}},
    {"id": "five-off", "priority": 30, "currency": "{currency}", "when": {"lines": {"count": {"op": ">=", "value": 40}}},
     "effect": {"kind": "amount", "value": "5.00", "per": "order"}, "stack": {"excludes": ["ten-percent"]}},
    {"id": "welcome", "priority": 20, "currency": "{currency}", "codes": ["WELCOME"],
     "effect": {"kind": "percent", "value": "15", "cap": "20.00"}, "limits": {"per_code": 10}},
    {"id": "free-shipping", "priority": 10, "currency": "{currency}", "target": "shipping",
     "when": {"field": "cart.subtotal_now", "op": ">=", "value": "120"}, "effect": {"kind": "percent", "value": "100"}}]}`

// promotionsScene redeems promotions for every order, and lets shoppers race for a
// code.
func promotionsScene(ctx context.Context, s *shop) error {
	first := s.orders.Lines[0]
	fill := strings.NewReplacer("{product}", first.Code, "{currency}", first.Price.Currency().Code())
	set, err := promotions.Parse(strings.NewReader(fill.Replace(offers)))
	if err != nil {
		return err
	}
	snapshot, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		return err
	}
	ledger, err := openLedger(ctx, s, func() time.Time { return s.opening })
	if err != nil {
		return err
	}
	carts, err := cartsOf(s.orders.Lines)
	if err != nil {
		return err
	}
	day := redeemed{taken: map[string]*fired{}, refused: map[refusal]int{}}
	progress := newBar(s.progress, "promotions", len(carts))
	for _, c := range carts {
		receipt, err := redeem(ctx, ledger, snapshot, "shop/"+c.invoice, c.cart)
		if err != nil {
			return fmt.Errorf("invoice %s: %w", c.invoice, err)
		}
		day.add(c, receipt.Result)
		progress.add(1)
	}
	s.out.printf("%d promotions on %d orders; buy 3 pay 2 is for %s\n", len(set.Promotions), len(carts), first.Code)
	if err := day.print(s, snapshot); err != nil {
		return err
	}
	if err := raceForCode(ctx, s, ledger, snapshot, day.largest.cart); err != nil {
		return err
	}
	return printBalances(ctx, s, ledger, snapshot)
}

// openLedger is the ledger in the shop's database.
func openLedger(ctx context.Context, s *shop, now func() time.Time) (*promotions.Ledger, error) {
	dialect := sqlpromotions.SQLite
	if s.db.PostgreSQL {
		dialect = sqlpromotions.PostgreSQL
	}
	store, err := sqlpromotions.New(s.db.DB, sqlpromotions.Config{Dialect: dialect, Prefix: "shop_promotions_"})
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	return promotions.New(store, promotions.Config{Now: now})
}

// redeem reserves what the promotions take from a cart, and commits it: the order is
// paid.
func redeem(ctx context.Context, l *promotions.Ledger, s *promotions.Snapshot, key string, c promotions.Cart) (promotions.Receipt, error) {
	if _, err := l.Redeem(ctx, key, s, c, promotions.Options{}); err != nil {
		return promotions.Receipt{}, err
	}
	return l.Commit(ctx, key)
}

// invoiceCart is one order as a cart.
type invoiceCart struct {
	invoice string
	cart    promotions.Cart
}

// cartsOf makes a cart of each invoice, in the order of the file.
func cartsOf(lines []Line) ([]invoiceCart, error) {
	var carts []invoiceCart
	index := map[string]int{}
	for _, l := range lines {
		i, ok := index[l.Invoice]
		if !ok {
			c := promotions.Cart{Currency: l.Price.Currency(), At: l.At}
			if l.Customer != "" {
				c.Customer = &promotions.Customer{ID: l.Customer}
			}
			c.Shipping = []promotions.Charge{{ID: "parcel", Method: "standard", Price: money.New(495, c.Currency)}}
			i = len(carts)
			index[l.Invoice] = i
			carts = append(carts, invoiceCart{l.Invoice, c})
		}
		line, err := cartLine(l)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", l.Row, err)
		}
		carts[i].cart.Lines = append(carts[i].cart.Lines, line)
	}
	return carts, nil
}

// cartLine is a row as units of whole pennies. What has no price of whole pennies, or
// no whole quantity, is sold as one thing.
func cartLine(l Line) (promotions.Line, error) {
	line := promotions.Line{ID: strconv.Itoa(l.Row), Product: l.Code, Price: l.Price, Quantity: 1}
	if l.Price.IsSettled() && l.Quantity.IsInteger() {
		line.Quantity = l.Quantity.IntPart()
		return line, nil
	}
	total, err := l.Price.Mul(l.Quantity, money.Rounding{Mode: money.HalfUp})
	line.Price = total
	return line, err
}

// fired is how often a promotion fired, and what it took.
type fired struct {
	times int
	taken money.Sum
}

type refusal struct {
	promotion string
	reason    promotions.Reason
}

// redeemed is what promotions did to some orders.
type redeemed struct {
	subtotal, discount, total money.Sum
	taken                     map[string]*fired
	refused                   map[refusal]int
	largest                   invoiceCart // the one that most promotions fired on, and its result
	result                    promotions.Result
}

func (d *redeemed) add(c invoiceCart, r promotions.Result) {
	d.subtotal.Add(r.Subtotal)
	d.discount.Add(r.Discount)
	d.total.Add(r.Total)
	for _, a := range r.Applied {
		f := d.taken[a.Promotion]
		if f == nil {
			f = &fired{}
			d.taken[a.Promotion] = f
		}
		f.times++
		f.taken.Add(a.Amount)
	}
	for _, j := range r.Rejected {
		d.refused[refusal{j.Promotion, j.Reason}]++
	}
	// Short carts make a picture that fits a page.
	fits := len(c.cart.Lines) <= 12
	if d.largest.invoice == "" || fits && len(r.Applied) > len(d.result.Applied) {
		d.largest, d.result = c, r
	}
}

func (d *redeemed) print(s *shop, snapshot *promotions.Snapshot) error {
	s.out.table(true, [][]string{
		{"before", amount(&d.subtotal)}, {"off", amount(&d.discount)}, {"paid", amount(&d.total)},
	})
	s.out.printf("\nwhat fired, and what did not and why:\n")
	rows := [][]string{{"  promotion", "orders", "taken", "refused"}}
	for _, p := range snapshot.Set().Promotions {
		times, taken := 0, "-"
		if f := d.taken[p.ID]; f != nil {
			times, taken = f.times, amount(&f.taken)
		}
		rows = append(rows, []string{"  " + p.ID, strconv.Itoa(times), taken, d.reasons(p.ID)})
	}
	s.out.table(false, rows)
	s.out.printf("\ninvoice %s:\n", d.largest.invoice)
	return explain.Text(s.out, snapshot, d.largest.cart, d.result)
}

// reasons lists why a promotion did not fire, and how often.
func (d *redeemed) reasons(id string) string {
	var reasons []refusal
	for r := range d.refused {
		if r.promotion == id {
			reasons = append(reasons, r)
		}
	}
	slices.SortFunc(reasons, func(a, b refusal) int {
		return cmp.Or(d.refused[b]-d.refused[a], cmp.Compare(a.reason, b.reason))
	})
	var texts []string
	for _, r := range reasons {
		texts = append(texts, fmt.Sprintf("%d %s", d.refused[r], r.reason))
	}
	return cmp.Or(strings.Join(texts, ", "), "-")
}

// raceForCode lets eight shoppers at a time redeem a code that ten orders may have.
func raceForCode(ctx context.Context, s *shop, l *promotions.Ledger, snapshot *promotions.Snapshot, c promotions.Cart) error {
	const shoppers, each = 8, 5
	c.Codes = []string{"WELCOME"}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		got    int
		failed error
	)
	for n := range shoppers {
		wg.Go(func() {
			for i := range each {
				receipt, err := redeem(ctx, l, snapshot, fmt.Sprintf("code/%d/%d", n, i), c)
				mu.Lock()
				if err != nil {
					failed = errors.Join(failed, err)
				} else if slices.ContainsFunc(receipt.Result.Applied, func(a promotions.Application) bool { return a.Promotion == "welcome" }) {
					got++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return failed
	}
	s.out.printf("\n%d shoppers at once bring the code WELCOME to %d orders: %d get it, the others pay what they would without\n", shoppers, shoppers*each, got)
	return nil
}

// printBalances shows what the limits have come to.
func printBalances(ctx context.Context, s *shop, l *promotions.Ledger, snapshot *promotions.Snapshot) error {
	set := snapshot.Set()
	accounts, err := l.Balances(ctx, []string{"campaign/spring/budget", "code/WELCOME/uses"})
	if err != nil {
		return err
	}
	limits := []string{set.Campaigns[0].Budget.StringFixed(2), "10"}
	rows := [][]string{{"  account", "limit", "committed", "reserved"}}
	for i, a := range accounts {
		rows = append(rows, []string{"  " + a.ID, limits[i], balance(a, a.Committed), balance(a, a.Reserved)})
	}
	s.out.printf("\nbalances:\n")
	s.out.table(false, rows)
	return nil
}

// balance is a number of uses, or an amount.
func balance(a promotions.Account, n int64) string {
	currency, err := money.ISO(a.Unit)
	if err != nil {
		return strconv.FormatInt(n, 10)
	}
	return money.New(n, currency).Text()
}
