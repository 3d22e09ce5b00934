// Package arena stores bytes in chains of blocks that are cut from large slabs.
//
// A chain grows at its end and is freed as a whole. Slabs hold no pointers, so that the garbage collector looks at none of what is stored, and
// are kept for as long as the arena: what was freed is used again, the last first.
package arena
