package money

import (
	"fmt"
	"math"

	"github.com/shopspring/decimal"
)

// This file is the way out for what does not fit 64 bits: the same operations on decimal.Decimal,
// which has no bounds. It decides what is ErrRange. It never calls Div, which rounds at a global
// precision, nor RoundCash, which knows five increments.

// maxDigits bounds a coefficient of which an Amount can be left: 19 digits and the 18 trailing
// zeros that may be dropped, with one to spare.
const maxDigits = 38

// fromExact returns d of c. The exponent of d is -18 or more.
func fromExact(d decimal.Decimal, c Currency) (Amount, error) {
	if d.IsZero() {
		return Amount{0, c.bits}, nil
	}
	if d.NumDigits() > maxDigits {
		return Amount{}, fmt.Errorf("money: a number of %d digits: %w", d.NumDigits(), ErrRange)
	}
	if c.bits == 0 {
		return Amount{}, noCurrency(d.StringFixed(-min(d.Exponent(), 0)))
	}
	n := d.Normalize()
	digits := int32(c.Digits()) //nolint:gosec // 0 to 18
	scale := max(-n.Exponent(), digits)
	coef := n.Shift(scale)
	if coef.NumDigits()+int(coef.Exponent()) <= maxDigits {
		if i := coef.BigInt(); i.IsInt64() && i.Int64() != math.MinInt64 {
			return Amount{i.Int64(), c.bits | uint64(scale-digits)}, nil //nolint:gosec // scale is digits to 18
		}
	}
	return Amount{}, fmt.Errorf("money: %s %s: %w", d.StringFixed(-min(d.Exponent(), 0)), c, ErrRange)
}

// exactQuo returns num/den rounded by r, which is legal for c. Den is not 0.
func exactQuo(num, den decimal.Decimal, c Currency, r Rounding) (Amount, error) {
	unit := decimal.New(max(r.Increment, 1), -int32(c.Digits())-int32(r.Extra)) //nolint:gosec // digits are 0 to 18
	step := den.Mul(unit)
	q, rem := num.QuoRem(step, 0)
	if !rem.IsZero() {
		negative := num.Sign()*den.Sign() < 0
		odd := q.BigInt().Bit(0) == 1
		half := rem.Add(rem).Abs().Cmp(step.Abs())
		if r.Mode.away(negative, odd, half) {
			away := int64(1)
			if negative {
				away = -1
			}
			q = q.Add(decimal.NewFromInt(away))
		}
	}
	return fromExact(q.Mul(unit), c)
}

// coefficient returns the coefficient of d. Ok is false when it has more than 18 digits:
// CoefficientInt64 wraps silently past an int64.
func coefficient(d decimal.Decimal) (coef int64, ok bool) {
	if d.NumDigits() > maxScale {
		return 0, false
	}
	return d.CoefficientInt64(), true
}

// checkExponent refuses a decimal that an operation would have to write out at great length:
// arithmetic on 10^(10^9) takes for ever.
func checkExponent(what string, d decimal.Decimal) error {
	if exp := d.Exponent(); exp < -maxScale || exp > maxScale {
		return fmt.Errorf("money: %s with exponent %d: %w: want %d to %d", what, exp, ErrRange, -maxScale, maxScale)
	}
	return nil
}

// noCurrency refuses an amount that is not zero in the zero Currency.
func noCurrency(value string) error {
	return fmt.Errorf("money: %s of no currency: %w", quoted(value), ErrCurrency)
}
