package eval

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/tenon-go/tenon/internal/predicate"
)

// A builder files rules by their places, which are small, before it copies them.
type builder struct {
	*Set
	rules  []Rule  // by ID
	places []place // as the entries will be
}

// A place is where a rule goes.
type place struct {
	key    rank
	minQty int64
	rule   uint32
	stage  Stage
}

// Build makes a set of checked rules, which are sorted by ID, and seals the
// schema that compiled their conditions. It keeps no part of rules but its strings
// and programs.
func Build(p Policy, rules []Rule, schema *predicate.Schema) *Set {
	schema.Seal()
	b := builder{Set: &Set{Policy: p, schema: schema, fields: fieldsOf(schema, rules)}, rules: rules}
	scopes, scopeOf := b.number()
	starts := b.group(scopeOf, len(scopes))
	var ids [Variant + 1]int
	for _, of := range scopes {
		ids[of.level]++
	}
	for level, n := range ids {
		b.scopes[level] = make(map[string]node, n)
	}
	for i, of := range scopes {
		b.scopes[of.level][of.id] = b.file(starts[i], starts[i+1])
	}
	b.lists, b.bounds = slices.Clip(b.lists), slices.Clip(b.bounds)
	b.fill(scopes, scopeOf)
	return b.Set
}

type scope struct {
	level Level
	id    string
}

// number lists the scopes of the rules and returns each rule's index there.
func (b *builder) number() (scopes []scope, scopeOf []uint32) {
	var rules [Variant + 1]int
	for i := range b.rules {
		rules[b.rules[i].Level]++
	}
	var numbers [Variant + 1]map[string]uint32
	for level, n := range rules {
		numbers[level] = make(map[string]uint32, n) // too large, and gone soon: growing costs more
	}
	scopeOf = make([]uint32, len(b.rules))
	for i := range b.rules {
		r := &b.rules[i]
		n, ok := numbers[r.Level][r.Scope]
		if !ok {
			n = uint32(len(scopes)) //nolint:gosec // at most one a rule
			numbers[r.Level][r.Scope] = n
			scopes = append(scopes, scope{r.Level, r.Scope})
		}
		scopeOf[i] = n
	}
	return scopes, scopeOf
}

// group makes the places, by scope, and returns where each scope's begin.
func (b *builder) group(scopeOf []uint32, scopes int) (starts []uint32) {
	starts = make([]uint32, scopes+1)
	for _, n := range scopeOf {
		starts[n+1]++
	}
	for n := range scopes {
		starts[n+1] += starts[n]
	}
	b.places = make([]place, len(b.rules))
	next := slices.Clone(starts)
	for i, n := range scopeOf {
		r := &b.rules[i]
		b.places[next[n]] = place{key: staticRank(r), minQty: r.MinQty, rule: uint32(i), stage: r.Kind.Stage()}
		next[n]++
	}
	return starts
}

// fill copies the rules to their places. The rules of a scope share its string.
func (b *builder) fill(scopes []scope, scopeOf []uint32) {
	b.entries = make([]entry, len(b.rules))
	b.byID = make([]uint32, len(b.rules))
	for i, p := range b.places {
		e := &b.entries[i]
		e.key, e.number, e.stage, e.Rule = p.key, p.rule, p.stage, b.rules[p.rule]
		e.Scope = scopes[scopeOf[p.rule]].id
		b.byID[p.rule] = uint32(i)
		b.Dated = b.Dated || dated(&e.Rule)
	}
}

func dated(r *Rule) bool { return r.From != -Forever || r.Until != Forever }

