// Package guard puts retries, a breaker and a bulkhead around a call, in the one order that works.
//
//	payments, err := guard.New(guard.Config{Name: "payments", Retry: policy, Breaker: circuit, Semaphore: slots})
//	receipt, err := guard.Do(ctx, payments, func(ctx context.Context) (Receipt, error) { return gateway.Charge(ctx, card) })
//
// # Model
//
// A call is what the caller asks for once, an attempt is one execution of its function. From the outside in:
//
//	fallback         DoOr: what to return instead of an error
//	retry or hedge   repeats attempts: those that fail, or those that take long
//	breaker          refuses attempts while the service is down
//	bulkhead         bounds how many attempts run at once: a semaphore, a partitioned one, or a pool
//	attempt timeout  bounds the context of an attempt
//	function
//
// So each attempt counts for the breaker, and not only the call; a wait for a slot is not held against the service and not cut by the timeout;
// and a refusal costs nothing: no slot is taken, and nothing is counted against the service.
//
// The error of an attempt is judged once, by the classifier of the policy, where there is none by Config.Classify, else by resilience.Default. All
// act on that verdict: the policy by retrying or not, the breaker by what breaker.OutcomeOf says (a breaker.Judge has a say before that), and the
// bulkhead by lowering an adaptive limit after a timeout or a throttled attempt.
//
// A refusal by breaker or bulkhead is not retried: the call fails at once, with the RetryAfter of the breaker.
//
// # Specs
//
// A Registry makes guards of specs, and changes them while calls go on:
//
//	Apply   validates all specs, then changes the guards that differ; one that is wrong changes none
//	Follow  applies what a loader returns, again and again, and keeps the last good specs
//	Diff    says which guards changed, which lost counts, and which go by the default spec
//
// What stays: state and counts of a breaker, permits and waiters of a bulkhead, the balance of a budget in proportion to its size. What does
// not: counts of a breaker whose window is another one, for they were counted for another question. ParseSpecs reads specs from JSON, and
// says everything that is wrong with them at once. Spec.Explain tells the worst case of a call before traffic does.
//
// # Guarantees
//
// The numbers are those of the suite's invariants:
//
//   - R1, R2, R4 and R5 hold as in package retry: a first attempt that the guard makes itself is told to the policy as its own.
//   - R6 All attempts and hedges of a call see one idempotency key.
//   - R7 Nested guards of n attempts add up instead of multiplying: d of them make n+(d-1)(n-1) calls to the innermost function when all
//     fail, n when Eager.
//   - R8 A panic or runtime.Goexit of the function passes through unchanged, with permit and ticket given back and counted as a failure; from
//     a pool or a hedge as their *PanicError, in the caller that waits.
//   - B3, K2 A reload loses no result and no permit: counts and ledgers stay exact.
//
// A success through a native breaker, a semaphore and a policy costs three atomic additions and little else: no clock, no heap, no timer, no lock. Failures,
// foreign engines, pools, hedges and attempt timeouts cost what they need. All types are safe for concurrent use.
//
// # What it does not do
//
// It does not make a call safe to repeat: that takes an idempotent function or a resilience.Key. It does not stop a function that ignores
// its context: only in a pool can its caller leave. It does not limit a rate. Hedges, pools and adaptive limits are set in code, not in
// specs.
//
// # Sources
//
// The order is that of Polly's and Resilience4j's documented pipelines (retry around breaker around bulkhead), with the timeout of an attempt innermost.
package guard
