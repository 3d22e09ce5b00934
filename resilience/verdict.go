package resilience

import (
	"fmt"
	"time"
)

// Verdict is what the failure of one attempt means to those who act on it: whether a retry may help, whether a breaker counts it, how
// long the service asks to be left alone. It is a value; the zero Verdict is undecided and says nothing.
type Verdict struct {
	Kind Kind
	// Code is the answer in the protocol's own words, such as "503" or "UNAVAILABLE"; "" where there is none. Codes looks it up.
	Code string
	// After is how long the other side asks to wait before the next attempt. It counts only with HasAfter: a service may ask for zero.
	After    time.Duration
	HasAfter bool
	// Stop is the other side's "do not retry"; it holds whatever the Kind.
	Stop bool
	// Answered says that the service itself gave the answer, so that a failure that is Permanent speaks for its health (a 404), not
	// against it (an unknown host).
	Answered bool
	// Unsent says that the attempt cannot have been executed, because it never reached the service (a refused connection). A
	// rejection is unsent without it.
	Unsent bool
}

// Retryable reports whether repeating can help and is safe. Repeatable says that a second execution does no harm: fn is idempotent, or the
// call has a key.
func (v Verdict) Retryable(repeatable bool) bool {
	switch v.Kind {
	case KindTransient, KindThrottled:
		return !v.Stop
	case KindTimeout, KindAmbiguous:
		return repeatable && !v.Stop
	default:
		return false
	}
}

// Sent reports whether the attempt may have been executed.
func (v Verdict) Sent() bool { return v.Kind != KindRejected && !v.Unsent }

// Kind is the kind of a failure. The zero Kind is undecided.
type Kind uint8

// The kinds of failure. Beside each: whether it is retried, and what a breaker counts.
const (
	// KindUndecided leaves the verdict to the next classifier.
	KindUndecided Kind = iota
	// KindPermanent will not change by repeating. Not retried; a success where the service answered, else a failure.
	KindPermanent
	// KindTransient was not executed or is safe to repeat: a refused connection, a 503. Retried; a failure.
	KindTransient
	// KindThrottled is a request to slow down: a 429. Retried, with the longer base delay for throttling; not counted.
	KindThrottled
	// KindTimeout was sent and got no answer in time, so it may have been executed. Retried if repeatable; a failure.
	KindTimeout
	// KindAmbiguous was sent and lost its answer, so it may have been executed. Retried if repeatable; a failure.
	KindAmbiguous
	// KindCanceled means that the caller left. Not retried; not counted.
	KindCanceled
	// KindRejected means that our own breaker or bulkhead refused and the attempt did not run. Not retried; the ticket goes back unused.
	KindRejected
)

// String returns undecided, permanent, transient, throttled, timeout, ambiguous, canceled or rejected.
func (k Kind) String() string {
	switch k {
	case KindUndecided:
		return "undecided"
	case KindPermanent:
		return "permanent"
	case KindTransient:
		return "transient"
	case KindThrottled:
		return "throttled"
	case KindTimeout:
		return "timeout"
	case KindAmbiguous:
		return "ambiguous"
	case KindCanceled:
		return "canceled"
	case KindRejected:
		return "rejected"
	default:
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
}

// WithVerdict returns err with v as its own verdict: the way for a function to tell what its failure means, such as the wait that an answer
// asked for. Text and tree of err stay as they are. A nil err stays nil.
func WithVerdict(err error, v Verdict) error {
	if err == nil {
		return nil
	}
	return &judgedError{err, v}
}

// Permanent returns err as the service's answer that no repeating changes, such as a validation error: it is not retried, and a breaker
// counts it as a success. A nil err stays nil.
func Permanent(err error) error {
	return WithVerdict(err, Verdict{Kind: KindPermanent, Answered: true})
}

// judgedError is an error that brings its own verdict.
type judgedError struct {
	error
	verdict Verdict
}

func (e *judgedError) Unwrap() error    { return e.error }
func (e *judgedError) Verdict() Verdict { return e.verdict }
