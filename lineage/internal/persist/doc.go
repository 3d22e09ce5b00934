// Package persist has a persistent vector and a persistent list: versions that share what
// they have in common, so that readers keep theirs while a writer makes the next.
package persist
