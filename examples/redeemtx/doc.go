// Command redeemtx redeems a promotion in the transaction that writes the order: both
// stand, or neither.
package main
