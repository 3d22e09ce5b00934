package orders

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A RunnerConfig says how a [Runner] works. Every zero field stands for its default.
type RunnerConfig struct {
	// Worker names this runner in the store; empty: a random name.
	Worker string
	// Lease is how long an effect is this runner's: at least twice, and by default
	// twice, Config.CallFor.
	Lease time.Duration
	// Batch is how many effects are claimed at once, 1 to 1,000; 0: 100.
	Batch int
	// Parallel is how many are performed at a time, 1 to 1,000; 0: 16.
	Parallel int
	// Poll is how long Run waits when nothing is due, at least a millisecond; 0: a
	// second.
	Poll time.Duration
	// Backoff is how long Run waits after the store has failed, doubled each time up to
	// a minute, at least a millisecond; 0: a second.
	Backoff time.Duration
}

// A Runner performs what is due, whoever asked for it: effects that wait, timers, and
// what a process that died has left. Any number may run on one store.
type Runner struct {
	orders *Orders
	cfg    RunnerConfig
}

// NewRunner returns a runner, which does nothing before Run or Step. It reports
// everything that is wrong with cfg at once.
func NewRunner(s *Orders, cfg RunnerConfig) (*Runner, error) {
	var problems []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	cfg.Worker = cmp.Or(cfg.Worker, s.cfg.NewID())
	cfg.Lease = cmp.Or(cfg.Lease, s.lease())
	cfg.Batch = cmp.Or(cfg.Batch, 100)
	cfg.Parallel = cmp.Or(cfg.Parallel, 16)
	cfg.Poll = cmp.Or(cfg.Poll, time.Second)
	cfg.Backoff = cmp.Or(cfg.Backoff, time.Second)
	check(cfg.Lease >= s.lease(), "Lease %v: want at least %v, twice CallFor", cfg.Lease, s.lease())
	check(cfg.Batch >= 1 && cfg.Batch <= 1000, "Batch %d: want 1 to 1000", cfg.Batch)
	check(cfg.Parallel >= 1 && cfg.Parallel <= 1000, "Parallel %d: want 1 to 1000", cfg.Parallel)
	check(cfg.Poll >= time.Millisecond, "Poll %v: want at least 1ms", cfg.Poll)
	check(cfg.Backoff >= time.Millisecond, "Backoff %v: want at least 1ms", cfg.Backoff)
	if len(problems) > 0 {
		return nil, fmt.Errorf("orders: new runner: %w", &InvalidError{Problems: problems})
	}
	return &Runner{orders: s, cfg: cfg}, nil
}

// Run performs what is due until ctx ends, and returns its cause. An error of the store
// is logged and waited out.
func (r *Runner) Run(ctx context.Context) error {
	failures := 0
	for {
		n, err := r.Step(ctx)
		wait := r.cfg.Poll
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("orders: run: %w", context.Cause(ctx))
		case err != nil:
			r.orders.log.ErrorContext(ctx, "orders: runner", "worker", r.cfg.Worker, "error", err)
			wait = min(r.cfg.Backoff<<min(failures, 16), max(time.Minute, r.cfg.Backoff))
			failures++
		case n > 0:
			failures = 0
			continue
		default:
			failures = 0
		}
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("orders: run: %w", err)
		}
	}
}

// pause waits, or returns the cause of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d) //nolint:forbidigo // only the wait, no decision
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Step sweeps stock, claims one batch of what is due, performs it with all that
// follows from it at once, and returns how many effects were claimed. Errors are the
// store's; the effects that they concern are claimed again when their leases end.
func (r *Runner) Step(ctx context.Context) (int, error) {
	at := r.orders.now()
	sweep := r.orders.sweep(ctx, at)
	claimed, err := r.orders.store.Claim(ctx, ClaimRequest{At: at, Worker: r.cfg.Worker, Lease: r.cfg.Lease, Limit: r.cfg.Batch})
	if err != nil {
		return 0, errors.Join(sweep, fmt.Errorf("orders: step: %w", err))
	}
	var (
		mu     sync.Mutex
		failed = []error{sweep}
		work   = make(chan Claimed)
		wg     sync.WaitGroup
	)
	for range min(r.cfg.Parallel, len(claimed)) {
		wg.Go(func() {
			for c := range work {
				if _, err := r.orders.performAll(ctx, r.cfg.Worker, []Claimed{c}); err != nil {
					mu.Lock()
					failed = append(failed, fmt.Errorf("orders: effect %s: %w", c.Effect.Key, err))
					mu.Unlock()
				}
			}
		})
	}
	for _, c := range claimed {
		work <- c
	}
	close(work)
	wg.Wait()
	return len(claimed), errors.Join(failed...)
}

