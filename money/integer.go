package money

import (
	"math"
	"math/bits"
)

// This file is the arithmetic of coefficients: every step that could leave its 64 bits says so.

// magnitude is n without its sign, right for math.MinInt64 too.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n) //nolint:gosec // two's complement
	}
	return uint64(n)
}

// signed puts the sign back on a magnitude of at most math.MaxInt64.
func signed(m uint64, negative bool) int64 {
	if negative {
		return -int64(m) //nolint:gosec // see above
	}
	return int64(m) //nolint:gosec // see above
}

// plus is a + b; ok is false when the sum is not the coefficient of an Amount.
func plus(a, b int64) (s int64, ok bool) {
	s = a + b
	return s, (a^s)&(b^s) >= 0 && s != math.MinInt64
}

// mul is a x b; ok is false when the product is not the coefficient of an Amount.
func mul(a, b int64) (p int64, ok bool) {
	hi, lo := bits.Mul64(uint64(a), uint64(b)) //nolint:gosec // two's complement, mended below
	p = int64(lo)                              //nolint:gosec // as above
	// The upper word of the signed product is that of the unsigned one, less b where a is negative
	// and less a where b is. The product fits when that word only repeats the sign of the lower
	// one.
	upper := int64(hi) - a>>63&b - b>>63&a //nolint:gosec // as above
	return p, upper == p>>63 && p != math.MinInt64
}

// mul64 is a x b; ok is false when it needs more than 64 bits.
func mul64(a, b uint64) (p uint64, ok bool) {
	hi, lo := bits.Mul64(a, b)
	return lo, hi == 0
}

// divPow10 divides n by den = 10^k with two products, which take a fraction of the time of a
// division: n x floor((2^64-1)/den) / 2^64 is the quotient or one less. K is 0 to 19.
func divPow10(n uint64, k int) (q, rem, den uint64) {
	den = pow10[k]
	q, _ = bits.Mul64(n, reciprocal[k])
	rem = n - q*den
	if rem >= den {
		q++
		rem -= den
	}
	return q, rem, den
}

// pow10 holds the powers of ten of a uint64.
var pow10 = [...]uint64{ //nolint:gochecknoglobals // an immutable table
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// reciprocal holds floor((2^64-1)/10^k), by k.
var reciprocal = [len(pow10)]uint64{ //nolint:gochecknoglobals // an immutable table
	ones, ones / 1e1, ones / 1e2, ones / 1e3, ones / 1e4, ones / 1e5, ones / 1e6, ones / 1e7, ones / 1e8, ones / 1e9,
	ones / 1e10, ones / 1e11, ones / 1e12, ones / 1e13, ones / 1e14, ones / 1e15, ones / 1e16, ones / 1e17, ones / 1e18, ones / 1e19,
}

const ones uint64 = math.MaxUint64
