package integration_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing/propagation"
	"github.com/tenon-go/tenon/tracing/propagation/propagationtest"
	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/contrib/propagators/jaeger"
	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"pgregory.net/rapid"
)

// A headerVector is what a request says, and what an outgoing call says in its place: in one field, which tells all there is to tell of a
// context. "" = no context.
type headerVector struct {
	name   string
	fields map[string]string
	want   string
}

const (
	wideID   = "4bf92f3577b34da6a3ce929d0e0e4736"
	narrowID = "a3ce929d0e0e4736"
	paddedID = "0000000000000000" + narrowID
	spanID   = "00f067aa0ba902b7"
)

// passOn returns the fields that p sends after it has read fields; nil if it read no span context.
func passOn(p otel.TextMapPropagator, fields map[string]string) map[string]string {
	ctx := p.Extract(context.Background(), otel.MapCarrier(fields))
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return nil
	}
	out := otel.MapCarrier{}
	p.Inject(ctx, out)
	return out
}

// checkVectors runs vectors on ours, and on the peer that they came from, so that a slip of the pen shows.
func checkVectors(t *testing.T, format, field string, vectors []headerVector, ours, peer otel.TextMapPropagator) {
	t.Helper()
	passed := 0
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			if got := passOn(peer, v.fields)[field]; got != v.want {
				t.Fatalf("the vector is wrong: the peer sends %q, want %q", got, v.want)
			}
			if got := passOn(ours, v.fields)[field]; got != v.want {
				t.Fatalf("%q: sent %q, want %q", v.fields, got, v.want)
			}
			passed++
		})
	}
	t.Logf("cases %s: passed %d of %d", format, passed, len(vectors))
}

func TestB3Vectors(t *testing.T) {
	checkVectors(t, "B3", "b3", append(b3Vectors(), b3Refused()...), propagation.B3{Single: true}, b3.New())
}

func b3Vectors() []headerVector {
	ids := wideID + "-" + spanID
	fields := func(id, sampled, flags, parent, single string) map[string]string {
		all := map[string]string{"x-b3-traceid": id, "x-b3-spanid": spanID, "x-b3-sampled": sampled, "x-b3-flags": flags, "x-b3-parentspanid": parent, "b3": single}
		for key, value := range all {
			if value == "" {
				delete(all, key)
			}
		}
		return all
	}
	single := func(field string) map[string]string { return map[string]string{"b3": field} }
	return []headerVector{
		{"empty", nil, ""},
		{"multiple: sampling state defer", fields(wideID, "", "", "", ""), ids},
		{"multiple: sampling state deny", fields(wideID, "0", "", "", ""), ids + "-0"},
		{"multiple: sampling state accept", fields(wideID, "1", "", "", ""), ids + "-1"},
		{"multiple: sampling state as a boolean: true", fields(wideID, "true", "", "", ""), ids + "-1"},
		{"multiple: sampling state as a boolean: false", fields(wideID, "false", "", "", ""), ids + "-0"},
		{"multiple: debug flag set", fields(wideID, "", "1", "", ""), ids + "-d"},
		{"multiple: debug flag set to not 1 (ignored)", fields(wideID, "1", "2", "", ""), ids + "-1"},
		{"multiple: debug flag set and sampling state is deny", fields(wideID, "0", "1", "", ""), ids + "-d"},
		{"multiple: with parent span id", fields(wideID, "1", "", "00f067aa0ba90200", ""), ids + "-1"},
		{"multiple: with only sampled state header", map[string]string{"x-b3-sampled": "0"}, ""},
		{"multiple: left-padding 64-bit traceID", fields(narrowID, "", "", "", ""), paddedID + "-" + spanID},
		{"single: sampling state defer", single(ids), ids},
		{"single: sampling state deny", single(ids + "-0"), ids + "-0"},
		{"single: sampling state accept", single(ids + "-1"), ids + "-1"},
		{"single: sampling state debug", single(ids + "-d"), ids + "-d"},
		{"single: with parent span id", single(ids + "-1-00000000000000cd"), ids + "-1"},
		{"single: with only sampling state deny", single("0"), ""},
		{"single: left-padding 64-bit traceID", single(narrowID + "-" + spanID), paddedID + "-" + spanID},
		{"both single and multiple: single priority", fields(wideID, "0", "", "", ids+"-1"), ids + "-1"},
		{"both single and multiple: invalid single", fields(wideID, "0", "", "", ids+"-"), ids + "-0"},
		{"both single and multiple: invalid multiple", fields(wideID, "invalid", "", "", ids+"-1"), ids + "-1"},
	}
}

