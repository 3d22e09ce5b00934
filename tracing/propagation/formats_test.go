package propagation_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing/propagation"
	"go.opentelemetry.io/otel/baggage"
	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// read extracts the fields and tells in one line what was found.
func read(p otel.TextMapPropagator, fields map[string]string) string {
	ctx := p.Extract(context.Background(), propagation.Map(fields))
	sc := trace.SpanContextFromContext(ctx)
	said := ""
	if sampling := propagation.SamplingOf(ctx); sampling != propagation.Unsaid {
		said = " " + sampling.String()
	}
	if !sc.IsValid() {
		return "none" + said
	}
	return fmt.Sprintf("%s %s %t%s", strings.TrimLeft(sc.TraceID().String(), "0"), sc.SpanID(), sc.IsSampled(), said)
}

func TestB3Rules(t *testing.T) {
	ids := validTrace + "-" + validSpan
	multi := func(more ...string) map[string]string {
		fields := map[string]string{"x-b3-traceid": validTrace, "x-b3-spanid": validSpan}
		for pair := range slices.Chunk(more, 2) {
			fields[pair[0]] = pair[1]
		}
		return fields
	}
	tests := []struct {
		name   string
		fields map[string]string
		want   string
		single string // sent in one field
		sent   map[string]string
	}{
		{"nothing", nil, "none", "", nil},
		{"sampled", map[string]string{"b3": ids + "-1"}, validTrace + " " + validSpan + " true", ids + "-1", multi("x-b3-sampled", "1")},
		{"not sampled", map[string]string{"b3": ids + "-0"}, validTrace + " " + validSpan + " false", ids + "-0", multi("x-b3-sampled", "0")},
		{"debug implies sampled", map[string]string{"b3": ids + "-d"}, validTrace + " " + validSpan + " true debug", ids + "-d", multi("x-b3-flags", "1")},
		{"deferred", map[string]string{"b3": ids}, validTrace + " " + validSpan + " false deferred", ids, multi()},
		{"0 alone", map[string]string{"b3": "0"}, "none denied", "0", map[string]string{"x-b3-sampled": "0"}},
		{"1 alone", map[string]string{"b3": "1"}, "none accepted", "1", map[string]string{"x-b3-sampled": "1"}},
		{"d alone", map[string]string{"b3": "d"}, "none debug", "d", map[string]string{"x-b3-flags": "1"}},
		{"a letter alone", map[string]string{"b3": "x"}, "none", "", nil},
		{"64 bits", map[string]string{"b3": validTrace[16:] + "-" + validSpan + "-1"}, validTrace[16:] + " " + validSpan + " true", "0000000000000000" + validTrace[16:] + "-" + validSpan + "-1", nil},
		{"with a parent", map[string]string{"b3": ids + "-1-" + validSpan}, validTrace + " " + validSpan + " true", ids + "-1", nil},
		{"one field too many", map[string]string{"b3": ids + "-1-" + validSpan + "-1"}, "none", "", nil},
		{"fields", multi("x-b3-sampled", "True"), validTrace + " " + validSpan + " true", ids + "-1", nil},
		{"a bad single field falls back", multi("x-b3-sampled", "1", "b3", ids+"-"), validTrace + " " + validSpan + " true", ids + "-1", nil},
		{"bad parent", multi("x-b3-sampled", "1", "x-b3-parentspanid", "x"), "none", "", nil},
		{"denied without IDs", map[string]string{"x-b3-sampled": "0"}, "none denied", "0", nil},
		{"sampled without IDs", map[string]string{"x-b3-sampled": "true"}, "none accepted", "1", nil},
		{"debug without IDs", map[string]string{"x-b3-flags": "1", "x-b3-sampled": "0"}, "none debug", "d", nil},
		{"no flags without IDs", map[string]string{"x-b3-flags": "0"}, "none", "", nil},
		{"span ID alone", map[string]string{"x-b3-spanid": validSpan}, "none", "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := read(propagation.B3{}, test.fields); got != test.want {
				t.Errorf("extracted %q, want %q", got, test.want)
			}
			if got := sent(propagation.B3{Single: true}, test.fields)["b3"]; got != test.single {
				t.Errorf("sent b3 %q, want %q", got, test.single)
			}
			if test.sent == nil {
				return
			}
			if diff := cmp.Diff(test.sent, sent(propagation.B3{}, test.fields)); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		})
	}
}

