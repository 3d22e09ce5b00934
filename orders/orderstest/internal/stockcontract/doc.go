// Package stockcontract holds the cases of the contract of stock.Store, and stores
// that break it.
package stockcontract
