package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// competing compares the rules of one stage and scope pair by pair: possible
// overlaps, duplicates and shadows. Rules that ask for one value of a common
// field, such as the contracts of 50,000 customers, are compared only with those
// of the same value and with those that ask for none.
func (f *finder) competing() {
	type key struct {
		stage eval.Stage
		level eval.Level
		scope string
	}
	groups := by(f.rules, func(r *eval.Rule) (key, bool) {
		return key{r.Kind.Stage(), r.Level, r.Scope}, true
	})
	keys := make([]key, 0, len(groups))
	for k := range groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int { // the budget ends at the same pair on every run
		return cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(a.level, b.level), cmp.Compare(a.scope, b.scope))
	})
	for _, k := range keys {
		f.group(groups[k])
	}
}

func (f *finder) group(group []int) {
	if len(group) < 2 {
		return
	}
	open, buckets := f.split(group)
	for k, i := range open {
		f.pairs(i, open[k+1:])
		for _, bucket := range buckets {
			f.pairs(i, bucket)
		}
	}
	for _, bucket := range buckets {
		for k, i := range bucket {
			f.pairs(i, bucket[k+1:])
		}
	}
}

// pairs looks at one rule and others, as far as the budget goes.
func (f *finder) pairs(i int, others []int) {
	for _, j := range others[:min(len(others), max(f.budget, 0))] {
		f.budget--
		f.pair(i, j)
	}
}

// split puts rules that require a value of the field that most of the group
// require into one bucket a value; the rest is open.
func (f *finder) split(group []int) (open []int, buckets [][]int) {
	count := map[string]int{}
	for _, i := range group {
		for _, k := range f.keys[i] {
			count[k.Field]++
		}
	}
	field, most := "", 0
	for name, n := range count {
		if n > most || n == most && name < field {
			field, most = name, n
		}
	}
	byValue := map[string]int{}
	for _, i := range group {
		keys := f.keys[i]
		at := slices.IndexFunc(keys, func(k predicate.Key) bool { return k.Field == field })
		if at < 0 {
			open = append(open, i)
			continue
		}
		b, ok := byValue[keys[at].Value]
		if !ok {
			b = len(buckets)
			byValue[keys[at].Value] = b
			buckets = append(buckets, nil)
		}
		buckets[b] = append(buckets[b], i)
	}
	return open, buckets
}

// pair looks at two rules of one stage and scope. Rules in two currencies do not
// compete; one without a currency competes with all.
func (f *finder) pair(i, j int) {
	a, b := &f.rules[i], &f.rules[j]
	foreign := !a.Currency.IsZero() && !b.Currency.IsZero() && a.Currency != b.Currency
	if foreign || !meet(a, b) {
		return
	}
	same := a.Kind == b.Kind && f.effects[i] == f.effects[j]
	if same && rankOf(a) == rankOf(b) && a.From == b.From && a.Until == b.Until && a.MaxQty == b.MaxQty && f.conditions[i] == f.conditions[j] {
		f.addPair("duplicate", i, j, fmt.Sprintf("%s and %s are the same rule", a.ID, b.ID))
		return
	}
	stage := a.Kind.Stage()
	if stage == eval.StageGuard || stage != eval.StagePrice && stage != eval.StageRound && f.policy.Combine[stage] != eval.CombineFirst {
		return
	}
	switch c := better(a, b); { // equal rank under one condition is an error already
	case c == 0 && !same && (rankOf(a) != rankOf(b) || f.conditions[i] != f.conditions[j]) && byRankAlone(f.policy, stage) && !predicate.Disjoint(a.When, b.When):
		f.addPair("overlap", i, j, fmt.Sprintf("%s and %s have equal rank and may both apply", a.ID, b.ID))
	case c > 0 && covers(a, b) && predicate.Implies(b.When, a.When):
		f.addPair("shadowed", i, j, fmt.Sprintf("%s never applies: %s covers it", b.ID, a.ID))
	case c < 0 && covers(b, a) && predicate.Implies(a.When, b.When):
		f.addPair("shadowed", i, j, fmt.Sprintf("%s never applies: %s covers it", a.ID, b.ID))
	}
}

// better compares what decides between two candidates of one stage and scope:
// exclusive first, then the kind (in the price stage) and the rank.
func better(a, b *eval.Rule) int {
	exclusive := 0
	if a.Exclusive != b.Exclusive {
		exclusive = 1
		if b.Exclusive {
			exclusive = -1
		}
	}
	kind := 0
	if a.Kind.Stage() == eval.StagePrice {
		kind = cmp.Compare(b.Kind, a.Kind) // the smaller kind is preferred
	}
	return cmp.Or(exclusive, kind, cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.When.Leaves(), b.When.Leaves()), cmp.Compare(a.MinQty, b.MinQty))
}

// volumeGaps finds quantities that fall between two volume rules of one scope,
// window and condition. Whole bounds count in whole units: up to 9 and from 10 is no
// gap.
func (f *finder) volumeGaps() {
	type key struct {
		place
		condition   string
		from, until int64
	}
	groups := by(f.rules, func(r *eval.Rule) (key, bool) {
		return key{placeOf(r), r.When.Canonical(), r.From, r.Until}, r.Kind == eval.Volume
	})
	for _, group := range groups {
		slices.SortFunc(group, func(a, b int) int { return cmp.Or(cmp.Compare(f.rules[a].MinQty, f.rules[b].MinQty), a-b) })
		reach, top := int64(-1), -1
		for _, i := range group {
			r := &f.rules[i]
			if top >= 0 && r.MinQty > reach && r.MinQty-reach > step(r.MinQty, reach) {
				f.addPair("gap", top, i, fmt.Sprintf("quantities between %s and %s have no volume rule", f.rules[top].ID, r.ID))
			}
			if r.MaxQty > reach {
				reach, top = r.MaxQty, i
			}
		}
	}
}

// step is the least distance of two bounds: one unit where both are whole, else
// a millionth.
func step(a, b int64) int64 {
	const unit = 1_000_000
	if a%unit == 0 && b%unit == 0 {
		return unit
	}
	return 1
}
