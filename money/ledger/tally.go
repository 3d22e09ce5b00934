package ledger

import (
	"math"
	"math/bits"

	"github.com/tenon-go/tenon/money"
)

// sum adds up minor units in 128 bits, so that no order of the same postings overflows on the way
// to a sum that fits.
type sum struct {
	hi int64
	lo uint64
}

// plus returns s + n.
func (s sum) plus(n int64) sum {
	lo, carry := bits.Add64(s.lo, uint64(n), 0) //nolint:gosec // two's complement
	return sum{s.hi + n>>63 + int64(carry), lo} //nolint:gosec // 0 or 1
}

// amount returns s minor units of c; ok is false when no Amount holds them.
func (s sum) amount(c money.Currency) (a money.Amount, ok bool) {
	n := int64(s.lo) //nolint:gosec // two's complement
	if s.hi != n>>63 || n == math.MinInt64 {
		return money.Amount{}, false
	}
	return money.New(n, c), true
}
