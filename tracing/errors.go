package tracing

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrOverload marks a request that was refused as a whole, before anything of it was taken, and is welcome later. The error is an
	// *OverloadError.
	ErrOverload = errors.New("overload")
	// ErrClosed marks what came after Close.
	ErrClosed = errors.New("closed")
	// ErrPermanent marks what will fail each time it is tried, so that nobody tries again.
	ErrPermanent = errors.New("permanent failure")
	// ErrConfig marks a Config that was refused. The error names every problem.
	ErrConfig = errors.New("invalid config")
)

// Closing is the Cause of an OverloadError once Close began.
const Closing = "closing"

// OverloadError is the refusal of a request. Nothing of it was taken.
type OverloadError struct {
	RetryAfter time.Duration // when to come back; 0 = the refuser does not know
	Cause      string        // what is short, in a few words; Closing once Close began
}

// Error names the cause and the delay.
func (e *OverloadError) Error() string {
	text := "tracing: overload"
	if e.Cause != "" {
		text += ": " + e.Cause
	}
	if e.RetryAfter > 0 {
		text += ": retry after " + e.RetryAfter.String()
	}
	return text
}

// Is matches ErrOverload, and ErrClosed once Close began.
func (e *OverloadError) Is(target error) bool {
	return target == ErrOverload || target == ErrClosed && e.Cause == Closing
}

// RequestError says where a request stops being one. Nothing of it was taken, and it will be refused each time: it Is ErrPermanent.
type RequestError struct {
	Offset int    // of the first byte of protobuf that is wrong
	Path   string // of the value in JSON that is wrong, as in resourceSpans[0].scopeSpans[1]; "" = the request was protobuf
	Reason string
}

// Error names place and reason.
func (e *RequestError) Error() string {
	var text strings.Builder
	text.WriteString("tracing: request: ")
	if e.Path != "" {
		text.WriteString(e.Path)
	} else {
		fmt.Fprintf(&text, "offset %d", e.Offset)
	}
	text.WriteString(": ")
	text.WriteString(e.Reason)
	return text.String()
}

// Is matches ErrPermanent.
func (e *RequestError) Is(target error) bool { return target == ErrPermanent }
