package tracingtest_test

import (
	"context"
	"fmt"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/tracingtest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// charge is what is tested: it makes a span.
func charge(ctx context.Context, tracer trace.Tracer, cents int) {
	_, span := tracer.Start(ctx, "charge", trace.WithAttributes(attribute.Int("cents", cents)))
	defer span.End()
	if cents > 10_000 {
		span.SetStatus(codes.Error, "over the limit")
	}
}

func ExampleRecorder() {
	ctx := context.Background()
	var recorder tracingtest.Recorder
	provider, err := tracing.New(&recorder, tracing.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	tracer := provider.Tracer("example.com/pay")
	charge(ctx, tracer, 500)
	charge(ctx, tracer, 20_000)
	if err := provider.Close(ctx); err != nil { // Or Flush, before more is tested.
		fmt.Println(err)
		return
	}
	for _, s := range recorder.Spans() {
		fmt.Printf("%s %d: %v %q\n", s.Name, s.Attributes[0].Value.AsInt64(), s.Status.Code, s.Status.Message)
	}
	// Output:
	// charge 500: Unset ""
	// charge 20000: Error "over the limit"
}
