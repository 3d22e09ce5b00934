package predicate

import (
	"cmp"
	"slices"
)

// A cost is what evaluating a term is expected to take, in rough nanoseconds,
// how likely the term is to hold, and in which order its parts are best asked.
type cost struct {
	time, odds float64
	order      []int32
}

// leafCost is a guess that only has to be right about the order: a test for one
// value is cheap and seldom holds, its negation nearly always does, and an
// extern costs more than all other leaves of a condition together.
func leafCost(in *instr) cost {
	c := cost{time: 1, odds: 0.5}
	switch in.op {
	case opIs:
		c.odds = 0.1
	case opIn:
		c = cost{time: 3, odds: 0.2}
	case opAny, opAll:
		c.odds = 0.2
	case opAnyWide, opAllWide:
		c = cost{time: 8, odds: 0.1}
	case opSpan:
		c.time = 10
	case opExists:
		c = cost{time: 2, odds: 0.8}
	case opExtern:
		c.time = 500
	default:
	}
	if in.neg {
		c.odds = 1 - c.odds
	}
	return c
}

// estimate fills in the costs of a term and its parts, taking each part's odds
// as independent.
func (b *builder) estimate(i int32) {
	t := b.terms[i]
	if t.kind == termLeaf {
		b.costs[i] = leafCost(&b.code[t.leaf])
		return
	}
	order := make([]int32, 0, t.end-i-1)
	for part := range b.parts(i) {
		b.estimate(part)
		order = append(order, part)
	}
	slices.SortStableFunc(order, func(x, y int32) int {
		return cmp.Compare(b.price(x, t.kind), b.price(y, t.kind))
	})
	sum, open := 0.0, 1.0 // open: the odds that the parts so far decide nothing
	for _, part := range order {
		sum += open * b.costs[part].time
		open *= 1 - b.deciding(part, t.kind)
	}
	if b.costs[i] = (cost{time: sum, odds: open, order: order}); t.kind == termAny {
		b.costs[i].odds = 1 - open
	}
}

// price is a part's time over its odds of deciding: ascending prices are the
// best order of independent parts.
func (b *builder) price(part int32, in termKind) float64 {
	return b.costs[part].time / (b.deciding(part, in) + 1e-9)
}

// deciding is how likely a part decides the all or any that it stands in.
func (b *builder) deciding(part int32, in termKind) float64 {
	if in == termAny {
		return b.costs[part].odds
	}
	return 1 - b.costs[part].odds
}

// emit sets the jumps of a term's instructions for what comes after it, and
// returns where the term starts. Parts are linked last to first, because each
// has to know where the next one starts.
func (b *builder) emit(i, yes, no int32) int32 {
	t := b.terms[i]
	if t.kind == termLeaf {
		in := &b.code[t.leaf]
		in.hit, in.miss = yes, no
		if in.neg {
			in.hit, in.miss = no, yes
		}
		return t.leaf
	}
	next := yes
	if t.kind == termAny {
		next = no
	}
	for _, part := range slices.Backward(b.costs[i].order) {
		if t.kind == termAll {
			next = b.emit(part, next, no)
		} else {
			next = b.emit(part, yes, next)
		}
	}
	return next
}
