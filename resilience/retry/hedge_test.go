package retry_test

import (
	"context"
	"errors"
	"maps"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/retry"
)

// hedger returns the hedger of a good config.
func hedger(tb testing.TB, cfg retry.HedgeConfig) *retry.Hedger {
	tb.Helper()
	h, err := retry.NewHedger(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// reply is how one attempt of a hedged call goes: it takes its time, or less when its context ends, unless it is deaf.
type reply struct {
	takes time.Duration
	err   error
	deaf  bool
}

// stage plays replies to the attempts of one hedged call.
type stage struct {
	replies []reply
	begin   time.Time

	mu        sync.Mutex
	left      []time.Duration // when each attempt did
	contexts  []context.Context
	discarded []int
}

func (s *stage) fn(ctx context.Context) (int, error) {
	s.mu.Lock()
	n := len(s.left)
	s.left = append(s.left, time.Since(s.begin))
	s.contexts = append(s.contexts, ctx)
	s.mu.Unlock()
	r := s.replies[n]
	done := ctx.Done()
	if r.deaf {
		done = nil
	}
	select {
	case <-time.After(r.takes):
		return n + 1, r.err
	case <-done:
		return 0, ctx.Err()
	}
}

func (s *stage) discard(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.discarded = append(s.discarded, n)
}

// hedgeCase is a hedged call of up to three attempts, ten milliseconds apart, and all that can be seen of it.
type hedgeCase struct {
	replies   []reply
	allows    int // of the budget
	value     int // 0 = fails
	is        []error
	took      time.Duration
	left      []time.Duration
	discarded []int
	charges   []retry.Charge
	settled   []int
}

const ms = time.Millisecond

// wins are the calls that succeed, beside those of failures.
func wins() map[string]hedgeCase {
	return map[string]hedgeCase{
		"a success in time": {
			replies: []reply{{takes: 9 * ms}}, value: 1, took: 9 * ms, left: []time.Duration{0}, settled: []int{1, 0},
		},
		"the hedge is faster": {
			replies: []reply{{takes: time.Second}, {takes: ms}}, allows: 9, value: 2, took: 11 * ms, left: []time.Duration{0, 10 * ms},
			charges: []retry.Charge{{Attempt: 1}}, settled: []int{2, 1000},
		},
		"the first one is faster": {
			replies: []reply{{takes: 15 * ms}, {takes: time.Second}}, allows: 9, value: 1, took: 15 * ms, left: []time.Duration{0, 10 * ms},
			charges: []retry.Charge{{Attempt: 1}}, settled: []int{2, 1000},
		},
		"a late success is discarded": {
			replies: []reply{{takes: time.Second, deaf: true}, {takes: ms}}, allows: 9, value: 2, took: 11 * ms, left: []time.Duration{0, 10 * ms},
			discarded: []int{1}, charges: []retry.Charge{{Attempt: 1}}, settled: []int{2, 1000},
		},
		"a failure makes the next one leave at once": {
			replies: []reply{{2 * ms, asks(0), false}, {takes: ms}}, allows: 9, value: 2, took: 3 * ms, left: []time.Duration{0, 2 * ms},
			charges: []retry.Charge{{Attempt: 1}}, settled: []int{2, 1000},
		},
		"the delay begins anew with each": {
			replies: []reply{{2 * ms, errDown, false}, {takes: time.Second}, {takes: ms}}, allows: 9, value: 3, took: 13 * ms,
			left: []time.Duration{0, 2 * ms, 12 * ms}, charges: []retry.Charge{{Attempt: 1}, {Attempt: 2}}, settled: []int{3, 1000},
		},
	}
}

// failures are the calls in which an attempt fails for good, or all do.
func failures() map[string]hedgeCase {
	no := resilience.WithVerdict(errors.New("no"), resilience.Verdict{Kind: resilience.KindTransient, Stop: true})
	permanent := failure(resilience.KindPermanent)
	return map[string]hedgeCase{
		"all fail": {
			replies: []reply{{15 * ms, errDown, false}, {15 * ms, errDown, false}, {15 * ms, asks(0), false}}, allows: 9,
			is: []error{retry.ErrMaxAttempts}, took: 30 * ms, left: []time.Duration{0, 10 * ms, 15 * ms},
			charges: []retry.Charge{{Attempt: 1}, {Attempt: 2}, {Attempt: 3, Last: true}, {Attempt: 4, Last: true}},
		},
		"a permanent failure ends the call": {
			replies: []reply{{takes: time.Second}, {ms, permanent, false}}, allows: 9, is: []error{retry.ErrPermanent, permanent},
			took: 11 * ms, left: []time.Duration{0, 10 * ms}, charges: []retry.Charge{{Attempt: 1}},
		},
		"told to stop, the other still wins": {
			replies: []reply{{takes: 50 * ms}, {ms, no, false}}, allows: 9, value: 1, took: 50 * ms, left: []time.Duration{0, 10 * ms},
			charges: []retry.Charge{{Attempt: 1}, {Attempt: 2, Last: true, Stop: true}}, settled: []int{3, 1000},
		},
		"told to stop at once": {
			replies: []reply{{ms, no, false}}, allows: 9, is: []error{retry.ErrStopped, no}, took: ms, left: []time.Duration{0},
			charges: []retry.Charge{{Attempt: 1, Last: true, Stop: true}},
		},
		"asked to wait": {
			replies: []reply{{ms, asks(time.Second), false}}, allows: 9, is: []error{retry.ErrHint}, took: ms, left: []time.Duration{0},
			charges: []retry.Charge{{Attempt: 1, Last: true}},
		},
		"the budget refuses, the first one still wins": {
			replies: []reply{{takes: 50 * ms}}, value: 1, took: 50 * ms, left: []time.Duration{0}, charges: []retry.Charge{{Attempt: 1}}, settled: []int{2, 0},
		},
		"the budget refuses after a failure": {
			replies: []reply{{ms, errDown, false}}, is: []error{retry.ErrBudget, errDown}, took: ms, left: []time.Duration{0},
			charges: []retry.Charge{{Attempt: 1}},
		},
		"the deadline passes": {
			replies: []reply{{takes: time.Hour}, {takes: time.Hour, deaf: true}, {time.Hour, errDown, true}}, allows: 9,
			is: []error{retry.ErrDeadline, context.DeadlineExceeded}, took: time.Minute, left: []time.Duration{0, 10 * ms, 20 * ms},
			charges: []retry.Charge{{Attempt: 1}, {Attempt: 2}}, discarded: []int{2},
		},
	}
}

func TestHedge(t *testing.T) {
	cases := wins()
	maps.Copy(cases, failures())
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { synctest.Test(t, c.play) })
	}
}

