package guard_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
)

// ledger is what callers count by themselves.
type ledger struct {
	runs, successes, failures, excluded, full, left, late atomic.Uint64
}

// Invariant: resilience B3, K2.
func TestReloadsLoseNoResultAndNoPermit(t *testing.T) {
	calls := 1_000_000
	if testing.Short() {
		calls /= 10
	}
	// Only what a reload keeps changes: the window holds all, and nothing trips.
	spec := func(i int) string {
		return fmt.Sprintf(`{"a": {"retry": {"max_attempts": %d, "backoff": {"kind": "fixed"}, "budget": {"kind": "token", "tokens": %d, "ratio": 0.5}},
			"breaker": {"failure_ratio": -1, "window": "24h", "buckets": 1, "min_calls": %d, "slow_call": "%ds"},
			"bulkhead": {"limit": %d, "queue": %d}}}`, 1+i%3, 10+i%100, 1+i%9, i%2, i%5, 2+i%3)
	}
	r := registry(t, guard.RegistryConfig{}, spec(1))
	a, over := r.Guard("a"), make(chan struct{})
	var reloads sync.WaitGroup
	reloads.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
				apply(t, r, spec(i))
			}
		}
	})
	var (
		l       ledger
		callers sync.WaitGroup
	)
	const goroutines = 6
	for n := range uint64(goroutines) {
		callers.Go(func() { l.call(t, a, calls/goroutines, rand.New(rand.NewPCG(n, 0))) })
	}
	callers.Wait()
	close(over)
	reloads.Wait()
	l.check(t, a.Stats())
}

// call makes calls that succeed, fail, are throttled, panic and leave.
func (l *ledger) call(t *testing.T, g *guard.Guard, calls int, rng *rand.Rand) {
	t.Helper()
	throttled := resilience.WithVerdict(errDown, resilience.Verdict{Kind: resilience.KindThrottled})
	hooked := func(context.Context) (int, error) {
		l.runs.Add(1)
		switch rng.IntN(16) {
		case 0:
			l.failures.Add(1)
			return 0, errDown
		case 1:
			l.excluded.Add(1)
			return 0, throttled
		case 2:
			l.failures.Add(1)
			panic(errDown)
		default:
			l.successes.Add(1)
			return 1, nil
		}
	}
	call := func() {
		defer func() {
			if v := recover(); v != nil && v != any(errDown) {
				panic(v)
			}
		}()
		ctx, cancel := t.Context(), context.CancelFunc(func() {})
		if rng.IntN(64) == 0 {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(rng.IntN(50))*time.Microsecond)
		}
		defer cancel()
		_, err := guard.Do(ctx, g, hooked)
		failed, ok := errors.AsType[*retry.Error](err)
		switch {
		case errors.Is(err, bulkhead.ErrFull):
			l.full.Add(1)
		case !ok || failed.Last == nil || errors.Is(err, errDown): // it ran, or did not begin
		case strings.HasPrefix(failed.Last.Error(), "guard:"): // its slot came too late
			l.late.Add(1)
		default: // it left the queue
			l.left.Add(1)
		}
	}
	for range calls {
		call()
	}
}

// check compares with what the guard has counted.
func (l *ledger) check(t *testing.T, s guard.Stats) {
	t.Helper()
	b, c := s.Bulkhead, s.Breaker.Counts
	t.Logf("%d runs, %d retries\n%v", l.runs.Load(), s.Retries, s)
	for what, pair := range map[string][2]uint64{
		"accepted":               {l.runs.Load() + l.late.Load(), b.Accepted},
		"released":               {b.Accepted, b.Released()},
		"rejected":               {l.full.Load(), b.Rejected},
		"left":                   {l.left.Load(), b.Left},
		"offered":                {l.runs.Load() + l.late.Load() + l.full.Load() + l.left.Load(), b.Offered()},
		"in use":                 {0, uint64(b.InUse)},                                           //nolint:gosec // not negative
		"waiting":                {0, uint64(b.Waiting)},                                         //nolint:gosec // not negative
		"successes":              {l.successes.Load(), uint64(c.Successes)},                      //nolint:gosec // not negative
		"failures":               {l.failures.Load(), uint64(c.Failures)},                        //nolint:gosec // not negative
		"excluded":               {l.excluded.Load(), uint64(c.Excluded)},                        //nolint:gosec // not negative
		"results":                {l.runs.Load(), uint64(c.Successes + c.Failures + c.Excluded)}, //nolint:gosec // not negative
		"results that came late": {0, s.Breaker.Late},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: counted %d, the guard says %d", what, pair[0], pair[1])
		}
	}
	if l.runs.Load() == 0 || l.full.Load() == 0 || s.Retries == 0 {
		t.Errorf("nothing was tested: %d runs, %d refusals, %d retries", l.runs.Load(), l.full.Load(), s.Retries)
	}
}
