// Package sampling decides which traces to keep, once they are whole.
//
//	jury, err := sampling.NewJury([]sampling.Policy{
//		sampling.Errors{},
//		sampling.Slow{Over: time.Second},
//		sampling.Probability{P: 0.1},
//	})
//	decision, _ := jury.Decide(trace, time.Now())
//
// # Model
//
//	Policy    settings: which traces to keep; a plain struct
//	Decider   a policy at work, with its state
//	Trace     what a policy is asked about
//	Verdict   its answer: a vote, a threshold, a reason
//	Jury      the deciders of a list of policies: they all vote, and it decides
//	Claims    what the tracestates of spans say about sampling, for who makes a Trace
//	DryRun    what policies would have kept of traces that are there
//
// All policies vote. A vote to drop beats any to keep; without a vote a trace is dropped. A vote to keep has a threshold: the trace is kept if its
// randomness R, 56 bits that it shares with all of its spans, reaches the smallest one. So 1 in 10 of Probability and 1 in 100 of another policy
// keep 1 in 10 together, not 1 in 9: and a trace that was kept stands for 2^56/(2^56-threshold) like it, under any mix of policies. Where spans
// come with a threshold (th) by which they were sampled before, that of the decision is no smaller.
//
//	policy       keeps                                                            early
//	Always       all
//	Errors       a span with status error                                         yes
//	Slow         from first start to last end, or above a quantile                by Over alone
//	Attr         an attribute of a span, its scope or its resource                unless inverted
//	Filter       what package filter can say                                      if a span can tell
//	Status       a span with one of some status codes
//	State        a member of a tracestate
//	Flags        flags of a span
//	Count        the number of spans
//	Probability  a share by R
//	Rate         as large a share as so many spans a second allow
//	Bytes        likewise in bytes
//	PerKey       a share, larger for rare keys
//	Composite    a rate, shared between policies
//	And          what all keep, by the largest threshold
//	Not          what its policy does not keep
//	Drop         nothing: it drops what its policy keeps
//	First        by the first vote that is no abstention
//
// Attr{Key: tracing.DebugAttribute} keeps what a sender marked for debugging, where a tracing.Provider made the first span.
//
// Early is what one span alone can decide before its trace is whole. It is off while a policy of the list may drop.
//
// Rates steer a threshold by what is offered, so that weights stay right, and have a bucket as their hard stop. What only that refused is in
// nobody's weight: such decisions are biased, and counted as such.
//
// # Guarantees
//
//   - A decision depends on traces, their order and times, and on policies only. Nothing here draws random numbers or looks at a clock.
//   - Invariant 7: in expectation the adjusted counts of the traces kept add up to those that came, of any kind of them, but for what is counted as biased.
//   - State is bounded: 4,096 operations of a Slow with Quantile, 10,000 keys of a PerKey, each of at most 1,024 bytes; beyond that they
//     share one.
//   - A decision takes time linear in the bytes of the trace: into what its spans have in common is looked once, if it is large.
//   - A policy that panics keeps the trace.
//   - All deciders, and a Jury, are safe for concurrent use.
//
// # What it does not do
//
// It holds no spans: package collector does, and asks a Jury when a trace closes.
//
// # Sources
//
// OpenTelemetry specification 1.49, TraceState: probability sampling (th, rv, consistent thresholds). The logarithmic shares of PerKey are those
// of Honeycomb's dynamic sampler, dynsampler-go, as documented.
package sampling
