package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/explain"
)

const (
	set = `{"policy": {"rounding": "half_up"}, "promotions": [
  {"id": "mugs-3-for-2", "priority": 1, "effect": {"kind": "bxgy", "buy": {"qty": 2}, "get": {"qty": 1}, "value": {"percent": "100"}}},
  {"id": "hello", "codes": ["HELLO"], "currency": "EUR", "limits": {"uses": 100, "budget": "500.00"}, "effect": {"kind": "amount", "value": "5.00", "per": "order"}},
  {"id": "free-post", "target": "shipping", "when": {"field": "cart.subtotal_now", "op": ">=", "value": "40"}, "effect": {"kind": "percent", "value": "100"}}]}`
	basket = `{"currency": "EUR", "codes": ["hello"], "lines": [{"id": "mug", "price": "7.90", "qty": 3}], "shipping": [{"id": "parcel", "price": "4.95"}]}`
)

func main() {
	ctx := context.Background()
	offers, err := promotions.Parse(strings.NewReader(set))
	check(err) // every problem, with its place in the JSON
	snapshot, err := promotions.Compile(offers, promotions.CompileConfig{})
	check(err)
	cart, err := promotions.ParseCart(strings.NewReader(basket))
	check(err)
	ledger, err := promotions.New(promotions.NewMemoryStore(), promotions.Config{}) // a store of sqlpromotions keeps it
	check(err)
	receipt, err := ledger.Redeem(ctx, "order/1042", snapshot, cart, promotions.Options{}) // reserves uses and budget
	check(err)
	receipt, err = ledger.Commit(ctx, receipt.Key) // the order is paid; Release gives it back
	check(err)
	fmt.Println(receipt.State, receipt.Result.Total)
	check(explain.Text(os.Stdout, snapshot, cart, receipt.Result))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
