package filter_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"pgregory.net/rapid"
)

// A rule is a filter beside what it means, told of spans taken apart.
type rule struct {
	text  string
	holds func(spans []tracing.Span, s *tracing.Summary) bool
}

// A spanRule is what stands in braces.
type spanRule struct {
	text  string
	holds func(s *tracing.Span) bool
}

func keys() *rapid.Generator[string] { return rapid.SampledFrom([]string{"a", "b.c", "d e", `q"q`}) }

func literals() *rapid.Generator[attribute.Value] {
	return rapid.Custom(func(t *rapid.T) attribute.Value {
		return rapid.SampledFrom([]attribute.Value{
			attribute.StringValue("x"), attribute.StringValue("1"), attribute.StringValue("\n\"`"), attribute.StringValue(""),
			attribute.IntValue(0), attribute.IntValue(1), attribute.IntValue(-7), attribute.Int64Value(1 << 53), attribute.Int64Value(1<<53 + 1),
			attribute.Float64Value(1.5), attribute.Float64Value(-0.25), attribute.Float64Value(1 << 53), attribute.Int64Value(1<<63 - 1), attribute.Float64Value(1 << 63), attribute.Float64Value(1e300), attribute.Float64Value(-1e300),
			attribute.BoolValue(true), attribute.BoolValue(false),
		}).Draw(t, "literal")
	})
}

func pairs(t *rapid.T) []attribute.KeyValue {
	all := rapid.SliceOfNDistinct(keys(), 0, 3, rapid.ID).Draw(t, "keys")
	var got []attribute.KeyValue
	for _, key := range all {
		got = append(got, attribute.KeyValue{Key: attribute.Key(key), Value: literals().Draw(t, "value")})
	}
	return got
}

func genSpans(t *rapid.T) []tracing.Span {
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var spans []tracing.Span
	for i := range rapid.IntRange(0, 4).Draw(t, "spans") {
		s := tracing.Span{
			TraceID: trace.TraceID{1}, ID: trace.SpanID{byte(i + 1)}, Name: rapid.SampledFrom([]string{"", "x", "xy"}).Draw(t, "name"),
			Kind: trace.SpanKind(rapid.IntRange(0, 5).Draw(t, "kind")), Status: tracing.Status{Code: codes.Code(rapid.Uint32Range(0, 2).Draw(t, "status"))},
			Start: epoch, End: epoch.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "seconds")) * time.Second), Attributes: pairs(t),
			Resource: &tracing.Resource{Attributes: pairs(t)}, Scope: &tracing.Scope{Attributes: pairs(t)},
			Events: []tracing.Event{{Attributes: pairs(t)}, {Attributes: pairs(t)}}, Links: []tracing.Link{{Attributes: pairs(t)}},
		}
		spans = append(spans, s)
	}
	return spans
}

// values returns the attributes that a prefix and key mean.
func values(s *tracing.Span, prefix, key string) []attribute.Value {
	var lists [][]attribute.KeyValue
	if prefix == "span" || prefix == "any" {
		lists = append(lists, s.Attributes)
	}
	if prefix == "resource" || prefix == "any" {
		lists = append(lists, s.Resource.Attributes)
	}
	if prefix == "scope" || prefix == "any" {
		lists = append(lists, s.Scope.Attributes)
	}
	if prefix == "event" || prefix == "any" {
		for _, e := range s.Events {
			lists = append(lists, e.Attributes)
		}
	}
	if prefix == "link" || prefix == "any" {
		for _, l := range s.Links {
			lists = append(lists, l.Attributes)
		}
	}
	var got []attribute.Value
	for _, pair := range slices.Concat(lists...) {
		if string(pair.Key) == key {
			got = append(got, pair.Value)
		}
	}
	return got
}

// order compares by way of exact decimals, -2 = cannot.
func order(a, b attribute.Value) int {
	if a.Type() == attribute.STRING && b.Type() == attribute.STRING {
		return strings.Compare(a.AsString(), b.AsString())
	}
	if a.Type() == attribute.BOOL && b.Type() == attribute.BOOL {
		if a.AsBool() == b.AsBool() {
			return 0
		}
		return -2
	}
	x, ok := exact(a)
	y, ok2 := exact(b)
	if !ok || !ok2 {
		return -2
	}
	return x.Cmp(y)
}

func compares(have attribute.Value, operator string, want attribute.Value) bool {
	got := order(have, want)
	switch operator {
	case "=":
		return got == 0
	case "!=":
		return got != 0
	case "<":
		return got == -1
	case "<=":
		return got == -1 || got == 0
	case ">":
		return got == 1
	}
	return got == 0 || got == 1
}

func write(v attribute.Value) string {
	switch v.Type() {
	case attribute.STRING:
		return strconv.Quote(v.AsString())
	case attribute.FLOAT64:
		return strconv.FormatFloat(v.AsFloat64(), 'e', -1, 64)
	default:
		return v.String()
	}
}

func operators(t *rapid.T) string {
	return rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">="}).Draw(t, "operator")
}

