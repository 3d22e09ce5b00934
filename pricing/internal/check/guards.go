package check

import (
	"fmt"

	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// guards finds floors above ceilings of the same scope, currency and condition,
// where the two meet: no price satisfies both.
func guards(rules []eval.Rule) []Finding {
	type key struct {
		place
		condition string
	}
	groups := by(rules, func(r *eval.Rule) (key, bool) {
		k := key{placeOf(r), r.When.Canonical()}
		k.kind = 0 // floors and ceilings side by side
		return k, r.Kind == eval.Floor || r.Kind == eval.Ceiling
	})
	var found []Finding
	for _, group := range groups {
		for _, f := range group {
			for _, c := range group {
				floor, ceiling := &rules[f], &rules[c]
				if floor.Kind != eval.Floor || ceiling.Kind != eval.Ceiling || !meet(floor, ceiling) || floor.Effect.Number.Cmp(ceiling.Effect.Number) <= 0 {
					continue
				}
				found = append(found, Finding{
					Code: "floor_above_ceiling", Rules: []int{min(f, c), max(f, c)}, Stage: eval.StageGuard,
					Text: fmt.Sprintf("floor %s is above ceiling %s", floor.ID, ceiling.ID),
				})
			}
		}
	}
	return found
}
