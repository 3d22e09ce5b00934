package collector_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/otlp"
	"github.com/tenon-go/tenon/tracing/sampling"
	"github.com/tenon-go/tenon/tracing/tracingtest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// span returns one of a trace: number 1 is a root, the others its children.
func span(id byte, number byte, change ...func(*tracing.Span)) tracing.Span {
	at := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	s := tracing.Span{TraceID: trace.TraceID{id, 15: 1}, ID: trace.SpanID{number}, Name: "GET /", Start: at, End: at.Add(time.Second)}
	if number > 1 {
		s.Parent = trace.SpanID{1}
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

func failed(s *tracing.Span) { s.Status.Code = codes.Error }

func below(parent byte) func(*tracing.Span) {
	return func(s *tracing.Span) { s.Parent = trace.SpanID{parent} }
}

func state(text string) func(*tracing.Span) { return func(s *tracing.Span) { s.TraceState = text } }

func id(first byte) trace.TraceID { return trace.TraceID{first, 15: 1} }

// after is spans that come a while after those before.
type after struct {
	wait  time.Duration
	spans []tracing.Span
}

// TestTracesClose has a row for each way to close.
func TestTracesClose(t *testing.T) {
	many := make([]tracing.Span, 20)
	for i := range many {
		many[i] = span(1, byte(i+1))
	}
	remote := func(s *tracing.Span) { s.Flags = tracing.FlagKnowsRemote | tracing.FlagRemoteIsParent }
	for _, row := range []struct {
		name    string
		cfg     collector.Config
		come    []after
		wait    time.Duration // until it has to be closed, and not a second before
		closed  tracing.Closed
		missing int
	}{
		{"complete", collector.Config{}, []after{{0, []tracing.Span{span(1, 1), span(1, 2)}}}, 2 * time.Second, tracing.ClosedComplete, 0},
		{"each span puts it off", collector.Config{}, []after{{0, []tracing.Span{span(1, 1)}}, {time.Second, []tracing.Span{span(1, 2)}}}, 2 * time.Second, tracing.ClosedComplete, 0},
		{"the root comes last", collector.Config{}, []after{{0, []tracing.Span{span(1, 2)}}, {9 * time.Second, []tracing.Span{span(1, 1)}}}, 2 * time.Second, tracing.ClosedComplete, 0},
		{"a parent is missing", collector.Config{}, []after{{0, []tracing.Span{span(1, 1), span(1, 2, below(9)), span(1, 3, below(9)), span(1, 4, below(8))}}}, 6 * time.Second, tracing.ClosedMissingParents, 2},
		{"the missing parent comes", collector.Config{}, []after{{0, []tracing.Span{span(1, 1), span(1, 2, below(9))}}, {2500 * time.Millisecond, []tracing.Span{span(1, 9)}}}, 2 * time.Second, tracing.ClosedComplete, 0},
		{"no root", collector.Config{}, []after{{0, []tracing.Span{span(1, 2)}}}, 25 * time.Second, tracing.ClosedAge, 1},
		{"MaxAge", collector.Config{MaxAge: 4 * time.Second}, []after{{0, []tracing.Span{span(1, 2)}}, {3 * time.Second, []tracing.Span{span(1, 1)}}}, time.Second, tracing.ClosedAge, 0},
		{"a local root", collector.Config{LocalRoots: true}, []after{{0, []tracing.Span{span(1, 2, below(9), remote), span(1, 3, below(2))}}}, 2 * time.Second, tracing.ClosedComplete, 0},
		{"MaxTraceSpans", collector.Config{MaxTraceSpans: 19}, []after{{0, many}}, 0, tracing.ClosedSize, 0},
		{"MaxTraceBytes", collector.Config{MaxTraceBytes: 200}, []after{{0, many}}, 0, tracing.ClosedSize, 0},
		{"EarlyKeep", collector.Config{EarlyKeep: true, Policies: []sampling.Policy{sampling.Errors{}}}, []after{{0, []tracing.Span{span(1, 2, failed)}}}, 0, tracing.ClosedEarly, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := start(t, &taker{}, row.cfg)
				for _, one := range row.come {
					time.Sleep(one.wait)
					take(t, c, tracing.Encode(one.spans))
				}
				if row.wait > 0 {
					time.Sleep(row.wait - time.Second + 500*time.Millisecond)
					synctest.Wait()
					if d, ok := c.Explain(id(1)); ok {
						t.Errorf("closed too early: %+v", d)
					}
					time.Sleep(600 * time.Millisecond)
				}
				synctest.Wait()
				d, ok := c.Explain(id(1))
				if !ok || d.Closed != row.closed || d.Missing != row.missing || d.At.IsZero() {
					t.Errorf("decided %v: %+v", ok, d)
				}
				finish(t, c)
			})
		})
	}
}

func TestFlushDecidesAndHandsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out taker
		c := start(t, &out, collector.Config{})
		take(t, c, tracing.Encode([]tracing.Span{span(1, 2)}))
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if parts := out.of(id(1)); len(parts) != 1 || parts[0].Part != tracing.PartWhole || parts[0].Decision.Closed != tracing.ClosedFlush {
			t.Errorf("%+v", parts)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		take(t, c, tracing.Encode([]tracing.Span{span(3, 2)}))
		if err := c.Flush(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("flush without time: %v", err)
		}
		if d, ok := c.Explain(id(3)); !ok || d.Closed != tracing.ClosedFlush {
			t.Errorf("what Flush had no time to wait for is not decided: %+v", d)
		}
		out.set(func(int) error { return errors.New("down") }, 0)
		take(t, c, tracing.Encode([]tracing.Span{span(2, 2)}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("flush into an output that is down: %v", err)
		}
		out.set(nil, 0)
		finish(t, c)
		if len(out.of(id(2))) != 1 {
			t.Error("what Flush gave up waiting for was lost")
		}
	})
}

func TestLateSpansFollowTheDecision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out taker
		c := start(t, &out, collector.Config{Policies: []sampling.Policy{sampling.Errors{}}})
		take(t, c, tracing.Encode([]tracing.Span{span(1, 1, failed), span(2, 1)}))
		time.Sleep(3 * time.Second)
		take(t, c, tracing.Encode([]tracing.Span{span(1, 2), span(1, 2), span(2, 2)}))
		time.Sleep(time.Second)
		if parts := out.of(id(1)); len(parts) != 2 || parts[1].Part != tracing.PartLate || parts[1].Partial || parts[1].Summary.Spans != 1 || parts[1].Decision != parts[0].Decision {
			t.Errorf("a late part of a trace that was kept: %+v", parts)
		}
		if parts := out.of(id(2)); len(parts) > 0 {
			t.Errorf("left of a trace that was dropped: %+v", parts)
		}
		// One late span alone keeps the other from now on.
		take(t, c, tracing.Encode([]tracing.Span{span(2, 3), span(2, 4, failed)}))
		take(t, c, tracing.Encode([]tracing.Span{span(2, 5)}))
		time.Sleep(time.Second)
		parts := out.of(id(2))
		if len(parts) != 2 || !parts[0].Partial || !parts[1].Partial || parts[0].Summary.Spans != 2 || parts[1].Summary.Spans != 1 {
			t.Errorf("parts of a trace that was revived: %+v", parts)
		}
		if d, _ := c.Explain(id(2)); !d.Keep || d.Policy != "errors" || d.Closed != tracing.ClosedEarly {
			t.Errorf("explained by %+v", d)
		}
		ledger := finish(t, c)
		if ledger.Revived != 1 || ledger.Biased != 1 || ledger.SampledOutLate.Spans != 1 || ledger.Duplicates.Spans != 1 || ledger.Dropped != 1 {
			t.Errorf("%+v", ledger)
		}
	})
}

func TestSpansThatComeWhileATraceIsDecidedShareItsFate(t *testing.T) {
	for _, keep := range []bool{true, false} {
		var out taker
		slow := &slowPolicy{asked: make(chan struct{}), answer: make(chan bool)}
		c := start(t, &out, collector.Config{Policies: []sampling.Policy{slow}, MaxTraceSpans: 1, Shards: 1})
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = c.Ingest(t.Context(), tracing.Encode([]tracing.Span{span(1, 1), span(1, 2)}))
		}()
		<-slow.asked
		take(t, c, tracing.Encode([]tracing.Span{span(1, 3), span(1, 3)}))
		balanced(t, c)
		slow.answer <- keep
		<-done
		ledger := finish(t, c)
		if keep && (ledger.Exported.Spans != 3 || ledger.Duplicates.Spans != 1 || len(out.of(id(1))) != 2) {
			t.Errorf("kept: %+v", ledger)
		}
		if !keep && (ledger.SampledOut.Spans != 2 || ledger.SampledOutLate.Spans != 2) {
			t.Errorf("dropped: %+v", ledger)
		}
	}
}

