package tracing_test

import (
	"math"
	"testing"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/propagation"
	"go.opentelemetry.io/otel/trace"
)

func TestThresholdsOfProbabilities(t *testing.T) {
	tests := []struct {
		p     float64
		th    string
		count float64
	}{
		{1, "0", 1},
		{2, "0", 1},
		{0.5, "8", 2},
		{0.25, "c", 4},
		{1.0 / 3, "aaaaaaaaaaaaac", 3},
		{0.99, "028f5c28f5c29", 1 / 0.99},
		{math.Ldexp(1, -56), "ffffffffffffff", math.Ldexp(1, 56)},
		{math.Ldexp(1, -58), "none", 0},
		{0, "none", 0},
		{-1, "none", 0},
		{math.NaN(), "none", 0},
	}
	for _, test := range tests {
		th := tracing.ThresholdOf(test.p)
		if th.String() != test.th || math.Abs(th.AdjustedCount()-test.count) > 1e-9*test.count {
			t.Errorf("%v: th %s, count %v; want %s, %v", test.p, th, th.AdjustedCount(), test.th, test.count)
		}
	}
}

func TestThresholdInTracestates(t *testing.T) {
	for state, want := range map[string]string{
		"ot=th:c": "c", "a=1, ot=rv:00000000000000;th:8 ,b=2": "8", "ot=th:00": "0", "ot=th:0028": "0028", "ot=th:8;th:c": "c",
		"": "", "ot=": "", "ot=th:": "", "ot=th:C": "", "ot=th:g": "", "ot=th:123456789abcdef": "", "oth=th:c": "", "not=th:c": "", "ot=xth:c": "",
	} {
		got := ""
		if th, ok := tracing.ThresholdIn(state); ok {
			got = th.String()
		}
		if got != want {
			t.Errorf("%q: th %q, want %q", state, got, want)
		}
	}
}

func TestRandomnessIsRVOrTheEndOfTheID(t *testing.T) {
	id := trace.TraceID{8: 0xff, 9: 1, 15: 2}
	for state, want := range map[string]uint64{
		"": 1<<48 | 2, "ot=rv:0000000000000a": 10, "ot=rv:a": 1<<48 | 2, "ot=rv:0000000000000G": 1<<48 | 2, "ot=th:0;rv:ffffffffffffff": 1<<56 - 1,
	} {
		if got := tracing.Randomness(id, state); got != want {
			t.Errorf("%q: %x, want %x", state, got, want)
		}
	}
	if !tracing.Threshold(2).Keeps(2) || tracing.Threshold(3).Keeps(2) || tracing.MaxThreshold.Keeps(1<<56-1) {
		t.Error("a trace is kept if its randomness is not below the threshold")
	}
}

// The API's TraceState refuses keys of level 2, so that members were lost beside them.
func TestSpansHaveTheTracestateThatCame(t *testing.T) {
	for _, state := range []string{"foo@@bar=1,ot=th:8;rv:ffffffffffffff", "ot=th:8,0a@b=1", "a=b,ot=th:8", ""} {
		fields := propagation.Map{"traceparent": "00-4bf92f3577b34da6a300000000000001-00f067aa0ba902b7-03", "tracestate": state}
		p, sink := provide(t, tracing.Config{})
		ctx, span := p.Tracer("").Start(header(t, fields), "s")
		out := propagation.Map{}
		propagation.W3C{}.Inject(ctx, out)
		_, child := p.Tracer("").Start(ctx, "child")
		child.End()
		span.End()
		if out["tracestate"] != state {
			t.Errorf("%q is sent on as %q", state, out["tracestate"])
		}
		for _, s := range flushed(t, p, sink) {
			if s.TraceState != state {
				t.Errorf("%q came, span %s has %q", state, s.Name, s.TraceState)
			}
		}
	}
}
