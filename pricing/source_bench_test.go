package pricing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

func newMemoryStore(*testing.B) pricing.Store { return pricing.NewMemoryStore() }

// BenchmarkRefresh loads a version in which ten of 100,000 rules changed.
func BenchmarkRefresh(b *testing.B) { pricingtest.BenchmarkRefresh(b, newMemoryStore) }

func BenchmarkMemoryStore(b *testing.B) { pricingtest.BenchmarkStore(b, newMemoryStore) }

// BenchmarkEngine shows what an engine with an armed version adds to a snapshot.
func BenchmarkEngine(b *testing.B) {
	s, queries := workload(b, 1000)
	e, err := pricing.New(pricing.Config{Now: start})
	if err != nil {
		b.Fatal(err)
	}
	rs := pricing.RuleSet{Policy: s.Policy(), Rules: slices.Collect(s.Rules())}
	for _, from := range []time.Time{{}, queries[0].At.AddDate(1, 0, 0)} {
		rs.Version++
		rs.EffectiveFrom = from
		v, err := pricing.Compile(rs)
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Publish(v); err != nil {
			b.Fatal(err)
		}
	}
	e.Confirm(queries[0].At)
	var dst pricing.Quote
	for name, price := range map[string]func(*pricing.Query, *pricing.Quote) error{"snapshot": s.PriceInto, "engine": e.PriceInto} {
		b.Run(name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				if err := price(&queries[i%len(queries)], &dst); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
