package breaker

import (
	"context"
	"fmt"

	"github.com/tenon-go/tenon/resilience"
)

// Do calls fn if e allows it, and records what became of it. It returns what fn returned, or a refusal: an *OpenError, with the zero T. A
// context that is done is its cause, and nothing is asked.
//
// An error is Unused if it is a rejection by ourselves; else e decides, if it is a Judge; else the verdict of resilience.Default does, by
// OutcomeOf. A panic or a runtime.Goexit of fn passes through and is a failure. Around a *Breaker that is closed, Do allocates nothing.
func Do[T any](ctx context.Context, e Engine, fn func(context.Context) (T, error)) (v T, err error) {
	if ctx.Err() != nil {
		return v, fmt.Errorf("breaker: %w", context.Cause(ctx))
	}
	if b, ok := e.(*Breaker); ok {
		return doNative(ctx, b, fn)
	}
	t, err := e.Allow()
	if err != nil {
		return v, err
	}
	o := Failure // unless fn returns
	defer func() { e.Record(t, o) }()
	v, err = fn(ctx)
	o = outcome(ctx, e, err)
	return v, err
}

// Run is Do for an fn without a value.
func Run(ctx context.Context, e Engine, fn func(context.Context) error) error {
	_, err := Do(ctx, e, func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) })
	return err
}

// doNative is Do with methods that are known, so that the ticket stays on the stack.
func doNative[T any](ctx context.Context, b *Breaker, fn func(context.Context) (T, error)) (v T, err error) {
	t, err := b.Allow()
	if err != nil {
		return v, err
	}
	o := Failure // unless fn returns
	defer func() { b.Record(t, o) }()
	v, err = fn(ctx)
	o = outcome(ctx, b, err)
	return v, err
}

// outcome judges what fn returned.
func outcome(ctx context.Context, e Engine, err error) Outcome {
	if err == nil {
		return Success
	}
	verdict := resilience.Default(ctx, err)
	if verdict.Kind == resilience.KindRejected {
		return Unused
	}
	if j, ok := e.(Judge); ok {
		if o := j.Outcome(err); o != 0 {
			return o
		}
	}
	return OutcomeOf(verdict)
}
