package bench_test

import (
	"testing"

	"github.com/shopspring/decimal"
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
	if len(r.Applied) == 0 || len(r.Lines) != len(theirs.Carts[0].Lines) {
		b.Fatalf("%d fired on %d lines, theirs takes from %d", len(r.Applied), len(r.Lines), len(theirs.Carts[0].Lines))
	}
	// Theirs does not round, ours does for each that fired.
	within := decimal.NewFromInt(int64(len(r.Applied)))
	for _, l := range r.Lines {
		want, err := decimal.NewFromString(theirs.Carts[0].Lines[l.ID])
		if err != nil {
			b.Fatal(err)
		}
		if got, ok := l.Discount.Minor(); !ok || want.Shift(2).Sub(decimal.NewFromInt(got)).Abs().GreaterThan(within) {
			b.Fatalf("%s: ours is %v, theirs %v", l.ID, l.Discount, want)
		}
	}
	ours := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(theirs.NsPerEvaluate, "medusa-ns/op")
	b.ReportMetric(theirs.NsPerEvaluate/ours, "x-medusa")
}
