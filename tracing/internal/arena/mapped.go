//go:build unix && !race

package arena

import "syscall"

// allocate returns a slab, and whether it has to be unmapped. It is no part of the heap, which would else be let to grow by as much as all slabs
// have before garbage is collected.
func allocate(size int) (slab []byte, mapped bool) {
	slab, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]byte, size), false
	}
	return slab, true
}

// unmap gives back what allocate mapped.
func unmap(slab []byte) {
	_ = syscall.Munmap(slab) // It is one that was mapped.
}
