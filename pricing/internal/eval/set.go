package eval

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
)

// A Set is a policy and rules made ready to be asked: immutable, and safe for
// concurrent use.
//
// Rules are filed in nodes, one for each scope id, and there by stage and rank,
// so that the first rule that holds is the best of its stage. A query reads at
// most three nodes and one for each of its categories. They lie all over memory,
// so what a selection has to know of a rule stands in an entry of 64 bytes, a
// line of the cache, and a short node is nothing but its entries.
type Set struct {
	Policy Policy
	Rules  []Rule // by ID
	Dated  bool   // a rule has a window

	schema  *predicate.Schema
	fields  fields
	scopes  [Variant + 1]map[string]node // by id; that of Everything by ""
	entries []entry                      // by node, stage and rank
	lists   []list                       // of long nodes
	bounds  []int64
	splits  []split
}

// A node is the rules of one scope id. It is small enough to stand in the map.
type node struct {
	first  uint32 // short: index in Set.entries; long: in Set.lists
	stages uint8  // bit s: there are rules of stage s
	short  uint8  // number of entries; 0: the node is long and has a list for each of its stages
	dated  bool   // short: a rule has a window
}

// shortNode is the number of entries up to which a node is short.
const shortNode = 32

// list returns the index of a long node's list for a stage that it has.
func (n node) list(s Stage) uint32 {
	return n.first + uint32(bits.OnesCount8(n.stages&(1<<s-1))) //nolint:gosec // at most 8
}

// An entry is what a selection has to know of a rule. Its key is the part of the
// rank that no query changes.
type entry struct {
	key            rank
	rule           uint32
	stage          Stage
	currency       money.Currency
	from, until    int64
	minQty, maxQty int64
	when           *predicate.Program
}

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

// splitOver is the length from which a list is split.
const splitOver = 32

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

// Build makes a set of checked rules, which are sorted by ID, and seals the
// schema that compiled their conditions. It keeps rules.
func Build(p Policy, rules []Rule, schema *predicate.Schema) *Set {
	schema.Seal()
	s := &Set{Policy: p, Rules: rules, schema: schema, fields: fieldsOf(schema)}
	scopes, scopeOf := s.number()
	starts := s.group(scopeOf, len(scopes))
	var ids [Variant + 1]int
	for _, of := range scopes {
		ids[of.level]++
	}
	for level, n := range ids {
		s.scopes[level] = make(map[string]node, n)
	}
	for i, of := range scopes {
		s.scopes[of.level][of.id] = s.file(starts[i], starts[i+1])
	}
	s.lists, s.bounds = slices.Clip(s.lists), slices.Clip(s.bounds)
	return s
}

type scope struct {
	level Level
	id    string
}

// number lists the scopes of the rules and returns each rule's index there.
func (s *Set) number() (scopes []scope, scopeOf []uint32) {
	var rules [Variant + 1]int
	for i := range s.Rules {
		rules[s.Rules[i].Level]++
	}
	var numbers [Variant + 1]map[string]uint32
	for level, n := range rules {
		numbers[level] = make(map[string]uint32, n) // too large, and gone soon: growing costs more
	}
	scopeOf = make([]uint32, len(s.Rules))
	for i := range s.Rules {
		r := &s.Rules[i]
		s.Dated = s.Dated || r.From != -Forever || r.Until != Forever
		n, ok := numbers[r.Level][r.Scope]
		if !ok {
			n = uint32(len(scopes)) //nolint:gosec // at most one a rule
			numbers[r.Level][r.Scope] = n
			scopes = append(scopes, scope{r.Level, r.Scope})
		}
		r.Scope = scopes[n].id // one string for all rules of the scope
		scopeOf[i] = n
	}
	return scopes, scopeOf
}

// group makes the entries, by scope, and returns where each scope's begin.
func (s *Set) group(scopeOf []uint32, scopes int) (starts []uint32) {
	starts = make([]uint32, scopes+1)
	for _, n := range scopeOf {
		starts[n+1]++
	}
	for n := range scopes {
		starts[n+1] += starts[n]
	}
	s.entries = make([]entry, len(s.Rules))
	next := slices.Clone(starts)
	for i, n := range scopeOf {
		r := &s.Rules[i]
		s.entries[next[n]] = entry{
			key: staticRank(r), rule: uint32(i), stage: r.Kind.Stage(), currency: r.Currency,
			from: r.From, until: r.Until, minQty: r.MinQty, maxQty: r.MaxQty, when: r.When,
		}
		next[n]++
	}
	return starts
}

