// Package medusatest runs the pure functions of @medusajs/promotion, which is JavaScript,
// on sets and carts of promotions: as a peer to be measured and compared with.
package medusatest
