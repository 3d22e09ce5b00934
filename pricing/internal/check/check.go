package check

import (
	"cmp"
	"slices"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// A Finding is one thing that is wrong or odd between rules.
type Finding struct {
	// Code is stable: cycle, depth, ambiguous, floor_above_ceiling for errors;
	// for the rest see Findings.
	Code string
	// Rules are indexes, sorted; those of a cycle stand in its order.
	Rules []int
	Stage eval.Stage
	Text  string
}

// Errors returns what makes the set undecidable: cycles and depth of formula
// references, guards that contradict each other, and rules of one kind and equal
// rank, with the same condition, that meet and differ where neither a combine
// mode nor the policy for ties decides.
func Errors(policy eval.Policy, rules []eval.Rule) []Finding {
	var found []Finding
	found = append(found, references(rules)...)
	found = append(found, guards(rules)...)
	found = append(found, ambiguous(policy, rules)...)
	sortFindings(found)
	return found
}

func sortFindings(found []Finding) {
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(slices.Compare(a.Rules, b.Rules), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Text, b.Text))
	})
}

// place is where a rule acts: the same kind of thing, on the same scope.
type place struct {
	kind     eval.Kind
	level    eval.Level
	scope    string
	currency money.Currency
}

func placeOf(r *eval.Rule) place {
	return place{kind: r.Kind, level: r.Level, scope: r.Scope, currency: r.Currency}
}

// by groups the indexes of rules by a key; rules without one are left out.
func by[K comparable](rules []eval.Rule, key func(*eval.Rule) (K, bool)) map[K][]int {
	groups := map[K][]int{}
	for i := range rules {
		if k, ok := key(&rules[i]); ok {
			groups[k] = append(groups[k], i)
		}
	}
	return groups
}

// meet reports whether the windows and the quantity ranges of two rules have a
// second and a quantity in common.
func meet(a, b *eval.Rule) bool {
	return a.From < b.Until && b.From < a.Until && a.MinQty <= b.MaxQty && b.MinQty <= a.MaxQty
}

// covers reports whether a's currency, window and quantity range contain b's.
func covers(a, b *eval.Rule) bool {
	return (a.Currency.IsZero() || a.Currency == b.Currency) && a.From <= b.From && a.Until >= b.Until && a.MinQty <= b.MinQty && a.MaxQty >= b.MaxQty
}
