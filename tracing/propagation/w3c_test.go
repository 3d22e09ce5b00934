package propagation_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing/propagation"
	"github.com/tenon-go/tenon/tracing/propagation/propagationtest"
	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

func TestW3CCasesOverHTTP(t *testing.T) {
	cases := propagationtest.W3C()
	if len(cases) != 41 {
		t.Fatalf("%d cases, want 41", len(cases))
	}
	passed := 0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Run(t.Context(), propagation.W3C{}); err != nil {
				t.Fatal(err)
			}
			passed++
		})
	}
	t.Logf("cases W3C Trace Context: passed %d of %d", passed, len(cases))
}

const (
	validTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	validSpan   = "00f067aa0ba902b7"
	validParent = "00-" + validTrace + "-" + validSpan + "-01"
)

// sent extracts the fields and injects what came of them.
func sent(p otel.TextMapPropagator, fields map[string]string) map[string]string {
	out := propagation.Map{}
	p.Inject(p.Extract(context.Background(), propagation.Map(fields)), out)
	return out
}

func TestTraceparentRules(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"as it is", validParent, validParent},
		{"unknown flags are cleared", strings.TrimSuffix(validParent, "01") + "ff", strings.TrimSuffix(validParent, "01") + "03"},
		{"a later version is answered in ours", "01-" + validTrace + "-" + validSpan + "-01-more", validParent},
		{"a later version that ends at the dash", "01-" + validTrace + "-" + validSpan + "-01-", validParent},
		{"upper case", strings.ToUpper(validParent), ""},
		{"wrong separator", strings.Replace(validParent, "-", "_", 1), ""},
		{"not ASCII", strings.Replace(validParent, "4b", "é", 1), ""},
		{"two in one line", validParent + "," + validParent, ""},
		{"empty", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := map[string]string{}
			if test.want != "" {
				want["traceparent"] = test.want
			}
			if diff := cmp.Diff(want, sent(propagation.W3C{}, map[string]string{"traceparent": test.in})); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTracestateRules(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty members are skipped", ", ,a=1,\t,b=2,", "a=1,b=2"},
		{"the first of equal keys stays", "a=1,b=2,a=3", "a=1,b=2"},
		{"a leading blank belongs to the value", "a= 1", "a= 1"},
		{"one bad member discards all", "a=1,B=2", ""},
		{"no value", "a", ""},
		{"a control character", "a=1\x01", ""},
		{"value of 256", "a=" + strings.Repeat("v", 256), "a=" + strings.Repeat("v", 256)},
		{"value of 257", "a=" + strings.Repeat("v", 257), ""},
		{"more than 32, though of one key", strings.Repeat("a=1,", 33), ""},
		{"digits may lead", "0a=1", "0a=1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := map[string]string{"traceparent": validParent}
			if test.want != "" {
				want["tracestate"] = test.want
			}
			got := sent(propagation.W3C{}, map[string]string{"traceparent": validParent, "tracestate": test.in})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

// What the API cannot hold is passed on until somebody changes what it does hold.
func TestChangedTracestateIsTheOneSent(t *testing.T) {
	w3c := propagation.W3C{}
	ctx := w3c.Extract(t.Context(), propagation.Map{"traceparent": validParent, "tracestate": "a@@b=1,c=2"})
	sc := trace.SpanContextFromContext(ctx)
	if got := sc.TraceState().String(); got != "c=2" {
		t.Fatalf("the span context holds %q, want c=2", got)
	}
	state, err := sc.TraceState().Insert("d", "3")
	if err != nil {
		t.Fatal(err)
	}
	out := propagation.Map{}
	w3c.Inject(trace.ContextWithSpanContext(ctx, sc.WithTraceState(state)), out)
	if got := out["tracestate"]; got != "d=3,c=2" {
		t.Errorf("sent %q, want d=3,c=2", got)
	}

	ctx = w3c.Extract(ctx, propagation.Map{"traceparent": validParent, "tracestate": "c=2"})
	out = propagation.Map{}
	w3c.Inject(ctx, out)
	if got := out["tracestate"]; got != "c=2" {
		t.Errorf("after another extraction sent %q, want c=2", got)
	}
}

func TestNewTraceDoesNotInheritTracestate(t *testing.T) {
	w3c := propagation.W3C{}
	ctx := w3c.Extract(t.Context(), propagation.Map{"traceparent": validParent, "tracestate": "a@@b=1"})
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}}))
	out := propagation.Map{}
	w3c.Inject(ctx, out)
	if diff := cmp.Diff(propagation.Map{"traceparent": "00-01000000000000000000000000000000-0100000000000000-00"}, out); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

func BenchmarkW3C(b *testing.B) {
	header := http.Header{"Traceparent": {validParent}, "Tracestate": {"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"}}
	b.Run("extract", func(b *testing.B) {
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			propagation.W3C{}.Extract(ctx, propagation.Header(header))
		}
	})
	b.Run("inject", func(b *testing.B) {
		ctx := propagation.W3C{}.Extract(b.Context(), propagation.Header(header))
		out := http.Header{}
		b.ReportAllocs()
		for b.Loop() {
			propagation.W3C{}.Inject(ctx, propagation.Header(out))
		}
	})
}
