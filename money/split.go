package money

import (
	"fmt"
	"math"
	"math/bits"
)

// Split says how a total is spread over weights so that the shares sum to it. All splits share the
// magnitude of the total and give its sign back, so that a refund is split as its charge was. A
// line of weight zero gets zero; when all weights are zero, all count as one. Every share is zero
// or has the sign of the total, except where the split takes back what it gave: NearestFirst may
// leave one minor unit of the other sign, LastLine several on its last line.
type Split uint8

// The five splits. The zero Split is LargestRemainder.
const (
	// LargestRemainder gives each line the whole units of its exact share, and the missing ones to
	// the largest fractions, ties to the lowest index (Hamilton's method; Vendure).
	LargestRemainder Split = iota
	// FirstLines gives each line the whole units of its exact share, and the missing ones one by
	// one from the first line (Solidus, Ruby Money, go-money).
	FirstLines
	// NearestFirst rounds each exact share half down, and adds or takes back what is missing or too
	// much one by one from the first line (Sylius).
	NearestFirst
	// LastLine rounds each exact share half up; the last line with weight takes the difference.
	LastLine
	// Cascade gives line i the running total up to it, rounded half up, less that up to the line
	// before: splitting a line further leaves the others as they are.
	Cascade
)

// String returns largest_remainder, first_lines, nearest_first, last_line or cascade.
func (s Split) String() string {
	switch s {
	case LargestRemainder:
		return "largest_remainder"
	case FirstLines:
		return "first_lines"
	case NearestFirst:
		return "nearest_first"
	case LastLine:
		return "last_line"
	case Cascade:
		return "cascade"
	default:
		return fmt.Sprintf("Split(%d)", uint8(s))
	}
}

// Allocate spreads total over weights and returns one share a weight; they sum to the total. Weights
// makes weights of amounts. ErrRange, with the field
// and its value, when the total is not settled, a weight is negative, the weights sum past an
// int64, a total that is not zero has no weights, or s is unknown. O(len(weights)).
func Allocate(total Amount, weights []int64, s Split) ([]Amount, error) {
	shares := make([]Amount, len(weights))
	if err := AllocateInto(shares, total, weights, s); err != nil {
		return nil, err
	}
	return shares, nil
}

// AllocateInto is Allocate into dst, which must be as long as weights (ErrRange). It allocates
// nothing and leaves dst unchanged on an error.
func AllocateInto(dst []Amount, total Amount, weights []int64, s Split) error {
	if len(dst) != len(weights) {
		return fmt.Errorf("money: allocate: dst has %d places: %w: %d weights", len(dst), ErrRange, len(weights))
	}
	sum, err := checkSplit(total, weights, s)
	if err != nil {
		return err
	}
	split(dst, total, weighted{weights, sum}, s)
	return nil
}

// AllocateCapped spreads total over weights, no share past its cap, and returns what found no room
// as rest: shares and rest sum to the total. The total is split by s; in line order each line takes
// at most its cap and what is left (a share of the other sign counts as 0); the remainder is split
// again over the lines with weight and room, until either is gone. Caps bound the magnitude and so
// are never negative; a cap of no currency is 0.
//
// Errors are those of Allocate, and *MismatchError for a cap of another currency, ErrRange with the
// index for one that is negative or not settled and for a number of caps that is not that of the
// weights. Every round but the last fills a line: O(rounds x lines).
func AllocateCapped(total Amount, weights []int64, caps []Amount, s Split) (shares []Amount, rest Amount, err error) {
	sum, err := checkSplit(total, weights, s)
	if err != nil {
		return nil, Amount{}, err
	}
	if err := checkCaps(total, weights, caps); err != nil {
		return nil, Amount{}, err
	}
	shares = make([]Amount, len(weights))
	for i := range shares {
		shares[i].meta = total.meta
	}
	// Lines without weight or room drop out of open by a weight of zero; even weights become ones,
	// so that a filled line can.
	open, left := make([]int64, len(weights)), total
	for i := range open {
		open[i] = int64(weighted{weights, sum}.at(i)) //nolint:gosec // a weight
	}
	round := make([]Amount, len(weights))
	for left.coef != 0 {
		sum = 0
		for i := range open {
			if shares[i].Abs().coef == caps[i].coef {
				open[i] = 0
			}
			sum += uint64(open[i]) //nolint:gosec // a weight
		}
		if sum == 0 {
			break
		}
		split(round, left, weighted{open, sum}, s)
		left = takeUpTo(caps, shares, round, left)
	}
	return shares, left, nil
}

