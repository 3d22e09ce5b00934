// Package otelmetric shows guards in OpenTelemetry: their numbers as observable instruments, and their retries as histograms.
//
//	registration, err := otelmetric.Register(meter, registry.All()...)
//	onRetry, onDone, err := otelmetric.Hooks(meter)
//
// # Instruments
//
// The names are in the shape of those of gRFC A96.
//
//	name                      kind                     attributes     from
//	tenon.call.retries        histogram, {retry}       name, outcome  Hooks: retries of a call that had any
//	tenon.call.retry_delay    histogram, s             name           Hooks: the wait before a retry
//	tenon.call.hedges         counter, {hedge}         name           Register
//	tenon.breaker.state       gauge                    name           Register: 0 closed, 1 open, 2 half-open, 3 forced-open, 4 disabled, 5 metrics-only
//	tenon.bulkhead.in_use     up-down counter, {call}  name           Register
//	tenon.bulkhead.limit      up-down counter, {call}  name           Register
//	tenon.bulkhead.waiting    up-down counter, {call}  name           Register
//	tenon.bulkhead.rejected   counter, {call}          name, outcome  Register: full, shed or waited_out
//
// The name is that of the guard, so guards should have different ones. The outcome of a call is success, or the cause of its failure, such as
// attempts_used_up.
//
// # Guarantees
//
//   - A registered guard costs a call nothing: its numbers are read from Guard.Stats when a reader collects. Hooks run for calls with
//     failures only.
//   - A guard without a breaker or a bulkhead has no values for it; one whose spec gains or loses it is seen so at the next collection.
//
// All functions are safe for concurrent use. The package depends on the OpenTelemetry API alone; which SDK collects is up to the program.
//
// # Sources
//
// gRFC A96 (metrics for retries, names of instruments); OpenTelemetry specification 1.x, metrics API (asynchronous instruments).
package otelmetric
