//nolint:gosec // Numbers of tests are small.
package integration_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"pgregory.net/rapid"
)

// checkAgainstPdata holds Scan and Decode to the Collector's own reading of a request. Known differences: of what pdata takes, spans without
// IDs, or nested deeper than 64 messages, are rejected alone; resources and scopes nested deeper than that are refused; of what pdata
// refuses, wrong lengths of IDs reject their span alone. Groups are always malformed, where pdata takes some that are empty.
func checkAgainstPdata(tb testing.TB, req []byte) {
	tb.Helper()
	peer := ptraceotlp.NewExportRequest()
	peerErr := peer.UnmarshalProto(req)
	rejected := map[tracing.Rejection]int{}
	err := tracing.Scan(req, func(_ tracing.View, why tracing.Rejection) { rejected[why]++ })
	lengths := rejected[tracing.BadTraceID] + rejected[tracing.BadSpanID] + rejected[tracing.BadParentID] + rejected[tracing.BadLinkID]
	switch {
	case err != nil && peerErr == nil:
		if broken, ok := errors.AsType[*tracing.RequestError](err); !ok || broken.Reason != "group" && !strings.Contains(broken.Reason, "64 messages") {
			tb.Fatalf("refused: %v; pdata takes %x", err, req)
		}
		return
	case err == nil && peerErr != nil:
		if lengths == 0 && rejected[tracing.TooDeep] == 0 {
			tb.Fatalf("taken; pdata says %v of %x", peerErr, req)
		}
		return
	case err != nil || len(rejected) > 1 || len(rejected) == 1 && rejected[tracing.Fine] == 0:
		return
	}
	spans, err := tracing.Decode(req)
	if err != nil {
		tb.Fatal(err)
	}
	want := pdataSpans(peer.Traces())
	again := ptraceotlp.NewExportRequest()
	if err := again.UnmarshalProto(tracing.Encode(spans)); err != nil {
		tb.Fatalf("pdata does not read what Encode wrote: %v", err)
	}
	if diff := cmp.Diff(want, without(spans), equalSpans(attribute.Value.String)); diff != "" {
		tb.Fatalf("decoded (-pdata +ours):\n%s\nof %x", diff, req)
	}
	if diff := cmp.Diff(want, pdataSpans(again.Traces()), equalSpans(attribute.Value.String)); diff != "" {
		tb.Fatalf("encoded (-before +after):\n%s", diff)
	}
}

// equalSpans compares spans by the text of their values, and without the entities of their resources, which pdata keeps to itself.
func equalSpans(text func(attribute.Value) string) cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b attribute.Value) bool { return a.Type() == b.Type() && text(a) == text(b) }),
		cmpopts.EquateEmpty(), cmpopts.IgnoreFields(tracing.Resource{}, "Entities"),
	}
}

// without returns spans without resources and scopes that say nothing: pdata does not tell them from none.
func without(spans []tracing.Span) []tracing.Span {
	for i := range spans {
		s := &spans[i]
		if r := s.Resource; r != nil && len(r.Attributes) == 0 && r.Dropped == 0 && r.SchemaURL == "" {
			s.Resource = nil
		}
		if c := s.Scope; c != nil && len(c.Attributes) == 0 && c.Dropped == 0 && c.Name+c.Version+c.SchemaURL == "" {
			s.Scope = nil
		}
	}
	return spans
}

// validText returns the text of a value with U+FFFD in place of what is not UTF-8.
func validText(v attribute.Value) string {
	return strings.ReplaceAll(strings.ToValidUTF8(v.String(), "\uFFFD"), `\ufffd`, "\uFFFD")
}

// pdataSpans takes the Collector's form apart as Decode takes the wire's.
func pdataSpans(traces ptrace.Traces) []tracing.Span {
	var all []tracing.Span
	for _, rs := range traces.ResourceSpans().All() {
		var resource *tracing.Resource
		if r := (tracing.Resource{Attributes: pdataAttributes(rs.Resource().Attributes()), Dropped: rs.Resource().DroppedAttributesCount(), SchemaURL: rs.SchemaUrl()}); len(r.Attributes) > 0 || r.Dropped > 0 || r.SchemaURL != "" {
			resource = &r
		}
		for _, ss := range rs.ScopeSpans().All() {
			var scope *tracing.Scope
			if s := (tracing.Scope{Name: ss.Scope().Name(), Version: ss.Scope().Version(), Attributes: pdataAttributes(ss.Scope().Attributes()), Dropped: ss.Scope().DroppedAttributesCount(), SchemaURL: ss.SchemaUrl()}); s.Name+s.Version+s.SchemaURL != "" || len(s.Attributes) > 0 || s.Dropped > 0 {
				scope = &s
			}
			for _, span := range ss.Spans().All() {
				s := pdataSpan(span)
				s.Resource, s.Scope = resource, scope
				all = append(all, s)
			}
		}
	}
	return all
}

