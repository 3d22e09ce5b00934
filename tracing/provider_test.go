package tracing_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// A keeper is a sink that keeps what it takes. answer, if any, decides about a request first.
type keeper struct {
	mu     sync.Mutex
	reqs   [][]byte
	tries  int
	answer func(try int) (tracing.Result, error)
}

func (k *keeper) Ingest(_ context.Context, req []byte) (tracing.Result, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tries++
	var result tracing.Result
	if k.answer != nil {
		var err error
		if result, err = k.answer(k.tries); err != nil {
			return tracing.Result{}, err
		}
	}
	k.reqs = append(k.reqs, append([]byte(nil), req...))
	return result, nil
}

// counts returns how many requests came, and how many were taken.
func (k *keeper) counts() (tries, taken int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tries, len(k.reqs)
}

// spans returns what was taken, decoded.
func (k *keeper) spans(t *testing.T) []tracing.Span {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []tracing.Span
	for _, req := range k.reqs {
		spans, err := tracing.Decode(req)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, spans...)
	}
	return all
}

// counted returns IDs that count up, in the span's ID and in the end of the trace's.
func counted() func() (trace.TraceID, trace.SpanID) {
	var mu sync.Mutex
	var n uint64
	return func() (id trace.TraceID, span trace.SpanID) {
		mu.Lock()
		defer mu.Unlock()
		n++
		binary.BigEndian.PutUint64(id[8:], n)
		binary.BigEndian.PutUint64(span[:], n)
		return id, span
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // A constant.

// ticking returns a clock that moves by a millisecond each time it is read.
func ticking() func() time.Time {
	var mu sync.Mutex
	at := noon
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(time.Millisecond)
		return at
	}
}

// provide returns a provider with predictable IDs and clock, which is closed at the end of the test, and its sink.
func provide(t *testing.T, cfg tracing.Config) (*tracing.Provider, *keeper) {
	t.Helper()
	sink := &keeper{}
	if cfg.NewIDs == nil {
		cfg.NewIDs = counted()
	}
	if cfg.Now == nil {
		cfg.Now = ticking()
	}
	p, err := tracing.New(sink, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p, sink
}

// flushed returns the spans that ended.
func flushed(t *testing.T, p *tracing.Provider, sink *keeper) []tracing.Span {
	t.Helper()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return sink.spans(t)
}

func compareValues() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b attribute.Value) bool { return a.Type() == b.Type() && a.String() == b.String() }),
		cmpopts.EquateEmpty(),
	}
}

