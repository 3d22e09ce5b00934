package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/sqlpricing"
)

const bookName = "shop"

// pricingScene learns a price book, publishes it, and prices every order.
func pricingScene(ctx context.Context, s *shop) error {
	engine, err := publish(ctx, s)
	if err != nil {
		return err
	}
	s.prices = engine
	listSkipped(s)
	priced, err := priceOrders(s, engine)
	if err != nil {
		return err
	}
	printTotals(s, priced)
	if err := explainLine(s, engine, priced); err != nil {
		return err
	}
	return printDemo(s, engine)
}

// publish saves the learnt book as a draft, publishes it as a version and loads
// it into an engine: the way a price change takes in a host with many nodes.
func publish(ctx context.Context, s *shop) (*pricing.Engine, error) {
	dialect := sqlpricing.SQLite
	if s.db.PostgreSQL {
		dialect = sqlpricing.PostgreSQL
	}
	store, err := sqlpricing.New(s.db.DB, sqlpricing.Config{Dialect: dialect, Prefix: "shop_"})
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	eve := func() time.Time { return s.opening.Add(-time.Hour) }
	book, err := pricing.NewBook(store, bookName, pricing.BookConfig{Now: eve})
	if err != nil {
		return nil, err
	}
	learnt := learn(s.orders.Lines)
	demo, err := demoRules(s.orders.Lines, learnt)
	if err != nil {
		return nil, err
	}
	rules := pricing.RuleSet{Policy: policy(s.orders.Lines), Rules: slices.Concat(learnt, demo)}
	draft, err := book.Save(ctx, pricing.Draft{Rules: rules})
	if err != nil {
		return nil, err
	}
	head, err := book.Publish(ctx, pricing.Publication{Revision: draft.Revision, EffectiveFrom: s.opening, By: "shop", Note: "learnt from the orders"})
	if err != nil {
		return nil, err
	}
	engine, err := pricing.New(pricing.Config{Now: eve})
	if err != nil {
		return nil, err
	}
	source, err := pricing.NewSource(store, bookName, engine, pricing.SourceConfig{Now: eve})
	if err != nil {
		return nil, err
	}
	if _, err := source.Refresh(ctx); err != nil {
		return nil, err
	}
	s.out.printf("price book: %d rules learnt from the prices that were paid and %d of the demo's own, version %d in force from %s\ndigest %v\n",
		len(learnt), len(demo), head.Version, head.EffectiveFrom.Format(time.RFC3339), head.Digest)
	return engine, nil
}

// policy rounds half up: lines to the penny, and unit prices to as many digits
// as the file has, because a price of a tenth of a penny is not zero.
func policy(lines []Line) pricing.Policy {
	extra := 0
	for _, l := range lines {
		_, scale := l.Price.Unscaled()
		extra = max(extra, scale-l.Price.Currency().Digits())
	}
	return pricing.Policy{
		Rounding:     money.Rounding{Mode: money.HalfUp, Extra: uint8(extra)}, // #nosec G115 -- at most 18
		LineRounding: &money.Rounding{Mode: money.HalfUp},
		Convert:      true,
	}
}

// listSkipped prints every row that has no price, and how many for which reason.
func listSkipped(s *shop) {
	s.out.printf("\nnot priced: %d of %d rows\n", len(s.orders.Skipped), s.orders.Rows)
	var rows [][]string
	returns := 0
	for _, k := range s.orders.Skipped {
		reason := k.Reason
		if k.Return {
			returns++
			reason += ", kept for the returns desk"
		}
		rows = append(rows, []string{fmt.Sprintf("  row %d", k.Row), k.Invoice, k.Code, reason})
	}
	s.out.table(false, rows)
	s.out.printf("of these %d returns and %d others\n", returns, len(s.orders.Skipped)-returns)
}

// pricedLine is a line with what the book says of it.
type pricedLine struct {
	Line
	paid money.Amount // price x quantity, to the penny
	book money.Amount
	diff money.Amount // book - paid
	// steps is the number of rules that made the price.
	steps int
}

