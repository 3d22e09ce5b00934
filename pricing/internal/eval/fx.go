package eval

import (
	"cmp"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
)

// Rates are rates of exchange, indexed by pair and time: immutable, and safe for
// concurrent use. Nil knows none.
type Rates struct {
	list   []rate
	byPair map[pair][]int32 // indexes in list, by time
}

// A Rate says that one From is worth Value To, as of a time.
type Rate struct {
	From, To money.Currency
	Value    decimal.Decimal // above zero, with an exponent of -18 to 18
	AsOf     time.Time
}

type pair struct{ from, to money.Currency }

type rate struct {
	value number
	// known is the first whole second at which the rate is known, asOf the last
	// one that is not later than it: its age is counted from there.
	known, asOf int64
}

// NewRates indexes checked rates, of which no two are of one pair and time.
func NewRates(list []Rate) *Rates {
	r := &Rates{list: make([]rate, len(list)), byPair: make(map[pair][]int32)}
	for i, of := range list {
		second := of.AsOf.Unix()
		r.list[i] = rate{value: ofDecimal(of.Value), known: second, asOf: second}
		if of.AsOf.Nanosecond() > 0 {
			r.list[i].known++
		}
		p := pair{of.From, of.To}
		r.byPair[p] = append(r.byPair[p], int32(i))
	}
	for _, of := range r.byPair {
		slices.SortFunc(of, func(a, b int32) int { return list[a].AsOf.Compare(list[b].AsOf) })
	}
	return r
}

// A path is how one currency becomes another: no leg, one, or two. The zero path
// leaves an amount as it is.
type path struct {
	from, to money.Currency
	legs     [2]Leg
	stale    bool
}

// A Leg is one rate of a path. The zero Leg is none.
type Leg struct {
	Rate    int32 // index + 1
	Inverse bool
}

// find returns the path from one currency to another: direct, else inverse, else
// two such legs through the pivot.
func (m *Machine) find(from, to money.Currency) (path, bool) {
	p := path{from: from, to: to}
	if from == to {
		return path{}, true
	}
	var ok bool
	if p.legs[0], ok = m.leg(from, to, &p); ok {
		return p, true
	}
	pivot := m.set.Policy.Pivot
	if pivot.IsZero() || pivot == from || pivot == to {
		return path{}, false
	}
	if p.legs[0], ok = m.leg(from, pivot, &p); !ok {
		return path{}, false
	}
	p.legs[1], ok = m.leg(pivot, to, &p)
	return p, ok
}

func (m *Machine) leg(from, to money.Currency, p *path) (Leg, bool) {
	l := Leg{Rate: m.newest(from, to)}
	if l.Rate == 0 {
		l = Leg{Rate: m.newest(to, from), Inverse: true}
	}
	if l.Rate == 0 {
		return Leg{}, false
	}
	if maxAge := m.set.Policy.MaxAge; maxAge > 0 {
		end := m.Query.Rates.list[l.Rate-1].asOf + maxAge + 1 // at maxAge it still counts
		m.note(end)
		p.stale = p.stale || m.Query.At >= end
	}
	return l, true
}

// newest returns index + 1 of the newest rate of this very pair that is known at
// the query's second, and notes when there will be a newer one; 0: none.
func (m *Machine) newest(from, to money.Currency) int32 {
	rates := m.Query.Rates
	if rates == nil {
		return 0
	}
	of := rates.byPair[pair{from, to}]
	after := len(of)
	if m.Query.Timed {
		after, _ = slices.BinarySearchFunc(of, m.Query.At+1, func(i int32, second int64) int {
			return cmp.Compare(rates.list[i].known, second)
		})
	}
	if after < len(of) {
		m.note(rates.list[of[after]].known)
	}
	if after == 0 {
		return 0
	}
	return of[after-1] + 1
}

// conversion is find for a rule that needs the path now. A stale rate is a fault
// unless the policy lets it count.
func (m *Machine) conversion(from, to money.Currency, rule *Rule) (path, error) {
	p, ok := m.find(from, to)
	switch {
	case !ok:
		return path{}, &FaultError{Why: FaultRate, Rule: rule, From: from, To: to}
	case p.stale && m.set.Policy.Stale != StaleUse:
		return path{}, &FaultError{Why: FaultStale, Rule: rule, From: from, To: to}
	}
	return p, nil
}

func (m *Machine) convert(x number, p path) number {
	for _, l := range p.legs {
		switch {
		case l.Rate == 0:
		case l.Inverse:
			x = m.quo(x, m.Query.Rates.list[l.Rate-1].value)
		default:
			x = m.mul(x, m.Query.Rates.list[l.Rate-1].value)
		}
	}
	return x
}

// cost is the query's cost of one unit in a currency, without spread.
func (m *Machine) cost(in money.Currency, rule *Rule) (number, error) {
	c := m.Query.Cost.Currency()
	switch {
	case c.IsZero():
		return number{}, &FaultError{Why: FaultCost, Rule: rule}
	case c != in && !m.set.Policy.Convert:
		return number{}, &FaultError{Why: FaultCostCurrency, Rule: rule, From: c, To: in}
	}
	p, err := m.conversion(c, in, rule)
	if err != nil {
		return number{}, err
	}
	m.Result.FX.Stale = m.Result.FX.Stale || p.stale
	return m.convert(ofAmount(m.Query.Cost), p), nil
}
