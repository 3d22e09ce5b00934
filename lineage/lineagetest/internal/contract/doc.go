// Package contract is what lineagetest.TestStore checks, case by case, and stores that
// break it.
package contract