// file makes the node of a scope, whose entries are a range.
func (s *Set) file(from, to uint32) node {
	part := s.entries[from:to]
	slices.SortFunc(part, compareEntries)
	n := node{first: from}
	for i := range part {
		n.stages |= 1 << part[i].stage
		n.dated = n.dated || part[i].from != -Forever || part[i].until != Forever
	}
	if len(part) <= shortNode {
		n.short = uint8(len(part)) //nolint:gosec // see above
		return n
	}
	n.first = uint32(len(s.lists)) //nolint:gosec // at most a few lists a rule
	s.lists = append(s.lists, make([]list, bits.OnesCount8(n.stages))...)
	for at := n.first; from < to; at++ {
		end := from + 1
		for end < to && s.entries[end].stage == s.entries[from].stage {
			end++
		}
		l := s.makeList(from, end, nil) // may append to the lists
		s.lists[at] = l
		from = end
	}
	return n
}

// compareEntries orders the entries of a node by stage, then by rank, then by id.
func compareEntries(a, b entry) int {
	return cmp.Or(
		cmp.Compare(a.stage, b.stage),
		cmp.Compare(a.key, b.key),
		cmp.Compare(b.minQty, a.minQty),
		cmp.Compare(a.rule, b.rule),
	)
}

// makeList makes a list of a range of entries, which it may reorder to split it.
// Done are the fields by which it has been split already.
func (s *Set) makeList(from, to uint32, done []int) list {
	if to-from > splitOver {
		if keys, field := s.splitKeys(from, to, done); keys != nil {
			return s.makeSplit(from, to, keys, append(slices.Clone(done), field))
		}
	}
	l := list{first: from, n: to - from, firstBound: uint32(len(s.bounds))} //nolint:gosec // at most two a rule
	for _, e := range s.entries[from:to] {
		if e.from != -Forever {
			s.bounds = append(s.bounds, e.from)
		}
		if e.until != Forever {
			s.bounds = append(s.bounds, e.until)
		}
	}
	part := s.bounds[l.firstBound:]
	slices.Sort(part)
	part = slices.Compact(part)
	s.bounds = s.bounds[:int(l.firstBound)+len(part)]
	l.bounds = uint32(len(part)) //nolint:gosec // as above
	return l
}

// splitKeys picks the text field with the most values that the rules of a range
// require and returns each rule's, 0 where it requires none. It returns nil where
// no rule requires a text of a field that is not done.
func (s *Set) splitKeys(from, to uint32, done []int) (keys []predicate.Symbol, field int) {
	required := make([][]predicate.Key, to-from)
	values := make(map[int]map[predicate.Symbol]bool)
	for i, e := range s.entries[from:to] {
		required[i] = s.requiredTexts(e.when, done)
		for _, k := range required[i] {
			if values[k.Number] == nil {
				values[k.Number] = make(map[predicate.Symbol]bool)
			}
			values[k.Number][k.Symbol] = true
		}
	}
	field, most := -1, 0
	for number, of := range values {
		if len(of) > most || len(of) == most && number < field {
			field, most = number, len(of)
		}
	}
	if most == 0 {
		return nil, 0
	}
	keys = make([]predicate.Symbol, to-from)
	for i := range required {
		for _, k := range required[i] {
			if k.Number == field {
				keys[i] = k.Symbol
			}
		}
	}
	return keys, field
}

func (s *Set) requiredTexts(when *predicate.Program, done []int) []predicate.Key {
	if when == nil {
		return nil
	}
	return slices.DeleteFunc(when.Required(), func(k predicate.Key) bool {
		return s.schema.Field(k.Number).Kind != predicate.Text || slices.Contains(done, k.Number)
	})
}

// makeSplit groups a range of entries by their keys, in the order of rank within
// each, and makes a list of each group.
func (s *Set) makeSplit(from, to uint32, keys []predicate.Symbol, done []int) list {
	type keyed struct {
		entry
		key predicate.Symbol
	}
	part := make([]keyed, to-from)
	for i, e := range s.entries[from:to] {
		part[i] = keyed{e, keys[i]}
	}
	slices.SortStableFunc(part, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	for i, e := range part {
		s.entries[from+uint32(i)] = e.entry
	}
	sp := split{field: done[len(done)-1], by: make(map[predicate.Symbol]uint32)}
	sp.rest = s.appendList(list{})
	for i := 0; i < len(part); {
		end := i + 1
		for end < len(part) && part[end].key == part[i].key {
			end++
		}
		l := s.makeList(from+uint32(i), from+uint32(end), done)
		if key := part[i].key; key == 0 {
			s.lists[sp.rest] = l
		} else {
			sp.by[key] = s.appendList(l)
		}
		i = end
	}
	s.splits = append(s.splits, sp)
	return list{split: uint32(len(s.splits))} //nolint:gosec // fewer than rules
}

func (s *Set) appendList(l list) uint32 {
	s.lists = append(s.lists, l)
	return uint32(len(s.lists) - 1) //nolint:gosec // at most a few lists a rule
}
