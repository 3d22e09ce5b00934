package eval

import (
	"slices"

	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/promotions/internal/consume"
)

// gift plans the units of a gift's lines that the promotion frees.
func (s *State) gift(c *Candidate, gift *Gift, targets []int32, out *plan) {
	left := s.m.entitled(c.P, gift)
	for _, t := range targets {
		for at := s.targets[t].runs; at >= 0 && left > 0; at = s.runs[at].next {
			r := &s.runs[at]
			n := min(left, r.units())
			left -= n
			if take := roomOf(r.upTo(n), s.m.in.Targets[t].Floor, n); take > 0 {
				out.addPiece(t, piece{run: at, from: r.from, to: r.from + n, take: take})
			}
		}
	}
}

// entitled is how many units a gift promotion grants; saturating, since a cart cannot hold
// more anyway.
func (m *Machine) entitled(p *Promotion, gift *Gift) int64 {
	if gift.ForEach == 0 {
		return gift.Quantity
	}
	var units int64
	for i := range m.in.Lines {
		if t := &m.in.Targets[i]; t.Gift == "" && p.Where.Eval(m.values[i]) == predicate.True {
			units += t.Quantity
		}
	}
	times := units / gift.ForEach
	if times > 0 && gift.Quantity > Unlimited/times {
		return Unlimited
	}
	return gift.Quantity * times
}

// A unitClass says where the units of a consume.Class are.
type unitClass struct {
	target, run int32
	from        int64 // those before it are used
	room        int64 // of one unit
}

// classify lists the units that no application has used, by run and price, with the needs
// that they fit.
func (s *State) classify(needs []Need, targets []int32) {
	s.m.classes, s.m.unitsOf = s.m.classes[:0], s.m.unitsOf[:0]
	for _, t := range targets {
		s.classifyTarget(t, s.m.fits(needs, t))
	}
}

// fits are the needs that the units of a line fit, as bits.
func (m *Machine) fits(needs []Need, line int32) (fits uint8) {
	for i := range needs {
		if needs[i].Where.Eval(m.values[line]) == predicate.True {
			fits |= 1 << i
		}
	}
	return fits
}

func (s *State) classifyTarget(line int32, fits uint8) {
	for at := s.targets[line].runs; at >= 0 && fits != 0; at = s.runs[at].next {
		if r := &s.runs[at]; !r.used {
			price, dear := r.total/r.units(), r.total%r.units()
			s.m.addClass(unitClass{target: line, run: at, from: r.from}, price+1, dear, fits)
			s.m.addClass(unitClass{target: line, run: at, from: r.from + dear}, price, r.units()-dear, fits)
		}
	}
}

func (m *Machine) addClass(u unitClass, price, count int64, fits uint8) {
	if count > 0 {
		u.room = max(price-m.in.Targets[u.target].Floor, 0)
		m.classes = append(m.classes, consume.Class{Price: price, Count: count, Fits: fits})
		m.unitsOf = append(m.unitsOf, u)
	}
}

// buyGet plans the applications of a buy-x-get-y.
func (s *State) buyGet(e *BuyGet, targets []int32, out *plan) {
	needs := [...]Need{e.Buy, e.Get}
	s.classify(needs[:], targets)
	times, got, bought := s.m.consume.BuyGet(s.m.classes, consume.BuyGet{
		Buy: e.Buy.Quantity, Get: e.Get.Quantity, Max: e.Max,
		Pick: consume.Pick(e.Pick), PerGroup: e.PerGroup, NotDearer: e.NotDearer,
	})
	s.m.taken = s.m.taken[:0]
	for i := range got {
		s.m.get(&e.Value, i, got[i])
		s.m.buy(i, bought[i])
	}
	s.m.use(times, out)
}

// bundle plans the applications of a bundle.
func (s *State) bundle(e *Bundle, targets []int32, out *plan) {
	s.classify(e.Parts, targets)
	m := s.m
	m.needs = m.needs[:0]
	for i := range e.Parts {
		m.needs = append(m.needs, e.Parts[i].Quantity)
	}
	times, apps := m.consume.Bundle(m.classes, consume.Bundle{Needs: m.needs, Max: e.Max, Pick: consume.Pick(e.Pick)})
	m.taken = m.taken[:0]
	for i := range apps {
		m.application(&e.Value, &apps[i])
	}
	m.use(times, out)
}