// play makes the call.
func (c hedgeCase) play(t *testing.T) {
	b := &ledger{allows: c.allows}
	h := hedger(t, retry.HedgeConfig{Max: 3, Delay: 10 * ms, Idempotent: true, Budget: b})
	s := &stage{replies: c.replies, begin: time.Now()}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := retry.Hedge(ctx, h, s.fn, s.discard)
	took := time.Since(s.begin)
	if got != c.value || (err == nil) != (c.value > 0) || took != c.took {
		t.Errorf("got %d, %v after %v; want %d after %v", got, err, took, c.value, c.took)
	}
	for _, target := range c.is {
		if !errors.Is(err, target) {
			t.Errorf("%v is not %v", err, target)
		}
	}
	if err != nil && !asError(t, err).Sent() {
		t.Error("not sent")
	}
	synctest.Wait() // for the contexts to end
	for i, ctx := range s.contexts {
		if winner := i+1 == got; winner == (ctx.Err() != nil) {
			t.Errorf("attempt %d, winner %v: its context is %v", i+1, winner, ctx.Err())
		}
	}
	time.Sleep(2 * time.Hour) // for those that are late
	synctest.Wait()
	for what, diff := range map[string]string{
		"attempts left": cmp.Diff(c.left, s.left), "discarded": cmp.Diff(c.discarded, s.discarded),
		"charges": cmp.Diff(c.charges, b.charges), "settled": cmp.Diff(c.settled, b.settled),
	} {
		if diff != "" {
			t.Errorf("%s: -want +got:\n%s", what, diff)
		}
	}
}

