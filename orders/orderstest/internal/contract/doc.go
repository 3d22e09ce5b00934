// Package contract is the rules that a store of orders must keep, each with a check.
package contract