// priceOrders prices the lines in batches, one an order and second: a batch is
// answered by one version of the book.
func priceOrders(s *shop, engine *pricing.Engine) ([]pricedLine, error) {
	lines := s.orders.Lines
	progress := newBar(s.progress, "pricing", len(lines))
	priced := make([]pricedLine, 0, len(lines))
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && lines[n].Invoice == lines[0].Invoice && lines[n].At.Equal(lines[0].At) {
			n++
		}
		queries := make([]pricing.Query, n)
		for i, l := range lines[:n] {
			queries[i] = query(l)
		}
		quotes := make([]pricing.Quote, n)
		if err := engine.PriceBatch(queries, quotes); err != nil {
			return nil, fmt.Errorf("invoice %s: %w", lines[0].Invoice, err)
		}
		for i, l := range lines[:n] {
			p, err := compareLine(l, quotes[i])
			if err != nil {
				return nil, fmt.Errorf("row %d: %w", l.Row, err)
			}
			priced = append(priced, p)
		}
		progress.add(n)
		lines = lines[n:]
	}
	return priced, nil
}

func query(l Line) pricing.Query {
	return pricing.Query{
		Product: l.Code, Qty: l.Quantity, Currency: l.Price.Currency(),
		Customer: pricing.Customer{ID: l.Customer}, Channel: "shop", Region: l.Country, At: l.At,
	}
}

func compareLine(l Line, q pricing.Quote) (pricedLine, error) {
	if q.Err != nil {
		return pricedLine{}, q.Err
	}
	paid, err := l.Price.Mul(l.Quantity, money.Rounding{Mode: money.HalfUp})
	if err != nil {
		return pricedLine{}, err
	}
	diff, err := q.Line.Sub(paid)
	if err != nil {
		return pricedLine{}, err
	}
	return pricedLine{Line: l, paid: paid, book: q.Line, diff: diff, steps: len(q.Steps)}, nil
}

// totals are the sums of some lines.
type totals struct {
	lines            int
	paid, book, diff money.Sum
}

// newTotals is a sum of nothing, in a currency.
func newTotals(c money.Currency) totals {
	var t totals
	t.paid.Add(money.New(0, c))
	t.book, t.diff = t.paid, t.paid
	return t
}

func (t *totals) add(p pricedLine) {
	t.lines++
	t.paid.Add(p.paid)
	t.book.Add(p.book)
	t.diff.Add(p.diff)
}

func printTotals(s *shop, priced []pricedLine) {
	zero := newTotals(s.orders.Lines[0].Price.Currency())
	same, above, below, all := zero, zero, zero, zero
	for _, p := range priced {
		all.add(p)
		switch p.diff.Sign() {
		case 0:
			same.add(p)
		case 1:
			above.add(p)
		default:
			below.add(p)
		}
	}
	s.out.printf("\nthe book against what was paid; it has one price a product and quantity, so lines sold at another one differ:\nrows in %d = priced %d + not priced %d\n", s.orders.Rows, len(priced), len(s.orders.Skipped))
	s.out.table(true, [][]string{
		{"", "lines", "paid", "book", "book - paid"},
		same.row("reproduced to the penny"),
		above.row("book above paid"),
		below.row("book below paid"),
		all.row("all"),
	})
}

func (t *totals) row(name string) []string {
	return []string{name, strconv.Itoa(t.lines), amount(&t.paid), amount(&t.book), amount(&t.diff)}
}

func amount(s *money.Sum) string {
	a, err := s.Amount()
	if err != nil {
		return err.Error()
	}
	return a.String()
}

// explainLine draws the first line that took more than one rule.
func explainLine(s *shop, engine *pricing.Engine, priced []pricedLine) error {
	i := max(0, slices.IndexFunc(priced, func(p pricedLine) bool { return p.steps > 1 }))
	p := priced[i]
	explanation, err := engine.Explain(query(p.Line))
	if err != nil {
		return err
	}
	s.out.printf("\nwhy row %d of invoice %s (%s of %s) costs %s each:\n%s",
		p.Row, p.Invoice, p.Quantity, p.Name, explanation.Unit, explanation.Text())
	return nil
}

// The demo's own customers and channel. No line of a file has them.
const (
	demoCustomer = "demo-customer"
	demoChannel  = "demo"
)

