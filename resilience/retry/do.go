package retry

import (
	"context"
	"time"

	"github.com/tenon-go/tenon/resilience"
)

// Do calls fn until it succeeds or p stops, and returns the value that fn returned last: the zero T where it did not run. Every failure
// is an *Error. A panic of fn passes through.
//
// No attempt begins with a context that is done, no wait begins that would end too late for another attempt, and a wait ends with
// the context. Attempts after the first have a resilience.Mark in theirs. A call that succeeds at once reads no clock, allocates
// nothing and takes no lock; a retried attempt costs one allocation, the mark.
func Do[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error)) (T, error) {
	if p.early || ctx.Err() != nil {
		return doEarly(ctx, p, fn)
	}
	v, err := fn(ctx)
	if err != nil {
		return doAgain(ctx, p, fn, v, err)
	}
	if p.budget != nil {
		p.budget.Settle(1, 0)
	}
	return v, nil
}

// Run is Do for an fn without a value.
func Run(ctx context.Context, p *Policy, fn func(context.Context) error) error {
	_, err := Do(ctx, p, func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) })
	return err
}

// doEarly is Do for a policy or a context that asks for something before the first attempt.
func doEarly[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error)) (v T, err error) {
	var c call
	c.start(p)
	first, failure := c.begin(ctx)
	if failure != nil {
		return v, failure
	}
	v, err = fn(first)
	return finish(ctx, &c, fn, v, err)
}

// doAgain goes on after a first attempt that failed. The state of the call is apart from the frame of Do, which stays small.
func doAgain[T any](ctx context.Context, p *Policy, fn func(context.Context) (T, error), v T, err error) (T, error) {
	var c call
	c.start(p)
	return finish(ctx, &c, fn, v, err)
}

// finish goes on after an attempt that returned v and err.
func finish[T any](ctx context.Context, c *call, fn func(context.Context) (T, error), v T, err error) (T, error) {
	for err != nil {
		next, failure := c.failed(ctx, err)
		if failure != nil {
			return v, failure
		}
		v, err = fn(next)
	}
	c.succeeded(ctx)
	return v, nil
}

// call is the state of one call. It lives on the stack of its caller.
type call struct {
	policy  *Policy
	history History // as it will be when the attempt that runs has failed
	foreign BackOff
	spent   Tokens    // by the last charge
	began   time.Time // when the attempt that runs did, zero where nobody looked
	ran     error     // of the latest attempt that was not refused by ourselves
	log     log
}

// start makes the zero call one of p. It is no constructor because that would copy the call.
func (c *call) start(p *Policy) {
	c.policy = p
	c.history.Attempts = 1
}

// begin returns the context of the first attempt, or why there is none.
func (c *call) begin(ctx context.Context) (context.Context, error) {
	if err := ctx.Err(); err != nil {
		return nil, &Error{Cause: causeOf(err), context: context.Cause(ctx)}
	}
	cfg := &c.policy.cfg
	if cfg.MaxElapsed > 0 && cfg.ElapsedFrom == FromCall {
		c.began = cfg.Now()
		c.history.Start = c.began
	}
	if _, marked := resilience.MarkOf(ctx); cfg.Nested == Eager && !marked {
		ctx = c.mark(ctx)
	}
	return ctx, nil
}

// failed takes the error of an attempt and returns the context of the next one when its time has come, or the error of the call.
func (c *call) failed(ctx context.Context, err error) (context.Context, error) {
	cfg, at := &c.policy.cfg, c.policy.cfg.Now()
	c.look(ctx, at)
	a := c.log.next(cfg.Timeline) // filled in place: it is large
	a.Number, a.Start, a.End, a.Err = c.history.Attempts, c.began, at, err
	a.Verdict = cfg.Classify.Judge(ctx, err)
	if a.Verdict.Kind != resilience.KindRejected {
		c.ran = err
	}
	d := c.decide(ctx, &a.Verdict, at)
	a.Wait = d.Wait
	if !d.Retry {
		pause(ctx, d.Wait)
		return nil, c.end(ctx, d.Cause)
	}
	if cfg.OnRetry != nil {
		cfg.OnRetry(ctx, Event{Attempt: a.Number, Err: err, Verdict: a.Verdict, Wait: d.Wait})
	}
	pause(ctx, d.Wait)
	if err := ctx.Err(); err != nil {
		return nil, c.end(ctx, causeOf(err))
	}
	if c.began = at; d.Wait > 0 {
		c.began = cfg.Now()
	}
	advance(&c.history, d)
	if cfg.Nested != Off {
		ctx = c.mark(ctx)
	}
	return ctx, nil
}

