// Package propagation carries trace contexts and baggage in the headers of HTTP, gRPC, message queues and processes.
//
// Every type is a TextMapPropagator of OpenTelemetry, so it works wherever one is taken:
//
//	headers := propagation.New(propagation.W3C{}, propagation.B3{}, propagation.Baggage{})
//	ctx := headers.Extract(r.Context(), propagation.Header(r.Header))
//	...
//	headers.Inject(ctx, propagation.Header(outgoing.Header))
//
// # Model
//
//	W3C      traceparent, tracestate            Trace Context, levels 1 and 2; where they differ, level 2
//	B3       b3, or x-b3-traceid and its kin    Zipkin
//	Jaeger   uber-trace-id, uberctx-            Jaeger clients
//	Baggage  baggage                            W3C Baggage
//
// A carrier is where the fields are: [Header] (HTTP), [Metadata] (gRPC, NATS), [Table] (AMQP), [Map], [Funcs] (what is none of these, such
// as the records of a Kafka client) and [Environ] (processes). All read names in any case.
//
// A context that was extracted is the remote span context of the returned context. What the formats say beyond its sampled flag is told by
// [SamplingOf].
//
// # Guarantees
//
//   - Invariant 8: Extract never fails a request. A bad header is as good as none, so the request starts a new trace; a bad tracestate costs
//     the tracestate only. Inject after Extract keeps the trace ID, the sampled and the random flag, and every valid tracestate member, in
//     order, those too that trace.TraceState refuses.
//   - Work is linear in the size of the fields. Propagators and carriers keep no state; a carrier is as safe for concurrent use as what it
//     wraps.
//
// # What it does not do
//
// Start spans, which is for a tracer, or decide what a header's sender may be trusted with.
//
// # Sources
//
// W3C Trace Context, Recommendation of 2021-11-23, and Trace Context Level 2, Candidate Recommendation of 2024-03-28; W3C Baggage, Candidate
// Recommendation of 2024-05-23; openzipkin/b3-propagation; the propagation format of the Jaeger clients; OpenTelemetry specification,
// environment variables as context propagation carriers.
package propagation
