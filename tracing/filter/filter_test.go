package filter_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/filter"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// parse returns a filter that has to be one.
func parse(tb testing.TB, text string) *filter.Filter {
	tb.Helper()
	f, err := filter.Parse(text)
	if err != nil {
		tb.Fatalf("Parse(%s): %v", text, err)
	}
	return f
}

// views reads spans as a collector does.
func views(spans []tracing.Span) []tracing.View {
	return slices.Collect(tracing.Views(tracing.Encode(spans)))
}

// checkout is a trace of two services: one failed query below the root.
func checkout() ([]tracing.Span, *tracing.Summary) {
	start := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	shop := &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "shop"), attribute.String("host.name", "h1")}}
	none := &tracing.Resource{}
	scope := &tracing.Scope{Name: "sql", Attributes: []attribute.KeyValue{attribute.String("lib", "pgx")}}
	spans := []tracing.Span{
		{
			TraceID: trace.TraceID{1}, ID: trace.SpanID{1}, Name: "POST /checkout", Kind: trace.SpanKindServer,
			Start: start, End: start.Add(2 * time.Second), Resource: shop,
			Attributes: []attribute.KeyValue{
				attribute.Int("http.status", 500), attribute.Bool("vip", true), attribute.String("a key", "x"), attribute.Float64("price", 9.5),
				attribute.StringSlice("tags", []string{"a"}), attribute.Int64("big", 1<<53+1), attribute.Int64("max", 1<<63-1),
			},
		},
		{
			TraceID: trace.TraceID{1}, ID: trace.SpanID{2}, Parent: trace.SpanID{1}, Name: "SELECT\nitems", Kind: trace.SpanKindClient,
			Start: start, End: start.Add(30 * time.Millisecond), Resource: none, Scope: scope, Status: tracing.Status{Code: codes.Error},
			Events: []tracing.Event{
				{Name: "e", Attributes: []attribute.KeyValue{attribute.String("exception.type", "timeout")}},
				{Name: "e", Attributes: []attribute.KeyValue{attribute.String("exception.type", "refused")}},
			},
			Links: []tracing.Link{{TraceID: trace.TraceID{2}, ID: trace.SpanID{9}, Attributes: []attribute.KeyValue{attribute.Int("batch", 7)}}},
		},
	}
	return spans, &tracing.Summary{RootService: "shop", RootName: "POST /checkout", Start: start, Duration: 2 * time.Second, Spans: 2, Errors: 1}
}

func TestMatch(t *testing.T) {
	spans, summary := checkout()
	tests := []struct {
		text string
		want bool
	}{
		{`{ }`, true},
		{`!{}`, false},
		{`{ name = "POST /checkout" }`, true},
		{`{ name = "POST" }`, false},
		{`{ name =~ "POST" }`, false}, // anchored
		{`{ name =~ "POST.*" }`, true},
		{`{ name =~ "SELECT.*" }`, true}, // over the line end
		{"{ name =~ `(?i)post /\\w+` }", true},
		{`{ name !~ "POST.*|SELECT.*" }`, false},
		{`{ name != "POST /checkout" }`, true},
		{`{ name > "POST" && name < "PP" }`, true},
		{`{ service = "shop" }`, true},
		{`{ service = "unknown" }`, true},
		{`{ service }`, true},
		{`{ !service }`, true},
		{`{ duration > 1s }`, true},
		{`{ duration >= 2s && duration <= 2s }`, true},
		{`{ duration > 2s || duration < 30ms }`, false},
		{`{ duration = 0.03s }`, true},
		{`{ kind = server }`, true},
		{`{ kind != server && kind != client }`, false},
		{`{ status = error }`, true},
		{`{ status = ok }`, false},
		{`{ status = unset }`, true},
		{`{ status }`, true},
		{`{ span.http.status = 500 }`, true},
		{`{ span.http.status >= 500.0 }`, true},
		{`{ span.http.status < 5e2 }`, false},
		{`{ span.http.status = "500" }`, false}, // of another type
		{`{ span.http.status != "500" }`, true},
		{`{ span.http.status !~ "5.." }`, true},
		{`{ span.price = 9.5 }`, true},
		{`{ span.price > 9 }`, true},
		{`{ span.big > 9007199254740992.0 }`, true}, // 2^53 + 1 is no double
		{`{ span.max < 9223372036854775808.0 }`, true},
		{`{ span.vip = true }`, true},
		{`{ span.vip != true }`, false},
		{`{ span.vip }`, true},
		{`{ span.missing != true }`, false},
		{`{ span.missing }`, false},
		{`{ span."a key" = "x" }`, true},
		{`{ span.tags }`, true},
		{`{ span.tags = "a" }`, false},
		{`{ resource.host.name = "h1" }`, true},
		{`{ span.host.name = "h1" }`, false},
		{`{ any.host.name = "h1" }`, true},
		{`{ scope.lib =~ "pg." }`, true},
		{`{ event.exception.type = "refused" }`, true},
		{`{ event.exception.type != "refused" }`, true}, // the other one
		{`{ !event.exception.type = "refused" }`, true}, // the root
		{`{ link.batch = 7 }`, true},
		{`{ any.batch = 7 && any.exception.type = "timeout" && any.lib }`, true},
		{`{ any.vip && any.lib }`, false}, // on two spans
		{`{ any.vip } && { any.lib }`, true},
		{`{ status = error } && !{ duration > 3s }`, true},
		{`{ kind = server && !(status = error || duration < 1s) }`, true},
		{`{ a.b = 1 } `, false},
		{`root.name = "POST /checkout" && root.service =~ "s.*"`, true},
		{`root.name != "x" && root.service`, true},
		{`trace.duration > 1s && trace.spans = 2 && trace.errors >= 1`, true},
		{`trace.spans > 9 || trace.errors`, true},
		{`trace.spans < 2 && {}`, false},
		{`!(trace.spans < 2) && (!{ status = ok })`, true},
		{`{ kind = server } || { kind = client } && trace.spans = 1`, true}, // && binds stronger
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			text := strings.ReplaceAll(test.text, "a.b", "span.b")
			f := parse(t, text)
			all := views(spans)
			if got := f.Match(summary, slices.Values(all)); got != test.want {
				t.Errorf("Match = %v, want %v", got, test.want)
			}
			slices.Reverse(all)
			if got := f.Match(summary, slices.Values(all)); got != test.want {
				t.Errorf("in another order: Match = %v, want %v", got, test.want)
			}
			if f.String() != text {
				t.Errorf("String = %q", f)
			}
		})
	}
}

