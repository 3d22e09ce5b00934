// Package orderstest checks implementations of what package orders asks of its
// host: a store of your own passes the same suites as those that come with it.
//
// # Stock
//
// [TestStock] checks a stock.Store. [RecordStock] records what many workers did to
// one at once, for a checker of linearisability. [TestStockCases] runs the cases of
// third parties.
package orderstest
