package sqlkit

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	firstWait = 5 * time.Millisecond
	maxWait   = 500 * time.Millisecond
)

// repeat calls try until it succeeds, another call is no use, or it was called
// attempts times.
func (k *Kit) repeat(ctx context.Context, attempts int, try func() (again bool, err error)) error {
	for n := 1; ; n++ {
		again, err := try()
		switch {
		case err == nil:
			return nil
		case !again:
			return because(ctx, err)
		case n == attempts:
			return because(ctx, fmt.Errorf("after %d attempts: %w", n, err))
		}
		pause(ctx, k.wait(n))
		if ctx.Err() != nil {
			return because(ctx, err)
		}
	}
}

// wait draws from the whole range: of many that collided at once, those that wait
// about as long would collide again.
func (k *Kit) wait(n int) time.Duration {
	limit := maxWait
	if n < 8 {
		limit = min(firstWait<<(n-1), maxWait)
	}
	return time.Duration(k.random() * float64(limit))
}

// pause returns after d, or when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer, stop := context.WithTimeout(ctx, d)
	defer stop()
	<-timer.Done()
}

// because returns err with the reason why ctx ended, if it has. Drivers report
// that in words of their own, and never the cause.
func because(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), err)
}
