package promotions_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/tenon-go/tenon/promotions"
)

// compiled compiles a set that is known to be right.
func compiled(text string) *promotions.Snapshot {
	set, err := promotions.Parse(strings.NewReader(text))
	if err != nil {
		log.Fatal(err)
	}
	s, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		log.Fatal(err)
	}
	return s
}

// evaluated evaluates a cart.
func evaluated(s *promotions.Snapshot, cart string) promotions.Result {
	c, err := promotions.ParseCart(strings.NewReader(cart))
	if err != nil {
		log.Fatal(err)
	}
	r, err := s.Evaluate(c, promotions.Options{WhyNot: promotions.All})
	if err != nil {
		log.Fatal(err)
	}
	return r
}

// One promotion fires by itself, another one for who brings its code.
func ExampleSnapshot_Evaluate() {
	s := compiled(`{"policy": {"rounding": "half_up"}, "promotions": [
	  {"id": "mugs", "priority": 2, "where": {"field": "line.categories", "op": "any", "value": ["mugs"]}, "effect": {"kind": "percent", "value": "15"}},
	  {"id": "hello", "priority": 1, "codes": ["HELLO"], "currency": "EUR", "effect": {"kind": "amount", "value": "5.00", "per": "order"}}]}`)
	for _, codes := range []string{`[]`, `["hello"]`} {
		r := evaluated(s, `{"currency": "EUR", "codes": `+codes+`, "lines": [
		  {"id": "a", "price": "10.50", "qty": 3, "categories": ["mugs"]}, {"id": "b", "price": "20.00"}]}`)
		for _, a := range r.Applied {
			fmt.Println(strings.TrimSpace(a.Promotion + ": " + a.Amount.String() + " " + a.Code))
		}
		for _, j := range r.Rejected {
			fmt.Println(j.Promotion, "not:", j.Reason)
		}
		fmt.Println("to pay", r.Total)
	}
	// Output:
	// mugs: 4.73 EUR
	// hello not: code
	// to pay 46.77 EUR
	// mugs: 4.73 EUR
	// hello: 5.00 EUR hello
	// to pay 41.77 EUR
}

// Everything that is wrong with a set is said at once.
func ExampleCompile() {
	set, err := promotions.Parse(strings.NewReader(`{"promotions": [
	  {"id": "a", "effect": {"kind": "percent", "value": "120"}},
	  {"id": "b", "effect": {"kind": "amount", "value": "5.00"}},
	  {"id": "c", "stage": "late", "effect": {"kind": "percent", "value": "5"}}]}`))
	if err != nil {
		log.Fatal(err)
	}
	_, err = promotions.Compile(set, promotions.CompileConfig{})
	if invalid, ok := err.(*promotions.InvalidError); ok { //nolint:errorlint // it is never wrapped
		for _, p := range invalid.Problems {
			fmt.Printf("%s: %s\n", p.Path, p.Text)
		}
	}
	// Output:
	// promotions[0].effect.value: 120 is not 0 to 100 with at most 18 decimals
	// promotions[1].currency: required, as effect.value names money: invalid currency
	// promotions[2].stage: there is no stage "late"
}

// The same promotions in every mode, on one cart.
func Example_stages() {
	const cart = `{"currency": "EUR", "lines": [{"id": "a", "price": "60.00"}, {"id": "b", "price": "40.00"}]}`
	for _, mode := range []string{"sequential", "first", "best", "lowest", "optimal"} {
		s := compiled(`{"stages": [{"name": "s", "mode": "` + mode + `"}], "promotions": [
		  {"id": "ten", "priority": 3, "effect": {"kind": "percent", "value": "10"}},
		  {"id": "a20", "priority": 2, "where": {"field": "line.price", "op": ">", "value": "50"}, "effect": {"kind": "percent", "value": "20"}, "stack": {"excludes": ["ten"]}},
		  {"id": "five", "priority": 1, "currency": "EUR", "effect": {"kind": "amount", "value": "5", "per": "order"}}]}`)
		r := evaluated(s, cart)
		var fired []string
		for _, a := range r.Applied {
			fired = append(fired, a.Promotion)
		}
		fmt.Printf("%-10s  %s off: %s\n", mode, r.Discount.Text(), strings.Join(fired, ", "))
	}
	// Output:
	// sequential  15.00 off: ten, five
	// first       10.00 off: ten
	// best        12.00 off: a20
	// lowest      5.00 off: five
	// optimal     17.00 off: a20, five
}

