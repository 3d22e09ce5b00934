// Package search finds, of a stage's promotions, the legal subset that takes most, and
// proves that it is that: branch and bound over the states of package eval.
//
// What a subset takes is what the stage takes when only its members are there: first those
// that use units up, which share them for the largest sum, then the others in canonical
// order, each on the state at its turn. Of subsets that take the same the one with fewer
// members is better, then the one whose members come first.
//
// A node of the search is a subset, its children add one member each, in canonical order.
// What the members that are still to be decided could add is bounded by what each could
// take in the node's state at most, of a group the largest that its limit allows, and by
// the room on their targets. An effect never takes more from less, so the bound holds
// for every state below the node.
//
// Promotions that cannot matter to each other are searched apart. There is no clock: the
// work is counted, each node with the candidates that are still to be bounded in it and
// their lines, and what it takes to share units, so
// that the same cart has the same answer on every machine. Where the budget does not reach,
// the best that was found is improved by single swaps, and the bound is that of what was
// not looked at.
package search
