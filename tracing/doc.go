// Package tracing is the model of spans, their OTLP form read in place, and the making of spans.
//
//	sink := ...                                    // an *otlp.Client, a *collector.Collector, or your own
//	provider, err := tracing.New(sink, tracing.Config{Resource: []attribute.KeyValue{attribute.String("service.name", "cart")}})
//	tracer := provider.Tracer("example.com/cart")
//	ctx, span := tracer.Start(ctx, "checkout")
//	defer span.End()
//
// # Model
//
//	Span       one timed operation; its canonical form is the OTLP Span message as it was received
//	View       a span read in its bytes, without allocating
//	Origin     the resource and the scope that spans have in common
//	Request    one ExportTraceServiceRequest: taken or refused as a whole
//	Sink       what takes requests
//	Threshold  the th of consistent probability sampling: how many traces one stands for
//	Decision   keep or drop of a trace, by which policy, why and when
//	Kept       the spans of a trace that a collector hands on at once
//
// Requests are read by [Scan], span by span, or taken apart by [Decode]; [Encode] is the way back. What is known to be good, as the request of a
// Kept is, has its spans in [Views]. A [Provider] is a TracerProvider of OpenTelemetry that needs no SDK:
//
//	Start ─► recording ─► End ─► batch ─► Sink.Ingest ─► delivered
//	                              │            │
//	                  MaxQueueBytes            └ *OverloadError: again, after its delay
//	                      └► dropped, counted
//
// A trace that starts here is recorded with Config.Probability, and its tracestate says so (th); of one that comes from elsewhere the sampled
// flag counts. Headers are carried by package propagation, and what B3 and Jaeger say beyond the flag is honoured: debug traces are recorded,
// and say so to policies by a [DebugAttribute]; denied ones are not, accepted ones are, deferred ones are decided here.
//
// # Guarantees
//
//   - Of the spans that ended, every one is delivered, rejected by the sink, dropped or queued, and counted as such; see [Stats].
//   - A batch that was refused is sent again, unchanged; nothing overtakes it. A panic of the sink is a refusal.
//   - Scan and Decode take time linear in the size of a request, whatever it holds: messages lie inside each other to a depth of 64.
//   - End costs no system call and does not wait for the sink. Below a span that is not
//     recorded, another costs what the API's no-op does and a look at its options.
//
// # What it does not do
//
// Choose which traces to keep once they are whole (packages sampling and collector do), or record panics, logs and metrics.
//
// # Sources
//
// OpenTelemetry specification 1.49 (trace API and SDK; TraceState: probability sampling), opentelemetry-proto 1.11.
package tracing
