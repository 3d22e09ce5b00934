package sampling_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/trace"
)

func TestTraceOfSumsUpItsSpans(t *testing.T) {
	orphan := span(id(5), 3, time.Minute, func(s *tracing.Span) { s.Parent = trace.SpanID{8}; s.Start = time.Time{} })
	got := traceOf(t, span(id(5), 2, time.Second, failed), span(id(5), 1, 2*time.Second, func(s *tracing.Span) { s.Start = s.Start.Add(-time.Second) }), orphan)
	switch {
	case got.ID != id(5) || got.R != 5 || got.Floor != 0 || got.Spans != 3 || got.Errors != 1 || got.Missing != 1:
		t.Errorf("%+v", got)
	case got.Root.ID() != trace.SpanID{1} || got.Closed != tracing.ClosedMissingParents:
		t.Errorf("root %s, %v", got.Root.ID(), got.Closed)
	case !got.Start.Equal(begin().Add(-time.Second)) || got.Duration() != time.Minute+time.Second:
		t.Errorf("from %v, took %v", got.Start, got.Duration())
	}
	bytes := 0
	for v := range got.Each {
		bytes += len(v.Raw())
	}
	if got.Bytes != bytes || bytes == 0 {
		t.Errorf("Bytes %d of %d", got.Bytes, bytes)
	}
}

func TestTraceWithoutTimesIsAtTheTimeGiven(t *testing.T) {
	got := traceOf(t, span(id(5), 1, 0, func(s *tracing.Span) { s.Start, s.End = time.Time{}, time.Time{} }))
	if !got.Start.Equal(begin()) || got.Duration() != 0 {
		t.Errorf("from %v, took %v", got.Start, got.Duration())
	}
}

func TestTraceOfRefuses(t *testing.T) {
	tests := []struct {
		name, want string
		req        []byte
	}{
		{"nothing", "sampling: trace: no spans", nil},
		{"two traces", "sampling: trace: spans of ", tracing.Encode([]tracing.Span{span(id(1), 1, 0), span(id(2), 1, 0)})},
		{"a bad span", "sampling: trace: span 0: span ID", tracing.Encode([]tracing.Span{{TraceID: id(1)}})},
		{"no request", "tracing: request: offset ", []byte{0xff}},
	}
	for _, test := range tests {
		if _, err := sampling.TraceOf(test.req, begin()); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := sampling.TraceOf([]byte{0xff}, begin()); !errors.Is(err, tracing.ErrPermanent) {
		t.Errorf("%v is no *RequestError", err)
	}
}

func TestClaimsOfSpansAreBelievedWhileTheyCanBe(t *testing.T) {
	tests := []struct {
		name   string
		states []string
		r      uint64
		floor  tracing.Threshold
		odd    int
	}{
		{"nothing", []string{"", "a=b"}, 1 << 55, 0, 0},
		{"th", []string{"ot=th:4", "", "ot=th:2"}, 1 << 55, 1 << 54, 0},
		{"th as large as R", []string{"ot=th:8"}, 1 << 55, 1 << 55, 0},
		{"th above R", []string{"ot=th:81", "ot=th:1"}, 1 << 55, 1 << 52, 1},
		{"rv", []string{"ot=th:1", "ot=th:c;rv:d0000000000000"}, 0xd << 52, 0xc << 52, 0},
		{"rv below th", []string{"ot=th:c;rv:b0000000000000"}, 0xb << 52, 0, 1},
		{"spans that do not agree", []string{"ot=rv:10000000000000", "ot=th:4"}, 1 << 52, 0, 1},
		{"no th and no rv", []string{"ot=th:x;rv:1"}, 1 << 55, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var claims sampling.Claims
			var spans []tracing.Span
			for i, s := range test.states {
				spans = append(spans, span(id(1<<55), byte(i+1), 0, state(s)))
			}
			tr := traceOf(t, spans...)
			for v := range tr.Each {
				claims.Add(v)
			}
			r, floor, odd := claims.Result(tr.ID)
			if r != test.r || floor != test.floor || odd != test.odd {
				t.Errorf("R %x, floor %v, odd %d, want %x, %v, %d", r, floor, odd, test.r, test.floor, test.odd)
			}
			if tr.R != r || tr.Floor != floor {
				t.Errorf("TraceOf says R %x, floor %v", tr.R, tr.Floor)
			}
		})
	}
}

// FuzzTraceOf proves that whatever a request holds, a trace of it keeps its promises, and policies can be asked about it.
func FuzzTraceOf(f *testing.F) {
	f.Add(tracing.Encode([]tracing.Span{span(id(5), 2, time.Second, failed, state("ot=th:c;rv:d0000000000000")), span(id(5), 1, time.Second)}))
	f.Add(tracing.Encode([]tracing.Span{span(id(1), 1, 0, state("ot=th:ffffffffffffff"))}))
	policies := []sampling.Policy{
		sampling.Errors{},
		sampling.Slow{Quantile: 0.5},
		sampling.State{Key: "ot"},
		sampling.PerKey{Keep: 0.1, Keys: []string{"a"}},
		sampling.Filter{Expr: `{ any.x } && trace.duration > 1s`},
		sampling.Composite{PerSecond: 1, Shares: []sampling.Share{{sampling.Always{}, 1}}},
	}
	j := jury(f, policies...)
	f.Fuzz(func(t *testing.T, req []byte) {
		tr, err := sampling.TraceOf(req, begin())
		if err != nil {
			return
		}
		if tr.R >= 1<<56 || !tr.Floor.Keeps(tr.R) || tr.Duration() < 0 || tr.Errors > tr.Spans || tr.Missing > tr.Spans {
			t.Errorf("%+v", tr)
		}
		if d, _ := j.Decide(tr, begin()); d.Keep && (!d.Threshold.Keeps(tr.R) || d.Threshold < tr.Floor) || strings.HasPrefix(d.Reason, sampling.Panicked) {
			t.Errorf("%+v of R %x", d, tr.R)
		}
		for v := range tr.Each {
			if policy, _ := j.Early(v); policy != "" {
				if d, _ := j.Decide(tr, begin()); !d.Keep || d.Threshold > tr.Floor {
					t.Errorf("%s keeps early, and then %+v", policy, d)
				}
			}
		}
	})
}