// look completes the history with what the call knows of itself and a success never asks for.
func (c *call) look(ctx context.Context, at time.Time) {
	cfg := &c.policy.cfg
	if c.history.FirstFailure.IsZero() {
		c.history.FirstFailure = at
		c.history.Deadline, _ = ctx.Deadline()
		c.history.Repeatable = cfg.Idempotent || resilience.Key(ctx) != ""
		_, c.history.Nested = resilience.MarkOf(ctx)
		if cfg.NewBackOff != nil {
			c.foreign = cfg.NewBackOff()
			c.foreign.Reset()
		}
	}
	if c.foreign != nil {
		c.history.Foreign = c.foreign.NextBackOff()
	}
}

// decide adds to Policy.Decide what is not a value: a context that is done, a budget, and the state of a foreign BackOff. A decision to
// stop has a Wait only where the budget refuses a poller.
func (c *call) decide(ctx context.Context, v *resilience.Verdict, at time.Time) Decision {
	u := c.policy.cfg.Rand()
	d := c.policy.decide(&c.history, v, at, u)
	if cause := gone(ctx, v); cause != 0 {
		d = Decision{Cause: cause}
	}
	if c.policy.budget != nil && chargeable(*v, c.history.Repeatable) {
		spent, allowed := c.policy.budget.Charge(Charge{
			Attempt: c.history.Attempts, Throttled: v.Kind == resilience.KindThrottled, Last: !d.Retry, Stop: v.Stop,
		})
		if c.spent = spent; d.Retry && !allowed {
			d = Decision{Cause: CauseBudget, Wait: c.pace(at, u)}
		}
	}
	if d.Restart && c.foreign != nil {
		c.foreign.Reset()
	}
	return d
}

// pace returns how long a call that the budget refuses waits before it fails.
func (c *call) pace(at time.Time, u float64) time.Duration {
	if !c.policy.cfg.Polling {
		return 0
	}
	wait := c.policy.delay(&c.history, false, u)
	if c.policy.late(&c.history, at, wait) != 0 {
		return 0
	}
	return wait
}

// mark returns ctx with the number of the attempt that is about to run.
func (c *call) mark(ctx context.Context) context.Context {
	return resilience.WithMark(ctx, resilience.Mark{Attempt: c.history.Attempts, Max: c.policy.cfg.MaxAttempts})
}

// end returns the error of the call after its last attempt.
func (c *call) end(ctx context.Context, cause Cause) error {
	attempts, sent := c.log.latest(c.policy.cfg.Timeline)
	last := attempts[len(attempts)-1]
	e := &Error{
		Cause: cause, Last: last.Err, Attempts: attempts, Prev: c.history.Prev, RetryAfter: max(0, last.Verdict.After), sent: sent,
	}
	if last.Verdict.Kind == resilience.KindRejected {
		e.ran = c.ran
	}
	if ctx.Err() != nil {
		e.context = context.Cause(ctx)
	}
	if done := c.policy.cfg.OnDone; done != nil {
		done(ctx, Event{Attempt: last.Number, Err: last.Err, Verdict: last.Verdict, Cause: cause})
	}
	return e
}

// succeeded settles a call.
func (c *call) succeeded(ctx context.Context) {
	attempt := c.history.Attempts
	if c.policy.budget != nil {
		c.policy.budget.Settle(attempt, c.spent)
	}
	if done := c.policy.cfg.OnDone; done != nil && attempt > 1 {
		done(ctx, Event{Attempt: attempt})
	}
}

// gone returns the cause of a stop by a context that is done: 0 when it is not, or when the verdict stands whoever has left.
func gone(ctx context.Context, v *resilience.Verdict) Cause {
	err := ctx.Err()
	if err == nil || v.Kind == resilience.KindPermanent || v.Kind == resilience.KindRejected {
		return 0
	}
	return causeOf(err)
}

// chargeable reports whether a budget is told of the failure: it is worth retrying, or would be, had the service not said "do not retry".
func chargeable(v resilience.Verdict, repeatable bool) bool {
	if v.Stop && v.Kind != resilience.KindRejected && v.Kind != resilience.KindCanceled {
		return true
	}
	return v.Retryable(repeatable)
}

// pause waits for d, or less if the context ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
