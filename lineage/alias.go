package lineage

import (
	"cmp"
	"slices"

	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

// An aliasing is all that was ever said of datasets' other names. It is immutable.
type aliasing struct {
	pairs  []pair           // sorted by until
	near   map[int32][]pair // by either name
	pins   map[int32]timeline.Key
	newest *aliases // those of pairs that nothing ends
}

// A pair is two names of one dataset, from the beginning of time until an instant.
type pair struct {
	a, b  int32
	until int64
}

// aliasing reads the lines of symlinks: a name is one of a dataset's until the first
// statement after the last one that lists it.
func (f *fold) aliasing() *aliasing {
	out := &aliasing{near: map[int32][]pair{}, pins: map[int32]timeline.Key{}}
	for _, l := range f.lines {
		switch l.layer {
		case layerAliases:
			out.pairs = append(out.pairs, pairs(l)...)
		case layerPin:
			if last, ok := l.Last(); ok {
				out.pins[l.target] = last
			}
		default:
		}
	}
	if len(out.pairs) == 0 {
		return nil
	}
	slices.SortFunc(out.pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.until, b.until), cmp.Compare(a.a, b.a), cmp.Compare(a.b, b.b))
	})
	for _, p := range out.pairs {
		out.near[p.a], out.near[p.b] = append(out.near[p.a], p), append(out.near[p.b], p)
	}
	out.newest = out.unite(f.names.nodes, forever-1)
	return out
}

func pairs(l *line) []pair {
	var out []pair
	listed := map[int32]bool{}
	until := forever
	for _, s := range slices.Backward(l.Stretches) {
		for _, x := range s.Set {
			if x.from != l.target && !listed[x.from] {
				listed[x.from] = true
				out = append(out, pair{a: l.target, b: x.from, until: until})
			}
		}
		until = s.First.Time
	}
	return out
}

// aliases are the names of datasets at one instant, in groups that stand for one each.
type aliases struct {
	group  map[int32]int32 // by dataset: its place in groups
	groups [][]int32       // the primary first
}

// aliasesAt returns the names in force at an instant, nil where no dataset has two.
func (g *graph) aliasesAt(t int64) *aliases {
	p := g.alias.pairs
	if i, _ := slices.BinarySearchFunc(p, forever, func(x pair, t int64) int { return cmp.Compare(x.until, t) }); i == 0 || p[i-1].until <= t {
		return g.alias.newest
	}
	return g.alias.unite(g.nodes, t)
}

// unite returns the groups of names in force at an instant.
func (s *aliasing) unite(nodes []node, t int64) *aliases {
	parent := map[int32]int32{}
	var root func(n int32) int32
	root = func(n int32) int32 {
		p, ok := parent[n]
		if !ok || p == n {
			parent[n] = n
			return n
		}
		parent[n] = root(p)
		return parent[n]
	}
	for _, p := range s.pairs {
		if p.until > t {
			parent[root(p.a)] = root(p.b)
		}
	}
	if len(parent) == 0 {
		return nil
	}
	a := &aliases{group: make(map[int32]int32, len(parent))}
	for n := range parent {
		r := root(n)
		i, ok := a.group[r]
		if !ok {
			i = int32(len(a.groups)) //nolint:gosec // there are fewer groups than nodes
			a.group[r], a.groups = i, append(a.groups, nil)
		}
		a.group[n], a.groups[i] = i, append(a.groups[i], n)
	}
	for _, group := range a.groups {
		slices.SortFunc(group, func(x, y int32) int { return s.compare(nodes, x, y) })
	}
	return a
}

// compare orders names of one dataset: the one that was pinned last, then by name.
func (s *aliasing) compare(nodes []node, a, b int32) int {
	x, isPinned := s.pins[a]
	y, alsoPinned := s.pins[b]
	switch {
	case isPinned && alsoPinned:
		return y.Compare(x)
	case isPinned:
		return -1
	case alsoPinned:
		return 1
	}
	return compareNodes(nodes, a, b)
}

// primary returns the dataset that stands for all names of one.
func (a *aliases) primary(n int32) int32 {
	if i, ok := a.group[n]; ok {
		return a.groups[i][0]
	}
	return n
}

// members returns all names of a dataset, the primary first; nil where it has one.
func (a *aliases) members(n int32) []int32 {
	if i, ok := a.group[n]; ok {
		return a.groups[i]
	}
	return nil
}
