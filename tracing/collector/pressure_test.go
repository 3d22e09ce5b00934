package collector_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
)

// TestTheHeaviestGoesFirst has a large trace wait for so long that its bytes times its age are a large number.
func TestTheHeaviestGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, &taker{}, collector.Config{MaxBytes: 16 << 20, MaxAge: 200 * time.Hour, Shards: 1, Policies: []sampling.Policy{sampling.Errors{}}})
		take(t, c, half(1, 4<<10))
		take(t, c, half(2, 1))
		time.Sleep(50 * time.Minute)
		take(t, c, half(3, 9<<10))
		time.Sleep(time.Second) // Older than the others, but not than Quiet.
		synctest.Wait()
		if d, ok := c.Explain(id(1)); !ok || d.Closed != tracing.ClosedPressure || balanced(t, c).Open != 2 {
			t.Errorf("decided %v: %+v, %d are open", ok, d, c.Ledger().Open)
		}
		finish(t, c)
	})
}

// half returns a request of an incomplete trace of about so many KiB.
func half(number byte, kib int) []byte {
	return tracing.Encode([]tracing.Span{span(number, 2, func(s *tracing.Span) { s.Name = strings.Repeat("n", kib<<10) })})
}

// TestPressureDecidesUntilBelow has memory short by the room of one trace, where what is decided is dropped, or is on its way to an output that is
// slow, or does not get there.
func TestPressureDecidesUntilBelow(t *testing.T) {
	for _, row := range []struct {
		name        string
		policies    []sampling.Policy
		out         *taker
		least, most int64 // traces that are left open
	}{
		{"dropped", []sampling.Policy{sampling.Errors{}}, &taker{}, 22, 24},
		{"kept, a slow output", nil, &taker{pause: time.Minute}, 22, 24},
		{"kept, no output", nil, &taker{fail: func(int) error { return errors.New("down") }}, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := start(t, row.out, collector.Config{MaxBytes: 3200 << 10, MaxAge: time.Hour, Shards: 4, Policies: row.policies})
				for i := range byte(25) {
					take(t, c, half(i, 100))
				}
				time.Sleep(3 * time.Second)
				take(t, c, half(99, 150)) // 100 KiB too much.
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if open := balanced(t, c).Open; open < row.least || open > row.most {
					t.Errorf("of 26 traces %d are left open", open)
				}
				row.out.set(nil, 0)
				finish(t, c)
			})
		})
	}
}

// TestRoomIsMadeForALargeRequestBelowSoftRatio holds as much as SoftRatio lets it, beside which a request does not fit that is a third of MaxBytes.
func TestRoomIsMadeForALargeRequestBelowSoftRatio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, &taker{}, collector.Config{MaxBytes: 1 << 20, Shards: 1})
		for i := range byte(79) {
			take(t, c, tracing.Encode([]tracing.Span{span(i, 2, func(s *tracing.Span) { s.Name = strings.Repeat("n", 9000) })})) // A parent is missing.
		}
		begin, refused := time.Now(), 0
		for {
			_, err := c.Ingest(t.Context(), large(200, 350<<10))
			overload, again := errors.AsType[*tracing.OverloadError](err)
			if !again {
				break
			}
			refused++
			time.Sleep(overload.RetryAfter)
		}
		if took := time.Since(begin); took > 8*time.Second || refused == 0 {
			t.Errorf("refused %d times, for %v", refused, took)
		}
		balanced(t, c)
		finish(t, c)
	})
}
