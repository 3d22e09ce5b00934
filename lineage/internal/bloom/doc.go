// Package bloom has a set of hashes that grows and may take what it does not have for its
// own: a sequence of Bloom filters, each twice as large as the one before.
package bloom
