package otlp_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/trace"
)

// mixed returns spans of three traces, of two resources with two scopes each, one after the other, and a request of them and one without IDs.
func mixed() (spans []tracing.Span, req []byte, want tracing.Result) {
	cart, shop := &tracing.Resource{SchemaURL: "cart"}, &tracing.Resource{SchemaURL: "shop"}
	lib, own := &tracing.Scope{Name: "lib"}, &tracing.Scope{Name: "own"}
	for i := range 24 {
		resource, scope := cart, lib
		if i >= 12 {
			resource = shop
		}
		if i%12 >= 6 {
			scope = own
		}
		spans = append(spans, tracing.Span{TraceID: trace.TraceID{byte(i%3 + 1)}, ID: trace.SpanID{byte(i + 1)}, Resource: resource, Scope: scope})
	}
	req = append(tracing.Encode(spans), tracing.Encode([]tracing.Span{{}})...)
	return spans, req, tracing.Result{Accepted: 24, Rejected: 1, Reason: string(tracing.BadTraceID)}
}

// ofTrace returns every third span, which is those of a trace.
func ofTrace(spans []tracing.Span, i int) (some []tracing.Span) {
	for j := i; j < len(spans); j += 3 {
		some = append(some, spans[j])
	}
	return some
}

func TestGroupsHoldEverySpanOnce(t *testing.T) {
	spans, req, want := mixed()
	var groups otlp.Groups
	for range 2 { // It is used again.
		result, err := groups.Read(req)
		if err != nil || result != want || groups.Len() != 3 || groups.Rejected()[tracing.BadTraceID] != 1 {
			t.Fatalf("%+v, %v: %d traces, rejected %v", result, err, groups.Len(), groups.Rejected())
		}
	}
	for i := range groups.Len() {
		var b otlp.Builder
		id, count := groups.Trace(i)
		for v := range groups.Views(i) {
			b.Add(v)
		}
		got, err := tracing.Decode(b.Bytes())
		if err != nil || len(got) != count || b.Spans() != count || got[0].TraceID != id {
			t.Fatalf("trace %s: %d spans, %v, want %d", id, len(got), err, count)
		}
		if diff := cmp.Diff(ofTrace(spans, i), got); diff != "" {
			t.Errorf("trace %s (-want +got):\n%s", id, diff)
		}
	}
	if _, err := groups.Read([]byte{0x0a}); err == nil || groups.Len() != 0 {
		t.Errorf("a malformed request gives %v and %d traces", err, groups.Len())
	}
}

func TestPartsHoldEverySpanOnce(t *testing.T) {
	spans, req, want := mixed()
	parts, result, err := otlp.Split(req, 4, func(id trace.TraceID) int { return int(id[0]) })
	if err != nil || result != want || len(parts[0]) != 0 {
		t.Fatalf("%+v, %v, part 0 has %d bytes", result, err, len(parts[0]))
	}
	for i, part := range parts[1:] {
		got, err := tracing.Decode(part)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ofTrace(spans, i), got); diff != "" {
			t.Errorf("part %d (-want +got):\n%s", i+1, diff)
		}
	}
	if _, _, err := otlp.Split(req[:len(req)-1], 1, func(trace.TraceID) int { return 0 }); err == nil {
		t.Error("a malformed request was split")
	}
}

// What a builder puts together has the messages as they came, those with unknown fields too.
func TestBuilderCopiesByteForByte(t *testing.T) {
	unknown := []byte{0xfa, 0x3f, 1, 7} // field 1023
	span := append(tracing.AppendSpan(nil, &tracing.Span{TraceID: trace.TraceID{1}, ID: trace.SpanID{1}}), unknown...)
	origin := &tracing.Origin{Resource: unknown, Scope: unknown, ResourceSchema: []byte("r"), ScopeSchema: []byte("s")}
	v, err := tracing.NewView(origin, span)
	if err != nil {
		t.Fatal(err)
	}
	var b otlp.Builder
	b.Add(v)
	b.Reset()
	b.Add(v)
	b.Add(v)
	seen := 0
	err = tracing.Scan(b.Bytes(), func(v tracing.View, rejected tracing.Rejection) {
		seen++
		if rejected != tracing.Fine || !bytes.Equal(v.Raw(), span) {
			t.Errorf("span %x %s, want %x", v.Raw(), rejected, span)
		}
		if diff := cmp.Diff(origin, v.Origin(), cmpopts.IgnoreUnexported(tracing.Origin{})); diff != "" {
			t.Errorf("origin (-want +got):\n%s", diff)
		}
	})
	if err != nil || seen != 2 {
		t.Errorf("%d spans, %v", seen, err)
	}
}

// Room bounds what one request may take while it is read.
func TestGroupsAskForRoom(t *testing.T) {
	req := some(1)
	for range 16 {
		req = append(req, req...) // 65,536 spans of one trace.
	}
	full := errors.New("full")
	var asked []int
	groups := otlp.Groups{Room: func(spans, traces int) error {
		asked = append(asked, spans)
		if spans > 50_000 || traces != 1 {
			return full
		}
		return nil
	}}
	if result, err := groups.Read(req); !errors.Is(err, full) || result != (tracing.Result{}) || groups.Len() != 0 {
		t.Errorf("got %+v, %v, and %d traces", result, err, groups.Len())
	}
	if want := []int{32768, 49152, 65536}; !slices.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
	if _, err := groups.Read(req[:len(req)/4]); err != nil {
		t.Errorf("what fits comes after what did not: %v", err)
	}
	asked = nil
	if _, err := groups.Read(append(req, 0xff)); errors.Is(err, full) || err == nil {
		t.Errorf("got %v, want that it is malformed", err)
	}
}
