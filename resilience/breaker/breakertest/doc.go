// Package breakertest tells whether an engine keeps the rules of package breaker.
//
//	func TestEngine(t *testing.T) {
//		breakertest.Run(t, func(t *testing.T, cfg breaker.Config) breaker.Engine { return myEngine(cfg) })
//	}
//
// [Run] checks each rule on its own, and then drives the engine and a *breaker.Breaker with the same random calls for [Steps] steps: successes,
// failures, exclusions, panics, pauses, and results that come after their bucket, window or state has gone, over fixed and rolling
// windows, trips by ratio and in a row, and one to five probes. After each Allow and Record both must be in the same state, hold the
// same counts, and have reported the same changes. All of it runs in bubbles of testing/synctest, so that pauses take no time.
//
// An engine may notice time only when it is touched, and just after the boundary: no pause ends on a boundary, and nothing is compared after a
// pause alone. The run of failures is not judged where results of a rolling window come in another order than their calls, since
// gobreaker's then outlasts its buckets. Hung probes, unused tickets, slow calls and commands are not in the random calls.
package breakertest
