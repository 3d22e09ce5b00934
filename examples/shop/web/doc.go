// Package web is a shop on HTTP, and the people and the bank that talk to it.
//
// A [Shop] serves carts, checkouts and orders of package orders. A [Shopper] buys a basket
// there as a browser would. A [Reporter] is the part of a bank that tells the shop by
// itself what happened.
package web
