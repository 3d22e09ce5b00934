// Package sketch counts durations in buckets, so that their quantiles can be told from little memory.
//
//	var s sketch.Sketch
//	s.Add(12 * time.Millisecond)
//	p99 := s.Quantile(0.99)
//
// # Model
//
// Buckets are log-linear: each octave, a range from a power of two to the next, has 32 of equal width. Below 64 ns a bucket is one nanosecond
// wide, above that at most 1/32 of what it holds, so that its middle is within 1.6 % of all of it. Durations below 0 count as 0.
//
// A sketch is sparse, a sorted list of the buckets that hold something, until it has 300 of them; then it is dense, all 1,888 buckets in 15 KB.
// Services differ by orders of magnitude but one operation seldom does: most sketches stay sparse, and below 1 KB.
//
// # Guarantees
//
//   - The order in which durations were added, or sketches merged, makes no difference.
//   - Add is a few nanoseconds dense, a binary search sparse. All else is linear in the buckets that hold something.
//
// A Sketch is for one goroutine at a time.
//
// # Sources
//
// The buckets are those of G. Tene's HdrHistogram with 5 bits of precision.
package sketch
