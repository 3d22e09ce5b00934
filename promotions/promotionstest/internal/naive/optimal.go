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
	best := choice{state: s}
	sharing, others := e.hopeful(s, members)
	for _, places := range subsets(sharing) {
		if after, ok := e.jointly(s, members, places, bestUses); ok {
			e.extend(choice{places: places, state: after}, members, others, len(s.fired), func(c choice) {
				if c.beats(best) {
					best = c
				}
			})
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

// hopeful are the members that might fire: consuming effects act together, the others
// in turn.
func (e *evaluation) hopeful(s *state, members []*promotions.Promotion) (sharing, others []int) {
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
	return sharing, others
}

func subsets(list []int) [][]int {
	var out [][]int
	for set := range uint(1) << len(list) {
		var subset []int
		for k, v := range list {
			if set>>k&1 == 1 {
				subset = append(subset, v)
			}
		}
		out = append(out, subset)
	}
	return out
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

// extend yields all ways to go on from a choice with the members that are left.
func (e *evaluation) extend(c choice, members []*promotions.Promotion, left []int, before int, yield func(choice)) {
	if len(left) == 0 {
		for _, f := range c.state.fired[before:] {
			c.amount += f.amount
		}
		yield(c)
		return
	}
	e.extend(c, members, left[1:], before, yield)
	p := members[left[0]]
	a := e.try(c.state, p)
	if a.reason != "" {
		return
	}
	with := choice{places: append(slices.Clone(c.places), left[0]), state: c.state.clone()}
	with.state.fire(p, a)
	e.extend(with, members, left[1:], before, yield)
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

// jointly assigns units to consuming members for the largest sum, in the way that uses
// picks of those that there are. It is false where a member may not fire or takes nothing.
func (e *evaluation) jointly(s *state, members []*promotions.Promotion, places []int, uses func(*assignment) []application) (*state, bool) {
	after := s.clone()
	if len(places) == 0 {
		return after, true
	}
	a := assignment{e: e, memo: make(map[string]solution), ties: make(map[string][][]application)}
	all := make([]int, len(s.targets))
	for i := range all {
		all[i] = i
	}
	a.units = e.unitsOf(s, all)
	for _, i := range places {
		if !a.add(s, members[i]) {
			return nil, false
		}
	}
	plans := a.plans(s, all, uses(&a))
	whole := slices.Clone(plans[0]) // the cuts are the same in all
	for i := range whole {
		whole[i].cuts = slices.Clone(whole[i].cuts)
		for j := range whole[i].cuts {
			whole[i].cuts[j].take = 0
		}
	}
	for k, i := range places {
		now := s.clone() // what the members before have left
		now.apply(whole)
		now.fired = after.fired
		ans, legal := e.given(now, members[i], plans[k], k)
		if !legal {
			return nil, false
		}
		after.fired = append(after.fired, firedBy(members[i], ans))
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

// given is the turn of a member with the units that it is given; false where it may not
// fire, takes nothing, or uses units of a line that others keep it off, be they only bought.
func (e *evaluation) given(s *state, p *promotions.Promotion, plan plan, member int) (a answer, legal bool) {
	if a.code, a.reason = e.gate(s, p); a.reason != "" {
		return a, false
	}
	if a.reason, a.other = e.barred(s, p); a.reason != "" {
		return a, false
	}
	for _, part := range plan {
		uses := func(c cutRun) bool { return c.uses && c.owner == member }
		if e.blocked(s, p, part.target) && slices.ContainsFunc(part.cuts, uses) {
			return a, false
		}
	}
	a.plan, a.reason = e.cut(s, p, plan)
	return a, a.reason == ""
}

// assignment is a joint assignment of units to members.
type assignment struct {
	e       *evaluation
	units   []*single
	members []sharer
	classes []class
	pool    [][]*single // of each class
	memo    map[string]solution
	ties    map[string][][]application
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
func (a *assignment) add(s *state, p *promotions.Promotion) bool {
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

// all is every unit, and every application that is allowed, as best has them.
func (a *assignment) all() (left, apps []int64) {
	for i := range a.classes {
		left = append(left, int64(len(a.pool[i])))
	}
	for _, m := range a.members {
		apps = append(apps, m.max)
	}
	return left, apps
}

func bestUses(a *assignment) []application { return a.best(a.all()).uses }

// plans returns what each member does; all plans cut the runs alike.
func (a *assignment) plans(s *state, all []int, uses []application) []plan {
	times := make([]int64, len(a.members))
	for _, u := range a.units {
		u.owner = -1
	}
	uses = slices.Clone(uses)
	slices.SortStableFunc(uses, func(x, y application) int { return x.member - y.member })
	for _, use := range uses {
		times[use.member]++
	}
	for len(uses) > 0 {
		n := times[uses[0].member]
		for _, bought := range []bool{false, true} {
			for _, use := range uses[:n] {
				a.mark(use, bought)
			}
		}
		uses = uses[n:]
	}
	var plans []plan
	for k := range a.members {
		p := planOf(s, all, a.units)
		for i := range p {
			p[i].times = times[k]
			p[i].keep(k)
		}
		plans = append(plans, p)
	}
	return plans
}

// keep leaves a member what it takes, and nobody else.
func (p part) keep(member int) {
	for j := range p.cuts {
		if c := &p.cuts[j]; c.owner != member {
			c.take = 0
		}
	}
}

// mark takes the first units that are left of each class for an application: those that
// are paid less for, or, for a buy-x-get-y, those that are bought.
func (a *assignment) mark(use application, bought bool) {
	for c := range a.classes {
		n, share := int64(0), use.shares[c]
		switch {
		case a.members[use.member].buyGet == nil:
			for _, counts := range use.counts {
				n += counts[c]
			}
			if bought {
				n = 0
			}
		case bought:
			n, share = use.counts[buying][c], 0
		default:
			n = use.counts[getting][c]
		}
		if n == 0 {
			continue
		}
		units := a.pool[c][:n]
		a.pool[c] = a.pool[c][n:]
		a.e.mark(units, share)
		for _, u := range units {
			u.owner = use.member
			u.mark = fmt.Sprint(use.member, bought, u.mark)
		}
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
		fewer := a.fewer(apps, i)
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

// fewer is the applications that are allowed after one more of a member; 0 of 0 is any number.
func (a *assignment) fewer(apps []int64, member int) []int64 {
	out := slices.Clone(apps)
	out[member] = max(0, out[member]-1)
	return out
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
