package bulkhead_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/bulkhead"
)

// pool returns a pool, or fails.
func pool(tb testing.TB, limit int, cfg bulkhead.Config) *bulkhead.Pool {
	tb.Helper()
	p, err := bulkhead.NewPool(limit, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// hang returns a function that ignores its context until it is told to end.
func hang() (fn func(context.Context) error, end func()) {
	ended := make(chan struct{})
	return func(context.Context) error {
		<-ended
		return nil
	}, func() { close(ended) }
}

// run starts a call of Run, and returns where its error will be.
func run(ctx context.Context, p *bulkhead.Pool, fn func(context.Context) error) <-chan error {
	c := make(chan error, 1)
	go func() { c <- p.Run(ctx, fn) }()
	synctest.Wait()
	return c
}

// still checks that a call of Run has not returned.
func still(t *testing.T, c <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-c:
		t.Fatalf("returned: %v", err)
	default:
	}
}

func TestPoolRuns(t *testing.T) {
	p := pool(t, 2, bulkhead.Config{})
	errNo := errors.New("no")
	if err := p.Run(t.Context(), func(context.Context) error { return errNo }); !errors.Is(err, errNo) {
		t.Errorf("got %v, want the error of fn", err)
	}
	v, err := bulkhead.Do(t.Context(), p, func(context.Context) (int, error) { return 42, nil }, bulkhead.DoConfig[int]{})
	if v != 42 || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
	settled(t, p.Stats().Stats, 2)
}

// A caller leaves at its deadline; the function keeps its slot until it has really ended, and shows in the numbers.
//
// Invariant: resilience K6.
func TestSlotOfAbandonedFunctionStaysTaken(t *testing.T) {
	t.Run("deadline of the caller", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			checkAbandoned(ctx, t, 0)
		})
	})
	t.Run("timeout of the attempt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { checkAbandoned(t.Context(), t, time.Second) })
	})
}

// checkAbandoned runs a function that hangs, and whose caller leaves after a second.
func checkAbandoned(ctx context.Context, t *testing.T, timeout time.Duration) {
	t.Helper()
	patient := context.WithoutCancel(ctx)
	p := pool(t, 1, bulkhead.Config{})
	fn, end := hang()
	_, err := bulkhead.Do(ctx, p, func(ctx context.Context) (int, error) { return 0, fn(ctx) }, bulkhead.DoConfig[int]{Timeout: timeout})
	gone, ok := errors.AsType[*bulkhead.AbandonedError](err)
	if !ok || gone.Ran != time.Second || !errors.Is(err, bulkhead.ErrAbandoned) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want an AbandonedError after 1s", err)
	}
	if v := resilience.Default(patient, err); v.Kind != resilience.KindTimeout || !v.Sent() {
		t.Errorf("verdict %+v, want a timeout that may have been executed", v)
	}
	if got := p.Stats(); got.InUse != 1 || got.Abandoned != 1 || got.EverAbandoned != 1 {
		t.Errorf("while it runs: %v", got)
	}
	if err := p.Run(patient, fn); !errors.Is(err, bulkhead.ErrFull) {
		t.Errorf("next call: %v, want ErrFull", err)
	}
	end()
	synctest.Wait()
	if got := p.Stats(); got.InUse != 0 || got.Abandoned != 0 || got.EverAbandoned != 1 {
		t.Errorf("when it ended: %v", got)
	}
}

func TestAttemptTimeoutCountsFromTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(t, 1, bulkhead.Config{Queue: 1})
		fn, end := hang()
		busy := run(t.Context(), p, fn)
		result := make(chan error, 1)
		go func() {
			_, err := bulkhead.Do(t.Context(), p, func(ctx context.Context) (int, error) {
				<-ctx.Done()
				return 0, context.Cause(ctx)
			}, bulkhead.DoConfig[int]{Timeout: time.Second})
			result <- err
		}()
		time.Sleep(time.Hour)
		still(t, result)
		end()
		if err := <-busy; err != nil {
			t.Error(err)
		}
		start := time.Now()
		if err := <-result; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// A slot that comes together with the end of the context is given back unused: fn does not run with a context that is done.