// A slowPolicy decides when it is told to.
type slowPolicy struct {
	asked  chan struct{}
	answer chan bool
}

func (*slowPolicy) Name() string                   { return "slow policy" }
func (*slowPolicy) Validate() error                { return nil }
func (p *slowPolicy) NewDecider() sampling.Decider { return p }
func (*slowPolicy) Early(tracing.View) bool        { return false }
func (p *slowPolicy) Decide(sampling.Trace, time.Time) sampling.Verdict {
	p.asked <- struct{}{}
	if <-p.answer {
		return sampling.Verdict{Vote: sampling.VoteKeep}
	}
	return sampling.Verdict{}
}

func TestForgottenTracesOpenAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out taker
		c := start(t, &out, collector.Config{Decisions: 10, Shards: 1, Quiet: 10 * time.Millisecond})
		take(t, c, tracing.Encode([]tracing.Span{span(1, 1)}))
		time.Sleep(time.Second)
		for i := range byte(17) {
			take(t, c, tracing.Encode([]tracing.Span{span(100+i, 1)}))
			time.Sleep(time.Second)
		}
		take(t, c, tracing.Encode([]tracing.Span{span(1, 1)}))
		finish(t, c)
		parts := out.of(id(1))
		if len(parts) != 2 || parts[0].Decision.Reopened || !parts[1].Decision.Reopened {
			t.Errorf("%+v", parts)
		}
	})
}

func TestExplainRemembersLongerThanInFull(t *testing.T) {
	var out taker
	c := start(t, &out, collector.Config{
		Policies: []sampling.Policy{sampling.Probability{P: 0.5}}, Quiet: time.Hour, MaxAge: time.Hour, StampThreshold: true,
	})
	replay := tracingtest.NewReplay(tracingtest.Load{Traces: 12_000, Spans: 1, Attributes: -1}, 1, time.Now())
	take(t, c, replay.Next())
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := map[trace.TraceID]bool{}
	for _, part := range out.parts {
		left[part.ID] = true
	}
	full, short := 0, 0
	var old trace.TraceID
	for _, id := range replay.IDs() {
		d, ok := c.Explain(id)
		if !ok || d.Policy != "probability" || d.Keep != left[id] {
			t.Fatalf("%s: %v, %+v", id, ok, d)
		}
		if d.Threshold == tracing.MaxThreshold {
			short++
			if d.Keep {
				old = id
			}
		} else {
			full++
		}
	}
	if full != 10_000 || short != 2_000 {
		t.Errorf("%d in full, %d in short", full, short)
	}
	if _, ok := c.Explain(id(99)); ok {
		t.Error("explained what never came")
	}
	late := span(1, 2)
	late.TraceID = old
	take(t, c, tracing.Encode([]tracing.Span{late}))
	before := c.Ledger().Biased
	finish(t, c)
	parts := out.of(old)
	if before != 1 || len(parts) != 2 || parts[1].Decision.Threshold != tracing.MaxThreshold {
		t.Fatalf("biased %d, %d parts", before, len(parts))
	}
	for i, want := range []string{"ot=th:8", ""} { // What is not known is not stamped.
		if got := views(t, parts[i].OTLP)[0].TraceState(); got != want {
			t.Errorf("part %d has tracestate %q", i, got)
		}
	}
}

func TestExplainTellsOpenFromUnknown(t *testing.T) {
	c := start(t, &taker{}, collector.Config{Quiet: time.Hour, MaxAge: time.Hour})
	take(t, c, tracing.Encode([]tracing.Span{span(1, 1)}))
	if d, ok := c.Explain(id(1)); ok || d != (tracing.Decision{Trace: id(1), Reason: "open"}) {
		t.Errorf("open: %v, %+v", ok, d)
	}
	if d, ok := c.Explain(id(2)); ok || d != (tracing.Decision{}) {
		t.Errorf("unknown: %v, %+v", ok, d)
	}
	finish(t, c)
	if d, ok := c.Explain(id(1)); !ok || !d.Keep {
		t.Errorf("decided: %v, %+v", ok, d)
	}
}