func TestSpanIsDeliveredWithAllThatWasRecorded(t *testing.T) {
	p, sink := provide(t, tracing.Config{Resource: []attribute.KeyValue{attribute.String("service.name", "cart")}})
	tracer := p.Tracer("lib", trace.WithInstrumentationVersion("1.2"), trace.WithSchemaURL("https://schema"), trace.WithInstrumentationAttributes(attribute.Bool("x", true)))
	ctx, parent := tracer.Start(t.Context(), "parent", trace.WithTimestamp(noon))
	other := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{9}, SpanID: trace.SpanID{9}, Remote: true, TraceFlags: trace.FlagsSampled})
	_, span := tracer.Start(ctx, "first name", trace.WithTimestamp(noon), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("a", "1"), attribute.String("a", "2")), trace.WithLinks(trace.Link{SpanContext: other}))
	span.SetName("name")
	span.SetAttributes(attribute.Int("b", 1), attribute.String("a", "3"), attribute.String("", "no key"))
	span.AddEvent("event", trace.WithTimestamp(noon.Add(time.Second)), trace.WithAttributes(attribute.Float64("c", 0.5)))
	span.RecordError(errors.New("broken"), trace.WithTimestamp(noon.Add(time.Second)))
	span.SetStatus(codes.Error, "why")
	span.SetStatus(codes.Unset, "lower, so ignored")
	span.AddLink(trace.Link{}) // says nothing
	span.End(trace.WithTimestamp(noon.Add(time.Minute)))
	span.SetName("too late")
	span.End()
	if span.IsRecording() {
		t.Error("the span goes on after End")
	}
	parent.End(trace.WithTimestamp(noon.Add(time.Hour)))

	flags := tracing.FlagSampled | tracing.FlagRandom | tracing.FlagKnowsRemote
	resource := &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "cart")}}
	scope := &tracing.Scope{Name: "lib", Version: "1.2", SchemaURL: "https://schema", Attributes: []attribute.KeyValue{attribute.Bool("x", true)}}
	id := trace.TraceID{15: 1}
	want := []tracing.Span{
		{
			TraceID: id, ID: trace.SpanID{7: 2}, Parent: trace.SpanID{7: 1}, TraceState: "ot=th:0", Flags: flags, Name: "name", Kind: trace.SpanKindClient,
			Start: noon, End: noon.Add(time.Minute), Attributes: []attribute.KeyValue{attribute.String("a", "3"), attribute.Int("b", 1)},
			Events: []tracing.Event{
				{Time: noon.Add(time.Second), Name: "event", Attributes: []attribute.KeyValue{attribute.Float64("c", 0.5)}},
				{Time: noon.Add(time.Second), Name: "exception", Attributes: []attribute.KeyValue{
					attribute.String("exception.type", "*errors.errorString"), attribute.String("exception.message", "broken"),
				}},
			},
			Links: []tracing.Link{{
				TraceID: trace.TraceID{9}, ID: trace.SpanID{9},
				Flags: tracing.FlagSampled | tracing.FlagKnowsRemote | tracing.FlagRemoteIsParent,
			}},
			Status: tracing.Status{Code: codes.Error, Message: "why"}, Dropped: tracing.Dropped{Attributes: 1}, Resource: resource, Scope: scope,
		},
		{
			TraceID: id, ID: trace.SpanID{7: 1}, TraceState: "ot=th:0", Flags: flags, Name: "parent", Kind: trace.SpanKindInternal,
			Start: noon, End: noon.Add(time.Hour), Resource: resource, Scope: scope,
		},
	}
	if diff := cmp.Diff(want, flushed(t, p, sink), compareValues()); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
}

