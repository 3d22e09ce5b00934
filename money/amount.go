package money

import (
	"fmt"
	"math"

	"github.com/shopspring/decimal"
)

// Amount is an exact amount of a currency. It is 16 bytes, immutable, safe to share, and
// comparable: two amounts are equal under == exactly when they are the same value of the same
// currency, so an Amount is a map key.
//
// The zero Amount is "nothing of no currency": it adds to and compares with an amount of any
// currency, stays zero under every operation and prints "0". It differs under == from zero of a
// currency (0.00 USD).
type Amount struct {
	// coef is the value in units of the last digit, never math.MinInt64: negation cannot overflow.
	coef int64
	// meta is the currency with, in its low extraBits, the digits beyond the minor unit. The last
	// of those digits is never a zero, so equal amounts have equal bits; a settled amount has meta
	// == currency.bits.
	meta uint64
}

// New returns an amount of whole minor units: New(1234, usd) is 12.34 USD. It panics where no such
// amount exists, which is a mistake of the program: when minor is math.MinInt64, and when minor is
// not 0 and c is the zero Currency. FromUnscaled returns an error instead.
func New(minor int64, c Currency) Amount {
	if minor == math.MinInt64 || minor != 0 && c.bits == 0 {
		panicNew(minor)
	}
	return Amount{minor, c.bits}
}

// panicNew is apart from New, which is inlined where it is called.
func panicNew(minor int64) {
	panic(fmt.Sprintf("money: New(%d): no such amount of that currency", minor))
}

// FromUnscaled returns coef x 10^-scale of c exactly: FromUnscaled(12345, 4, usd) is 1.2345 USD.
// Trailing zeros beyond the minor unit are dropped, so FromUnscaled(123400, 4, usd) equals
// New(1234, usd); a scale below the currency's digits is raised to them. ErrRange when scale is not
// 0 to 18 or no Amount holds the value; ErrCurrency when c is the zero Currency and coef is not 0.
func FromUnscaled(coef int64, scale int, c Currency) (Amount, error) {
	if scale < 0 || scale > maxScale {
		return Amount{}, fmt.Errorf("money: scale %d: %w: want 0 to %d", scale, ErrRange, maxScale)
	}
	if extra := scale - c.Digits(); coef != math.MinInt64 && (coef == 0 || c.bits != 0) {
		if extra >= 0 {
			return trimmed(coef, extra, c), nil
		}
		if p, ok := mul(coef, int64(pow10[-extra])); ok { //nolint:gosec // extra is at least -18
			return Amount{p, c.bits}, nil
		}
	}
	return fromExact(decimal.New(coef, -int32(scale)), c)
}

// FromDecimal returns the value of d exactly, in c; it never rounds. ErrRange when the exponent of
// d is not -18 to 18 (0.5 written with 19 decimals too) or no Amount holds the value; ErrCurrency
// when c is the zero Currency and d is not 0.
func FromDecimal(d decimal.Decimal, c Currency) (Amount, error) {
	if err := checkExponent("decimal", d); err != nil {
		return Amount{}, err
	}
	if coef, ok := coefficient(d); ok && d.Exponent() <= 0 {
		return FromUnscaled(coef, -int(d.Exponent()), c)
	}
	return fromExact(d, c)
}

// Unscaled returns the amount as coef x 10^-scale: 12.34 USD is (1234, 2), 0.012345 USD is (12345,
// 6). Scale is at least the digits of the currency and at most 18, coef is never math.MinInt64, and
// FromUnscaled gives the amount back.
func (a Amount) Unscaled() (coef int64, scale int) { return a.coef, a.scale() }

// Decimal returns the value without its currency.
func (a Amount) Decimal() decimal.Decimal {
	return decimal.New(a.coef, -int32(a.scale())) //nolint:gosec // scale is 0 to 18
}

// Currency returns the currency, the zero Currency for the zero Amount.
func (a Amount) Currency() Currency { return Currency{a.meta &^ extraMask} }

// Minor returns the amount in minor units, and true. An amount that is not settled has no such
// number: (0, false).
func (a Amount) Minor() (int64, bool) {
	if a.meta&extraMask != 0 {
		return 0, false
	}
	return a.coef, true
}

// IsSettled reports whether the amount is a whole number of minor units, as what is paid must be.
func (a Amount) IsSettled() bool { return a.meta&extraMask == 0 }

// Sign returns -1, 0 or +1.
func (a Amount) Sign() int {
	switch {
	case a.coef < 0:
		return -1
	case a.coef > 0:
		return 1
	}
	return 0
}

// IsZero reports whether the value is zero, in whatever currency; so omitzero in JSON leaves out
// 0.00 USD too.
func (a Amount) IsZero() bool { return a.coef == 0 }

// Neg returns the amount with the other sign. It cannot fail.
func (a Amount) Neg() Amount { return Amount{-a.coef, a.meta} }

// Abs returns the amount without its sign. It cannot fail.
func (a Amount) Abs() Amount {
	if a.coef < 0 {
		return a.Neg()
	}
	return a
}

// extra returns how many digits beyond the minor unit the amount has.
func (a Amount) extra() int { return int(a.meta & extraMask) }

// scale returns how many digits the amount has after the point.
func (a Amount) scale() int { return a.Currency().Digits() + a.extra() }

// trimmed returns coef with extra digits beyond the minor unit of c, the trailing zeros among them
// dropped. Coef is not math.MinInt64.
func trimmed(coef int64, extra int, c Currency) Amount {
	for extra > 0 && coef%10 == 0 {
		coef /= 10
		extra--
	}
	return Amount{coef, c.bits | uint64(extra)} //nolint:gosec // extra is 0 to 18
}