func TestStampTouchesNothingButTheThreshold(t *testing.T) {
	for before, want := range map[string]string{
		"":                                       "ot=th:8",
		"ot=th:4":                                "ot=th:8",
		"vendor=1,ot=rv:ffffffffffffff;th:4,x=2": "ot=th:8;rv:ffffffffffffff,vendor=1,x=2",
		"vendor=1":                               "ot=th:8,vendor=1",
	} {
		var out taker
		c := start(t, &out, collector.Config{Policies: []sampling.Policy{sampling.Probability{P: 0.5}}, StampThreshold: true})
		one := span(1, 1, state(before), failed, func(s *tracing.Span) {
			s.TraceID[9] = 0xff // So that it is kept.
			s.Attributes = []attribute.KeyValue{attribute.String("k", "v")}
			s.Links = []tracing.Link{{TraceID: id(2), ID: trace.SpanID{1}}}
		})
		take(t, c, tracing.Encode([]tracing.Span{one}))
		finish(t, c)
		if len(out.parts) != 1 {
			t.Fatalf("%q: %d parts", before, len(out.parts))
		}
		got, err := tracing.Decode(out.parts[0].OTLP)
		if err != nil {
			t.Fatal(err)
		}
		if got[0].TraceState != want {
			t.Errorf("%q became %q, want %q", before, got[0].TraceState, want)
		}
		got[0].TraceState, one.TraceState, got[0].Resource, got[0].Scope = "", "", nil, nil
		differ(t, "the rest", fmt.Sprintf("%+v", one), fmt.Sprintf("%+v", got[0]))
	}
}

// A tracestate that has more than 32 members, or a longer value, is discarded by who gets it; and who reads it looks at the first ot only.
func TestStampedTracestatesAreGood(t *testing.T) {
	var many []string
	for i := range 32 {
		many = append(many, fmt.Sprintf("k%d=v", i))
	}
	const rv = "rv:ffffffffffffff"
	for before, want := range map[string]string{
		strings.Join(many, ","):                                         "ot=th:8," + strings.Join(many[:31], ","),
		strings.Join(many[1:], ",") + ",ot=th:4":                        "ot=th:8," + strings.Join(many[1:], ","),
		"ot=th:4,ot=rv:00000000000001,a=b":                              "ot=th:8,a=b",
		"ot=x:y;" + rv + ",ot=z:z":                                      "ot=th:8;x:y;" + rv,
		"ot=" + strings.Repeat("x", 256):                                "ot=th:8",
		"ot=a:b;c:" + strings.Repeat("x", 231) + ";" + rv:               "ot=th:8;a:b;" + rv, // One too many.
		"ot=a:b;c:" + strings.Repeat("x", 226) + ";" + rv:               "ot=th:8;a:b;c:" + strings.Repeat("x", 226) + ";" + rv,
		"ot=" + rv + ";d:e;" + strings.Repeat("x", 233) + ";f:g":        "ot=th:8;" + rv + ";d:e;f:g",
		"ot=rv:00000000000001;c:" + strings.Repeat("x", 240) + ";" + rv: "ot=th:8;" + rv, // Of several the last counts.
		"ot=rv:00000000000001;rv:" + strings.Repeat("x", 260):           "ot=th:8",       // Neither does it before. // Of several the last counts.
	} {
		var out taker
		c := start(t, &out, collector.Config{Policies: []sampling.Policy{sampling.Probability{P: 0.5}}, StampThreshold: true})
		one := span(1, 1, state(before), func(s *tracing.Span) { s.TraceID[9] = 0xff })
		take(t, c, tracing.Encode([]tracing.Span{one}))
		finish(t, c)
		got := views(t, out.parts[0].OTLP)[0].TraceState()
		if got != want {
			t.Errorf("%q became\n%q, want\n%q", before, got, want)
		}
		if was, is := tracing.Randomness(one.TraceID, before), tracing.Randomness(one.TraceID, got); was != is {
			t.Errorf("%q: randomness %x became %x", before, was, is)
		}
	}
}

