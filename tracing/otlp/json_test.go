package otlp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
)

// roundTrip turns a JSON request into protobuf and back.
func roundTrip(tb testing.TB, body []byte) []byte {
	tb.Helper()
	req, err := otlp.FromJSON(body)
	if err != nil {
		tb.Fatal(err)
	}
	text, err := otlp.AppendJSON(nil, req)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// values parses JSON and makes forms of one value equal: fields with their default are as if absent, except in the values of attributes; IDs
// are in lower case; 64-bit numbers are strings.
func values(tb testing.TB, body []byte) any {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		tb.Fatal(err)
	}
	return plain("", v)
}

func plain(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, member := range v {
			p := plain(k, member)
			if isValue := strings.HasSuffix(k, "Value"); p != nil && (isValue || !reflect.ValueOf(p).IsZero() && p != "0") {
				out[k] = p
			}
		}
		return out
	case []any:
		if len(v) == 0 {
			return nil
		}
		var out []any
		for _, element := range v {
			out = append(out, plain("", element))
		}
		return out
	case json.Number:
		if key == "doubleValue" {
			f, _ := v.Float64()
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
		return v.String()
	case string:
		if strings.HasSuffix(key, "Id") {
			return strings.ToLower(v)
		}
	}
	return v
}

func TestOTLPFilesAreEqualInValue(t *testing.T) {
	for _, folder := range []string{"tracing/otlp", "tracing/jaeger/traces"} {
		t.Run(folder, func(t *testing.T) {
			passed, files := 0, casetest.Files(t, folder)
			for _, file := range files {
				t.Run(file.Name, func(t *testing.T) {
					checkFile(t, file.Data)
					passed++
				})
			}
			t.Logf("cases %s: passed %d of %d", folder, passed, len(files))
		})
	}
}

// checkFile turns a request of a third party into protobuf and back, twice.
func checkFile(t *testing.T, body []byte) {
	t.Helper()
	text := roundTrip(t, body)
	if diff := cmp.Diff(values(t, body), values(t, text)); diff != "" {
		t.Fatalf("-file +round trip:\n%s", diff)
	}
	if again := roundTrip(t, text); !bytes.Equal(text, again) {
		t.Fatalf("written once:\n%s\ntwice:\n%s", text, again)
	}
	req, err := otlp.FromJSON(body)
	if err != nil {
		t.Fatal(err)
	}
	spans := 0
	err = tracing.Scan(req, func(_ tracing.View, rejected tracing.Rejection) {
		spans++
		if rejected != tracing.Fine {
			t.Errorf("a span is rejected: %s", rejected)
		}
	})
	if err != nil || spans == 0 {
		t.Fatalf("%d spans, %v", spans, err)
	}
}

// inSpan returns a request with one span that has these members too, and inValue one whose attribute k has this value.
func inSpan(members string) string {
	return `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01000000000000000000000000000000","spanId":"0200000000000000",` + members + `}]}]}]}`
}

func inValue(value string) string { return inSpan(`"attributes":[{"key":"k","value":` + value + `}]`) }

