// Package lineagetest has what proves lineage: a conformance suite for stores, a naive
// model of the engine, random histories, and a store that fails on command.
//
// [TestStore] checks that a store of yours keeps the contract of lineage.Store, and
// [BenchmarkStore] measures it.
// [NewFaultyStore] makes a store fail where you say, for tests of what stands before it.
//
// A [Model] keeps all records and derives each answer from scratch, slowly and without any
// code of the engine; [Dump] writes the whole of a view as text, so that two views, or a
// view and a model, can be compared byte by byte. [NewHistory] makes events at random, and
// [Shuffle] brings them into another order, with repeats and in batches.
package lineagetest
