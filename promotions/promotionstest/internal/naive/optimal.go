package naive

import (
	"fmt"
	"slices"

	"github.com/tenon-go/tenon/promotions"
)

// choice is a legal set of members and the state that it leaves.
type choice struct {
	places []int // of its members in the stage
	amount int64
	state  *state
}

// optimal tries every set of members in which each takes something: one that would
// take nothing changes nothing, so that no better set is missed.
func (e *evaluation) optimal(s *state, members []*promotions.Promotion) {
	var sharing, others []int // consuming effects act together, the others in turn
	for i, p := range members {
		if _, reason := e.gate(s, p); hopeless(reason) {
			continue
		}
		if consumes(p) {
			sharing = append(sharing, i)
		} else {
			others = append(others, i)
		}
	}
	best := choice{state: s}
	for set := range uint(1) << len(sharing) {
		var places []int
		for k, i := range sharing {
			if set>>k&1 == 1 {
				places = append(places, i)
			}
		}
		if after, ok := e.jointly(s, members, places); ok {
			e.extend(choice{places: places, state: after}, members, others, len(s.fired), &best)
		}
	}
	for i, p := range members {
		if slices.Contains(best.places, i) {
			e.note(s, p, answer{})
			continue
		}
		a := e.try(s, p)
		if a.reason == "" {
			a.reason = promotions.NotBest
		}
		e.note(s, p, a)
	}
	*s = *best.state.clone()
}

// hopeless reports whether a reason stays whatever else fires.
func hopeless(r promotions.Reason) bool {
	return r != "" && r != promotions.ConditionFailed
}

func consumes(p *promotions.Promotion) bool {
	switch p.Effect.(type) {
	case *promotions.BuyGet, *promotions.Bundle:
		return true
	default:
		return false
	}
}

// extend tries all ways to go on from a choice with the members that are left.
func (e *evaluation) extend(c choice, members []*promotions.Promotion, left []int, before int, best *choice) {
	if len(left) == 0 {
		for _, f := range c.state.fired[before:] {
			c.amount += f.amount
		}
		if c.beats(*best) {
			*best = c
		}
		return
	}
	e.extend(c, members, left[1:], before, best)
	p := members[left[0]]
	a := e.try(c.state, p)
	if a.reason != "" {
		return
	}
	with := choice{places: append(slices.Clone(c.places), left[0]), state: c.state.clone()}
	with.state.fire(p, a)
	e.extend(with, members, left[1:], before, best)
}

// beats compares amounts; then fewer members, then those that come first.
func (c choice) beats(than choice) bool {
	if c.amount != than.amount {
		return c.amount > than.amount
	}
	if len(c.places) != len(than.places) {
		return len(c.places) < len(than.places)
	}
	return slices.Compare(slices.Sorted(slices.Values(c.places)), slices.Sorted(slices.Values(than.places))) < 0
}

// jointly assigns units to consuming members for the largest sum. It is false where
// a member may not fire or takes nothing.
//
//nolint:gocognit // the rules one after the other, as they are written down
func (e *evaluation) jointly(s *state, members []*promotions.Promotion, places []int) (*state, bool) {
	after := s.clone()
	if len(places) == 0 {
		return after, true
	}
	a := assignment{e: e, memo: make(map[string]solution)}
	all := make([]int, len(s.targets))
	for i := range all {
		all[i] = i
	}
	a.units = e.unitsOf(s, all)
	for k, i := range places {
		if !a.add(s, members[i], k) {
			return nil, false
		}
	}
	plans := a.solve(s, all)
	whole := slices.Clone(plans[0]) // the cuts are the same in all
	for i := range whole {
		whole[i].cuts = slices.Clone(whole[i].cuts)
	}
	for k, i := range places {
		p := members[i]
		var ans answer
		ans.code, ans.reason = e.gate(s, p)
		if reason, _ := e.barred(after, p); reason != "" || ans.reason != "" || e.exhausted(after, p, ans.code) {
			return nil, false
		}
		if ans.plan, ans.reason = e.cut(after, p, plans[k]); ans.reason != "" {
			return nil, false
		}
		f := firedBy(p, ans)
		for _, piece := range f.pieces {
			if e.blocked(after, p, piece.target) {
				return nil, false
			}
		}
		after.fired = append(after.fired, f)
		for t := range whole {
			for j := range whole[t].cuts {
				if c := &whole[t].cuts[j]; c.owner == k {
					c.take = ans.plan[t].cuts[j].take
				}
			}
		}
	}
	after.apply(whole)
	return after, true
}

