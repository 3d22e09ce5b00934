package csr

// A Graph is the rows of a directed graph in one direction: the edges of node n are
// To[Off[n]:Off[n+1]], and of those To[Off[n]:Now[n]] come first because they are
// current. Edge has the number of each edge as the caller counts them.
type Graph struct {
	Off  []int32 // one more than there are nodes
	Now  []int32 // for each node the end of its current edges
	To   []int32
	Edge []int32
}

// Nodes returns how many nodes there are.
func (g *Graph) Nodes() int { return len(g.Now) }

// Build sorts edges from[i] -> to[i] into the rows of n nodes, by counting. Within a
// row the current edges come first, and both parts keep the order of the input: whoever
// wants sorted rows sorts the edges first. A nil current means that all are.
func Build(n int, from, to []int32, current func(edge int) bool) Graph {
	g := Graph{Off: make([]int32, n+1), Now: make([]int32, n), To: make([]int32, len(to)), Edge: make([]int32, len(to))}
	for _, f := range from {
		g.Off[f+1]++
	}
	for i := range n {
		g.Off[i+1] += g.Off[i]
	}
	copy(g.Now, g.Off)
	place := func(at, e int32) { g.To[at], g.Edge[at] = to[e], e }
	for e := range int32(len(from)) { //nolint:gosec // the rows count in int32
		if current == nil || current(int(e)) {
			place(g.Now[from[e]], e)
			g.Now[from[e]]++
		}
	}
	if current == nil {
		return g
	}
	end := append([]int32(nil), g.Now...)
	for e := range int32(len(from)) { //nolint:gosec // the rows count in int32
		if !current(int(e)) {
			place(end[from[e]], e)
			end[from[e]]++
		}
	}
	return g
}
