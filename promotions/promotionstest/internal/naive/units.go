package naive

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tenon-go/tenon/promotions"
)

// single is one unit of a run.
type single struct {
	target, run  int
	pos          int64 // in the run
	price        int64
	before       int64
	room         int64
	serves       uint // the needs that it can serve, a bit each
	order        int  // in the cart
	mark         string
	take         int64
	uses         bool
	owner        int
	line         *target
	wasUsed      bool
	from, length int64 // of the run
}

// unitsOf are the units of targets in the order of the cart.
func (e *evaluation) unitsOf(s *state, targets []int) []*single {
	var out []*single
	for _, i := range targets {
		t := &s.targets[i]
		for j, r := range t.runs {
			n := r.to - r.from
			for k := range n {
				price := unitPrice(r.after, n, k)
				out = append(out, &single{
					target: i, run: j, pos: k, price: price, before: unitPrice(r.before, n, k), room: max(0, price-t.floor),
					order: len(out), line: t, wasUsed: r.used, from: r.from, length: n,
				})
			}
		}
	}
	return out
}

// planOf cuts the runs of targets between units of different marks.
func planOf(s *state, targets []int, units []*single) plan {
	units = slices.Clone(units)
	slices.SortFunc(units, func(a, b *single) int { return cmp.Compare(a.order, b.order) })
	var out plan
	for _, i := range targets {
		p := part{target: i}
		for j, r := range s.targets[i].runs {
			cuts := 0
			last := ""
			for _, u := range units {
				if u.target != i || u.run != j {
					continue
				}
				if cuts == 0 || u.mark != last {
					p.cuts = append(p.cuts, cutRun{index: j, run: run{from: r.from + u.pos, to: r.from + u.pos, used: r.used}, uses: u.uses, owner: u.owner})
					cuts, last = cuts+1, u.mark
				}
				c := &p.cuts[len(p.cuts)-1]
				c.to, c.before, c.after, c.take = c.to+1, c.before+u.before, c.after+u.price, c.take+u.take
			}
			if cuts == 0 {
				p.cuts = append(p.cuts, cutRun{run: r, index: j})
			}
		}
		out = append(out, p)
	}
	return out
}

// supply are the units that no other application has used and that serve some need.
func (e *evaluation) supply(s *state, targets []int, needs []promotions.Need) []*single {
	var out []*single
	for _, u := range e.unitsOf(s, targets) {
		for k, n := range needs {
			if e.where(s, n.Where, u.line) {
				u.serves |= 1 << k
			}
		}
		if !u.wasUsed && u.serves != 0 {
			out = append(out, u)
		}
	}
	return out
}

// fits reports whether needs can be met, each unit serving one: for every set of
// needs there are enough units that serve any of them (Hall).
func fits(units []*single, needs []int64) bool {
	var of [256]int64
	for _, u := range units {
		of[u.serves]++
	}
	for set := uint(1); set < 1<<len(needs); set++ {
		want, have := int64(0), int64(0)
		for k, n := range needs {
			if set>>k&1 == 1 {
				want += n
			}
		}
		for serves, n := range of {
			if uint(serves)&set != 0 {
				have += n
			}
		}
		if have < want {
			return false
		}
	}
	return true
}

// allServe reports whether all units can serve needs at once: for every set of
// needs there are no more units that serve nothing else than it has places.
func allServe(units []*single, needs []int64) bool {
	var of [256]int64
	for _, u := range units {
		of[u.serves]++
	}
	for set := range uint(1) << len(needs) {
		places, have := int64(0), int64(0)
		for k, n := range needs {
			if set>>k&1 == 1 {
				places += n
			}
		}
		for serves, n := range of {
			if uint(serves)&^set == 0 {
				have += n
			}
		}
		if have > places {
			return false
		}
	}
	return true
}

// byPick sorts units in the order in which they are taken.
func byPick(units []*single, pick promotions.Pick) []*single {
	out := slices.Clone(units)
	slices.SortStableFunc(out, func(a, b *single) int {
		if pick == promotions.Dearest {
			return cmp.Compare(b.price, a.price)
		}
		return cmp.Compare(a.price, b.price)
	})
	return out
}

// without are the units that are not among others.
func without(units []*single, others ...*single) []*single {
	var out []*single
	has := make(map[*single]bool, len(others))
	for _, u := range others {
		has[u] = true
	}
	for _, u := range units {
		if !has[u] {
			out = append(out, u)
		}
	}
	return out
}

// serving are the units that can serve a need.
func serving(units []*single, need int) []*single {
	return slices.DeleteFunc(slices.Clone(units), func(u *single) bool { return u.serves>>need&1 == 0 })
}

const (
	buying = iota
	getting
)

