package pricing_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// workload compiles the shop to measure with, and checks that its queries are
// what they are said to be.
func workload(b *testing.B, rules int) (*pricing.Snapshot, []pricing.Query) {
	b.Helper()
	rs, queries := pricingtest.Workload(rules, 1)
	s, err := pricing.Compile(rs)
	if err != nil {
		b.Fatal(err)
	}
	kinds := make(map[int]int) // queries by steps: base or contract alone, or with three more
	for i := range queries {
		quote, err := s.Price(queries[i])
		if err != nil {
			b.Fatal(err)
		}
		kinds[len(slices.DeleteFunc(quote.Steps, func(s pricing.Step) bool { return s.Stage == pricing.StageTotal }))]++
	}
	if full := kinds[4] + kinds[5]; full < len(queries)/6 || full > len(queries)/4 {
		b.Fatalf("queries by number of steps: %v", kinds)
	}
	return s, queries
}

// BenchmarkPrice prices 10,000 queries in turn, with all steps, each call timed
// by itself. p99-ns includes the clock, about 50 ns.
func BenchmarkPrice(b *testing.B) {
	for _, size := range []struct {
		name  string
		rules int
	}{{"1k", 1_000}, {"100k", 100_000}, {"1M", 1_000_000}} {
		b.Run("rules="+size.name, func(b *testing.B) {
			s, queries := workload(b, size.rules)
			took := make([]time.Duration, 0, 1<<20)
			var quote pricing.Quote
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				if err := s.PriceInto(&queries[i], &quote); err != nil {
					b.Fatal(err)
				}
				if elapsed := time.Since(start); len(took) < cap(took) {
					took = append(took, elapsed)
				}
				if i++; i == len(queries) {
					i = 0
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns")
		})
	}
}

// BenchmarkExactPath prices a margin without end, on big rationals.
func BenchmarkExactPath(b *testing.B) {
	r := ruling{
		rules: `{"id":"c","kind":"cost_plus","margin":"30"},{"id":"s","kind":"sale","percent_off":"12.5"}`,
		query: `"cost":{"amount":"60.01","currency":"USD"}`,
	}
	s, q := r.compile(b), r.ask(b)
	var quote pricing.Quote
	b.ReportAllocs()
	for b.Loop() {
		if err := s.PriceInto(&q, &quote); err != nil {
			b.Fatal(err)
		}
	}
	if !quote.Exact {
		b.Fatal("not on the exact path")
	}
}

// BenchmarkBatch prices carts of ten lines: ns/line compares with BenchmarkPrice.
func BenchmarkBatch(b *testing.B) {
	const lines = 10
	b.Run(fmt.Sprintf("lines=%d", lines), func(b *testing.B) {
		s, queries := workload(b, 100_000)
		quotes := make([]pricing.Quote, lines)
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			if err := s.PriceBatch(queries[i:i+lines], quotes); err != nil {
				b.Fatal(err)
			}
			if i += lines; i == len(queries) {
				i = 0
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
	})
}

func BenchmarkExplain(b *testing.B) {
	s, queries := workload(b, 100_000)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Explain(queries[i]); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(queries) {
			i = 0
		}
	}
}

// BenchmarkCompile includes the digest. B/rule is the heap that a snapshot keeps
// after the rule set is gone.
func BenchmarkCompile(b *testing.B) {
	const rules = 100_000
	b.Run("rules=100k", func(b *testing.B) {
		rs, _ := pricingtest.Workload(rules, 1)
		for b.Loop() {
			if _, err := pricing.Compile(rs); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(residentPerRule(b, rules), "B/rule")
	})
}

func residentPerRule(b *testing.B, rules int) float64 {
	b.Helper()
	heap := func() uint64 {
		runtime.GC()
		runtime.GC() // the first one empties pools into their victims
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	rs, _ := pricingtest.Workload(rules, 1)
	s, err := pricing.Compile(rs)
	if err != nil {
		b.Fatal(err)
	}
	after := heap() // rs is no longer alive
	n := s.Len()
	runtime.KeepAlive(s)
	return float64(after-before) / float64(n)
}