func TestErrorsNameColumnAndReason(t *testing.T) {
	tests := []struct {
		text, want string
	}{
		{``, "column 1: expected {, a field of the trace, ! or (, found the end"},
		{`{`, "column 2: expected a field, ! or (, found the end"},
		{`{ name = "a"`, "column 13: expected &&, || or the } for column 1, found the end"},
		{`{ ( name = "a" }`, "column 16: expected &&, || or the ) for column 3, found }"},
		{`{ name = "a" } { name = "b" }`, "column 16: expected && or ||, found {"},
		{`{ {} }`, "column 3: braces in braces: they hold on one span"},
		{`{ name = a }`, "column 10: expected a text in quotes, found a"},
		{`{ name "a" }`, `column 8: expected &&, || or the } for column 1, found "a"`},
		{`{ name == "a" }`, "column 9: the operator is =, not =="},
		{`{ status == error }`, "column 11: the operator is =, not =="},
		{`{ name = 'a' }`, "column 10: texts are in double quotes or back quotes"},
		{`{ .http.status = 500 }`, "column 3: unknown field .http.status: an attribute is span.http.status, resource.http.status or any.http.status"},
		{`{ . = 500 }`, "column 3: unknown field .: an attribute is span.KEY, resource.KEY or any.KEY"},
		{`{ name = "a }`, "column 10: text without its closing quote, or with an escape that Go does not have"},
		{`{ ä = 1 }`, "column 3: unknown field ä: an attribute is span.ä, resource.ä or any.ä"},
		{`{ name = "ä" && x = 1 }`, "column 17: unknown field x: an attribute is span.x, resource.x or any.x"},
		{`spans > 1`, "column 1: unknown field spans: outside of braces there are root.name, root.service, trace.duration, trace.spans and trace.errors"},
		{`name = "a"`, "column 1: name is of a span: put it in braces"},
		{`span.x = "a"`, "column 1: span.x is of a span: put it in braces"},
		{`{ trace.spans > 1 }`, "column 3: trace.spans is of the trace: put it outside of braces"},
		{`{ status = failed }`, "column 12: expected one of unset, ok, error, found failed"},
		{`{ status = "error" }`, `column 12: expected one of unset, ok, error, found "error"`},
		{`{ status > ok }`, "column 10: status has = and != only"},
		{`{ kind =~ "s" }`, "column 8: kind has = and != only"},
		{`{ duration > 5 }`, "column 14: expected a duration as 1.5s, 20ms or 2h45m, found 5"},
		{`{ duration =~ "5" }`, "column 15: duration is no text"},
		{`trace.spans > 1.5`, "column 15: expected an integer, found 1.5"},
		{`{ span.x > 1s }`, "column 12: attributes have no unit: write 1s as a number"},
		{`{ span.x > true }`, "column 12: true has = and != only"},
		{`{ span.x = yes }`, "column 12: expected a text in quotes, a number, true or false, found yes"},
		{`{ span.x = 0x10 }`, "column 12: expected a decimal number, found 0x10"},
		{`{ span.x = 1e999 }`, "column 12: expected a decimal number in the range of a double, found 1e999"},
		{`{ span. = 1 }`, "column 8: expected the key of an attribute right after span."},
		{`{ span. "x" = 1 }`, "column 8: expected the key of an attribute right after span."},
		{`{ span.x =~ x }`, "column 13: expected a regular expression in quotes, found x"},
		{`{ span.x =~ "a)(b" }`, "column 13: error parsing regexp: unexpected ): `a)(b`"},
		{`{ span.x =~ "(((a{100}){10})|b{1000}){10}" }`, "column 13: error parsing regexp: invalid repeat count: `{10}`"},
		{`{ span.x =~ "(a{20}b{20}){25}(c{20}d{20}){25}(e{1000}){1}" } && {span.x =~ "(a{900}|b{900}|c{900}|d{900}|e{900}|f{900}|g{900}|h{900})"}`, "column 76: regular expressions of more than 10000 instructions"},
		{`{ span.x ? 1 }`, "column 10: unexpected '?'"},
		{"{ name = \"\xff\" }", "column 11: not UTF-8"},
		{strings.Repeat("(", 100), "column 65: nested deeper than 64"},
		{strings.Repeat("!", 100), "column 65: nested deeper than 64"},
		{strings.Repeat("{} && ", 64) + "{}", "column 385: more than 64 pairs of braces"},
		{strings.Repeat(" ", 5000), "column 1: longer than 4096 bytes"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%.40s", test.text), func(t *testing.T) {
			_, err := filter.Parse(test.text)
			if err == nil {
				t.Fatal("no error")
			}
			if got := err.Error(); got != "filter: "+test.want {
				t.Errorf("got  %s\nwant filter: %s", got, test.want)
			}
			if _, ok := errors.AsType[*filter.SyntaxError](err); !ok || !errors.Is(err, tracing.ErrConfig) {
				t.Errorf("%T is no *SyntaxError that Is ErrConfig", err)
			}
		})
	}
}

