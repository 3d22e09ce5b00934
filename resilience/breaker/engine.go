package breaker

import (
	"fmt"
	"time"

	"github.com/tenon-go/tenon/resilience"
)

// Engine decides whether a call may run, and learns what became of it. It must be safe for concurrent use. *Breaker is one; package
// sonybreaker has another; package breakertest tells whether a third keeps the rules.
type Engine interface {
	// Allow gives the right to one call, or refuses with an error that is an *OpenError.
	Allow() (Ticket, error)
	// Record gives the ticket back with what became of the call. A ticket counts once, and only while its result still matters: one
	// that was recorded before, or that is from before a change of state, is ignored.
	Record(Ticket, Outcome)
	// State returns the state of now.
	State() State
	// Counts returns what the window holds.
	Counts() Counts
}

// Commander is an engine that an operator can put into a state.
type Commander interface {
	// Command changes the state, or returns an error that is ErrTransition and changes nothing.
	Command(to State) error
}

// Judge is an engine that says what errors count as. Do asks it.
type Judge interface {
	// Outcome judges an error of a call, which is never nil. The zero Outcome leaves it to resilience.Default.
	Outcome(err error) Outcome
}

// Outcome is what became of a call. The zero Outcome says nothing; Record panics on it.
type Outcome uint8

// The outcomes.
const (
	// Success speaks for the service, as an answer does that blames the caller.
	Success Outcome = iota + 1
	// Failure speaks against the service.
	Failure
	// Excluded says nothing of the service: the caller left, or was asked to slow down. It is counted, but apart.
	Excluded
	// Unused means that the call did not run. Nothing is counted.
	Unused
)

// OutcomeOf returns what a failure with verdict v counts as: nothing where it was rejected by ourselves, an exclusion where the caller left
// or was asked to slow down, a success where the service gave an answer that repeating does not change, else a failure.
func OutcomeOf(v resilience.Verdict) Outcome {
	switch v.Kind {
	case resilience.KindRejected:
		return Unused
	case resilience.KindThrottled, resilience.KindCanceled:
		return Excluded
	case resilience.KindPermanent:
		if v.Answered {
			return Success
		}
		return Failure
	default:
		return Failure
	}
}

// String returns success, failure, excluded or unused.
func (o Outcome) String() string {
	switch o {
	case Success:
		return "success"
	case Failure:
		return "failure"
	case Excluded:
		return "excluded"
	case Unused:
		return "unused"
	default:
		return fmt.Sprintf("Outcome(%d)", uint8(o))
	}
}

// State is the state of a breaker. The zero State is Closed.
type State uint8

// The states. The last three are left by command only.
const (
	// Closed lets calls pass and counts their results.
	Closed State = iota
	// Open refuses for a time.
	Open
	// HalfOpen lets as many calls pass as are needed to see whether the service is back.
	HalfOpen
	// ForcedOpen refuses until told otherwise.
	ForcedOpen
	// Disabled lets calls pass and counts nothing.
	Disabled
	// MetricsOnly lets calls pass and counts their results, but never trips.
	MetricsOnly
)

// String returns closed, open, half-open, forced-open, disabled or metrics-only.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half-open"
	case ForcedOpen:
		return "forced-open"
	case Disabled:
		return "disabled"
	case MetricsOnly:
		return "metrics-only"
	default:
		return fmt.Sprintf("State(%d)", uint8(s))
	}
}

// MarshalText returns String, so that logs and JSON say open and not 1.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Counts are the results that a window holds: those of the stay in the current state, and of closed and metrics-only the recent ones.
type Counts struct {
	Successes, Failures, Excluded int // together: the results recorded
	Slow                          int // of the successes and failures
	ConsecutiveFailures           int // since the last success; exclusions do not interrupt them
}

// Ticket is the right to one call, to be given back by Record. It is a value, but all its copies are one ticket, for one goroutine at a
// time. The zero Ticket is none: to record it counts as late.
type Ticket struct {
	of    any           // the *bucket of a *Breaker, or what another engine gave NewTicket
	start time.Duration // of the call, since the breaker was made; 0 = not looked at
	used  *bool         // shared by the copies; nil in the zero Ticket
}

// NewTicket returns a ticket of another engine than *Breaker, that holds what the engine needs when the ticket comes back.
func NewTicket(value any) Ticket { return Ticket{of: value, used: new(bool)} }

// Value returns what NewTicket was given; nil for a ticket of a *Breaker and the zero Ticket. It is for engines, in their Record.
func (t Ticket) Value() any {
	if _, native := t.of.(*bucket); native {
		return nil
	}
	return t.of
}

// Use marks the ticket used, and reports whether it was not before. It is for engines, in their Record.
func (t Ticket) Use() bool {
	if t.used == nil || *t.used {
		return false
	}
	*t.used = true
	return true
}