// b3Refused returns the vectors that start a new trace.
func b3Refused() []headerVector {
	const id, span = "ab000000000000000000000000000000", "cd00000000000000"
	fields := func(id, span, sampled string) map[string]string {
		all := map[string]string{"x-b3-sampled": sampled}
		if id != "" {
			all["x-b3-traceid"] = id
		}
		if span != "" {
			all["x-b3-spanid"] = span
		}
		return all
	}
	single := func(field string) map[string]string { return map[string]string{"b3": field} }
	return []headerVector{
		{"multiple: trace ID length > 32", fields(id+"00", span, "1"), ""},
		{"multiple: trace ID length >16 and <32", fields(id[:28], span, "1"), ""},
		{"multiple: trace ID length <16", fields(id[:12], span, "1"), ""},
		{"multiple: wrong span ID length", fields(id, span+"00", "1"), ""},
		{"multiple: wrong sampled flag length", fields(id, span, "10"), ""},
		{"multiple: bogus trace ID", fields("qw"+id[2:], span, "1"), ""},
		{"multiple: bogus span ID", fields(id, "qw"+span[2:], "1"), ""},
		{"multiple: bogus sampled flag", fields(id, span, "d"), ""},
		{"multiple: upper case trace ID", fields("AB"+id[2:], span, "1"), ""},
		{"multiple: upper case span ID", fields(id, "CD"+span[2:], "1"), ""},
		{"multiple: zero trace ID", fields("00"+id[2:], span, "1"), ""},
		{"multiple: zero span ID", fields(id, "00"+span[2:], "1"), ""},
		{"multiple: missing span ID", fields(id, "", "1"), ""},
		{"multiple: missing trace ID", fields("", span, "1"), ""},
		{"multiple: sampled header set to 1 but trace ID and span ID are missing", fields("", "", "1"), ""},
		{"single: wrong trace ID length", single(id + "00-" + span + "-1"), ""},
		{"single: wrong span ID length", single(id + "-" + span + "00-1"), ""},
		{"single: wrong sampled state length", single("00-" + id + "-" + span + "-01"), ""},
		{"single: wrong parent span ID length", single(id + "-" + span + "-1-cd0000000000000000"), ""},
		{"single: bogus trace ID", single("qw" + id[2:] + "-" + span + "-1"), ""},
		{"single: bogus span ID", single(id + "-qw" + span[2:] + "-1"), ""},
		{"single: bogus sampled flag", single(id + "-" + span + "-q"), ""},
		{"single: bogus parent span ID", single(id + "-" + span + "-1-qw00000000000000"), ""},
		{"single: upper case trace ID", single("AB" + id[2:] + "-" + span + "-1"), ""},
		{"single: upper case span ID", single(id + "-CD" + span[2:] + "-1"), ""},
		{"single: upper case parent span ID", single(id + "-" + span + "-1-EF00000000000000"), ""},
		{"single: zero trace ID and span ID", single("00" + id[2:] + "-00" + span[2:] + "-1"), ""},
		{"single: with sampling set to true", single(id + "-" + span + "-true"), ""},
	}
}

// The five fields say what the single one says.
func TestB3InjectVectors(t *testing.T) {
	ids := wideID + "-" + spanID
	five := func(key, value string) map[string]string {
		return map[string]string{"x-b3-traceid": wideID, "x-b3-spanid": spanID, key: value}
	}
	deferred := five("x-b3-traceid", wideID)
	tests := []struct {
		name, single string
		want         map[string]string
	}{
		{"sampled", ids + "-1", five("x-b3-sampled", "1")},
		{"not sampled", ids + "-0", five("x-b3-sampled", "0")},
		{"unset sampled", ids, deferred},
		{"debug omitting sample", ids + "-d", five("x-b3-flags", "1")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, p := range []otel.TextMapPropagator{b3.New(b3.WithInjectEncoding(b3.B3MultipleHeader)), propagation.B3{}} {
				if diff := cmp.Diff(test.want, passOn(p, map[string]string{"b3": test.single})); diff != "" {
					t.Errorf("%T sent (-want +got):\n%s", p, diff)
				}
			}
		})
	}
	for _, sc := range halfContexts() {
		out := otel.MapCarrier{}
		propagation.New(propagation.B3{}, propagation.B3{Single: true}, propagation.Jaeger{}).Inject(trace.ContextWithSpanContext(t.Context(), sc), out)
		if len(out) > 0 {
			t.Errorf("%v: sent %q, want nothing", sc, out)
		}
	}
}

// halfContexts returns span contexts that lack an ID, which no format may send.
func halfContexts() []trace.SpanContext {
	return []trace.SpanContext{
		{},
		trace.NewSpanContext(trace.SpanContextConfig{SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled}),
		trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, TraceFlags: trace.FlagsSampled}),
		trace.NewSpanContext(trace.SpanContextConfig{TraceFlags: trace.FlagsSampled}),
	}
}

