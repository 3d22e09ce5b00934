package eval

import (
	"cmp"
	"math"
	"math/big"
	"math/bits"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
)

// A number is an exact rational: coef x 10^-scale, with scale at most 18 and coef
// never math.MinInt64, where rat is nil; else rat, which nobody changes.
//
// Every operation has a path in 64 bits and one in [big.Rat]. The first answers
// only where its result is exact, so the two agree by construction and one chain
// of steps serves both: a value leaves 64 bits at the operation that needs it.
type number struct {
	coef  int64
	scale uint8
	rat   *big.Rat
}

const (
	maxScale = 18
	micro    = 6 // digits of a quantity
)

func whole(n int64) number         { return number{coef: n} }
func of(d Dec) number              { return number{coef: d.Coef, scale: d.Scale} }
func quantity(micros int64) number { return number{coef: micros, scale: micro}.trim() }

func ofAmount(a money.Amount) number {
	coef, scale := a.Unscaled()
	return number{coef: coef, scale: uint8(scale)} //nolint:gosec // an amount has at most 18 digits
}

// ofDecimal is d, which has an exponent of -18 to 18.
func ofDecimal(d decimal.Decimal) number {
	if exp := d.Exponent(); exp <= 0 && d.NumDigits() <= maxScale {
		return number{coef: d.CoefficientInt64(), scale: uint8(-exp)} //nolint:gosec // -18 to 0
	}
	return number{rat: d.Rat()}
}

func (x number) sign() int {
	if x.rat != nil {
		return x.rat.Sign()
	}
	return cmp.Compare(x.coef, 0)
}

// big is the number as a rational, which is not to be changed.
func (x number) big() *big.Rat {
	if x.rat != nil {
		return x.rat
	}
	return new(big.Rat).SetFrac(big.NewInt(x.coef), new(big.Int).SetUint64(pow10[x.scale]))
}

// trim drops trailing zeros behind the point.
func (x number) trim() number {
	for x.scale > 0 && x.coef%10 == 0 {
		x.coef /= 10
		x.scale--
	}
	return x
}

// at is the coefficient of x at a scale that is not smaller than its own.
func (x number) at(scale uint8) (coef int64, ok bool) {
	hi, lo := bits.Mul64(magnitude(x.coef), pow10[scale-x.scale])
	return signed(lo, x.coef < 0), hi == 0 && lo <= math.MaxInt64
}

// arith calculates. Its zero value starts in 64 bits.
type arith struct {
	slow  bool // take the rational path from the start: tests compare the two
	exact bool // an operation took the rational path
}

func (a *arith) fast(x, y number) bool { return !a.slow && x.rat == nil && y.rat == nil }

// rational notes that the calculation left 64 bits.
func (a *arith) rational(r *big.Rat) number {
	a.exact = true
	return number{rat: r}
}

func (a *arith) mul(x, y number) number {
	if a.fast(x, y) {
		if z, ok := mulFast(x, y); ok {
			return z
		}
		if z, ok := mulFast(x.trim(), y.trim()); ok {
			return z
		}
	}
	return a.rational(new(big.Rat).Mul(x.big(), y.big()))
}

func mulFast(x, y number) (number, bool) {
	hi, lo := bits.Mul64(magnitude(x.coef), magnitude(y.coef))
	if hi != 0 || lo > math.MaxInt64 || x.scale+y.scale > maxScale {
		return number{}, false
	}
	return number{coef: signed(lo, x.coef^y.coef < 0), scale: x.scale + y.scale}, true
}

func (a *arith) add(x, y number) number {
	if a.fast(x, y) {
		if z, ok := addFast(x, y); ok {
			return z
		}
		if z, ok := addFast(x.trim(), y.trim()); ok {
			return z
		}
	}
	return a.rational(new(big.Rat).Add(x.big(), y.big()))
}

func addFast(x, y number) (number, bool) {
	scale := max(x.scale, y.scale)
	c, okX := x.at(scale)
	d, okY := y.at(scale)
	sum := c + d
	if !okX || !okY || (c^sum)&(d^sum) < 0 || sum == math.MinInt64 {
		return number{}, false
	}
	return number{coef: sum, scale: scale}, true
}

func (a *arith) sub(x, y number) number { return a.add(x, a.neg(y)) }

func (a *arith) neg(x number) number {
	if x.rat != nil {
		return number{rat: new(big.Rat).Neg(x.rat)}
	}
	x.coef = -x.coef
	return x
}

// quo is x / y; y is not zero.
func (a *arith) quo(x, y number) number {
	if a.fast(x, y) {
		if z, ok := quoFast(x, y); ok {
			return z
		}
	}
	return a.rational(new(big.Rat).Quo(x.big(), y.big()))
}

// quoFast tries each scale that the quotient could end at, the smallest first.
func quoFast(x, y number) (number, bool) {
	n, d := magnitude(x.coef), magnitude(y.coef)
	base := int(x.scale) - int(y.scale)
	for shift := max(0, -base); base+shift <= maxScale && shift < len(pow10); shift++ {
		hi, lo := bits.Mul64(n, pow10[shift])
		if hi >= d {
			break // the quotient needs more than 64 bits
		}
		if q, rem := bits.Div64(hi, lo, d); rem == 0 {
			return number{coef: signed(q, x.coef^y.coef < 0), scale: uint8(base + shift)}, q <= math.MaxInt64 //nolint:gosec // 0 to 18
		}
	}
	return number{}, false
}