func TestJSONForms(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"no request", `{}`, `{}`},
		{"null is absent", `{"resourceSpans":null}`, `{}`},
		{"unknown fields are ignored", `{"x":[{"y":[1,-2.5e+3,"\u00e9",true,false,null,{}]}],"resource_spans":[{}]}`, `{}`},
		{"empty objects stay", `{"resourceSpans":[{"resource":{}},{}]}`, `{"resourceSpans":[{"resource":{}},{}]}`},
		{"IDs in any case", `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"ABcd","spanId":""}]}]}]}`, `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"abcd"}]}]}]}`},
		{"64 bits as string", inSpan(`"startTimeUnixNano":"18446744073709551615"`), inSpan(`"startTimeUnixNano":"18446744073709551615"`)},
		{"64 bits as number", inSpan(`"startTimeUnixNano":1544712660000000000`), inSpan(`"startTimeUnixNano":"1544712660000000000"`)},
		{"an exponent", inSpan(`"kind":2e0,"startTimeUnixNano":1e3`), inSpan(`"kind":2,"startTimeUnixNano":"1000"`)},
		{"a number of the sender's own", inSpan(`"kind":-7`), inSpan(`"kind":-7`)},
		{"the last of two counts", inSpan(`"name":"a","name":"b"`), inSpan(`"name":"b"`)},
		{"two objects are one", inSpan(`"status":{"code":2},"status":{"message":"m"}`), inSpan(`"status":{"message":"m","code":2}`)},
		{"default", inSpan(`"name":"","kind":0,"flags":0,"events":[]`), strings.Replace(inSpan(``), `,}`, `}`, 1)},
		{"string", inValue(`{"stringValue":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83dx<"}`), inValue(`{"stringValue":"a\"\\/\u0008\u000c\u000a\u000d\u0009é😀\uFFFDx\u003c"}`)},
		{"half a pair and another", inValue(`{"stringValue":"\ud83d\u0041"}`), inValue(`{"stringValue":"\uFFFDA"}`)},
		{"zeros of values stay", inValue(`{"intValue":0}`), inValue(`{"intValue":"0"}`)},
		{"false", inValue(`{"boolValue":false}`), inValue(`{"boolValue":false}`)},
		{"an empty list", inValue(`{"arrayValue":{"values":[]}}`), inValue(`{"arrayValue":{}}`)},
		{"nothing", inValue(`{}`), inValue(`{}`)},
		{"the last value counts", inValue(`{"intValue":1,"boolValue":true}`), inValue(`{"boolValue":true}`)},
		{"int", inValue(`{"intValue":"-9223372036854775808"}`), inValue(`{"intValue":"-9223372036854775808"}`)},
		{"double", inValue(`{"doubleValue":-1.5e300}`), inValue(`{"doubleValue":-1.5e+300}`)},
		{"not a number", inValue(`{"doubleValue":"NaN"}`), inValue(`{"doubleValue":"NaN"}`)},
		{"infinity", inValue(`{"doubleValue":"-Infinity"}`), inValue(`{"doubleValue":"-Infinity"}`)},
		{"bytes of the other alphabet", inValue(`{"bytesValue":"-_8"}`), inValue(`{"bytesValue":"+/8="}`)},
		{"map", inValue(`{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{},{"intValue":1}]}}}]}}`), inValue(`{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{},{"intValue":"1"}]}}}]}}`)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := strings.ReplaceAll(test.want, `\uFFFD`, "\uFFFD")
			if got := string(roundTrip(t, []byte(test.in))); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestBadJSONIsRefusedWithItsPlace(t *testing.T) {
	const span = "resourceSpans[0].scopeSpans[0].spans[0]"
	deep := strings.Repeat(`{"arrayValue":{"values":[`, 40) + `{}` + strings.Repeat(`]}}`, 40)
	tests := []struct{ name, in, path, reason string }{
		{"empty", ``, "$", "want an object"},
		{"no object", `[]`, "$", "want an object"},
		{"no end", `{`, "$", "want a string"},
		{"two", `{}{}`, "$", "more than one value"},
		{"no colon", `{"a" 1}`, "$", "want a colon"},
		{"no comma", `{"a":1 "b":2}`, "$", "want a comma or the end of the object"},
		{"a comma too many", `{"a":1,}`, "$", "want a string"},
		{"an array without an end", `{"a":[1}`, "$", "want a comma or the end of the array"},
		{"a word", `{"a":nope}`, "$", "no JSON value"},
		{"a number that is none", `{"a":01}`, "$", "want a comma or the end of the object"},
		{"half a number", `{"a":1.}`, "$", "want a number"},
		{"control character", "{\"a\x01\":1}", "$", "control character in a string"},
		{"escape", `{"\x":1}`, "$", "unknown escape in a string"},
		{"half an escape", `{"\u12`, "$", "string without an end"},
		{"unknown and deep", `{"a":` + strings.Repeat("[", 100_000), "$", "nested too deep"},
		{"not a list", `{"resourceSpans":{}}`, "resourceSpans", "want an array"},
		{"null in a list", `{"resourceSpans":[{},null]}`, "resourceSpans[1]", "want an object"},
		{"not hex", strings.Replace(inSpan(`"kind":1`), "01", "0x", 1), span + ".traceId", "want hex digits"},
		{"enum by name", inSpan(`"kind":"SPAN_KIND_SERVER"`), span + ".kind", "want an integer"},
		{"enum as string", inSpan(`"kind":"2"`), span + ".kind", "want an integer"},
		{"enum of 64 bits", inSpan(`"kind":4294967296`), span + ".kind", "want an integer from -2147483648 to 2147483647"},
		{"count below zero", inSpan(`"droppedLinksCount":-1`), span + ".droppedLinksCount", "want an integer from 0 to 4294967295"},
		{"time beyond 64 bits", inSpan(`"endTimeUnixNano":"18446744073709551616"`), span + ".endTimeUnixNano", "want an integer from 0 to 18446744073709551615"},
		{"half an int", inValue(`{"intValue":1.5}`), span + ".attributes[0].value.intValue", "want an integer from -9223372036854775808 to 9223372036854775807"},
		{"bool as string", inValue(`{"boolValue":"true"}`), span + ".attributes[0].value.boolValue", "want true or false"},
		{"hex", inValue(`{"intValue":"0x10p0"}`), span + ".attributes[0].value.intValue", "want an integer from -9223372036854775808 to 9223372036854775807"},
		{"digits in groups", inValue(`{"intValue":"1_000"}`), span + ".attributes[0].value.intValue", "want an integer from -9223372036854775808 to 9223372036854775807"},
		{"hex in groups", inValue(`{"intValue":"0x_1p4"}`), span + ".attributes[0].value.intValue", "want an integer from -9223372036854775808 to 9223372036854775807"},
		{"unsigned hex", inSpan(`"startTimeUnixNano":"0x1P4"`), span + ".startTimeUnixNano", "want an integer from 0 to 18446744073709551615"},
		{"hex double", inValue(`{"doubleValue":"-0X1p4"}`), span + ".attributes[0].value.doubleValue", "want a number of 64 bits"},
		{"double", inValue(`{"doubleValue":"x"}`), span + ".attributes[0].value.doubleValue", "want a number of 64 bits"},
		{"base64", inValue(`{"bytesValue":"*"}`), span + ".attributes[0].value.bytesValue", "want base64"},
		{"deep", inValue(deep), span + ".attributes[0].value" + strings.Repeat(".arrayValue.values[0]", 31) + ".arrayValue", "nested deeper than 64 messages"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			req, err := otlp.FromJSON([]byte(test.in))
			broken, ok := errors.AsType[*tracing.RequestError](err)
			if !ok || req != nil || broken.Reason != test.reason {
				t.Fatalf("got %v, want a RequestError: %s", err, test.reason)
			}
			if broken.Path != test.path {
				t.Errorf("path %s, want %s", broken.Path, test.path)
			}
		})
	}
}

