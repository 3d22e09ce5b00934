// Package simulate runs carts through two sets of promotions and says what changes:
// what a shop asks before it publishes.
//
// Carts stream through both snapshots, one at a time: memory does not grow with their
// number, save for the accounts that limits run down in, where Config.Limits asks for
// them. What is kept is sums, and the carts that change most, with both explanations.
//
// The same sets and carts give the same [Diff].
package simulate