func pdataSpan(s ptrace.Span) tracing.Span {
	span := tracing.Span{
		TraceID: trace.TraceID(s.TraceID()), ID: trace.SpanID(s.SpanID()), Parent: trace.SpanID(s.ParentSpanID()), TraceState: s.TraceState().AsRaw(), Flags: s.Flags(),
		Name: s.Name(), Kind: trace.SpanKind(s.Kind()), Start: pdataTime(s.StartTimestamp()), End: pdataTime(s.EndTimestamp()), Attributes: pdataAttributes(s.Attributes()),
		Status:  tracing.Status{Code: codes.Code(uint32(s.Status().Code())), Message: s.Status().Message()},
		Dropped: tracing.Dropped{Attributes: s.DroppedAttributesCount(), Events: s.DroppedEventsCount(), Links: s.DroppedLinksCount()},
	}
	switch s.Status().Code() { //nolint:exhaustive // The others have the same number.
	case ptrace.StatusCodeOk:
		span.Status.Code = codes.Ok
	case ptrace.StatusCodeError:
		span.Status.Code = codes.Error
	}
	for _, e := range s.Events().All() {
		span.Events = append(span.Events, tracing.Event{Time: pdataTime(e.Timestamp()), Name: e.Name(), Attributes: pdataAttributes(e.Attributes()), Dropped: e.DroppedAttributesCount()})
	}
	for _, l := range s.Links().All() {
		span.Links = append(span.Links, tracing.Link{
			TraceID: trace.TraceID(l.TraceID()), ID: trace.SpanID(l.SpanID()), TraceState: l.TraceState().AsRaw(), Flags: l.Flags(),
			Attributes: pdataAttributes(l.Attributes()), Dropped: l.DroppedAttributesCount(),
		})
	}
	return span
}

func pdataTime(at pcommon.Timestamp) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(int64(at/1e9), int64(at%1e9)).UTC()
}

func pdataAttributes(m pcommon.Map) []attribute.KeyValue {
	var all []attribute.KeyValue
	for key, value := range m.All() {
		all = append(all, attribute.KeyValue{Key: attribute.Key(key), Value: pdataValue(value)})
	}
	return all
}

func pdataValue(v pcommon.Value) attribute.Value {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return attribute.StringValue(v.Str())
	case pcommon.ValueTypeBool:
		return attribute.BoolValue(v.Bool())
	case pcommon.ValueTypeInt:
		return attribute.Int64Value(v.Int())
	case pcommon.ValueTypeDouble:
		return attribute.Float64Value(v.Double())
	case pcommon.ValueTypeBytes:
		return attribute.ByteSliceValue(v.Bytes().AsRaw())
	case pcommon.ValueTypeMap:
		return attribute.MapValue(pdataAttributes(v.Map())...)
	case pcommon.ValueTypeSlice:
		values := v.Slice()
		list := make([]attribute.Value, 0, values.Len())
		for _, value := range values.All() {
			list = append(list, pdataValue(value))
		}
		return pdataList(list)
	case pcommon.ValueTypeEmpty:
	}
	return attribute.Value{}
}

// pdataList returns a list as the API has it, which knows lists of one type.
func pdataList(list []attribute.Value) attribute.Value {
	kinds := map[attribute.Type]bool{}
	for _, v := range list {
		kinds[v.Type()] = true
	}
	if len(kinds) == 1 {
		switch slices.Collect(maps.Keys(kinds))[0] { //nolint:exhaustive // The others have no lists of their own.
		case attribute.STRING:
			return attribute.StringSliceValue(pdataAs(list, attribute.Value.AsString))
		case attribute.BOOL:
			return attribute.BoolSliceValue(pdataAs(list, attribute.Value.AsBool))
		case attribute.INT64:
			return attribute.Int64SliceValue(pdataAs(list, attribute.Value.AsInt64))
		case attribute.FLOAT64:
			return attribute.Float64SliceValue(pdataAs(list, attribute.Value.AsFloat64))
		}
	}
	return attribute.SliceValue(list...)
}

func pdataAs[T any](list []attribute.Value, as func(attribute.Value) T) (all []T) {
	for _, v := range list {
		all = append(all, as(v))
	}
	return all
}

