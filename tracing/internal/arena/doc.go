// Package arena stores bytes in chains of blocks that are cut from large slabs.
//
// A chain grows at its end and is freed as a whole. Slabs hold no pointers, so that the garbage collector looks at none of what is stored, and
// where the system has memory beside the heap they are there, so that it does not count them either. What was freed is used again, the last
// first; a slab of which all is free goes to the pool of the arenas, which keeps it for the next that needs one.
package arena