// A classTake is what equal applications take from the next units of a class.
type classTake struct {
	class         int
	units, amount int64
}

// get adds units of a class that are got.
func (m *Machine) get(v *Value, class int, n int64) {
	if n > 0 {
		amount := min(m.off(v, m.classes[class].Price), m.unitsOf[class].room) * n
		m.taken = append(m.taken, classTake{class, n, amount})
	}
}

// buy adds units of a class that are only used.
func (m *Machine) buy(class int, n int64) {
	if n > 0 {
		m.taken = append(m.taken, classTake{class: class, units: n})
	}
}

// use makes what was added a plan, class by class. Units that give the same are in one
// state, whichever application has them.
func (m *Machine) use(times int64, out *plan) {
	out.times = times
	slices.SortStableFunc(m.taken, func(a, b classTake) int { return a.class - b.class })
	for i := 0; i < len(m.taken); {
		t := m.taken[i]
		for i++; i < len(m.taken) && m.taken[i].alike(t); i++ {
			t.units, t.amount = t.units+m.taken[i].units, t.amount+m.taken[i].amount
		}
		out.use(&m.unitsOf[t.class], t.units, t.amount)
	}
}

// alike reports whether units of one class each give the same.
func (t classTake) alike(o classTake) bool {
	return t.class == o.class && even(t.amount, t.units, o.amount, o.units)
}

// use takes an amount from the next units of a class, which are then used. They join those
// before them that give the same: all are then in one state.
func (p *plan) use(u *unitClass, units, take int64) {
	c := piece{run: u.run, from: u.from, to: u.from + units, take: take, used: true}
	u.from += units
	if n := len(p.pieces) - 1; n >= 0 && p.pieces[n].used && even(p.pieces[n].take, p.pieces[n].to-p.pieces[n].from, take, units) {
		p.extend(u.target, c)
		return
	}
	p.addPiece(u.target, c)
}

// even reports whether each of n units gives the same whole amount as each of m others.
func even(a, n, b, m int64) bool { return a%n == 0 && b%m == 0 && a/n == b/m }

// application adds what equal applications take: the value of one, split over its classes by
// what their units cost.
func (m *Machine) application(v *Value, app *consume.Application) {
	x := &m.split
	x.reset()
	var price, room int64
	for _, take := range app.Takes {
		x.line(m.classes[take.Class].Price*take.Units, m.unitsOf[take.Class].room*take.Units)
	}
	for i := range x.weights {
		price, room = price+x.weights[i], room+x.caps[i]
	}
	m.share(min(m.off(v, price), room))
	for i, take := range app.Takes {
		m.taken = append(m.taken, classTake{int(take.Class), take.Units * app.Times, x.shares[i] * app.Times})
	}
}

// gives is what a bundle of units gives, less what floors refuse and the policy drops.
func (m *Machine) gives(v *Value, units []consume.Priced) int64 {
	x := &m.split
	x.reset()
	var price, room int64
	for _, u := range units {
		x.line(u.Price*u.Units, u.Room*u.Units)
		price, room = price+u.Price*u.Units, room+u.Room*u.Units
	}
	m.share(min(m.off(v, price), room))
	var sum int64
	for _, share := range x.shares {
		sum += share
	}
	return sum
}

// join plans the parts of one offer.
func (m *Machine) join(e Effect, parts []consume.Part, out *plan) {
	m.taken = m.taken[:0]
	var times int64
	for i := range parts {
		p := &parts[i]
		switch e := e.(type) {
		case *BuyGet: // one part has the units of all its applications
			var got int64
			for _, take := range p.Got {
				m.get(&e.Value, int(take.Class), take.Units*p.Times)
				got += take.Units * p.Times
			}
			times += got / e.Get.Quantity
			for _, take := range p.Takes {
				m.buy(int(take.Class), take.Units*p.Times)
			}
		case *Bundle:
			m.application(&e.Value, &consume.Application{Times: p.Times, Takes: p.Takes})
			times += p.Times
		}
	}
	m.use(times, out)
}

// needsOf are the needs of a consuming effect.
func needsOf(e Effect) []Need {
	switch e := e.(type) {
	case *BuyGet:
		return []Need{e.Buy, e.Get}
	case *Bundle:
		return e.Parts
	default:
		return nil
	}
}