func TestAHedgeNeedsACallThatIsSafeToRepeat(t *testing.T) {
	h := hedger(t, retry.HedgeConfig{Delay: time.Second})
	for name, c := range map[string]struct {
		mark     func(context.Context) context.Context
		attempts int
		want     error
	}{
		"neither idempotent nor keyed": {func(ctx context.Context) context.Context { return ctx }, 1, retry.ErrMaxAttempts},
		"keyed":                        {func(ctx context.Context) context.Context { return resilience.WithKey(ctx, "k") }, 2, retry.ErrMaxAttempts},
		"in a retried attempt": {func(ctx context.Context) context.Context {
			return resilience.WithMark(resilience.WithKey(ctx, "k"), resilience.Mark{Attempt: 2})
		}, 1, retry.ErrNested},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var attempts atomic.Int32
				_, err := retry.Hedge(c.mark(t.Context()), h, func(context.Context) (int, error) {
					attempts.Add(1)
					time.Sleep(time.Minute)
					return 0, errDown
				}, nil)
				if int(attempts.Load()) != c.attempts || !errors.Is(err, c.want) {
					t.Errorf("%d attempts, %v", attempts.Load(), err)
				}
			})
		})
	}
}

// Invariant: resilience R6.
func TestHedgesSeeOneKeyAndTheirNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var keys []string
		var numbers []int
		h := hedger(t, retry.HedgeConfig{Max: 3, Delay: time.Second})
		_, err := retry.Hedge(resilience.WithKey(t.Context(), "k"), h, func(ctx context.Context) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			keys, numbers = append(keys, resilience.Key(ctx)), append(numbers, resilience.Attempt(ctx))
			return 0, errDown
		}, nil)
		if !errors.Is(err, retry.ErrMaxAttempts) || !slices.Equal(keys, []string{"k", "k", "k"}) || !slices.Equal(numbers, []int{1, 2, 3}) {
			t.Errorf("keys %q, numbers %v, %v", keys, numbers, err)
		}
	})
}

// Invariant: resilience R1.
func TestNoHedgeLeavesWithADoneContext(t *testing.T) {
	h := hedger(t, retry.HedgeConfig{Max: 9, Delay: 10 * ms, Idempotent: true})
	for range 50 { // the deadline, a delay and a failure come at once: in any order
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*ms)
			defer cancel()
			_, err := retry.Hedge(ctx, h, func(ctx context.Context) (int, error) {
				if ctx.Err() != nil {
					t.Error("an attempt began with a context that is done")
				}
				time.Sleep(10 * ms)
				return 0, context.DeadlineExceeded
			}, nil)
			if !errors.Is(err, retry.ErrDeadline) {
				t.Error(err)
			}
			time.Sleep(time.Second) // for attempts that are late
		})
	}
}

func TestADoneContextIsNotHedged(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	_, err := retry.Hedge(ctx, hedger(t, retry.HedgeConfig{Delay: 1}), func(context.Context) (int, error) {
		t.Error("fn ran")
		return 0, nil
	}, nil)
	if !errors.Is(err, retry.ErrCanceled) || !errors.Is(err, errDown) || asError(t, err).Sent() {
		t.Errorf("got %v", err)
	}
}

