package collector_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/internal/wal"
	"github.com/tenon-go/tenon/tracing/sampling"
	"github.com/tenon-go/tenon/tracing/tracingtest"
)

// logged returns a disk with a log of requests, in order.
func logged(t *testing.T, reqs ...[]byte) *tracingtest.FaultyFS {
	t.Helper()
	var fs tracingtest.FaultyFS
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
