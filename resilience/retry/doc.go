// Package retry repeats calls that are worth repeating, and stops when they are not.
//
//	policy, err := retry.New(retry.Config{Budget: budget})
//	user, err := retry.Do(ctx, policy, func(ctx context.Context) (User, error) { return client.Get(ctx, id) })
//
// # Model
//
// A Policy is immutable and shared by all calls to one service. An attempt that fails is judged by a resilience.Classifier; Policy.Decide,
// a pure function, turns the verdict and the History of the call into a Decision: wait and try again, or stop for a Cause. Of several
// causes the first in this order is named:
//
//	verdict   ErrPermanent, ErrRejected, ErrStopped, ErrCanceled (ErrDeadline where the caller's deadline passed)
//	nested    ErrNested: the call runs in a retried attempt of an enclosing policy
//	attempts  ErrMaxAttempts
//	hint      ErrStopped: a BackOff or an exact hint says no; ErrHint: the service asks to wait longer than HintCap allows
//	time      ErrDeadline: too little would be left of the deadline; ErrElapsed: MaxElapsed would have passed
//	budget    ErrBudget
//
// Every stop returns at once; only a policy for Polling waits one ordinary delay before it reports that its budget refused.
//
// Delays come from a Backoff, spread by a Jitter, or from a BackOff of github.com/cenkalti/backoff. A Budget bounds what the retries of all
// calls add to the load. Hedge sends a second attempt while the first is still out. An Error tells how a call went, and draws it as a
// Timeline.
//
// # Guarantees
//
//   - R1 fn runs at most MaxAttempts times, and never with a context that is already done.
//   - R2 no wait begins that would end after the deadline or MaxElapsed.
//   - R3 every delay lies within its jitter's bounds, is not negative and does not overflow: delays end at the largest time.Duration.
//   - R4 fn's last error is always reachable by errors.Is and errors.As.
//   - R5 a budget is charged before the wait, and its balance stays in its bounds.
//   - R6 all attempts and hedges of a call see one idempotency key.
//   - R7 d guarded layers of n attempts make n+(d-1)(n-1) calls to the innermost function when all fail, n when Eager.
//   - R8 a panic of fn passes through unchanged; from a Hedge as a *PanicError in the caller that waits.
//
// A call that succeeds at once touches no clock, heap, timer or lock. A retried attempt costs one look at the clock and one allocation, the
// mark in its context. Policies, hedgers and backoffs are safe for concurrent use.
//
// # What it does not do
//
// It does not stop an attempt: fn must honour its context. It does not make a call idempotent: whether fn is safe to repeat after an
// attempt without an answer is said by Config.Idempotent or by a resilience.Key. It does not remember calls beyond a process.
//
// # Sources
//
// Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015; gRFC A6, client retries, hedging and throttling; AWS SDK for
// Go v2, aws/retry (v1.47.7); RFC 9110, sections 5.6.7 and 10.2.3.
package retry
