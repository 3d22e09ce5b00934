package orders_test

import (
	"slices"
	"testing"

	"github.com/tenon-go/tenon/orders"
)

func hash(t *testing.T, b orders.BeginRequest, c orders.Cart) string {
	t.Helper()
	h, err := orders.HashBegin(b, c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// request is a request to begin, with its cart.
func request() (orders.BeginRequest, orders.Cart) {
	return orders.BeginRequest{
		Buyer: orders.Buyer{ID: "b1"}, Codes: []string{"A", "B"}, Expected: eur(100), Tenders: []orders.Tender{card(100)},
		Address: orders.Address{City: "Köln"}, Attributes: map[string]string{"gift": "yes"},
	}, begin(orders.CaptureNow).Cart
}

func TestEveryPartOfARequestCounts(t *testing.T) {
	t.Parallel()
	b, c := request()
	seen := map[string]string{hash(t, b, c): "as it is"}
	for name, change := range map[string]func(*orders.BeginRequest, *orders.Cart){
		"buyer":     func(b *orders.BeginRequest, _ *orders.Cart) { b.Buyer.Email = "x" },
		"codes":     func(b *orders.BeginRequest, _ *orders.Cart) { b.Codes = []string{"A"} },
		"expected":  func(b *orders.BeginRequest, _ *orders.Cart) { b.Expected = eur(101) },
		"tenders":   func(b *orders.BeginRequest, _ *orders.Cart) { b.Tenders = []orders.Tender{gift(100)} },
		"address":   func(b *orders.BeginRequest, _ *orders.Cart) { b.Address.City = "Bonn" },
		"attribute": func(b *orders.BeginRequest, _ *orders.Cart) { b.Attributes = nil },
		"cart":      func(_ *orders.BeginRequest, c *orders.Cart) { c.ID = "other" },
		"quantity":  func(_ *orders.BeginRequest, c *orders.Cart) { c.Lines[0].Quantity++ },
		"options":   func(_ *orders.BeginRequest, c *orders.Cart) { c.Lines[0].Options = map[string]string{"size": "L"} },
	} {
		b, c := request()
		change(&b, &c)
		h := hash(t, b, c)
		if other, taken := seen[h]; taken {
			t.Errorf("%s: the hash is that of %q", name, other)
		}
		seen[h] = name
	}
}

func FuzzEqualCartsHaveEqualHashes(f *testing.F) {
	f.Add("A", "B", "size", "L", int64(2))
	f.Fuzz(func(t *testing.T, sku, other, option, value string, n int64) {
		b, c := request()
		c.Lines = []orders.CartLine{
			{ID: "l1", SKU: sku, Quantity: n, Options: map[string]string{option: value, "x": other}}, {ID: "l2", SKU: other, Quantity: 1},
		}
		want := hash(t, b, c)
		slices.Reverse(c.Lines)
		slices.Reverse(b.Codes)
		c.Lines[0].Options = map[string]string{}
		c.Version++
		b.Address.Lines = []string{}
		if got := hash(t, b, c); got != want {
			t.Errorf("equal requests: %s and %s", want, got)
		}
		c.Lines[1].Quantity = n + 1
		if got := hash(t, b, c); got == want {
			t.Error("another quantity has the same hash")
		}
	})
}
