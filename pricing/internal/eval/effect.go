package eval

import "github.com/tenon-go/tenon/money"

// price is what a candidate of the price stage makes of nothing: its value, and
// whether that is of the line.
func (m *Machine) price(c *candidate) error {
	r := c.rule
	var err error
	switch r.Effect.Op {
	case OpSet:
		c.value = of(r.Effect.Number)
	case OpCharge:
		c.value, c.perLine = m.charge(r.Effect.Charge)
	case OpFormula:
		c.value, err = m.formula(&c.rule.Rule, number{}, number{})
	case OpMarkup:
		if c.value, err = m.cost(m.Query.Currency, &c.rule.Rule); err == nil {
			c.value = m.percent(c.value, of(r.Effect.Number))
		}
	case OpMargin:
		if c.value, err = m.cost(m.Query.Currency, &c.rule.Rule); err == nil {
			num, den := m.margin(c.value, r.Effect.Number)
			c.value = m.quo(num, den)
		}
	default:
	}
	if err != nil || r.Currency.IsZero() || r.Currency == m.Query.Currency {
		return err
	}
	if c.via, err = m.conversion(r.Currency, m.Query.Currency, &c.rule.Rule); err != nil {
		return err
	}
	c.value = m.convert(c.value, c.via)
	if spread := m.set.Policy.Spread; spread.Coef != 0 {
		c.value = m.percent(c.value, of(spread))
	}
	return nil
}

// margin is the price of which percent are not cost, as a fraction:
// cost / (1 - percent/100). Comparing it needs no division.
func (m *Machine) margin(cost number, percent Dec) (num, den number) {
	return m.mul(cost, whole(100)), m.sub(whole(100), of(percent))
}

// charge prices the query's quantity. Only a volume step without a flat part is
// per unit.
func (m *Machine) charge(c *Charge) (value number, perLine bool) {
	q := m.Query.Qty
	switch c.Mode {
	case ChargeVolume:
		i := 0
		for q > c.Steps[i].UpTo {
			i++
		}
		s := c.Steps[i]
		if s.Flat.Coef == 0 {
			return of(s.Unit), false
		}
		return m.add(m.mul(of(s.Unit), m.qty), of(s.Flat)), true
	case ChargeGraduated:
		low := int64(0)
		for i, s := range c.Steps {
			if i > 0 && q <= low {
				break
			}
			share := quantity(min(q, s.UpTo) - low)
			value = m.add(value, m.add(m.mul(of(s.Unit), share), of(s.Flat)))
			low = s.UpTo
		}
		return value, true
	default:
		packages := int64(0)
		if over := q - c.Free; over > 0 {
			packages = (over-1)/c.Size + 1
		}
		return m.mul(of(c.Unit), whole(packages)), true
	}
}

// try sets what an adjustment makes of the running value. Below zero is zero.
func (m *Machine) try(c *candidate) error {
	r := c.rule
	c.perLine = m.perLine
	switch r.Effect.Op {
	case OpSet:
		c.value = m.scaled(of(r.Effect.Number))
	case OpAmountOff:
		c.value = m.sub(m.value, m.scaled(of(r.Effect.Number)))
	case OpAmountUp:
		c.value = m.add(m.value, m.scaled(of(r.Effect.Number)))
	case OpPercentOff:
		c.value = m.percent(m.value, m.neg(of(r.Effect.Number)))
	case OpPercentUp:
		c.value = m.percent(m.value, of(r.Effect.Number))
	case OpFormula:
		if err := m.tryFormula(c); err != nil {
			return err
		}
	default:
	}
	if m.set.Policy.RoundAt == RoundAtDiscount && r.Kind != Surcharge {
		if off := m.sub(m.value, c.value); off.sign() > 0 {
			c.value = m.sub(m.value, m.roundRunning(off))
		}
	}
	c.value = notNegative(c.value)
	return nil
}

// tryFormula works on the price of one unit; a line of none has no such price.
func (m *Machine) tryFormula(c *candidate) error {
	list, current := m.list, m.value
	if m.perLine {
		if m.qty.sign() == 0 {
			c.value = m.value
			return nil
		}
		list, current = m.quo(list, m.qty), m.quo(current, m.qty)
	}
	unit, err := m.formula(&c.rule.Rule, list, current)
	if err == nil {
		c.value = m.scaled(unit)
	}
	return err
}

// formula is the result of a rule's formula in the rule's currency. In the price
// stage there is no list or current value yet, and no formula asks for one.
func (m *Machine) formula(r *Rule, list, current number) (number, error) {
	f := r.Effect.Formula
	base, err := m.formulaBase(r, list, current)
	if err != nil {
		return number{}, err
	}
	v := base
	if f.HasPercent {
		v = m.percent(v, of(f.Percent))
	}
	if f.Round.Coef != 0 {
		v = m.multiple(v, of(f.Round), money.HalfUp)
	}
	v = m.add(v, of(f.Surcharge))
	if f.HasMin {
		if least := m.add(base, of(f.MinMargin)); m.cmp(v, least) < 0 {
			v = least
		}
	}
	if f.HasMax {
		if most := m.add(base, of(f.MaxMargin)); m.cmp(v, most) > 0 {
			v = most
		}
	}
	return notNegative(v), nil
}

func (m *Machine) formulaBase(r *Rule, list, current number) (number, error) {
	switch f := r.Effect.Formula; f.Base {
	case OfList:
		return list, nil
	case OfCurrent:
		return current, nil
	case OfCost:
		return m.cost(r.Currency, r)
	default:
		base := m.set.Rule(f.Rule)
		if base.Effect.Op == OpFormula {
			return m.formula(base, list, current)
		}
		return of(base.Effect.Number), nil
	}
}

// scaled is an amount per unit as the running value counts it.
func (m *Machine) scaled(unit number) number {
	if m.perLine {
		return m.mul(unit, m.qty)
	}
	return unit
}

// roundRunning rounds a running value or a part of one by the policy.
func (m *Machine) roundRunning(x number) number {
	rounding := m.rounding()
	return m.multiple(x, unitOf(rounding, m.Query.Currency), rounding.Mode)
}

// rounding is the policy's for running values.
func (m *Machine) rounding() money.Rounding {
	if m.perLine {
		return m.set.Policy.LineRounding
	}
	return m.set.Policy.Rounding
}

func notNegative(x number) number {
	if x.sign() < 0 {
		return number{}
	}
	return x
}
