package main

import (
	"fmt"
	"log"

	"github.com/tenon-go/tenon/pricing"
)

const rules = `{"rules": [
  {"id": "mug", "kind": "base", "on": {"product": "mug"}, "currency": "EUR", "amount": "7.90"},
  {"id": "mug-12", "kind": "volume", "on": {"product": "mug"}, "min_qty": "12", "percent_off": "10"},
  {"id": "vip", "kind": "sale", "percent_off": "5", "when": {"field": "customer.segments", "op": "any", "value": ["vip"]}}]}`

func main() {
	set, err := pricing.ParseRules([]byte(rules))
	if err != nil {
		log.Fatal(err) // every problem, with its place in the JSON
	}
	prices, err := pricing.Compile(set)
	if err != nil {
		log.Fatal(err) // every rule that contradicts itself or another one
	}
	query, err := pricing.ParseQuery([]byte(`{"product": "mug", "qty": "24", "currency": "EUR", "customer": {"segments": ["vip"]}}`))
	if err != nil {
		log.Fatal(err)
	}
	why, err := prices.Explain(query)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(why.Line, "\n", why.Text())
}
