package decided

import "math/bits"

// generations that are remembered, and one more of which only that it was there. With three of half the capacity each the last capacity
// traces are always there, in less memory than two of the whole would take.
const (
	generations = 3
	tables      = generations + 1
)

// maxLoad is how full a generation gets, in 1/16: above it runs of taken words get long.
const maxLoad = 11

// A Word is what is remembered of one trace, in 8 bits. Its top bit says that the trace was kept.
type Word uint8

// Kept is the bit of a Word that wins where two traces cannot be told apart.
const Kept Word = 0x80

// A State says how well a trace is remembered.
type State uint8

// Remembrance.
const (
	Unknown   State = iota // not, or not any more
	Forgotten              // not what was decided, but that it was
	Known
)

// A Table remembers the last traces. [New] makes it. It is not safe for concurrent use.
type Table struct {
	words      [tables][]uint64 // 56 bits of the hash and a Word each; 0 = free
	newest     int
	used       int // words of the newest
	limit      int
	collisions int64
}

// New returns a table that remembers the last capacity traces at least.
func New(capacity int) *Table {
	half := max((capacity+generations-2)/(generations-1), 1)
	t := &Table{limit: half}
	for i := range t.words {
		t.words[i] = make([]uint64, half*16/maxLoad+1)
	}
	return t
}

// Bytes returns the memory that the table takes.
func (t *Table) Bytes() int { return tables * len(t.words[0]) * 8 }

// Collisions returns how often two decisions met in one fingerprint and became Kept.
func (t *Table) Collisions() int64 { return t.collisions }

// fingerprint returns 56 bits of the hash of a trace, in place, which are not all zero.
func fingerprint(hash uint64) uint64 { return max(hash&^0xff, 1<<8) }

// generation returns the words of what is so much older than the newest.
func (t *Table) generation(age int) []uint64 { return t.words[(t.newest+tables-age)%tables] }

// find returns where a fingerprint is, or could be.
func find(words []uint64, fp uint64) (at int, found bool) {
	place, _ := bits.Mul64(fp, uint64(len(words)))
	for at = int(place); words[at] != 0; { //nolint:gosec // Below the length.
		if words[at]&^0xff == fp {
			return at, true
		}
		if at++; at == len(words) {
			at = 0
		}
	}
	return at, false
}

// Get returns what was put for the hash of a trace, which has to be evenly spread.
func (t *Table) Get(hash uint64) (Word, State) {
	fp := fingerprint(hash)
	for age := range tables {
		words := t.generation(age)
		if at, found := find(words, fp); found {
			if age == generations {
				return 0, Forgotten
			}
			return Word(words[at]), Known //nolint:gosec // The lowest 8 bits.
		}
	}
	return 0, Unknown
}

// Put remembers w for the hash of a trace. What is there already for it in the newest generation by another trace and disagrees about Kept
// is kept: no trace is dropped because of another.
func (t *Table) Put(hash uint64, w Word) {
	fp := fingerprint(hash)
	words := t.generation(0)
	at, found := find(words, fp)
	if found {
		old := Word(words[at]) //nolint:gosec // The lowest 8 bits.
		if (old^w)&Kept != 0 {
			t.collisions++
			w = max(old, w)
		}
		words[at] = fp | uint64(w)
		return
	}
	if t.used == t.limit {
		t.newest, t.used = (t.newest+1)%tables, 0
		words = t.generation(0)
		clear(words)
		at, _ = find(words, fp)
	}
	words[at] = fp | uint64(w)
	t.used++
}

// Revive says that the trace of a hash is kept from now on, whatever was put.
func (t *Table) Revive(hash uint64, w Word) {
	fp := fingerprint(hash)
	for age := range generations {
		words := t.generation(age)
		if at, found := find(words, fp); found {
			words[at] = fp | uint64(w|Kept)
			return
		}
	}
	t.Put(hash, w|Kept)
}
