// Package breaker stops calls to a service that is down, and finds out when it is back.
//
//	payments, err := breaker.New(breaker.Config{Name: "payments"})
//	receipt, err := breaker.Do(ctx, payments, func(ctx context.Context) (Receipt, error) { return gateway.Charge(ctx, card) })
//
// # Model
//
// A breaker is in one of six states:
//
//	state         calls                counts     left
//	closed        pass                 window     to open when it trips
//	open          are refused          nothing    to half-open after OpenFor
//	half-open     as many as Probes    all        to closed when Probes succeeded; to open when one failed or was slow, or after ProbeMaxWait
//	forced-open   are refused          nothing    by command
//	disabled      pass                 nothing    by command
//	metrics-only  pass                 window     by command
//
// Commands ([Commander]) lead from every state to every state, the same one included, but for three: closed and metrics-only to half-open,
// and metrics-only to open. [Diagram] draws all of it.
//
// A call that is allowed gets a [Ticket], and gives it back with an [Outcome]. What belongs to one stay in one state is an epoch. A ticket
// holds its epoch and its bucket of the window, so a result counts where its call was allowed; it is late, that is ignored and counted in
// Stats.Late, once either is gone. [Do] does both around a function and judges its error; a panic is a failure.
//
// The window of closed and metrics-only is a ring of buckets, which begin with the epoch and lapse one by one. A window of one bucket lapses
// as a whole, and the next one begins with the first Allow or Record after that. A breaker trips on a failure or a slow call, when they
// are FailureRatio or SlowRatio of at least MinCalls successes and failures, or when ConsecutiveFailures of the window are in a row.
//
// # Guarantees
//
//   - B1 A ticket counts at most once, and only in the epoch that issued it.
//   - B2 Probes that run and probes that succeeded are together at most Probes. One that is excluded or unused gives its place back.
//   - B3 Successes, failures and excluded together are the results recorded in the window. No interleaving loses one: it is in the
//     window, in the Counts of a Change, or late.
//   - B4 Each change is reported once, in order, under no lock, by whoever made it. OnChange may use the breaker.
//   - B5 No state needs traffic to be left, and no window needs it to lapse: a timer does it. Idle windows and unused breakers in
//     closed hold no timer, and a breaker that nobody refers to is collected in any state.
//
// Closed, a call that succeeds costs loads and one atomic addition; open, a refusal costs loads: no clock, lock or heap in either. All else takes
// a lock, and SlowCall two looks at the clock. All types are safe for concurrent use, but a ticket is for one goroutine at a time.
//
// # Engines
//
// [Engine] is what Do and others need; a *Breaker is one, and [Commander] and [Judge] are abilities that an engine may have. Package sonybreaker
// runs sony/gobreaker/v2 as one, and package breakertest proves that an engine keeps the rules. Engines agree on State and Counts after
// each Allow and Record. Known differences of gobreaker:
//
//   - Time is noticed by the next touch, just after the boundary; here timers notice it at the boundary.
//   - A probe that hangs holds its place for ever; here half-open ends after ProbeMaxWait.
//   - A run of failures can outlast the buckets that they are in, when results come in another order than their calls.
//   - An unused ticket counts as an exclusion.
//   - Callbacks run under its lock, where one that uses the breaker would wait for itself; sonybreaker queues them.
//   - Late results are not counted as late.
//   - It has no slow calls, no growth of the open time, no jitter and no commands.
//
// # What it does not do
//
// It does not share state between processes, end calls that hang, or limit how many run: see package bulkhead. Retries belong outside of it.
//
// # Sources
//
// Michael T. Nygard, Release It!, 2007, "Circuit Breaker"; Resilience4j, CircuitBreaker.StateTransition (states and commands);
// sony/gobreaker v2.4.0 (windows, generations).
package breaker
