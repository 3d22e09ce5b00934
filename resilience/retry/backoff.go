package retry

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Backoff says how long to wait before a retry. It is pure: what it may depend on stands in the Step. It must be safe for concurrent use,
// and a negative delay counts as zero. Fixed, Linear and Exponential are the ones of this package; a Backoff that also has a method
// Validate() error is asked by New.
type Backoff interface {
	Delay(s Step) time.Duration
}

// Step is the place of a retry in its call.
type Step struct {
	Retry     int           // counts from 1; anything below counts as 1
	Prev      time.Duration // the wait before; 0 at the first retry
	Throttled bool          // the failed attempt was asked to slow down
	U         float64       // a uniform draw from [0, 1]; what lies outside counts as the nearer end
}

// Fixed waits the same time before each retry. The zero Fixed does not wait.
type Fixed struct {
	Base   time.Duration
	Cap    time.Duration // the longest delay before jitter; 0 = none
	Jitter Jitter        // 0 = None
}

// Delay returns the base, capped and spread.
func (b Fixed) Delay(s Step) time.Duration {
	return b.Jitter.or(None).spread(float64(b.Base), b.Base, b.Cap, s)
}

// Validate returns every problem of the fields: a negative duration, a part of Proportional outside (0, 1].
func (b Fixed) Validate() error {
	return errors.Join(notNegative("Fixed.Base", b.Base), notNegative("Fixed.Cap", b.Cap), b.Jitter.validate("Fixed.Jitter"))
}

// Linear waits Base before the first retry and Step longer before each further one. The zero Linear does not wait.
type Linear struct {
	Base, Step time.Duration
	Cap        time.Duration // the longest delay before jitter; 0 = none
	Jitter     Jitter        // 0 = None
}

// Delay returns the delay of the retry, capped and spread.
func (b Linear) Delay(s Step) time.Duration {
	delay := float64(b.Base) + float64(b.Step)*float64(max(s.Retry, 1)-1)
	return b.Jitter.or(None).spread(delay, b.Base, b.Cap, s)
}

// Validate returns every problem of the fields: a negative duration, a part of Proportional outside (0, 1].
func (b Linear) Validate() error {
	return errors.Join(notNegative("Linear.Base", b.Base), notNegative("Linear.Step", b.Step), notNegative("Linear.Cap", b.Cap),
		b.Jitter.validate("Linear.Jitter"))
}

// Exponential waits Base before the first retry and Factor times longer before each further one. Without a cap the delays end at the
// largest time.Duration.
type Exponential struct {
	Base      time.Duration // 0 = 100 ms
	Throttled time.Duration // the base after an attempt that was asked to slow down; 0 = Base
	Factor    float64       // at least 1; 0 = 2
	Cap       time.Duration // the longest delay before jitter; 0 = none
	Jitter    Jitter        // 0 = Full
}

// Delay returns the delay of the retry, capped and spread.
func (b Exponential) Delay(s Step) time.Duration {
	base, factor := b.Base, b.Factor
	if s.Throttled && b.Throttled != 0 {
		base = b.Throttled
	}
	if base == 0 {
		base = defaultBase
	}
	if factor == 0 {
		factor = 2
	}
	delay := float64(base)
	if s.Retry > 1 {
		delay *= math.Pow(factor, float64(s.Retry-1))
	}
	return b.Jitter.or(Full).spread(delay, base, b.Cap, s)
}

// Validate returns every problem of the fields: a negative duration, a factor that is not finite or below 1, a part of Proportional outside
// (0, 1].
func (b Exponential) Validate() error {
	var factor error
	if b.Factor != 0 && !(b.Factor >= 1 && !math.IsInf(b.Factor, 0)) {
		factor = fmt.Errorf("Exponential.Factor %v: want a finite number of at least 1, or 0 for 2", b.Factor)
	}
	return errors.Join(notNegative("Exponential.Base", b.Base), notNegative("Exponential.Throttled", b.Throttled), factor,
		notNegative("Exponential.Cap", b.Cap), b.Jitter.validate("Exponential.Jitter"))
}

// notNegative refuses a negative duration in a field.
func notNegative(field string, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%s %v: want at least 0", field, d)
	}
	return nil
}
