// Package otelsdk hands the spans of the OpenTelemetry SDK to a tracing.Sink of the same process, such as a collector: tail sampling without a
// collector to run.
//
//	bridge, err := otelsdk.New(sink, otelsdk.Config{})
//	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(bridge))    // the batcher of package tracing
//	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(bridge))          // or that of the SDK
//
// A [Bridge] is a SpanProcessor and a SpanExporter; a provider has it as one of them, else it sends each span twice.
//
//	              SpanProcessor                           SpanExporter
//	bound         MaxQueueBytes                           spans, by the SDK's options
//	sink refuses  waits as it is told, as long as needed  waits as it is told, until the context of the export ends (30 s)
//	what is lost  is counted in Stats                     is counted in Stats too, and an error to the SDK's handler
//
// # Guarantees
//
//   - What the sink gets is what the SDK's exporters of OTLP send: the same fields with the same values. Beyond that, links keep their
//     tracestate.
//   - Of the spans that ended, every one is delivered, rejected by the sink, dropped or queued, and counted as such; see Bridge.Stats.
//   - A span that the SDK recorded but did not sample is left alone, as the SDK's own processors do.
//   - OnEnd does not wait for the sink.
//
// # What it does not do
//
// Close the sink: shut the provider down first, then close the sink, so that it gets the last spans.
//
// # Sources
//
// OpenTelemetry specification 1.49 (trace SDK: span processor, span exporter; mapping to OTLP).
package otelsdk
