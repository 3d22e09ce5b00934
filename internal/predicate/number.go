package predicate

import (
	"cmp"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// micro is the number of decimal digits that the fast comparison sees.
const micro = 6

// maxNumberText bounds the text of a number in a condition, and so the work that
// comparing with it can cost.
const maxNumberText = 64

// A Num is an exact decimal number, ready to be compared. The zero Num is 0.
//
// Its key is twice the number of whole millionths at or below it, and one more
// when the number lies strictly between two of them or is too large to have an
// even key. Keys therefore order numbers: different keys decide, equal even keys
// are equal numbers, and only equal odd keys need the decimal itself.
type Num struct {
	key   int64
	exact decimal.Decimal // set only where the key is odd
}

// maxMicros bounds the even keys, those of -maxMicros to maxMicros millionths.
// Whatever lies outside has the odd key at its end.
const maxMicros = 1<<62 - 1

// NumFromDecimal represents d exactly. It does not allocate when d has at most 18
// digits, and its cost does not grow with the exponent.
func NumFromDecimal(d decimal.Decimal) Num {
	digits, shift := d.NumDigits(), int64(d.Exponent())+micro
	sign := int64(d.Sign())
	switch size := int64(digits) + shift; {
	case sign == 0:
		return Num{}
	case size > 19: // 2^62 has 19 digits
		return between(sign*maxMicros, sign < 0, d)
	case size <= 0: // less than a millionth
		return between(0, sign < 0, d)
	}
	if digits <= 18 {
		return fromInt(d.CoefficientInt64(), shift, d)
	}
	return fromBig(d.Coefficient(), -shift, d)
}

// NumFromInt is coef x 10^-scale. It does not allocate when the number has at
// most six decimals and is below 4.6 x 10^12.
func NumFromInt(coef int64, scale uint8) Num {
	shift := micro - int64(scale)
	if shift >= 0 && inRange(coef, shift) {
		return Num{key: 2 * coef * pow10(shift)}
	}
	if shift < 0 && shift >= -18 && coef%pow10(-shift) == 0 {
		return Num{key: 2 * (coef / pow10(-shift))}
	}
	return NumFromDecimal(decimal.New(coef, -int32(scale)))
}

// fromInt scales a coefficient of at most 18 digits, where the result has 1 to
// 19 of them.
func fromInt(coef, shift int64, d decimal.Decimal) Num {
	if shift >= 0 {
		if inRange(coef, shift) {
			return Num{key: 2 * coef * pow10(shift)}
		}
		return between(maxMicros*int64(cmp.Compare(coef, 0)), coef < 0, d)
	}
	micros, rest := coef/pow10(-shift), coef%pow10(-shift)
	if rest == 0 {
		return Num{key: 2 * micros}
	}
	return between(micros, rest < 0, d)
}

// fromBig divides a coefficient of more than 18 digits by 10^digits, which are
// fewer than it has.
func fromBig(coef *big.Int, digits int64, d decimal.Decimal) Num {
	micros, rest := new(big.Int).QuoRem(coef, new(big.Int).Exp(big.NewInt(10), big.NewInt(digits), nil), new(big.Int))
	switch {
	case !micros.IsInt64() || micros.Int64() > maxMicros || micros.Int64() < -maxMicros:
		return between(maxMicros*int64(coef.Sign()), coef.Sign() < 0, d)
	case rest.Sign() == 0:
		return Num{key: 2 * micros.Int64()}
	default:
		return between(micros.Int64(), rest.Sign() < 0, d)
	}
}

// between is the number d that lies next to micros, away from zero.
func between(micros int64, below bool, d decimal.Decimal) Num {
	if below {
		return Num{key: 2*micros - 1, exact: d}
	}
	return Num{key: 2*micros + 1, exact: d}
}

// inRange reports whether coef x 10^shift has an even key.
func inRange(coef, shift int64) bool {
	if shift > 18 {
		return coef == 0
	}
	most := maxMicros / pow10(shift)
	return -most <= coef && coef <= most
}

// pow10 is 10^n for n from 0 to 18.
func pow10(n int64) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// Cmp compares exactly: -1, 0 or +1. It may allocate only when both numbers have
// the same odd key.
func (n Num) Cmp(m Num) int {
	if n.key != m.key || n.key&1 == 0 {
		return cmp.Compare(n.key, m.key)
	}
	// Of one sign, and of different magnitude: decided without the power of ten
	// that decimal.Cmp would compute, which a huge exponent makes unaffordable.
	if a, b := magnitude(n.exact), magnitude(m.exact); a != b {
		return cmp.Compare(a, b) * n.exact.Sign()
	}
	return n.exact.Cmp(m.exact)
}

// magnitude is the number of digits before the decimal point, negative for
// leading zeros after it.
func magnitude(d decimal.Decimal) int64 { return int64(d.NumDigits()) + int64(d.Exponent()) }

// String returns the number in decimal without trailing zeros; with an exponent
// where it would be over a hundred zeros long.
func (n Num) String() string {
	if n.key&1 == 0 {
		return microsText(n.key / 2)
	}
	if e := n.exact.Exponent(); e > 100 || magnitude(n.exact) < -100 {
		return n.exact.Coefficient().String() + "e" + strconv.Itoa(int(e))
	}
	return n.exact.String()
}

func microsText(micros int64) string {
	sign := ""
	if micros < 0 {
		sign, micros = "-", -micros
	}
	whole, rest := micros/1_000_000, micros%1_000_000
	text := sign + strconv.FormatInt(whole, 10)
	if rest == 0 {
		return text
	}
	return text + "." + strings.TrimRight(strconv.FormatInt(1_000_000+rest, 10)[1:], "0")
}

var errNumber = errors.New(`want a decimal number such as "12.5", of at most 64 characters`)

// parseNum reads -?digits[.digits]: no exponent, no sign +, no spaces.
func parseNum(text string) (Num, error) {
	digits := strings.TrimPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if len(text) > maxNumberText || !allDigits(whole) || point && !allDigits(fraction) {
		return Num{}, errNumber
	}
	if len(digits) <= 18 {
		coef, err := strconv.ParseInt(whole+fraction, 10, 64)
		if err != nil {
			return Num{}, errNumber
		}
		if digits != text {
			coef = -coef
		}
		return NumFromInt(coef, uint8(len(fraction))), nil //nolint:gosec // at most 18
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return Num{}, errNumber
	}
	return NumFromDecimal(d), nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// A span is a range of numbers, open or closed at either end.
type span struct {
	low, high         Num
	lowOpen, highOpen bool
	noLow, noHigh     bool
}

// spanOf is the span whose keys are those from lowest to highest. An odd key at
// an end is that of the numbers next to an excluded one.
func spanOf(lowest, highest int64) span {
	return span{
		noLow: lowest == math.MinInt64, low: Num{key: lowest &^ 1}, lowOpen: lowest&1 != 0,
		noHigh: highest == math.MaxInt64, high: Num{key: highest + highest&1}, highOpen: highest&1 != 0,
	}
}

// keys is the inverse of spanOf, for ends with even keys.
func (r span) keys() (lowest, highest int64) {
	lowest, highest = math.MinInt64, math.MaxInt64
	if !r.noLow {
		lowest = r.low.key
	}
	if !r.noHigh {
		highest = r.high.key
	}
	if r.lowOpen {
		lowest++
	}
	if r.highOpen {
		highest--
	}
	return lowest, highest
}

func (r span) contains(n Num) bool {
	point := span{low: n, high: n}
	return point.within(r)
}

func (r span) empty() bool {
	if r.noLow || r.noHigh {
		return false
	}
	c := r.low.Cmp(r.high)
	return c > 0 || c == 0 && (r.lowOpen || r.highOpen)
}

// within reports whether all of a span that is not empty lies in another one.
func (r span) within(s span) bool {
	return (s.noLow || !r.noLow && !s.startsAfter(r)) && (s.noHigh || !r.noHigh && !s.endsBefore(r))
}

// startsAfter reports whether r begins after s does, where both have a low end.
func (r span) startsAfter(s span) bool {
	c := r.low.Cmp(s.low)
	return c > 0 || c == 0 && r.lowOpen && !s.lowOpen
}

// endsBefore reports whether r ends before s does, where both have a high end.
func (r span) endsBefore(s span) bool {
	c := r.high.Cmp(s.high)
	return c < 0 || c == 0 && r.highOpen && !s.highOpen
}

// meet is what two spans have in common, which may be empty.
func (r span) meet(s span) span {
	if r.noLow || !s.noLow && s.startsAfter(r) {
		r.noLow, r.low, r.lowOpen = s.noLow, s.low, s.lowOpen
	}
	if r.noHigh || !s.noHigh && s.endsBefore(r) {
		r.noHigh, r.high, r.highOpen = s.noHigh, s.high, s.highOpen
	}
	return r
}

func (r span) String() string {
	open, end, low, high := "[", "]", "", ""
	if !r.noLow {
		low = r.low.String()
	}
	if !r.noHigh {
		high = r.high.String()
	}
	if r.lowOpen {
		open = "("
	}
	if r.highOpen {
		end = ")"
	}
	return open + low + "," + high + end
}
