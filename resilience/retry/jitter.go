package retry

import (
	"fmt"
	"math"
	"time"
)

// Jitter says how a draw spreads a delay, so that clients that failed together do not come back together. The zero Jitter stands for the
// backoff's own choice: Full for Exponential, None for Fixed and Linear.
type Jitter uint64

// The jitters, beside Proportional. All but Proportional keep below the cap.
const (
	_ Jitter = iota
	// None keeps the delay as it is.
	None
	// Full draws from 0 to the delay. Of all jitters it makes the fewest calls where clients contend.
	Full
	// Equal draws from half the delay to the delay.
	Equal
	// Decorrelated draws from the base to three times the wait before, which the base stands for at the first retry, and caps the
	// result. It grows by itself: of the backoff it takes only base and cap.
	Decorrelated
)

// Proportional draws from delay x (1-part) to delay x (1+part): the one jitter that may pass the cap. Part lies in (0, 1]; 0 is None, and
// any other is refused by New.
func Proportional(part float64) Jitter {
	if part == 0 {
		return None
	}
	// The bits of a float64 that is not tiny beyond all use (5e-324 x 4) are none of the constants above.
	return Jitter(math.Float64bits(part))
}

// String returns default, none, full, equal, decorrelated or, for instance, proportional(0.2).
func (j Jitter) String() string {
	switch j {
	case 0:
		return "default"
	case None:
		return "none"
	case Full:
		return "full"
	case Equal:
		return "equal"
	case Decorrelated:
		return "decorrelated"
	default:
		return fmt.Sprintf("proportional(%v)", j.part())
	}
}

// part is the half width of a proportional jitter.
func (j Jitter) part() float64 { return math.Float64frombits(uint64(j)) }

// or returns the jitter, or the backoff's choice for none.
func (j Jitter) or(choice Jitter) Jitter {
	if j == 0 {
		return choice
	}
	return j
}

// validate refuses a proportional jitter with a part that is no part.
func (j Jitter) validate(field string) error {
	if part := j.part(); j > Decorrelated && !(part > 0 && part <= 1) {
		return fmt.Errorf("%s %v: want a part in (0, 1]", field, j)
	}
	return nil
}

// spread returns delay, in nanoseconds and as long as a float64 can say, capped and spread by the draw of the step. Base is what
// decorrelated delays grow from.
func (j Jitter) spread(delay float64, base, limit time.Duration, s Step) time.Duration {
	d := capped(saturated(delay), limit)
	switch j {
	case None:
		return d
	case Full:
		return between(0, d, s.U)
	case Equal:
		return between(d/2, d, s.U)
	case Decorrelated:
		low := max(base, 0)
		return capped(between(low, saturated(3*float64(max(low, s.Prev))), s.U), limit)
	default:
		part := j.part()
		return between(saturated(float64(d)*(1-part)), saturated(float64(d)*(1+part)), s.U)
	}
}

// capped returns d, limited unless the limit is 0.
func capped(d, limit time.Duration) time.Duration {
	if limit > 0 {
		return min(d, limit)
	}
	return d
}

// saturated returns the nearest duration of 0 or more.
func saturated(d float64) time.Duration {
	switch {
	case !(d > 0): // NaN too
		return 0
	case d >= math.MaxInt64:
		return math.MaxInt64
	default:
		return time.Duration(math.Round(d))
	}
}

// between returns the point u of the way from low to high, and never a point outside: a float64 does not hold every duration.
func between(low, high time.Duration, u float64) time.Duration {
	if !(u > 0) { // NaN too
		return low
	}
	return low + min(saturated(float64(high-low)*u), high-low)
}