func TestPanicsCostNothing(t *testing.T) {
	var out taker
	out.set(func(call int) error {
		if call == 1 {
			panic("output")
		}
		return nil
	}, 0)
	c := start(t, &out, collector.Config{
		Policies: []sampling.Policy{panicking{}}, Tap: func(tracing.View) { panic("tap") }, OnDecision: func(tracing.Decision) { panic("told") },
	})
	take(t, c, tracing.Encode([]tracing.Span{span(1, 1)}))
	finish(t, c)
	parts := out.of(id(1))
	if len(parts) != 1 || !strings.HasPrefix(parts[0].Decision.Reason, sampling.Panicked) {
		t.Errorf("%+v", parts)
	}
	if stats := c.Stats(); stats.Panics != 4 || !strings.Contains(stats.LastPanic, "output") {
		t.Errorf("%+v", stats)
	}
}

type panicking struct{}

func (panicking) Name() string                                      { return "panicking" }
func (panicking) Validate() error                                   { return nil }
func (p panicking) NewDecider() sampling.Decider                    { return p }
func (panicking) Early(tracing.View) bool                           { return false }
func (panicking) Decide(sampling.Trace, time.Time) sampling.Verdict { panic("policy") }

// TestAPolicyThatBreaksItsWordKeeps has one that says of a span that it keeps the trace, or panics there, and does not vote for it then.
func TestAPolicyThatBreaksItsWordKeeps(t *testing.T) {
	for _, panics := range []bool{false, true} {
		var out taker
		c := start(t, &out, collector.Config{EarlyKeep: true, Policies: []sampling.Policy{fickle{panics}}})
		take(t, c, tracing.Encode([]tracing.Span{span(1, 1)}))
		finish(t, c)
		if parts := out.of(id(1)); len(parts) != 1 || parts[0].Part != tracing.PartEarly || parts[0].Decision.Policy != "fickle" {
			t.Errorf("%+v", parts)
		}
		if got := c.Stats().Panics > 0; got != panics {
			t.Errorf("%d panics are counted", c.Stats().Panics)
		}
	}
}

type fickle struct{ panics bool }

func (fickle) Name() string                                          { return "fickle" }
func (fickle) Validate() error                                       { return nil }
func (p fickle) NewDecider() sampling.Decider                        { return p }
func (fickle) Decide(sampling.Trace, time.Time) (v sampling.Verdict) { return v }

func (p fickle) Early(tracing.View) bool {
	if p.panics {
		panic("policy")
	}
	return true
}

