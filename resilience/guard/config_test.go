package guard_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
)

func TestNewNamesEveryProblem(t *testing.T) {
	_, err := guard.New(guard.Config{
		Retry:          atOnce(2),
		Hedge:          must(retry.NewHedger(retry.HedgeConfig{Delay: 1})),
		Classify:       resilience.Default,
		Breaker:        (*breaker.Breaker)(nil),
		Semaphore:      must(bulkhead.New(1, bulkhead.Config{})),
		Pool:           must(bulkhead.NewPool(1, bulkhead.Config{})),
		Partition:      func(context.Context) string { return "" },
		AttemptTimeout: -1,
	})
	if !errors.Is(err, guard.ErrConfig) {
		t.Fatal(err)
	}
	const want = `guard: invalid config: Retry and Hedge: want one of them
Classify with Retry: want it in the policy
Breaker: a nil *breaker.Breaker: want an engine, or no value at all
Semaphore, Partitioned and Pool: want one of them
Partition without Partitioned
AttemptTimeout -1ns: want more than 0, or 0 for none`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	_, err = guard.New(guard.Config{
		Partitioned: must(bulkhead.NewPartitioned(1, map[string]int{"*": 1}, bulkhead.Config{})),
	})
	if !errors.Is(err, guard.ErrConfig) {
		t.Error(err)
	}
	_, err = guard.New(guard.Config{Priority: func(context.Context) int { return 1 }})
	if !errors.Is(err, guard.ErrConfig) {
		t.Error(err)
	}
}

func TestAGuardWithoutPartsLetsAllCallsPass(t *testing.T) {
	g := made(t, guard.Config{Name: "bare"})
	fn, _ := fails(1, errDown)
	if _, err := guard.Do(t.Context(), g, fn); err != errDown { //nolint:errorlint // as it is
		t.Error(err)
	}
	if v, err := guard.Do(t.Context(), g, fn); v != "done" || err != nil {
		t.Error(v, err)
	}
	if g.Breaker() != nil || g.Name() != "bare" {
		t.Errorf("got %v, %q", g.Breaker(), g.Name())
	}
}

func TestPartitionAndPriorityAreThoseOfTheCall(t *testing.T) {
	type key struct{}
	parts := must(bulkhead.NewPartitioned(2, map[string]int{"a": 1, "b": 1}, bulkhead.Config{}))
	g := made(t, guard.Config{
		Partitioned: parts,
		Partition: func(ctx context.Context) string {
			tenant, _ := ctx.Value(key{}).(string)
			return tenant
		},
		Priority: func(context.Context) int { return 3 },
	})
	for tenant, want := range map[string]error{"a": nil, "b": nil, "c": bulkhead.ErrPartition} {
		err := guard.Run(context.WithValue(t.Context(), key{}, tenant), g, func(context.Context) error { return nil })
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", tenant, err, want)
		}
	}
	for _, part := range g.Stats().Parts {
		if part.Accepted != 1 {
			t.Errorf("%s: %v", part.Name, part.Stats)
		}
	}
}

func TestANewcomerOfHigherPriorityShedsAWaiter(t *testing.T) {
	type key struct{}
	priority := func(ctx context.Context) int {
		p, _ := ctx.Value(key{}).(int)
		return p
	}
	for name, cfg := range full(t, bulkhead.Config{Queue: 1, ShedLowest: true}) {
		cfg.Priority = priority
		if name == "semaphore" {
			continue // with the priority it is the next one
		}
		g := made(t, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		shed, waits := make(chan error, 1), make(chan error, 1)
		fn := func(context.Context) error { return nil }
		go func() { shed <- guard.Run(ctx, g, fn) }()
		for g.Stats().Bulkhead.Waiting == 0 { //nolint:revive // until it waits
		}
		go func() { waits <- guard.Run(context.WithValue(ctx, key{}, 1), g, fn) }()
		if err := <-shed; !errors.Is(err, bulkhead.ErrFull) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		if err := <-waits; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASuccessAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	ctx, fn := t.Context(), succeed
	for name, cfg := range layouts(t, guard.Config{Retry: atOnce(3)}) {
		if name != "direct" && name != "partitioned" {
			continue
		}
		for _, g := range []*guard.Guard{stack(t), made(t, cfg), made(t, guard.Config{})} {
			if got := testing.AllocsPerRun(100, func() {
				if _, err := guard.Do(ctx, g, fn); err != nil {
					t.Error(err)
				}
			}); got != 0 {
				t.Errorf("%s: %s: %v allocations", name, g.Name(), got)
			}
		}
	}
}
