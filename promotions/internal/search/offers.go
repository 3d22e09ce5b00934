package search

import (
	"slices"

	"github.com/tenon-go/tenon/promotions/internal/consume"
	"github.com/tenon-go/tenon/promotions/internal/eval"
)

// decide includes or leaves out the offers from one on, and then visits what the others add
// to each choice, at most so much.
func (c *component) decide(offer int, chosen []int, most int64) {
	bound := c.joint(c.from(chosen, offer)) + most
	switch {
	case !c.promising(bound, len(chosen)-1):
	case !c.spend(1, bound):
	case offer < len(c.members):
		c.decide(offer+1, append(slices.Clone(chosen), offer), most)
		c.decide(offer+1, chosen, most)
	default:
		c.choose(chosen, bound, most)
	}
}

// from is chosen offers and all from one on.
func (c *component) from(chosen []int, offer int) []int {
	list := slices.Clone(chosen)
	for ; offer < len(c.members); offer++ {
		list = append(list, offer)
	}
	return list
}

// joint bounds what offers take together, before budgets.
func (c *component) joint(offers []int) int64 {
	if len(offers) == 0 {
		return 0
	}
	bound, used := c.pool.Joint.Bound(offers, max(c.budget-c.nodes, 0))
	c.nodes += used
	return bound
}

// choose visits what can be added to a choice of offers: all together at most bound, the
// others at most most.
func (c *component) choose(chosen []int, bound, most int64) {
	if !c.spend(len(chosen)*c.weight, bound) {
		return
	}
	fired, ok := c.assign(chosen)
	if ok {
		key := keyOf(fired)
		if !c.seen[key] {
			c.seen[key] = true
			c.offers = fired
			c.visit(0, c.others, most)
			c.offers = nil
		}
	}
	c.s.Undo(c.start)
}

func keyOf(offers []int) string {
	key := make([]byte, 0, 2*len(offers))
	for _, o := range offers {
		key = append(key, byte(o>>8), byte(o)) //nolint:gosec // fewer than the candidates of a cart
	}
	return string(key)
}

// assign gives offers their units in the state at hand, and returns those that got some,
// as if no others had been there; false where a constraint keeps one of them out.
func (c *component) assign(offers []int) (fired []int, ok bool) {
	if len(offers) == 0 {
		return nil, true
	}
	found := c.pool.Joint.Solve(offers, max(c.budget-c.nodes, 0))
	c.nodes += found.Work
	if !found.Exact {
		c.leave(found.Bound + c.limit(c.others))
	}
	for i, p := range found.Parts {
		if i == 0 || p.Offer != found.Parts[i-1].Offer {
			fired = append(fired, p.Offer)
		}
	}
	if len(fired) < len(offers) {
		return c.assign(fired)
	}
	c.pool.Reset()
	for parts := found.Parts; len(parts) > 0; {
		n := slices.IndexFunc(parts, func(p consume.Part) bool { return p.Offer != parts[0].Offer })
		if n < 0 {
			n = len(parts)
		}
		if c.s.Assigned(c.pool, parts[:n]) != eval.Fires {
			return nil, false
		}
		parts = parts[n:]
	}
	return fired, true
}
