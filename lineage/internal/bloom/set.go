package bloom

import (
	"math/bits"
	"slices"
)

// A Set is hashes that were added. It takes 16 bits for each and has a few in a thousand
// that were not. The zero value is empty. It is not safe for concurrent use.
type Set []Filter

// A Filter is one Bloom filter.
type Filter struct {
	Len  int64    // how many hashes were added to it
	Bits []uint64 // a power of two of them
}

const (
	firstWords = 1 << 10 // of the first filter
	wordHashes = 4       // hashes for each word: 16 bits each
	probes     = 4
)

// Add reports whether a hash may have been added before, and adds it. Hashes must be well
// mixed.
func (s *Set) Add(hash uint64) bool {
	for i := range *s {
		if (*s)[i].has(hash) {
			return true
		}
	}
	n := len(*s)
	if n == 0 || (*s)[n-1].Len >= int64(len((*s)[n-1].Bits)*wordHashes) {
		*s = append(*s, Filter{Bits: make([]uint64, firstWords<<n)})
		n++
	}
	last := &(*s)[n-1]
	last.Len++
	for p := range probes {
		word, bit := last.probe(hash, p)
		last.Bits[word] |= bit
	}
	return false
}

// Clone returns the set as it is now. It shares the filters that are full.
func (s *Set) Clone() Set {
	out := slices.Clone(*s)
	if n := len(out); n > 0 {
		out[n-1].Bits = slices.Clone(out[n-1].Bits)
	}
	return out
}

func (f *Filter) has(hash uint64) bool {
	for p := range probes {
		if word, bit := f.probe(hash, p); f.Bits[word]&bit == 0 {
			return false
		}
	}
	return true
}

// probe returns the place of one of a hash's bits.
func (f *Filter) probe(hash uint64, p int) (word int, bit uint64) {
	x := bits.RotateLeft64(hash, 16*p) * 0xBF58476D1CE4E5B9 // The odd factor of SplitMix64.
	x ^= x >> 31
	return int(x>>6) & (len(f.Bits) - 1), 1 << (x & 63)
}
