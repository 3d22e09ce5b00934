package bulkhead_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/tenon-go/tenon/resilience/bulkhead"
)

// semaphore returns a semaphore, or fails.
func semaphore(tb testing.TB, limit int, cfg bulkhead.Config) *bulkhead.Semaphore {
	tb.Helper()
	s, err := bulkhead.New(limit, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// hold takes a permit that must be there.
func hold(tb testing.TB, s *bulkhead.Semaphore) bulkhead.Permit {
	tb.Helper()
	p, err := s.Acquire(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// caller is a call of Acquire in a goroutine of its own. Permit and error may be read when it is not waiting any more.
type caller struct {
	permit bulkhead.Permit
	err    error
	done   chan struct{}
}

// come starts a caller and lets it go as far as it can.
func come(acquire func() (bulkhead.Permit, error)) *caller {
	c := &caller{done: make(chan struct{})}
	go func() {
		c.permit, c.err = acquire()
		close(c.done)
	}()
	synctest.Wait()
	return c
}

// comeTo starts a caller of a semaphore.
func comeTo(ctx context.Context, s *bulkhead.Semaphore, priority int) *caller {
	return come(func() (bulkhead.Permit, error) { return s.AcquireAt(ctx, priority) })
}

// state tells how a caller stands: waits, in, full, or the error.
func (c *caller) state() string {
	synctest.Wait()
	select {
	case <-c.done:
	default:
		return "waits"
	}
	switch {
	case c.err == nil:
		return "in"
	case errors.Is(c.err, bulkhead.ErrFull):
		return "full"
	default:
		return c.err.Error()
	}
}

// want checks how callers stand.
func want(t *testing.T, state string, callers ...*caller) {
	t.Helper()
	for i, c := range callers {
		if got := c.state(); got != state {
			t.Fatalf("caller %d: %s, want %s", i, got, state)
		}
	}
}

// settled checks that nothing is in use or waits, and that all who were offered are accounted for.
func settled(t *testing.T, got bulkhead.Stats, offered int64) {
	t.Helper()
	//nolint:gosec // a count
	if got.InUse != 0 || got.Waiting != 0 || got.Offered() != uint64(offered) || got.Released() != got.Accepted {
		t.Errorf("%d offered, but %v", offered, got)
	}
}