// Invariant: resilience R8.
func TestAPanicOfAHedgeReachesTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hedger(t, retry.HedgeConfig{Delay: time.Second, Idempotent: true})
		var other context.Context
		defer func() {
			p, ok := recover().(*retry.PanicError)
			if !ok || !errors.Is(p, errDown) || !strings.Contains(p.Error(), "hedge_test.go") {
				t.Errorf("recovered %v", p)
			}
			if synctest.Wait(); other.Err() == nil {
				t.Error("the other attempt goes on")
			}
		}()
		_, err := retry.Hedge(t.Context(), h, func(ctx context.Context) (int, error) {
			if resilience.Attempt(ctx) == 2 {
				panic(errDown)
			}
			other = ctx
			<-ctx.Done()
			return 0, ctx.Err()
		}, nil)
		t.Errorf("returned %v", err)
	})
}

func TestAnExitOfAHedgeIsAnExitOfTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hedger(t, retry.HedgeConfig{Delay: time.Second, Idempotent: true})
		returned := false
		var caller sync.WaitGroup
		caller.Go(func() {
			_, _ = retry.Hedge(t.Context(), h, func(context.Context) (int, error) { // does not return
				runtime.Goexit()
				return 0, nil
			}, nil)
			returned = true
		})
		if caller.Wait(); returned {
			t.Error("returned")
		}
	})
}

func TestTheDelayFollowsTheQuantileOfTheLatestSuccesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hedger(t, retry.HedgeConfig{Quantile: 0.9, Idempotent: true})
		succeed := func(calls int, took time.Duration) {
			t.Helper()
			for range calls {
				if _, err := retry.Hedge(t.Context(), h, func(context.Context) (int, error) { time.Sleep(took); return 0, nil }, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		succeed(15, time.Second)
		if d := h.Delay(); d != math.MaxInt64 {
			t.Errorf("delay %v of 15 successes", d)
		}
		succeed(1, time.Second)
		if d := h.Delay(); d != time.Second {
			t.Errorf("delay %v of 16 successes of a second", d)
		}
		succeed(24, time.Millisecond) // 40 in all: the slowest tenth is 4, and 16 were slow
		if d := h.Delay(); d != time.Second {
			t.Errorf("delay %v with 16 of 40 slow", d)
		}
		succeed(256, time.Millisecond)
		if d := h.Delay(); d != time.Millisecond {
			t.Errorf("delay %v when the slow ones are forgotten", d)
		}
		time.Sleep(time.Second) // for hedges that left as their calls succeeded
	})
}

func TestNewHedgerNamesEveryProblem(t *testing.T) {
	for want, cfg := range map[string]retry.HedgeConfig{
		"Delay and Quantile: want one of them": {},
		"Max 1: want 2 to 16, or 0 for 2\nDelay -1ns: want at least 0\nQuantile 1: want a part in (0, 1), or 0 for Delay": {
			Max: 1, Delay: -1, Quantile: 1,
		},
		"Quantile NaN: want a part in (0, 1), or 0 for Delay": {Quantile: math.NaN()},
	} {
		_, err := retry.NewHedger(cfg)
		if !errors.Is(err, retry.ErrConfig) || err.Error() != "retry: invalid config: "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestLatePanic is the process of the test below.
func TestLatePanic(t *testing.T) {
	if os.Getenv("RETRY_LATE_PANIC") == "" {
		t.Skip("run by another test")
	}
	h := hedger(t, retry.HedgeConfig{Delay: time.Millisecond, Idempotent: true})
	_, err := retry.Hedge(t.Context(), h, func(ctx context.Context) (int, error) {
		if resilience.Attempt(ctx) == 1 {
			<-ctx.Done() // the other one has won
			time.Sleep(50 * time.Millisecond)
			panic("too late")
		}
		return 0, nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Second)
}

func TestALatePanicOfAHedgeEndsTheProcess(t *testing.T) {
	run := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLatePanic$") //nolint:gosec // this program itself
	run.Env = append(os.Environ(), "RETRY_LATE_PANIC=1")
	out, err := run.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "panic: too late") || !strings.Contains(string(out), "TestLatePanic") {
		t.Errorf("got %v\n%s", err, out)
	}
}
