// Package collector holds the spans of traces until these are whole, decides which to keep, and hands them on: tail sampling, in the process or as
// a server of its own.
//
//	c, err := collector.New(out, collector.Config{Policies: []sampling.Policy{
//		sampling.Errors{}, sampling.Slow{Over: time.Second}, sampling.Probability{P: 0.1},
//	}})
//	handler, err := otlp.NewHandler(c, otlp.HandlerConfig{}) // for spans from elsewhere
//	provider, err := tracing.New(c, tracing.Config{})        // for spans of this process
//	defer c.Close(ctx)        // last: deferred calls run backwards, and what comes after it is refused
//	defer provider.Close(ctx)
//
// # Model
//
//	Request   one OTLP export: taken or refused as a whole
//	Shard     holds the traces whose IDs fall to it
//	Decision  keep or drop of a trace: its policy, reason, time, and why the trace closed; Explain finds it again
//	Part      what the output gets at once of a trace: whole, early (before it closed) or late
//	Ledger    counts of what became of every span
//	Epoch     a stretch of what was taken; Settled says when all of it met its fate
//
// The way of a span:
//
//	request ─► shard ─► closing ─► decision ─┬► keep ─► output
//	   │         │                           └► drop
//	   └ refused └ late: follows the decision that was made
//
// States of a trace. An event that is not listed changes nothing but counters.
//
//	From            Event                                                  To
//	-               first span                                             open
//	open            root seen, every parent present, quiet for Quiet       closing (complete)
//	open            root seen, a parent missing, quiet for 3 x Quiet       closing (missing parents)
//	open            older than MaxAge                                      closing (age)
//	open            over MaxTraceBytes or MaxTraceSpans                    closing (size)
//	open            memory is short                                        closing (pressure)
//	open            Flush or Close                                         closing (flush)
//	open            one span alone keeps it, EarlyKeep or memory is short  kept (early)
//	closing         decision                                               kept or dropped
//	kept            another span                                           kept: it leaves as a late part
//	dropped         another span                                           dropped: sampled out late
//	dropped         another span, which alone keeps it                     kept: it leaves as a late part, marked Partial
//	kept, dropped   forgotten                                              -: a later span opens it anew, marked Reopened
//
// Fates of a span, of which it meets one. Until then it is in flight.
//
//	Fate              When
//	rejected          its IDs are wrong, or it is nested too deep: the others of its request are taken
//	exported          its trace was kept, and the output has it
//	sampled out       its trace was dropped
//	sampled out late  it came after its trace was dropped
//	duplicate         it was there already, byte for byte, while its trace was open
//	failed            the output refused it for good, or Close ran out of time
//
// # Under overload
//
// Above SoftRatio of MaxBytes traces are decided before their time: those that one span keeps anyway, then complete ones after a shorter quiet,
// and incomplete ones, Partial then, if there is nothing else. At 95 % requests are refused before they are parsed, and told when to come back;
// nothing that was taken is dropped to make room, so that no error and no slow trace that was acknowledged is lost. What is kept stays in memory
// until the output has it: an output that is dead ends in refusals, not in loss.
//
// # Guarantees
//
// The tests that prove them name these numbers.
//
//  1. Conservation, in spans and bytes, at every instant: received = rejected + exported + sampled out + sampled out late + duplicates + failed +
//     in flight. In traces: opened = kept + dropped + open. In requests: offered = refused + malformed + taken. See Ledger.Check.
//  2. No trace leaves the buffer undecided, and no span that was taken is dropped to make room.
//  3. With a policy Errors or Slow and none that drops, every span that satisfies it leaves, with all spans of its trace that are still there,
//     whatever the load, the order and the delay.
//  4. What leaves is what came: the bytes of spans, resources and scopes are the same, but for the tracestate with StampThreshold. No part holds
//     a span twice.
//  5. What is held never exceeds MaxBytes, bodies being read (Admit) included. Every refusal says when to come back.
//  6. Decisions depend on spans, when they come and policies only: with one shard the same requests at the same times are decided alike.
//  7. For each trace that is kept, the adjusted count of its threshold is one over the probability of that, so that weighted sums are unbiased;
//     what is not sure is counted as Biased.
//
// # After a crash
//
// Without WALDir what is in memory is lost when the process is killed; a source that can send again, such as a queue, learns from Advance and
// Settled from where on. With it, requests are logged, a file for each epoch of a second or 16 MiB, until all spans of the epoch met their fate, and
// a collector that is made there takes the rest again: with SyncAck nothing that was acknowledged is lost, not even by a power failure. The output
// may get spans twice then, and what was sampled out is decided anew. Where memory is short, the rest has its turn before what comes. A request
// that a smaller MaxBytes never holds stays in the log, with all that comes after it, for a collector with a larger one; Stats names it. A file
// that a crash cut is read up to there; one that is damaged in between loses the requests that are hit, whose bytes are counted and kept beside it.
//
// # Cost
//
// A span takes its bytes and 24, in blocks of 1 KiB for each trace; a trace 512 bytes beside, and 24 for as long as its decision is remembered.
// None of it has pointers that the garbage collector looks at. Ingest takes one lock for each trace of a request. Memory that was used once is
// kept, to be used again by any shard.
//
// # Callbacks
//
// Policies, Tap, OnDecision and Output are called under no lock. One that panics is counted in Stats: a policy keeps the trace, an output gets its
// batch again. While one blocks, what it was called for waits, and so do Flush and Close until their context ends; others are taken, and epochs
// end. They must not call Flush or Close of the same collector and wait for the answer.
//
// # What it does not do
//
// Receive over the network (package otlp does), store traces, or forward spans to other collectors so that each trace has one owner.
package collector
