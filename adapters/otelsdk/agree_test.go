package otelsdk_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tenon-go/tenon/adapters/otelsdk"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"pgregory.net/rapid"
)

// overHTTP returns the SDK's own exporter, which sends to s.
func overHTTP(t *testing.T, s tracing.Sink) sdk.SpanExporter {
	t.Helper()
	handler, err := otlp.NewHandler(s, otlp.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(server.URL+"/v1/traces"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := exporter.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return exporter
}

// byID returns the spans that came, in the order of their IDs, and forgets them.
func (s *sink) byID() []tracing.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	spans := s.spans
	s.spans = nil
	slices.SortFunc(spans, func(a, b tracing.Span) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return spans
}

func diff(want, got []tracing.Span) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b attribute.Value) bool { return a.Type() == b.Type() && a.String() == b.String() }))
}

// One provider with three ways out.
func TestFieldsAreThoseOfTheSDKsExporter(t *testing.T) {
	theirs, processed, exported := &sink{}, &sink{}, &sink{}
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(overHTTP(t, theirs)), sdk.WithSpanProcessor(bridge(t, processed, otelsdk.Config{})), sdk.WithBatcher(bridge(t, exported, otelsdk.Config{})),
		sdk.WithResource(resource.NewWithAttributes("https://schema/resource", attribute.String("service.name", "cart"))),
		sdk.WithRawSpanLimits(sdk.SpanLimits{AttributeCountLimit: 3, EventCountLimit: 2, LinkCountLimit: 1, AttributeValueLengthLimit: -1, AttributePerEventCountLimit: 1, AttributePerLinkCountLimit: 1}))
	tracer := provider.Tracer("lib", trace.WithInstrumentationVersion("1.2"), trace.WithSchemaURL("https://schema"), trace.WithInstrumentationAttributes(attribute.Bool("x", true)))
	state, err := trace.ParseTraceState("ot=th:8,vendor=1")
	if err != nil {
		t.Fatal(err)
	}
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled | trace.FlagsRandom, TraceState: state, Remote: true})
	ctx, outer := tracer.Start(trace.ContextWithRemoteSpanContext(t.Context(), remote), "outer", trace.WithSpanKind(trace.SpanKindConsumer))
	_, inner := tracer.Start(ctx, "inner", trace.WithLinks(trace.Link{SpanContext: outer.SpanContext(), Attributes: []attribute.KeyValue{attribute.Int("a", 1), attribute.Int("b", 2)}}, trace.Link{SpanContext: outer.SpanContext()}))
	for i := range 5 {
		inner.SetAttributes(attribute.Int(fmt.Sprint("k", i), i))
		inner.AddEvent("event", trace.WithAttributes(attribute.String("k", "v"), attribute.String("l", "v")))
	}
	inner.RecordError(context.Canceled)
	inner.SetStatus(codes.Error, "why")
	inner.End()
	outer.SetStatus(codes.Ok, "")
	outer.End()
	_, alone := provider.Tracer("").Start(t.Context(), "alone", trace.WithNewRoot())
	alone.End()
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := theirs.byID()
	if len(want) != 3 {
		t.Fatalf("the SDK delivered %d spans, want 3", len(want))
	}
	for name, s := range map[string]*sink{"processor": processed, "exporter": exported} {
		got := s.byID()
		for i := range got {
			for j := range got[i].Links {
				got[i].Links[j].TraceState = "" // The SDK's exporter leaves it out.
			}
		}
		if d := diff(want, got); d != "" {
			t.Errorf("%s: -SDK +ours:\n%s", name, d)
		}
	}
}

func TestLinksKeepTheirTraceState(t *testing.T) {
	s := &sink{}
	state, err := trace.ParseTraceState("ot=th:8")
	if err != nil {
		t.Fatal(err)
	}
	linked := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceState: state})
	stub := tracetest.SpanStub{SpanContext: spans(1)[0].SpanContext(), Links: []sdk.Link{{SpanContext: linked}}}
	if err := bridge(t, s, otelsdk.Config{}).ExportSpans(t.Context(), []sdk.ReadOnlySpan{stub.Snapshot()}); err != nil {
		t.Fatal(err)
	}
	if got := s.spans[0].Links[0].TraceState; got != "ot=th:8" {
		t.Errorf("got %q", got)
	}
}

// Whatever spans say.
func TestAnySpansAreThoseOfTheSDKsExporter(t *testing.T) {
	theirs, processed, exported := &sink{}, &sink{}, &sink{}
	peer, processor, exporter := overHTTP(t, theirs), bridge(t, processed, otelsdk.Config{}), bridge(t, exported, otelsdk.Config{})
	rapid.Check(t, func(rt *rapid.T) {
		list := anySpans(rt)
		for _, s := range list {
			processor.OnEnd(s)
		}
		for _, err := range []error{peer.ExportSpans(t.Context(), list), exporter.ExportSpans(t.Context(), list), processor.ForceFlush(t.Context())} {
			if err != nil {
				rt.Fatal(err)
			}
		}
		want := theirs.byID()
		got := map[string][]tracing.Span{"processor": processed.byID(), "exporter": exported.byID()}
		if len(want) != len(list) {
			rt.Fatalf("the SDK delivered %d spans of %d", len(want), len(list))
		}
		for name, spans := range got {
			if d := diff(want, spans); d != "" {
				rt.Fatalf("%s: -SDK +ours:\n%s", name, d)
			}
		}
	})
}

