package legal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// What a rule's percentages are at most.
const (
	MaxPercent = 1_000
	MaxMarkup  = 10_000
	full       = 100
)

// A Fault is one thing that a rule may not be. Key is the place in the rule's
// JSON form; a currency's fault has the code "currency".
type Fault struct{ Code, Key, Text string }

// Rule returns what is wrong with a rule, in the order of its JSON form.
func Rule(r *eval.Rule) []Fault {
	j := judge{rule: r}
	j.window()
	j.quantities()
	stage := r.Kind.Stage()
	if stage == 0 {
		j.fault("kind", "kind", "missing or unknown")
		return j.faults
	}
	if r.Exclusive && (stage < eval.StageTier || stage > eval.StageSurcharge) {
		j.fault("exclusive", "exclusive", "for tier, volume, sale and surcharge, not %s", r.Kind)
	}
	j.currency()
	j.effect()
	return j.faults
}

type judge struct {
	rule   *eval.Rule
	faults []Fault
}

func (j *judge) fault(code, key, format string, args ...any) {
	j.faults = append(j.faults, Fault{Code: code, Key: key, Text: fmt.Sprintf(format, args...)})
}

func (j *judge) window() {
	if j.rule.From >= j.rule.Until {
		j.fault("window", "until", "not after from: the window is empty")
	}
}

func (j *judge) quantities() {
	r := j.rule
	if r.MinQty > r.MaxQty {
		j.fault("quantity", "max_qty", "%s is below min_qty %s: the range is empty", millionths(r.MaxQty), millionths(r.MinQty))
	}
	if r.Kind == eval.Volume && r.MinQty == 0 {
		j.fault("quantity", "min_qty", "a volume rule needs one above zero")
	}
}

// currency checks that one is there exactly where the effect names amounts.
func (j *judge) currency() {
	op, there := j.rule.Effect.Op, !j.rule.Currency.IsZero()
	switch {
	case op == 0:
	case there && !NamesAmounts(op):
		j.fault("currency", "currency", "%s has none", op)
	case !there && NamesAmounts(op):
		j.fault("currency", "currency", "%s needs one", op)
	}
}

// NamesAmounts reports whether an effect has amounts, and so a currency.
func NamesAmounts(op eval.Op) bool {
	switch op {
	case eval.OpPercentOff, eval.OpPercentUp, eval.OpMarkup, eval.OpMargin:
		return false
	default:
		return true
	}
}

// effectsOf are the effects that a kind takes.
func effectsOf(k eval.Kind) []eval.Op {
	switch k {
	case eval.Contract, eval.List, eval.Base:
		return []eval.Op{eval.OpSet, eval.OpCharge, eval.OpFormula}
	case eval.CostPlus:
		return []eval.Op{eval.OpMarkup, eval.OpMargin, eval.OpFormula}
	case eval.Tier, eval.Volume, eval.Sale:
		return []eval.Op{eval.OpPercentOff, eval.OpAmountOff, eval.OpSet, eval.OpFormula}
	case eval.Surcharge:
		return []eval.Op{eval.OpPercentUp, eval.OpAmountUp}
	case eval.Ceiling, eval.Floor, eval.MAP:
		return []eval.Op{eval.OpSet}
	case eval.MinMargin:
		return []eval.Op{eval.OpMargin}
	case eval.Round:
		return []eval.Op{eval.OpGrid}
	default:
		return nil
	}
}

func (j *judge) effect() {
	e := &j.rule.Effect
	key, takes := e.Op.String(), effectsOf(j.rule.Kind)
	if !slices.Contains(takes, e.Op) {
		var names []string
		for _, op := range takes {
			names = append(names, op.String())
		}
		if e.Op == 0 {
			key = "effect"
		}
		j.fault("effect", key, "%s takes one of %s", j.rule.Kind, strings.Join(names, ", "))
		return
	}
	switch e.Op {
	case eval.OpSet, eval.OpAmountOff, eval.OpAmountUp:
		j.notNegative(key, e.Number)
	case eval.OpPercentOff:
		j.percent(key, e.Number, full)
	case eval.OpPercentUp:
		j.percent(key, e.Number, MaxPercent)
	case eval.OpMarkup:
		j.percent(key, e.Number, MaxMarkup)
	case eval.OpMargin:
		if j.percent(key, e.Number, full); e.Number.Cmp(eval.Dec{Coef: full}) == 0 {
			j.fault("range", key, "%s is not below %d", e.Number, full)
		}
	case eval.OpFormula:
		j.formula(e.Formula)
	case eval.OpCharge:
		j.charge(e.Charge)
	case eval.OpGrid:
		j.grid(e.Grid)
	}
}

