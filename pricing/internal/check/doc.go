// Package check looks at what the rules of a set do to each other: references
// that go in circles, rules between which no order decides, floors above
// ceilings, and rules that can never act.
//
// [Errors] are what makes a set undecidable; [Findings] are what its author
// probably did not mean. Both take rules that are valid one by one. They compare
// rules of one group only (what is equal in rank, or in scope), sort or index
// inside it, and stop at a budget of comparisons, which is then a finding of its
// own: nothing is left out unseen.
package check