func TestPoliciesBeyondThe61stAreOne(t *testing.T) {
	var policies []sampling.Policy
	for i := range 70 {
		policies = append(policies, sampling.Attr{Label: fmt.Sprintf("policy-%02d", i), Key: "n", Equals: attribute.IntValue(i)})
	}
	c := start(t, &taker{}, collector.Config{Policies: policies, Quiet: time.Hour, MaxAge: time.Hour})
	spans := make([]tracing.Span, 70)
	for i := range spans {
		spans[i] = span(byte(i+1), 1, func(s *tracing.Span) { s.Attributes = []attribute.KeyValue{attribute.Int("n", i)} })
		take(t, c, tracing.Encode(spans[i:i+1]))
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	take(t, c, tracingtest.NewReplay(tracingtest.Load{Traces: 10_000, Spans: 1, Attributes: -1}, 1, time.Now()).Next()) // So that records go.
	finish(t, c)
	named := map[string]bool{}
	for i := range byte(70) {
		d, _ := c.Explain(id(i + 1))
		named[d.Policy] = true
	}
	if len(named) != 62 || !named["_other"] {
		t.Errorf("%d policies are told apart", len(named))
	}
}

func TestCloseThatRunsOutOfTimeSaysWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out taker
		out.set(func(int) error { return errors.New("down") }, 0)
		c := start(t, &out, collector.Config{})
		take(t, c, tracing.Encode([]tracing.Span{span(1, 1), span(1, 2), span(2, 1)}))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "3 spans") {
			t.Errorf("close: %v", err)
		}
		ledger := balanced(t, c)
		if ledger.Failed.Spans != 3 || ledger.Loss() != 1 || c.Stats().Used != 0 || c.Stats().OutputErrors == 0 {
			t.Errorf("%+v, %+v", ledger, c.Stats())
		}
		if err := c.Close(t.Context()); err != nil {
			t.Errorf("once more: %v", err)
		}
		var overload *tracing.OverloadError
		if _, err := c.Ingest(t.Context(), nil); !errors.Is(err, tracing.ErrClosed) || !errors.As(err, &overload) || overload.Cause != tracing.Closing {
			t.Errorf("after Close: %v", err)
		}
		if _, err := c.Admit(1); !errors.Is(err, tracing.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestBadRequestsChangeNothing(t *testing.T) {
	c := start(t, &taker{}, collector.Config{MaxBytes: 128 << 10})
	whole := tracing.Encode([]tracing.Span{span(1, 1), span(1, 2)})
	if _, err := c.Ingest(t.Context(), append(whole, 0xff)); !errors.Is(err, tracing.ErrPermanent) {
		t.Errorf("malformed: %v", err)
	}
	huge := tracing.Encode([]tracing.Span{span(1, 1, func(s *tracing.Span) { s.Name = strings.Repeat("x", 200<<10) })})
	if _, err := c.Ingest(t.Context(), huge); !errors.Is(err, tracing.ErrPermanent) || errors.Is(err, tracing.ErrOverload) {
		t.Errorf("larger than MaxBytes: %v", err)
	}
	if _, err := c.Admit(200 << 10); !errors.Is(err, tracing.ErrPermanent) || errors.Is(err, tracing.ErrOverload) {
		t.Errorf("a body larger than MaxBytes: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("gone")
	cancel(cause)
	if _, err := c.Ingest(ctx, whole); !errors.Is(err, cause) {
		t.Errorf("ctx ended: %v", err)
	}
	if result, err := c.Ingest(t.Context(), tracing.Encode([]tracing.Span{span(1, 1), {}, span(1, 2)})); err != nil || result.Accepted != 2 || result.Rejected != 1 || result.Reason == "" {
		t.Errorf("%+v, %v", result, err)
	}
	ledger := finish(t, c)
	if ledger.Malformed.Requests != 1 || ledger.Refused.Requests != 2 || ledger.Taken.Requests != 1 || ledger.Rejected.Spans != 1 || ledger.Received.Spans != 3 {
		t.Errorf("%+v", ledger)
	}
}

// TestTheTablesNameAllStatesAndFates reads the documentation.
func TestTheTablesNameAllStatesAndFates(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for closed := tracing.ClosedComplete; closed <= tracing.ClosedFlush; closed++ {
		if !strings.Contains(string(text), "("+closed.String()+")\n") {
			t.Errorf("no row ends with %q", closed)
		}
	}
	_, table, found := strings.Cut(string(text), "//	Fate              When\n")
	table, _, _ = strings.Cut(table, "\n//\n")
	var got, want []string
	for row := range strings.Lines(table) {
		fate, _, _ := strings.Cut(strings.TrimPrefix(row, "//	"), "  ")
		got = append(got, fate)
	}
	for fate := collector.FateRejected; fate <= collector.FateFailed; fate++ {
		want = append(want, fate.String())
	}
	if diff := cmp.Diff(want, got); !found || diff != "" {
		t.Errorf("fates (-want +got):\n%s", diff)
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	_, err := collector.New(nil, collector.Config{
		Policies: []sampling.Policy{sampling.Errors{}, sampling.Errors{}}, MaxBytes: -1, SoftRatio: 0.99, Shards: 3, Quiet: -1, MaxAge: -1,
		MaxTraceBytes: -1, MaxTraceSpans: -1, Decisions: -1, Workers: -1,
	})
	if !errors.Is(err, tracing.ErrConfig) {
		t.Fatal(err)
	}
	for _, name := range []string{"no output", "two policies", "MaxBytes", "SoftRatio", "Shards", "Quiet", "MaxAge", "MaxTraceBytes", "MaxTraceSpans", "Decisions", "Workers"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not in %v", name, err)
		}
	}
}

// TestTheLeastMaxBytesIsEnough for a body over HTTP and the spans in it.
func TestTheLeastMaxBytesIsEnough(t *testing.T) {
	if _, err := collector.New(&taker{}, collector.Config{MaxBytes: 128<<10 - 1}); !errors.Is(err, tracing.ErrConfig) || !strings.Contains(err.Error(), "131072") {
		t.Errorf("got %v, want ErrConfig and the least", err)
	}
	c := start(t, &taker{}, collector.Config{MaxBytes: 128 << 10})
	h, err := otlp.NewHandler(c, otlp.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/traces", bytes.NewReader(tracing.Encode([]tracing.Span{span(1, 1)})))
	r.Header.Set("Content-Type", "application/x-protobuf")
	if h.ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	finish(t, c)
}

// TestConfigOutOfRangeIsRefused has what would be taken for something else, overflow, or not fit in any memory.
func TestConfigOutOfRangeIsRefused(t *testing.T) {
	for name, cfg := range map[string]collector.Config{
		"SoftRatio": {SoftRatio: math.NaN()},
		"Quiet":     {Quiet: math.MaxInt64},
		"MaxAge":    {MaxAge: math.MaxInt64},
		"Decisions": {Decisions: math.MaxInt},
	} {
		if _, err := collector.New(&taker{}, cfg); !errors.Is(err, tracing.ErrConfig) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSetPoliciesDecidesFromNowOn(t *testing.T) {
	c := start(t, &taker{}, collector.Config{})
	if err := c.SetPolicies([]sampling.Policy{sampling.Probability{P: 7}}); !errors.Is(err, tracing.ErrConfig) {
		t.Errorf("a bad list: %v", err)
	}
	take(t, c, tracing.Encode([]tracing.Span{span(1, 1)}))
	if err := errors.Join(c.Flush(t.Context()), c.SetPolicies([]sampling.Policy{sampling.Errors{}})); err != nil {
		t.Fatal(err)
	}
	take(t, c, tracing.Encode([]tracing.Span{span(2, 1)}))
	finish(t, c)
	first, _ := c.Explain(id(1))
	second, _ := c.Explain(id(2))
	if !first.Keep || first.Policy != "always" || second.Keep || second.Reason != sampling.NoPolicy {
		t.Errorf("%+v, then %+v", first, second)
	}
}

func TestAdaptiveLearnsHowLongOperationsTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t, &taker{}, collector.Config{Adaptive: true, Shards: 1})
		replay := tracingtest.NewReplay(tracingtest.Load{Traces: 200, Services: 1, Spans: 1, Attributes: -1}, 1, time.Now())
		take(t, c, replay.Next()) // Roots alone: all is there at once.
		time.Sleep(3 * time.Second)
		take(t, c, replay.Next())
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		waiting := 0
		for _, id := range replay.IDs() {
			if _, ok := c.Explain(id); !ok {
				waiting++
			}
		}
		if waiting == 0 || waiting > 200/64+1 { // One in 64 shows whether it takes longer by now.
			t.Errorf("%d are not decided after what was learnt", waiting)
		}
		take(t, c, tracing.Encode([]tracing.Span{span(1, 1)})) // Another operation.
		time.Sleep(time.Second)
		synctest.Wait()
		if _, ok := c.Explain(id(1)); ok {
			t.Error("another operation has learnt from it")
		}
		finish(t, c)
	})
}

// TestAdaptiveLearnsThatSpansComeLater has an operation be quick, and slow from then on: its last span comes by and by, in the end later than Quiet.
func TestAdaptiveLearnsThatSpansComeLater(t *testing.T) {
	for _, gap := range []time.Duration{250 * time.Millisecond, 1500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			var out taker
			c := start(t, &out, collector.Config{Adaptive: true})
			rounds(t, c, 0, 200, 0)
			for round := range byte(4) {
				rounds(t, c, round+1, 200, gap)
			}
			rounds(t, c, 9, 50, gap)
			whole := 0
			for i := range byte(50) {
				if len(out.of(trace.TraceID{9, i, 15: 1})) == 1 {
					whole++
				}
			}
			if whole < 50 {
				t.Errorf("spans come after %v and %v: of 50 traces %d are whole", gap, 2*gap, whole)
			}
			finish(t, c)
		})
	}
}

