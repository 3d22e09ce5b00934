package money

import (
	"cmp"
	"fmt"

	"github.com/shopspring/decimal"
)

// Cmp returns -1, 0 or +1 as a is less than, equal to or greater than b. *MismatchError when the
// currencies differ and neither is the zero Amount.
func (a Amount) Cmp(b Amount) (int, error) {
	if a.meta != b.meta {
		return a.cmpUnlike(b)
	}
	return cmp.Compare(a.coef, b.coef), nil
}

// Add returns a + b exactly. *MismatchError when the currencies differ and neither is the zero
// Amount, ErrRange when no Amount holds the sum.
func (a Amount) Add(b Amount) (Amount, error) {
	if s, ok := plus(a.coef, b.coef); ok && a.meta == b.meta && a.meta&extraMask == 0 {
		return Amount{s, a.meta}, nil
	}
	return a.addUnlike(b)
}

// Sub returns a - b exactly; its errors are those of Add.
func (a Amount) Sub(b Amount) (Amount, error) { return a.Add(b.Neg()) }

// Times returns the amount n times, exactly. ErrRange when no Amount holds the product.
func (a Amount) Times(n int64) (Amount, error) {
	if a.meta&extraMask == 0 {
		if p, ok := mul(a.coef, n); ok {
			return Amount{p, a.meta}, nil
		}
	}
	return a.timesUnsettled(n)
}

// Mul returns the amount times d, the exact product rounded once by r. ErrRange when r is not
// legal, the exponent of d is not -18 to 18, or no Amount holds the result.
func (a Amount) Mul(d decimal.Decimal, r Rounding) (Amount, error) { return a.scaled(d, 0, r) }

// Percent returns p percent of the amount, the exact product rounded once by r; its errors are
// those of Mul. A rounded discount and a rounded discounted price can differ: half up, 15 percent
// of 10.50 is 1.58 and leaves 8.92, while 85 percent of it is 8.93.
func (a Amount) Percent(p decimal.Decimal, r Rounding) (Amount, error) { return a.scaled(p, 2, r) }

// MulDiv returns a x num / den, the exact quotient rounded once by r. ErrRange when den is 0, r is
// not legal or no Amount holds the result.
func (a Amount) MulDiv(num, den int64, r Rounding) (Amount, error) {
	c := a.Currency()
	if err := r.Validate(c); err != nil {
		return Amount{}, err
	}
	if den == 0 {
		return Amount{}, fmt.Errorf("money: den 0: %w", ErrRange)
	}
	if v, ok := roundedQuo(ratio{a.coef, num, den, a.scale()}, c, r); ok {
		return v, nil
	}
	return exactQuo(a.Decimal().Mul(decimal.NewFromInt(num)), decimal.NewFromInt(den), c, r)
}

// Round returns the amount rounded by r. ErrRange when r is not legal or no Amount holds the
// result.
func (a Amount) Round(r Rounding) (Amount, error) { return a.MulDiv(1, 1, r) }

// scaled returns a x d / 10^shift, rounded once. What nearly every call is, a settled amount
// rounded to its minor unit, is a product and a division by a power of ten, and done here.
func (a Amount) scaled(d decimal.Decimal, shift int, r Rounding) (Amount, error) {
	p, ok := mul(a.coef, d.CoefficientInt64())
	drop := shift - int(d.Exponent())
	if ok && 0 <= drop && drop <= maxScale && a.meta&extraMask == 0 && r.toMinor() && d.NumDigits() <= maxScale {
		q, rem, den := divPow10(magnitude(p), drop)
		if rem != 0 && r.Mode.away(p < 0, q&1 == 1, int(2*rem-den)) { //nolint:gosec // rem < den <= 10^18
			q++
		}
		return Amount{signed(q, p < 0), a.meta}, nil
	}
	return a.scaledSlow(d, shift, r)
}

// scaledSlow is scaled for everything else, and the judge of its arguments.
func (a Amount) scaledSlow(d decimal.Decimal, shift int, r Rounding) (Amount, error) {
	c := a.Currency()
	if err := r.Validate(c); err != nil {
		return Amount{}, err
	}
	if err := checkExponent("factor", d); err != nil {
		return Amount{}, err
	}
	if coef, ok := coefficient(d); ok {
		if v, ok := roundedQuo(ratio{a.coef, coef, 1, a.scale() + shift - int(d.Exponent())}, c, r); ok {
			return v, nil
		}
	}
	return exactQuo(a.Decimal().Mul(d), decimal.New(1, int32(shift)), c, r) //nolint:gosec // shift is 0 or 2
}

// cmpUnlike is Cmp for amounts that differ in currency or scale.
func (a Amount) cmpUnlike(b Amount) (int, error) {
	if a.meta == 0 || b.meta == 0 {
		return cmp.Compare(a.Sign(), b.Sign()), nil // one of the two is zero
	}
	if a.Currency() != b.Currency() {
		return 0, &MismatchError{a.Currency(), b.Currency()}
	}
	if x, y, ok := aligned(a, b); ok {
		return cmp.Compare(x, y), nil
	}
	return a.Decimal().Cmp(b.Decimal()), nil
}

// addUnlike is Add for amounts that differ in currency or scale, that are not settled, or whose sum
// does not fit.
func (a Amount) addUnlike(b Amount) (Amount, error) {
	if a.meta == 0 {
		return b, nil
	}
	if b.meta == 0 {
		return a, nil
	}
	c := a.Currency()
	if c != b.Currency() {
		return Amount{}, &MismatchError{c, b.Currency()}
	}
	if x, y, ok := aligned(a, b); ok {
		if s, ok := plus(x, y); ok {
			return trimmed(s, max(a.extra(), b.extra()), c), nil
		}
	}
	return fromExact(a.Decimal().Add(b.Decimal()), c)
}

// timesUnsettled is Times for an amount that is not settled, or whose product does not fit.
func (a Amount) timesUnsettled(n int64) (Amount, error) {
	if p, ok := mul(a.coef, n); ok {
		return trimmed(p, a.extra(), a.Currency()), nil
	}
	return fromExact(a.Decimal().Mul(decimal.NewFromInt(n)), a.Currency())
}

// aligned returns the coefficients of two amounts of one currency at the larger scale of the two;
// ok is false when one does not fit.
func aligned(a, b Amount) (x, y int64, ok bool) {
	extra := max(a.extra(), b.extra())
	x, okX := mul(a.coef, int64(pow10[extra-a.extra()])) //nolint:gosec // extra is at most 18, 10^18 is an int64
	y, okY := mul(b.coef, int64(pow10[extra-b.extra()])) //nolint:gosec // as above
	return x, y, okX && okY
}
