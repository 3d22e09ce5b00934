package collector_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/internal/faultyfs"
	"github.com/tenon-go/tenon/tracing/sampling"
)

// blocking returns a tap that blocks on the trace of a number until release is closed.
func blocking(number byte, release <-chan struct{}) func(tracing.View) {
	return func(v tracing.View) {
		if v.TraceID() == id(number) {
			<-release
		}
	}
}

// TestABlockedCallStopsNobodyElse has a tap block a request: others are taken, and epochs end, none of which is settled before the request is.
func TestABlockedCallStopsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := start(t, &taker{}, collector.Config{Tap: blocking(1, release)})
		before := c.Advance()
		first := make(chan error, 1)
		go func() {
			_, err := c.Ingest(t.Context(), tracing.Encode([]tracing.Span{span(1, 1)}))
			first <- err
		}()
		synctest.Wait()
		during := c.Advance()
		take(t, c, tracing.Encode([]tracing.Span{span(2, 1)}))
		c.Advance()
		time.Sleep(10 * time.Second)
		if _, ok := c.Explain(id(2)); !ok || during != before+1 || c.Settled() != before {
			t.Errorf("epoch %d is settled after %d; the other trace is decided: %v", c.Settled(), before, ok)
		}
		close(release)
		if err := <-first; err != nil {
			t.Error(err)
		}
		if c.Settled() != before {
			t.Errorf("epoch %d is settled, while a span of %d is open", c.Settled(), during)
		}
		time.Sleep(10 * time.Second)
		if c.Settled() != during+1 {
			t.Errorf("epoch %d is settled of %d", c.Settled(), during+1)
		}
		finish(t, c)
	})
}

// TestCloseAndFlushEndWithTheirContext has a row for each callback that may not return.
func TestCloseAndFlushEndWithTheirContext(t *testing.T) {
	for _, who := range []string{"output", "policy", "tap", "nobody"} {
		t.Run(who, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { closeBeside(t, who) })
		})
	}
}

// closeBeside flushes and closes a collector while somebody blocks.
func closeBeside(t *testing.T, who string) {
	t.Helper()
	var fs faultyfs.FS
	release := make(chan struct{})
	block := func(blocker string) {
		if who == blocker {
			<-release
		}
	}
	policy := &policyOf{name: "own", decide: func(sampling.Trace) sampling.Verdict {
		block("policy")
		return sampling.Verdict{Vote: sampling.VoteKeep}
	}}
	out := collector.OutputFunc(func(context.Context, []tracing.Kept) error { block("output"); return nil })
	c, err := collector.NewOn(&fs, out, collector.Config{
		WALDir: "log", Policies: []sampling.Policy{policy}, Tap: func(tracing.View) { block("tap") },
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = c.Ingest(t.Context(), large(1, 1000)) }() // It may block.
	time.Sleep(time.Second)
	endsInTime(t, "Flush", who != "nobody", c.Flush)
	endsInTime(t, "Close", who != "nobody", c.Close)
	names, err := fs.Names()
	if err != nil || (len(names) == 0) != (who == "nobody") {
		t.Errorf("in the log are %v, %v", names, err)
	}
	balanced(t, c)
	close(release)
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ledger := balanced(t, c); ledger.InFlight.Spans != 0 || ledger.Received.Spans != 1 || c.Stats().Used != 0 {
		t.Errorf("after all %+v", ledger)
	}
}

// endsInTime wants a call to end with its context, and with its error if somebody blocks.
func endsInTime(t *testing.T, name string, blocked bool, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	begin := time.Now()
	done := make(chan error, 1)
	go func() { done <- call(ctx) }()
	select {
	case err := <-done:
		if errors.Is(err, context.DeadlineExceeded) != blocked || !blocked && err != nil {
			t.Errorf("%s after %v: %v", name, time.Since(begin), err)
		}
	case <-time.After(7 * time.Second):
		t.Errorf("%s has not ended two seconds after its context", name)
	}
}