func TestJaegerVectors(t *testing.T) {
	const id = "a1ce929d0e0e4736a3ce929d0e0e4736"
	field := func(value string) map[string]string { return map[string]string{"uber-trace-id": value} }
	ids := id + ":" + spanID
	checkVectors(t, "Jaeger", "uber-trace-id", []headerVector{
		{"empty", nil, ""},
		{"sampling state not sample", field(ids + ":0:0"), ids + ":0:0"},
		{"sampling state sampled", field(ids + ":0:1"), ids + ":0:1"},
		{"sampling state debug", field(ids + ":0:3"), ids + ":0:3"},
		{"sampling state debug but sampled bit not set", field(ids + ":0:2"), ids + ":0:0"},
		{"flag can be various length", field(ids + ":0:00001"), ids + ":0:1"},
		{"flag can be hex numbers", field(ids + ":0:ff"), ids + ":0:3"},
		{"left padding 60 bit trace ID", field(narrowID[1:] + ":" + spanID + ":0:1"), "00000000000000000" + narrowID[1:] + ":" + spanID + ":0:1"},
		{"left padding 64 bit trace ID", field(narrowID + ":" + spanID + ":0:1"), paddedID + ":" + spanID + ":0:1"},
		{"128 bit trace ID", field(ids + ":0:1"), ids + ":0:1"},
		{"ignore parent span id", field(ids + ":whatever:1"), ids + ":0:1"},
		{"trace ID length > 32", field(id + "0000:" + spanID + ":0:1"), ""},
		{"span ID length is not 16 or 32", field(ids + "0000:0:1"), ""},
		{"invalid trace ID", field("zcd00v0000000000a3ce929d0e0e4736:" + spanID + ":0:1"), ""},
		{"invalid span ID", field(id + ":00f0wiredba902b7:0:1"), ""},
		{"invalid flags", field(ids + ":0:wired"), ""},
		{"invalid separator", field(id + "-" + spanID + "-0-1"), ""},
		{"missing jaeger header", map[string]string{"uber-trace-idnot": ids + ":0:1"}, ""},
		{"empty header value", field(""), ""},
	}, propagation.Jaeger{}, jaeger.Jaeger{})
}

// Headers that somebody could send, whole or with a bent part, are read by ours as they are by the peers. Left out is what ours takes and the
// peers do not (URL-encoded fields, blanks around them), and a flag below zero, which the peer of Jaeger takes.
func TestForeignHeadersAreReadAsPeersReadThem(t *testing.T) {
	id := rapid.OneOf(rapid.StringMatching(`[0-9a-f]{32}`), rapid.StringMatching(`[0-9a-f]{16}`), rapid.StringMatching(`0{16}|0{32}|[0-9a-g]{0,33}|[0-9A-F]{32}`))
	span := rapid.OneOf(rapid.StringMatching(`[0-9a-f]{16}`), rapid.StringMatching(`0{16}|[0-9a-g]{0,17}|[0-9A-F]{16}`))
	state := rapid.SampledFrom([]string{"", "0", "1", "d", "true", "TRUE", "false", "2", "x", "00"})
	tail := rapid.SampledFrom([]string{"", "-", "-0", "-1", "-d", "-x", "-10", "-1-", "-1-" + spanID, "--" + spanID, "-" + spanID, "-1-" + spanID + "-1"})
	flags := rapid.SampledFrom([]string{"", "0", "1", "2", "3", "ff", "FF", "0001", "g", "1:0"})
	formats := []struct {
		ours, peer otel.TextMapPropagator
		fields     *rapid.Generator[map[string]string]
	}{
		{propagation.B3{Single: true}, b3.New(), rapid.Custom(func(t *rapid.T) map[string]string {
			fields := map[string]string{
				"x-b3-traceid": id.Draw(t, "trace"), "x-b3-spanid": span.Draw(t, "span"), "x-b3-sampled": state.Draw(t, "state"),
				"x-b3-flags": state.Draw(t, "flags"), "x-b3-parentspanid": rapid.OneOf(rapid.Just(""), span).Draw(t, "parent"),
			}
			return fields
		})},
		{propagation.B3{Single: true}, b3.New(), rapid.Custom(func(t *rapid.T) map[string]string {
			return map[string]string{"b3": id.Draw(t, "trace") + "-" + span.Draw(t, "span") + tail.Draw(t, "tail")}
		})},
		{propagation.Jaeger{}, jaeger.Jaeger{}, rapid.Custom(func(t *rapid.T) map[string]string {
			return map[string]string{"uber-trace-id": id.Draw(t, "trace") + ":" + span.Draw(t, "span") + ":0:" + flags.Draw(t, "flags")}
		})},
	}
	rapid.Check(t, func(t *rapid.T) {
		format := rapid.SampledFrom(formats).Draw(t, "format")
		fields := format.fields.Draw(t, "fields")
		if diff := cmp.Diff(passOn(format.peer, fields), passOn(format.ours, fields)); diff != "" {
			t.Fatalf("%q: sent (-peer +ours):\n%s", fields, diff)
		}
	})
}

// The propagator of OpenTelemetry fails on cases of W3C Trace Context: the suite tells good from bad.
func TestW3CSuiteTellsPropagatorsApart(t *testing.T) {
	failed := 0
	for _, c := range propagationtest.W3C() {
		if err := c.Run(t.Context(), propagation.New(propagation.W3C{}, propagation.Baggage{})); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		if c.Run(t.Context(), otel.TraceContext{}) != nil {
			failed++
		}
	}
	if failed == 0 {
		t.Error("otel's propagator passes all cases; it is known not to")
	}
	t.Logf("cases W3C Trace Context: otel's own propagator passed %d of %d", len(propagationtest.W3C())-failed, len(propagationtest.W3C()))
}
