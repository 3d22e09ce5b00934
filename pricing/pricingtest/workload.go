package pricingtest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// Proportions of the workload. A product has one base; every eighth has a
// contract beside it, and the first of each category the adjustments.
const (
	workloadQueries   = 10_000
	workloadCustomers = 100
	perContract       = 8
	perCategory       = 32
)

// Workload is a shop to measure with: a rule set of about that many rules, at
// least 40, in random order, and 10,000 queries of one second. It is the same for
// the same arguments on every machine.
//
// Of the rules 80 % are bases, one a product; 10 % are contracts of 100
// customers; 10 % are tiers by category and volume prices, sales and floors by
// product. Of the queries 70 % find a base alone, 10 % a contract, and 20 % a
// base, a tier, a volume price and a sale above a floor.
func Workload(rules int, seed uint64) (pricing.RuleSet, []pricing.Query) {
	r := rand.New(rand.NewPCG(seed, 0))
	w := workload{dice: dice{r}, products: rules * 8 / 10, usd: iso("USD")}
	rs := pricing.RuleSet{Rules: w.rules()}
	r.Shuffle(len(rs.Rules), func(i, j int) { rs.Rules[i], rs.Rules[j] = rs.Rules[j], rs.Rules[i] })
	queries := make([]pricing.Query, workloadQueries)
	for i := range queries {
		queries[i] = w.query()
	}
	return rs, queries
}

type workload struct {
	dice
	products int
	usd      money.Currency
}

func productID(i int) string  { return fmt.Sprintf("product-%06d", i) }
func categoryID(i int) string { return fmt.Sprintf("category-%05d", i/perCategory) }
func customerID(i int) string { return fmt.Sprintf("customer-%03d", i) }

// contractFor is the customer who has a contract for a product, if one has.
func contractFor(product int) (customer int, ok bool) {
	return product / perContract % workloadCustomers, product%perContract == 1
}

func (w workload) rules() []pricing.Rule {
	var out []pricing.Rule
	for i := range w.products {
		id, on := productID(i), pricing.Scope{Level: pricing.Product, ID: productID(i)}
		out = append(out, pricing.Rule{ID: "base-" + id, Kind: pricing.KindBase, On: on, Currency: w.usd, Effect: w.price(500, 50_000)})
		if customer, ok := contractFor(i); ok {
			out = append(out, pricing.Rule{
				ID: "contract-" + id, Kind: pricing.KindContract, On: on, Currency: w.usd, Effect: w.price(400, 40_000),
				When: pricing.Leaf{Field: "customer.id", Op: "=", Values: []string{customerID(customer)}},
			})
		}
		if i%perCategory == 0 {
			out = append(out, w.adjustments(i)...)
		}
	}
	return out
}

func (w workload) price(least, most int64) pricing.SetTo {
	return pricing.SetTo{Amount: money.New(least+w.Int64N(most-least), w.usd)}
}

func (w workload) adjustments(i int) []pricing.Rule {
	id, on := productID(i), pricing.Scope{Level: pricing.Product, ID: productID(i)}
	off := func(percent int64) pricing.Effect { return pricing.PercentOff{Percent: decimal.NewFromInt(percent)} }
	return []pricing.Rule{
		{
			ID: "tier-" + categoryID(i), Label: "Gold customers", Kind: pricing.KindTier, Effect: off(1 + w.Int64N(10)),
			On:   pricing.Scope{Level: pricing.Category, ID: categoryID(i)},
			When: pricing.Leaf{Field: "customer.segments", Op: "any", Values: []string{"gold"}},
		},
		{
			ID: "volume-" + id, Label: "From ten on", Kind: pricing.KindVolume, On: on, Effect: off(1 + w.Int64N(10)),
			MinQty: decimal.NewNullDecimal(decimal.NewFromInt(10)),
		},
		{
			ID: "sale-" + id, Label: "Summer sale", Kind: pricing.KindSale, On: on, Effect: off(5 + w.Int64N(30)),
			From: workloadSecond().AddDate(0, -1, 0), Until: workloadSecond().AddDate(0, 1, 0),
		},
		{ID: "floor-" + id, Label: "Floor", Kind: pricing.KindFloor, On: on, Currency: w.usd, Effect: w.price(100, 20_000)},
	}
}

func workloadSecond() time.Time { return time.Date(2026, time.June, 15, 12, 0, 0, 0, time.UTC) }

func (w workload) query() pricing.Query {
	q := pricing.Query{
		Currency: w.usd, Qty: decimal.NewFromInt(1 + w.Int64N(5)), At: workloadSecond(),
		Customer: pricing.Customer{ID: customerID(w.IntN(workloadCustomers))},
		Channel:  "web", Region: "US",
	}
	product := w.IntN(w.products)
	switch kind := w.IntN(10); {
	case kind < 7:
		product |= 2 // neither the first of its category nor one with a contract
	case kind < 8:
		product = product/perContract*perContract + 1
		customer, _ := contractFor(product)
		q.Customer.ID = customerID(customer)
	default:
		product = product / perCategory * perCategory
		q.Customer.Segments = []string{"newsletter", "gold"}
		q.Qty = decimal.NewFromInt(10 + w.Int64N(90))
	}
	product = min(product, w.products-1)
	q.Product, q.Categories = productID(product), []string{categoryID(product), "everything"}
	return q
}
