package lineage

import "slices"

// A hit is one edge that a traversal met: from the node where it was on, or the part or
// whole of it, to the other end, by the entry at a place of a row. For an edge through a
// set that is the entry that leads from the set to the output.
type hit struct {
	from, to int32
	row, at  int32
}

// entry returns the entry of a hit.
func (w *walker) entry(h hit) entry {
	if over := w.v.g.over[w.direction].At(h.row); over != nil {
		return over.At(int(h.at))
	}
	return w.v.g.base.entry(w.direction, h.at)
}

// attr returns the attr of a hit.
func (w *walker) attr(h hit) int32 {
	if over := w.v.g.over[w.direction].At(h.row); over != nil {
		return over.At(int(h.at)).attr
	}
	p := h.at
	if w.direction == reverse {
		p = w.v.g.base.rows[reverse].Edge[p]
	}
	return w.v.g.base.attr[p]
}

// edge returns a hit as an edge.
func (w *walker) edge(h hit) Edge { return w.edgeOf(h, w.links) }

// links returns the edges of a node. It keeps those of the last one: hits of one row ask
// for the same.
func (w *walker) links(n int32) []link {
	if w.linked == nil || w.linkedOf != n {
		w.linked, w.linkedOf = w.v.links(n), n
	}
	return w.linked
}

// edgeOf returns a hit as an edge, given the links of a node.
func (w *walker) edgeOf(h hit, links func(int32) []link) Edge {
	l := w.link(h, links)
	if l.from, l.to = h.from, h.to; w.direction == reverse {
		l.from, l.to = h.to, h.from
	}
	e := w.v.edge(l)
	e.Widened = w.q.Level == ColumnLevel && e.Layer == DatasetLayer
	return e
}

// link returns a hit's edge as it is stated: between columns where the hit is lifted or
// leads to a namesake, and over its whole stretch.
func (w *walker) link(h hit, links func(int32) []link) link {
	v, x := w.v, w.entry(h)
	l := link{from: h.from, to: v.canon(x.node), x: x, seen: v.g.seen(x)} // h.from is the input where the row is a set's
	if v.g.nodes[h.row].kind != setNode {
		l.from = v.canon(h.row)
	}
	if w.direction == reverse {
		l.from, l.to = v.canon(x.node), v.canon(h.row)
		if v.g.nodes[x.node].kind == setNode {
			l.from = h.to
		}
	}
	if v.alias == nil && v.g.scopes[v.g.attrs[x.attr].scope].layer == ColumnLayer {
		return l // No other scope states it.
	}
	all := links(l.from)
	i, _ := slices.BinarySearchFunc(all, l, v.compareLinks)
	for ; i < len(all) && v.compareLinks(all[i], l) == 0; i++ {
		if all[i].x.begin <= x.begin && all[i].x.end >= x.end {
			return all[i]
		}
	}
	return l
}

// fresh reports whether the query follows an edge for when it was seen.
func (w *walker) fresh(h hit) bool {
	if !w.timed {
		return true
	}
	l := w.link(h, w.links)
	return l.seen >= w.seenSince && (!w.q.SkipStale || !w.v.g.stale(l.x, w.v.hi-1))
}
