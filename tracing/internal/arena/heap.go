//go:build !unix || race

package arena

// allocate returns a slab, which never has to be unmapped. It is on the heap also for the race detector, which looks at nothing else.
func allocate(size int) (slab []byte, mapped bool) { return make([]byte, size), false }

func unmap([]byte) {}
