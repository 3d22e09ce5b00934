// Package faulttest opens databases of which one step can be made to fail: the n-th
// statement, the begin or the commit of a transaction. Tests go through all n, so
// that a store meets a failure at every point at which it can have one.
//
// The faults are in the driver's place, below database/sql. There they reach what a
// store does by a transaction or a connection of its own as well.
package faulttest
