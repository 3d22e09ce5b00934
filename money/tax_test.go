package money_test

import (
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"pgregory.net/rapid"
)

// Invariant: money M4.
func TestGrossIsNetAndTax(t *testing.T) {
	hundred := big.NewRat(100, 1)
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t).Draw(t, "currency")
		a, r := anyAmount(c).Draw(t, "a"), anyRounding(c).Draw(t, "rounding")
		rate := anyDecimal().Filter(func(d decimal.Decimal) bool { return d.Cmp(decimal.NewFromInt(-100)) > 0 }).Draw(t, "rate")
		all := new(big.Rat).Add(hundred, rate.Rat())

		net, tax, err := money.ExtractTax(a, rate, r)
		exact := roundRat(new(big.Rat).Quo(new(big.Rat).Mul(rat(a), hundred), all), c, r)
		wantParts(t, "ExtractTax", exact, new(big.Rat).Sub(rat(a), exact), c, net, tax, err)

		gross, tax, err := money.AddTax(a, rate, r)
		exact = roundRat(new(big.Rat).Quo(new(big.Rat).Mul(rat(a), rate.Rat()), hundred), c, r)
		wantParts(t, "AddTax", new(big.Rat).Add(rat(a), exact), exact, c, gross, tax, err)
	})
}

// wantParts fails unless both amounts are exact, or both are refused because one cannot be.
func wantParts(t *rapid.T, what string, first, tax *big.Rat, c money.Currency, gotFirst, gotTax money.Amount, err error) {
	t.Helper()
	_, okFirst := representable(t, first, c)
	_, okTax := representable(t, tax, c)
	if okFirst && !okTax {
		first = tax // refused for the tax
	}
	if okTax && !okFirst {
		tax = first
	}
	wantExact(t, what, first, c, gotFirst, err)
	wantExact(t, what+", tax", tax, c, gotTax, err)
}
