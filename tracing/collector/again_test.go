package collector_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/internal/faultyfs"
	"github.com/tenon-go/tenon/tracing/internal/wal"
	"github.com/tenon-go/tenon/tracing/sampling"
)

// logged returns a disk with a log of requests, in order.
func logged(t *testing.T, reqs ...[]byte) *faultyfs.FS {
	t.Helper()
	var fs faultyfs.FS
	log, _, err := wal.Open(&fs)
	if err != nil {
		t.Fatal(err)
	}
	for _, req := range reqs {
		if _, err := log.Append(req); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return &fs
}

// A policyOf is an own policy of functions; nil = no, and no vote.
type policyOf struct {
	name   string
	early  func(tracing.View) bool
	decide func(sampling.Trace) sampling.Verdict
}

func (p *policyOf) Name() string                 { return p.name }
func (p *policyOf) Validate() error              { return nil }
func (p *policyOf) NewDecider() sampling.Decider { return p }
func (p *policyOf) Early(v tracing.View) bool    { return p.early != nil && p.early(v) }
func (p *policyOf) Decide(t sampling.Trace, _ time.Time) sampling.Verdict {
	if p.decide == nil {
		return sampling.Verdict{}
	}
	return p.decide(t)
}

// large returns a request of one span of about so many bytes, of a trace that is kept.
func large(number byte, bytes int) []byte {
	return tracing.Encode([]tracing.Span{span(number, 1, failed, func(s *tracing.Span) { s.Name = strings.Repeat("n", bytes) })})
}

// TestWhatNeverFitsStaysInTheLog reads a log with a smaller MaxBytes: what fits comes again, and what does not is there for a larger one.
func TestWhatNeverFitsStaysInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := logged(t, large(1, 1000), large(2, 1<<20), large(3, 1000))
		for _, most := range []int64{512 << 10, 8 << 20} {
			var out taker
			c, err := collector.NewOn(fs, &out, collector.Config{WALDir: "log", MaxBytes: most})
			if err != nil {
				t.Fatal(err)
			}
			take(t, c, large(4, 1000))
			time.Sleep(10 * time.Second)
			stats := c.Stats()
			finish(t, c)
			names, err := fs.Names()
			if err != nil {
				t.Fatal(err)
			}
			fits := most > 1<<20
			if len(out.of(id(1))) != 1 || len(out.of(id(3))) != 1 || len(out.of(id(4))) != 1 || (len(out.of(id(2))) == 1) != fits {
				t.Errorf("MaxBytes %d: %d parts came", most, len(out.parts))
			}
			if (len(names) == 0) != fits || (stats.LogErrors == 0) != fits {
				t.Errorf("MaxBytes %d: in the log are %v, %+v", most, names, stats)
			}
		}
	})
}

// TestWhatIsReadAgainHasItsTurn reads a log beside a client that comes all the time, and an output that takes less than both bring.
func TestWhatIsReadAgainHasItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var old [][]byte
		for i := range byte(60) {
			old = append(old, large(i, 10_000))
		}
		fs := logged(t, old...)
		out := &taker{pause: 200 * time.Millisecond}
		c, err := collector.NewOn(fs, out, collector.Config{WALDir: "log", MaxBytes: 256 << 10, Quiet: 100 * time.Millisecond, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		taken, refused := 0, 0
		for i := range 1500 {
			s := span(200, 1, func(s *tracing.Span) { s.Name = strings.Repeat("n", 10_000) })
			s.TraceID[1], s.TraceID[2] = byte(i>>8), byte(i)
			if _, err := c.Ingest(t.Context(), tracing.Encode([]tracing.Span{s})); err == nil {
				taken++
			} else {
				refused++
			}
			time.Sleep(10 * time.Millisecond)
		}
		again := 0
		for i := range byte(60) {
			again += len(out.of(id(i)))
		}
		if again != 60 || taken == 0 || refused == 0 {
			t.Errorf("%d of 60 requests came again; beside them %d were taken, %d refused", again, taken, refused)
		}
		if ledger := balanced(t, c); ledger.Refused.Requests != int64(refused) {
			t.Errorf("%d requests were refused, the ledger has %d", refused, ledger.Refused.Requests)
		}
		finish(t, c)
	})
}

// TestWhatIsReadAgainHoldsItsOldEpoch has a span of the log join a trace that a newer request opened: its file stays until it met its fate.
func TestWhatIsReadAgainHoldsItsOldEpoch(t *testing.T) {
	for name, deciding := range map[string]bool{"open": false, "decided right now": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { joinNewer(t, deciding) })
		})
	}
}

// joinNewer holds back the reading of the log until the trace is open, or is decided and others wait for that already.
func joinNewer(t *testing.T, deciding bool) {
	t.Helper()
	whole := []tracing.Span{span(9, 1), span(9, 2), span(9, 3), span(9, 4)} // Decided at once.
	fs := logged(t, tracing.Encode(whole), tracing.Encode([]tracing.Span{span(1, 2, failed)}))
	read, decide := make(chan struct{}), make(chan struct{})
	own := &policyOf{name: "own", early: func(v tracing.View) bool {
		if v.TraceID() == id(9) {
			<-read
		}
		return false
	}, decide: func(tr sampling.Trace) sampling.Verdict {
		if tr.ID == id(1) && deciding {
			<-decide
		}
		return sampling.Verdict{}
	}}
	c, err := collector.NewOn(fs, &taker{}, collector.Config{WALDir: "log", MaxTraceSpans: 3, MaxAge: time.Minute, Policies: []sampling.Policy{own, sampling.Errors{}}})
	if err != nil {
		t.Fatal(err)
	}
	if deciding {
		take(t, c, tracing.Encode([]tracing.Span{span(1, 1)}))
		time.Sleep(3 * time.Second)
	}
	take(t, c, tracing.Encode([]tracing.Span{span(1, 3)}))
	time.Sleep(3 * time.Second)
	close(read)
	time.Sleep(3 * time.Second)
	var out taker
	again, err := collector.NewOn(fs.Crash(seeded(1)), &out, collector.Config{WALDir: "log", Policies: []sampling.Policy{sampling.Errors{}}})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	finish(t, again)
	left := 0
	for _, part := range out.of(id(1)) {
		left += part.Summary.Spans
	}
	if left < 2 || deciding && left < 3 {
		t.Errorf("after the second crash only %d spans come again", left)
	}
	close(decide)
	finish(t, c)
}
