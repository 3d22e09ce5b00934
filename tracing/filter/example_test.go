package filter_test

import (
	"fmt"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/filter"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

func ExampleParse() {
	f, err := filter.Parse(`{ status = error && span.db.system = "postgresql" } && trace.spans > 1`)
	if err != nil {
		fmt.Println(err)
		return
	}
	request := tracing.Encode([]tracing.Span{
		{TraceID: trace.TraceID{1}, ID: trace.SpanID{1}, Name: "POST /checkout"},
		{
			TraceID: trace.TraceID{1}, ID: trace.SpanID{2}, Parent: trace.SpanID{1}, Name: "INSERT", Status: tracing.Status{Code: codes.Error},
			Attributes: []attribute.KeyValue{attribute.String("db.system", "postgresql")},
		},
	})
	fmt.Println(f.Match(&tracing.Summary{Spans: 2}, tracing.Views(request))) // Of a tracing.Kept: its Summary, and the Views of its OTLP.
	// Output: true
}

func ExampleParse_error() {
	_, err := filter.Parse(`{ status = error && duration > 1 }`)
	fmt.Println(err)
	// Output: filter: column 32: expected a duration as 1.5s, 20ms or 2h45m, found 1
}