func (j *judge) notNegative(key string, n eval.Dec) {
	if n.Coef < 0 {
		j.fault("range", key, "%s is negative", n)
	}
}

func (j *judge) aboveZero(key string, n eval.Dec) {
	if n.Coef <= 0 {
		j.fault("range", key, "%s is not above zero", n)
	}
}

func (j *judge) percent(key string, n eval.Dec, most int64) {
	if n.Coef < 0 || n.Cmp(eval.Dec{Coef: most}) > 0 {
		j.fault("range", key, "%s is not 0 to %d", n, most)
	}
}

func (j *judge) formula(f *eval.Formula) {
	stage := j.rule.Kind.Stage()
	switch {
	case f.Base == 0:
		j.fault("formula", "formula.base", "want list, current, cost or rule:<id>")
	case j.rule.Kind == eval.CostPlus && f.Base != eval.OfCost:
		j.fault("formula", "formula.base", "cost_plus is of cost only")
	case stage == eval.StagePrice && f.Base != eval.OfCost && f.Base != eval.OfRule:
		j.fault("formula", "formula.base", "there is no price yet in the price stage: want cost or rule:<id>")
	}
	if f.Percent.Coef < 0 {
		j.percent("formula.percent_off", f.Percent.Neg(), full)
	} else {
		j.percent("formula.percent_up", f.Percent, MaxPercent)
	}
	j.notNegative("formula.round", f.Round)
	j.notNegative("formula.min_margin", f.MinMargin)
	j.notNegative("formula.max_margin", f.MaxMargin)
	if f.HasMin && f.HasMax && f.MaxMargin.Cmp(f.MinMargin) < 0 {
		j.fault("formula", "formula.max_margin", "%s is below min_margin %s", f.MaxMargin, f.MinMargin)
	}
}

func (j *judge) charge(c *eval.Charge) {
	switch c.Mode {
	case eval.ChargeVolume, eval.ChargeGraduated:
		j.steps(c.Steps)
	case eval.ChargePackage:
		if c.Size <= 0 {
			j.fault("charge", "charge.size", "a package needs a size above zero")
		}
		j.notNegative("charge.unit", c.Unit)
	default:
		j.fault("charge", "charge.mode", "want volume, graduated or package")
	}
}

// steps checks that charge steps ascend and that the last one, and no other, is
// open: so they cover every quantity once.
func (j *judge) steps(steps []eval.ChargeStep) {
	if len(steps) == 0 {
		j.fault("charge", "charge.steps", "want at least one step")
	}
	reached := int64(0)
	for i, s := range steps {
		at := fmt.Sprintf("charge.steps[%d].", i)
		j.notNegative(at+"unit", s.Unit)
		j.notNegative(at+"flat", s.Flat)
		switch last := i == len(steps)-1; {
		case last && s.UpTo != eval.Forever:
			j.fault("charge", at+"up_to", "the last step is open: a quantity above %s would have no price", millionths(s.UpTo))
		case !last && s.UpTo == eval.Forever:
			j.fault("charge", at+"up_to", "missing: only the last step is open")
		case s.UpTo <= reached:
			j.fault("charge", at+"up_to", "%s is not above the step before", millionths(s.UpTo))
		default:
			reached = s.UpTo
		}
	}
}

func (j *judge) grid(g *eval.Grid) {
	j.aboveZero("round.increment", g.Increment)
	offset := g.Offset
	if offset.Coef < 0 {
		offset = offset.Neg()
	}
	if g.Increment.Coef > 0 && offset.Cmp(g.Increment) >= 0 {
		j.fault("range", "round.offset", "%s is not smaller than the increment %s", g.Offset, g.Increment)
	}
}

// millionths writes a quantity.
func millionths(n int64) string { return eval.Dec{Coef: n, Scale: 6}.String() }
