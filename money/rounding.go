package money

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"github.com/shopspring/decimal"
)

// Mode says which neighbour a value between two gets. The zero Mode is HalfEven.
type Mode uint8

// The seven modes. All but Ceil and Floor are symmetric: the rounding of -x is that of x with the
// other sign, so that a refund is the exact negative of its charge.
const (
	HalfEven Mode = iota // the nearest; of two the even one
	HalfUp               // the nearest; of two the one away from zero
	HalfDown             // the nearest; of two the one towards zero
	Up                   // away from zero
	Down                 // towards zero
	Ceil                 // towards positive infinity
	Floor                // towards negative infinity
)

// String returns half_even, half_up, half_down, up, down, ceil or floor.
func (m Mode) String() string {
	switch m {
	case HalfEven:
		return "half_even"
	case HalfUp:
		return "half_up"
	case HalfDown:
		return "half_down"
	case Up:
		return "up"
	case Down:
		return "down"
	case Ceil:
		return "ceil"
	case Floor:
		return "floor"
	default:
		return fmt.Sprintf("Mode(%d)", uint8(m))
	}
}

// away reports whether a magnitude that lies between two neighbours goes to the larger one. Half
// compares what is above the smaller one with half the distance; odd says that the smaller one is.
func (m Mode) away(negative, odd bool, half int) bool {
	switch m {
	case HalfEven:
		return half > 0 || half == 0 && odd
	case HalfUp:
		return half >= 0
	case HalfDown:
		return half > 0
	case Up:
		return true
	case Ceil:
		return !negative
	case Floor:
		return negative
	default:
		return false
	}
}

// Rounding names what a value is rounded to, and how. The zero Rounding is half even to the minor
// unit.
type Rounding struct {
	// Mode picks the neighbour.
	Mode Mode
	// Increment is the distance of two results, in units of the last digit: {HalfUp, 5, 0} rounds
	// CHF to 0.05. 0 means 1; it is never negative. A half-even tie goes to the even multiple of
	// the increment.
	Increment int64
	// Extra is how many digits beyond the minor unit the result may have; the currency's digits and
	// Extra are at most 18.
	Extra uint8
}

// Validate returns ErrRange, with the field and its value, when r cannot round amounts of c.
func (r Rounding) Validate(c Currency) error {
	switch {
	case r.Mode > Floor:
		return fmt.Errorf("money: rounding: mode %d: %w", uint8(r.Mode), ErrRange)
	case r.Increment < 0:
		return fmt.Errorf("money: rounding: increment %d: %w: negative", r.Increment, ErrRange)
	case c.Digits()+int(r.Extra) > maxScale:
		return fmt.Errorf("money: rounding: extra %d: %w: %s has %d digits, together at most %d", r.Extra, ErrRange, c, c.Digits(), maxScale)
	}
	return nil
}

// toMinor reports whether r is legal and rounds to the minor unit, in whatever currency.
func (r Rounding) toMinor() bool {
	return r.Mode <= Floor && 0 <= r.Increment && r.Increment <= 1 && r.Extra == 0
}

// RoundRat returns r, an exact number of major units of any size, rounded once. ErrRange when
// rounding is not legal or no Amount holds the result; ErrCurrency when c is the zero Currency and
// r is not 0. R is only read; a nil r panics.
func RoundRat(r *big.Rat, c Currency, rounding Rounding) (Amount, error) {
	if err := rounding.Validate(c); err != nil {
		return Amount{}, err
	}
	if c.bits == 0 && r.Sign() != 0 {
		return Amount{}, noCurrency(r.RatString())
	}
	if num, den := r.Num(), r.Denom(); num.IsInt64() && den.IsInt64() {
		if v, ok := roundedQuo(ratio{num.Int64(), 1, den.Int64(), 0}, c, rounding); ok {
			return v, nil
		}
	}
	return exactQuo(decimal.NewFromBigInt(r.Num(), 0), decimal.NewFromBigInt(r.Denom(), 0), c, rounding)
}

// ratio is the exact value coef x num / den x 10^-scale. Den is not 0; scale is -36 to 56.
type ratio struct {
	coef, num, den int64
	scale          int
}

// roundedQuo rounds v in integers of 64 bits, with a product of 128. It answers ok = false as soon
// as a step does not fit and judges nothing: exactQuo then finds the result, or the error. Where it
// answers, it equals exactQuo bit for bit.
func roundedQuo(v ratio, c Currency, r Rounding) (a Amount, ok bool) {
	num, den := magnitude(v.num), magnitude(v.den)
	shift := v.scale - c.Digits() - int(r.Extra)
	switch {
	case shift >= len(pow10), -shift >= len(pow10):
		return Amount{}, false
	case shift > 0:
		if den, ok = mul64(den, pow10[shift]); !ok {
			return Amount{}, false
		}
	case shift < 0:
		if num, ok = mul64(num, pow10[-shift]); !ok {
			return Amount{}, false
		}
	}
	unit := uint64(max(r.Increment, 1))
	if den, ok = mul64(den, unit); !ok {
		return Amount{}, false
	}
	hi, lo := bits.Mul64(magnitude(v.coef), num)
	if hi >= den {
		return Amount{}, false // the quotient needs more than 64 bits
	}
	q, rem := bits.Div64(hi, lo, den)
	if q > math.MaxInt64 {
		return Amount{}, false
	}
	negative := v.coef^v.num^v.den < 0
	if rem != 0 && r.Mode.away(negative, q&1 == 1, cmp.Compare(rem, den-rem)) {
		q++
	}
	if q, ok = mul64(q, unit); !ok || q > math.MaxInt64 {
		return Amount{}, false
	}
	return trimmed(signed(q, negative), int(r.Extra), c), true
}
