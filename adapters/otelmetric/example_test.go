package otelmetric_test

import (
	"context"
	"fmt"

	"github.com/tenon-go/tenon/adapters/otelmetric"
	"github.com/tenon-go/tenon/resilience/guard"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// All guards of a registry in the metrics of a program.
func Example() {
	reader := sdk.NewManualReader() // a program has one that exports
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("example")
	onRetry, onDone, err := otelmetric.Hooks(meter)
	if err != nil {
		fmt.Println(err)
		return
	}
	registry, err := guard.NewRegistry(guard.RegistryConfig{
		Default: guard.Spec{Bulkhead: &guard.BulkheadSpec{Limit: 64}},
		OnRetry: onRetry,
		OnDone:  onDone,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	registry.Guard("payments")
	if _, err := otelmetric.Register(meter, registry.All()...); err != nil {
		fmt.Println(err)
		return
	}
	var collected metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collected); err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range collected.ScopeMetrics[0].Metrics {
		fmt.Println(m.Name)
	}
	// Output:
	// tenon.call.hedges
	// tenon.bulkhead.in_use
	// tenon.bulkhead.limit
	// tenon.bulkhead.waiting
	// tenon.bulkhead.rejected
}
