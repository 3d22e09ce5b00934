package predicate

import (
	"slices"
	"strconv"
	"strings"
)

// The analysis looks at a condition as alternatives, each a conjunction of
// claims. Beyond these bounds it gives up and answers false, which every
// function here may do: they say yes only to what is proven.
const (
	maxBranches = 64
	maxPairs    = 256
	maxClaims   = 128
)

// Disjoint reports that a and b provably cannot both be true. Programs of two
// schemas are never comparable.
func Disjoint(a, b *Program) bool {
	if !sameSchema(a, b) {
		return false
	}
	as, bs := branches(a), branches(b)
	if len(as)*len(bs) > maxPairs || as == nil || bs == nil {
		return false
	}
	for _, x := range as {
		for _, y := range bs {
			if !contradicts(slices.Concat(x, y)) {
				return false
			}
		}
	}
	return true
}

// Unsatisfiable reports that a condition provably cannot be true.
func Unsatisfiable(p *Program) bool {
	all := branches(p)
	return all != nil && !slices.ContainsFunc(all, func(b []claim) bool { return !contradicts(b) })
}

// Implies reports that b is provably true wherever a is.
func Implies(a, b *Program) bool {
	if b == nil || len(b.terms) == 0 {
		return true
	}
	as := branches(a)
	return sameSchema(a, b) && as != nil && !slices.ContainsFunc(as, func(branch []claim) bool {
		return !contradicts(branch) && !b.follows(branch, 0)
	})
}

func sameSchema(a, b *Program) bool { return a == nil || b == nil || a.schema == b.schema }

// A claim is one instruction taken as true.
type claim struct {
	in instr
	of *Program
}

func (c claim) list() []Symbol { return c.of.list(&c.in) }

func (c claim) sameField(d claim) bool {
	return c.in.field == d.in.field && (c.in.op == opExtern) == (d.in.op == opExtern)
}

func (c claim) negated() claim {
	if c.in.op == opIs && c.kind() == Bool {
		c.in.a = 1 - c.in.a
		return c
	}
	c.in.neg = !c.in.neg
	return c
}

// absent is the claim that the field of c has no value.
func (c claim) absent() claim {
	return claim{in: instr{op: opExists, neg: true, field: c.in.field}, of: c.of}
}

func (c claim) kind() Kind { return c.of.schema.fields[c.in.field].Kind }

func (c claim) is(op opcode, neg bool) bool { return c.in.op == op && c.in.neg == neg }

func (c claim) span() span {
	if c.in.op == opSpan {
		return c.of.ranges[c.in.a]
	}
	return spanOf(int64(c.in.a), int64(c.in.b)) //nolint:gosec // keys are kept as bits
}

// branches returns the alternatives of a condition; nil when there are too many.
func branches(p *Program) [][]claim {
	if p == nil || len(p.terms) == 0 {
		return [][]claim{nil}
	}
	return p.branches(0)
}

func (p *Program) branches(i int32) [][]claim {
	t := p.terms[i]
	if t.kind == termLeaf {
		return [][]claim{{{in: p.code[t.leaf], of: p}}}
	}
	var all [][]claim
	if t.kind == termAll {
		all = [][]claim{nil}
	}
	for part := range p.parts(i) {
		of := p.branches(part)
		switch {
		case of == nil:
			return nil
		case t.kind == termAny:
			all = append(all, of...)
		default:
			all = product(all, of)
		}
		if len(all) > maxBranches || len(all) == 0 {
			return nil
		}
	}
	return all
}

func product(as, bs [][]claim) [][]claim {
	if len(as)*len(bs) > maxBranches {
		return nil
	}
	if len(as) == 1 && len(bs) == 1 {
		as[0] = append(as[0], bs[0]...) // the common case, a plain conjunction
		return as
	}
	all := make([][]claim, 0, len(as)*len(bs))
	for _, a := range as {
		for _, b := range bs {
			all = append(all, slices.Concat(a, b))
		}
	}
	return all
}

