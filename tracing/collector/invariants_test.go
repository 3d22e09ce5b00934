package collector_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
	"github.com/tenon-go/tenon/tracing/tracingtest"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Off the instants at which streams send: they come at a ninth of 100 ms.
const (
	quiet  = 2 * time.Second
	maxAge = 25*time.Second + 50*time.Millisecond
	slack  = 45 * time.Millisecond
)

// explained is what can be compared of a decision.
func explained(d tracing.Decision) tracing.Decision {
	d.At, d.Reason = time.Time{}, ""
	if d.Closed == tracing.ClosedEarly {
		d.Threshold = 0 // Of what a late span revived.
	}
	return d
}

// TestTheCollectorComesToWhatNaiveDoes plays random streams, with late, repeated, lost and shuffled spans, to the collector and its oracle.
func TestTheCollectorComesToWhatNaiveDoes(t *testing.T) {
	for seed := range uint64(40) {
		policies := mixes()[seed%uint64(len(mixes()))]
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			arrivals := tracingtest.Usual().Arrivals(seeded(seed))
			want, err := tracingtest.Naive{Policies: policies, Quiet: quiet, MaxAge: maxAge, Slack: slack}.Run(arrivals)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				var out taker
				c := start(t, &out, collector.Config{Policies: policies, MaxAge: maxAge, Shards: 1 << (seed % 4)})
				play(t, c, arrivals)
				time.Sleep(2 * maxAge)
				compare(t, c, &out, want)
				finish(t, c)
			})
		})
	}
}

func compare(t *testing.T, c *collector.Collector, out *taker, want tracingtest.Outcome) {
	t.Helper()
	ledger := balanced(t, c)
	differ(t, "spans that left", exported(want), out.spans(t))
	got, wanted := map[string]tracing.Decision{}, map[string]tracing.Decision{}
	for id, decision := range want.Decisions {
		wanted[id.String()] = explained(decision)
		if decision, ok := c.Explain(id); ok {
			got[id.String()] = explained(decision)
		}
		for _, part := range out.of(id) {
			if partial := want.Partial[id]; part.Partial != partial {
				t.Errorf("%s: %s part has Partial %v", id, part.Part, part.Partial)
			}
		}
	}
	differ(t, "decisions", wanted, got)
	for fate, count := range map[string]collector.Count{
		"exported": ledger.Exported, "sampled out": ledger.SampledOut, "sampled out late": ledger.SampledOutLate, "duplicate": ledger.Duplicates,
	} {
		if want.Count(fate) != int(count.Spans) {
			t.Errorf("%d spans %s, want %d", count.Spans, fate, want.Count(fate))
		}
	}
}

func exported(want tracingtest.Outcome) map[string]int {
	left := map[string]int{}
	for one, n := range want.Fates {
		if one.Fate == "exported" {
			left[one.Span] += n
		}
	}
	return left
}

// Invariant: tracing 1.
func TestConservation(t *testing.T) {
	t.Parallel()
	var out taker
	out.set(func(call int) error {
		switch call % 5 {
		case 1:
			return errors.New("not now")
		case 2:
			return fmt.Errorf("never: %w", tracing.ErrPermanent)
		}
		return nil
	}, 0)
	c := start(t, &out, collector.Config{Policies: mixes()[1], Quiet: 20 * time.Millisecond, MaxBytes: 200 << 10, Shards: 4})
	done := make(chan struct{})
	var looking, senders sync.WaitGroup
	looking.Go(func() { look(t, c, done) })
	for seed := range uint64(4) {
		senders.Go(func() { send(t, c, tracingtest.Usual().Arrivals(seeded(seed))) })
	}
	senders.Wait()
	close(done)
	looking.Wait()
	ledger := finish(t, c)
	if ledger.Malformed.Requests == 0 || ledger.Failed.Spans == 0 || ledger.Exported.Spans == 0 || ledger.SampledOut.Spans == 0 || ledger.Duplicates.Spans == 0 {
		t.Errorf("a fate is missing, so that this proves little: %+v", ledger)
	}
	left := 0
	for _, n := range out.spans(t) {
		left += n
	}
	if int64(left) != ledger.Exported.Spans {
		t.Errorf("the output has %d spans, the ledger exported %d", left, ledger.Exported.Spans)
	}
}

// look checks the ledger at every instant, until done.
func look(t *testing.T, c *collector.Collector, done <-chan struct{}) {
	t.Helper()
	for {
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
			if err := c.Ledger().Check(); err != nil {
				t.Error(err)
				return
			}
		}
	}
}

