package contract

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tenon-go/tenon/pricing"
)

// A write is what must happen wholly or not at all, on a book that is ready for it.
type write struct {
	name string
	// ready prepares a book in which it has something to do; nil: it always has.
	ready func(ctx context.Context, s pricing.Store, revision, last uint64) error
	do    func(ctx context.Context, s pricing.Store, revision, last uint64) error
}

func writes() []write {
	edit := func(ctx context.Context, s pricing.Store, revision, last uint64) error {
		_, err := save(ctx, s, revision, rules(5, int(revision+last))) //nolint:gosec // both are small
		return err
	}
	release := func(ctx context.Context, s pricing.Store, revision, last uint64) error {
		_, err := publish(ctx, s, revision, last)
		return err
	}
	prune := func(ctx context.Context, s pricing.Store, _, _ uint64) error {
		_, err := s.Prune(ctx, book, 1, noon().AddDate(1, 0, 0))
		return err
	}
	return []write{{name: "SaveDraft", do: edit}, {name: "Publish", do: release}, {name: "Prune", ready: release, do: prune}}
}

// A state is all that a book's writes change.
type state struct {
	revision uint64
	draft    pricing.Digest
	versions string
	last     uint64
}

// stateOf reads a book's state and checks that all of its versions are whole.
func stateOf(ctx context.Context, s pricing.Store) (state, error) {
	d, err := s.Draft(ctx, book)
	if err != nil {
		return state{}, err
	}
	digest, err := digestOf(d.Rules)
	if err != nil {
		return state{}, err
	}
	list, err := heads(ctx, s, 0)
	if err != nil {
		return state{}, err
	}
	st := state{revision: d.Revision, draft: digest, versions: fmt.Sprint(numbers(list))}
	for _, h := range list {
		if _, err := readVersion(ctx, s, h); err != nil {
			return state{}, err
		}
		st.last = h.Version
	}
	return st, nil
}

// maxSteps bounds the search for the step after which a write succeeds.
const maxSteps = 2000

func checkCancelled(ctx context.Context, s pricing.Store) error {
	if _, err := saveAndPublish(ctx, s, 5, 2); err != nil {
		return err
	}
	// A look at the context is less than a step, so not each of many is tried.
	next := func(n int) int { return n + 1 + n/4 }
	return everyStep(ctx, s, next, func(w write, n int, was state) (done bool, err error) {
		ending := newEndingContext(ctx, n)
		err = w.do(ending, s, was.revision, was.last) //nolint:contextcheck // ending is a child of ctx
		used := ending.end()
		now, stateErr := stateOf(ctx, s)
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

func checkFailed(ctx context.Context, s pricing.Store) error {
	faulty, ok := s.(interface{ FailAt(n int) })
	if !ok {
		return ErrNotOffered
	}
	if _, err := saveAndPublish(ctx, s, 5, 2); err != nil {
		return err
	}
	next := func(n int) int { return n + 1 }
	return everyStep(ctx, s, next, func(w write, n int, was state) (done bool, err error) {
		faulty.FailAt(n)
		err = w.do(ctx, s, was.revision, was.last)
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
func everyStep(ctx context.Context, s pricing.Store, next func(int) int, attempt func(w write, n int, was state) (done bool, err error)) error {
	for _, w := range writes() {
		for n := 1; ; n = next(n) {
			if n > maxSteps {
				return fmt.Errorf("%s does not succeed with a fault after %d steps", w.name, maxSteps)
			}
			was, err := readyFor(ctx, s, w)
			if err != nil {
				return err
			}
			done, err := attempt(w, n, was)
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

// readyFor prepares a book for a write and returns its state.
func readyFor(ctx context.Context, s pricing.Store, w write) (state, error) {
	was, err := stateOf(ctx, s)
	if err != nil || w.ready == nil {
		return was, err
	}
	if err := w.ready(ctx, s, was.revision, was.last); err != nil {
		return was, err
	}
	return stateOf(ctx, s)
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