// Deferred is for the first span that decides, and debug for the whole trace.
func TestSamplingReachesTheRightSpans(t *testing.T) {
	b3 := propagation.B3{Single: true}
	child := func(ctx context.Context) context.Context {
		sc := trace.SpanContextFromContext(ctx).WithSpanID(trace.SpanID{1}).WithRemote(false)
		return trace.ContextWithSpanContext(ctx, sc)
	}
	deferred := child(b3.Extract(t.Context(), propagation.Map{"b3": validTrace + "-" + validSpan}))
	if got := propagation.SamplingOf(deferred); got != propagation.Unsaid {
		t.Errorf("below the span that decides: %v, want Unsaid", got)
	}
	debug := child(b3.Extract(t.Context(), propagation.Map{"b3": validTrace + "-" + validSpan + "-d"}))
	if got := propagation.SamplingOf(debug); got != propagation.Debug {
		t.Errorf("below a debug span: %v, want Debug", got)
	}
	again := b3.Extract(debug, propagation.Map{"b3": validTrace + "-" + validSpan + "-1"})
	if got := propagation.SamplingOf(again); got != propagation.Unsaid {
		t.Errorf("after another extraction: %v, want Unsaid", got)
	}
	alone := b3.Extract(t.Context(), propagation.Map{"b3": "d"})
	if got := propagation.SamplingOf(trace.ContextWithSpanContext(alone, trace.SpanContextFromContext(debug))); got != propagation.Unsaid {
		t.Errorf("of another trace than what starts here: %v, want Unsaid", got)
	}
	started := propagation.WithDebug(trace.ContextWithSpanContext(alone, trace.SpanContextFromContext(debug)))
	if got := propagation.SamplingOf(child(started)); got != propagation.Debug {
		t.Errorf("below a span that started under debug: %v, want Debug", got)
	}
}

func TestSamplingHasNames(t *testing.T) {
	if got := fmt.Sprint(propagation.Unsaid, propagation.Denied, propagation.Deferred, propagation.Debug, propagation.Accepted, propagation.Sampling(9)); got != "unsaid denied deferred debug accepted unknown" {
		t.Errorf("got %s", got)
	}
}

func TestJaegerRules(t *testing.T) {
	tests := []struct{ name, field, want, sent string }{
		{"sampled", validTrace + ":" + validSpan + ":0:1", validTrace + " " + validSpan + " true", validTrace + ":" + validSpan + ":0:1"},
		{"not sampled", validTrace + ":" + validSpan + ":0:0", validTrace + " " + validSpan + " false", validTrace + ":" + validSpan + ":0:0"},
		{"debug", validTrace + ":" + validSpan + ":0:3", validTrace + " " + validSpan + " true debug", validTrace + ":" + validSpan + ":0:3"},
		{"debug without sampled", validTrace + ":" + validSpan + ":0:2", validTrace + " " + validSpan + " false", validTrace + ":" + validSpan + ":0:0"},
		{"URL-encoded", validTrace + "%3A" + validSpan + "%3a0%3A1", validTrace + " " + validSpan + " true", validTrace + ":" + validSpan + ":0:1"},
		{"short IDs", "3ce:2b7:0:1", "3ce 00000000000002b7 true", "000000000000000000000000000003ce:00000000000002b7:0:1"},
		{"zero", "0:2b7:0:1", "none", ""},
		{"a sign in the flags", validTrace + ":" + validSpan + ":0:-1", "none", ""},
		{"bad escape", validTrace + "%3" + validSpan, "none", ""},
		{"three parts", validTrace + ":" + validSpan + ":0", "none", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fields := map[string]string{"uber-trace-id": test.field}
			if got := read(propagation.Jaeger{}, fields); got != test.want {
				t.Errorf("extracted %q, want %q", got, test.want)
			}
			if got := sent(propagation.Jaeger{}, fields)["uber-trace-id"]; got != test.sent {
				t.Errorf("sent %q, want %q", got, test.sent)
			}
		})
	}
}

