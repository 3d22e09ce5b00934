package bench_test

import (
	"testing"

	"github.com/tenon-go/tenon/integration/medusatest"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest"
)

// BenchmarkEvaluateVsMedusa evaluates ten lines against a thousand promotions, beside the
// pure functions of @medusajs/promotion in one node process: no database is asked, and its
// compiler has seen the code before the time is taken.
func BenchmarkEvaluateVsMedusa(b *testing.B) {
	set, cart := promotionstest.Workload(1_000)
	s, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		b.Fatal(err)
	}
	theirs := medusatest.Run(b, medusatest.Job{Set: set, Carts: []promotions.Cart{cart}, Repeat: 200})
	var r promotions.Result
	for b.Loop() {
		if err := s.EvaluateInto(cart, promotions.Options{}, &r); err != nil {
			b.Fatal(err)
		}
	}
	var off int
	for _, l := range r.Lines {
		if l.Discount.Sign() > 0 {
			off++
		}
	}
	if off == 0 || off != len(theirs.Carts[0].Lines) {
		b.Fatalf("ours takes from %d lines, theirs from %d", off, len(theirs.Carts[0].Lines))
	}
	ours := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(theirs.NsPerEvaluate, "medusa-ns/op")
	b.ReportMetric(theirs.NsPerEvaluate/ours, "x-medusa")
}