func TestFunctionDoesNotStartWithADeadContext(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // the waiter sees both at once
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			p := pool(t, 1, bulkhead.Config{Queue: 1})
			fn, end := hang()
			busy := run(t.Context(), p, fn)
			ctx, cancel := context.WithCancel(t.Context())
			waits := run(ctx, p, func(ctx context.Context) error {
				if ctx.Err() != nil {
					t.Error("ran with a dead context")
				}
				return nil
			})
			if err := p.Resize(2); err != nil {
				t.Error(err)
			}
			cancel()
			if err := <-waits; err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			end()
			if err := <-busy; err != nil {
				t.Error(err)
			}
			settled(t, p.Stats().Stats, 2)
		})
	}
}

// closer is a value that has to be closed.
type closer struct{ closed bool }

func (c *closer) Close() error {
	c.closed = true
	return nil
}

func TestLateValueIsDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(t, 1, bulkhead.Config{})
		fn, end := hang()
		response := new(closer)
		cfg := bulkhead.DoConfig[io.Closer]{Timeout: time.Second, Discard: func(c io.Closer) {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}}
		v, err := bulkhead.Do(t.Context(), p, func(ctx context.Context) (io.Closer, error) { return response, fn(ctx) }, cfg)
		if v != nil || !errors.Is(err, bulkhead.ErrAbandoned) {
			t.Errorf("got %v, %v", v, err)
		}
		end()
		synctest.Wait()
		if !response.closed {
			t.Error("the late value was not closed")
		}
		failed := new(closer)
		if _, err := bulkhead.Do(t.Context(), p, func(ctx context.Context) (io.Closer, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			return failed, errBoom
		}, cfg); !errors.Is(err, bulkhead.ErrAbandoned) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if failed.closed {
			t.Error("the value of a failure was discarded")
		}
		kept := new(closer)
		v, err = bulkhead.Do(t.Context(), p, func(context.Context) (io.Closer, error) { return kept, nil }, cfg)
		if v != io.Closer(kept) || err != nil || kept.closed {
			t.Errorf("in time: got %v, %v", v, err)
		}
	})
}

func TestPanicContinuesInTheCallerThatWaits(t *testing.T) {
	for _, ctx := range []context.Context{context.Background(), t.Context()} { // cannot be left, can
		p := pool(t, 1, bulkhead.Config{})
		func() {
			defer func() {
				e, ok := recover().(*bulkhead.PanicError)
				if !ok || !errors.Is(e, errBoom) || !strings.Contains(string(e.Stack), "explode") || !strings.Contains(e.Error(), "boom") {
					t.Errorf("recovered %v, want a PanicError with the stack of the function", e)
				}
			}()
			err := p.Run(ctx, explode)
			t.Errorf("returned %v", err)
		}()
		settled(t, p.Stats().Stats, 1)
	}
}

func explode(context.Context) error { panic(errBoom) }

func TestGoexitContinuesInTheCallerThatWaits(t *testing.T) {
	p := pool(t, 1, bulkhead.Config{})
	exited := make(chan bool)
	go func() {
		returned := false
		defer func() { exited <- !returned }()
		err := p.Run(context.Background(), func(context.Context) error {
			runtime.Goexit()
			return nil
		})
		t.Errorf("returned %v", err)
		returned = true
	}()
	if !<-exited {
		t.Error("the caller went on")
	}
	settled(t, p.Stats().Stats, 1)
}

// crashEnv makes TestUnheardPanicEndsTheProgram end the program.
const crashEnv = "TENON_BULKHEAD_CRASH"

