// Package limit computes how many calls a service can take at once, from how long calls take and whether they are dropped. The algorithms
// are those of Netflix' concurrency-limits; fed with the same samples they give the same limits to the last bit.
//
//	alg, err := limit.NewGradient2(limit.Gradient2Config{Min: 5})
//	sem, err := bulkhead.NewAdaptive(alg, bulkhead.AdaptiveConfig{})
//
// # Model
//
// A Sample says how long calls took, how many were in flight, and whether any was dropped: timed out or refused by the service. An
// Algorithm turns one sample after the other into a limit. A Window makes one sample of the calls of a second, so that a single slow call
// decides nothing.
//
//	AIMD       adds one while calls succeed, multiplies by a ratio when one is dropped or slow: for services that say when it is too much
//	Vegas      compares the latency with the best one seen, and from that estimates the queue inside the service
//	Gradient2  compares the latency with its own long average, and tolerates a drift of it
//
// All hold their limit while less than half of it is used: an idle hour says nothing about what the service can take.
//
// # Guarantees
//
// A limit depends on the samples and, for Vegas, on the draws of VegasConfig.Rand; nothing here reads a clock, and nothing is shared.
// Algorithms and windows are for one goroutine at a time; an adaptive semaphore sees to that.
//
// Rounding is the same on every platform: products are rounded before they are added, where a processor could do both at once.
//
// # Sources
//
// Netflix, concurrency-limits, at 78a74b9878d3 (AIMDLimit, VegasLimit, Gradient2Limit, AverageSampleWindow); Brakmo, O'Malley, Peterson,
// "TCP Vegas: New Techniques for Congestion Detection and Avoidance", SIGCOMM 1994.
package limit
