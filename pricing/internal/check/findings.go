package check

import (
	"fmt"
	"slices"

	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// Budget is the number of pairs that Findings compares before it stops and says
// so: a set of a million rules answers in seconds.
const Budget = 5_000_000

// Findings returns what is legal and probably not meant. start is the second
// from which the set is in force, for rules that have ended by then. The codes:
//
//	overlap        equal rank, and conditions that may hold together
//	duplicate      the same rule twice
//	shadowed       a better rank covers all of it
//	unsatisfiable  a condition that contradicts itself
//	ended          a window that is past when the set comes into force
//	no_price       an adjustment on something that has no price
//	sale_not_below a sale that is not below the list price, or is below a floor
//	gap            quantities between two volume rules that neither reaches
//	no_pivot       currencies with nothing to convert them through
//	unguarded      a currency without a guard that another has
//	unfinished     the budget of comparisons ran out
func Findings(policy eval.Policy, rules []eval.Rule, start int64) []Finding {
	f := finder{policy: policy, rules: rules, budget: Budget}
	for i := range rules {
		f.alone(i, start)
		f.conditions = append(f.conditions, rules[i].When.Canonical())
		f.effects = append(f.effects, effectKey(&rules[i].Effect))
		f.keys = append(f.keys, slices.DeleteFunc(rules[i].When.Required(), func(k predicate.Key) bool { return k.Kind != predicate.Text }))
	}
	f.competing()
	f.unpriced()
	f.sales()
	f.volumeGaps()
	f.currencies()
	if f.budget <= 0 {
		f.add("unfinished", eval.StagePrice, fmt.Sprintf("not all pairs of rules were compared: more than %d", Budget))
	}
	sortFindings(f.found)
	return f.found
}

type finder struct {
	policy eval.Policy
	rules  []eval.Rule
	budget int
	found  []Finding

	// Of each rule, because pairs ask for them again and again: its condition and
	// effect in canonical form, and the texts that it asks for.
	conditions, effects []string
	keys                [][]predicate.Key
}

func (f *finder) add(code string, stage eval.Stage, text string, rules ...int) {
	f.found = append(f.found, Finding{Code: code, Rules: rules, Stage: stage, Text: text})
}

func (f *finder) addPair(code string, a, b int, text string) {
	f.add(code, f.rules[a].Kind.Stage(), text, min(a, b), max(a, b))
}

func (f *finder) alone(i int, start int64) {
	r := &f.rules[i]
	if predicate.Unsatisfiable(r.When) {
		f.add("unsatisfiable", r.Kind.Stage(), "the condition contradicts itself", i)
	}
	if r.Until <= start {
		f.add("ended", r.Kind.Stage(), "the rule has ended before the set is in force", i)
	}
}

// unpriced finds adjustments on a scope for which no price rule can be a
// candidate: none on it, and none on any other level, which only the query could
// bring together with it.
func (f *finder) unpriced() {
	priced := map[scope]bool{}
	levels := map[eval.Level]bool{}
	for i := range f.rules {
		if r := &f.rules[i]; r.Kind.Stage() == eval.StagePrice {
			priced[scope{r.Level, r.Scope}] = true
			levels[r.Level] = true
		}
	}
	for i := range f.rules {
		r := &f.rules[i]
		stage := r.Kind.Stage()
		if stage < eval.StageTier || stage > eval.StageSurcharge || priced[scope{r.Level, r.Scope}] {
			continue
		}
		reachable := false
		for level := range levels {
			reachable = reachable || level != r.Level || r.Level == eval.Category // a product has many categories
		}
		if !reachable {
			f.add("no_price", stage, fmt.Sprintf("nothing prices %q, which the rule adjusts", r.Scope), i)
		}
	}
}

// sales finds sales that set a price not below the base of the same scope, or
// below its floor.
func (f *finder) sales() {
	groups := by(f.rules, func(r *eval.Rule) (place, bool) {
		p := placeOf(r)
		p.kind = 0
		return p, r.Effect.Op == eval.OpSet && (r.Kind == eval.Base || r.Kind == eval.Sale || r.Kind == eval.Floor)
	})
	for _, group := range groups {
		for _, s := range group {
			if f.rules[s].Kind != eval.Sale {
				continue
			}
			for _, o := range group[:min(len(group), max(f.budget, 0))] {
				f.budget--
				f.sale(s, o)
			}
		}
	}
}

func (f *finder) sale(s, o int) {
	sale, other := &f.rules[s], &f.rules[o]
	if other.Kind == eval.Sale || !meet(sale, other) || predicate.Disjoint(sale.When, other.When) {
		return
	}
	switch below := sale.Effect.Number.Cmp(other.Effect.Number) < 0; {
	case other.Kind == eval.Base && !below:
		f.addPair("sale_not_below", s, o, fmt.Sprintf("sale %s is not below the price of %s", sale.ID, other.ID))
	case other.Kind == eval.Floor && below:
		f.addPair("sale_not_below", s, o, fmt.Sprintf("sale %s is below floor %s", sale.ID, other.ID))
	}
}

// currencies finds what a set of several currencies lacks: something to convert
// them through, or, where nothing converts, the guards that others have.
func (f *finder) currencies() {
	if f.policy.Convert {
		f.pivotless()
		return
	}
	prices := map[scope]map[string]int{} // a rule for each currency
	guards := map[scope]map[eval.Kind][]string{}
	for i := range f.rules {
		r := &f.rules[i]
		at, currency := scope{r.Level, r.Scope}, r.Currency.Code()
		switch stage := r.Kind.Stage(); {
		case currency == "":
		case stage == eval.StagePrice:
			put(prices, at, currency, i)
		case stage == eval.StageGuard:
			put(guards, at, r.Kind, append(guards[at][r.Kind], currency))
		}
	}
	for at, kinds := range guards {
		for kind, has := range kinds {
			f.unguarded(kind, has, prices[at])
		}
	}
}

// unguarded reports the currencies of one scope that lack a kind of guard.
func (f *finder) unguarded(kind eval.Kind, has []string, prices map[string]int) {
	for currency, i := range prices {
		if !slices.Contains(has, currency) {
			f.add("unguarded", eval.StageGuard, fmt.Sprintf("prices in %s lack the %v that other currencies have", currency, kind), i)
		}
	}
}

// pivotless reports the currencies of price rules where several must convert and
// the policy names no pivot.
func (f *finder) pivotless() {
	prices := map[string]int{}
	for i := range f.rules {
		if r := &f.rules[i]; r.Kind.Stage() == eval.StagePrice && !r.Currency.IsZero() {
			prices[r.Currency.Code()] = i
		}
	}
	if len(prices) < 2 || !f.policy.Pivot.IsZero() {
		return
	}
	for currency, i := range prices {
		f.add("no_pivot", eval.StagePrice, fmt.Sprintf("%s has no path to other currencies but direct rates: the policy names no pivot", currency), i)
	}
}

// scope is what rules are on.
type scope struct {
	level eval.Level
	id    string
}

// put sets m[a][b].
func put[A, B comparable, V any](m map[A]map[B]V, a A, b B, v V) {
	if m[a] == nil {
		m[a] = map[B]V{}
	}
	m[a][b] = v
}
