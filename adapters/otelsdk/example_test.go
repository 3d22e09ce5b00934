package otelsdk_test

import (
	"context"
	"fmt"

	"github.com/tenon-go/tenon/adapters/otelsdk"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Tail sampling without a collector process: the program traces with the SDK, and keeps the traces that have an error.
func ExampleNew() {
	ctx := context.Background()
	out := collector.OutputFunc(func(_ context.Context, kept []tracing.Kept) error {
		for _, k := range kept {
			fmt.Println("kept", k.Summary.RootName, "of", k.Summary.RootService, "with", k.Summary.Spans, "spans, because of", k.Decision.Policy)
		}
		return nil
	})
	tail, err := collector.New(out, collector.Config{Policies: []sampling.Policy{sampling.Errors{}}, LocalRoots: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	bridge, err := otelsdk.New(tail, otelsdk.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(bridge), sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "cart"))))
	tracer := provider.Tracer("example.com/cart")
	for _, failure := range []string{"", "card expired"} {
		in, checkout := tracer.Start(ctx, "checkout")
		_, pay := tracer.Start(in, "pay")
		if failure != "" {
			pay.SetStatus(codes.Error, failure)
		}
		pay.End()
		checkout.End()
	}
	fmt.Println(provider.Shutdown(ctx), tail.Close(ctx)) // In this order: the provider sends its last spans.
	fmt.Println(bridge.Stats().Delivered, "spans delivered,", tail.Ledger().Exported.Spans, "kept")
	// Output:
	// kept checkout of cart with 2 spans, because of errors
	// <nil> <nil>
	// 4 spans delivered, 2 kept
}

// The same Bridge as an exporter, behind the SDK's own batcher.
func ExampleBridge_ExportSpans() {
	recent := collector.NewRecent(0)
	tail, err := collector.New(recent, collector.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	bridge, err := otelsdk.New(tail, otelsdk.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	provider := sdk.NewTracerProvider(sdk.WithBatcher(bridge))
	_, span := provider.Tracer("example.com/cart").Start(ctx, "checkout")
	span.End()
	fmt.Println(provider.Shutdown(ctx), tail.Close(ctx))
	fmt.Printf("%d ended, %d delivered\n", bridge.Stats().Ended, bridge.Stats().Delivered)
	// Output:
	// <nil> <nil>
	// 1 ended, 1 delivered
}