// send sends requests whatever becomes of them, and some that are malformed.
func send(t *testing.T, c *collector.Collector, arrivals []tracingtest.Arrival) {
	t.Helper()
	for i, one := range arrivals {
		if i%10 == 0 {
			_, _ = c.Ingest(t.Context(), append(slices.Clone(one.Req), 0xff))
		}
		_, _ = c.Ingest(t.Context(), one.Req)
		time.Sleep(time.Millisecond)
	}
}

// TestNoSpanLeavesUndecided has a buffer that is far too small, and an output that takes nothing for a while: requests are refused, and what was
// taken is decided by policies all the same.
//
// Invariant: tracing 2.
func TestNoSpanLeavesUndecided(t *testing.T) {
	underPressure(t, func(t *testing.T, c *collector.Collector, out *taker, acknowledged map[trace.TraceID][]tracing.View) {
		t.Helper()
		ledger := c.Ledger()
		if ledger.Failed.Spans > 0 || ledger.Loss() != 0 {
			t.Errorf("%d spans were lost", ledger.Failed.Spans)
		}
		for id := range acknowledged {
			decision, ok := c.Explain(id)
			if !ok {
				t.Fatalf("nothing was decided about %s", id)
			}
			if left := len(out.of(id)) > 0; left != decision.Keep {
				t.Errorf("%s: Keep %v, and left: %v", id, decision.Keep, left)
			}
		}
	})
}

// Invariant: tracing 3.
func TestErrorsAndSlowOnesAlwaysLeave(t *testing.T) {
	underPressure(t, func(t *testing.T, _ *collector.Collector, out *taker, acknowledged map[trace.TraceID][]tracing.View) {
		t.Helper()
		left, must := out.spans(t), 0
		for _, spans := range acknowledged {
			for _, v := range spans {
				if v.Status() == codes.Error || v.Duration() >= 4*time.Second {
					must++
					if left[tracingtest.Key(v)] == 0 {
						t.Errorf("span %s of %s did not leave", v.ID(), v.TraceID())
					}
				}
			}
		}
		if must < 20 {
			t.Errorf("%d spans had to leave: this proves little", must)
		}
	})
}

// Invariant: tracing 5.
func TestMemoryIsBounded(t *testing.T) {
	underPressure(t, func(*testing.T, *collector.Collector, *taker, map[trace.TraceID][]tracing.View) {})
}

// underPressure plays streams to small buffers, with an output that is dead for a while, and looks at memory whenever it can.
func underPressure(t *testing.T, check func(*testing.T, *collector.Collector, *taker, map[trace.TraceID][]tracing.View)) {
	t.Helper()
	refusals := 0
	for seed := range uint64(10) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			arrivals := tracingtest.Stream{Traces: 100, Late: 10, Twice: 5, Lost: 20, Errors: 5, Slow: 5}.Arrivals(seeded(seed))
			synctest.Test(t, func(t *testing.T) {
				var out taker
				begin := time.Now()
				out.set(func(int) error {
					if since := time.Since(begin); since > 5*time.Second && since < 40*time.Second {
						return errors.New("down")
					}
					return nil
				}, 10*time.Millisecond)
				const limit = 128 << 10
				c := start(t, &out, collector.Config{Policies: mixes()[1], MaxBytes: limit, MaxAge: maxAge, Shards: 1 << (seed % 3)})
				acknowledged, refused := squeeze(t, c, arrivals, limit)
				refusals += refused
				time.Sleep(2 * maxAge)
				check(t, c, &out, acknowledged)
				finish(t, c)
			})
		})
	}
	if refusals == 0 {
		t.Error("nothing was refused: this proves nothing")
	}
}

// Invariant: tracing 5.
func TestARequestThatDoesNotFitIsRefused(t *testing.T) {
	const limit = 128 << 10
	c := start(t, &taker{}, collector.Config{MaxBytes: limit, Quiet: time.Hour, MaxAge: time.Hour, SoftRatio: 0.9})
	for i := byte(1); c.Stats().Used < limit*8/10; i++ {
		take(t, c, tracing.Encode([]tracing.Span{span(i, 1)}))
	}
	large := tracing.Encode([]tracing.Span{span(200, 1, func(s *tracing.Span) { s.Name = strings.Repeat("x", limit/3) })})
	before := c.Stats().Used
	overload := new(tracing.OverloadError)
	if _, err := c.Ingest(t.Context(), large); !errors.As(err, &overload) || overload.RetryAfter == 0 {
		t.Errorf("%v", err)
	}
	if _, err := c.Admit(limit / 2); !errors.As(err, &overload) || overload.RetryAfter == 0 {
		t.Errorf("%v", err)
	}
	if used := c.Stats().Used; used != before {
		t.Errorf("%d bytes used, %d before", used, before)
	}
	finish(t, c)
}

