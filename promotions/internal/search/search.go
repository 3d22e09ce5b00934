package search

import (
	"slices"

	"github.com/tenon-go/tenon/promotions/internal/eval"
)

// A Solver searches one stage after the other in memory that it keeps. The zero Solver is
// ready.
type Solver struct {
	levels []level // scratch of nodes, by depth
}

// Solve is an [eval.Solver].
func (x *Solver) Solve(s *eval.State, candidates []int32, nodes int) eval.Search {
	return x.solve(s, candidates, nodes, nil)
}

// targetsPerNode is how many lines and charges a candidate looks at in the time of a node.
const targetsPerNode = 32

// A watcher is told of each node that was left: what it was bounded by, and the most that
// was found below it.
type watcher func(bound, found int64)

func (x *Solver) solve(s *eval.State, candidates []int32, nodes int, watch watcher) eval.Search {
	found := eval.Search{Optimal: true}
	var parts []*component
	for _, members := range components(s, candidates) {
		c := x.newComponent(s, members, nodes-found.Nodes, watch)
		c.search()
		found.Optimal = found.Optimal && c.certain()
		found.Bound += c.bound()
		found.Nodes += c.nodes
		parts = append(parts, c)
	}
	// Nothing of one part matters to another, so that all that use units may come first.
	var others []int32
	for _, c := range parts {
		c.assign(c.best.offers)
		others = append(others, c.best.others...)
	}
	slices.Sort(others)
	for _, candidate := range others {
		s.Turn(candidate)
	}
	return found
}

// components partitions candidates into those that can matter to each other, directly or
// through others.
func components(s *eval.State, candidates []int32) [][]int32 {
	var parts [][]int32
	for _, candidate := range candidates {
		part := []int32{candidate}
		parts = slices.DeleteFunc(parts, func(other []int32) bool {
			if !slices.ContainsFunc(other, func(o int32) bool { return related(s, o, candidate) }) {
				return false
			}
			part = append(part, other...)
			return true
		})
		slices.Sort(part)
		parts = append(parts, part)
	}
	return parts
}

// related reports whether one candidate can matter to the other.
func related(s *eval.State, a, b int32) bool {
	if s.Linked(a, b) {
		return true
	}
	of := s.Targets(a)
	return slices.ContainsFunc(s.Targets(b), func(t int32) bool { return slices.Contains(of, t) })
}

// A subset is members that all took something, and what they took.
type subset struct {
	value  int64
	offers []int   // those that use units, as offers of the pool
	others []int32 // the others, in canonical order
}

func (s *subset) size() int { return len(s.offers) + len(s.others) }

func (s *subset) set(value int64, offers []int, others []int32) {
	s.value = value
	s.offers, s.others = append(s.offers[:0], offers...), append(s.others[:0], others...)
}

// A component is the search of promotions that can matter to each other.
type component struct {
	x      *Solver
	s      *eval.State
	start  eval.Mark
	before int64 // what was taken before it

	pool    *eval.Pool
	members []int32 // by offer: those that use units
	others  []int32

	budget, nodes int
	weight        int // of a candidate, in nodes
	spent         bool
	open          int64 // the largest bound of what was not looked at
	best          subset
	path          []int32 // members of the node at hand that are not offers
	offers        []int   // and those that are
	seen          map[string]bool
	watch         watcher
}

func (x *Solver) newComponent(s *eval.State, candidates []int32, budget int, watch watcher) *component {
	c := &component{x: x, s: s, start: s.Mark(), before: s.Taken(), budget: budget, watch: watch}
	for _, candidate := range candidates {
		c.weight = max(c.weight, 1+len(s.Targets(candidate))/targetsPerNode)
		if s.Consumes(candidate) {
			c.members = append(c.members, candidate)
		} else {
			c.others = append(c.others, candidate)
		}
	}
	if len(c.members) > 0 {
		c.pool = s.Pool(c.members)
		c.seen = map[string]bool{}
	}
	return c
}

// value is what has been taken in the state at hand.
func (c *component) value() int64 { return c.s.Taken() - c.before }

func (c *component) certain() bool { return !c.spent }

// bound is the most that a subset can take.
func (c *component) bound() int64 {
	if c.certain() {
		return c.best.value
	}
	return max(c.best.value, c.open)
}

// search finds the best subset, or the best that the budget allows.
func (c *component) search() {
	c.greedy()
	if c.pool == nil {
		c.visit(0, c.others, c.limit(c.others))
	} else {
		c.decide(0, nil, c.limit(c.others))
	}
	if c.spent {
		c.swap()
	}
}

// limit bounds what candidates could add to the state at hand.
func (c *component) limit(candidates []int32) int64 {
	l := c.level(0)
	l.fill(c.s, candidates)
	return l.suffix[0]
}

func (c *component) level(depth int) *level {
	for len(c.x.levels) <= depth {
		c.x.levels = append(c.x.levels, level{})
	}
	return &c.x.levels[depth]
}

// spend counts work, if there is so much left. What is not looked at otherwise is bounded.
func (c *component) spend(work int, bound int64) bool {
	if c.nodes+work > c.budget {
		c.leave(bound)
		return false
	}
	c.nodes += work
	return true
}

// leave gives up on what is bounded by so much.
func (c *component) leave(bound int64) {
	c.spent = true
	c.open = max(c.open, bound)
}

// promising reports whether a subset with more members than so many, that takes at most so
// much, could be better than the best.
func (c *component) promising(bound int64, members int) bool {
	return bound > c.best.value || bound == c.best.value && bound > 0 && members < c.best.size() || c.watch != nil
}

// visit looks at the subset at hand and at all that add some of the candidates to it, which
// could add at most so much. It returns the most that was found.
func (c *component) visit(depth int, candidates []int32, most int64) int64 {
	value := c.value()
	c.consider(value)
	if !c.spend(c.weight*(1+len(candidates)), value+most) {
		return value
	}
	found := value
	l := c.level(depth)
	l.fill(c.s, candidates)
	bound := value + l.suffix[0]
	for i := 0; ; i++ {
		l = c.level(depth) // deeper levels may have moved it
		if i == len(l.open) || !c.promising(value+l.suffix[i], len(c.path)+len(c.offers)) {
			break
		}
		candidate, rest, most := l.open[i], l.open[i+1:], l.suffix[i+1]
		mark := c.s.Mark()
		if c.s.Turn(candidate) == eval.Fires {
			c.path = append(c.path, candidate)
			if now := c.value(); c.promising(now+most, len(c.path)+len(c.offers)-1) {
				found = max(found, c.visit(depth+1, rest, most))
			}
			c.path = c.path[:len(c.path)-1]
		}
		c.s.Undo(mark)
	}
	if c.watch != nil {
		c.watch(bound, found)
	}
	return found
}

// consider makes the subset at hand the best, if it is better.
func (c *component) consider(value int64) {
	size := len(c.path) + len(c.offers)
	switch {
	case value < c.best.value, value == c.best.value && size > c.best.size():
	case value > c.best.value, size < c.best.size(), c.earlier():
		c.best.set(value, c.offers, c.path)
	}
}

// earlier reports whether the members at hand come before those of the best, as many.
func (c *component) earlier() bool {
	return slices.Compare(c.sorted(c.offers, c.path), c.sorted(c.best.offers, c.best.others)) < 0
}

func (c *component) sorted(offers []int, others []int32) []int32 {
	list := slices.Clone(others)
	for _, o := range offers {
		list = append(list, c.members[o])
	}
	slices.Sort(list)
	return list
}
