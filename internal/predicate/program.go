package predicate

import (
	"cmp"
	"slices"
)

// A Program is a compiled condition. It is immutable and, once its schema is
// sealed, safe for concurrent use. A nil Program is always true.
//
// Negation is pushed down to the leaves, which Kleene's logic allows. What is
// left is monotone: it is true when reading every unknown leaf as false makes it
// true, and not false when reading them as true does. So one run over a flat
// list of instructions, each with the next one to take on either outcome,
// settles most conditions, and a second one those that met an unknown leaf.
type Program struct {
	schema  *Schema
	code    []instr  // one per leaf, in written order
	terms   []term   // the tree in prefix order, empty: always true
	symbols []Symbol // of the instructions, sorted within each
	ranges  []span   // of those with opSpan
	root    Node     // as written, for Why
	entry   int32    // where to start
	leaves  int32
}

// An instr tests one leaf and goes on at hit or at miss. A negated leaf has the
// two exchanged, so only an unknown one has to look at neg.
type instr struct {
	op        opcode
	neg       bool   // the leaf is true when the test fails
	field     uint32 // its number; 0 with opExtern
	hit, miss int32  // the next instruction, or the end
	a, b      uint64 // see opcode; with texts and sets, b is a range of Program.symbols
}

// The two ends of a run.
const (
	accept int32 = -1
	reject int32 = -2
)

// opcode says what an instruction does with the field's slot.
type opcode uint8

const (
	opIs      opcode = iota + 1 // bits equal a: one text, or a bool
	opRange                     // the key lies in a to b, as signed integers
	opAny                       // the set has a member in a
	opAll                       // the set has all members in a
	opIn                        // the symbol is in the list; a has bit symbol mod 64 of each
	opSpan                      // the number lies in ranges[a]
	opAnyWide                   // as opAny, or one of the list's symbols over 64
	opAllWide                   // as opAll, and all of the list's symbols over 64
	opExists                    // there is a value
	opExtern                    // condition a of extern b is true
)

// A term is a part of the condition with negation pushed down to the leaves and
// with all in all and any in any dissolved. Its parts follow it, up to end.
type term struct {
	kind termKind
	leaf int32 // with termLeaf: index in code
	end  int32
}

type termKind uint8

const (
	termLeaf termKind = iota
	termAll
	termAny
)

// Eval returns the condition's truth. It takes time linear in the leaves, and
// fewer where they decide early; it does not allocate, except where a number and
// the bound that it is compared with differ only beyond the sixth decimal or are
// both over 4.6 x 10^12. It panics when the values are of another schema.
func (p *Program) Eval(v *Values) Verdict {
	if p == nil || len(p.code) == 0 {
		return True
	}
	if v.schema != p.schema {
		panic("predicate: values of another schema")
	}
	holds, unsure := p.run(v, false)
	switch {
	case holds:
		return True
	case !unsure:
		return False
	}
	if holds, _ = p.run(v, true); holds {
		return Unknown
	}
	return False
}

// run evaluates with every unknown leaf read as given, and reports whether it
// met one.
func (p *Program) run(v *Values, unknown bool) (holds, unsure bool) {
	code, slots := p.code, v.slots
	for pc := p.entry; ; {
		in := &code[pc]
		s := &slots[in.field]
		var hit bool
		known := s.known
		switch in.op {
		case opIs:
			hit = s.bits == in.a
		case opRange:
			hit = int64(s.bits) >= int64(in.a) && int64(s.bits) <= int64(in.b) //nolint:gosec // keys are kept as bits
		case opAny:
			hit = s.bits&in.a != 0
		case opAll:
			hit = s.bits&in.a == in.a
		default:
			hit, known = p.test(in, v)
		}
		if !known {
			hit, unsure = unknown != in.neg, true
		}
		if hit {
			pc = in.hit
		} else {
			pc = in.miss
		}
		if pc < 0 {
			return pc == accept, unsure
		}
	}
}