func (e *evaluation) buyGet(s *state, p *promotions.Promotion, b *promotions.BuyGet, targets []int) plan {
	units := e.supply(s, targets, []promotions.Need{b.Buy, b.Get})
	var got, bought []*single
	if b.Pairing == promotions.PerGroup {
		got, bought = groups(units, b)
	} else {
		got, bought = global(units, b)
	}
	r := e.rateOf(b.Value.Kind, b.Value.Value, p.Currency)
	left := pool(slices.Concat(got, bought)) // the first units of a class are got
	for _, u := range got {
		u = left.next(u)
		u.mark, u.uses, u.take = fmt.Sprint("got at ", u.price), true, min(e.off(r, u.price), u.room)
	}
	for _, u := range bought {
		u = left.next(u)
		u.mark, u.uses = fmt.Sprint("bought at ", u.price), true
	}
	return timed(planOf(s, targets, e.inOrder(s, targets, units)), int64(len(got))/b.Get.Quantity)
}

// inOrder are all units of targets, those given in place of their equals.
func (e *evaluation) inOrder(s *state, targets []int, units []*single) []*single {
	all := e.unitsOf(s, targets)
	for _, u := range units {
		all[u.order] = u
	}
	return all
}

func timed(p plan, times int64) plan {
	for i := range p {
		p[i].times = times
	}
	return p
}

// groups cuts the units, dearest first, and picks within each group.
func groups(units []*single, b *promotions.BuyGet) (got, bought []*single) {
	units = byPick(units, promotions.Dearest)
	size := b.Buy.Quantity + b.Get.Quantity
	for k := int64(0); (k+1)*size <= int64(len(units)) && (b.Max == 0 || k < b.Max); k++ {
		group := byPick(units[k*size:(k+1)*size], b.Pick)
		if b.NotDearer && !notDearer(group[:b.Get.Quantity], group[b.Get.Quantity:], b) {
			break
		}
		got, bought = append(got, group[:b.Get.Quantity]...), append(bought, group[b.Get.Quantity:]...)
	}
	return got, bought
}

// global makes as many applications as there can be, and picks over all units.
func global(units []*single, b *promotions.BuyGet) (got, bought []*single) {
	possible := func(m int64) bool {
		if (b.Buy.Quantity+b.Get.Quantity)*m > int64(len(units)) {
			return false
		}
		return completable(units, nil, m, b)
	}
	m := int64(0)
	for (b.Max == 0 || m < b.Max) && possible(m+1) {
		m++
	}
	for _, u := range byPick(serving(units, getting), b.Pick) {
		if int64(len(got)) < m*b.Get.Quantity && completable(units, append(slices.Clone(got), u), m, b) {
			got = append(got, u)
		}
	}
	rest := byPick(without(serving(units, buying), got...), promotions.Dearest)
	slices.SortStableFunc(rest, func(a, b *single) int { return cmp.Compare(a.serves>>getting&1, b.serves>>getting&1) })
	for _, u := range rest {
		if int64(len(bought)) < m*b.Buy.Quantity && canBuy(without(rest, bought...), got, append(slices.Clone(bought), u), m, b) {
			bought = append(bought, u)
		}
	}
	return got, bought
}

// completable reports whether units that are got can be completed to m applications.
func completable(units, got []*single, m int64, b *promotions.BuyGet) bool {
	more := m*b.Get.Quantity - int64(len(got))
	if more < 0 || !fits(without(units, got...), []int64{m * b.Buy.Quantity, more}) {
		return false
	}
	if !b.NotDearer {
		return true
	}
	return completableDearer(units, got, without(serving(units, getting), got...), more, m, b)
}

// completableDearer tries all ways to get more units, equal ones once.
func completableDearer(units, got, rest []*single, more, m int64, b *promotions.BuyGet) bool {
	if more == 0 {
		return canBuy(without(serving(units, buying), got...), got, nil, m, b)
	}
	if int64(len(rest)) < more {
		return false
	}
	first := rest[0]
	if completableDearer(units, append(slices.Clone(got), first), rest[1:], more-1, m, b) {
		return true
	}
	others := slices.DeleteFunc(slices.Clone(rest), func(u *single) bool { return u.price == first.price && u.serves == first.serves })
	return completableDearer(units, got, others, more, m, b)
}

// canBuy reports whether units that are bought can be completed from others: with
// the dearest, which none can be better than.
func canBuy(rest, got, bought []*single, m int64, b *promotions.BuyGet) bool {
	if !b.NotDearer {
		return true
	}
	all := append(slices.Clone(bought), byPick(without(rest, bought...), promotions.Dearest)...)
	if int64(len(all)) < m*b.Buy.Quantity {
		return false
	}
	return notDearer(got, all[:m*b.Buy.Quantity], b)
}

