package retry

import (
	"errors"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/resilience"
)

// Error is how every failed call ends. It is, for errors.Is, the sentinel of its Cause, the last error of fn, and what ended the context.
// It is immutable and safe to share.
type Error struct {
	Cause    Cause
	Last     error         // of the last attempt; nil where fn did not run
	Attempts []Attempt     // the latest ones, Config.Timeline of them
	Prev     time.Duration // the wait before the last attempt: History.Prev for whoever goes on with the call
	// RetryAfter is how long the service, or a breaker or bulkhead of our own, asked to be left alone in the last attempt. 0 = not said.
	RetryAfter time.Duration

	context error // why the context is done, nil where it is not
	ran     error // what fn returned last, where the last attempt was refused by ourselves
	sent    bool  // an attempt that is not among Attempts may have been executed
}

// Attempt is one failed execution of fn.
type Attempt struct {
	Number     int       // from 1
	Start, End time.Time // Start is zero for the first attempt of a policy that did not need it
	Err        error
	Verdict    resilience.Verdict // on Err
	Wait       time.Duration      // after it; 0 where nothing followed
}

// Error names the cause, the number of attempts and the last error.
func (e *Error) Error() string {
	if e.Last == nil {
		return fmt.Sprintf("retry: %v: %v", e.Cause, e.context)
	}
	attempts := "1 attempt"
	if n := e.number(); n != 1 {
		attempts = fmt.Sprintf("%d attempts", n)
	}
	return fmt.Sprintf("retry: %v after %s: %v", e.Cause, attempts, e.Last)
}

// Is matches the sentinel of the cause.
func (e *Error) Is(target error) bool {
	return e.Cause != 0 && target == e.Cause.Err()
}

// Unwrap returns the last error, where that is a refusal of our own also what fn returned last, and the cause of a context that is done.
func (e *Error) Unwrap() []error {
	errs := make([]error, 0, 3)
	for _, err := range []error{e.Last, e.ran, e.context} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// Verdict returns that of the last attempt, so that a policy around the call judges what the service said; unsent only if no attempt was
// sent. Where none failed before the context was done it is Canceled.
func (e *Error) Verdict() resilience.Verdict {
	if len(e.Attempts) == 0 {
		return resilience.Verdict{Kind: resilience.KindCanceled, Unsent: !e.sent}
	}
	v := e.Attempts[len(e.Attempts)-1].Verdict
	v.Unsent = !e.Sent()
	return v
}

// Sent reports whether an attempt may have been executed. Where it is false, every attempt was refused before it was sent or by ourselves,
// and the caller may say "not sent".
func (e *Error) Sent() bool {
	if e.sent {
		return true
	}
	for _, a := range e.Attempts {
		if a.sent() {
			return true
		}
	}
	return false
}

// number is how many attempts were made.
func (e *Error) number() int {
	if len(e.Attempts) == 0 {
		return 0
	}
	return e.Attempts[len(e.Attempts)-1].Number
}

// sent reports whether the attempt may have been executed. A call inside it may have made several, of which its verdict shows the last.
func (a Attempt) sent() bool {
	if a.Verdict.Sent() {
		return true
	}
	inner, ok := errors.AsType[*Error](a.Err)
	return ok && inner.Sent()
}

// log keeps the attempts of a call until it is known whether an Error will need them; the first ones without memory from the heap.
type log struct {
	first [2]Attempt
	n     int       // how many are in first
	rest  []Attempt // at most the limit, so that endless calls do not grow
	sent  bool      // an attempt that was dropped may have been executed
}

// next returns the place of the next attempt. Of those that are not among the first, it keeps the latest up to limit.
func (l *log) next(limit int) *Attempt {
	if l.n < len(l.first) {
		l.n++
		return &l.first[l.n-1]
	}
	if len(l.rest) == limit {
		l.sent = l.sent || l.rest[0].sent()
		l.rest = append(l.rest[:0], l.rest[1:]...)
	}
	l.rest = append(l.rest, Attempt{})
	return &l.rest[len(l.rest)-1]
}

// latest returns a copy of the latest attempts, at most limit, and whether any other may have been executed.
func (l *log) latest(limit int) (kept []Attempt, sent bool) {
	all := append(append([]Attempt(nil), l.first[:l.n]...), l.rest...)
	sent = l.sent
	for len(all) > limit {
		sent = sent || all[0].sent()
		all = all[1:]
	}
	return all, sent
}
