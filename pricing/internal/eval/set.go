package eval

import (
	"math/bits"

	"github.com/tenon-go/tenon/internal/predicate"
)

// A Set is a policy and rules made ready to be asked: immutable, and safe for
// concurrent use.
//
// Rules are filed in nodes, one for each scope id, and there by stage and rank,
// so that the first rule that holds is the best of its stage. A query reads at
// most three nodes and one for each of its categories. They lie all over memory,
// and going there is most of what a price costs: so the rules of a node lie
// together, and a short node has nothing beside them.
type Set struct {
	Policy Policy
	Dated  bool // a rule has a window

	schema  *predicate.Schema
	fields  fields
	scopes  [Variant + 1]map[string]node // by id; that of Everything by ""
	entries []entry                      // by node, stage and rank
	byID    []uint32                     // indexes in entries
	lists   []list                       // of long nodes
	bounds  []int64
	splits  []split
}

// Len returns the number of rules.
func (s *Set) Len() int { return len(s.entries) }

// Rule returns a rule by its number, which is its place in the order of the ids.
func (s *Set) Rule(number int) *Rule { return &s.entries[s.byID[number]].Rule }

// A node is the rules of one scope id. It is small enough to stand in the map.
type node struct {
	first  uint32 // short: index in Set.entries; long: in Set.lists
	stages uint8  // bit s: there are rules of stage s
	short  uint8  // number of entries; 0: the node is long and has a list for each of its stages
	dated  bool   // short: a rule has a window
}

// shortNode is the number of entries up to which a node is short, and a list of a
// long one is not split.
const shortNode = 32

// list returns the index of a long node's list for a stage that it has.
func (n node) list(s Stage) uint32 {
	return n.first + uint32(bits.OnesCount8(n.stages&(1<<s-1))) //nolint:gosec // at most 8
}

// An entry is a rule in its place. It is three lines of a cache: the first is all
// that a selection reads of a rule, the second all that applying one reads, unless
// its effect is a formula, a charge or a grid.
type entry struct {
	key    rank   // the part that no query changes
	number uint32 // in the order of the ids
	stage  Stage
	Rule
	_ [entrySize - 168]byte
}

const entrySize = 192

// A list is the rules of a stage of a long node: entries by rank, or a split.
type list struct {
	first, n           uint32 // range of Set.entries
	firstBound, bounds uint32 // range of Set.bounds: the seconds at which a window opens or closes, ascending
	split              uint32 // index in Set.splits + 1; 0: none
}

// A split files the rules of a long list under a text that one field must have,
// because only one of thousands of customers asks at a time.
type split struct {
	field int
	by    map[predicate.Symbol]uint32 // index in Set.lists
	rest  uint32                      // list of those that ask no text of the field
}

// A rank orders the rules of a stage, the best first. From the top: the kind of
// a price or whether the rule is not exclusive, the currency's class, the priority, the
// nearness of the scope, and the leaves of the condition. min_qty, which comes
// last, has no room here.
type rank uint64

const (
	leafBits     = 7
	scopeBits    = 8
	priorityBits = 21
	classBits    = 2

	scopeShift    = leafBits
	priorityShift = scopeShift + scopeBits
	classShift    = priorityShift + priorityBits
	headShift     = classShift + classBits

	maxLeaves   = 1<<leafBits - 1
	maxPriority = 1_000_000
)

// staticRank is the rank of a rule without the nearness of its scope and the
// class of its currency, which depend on the query.
func staticRank(r *Rule) rank {
	head := rank(0)
	switch {
	case r.Kind <= CostPlus:
		head = rank(r.Kind)
	case !r.Exclusive:
		head = 1
	}
	priority := rank(maxPriority - r.Priority) //nolint:gosec // the priority is at most maxPriority
	leaves := rank(maxLeaves - min(maxLeaves, r.leaves()))
	return head<<headShift | priority<<priorityShift | leaves
}

func (k rank) head() rank { return k >> headShift }

func (r *Rule) leaves() int {
	if r.When == nil {
		return 0
	}
	return r.When.Leaves()
}
