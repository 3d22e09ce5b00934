package bulkhead_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience/bulkhead"
)

// operations is how many calls a test of leaks makes.
func operations() int64 {
	if testing.Short() {
		return 50_000
	}
	return 1_000_000
}

// abuse makes n calls from eight goroutines that succeed, panic, exit, or whose contexts end, and calls change in between.
func abuse(n int64, change func(rnd *rand.Rand), call func(ctx context.Context, rnd *rand.Rand, body func())) {
	var calls sync.WaitGroup
	var todo atomic.Int64
	todo.Store(n)
	var worker func(rnd *rand.Rand)
	worker = func(rnd *rand.Rand) {
		finished := false
		defer func() {
			if !finished { // runtime.Goexit has ended this goroutine, and another one goes on
				calls.Go(func() { worker(rnd) })
			}
		}()
		for todo.Add(-1) >= 0 {
			if rnd.IntN(100) == 0 {
				change(rnd)
			}
			one(rnd, call)
		}
		finished = true
	}
	for g := range uint64(8) {
		calls.Go(func() { worker(rand.New(rand.NewPCG(1, g))) })
	}
	calls.Wait()
}

// errBoom is what bodies panic with.
var errBoom = errors.New("boom")

// one makes one call.
func one(rnd *rand.Rand, call func(ctx context.Context, rnd *rand.Rand, body func())) {
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.Is(err, errBoom) {
				panic(v)
			}
		}
	}()
	ctx, body := context.Background(), func() {}
	switch rnd.IntN(50) {
	case 0:
		body = func() { panic(errBoom) }
	case 1:
		body = runtime.Goexit
	case 2:
		body = func() { time.Sleep(10 * time.Microsecond) }
	case 3:
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		ctx = canceled
	case 4, 5:
		soon, cancel := context.WithTimeout(ctx, time.Duration(rnd.IntN(100))*time.Microsecond)
		defer cancel()
		ctx = soon
	case 6, 7, 8:
		body = runtime.Gosched
	}
	call(ctx, rnd, body)
}

// gauge checks that no more than high calls run at once.
type gauge struct {
	t    *testing.T
	n    atomic.Int64
	high int64
}

func (g *gauge) during(body func()) {
	if n := g.n.Add(1); n > g.high {
		g.t.Errorf("%d calls run, at most %d may", n, g.high)
	}
	defer g.n.Add(-1)
	body()
}

// Invariant: resilience K1, K2.
func TestSemaphoreLeaksNothing(t *testing.T) {
	cfg := bulkhead.Config{Queue: 5, MaxWait: 200 * time.Microsecond, ShedLowest: true, Order: bulkhead.LIFOWhenLate}
	s := semaphore(t, 4, cfg)
	g := &gauge{t: t, high: 4}
	change := func(rnd *rand.Rand) {
		cfg := cfg
		cfg.Queue = 1 + rnd.IntN(5)
		if err := s.Reconfigure(rnd.IntN(5), cfg); err != nil {
			t.Error(err)
		}
	}
	n := operations()
	abuse(n, change, func(ctx context.Context, rnd *rand.Rand, body func()) {
		p, err := s.AcquireAt(ctx, rnd.IntN(3))
		if err != nil {
			return
		}
		defer p.Release()
		g.during(body)
	})
	settled(t, s.Stats(), n)
	t.Log(s.Stats())
}

func TestPartitionedLeaksNothing(t *testing.T) {
	cfg := bulkhead.Config{Queue: 3, MaxWait: 200 * time.Microsecond, ShedLowest: true}
	names := []string{"a", "b", "c", bulkhead.Rest}
	p := partitioned(t, 4, map[string]int{"a": 1, "b": 2, bulkhead.Rest: 1}, cfg)
	g := &gauge{t: t, high: 4}
	change := func(rnd *rand.Rand) {
		weights := map[string]int{bulkhead.Rest: 1}
		for _, name := range names[:3] {
			if rnd.IntN(2) == 0 {
				weights[name] = 1 + rnd.IntN(5)
			}
		}
		if err := p.Resize(rnd.IntN(5), weights); err != nil {
			t.Error(err)
		}
	}
	n := operations() / 5
	abuse(n, change, func(ctx context.Context, rnd *rand.Rand, body func()) {
		permit, err := p.AcquireAt(ctx, names[rnd.IntN(len(names))], rnd.IntN(3))
		if err != nil {
			return
		}
		defer permit.Release()
		g.during(body)
	})
	settled(t, p.Stats().Stats, n)
	for _, part := range p.Stats().Parts {
		settled(t, part.Stats, int64(part.Offered())) //nolint:gosec // a count
	}
	t.Log("\n" + p.Stats().String())
}

func TestPoolLeaksNothing(t *testing.T) {
	p := pool(t, 4, bulkhead.Config{Queue: 5, MaxWait: time.Millisecond})
	g := &gauge{t: t, high: 4}
	change := func(rnd *rand.Rand) {
		if err := p.Resize(rnd.IntN(5)); err != nil {
			t.Error(err)
		}
	}
	n := operations() / 5
	abuse(n, change, func(ctx context.Context, _ *rand.Rand, body func()) {
		err := p.Run(ctx, func(context.Context) error {
			g.during(func() {
				if ctx.Done() == nil { // what nobody waits for must not panic
					body()
				} else {
					runtime.Gosched()
				}
			})
			return nil
		})
		if _, left := errors.AsType[*bulkhead.AbandonedError](err); err != nil && !left && !errors.Is(err, bulkhead.ErrFull) && ctx.Err() == nil {
			t.Error(err)
		}
	})
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	got := p.Stats()
	settled(t, got.Stats, n)
	if got.Abandoned != 0 {
		t.Errorf("%d are still abandoned", got.Abandoned)
	}
	t.Log(got)
}