// cmp is -1, 0 or +1. Two numbers in 64 bits always compare in 128.
func (a *arith) cmp(x, y number) int {
	if !a.fast(x, y) {
		return x.big().Cmp(y.big())
	}
	if x.scale == y.scale {
		return cmp.Compare(x.coef, y.coef)
	}
	if sx, sy := x.sign(), y.sign(); sx != sy {
		return cmp.Compare(sx, sy)
	}
	scale := max(x.scale, y.scale)
	hiX, loX := bits.Mul64(magnitude(x.coef), pow10[scale-x.scale])
	hiY, loY := bits.Mul64(magnitude(y.coef), pow10[scale-y.scale])
	c := cmp.Or(cmp.Compare(hiX, hiY), cmp.Compare(loX, loY))
	if x.coef < 0 {
		return -c
	}
	return c
}

// percent is x with p percent of it added.
func (a *arith) percent(x, p number) number {
	return a.mul(x, a.mul(a.add(whole(100), p), number{coef: 1, scale: 2}))
}

// multiple is the multiple of unit, which is above zero, that mode picks for x.
func (a *arith) multiple(x, unit number, mode money.Mode) number {
	if a.fast(x, unit) {
		if z, ok := multipleFast(x, unit, mode); ok {
			return z
		}
	}
	ratio := new(big.Rat).Quo(x.big(), unit.big())
	k, rest := new(big.Int).QuoRem(ratio.Num(), ratio.Denom(), new(big.Int))
	if rest.Sign() != 0 && away(mode, x.sign() < 0, k.Bit(0) == 1, rest.Lsh(rest.Abs(rest), 1).Cmp(ratio.Denom())) {
		k.Add(k, big.NewInt(int64(x.sign())))
	}
	return a.rational(ratio.Mul(new(big.Rat).SetInt(k), unit.big()))
}

func multipleFast(x, unit number, mode money.Mode) (number, bool) {
	if unit.coef == 1 && x.scale <= unit.scale {
		return x, true // nothing to round: what most prices are
	}
	hi, lo := uint64(0), magnitude(x.coef)
	den := magnitude(unit.coef)
	if x.scale <= unit.scale {
		hi, lo = bits.Mul64(lo, pow10[unit.scale-x.scale])
	} else {
		var over uint64
		if over, den = bits.Mul64(den, pow10[x.scale-unit.scale]); over != 0 {
			return number{}, false
		}
	}
	if hi >= den {
		return number{}, false // the quotient needs more than 64 bits
	}
	k, rest := bits.Div64(hi, lo, den)
	if rest != 0 && away(mode, x.coef < 0, k&1 == 1, cmp.Compare(rest, den-rest)) {
		k++ // there is a rest, so den is at least 2 and k below 2^64-1
	}
	hi, lo = bits.Mul64(k, magnitude(unit.coef))
	return number{coef: signed(lo, x.coef < 0), scale: unit.scale}, hi == 0 && lo <= math.MaxInt64
}

// away reports whether a magnitude between two multiples goes to the larger one.
// Odd says that the smaller one is an odd multiple; half compares what is above
// it with half the distance.
func away(m money.Mode, negative, odd bool, half int) bool {
	switch m {
	case money.HalfEven:
		return half > 0 || half == 0 && odd
	case money.HalfUp:
		return half >= 0
	case money.HalfDown:
		return half > 0
	case money.Up:
		return true
	case money.Ceil:
		return !negative
	case money.Floor:
		return negative
	default: // down
		return false
	}
}

// amount is x, which a rounding has left with at most 18 decimals.
func (a *arith) amount(x number, c money.Currency) (money.Amount, error) {
	if x.rat == nil {
		return money.FromUnscaled(x.coef, int(x.scale), c)
	}
	return money.RoundRat(x.rat, c, money.Rounding{Extra: uint8(maxScale - c.Digits())}) //nolint:gosec // 0 to 18
}

// unitOf is the distance of two amounts of a currency that a rounding leaves. The
// rounding is legal for the currency.
func unitOf(r money.Rounding, c money.Currency) number {
	return number{coef: max(r.Increment, 1), scale: uint8(c.Digits()) + r.Extra} //nolint:gosec // 0 to 18
}

// round is x as an amount, rounded once. What does not fit is judged by
// [money.RoundRat] alone, so that both paths give one error.
func (a *arith) round(x number, c money.Currency, r money.Rounding) (money.Amount, error) {
	if !a.slow && x.rat == nil {
		if v, err := money.FromUnscaled(x.coef, int(x.scale), c); err == nil {
			if r.Increment <= 1 && int(x.scale) <= c.Digits()+int(r.Extra) {
				return v, nil // nothing to round: what most prices are
			}
			if v, err = v.Round(r); err == nil {
				return v, nil
			}
		}
	}
	a.exact = true
	return money.RoundRat(x.big(), c, r)
}

// roundQuo is x / y, y above zero, as an amount, rounded once: in 128 bits where
// x and y fit 64, although the quotient may have no end.
func (a *arith) roundQuo(x, y number, c money.Currency, r money.Rounding) (money.Amount, error) {
	if a.fast(x, y) {
		if v, err := money.FromUnscaled(x.coef, int(x.scale), c); err == nil {
			if v, err = v.MulDiv(int64(pow10[y.scale]), y.coef, r); err == nil { //nolint:gosec // 10^18 is an int64
				return v, nil
			}
		}
	}
	a.exact = true
	return money.RoundRat(new(big.Rat).Quo(x.big(), y.big()), c, r)
}

// pow10 holds the powers of ten of a uint64.
var pow10 = [...]uint64{ //nolint:gochecknoglobals // an immutable table
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n) //nolint:gosec // two's complement
	}
	return uint64(n)
}

// signed puts a sign on a magnitude; one above math.MaxInt64 is nonsense, which
// its callers refuse.
func signed(m uint64, negative bool) int64 {
	if negative {
		return -int64(m) //nolint:gosec // see above
	}
	return int64(m) //nolint:gosec // see above
}
