// Package arena stores bytes in chains of blocks that are cut from large slabs.
//
// A chain grows at its end and is freed as a whole. Slabs hold no pointers, so that the garbage collector looks at none of what is stored, and
// where the system has memory beside the heap they are there, so that it does not count them either. They are kept until the arena is released:
// what was freed is used again, the last first.
package arena
