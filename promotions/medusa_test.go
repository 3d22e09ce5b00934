package promotions_test

import (
	"strings"
	"testing"

	"github.com/tenon-go/tenon/promotions"
)

// What version 2.21.2 of Medusa's promotion module gets wrong, right here. The module itself
// is shown in integration.

// There a budget is checked line by line: one of 100 gave 180 in one cart.
func TestABudgetHoldsWithinOneCart(t *testing.T) {
	t.Parallel()
	s := compiled(`{"promotions": [{"id": "p", "currency": "USD", "limits": {"budget": "100"}, "effect": {"kind": "amount", "value": "90.00", "per": "line"}}]}`)
	cart, err := promotions.ParseCart(strings.NewReader(`{"currency": "USD", "lines": [{"id": "a", "price": "200.00"}, {"id": "b", "price": "200.00"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := promotions.New(promotions.NewMemoryStore(), promotions.Config{})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := ledger.Redeem(t.Context(), "order", s, cart, promotions.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := receipt.Result
	if got := r.Discount.Text(); got != "100.00" {
		t.Errorf("a budget of 100 gives %s", got)
	}
	if len(r.Debits) != 1 || r.Debits[0].Amount != 10_000 {
		t.Errorf("debits are %+v", r.Debits)
	}
}

// There 10.00 over three lines is 3.333 on each, which no invoice can show.
func TestAmountsOverLinesAreWholeCents(t *testing.T) {
	t.Parallel()
	s := compiled(`{"policy": {"rounding": "half_up"}, "promotions": [{"id": "p", "currency": "USD", "effect": {"kind": "amount", "value": "10.00", "per": "order"}}]}`)
	r := evaluated(s, `{"currency": "USD", "lines": [{"id": "a", "price": "33.33"}, {"id": "b", "price": "33.33"}, {"id": "c", "price": "33.34"}]}`)
	for i, want := range []string{"3.33", "3.33", "3.34"} {
		if got := r.Lines[i].Discount.Text(); got != want {
			t.Errorf("line %s: %s, want %s", r.Lines[i].ID, got, want)
		}
	}
	if got := r.Discount.Text(); got != "10.00" {
		t.Errorf("the lines sum to %s", got)
	}
}

// There buy 1 get 1 stops after 1,000 rounds: of 3,000 units it gives 1,000.
func TestBuyOneGetOneReachesEveryUnit(t *testing.T) {
	t.Parallel()
	s := compiled(`{"promotions": [{"id": "p", "effect": {"kind": "bxgy", "buy": {"qty": 1}, "get": {"qty": 1}, "value": {"percent": "100"}}}]}`)
	r := evaluated(s, `{"currency": "USD", "lines": [{"id": "a", "price": "1.00", "qty": 3000}]}`)
	if got := r.Discount.Text(); got != "1500.00" || r.Applied[0].Times != 1500 {
		t.Errorf("%s off in %d applications, want 1500.00 in 1500", got, r.Applied[0].Times)
	}
}

// There the dearest is the line with the dearest total: ten units of 1.00 were picked before
// one of 9.00.
func TestTheDearestUnitIsTheOneThatCostsMost(t *testing.T) {
	t.Parallel()
	s := compiled(`{"promotions": [{"id": "p", "effect": {"kind": "bxgy", "pick": "dearest", "max": 1, "value": {"percent": "100"},
	  "buy": {"qty": 1, "where": {"field": "line.product", "op": "=", "value": "pen"}}, "get": {"qty": 1, "where": {"field": "line.categories", "op": "any", "value": ["gift"]}}}}]}`)
	r := evaluated(s, `{"currency": "USD", "lines": [{"id": "ten", "price": "1.00", "qty": 10, "categories": ["gift"]}, {"id": "one", "price": "9.00", "categories": ["gift"]}, {"id": "pen", "product": "pen", "price": "2.00"}]}`)
	if got := r.Discount.Text(); got != "9.00" || r.Applied[0].Shares[0].Target != "one" {
		t.Errorf("%s off %+v, want 9.00 off the unit of 9.00", got, r.Applied[0].Shares)
	}
}