// file makes the node of a scope, whose places are a range.
func (b *builder) file(from, to uint32) node {
	part := b.places[from:to]
	slices.SortFunc(part, comparePlaces)
	n := node{first: from}
	for _, p := range part {
		n.stages |= 1 << p.stage
		n.dated = n.dated || dated(&b.rules[p.rule])
	}
	if len(part) <= shortNode {
		n.short = uint8(len(part)) //nolint:gosec // see above
		return n
	}
	n.first = uint32(len(b.lists)) //nolint:gosec // at most a few lists a rule
	b.lists = append(b.lists, make([]list, bits.OnesCount8(n.stages))...)
	for at := n.first; from < to; at++ {
		end := from + 1
		for end < to && b.places[end].stage == b.places[from].stage {
			end++
		}
		l := b.makeList(from, end, nil) // may append to the lists
		b.lists[at] = l
		from = end
	}
	return n
}

// comparePlaces orders the rules of a node by stage, then by rank, then by id.
func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(a.key, b.key), cmp.Compare(b.minQty, a.minQty), cmp.Compare(a.rule, b.rule))
}

// makeList makes a list of a range of places, which it may reorder to split it.
// Done are the fields by which it has been split already.
func (b *builder) makeList(from, to uint32, done []int) list {
	if to-from > shortNode {
		if keys, field := b.splitKeys(from, to, done); keys != nil {
			return b.makeSplit(from, to, keys, append(slices.Clone(done), field))
		}
	}
	l := list{first: from, n: to - from, firstBound: uint32(len(b.bounds))} //nolint:gosec // at most two a rule
	for _, p := range b.places[from:to] {
		r := &b.rules[p.rule]
		if r.From != -Forever {
			b.bounds = append(b.bounds, r.From)
		}
		if r.Until != Forever {
			b.bounds = append(b.bounds, r.Until)
		}
	}
	part := b.bounds[l.firstBound:]
	slices.Sort(part)
	part = slices.Compact(part)
	b.bounds = b.bounds[:int(l.firstBound)+len(part)]
	l.bounds = uint32(len(part)) //nolint:gosec // as above
	return l
}

// splitKeys picks the text field with the most values that the rules of a range
// require and returns each rule's, 0 where it requires none. It returns nil where
// no rule requires a text of a field that is not done.
func (b *builder) splitKeys(from, to uint32, done []int) (keys []predicate.Symbol, field int) {
	required := make([][]predicate.Key, to-from)
	values := make(map[int]map[predicate.Symbol]bool)
	for i, p := range b.places[from:to] {
		required[i] = b.requiredTexts(b.rules[p.rule].When, done)
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

func (b *builder) requiredTexts(when *predicate.Program, done []int) []predicate.Key {
	if when == nil {
		return nil
	}
	return slices.DeleteFunc(when.Required(), func(k predicate.Key) bool {
		return b.schema.Field(k.Number).Kind != predicate.Text || slices.Contains(done, k.Number)
	})
}

// makeSplit groups a range of places by their keys, in the order of rank within
// each, and makes a list of each group.
func (b *builder) makeSplit(from, to uint32, keys []predicate.Symbol, done []int) list {
	type keyed struct {
		place
		symbol predicate.Symbol
	}
	part := make([]keyed, to-from)
	for i, p := range b.places[from:to] {
		part[i] = keyed{p, keys[i]}
	}
	slices.SortStableFunc(part, func(a, b keyed) int { return cmp.Compare(a.symbol, b.symbol) })
	for i, p := range part {
		b.places[from+uint32(i)] = p.place
	}
	sp := split{field: done[len(done)-1], by: make(map[predicate.Symbol]uint32)}
	sp.rest = b.appendList(list{})
	for i := 0; i < len(part); {
		end := i + 1
		for end < len(part) && part[end].symbol == part[i].symbol {
			end++
		}
		l := b.makeList(from+uint32(i), from+uint32(end), done)
		if symbol := part[i].symbol; symbol == 0 {
			b.lists[sp.rest] = l
		} else {
			sp.by[symbol] = b.appendList(l)
		}
		i = end
	}
	b.splits = append(b.splits, sp)
	return list{split: uint32(len(b.splits))} //nolint:gosec // fewer than rules
}

func (b *builder) appendList(l list) uint32 {
	b.lists = append(b.lists, l)
	return uint32(len(b.lists) - 1) //nolint:gosec // at most a few lists a rule
}
