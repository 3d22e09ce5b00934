package pricingtest_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// A hundred random questions, asked of an engine and of the oracle.
func ExampleNaive() {
	r := rand.New(rand.NewPCG(2026, 6))
	rules := pricingtest.RandomRules(r)
	snapshot, err := pricing.Compile(rules)
	if err != nil {
		fmt.Println(err)
		return
	}
	differ := 0
	for range 100 {
		query := pricingtest.RandomQuery(r, rules)
		got, err := snapshot.Price(query)
		want, wantErr := pricingtest.Naive(rules, query)
		if got.Line != want.Line || (err == nil) != (wantErr == nil) {
			differ++
		}
	}
	fmt.Println("differ:", differ)
	// Output: differ: 0
}