// follows reports whether term i is true wherever all claims of the branch are.
func (p *Program) follows(branch []claim, i int32) bool {
	t := p.terms[i]
	switch t.kind {
	case termAll:
		for part := range p.parts(i) {
			if !p.follows(branch, part) {
				return false
			}
		}
		return true
	case termAny:
		for part := range p.parts(i) {
			if p.follows(branch, part) {
				return true
			}
		}
		return false
	default:
		return claim{in: p.code[t.leaf], of: p}.followsFrom(branch)
	}
}

// followsFrom reports whether the branch leaves the claim no way not to be true:
// neither by being false nor, where it can be unknown, by an absent field.
func (c claim) followsFrom(branch []claim) bool {
	if c.in.op == opExtern { // unknown is no claim that could be contradicted
		return slices.ContainsFunc(branch, func(d claim) bool {
			return d.in.op == opExtern && d.in.a == c.in.a && d.in.b == c.in.b && d.in.neg == c.in.neg
		})
	}
	if !contradicts(append(slices.Clip(branch), c.negated())) {
		return false
	}
	return c.in.op == opExists || c.kind() == Set || contradicts(append(slices.Clip(branch), c.absent()))
}

// contradicts reports whether the claims of a conjunction cannot all be true.
func contradicts(claims []claim) bool {
	if len(claims) > maxClaims {
		return false
	}
	for i, c := range claims {
		earlier := slices.ContainsFunc(claims[:i], c.sameField)
		if !earlier && contradictsOn(c, claims[i:]) {
			return true
		}
	}
	return false
}

// contradictsOn looks at the claims on the field of c, the first of them.
func contradictsOn(c claim, claims []claim) bool {
	if c.in.op == opExtern {
		return slices.ContainsFunc(claims, func(d claim) bool {
			return d.in.op == opExtern && slices.ContainsFunc(claims, func(e claim) bool {
				return e.in.op == opExtern && d.in.a == e.in.a && d.in.b == e.in.b && d.in.neg != e.in.neg
			})
		})
	}
	on := slices.DeleteFunc(slices.Clone(claims), func(d claim) bool { return !c.sameField(d) })
	kind := c.kind()
	if kind == Set {
		return contradictsOnSet(on)
	}
	absent := func(d claim) bool { return d.is(opExists, true) }
	if slices.ContainsFunc(on, absent) { // every other claim needs a value
		return slices.ContainsFunc(on, func(d claim) bool { return !absent(d) })
	}
	switch kind {
	case Number:
		return contradictsOnNumber(on)
	case Bool:
		return anyOf(on, func(d claim) bool { return d.is(opIs, false) && d.in.a == 0 }) &&
			anyOf(on, func(d claim) bool { return d.is(opIs, false) && d.in.a == 1 })
	default:
		return contradictsOnText(on)
	}
}

func anyOf(claims []claim, f func(claim) bool) bool { return slices.ContainsFunc(claims, f) }

// contradictsOnText: texts are without number, so only a claim that lists what
// the text may be can be contradicted, by the others excluding each of the list.
func contradictsOnText(on []claim) bool {
	for _, c := range on {
		if c.in.neg || c.in.op == opExists {
			continue
		}
		return !slices.ContainsFunc(c.list(), func(sym Symbol) bool {
			return !anyOf(on, func(d claim) bool { return d.in.op != opExists && contains(d.list(), sym) == d.in.neg })
		})
	}
	return false
}

// contradictsOnNumber: between two numbers there is always another one, so the
// ranges contradict each other when nothing lies in all of them, or when a range
// that is excluded covers what does.
func contradictsOnNumber(on []claim) bool {
	left := span{noLow: true, noHigh: true}
	for _, c := range on {
		if c.in.op != opExists && !c.in.neg {
			left = left.meet(c.span())
		}
	}
	return left.empty() || anyOf(on, func(c claim) bool { return c.in.op != opExists && c.in.neg && left.within(c.span()) })
}

