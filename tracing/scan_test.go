package tracing_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// field returns a Len field.
func field(number int, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	b := binary.AppendUvarint(nil, uint64(number)<<3|2) //nolint:gosec // A field's number.
	return append(binary.AppendUvarint(b, uint64(len(content))), content...)
}

// raw returns a Span message with IDs and more.
func raw(more ...[]byte) []byte {
	return slices.Concat(field(1, bytes.Repeat([]byte{1}, 16)), field(2, bytes.Repeat([]byte{2}, 8)), bytes.Join(more, nil))
}

// requestOf returns a request of one resource and scope with spans.
func requestOf(spans ...[]byte) []byte {
	var all []byte
	for _, span := range spans {
		all = append(all, field(2, span)...)
	}
	return field(1, field(2, all))
}

// nested returns an attribute that is a list in a list, depth messages deep.
func nested(number, depth int) []byte {
	value := []byte{}
	for range (depth - 2) / 2 {
		value = field(5, field(1, value)) // an AnyValue with an ArrayValue
	}
	return field(number, field(2, value))
}

func TestScanRejectsSpansAlone(t *testing.T) {
	tests := []struct {
		name string
		span []byte
		want tracing.Rejection
	}{
		{"fine", raw(), tracing.Fine},
		{"parent of zeros", raw(field(4, make([]byte, 8))), tracing.Fine},
		{"empty parent", raw(field(4)), tracing.Fine},
		{"empty link IDs", raw(field(13, field(1), field(2))), tracing.Fine},
		{"64 deep", raw(nested(9, 64)), tracing.Fine},
		{"no IDs", nil, tracing.BadTraceID},
		{"trace ID of zeros", slices.Concat(raw(), field(1, make([]byte, 16))), tracing.BadTraceID},
		{"short trace ID", slices.Concat(raw(), field(1, make([]byte, 15))), tracing.BadTraceID},
		{"no span ID", field(1, bytes.Repeat([]byte{1}, 16)), tracing.BadSpanID},
		{"long span ID", slices.Concat(raw(), field(2, make([]byte, 9))), tracing.BadSpanID},
		{"short parent", raw(field(4, []byte{1})), tracing.BadParentID},
		{"short link", raw(field(13, field(1, []byte{1}))), tracing.BadLinkID},
		{"65 deep", raw(nested(9, 66)), tracing.TooDeep},
		{"very deep", raw(nested(9, 5_000)), tracing.TooDeep},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []tracing.Rejection
			err := tracing.Scan(requestOf(test.span, raw()), func(_ tracing.View, rejected tracing.Rejection) { got = append(got, rejected) })
			if err != nil {
				t.Fatal(err)
			}
			if want := []tracing.Rejection{test.want, tracing.Fine}; !slices.Equal(got, want) {
				t.Errorf("rejected %q, want %q", got, want)
			}
		})
	}
}

func TestScanRefusesMalformedRequests(t *testing.T) {
	group := []byte{99<<3&0x7f | 3, 0} // any number with wire type 3
	tests := []struct {
		name   string
		req    []byte
		offset int
		reason string
	}{
		{"half a varint", []byte{0x80}, 0, "broken varint"},
		{"endless varint", bytes.Repeat([]byte{0x80}, 11), 0, "broken varint"},
		{"field number 0", []byte{0x02, 0}, 0, "illegal field number"},
		{"longer than the rest", []byte{0x0a, 5, 0}, 0, "field longer than its message"},
		{"wire type 6", []byte{0x7e}, 0, "illegal wire type"},
		{"a group", group, 0, "group"},
		{"resource spans as a number", []byte{0x08, 1}, 0, "wrong wire type of field resourceSpans"},
		{"spans as a number", field(1, field(2, []byte{0x10, 1})), 4, "wrong wire type of field spans"},
		{"in the second span", requestOf(raw(), []byte{0x29, 1}), 36, "field longer than its message"},
		{"in an attribute", requestOf(raw(field(9, []byte{0x0a, 9}))), 36, "field longer than its message"},
		{"beside one that is too deep", requestOf(raw(nested(9, 1000), field(9, []byte{0x0a, 9}))), -1, "field longer than its message"},
		{"in what is not read", field(1, field(2), field(1000, field(2, []byte{0x80}))), -1, "broken varint"},
		{"deep resource", field(1, field(1, nested(1, 66))), 6, "nested deeper than 64 messages"},
		{"deep scope", field(1, field(2, field(1, nested(3, 66)))), -1, "nested deeper than 64 messages"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := tracing.Scan(test.req, func(tracing.View, tracing.Rejection) {})
			broken, ok := errors.AsType[*tracing.RequestError](err)
			if !ok || broken.Reason != test.reason || !errors.Is(err, tracing.ErrPermanent) {
				t.Fatalf("got %v, want a RequestError: %s", err, test.reason)
			}
			if test.offset >= 0 && broken.Offset != test.offset {
				t.Errorf("offset %d, want %d", broken.Offset, test.offset)
			}
			if _, decoded := tracing.Decode(test.req); decoded == nil || decoded.Error() != err.Error() {
				t.Errorf("Decode says %v, Scan %v", decoded, err)
			}
		})
	}
}

