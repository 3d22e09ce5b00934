package money

import (
	"fmt"

	"github.com/shopspring/decimal"
)

// ExtractTax splits a price that includes tax: net is gross x 100/(100+rate) rounded by r, tax is
// what is left, so net + tax is gross always. Rate is in percent. ErrRange when rate is -100 or
// less or its exponent is not -18 to 18, r is not legal, or no Amount holds one of the two.
func ExtractTax(gross Amount, rate decimal.Decimal, r Rounding) (net, tax Amount, err error) {
	if err := checkRate(rate); err != nil {
		return Amount{}, Amount{}, err
	}
	if net, err = gross.netOf(rate, r); err != nil {
		return Amount{}, Amount{}, err
	}
	if tax, err = gross.Sub(net); err != nil {
		return Amount{}, Amount{}, err
	}
	return net, tax, nil
}

// AddTax puts tax on a price without it: tax is rate percent of net rounded by r, gross is net +
// tax always. Its errors are those of ExtractTax.
func AddTax(net Amount, rate decimal.Decimal, r Rounding) (gross, tax Amount, err error) {
	if err := checkRate(rate); err != nil {
		return Amount{}, Amount{}, err
	}
	if tax, err = net.Percent(rate, r); err != nil {
		return Amount{}, Amount{}, err
	}
	if gross, err = net.Add(tax); err != nil {
		return Amount{}, Amount{}, err
	}
	return gross, tax, nil
}

// netOf returns a x 100/(100+rate), rounded once. The rate is legal.
func (a Amount) netOf(rate decimal.Decimal, r Rounding) (Amount, error) {
	c := a.Currency()
	if err := r.Validate(c); err != nil {
		return Amount{}, err
	}
	// In units of 10^exp the quotient is one of integers: 19 percent is 100/119, 5.5 percent
	// 1000/1055.
	if coef, ok := coefficient(rate); ok && -maxRateScale <= rate.Exponent() && rate.Exponent() <= 0 {
		hundred := int64(100 * pow10[-rate.Exponent()]) //nolint:gosec // at most 10^17
		if v, ok := roundedQuo(ratio{a.coef, hundred, hundred + coef, a.scale()}, c, r); ok {
			return v, nil
		}
	}
	hundred := decimal.NewFromInt(100)
	return exactQuo(a.Decimal().Mul(hundred), hundred.Add(rate), c, r)
}

// maxRateScale keeps 100 + rate in an int64: a coefficient has at most 18 digits, 100 x 10^15 as
// many.
const maxRateScale = 15

// checkRate refuses a rate at which a price would have no net, or one of the other sign.
func checkRate(rate decimal.Decimal) error {
	if err := checkExponent("tax rate", rate); err != nil {
		return err
	}
	if rate.Cmp(decimal.NewFromInt(-100)) <= 0 {
		return fmt.Errorf("money: tax rate %s: %w: want more than -100", quoted(rate.String()), ErrRange)
	}
	return nil
}
