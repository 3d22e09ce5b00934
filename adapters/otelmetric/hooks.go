package otelmetric

import (
	"context"
	"errors"
	"strings"

	"github.com/tenon-go/tenon/resilience/retry"
	"go.opentelemetry.io/otel/metric"
)

// Hook is told of calls with failures by the name of their guard, as guard.RegistryConfig has it.
type Hook func(ctx context.Context, guard string, e retry.Event)

// For returns the hook for the calls of one guard, as retry.Config has it.
func (h Hook) For(guard string) func(context.Context, retry.Event) {
	return func(ctx context.Context, e retry.Event) { h(ctx, guard, e) }
}

// Hooks returns the OnRetry and the OnDone that record retries in histograms of meter. Calls without a retry are not recorded. An error is one
// of the meter.
func Hooks(meter metric.Meter) (onRetry, onDone Hook, err error) {
	retries, errRetries := meter.Int64Histogram("tenon.call.retries",
		metric.WithUnit("{retry}"), metric.WithDescription("Retries of a call that had any."),
		metric.WithExplicitBucketBoundaries(1, 2, 3, 4, 5, 10, 20))
	delay, errDelay := meter.Float64Histogram("tenon.call.retry_delay",
		metric.WithUnit("s"), metric.WithDescription("The wait before a retry."),
		metric.WithExplicitBucketBoundaries(0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30))
	if err := errors.Join(errRetries, errDelay); err != nil {
		return nil, nil, err
	}
	onRetry = func(ctx context.Context, guard string, e retry.Event) {
		delay.Record(ctx, e.Wait.Seconds(), attributes(guard))
	}
	onDone = func(ctx context.Context, guard string, e retry.Event) {
		if made := e.Attempt - 1; made > 0 {
			retries.Record(ctx, int64(made), attributes(guard, outcomeKey.String(outcome(e.Cause))))
		}
	}
	return onRetry, onDone, nil
}

// outcome names how a call ended.
func outcome(cause retry.Cause) string {
	if cause == 0 {
		return "success"
	}
	return strings.ReplaceAll(cause.String(), " ", "_")
}
