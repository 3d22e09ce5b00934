// Package tracingtest makes spans, and has what tests of collectors and of what stands behind them compare with.
//
//	Stream    random traffic: late, repeated, lost, shuffled spans
//	Replay    one request again and again, of other traces each time, for load
//	Storm     traces of two processes, at a rate, for overload
//	Naive     a collector that has all requests before it: the oracle
//	FaultyFS  a directory that fails on command, and forgets in a crash what was not synced
//
// What is drawn comes from a source that the caller seeds, so that a failure repeats.
package tracingtest