// assignment is a joint assignment of units to members.
type assignment struct {
	e       *evaluation
	units   []*single
	members []sharer
	classes []class
	pool    [][]*single // of each class
	memo    map[string]solution
}

// sharer is a consuming member: which units serve its needs.
type sharer struct {
	needs  []promotions.Need
	max    int64
	value  rate
	buyGet *promotions.BuyGet // nil: a bundle
	serves [][]bool           // by need and class
}

// solution is the best use of some units: applications, each of a member with units
// of classes per need, and what they are worth: the sum, the sums of the members, those of the
// classes. The first that is larger decides.
type solution struct {
	worth []int64
	uses  []application
}

type application struct {
	member int
	counts [][]int64 // by need and class
	shares []int64   // by class
}

// add makes a member part of the assignment; false where it has no targets.
func (a *assignment) add(s *state, p *promotions.Promotion, _ int) bool {
	if a.classes == nil {
		for _, u := range a.units {
			if u.line.line == nil || u.wasUsed {
				continue
			}
			if i := slices.Index(a.classes, classOf(u)); i >= 0 {
				a.pool[i] = append(a.pool[i], u)
			} else {
				a.classes, a.pool = append(a.classes, classOf(u)), append(a.pool, []*single{u})
			}
		}
	}
	targets, _ := a.e.targets(s, p)
	m := sharer{}
	switch effect := p.Effect.(type) {
	case *promotions.BuyGet:
		m.needs, m.max, m.buyGet = []promotions.Need{effect.Buy, effect.Get}, effect.Max, effect
		m.value = a.e.rateOf(effect.Value.Kind, effect.Value.Value, p.Currency)
	case *promotions.Bundle:
		m.needs, m.max = effect.Parts, effect.Max
		m.value = a.e.rateOf(effect.Value.Kind, effect.Value.Value, p.Currency)
	}
	for _, n := range m.needs {
		serves := make([]bool, len(a.classes))
		for i, c := range a.classes {
			serves[i] = slices.Contains(targets, c.target) && a.e.where(s, n.Where, &s.targets[c.target])
		}
		m.serves = append(m.serves, serves)
	}
	a.members = append(a.members, m)
	return len(targets) > 0
}

// solve returns the plan of each member; all of them cut the runs alike.
func (a *assignment) solve(s *state, all []int) []plan {
	left, apps := make([]int64, len(a.classes)), make([]int64, len(a.members))
	for i := range left {
		left[i] = int64(len(a.pool[i]))
	}
	for i, m := range a.members {
		apps[i] = m.max
	}
	uses := slices.Clone(a.best(left, apps).uses)
	slices.SortStableFunc(uses, func(x, y application) int { return x.member - y.member })
	times := make([]int64, len(a.members))
	for _, u := range a.units {
		u.owner = -1
	}
	for _, use := range uses {
		times[use.member]++
		a.mark(use)
	}
	var plans []plan
	for k := range a.members {
		p := planOf(s, all, a.units)
		for i := range p {
			p[i].times = times[k]
			for j := range p[i].cuts {
				if c := &p[i].cuts[j]; c.owner != k {
					c.take = 0
				}
			}
		}
		plans = append(plans, p)
	}
	return plans
}

// mark takes the first units of each class for an application: those that are paid
// less for, then those that are bought.
func (a *assignment) mark(use application) {
	m := a.members[use.member]
	for c := range a.classes {
		take := func(n, share int64, what string) {
			units := a.pool[c][:n]
			a.pool[c] = a.pool[c][n:]
			if n > 0 {
				a.e.mark(units, share)
			}
			for _, u := range units {
				u.owner = use.member
				u.mark = fmt.Sprint(use.member, what, u.mark)
			}
		}
		if m.buyGet != nil {
			take(use.counts[getting][c], use.shares[c], "got")
			take(use.counts[buying][c], 0, "bought")
			continue
		}
		n := int64(0)
		for _, counts := range use.counts {
			n += counts[c]
		}
		take(n, use.shares[c], "part")
	}
}