// Weights returns weights in the ratio of amounts, to split a discount over lines by what they cost: the coefficients of the amounts
// at the largest scale among them. The zero Amount weighs nothing. *MismatchError for two currencies; ErrRange, with the index, for a
// negative amount or one whose coefficient does not fit at that scale.
func Weights(amounts []Amount) ([]int64, error) {
	var like Amount // of the currency of all, with the most digits
	for i, a := range amounts {
		switch {
		case a.coef < 0:
			return nil, fmt.Errorf("money: weights: amounts[%d] %s: %w: negative", i, a, ErrRange)
		case a.meta == 0:
		case like.meta != 0 && a.Currency() != like.Currency():
			return nil, fmt.Errorf("money: weights: amounts[%d]: %w", i, &MismatchError{like.Currency(), a.Currency()})
		case like.meta == 0 || a.extra() > like.extra():
			like = a
		}
	}
	weights := make([]int64, len(amounts))
	for i, a := range amounts {
		if a.meta == 0 {
			continue
		}
		w, ok := mul(a.coef, int64(pow10[like.extra()-a.extra()])) //nolint:gosec // extra is at most 18, 10^18 is an int64
		if !ok {
			return nil, fmt.Errorf("money: weights: amounts[%d] %s: %w: too large at %d decimals", i, a, ErrRange, like.scale())
		}
		weights[i] = w
	}
	return weights, nil
}

// Quota returns the sum of the units from, from+1, ..., to-1 of n equal units that total is cut
// into: round half up (total x to/n) less round half up (total x from/n), on the magnitude. The
// parts of any partition of 0..n sum to the total, at O(1) each. ErrRange, with the field and its
// value, when total is not settled, n is not positive or not 0 <= from <= to <= n.
func Quota(total Amount, n, from, to int64) (Amount, error) {
	switch {
	case !total.IsSettled():
		return Amount{}, unsettled("quota: total", total)
	case n <= 0:
		return Amount{}, fmt.Errorf("money: quota: n %d: %w: want at least 1", n, ErrRange)
	case from < 0:
		return Amount{}, fmt.Errorf("money: quota: from %d: %w: negative", from, ErrRange)
	case from > to:
		return Amount{}, fmt.Errorf("money: quota: from %d: %w: to is %d", from, ErrRange, to)
	case to > n:
		return Amount{}, fmt.Errorf("money: quota: to %d: %w: n is %d", to, ErrRange, n)
	}
	units := magnitude(total.coef)
	part := halfUp(units, uint64(to), uint64(n)) - halfUp(units, uint64(from), uint64(n)) //nolint:gosec // checked above
	return Amount{signed(part, total.coef < 0), total.meta}, nil
}

// checkSplit returns the sum of the weights.
func checkSplit(total Amount, weights []int64, s Split) (sum uint64, err error) {
	if s > Cascade {
		return 0, fmt.Errorf("money: allocate: split %d: %w", uint8(s), ErrRange)
	}
	if !total.IsSettled() {
		return 0, unsettled("allocate: total", total)
	}
	if len(weights) == 0 && total.coef != 0 {
		return 0, fmt.Errorf("money: allocate: no weights for %s: %w", total, ErrRange)
	}
	for i, w := range weights {
		if w < 0 {
			return 0, fmt.Errorf("money: allocate: weights[%d] %d: %w: negative", i, w, ErrRange)
		}
		if sum += uint64(w); sum > math.MaxInt64 {
			return 0, fmt.Errorf("money: allocate: weights[%d] %d: %w: the sum passes an int64", i, w, ErrRange)
		}
	}
	return sum, nil
}

// checkCaps refuses caps that cannot bound the shares of total.
func checkCaps(total Amount, weights []int64, caps []Amount) error {
	if len(caps) != len(weights) {
		return fmt.Errorf("money: allocate: %d caps: %w: %d weights", len(caps), ErrRange, len(weights))
	}
	for i, limit := range caps {
		switch {
		case limit.meta != 0 && total.meta != 0 && limit.Currency() != total.Currency():
			return fmt.Errorf("money: allocate: caps[%d]: %w", i, &MismatchError{total.Currency(), limit.Currency()})
		case limit.coef < 0:
			return fmt.Errorf("money: allocate: caps[%d] %s: %w: negative", i, limit, ErrRange)
		case !limit.IsSettled():
			return unsettled(fmt.Sprintf("allocate: caps[%d]", i), limit)
		}
	}
	return nil
}

// unsettled refuses an amount with digits beyond the minor unit.
func unsettled(what string, a Amount) error {
	return fmt.Errorf("money: %s %s: %w: not settled", what, a, ErrRange)
}

// weighted are the legal weights of a split and their sum; a sum of zero is that of even weights.
type weighted struct {
	list []int64
	sum  uint64
}

// whole is what the weights sum to.
func (w weighted) whole() uint64 {
	if w.sum == 0 {
		return uint64(len(w.list))
	}
	return w.sum
}

// at is the weight of line i.
func (w weighted) at(i int) uint64 {
	if w.sum == 0 {
		return 1
	}
	return uint64(w.list[i]) //nolint:gosec // never negative
}

