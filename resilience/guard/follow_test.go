package guard_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/resilience/guard"
)

func TestFollowKeepsTheLastGoodSpecs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errMissing, errStop := errors.New("no such file"), errors.New("shutting down")
		begin := time.Now()
		var told []string
		cfg := guard.RegistryConfig{OnFollow: func(d guard.Diff, err error) {
			what := "changed"
			switch {
			case errors.Is(err, errMissing):
				what = "missing"
			case errors.Is(err, guard.ErrSpec):
				what = "invalid"
			case err != nil || len(d.Changed) != 1:
				t.Errorf("got %+v, %v", d, err)
			}
			told = append(told, time.Since(begin).String()+" "+what)
		}}
		r := must(guard.NewRegistry(cfg))
		var loads atomic.Int64
		load := func(context.Context) (map[string]guard.Spec, error) {
			switch loads.Add(1) {
			case 1, 2:
				return specs(t, `{"a": {"bulkhead": {"limit": 1}}}`), nil
			case 3:
				return nil, errMissing
			case 4:
				return map[string]guard.Spec{"a": {AttemptTimeout: -1}}, nil
			default:
				return specs(t, `{"a": {"bulkhead": {"limit": 5}}}`), nil
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Follow(ctx, load, time.Minute) }()
		for n, want := range []int{1, 1, 1, 1, 5, 5} {
			synctest.Wait()
			if got := r.Guard("a").Stats().Bulkhead.Limit; got != want || loads.Load() != int64(n+1) {
				t.Errorf("after %d loads: limit %d, want %d", loads.Load(), got, want)
			}
			time.Sleep(time.Minute)
		}
		cancel(errStop)
		if err := <-ended; !errors.Is(err, errStop) {
			t.Error(err)
		}
		same(t, "told", []string{"0s changed", "2m0s missing", "3m0s invalid", "4m0s changed"}, told)
	})
}

func TestFollowEndsWithItsContextInALoadToo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := must(guard.NewRegistry(guard.RegistryConfig{OnFollow: func(_ guard.Diff, err error) { t.Errorf("told %v", err) }}))
	err := r.Follow(ctx, func(ctx context.Context) (map[string]guard.Spec, error) {
		cancel()
		return nil, ctx.Err()
	}, time.Hour)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := r.Follow(ctx, nil, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := r.Follow(t.Context(), nil, 0); !errors.Is(err, guard.ErrConfig) {
		t.Error(err)
	}
}