// Hostile bodies are refused, or read, in time that their size bounds.
func TestHostileJSONIsBounded(t *testing.T) {
	const size = 4 << 20
	list := func(open, end string, depth int) string {
		return inValue(strings.Repeat(open, depth) + `{"stringValue":"` + strings.Repeat("x", size) + `"}` + strings.Repeat(end, depth))
	}
	for name, body := range map[string]string{
		"a long string, deep":      list(`{"arrayValue":{"values":[`, `]}}`, 30),
		"a million empty objects":  `{"resourceSpans":[` + strings.Repeat(`{},`, 1_000_000) + `{}]}`,
		"a status in many pieces":  inSpan(strings.Repeat(`"status":{"code":2},`, 100_000) + `"kind":1`),
		"a resource in as many":    `{"resourceSpans":[{` + strings.Repeat(`"resource":{"droppedAttributesCount":1},`, 100_000) + `"schemaUrl":""}]}`,
		"a long number":            inSpan(`"kind":` + strings.Repeat("1", size)),
		"a long key":               `{"` + strings.Repeat("k", size) + `":1}`,
		"a million unknown levels": `{"k":` + strings.Repeat(`{"k":`, 1_000_000),
		"escapes only":             inSpan(`"name":"` + strings.Repeat(`\u0041`, size/6) + `"`),
	} {
		begin := time.Now()
		req, err := otlp.FromJSON([]byte(body))
		if err == nil {
			_, err = otlp.AppendJSON(nil, req)
		}
		if _, ok := errors.AsType[*tracing.RequestError](err); err != nil && !ok {
			t.Errorf("%s: %v", name, err)
		}
		if spent := time.Since(begin); spent > 10*time.Second {
			t.Errorf("%s took %v for %d bytes", name, spent, len(body))
		}
	}
}

func TestMalformedProtobufIsNotWritten(t *testing.T) {
	dst := []byte("before")
	got, err := otlp.AppendJSON(dst, []byte{0x0a, 9})
	if _, ok := errors.AsType[*tracing.RequestError](err); !ok || string(got) != "before" {
		t.Errorf("got %q, %v, want a RequestError", got, err)
	}
}

// FuzzJSON holds the two directions to each other on any text.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(inValue(`{"kvlistValue":{"values":[{"key":"a","value":{"bytesValue":"AA=="}}]}}`)))
	f.Add([]byte(inSpan(`"status":{"code":2},"events":[{"timeUnixNano":1}],"links":[{"traceId":"0A"}]`)))
	f.Add([]byte(`{"resourceSpans":[{"schemaUrl":"\ud800","resource":{"entityRefs":[{"idKeys":["a"]}]}}]} `))
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := otlp.FromJSON(body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("taken, and no JSON: %q", body)
		}
		text, err := otlp.AppendJSON(nil, req)
		if err != nil {
			if strings.Contains(err.Error(), "deeper than 64") {
				return // A resource or scope, which a scan refuses.
			}
			t.Fatalf("from JSON came what is no request: %v", err)
		}
		if !json.Valid(text) {
			t.Fatalf("written, and no JSON: %q", text)
		}
		if again := roundTrip(t, text); !bytes.Equal(text, again) {
			t.Fatalf("written %s, then %s", text, again)
		}
	})
}