// notDearer cuts both, dearest first, into applications.
func notDearer(got, bought []*single, b *promotions.BuyGet) bool {
	got, bought = byPick(got, promotions.Dearest), byPick(bought, promotions.Dearest)
	for k := range int64(len(got)) / b.Get.Quantity {
		if got[k*b.Get.Quantity].price > bought[(k+1)*b.Buy.Quantity-1].price {
			return false
		}
	}
	return true
}

func (e *evaluation) bundle(s *state, p *promotions.Promotion, b *promotions.Bundle, targets []int) plan {
	units := e.supply(s, targets, b.Parts)
	needs := func(m int64) []int64 {
		out := make([]int64, len(b.Parts))
		for k := range out {
			out[k] = m * b.Parts[k].Quantity
		}
		return out
	}
	m := int64(0)
	for (b.Max == 0 || m < b.Max) && fits(units, needs(m+1)) {
		m++
	}
	var chosen []*single
	for _, u := range byPick(units, b.Pick) {
		if more := append(slices.Clone(chosen), u); allServe(more, needs(m)) {
			chosen = more
		}
	}
	parts := assign(chosen, needs(m))
	var applications [][]*single
	for k := range m {
		var one []*single
		for j, n := range b.Parts {
			one = append(one, parts[j][k*n.Quantity:(k+1)*n.Quantity]...)
		}
		applications = append(applications, one)
	}
	e.bundles(e.rateOf(b.Value.Kind, b.Value.Value, p.Currency), applications)
	return timed(planOf(s, targets, e.inOrder(s, targets, units)), m)
}

// assign gives each unit, in order, to the first part that lets the rest be placed.
func assign(units []*single, places []int64) [][]*single {
	parts := make([][]*single, len(places))
	for i, u := range units {
		for k := range places {
			if u.serves>>k&1 == 0 || places[k] == 0 {
				continue
			}
			if places[k]--; allServe(units[i+1:], places) {
				parts[k] = append(parts[k], u)
				break
			}
			places[k]++
		}
	}
	return parts
}

// A class is units of a run at one price.
type class struct {
	target, run int
	price       int64
}

func classOf(u *single) class { return class{u.target, u.run, u.price} }

// taken is units of each class in the order of the cart.
type taken map[class][]*single

// pool is the units that applications take. Which of a class they are is for whoever
// asks first, because units of a class are alike.
func pool(units []*single) taken {
	out := make(taken)
	for _, u := range units {
		out[classOf(u)] = append(out[classOf(u)], u)
	}
	for _, units := range out {
		slices.SortFunc(units, func(a, b *single) int { return cmp.Compare(a.order, b.order) })
	}
	return out
}

// next is the first unit that is left of the class of another.
func (t taken) next(u *single) *single {
	c := classOf(u)
	first := t[c][0]
	t[c] = t[c][1:]
	return first
}

// bundles takes from units what each application is worth. Units of a class are
// alike: the first of it are those of the first application.
func (e *evaluation) bundles(r rate, applications [][]*single) {
	left := pool(slices.Concat(applications...))
	for _, units := range applications {
		classes, counts := classesOf(units)
		for i, share := range e.bundleShares(r, classes, units) {
			place := left[classes[i]]
			left[classes[i]] = place[counts[i]:]
			e.mark(place[:counts[i]], share)
		}
	}
}

// classesOf are the classes of units in the order of the cart, with how many of each.
func classesOf(units []*single) (classes []class, counts []int64) {
	units = slices.Clone(units)
	slices.SortFunc(units, func(a, b *single) int { return cmp.Compare(a.order, b.order) })
	for _, u := range units {
		if c := classOf(u); len(classes) == 0 || classes[len(classes)-1] != c {
			classes, counts = append(classes, c), append(counts, 0)
		}
		counts[len(counts)-1]++
	}
	return classes, counts
}

// bundleShares is the value of one application, split over the classes of its units.
func (e *evaluation) bundleShares(r rate, classes []class, units []*single) []int64 {
	price, room := int64(0), int64(0)
	weights, rooms := make([]int64, len(classes)), make([]int64, len(classes))
	for _, u := range units {
		price, room = price+u.price, room+u.room
		i := slices.Index(classes, classOf(u))
		weights[i], rooms[i] = weights[i]+u.price, rooms[i]+u.room
	}
	if price == 0 {
		return make([]int64, len(classes))
	}
	return e.share(min(e.off(r, price), room), weights, rooms)
}

// mark gives units a share, which says in what state they are.
func (e *evaluation) mark(units []*single, share int64) {
	n := int64(len(units))
	for k, u := range units {
		u.uses, u.take = true, unitPrice(share, n, int64(k))
		d := gcd(share, n)
		u.mark = fmt.Sprintf("used %d/%d at %d", share/d, n/d, u.price)
	}
}

func gcd(a, b int64) int64 {
	if b == 0 {
		return a
	}
	return gcd(b, a%b)
}
