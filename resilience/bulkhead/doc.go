// Package bulkhead bounds what one dependency can take of a process: how many calls to it run at once, how many wait for that, and for how
// long. A service that hangs then costs its callers an error, and not everybody else the process.
//
//	sem, err := bulkhead.New(64, bulkhead.Config{Queue: 32, MaxWait: 250 * time.Millisecond})
//	permit, err := sem.Acquire(ctx)
//	if err != nil {
//		return err // full, or ctx is done
//	}
//	defer permit.Release()
//
// # Model
//
// A slot is room for one call; a limit is how many there are. A permit is the right to a slot, given back once. Who finds no slot free is
// refused at once with a *FullError, unless there is a queue to wait in.
//
//	Semaphore    slots for calls in the goroutines of their callers: New, or NewAdaptive for a limit that finds itself (package limit)
//	Partitioned  one limit divided into shares, one for each tenant: NewPartitioned
//	Pool         slots for functions in goroutines of their own, which their callers can leave: NewPool
//
// The limit of each, and the rest of its Config, can be changed while calls run and wait.
//
// # Who is next
//
// Newcomers may overtake those who wait until the oldest has waited for a millisecond; then slots are handed over, one by one, as in
// sync.Mutex. To hand over always costs a switch of goroutines per call, which under contention is several times the price.
//
// Whose slot it is then says Config.Order: the oldest waiter's, or, with LIFOWhenLate, the newest's once the oldest has waited for more
// than half of MaxWait. With Config.ShedLowest a newcomer at a full queue takes the place of the youngest waiter of the lowest priority
// below its own. In a Partitioned nobody overtakes, and a slot goes to the waiting partition with the lowest use for its weight.
//
// # Guarantees
//
//   - K1 no permit is given while as many slots as the limit, or more, are in use.
//   - K2 offered = accepted + rejected + left + waiting, and accepted = released + in use. Left are callers whose context ended; callers that
//     found all full, were shed or waited out are rejected.
//   - K3 no more than Config.Queue wait, but for a queue that was made shorter, which keeps who is in it. A queue has an end, always: one that grows with the outage delays the failure of every call
//     in it, and ends when memory does.
//   - K4 nobody waits while a slot is free.
//   - K5 a partition that waits reaches its share as soon as borrowed calls end, and lends nothing meanwhile.
//   - K6 a slot of a pool is free only when its function has really ended.
//
// All types are safe for concurrent use. To acquire and release costs two atomic operations and allocates nothing; a refusal costs one.
// Only callers who wait, or wake others, take a lock, read the clock and allocate. No callback runs under a lock. Operations of a semaphore
// are linearisable, those that change its limit included.
//
// # What it does not do
//
// It does not stop a call: that is for its context. It does not limit a rate: a limit of calls at once is one of rate times latency, and
// so gets tighter by itself when a service slows down. It does not look beyond its process.
//
// # Sources
//
// Michael Nygard, "Release It!", 2nd edition, 2018 (bulkheads); Ben Maurer, "Fail at Scale", ACM Queue 13(8), 2015 (last in, first out
// under overload); sync.Mutex of the Go standard library (fairness); Hamilton's method of apportionment (largest remainder).
package bulkhead