// best is the best use of what is left: the first class with units is left as it is,
// or an application takes some of it.
func (a *assignment) best(left, apps []int64) solution {
	first := slices.IndexFunc(left, func(n int64) bool { return n > 0 })
	if first < 0 {
		return solution{worth: make([]int64, 1+len(a.members)+len(a.classes))}
	}
	key := fmt.Sprint(left, apps)
	if known, ok := a.memo[key]; ok {
		return known
	}
	rest := slices.Clone(left)
	rest[first] = 0
	best := a.best(rest, apps)
	for i, m := range a.members {
		if m.max > 0 && apps[i] == 0 {
			continue
		}
		fewer := slices.Clone(apps)
		fewer[i]--
		if m.max == 0 {
			fewer[i] = 0
		}
		a.applications(m, left, first, func(counts [][]int64, rest []int64) {
			use := application{member: i, counts: counts, shares: a.shares(m, counts)}
			if total(use.shares) == 0 {
				return
			}
			then := a.best(rest, fewer)
			worth := slices.Clone(then.worth)
			worth[0] += total(use.shares)
			worth[1+i] += total(use.shares)
			for c, share := range use.shares {
				worth[1+len(a.members)+c] += share
			}
			if slices.Compare(worth, best.worth) > 0 {
				best = solution{worth: worth, uses: append([]application{use}, then.uses...)}
			}
		})
	}
	a.memo[key] = best
	return best
}

func total(amounts []int64) int64 {
	sum := int64(0)
	for _, a := range amounts {
		sum += a
	}
	return sum
}

// applications yields every application of a member that has units of a class.
func (a *assignment) applications(m sharer, left []int64, with int, yield func(counts [][]int64, rest []int64)) {
	counts := make([][]int64, len(m.needs))
	var fill func(need, from int, more int64, rest []int64)
	fill = func(need, from int, more int64, rest []int64) {
		switch {
		case more == 0 && need+1 < len(m.needs):
			counts[need+1] = make([]int64, len(a.classes))
			fill(need+1, 0, m.needs[need+1].Quantity, rest)
		case more == 0:
			if rest[with] < left[with] && a.legal(m, counts) {
				copied := make([][]int64, len(counts))
				for i := range counts {
					copied[i] = slices.Clone(counts[i])
				}
				yield(copied, slices.Clone(rest))
			}
		case from < len(a.classes):
			fill(need, from+1, more, rest)
			if m.serves[need][from] && rest[from] > 0 {
				counts[need][from]++
				rest[from]--
				fill(need, from, more-1, rest)
				counts[need][from]--
				rest[from]++
			}
		}
	}
	counts[0] = make([]int64, len(a.classes))
	fill(0, 0, m.needs[0].Quantity, slices.Clone(left))
}

// legal: no got unit is above a bought one, where that matters.
func (a *assignment) legal(m sharer, counts [][]int64) bool {
	if m.buyGet == nil || !m.buyGet.NotDearer {
		return true
	}
	for i, got := range counts[getting] {
		for j, bought := range counts[buying] {
			if got > 0 && bought > 0 && a.classes[i].price > a.classes[j].price {
				return false
			}
		}
	}
	return true
}

// shares is what an application takes from each class.
func (a *assignment) shares(m sharer, counts [][]int64) []int64 {
	out := make([]int64, len(a.classes))
	if m.buyGet != nil {
		for c, n := range counts[getting] {
			if n > 0 {
				out[c] = n * min(a.e.off(m.value, a.classes[c].price), a.pool[c][0].room)
			}
		}
		return out
	}
	var classes []class
	var units []*single
	var at []int
	for c := range a.classes {
		n := int64(0)
		for _, need := range counts {
			n += need[c]
		}
		if n > 0 {
			classes, at = append(classes, a.classes[c]), append(at, c)
			units = append(units, a.pool[c][:n]...)
		}
	}
	for i, share := range a.e.bundleShares(m.value, classes, units) {
		out[at[i]] = share
	}
	return out
}