// sweepLimit is how many holds one step gives back at most, in one transaction.
const sweepLimit = 100

// sweep gives back what dead holds have, where the store shows its stock.
func (s *Orders) sweep(ctx context.Context, at time.Time) error {
	shown, ok := s.store.(StockStore)
	if !ok {
		return nil
	}
	if _, err := shown.Stock().Expire(ctx, at, sweepLimit); err != nil {
		return fmt.Errorf("orders: sweep stock: %w", err)
	}
	return nil
}

// Drive performs what is due of one checkout and of its order now, under leases like
// everyone: what a task in a queue calls. What others have leased is left to them.
func (s *Orders) Drive(ctx context.Context, id CheckoutID) error {
	_, err := s.drive(ctx, id)
	return err
}

// drive is Drive, and returns what a caller is to be told of what it did.
func (s *Orders) drive(ctx context.Context, id CheckoutID) (answer error, err error) {
	const batch = 16
	for {
		claimed, err := s.store.Claim(ctx, ClaimRequest{At: s.now(), Worker: s.worker, Lease: s.lease(), Limit: batch, Checkout: id})
		if err != nil {
			return answer, fmt.Errorf("orders: drive %s: %w", id, err)
		}
		if len(claimed) == 0 {
			return answer, nil
		}
		told, err := s.performAll(ctx, s.worker, claimed)
		answer = cmp.Or(answer, told)
		if err != nil {
			return answer, fmt.Errorf("orders: drive %s: %w", id, err)
		}
	}
}

// performAll performs leased effects, and what their outcomes ask for at once, in
// their order. It returns the first thing that a caller is to be told, and the first
// error of the store: what is leased then is left to whoever claims it after the lease.
// So is what others have taken so long over that its lease has ended meanwhile.
func (s *Orders) performAll(ctx context.Context, worker string, leased []Claimed) (answer error, err error) {
	for len(leased) > 0 {
		if !s.now().Before(leased[0].Until) {
			leased = leased[1:]
			continue
		}
		done, err := s.perform(ctx, worker, leased[0])
		if err != nil {
			return answer, err
		}
		answer = cmp.Or(answer, done.answer)
		leased = append(leased[1:], done.leased...)
	}
	return answer, nil
}

// perform performs one effect and reports what came of it.
func (s *Orders) perform(ctx context.Context, worker string, c Claimed) (written, error) {
	if ctx.Err() != nil {
		return written{}, context.Cause(ctx) // nobody was called
	}
	if c.Effect.Kind == EffectTimer {
		return s.settle(ctx, worker, c, func(StockAnswer) any { return Expire{} })
	}
	report := Report{Key: c.Effect.Key, Jitter: s.cfg.Rand()}
	report.Outcome, report.Lookup = s.call(ctx, c)
	// What was done is written down, also where the caller has left meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.CallFor)
	defer cancel()
	if report.Outcome.Ref != "" {
		seen, err := s.seen(ctx, report.Outcome.Ref)
		if err != nil {
			return written{}, err
		}
		report.Seen = seen
	}
	return s.settle(ctx, worker, c, func(answer StockAnswer) any {
		report.Stock = answer
		return report
	})
}

