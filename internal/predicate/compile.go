package predicate

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
)

// Compile checks a condition against the schema and makes a program of it. All
// violations are joined, each a *[Problem], at most a hundred: an unknown field
// or operator, an operator of another kind, a value that is not of the field's
// kind, low above high, several forms in one node or none, an empty list, and
// whatever is over the limits. A bad condition changes nothing in the schema.
// After Seal it is [ErrSealed].
//
// The program keeps n for its explanations: the caller must not change what n
// points to.
func (s *Schema) Compile(n Node) (*Program, error) {
	if s.sealed {
		return nil, ErrSealed
	}
	c := checker{schema: s}
	c.check(n)
	if err := c.err(); err != nil {
		return nil, err
	}
	p := &Program{schema: s, root: n}
	if n.zero() {
		return p, nil
	}
	p.code = make([]instr, 0, c.leaves)
	p.terms = make([]term, 0, c.nodes)
	b := builder{Program: p, externs: c.externs}
	b.node(n, false, termLeaf)
	p.leaves = int32(specificity(n)) //nolint:gosec // a count of leaves
	b.costs = make([]cost, len(p.terms))
	b.estimate(0)
	p.entry = b.emit(0, accept, reject)
	return p, nil
}

func specificity(n Node) int {
	switch {
	case n.All != nil:
		sum := 0
		for i := range n.All {
			sum += specificity(n.All[i])
		}
		return sum
	case n.Any != nil:
		least := math.MaxInt
		for i := range n.Any {
			least = min(least, specificity(n.Any[i]))
		}
		return least
	default:
		return 1
	}
}

// A builder fills in a program from a condition that has been checked.
type builder struct {
	*Program
	externs []externRef
	costs   []cost // by term
}

// node appends a node's terms. Inside a term of its own kind, a list gives its
// parts to that one.
func (b *builder) node(n Node, neg bool, inside termKind) {
	parts, kind := n.All, termAll
	if n.Any != nil {
		parts, kind = n.Any, termAny
	}
	if neg {
		kind = termAll + termAny - kind // De Morgan
	}
	switch {
	case n.Not != nil:
		b.node(*n.Not, !neg, inside)
	case n.Leaf != nil:
		b.literal(b.leaf(n.Leaf), neg)
	case n.Extern != nil:
		ref := b.externs[0]
		b.externs = b.externs[1:]
		b.literal(instr{op: opExtern, a: uint64(ref.index), b: uint64(ref.extern)}, neg) //nolint:gosec // the bits are kept
	case len(parts) == 1 || kind == inside:
		for i := range parts {
			b.node(parts[i], neg, inside)
		}
	default:
		at := len(b.terms)
		b.terms = append(b.terms, term{kind: kind})
		for i := range parts {
			b.node(parts[i], neg, kind)
		}
		b.terms[at].end = int32(len(b.terms)) //nolint:gosec // a count of nodes
	}
}

// literal appends an instruction and its term. Two negations that have a plain
// equivalent are written as that, so that equal conditions look equal.
func (b *builder) literal(in instr, neg bool) {
	in.neg = in.neg != neg
	lowest, highest := int64(in.a), int64(in.b) //nolint:gosec // keys are kept as bits
	switch {
	case !in.neg:
	case in.op == opIs && b.schema.fields[in.field].Kind == Bool:
		in.a, in.neg = 1-in.a, false
	case in.op == opRange && lowest == math.MinInt64 && highest != math.MaxInt64:
		in = rangeOf(in, highest+1, math.MaxInt64)
	case in.op == opRange && highest == math.MaxInt64 && lowest != math.MinInt64:
		in = rangeOf(in, math.MinInt64, lowest-1)
	}
	b.terms = append(b.terms, term{kind: termLeaf, leaf: int32(len(b.code)), end: int32(len(b.terms)) + 1}) //nolint:gosec // counts of nodes
	b.code = append(b.code, in)
}

func rangeOf(in instr, lowest, highest int64) instr {
	in.op, in.neg = opRange, false
	in.a, in.b = uint64(lowest), uint64(highest) //nolint:gosec // keys are kept as bits
	return in
}

// leaf makes the instruction of a leaf, without its jumps.
func (b *builder) leaf(l *Leaf) instr {
	number := b.schema.intern(l.Field)
	in := instr{field: uint32(number)} //nolint:gosec // a count of fields
	switch kind := b.schema.fields[number].Kind; {
	case l.Op == Exists:
		in.op = opExists
	case kind == Bool:
		in.op, in.a = opIs, bit(l.Values[0].Text == "true")
	case kind == Number:
		return b.number(in, l)
	case kind == Text:
		return b.text(in, l)
	default:
		return b.set(in, l)
	}
	return in
}

func (b *builder) text(in instr, l *Leaf) instr {
	list := b.intern(&in, l)
	in.neg = l.Op == Ne || l.Op == NotIn
	if len(list) == 1 {
		in.op, in.a = opIs, uint64(list[0])
		return in
	}
	in.op = opIn
	for _, sym := range list {
		in.a |= 1 << (sym & 63)
	}
	return in
}

func (b *builder) set(in instr, l *Leaf) instr {
	list := b.intern(&in, l)
	in.neg = l.Op == NoneOf
	all := l.Op == AllOf && len(list) > 1 // all of one is any of one
	in.op = opAny
	if all {
		in.op = opAll
	}
	for _, sym := range list {
		in.a |= maskOf(sym)
	}
	switch wide := list[len(list)-1] > 64; {
	case wide && all:
		in.op = opAllWide
	case wide:
		in.op = opAnyWide
	}
	return in
}

// intern appends the symbols of a leaf's values, sorted and each once, and
// points the instruction to them.
func (b *builder) intern(in *instr, l *Leaf) []Symbol {
	at := len(b.symbols)
	if b.symbols == nil {
		b.symbols = make([]Symbol, 0, len(l.Values))
	}
	for i := range l.Values {
		b.symbols = append(b.symbols, b.schema.symbol(int(in.field), l.Values[i].Text))
	}
	slices.Sort(b.symbols[at:])
	list := slices.Compact(b.symbols[at:])
	b.symbols = b.symbols[:at+len(list)]
	in.b = uint64(at)<<32 | uint64(len(list))
	return list
}

func (b *builder) number(in instr, l *Leaf) instr {
	low := mustNum(l.Values[0])
	high := low
	if l.Op == Between {
		high = mustNum(l.Values[1])
	}
	r := span{low: low, high: high}
	switch l.Op {
	case Lt, Le:
		r.noLow, r.highOpen = true, l.Op == Lt
	case Gt, Ge:
		r.noHigh, r.lowOpen = true, l.Op == Gt
	default:
		in.neg = l.Op == Ne
	}
	if low.key&1 != 0 || high.key&1 != 0 {
		in.op, in.a = opSpan, uint64(len(b.ranges))
		b.ranges = append(b.ranges, r)
		return in
	}
	neg := in.neg
	lowest, highest := r.keys()
	in = rangeOf(in, lowest, highest)
	in.neg = neg
	return in
}

// compile returns the owner's index of a text, which is asked for only once.
func (e *extern) compile(raw json.RawMessage) (int, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return 0, err
	}
	if index, ok := e.known[compact.String()]; ok {
		return index, nil
	}
	index, err := e.Compile(raw)
	if err == nil {
		e.known[compact.String()] = index
	}
	return index, err
}
