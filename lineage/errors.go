package lineage

import (
	"errors"
	"fmt"
	"strings"
)

// What a caller may test for with [errors.Is].
var (
	// ErrInvalid says that an event, a node's text or an argument is wrong.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound says that a node, a run, a record or a checkpoint is not known.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that somebody else saved a checkpoint meanwhile.
	ErrConflict = errors.New("conflict")
	// ErrTooLarge says that an event or a name is past a limit.
	ErrTooLarge = errors.New("too large")
	// ErrAhead says that an event's time is more than Config.MaxAhead in the future.
	ErrAhead = errors.New("in the future")
	// ErrHorizon says that an event is older than what is kept.
	ErrHorizon = errors.New("before the retention horizon")
	// ErrClosed says that the engine was closed.
	ErrClosed = errors.New("closed")
)

// An EventError says why one event was refused. It is the sentinel in Err, mostly
// [ErrInvalid]; repeating the event does not help.
type EventError struct {
	Index  int    // in the call or in the input
	Path   string // JSON path, such as outputs[0].name; empty: the event
	Reason string
	Err    error
}

func (e *EventError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "lineage: event %d: ", e.Index)
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Reason)
	if e.Err != nil && !errors.Is(e.Err, ErrInvalid) {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the sentinel.
func (e *EventError) Unwrap() error { return e.Err }

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