// rounds sends three spans each of some traces, a while apart, and waits until all are decided.
func rounds(t *testing.T, c *collector.Collector, round, traces byte, gap time.Duration) {
	t.Helper()
	for number := range byte(3) {
		var spans []tracing.Span
		for i := range traces {
			spans = append(spans, span(round, number+1, func(s *tracing.Span) { s.TraceID[1] = i }))
		}
		take(t, c, tracing.Encode(spans))
		time.Sleep(gap)
	}
	time.Sleep(time.Minute)
}

func TestEpochsSettleWhenAllOfThemMetTheirFate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out taker
		c := start(t, &out, collector.Config{})
		take(t, c, tracing.Encode([]tracing.Span{span(1, 2)})) // Without a root: 25 s.
		first := c.Advance()
		take(t, c, tracing.Encode([]tracing.Span{span(2, 1)})) // 2 s.
		second := c.Advance()
		if c.Settled() >= first || second != first+1 {
			t.Errorf("settled %d, advanced to %d and %d", c.Settled(), first, second)
		}
		time.Sleep(5 * time.Second)
		if c.Settled() >= first {
			t.Errorf("settled %d, while a trace of %d is open", c.Settled(), first)
		}
		out.set(func(int) error { return errors.New("down") }, 0)
		time.Sleep(30 * time.Second)
		if c.Settled() >= first {
			t.Errorf("settled %d, while the output has not got what is of %d", c.Settled(), first)
		}
		out.set(nil, 0)
		time.Sleep(10 * time.Second)
		if c.Settled() != second {
			t.Errorf("settled %d, want %d", c.Settled(), second)
		}
		finish(t, c)
	})
}

