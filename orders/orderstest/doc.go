// Package orderstest checks implementations of what package orders asks of its
// host: a store of your own passes the same suites as those that come with it.
//
// # Stores
//
// [TestStore] checks an orders.Store, [CheckStore] does so without a test, and
// [BenchmarkStore] measures one.
//
// # Stock
//
// [TestStock] checks a stock.Store. [RecordStock] records what many workers did to
// one at once, for a checker of linearisability. [TestStockCases] runs the cases of
// third parties.
//
// # Faults
//
// [TestCrashPoints] stops a process before and after everything that it does to the world, and lets
// others go on. [Gateway] is a payment gateway with books of its own, which loses answers,
// refuses, and is late, as a [Script] says; [GatewayHandler] and [NewGatewayClient] put it behind HTTP.
// [Host] is the rest of a shop. [Check] reads a whole store and returns what does not add up.
package orderstest
