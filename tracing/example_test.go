package tracing_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// A printer is a sink that prints the spans of a request.
type printer struct{}

func (printer) Ingest(_ context.Context, req []byte) (tracing.Result, error) {
	accepted := 0
	err := tracing.Scan(req, func(v tracing.View, rejected tracing.Rejection) {
		if rejected != tracing.Fine {
			return
		}
		accepted++
		items, _ := v.Attr("items")
		fmt.Printf("%s %s: root %t, items %s, %v\n", v.Service(), v.Name(), !v.Parent().IsValid(), items.String(), v.Status())
	})
	return tracing.Result{Accepted: accepted}, err
}

func ExampleNew() {
	provider, err := tracing.New(printer{}, tracing.Config{Resource: []attribute.KeyValue{attribute.String("service.name", "cart")}})
	if err != nil {
		log.Fatal(err)
	}
	tracer := provider.Tracer("example.com/cart")
	ctx, checkout := tracer.Start(context.Background(), "checkout", trace.WithAttributes(attribute.Int("items", 3)))
	_, charge := tracer.Start(ctx, "charge")
	charge.SetStatus(codes.Error, "card expired")
	charge.End()
	checkout.End()
	if err := provider.Close(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", provider.Stats())
	// Output:
	// cart charge: root false, items , Error
	// cart checkout: root true, items 3, Unset
	// {Ended:2 Delivered:2 Rejected:0 Dropped:0 Queued:0 Refusals:0 LastError:}
}

func ExampleThreshold() {
	quarter := tracing.ThresholdOf(0.25)
	fmt.Println("th:"+quarter.String(), quarter.AdjustedCount())
	fmt.Println(quarter.Keeps(tracing.Randomness(trace.TraceID{9: 0xc0}, "")), quarter.Keeps(tracing.Randomness(trace.TraceID{9: 0xbf}, "")))
	// Output:
	// th:c 4
	// true false
}
