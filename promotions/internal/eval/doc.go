// Package eval runs compiled promotions over a cart: which fire, on which units, for how
// much, and why the others do not. Amounts are int64 minor units of the cart's currency;
// positions stand for ids. It knows nothing of the JSON form and keeps no account.
//
// A [Set] is what promotions.Compile fills and [New] indexes. An [Input] is a checked cart.
// A [Machine] evaluates one after the other and is pooled by its owner. Its [State] is all
// that a promotion's turn reads and changes, with a journal that takes changes back: a mode
// that compares promotions, and a [Solver] that searches combinations of them, try and undo.
package eval
