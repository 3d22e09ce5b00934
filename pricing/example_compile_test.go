package pricing_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// Rules are plain structs, or come from JSON with ParseRules. A snapshot of them
// prices queries, and says which rules made the price.
func ExampleCompile() {
	usd, err := money.ISO("USD")
	if err != nil {
		fmt.Println(err)
		return
	}
	book := pricing.Scope{Level: pricing.Product, ID: "book"}
	snapshot, err := pricing.Compile(pricing.RuleSet{
		Policy: pricing.Policy{Rounding: money.Rounding{Mode: money.HalfUp}},
		Rules: []pricing.Rule{
			{ID: "list", Kind: pricing.KindBase, On: book, Currency: usd, Effect: pricing.SetTo{Amount: money.New(1999, usd)}},
			{
				ID: "students", Kind: pricing.KindTier, Effect: pricing.PercentOff{Percent: decimal.New(15, 0)},
				When: pricing.Leaf{Field: "customer.segments", Op: "any", Values: []string{"student"}},
			},
			{
				ID: "summer", Kind: pricing.KindSale, On: book, Currency: usd, Effect: pricing.AmountOff{Amount: money.New(200, usd)},
				From: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC),
			},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	quote, err := snapshot.Price(pricing.Query{
		Product: "book", Qty: decimal.New(3, 0), Currency: usd,
		Customer: pricing.Customer{ID: "ada", Segments: []string{"student"}}, At: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(quote.Unit, "each,", quote.Line, "in all")
	for _, step := range quote.Steps {
		fmt.Printf("%-9s %6s\n", step.Rule, step.Delta.Text())
	}
	// Output:
	// 14.99 USD each, 44.97 USD in all
	// list       19.99
	// students  -2.9985
	// summer     -2.00
	//           -0.0015
}

// What is wrong with a rule set comes all at once, by rule, each with its place.
func ExampleCompile_problems() {
	rules, err := pricing.ParseRules([]byte(`{"rules": [
		{"id": "b1", "kind": "base", "on": {"product": "book"}, "currency": "USD", "amount": "10.00"},
		{"id": "b2", "kind": "base", "on": {"product": "book"}, "currency": "USD", "amount": "12.00"},
		{"id": "sale", "kind": "sale", "percent_off": "120", "from": "2026-06-02T00:00:00Z", "until": "2026-06-01T00:00:00Z"},
		{"id": "x", "kind": "base", "on": {"product": "x"}, "currency": "USD", "formula": {"base": "rule:y"}},
		{"id": "y", "kind": "base", "on": {"product": "y"}, "currency": "USD", "formula": {"base": "rule:x"}}
	]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = pricing.Compile(rules)
	if compile, ok := errors.AsType[*pricing.CompileError](err); ok {
		for _, p := range compile.Problems {
			fmt.Println(p.Code, p.Rules)
		}
	}
	if ambiguous, ok := errors.AsType[*pricing.AmbiguousError](err); ok {
		fmt.Println(ambiguous)
	}
	fmt.Println(err)
	// Output:
	// ambiguous [b1 b2]
	// window [sale]
	// range [sale]
	// cycle [x y]
	// ambiguous rules in stage price: b1, b2
	// pricing: compile: 4 problems
	//	rule "b1": rules of equal rank in stage price meet and differ: b1, b2; a priority or the policy's ties can decide
	//	rule "sale": until: not after from: the window is empty
	//	rule "sale": percent_off: 120 is not 0 to 100
	//	rule "x": formula bases go in a circle: x -> y -> x
}
