// Package contract is the contract of pricing.Store as checks, one for each rule,
// and the broken stores that show that the checks can fail. Package pricingtest
// runs them.
package contract
