package explain_test

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/explain"
)

// offers is half price on mugs, and free shipping from 100.00 after discounts.
const offers = `{"promotions": [
  {"id": "half", "title": "Half price on mugs", "priority": 1, "where": {"field": "line.product", "op": "=", "value": "mug"}, "effect": {"kind": "percent", "value": "50"}},
  {"id": "free", "currency": "EUR", "target": "shipping", "when": {"field": "cart.subtotal_now", "op": ">=", "value": "100"}, "effect": {"kind": "percent", "value": "100"}}]}`

// explained evaluates a cart of mugs and a pan.
func explained() (*promotions.Snapshot, promotions.Cart, promotions.Result) {
	set, err := promotions.Parse(strings.NewReader(offers))
	if err != nil {
		log.Fatal(err)
	}
	s, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		log.Fatal(err)
	}
	c, err := promotions.ParseCart(strings.NewReader(`{"currency": "EUR", "lines": [{"id": "mugs", "product": "mug", "price": "8.00", "qty": 5}, {"id": "pan", "price": "60.00"}],
		"shipping": [{"id": "post", "price": "4.90"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	r, err := s.Evaluate(c, promotions.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return s, c, r
}

func ExampleText() {
	s, c, r := explained()
	if err := explain.Text(os.Stdout, s, c, r); err != nil {
		log.Fatal(err)
	}
	// Output:
	// EUR                   before    half     off   pays
	// mugs   5 x 8.00, mug   40.00  -20.00  -20.00  20.00  =======.......|
	// pan    1 x 60.00       60.00            0.00  60.00  ====================|
	// post   shipping         4.90            0.00   4.90  ==|
	// ---------------------------------------------------
	// total                 104.90  -20.00  -20.00  84.90
	// tax: 84.90 net + 0.00 tax = 84.90 gross
	// fired, in this order:
	//   half (Half price on mugs): 20.00 off mugs
	// not fired:
	//   free: needs 100.00 after discounts, has 80.00; add 20.00
}

// One sentence, for whoever asks why a promotion did not come.
func ExampleWhy() {
	_, _, r := explained()
	fmt.Println(explain.Why(r, "free"))
	// Output:
	// free: needs 100.00 after discounts, has 80.00; add 20.00
}