// randomTraces fills every kind of field that pdata has.
func randomTraces(r *rand.Rand) ptrace.Traces {
	traces := ptrace.NewTraces()
	for range r.IntN(3) + 1 {
		rs := traces.ResourceSpans().AppendEmpty()
		randomAttributes(r, rs.Resource().Attributes(), 2)
		rs.Resource().SetDroppedAttributesCount(r.Uint32N(2))
		if r.IntN(2) == 0 {
			rs.SetSchemaUrl("https://resource")
		}
		for range r.IntN(3) {
			ss := rs.ScopeSpans().AppendEmpty()
			ss.Scope().SetName(fmt.Sprint("lib", r.IntN(3)))
			randomAttributes(r, ss.Scope().Attributes(), 1)
			for range r.IntN(4) {
				randomSpan(r, ss.Spans().AppendEmpty())
			}
		}
	}
	return traces
}

func randomSpan(r *rand.Rand, s ptrace.Span) {
	s.SetTraceID(pcommon.TraceID{1, byte(r.IntN(256))})
	s.SetSpanID(pcommon.SpanID{1, byte(r.IntN(256))})
	s.SetParentSpanID(pcommon.SpanID{byte(r.IntN(2))})
	s.TraceState().FromRaw([]string{"", "a=1,b=2"}[r.IntN(2)])
	s.SetName(fmt.Sprint("op", r.IntN(10)))
	s.SetKind(ptrace.SpanKind(r.IntN(8) - 1))
	s.SetStartTimestamp(pcommon.Timestamp(r.Uint64() >> r.IntN(64)))
	s.SetEndTimestamp(pcommon.Timestamp(r.Uint64() >> r.IntN(64)))
	s.SetFlags(r.Uint32() >> r.IntN(32))
	s.SetDroppedAttributesCount(r.Uint32() >> r.IntN(32))
	s.SetDroppedEventsCount(r.Uint32N(2))
	s.SetDroppedLinksCount(r.Uint32N(2))
	s.Status().SetCode(ptrace.StatusCode(r.IntN(5) - 1))
	s.Status().SetMessage([]string{"", "why"}[r.IntN(2)])
	randomAttributes(r, s.Attributes(), 3)
	for range r.IntN(3) {
		e := s.Events().AppendEmpty()
		e.SetName([]string{"", "event"}[r.IntN(2)])
		e.SetTimestamp(pcommon.Timestamp(r.Uint64() >> r.IntN(64)))
		randomAttributes(r, e.Attributes(), 1)
	}
	for range r.IntN(3) {
		l := s.Links().AppendEmpty()
		l.SetTraceID(pcommon.TraceID{byte(r.IntN(2))})
		l.SetSpanID(pcommon.SpanID{byte(r.IntN(2))})
		l.TraceState().FromRaw([]string{"", "c=3"}[r.IntN(2)])
		l.SetFlags(r.Uint32N(4))
		randomAttributes(r, l.Attributes(), 1)
	}
}

func randomAttributes(r *rand.Rand, m pcommon.Map, depth int) {
	for i := range r.IntN(4) {
		randomValue(r, m.PutEmpty(fmt.Sprint("k", i)), depth)
	}
}

func randomValue(r *rand.Rand, v pcommon.Value, depth int) {
	switch kind := r.IntN(8); {
	case kind == 0:
	case kind == 1:
		v.SetBool(r.IntN(2) == 0)
	case kind == 2:
		v.SetInt(int64(r.Uint64()) >> r.IntN(64))
	case kind == 3:
		v.SetDouble(r.NormFloat64())
	case kind == 4:
		v.SetEmptyBytes().FromRaw([]byte{0, 255}[:r.IntN(3)])
	case kind == 5 && depth > 0:
		list := v.SetEmptySlice()
		for range r.IntN(3) {
			randomValue(r, list.AppendEmpty(), depth-1)
		}
	case kind == 6 && depth > 0:
		randomAttributes(r, v.SetEmptyMap(), depth-1)
	default:
		v.SetStr([]string{"", "text", "not \xff UTF-8"}[r.IntN(3)])
	}
}

func TestScanAgreesWithPdata(t *testing.T) {
	const seeds = 200
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 0))
		req, err := ptraceotlp.NewExportRequestFromTraces(randomTraces(r)).MarshalProto()
		if err != nil {
			t.Fatal(err)
		}
		checkAgainstPdata(t, req)
		for range 10 { // Bent a little, most still have the form of a message here and there.
			bent := bytes.Clone(req)
			for range r.IntN(3) + 1 {
				if len(bent) == 0 {
					break
				}
				at := r.IntN(len(bent))
				switch r.IntN(4) {
				case 0:
					bent[at] = byte(r.IntN(256))
				case 1:
					bent[at] ^= 1 << r.IntN(8)
				case 2:
					bent = slices.Delete(bent, at, min(at+1+r.IntN(3), len(bent)))
				case 3:
					bent = slices.Insert(bent, at, byte(r.IntN(256)))
				}
			}
			checkAgainstPdata(t, bent)
		}
	}
}

