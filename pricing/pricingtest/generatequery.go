package pricingtest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// RandomQuery draws a query for a set of [RandomRules]: most of its ids, times
// and currencies are ones that the rules speak of. One query in 25 is bad: it
// has a quantity, size, cost, tax rate, time, product or currency that must be
// refused.
func RandomQuery(r *rand.Rand, rs pricing.RuleSet) pricing.Query {
	d := dice{r}
	q := pricing.Query{
		Product: d.product(), Qty: d.queryQuantity(), Currency: d.queryCurrency(rs),
		Channel: pick(d, "", "web", "pos"), Region: pick(d, "", "US", "US", "DE"),
		Customer: pricing.Customer{ID: pick(d, "", "acme", "acme", "bob")},
		At:       d.queryTime(rs),
	}
	if d.oneIn(2) {
		q.Variant = d.variant()
	}
	for _, i := range d.Perm(3)[:d.IntN(4)] {
		q.Categories = append(q.Categories, d.categories()[i])
	}
	for _, segment := range []string{"gold", "silver", "staff"} {
		if d.oneIn(2) {
			q.Customer.Segments = append(q.Customer.Segments, segment)
		}
	}
	if d.oneIn(2) {
		q.Attributes = map[string]string{"color": pick(d, "red", "blue", "")}
	}
	if d.oneIn(2) {
		q.Numbers = map[string]decimal.Decimal{"weight": d.quantity()}
	}
	if !d.oneIn(8) {
		q.Cost = d.amount(pick(d, q.Currency, q.Currency, q.Currency, iso("EUR")))
	}
	if rs.Policy.Convert && !d.oneIn(10) || d.oneIn(20) {
		q.Rates = d.rates()
	}
	if rs.Policy.Tax != pricing.TaxNone && d.oneIn(2) {
		q.TaxRate = maybe(must(decimal.NewFromString(pick(d, "0", "5.5", "7", "19", "25", "8.875"))))
	}
	if d.oneIn(25) {
		d.spoil(&q)
	}
	return q
}

func (d dice) queryQuantity() decimal.Decimal {
	switch d.IntN(10) {
	case 0:
		return decimal.Decimal{}
	case 1:
		return decimal.New(d.Int64N(1_000_000_000), -6)
	case 2:
		return must(decimal.NewFromString(pick(d, "0.000001", "1000000000000", "999999999999.999999", "123456789")))
	case 3, 4:
		return decimal.NewFromInt(d.Int64N(40))
	default:
		return d.quantity()
	}
}

func (d dice) queryCurrency(rs pricing.RuleSet) money.Currency {
	if len(rs.Rules) > 0 && !d.oneIn(6) {
		if c := pick(d, rs.Rules...).Currency; !c.IsZero() {
			return c
		}
	}
	return d.currency()
}

// queryTime is at or beside a bound of a rule, in any zone and with any
// fraction of its second, or zero where no rule has a date.
func (d dice) queryTime(rs pricing.RuleSet) time.Time {
	at := d.moment()
	timeless := rs.Policy.MaxAge == 0
	for _, r := range rs.Rules {
		if !dated(r) {
			continue
		}
		timeless = false
		if bound := pick(d, r.From, r.Until); !bound.IsZero() && d.oneIn(3) {
			at = bound.Add(time.Second * time.Duration(pick(d, -1, 0, 1)))
		}
	}
	if timeless && d.oneIn(2) {
		return time.Time{}
	}
	if d.oneIn(3) {
		at = at.Add(time.Duration(d.Int64N(int64(time.Second)))).In(time.FixedZone("", 3600*pick(d, -8, 2)))
	}
	return at
}

// rates draws a table with direct rates, inverse ones, ones that are old, and
// ones that are not yet known. Most tables have the euro against everything.
func (d dice) rates() *pricing.Rates {
	type key struct {
		from, to money.Currency
		asOf     time.Time
	}
	seen := make(map[key]bool)
	var out []pricing.Rate
	add := func(from, to money.Currency, asOf time.Time) {
		k := key{from, to, asOf}
		if from == to || seen[k] {
			return
		}
		seen[k] = true
		rate := must(decimal.NewFromString(pick(d, "1.0837", "0.9228", "163.27", "0.3075", "3", "0.00001234", "1", "12345.678901")))
		out = append(out, pricing.Rate{From: from, To: to, Rate: rate, AsOf: asOf, Source: "table"})
	}
	if euro := iso("EUR"); !d.oneIn(5) {
		for _, c := range currencies() {
			if from, to := euro, c; d.oneIn(2) {
				add(from, to, epoch().Add(pick(d, -72*time.Hour, -24*time.Hour)))
			} else {
				add(to, from, epoch().Add(pick(d, -2*time.Hour, -time.Hour)))
			}
		}
	}
	for range d.IntN(8) {
		add(d.currency(), d.currency(), d.moment())
	}
	return must(pricing.NewRates(out))
}

// spoil makes the query bad in one way.
func (d dice) spoil(q *pricing.Query) {
	switch d.IntN(11) {
	case 0:
		q.Qty = decimal.NewFromInt(-1)
	case 1:
		q.Qty = must(decimal.NewFromString("1000000000000.000001"))
	case 2:
		q.Qty = decimal.New(1, -7)
	case 3:
		q.Product = ""
	case 4:
		q.Currency = money.Currency{}
	case 5:
		q.Categories = make([]string, 65)
		for i := range q.Categories {
			q.Categories[i] = fmt.Sprintf("c%d", i)
		}
	case 6:
		q.Customer.Segments = make([]string, 257)
		for i := range q.Customer.Segments {
			q.Customer.Segments[i] = fmt.Sprintf("s%d", i)
		}
	case 7:
		q.Attributes = make(map[string]string)
		for i := range 65 {
			q.Attributes[fmt.Sprintf("a%d", i)] = "x"
		}
	case 8:
		q.Cost = money.New(-1, pick(d, currencies()...))
	case 9:
		q.TaxRate = maybe(decimal.NewFromInt(19)) // bad only where the policy has no tax mode
	default:
		q.At = time.Time{} // bad only where the set has dates
	}
}
