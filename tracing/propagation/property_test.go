package propagation_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/tracing/propagation"
	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"pgregory.net/rapid"
)

// Invariant: tracing 8.
func TestInjectKeepsWhatExtractFound(t *testing.T) {
	member := rapid.Custom(func(t *rapid.T) string {
		key := rapid.StringMatching(`[a-z0-9][a-z0-9_*/@-]{0,6}`).Draw(t, "key")
		return key + "=" + rapid.StringMatching(`[ -+\--<>-~]{0,8}[!-+\--<>-~]`).Draw(t, "value")
	})
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.StringMatching(`[0-9a-f]{31}[1-9a-f]`).Draw(t, "trace")
		span := rapid.StringMatching(`[0-9a-f]{15}[1-9a-f]`).Draw(t, "span")
		flags := rapid.Byte().Draw(t, "flags")
		members := rapid.SliceOfNDistinct(member, 0, 32, func(m string) string { key, _, _ := strings.Cut(m, "="); return key }).Draw(t, "members")
		cut := rapid.IntRange(0, len(members)).Draw(t, "cut")
		header := propagation.Header{}
		header["Traceparent"] = []string{fmt.Sprintf("00-%s-%s-%02x", id, span, flags)}
		header["Tracestate"] = []string{strings.Join(members[:cut], " , "), strings.Join(members[cut:], ",")}

		out := propagation.Header{}
		propagation.W3C{}.Inject(propagation.W3C{}.Extract(context.Background(), header), out)
		if got, want := out.Get("traceparent"), fmt.Sprintf("00-%s-%s-%02x", id, span, flags&3); got != want {
			t.Fatalf("sent %q, want %q", got, want)
		}
		if got, want := out.Get("tracestate"), strings.Join(members, ","); got != want {
			t.Fatalf("sent %q, want %q", got, want)
		}
	})
}

// check fails when fields break a rule that holds for all fields: what goes out is understood as what came in.
func check(t *testing.T, p otel.TextMapPropagator, fields map[string]string) {
	t.Helper()
	ctx := p.Extract(context.Background(), propagation.Map(fields))
	sc := trace.SpanContextFromContext(ctx)
	out := propagation.Map{}
	p.Inject(ctx, out)
	if !sc.IsValid() {
		return
	}
	if !sc.IsRemote() {
		t.Fatalf("%q: extracted as local", fields)
	}
	ctx = p.Extract(context.Background(), out)
	again := trace.SpanContextFromContext(ctx)
	if !again.Equal(sc) {
		t.Fatalf("%q: read %v, sent %q, read %v", fields, sc, out, again)
	}
	twice := propagation.Map{}
	p.Inject(ctx, twice)
	for key, value := range out {
		if twice[key] != value {
			t.Fatalf("%q: sent %q, then %q", fields, out, twice)
		}
	}
}

// Invariant: tracing 8.
func FuzzTraceparent(f *testing.F) {
	f.Add(validParent, "a=1")
	f.Add("01-"+validTrace+"-"+validSpan+"-ff-more", "")
	f.Add("ff"+validParent[2:], "a")
	f.Fuzz(func(t *testing.T, parent, state string) {
		check(t, propagation.W3C{}, map[string]string{"traceparent": parent, "tracestate": state})
	})
}

func FuzzTracestate(f *testing.F) {
	f.Add("a=1,b@@c=2, ,a=3")
	f.Add(strings.Repeat("a=1,", 40))
	f.Fuzz(func(t *testing.T, state string) {
		fields := map[string]string{"traceparent": validParent, "tracestate": state}
		check(t, propagation.W3C{}, fields)
		if got := sent(propagation.W3C{}, fields)["traceparent"]; got != validParent {
			t.Fatalf("tracestate %q cost the traceparent: sent %q", state, got)
		}
	})
}

func FuzzB3(f *testing.F) {
	f.Add(validTrace+"-"+validSpan+"-d-"+validSpan, validTrace, validSpan, "1", "")
	f.Add("0", "", "", "true", "1")
	f.Fuzz(func(t *testing.T, single, id, span, sampled, flags string) {
		fields := map[string]string{"b3": single, "x-b3-traceid": id, "x-b3-spanid": span, "x-b3-sampled": sampled, "x-b3-flags": flags}
		check(t, propagation.B3{}, fields)
		check(t, propagation.B3{Single: true}, fields)
	})
}

func FuzzJaegerField(f *testing.F) {
	f.Add(validTrace+":"+validSpan+":0:3", "k", "a%20b")
	f.Add("1%3A2%3A0%3Aff", "", "%")
	f.Fuzz(func(t *testing.T, field, key, value string) {
		check(t, propagation.Jaeger{}, map[string]string{"uber-trace-id": field, "uberctx-" + key: value})
	})
}

func FuzzBaggage(f *testing.F) {
	f.Add("a=1;p,b=%20")
	f.Fuzz(func(t *testing.T, field string) {
		once := sent(propagation.Baggage{}, map[string]string{"baggage": field})
		twice := sent(propagation.Baggage{}, once)
		if once["baggage"] != twice["baggage"] {
			t.Fatalf("%q: sent %q, then %q", field, once, twice)
		}
	})
}
