// Package eval prices queries by rules that have been checked: the index that
// finds them, the chain of stages that applies them, and exact arithmetic.
//
// # Finding rules
//
// Rules are filed by scope id, and there by stage, in the order of their rank. A
// query looks up its variant, its product and each of its categories once, and
// then reads, stage by stage, the lists of what it found. Where only the best
// rule counts, a list is left at the first rule that cannot beat the best so far,
// before its condition is evaluated. A list of more than 32 rules is split by the
// text field that its conditions require with the most values, so that fifty
// thousand contracts on one product cost one look-up by customer.
//
// # Arithmetic
//
// A running value is an exact rational: an int64 with a decimal scale while that
// holds it, a [math/big.Rat] from the first operation on that it does not. Each
// operation decides for itself, and its path in 64 bits answers only where the
// answer is exact; so there is one chain of steps, and no result depends on the
// path. What is never kept is never divided: a margin is compared crosswise, and
// a quotient that is rounded at once is computed in 128 bits.
//
// # Memory
//
// A [Set] is immutable. A [Machine] owns what one query needs and is used again
// for the next; while the arithmetic stays in 64 bits, a query allocates nothing.
package eval
