package csr

// Marks is a set of nodes. Emptying it costs next to nothing, so that one set serves many
// traversals. The zero value is an empty set of no nodes; it is not safe for concurrent
// use.
//
// A stamp is one byte, so that the marks of a million nodes stay in a processor's cache:
// a traversal looks at them in random order, once for each edge. The price is to clear
// them after 255 traversals.
type Marks struct {
	stamp []uint8 // of a node: the epoch in which it was added last
	epoch uint8
}

// Reset empties the set and makes room for n nodes.
func (m *Marks) Reset(n int) {
	if len(m.stamp) < n {
		m.stamp, m.epoch = make([]uint8, n), 0
	}
	if m.epoch++; m.epoch == 0 { // It went round: old stamps could be taken for new ones.
		clear(m.stamp)
		m.epoch = 1
	}
}

// Add adds a node and reports whether it is new.
func (m *Marks) Add(n int32) bool {
	if m.stamp[n] == m.epoch {
		return false
	}
	m.stamp[n] = m.epoch
	return true
}

// Has reports whether a node is in the set.
func (m *Marks) Has(n int32) bool { return m.stamp[n] == m.epoch }