// anySpans draws sampled spans with IDs of their own, of a few resources and scopes.
func anySpans(t *rapid.T) []sdk.ReadOnlySpan {
	// With attributes that differ: the SDK's exporter sends resources that differ in their schema alone under the schema of one of them.
	resources := []*resource.Resource{rapid.SampledFrom([]*resource.Resource{nil, resource.Empty()}).Draw(t, "no resource")}
	for i, schema := range []string{"", "https://schema"} {
		resources = append(resources, resource.NewWithAttributes(schema, append(anyAttributes(t, "resource"), attribute.Int("own", i))...))
	}
	scopes := []instrumentation.Scope{{}, {Name: "lib"}, {Name: "lib", Version: "1", SchemaURL: "https://schema", Attributes: attribute.NewSet(anyAttributes(t, "scope")...)}}
	stubs := make(tracetest.SpanStubs, rapid.IntRange(1, 6).Draw(t, "spans"))
	for i := range stubs {
		stubs[i] = anySpan(t, byte(i+1))
		stubs[i].InstrumentationScope = rapid.SampledFrom(scopes).Draw(t, "scope")
		stubs[i].Resource = rapid.SampledFrom(resources).Draw(t, "resource")
	}
	return stubs.Snapshots()
}

func anySpan(t *rapid.T, id byte) tracetest.SpanStub {
	count := rapid.IntRange(-1, 1<<33)
	stub := tracetest.SpanStub{
		Name:        rapid.String().Draw(t, "name"),
		SpanContext: anyContext(t, id, trace.FlagsSampled),
		Parent:      anyContext(t, rapid.ByteRange(0, 2).Draw(t, "parent"), 0),
		SpanKind:    trace.SpanKind(rapid.IntRange(0, 5).Draw(t, "kind")),
		StartTime:   anyTime(t), EndTime: anyTime(t),
		Attributes: anyAttributes(t, "span"),
		Status: sdk.Status{
			Code:        rapid.SampledFrom([]codes.Code{codes.Unset, codes.Error, codes.Ok}).Draw(t, "status"),
			Description: rapid.StringN(0, 5, -1).Draw(t, "description"),
		},
		DroppedAttributes: count.Draw(t, "dropped"), DroppedEvents: count.Draw(t, "dropped"), DroppedLinks: count.Draw(t, "dropped"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "events") {
		stub.Events = append(stub.Events, sdk.Event{Name: rapid.String().Draw(t, "event"), Time: anyTime(t), Attributes: anyAttributes(t, "event"), DroppedAttributeCount: count.Draw(t, "dropped")})
	}
	for range rapid.IntRange(0, 2).Draw(t, "links") {
		linked := anyContext(t, 9, 0).WithTraceState(trace.TraceState{}) // Which the SDK's exporter leaves out.
		stub.Links = append(stub.Links, sdk.Link{SpanContext: linked, Attributes: anyAttributes(t, "link"), DroppedAttributeCount: count.Draw(t, "dropped")})
	}
	return stub
}

func anyContext(t *rapid.T, id byte, flags trace.TraceFlags) trace.SpanContext {
	state := rapid.SampledFrom([]string{"", "ot=th:8", "a=1,b=2"}).Draw(t, "tracestate")
	parsed, err := trace.ParseTraceState(state)
	if err != nil {
		t.Fatal(err)
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{rapid.ByteRange(1, 3).Draw(t, "trace")}, SpanID: trace.SpanID{id}, TraceState: parsed,
		TraceFlags: flags | trace.TraceFlags(rapid.SampledFrom([]byte{0, 1, 2, 3}).Draw(t, "flags")), Remote: rapid.Bool().Draw(t, "remote"),
	})
}

func anyTime(t *rapid.T) time.Time {
	return time.Unix(0, rapid.Int64Min(0).Draw(t, "time"))
}

func anyAttributes(t *rapid.T, label string) []attribute.KeyValue {
	list := make([]attribute.KeyValue, rapid.IntRange(0, 3).Draw(t, label))
	for i := range list {
		list[i] = attribute.KeyValue{Key: attribute.Key(fmt.Sprint("key", i)), Value: anyValue(t, 2)}
	}
	return list
}

// anyValue draws a value of any kind, nested to depth.
func anyValue(t *rapid.T, depth int) attribute.Value {
	kinds := 9
	if depth > 0 {
		kinds = 11
	}
	switch rapid.IntRange(1, kinds).Draw(t, "kind") {
	case 1:
		return attribute.BoolValue(rapid.Bool().Draw(t, "bool"))
	case 2:
		return attribute.Int64Value(rapid.Int64().Draw(t, "int"))
	case 3:
		return attribute.Float64Value(rapid.Float64().Draw(t, "float"))
	case 4:
		return attribute.StringSliceValue(rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "strings"))
	case 5:
		return attribute.BoolSliceValue(rapid.SliceOfN(rapid.Bool(), 0, 3).Draw(t, "bools"))
	case 6:
		return attribute.Int64SliceValue(rapid.SliceOfN(rapid.Int64(), 0, 3).Draw(t, "ints"))
	case 7:
		return attribute.Float64SliceValue(rapid.SliceOfN(rapid.Float64(), 0, 3).Draw(t, "floats"))
	case 8:
		return attribute.ByteSliceValue(rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "bytes"))
	case 10:
		return attribute.MapValue(attribute.KeyValue{Key: "inner", Value: anyValue(t, depth-1)})
	case 11:
		return attribute.SliceValue(anyValue(t, depth-1), attribute.BoolValue(true))
	default:
		return attribute.StringValue(rapid.String().Draw(t, "string"))
	}
}
