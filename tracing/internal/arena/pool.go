package arena

import (
	"math/bits"
	"sync"
)

// A Pool has the slabs that no arena uses, so that what one needed at its peak is there for all others. [NewPool] makes it, and Release ends it. It
// is safe for concurrent use.
type Pool struct {
	shift uint // log2 of the blocks of a slab

	mu   sync.Mutex
	made int64
	free []memory
}

// A memory is the bytes of a slab.
type memory struct {
	bytes  []byte
	mapped bool // they are not on the heap
}

// NewPool returns a pool of slabs of at most so many bytes: a power of two of blocks, one at least.
func NewPool(slabBytes int) *Pool {
	return &Pool{shift: uint(bits.Len(uint(max(slabBytes/BlockSize, 1)))) - 1}
}

func (p *Pool) perSlab() uint32 { return 1 << p.shift }

// Bytes returns how much memory the pool and its arenas have, in use or not.
func (p *Pool) Bytes() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made << p.shift * BlockSize
}

// Release gives back the memory that no arena uses.
func (p *Pool) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.free {
		if one.mapped {
			unmap(one.bytes)
		}
	}
	p.made -= int64(len(p.free))
	p.free = nil
}

// get returns a slab of any content.
func (p *Pool) get() memory {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.free) - 1; last >= 0 {
		one := p.free[last]
		p.free[last], p.free = memory{}, p.free[:last]
		return one
	}
	p.made++
	bytes, mapped := allocate(BlockSize << p.shift)
	return memory{bytes, mapped}
}

func (p *Pool) put(one memory) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, one)
}
