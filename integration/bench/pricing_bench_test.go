package bench_test

import (
	"slices"
	"testing"
	"time"

	shopspring "github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// BenchmarkPriceVsNaive reports how many times the time of package pricing, with
// its trace, a linear scan without one takes for the same queries (x-naive), and
// the time of one price of each (ns-...), both of the median turn.
func BenchmarkPriceVsNaive(b *testing.B) {
	const (
		rules  = 100_000
		engine = 10_000 // prices a turn: each query once
		naive  = 10
	)
	rs, queries := pricingtest.Workload(rules, 1)
	s, err := pricing.Compile(rs)
	if err != nil {
		b.Fatal(err)
	}
	scan := priceScan{rules: rs.Rules}
	for i := range 200 {
		quote, err := s.Price(queries[i])
		if err != nil {
			b.Fatal(err)
		}
		if unit, line := scan.price(&queries[i]); !unit.Equal(quote.Unit.Decimal()) || !line.Equal(quote.Line.Decimal()) {
			b.Fatalf("query %d: the scan says %v and %v, pricing %v and %v", i, unit, line, quote.Unit, quote.Line)
		}
	}
	var quote pricing.Quote
	var ours, theirs []time.Duration
	next := 0
	query := func() *pricing.Query {
		next++
		return &queries[next%len(queries)]
	}
	for b.Loop() {
		begin := time.Now()
		for range engine {
			if err := s.PriceInto(query(), &quote); err != nil {
				b.Fatal(err)
			}
		}
		ours = append(ours, time.Since(begin)/engine)
		begin = time.Now()
		for range naive {
			scan.price(query())
		}
		theirs = append(theirs, time.Since(begin)/naive)
	}
	b.ReportMetric(float64(median(ours)), "ns-tenon")
	b.ReportMetric(float64(median(theirs)), "ns-naive")
	b.ReportMetric(float64(median(theirs))/float64(median(ours)), "x-naive")
}

// priceScan is what one writes first: one pass over all rules, which keeps the
// best of each kind, and then a few lines of decimal arithmetic. It knows what
// the workload has and tests the cheapest first, so most rules cost it one
// comparison of two strings.
type priceScan struct{ rules []pricing.Rule }

func (s priceScan) price(q *pricing.Query) (unit, line shopspring.Decimal) {
	var best [pricing.KindRound + 1]*pricing.Rule
	for i := range s.rules {
		r := &s.rules[i]
		if !scanScope(r, q) || !scanHolds(r, q) {
			continue
		}
		if of := best[r.Kind]; of == nil || scanBetter(r, of, q) {
			best[r.Kind] = r
		}
	}
	price := best[pricing.KindBase]
	if contract := best[pricing.KindContract]; contract != nil {
		price = contract
	}
	unit = scanAmount(price)
	for _, kind := range []pricing.Kind{pricing.KindTier, pricing.KindVolume, pricing.KindSale} {
		if r := best[kind]; r != nil {
			unit = unit.Sub(unit.Mul(r.Effect.(pricing.PercentOff).Percent).Shift(-2)) //nolint:errcheck,forcetypeassert // all of the workload's are
		}
	}
	if floor := best[pricing.KindFloor]; floor != nil {
		unit = shopspring.Max(unit, scanAmount(floor))
	}
	unit = unit.RoundBank(2)
	return unit, unit.Mul(q.Qty).RoundBank(2)
}

func scanScope(r *pricing.Rule, q *pricing.Query) bool {
	switch r.On.Level {
	case pricing.Product:
		return r.On.ID == q.Product
	case pricing.Category:
		return slices.Contains(q.Categories, r.On.ID)
	case pricing.Variant:
		return q.Variant != "" && r.On.ID == q.Variant
	default:
		return true
	}
}

func scanHolds(r *pricing.Rule, q *pricing.Query) bool {
	if !r.From.IsZero() && q.At.Before(r.From) || !r.Until.IsZero() && !q.At.Before(r.Until) {
		return false
	}
	if r.MinQty.Valid && q.Qty.LessThan(r.MinQty.Decimal) || r.MaxQty.Valid && q.Qty.GreaterThan(r.MaxQty.Decimal) {
		return false
	}
	if r.Currency != (money.Currency{}) && r.Currency != q.Currency {
		return false
	}
	leaf, ok := r.When.(pricing.Leaf)
	switch {
	case !ok:
		return true
	case leaf.Field == "customer.id":
		return q.Customer.ID == leaf.Values[0]
	default:
		return slices.ContainsFunc(q.Customer.Segments, func(s string) bool { return slices.Contains(leaf.Values, s) })
	}
}

func scanBetter(r, than *pricing.Rule, q *pricing.Query) bool {
	if r.Kind == pricing.KindFloor {
		return scanAmount(r).GreaterThan(scanAmount(than))
	}
	if r.Priority != than.Priority {
		return r.Priority > than.Priority
	}
	if r.On.Level != than.On.Level {
		return r.On.Level > than.On.Level
	}
	return r.On.Level == pricing.Category && slices.Index(q.Categories, r.On.ID) < slices.Index(q.Categories, than.On.ID)
}

func scanAmount(r *pricing.Rule) shopspring.Decimal {
	return r.Effect.(pricing.SetTo).Amount.Decimal() //nolint:errcheck,forcetypeassert // all of the workload's are
}