// squeeze sends requests until each is taken, and looks at memory after each. It returns the spans that came, by trace.
func squeeze(t *testing.T, c *collector.Collector, arrivals []tracingtest.Arrival, limit int64) (acknowledged map[trace.TraceID][]tracing.View, refused int) {
	t.Helper()
	acknowledged = map[trace.TraceID][]tracing.View{}
	for _, one := range arrivals {
		release, err := c.Admit(int64(len(one.Req)))
		refused += play(t, c, []tracingtest.Arrival{{Req: one.Req}})
		if err == nil {
			release()
			release() // Once is enough.
		}
		for _, v := range views(t, one.Req) {
			acknowledged[v.TraceID()] = append(acknowledged[v.TraceID()], v)
		}
		if used := c.Stats().Used; used < 0 || used > limit {
			t.Fatalf("%d bytes used of %d", used, limit)
		}
		balanced(t, c)
		time.Sleep(20 * time.Millisecond)
	}
	return acknowledged, refused
}

// Invariant: tracing 4.
func TestWhatLeavesIsWhatCame(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			var out taker
			c := start(t, &out, collector.Config{MaxAge: maxAge, Shards: 2})
			came := map[string]bool{}
			arrivals := tracingtest.Stream{Late: 20, Twice: 30, Errors: 5, Spans: 40}.Arrivals(seeded(seed))
			for _, one := range arrivals {
				for _, v := range views(t, one.Req) {
					came[tracingtest.Key(v)] = true
				}
			}
			play(t, c, arrivals)
			finish(t, c)
			left := out.spans(t)
			for key := range left {
				if !came[key] {
					t.Errorf("never came: %s", shortened(key))
				}
			}
			if len(left) != len(came) {
				t.Errorf("%d spans left, %d came, and all are kept", len(left), len(came))
			}
		})
	}
}

// TestDecisionsRepeat plays a stream twice, with policies that have a memory: on one shard they come to the same.
//
// Invariant: tracing 6.
func TestDecisionsRepeat(t *testing.T) {
	policies := []sampling.Policy{sampling.Errors{}, sampling.Rate{Spans: 10}, sampling.PerKey{Keys: []string{"service.name"}, Keep: 0.2}}
	arrivals := tracingtest.Usual().Arrivals(seeded(1))
	var runs [2][]tracing.Decision
	for i := range runs {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			c := start(t, &taker{}, collector.Config{Policies: policies, MaxAge: maxAge, Shards: 1, OnDecision: func(d tracing.Decision) {
				mu.Lock()
				defer mu.Unlock()
				runs[i] = append(runs[i], d)
			}})
			play(t, c, arrivals)
			finish(t, c)
			names := []string{"", "errors", "rate", "perkey"}
			for _, d := range runs[i] {
				if got, ok := c.Explain(d.Trace); !ok || !slices.Contains(names, got.Policy) {
					t.Errorf("%s: explained by %q", d.Trace, got.Policy)
				}
			}
		})
	}
	differ(t, "the second time", runs[0], runs[1])
	if len(runs[0]) < 40 {
		t.Errorf("%d decisions", len(runs[0]))
	}
}

// TestWeightsAreUnbiased sends many traces of one span, and wants the weights of those that were kept to add up to them, within four standard
// deviations.
//
// Invariant: tracing 7.
func TestWeightsAreUnbiased(t *testing.T) {
	t.Parallel()
	const traces = 20_000
	for name, policies := range map[string][]sampling.Policy{
		"all":         nil,
		"probability": {sampling.Probability{P: 0.1}},
		"two":         {sampling.Probability{P: 0.1}, sampling.Probability{Label: "half", P: 0.5}},
		"errors":      {sampling.Errors{}, sampling.Probability{P: 0.05}},
		"first":       {sampling.First{Of: []sampling.Policy{sampling.And{Of: []sampling.Policy{sampling.Errors{}, sampling.Probability{P: 0.5}}}, sampling.Probability{P: 0.02}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out taker
			c := start(t, &out, collector.Config{Policies: policies, Quiet: time.Hour, MaxAge: time.Hour})
			replay := tracingtest.NewReplay(tracingtest.Load{Traces: 1000, Spans: 1, Attributes: -1, Change: func(trace, _ int, s *tracing.Span) {
				if trace%20 == 0 {
					s.Status.Code = codes.Error
				}
			}}, 1, time.Now())
			for range traces / 1000 {
				take(t, c, replay.Next())
			}
			finish(t, c)
			sum, variance := 0.0, 0.0
			for _, part := range out.parts {
				weight := part.Decision.Threshold.AdjustedCount()
				sum += weight
				variance += weight * (weight - 1)
			}
			if math.Abs(sum-traces) > 4*math.Sqrt(variance)+1e-6*traces {
				t.Errorf("weights add up to %.0f, want %d", sum, traces)
			}
		})
	}
}