// contradictsOnSet: a set may have any members at all, so a claim is
// contradicted only by members that it needs being excluded, or the reverse.
func contradictsOnSet(on []claim) bool {
	empty := anyOf(on, func(c claim) bool { return c.is(opExists, true) })
	excluded := func(sym Symbol) bool {
		return empty || anyOf(on, func(c claim) bool { return isAny(c) && c.in.neg && contains(c.list(), sym) })
	}
	forced := func(sym Symbol) bool {
		return anyOf(on, func(c claim) bool {
			return !c.in.neg && c.in.op != opExists && (!isAny(c) || len(c.list()) == 1) && contains(c.list(), sym)
		})
	}
	return anyOf(on, func(c claim) bool {
		switch {
		case c.in.op == opExists:
			return empty && !c.in.neg
		case isAny(c) && !c.in.neg:
			return !slices.ContainsFunc(c.list(), func(sym Symbol) bool { return !excluded(sym) })
		case !isAny(c) && !c.in.neg:
			return slices.ContainsFunc(c.list(), excluded)
		case !isAny(c): // one of them is missing
			return !slices.ContainsFunc(c.list(), func(sym Symbol) bool { return !forced(sym) })
		default: // none of them; contradicted from the other side
			return false
		}
	})
}

func isAny(c claim) bool { return c.in.op == opAny || c.in.op == opAnyWide }

// Canonical returns a text that is equal for two conditions of one schema that
// differ only in the order and repetition of parts and values, in nesting of all
// in all and any in any, or in how a negation is written: a key for a map,
// without a meaning of its own. It is computed, in O(n log n), at each call; ""
// for a condition that is always true.
func (p *Program) Canonical() string {
	if p == nil || len(p.terms) == 0 {
		return ""
	}
	kind, parts := p.canonical(0)
	return joinParts(kind, parts)
}

// canonical returns the sorted, distinct parts of a term, and the kind that is
// left when its repetitions are dropped.
func (p *Program) canonical(i int32) (termKind, []string) {
	t := p.terms[i]
	if t.kind == termLeaf {
		return termLeaf, []string{p.canonicalLeaf(&p.code[t.leaf])}
	}
	var (
		parts, of []string
		kind      termKind
	)
	for part := range p.parts(i) {
		kind, of = p.canonical(part)
		if kind == t.kind { // what was between them fell together
			parts = append(parts, of...)
		} else {
			parts = append(parts, joinParts(kind, of))
		}
	}
	slices.Sort(parts)
	if parts = slices.Compact(parts); len(parts) == 1 {
		return kind, of // all parts are the last one
	}
	return t.kind, parts
}

func joinParts(kind termKind, parts []string) string {
	switch kind {
	case termAll:
		return "(" + strings.Join(parts, "&") + ")"
	case termAny:
		return "(" + strings.Join(parts, "|") + ")"
	default:
		return parts[0]
	}
}

func (p *Program) canonicalLeaf(in *instr) string {
	var text []byte
	if in.neg {
		text = append(text, '!')
	}
	text = strconv.AppendUint(text, uint64(in.field), 10)
	text = append(text, ':', 'a'+byte(in.op))
	switch in.op {
	case opExists:
	case opSpan:
		return string(text) + p.ranges[in.a].String()
	case opRange:
		return string(text) + spanOf(int64(in.a), int64(in.b)).String() //nolint:gosec // keys are kept as bits
	case opExtern:
		text = append(strconv.AppendUint(text, in.a, 10), '/')
		text = strconv.AppendUint(text, in.b, 10)
	default:
		if p.schema.fields[in.field].Kind == Bool {
			return string(strconv.AppendUint(text, in.a, 10))
		}
		for _, sym := range p.list(in) {
			text = strconv.AppendUint(append(text, ','), uint64(sym), 10)
		}
	}
	return string(text)
}
