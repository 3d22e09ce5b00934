package collector

import (
	"errors"
	"fmt"

	"github.com/tenon-go/tenon/tracing"
)

var (
	// ErrUnbalanced marks a ledger whose counts do not add up: a defect of this package.
	ErrUnbalanced = errors.New("unbalanced ledger")
	// ErrInUse marks a WALDir that another collector has, in this process or another.
	ErrInUse = errors.New("WALDir is in use by another collector")
)

// A tooLargeError is what a request gets that would not fit if the buffer were empty.
type tooLargeError struct{ need, limit int64 }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("collector: request needs %d bytes of a buffer of %d", e.need, e.limit)
}

func (e *tooLargeError) Is(target error) bool { return target == tracing.ErrPermanent }

// problems of a config.
type problems []error

func (p *problems) add(bad bool, format string, args ...any) {
	if bad {
		*p = append(*p, fmt.Errorf("collector: %w: %s", tracing.ErrConfig, fmt.Sprintf(format, args...)))
	}
}
