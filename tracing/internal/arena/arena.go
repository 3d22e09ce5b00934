package arena

// BlockSize is what chains grow by, in bytes.
const BlockSize = 1024

// none is the number of no block.
const none = 0

// A Chain is what was stored together, in order. The zero Chain is empty.
type Chain struct {
	head, tail uint32
	size       int64
}

// Size returns how many bytes were stored.
func (c Chain) Size() int64 { return c.size }

// Blocks returns how many blocks the chain has.
func (c Chain) Blocks() int64 { return BlocksFor(c.size) }

// BlocksFor returns how many blocks a chain of so many bytes has. A chain that grows by them needs no more.
func BlocksFor(size int64) int64 { return (size + BlockSize - 1) / BlockSize }

// An Arena has the blocks of chains. [New] makes it, and Release ends it. It is not safe for concurrent use.
type Arena struct {
	perSlab uint32
	slabs   [][]byte
	mapped  [][]byte // those of slabs that are not on the heap
	next    []uint32 // by the number of a block, which begins at 1
	free    uint32   // the first block that belongs to no chain; 0 = none
}

// New returns an arena that grows by slabs of so many bytes, one block at least.
func New(slabBytes int) *Arena {
	return &Arena{perSlab: uint32(max(slabBytes/BlockSize, 1)), next: []uint32{none}} //nolint:gosec // Slabs are far below 4 TiB.
}

// Bytes returns how much memory the arena has, in use or not.
func (a *Arena) Bytes() int64 { return int64(len(a.slabs)) * int64(a.perSlab) * BlockSize }

// Release gives back all memory. The arena is empty then, as a new one; its chains and readers are not to be used any more.
func (a *Arena) Release() {
	for _, slab := range a.mapped {
		unmap(slab)
	}
	a.slabs, a.mapped, a.next, a.free = nil, nil, []uint32{none}, none
}

// Append stores p at the end of c.
func (a *Arena) Append(c *Chain, p []byte) {
	for len(p) > 0 {
		used := c.size % BlockSize
		if used == 0 {
			a.extend(c)
		}
		n := copy(a.block(c.tail)[used:], p)
		c.size += int64(n)
		p = p[n:]
	}
}

func (a *Arena) extend(c *Chain) {
	if a.free == none {
		a.grow()
	}
	block := a.free
	a.free, a.next[block] = a.next[block], none
	if c.head == none {
		c.head = block
	} else {
		a.next[c.tail] = block
	}
	c.tail = block
}

// grow adds a slab, all of it free.
func (a *Arena) grow() {
	slab, mapped := allocate(int(a.perSlab) * BlockSize)
	a.slabs = append(a.slabs, slab)
	if mapped {
		a.mapped = append(a.mapped, slab)
	}
	first := uint32(len(a.next)) //nolint:gosec // 2^32 blocks are 4 TiB.
	for i := range a.perSlab {
		a.next = append(a.next, first+i+1)
	}
	a.next[first+a.perSlab-1] = a.free
	a.free = first
}

func (a *Arena) block(number uint32) []byte {
	slab, at := (number-1)/a.perSlab, (number-1)%a.perSlab*BlockSize
	return a.slabs[slab][at : at+BlockSize : at+BlockSize]
}

// Free gives back the blocks of c, which is empty then.
func (a *Arena) Free(c *Chain) {
	if c.head != none {
		a.next[c.tail] = a.free
		a.free = c.head
	}
	*c = Chain{}
}

// A Reader reads a chain from a place on. It is good until the chain is freed. A copy of it is a place to come back to.
type Reader struct {
	block uint32
	at    uint32 // in the block
}

// Reader returns a reader of c from its start.
func (a *Arena) Reader(c Chain) Reader { return Reader{block: c.head} }

// AppendTo appends the next n bytes to dst, and moves behind them. There must be that many.
func (a *Arena) AppendTo(dst []byte, r *Reader, n int) []byte {
	for n > 0 {
		part := a.rest(r, n)
		dst = append(dst, part...)
		n -= len(part)
	}
	return dst
}

// Skip moves over the next n bytes. There must be that many.
func (a *Arena) Skip(r *Reader, n int) {
	for n > 0 {
		n -= len(a.rest(r, n))
	}
}

// Peek returns the next n bytes, and moves behind them. They are those of the block, else copied into scratch, which must have room for n.
func (a *Arena) Peek(scratch []byte, r *Reader, n int) []byte {
	if part := a.rest(r, n); len(part) == n {
		return part
	} else { //nolint:revive // The part is needed here.
		return a.AppendTo(append(scratch[:0], part...), r, n-len(part))
	}
}

// Overwrite replaces what is at r by p. There must be that much.
func (a *Arena) Overwrite(r Reader, p []byte) {
	for len(p) > 0 {
		p = p[copy(a.rest(&r, len(p)), p):]
	}
}

// rest returns the next n bytes, or those until the end of the block.
func (a *Arena) rest(r *Reader, n int) []byte {
	if r.at == BlockSize {
		r.block, r.at = a.next[r.block], 0
	}
	part := a.block(r.block)[r.at:min(int(r.at)+n, BlockSize)]
	r.at += uint32(len(part)) //nolint:gosec // Not more than a block.
	return part
}