// Where nobody waits a panic is not swallowed: it ends the program, as in any goroutine.
func TestUnheardPanicEndsTheProgram(t *testing.T) {
	switch os.Getenv(crashEnv) {
	case "submit":
		p := pool(t, 1, bulkhead.Config{})
		if err := p.Submit(context.Background(), func(context.Context) { panic(errBoom) }); err != nil {
			t.Fatal(err)
		}
		select {}
	case "abandoned":
		p := pool(t, 1, bulkhead.Config{})
		ctx, cancel := context.WithCancel(context.Background())
		fn, end := hang()
		started := make(chan struct{})
		go func() {
			<-started
			cancel()
		}()
		err := p.Run(ctx, func(ctx context.Context) error {
			close(started)
			if err := fn(ctx); err != nil {
				return err
			}
			panic(errBoom)
		})
		if !errors.Is(err, bulkhead.ErrAbandoned) {
			t.Fatal(err)
		}
		end()
		select {}
	}
	for _, how := range []string{"submit", "abandoned"} {
		//nolint:gosec // this test itself
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestUnheardPanicEndsTheProgram$", "-test.timeout=30s")
		cmd.Env = append(os.Environ(), crashEnv+"="+how)
		out, err := cmd.CombinedOutput()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 || !strings.Contains(string(out), "panic: boom") {
			t.Errorf("%s: %v\n%s", how, err, out)
		}
	}
}

func TestSubmitWaitsOnlyForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(t, 1, bulkhead.Config{Queue: 1})
		fn, end := hang()
		ran := 0
		work := func(ctx context.Context) {
			if err := fn(ctx); err != nil {
				t.Error(err)
			}
			ran++
		}
		if err := p.Submit(t.Context(), work); err != nil {
			t.Fatal(err)
		}
		second := make(chan error, 1)
		go func() { second <- p.Submit(t.Context(), work) }()
		still(t, second)
		if err := p.Reconfigure(1, bulkhead.Config{}); err != nil { // who waits stays
			t.Error(err)
		}
		if err := p.Submit(t.Context(), work); !errors.Is(err, bulkhead.ErrFull) {
			t.Errorf("third: %v, want ErrFull", err)
		}
		end()
		if err := <-second; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if ran != 2 {
			t.Errorf("%d ran, want 2", ran)
		}
		settled(t, p.Stats().Stats, 3)
	})
}

// Stop lets those who run and wait have their turn, and refuses newcomers.
func TestStopDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(t, 1, bulkhead.Config{Queue: 1})
		first, endFirst := hang()
		second, endSecond := hang()
		runs, waits := run(t.Context(), p, first), run(t.Context(), p, second)
		stops := make(chan error, 2)
		for range 2 {
			go func() { stops <- p.Stop(t.Context()) }()
		}
		still(t, stops)
		err := p.Run(t.Context(), first)
		if v := resilience.Default(t.Context(), err); !errors.Is(err, bulkhead.ErrStopped) || v.Kind != resilience.KindRejected {
			t.Errorf("newcomer: %v, verdict %+v", err, v)
		}
		if err := p.Resize(5); err != nil { // a stop outlasts a resize
			t.Error(err)
		}
		if err := p.Submit(t.Context(), func(context.Context) {}); !errors.Is(err, bulkhead.ErrStopped) {
			t.Errorf("newcomer after a resize: %v", err)
		}
		endFirst()
		if err := <-runs; err != nil {
			t.Error(err)
		}
		still(t, stops)
		endSecond()
		for _, c := range []<-chan error{waits, stops, stops} {
			if err := <-c; err != nil {
				t.Error(err)
			}
		}
		settled(t, p.Stats().Stats, 4)
	})
}

// When the patience of Stop ends, who waits is refused; who runs is not interrupted, and a further Stop waits on.
func TestStopGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool(t, 1, bulkhead.Config{Queue: 1})
		fn, end := hang()
		runs, waits := run(t.Context(), p, fn), run(t.Context(), p, fn)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) || err.Error() != "bulkhead: stop: 1 still running: context deadline exceeded" {
			t.Errorf("got %v", err)
		}
		if err := <-waits; !errors.Is(err, bulkhead.ErrStopped) {
			t.Errorf("who waited: %v, want ErrStopped", err)
		}
		still(t, runs)
		end()
		if err := errors.Join(<-runs, p.Stop(t.Context())); err != nil {
			t.Error(err)
		}
		settled(t, p.Stats().Stats, 2)
	})
}

func TestStopOfAnIdlePoolReturns(t *testing.T) {
	p := pool(t, 1, bulkhead.Config{})
	for range 2 {
		if err := p.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	dead := pool(t, 0, bulkhead.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dead.Stop(ctx); err != nil {
		t.Errorf("nothing to wait for: %v", err)
	}
}
