package contract

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tenon-go/tenon/promotions"
)

// A write is what must happen wholly or not at all.
type write struct {
	name  string
	batch func(ctx context.Context, s promotions.Store, key string) (promotions.Batch, error)
}

func writes() []write {
	three := func(key string) promotions.Batch { return reserve(key, 1, 1000, accountA, accountB, accountC) }
	after := func(next func(promotions.Entry) promotions.Batch) func(context.Context, promotions.Store, string) (promotions.Batch, error) {
		return func(ctx context.Context, s promotions.Store, key string) (promotions.Batch, error) {
			e, err := s.Apply(ctx, three(key))
			return next(e), err
		}
	}
	return []write{
		{"a reservation", func(_ context.Context, _ promotions.Store, key string) (promotions.Batch, error) {
			return three(key), nil
		}},
		{"a commit", after(commit)},
		{"a renewal", after(func(e promotions.Entry) promotions.Batch {
			return promotions.Batch{Key: e.Key, Version: e.Version, Entry: e}
		})},
	}
}

// maxSteps bounds the search for the step after which a write succeeds.
const maxSteps = 500

func checkCancelled(ctx context.Context, s promotions.Store) error {
	next := func(n int) int { return n + 1 + n/4 } // a look at the context is less than a step
	return everyStep(ctx, s, next, func(b promotions.Batch, n int, was state) (done bool, err error) {
		ending := newEndingContext(ctx, n)
		_, err = s.Apply(ending, b) //nolint:contextcheck // ending is a child of ctx
		used := ending.end()
		now, stateErr := settled(ctx, s)
		switch {
		case stateErr != nil:
			return false, stateErr
		case err == nil && now == was:
			return false, errors.New("it reports success and changed nothing")
		case err != nil && !errors.Is(err, context.Canceled):
			return false, err
		}
		return err == nil && used < n, nil
	})
}

// settled is the state once every write under way is over: one that its caller has
// left may stand, and on its node the next write is behind it.
func settled(ctx context.Context, s promotions.Store) (state, error) {
	const nodes = 8 // that a store under test may be
	for range nodes {
		if _, err := s.Apply(ctx, promotions.Batch{Key: "settled", Version: -1, Entry: promotions.Entry{State: promotions.Released}}); !errors.Is(err, promotions.ErrConflict) {
			return state{}, fmt.Errorf("a write over version -1: %w", err)
		}
	}
	return stateOf(ctx, s)
}

func checkFailed(ctx context.Context, s promotions.Store) error {
	faulty, ok := s.(interface{ FailAt(n int) })
	if !ok {
		return ErrNotOffered
	}
	next := func(n int) int { return n + 1 }
	return everyStep(ctx, s, next, func(b promotions.Batch, n int, was state) (done bool, err error) {
		faulty.FailAt(n)
		_, err = s.Apply(ctx, b)
		faulty.FailAt(0)
		now, stateErr := stateOf(ctx, s)
		switch {
		case stateErr != nil:
			return false, stateErr
		case err != nil && now != was:
			return false, fmt.Errorf("it reports %w\nand leaves %+v\nof %+v", err, now, was)
		case err == nil && now == was:
			return false, errors.New("it reports success and changed nothing")
		case err == nil && n == 1:
			return false, errors.New("it succeeds in spite of a failure at its first step")
		}
		return err == nil, nil
	})
}

// everyStep tries each write with a fault at its first and each next step, until
// the attempt says that the fault came too late.
func everyStep(ctx context.Context, s promotions.Store, next func(int) int, attempt func(b promotions.Batch, n int, was state) (done bool, err error)) error {
	for _, w := range writes() {
		for n := 1; ; n = next(n) {
			if n > maxSteps {
				return fmt.Errorf("%s does not succeed with a fault after %d steps", w.name, maxSteps)
			}
			b, err := w.batch(ctx, s, fmt.Sprintf("%s %d", w.name, n))
			if err != nil {
				return err
			}
			was, err := stateOf(ctx, s)
			if err != nil {
				return err
			}
			done, err := attempt(b, n, was)
			if err != nil {
				return fmt.Errorf("%s with a fault at step %d: %w", w.name, n, err)
			}
			if done {
				break
			}
		}
	}
	return nil
}

// An endingContext ends when it is looked at for the n-th time: whatever a store
// does between two looks at its context, the end comes there once.
type endingContext struct {
	context.Context //nolint:containedctx // it is a context itself
	cancel          context.CancelFunc
	n, used         atomic.Int64
}

func newEndingContext(parent context.Context, n int) *endingContext {
	ctx, cancel := context.WithCancel(parent)
	c := &endingContext{Context: ctx, cancel: cancel}
	c.n.Store(int64(n))
	return c
}

func (c *endingContext) look() {
	if c.used.Add(1) >= c.n.Load() {
		c.cancel()
	}
}

// Done is one look.
func (c *endingContext) Done() <-chan struct{} {
	c.look()
	return c.Context.Done()
}

// Err is another.
func (c *endingContext) Err() error {
	c.look()
	return c.Context.Err()
}

// end ends the context and returns how often it was looked at.
func (c *endingContext) end() int {
	defer c.cancel()
	return int(c.used.Load())
}
