// Package pricingtest proves implementations of what package pricing declares:
// stores, engines, and changes to either.
//
// # Stores
//
// [TestStore] is the contract of [pricing.Store] as a test, and [CheckStore] the
// same as an error. [FaultyStore] wraps any store and fails where it is told to.
// [BenchmarkStore] measures one.
//
// # Prices
//
// [Naive] is the rules of package pricing written a second time, for clearness
// alone: a linear scan over the public [pricing.Rule] values, in fractions of
// big integers. Nothing in it is shared with the engine, so a price on which the
// two agree does not rest on a mistake of either. It takes tens of microseconds
// and hundreds of allocations where the engine takes one and none.
//
// [RandomRules] and [RandomQuery] draw rule sets and queries from a universe of
// a few products, customers, currencies and seconds, in which rules meet, tie
// and contradict each other all the time. The same source of randomness draws
// the same set, so that a seed is a test case. [Workload] is the opposite: a
// large set without conflicts, and the queries of a shop, to take times with.
//
// All functions are safe for concurrent use, each call with its own arguments.
package pricingtest
