// Package recall remembers what was found out about the resources and scopes that spans have in common.
//
// A request names them once for many spans: whoever looks into them for each span takes the product of both, which a small request can make
// very large.
package recall
