package search

import (
	"cmp"
	"slices"

	"github.com/tenon-go/tenon/promotions/internal/eval"
)

// greedy is where the search starts from: the offers together, and then the others in their
// turn, or what takes most alone first, each kept that adds something. Beside one turn of
// each it may work as much as the search.
func (c *component) greedy() {
	chosen := subset{offers: c.from(nil, 0)}
	if c.try(&chosen); chosen.value == 0 {
		chosen.offers = nil
	}
	c.best = c.inTurn(chosen.offers)
	l := c.level(0)
	l.fill(c.s, c.others)
	order := make([]int, len(l.open))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(l.most[b], l.most[a]) })
	tried := 0
	for _, i := range order {
		more := subset{offers: chosen.offers, others: slices.Clone(chosen.others)}
		at, _ := slices.BinarySearch(more.others, l.open[i])
		more.others = slices.Insert(more.others, at, l.open[i])
		if tried += more.size() * c.weight; tried > c.budget {
			break
		}
		if c.try(&more); more.value > chosen.value {
			chosen = more
		}
	}
	if chosen.value > c.best.value {
		c.best = chosen
	}
}

// inTurn is the offers and all others that fire in their turn after them.
func (c *component) inTurn(offers []int) subset {
	set := subset{offers: offers}
	c.assign(offers)
	for _, candidate := range c.others {
		if c.s.Turn(candidate) == eval.Fires {
			set.others = append(set.others, candidate)
		}
	}
	set.value = c.value()
	c.s.Undo(c.start)
	return set
}

// try finds what a subset takes, 0 where one of its members takes nothing.
func (c *component) try(set *subset) {
	set.value = 0
	fired, ok := c.assign(set.offers)
	if ok {
		set.offers = fired
		for _, candidate := range set.others {
			if ok = c.s.Turn(candidate) == eval.Fires; !ok {
				break
			}
		}
	}
	if ok {
		set.value = c.value()
	}
	c.s.Undo(c.start)
}

// swap improves a best that is not proven to be that: it adds one member, or puts it in the
// place of another, as long as that takes more. It may work as much as the search did.
func (c *component) swap() {
	tried := 0
	for better := true; better; {
		better = false
		for _, in := range c.others {
			if _, member := slices.BinarySearch(c.best.others, in); member {
				continue
			}
			found := false
			for out := -1; out < len(c.best.others) && !found; out++ {
				if tried += (1 + c.best.size()) * c.weight; tried > c.budget {
					return
				}
				found = c.swapped(in, out)
			}
			better = better || found
		}
	}
}

// swapped makes the best with one more member, in the place of another or of none, the best
// if it takes more.
func (c *component) swapped(in int32, out int) bool {
	at, _ := slices.BinarySearch(c.best.others, in)
	more := subset{offers: c.best.offers, others: slices.Insert(slices.Clone(c.best.others), at, in)}
	if out >= 0 {
		if out >= at {
			out++
		}
		more.others = slices.Delete(more.others, out, out+1)
	}
	c.try(&more)
	if more.value <= c.best.value {
		return false
	}
	c.best = more
	return true
}
