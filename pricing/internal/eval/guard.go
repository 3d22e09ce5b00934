package eval

import "github.com/tenon-go/tenon/money"

// A bound is what a guard asks of one unit, as a fraction, so that a margin is
// compared without dividing. The zero bound is none.
type bound struct {
	num, den number
	rule     *entry
	set      bool
}

// guardStage lets the lowest ceiling act, and then the highest floor.
func (m *Machine) guardStage() error {
	if err := m.strongest(); err != nil {
		return err
	}
	if m.ceiling.set {
		m.clamp(&m.ceiling, +1)
	}
	if m.floor.set {
		m.clamp(&m.floor, -1)
	}
	if m.advertised.set {
		m.picks = append(m.picks, pick{rule: m.advertised.rule})
	}
	if m.floor.set && m.ceiling.set && m.cmpBounds(&m.floor, &m.ceiling) > 0 {
		m.ceiling = m.floor // from here on, it yields to the floor
	}
	return nil
}

// clamp makes a bound the value where the value is on its wrong side.
func (m *Machine) clamp(b *bound, wrong int) {
	if m.cmpRunning(m.value, b) != wrong {
		m.picks = append(m.picks, pick{rule: b.rule, idle: true})
		return
	}
	m.apply(b.rule, m.running(b))
}

// strongest finds the lowest ceiling, the highest floor and the highest
// advertised price; among equals the smallest id. A guard that cannot be
// computed fails closed, and the smallest id tells why.
func (m *Machine) strongest() error {
	m.gather(StageGuard)
	var fault error
	failed := uint32(0) // number of the rule
	for _, p := range m.parts {
		entries := m.entriesOf(p)
		for i := range entries {
			e := &entries[i]
			if _, ok := m.class(e.Currency, StageGuard); !ok || !m.holds(e) {
				continue
			}
			b, err := m.bound(e)
			switch {
			case err == nil:
				m.strengthen(&b)
			case fault == nil || e.number < failed:
				fault, failed = err, e.number
			}
		}
	}
	return fault
}

func (m *Machine) strengthen(b *bound) {
	of, stronger := &m.floor, +1
	switch b.rule.Kind {
	case Ceiling:
		of, stronger = &m.ceiling, -1
	case MAP:
		of = &m.advertised
	default:
	}
	if of.set {
		if c := m.cmpBounds(b, of); c != stronger && (c != 0 || b.rule.number > of.rule.number) {
			return
		}
	}
	*of = *b
}

// bound is a guard's in the query's currency, without spread.
func (m *Machine) bound(r *entry) (bound, error) {
	b := bound{den: whole(1), rule: r, set: true}
	if r.Kind == MinMargin {
		cost, err := m.cost(m.Query.Currency, &r.Rule)
		if err != nil {
			return bound{}, err
		}
		b.num, b.den = m.margin(cost, r.Effect.Number)
		return b, nil
	}
	b.num = of(r.Effect.Number)
	if r.Currency == m.Query.Currency {
		return b, nil
	}
	p, err := m.conversion(r.Currency, m.Query.Currency, &r.Rule)
	if err != nil {
		return bound{}, err
	}
	m.Result.FX.Stale = m.Result.FX.Stale || p.stale
	b.num = m.convert(b.num, p)
	return b, nil
}

func (m *Machine) cmpBounds(a, b *bound) int {
	return m.cmp(m.mul(a.num, b.den), m.mul(b.num, a.den))
}

// cmpRunning compares a running value with a bound.
func (m *Machine) cmpRunning(x number, b *bound) int {
	return m.cmp(m.mul(x, b.den), m.scaled(b.num))
}

// running is a bound as the running value counts it.
func (m *Machine) running(b *bound) number {
	return m.quo(m.scaled(b.num), b.den)
}

// guarded rounds the finished value without breaking a guard. The floor comes
// last: where there is no amount between the two, the ceiling yields.
func (m *Machine) guarded() (money.Amount, error) {
	rounding := m.rounding()
	unit := unitOf(rounding, m.Query.Currency)
	v := m.multiple(m.value, unit, rounding.Mode)
	if m.tooHigh(v) {
		v = m.multiple(m.value, unit, money.Floor)
	}
	if m.tooLow(v) {
		v = m.multiple(m.value, unit, money.Ceil)
	}
	return m.amount(v, m.Query.Currency)
}

// roundStage puts the value on the grid of the best round rule.
func (m *Machine) roundStage() error {
	m.gather(StageRound)
	if len(m.parts) == 0 {
		return nil
	}
	m.top(StageRound)
	if len(m.candidates) == 0 {
		return nil
	}
	for i := range m.candidates {
		c := &m.candidates[i]
		c.value, c.perLine = m.onGrid(c.rule.Effect.Grid), m.perLine
	}
	chosen, err := m.settle(StageRound)
	if err != nil {
		return err
	}
	if m.cmp(chosen.value, m.value) == 0 {
		m.picks = append(m.picks, pick{rule: chosen.rule, idle: true})
		return nil
	}
	m.apply(chosen.rule, chosen.value)
	return nil
}

// onGrid is the grid point for the running value: where that breaks a guard or
// falls below zero, the nearest on the legal side, and where there is none, the
// value as it is. Zero stays zero.
func (m *Machine) onGrid(g *Grid) number {
	if m.value.sign() == 0 {
		return m.value
	}
	increment, offset := of(g.Increment), of(g.Offset)
	v := m.add(m.multiple(m.value, increment, g.Mode), offset)
	switch {
	case m.tooLow(v):
		low := number{}
		if m.floor.set {
			low = m.running(&m.floor)
		}
		v = m.add(m.multiple(m.sub(low, offset), increment, money.Ceil), offset)
	case m.tooHigh(v):
		v = m.add(m.multiple(m.sub(m.running(&m.ceiling), offset), increment, money.Floor), offset)
	}
	if m.tooLow(v) || m.tooHigh(v) {
		return m.value
	}
	return v
}

func (m *Machine) tooLow(x number) bool {
	return x.sign() < 0 || m.floor.set && m.cmpRunning(x, &m.floor) < 0
}

func (m *Machine) tooHigh(x number) bool {
	return m.ceiling.set && m.cmpRunning(x, &m.ceiling) > 0
}
