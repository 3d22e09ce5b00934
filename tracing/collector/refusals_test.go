package collector_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
)

// TestRefusedBodiesAreCounted refuses bodies before they are read, which is how receivers refuse.
//
// Invariant: tracing 1.
func TestRefusedBodiesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 1 << 20
		c := start(t, &taker{}, collector.Config{MaxBytes: limit})
		release, err := c.Admit(limit * 9 / 10)
		if err != nil {
			t.Fatal(err)
		}
		refusing(t, c, "")
		for range 50 {
			if _, err := c.Admit(limit / 10); !errors.Is(err, tracing.ErrOverload) {
				t.Fatalf("got %v, want a refusal", err)
			}
		}
		refusing(t, c, "memory")
		if _, err := c.Admit(limit); !errors.Is(err, tracing.ErrPermanent) {
			t.Fatalf("got %v, want ErrPermanent", err)
		}
		release()
		time.Sleep(time.Second)
		refusing(t, c, "")
		finish(t, c)
		if _, err := c.Admit(7); !errors.Is(err, tracing.ErrClosed) {
			t.Fatalf("got %v, want ErrClosed", err)
		}
		ledger := balanced(t, c)
		want := collector.Volume{Requests: 52, Bytes: 50*(limit/10) + limit + 7}
		if ledger.Refused != want || ledger.Offered != want {
			t.Errorf("offered %+v, refused %+v, want %+v", ledger.Offered, ledger.Refused, want)
		}
		got := map[string]int64{}
		for _, one := range ledger.Reasons {
			got[one.Reason] = one.Requests
		}
		differ(t, "refused", map[string]int64{"memory": 50, "request larger than MaxBytes": 1, tracing.Closing: 1}, got)
	})
}

func refusing(t *testing.T, c *collector.Collector, want string) {
	t.Helper()
	if got := c.Stats().Refusing; got != want {
		t.Errorf("refusing %q, want %q", got, want)
	}
}

// TestARequestThatNeverFitsBesideItsBodyIsRefusedForGood: a receiver would try it again and again.
func TestARequestThatNeverFitsBesideItsBodyIsRefusedForGood(t *testing.T) {
	const limit = 256 << 10
	c := start(t, &taker{}, collector.Config{MaxBytes: limit})
	req := tracing.Encode([]tracing.Span{span(1, 1, func(s *tracing.Span) { s.Name = strings.Repeat("x", limit*6/10) })})
	release, err := c.Admit(int64(len(req)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ingest(t.Context(), req); !errors.Is(err, tracing.ErrPermanent) {
		t.Errorf("got %v, want ErrPermanent", err)
	}
	release()
	finish(t, c)
}

// TestRefusalsSayWhenToComeBack fills the buffer where nothing was given back yet: with an output that works there is room when traces have been
// quiet.
func TestRefusalsSayWhenToComeBack(t *testing.T) {
	for _, row := range []struct {
		name       string
		quiet      time.Duration
		down       bool
		idle       time.Duration // between filling it once and once more
		least, max time.Duration
	}{
		{"quiet soon", 100 * time.Millisecond, false, 0, 500 * time.Millisecond, 600 * time.Millisecond},
		{"quiet later", time.Second, false, 0, 800 * time.Millisecond, 1200 * time.Millisecond},
		{"after a pause", time.Second, false, time.Minute, 800 * time.Millisecond, 1200 * time.Millisecond},
		{"no output", time.Second, true, 0, 4 * time.Second, 5 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &taker{}
				if row.down {
					out.set(func(int) error { return errors.New("down") }, 0)
				}
				c := start(t, out, collector.Config{MaxBytes: 128 << 10, Quiet: row.quiet, SoftRatio: 0.9})
				overload := fill(t, c)
				if row.idle > 0 || row.down {
					time.Sleep(max(row.idle, 3*row.quiet))
					overload = fill(t, c)
				}
				if overload.RetryAfter < row.least || overload.RetryAfter > row.max {
					t.Errorf("come back after %v, want between %v and %v", overload.RetryAfter, row.least, row.max)
				}
				out.set(nil, 0)
				finish(t, c)
			})
		})
	}
}

// fill sends traces of one span until they are refused.
func fill(t *testing.T, c *collector.Collector) *tracing.OverloadError {
	t.Helper()
	for i := uint16(1 << 15); ; i++ {
		one := span(1, 1, func(s *tracing.Span) { binary.BigEndian.PutUint16(s.TraceID[1:], i) })
		_, err := c.Ingest(t.Context(), tracing.Encode([]tracing.Span{one}))
		if overload, ok := errors.AsType[*tracing.OverloadError](err); ok {
			return overload
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
