package promotions_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest"
)

// BenchmarkEvaluate has one sequential stage.
func BenchmarkEvaluate(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"1k", 1_000}, {"100k", 100_000}} {
		set, cart := promotionstest.Workload(size.n)
		s, err := promotions.Compile(set, promotions.CompileConfig{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run("lines=10/promos="+size.name, func(b *testing.B) {
			var r promotions.Result
			b.ReportAllocs()
			for b.Loop() {
				if err := s.EvaluateInto(cart, promotions.Options{}, &r); err != nil {
					b.Fatal(err)
				}
			}
			if len(r.Applied) == 0 {
				b.Fatal("nothing fired")
			}
			b.ReportMetric(float64(len(r.Applied)), "fired")
			b.ReportMetric(float64(len(r.Applied)+len(r.Rejected)), "candidates")
		})
	}
}

func TestEvaluateIntoAllocatesLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("a pool drops what it holds under the race detector")
	}
	set, cart := promotionstest.Workload(1_000)
	s, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var r promotions.Result
	n := testing.AllocsPerRun(100, func() {
		if err := s.EvaluateInto(cart, promotions.Options{}, &r); err != nil {
			t.Fatal(err)
		}
	})
	if n > 8 {
		t.Errorf("%v allocations, want at most 8", n)
	}
	if len(r.Applied) != 6 || len(r.Rejected) != 26 {
		t.Errorf("%d fired, %d rejected", len(r.Applied), len(r.Rejected))
	}
}

// BenchmarkCompile compiles the workload of BenchmarkEvaluate.
func BenchmarkCompile(b *testing.B) {
	set, _ := promotionstest.Workload(100_000)
	b.Run("promos=100k", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := promotions.Compile(set, promotions.CompileConfig{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkOptimal searches a thousand carts, and reports what the slowest but ten took.
func BenchmarkOptimal(b *testing.B) {
	b.Run("n=25", func(b *testing.B) {
		const carts = 1_000
		snapshots, inputs := make([]*promotions.Snapshot, carts), make([]promotions.Cart, carts)
		for i := range carts {
			set, cart := promotionstest.OptimalWorkload(uint64(i), 25)
			s, err := promotions.Compile(set, promotions.CompileConfig{})
			if err != nil {
				b.Fatal(err)
			}
			snapshots[i], inputs[i] = s, cart
		}
		took := make([]time.Duration, carts)
		certified, nodes, i := 0, 0, 0
		for b.Loop() {
			start := time.Now()
			r, err := snapshots[i%carts].Evaluate(inputs[i%carts], promotions.Options{WhyNot: promotions.None})
			took[i%carts] = time.Since(start)
			if err != nil {
				b.Fatal(err)
			}
			if i++; r.Optimal {
				certified++
			}
			nodes += r.Nodes
		}
		took = took[:min(i, carts)]
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns")
		b.ReportMetric(100*float64(certified)/float64(i), "%certified")
		b.ReportMetric(float64(nodes)/float64(i), "nodes")
	})
}

// Every cart of the benchmark is certified.
func TestTheOptimalWorkloadIsCertified(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		set, cart := promotionstest.OptimalWorkload(seed, 25)
		s, err := promotions.Compile(set, promotions.CompileConfig{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Evaluate(cart, promotions.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !r.Optimal || r.Bound != r.Discount {
			t.Errorf("seed %d: certified %v after %d nodes, %v of at most %v", seed, r.Optimal, r.Nodes, r.Discount, r.Bound)
		}
	}
}

// BenchmarkBXGY shows that the cost of a line does not depend on its quantity.
//
// Invariant: promotions P7.
func BenchmarkBXGY(b *testing.B) {
	set, err := promotions.Parse(strings.NewReader(`{"promotions": [{"id": "p", "effect": {"kind": "bxgy", "buy": {"qty": 2}, "get": {"qty": 1}, "value": {"percent": "100"}}}]}`))
	if err != nil {
		b.Fatal(err)
	}
	s, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []struct {
		name string
		qty  string
	}{{"10", "10"}, {"1e6", "1000000"}} {
		cart, err := promotions.ParseCart(strings.NewReader(`{"currency": "EUR", "lines": [{"id": "a", "price": "9.99", "qty": ` + size.qty + `}]}`))
		if err != nil {
			b.Fatal(err)
		}
		b.Run("qty="+size.name, func(b *testing.B) {
			var r promotions.Result
			b.ReportAllocs()
			for b.Loop() {
				if err := s.EvaluateInto(cart, promotions.Options{}, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
