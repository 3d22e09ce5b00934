package arena

// BlockSize is what chains grow by, in bytes.
const BlockSize = 1024

// none is the number of no block.
const none = 0

// A Chain is what was stored together, in order. The zero Chain is empty.
type Chain struct {
	head, tail uint32
	mixed      bool // the blocks are of several slabs
	size       int64
}

// Size returns how many bytes were stored.
func (c Chain) Size() int64 { return c.size }

// Blocks returns how many blocks the chain has.
func (c Chain) Blocks() int64 { return BlocksFor(c.size) }

// BlocksFor returns how many blocks a chain of so many bytes has. A chain that grows by them needs no more.
func BlocksFor(size int64) int64 { return (size + BlockSize - 1) / BlockSize }

// An Arena has the blocks of chains, in slabs of a pool: what is wholly free goes back to it, but for one slab. It is not safe for concurrent
// use.
type Arena struct {
	pool  *Pool
	shift uint // as the pool's
	slabs []slab
	next  []uint32 // by the number of a block, which begins at 1
	open  []uint32 // slabs with free blocks, of which the last gives the next; it may have others, which are passed over
	gaps  []uint32 // in slabs: those that went back
	idle  int      // slabs that are wholly free
}

// A slab is blocks in a row.
type slab struct {
	memory
	free uint32 // the first block that belongs to no chain; 0 = none
	used uint32 // blocks that belong to chains
	open bool   // it is in the list
}

// New returns an arena that grows by slabs of a pool.
func New(pool *Pool) *Arena { return &Arena{pool: pool, shift: pool.shift, next: []uint32{none}} }

// Release gives back all memory. The arena is empty then, as a new one; its chains and readers are not to be used any more.
func (a *Arena) Release() {
	for i := range a.slabs {
		if a.slabs[i].bytes != nil {
			a.pool.put(a.slabs[i].memory)
		}
	}
	*a = *New(a.pool)
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
	from := a.fillable()
	block := from.free
	from.free, a.next[block] = a.next[block], none
	if from.used++; from.used == 1 {
		a.idle--
	}
	if c.head == none {
		c.head = block
	} else {
		a.next[c.tail] = block
		c.mixed = c.mixed || a.slabOf(block) != a.slabOf(c.tail)
	}
	c.tail = block
}

func (a *Arena) slabOf(block uint32) uint32 { return (block - 1) >> a.shift }

// fillable returns a slab with a free block.
func (a *Arena) fillable() *slab {
	for len(a.open) > 0 {
		last := len(a.open) - 1
		one := &a.slabs[a.open[last]]
		if one.free != none {
			return one
		}
		one.open, a.open = false, a.open[:last]
	}
	return a.grow()
}

// grow adds a slab, all of it free. No other is open.
func (a *Arena) grow() *slab {
	number := uint32(len(a.slabs)) //nolint:gosec // 2^32 blocks are 4 TiB.
	if last := len(a.gaps) - 1; last >= 0 {
		number, a.gaps = a.gaps[last], a.gaps[:last]
	} else {
		a.slabs = append(a.slabs, slab{})
		a.next = append(a.next, make([]uint32, a.pool.perSlab())...)
	}
	first := number<<a.shift + 1
	end := first + a.pool.perSlab() - 1
	for block := first; block < end; block++ {
		a.next[block] = block + 1
	}
	a.next[end] = none
	a.slabs[number] = slab{memory: a.pool.get(), free: first, open: true}
	a.open = append(a.open, number)
	a.idle++
	return &a.slabs[number]
}

func (a *Arena) block(number uint32) []byte {
	at := (number - 1) & (1<<a.shift - 1) * BlockSize
	return a.slabs[a.slabOf(number)].bytes[at : at+BlockSize : at+BlockSize]
}

// Free gives back the blocks of c, which is empty then.
func (a *Arena) Free(c *Chain) {
	switch {
	case c.head == none:
	case c.mixed:
		for block := c.head; block != none; {
			next := a.next[block]
			a.free(block, block, 1)
			block = next
		}
	default:
		a.free(c.head, c.tail, uint32(c.Blocks())) //nolint:gosec // Not more than a slab has.
	}
	*c = Chain{}
}

// free gives back so many blocks in a row of one slab.
func (a *Arena) free(first, last, blocks uint32) {
	number := a.slabOf(first)
	from := &a.slabs[number]
	a.next[last], from.free = from.free, first
	if !from.open {
		from.open, a.open = true, append(a.open, number)
	}
	if from.used -= blocks; from.used == 0 {
		a.rest(number)
	}
}

// rest keeps a slab that is wholly free, if it is the only one.
func (a *Arena) rest(number uint32) {
	if a.idle == 0 {
		a.idle++
		return
	}
	one := &a.slabs[number]
	a.pool.put(one.memory)
	one.memory, one.free = memory{}, none
	a.gaps = append(a.gaps, number)
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
		part := a.upTo(r, n)
		dst = append(dst, part...)
		n -= len(part)
	}
	return dst
}

// Skip moves over the next n bytes. There must be that many.
func (a *Arena) Skip(r *Reader, n int) {
	for n > 0 {
		n -= len(a.upTo(r, n))
	}
}

// Peek returns the next n bytes, and moves behind them. They are those of the block, else copied into scratch, which must have room for n.
func (a *Arena) Peek(scratch []byte, r *Reader, n int) []byte {
	if part := a.upTo(r, n); len(part) == n {
		return part
	} else { //nolint:revive // The part is needed here.
		return a.AppendTo(append(scratch[:0], part...), r, n-len(part))
	}
}

// Overwrite replaces what is at r by p. There must be that much.
func (a *Arena) Overwrite(r Reader, p []byte) {
	for len(p) > 0 {
		p = p[copy(a.upTo(&r, len(p)), p):]
	}
}

// upTo returns the next n bytes, or those until the end of the block.
func (a *Arena) upTo(r *Reader, n int) []byte {
	if r.at == BlockSize {
		r.block, r.at = a.next[r.block], 0
	}
	part := a.block(r.block)[r.at:min(int(r.at)+n, BlockSize)]
	r.at += uint32(len(part)) //nolint:gosec // Not more than a block.
	return part
}
