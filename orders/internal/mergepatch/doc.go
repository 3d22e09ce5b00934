// Package mergepatch makes and applies JSON merge patches (RFC 7396): what changed
// from one value of a struct to the next.
package mergepatch
