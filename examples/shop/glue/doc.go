// Package glue lets package orders sell at the prices of package pricing and with the
// promotions of package promotions.
//
// Orders imports neither: it declares what it needs of a host, and this is a host's whole
// part in it. [Pricer] is an orders.Pricer, [Promoter] an orders.Discounter and an
// orders.Redeemer.
package glue
