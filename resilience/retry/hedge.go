package retry

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/tenon-go/tenon/resilience"
)

// Hedger says when to send a request a second time while the first one is still out. It is safe for any number of concurrent calls;
// NewHedger makes it.
type Hedger struct {
	cfg     HedgeConfig
	latency latency
}

// HedgeConfig are the parts of a Hedger. Delay or Quantile is required.
type HedgeConfig struct {
	// Max is how many attempts a call makes at most, the first included. 0 = 2; 2 to 16.
	Max int
	// Delay is how long to wait for an answer before the next attempt leaves.
	Delay time.Duration
	// Quantile, in (0, 1), sets the delay to what that part of the latest successes took: 0.95 hedges the slowest twentieth. Delay
	// then serves until there are 16 successes; where it is 0, only failures make hedges until then. 0 = Delay alone.
	Quantile float64
	// Idempotent says that fn is safe to run more than once. So is a call with a resilience.Key; any other makes one attempt.
	Idempotent bool
	// Classify says what an error means. nil = resilience.Default.
	Classify resilience.Classifier
	// Budget is charged for every attempt beyond the first. nil = none.
	Budget Budget
	// Now times the attempts. nil = time.Now.
	Now func() time.Time
}

// The values behind zero fields, and their limit.
const (
	defaultHedges = 2
	maxHedges     = 16
)

