package eval

import "github.com/tenon-go/tenon/money"

// Price answers m.Query into m.Result. On an error, which is a *[FaultError], the
// result means nothing.
func (m *Machine) Price() error {
	m.begin()
	for _, r := range [...]money.Rounding{m.set.Policy.Rounding, m.set.Policy.LineRounding} {
		if err := r.Validate(m.Query.Currency); err != nil {
			return amountFault(err)
		}
	}
	if err := m.priceStage(); err != nil {
		return err
	}
	for stage := StageTier; stage <= StageSurcharge; stage++ {
		if err := m.adjustStage(stage); err != nil {
			return err
		}
	}
	if err := m.guardStage(); err != nil {
		return err
	}
	if err := m.roundStage(); err != nil {
		return err
	}
	return m.finish()
}

// priceStage finds the list price.
func (m *Machine) priceStage() error {
	m.gather(StagePrice)
	m.top(StagePrice)
	if m.set.Policy.Stale == StaleNative && m.staleOnTop() {
		m.native = true
		m.top(StagePrice)
	}
	if len(m.candidates) == 0 {
		return &FaultError{Why: FaultPrice}
	}
	for i := range m.candidates {
		if err := m.price(&m.candidates[i]); err != nil {
			return err
		}
	}
	chosen, err := m.settle(StagePrice)
	if err != nil {
		return err
	}
	m.perLine = chosen.perLine
	m.Result.FX = FX{From: chosen.via.from, To: chosen.via.to, Legs: chosen.via.legs, Stale: m.Result.FX.Stale || chosen.via.stale}
	m.advance(chosen)
	m.list = m.value
	return nil
}

// staleOnTop reports whether a candidate needs a rate that is too old.
func (m *Machine) staleOnTop() bool {
	for i := range m.candidates {
		r := m.candidates[i].rule
		if r.Currency.IsZero() {
			continue
		}
		if p, ok := m.find(r.Currency, m.Query.Currency); ok && p.stale {
			return true
		}
	}
	return false
}

// adjustStage applies the rules of tier, volume, sale or surcharge.
func (m *Machine) adjustStage(stage Stage) error {
	m.gather(stage)
	if len(m.parts) == 0 {
		return nil
	}
	switch m.set.Policy.Combine[stage] {
	case CombineBest:
		return m.adjustBest(stage)
	case CombineChain:
		return m.adjustChain(stage)
	default:
		return m.adjustFirst(stage)
	}
}

func (m *Machine) adjustFirst(stage Stage) error {
	m.top(stage)
	if len(m.candidates) == 0 {
		return nil
	}
	for i := range m.candidates {
		if err := m.try(&m.candidates[i]); err != nil {
			return err
		}
	}
	chosen, err := m.settle(stage)
	if err != nil {
		return err
	}
	m.advance(chosen)
	return nil
}

func (m *Machine) adjustBest(stage Stage) error {
	m.all(stage)
	if len(m.candidates) == 0 {
		return nil
	}
	best := &m.candidates[0]
	for i := range m.candidates {
		c := &m.candidates[i]
		if err := m.try(c); err != nil {
			return err
		}
		if m.cmp(c.value, best.value) < 0 {
			best = c
		}
	}
	m.advance(best)
	return nil
}

func (m *Machine) adjustChain(stage Stage) error {
	m.all(stage)
	if len(m.candidates) > 0 && m.candidates[0].rule.Exclusive {
		m.candidates = m.candidates[:1]
	}
	for i := range m.candidates {
		c := &m.candidates[i]
		if err := m.try(c); err != nil {
			return err
		}
		m.advance(c)
	}
	return nil
}

// settle picks one of the candidates, which are of equal rank and ordered by id:
// the first where all results are equal, else what the policy says of ties.
func (m *Machine) settle(stage Stage) (*candidate, error) {
	lowest := &m.candidates[0]
	if len(m.candidates) == 1 {
		return lowest, nil
	}
	asLine, conflict := false, false
	for i := range m.candidates {
		asLine = asLine || m.candidates[i].perLine
	}
	for i := range m.candidates[1:] {
		c := &m.candidates[1+i]
		order := m.cmp(m.comparable(c, asLine), m.comparable(lowest, asLine))
		if conflict = conflict || order != 0; order < 0 {
			lowest = c
		}
	}
	if !conflict || m.set.Policy.Ties == TiesLowest {
		return lowest, nil
	}
	f := &FaultError{Why: FaultAmbiguous, Stage: stage}
	for i := range m.candidates {
		f.Rules = append(f.Rules, &m.candidates[i].rule.Rule)
	}
	return nil, f
}

// comparable is a candidate's result as a line where one of those compared is.
func (m *Machine) comparable(c *candidate, asLine bool) number {
	if asLine && !c.perLine {
		return m.mul(c.value, m.qty)
	}
	return c.value
}

// advance makes a candidate of price to surcharge the one that applied.
func (m *Machine) advance(c *candidate) {
	if m.set.Policy.RoundAt == RoundAtEach {
		c.value = m.roundRunning(c.value)
	}
	m.apply(c.rule, c.value)
}

// apply makes v the running value and notes the step.
func (m *Machine) apply(rule *entry, v number) {
	m.value = v
	m.steps = append(m.steps, step{rule, v})
	m.picks = append(m.picks, pick{rule: rule})
}
