package arena_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/tenon-go/tenon/tracing/internal/arena"
)

// TestChainsHoldWhatWasStored lets chains grow, end and begin anew beside each other, and compares them with byte slices.
func TestChainsHoldWhatWasStored(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	pool := arena.NewPool(4 * arena.BlockSize)
	a := arena.New(pool)
	var chains [20]arena.Chain
	var want [20][]byte
	for range 20_000 {
		i := source.IntN(len(chains))
		if source.IntN(10) == 0 {
			check(t, a, chains[i], want[i])
			a.Free(&chains[i])
			want[i] = nil
			continue
		}
		p := make([]byte, source.IntN(700))
		for j := range p {
			p[j] = byte(source.UintN(256)) //nolint:gosec // Below 256.
		}
		a.Append(&chains[i], p)
		want[i] = append(want[i], p...)
	}
	var blocks int64
	for i := range chains {
		check(t, a, chains[i], want[i])
		blocks += chains[i].Blocks()
	}
	if pool.Bytes() > 20*blocks*arena.BlockSize {
		t.Errorf("%d bytes of memory for %d blocks: what is freed must be used again", pool.Bytes(), blocks)
	}
	a.Release()
	pool.Release()
	if pool.Bytes() != 0 {
		t.Errorf("%d bytes are left", pool.Bytes())
	}
}

func check(t *testing.T, a *arena.Arena, c arena.Chain, want []byte) {
	t.Helper()
	if c.Size() != int64(len(want)) {
		t.Fatalf("size %d, want %d", c.Size(), len(want))
	}
	r := a.Reader(c)
	if got := a.AppendTo(nil, &r, len(want)); !bytes.Equal(got, want) {
		t.Fatal("read back something else")
	}
	if len(want) < 2000 {
		return
	}
	r = a.Reader(c)
	a.Skip(&r, 1000)
	place := r
	for range 2 {
		if got := a.Peek(make([]byte, 0, 900), &r, 900); !bytes.Equal(got, want[1000:1900]) {
			t.Fatal("a place in the middle reads something else")
		}
		r = place
	}
}

func TestWhatIsFreedIsUsedFirst(t *testing.T) {
	pool := arena.NewPool(8 * arena.BlockSize)
	a := arena.New(pool)
	for range 1000 {
		var c arena.Chain
		a.Append(&c, make([]byte, 8*arena.BlockSize))
		a.Free(&c)
	}
	if got := pool.Bytes(); got != 8*arena.BlockSize {
		t.Errorf("%d bytes, want one slab", got)
	}
}

func TestReleaseGivesAllBack(t *testing.T) {
	pool := arena.NewPool(4 * arena.BlockSize)
	a := arena.New(pool)
	for range 2 {
		var c arena.Chain
		want := bytes.Repeat([]byte("tenon"), 2*arena.BlockSize)
		a.Append(&c, want)
		check(t, a, c, want)
		a.Release()
		pool.Release()
		if got := pool.Bytes(); got != 0 {
			t.Fatalf("%d bytes after Release", got)
		}
	}
}

// An arena keeps no more of its peak than one slab, also where the blocks of many chains are mixed.
func TestArenasShareTheirPeaks(t *testing.T) {
	const slab, slabs = 16 * arena.BlockSize, 50
	pool := arena.NewPool(slab)
	for range 10 {
		a := arena.New(pool)
		var chains [20]arena.Chain
		for i := range slabs * slab / arena.BlockSize {
			a.Append(&chains[i%len(chains)], make([]byte, arena.BlockSize))
		}
		for i := range chains {
			a.Free(&chains[i])
		}
	}
	if got, want := pool.Bytes(), int64((slabs+9)*slab); got > want {
		t.Errorf("%d bytes, want at most %d", got, want)
	}
}
