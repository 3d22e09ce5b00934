package decided_test

import (
	"math/rand/v2"
	"testing"

	"github.com/tenon-go/tenon/tracing/internal/decided"
)

func TestTheLastCapacityTracesAreKnown(t *testing.T) {
	for _, capacity := range []int{1, 2, 3, 10, 1000} {
		source := rand.New(rand.NewPCG(1, 2))
		table := decided.New(capacity)
		var hashes []uint64
		var words []decided.Word
		for range 10 * capacity {
			hashes = append(hashes, source.Uint64())
			words = append(words, decided.Word(source.UintN(256))) //nolint:gosec // Below 256.
			table.Put(hashes[len(hashes)-1], words[len(words)-1])
			for back := 1; back <= min(capacity, len(hashes)); back += 1 + back/4 {
				i := len(hashes) - back
				if got, state := table.Get(hashes[i]); state != decided.Known || got != words[i] {
					t.Fatalf("capacity %d: %d back: %x (state %d), want %x", capacity, back, got, state, words[i])
				}
			}
		}
		if _, state := table.Get(source.Uint64()); state != decided.Unknown {
			t.Errorf("capacity %d: a trace that never came has state %d", capacity, state)
		}
	}
}

func TestWhatIsForgottenWasThere(t *testing.T) {
	table := decided.New(100)
	source := rand.New(rand.NewPCG(1, 2))
	first := source.Uint64()
	table.Put(first, decided.Kept)
	seen := map[decided.State]int{}
	for range 300 {
		_, state := table.Get(first)
		seen[state]++
		table.Put(source.Uint64(), 0)
	}
	if seen[decided.Known] < 100 || seen[decided.Forgotten] < 50 || seen[decided.Unknown] == 0 {
		t.Errorf("states %v, want known, then forgotten, then unknown", seen)
	}
}

func TestDecisionsThatMeetBecomeKept(t *testing.T) {
	table := decided.New(100)
	table.Put(1<<20|1, 3)
	table.Put(1<<20|2, decided.Kept|5) // The same but for the 8 bits that are not looked at.
	if got, _ := table.Get(1 << 20); got != decided.Kept|5 || table.Collisions() != 1 {
		t.Errorf("%x, %d collisions", got, table.Collisions())
	}
	table.Put(1<<20, 3)
	if got, _ := table.Get(1 << 20); got != decided.Kept|5 {
		t.Errorf("%x after a drop", got)
	}
}

func TestReviveReachesOlderGenerations(t *testing.T) {
	table := decided.New(10)
	table.Put(1<<30, 1)
	for i := range uint64(8) {
		table.Put((i+1)<<40, 1)
	}
	table.Revive(1<<30, 7)
	if got, state := table.Get(1 << 30); state != decided.Known || got != decided.Kept|7 {
		t.Errorf("%x (state %d)", got, state)
	}
}

func BenchmarkDecisions(b *testing.B) {
	const capacity = 1 << 20
	table := decided.New(capacity)
	source := rand.New(rand.NewPCG(1, 2))
	hashes := make([]uint64, capacity)
	for i := range hashes {
		hashes[i] = source.Uint64()
		table.Put(hashes[i], 1)
	}
	i := 0
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			i = (i + 7919) & (capacity - 1)
			table.Get(hashes[i])
		}
		b.ReportMetric(float64(table.Bytes())/capacity, "B/entry")
	})
	b.Run("unknown", func(b *testing.B) {
		for b.Loop() {
			table.Get(source.Uint64())
		}
	})
}