// test is the part of run that is too rare, or too long, to stand in it.
func (p *Program) test(in *instr, v *Values) (hit, known bool) {
	if in.op == opExtern {
		ask := v.ask[in.b]
		if ask == nil {
			return false, false
		}
		verdict := ask(int(in.a)) //nolint:gosec // an int before
		return verdict == True, verdict != Unknown
	}
	s := &v.slots[in.field]
	switch in.op {
	case opExists:
		return s.some, true
	case opIn:
		hit = in.a>>(s.bits&63)&1 != 0 && contains(p.list(in), Symbol(s.bits)) //nolint:gosec // a text's bits are a symbol
	case opSpan:
		hit = s.known && p.ranges[in.a].contains(v.num(s))
	case opAnyWide:
		hit = s.bits&in.a != 0 || countIn(p.wide(in), v.membersOf(s)) > 0
	case opAllWide:
		hit = s.bits&in.a == in.a && countIn(p.wide(in), v.membersOf(s)) == len(p.wide(in))
	default:
	}
	return hit, s.known
}

// leafVerdict is the truth of one instruction.
func (p *Program) leafVerdict(in *instr, v *Values) Verdict {
	one := Program{code: []instr{*in}, symbols: p.symbols, ranges: p.ranges}
	one.code[0].hit, one.code[0].miss = accept, reject
	if in.neg {
		one.code[0].hit, one.code[0].miss = reject, accept
	}
	switch holds, unsure := one.run(v, false); {
	case unsure:
		return Unknown
	case holds:
		return True
	default:
		return False
	}
}

// list returns the symbols of an instruction.
func (p *Program) list(in *instr) []Symbol {
	at := in.b >> 32
	return p.symbols[at : at+in.b&(1<<32-1)]
}

// wide returns those of a set's symbols that the mask does not hold.
func (p *Program) wide(in *instr) []Symbol {
	list := p.list(in)
	at, _ := slices.BinarySearch(list, 65)
	return list[at:]
}

func contains(sorted []Symbol, sym Symbol) bool {
	if len(sorted) > 8 {
		_, ok := slices.BinarySearch(sorted, sym)
		return ok
	}
	return slices.Contains(sorted, sym)
}

// countIn is how many of the symbols are in the sorted set.
func countIn(symbols, set []Symbol) int {
	n := 0
	for _, sym := range symbols {
		if contains(set, sym) {
			n++
		}
	}
	return n
}

// Leaves is the condition's specificity: a leaf or an extern counts 1, all the
// sum of its parts, any its smallest part, not 1, and no condition 0.
func (p *Program) Leaves() int {
	if p == nil {
		return 0
	}
	return int(p.leaves)
}

// A Key is a text that a field must equal, or a member that a set must have.
type Key struct {
	Field, Value string
	Kind         Kind // Text or Set: a set can have the members of several keys at once
	Number       int  // the field's
	Symbol       Symbol
}

// Required returns the keys without any of which the condition cannot be true,
// sorted by field number and symbol: an index may file the condition under one
// of them and never miss it. It allocates.
func (p *Program) Required() []Key {
	if p == nil || len(p.terms) == 0 {
		return nil
	}
	return p.required(0)
}

func (p *Program) required(i int32) []Key {
	t := p.terms[i]
	if t.kind == termLeaf {
		return p.requiredByLeaf(&p.code[t.leaf])
	}
	var keys []Key
	for part := range p.parts(i) {
		of := p.required(part)
		if t.kind == termAll || part == i+1 {
			keys = append(keys, of...)
			continue
		}
		keys = slices.DeleteFunc(keys, func(k Key) bool { return !slices.Contains(of, k) })
	}
	slices.SortFunc(keys, func(a, b Key) int { return cmp.Or(a.Number-b.Number, cmp.Compare(a.Symbol, b.Symbol)) })
	return slices.Compact(keys)
}

func (p *Program) requiredByLeaf(in *instr) []Key {
	if in.neg || in.op == opExists || in.op == opRange || in.op == opSpan || in.op == opExtern {
		return nil
	}
	list := p.list(in)
	if len(list) > 1 && in.op != opAll && in.op != opAllWide {
		return nil // one of several: none of them is required
	}
	var keys []Key
	f := &p.schema.fields[in.field]
	for _, sym := range list {
		keys = append(keys, Key{Field: f.Name, Value: f.texts[sym-1], Kind: f.Kind, Number: int(in.field), Symbol: sym})
	}
	return keys
}

// parts yields the indexes of a term's parts, in written order.
func (p *Program) parts(i int32) func(yield func(int32) bool) {
	return func(yield func(int32) bool) {
		for part, end := i+1, p.terms[i].end; part < end; part = p.terms[part].end {
			if !yield(part) {
				return
			}
		}
	}
}