func genCondition(t *rapid.T) spanRule {
	switch rapid.IntRange(0, 4).Draw(t, "condition") {
	case 0:
		operator, name := operators(t), rapid.SampledFrom([]string{"", "x", "xy"}).Draw(t, "text")
		return spanRule{fmt.Sprintf("name%s%q", operator, name), func(s *tracing.Span) bool {
			return compares(attribute.StringValue(s.Name), operator, attribute.StringValue(name))
		}}
	case 1:
		operator, seconds := operators(t), rapid.Int64Range(0, 3).Draw(t, "duration")
		return spanRule{fmt.Sprintf("duration %s %ds", operator, seconds), func(s *tracing.Span) bool {
			return compares(attribute.Int64Value(int64(s.End.Sub(s.Start))), operator, attribute.Int64Value(seconds*1e9))
		}}
	case 2:
		code := codes.Code(rapid.Uint32Range(0, 2).Draw(t, "code"))
		return spanRule{"status = " + []string{"unset", "error", "ok"}[code], func(s *tracing.Span) bool { return s.Status.Code == code }}
	}
	prefix, key := rapid.SampledFrom([]string{"span", "resource", "scope", "event", "link", "any"}).Draw(t, "prefix"), keys().Draw(t, "key")
	field := prefix + "." + key
	if strings.ContainsAny(key, ` "`) || rapid.Bool().Draw(t, "quoted") {
		field = prefix + "." + strconv.Quote(key)
	}
	if rapid.IntRange(0, 4).Draw(t, "alone") == 0 {
		return spanRule{field, func(s *tracing.Span) bool { return len(values(s, prefix, key)) > 0 }}
	}
	want, operator := literals().Draw(t, "want"), operators(t)
	if want.Type() == attribute.BOOL && operator != "=" {
		operator = "!="
	}
	return spanRule{field + " " + operator + write(want), func(s *tracing.Span) bool {
		return slices.ContainsFunc(values(s, prefix, key), func(have attribute.Value) bool { return compares(have, operator, want) })
	}}
}

func genSpanRule(t *rapid.T, depth int) spanRule {
	form := 3
	if depth > 0 {
		form = rapid.IntRange(0, 4).Draw(t, "form")
	}
	switch form {
	case 0:
		a, b := genSpanRule(t, depth-1), genSpanRule(t, depth-1)
		return spanRule{"(" + a.text + ") && (" + b.text + ")", func(s *tracing.Span) bool { return a.holds(s) && b.holds(s) }}
	case 1:
		a, b := genSpanRule(t, depth-1), genSpanRule(t, depth-1)
		return spanRule{"(" + a.text + "||" + b.text + ")", func(s *tracing.Span) bool { return a.holds(s) || b.holds(s) }}
	case 2:
		a := genSpanRule(t, depth-1)
		return spanRule{"!(" + a.text + ")", func(s *tracing.Span) bool { return !a.holds(s) }}
	}
	return genCondition(t)
}

func genRule(t *rapid.T, depth int) rule {
	form := 3
	if depth > 0 {
		form = rapid.IntRange(0, 5).Draw(t, "trace form")
	}
	switch form {
	case 0:
		a, b := genRule(t, depth-1), genRule(t, depth-1)
		return rule{"(" + a.text + ") && " + "(" + b.text + ")", func(spans []tracing.Span, s *tracing.Summary) bool { return a.holds(spans, s) && b.holds(spans, s) }}
	case 1:
		a, b := genRule(t, depth-1), genRule(t, depth-1)
		return rule{"(" + a.text + " || " + b.text + ")", func(spans []tracing.Span, s *tracing.Summary) bool { return a.holds(spans, s) || b.holds(spans, s) }}
	case 2:
		a := genRule(t, depth-1)
		return rule{"!(" + a.text + ")", func(spans []tracing.Span, s *tracing.Summary) bool { return !a.holds(spans, s) }}
	case 5:
		operator, n := operators(t), rapid.Int64Range(0, 4).Draw(t, "count")
		return rule{fmt.Sprintf("trace.spans%s%d", operator, n), func(spans []tracing.Span, _ *tracing.Summary) bool {
			return compares(attribute.IntValue(len(spans)), operator, attribute.Int64Value(n))
		}}
	}
	a := genSpanRule(t, 2)
	return rule{"{" + a.text + "}", func(spans []tracing.Span, _ *tracing.Summary) bool {
		return slices.ContainsFunc(spans, func(s tracing.Span) bool { return a.holds(&s) })
	}}
}

func TestMatchIsWhatTheFilterSaysOfSpansTakenApart(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r, spans := genRule(rt, 3), genSpans(rt)
		if len(r.text) > 4096 || strings.Count(r.text, "{") > 64 {
			rt.Skip("too large")
		}
		f := parse(t, r.text)
		summary := &tracing.Summary{Spans: len(spans)}
		all := views(spans)
		want := r.holds(spans, summary)
		if got := f.Match(summary, slices.Values(all)); got != want {
			rt.Fatalf("%s\nMatch = %v, want %v of %+v", f, got, want, spans)
		}
		for _, v := range all {
			if f.MatchSpan(v) && !want {
				rt.Fatalf("%s\nMatchSpan is true of a span of a trace that does not match", f)
			}
		}
	})
}