// split fills dst with the shares of total. Shares below are magnitudes held in coef, negative
// where a split took back more than it gave; the sign of the total and its currency come last.
func split(dst []Amount, total Amount, w weighted, s Split) {
	if len(dst) == 0 {
		return
	}
	units := magnitude(total.coef)
	switch s {
	case LargestRemainder:
		splitLargest(dst, units, w)
	case FirstLines:
		splitNearest(dst, units, w, Down)
	case NearestFirst:
		splitNearest(dst, units, w, HalfDown)
	case LastLine:
		splitLast(dst, units, w)
	case Cascade:
		splitCascade(dst, units, w)
	}
	for i := range dst {
		dst[i].meta = total.meta
		if total.coef < 0 {
			dst[i].coef = -dst[i].coef
		}
	}
}

// splitLargest finds the smallest fraction that still gets one of the missing units, without a sort
// and without memory: the fractions wait in dst[i].meta, are reordered there by the search, and
// computed again to hand the units out.
func splitLargest(dst []Amount, units uint64, w weighted) {
	missing := units
	for i := range dst {
		q, rem := muldiv(units, w.at(i), w.whole())
		dst[i] = Amount{int64(q), rem} //nolint:gosec // at most units
		missing -= q
	}
	if missing == 0 {
		return
	}
	least, ties := cutoff(dst, missing, w.whole())
	for i := range dst {
		_, rem := muldiv(units, w.at(i), w.whole())
		if rem > least || rem == least && ties > 0 {
			dst[i].coef++
			if rem == least {
				ties--
			}
		}
	}
}

// cutoff returns the k-th largest of the fractions in the metas of lines, and how many of the k
// largest equal it. It reorders the metas. Each round splits what is left by one bit, from the top;
// so the worst weights cost a pass a bit, and no choice of pivot can be spoiled.
func cutoff(lines []Amount, k, limit uint64) (least, ties uint64) {
	for bit := uint64(1) << (bits.Len64(limit) - 1); bit != 0 && len(lines) > 1; bit >>= 1 {
		ones := 0
		for i := range lines {
			if lines[i].meta&bit != 0 {
				lines[i].meta, lines[ones].meta = lines[ones].meta, lines[i].meta
				ones++
			}
		}
		if k <= uint64(ones) {
			lines = lines[:ones]
		} else {
			lines = lines[ones:]
			k -= uint64(ones)
		}
	}
	return lines[0].meta, k
}

// splitNearest rounds each share by m, Down or HalfDown, and sets the difference right one unit a
// line from the first one with weight. It is less than the number of lines with weight, so one
// round is enough.
func splitNearest(dst []Amount, units uint64, w weighted, m Mode) {
	missing := int64(units) //nolint:gosec // a magnitude
	for i := range dst {
		q, rem := muldiv(units, w.at(i), w.whole())
		if m == HalfDown && rem > w.whole()-rem {
			q++
		}
		dst[i].coef = int64(q) //nolint:gosec // at most units
		missing -= dst[i].coef
	}
	step := int64(1)
	if missing < 0 {
		step = -1
	}
	for i := 0; missing != 0; i++ {
		if w.at(i) != 0 {
			dst[i].coef += step
			missing -= step
		}
	}
}

// splitLast rounds each share half up and settles the difference on the last line with weight.
func splitLast(dst []Amount, units uint64, w weighted) {
	missing, last := int64(units), 0 //nolint:gosec // a magnitude
	for i := range dst {
		dst[i].coef = int64(halfUp(units, w.at(i), w.whole())) //nolint:gosec // at most units
		missing -= dst[i].coef                                 // may end below zero, by less than a unit a line
		if w.at(i) != 0 {
			last = i
		}
	}
	dst[last].coef += missing
}

// splitCascade gives each line what the rounded running total grew by.
func splitCascade(dst []Amount, units uint64, w weighted) {
	var weight, given uint64
	for i := range dst {
		weight += w.at(i)
		upTo := halfUp(units, weight, w.whole())
		dst[i].coef = int64(upTo - given) //nolint:gosec // at most units
		given = upTo
	}
}

// takeUpTo adds to each share what round offers it, its cap and what is left permitting, and
// returns what is left.
func takeUpTo(caps, shares, round []Amount, left Amount) Amount {
	for i := range shares {
		if round[i].Sign() != left.Sign() {
			continue
		}
		room := caps[i].coef - shares[i].Abs().coef
		take := signed(magnitude(min(round[i].Abs().coef, room, left.Abs().coef)), left.coef < 0)
		shares[i].coef += take
		left.coef -= take
	}
	return left
}

// halfUp is units x part/whole, ties away from zero. Part is at most whole.
func halfUp(units, part, whole uint64) uint64 {
	q, rem := muldiv(units, part, whole)
	if rem >= whole-rem {
		q++
	}
	return q
}

// muldiv is units x part/whole and what it leaves. Part is at most whole, so the quotient fits.
func muldiv(units, part, whole uint64) (q, rem uint64) {
	hi, lo := bits.Mul64(units, part)
	if hi == 0 {
		return lo / whole, lo % whole
	}
	return bits.Div64(hi, lo, whole)
}