// demoRules are a contract, a sale and a price list in euros on the product
// that was sold most often, made from its learnt price.
func demoRules(lines []Line, learnt []pricing.Rule) ([]pricing.Rule, error) {
	product := bestSeller(lines)
	price, err := learntPrice(learnt, product)
	if err != nil {
		return nil, err
	}
	eur, err := money.ISO("EUR")
	if err != nil {
		return nil, err
	}
	contract, err := price.Percent(decimal.NewFromInt(90), money.Rounding{Mode: money.HalfUp})
	if err != nil {
		return nil, err
	}
	list, err := money.FromDecimal(price.Decimal().Mul(decimal.RequireFromString("1.25")).Round(2), eur)
	if err != nil {
		return nil, err
	}
	on := pricing.Scope{Level: pricing.Product, ID: product}
	inChannel := pricing.Leaf{Field: "channel", Op: "=", Values: []string{demoChannel}}
	return []pricing.Rule{
		{
			ID: "demo/contract", Label: "demo contract", Kind: pricing.KindContract, On: on, Currency: price.Currency(), Effect: pricing.SetTo{Amount: contract},
			When: pricing.Leaf{Field: "customer.id", Op: "=", Values: []string{demoCustomer}},
		},
		{ID: "demo/eur", Label: "price list in euros", Kind: pricing.KindList, On: on, Currency: eur, Effect: pricing.SetTo{Amount: list}, When: pricing.All{inChannel, pricing.Leaf{Field: "currency", Op: "=", Values: []string{"EUR"}}}},
		{ID: "demo/sale", Label: "demo sale, 15 % off", Kind: pricing.KindSale, Effect: pricing.PercentOff{Percent: decimal.NewFromInt(15)}, When: inChannel},
	}, nil
}

// bestSeller is the product with most lines; of two the first in the alphabet.
func bestSeller(lines []Line) string {
	count := map[string]int{}
	for _, l := range lines {
		count[l.Code]++
	}
	return slices.MaxFunc(slices.Sorted(maps.Keys(count)), func(a, b string) int { return count[a] - count[b] })
}

// learntPrice is the base price of a product.
func learntPrice(learnt []pricing.Rule, product string) (money.Amount, error) {
	for _, r := range learnt {
		if set, ok := r.Effect.(pricing.SetTo); ok && r.Kind == pricing.KindBase && r.On.ID == product {
			return set.Amount, nil
		}
	}
	return money.Amount{}, fmt.Errorf("no base price was learnt for %s", product)
}

// printDemo prices one unit of the best seller for the demo's own customers and
// draws the one with most rules.
func printDemo(s *shop, engine *pricing.Engine) error {
	product, gbp := bestSeller(s.orders.Lines), s.orders.Lines[0].Price.Currency()
	eur, err := money.ISO("EUR")
	if err != nil {
		return err
	}
	rates, err := pricing.NewRates([]pricing.Rate{{From: gbp, To: eur, Rate: decimal.RequireFromString("1.1834"), AsOf: s.opening, Source: "demo"}})
	if err != nil {
		return err
	}
	guest := pricing.Query{Product: product, Qty: decimal.NewFromInt(1), Currency: gbp, Channel: "shop", At: s.opening, Rates: rates}
	inEuros, contract, onSale, both := guest, guest, guest, guest
	inEuros.Currency = eur
	contract.Customer.ID = demoCustomer
	onSale.Channel = demoChannel
	both.Channel, both.Customer.ID = demoChannel, demoCustomer
	listed := onSale
	listed.Currency = eur

	s.out.printf("\none unit of %s:\n", product)
	var rows [][]string
	for _, row := range []struct {
		who string
		q   pricing.Query
	}{
		{"anybody", guest},
		{"anybody, in euros by rate", inEuros},
		{"a customer with a contract", contract},
		{"the demo channel, on sale", onSale},
		{"the demo channel, from the list in euros", listed},
		{"contract and sale", both},
	} {
		q, err := engine.Price(row.q)
		if err != nil {
			return fmt.Errorf("%s: %w", row.who, err)
		}
		rows = append(rows, []string{"  " + row.who, q.Unit.String()})
	}
	s.out.table(false, rows)
	explanation, err := engine.Explain(both)
	if err != nil {
		return err
	}
	s.out.printf("\n%s", explanation.Text())
	return nil
}
