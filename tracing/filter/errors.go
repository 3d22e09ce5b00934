package filter

import (
	"fmt"

	"github.com/tenon-go/tenon/tracing"
)

// A SyntaxError says why a text is no filter. It Is tracing.ErrConfig.
type SyntaxError struct {
	Column int // of the first character that is wrong, from 1; that behind the last one if something is missing
	Reason string
}

// Error names column and reason.
func (e *SyntaxError) Error() string { return fmt.Sprintf("filter: column %d: %s", e.Column, e.Reason) }

// Is matches tracing.ErrConfig.
func (e *SyntaxError) Is(target error) bool { return target == tracing.ErrConfig }