func TestJaegerCarriesBaggage(t *testing.T) {
	fields := map[string]string{"Uberctx-User": "a%20b", "uberctx-region": "eu", "uberctx-bad": "%zz", "uberctx-": "no name"}
	want := map[string]string{"uberctx-user": "a+b", "uberctx-region": "eu"}
	if diff := cmp.Diff(want, sent(propagation.Jaeger{}, fields)); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

func TestBaggageRules(t *testing.T) {
	var many, wide []string
	for i := range 70 {
		many = append(many, fmt.Sprintf("k%02d=%d", i, i))
		wide = append(wide, fmt.Sprintf("k%02d=%s", i, strings.Repeat("v", 200)))
	}
	tests := []struct{ name, in, want string }{
		{"by key", "b=2,a=1", "a=1,b=2"},
		{"bad members are skipped", "a=1,=,b,c d=3,e=5", "a=1,e=5"},
		{"properties stay", "a=1;p=q", "a=1;p=q"},
		{"of one key the last stays", "a=1,a=2", "a=2"},
		{"64 members", strings.Join(many, ","), strings.Join(many[:64], ",")},
		{"8,192 bytes", strings.Join(wide, ","), strings.Join(wide[:39], ",")},
		{"none", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := sent(propagation.Baggage{}, map[string]string{"baggage": test.in})["baggage"]; got != test.want {
				t.Errorf("sent %q, want %q", got, test.want)
			}
		})
	}
}

// A carrier without baggage that is of use takes none away.
func TestBaggageOfTheContextStaysWhereNoneComes(t *testing.T) {
	own, err := baggage.Parse("mine=1")
	if err != nil {
		t.Fatal(err)
	}
	ctx := baggage.ContextWithBaggage(t.Context(), own)
	for _, field := range []string{"", ",", "bad", "a=" + strings.Repeat("x", 9000)} {
		if got := baggage.FromContext(propagation.Baggage{}.Extract(ctx, propagation.Map{"baggage": field})); got.String() != "mine=1" {
			t.Errorf("%.20q: baggage is %q, want that of the context", field, got)
		}
	}
}

func TestBaggageLinesAreJoined(t *testing.T) {
	ctx := propagation.Baggage{}.Extract(t.Context(), propagation.Header{"Baggage": {"a=1", "b=2"}})
	if got := baggage.FromContext(ctx).Len(); got != 2 {
		t.Errorf("%d members, want 2", got)
	}
}

func TestChainTakesTheFirstContextAndAllBaggage(t *testing.T) {
	other := strings.Repeat("a", 32)
	chain := propagation.New(propagation.Baggage{}, propagation.W3C{}, propagation.Jaeger{}, propagation.B3{})
	fields := map[string]string{
		"traceparent": validParent, "uber-trace-id": other + ":" + validSpan + ":0:3",
		"b3": other + "-" + validSpan + "-1", "baggage": "a=1", "uberctx-b": "2",
	}
	want := map[string]string{
		"traceparent": validParent, "baggage": "a=1,b=2", "uberctx-a": "1", "uberctx-b": "2",
		"uber-trace-id": validTrace + ":" + validSpan + ":0:1",
		"x-b3-traceid":  validTrace, "x-b3-spanid": validSpan, "x-b3-sampled": "1",
	}
	if diff := cmp.Diff(want, sent(chain, fields)); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	delete(fields, "traceparent")
	if got, want := read(chain, fields), other+" "+validSpan+" true debug"; got != want {
		t.Errorf("without traceparent extracted %q, want %q", got, want)
	}
	wantFields := []string{"baggage", "traceparent", "tracestate", "uber-trace-id", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"}
	if diff := cmp.Diff(wantFields, chain.Fields()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// In any order of the chain each format brings its own baggage; what was in the context before goes where Baggage would replace it.
func TestChainJoinsBaggage(t *testing.T) {
	fields := propagation.Map{"baggage": "a=1,c=3", "uberctx-b": "2", "uberctx-c": "4"}
	for _, test := range []struct {
		chain propagation.Chain
		want  string
	}{
		{propagation.New(propagation.Baggage{}, propagation.Jaeger{}), "a=1,b=2,c=4"},
		{propagation.New(propagation.Jaeger{}, propagation.Baggage{}), "a=1,b=2,c=3"},
		{propagation.New(propagation.Jaeger{}, propagation.W3C{}, propagation.Baggage{}), "a=1,b=2,c=3"},
		{propagation.New(propagation.Jaeger{}), "b=2,c=4,old=0"},
	} {
		before := propagation.Baggage{}.Extract(t.Context(), propagation.Map{"baggage": "old=0"})
		sent := propagation.Map{}
		propagation.Baggage{}.Inject(test.chain.Extract(before, fields), sent)
		if sent["baggage"] != test.want {
			t.Errorf("%v: %q, want %q", test.chain, sent["baggage"], test.want)
		}
	}
}
