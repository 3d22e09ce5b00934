package collector_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
)

// TestTracesCloseThoughTheClockJumps sets the clock of a collector back by an hour, and then ahead by one.
func TestTracesCloseThoughTheClockJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shift atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
		c := start(t, &taker{}, collector.Config{Now: now, MaxAge: 5 * time.Second})
		for i, jump := range []time.Duration{0, -time.Hour, 0} {
			before, after := byte(2*i), byte(2*i+1)
			take(t, c, tracing.Encode([]tracing.Span{span(before, 2)}))
			time.Sleep(time.Second)
			shift.Store(int64(jump))
			take(t, c, tracing.Encode([]tracing.Span{span(after, 2)}))
			time.Sleep(6 * time.Second)
			synctest.Wait()
			for _, number := range []byte{before, after} {
				if d, ok := c.Explain(id(number)); !ok || now().Sub(d.At) > 10*time.Second {
					t.Errorf("after a jump to %v trace %d is decided: %v, at %v of %v", jump, number, ok, d.At, now())
				}
			}
		}
		finish(t, c)
	})
}