// NewHedger returns the hedger of cfg. A cfg that is out of range is an ErrConfig that names every such field.
func NewHedger(cfg HedgeConfig) (*Hedger, error) {
	var p problems
	p.check(cfg.Max == 0 || cfg.Max >= 2 && cfg.Max <= maxHedges, "Max %d: want 2 to %d, or 0 for %d", cfg.Max, maxHedges, defaultHedges)
	p.check(cfg.Delay >= 0, "Delay %v: want at least 0", cfg.Delay)
	p.check(cfg.Quantile >= 0 && cfg.Quantile < 1, "Quantile %v: want a part in (0, 1), or 0 for Delay", cfg.Quantile)
	p.check(cfg.Delay != 0 || cfg.Quantile != 0, "Delay and Quantile: want one of them")
	if err := p.err(); err != nil {
		return nil, err
	}
	if cfg.Max == 0 {
		cfg.Max = defaultHedges
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	return &Hedger{cfg: cfg, latency: latency{quantile: cfg.Quantile}}, nil
}

// Delay returns how long an attempt may take before the next one leaves now.
func (h *Hedger) Delay() time.Duration {
	if live := h.latency.estimate.Load(); live != 0 {
		return time.Duration(live)
	}
	if h.cfg.Delay == 0 {
		return math.MaxInt64 // a quantile of nothing
	}
	return h.cfg.Delay
}

// Hedge calls fn, again after each Delay and at once after a failure that is worth retrying, until an attempt succeeds, one fails for good
// or none is left. It returns the value of the first success, or the zero T and an *Error.
//
// "Do not retry", a wait that the service asks for and a refusal, by the budget or of an attempt by a breaker or bulkhead of our own, stop
// further attempts; those that are out may still succeed. A success that comes after Hedge has returned is given to discard (nil = dropped). A call inside a retried attempt, or one
// that is not safe to repeat, makes one attempt. Attempts from the second on have a resilience.Mark in their context.
//
// Attempts run in goroutines of their own, and their contexts end with the call; only that of the winner lives on, for a value that needs
// it, and is freed with ctx: so ctx should be that of a request. Hedge does not wait for attempts that ignore their context. A panic of
// fn is a panic of Hedge with a *PanicError; after Hedge has returned it ends the process, as in any goroutine.
func Hedge[T any](ctx context.Context, h *Hedger, fn func(context.Context) (T, error), discard func(T)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, &Error{Cause: causeOf(err), context: context.Cause(ctx)}
	}
	_, nested := resilience.MarkOf(ctx)
	r := &race[T]{
		hedger: h, fn: fn, discard: discard, results: make(chan result[T], h.cfg.Max),
		nested: nested, repeatable: h.cfg.Idempotent || resilience.Key(ctx) != "",
		timer: time.NewTimer(h.Delay()), //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	}
	defer r.timer.Stop()
	r.send(ctx)
	for {
		select {
		case <-ctx.Done():
			return none, r.fail(ctx, causeOf(ctx.Err()))
		case <-r.timer.C:
			if r.stop == 0 && ctx.Err() == nil { // the two may come together
				r.sendIf(ctx, r.charge(Charge{}))
			}
		case res := <-r.results:
			switch cause := r.judge(ctx, res); {
			case res.err == nil:
				r.finish(res.number)
				return res.value, nil
			case cause != 0:
				return none, r.fail(ctx, cause)
			}
		}
	}
}

// PanicError carries a panic of an attempt to the goroutine that waits for it.
type PanicError struct {
	Value any    // what fn panicked with
	Stack []byte // where, as of debug.Stack
}

// Error gives the value and the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("retry: panic in an attempt: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// race is one call of Hedge. The goroutines of attempts touch only its results, over and what is never changed.
type race[T any] struct {
	hedger     *Hedger
	fn         func(context.Context) (T, error)
	discard    func(T)
	nested     bool
	repeatable bool

	sent    int // attempts, with their cancel functions
	cancels []context.CancelFunc
	timer   *time.Timer // of the next attempt
	failed  []Attempt
	charges int    // of the budget
	spent   Tokens // by the last charge that was allowed
	stop    Cause  // why no further attempt leaves, 0 while one may

	results chan result[T] // has room for all, so that no attempt waits to be heard
	mu      sync.Mutex
	over    bool // nobody reads results any more; guarded by mu
}

// result is how an attempt ended: by returning, unless panicked or exited say otherwise.
type result[T any] struct {
	number     int
	start, end time.Time
	value      T
	err        error
	panicked   *PanicError
	exited     bool
}

// send starts an attempt, and the time to the next one.
func (r *race[T]) send(ctx context.Context) {
	r.sent++
	limit := r.hedger.cfg.Max
	switch {
	case r.nested:
		r.stop = CauseNested
	case !r.repeatable || r.sent == limit:
		r.stop = CauseMaxAttempts
	}
	if r.sent > 1 {
		ctx = resilience.WithMark(ctx, resilience.Mark{Attempt: r.sent, Max: limit})
	}
	ctx, cancel := context.WithCancel(ctx)
	r.cancels = append(r.cancels, cancel)
	r.timer.Reset(r.hedger.Delay())
	go r.run(ctx, result[T]{number: r.sent, start: r.hedger.cfg.Now()})
}

// sendIf sends the next attempt, or notes that the budget does not allow it.
func (r *race[T]) sendIf(ctx context.Context, allowed bool) {
	switch {
	case r.stop != 0:
	case allowed:
		r.send(ctx)
	default:
		r.stop = CauseBudget
	}
}

// judge takes the result of an attempt. After a failure it sends the next attempt if it can, and returns the cause if the call is lost.
// What did not return goes on here as it ended there.
func (r *race[T]) judge(ctx context.Context, res result[T]) Cause {
	switch {
	case res.panicked != nil:
		r.finish(0)
		panic(res.panicked)
	case res.exited:
		r.finish(0)
		runtime.Goexit()
	case res.err == nil:
		if b := r.hedger.cfg.Budget; b != nil {
			b.Settle(r.charges+1, r.spent)
		}
		return 0
	}
	v := r.hedger.cfg.Classify.Judge(ctx, res.err)
	r.failed = append(r.failed, Attempt{Number: res.number, Start: res.start, End: res.end, Err: res.err, Verdict: v})
	if cause := gone(ctx, &v); cause != 0 {
		return cause
	}
	cause := judged(&v, r.repeatable)
	switch {
	case cause == CauseStopped:
		r.stop = cause
	case cause == CauseRejected && r.stop == 0: // by ourselves: no more can leave, and those that are out may succeed
		r.stop = cause
	case cause == CauseRejected:
	case cause != 0:
		return cause
	case r.stop == 0 && v.HasAfter && v.After > 0:
		r.stop = CauseHint
	}
	r.sendIf(ctx, r.charge(Charge{Throttled: v.Kind == resilience.KindThrottled, Last: r.stop != 0, Stop: v.Stop}))
	if len(r.failed) == r.sent {
		return r.stop
	}
	return 0
}

// charge asks the budget. For it the charges of a call are its attempts: several can come from one, by its delay and by its failure.
func (r *race[T]) charge(c Charge) bool {
	b := r.hedger.cfg.Budget
	if b == nil {
		return true
	}
	r.charges++
	c.Attempt = r.charges
	spent, allowed := b.Charge(c)
	if allowed {
		r.spent = spent
	}
	return allowed
}

// fail ends the call and returns its error.
func (r *race[T]) fail(ctx context.Context, cause Cause) error {
	r.finish(0)
	e := &Error{Cause: cause, Attempts: r.failed, sent: len(r.failed) < r.sent}
	for _, a := range r.failed {
		if a.Verdict.Kind != resilience.KindRejected {
			e.ran = a.Err
		}
	}
	if n := len(r.failed); n > 0 {
		e.Last, e.RetryAfter = r.failed[n-1].Err, max(0, r.failed[n-1].Verdict.After)
	}
	if ctx.Err() != nil {
		e.context = context.Cause(ctx)
	}
	return e
}

// finish ends the race: all attempts but the winner's are canceled, and results that nobody has read are late.
func (r *race[T]) finish(winner int) {
	for i, cancel := range r.cancels {
		if i+1 != winner {
			cancel()
		}
	}
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	for {
		select {
		case res := <-r.results:
			r.late(res)
		default:
			return
		}
	}
}

// run makes an attempt.
func (r *race[T]) run(ctx context.Context, res result[T]) {
	returned := false
	defer func() {
		if value := recover(); value != nil {
			res.panicked = &PanicError{Value: value, Stack: debug.Stack()}
		} else if !returned {
			res.exited = true
		}
		r.deliver(res)
	}()
	if ctx.Err() != nil { // since it was sent
		res.err = resilience.WithVerdict(context.Cause(ctx), resilience.Verdict{Kind: resilience.KindCanceled, Unsent: true})
	} else {
		res.value, res.err = r.fn(ctx)
	}
	returned = true
	res.end = r.hedger.cfg.Now()
	if res.err == nil && r.hedger.cfg.Quantile > 0 {
		r.hedger.latency.add(res.end.Sub(res.start))
	}
}

// deliver hands a result to the call, if it still listens.
func (r *race[T]) deliver(res result[T]) {
	r.mu.Lock()
	over := r.over
	if !over {
		r.results <- res
	}
	r.mu.Unlock()
	if over {
		r.late(res)
	}
}

// late takes a result that came too late.
func (r *race[T]) late(res result[T]) {
	switch {
	case res.panicked != nil:
		panic(res.panicked)
	case !res.exited && res.err == nil && r.discard != nil:
		r.discard(res.value)
	}
}
