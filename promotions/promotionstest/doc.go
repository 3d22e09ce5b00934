// Package promotionstest has what proves promotions: a conformance suite for stores, an
// oracle for evaluations, random deals, and the workloads of the benchmarks.
//
// [Run] checks that a store of yours keeps the contract of promotions.Store, and [Overrun]
// that no limit is ever overrun, by any number of processes. [Faulty] makes a store fail
// where you say.
//
// [Naive] evaluates a cart plainly and slowly, without any code of the engine; [NewDeal]
// makes sets and carts at random for a comparison of the two. [Workload] and
// [OptimalWorkload] are what the benchmarks measure.
package promotionstest