func TestScanReadsWhatComesInAnyOrder(t *testing.T) {
	name := func(s string) []byte {
		return field(1, field(1, []byte("service.name")), field(2, field(1, []byte(s))))
	}
	req := field(1, // Spans before their scope, scope spans before their resource, resource and scope in two pieces.
		field(2, field(2, raw()), field(1, field(1, []byte("lib"))), field(1, field(2, []byte("1.0"))), field(3, []byte("scope"))),
		field(1, name("cart")), field(1, field(1, field(1, []byte("k")), field(2, []byte{0x18, 7}))), field(3, []byte("resource")))
	req = append(req, field(1, field(1000, field(2, raw())))...)
	var got []string
	err := tracing.Scan(req, func(v tracing.View, _ tracing.Rejection) {
		k, _ := v.Resource("k")
		got = append(got, strings.Join([]string{
			v.Service(), k.String(), v.ScopeName(), string(v.Origin().ResourceSchema), string(v.Origin().ScopeSchema),
		}, " "))
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"cart 7 lib resource scope", "unknown    "}, got); diff != "" {
		t.Errorf("views (-want +got):\n%s", diff)
	}
}

// full is a span with something in each field.
func full() tracing.Span {
	attributes := []attribute.KeyValue{
		attribute.String("string", "v"), attribute.Bool("bool", true), attribute.Int64("int", -1), attribute.Float64("double", 1.5),
		attribute.StringSlice("strings", []string{"a", ""}), attribute.BoolSlice("bools", []bool{true, false}),
		attribute.Int64Slice("ints", []int64{0, -2}), attribute.Float64Slice("doubles", []float64{0, 2.5}),
		attribute.ByteSlice("bytes", []byte{0, 255}), attribute.Slice("mixed", attribute.IntValue(1), attribute.StringValue("x"), attribute.Value{}),
		attribute.Map("map", attribute.Int("k", 1), attribute.Map("m")),
		{Key: "empty"},
		attribute.String("long", strings.Repeat("long", 100)), attribute.String("zero", ""),
	}
	return tracing.Span{
		TraceID: trace.TraceID{1, 15: 2}, ID: trace.SpanID{3}, Parent: trace.SpanID{4}, TraceState: "a=1,ot=th:8", Flags: 0x301, Name: "name",
		Kind: trace.SpanKindConsumer, Start: noon, End: noon.Add(1500 * time.Millisecond), Attributes: attributes,
		Events:   []tracing.Event{{Time: noon, Name: "event", Attributes: attributes[:2], Dropped: 1}, {}},
		Links:    []tracing.Link{{TraceID: trace.TraceID{5}, ID: trace.SpanID{6}, TraceState: "b=2", Flags: 0x101, Attributes: attributes[2:4], Dropped: 2}, {}},
		Status:   tracing.Status{Code: codes.Error, Message: "message"},
		Dropped:  tracing.Dropped{Attributes: 1, Events: 2, Links: 3},
		Resource: &tracing.Resource{Attributes: append([]attribute.KeyValue{attribute.String("service.name", "cart")}, attributes...), Dropped: 4, SchemaURL: "r", Entities: []tracing.Entity{{SchemaURL: "e", Type: "service", IDKeys: []string{"service.name"}, DescriptionKeys: []string{"a", "b"}}}},
		Scope:    &tracing.Scope{Name: "lib", Version: "1", Attributes: attributes[:1], Dropped: 5, SchemaURL: "s"},
	}
}

func TestEncodeAndDecodeAreInverse(t *testing.T) {
	first := full()
	second, third, bare := first, first, tracing.Span{TraceID: trace.TraceID{1}, ID: trace.SpanID{2}}
	second.Scope = &tracing.Scope{Name: "other"}
	third.Resource = &tracing.Resource{Dropped: 1}
	want := []tracing.Span{first, first, second, third, bare}
	req := tracing.Encode(want)
	got, err := tracing.Decode(req)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, compareValues()); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
	if got[0].Resource != got[2].Resource || got[0].Scope != got[1].Scope || got[0].Scope == got[2].Scope {
		t.Error("neighbours do not share their resource and scope")
	}
	if again := tracing.Encode(got); !bytes.Equal(req, again) {
		t.Error("encoded again, the request differs")
	}
}

