package eval

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/internal/predicate"
)

// Reason says why a rule in scope did not apply.
type Reason string

// The reasons, in the order in which they are tested.
const (
	ReasonCurrency  Reason = "currency"
	ReasonNotYet    Reason = "not_yet"
	ReasonEnded     Reason = "ended"
	ReasonQuantity  Reason = "quantity"
	ReasonCondition Reason = "condition"
	ReasonKind      Reason = "kind"
	ReasonOutranked Reason = "outranked"
	ReasonExclusive Reason = "exclusive"
	ReasonNotBest   Reason = "not_best"
	ReasonNoEffect  Reason = "no_effect"
)

// A Rejection is a rule in scope that did not apply. By is the rule that was
// preferred, nil where there is none.
type Rejection struct {
	Rule, By       *Rule
	Reason         Reason
	Predicate, Got string
}

// Explain lists the rules in scope that did not apply in the last call of Price,
// by stage and then by id. Where that failed, a stage without a decision lists
// the rules that are no candidates.
func (m *Machine) Explain() []Rejection {
	var out []Rejection
	for stage := StagePrice; stage <= StageRound; stage++ {
		for _, rule := range m.inScope(stage) {
			if r, ok := m.reject(stage, rule); ok {
				r.Rule = &rule.Rule
				out = append(out, r)
			}
		}
	}
	return out
}

// inScope lists all rules of a stage in scope, by id: those under another
// customer's key too.
func (m *Machine) inScope(stage Stage) []*entry {
	var out []*entry
	add := func(first, n uint32) {
		for i := first; i < first+n; i++ {
			if e := &m.set.entries[i]; e.stage == stage {
				out = append(out, e)
			}
		}
	}
	var reach func(i uint32)
	reach = func(i uint32) {
		l := &m.set.lists[i]
		if l.split == 0 {
			add(l.first, l.n)
			return
		}
		sp := &m.set.splits[l.split-1]
		reach(sp.rest)
		for _, of := range sp.by {
			reach(of)
		}
	}
	for _, n := range m.near {
		switch {
		case n.stages&(1<<stage) == 0:
		case n.short > 0:
			add(n.first, uint32(n.short))
		default:
			reach(n.list(stage))
		}
	}
	slices.SortFunc(out, func(a, b *entry) int { return cmp.Compare(a.number, b.number) })
	return out
}

// reject says why a rule did not apply; false where it did, or where its stage
// came to no decision.
func (m *Machine) reject(stage Stage, r *entry) (Rejection, bool) {
	if out := m.noCandidate(stage, &r.Rule); out.Reason != "" {
		return out, true
	}
	var lead *Rule
	for _, p := range m.picks {
		switch {
		case p.rule == r:
			idle := p.idle || r.Kind == MAP && m.Result.Advertised == m.Result.Unit
			return Rejection{Reason: ReasonNoEffect}, idle
		case lead == nil && p.rule.stage == stage && (stage != StageGuard || p.rule.Kind.competes() == r.Kind.competes()):
			lead = &p.rule.Rule
		}
	}
	if lead == nil {
		return Rejection{}, false
	}
	return Rejection{Reason: m.beaten(stage, &r.Rule, lead), By: lead}, true
}

// competes is the kind with which a guard competes: floors with margins.
func (k Kind) competes() Kind {
	if k == MinMargin {
		return Floor
	}
	return k
}

// noCandidate says why a rule is no candidate; no reason where it is one.
func (m *Machine) noCandidate(stage Stage, r *Rule) Rejection {
	var out Rejection
	class, ok := m.class(r.Currency, stage)
	switch {
	case !ok || m.native && stage == StagePrice && class != 0:
		out.Reason = ReasonCurrency
	case m.Query.At < r.From:
		out.Reason = ReasonNotYet
	case m.Query.At >= r.Until:
		out.Reason = ReasonEnded
	case m.Query.Qty < r.MinQty || m.Query.Qty > r.MaxQty:
		out.Reason = ReasonQuantity
	case r.When != nil && r.When.Eval(m.ask()) != predicate.True:
		why := r.When.Why(m.ask())
		out.Reason, out.Predicate, out.Got = ReasonCondition, m.set.predicate(why), why.Got
	}
	return out
}

// beaten says in what a candidate lost against the rule that was preferred.
func (m *Machine) beaten(stage Stage, r, by *Rule) Reason {
	combine := m.set.Policy.Combine[stage]
	switch {
	case stage == StagePrice && r.Kind != by.Kind:
		return ReasonKind
	case by.Exclusive && (!r.Exclusive || combine == CombineChain):
		return ReasonExclusive
	case combine == CombineBest:
		return ReasonNotBest
	default:
		return ReasonOutranked
	}
}

// predicate writes the leaf that decided as a person would.
func (s *Set) predicate(why predicate.Reason) string {
	var b strings.Builder
	if why.Not {
		b.WriteString("not ")
	}
	b.WriteString(why.Leaf.Field + " " + string(why.Leaf.Op))
	for i, v := range why.Leaf.Values {
		switch {
		case i > 0:
			b.WriteString(", ")
		default:
			b.WriteString(" ")
		}
		b.WriteString(v.Text)
	}
	return b.String()
}