// The best combination comes with its certificate.
func Example_optimal() {
	s := compiled(`{"stages": [{"name": "s", "mode": "optimal"}], "promotions": [
	  {"id": "second-half", "effect": {"kind": "bxgy", "buy": {"qty": 1}, "get": {"qty": 1, "not_dearer": true}, "value": {"percent": "50"}}},
	  {"id": "two-for-less", "effect": {"kind": "bundle", "parts": [{"qty": 2}], "value": {"percent": "20"}}}]}`)
	r := evaluated(s, `{"currency": "EUR", "lines": [{"id": "a", "price": "15.00", "qty": 4}]}`)
	fmt.Println(r.Discount, "off, at most", r.Bound, "could be, proven:", r.Optimal)
	// Output:
	// 15.00 EUR off, at most 15.00 EUR could be, proven: true
}

// Three for the price of two, of the cheapest.
func Example_bxgy() {
	s := compiled(`{"promotions": [{"id": "3for2", "effect": {"kind": "bxgy", "buy": {"qty": 2}, "get": {"qty": 1}, "value": {"percent": "100"}}}]}`)
	r := evaluated(s, `{"currency": "EUR", "lines": [{"id": "a", "price": "30.00", "qty": 3}, {"id": "b", "price": "10.00", "qty": 3}]}`)
	a := r.Applied[0]
	fmt.Println(a.Times, "times,", a.Amount, "off", a.Shares[0].Target)
	// Output:
	// 2 times, 20.00 EUR off b
}

// A gift is told until the host has added its line, which is then free.
func Example_gift() {
	s := compiled(`{"promotions": [{"id": "goodie", "when": {"field": "cart.subtotal", "op": ">=", "value": "50"}, "effect": {"kind": "gift", "product": "sticker"}}]}`)
	for _, gift := range []string{``, `, {"id": "g", "product": "sticker", "price": "2.00", "gift": "goodie"}`} {
		r := evaluated(s, `{"currency": "EUR", "lines": [{"id": "a", "price": "60.00"}`+gift+`]}`)
		g := r.Gifts[0]
		fmt.Printf("%d of %s due, %d in the cart, to pay %s\n", g.Entitled, g.Product, g.InCart, r.Total)
	}
	// Output:
	// 1 of sticker due, 0 in the cart, to pay 60.00 EUR
	// 1 of sticker due, 1 in the cart, to pay 60.00 EUR
}

// What is missing for the next promotion.
func Example_near() {
	s := compiled(`{"promotions": [{"id": "free-post", "target": "shipping", "when": {"field": "cart.subtotal", "op": ">=", "value": "50"}, "effect": {"kind": "percent", "value": "100"}}]}`)
	r := evaluated(s, `{"currency": "EUR", "lines": [{"id": "a", "price": "42.00"}], "shipping": [{"id": "s", "price": "4.95"}]}`)
	n := r.Near[0]
	fmt.Printf("%s: %s has %s, needs %s, add %s\n", n.Promotion, n.Field, n.Have, n.Need, n.Gap)
	// Output:
	// free-post: cart.subtotal has 42.00, needs 50.00, add 8.00
}

// 1.00 over four lines, in the dialects of five systems.
func Example_allocation() {
	for _, split := range []string{"largest_remainder", "first_lines", "nearest_first", "last_line", "cascade"} {
		s := compiled(`{"policy": {"rounding": "half_up", "allocation": "` + split + `"}, "promotions": [
		  {"id": "ten", "currency": "EUR", "effect": {"kind": "amount", "value": "1.00", "per": "order"}}]}`)
		r := evaluated(s, `{"currency": "EUR", "lines": [{"id": "a", "price": "2.00"}, {"id": "b", "price": "0.50"}, {"id": "c", "price": "5.00"}, {"id": "d", "price": "4.00"}]}`)
		fmt.Printf("%-18s", split)
		for _, l := range r.Lines {
			fmt.Print(" ", l.Discount.Text())
		}
		fmt.Println()
	}
	// Output:
	// largest_remainder  0.17 0.04 0.44 0.35
	// first_lines        0.18 0.05 0.43 0.34
	// nearest_first      0.18 0.04 0.43 0.35
	// last_line          0.17 0.04 0.43 0.36
	// cascade            0.17 0.05 0.43 0.35
}
