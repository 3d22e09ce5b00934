package propagation_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing/propagation"
	otel "go.opentelemetry.io/otel/propagation"
)

func TestCarriersReadNamesInAnyCase(t *testing.T) {
	environ := propagation.Environ{"TraceParent=v", "PATH=/bin"}
	tests := []struct {
		name    string
		carrier otel.TextMapCarrier
	}{
		{"Header", propagation.Header{"traceparent": {"v"}}},
		{"Header, canonical", propagation.Header{"Traceparent": {"v"}}},
		{"Metadata", propagation.Metadata{"TraceParent": {"v"}}},
		{"Table, string", propagation.Table{"TRACEPARENT": "v"}},
		{"Table, bytes", propagation.Table{"Traceparent": []byte("v")}},
		{"Map", propagation.Map{"traceParent": "v"}},
		{"Environ", &environ},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.carrier.Get("traceparent"); got != "v" {
				t.Errorf("Get returned %q, want v", got)
			}
			if got := test.carrier.Get("tracestate"); got != "" {
				t.Errorf("Get of an absent field returned %q", got)
			}
			before := len(test.carrier.Keys())
			test.carrier.Set("traceparent", "w")
			if got := test.carrier.Get("TRACEPARENT"); got != "w" {
				t.Errorf("after Set, Get returned %q, want w", got)
			}
			if got := len(test.carrier.Keys()); got != before {
				t.Errorf("Set left %d keys, want %d: another spelling is replaced", got, before)
			}
		})
	}
}

// Two lines are two lines, however their names are written: a new trace begins, and it is not a matter of spelling which one counts.
func TestSpellingsOfANameAreOneField(t *testing.T) {
	const other = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01"
	for name, carrier := range map[string]otel.TextMapCarrier{
		"Header":   propagation.Header{"Traceparent": {validParent}, "traceparent": {other}},
		"Metadata": propagation.Metadata{"traceparent": {validParent}, "TraceParent": {other}},
		"Map":      propagation.Map{"traceparent": validParent, "Traceparent": other},
		"Table":    propagation.Table{"traceparent": validParent, "Traceparent": []byte(other)},
		"Environ":  &propagation.Environ{"TRACEPARENT=" + validParent, "traceparent=" + other},
	} {
		out := propagation.Map{}
		propagation.W3C{}.Inject(propagation.W3C{}.Extract(t.Context(), carrier), out)
		if name == "Environ" { // Of several variables the last counts, as for every process.
			if out["traceparent"] != other {
				t.Errorf("%s: sent %v, want the last", name, out)
			}
		} else if len(out) != 0 {
			t.Errorf("%s: of two traceparents sent %v, want none", name, out)
		}
	}
	states := propagation.Metadata{"traceparent": {validParent}, "Tracestate": {"a=1"}, "tracestate": {"b=2"}}
	out := propagation.Map{}
	propagation.W3C{}.Inject(propagation.W3C{}.Extract(t.Context(), states), out)
	if out["tracestate"] != "b=2,a=1" {
		t.Errorf("tracestate %q, want both lines", out["tracestate"])
	}
}

func TestMetadataIsWrittenInLowerCase(t *testing.T) {
	m := propagation.Metadata{}
	m.Set("X-B3-TraceID", "1")
	if diff := cmp.Diff(propagation.Metadata{"x-b3-traceid": {"1"}}, m); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTableIgnoresOtherTypes(t *testing.T) {
	if got := (propagation.Table{"traceparent": 7}).Get("traceparent"); got != "" {
		t.Errorf("Get returned %q of a number", got)
	}
}

func TestEnvironFollowsTheRulesOfProcesses(t *testing.T) {
	inherited := propagation.Environ{"TRACEPARENT=old", "TRACEPARENT=new", "broken"}
	env := inherited
	if got := env.Get("traceparent"); got != "new" {
		t.Errorf("Get returned %q, want the last", got)
	}
	env.Set("x-b3-traceid", "1")
	env.Set("traceparent", "mine")
	if diff := cmp.Diff(propagation.Environ{"broken", "X_B3_TRACEID=1", "TRACEPARENT=mine"}, env); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if inherited[0] != "TRACEPARENT=old" {
		t.Error("Set changed the slice that it was made of")
	}
	if diff := cmp.Diff([]string{"traceparent", "x-b3-traceid"}, env.Keys()); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestFuncsMayBeMissing(t *testing.T) {
	none := propagation.Funcs{}.Carrier()
	none.Set("a", "b")
	if none.Get("a") != "" || none.Keys() != nil {
		t.Error("a carrier without functions has fields")
	}
	getOnly := propagation.Funcs{Get: func(key string) string { return map[string]string{"traceparent": validParent}[key] }}.Carrier()
	out := propagation.Map{}
	propagation.W3C{}.Inject(propagation.W3C{}.Extract(t.Context(), getOnly), out)
	if out["traceparent"] != validParent {
		t.Errorf("sent %q, want %q", out["traceparent"], validParent)
	}
	several := propagation.Funcs{Values: func(string) []string { return []string{validParent, validParent} }}.Carrier()
	out = propagation.Map{}
	propagation.W3C{}.Inject(propagation.W3C{}.Extract(t.Context(), several), out)
	if len(out) != 0 || several.Get("traceparent") != validParent {
		t.Errorf("of two traceparents sent %v, want none", out)
	}
}
