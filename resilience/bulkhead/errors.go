package bulkhead

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/resilience"
)

// Errors that a caller may test for with errors.Is.
var (
	// ErrFull marks a caller that got no slot: a *FullError.
	ErrFull = errors.New("full")
	// ErrAbandoned marks a call whose caller left while it ran: an *AbandonedError.
	ErrAbandoned = errors.New("abandoned")
	// ErrStopped marks a call that a pool refused because it was stopped. Its verdict is resilience.KindRejected.
	ErrStopped = resilience.WithVerdict(errors.New("bulkhead: stopped"), resilience.Verdict{Kind: resilience.KindRejected})
	// ErrPartition marks a name that is no partition, where no "*" stands for the rest.
	ErrPartition = errors.New("unknown partition")
	// ErrConfig marks a limit, weights or a Config that were refused.
	ErrConfig = errors.New("invalid config")
)

// FullError is the refusal of a caller: no slot was free, and there was no room to wait, or the wait was too long. It is ErrFull. A caller
// that did not wait gets an error that may be shared: do not change it.
type FullError struct {
	InUse     int           // slots in use, by all partitions; more than Limit while a smaller limit drains
	Limit     int           // of all partitions
	Waiting   int           // who else waited, in the partition
	Waited    time.Duration // 0 where the caller was refused at once
	Shed      bool          // a caller of higher priority took the place in the queue
	Partition string        // "" where there is none
}

// Error says what was full.
func (e *FullError) Error() string {
	of, after := "", ""
	if e.Partition != "" {
		of = fmt.Sprintf(" for partition %q", e.Partition)
	}
	switch {
	case e.Shed:
		after = fmt.Sprintf(" (shed after %v)", e.Waited)
	case e.Waited > 0:
		after = fmt.Sprintf(" (waited %v)", e.Waited)
	}
	return fmt.Sprintf("bulkhead: full%s: %d of %d in use, %d waiting%s", of, e.InUse, e.Limit, e.Waiting, after)
}

// with returns the error with other numbers. A ready-made one serves unless a smaller limit drains: a refusal has to be cheaper than
// anything that it protects.
func (e *FullError) with(inUse, waiting int) *FullError {
	if inUse == e.InUse && waiting == e.Waiting {
		return e
	}
	return &FullError{InUse: inUse, Limit: e.Limit, Waiting: waiting, Partition: e.Partition}
}

// Is matches ErrFull.
func (e *FullError) Is(target error) bool { return target == ErrFull }

// Verdict returns that the call did not run because we refused it. It says nothing of when to come again: a bulkhead does not know when a
// call will end.
func (e *FullError) Verdict() resilience.Verdict {
	return resilience.Verdict{Kind: resilience.KindRejected}
}

// AbandonedError tells a caller of a Pool that left because its context was done that its function still runs, and keeps its slot until it
// ends. It is ErrAbandoned, and wraps the cause of the context.
type AbandonedError struct {
	Ran   time.Duration // how long the function had run
	Cause error         // of the context
}

// Error says how long the call had run.
func (e *AbandonedError) Error() string {
	return fmt.Sprintf("bulkhead: abandoned after %v: %v", e.Ran, e.Cause)
}

// Is matches ErrAbandoned.
func (e *AbandonedError) Is(target error) bool { return target == ErrAbandoned }

// Unwrap returns the cause of the context.
func (e *AbandonedError) Unwrap() error { return e.Cause }

// PanicError is what a caller of a Pool panics with when its function panicked in a goroutine of the pool.
type PanicError struct {
	Value any    // what the function panicked with
	Stack []byte // of the goroutine that panicked
}

// Error names the value and shows the stack, which the stack of the caller does not have.
func (e *PanicError) Error() string {
	return fmt.Sprintf("bulkhead: panic in a pool: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// errGone returns the error of a caller whose context was done before it had a slot. What it waited for was never sent.
func errGone(ctx context.Context) error {
	return resilience.WithVerdict(fmt.Errorf("bulkhead: acquire: %w", context.Cause(ctx)), resilience.Verdict{Unsent: true})
}

// errPartition returns the error of a name that is no partition. Its call did not run.
func errPartition(name string) error {
	return resilience.WithVerdict(fmt.Errorf("bulkhead: %w: %q", ErrPartition, name), resilience.Verdict{Kind: resilience.KindRejected})
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
	return fmt.Errorf("bulkhead: %w: %w", ErrConfig, errors.Join(*p...))
}