func TestTapSeesEverySpanOnce(t *testing.T) {
	seen := 0
	c := start(t, &taker{}, collector.Config{Policies: []sampling.Policy{sampling.Errors{}}, Tap: func(v tracing.View) {
		if v.TraceID() == id(1) {
			seen++
		}
	}})
	take(t, c, tracing.Encode([]tracing.Span{span(1, 1), span(1, 2), {}}))
	finish(t, c)
	if seen != 2 {
		t.Errorf("the tap saw %d spans", seen)
	}
}

func TestLedgerTellsServicesAndReasons(t *testing.T) {
	c := start(t, &taker{}, collector.Config{Policies: []sampling.Policy{sampling.Errors{}}})
	var spans []tracing.Span
	for i := range byte(25) {
		of := &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", fmt.Sprintf("service-%02d", i))}}
		for n := range i + 1 {
			spans = append(spans, span(i+1, n+1, func(s *tracing.Span) { s.Resource = of }))
		}
	}
	failed(&spans[len(spans)-1])
	take(t, c, tracing.Encode(append(spans, tracing.Span{})))
	ledger := finish(t, c)
	if len(ledger.Services) != 21 || ledger.Services[0].Name != "service-24" || ledger.Services[0].Exported.Spans != 25 || ledger.Services[1].SampledOut.Spans != 24 || ledger.Services[20].Name != "" {
		t.Errorf("services %+v", ledger.Services)
	}
	var got []string
	for _, one := range ledger.Reasons {
		got = append(got, fmt.Sprintf("%s: %s: %d", one.Fate, one.Reason, one.Spans))
	}
	differ(t, "reasons", []string{
		"rejected: " + string(tracing.BadTraceID) + ": 1", "exported: errors: 25", "sampled out: no-policy: 300",
	}, got)
	ledger.Exported.Spans++
	if err := ledger.Check(); !errors.Is(err, collector.ErrUnbalanced) {
		t.Errorf("a ledger that is wrong: %v", err)
	}
}

func TestOutputs(t *testing.T) {
	whole := []tracing.Kept{{ID: id(1), OTLP: make([]byte, 1000)}, {ID: id(2), OTLP: make([]byte, 1000)}}
	t.Run("recent", func(t *testing.T) {
		recent := collector.NewRecent(4000)
		for range 3 {
			if err := recent.Put(t.Context(), whole); err != nil {
				t.Fatal(err)
			}
		}
		if all := recent.All(); len(all) != 2 || len(recent.Trace(id(1))) != 1 || len(recent.Trace(id(3))) != 0 {
			t.Errorf("%d parts are held", len(all))
		}
	})
	t.Run("tee", func(t *testing.T) {
		failing := func(err error) collector.Output {
			return collector.OutputFunc(func(context.Context, []tracing.Kept) error { return err })
		}
		down := errors.New("down")
		recent := collector.NewRecent(0)
		if err := collector.Tee(recent, recent).Put(t.Context(), whole); err != nil || len(recent.All()) != 4 {
			t.Errorf("%v, %d parts", err, len(recent.All()))
		}
		if err := collector.Tee(failing(tracing.ErrPermanent), failing(down)).Put(t.Context(), whole); !errors.Is(err, down) || errors.Is(err, tracing.ErrPermanent) {
			t.Errorf("one may work later: %v", err)
		}
		if err := collector.Tee(recent, failing(tracing.ErrPermanent)).Put(t.Context(), whole); !errors.Is(err, tracing.ErrPermanent) {
			t.Errorf("none will work: %v", err)
		}
	})
}
