package eval

import (
	"math"
	"math/big"

	"github.com/tenon-go/tenon/money"
)

// A Result is the answer to a query; the fields are those of a quote.
type Result struct {
	Unit, Line, List, Advertised, Floor money.Amount
	Net, Tax, Gross                     money.Amount
	PerLine                             bool
	Steps                               []Step
	FX                                  FX
	NextChange                          int64 // Unix second; 0: none known
	Exact                               bool
}

// A Step is one rule's part, for show. Rule is nil for the rounding at the end.
type Step struct {
	Rule                 *Rule
	Before, After, Delta money.Amount
}

// FX is the conversion of the price; From and To are zero where there was none.
type FX struct {
	From, To money.Currency
	Legs     [2]Leg
	Stale    bool
}

// A step is the exact running value after a rule.
type step struct {
	rule  *entry
	value number
}

// stepDigits is how many digits beyond the minor unit a step shows.
const stepDigits = 4

// finish rounds the finished value, once, and shows how it came about.
func (m *Machine) finish() error {
	r, p := &m.Result, &m.set.Policy
	var err error
	if m.perLine {
		err = m.finishLine()
	} else {
		err = m.finishUnit()
	}
	if err != nil {
		return amountFault(err)
	}
	if err := m.showGuards(); err != nil {
		return amountFault(err)
	}
	if rate := m.Query.TaxRate; rate.Valid {
		switch p.Tax {
		case TaxInclusive:
			r.Gross = r.Line
			r.Net, r.Tax, err = money.ExtractTax(r.Gross, rate.Decimal, p.LineRounding)
		default:
			r.Net = r.Line
			r.Gross, r.Tax, err = money.AddTax(r.Net, rate.Decimal, p.LineRounding)
		}
		if err != nil {
			return amountFault(err)
		}
	}
	total := r.Unit
	if m.perLine {
		total = r.Line
	}
	if err := m.showSteps(total); err != nil {
		return amountFault(err)
	}
	r.NextChange, r.Exact, r.PerLine = m.next, m.exact, m.perLine
	return nil
}

func (m *Machine) finishUnit() (err error) {
	r, p := &m.Result, &m.set.Policy
	if r.Unit, err = m.guarded(); err != nil {
		return err
	}
	if r.List, err = m.round(m.list, m.Query.Currency, p.Rounding); err != nil {
		return err
	}
	r.Line, err = m.times(r.Unit, m.qty, p.LineRounding)
	return err
}

// finishLine shows a unit's part of the line; of a line of none there is none.
func (m *Machine) finishLine() (err error) {
	r, p := &m.Result, &m.set.Policy
	if r.Line, err = m.guarded(); err != nil {
		return err
	}
	r.Unit, r.List = money.New(0, m.Query.Currency), money.New(0, m.Query.Currency)
	if m.qty.sign() == 0 {
		return nil
	}
	if r.Unit, err = m.roundQuo(ofAmount(r.Line), m.qty, m.Query.Currency, p.Rounding); err != nil {
		return err
	}
	r.List, err = m.roundQuo(m.list, m.qty, m.Query.Currency, p.Rounding)
	return err
}

// showGuards sets what is advertised and the floor. Both are lower bounds: where
// no amount is their value, the next one above is.
func (m *Machine) showGuards() (err error) {
	r := &m.Result
	r.Advertised = r.Unit
	if b := &m.advertised; b.set && m.cmp(ofAmount(r.Unit), b.num) < 0 {
		up := m.set.Policy.Rounding
		up.Mode = money.Ceil
		if r.Advertised, err = m.round(b.num, m.Query.Currency, up); err != nil {
			return err
		}
	}
	if b := &m.floor; b.set {
		// Never coarser than the unit, or the floor shown might lie above a legal unit.
		extra := m.extraDigits(max(stepDigits, int(m.set.Policy.Rounding.Extra)))
		for {
			r.Floor, err = m.roundQuo(b.num, b.den, m.Query.Currency, money.Rounding{Mode: money.Ceil, Extra: extra})
			if err == nil || extra == 0 {
				break
			}
			extra--
		}
	}
	return err
}

// extraDigits bounds digits beyond the minor unit to what an amount can have.
func (m *Machine) extraDigits(extra int) uint8 {
	return uint8(min(extra, maxScale-m.Query.Currency.Digits())) //nolint:gosec // 0 to 18
}

// showSteps rounds the values of the steps for show, all to the same digits, so
// that the difference of two is an amount where they are. What is left to the
// total is a last step without a rule.
func (m *Machine) showSteps(total money.Amount) error {
	extra := m.extraDigits(stepDigits)
	for i := range m.steps {
		for extra > 0 && !m.shows(m.steps[i].value, extra) {
			extra--
		}
	}
	before := money.New(0, m.Query.Currency)
	for i := range m.steps {
		after, err := m.show(m.steps[i].value, extra)
		if err != nil {
			return err
		}
		if err := m.addStep(&m.steps[i].rule.Rule, before, after); err != nil {
			return err
		}
		before = after
	}
	if before == total {
		return nil
	}
	return m.addStep(nil, before, total)
}

func (m *Machine) addStep(rule *Rule, before, after money.Amount) error {
	delta, err := after.Sub(before)
	m.Result.Steps = append(m.Result.Steps, Step{Rule: rule, Before: before, After: after, Delta: delta})
	return err
}

// shows reports whether a coefficient holds x with these digits, trailing zeros
// included.
func (m *Machine) shows(x number, extra uint8) bool {
	scale := uint8(m.Query.Currency.Digits()) + extra //nolint:gosec // at most 18
	if x.rat == nil {
		if x.scale >= scale {
			return true
		}
		_, ok := x.at(scale)
		return ok
	}
	// Half even, x rounds to more than the odd math.MaxInt64 from half a digit above it on.
	twice := new(big.Rat).SetInt(new(big.Int).SetUint64(2 * pow10[scale]))
	end := new(big.Rat).SetInt(new(big.Int).SetUint64(math.MaxUint64))
	return twice.Mul(twice, x.rat).Cmp(end) < 0
}

func (m *Machine) show(x number, extra uint8) (money.Amount, error) {
	c := m.Query.Currency
	if !m.slow && x.rat == nil && int(x.scale) <= c.Digits()+int(extra) {
		if a, err := money.FromUnscaled(x.coef, int(x.scale), c); err == nil {
			return a, nil
		}
	}
	return m.round(x, c, money.Rounding{Extra: extra})
}

// times is a x q, rounded once.
func (a *arith) times(x money.Amount, q number, r money.Rounding) (money.Amount, error) {
	if a.slow {
		return a.round(a.mul(ofAmount(x), q), x.Currency(), r)
	}
	return x.MulDiv(q.coef, int64(pow10[q.scale]), r) //nolint:gosec // a quantity has at most 6 decimals
}
