package breaker

import (
	"errors"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/resilience"
)

var (
	// ErrOpen marks every refusal, whatever the state; the error is an *OpenError.
	ErrOpen = errors.New("breaker is open")
	// ErrTransition marks a command that the breaker's state does not allow. Nothing has changed.
	ErrTransition = errors.New("not allowed")
	// ErrConfig marks a Config that was refused; the error names every problem.
	ErrConfig = errors.New("invalid config")
)

// OpenError is a refusal: the call did not run. It is made once for all calls that are refused in one stay in a state, so it is shared and
// must not be changed.
type OpenError struct {
	Name  string // of the breaker
	State State  // Open, ForcedOpen, or HalfOpen where all probes are taken
	// Until is when the breaker will let probes pass, in UTC. Zero where nobody knows: while probes run, or until a command.
	Until time.Time
	// Err is what another engine refused with; nil from a *Breaker.
	Err error

	now func() time.Time // nil = time.Now
}

// Error names breaker, state and time.
func (e *OpenError) Error() string {
	text := "breaker: "
	if e.Name != "" {
		text += e.Name + ": "
	}
	text += e.State.String()
	if !e.Until.IsZero() {
		text += " until " + e.Until.Format(time.RFC3339Nano)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Is matches ErrOpen.
func (e *OpenError) Is(target error) bool { return target == ErrOpen }

// Unwrap returns Err.
func (e *OpenError) Unwrap() error { return e.Err }

// RetryAfter returns how long it is until Until; 0 where that is past or not known. It reads the clock.
func (e *OpenError) RetryAfter() time.Duration {
	if e.Until.IsZero() {
		return 0
	}
	now := e.now
	if now == nil {
		now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	return max(0, e.Until.Sub(now()))
}

// Verdict is a rejection, with the wait if it is known.
func (e *OpenError) Verdict() resilience.Verdict {
	return resilience.Verdict{Kind: resilience.KindRejected, After: e.RetryAfter(), HasAfter: !e.Until.IsZero()}
}

// refused returns the problems of a config, nil for none.
func refused(problems []error) error {
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("breaker: %w: %w", ErrConfig, errors.Join(problems...))
}