func TestStatusOnlyRises(t *testing.T) {
	tests := []struct {
		set  []codes.Code
		want tracing.Status
	}{
		{[]codes.Code{codes.Unset}, tracing.Status{}},
		{[]codes.Code{codes.Error, codes.Unset}, tracing.Status{Code: codes.Error, Message: "0"}},
		{[]codes.Code{codes.Error, codes.Error}, tracing.Status{Code: codes.Error, Message: "1"}},
		{[]codes.Code{codes.Error, codes.Ok}, tracing.Status{Code: codes.Ok}},
		{[]codes.Code{codes.Ok, codes.Error}, tracing.Status{Code: codes.Ok}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.set), func(t *testing.T) {
			p, sink := provide(t, tracing.Config{})
			_, span := p.Tracer("").Start(t.Context(), "s")
			for i, code := range test.set {
				span.SetStatus(code, fmt.Sprint(i))
			}
			span.End()
			if got := flushed(t, p, sink)[0].Status; got != test.want {
				t.Errorf("status %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestLimitsAreCounted(t *testing.T) {
	p, sink := provide(t, tracing.Config{Limits: tracing.Limits{Attributes: 2, Events: 1, Links: 1}})
	three := []attribute.KeyValue{attribute.Int("a", 1), attribute.Int("b", 2), attribute.Int("c", 3)}
	link := trace.Link{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}}), Attributes: three}
	_, span := p.Tracer("").Start(t.Context(), "s", trace.WithAttributes(three...), trace.WithLinks(link, link))
	span.SetAttributes(attribute.Int("d", 4), attribute.Int("a", 5))
	span.AddEvent("one", trace.WithAttributes(three...))
	span.AddEvent("two")
	span.End()
	got := flushed(t, p, sink)[0]
	if want := (tracing.Dropped{Attributes: 2, Events: 1, Links: 1}); got.Dropped != want {
		t.Errorf("dropped %+v, want %+v", got.Dropped, want)
	}
	if diff := cmp.Diff([]attribute.KeyValue{attribute.Int("a", 5), attribute.Int("b", 2)}, got.Attributes, compareValues()); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if len(got.Events) != 1 || got.Events[0].Dropped != 1 || len(got.Links) != 1 || got.Links[0].Dropped != 1 {
		t.Errorf("events %+v, links %+v: want one each, without one attribute", got.Events, got.Links)
	}
}

func TestEndTakesNoTimeBack(t *testing.T) {
	at := noon
	p, sink := provide(t, tracing.Config{Now: func() time.Time { return at }})
	_, span := p.Tracer("").Start(t.Context(), "s")
	at = at.Add(time.Second)
	span.End()
	if got := flushed(t, p, sink)[0]; !got.End.Equal(noon.Add(time.Second)) || !got.Start.Equal(noon) {
		t.Errorf("from %v to %v, want one second from %v", got.Start, got.End, noon)
	}
}

func TestNewRootStartsATrace(t *testing.T) {
	p, _ := provide(t, tracing.Config{})
	ctx, first := p.Tracer("").Start(t.Context(), "first")
	_, second := p.Tracer("").Start(ctx, "second", trace.WithNewRoot())
	if first.SpanContext().TraceID() == second.SpanContext().TraceID() {
		t.Error("a new root is in its parent's trace")
	}
	if second.TracerProvider() != trace.TracerProvider(p) {
		t.Error("a span does not know its provider")
	}
}

func TestBelowASpanThatIsNotRecordedNothingIs(t *testing.T) {
	p, _ := provide(t, tracing.Config{Probability: 0.5, NewIDs: fixed("4bf92f3577b34da6a300000000000001")})
	ctx, first := p.Tracer("").Start(t.Context(), "first")
	below, second := p.Tracer("").Start(ctx, "second", trace.WithSpanKind(trace.SpanKindClient))
	_, third := p.Tracer("").Start(below, "third", trace.WithNewRoot())
	if !second.SpanContext().Equal(first.SpanContext()) || second.IsRecording() || second.TracerProvider() != trace.TracerProvider(p) {
		t.Errorf("below %v is %v: want the same", first.SpanContext(), second.SpanContext())
	}
	if third.SpanContext().SpanID() == first.SpanContext().SpanID() || third.SpanContext().IsSampled() {
		t.Errorf("a new root is %v, want another span, decided anew", third.SpanContext())
	}
}

func TestDefaultIDsAreRandomAndFlagged(t *testing.T) {
	sink := &keeper{}
	p, err := tracing.New(sink, tracing.Config{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[trace.SpanID]bool{}
	for range 1000 {
		_, span := p.Tracer("").Start(t.Context(), "s")
		sc := span.SpanContext()
		if !sc.IsValid() || !sc.TraceFlags().IsRandom() || seen[sc.SpanID()] {
			t.Fatalf("%v: want new, valid, random", sc)
		}
		seen[sc.SpanID()] = true
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestConfigProblemsAreReportedTogether(t *testing.T) {
	_, err := tracing.New(nil, tracing.Config{
		Probability: 1.5, Limits: tracing.Limits{Links: -1}, MaxBatch: -1, MaxDelay: -1, MaxQueueBytes: -1, Resource: []attribute.KeyValue{attribute.String("", "v")},
	})
	if !errors.Is(err, tracing.ErrConfig) {
		t.Fatalf("got %v, want ErrConfig", err)
	}
	for _, part := range []string{"no sink", "Probability 1.5", "Limits", "MaxBatch -1", "MaxDelay", "MaxQueueBytes -1", "Resource"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
}