func TestScanAgreesWithPdataOnWires(t *testing.T) {
	for _, test := range []string{
		"",                           // no bytes
		"0a00",                       // an empty resource
		"0a0212000a00",               // an empty scope
		"0a08 c23e 05 12 03 0a01 41", // the deprecated field, alone: a span cut short
		"f0ffffffff0f 01",            // a field number of 29 bits and more
		"80808080 10 00",             // one that wraps to zero
		"0a 80808080 8080808080 01",  // a length that is negative
		"0a0b 1209 12 07 1a05 743d 31 2c 62 0a00",
	} {
		req, err := hex.DecodeString(strings.ReplaceAll(test, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		checkAgainstPdata(t, req)
	}
}

func FuzzScanAgreesWithPdata(f *testing.F) {
	for seed := range uint64(20) {
		req, err := ptraceotlp.NewExportRequestFromTraces(randomTraces(rand.New(rand.NewPCG(seed, 1)))).MarshalProto()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(req)
	}
	f.Fuzz(func(t *testing.T, req []byte) { checkAgainstPdata(t, req) })
}

// Attributes of a view are what pdata's map finds, the first of equal keys.
func TestViewFindsWhatPdataFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		traces := ptrace.NewTraces()
		span := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		randomSpan(r, span)
		req, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
		if err != nil {
			t.Fatal(err)
		}
		err = tracing.Scan(req, func(v tracing.View, _ tracing.Rejection) {
			for key, want := range span.Attributes().All() {
				got, ok := v.Attr(key)
				if w := pdataValue(want); !ok || got.Type() != w.Type() || validText(got) != validText(w) {
					t.Fatalf("%s: got %s, want %s", key, got.String(), w.String())
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// JSON is read, and written, as the Collector's pdata does.
func TestJSONAgreesWithPdata(t *testing.T) {
	for seed := range uint64(300) {
		traces := randomTraces(rand.New(rand.NewPCG(seed, 5)))
		theirs, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		read := ptraceotlp.NewExportRequest() // What is not UTF-8 is lost in JSON.
		if err := read.UnmarshalJSON(theirs); err != nil {
			t.Fatal(err)
		}
		want := pdataSpans(read.Traces())
		req, err := otlp.FromJSON(theirs)
		if err != nil {
			t.Fatalf("%v\n%s", err, theirs)
		}
		spans, err := tracing.Decode(req)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, spans, equalSpans(attribute.Value.String)); diff != "" {
			t.Fatalf("read (-pdata +ours):\n%s\nof %s", diff, theirs)
		}
		ours, err := otlp.AppendJSON(nil, req)
		if err != nil {
			t.Fatal(err)
		}
		again := ptraceotlp.NewExportRequest()
		if err := again.UnmarshalJSON(ours); err != nil {
			t.Fatalf("pdata does not read what was written: %v\n%s", err, ours)
		}
		if diff := cmp.Diff(want, pdataSpans(again.Traces()), equalSpans(validText)); diff != "" {
			t.Fatalf("written (-before +after):\n%s\nof %s", diff, ours)
		}
	}
}

// FuzzJSONAgreesWithPdata has texts that may be no JSON: what both read, they read the same. Either takes some that the other does not: pdata
// names in snake_case, for one, and we what has an empty name.
func FuzzJSONAgreesWithPdata(f *testing.F) {
	for seed := range uint64(20) {
		text, err := ptraceotlp.NewExportRequestFromTraces(randomTraces(rand.New(rand.NewPCG(seed, 5)))).MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		req, err := otlp.FromJSON(text)
		if err != nil {
			return
		}
		ours, err := tracing.Decode(req)
		if err != nil {
			return // An ID of a wrong length, or what is nested too deep.
		}
		theirs := ptraceotlp.NewExportRequest()
		if err := theirs.UnmarshalJSON(text); err != nil {
			return
		}
		if diff := cmp.Diff(pdataSpans(theirs.Traces()), without(ours), equalSpans(validText)); diff != "" {
			t.Fatalf("-pdata +ours:\n%s\nof %s", diff, text)
		}
	})
}
