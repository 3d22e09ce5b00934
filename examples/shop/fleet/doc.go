// Package fleet is a shop of several services that trace with the OpenTelemetry SDK, and the collector that they send to.
//
//	browser ──HTTP──► shop ──HTTP──► bank
//	                   └────queue──► warehouse
//	   └────────────────┴───────────────┴────► collector, over OTLP/HTTP and OTLP/gRPC
//
// Each service has a TracerProvider of its own, as if it were a program of its own. A trace is what somebody does to buy a
// basket: its context travels in the headers of HTTP, which otelhttp writes and reads, and in those of the queue, which
// [Record.Carrier] does. Nothing here uses the global provider or propagator.
//
// A [Witness] sees every span as it ends, and [Fleet.Audit] compares that with what the collector kept, dropped and counted.
//
// So that a run decides the same each time, trace IDs are numbers that are hashed, and the collector's clock stands while
// people buy.
package fleet
