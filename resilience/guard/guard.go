package guard

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/retry"
)

// Guard is what stands between a service and those who call it. It is safe for any number of concurrent calls; New makes one of parts, a
// Registry of specs.
type Guard struct {
	name    string
	plan    atomic.Pointer[plan] // of a Registry replaced while calls go on
	retries atomic.Uint64
	hedges  atomic.Uint64
}

// Config are the parts of a Guard. Each may be left out, and each may be shared with other guards.
type Config struct {
	// Name stands in Stats and metrics.
	Name string

	// Retry repeats attempts that fail, Hedge those that take long. nil = one attempt; at most one of them.
	Retry *retry.Policy
	Hedge *retry.Hedger
	// Classify judges attempts where there is no Retry, whose policy has a classifier of its own; the one of a Hedger should be left
	// out, so that it goes by this one. nil = resilience.Default.
	Classify resilience.Classifier

	// Breaker refuses attempts while the service is down. A *breaker.Breaker costs less than an engine behind the interface. nil = none.
	Breaker breaker.Engine

	// Semaphore, Partitioned or Pool bound how many attempts run at once. nil = none; at most one of them.
	Semaphore   *bulkhead.Semaphore
	Partitioned *bulkhead.Partitioned
	Pool        *bulkhead.Pool
	// Partition names the partition of a call, for a Partitioned, which needs it.
	Partition func(context.Context) string
	// Priority is that of a call in a queue with ShedLowest. nil = 0.
	Priority func(context.Context) int

	// AttemptTimeout bounds the context of an attempt, from when it has its slot. A value that needs its context is of no use then. 0 = none.
	AttemptTimeout time.Duration
}

// New returns the guard of cfg. A cfg that contradicts itself is an ErrConfig that names every problem.
func New(cfg Config) (*Guard, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	g := &Guard{name: cfg.Name}
	g.plan.Store(newPlan(cfg, nil))
	return g, nil
}

// validate returns every problem.
func (c Config) validate() error {
	var problems []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	bulkheads := 0
	for _, there := range []bool{c.Semaphore != nil, c.Partitioned != nil, c.Pool != nil} {
		if there {
			bulkheads++
		}
	}
	want(c.Retry == nil || c.Hedge == nil, "Retry and Hedge: want one of them")
	want(c.Classify == nil || c.Retry == nil, "Classify with Retry: want it in the policy")
	want(c.Breaker == nil || !isNil(c.Breaker), "Breaker: a nil %T: want an engine, or no value at all", c.Breaker)
	want(bulkheads <= 1, "Semaphore, Partitioned and Pool: want one of them")
	want(c.Partitioned == nil || c.Partition != nil, "Partitioned without Partition")
	want(c.Partitioned != nil || c.Partition == nil, "Partition without Partitioned")
	want(c.Priority == nil || bulkheads > 0, "Priority without Semaphore, Partitioned or Pool")
	want(c.AttemptTimeout >= 0, "AttemptTimeout %v: want more than 0, or 0 for none", c.AttemptTimeout)
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("guard: %w: %w", ErrConfig, errors.Join(problems...))
}

// isNil reports whether an interface holds a nil pointer.
func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// Do calls fn through all parts of g, from the outside in: retry or hedge, breaker, bulkhead, attempt timeout. It returns the value and the
// error of the last attempt, the zero T where fn did not run.
//
// With a Retry or a Hedge every failure is a *retry.Error. Without, it is the error of fn as it is, a *breaker.OpenError, an error of the
// bulkhead, or the cause of a ctx that was done before the call.
//
// The error of each attempt is judged once, and retry, breaker and bulkhead act on that verdict. A panic or a runtime.Goexit of fn passes
// through, is a failure of the service, and gives permit and ticket back. A value of a hedge or a pool that comes when nobody waits for
// it any more is closed, if it has a method Close() error.
//
// A success through a native breaker and a semaphore or nothing reads no clock, allocates nothing, takes no lock and starts no timer. The
// caller may allocate fn, because a pool or a hedge would keep it: a function that captures variables is on the heap.
func Do[T any](ctx context.Context, g *Guard, fn func(context.Context) (T, error)) (T, error) {
	p := g.plan.Load()
	if !p.direct || ctx.Err() != nil {
		return doLayered(ctx, g, p, fn)
	}
	v, err := attempt(ctx, p, fn)
	if err != nil {
		return doAgain(ctx, g, p, fn, v, err)
	}
	if p.budget != nil {
		p.budget.Settle(1, 0)
	}
	return v, nil
}

// Run is Do for an fn without a value.
func Run(ctx context.Context, g *Guard, fn func(context.Context) error) error {
	_, err := Do(ctx, g, func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) })
	return err
}

// DoOr is Do with a fallback, which gets the error of the call and decides what to return instead. It is not called for a caller who has left
// (retry.ErrCanceled, or without a policy a ctx that was canceled); where the deadline of ctx has passed it is called, with that ctx. It
// runs outside of all parts of g.
func DoOr[T any](ctx context.Context, g *Guard, fn func(context.Context) (T, error), fallback func(context.Context, error) (T, error)) (T, error) {
	v, err := Do(ctx, g, fn)
	if err == nil || g.plan.Load().hasLeft(ctx, err) {
		return v, err
	}
	return fallback(ctx, err)
}

// hasLeft reports whether a call failed because its caller has left. Only with a policy or a hedger is a retry.Error that of the call, and
// not of one inside fn.
func (p *plan) hasLeft(ctx context.Context, err error) bool {
	if e, ok := err.(*retry.Error); ok && (p.policy != nil || p.hedger != nil) { //nolint:errorlint // of this call, and not of one inside
		return e.Cause == retry.CauseCanceled
	}
	return errors.Is(ctx.Err(), context.Canceled)
}

// Name returns the name of the guard.
func (g *Guard) Name() string { return g.name }

// Breaker returns the engine of the guard, nil where there is none: to look at, or to command if it is a breaker.Commander.
func (g *Guard) Breaker() breaker.Engine {
	switch p := g.plan.Load(); {
	case p.breaker != nil:
		return p.breaker
	case p.engine != nil:
		return p.engine
	default:
		return nil
	}
}
