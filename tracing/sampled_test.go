package tracing_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/propagation"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// header returns the context of a request with these header fields.
func header(t *testing.T, fields propagation.Map) context.Context {
	t.Helper()
	return propagation.New(propagation.W3C{}, propagation.B3{Single: true}).Extract(t.Context(), fields)
}

func TestSamplingOfTraces(t *testing.T) {
	const low, high = "4bf92f3577b34da6a300000000000001", "4bf92f3577b34da6a3ffffffffffff01"
	parent := func(id, flags string) propagation.Map {
		return propagation.Map{"traceparent": "00-" + id + "-00f067aa0ba902b7-" + flags}
	}
	b3 := func(field string) propagation.Map { return propagation.Map{"b3": field} }
	with := func(m propagation.Map, state string) propagation.Map { m["tracestate"] = state; return m }
	tests := []struct {
		name   string
		cfg    tracing.Config
		fields propagation.Map
		want   string // flags and tracestate sent on
	}{
		{"new traces are recorded", tracing.Config{}, nil, "03 ot=th:0"},
		{"none are, if so said", tracing.Config{Probability: -1}, nil, "02 "},
		{"a share, by randomness", tracing.Config{Probability: 0.25, NewIDs: fixed(high)}, nil, "03 ot=th:c"},
		{"the rest is not", tracing.Config{Probability: 0.25, NewIDs: fixed(low)}, nil, "02 "},
		{"a sampled parent counts", tracing.Config{Probability: -1}, with(parent(low, "01"), "a=1"), "01 a=1"},
		{"so does one that is not", tracing.Config{}, parent(high, "02"), "02 "},
		{"unless it is ignored, kept", tracing.Config{Probability: 0.25, IgnoreParent: true}, with(parent(high, "00"), "a=1"), "01 ot=th:c,a=1"},
		{"unless it is ignored, not kept", tracing.Config{Probability: 0.25, IgnoreParent: true}, with(parent(low, "01"), "ot=th:8,a=1"), "00 a=1"},
		{"rv is its randomness", tracing.Config{Probability: 0.25, IgnoreParent: true}, with(parent(low, "00"), "ot=rv:ffffffffffffff"), "01 ot=th:c;rv:ffffffffffffff"},
		{"denied", tracing.Config{}, b3("0"), "02 "},
		{"deferred is decided, kept", tracing.Config{Probability: 0.25}, b3(high + "-00f067aa0ba902b7"), "01 ot=th:c"},
		{"deferred is decided, not kept", tracing.Config{Probability: 0.25}, b3(low + "-00f067aa0ba902b7"), "00 "},
		{"sampled without IDs", tracing.Config{Probability: -1}, b3("1"), "03 ot=th:0"},
		{"unless it is ignored", tracing.Config{Probability: -1, IgnoreParent: true}, b3("1"), "02 "},
		{"debug without IDs", tracing.Config{Probability: -1, IgnoreParent: true}, b3("d"), "03 ot=th:0"},
		{"debug is kept", tracing.Config{Probability: -1, IgnoreParent: true}, b3(low + "-00f067aa0ba902b7-d"), "01 "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, sink := provide(t, test.cfg)
			from := header(t, test.fields)
			ctx, span := p.Tracer("").Start(from, "s")
			out := propagation.Map{}
			propagation.W3C{}.Inject(ctx, out)
			if got := out["traceparent"][53:] + " " + out["tracestate"]; got != test.want {
				t.Errorf("sent on %q, want %q", got, test.want)
			}
			if id := test.fields["traceparent"]; id != "" && out["traceparent"][:35] != id[:35] {
				t.Errorf("sent on trace %q, want that of %q", out["traceparent"], id)
			}
			_, child := p.Tracer("").Start(ctx, "child")
			child.End()
			span.End()
			sampled := strings.HasPrefix(test.want, "01") || strings.HasPrefix(test.want, "03")
			if span.SpanContext().IsSampled() != sampled {
				t.Errorf("the span is sampled: %t", !sampled)
			}
			checkRecorded(t, flushed(t, p, sink), sampled, out["tracestate"], trace.SpanContextFromContext(from).IsRemote())
		})
	}
}

// checkRecorded checks a span and its child, if they were sampled.
func checkRecorded(t *testing.T, spans []tracing.Span, sampled bool, state string, remote bool) {
	t.Helper()
	if sampled != (len(spans) == 2) {
		t.Fatalf("%d spans delivered, sampled: %t", len(spans), sampled)
	}
	for i, s := range spans {
		if s.TraceState != state {
			t.Errorf("the span's tracestate is %q, want %q", s.TraceState, state)
		}
		if got, want := s.Flags&tracing.FlagRemoteIsParent != 0, i == 1 && remote; got != want {
			t.Errorf("span %d has a remote parent: %t", i, got)
		}
	}
}

// Debug reaches policies and the next service, whether the trace came or starts here.
func TestDebugIsToldToPoliciesAndPassedOn(t *testing.T) {
	for _, field := range []string{"d", "4bf92f3577b34da6a300000000000001-00f067aa0ba902b7-d"} {
		p, sink := provide(t, tracing.Config{Probability: -1})
		tracer := p.Tracer("")
		ctx, entry := tracer.Start(header(t, propagation.Map{"b3": field}), "entry", trace.WithAttributes(attribute.Int("a", 1)))
		below, child := tracer.Start(ctx, "child")
		other, root := tracer.Start(below, "root", trace.WithNewRoot())
		root.End()
		child.End()
		entry.End()
		for ctx, want := range map[context.Context]string{below: "-d", other: "-0"} {
			sent := propagation.Map{}
			propagation.B3{Single: true}.Inject(ctx, sent)
			if !strings.HasSuffix(sent["b3"], want) {
				t.Errorf("%s: sent on %q, want %q at its end", field, sent["b3"], want)
			}
		}
		var got []string
		for _, s := range flushed(t, p, sink) {
			for _, kv := range s.Attributes {
				got = append(got, fmt.Sprintf("%s: %s=%s", s.Name, kv.Key, kv.Value.String()))
			}
		}
		if diff := cmp.Diff([]string{"entry: a=1", "entry: " + tracing.DebugAttribute + "=true"}, got); diff != "" {
			t.Errorf("%s: attributes (-want +got):\n%s", field, diff)
		}
	}
}

// fixed returns IDs of one trace.
func fixed(id string) func() (trace.TraceID, trace.SpanID) {
	next := counted()
	return func() (trace.TraceID, trace.SpanID) {
		made, _ := trace.TraceIDFromHex(id)
		_, span := next()
		return made, span
	}
}
