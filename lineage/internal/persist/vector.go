package persist

// size is the length of a chunk. Small chunks keep a scattered write cheap; a vector of
// a million elements then has a spine of 64 KiB, which each version copies once.
const size = 128

type chunk[T any] struct{ slots [size]T }

// A Vector is one version. The zero value has the zero T at every index. It is
// immutable and safe for concurrent use; [Vector.Edit] begins the next version.
type Vector[T any] struct{ spine []*chunk[T] }

// At returns the element at an index, the zero T where none was set.
func (v Vector[T]) At(i int32) T {
	if c := int(i) / size; c < len(v.spine) && v.spine[c] != nil {
		return v.spine[c].slots[i%size]
	}
	var zero T
	return zero
}

// An Editor writes the next version of a vector. It copies the spine and each chunk at
// most once, and nothing where nothing is set. It is not safe for concurrent use.
type Editor[T any] struct {
	spine  []*chunk[T]
	shared bool         // a version has the spine
	own    map[int]bool // chunks that no version shares
}

// Edit begins a new version.
func (v Vector[T]) Edit() *Editor[T] { return &Editor[T]{spine: v.spine, shared: true} }

// At returns the element at an index as written last.
func (e *Editor[T]) At(i int32) T { return Vector[T]{spine: e.spine}.At(i) }

// Set writes an element. The index is not negative.
func (e *Editor[T]) Set(i int32, x T) {
	if e.shared {
		e.spine, e.shared, e.own = append([]*chunk[T](nil), e.spine...), false, map[int]bool{}
	}
	c := int(i) / size
	for c >= len(e.spine) {
		e.spine = append(e.spine, nil)
	}
	switch {
	case e.spine[c] == nil:
		e.spine[c] = new(chunk[T])
	case !e.own[c]:
		own := *e.spine[c]
		e.spine[c] = &own
	}
	e.own[c] = true
	e.spine[c].slots[i%size] = x
}

// Vector returns the version. The editor may go on; it then copies again.
func (e *Editor[T]) Vector() Vector[T] {
	e.shared = true
	return Vector[T]{spine: e.spine}
}
