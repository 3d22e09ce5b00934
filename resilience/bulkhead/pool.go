package bulkhead

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Pool bounds how many functions run at once, each in a goroutine of its own, so that its caller can leave while it hangs. The slot of a
// function that was left stays taken until it really ends: were it given to the next call, a dependency that hangs would collect
// goroutines without a bound. A Pool is safe for concurrent use; NewPool makes it.
type Pool struct {
	sem           *Semaphore
	abandoned     atomic.Int64  // functions that run with nobody waiting for them
	everAbandoned atomic.Uint64 // functions that ever did
}

// NewPool returns a pool that lets limit functions run at once, 0 to MaxLimit; 0 refuses all. A limit or cfg that New would refuse is an
// ErrConfig.
func NewPool(limit int, cfg Config) (*Pool, error) {
	sem, err := New(limit, cfg)
	if err != nil {
		return nil, err
	}
	return &Pool{sem: sem}, nil
}

// Run is Do for a function without a value, a timeout or a priority.
func (p *Pool) Run(ctx context.Context, fn func(context.Context) error) error {
	r := &plain{fn: fn}
	r.body = r
	if err := r.do(ctx, p, 0, 0); err != nil {
		return err
	}
	return r.err
}

// Submit waits for a slot and returns; fn then runs with ctx. It fails as Semaphore.Acquire does, or with ErrStopped, and fn does not run
// then. A panic of fn ends the program, as in any goroutine.
func (p *Pool) Submit(ctx context.Context, fn func(context.Context)) error {
	permit, err := p.sem.Acquire(ctx)
	if err != nil {
		return err
	}
	go func() {
		defer permit.Release()
		fn(ctx)
	}()
	return nil
}

// DoConfig says how Do runs a function. The zero DoConfig is valid.
type DoConfig[T any] struct {
	// Priority is that of Semaphore.AcquireAt.
	Priority int
	// Timeout bounds the context of fn, from when it has its slot. 0 = none.
	Timeout time.Duration
	// Discard gets the value of a function that succeeds after its caller left, such as a response to close. nil = it is dropped.
	Discard func(T)
}

// Do runs fn in a goroutine of the pool and waits for it. It fails as Semaphore.AcquireAt does, or with ErrStopped, and fn does not run
// then; with the error of fn; or with an *AbandonedError when ctx or the timeout is done before fn has ended. Then fn still runs, and its
// values must not be used: it should not write to variables of its caller.
//
// A panic of fn continues in the caller that waits, as a *PanicError, and so does runtime.Goexit. If the caller left, a panic ends the
// program.
func Do[T any](ctx context.Context, p *Pool, fn func(context.Context) (T, error), cfg DoConfig[T]) (T, error) {
	j := &job[T]{fn: fn, late: cfg.Discard}
	j.body = j
	if err := j.do(ctx, p, cfg.Priority, cfg.Timeout); err != nil {
		var none T
		return none, err
	}
	return j.value, j.err
}

// Resize changes the limit, as Semaphore.Resize does.
func (p *Pool) Resize(limit int) error { return p.sem.Resize(limit) }

// Reconfigure changes limit and config, as Semaphore.Reconfigure does.
func (p *Pool) Reconfigure(limit int, cfg Config) error { return p.sem.Reconfigure(limit, cfg) }

// Stop refuses newcomers and waits until those that wait have had their turn and every function has ended. If ctx is done before that,
// those that still wait are refused, and Stop returns its cause, wrapped; functions that run are not interrupted. It may be called again
// to go on waiting.
func (p *Pool) Stop(ctx context.Context) error {
	idle := p.sem.stop()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	p.sem.evict()
	select {
	case <-idle: // nothing was left but waiters
		return nil
	default:
		return fmt.Errorf("bulkhead: stop: %d still running: %w", p.sem.Stats().InUse, context.Cause(ctx))
	}
}

