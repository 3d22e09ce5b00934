package sketch

import (
	"iter"
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	shift     = 5                 // log2 of the buckets from a power of two to the next
	buckets   = (63 - 4) << shift // up to the longest duration
	maxSparse = 300               // at 10 bytes each a fifth of the dense form
)

// A Sketch counts durations. The zero Sketch is empty and ready. It must not be copied after the first Add.
type Sketch struct {
	places []uint16 // sparse: buckets that hold something, in order
	counts []uint64 // of places; dense: of all buckets
	total  uint64
}

// bucketOf returns the bucket of a duration.
func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	power := max(bits.Len64(v)-shift-1, 0)
	return power<<shift + int(v>>power) //nolint:gosec // Below 64.
}

// boundsOf returns the shortest and the longest duration of a bucket.
func boundsOf(bucket int) (low, high time.Duration) {
	power := max(bucket>>shift-1, 0)
	low = time.Duration(bucket-power<<shift) << power
	return low, low + (1<<power - 1)
}

// Add counts a duration.
func (s *Sketch) Add(d time.Duration) { s.add(bucketOf(d), 1) }

func (s *Sketch) add(bucket int, n uint64) {
	s.total += n
	if s.dense() {
		s.counts[bucket] += n
		return
	}
	i, found := slices.BinarySearch(s.places, uint16(bucket)) //nolint:gosec // Below 1,888.
	if found {
		s.counts[i] += n
		return
	}
	if len(s.places) < maxSparse {
		s.places = slices.Insert(s.places, i, uint16(bucket)) //nolint:gosec // Below 1,888.
		s.counts = slices.Insert(s.counts, i, n)
		return
	}
	all := make([]uint64, buckets)
	for bucket, n := range s.each() {
		all[bucket] = n
	}
	all[bucket] += n
	s.places, s.counts = nil, all
}

func (s *Sketch) dense() bool { return len(s.counts) == buckets }

// each returns the buckets that hold something, in order, and how much.
func (s *Sketch) each() iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		for i, n := range s.counts {
			bucket := i
			if !s.dense() {
				bucket = int(s.places[i])
			}
			if n > 0 && !yield(bucket, n) {
				return
			}
		}
	}
}

// Merge adds what other counted.
func (s *Sketch) Merge(other *Sketch) {
	if s == other { // Whose buckets would move while they are read.
		for i, n := range s.counts {
			s.counts[i] += n
		}
		s.total *= 2
		return
	}
	for bucket, n := range other.each() {
		s.add(bucket, n)
	}
}

// Halve divides all counts by two, rounding down, so that what is old weighs less than what comes.
func (s *Sketch) Halve() {
	old := *s
	*s = Sketch{}
	for bucket, n := range old.each() {
		if n > 1 {
			s.add(bucket, n/2)
		}
	}
}

// Count returns how many durations were added.
func (s *Sketch) Count() uint64 { return s.total }

// Quantile returns a duration, within 1.6 %, that a share q of those added does not exceed, and the rest does not fall below: the shortest for
// q of 0, the longest for 1. It is 0 for an empty sketch; q is brought into [0, 1].
func (s *Sketch) Quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(min(max(q, 0), 1) * float64(s.total)))
	rank = min(max(rank, 1), s.total)
	var seen uint64
	for bucket, n := range s.each() {
		if seen += n; seen >= rank {
			low, high := boundsOf(bucket)
			return low + (high-low)/2
		}
	}
	return 0
}

// Below returns how many of the durations added are surely shorter than d: those in buckets below that of d.
func (s *Sketch) Below(d time.Duration) uint64 {
	limit := bucketOf(d)
	var below uint64
	for bucket, n := range s.each() {
		if bucket >= limit {
			break
		}
		below += n
	}
	return below
}