func TestMatchSpanKnowsWhatOtherSpansCannotChange(t *testing.T) {
	spans, _ := checkout()
	root := views(spans)[0]
	tests := []struct {
		text string
		want bool
	}{
		{`{ kind = server }`, true},
		{`{ kind = client }`, false},
		{`{ kind = client } || { kind = server }`, true},
		{`{ kind = client } && { kind = server }`, false},
		{`!{ kind = client }`, false},
		{`!{ kind = server } || { duration > 1s }`, true},
		{`{ kind = server } && trace.spans > 0`, false},
	}
	for _, test := range tests {
		if got := parse(t, test.text).MatchSpan(root); got != test.want {
			t.Errorf("%s: MatchSpan = %v, want %v", test.text, got, test.want)
		}
	}
}

func TestMatchReadsNoMoreSpansThanItNeeds(t *testing.T) {
	spans, summary := checkout()
	tests := []struct {
		text string
		want int
	}{
		{`trace.spans > 9 && { name = "x" }`, 0},
		{`{ kind = server }`, 1},
		{`{ kind = server } && trace.spans > 9`, 0},
		{`{ kind = server } && { kind = client }`, 2},
		{`!{ kind = server } && { kind = client }`, 1},
	}
	for _, test := range tests {
		read := 0
		parse(t, test.text).Match(summary, func(yield func(tracing.View) bool) {
			for _, v := range views(spans) {
				read++
				if !yield(v) {
					return
				}
			}
		})
		if read != test.want {
			t.Errorf("%s: read %d spans, want %d", test.text, read, test.want)
		}
	}
}

func TestMatchingASpanDoesNotAllocate(t *testing.T) {
	spans, _ := checkout()
	v := views(spans)[0]
	f := parse(t, `{ name =~ "POST /c.*" && duration > 1s && span.http.status >= 500 && resource.host.name = "h1" && status != error }`)
	if got := testing.AllocsPerRun(100, func() {
		if !f.MatchSpan(v) {
			t.Fatal("does not match")
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkMatchSpan(b *testing.B) {
	spans, _ := checkout()
	v := views(spans)[0]
	f := parse(b, `{ duration > 1s && span.http.status >= 500 && resource.service.name = "shop" }`)
	b.ReportAllocs()
	for b.Loop() {
		f.MatchSpan(v)
	}
}
