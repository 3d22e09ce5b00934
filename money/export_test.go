package money

import "github.com/shopspring/decimal"

// ExactQuo is the path without bounds, for the tests that compare it with the integers.
func ExactQuo(num, den decimal.Decimal, c Currency, r Rounding) (Amount, error) {
	return exactQuo(num, den, c, r)
}

// DivPow10 is the division of the integers.
func DivPow10(n uint64, k int) (q, rem, den uint64) { return divPow10(n, k) }