// settle decides a command on the aggregate that an effect belongs to, and ends its
// lease in the same change. When the lease was lost meanwhile, what was learnt still
// counts, as a late outcome.
func (s *Orders) settle(ctx context.Context, worker string, c Claimed, command func(StockAnswer) any) (written, error) {
	acks := []Ack{{Key: c.Effect.Key, Fence: c.Fence}}
	try := func(ctx context.Context, at time.Time, answer StockAnswer) (attempt, error) {
		a, err := s.decide(ctx, c.Effect.Checkout, c.Effect.Order, command(answer), at)
		a.acks = acks
		return a, err
	}
	w, err := s.commit(ctx, worker, try)
	var conflict *ConflictError
	if errors.As(err, &conflict) && conflict.Kind == ConflictEffect {
		acks = nil
		return s.commit(ctx, worker, try)
	}
	return w, err
}

// call asks whom the effect is for, or looks up what came of it when it may have been
// asked before. An error, a panic, or no answer in time is [Unknown].
func (s *Orders) call(ctx context.Context, c Claimed) (o Outcome, lookup bool) {
	e := c.Effect
	lookup = e.Kind == EffectRecheck || e.Kind.Gateway() && (e.Doubt || c.Abandoned)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallFor)
	defer cancel()
	ctx, span := s.tracer.Start(ctx, "orders."+e.Kind.String(), trace.WithAttributes(
		attribute.String("orders.effect", e.Key), attribute.Bool("orders.lookup", lookup)))
	defer span.End()
	err := s.guarded(func() (err error) {
		if lookup {
			o, err = s.lookup(ctx, e)
		} else {
			o, err = s.ask(ctx, e)
		}
		return err
	})
	switch {
	case err != nil:
		o = Outcome{Status: Unknown}
		span.RecordError(err)
		s.log.WarnContext(ctx, "orders: no outcome", "effect", e.Key, "kind", e.Kind.String(), "lookup", lookup, "error", err)
	case o.Status == NotFound && !lookup:
		o.Status = Unknown // only a lookup can tell
	}
	span.SetAttributes(attribute.String("orders.outcome", o.Status.String()))
	return o, lookup
}

// guarded makes an error of a panic in what the host gave, and counts it.
func (s *Orders) guarded(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.mu.Lock()
			s.panics++
			s.mu.Unlock()
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return call()
}

// lookup asks the gateway what it knows of an effect's key.
func (s *Orders) lookup(ctx context.Context, e Effect) (Outcome, error) {
	key := e.Key
	if e.Kind == EffectRecheck {
		var r PaymentRequest
		if err := json.Unmarshal(e.Payload, &r); err != nil {
			return Outcome{}, err
		}
		key = r.OfKey
	}
	o, err := s.gateway.Lookup(ctx, key)
	if !errors.Is(err, ErrNoLookup) {
		return o, err
	}
	if g, ok := s.gateway.(IdempotentGateway); ok && g.IdempotentKeys() {
		return Outcome{Status: NotFound}, nil // asking again is as good
	}
	return Outcome{Status: Unknown, Code: "no_lookup"}, nil
}

// ask makes the call that an effect stands for.
func (s *Orders) ask(ctx context.Context, e Effect) (Outcome, error) {
	switch e.Kind {
	case EffectAuthorise:
		return with(ctx, e, s.gateway.Authorise)
	case EffectCapture:
		return with(ctx, e, s.gateway.Capture)
	case EffectVoid:
		return with(ctx, e, s.gateway.Void)
	case EffectRefund:
		return with(ctx, e, s.gateway.Refund)
	case EffectHandOver:
		return with(ctx, e, s.fulfilment.HandOver)
	case EffectStop:
		return with(ctx, e, func(ctx context.Context, r StopRequest) (Outcome, error) {
			return s.fulfilment.Stop(ctx, r.Key, r.Lines)
		})
	case EffectTimer, EffectRecheck:
		return Outcome{}, fmt.Errorf("%s asks nobody", e.Kind)
	default:
		return s.redeem(ctx, e)
	}
}

