// Package lease keeps rows that are due at a time and are leased to one worker at a
// time, each lease with a fence above all before it.
package lease
