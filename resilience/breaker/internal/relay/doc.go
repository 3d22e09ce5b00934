// Package relay hands values to a function one at a time, in the order in which they were added and under no lock: the way for a type to
// report what happened to it while it was locked.
package relay
