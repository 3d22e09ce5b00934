package guard

import (
	"context"
	"fmt"
	"time"
)

// Follow applies what load returns, now and again after each every, until ctx is done; then it returns the cause. A load that fails, and specs
// that are invalid, change nothing: the last good ones stay, RegistryConfig.OnFollow learns why, and Follow goes on. Specs that are the
// same as before cost a comparison.
//
// Follow runs in the goroutine of its caller and starts none. Only one call of it should run at a time.
func (r *Registry) Follow(ctx context.Context, load func(context.Context) (map[string]Spec, error), every time.Duration) error {
	if every <= 0 {
		return fmt.Errorf("guard: follow: %w: every %v: want more than 0", ErrConfig, every)
	}
	timer := time.NewTimer(every) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	defer timer.Stop()
	for ctx.Err() == nil {
		diff, err := r.reload(ctx, load)
		if err != nil && ctx.Err() != nil {
			break // the load was called off
		}
		if tell := r.cfg.OnFollow; tell != nil && (err != nil || len(diff.Changed) > 0) {
			tell(diff, err)
		}
		timer.Reset(every)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	return fmt.Errorf("guard: follow: %w", context.Cause(ctx))
}

// reload applies what load returns.
func (r *Registry) reload(ctx context.Context, load func(context.Context) (map[string]Spec, error)) (Diff, error) {
	specs, err := load(ctx)
	if err != nil {
		return Diff{}, fmt.Errorf("guard: follow: load: %w", err)
	}
	return r.Apply(specs)
}
