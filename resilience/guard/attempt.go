package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/retry"
)

// attempt calls fn through breaker and bulkhead. Every error is a *judged. It is judged with ctx, which ends when the caller leaves or a hedge
// is called off, and not with that of fn, which may have a timeout.
//
// It is one function, though it has two layers: a second one would cost an eighth of what a call costs.
func attempt[T any](ctx context.Context, p *plan, fn func(context.Context) (T, error)) (v T, err error) {
	var ticket breaker.Ticket
	if p.breaker != nil {
		if ticket, err = p.breaker.Allow(); err != nil {
			return v, p.unused(ctx, err)
		}
	}
	var permit bulkhead.Permit
	outcome := breaker.Unused // until fn runs
	defer func() {
		permit.Release()
		if p.breaker != nil {
			p.breaker.Record(ticket, outcome)
		}
	}()
	switch {
	case p.slots != nil:
		permit, err = p.slots.Acquire(ctx)
	case p.acquire != nil:
		permit, err = p.acquire(ctx)
	}
	if err == nil && ctx.Err() != nil { // it ended together with a wait for the slot
		err = gone(ctx)
	}
	if err != nil {
		return v, p.unused(ctx, err)
	}
	outcome = breaker.Failure // unless fn returns
	v, err = fn(ctx)
	if err == nil {
		outcome = breaker.Success
		return v, nil
	}
	j := p.judged(ctx, err)
	if outcome = j.outcome; j.busy() {
		permit.Drop()
	}
	return v, j
}

// attemptForeign is attempt with a breaker engine behind the interface. There a ticket is on the heap; attempt keeps it on the stack.
func attemptForeign[T any](ctx context.Context, p *plan, fn func(context.Context) (T, error)) (v T, err error) {
	ticket, err := p.engine.Allow()
	if err != nil {
		return v, p.unused(ctx, err)
	}
	outcome := breaker.Failure // unless fn returns
	defer func() { p.engine.Record(ticket, outcome) }()
	v, err = attempt(ctx, p, fn)
	outcome = breaker.Success
	if j, ok := err.(*judged); ok { //nolint:errorlint // attempt returns no other
		outcome = j.outcome
	}
	return v, err
}

// doAgain goes on after a first attempt that failed.
func doAgain[T any](ctx context.Context, g *Guard, p *plan, fn func(context.Context) (T, error), v T, err error) (T, error) {
	if p.policy == nil {
		return v, failure(err)
	}
	first := &replay{Context: ctx}
	last, failed := retry.Do(first, p.policy, func(c context.Context) (T, error) { //nolint:contextcheck // it is ctx
		if !first.over {
			first.over = true
			return v, err
		}
		g.retries.Add(1)
		return attempt(c, p, fn)
	})
	if failed != nil {
		return last, failure(failed)
	}
	return last, nil
}

// replay is the context of a call whose first attempt, made before there was anything to remember, is told to retry.Do. Until that is over it
// does not say that it is done: retry.Do would make no attempt, and what the service said would be lost.
type replay struct {
	context.Context //nolint:containedctx // it is a context
	over            bool
}

func (r *replay) Err() error {
	if !r.over {
		return nil
	}
	return r.Context.Err()
}

// doLayered is Do with any of the parts that there are.
func doLayered[T any](ctx context.Context, g *Guard, p *plan, fn func(context.Context) (T, error)) (v T, err error) {
	through, further := attempt[T], &g.retries
	if p.engine != nil {
		through = attemptForeign[T]
	}
	if p.hedger != nil {
		further = &g.hedges
	}
	switch {
	case p.pool != nil:
		fn = pooled(p, fn)
	case p.timeout > 0:
		fn = timed(p.timeout, fn)
	}
	var made atomic.Int64
	one := func(c context.Context) (T, error) {
		if made.Add(1) > 1 {
			further.Add(1)
		}
		return through(c, p, fn)
	}
	switch {
	case p.policy != nil:
		v, err = retry.Do(ctx, p.policy, one)
	case p.hedger != nil:
		v, err = retry.Hedge(ctx, p.hedger, one, closeLate)
	case ctx.Err() != nil:
		return v, gone(ctx)
	default:
		v, err = one(ctx)
	}
	if err != nil {
		err = failure(err)
	}
	return v, err
}

// gone is the error of a call or an attempt for which it is too late.
func gone(ctx context.Context) error {
	return resilience.WithVerdict(fmt.Errorf("guard: %w", context.Cause(ctx)), resilience.Verdict{Unsent: true})
}

// timed returns fn with a bound on its context.
func timed[T any](timeout time.Duration, fn func(context.Context) (T, error)) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return fn(ctx)
	}
}

// pooled returns fn as it runs in the pool.
func pooled[T any](p *plan, fn func(context.Context) (T, error)) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) {
		var ran atomic.Bool
		v, err := bulkhead.Do(ctx, p.pool, func(ctx context.Context) (T, error) {
			ran.Store(true)
			return fn(ctx)
		}, bulkhead.DoConfig[T]{Priority: priorityOf(ctx, p.priority), Timeout: p.timeout, Discard: closeLate[T]})
		if err != nil && !ran.Load() && !errors.Is(err, bulkhead.ErrAbandoned) {
			return v, p.unused(ctx, err)
		}
		return v, err
	}
}

// closeLate closes a value that nobody waits for any more, if it can be closed.
func closeLate[T any](v T) {
	if c, ok := any(v).(io.Closer); ok && !isNil(c) {
		_ = c.Close() // nobody is left to tell
	}
}
