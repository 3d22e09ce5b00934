// Package resilience is the vocabulary that the packages below it share: what a failure means (Verdict), who says so (Classifier), and what
// a context carries from layer to layer (the idempotency key, the mark of a retried attempt). It does no I/O and depends on none of them.
//
// # Map
//
//   - [github.com/tenon-go/tenon/resilience/retry]: repeat what is worth repeating, and stop when it is not: policies, hints, hedges.
//     [github.com/tenon-go/tenon/resilience/retry/budget] bounds how much load retries may add.
//   - [github.com/tenon-go/tenon/resilience/breaker]: stop calling what is down. breaker/sonybreaker runs sony/gobreaker/v2 behind
//     the same interface, breaker/breakertest is the suite that every engine passes.
//   - [github.com/tenon-go/tenon/resilience/bulkhead]: bound what one dependency can take of the process: semaphore, pool, shares,
//     and limits that adapt by the algorithms of bulkhead/limit.
//   - [github.com/tenon-go/tenon/resilience/guard]: the three of them around one call, in the one order that works.
//   - [github.com/tenon-go/tenon/resilience/storm]: what a policy does to a service that is down, computed instead of found out.
//
// # Model
//
// A call is what the caller asks for once. An attempt is one execution of its function. A verdict is what the error of an attempt means;
// each attempt is judged once, and retry, breaker and bulkhead act on the same verdict:
//
//	Kind               meaning                                    retried                 a breaker counts
//	Permanent          repeating does not change it               no                      success if answered, else failure
//	Transient          not executed, or safe to repeat            yes                     failure
//	Throttled          asked to slow down                         yes, with longer delay  nothing
//	Timeout, Ambiguous sent, no usable answer                     if idempotent or keyed  failure
//	Canceled           the caller left                            no                      nothing
//	Rejected           our own breaker or bulkhead refused        no                      nothing
//
// An error can bring its verdict along by a method Verdict() Verdict; WithVerdict and Permanent give it one. A classifier decides first,
// and Default decides what no classifier does.
//
// # Keys and marks
//
// A call whose context has a key (WithKey) is safe to repeat: the other side executes a key at most once. All attempts and hedges of
// the call see the same key.
//
// From the second attempt on a context carries a Mark. A policy that finds a mark makes one attempt: d layers of n attempts then make
// n+(d-1)(n-1) calls to the innermost service when all fail, 7 instead of 27 for three layers of three.
//
// All functions are safe for concurrent use.
//
// # Faults
//
// Libraries for these jobs have shipped with each of the faults below. A test named for the rule excludes it here.
//
//	fault                                                          rule                                               package
//	the function runs though its context is done                   no attempt begins with a context that is done      retry
//	a full wait for a deadline that passes meanwhile               no wait begins that would end too late             retry
//	the context's error comes back instead of the last one         the last error is always reachable                 retry
//	the budget refuses only after the wait                         charged before the wait                            retry
//	three layers of three attempts make 27 calls                   seven, or three                                    retry
//	a Retry-After with a date is ignored                           all forms of RFC 9110 are read                     retry
//	a Retry-After is followed without a cap, or if negative        capped, never negative                             retry
//	a callback that calls its breaker blocks for ever              callbacks run under no lock                        breaker
//	a probe that hangs keeps the breaker half-open for ever        open again after ProbeMaxWait                      breaker
//	any number of probes reach a service that recovers             at most Probes                                     breaker
//	any number of callers wait for a slot                          at most Queue                                      bulkhead
package resilience