func TestViewReadsEveryField(t *testing.T) {
	s := full()
	var views []tracing.View
	if err := tracing.Scan(tracing.Encode([]tracing.Span{s}), func(v tracing.View, _ tracing.Rejection) { views = append(views, v) }); err != nil {
		t.Fatal(err)
	}
	stored, err := tracing.NewView(views[0].Origin(), bytes.Clone(views[0].Raw()))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range append(views, stored) {
		if v.TraceID() != s.TraceID || v.ID() != s.ID || v.Parent() != s.Parent || v.Name() != s.Name || v.Kind() != s.Kind || v.Flags() != s.Flags ||
			v.TraceState() != s.TraceState || !v.Start().Equal(s.Start) || !v.End().Equal(s.End) || v.Duration() != 1500*time.Millisecond ||
			v.Status() != s.Status.Code || v.StatusMessage() != s.Status.Message || v.Service() != "cart" || v.ScopeName() != "lib" ||
			v.AdjustedCount() != 2 || !v.Remote() {
			t.Errorf("a field differs in %+v", v)
		}
		checkAttributes(t, v, s)
	}
}

// checkAttributes compares all ways to the attributes of a view of full.
func checkAttributes(t *testing.T, v tracing.View, s tracing.Span) {
	t.Helper()
	var all []attribute.KeyValue
	v.Each(func(key string, value attribute.Value) {
		all = append(all, attribute.KeyValue{Key: attribute.Key(key), Value: value})
	})
	if diff := cmp.Diff(s.Attributes, all, compareValues()); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	for name, get := range map[string]func(string) (attribute.Value, bool){"Attr": v.Attr, "Resource": v.Resource, "Scope": v.Scope} {
		if got, ok := get("string"); !ok || got.AsString() != "v" {
			t.Errorf("%s returned %v", name, got)
		}
		if _, ok := get("absent"); ok {
			t.Errorf("%s found what is absent", name)
		}
	}
	if got := slices.Collect(v.EventAttrs("bool")); len(got) != 1 || !got[0].AsBool() {
		t.Errorf("event attributes %v", got)
	}
	if got := slices.Collect(v.LinkAttrs("int")); len(got) != 1 || got[0].AsInt64() != -1 {
		t.Errorf("link attributes %v", got)
	}
	var links []trace.TraceID
	v.Links(func(id trace.TraceID, _ trace.SpanID) { links = append(links, id) })
	if diff := cmp.Diff([]trace.TraceID{{5}, {}}, links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

func TestViewOfOddSpans(t *testing.T) {
	start := func(nanos uint64) []byte { return binary.LittleEndian.AppendUint64([]byte{0x39}, nanos) }
	end := func(nanos uint64) []byte { return binary.LittleEndian.AppendUint64([]byte{0x41}, nanos) }
	view := func(more ...[]byte) tracing.View {
		v, err := tracing.NewView(nil, raw(more...))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if got := view(start(5), end(3)).Duration(); got != 0 {
		t.Errorf("duration %v of a span that ends before it starts, want 0", got)
	}
	if got := view(start(0), end(1<<64-1)).Duration(); got != 1<<63-1 {
		t.Errorf("duration %v, want the longest there is", got)
	}
	if got := view(start(1<<64 - 1)).Start().Year(); got != 2554 {
		t.Errorf("year %d, want 2554", got)
	}
	if v := view(); !v.Start().IsZero() || v.AdjustedCount() != 1 || v.Service() != "unknown" {
		t.Errorf("an empty span has start %v, count %v, service %q", v.Start(), v.AdjustedCount(), v.Service())
	}
	if got := view(field(5, []byte("a\xffb"))).Name(); got != "a\uFFFDb" {
		t.Errorf("name %q, want what is wrong replaced", got)
	}
	if v := view(field(15, []byte{0x18, 2}), field(15, field(2, []byte("m")))); v.Status() != codes.Error || v.StatusMessage() != "m" {
		t.Errorf("status in two pieces: %v %q", v.Status(), v.StatusMessage())
	}
	if v := view([]byte{0x30, 77}, field(15, []byte{0x18, 77})); v.Kind() != 77 || v.Status() != 77 {
		t.Errorf("kind %d, status %d, want the sender's numbers", v.Kind(), v.Status())
	}
	if got, _ := view(field(9, field(1, []byte("k")), field(2, []byte{0x18, 7}), field(2, nil), field(2, []byte{0x10, 1}))).Attr("k"); !got.AsBool() {
		t.Errorf("value %v, want the last of three", got)
	}
	for _, bad := range [][]byte{{0x80}, nil, field(1, []byte{1}), {0x08, 1}} {
		if _, err := tracing.NewView(nil, bad); !errors.Is(err, tracing.ErrPermanent) {
			t.Errorf("%x: got %v, want ErrPermanent", bad, err)
		}
	}
}

func TestTimesBeyondTheFormatStayInside(t *testing.T) {
	for _, test := range []struct {
		at   time.Time
		year int
	}{{time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), 1}, {time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC), 2554}, {time.Time{}, 1}} {
		s := tracing.Span{TraceID: trace.TraceID{1}, ID: trace.SpanID{1}, Start: test.at}
		got, err := tracing.Decode(tracing.Encode([]tracing.Span{s}))
		if err != nil || got[0].Start.Year() != test.year {
			t.Errorf("%v: year %v, %v; want %d", test.at, got, err, test.year)
		}
	}
}

// Hostile requests are refused, or read, in time and memory that their size bounds.
func TestHostileRequestsAreBounded(t *testing.T) {
	for name, req := range map[string][]byte{
		"a million empty spans":          field(1, field(2, bytes.Repeat([]byte{0x12, 0}, 1_000_000))),
		"a million resources":            bytes.Repeat([]byte{0x0a, 0}, 1_000_000),
		"a million scopes":               field(1, bytes.Repeat([]byte{0x12, 0}, 1_000_000)),
		"a length beyond memory":         {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"a resource in a million pieces": field(1, bytes.Repeat(field(1, field(1, field(1, []byte("k")))), 1_000_000)),
		"a value in a million pieces":    requestOf(raw(field(9, bytes.Repeat(field(2, field(1, []byte("v"))), 1_000_000)))),
		"ten thousand levels":            requestOf(raw(nested(9, 10_000))),
	} {
		begin := time.Now()
		allocs := testing.AllocsPerRun(1, func() { _ = tracing.Scan(req, func(v tracing.View, _ tracing.Rejection) { v.Attr("k") }) })
		if spent := time.Since(begin); spent > 20*time.Second || allocs > 1_100_000 {
			t.Errorf("%s: %v, %v allocations for %d bytes", name, spent, allocs, len(req))
		}
	}
}

// FuzzRequest holds Scan, Decode and Encode to each other on any bytes.
func FuzzRequest(f *testing.F) {
	f.Add(tracing.Encode([]tracing.Span{full()}))
	f.Add(requestOf(raw(), nil, raw(nested(9, 66))))
	f.Fuzz(func(t *testing.T, req []byte) {
		var views, rejected int
		err := tracing.Scan(req, func(v tracing.View, why tracing.Rejection) {
			views++
			v.Each(func(string, attribute.Value) {})
			v.Links(func(trace.TraceID, trace.SpanID) {})
			if why != tracing.Fine {
				rejected++
				return
			}
			if _, err := tracing.NewView(v.Origin(), v.Raw()); err != nil {
				t.Fatalf("accepted, but not as a stored span: %v", err)
			}
		})
		spans, decodeErr := tracing.Decode(req)
		if (err == nil && rejected == 0) != (decodeErr == nil) {
			t.Fatalf("Scan: %v and %d rejected, Decode: %v", err, rejected, decodeErr)
		}
		if decodeErr != nil {
			return
		}
		if len(spans) != views {
			t.Fatalf("%d spans, %d views", len(spans), views)
		}
		once := tracing.Encode(spans)
		again, err := tracing.Decode(once)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(once, tracing.Encode(again)) {
			t.Fatalf("encoded %x, then %x", once, tracing.Encode(again))
		}
	})
}

func BenchmarkScan(b *testing.B) {
	for _, size := range []struct {
		name       string
		attributes int
	}{{"attr0", 0}, {"attr8", 8}} {
		b.Run(size.name, func(b *testing.B) {
			spans := make([]tracing.Span, 1000)
			for i := range spans {
				spans[i] = tracing.Span{
					TraceID: trace.TraceID{1, 15: byte(i / 10)}, ID: trace.SpanID{1, byte(i >> 8), byte(i)}, Parent: trace.SpanID{1},
					Name: "GET /cart/items", Kind: trace.SpanKindServer, Start: noon, End: noon.Add(time.Second), Flags: 0x101,
				}
				for a := range size.attributes {
					spans[i].Attributes = append(spans[i].Attributes, attribute.String("attribute.key."+string(rune('a'+a)), "some value"))
				}
			}
			req := tracing.Encode(spans)
			b.SetBytes(int64(len(req)))
			b.ReportAllocs()
			for b.Loop() {
				if err := tracing.Scan(req, func(tracing.View, tracing.Rejection) {}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(spans)), "ns/span")
		})
	}
}
