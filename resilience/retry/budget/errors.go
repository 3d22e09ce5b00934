package budget

import (
	"errors"
	"fmt"
	"math"
)

// ErrConfig marks parameters that a constructor refused; the error names every one of them.
var ErrConfig = errors.New("invalid config")

// milli is how many of the tokens that budgets keep make one of those that they speak of.
const milli = 1000

// problems collects what is wrong with parameters.
type problems []error

// check adds a problem unless ok.
func (p *problems) check(ok bool, format string, args ...any) {
	if !ok {
		*p = append(*p, fmt.Errorf(format, args...))
	}
}

// err returns the problems of the parameters of a budget, nil for none.
func (p *problems) err(name string) error {
	if len(*p) == 0 {
		return nil
	}
	return fmt.Errorf("budget: %s: %w: %w", name, ErrConfig, errors.Join(*p...))
}

// inRange reports whether low <= x <= high; NaN is in no range.
func inRange(x, low, high float64) bool { return x >= low && x <= high }

// thousandths returns x in milli-tokens.
func thousandths(x float64) int64 { return int64(math.Round(x * milli)) }
