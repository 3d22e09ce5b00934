// Package contract is what promotionstest.Run checks, case by case, and stores that
// break it.
package contract