// redeem makes the calls to the host's Redeemer.
func (s *Orders) redeem(ctx context.Context, e Effect) (Outcome, error) {
	if s.cfg.Redeem == nil {
		return Outcome{}, errors.New("a checkout that holds discounts, and no Config.Redeem")
	}
	switch e.Kind {
	case EffectHold:
		c, err := s.store.Checkout(ctx, e.Checkout)
		if err != nil {
			return Outcome{}, err
		}
		return with(ctx, e, func(ctx context.Context, r RedeemRequest) (Outcome, error) {
			return s.cfg.Redeem.Hold(ctx, r.Key, r.Until, c.Redemption(), c.Discounts)
		})
	case EffectCommit:
		return with(ctx, e, func(ctx context.Context, r RedeemRequest) (Outcome, error) { return s.cfg.Redeem.Commit(ctx, r.Key) })
	case EffectRelease:
		return with(ctx, e, func(ctx context.Context, r RedeemRequest) (Outcome, error) { return s.cfg.Redeem.Release(ctx, r.Key) })
	case EffectReverse:
		return with(ctx, e, func(ctx context.Context, r ReverseRequest) (Outcome, error) {
			return s.cfg.Redeem.Reverse(ctx, r.Key, r.Part, r.Given)
		})
	default:
		return Outcome{}, fmt.Errorf("no such effect: %s", e.Kind)
	}
}

// with calls somebody with an effect's payload.
func with[R any](ctx context.Context, e Effect, call func(context.Context, R) (Outcome, error)) (Outcome, error) {
	var r R
	if err := json.Unmarshal(e.Payload, &r); err != nil {
		return Outcome{}, err
	}
	return call(ctx, r)
}

// seen returns the gateway's events that named a reference before anybody knew it.
func (s *Orders) seen(ctx context.Context, ref string) (events []PaymentEvent, err error) {
	for e, err := range s.store.Events(ctx, 0, EventQuery{Ref: ref}) {
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(e.Aggregate, unmatched) {
			continue
		}
		var seen PaymentEvent
		if err := json.Unmarshal(e.Data, &seen); err != nil {
			return nil, fmt.Errorf("event %d: %w", e.Seq, err)
		}
		events = append(events, seen)
	}
	return events, nil
}

// A Recovery is what there is to do, as a start finds it.
type Recovery struct {
	Checkouts map[State]int      // how many stand where
	Orders    map[OrderState]int //
	Overdue   int                // calls without an answer that should have one by now
	Doubtful  int                // calls of which it is not known whether they happened
	Stuck     int                // calls that only Resolve ends
	Panics    int64              // of what the host gave, since New
}

// Recover reports what is under way, for a log or a dashboard. It performs nothing: a
// [Runner] does, as soon as it runs, whether this was called or not. It reads all events
// that there ever were. A call that a process has just died in is Overdue when its lease
// is over.
func (s *Orders) Recover(ctx context.Context) (Recovery, error) {
	r := Recovery{Checkouts: map[State]int{}, Orders: map[OrderState]int{}}
	ids := map[string]bool{}
	for e, err := range s.store.Events(ctx, 0, EventQuery{}) {
		if err != nil {
			return Recovery{}, fmt.Errorf("orders: recover: %w", err)
		}
		ids[e.Aggregate] = true
	}
	at := s.now()
	count := func(steps []Step) {
		for _, step := range steps {
			switch {
			case step.Stuck:
				r.Stuck++
			case step.Open && step.Doubt:
				r.Doubtful++
			case step.Open && step.Attempt == 0 && !step.Waits && at.Sub(step.Asked) > s.lease():
				r.Overdue++
			}
		}
	}
	for aggregate := range ids {
		kind, id, _ := strings.Cut(aggregate, "/")
		switch kind {
		case "checkout":
			c, err := s.store.Checkout(ctx, CheckoutID(id))
			if err != nil {
				return Recovery{}, fmt.Errorf("orders: recover: %w", err)
			}
			r.Checkouts[c.State]++
			count(c.Steps)
		case "order":
			o, err := s.store.Order(ctx, OrderID(id))
			if err != nil {
				return Recovery{}, fmt.Errorf("orders: recover: %w", err)
			}
			r.Orders[o.State]++
			count(o.Steps)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Panics = s.panics
	return r, nil
}
