package retry

import (
	"context"
	"errors"
	"fmt"
)

// Why a call ended without success. Every error of Do, Run and Hedge is an *Error, which is the one of these that its Cause names.
var (
	// ErrPermanent marks a failure that repeating does not change, or that must not be repeated: it may have been executed, and the
	// call is neither idempotent nor keyed.
	ErrPermanent = errors.New("not retryable")
	// ErrRejected marks a refusal by our own breaker or bulkhead.
	ErrRejected = errors.New("rejected")
	// ErrStopped marks a stop that was asked for: "do not retry" by the service, or a negative delay of a BackOff.
	ErrStopped = errors.New("told to stop")
	// ErrMaxAttempts marks a call whose attempts are used up.
	ErrMaxAttempts = errors.New("attempts used up")
	// ErrElapsed marks a call whose next wait would have ended after Config.MaxElapsed.
	ErrElapsed = errors.New("time used up")
	// ErrDeadline marks a call whose deadline passed, or would have passed before the next attempt.
	ErrDeadline = errors.New("deadline before the next attempt")
	// ErrBudget marks a retry that the budget refused.
	ErrBudget = errors.New("retry budget used up")
	// ErrHint marks a service that asked to wait longer than Config.HintCap allows; Error.RetryAfter says how long.
	ErrHint = errors.New("asked to wait too long")
	// ErrNested marks the failure of a call inside a retried attempt, which is not retried again.
	ErrNested = errors.New("left to the enclosing retry")
	// ErrCanceled marks a call whose context was canceled.
	ErrCanceled = errors.New("canceled")
)

// ErrConfig marks a Config that New or NewHedger refused.
var ErrConfig = errors.New("invalid config")

// Cause is why a call ended. The zero Cause is none: the call succeeded or goes on.
type Cause uint8

// The causes. Where several hold, the first in the order verdict (Permanent to Stopped, Canceled), nested, attempts, hint, time, budget is
// named.
const (
	_ Cause = iota
	CausePermanent
	CauseRejected
	CauseStopped
	CauseMaxAttempts
	CauseElapsed
	CauseDeadline
	CauseBudget
	CauseHint
	CauseNested
	CauseCanceled
)

// Err returns the sentinel of the cause, nil for none.
func (c Cause) Err() error {
	switch c {
	case CausePermanent:
		return ErrPermanent
	case CauseRejected:
		return ErrRejected
	case CauseStopped:
		return ErrStopped
	case CauseMaxAttempts:
		return ErrMaxAttempts
	case CauseElapsed:
		return ErrElapsed
	case CauseDeadline:
		return ErrDeadline
	case CauseBudget:
		return ErrBudget
	case CauseHint:
		return ErrHint
	case CauseNested:
		return ErrNested
	case CauseCanceled:
		return ErrCanceled
	default:
		return nil
	}
}

// String returns the text of the sentinel, "none" for none.
func (c Cause) String() string {
	switch err := c.Err(); {
	case err != nil:
		return err.Error()
	case c == 0:
		return "none"
	default:
		return fmt.Sprintf("Cause(%d)", uint8(c))
	}
}

// causeOf returns the cause of a call whose context is done with err.
func causeOf(err error) Cause {
	if errors.Is(err, context.DeadlineExceeded) {
		return CauseDeadline
	}
	return CauseCanceled
}

// problems collects what is wrong with a config.
type problems []error

// check adds a problem unless ok.
func (p *problems) check(ok bool, format string, args ...any) {
	if !ok {
		*p = append(*p, fmt.Errorf(format, args...))
	}
}

// err returns the problems as an ErrConfig, nil for none.
func (p *problems) err() error {
	if len(*p) == 0 {
		return nil
	}
	return fmt.Errorf("retry: %w: %w", ErrConfig, errors.Join(*p...))
}
