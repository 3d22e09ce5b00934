// Package tracingtest makes spans, takes them in tests of what makes them, and has what tests of collectors and of what stands behind them
// compare with.
//
//	Recorder  a sink that keeps the spans it takes, or fails on command
//	Stream    random traffic: late, repeated, lost, shuffled spans
//	Replay    one request again and again, of other traces each time, for load
//	Storm     traces of two processes, at a rate, for overload
//	Naive     a collector that has all requests before it: the oracle
//
// # Tests without waiting
//
// Providers and collectors wait: for a batch, for a trace to be quiet. In a bubble of package testing/synctest that takes no time, and each run is
// the same:
//
//	synctest.Test(t, func(t *testing.T) {
//		kept := collector.NewRecent(0)
//		tail, err := collector.New(kept, collector.Config{Shards: 1, Policies: policies}) // in the bubble, so that timers are its
//		provider, err := tracing.New(tail, tracing.Config{})
//		charge(t.Context(), provider.Tracer("example.com/pay"))  // what is tested
//		err = provider.Flush(t.Context())                        // not left to MaxDelay, which may end in the instant of another step
//		time.Sleep(3 * time.Second)                              // more than Quiet and the 200 ms of a batch
//		synctest.Wait()
//		if len(kept.All()) != 1 { ... }
//		err = errors.Join(provider.Close(t.Context()), tail.Close(t.Context())) // before the bubble ends: it waits for their goroutines
//	})
//
// Without a bubble, the Config.Now of a collector moves arrivals and closings, at which it looks again and again in real time; batches leave by
// the real clock.
//
// What is drawn comes from a source that the caller seeds, so that a failure repeats.
package tracingtest
