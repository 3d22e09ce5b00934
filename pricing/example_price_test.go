package pricing_test

import (
	"fmt"
	"log"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// compiled reads a rule set in its JSON form.
func compiled(rules string) *pricing.Snapshot {
	rs, err := pricing.ParseRules([]byte(rules))
	if err != nil {
		log.Fatal(err)
	}
	s, err := pricing.Compile(rs)
	if err != nil {
		log.Fatal(err)
	}
	return s
}

func dollars() money.Currency {
	usd, err := money.ISO("USD")
	if err != nil {
		log.Fatal(err)
	}
	return usd
}

func ExampleSnapshot_Price() {
	s := compiled(`{"rules": [
		{"id": "base", "kind": "base", "on": {"product": "mug"}, "currency": "USD", "amount": "10.50"},
		{"id": "gold", "kind": "tier", "percent_off": "10", "when": {"field": "customer.segments", "op": "any", "value": ["gold"]}},
		{"id": "summer", "kind": "sale", "on": {"category": "kitchen"}, "percent_off": "15"}
	]}`)
	quote, err := s.Price(pricing.Query{
		Product: "mug", Categories: []string{"kitchen"}, Qty: decimal.NewFromInt(3), Currency: dollars(),
		Customer: pricing.Customer{ID: "c1", Segments: []string{"gold"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range quote.Steps {
		fmt.Printf("%-10s %-7s %8s -> %s\n", step.Stage, step.Rule, step.Delta.Text(), step.After.Text())
	}
	fmt.Println("unit", quote.Unit, "line", quote.Line)
	// Output:
	// price      base       10.50 -> 10.50
	// tier       gold       -1.05 -> 9.45
	// sale       summer   -1.4175 -> 8.0325
	// total               -0.0025 -> 8.03
	// unit 8.03 USD line 24.09 USD
}

func ExampleSnapshot_Explain() {
	s := compiled(`{"rules": [
		{"id": "base", "kind": "base", "on": {"product": "mug"}, "currency": "USD", "amount": "10.00"},
		{"id": "dozen", "kind": "volume", "min_qty": "12", "percent_off": "10"},
		{"id": "gold", "kind": "tier", "percent_off": "10", "when": {"field": "customer.segments", "op": "any", "value": ["gold"]}},
		{"id": "spring", "kind": "sale", "percent_off": "5"},
		{"id": "summer", "kind": "sale", "on": {"product": "mug"}, "percent_off": "20"}
	]}`)
	explanation, err := s.Explain(pricing.Query{Product: "mug", Qty: decimal.NewFromInt(3), Currency: dollars()})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range explanation.Rejected {
		fmt.Println(r.Rule, r.Reason)
	}
	fmt.Print(explanation.Text())
	// Output:
	// gold condition
	// dozen quantity
	// spring outranked
	// price of a unit in USD
	// base    +10.00  10.00  ++++++++++++++++++++++++++++++++++++++++
	// summer   -2.00   8.00                                  --------
	// unit             8.00  ================================
	// line: 24.00
	// not applied:
	//   gold: customer.segments any gold, got []
	//   dozen: not for this quantity
	//   spring: summer ranks higher
}

// A price in euros, quoted in dollars: exact until the one rounding at the end.
func Example_currency() {
	s := compiled(`{"policy": {"convert": true, "pivot": "EUR"}, "rules": [
		{"id": "base", "kind": "base", "on": {"product": "mug"}, "currency": "EUR", "amount": "19.99"},
		{"id": "sale", "kind": "sale", "percent_off": "12.5"}
	]}`)
	eur, err := money.ISO("EUR")
	if err != nil {
		log.Fatal(err)
	}
	at := time.Date(2026, time.June, 1, 9, 0, 0, 0, time.UTC)
	rates, err := pricing.NewRates([]pricing.Rate{
		{From: eur, To: dollars(), Rate: decimal.RequireFromString("1.0837"), AsOf: at, Source: "bank"},
	})
	if err != nil {
		log.Fatal(err)
	}
	quote, err := s.Price(pricing.Query{Product: "mug", Qty: decimal.NewFromInt(1), Currency: dollars(), At: at, Rates: rates})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(quote.List, "list,", quote.Unit, "sale, at", quote.FX.Rates[0].Rate, "of", quote.FX.Rates[0].Source)
	// Output: 21.66 USD list, 18.96 USD sale, at 1.0837 of bank
}

// The same steps as a volume price, where the quantity's step prices all units,
// and graduated, where each step prices its share.
func Example_volumeTiers() {
	const steps = `"steps": [{"up_to": "5", "unit": "7.00"}, {"up_to": "10", "unit": "6.50"}, {"unit": "6.00"}]`
	for _, mode := range []string{"volume", "graduated"} {
		s := compiled(`{"rules": [{"id": "seats", "kind": "base", "currency": "USD", "charge": {"mode": "` + mode + `", ` + steps + `}}]}`)
		for _, qty := range []int64{5, 6, 25} {
			quote, err := s.Price(pricing.Query{Product: "seat", Qty: decimal.NewFromInt(qty), Currency: dollars()})
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(mode, qty, "units:", quote.Line)
		}
	}
	// Output:
	// volume 5 units: 35.00 USD
	// volume 6 units: 39.00 USD
	// volume 25 units: 150.00 USD
	// graduated 5 units: 35.00 USD
	// graduated 6 units: 41.50 USD
	// graduated 25 units: 157.50 USD
}

// A contract comes before every list or base price, even where it is dearer.
func Example_contract() {
	s := compiled(`{"rules": [
		{"id": "base", "kind": "base", "on": {"product": "mug"}, "currency": "USD", "amount": "9.00"},
		{"id": "acme", "kind": "contract", "on": {"product": "mug"}, "currency": "USD", "amount": "9.40",
			"when": {"field": "customer.id", "op": "=", "value": "acme"}}
	]}`)
	for _, customer := range []string{"acme", "other"} {
		quote, err := s.Price(pricing.Query{
			Product: "mug", Qty: decimal.NewFromInt(1), Currency: dollars(), Customer: pricing.Customer{ID: customer},
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(customer, quote.Unit, quote.Steps[0].Kind)
	}
	// Output:
	// acme 9.40 USD contract
	// other 9.00 USD base
}

// Prices that end in .99, without falling below a floor.
func Example_charmPrices() {
	const charm = `{"id": "charm", "kind": "round", "currency": "USD", "round": {"increment": "1.00", "offset": "-0.01"}}`
	const floor = `{"id": "floor", "kind": "floor", "currency": "USD", "amount": "17.00"}`
	for _, rules := range []string{charm, charm + "," + floor} {
		s := compiled(`{"rules": [{"id": "base", "kind": "base", "currency": "USD", "amount": "17.34"}, ` + rules + `]}`)
		quote, err := s.Price(pricing.Query{Product: "mug", Qty: decimal.NewFromInt(1), Currency: dollars()})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(quote.Unit)
	}
	// Output:
	// 16.99 USD
	// 17.99 USD
}
