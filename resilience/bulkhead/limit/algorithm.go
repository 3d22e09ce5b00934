package limit

import (
	"errors"
	"fmt"
	"time"
)

// Algorithm turns samples into a limit. Implementations need not be safe for concurrent use, and must not call back into whoever
// calls them.
type Algorithm interface {
	// Limit returns the current limit, before the first sample the initial one.
	Limit() int
	// Update takes a sample into account and returns the limit after it.
	Update(s Sample) int
}

// Sample is what was seen of one call or, from a Window, of many.
type Sample struct {
	RTT      time.Duration // how long the call took
	InFlight int           // how many calls were in flight when it began, itself included
	Dropped  bool          // it ended without an answer or was told that there are too many
}

// ErrConfig marks a config that a constructor refused.
var ErrConfig = errors.New("invalid config")

// The values behind zero fields, and the bounds of limits. A semaphore counts up to the largest.
const (
	defaultInitial = 20
	largest        = 1<<20 - 1
)

// Log10Root returns the integer part of the decimal logarithm of a limit, at least 1. The steps of Vegas grow with it.
func Log10Root(limit int) int {
	digits := 1
	for ; limit >= 100; limit /= 10 {
		digits++
	}
	return digits
}

// problems collects what is wrong with a config.
type problems []error

// check adds a problem unless ok.
func (p *problems) check(ok bool, format string, args ...any) {
	if !ok {
		*p = append(*p, fmt.Errorf(format, args...))
	}
}

// bounds checks that initial lies between low and high.
func (p *problems) bounds(initial, low, high int) {
	p.check(low >= 0 && low <= largest, "Min %d: want 0 to %d", low, largest)
	p.check(high >= 1 && high <= largest, "Max %d: want 1 to %d", high, largest)
	p.check(low <= initial && initial <= high, "Initial %d: want Min %d to Max %d", initial, low, high)
}

// err returns the problems as an ErrConfig, nil for none.
func (p *problems) err() error {
	if len(*p) == 0 {
		return nil
	}
	return fmt.Errorf("limit: %w: %w", ErrConfig, errors.Join(*p...))
}

// or returns x, or what a zero x stands for.
func or[T comparable](x, otherwise T) T {
	var zero T
	if x == zero {
		return otherwise
	}
	return x
}