// PoolStats are the numbers of a Pool.
type PoolStats struct {
	Stats
	Abandoned     int    // functions that run with nobody waiting for them; they are in use
	EverAbandoned uint64 // functions that ever did
}

// String returns the numbers on one line.
func (s PoolStats) String() string {
	return fmt.Sprintf("%v, abandoned %d (ever %d)", s.Stats, s.Abandoned, s.EverAbandoned)
}

// Stats returns the present numbers.
func (p *Pool) Stats() PoolStats {
	return PoolStats{Stats: p.sem.Stats(), Abandoned: int(p.abandoned.Load()), EverAbandoned: p.everAbandoned.Load()}
}

// How a task stands. One compare-and-swap from running decides between its end and the leaving of its caller.
const (
	running = iota
	ended
	abandoned
)

// task is one function on its way through a pool.
type task struct {
	body interface {
		call(ctx context.Context) // runs the function and keeps what it returns
		discard()                 // gets rid of that
	}
	pool   *Pool
	ctx    context.Context //nolint:containedctx // that of the function, for as long as it runs
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended and somebody waits
	state  atomic.Int32
	exits  bool // it ended by runtime.Goexit
	panics *PanicError
}

// do waits for a slot, runs the task and waits for its end. An error says that the function did not run, or still runs.
func (t *task) do(ctx context.Context, p *Pool, priority int, timeout time.Duration) error {
	permit, err := p.sem.AcquireAt(ctx, priority)
	if err != nil {
		return err
	}
	if ctx.Err() != nil { // it ended together with the wait
		permit.Release()
		return errGone(ctx)
	}
	t.pool, t.ctx, t.done = p, ctx, make(chan struct{})
	if timeout > 0 {
		t.ctx, t.cancel = context.WithTimeout(ctx, timeout)
	}
	if t.ctx.Done() == nil {
		go t.run()
		<-t.done
	} else if err := t.await(); err != nil {
		return err
	}
	if t.panics != nil {
		panic(t.panics)
	}
	if t.exits {
		runtime.Goexit()
	}
	return nil
}

// await runs the task and waits for its end, or until its context is done.
func (t *task) await() error {
	began := t.pool.sem.now()
	go t.run()
	select {
	case <-t.done:
		return nil
	case <-t.ctx.Done():
	}
	t.pool.abandoned.Add(1)
	if t.state.CompareAndSwap(running, abandoned) {
		t.pool.everAbandoned.Add(1)
		return &AbandonedError{Ran: t.pool.sem.now().Sub(began), Cause: context.Cause(t.ctx)}
	}
	t.pool.abandoned.Add(-1)
	<-t.done
	return nil
}

// run runs the function in the slot that the task has. Only if somebody waits is a panic recovered, to go on there.
func (t *task) run() {
	returned := false
	defer func() {
		heard := t.state.CompareAndSwap(running, ended)
		if heard && !returned {
			if v := recover(); v != nil {
				t.panics = &PanicError{Value: v, Stack: debug.Stack()}
			} else {
				t.exits = true
			}
		}
		if !heard {
			t.pool.abandoned.Add(-1)
		}
		t.pool.sem.release()
		if t.cancel != nil {
			t.cancel()
		}
		if heard {
			close(t.done)
		} else if returned {
			t.body.discard()
		}
	}()
	t.body.call(t.ctx)
	returned = true
}

// plain is the task of Run.
type plain struct {
	task
	fn  func(context.Context) error
	err error
}

func (r *plain) call(ctx context.Context) { r.err = r.fn(ctx) }
func (r *plain) discard()                 {}

// job is the task of Do.
type job[T any] struct {
	task
	fn    func(context.Context) (T, error)
	late  func(T)
	value T
	err   error
}

func (j *job[T]) call(ctx context.Context) { j.value, j.err = j.fn(ctx) }

func (j *job[T]) discard() {
	if j.err == nil && j.late != nil {
		j.late(j.value)
	}
}
