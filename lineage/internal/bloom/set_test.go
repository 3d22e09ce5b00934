package bloom_test

import (
	"math/rand/v2"
	"testing"

	"github.com/tenon-go/tenon/lineage/internal/bloom"
)

func TestASetHasAllThatWasAddedAndLittleElse(t *testing.T) {
	t.Parallel()
	const n = 100_000
	var s bloom.Set
	r := rand.New(rand.NewPCG(1, 2))
	hashes := make([]uint64, n)
	mistaken := 0
	for i := range hashes {
		hashes[i] = r.Uint64()
		if s.Add(hashes[i]) {
			mistaken++
		}
	}
	for _, h := range hashes {
		if !s.Add(h) {
			t.Fatalf("%x is gone", h)
		}
	}
	if mistaken > n/100 {
		t.Errorf("%d of %d hashes seemed to be there before they were", mistaken, n)
	}
	words := 0
	for _, f := range s {
		words += len(f.Bits)
	}
	if words*64 > 48*n {
		t.Errorf("%d words for %d hashes", words, n)
	}
}
