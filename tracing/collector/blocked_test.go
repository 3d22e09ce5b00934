package collector_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
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
