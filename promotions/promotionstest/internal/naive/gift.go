package naive

import "github.com/tenon-go/tenon/promotions"

// entitledTo is how many units a gift promotion grants.
func (e *evaluation) entitledTo(s *state, p *promotions.Promotion, g *promotions.FreeGift) int64 {
	times := int64(1)
	if g.ForEach > 0 {
		units := int64(0)
		for i := range s.targets {
			if t := &s.targets[i]; t.line != nil && !t.isGift() && e.where(s, p.Where, t) {
				units += t.qty
			}
		}
		times = units / g.ForEach
	}
	return max(g.Quantity, 1) * times
}

// gift makes the first units of the lines that name the promotion free, down to
// their floor.
func (e *evaluation) gift(s *state, p *promotions.Promotion, g *promotions.FreeGift, targets []int) plan {
	left := e.entitledTo(s, p, g)
	units := e.unitsOf(s, targets)
	for _, u := range units {
		if left > 0 {
			left--
			u.mark, u.take = "free", u.room
		}
	}
	return planOf(s, targets, units)
}

// gifts says what gift promotions grant and what of it is in the cart. One whose
// turn ended before its effect grants nothing.
func (e *evaluation) gifts() []promotions.Gift {
	var out []promotions.Gift
	for _, p := range e.order {
		g, ok := p.Effect.(*promotions.FreeGift)
		if !ok {
			continue
		}
		in := int64(0)
		for _, l := range e.cart.Lines {
			if l.Gift == p.ID {
				in += l.Quantity
			}
		}
		if entitled := e.entitled[p.ID]; entitled > 0 || in > 0 {
			out = append(out, promotions.Gift{Promotion: p.ID, Product: g.Product, Entitled: entitled, InCart: in})
		}
	}
	return out
}
