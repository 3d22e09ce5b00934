package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// maxGuards is how many floors above ceilings are worth naming, and how many
// pairs of guards of one scope are compared before the set is refused: no price
// book has so many that meet and still differ by quantity alone.
const (
	maxGuards = 1000
	maxMeets  = 10_000_000
)

// guards finds floors above ceilings of the same scope, currency and condition,
// where the two meet: no price satisfies both.
func guards(rules []eval.Rule) []Finding {
	type key struct {
		place
		condition string
	}
	groups := by(rules, func(r *eval.Rule) (key, bool) {
		if r.Kind != eval.Floor && r.Kind != eval.Ceiling {
			return key{}, false
		}
		k := key{placeOf(r), r.When.Canonical()}
		k.kind = 0 // floors and ceilings side by side
		return k, true
	})
	var found []Finding
	for _, group := range groups {
		s := sweep{rules: rules}
		found = append(found, s.contradictions(group)...)
	}
	return found
}

// sweep passes over the guards of one group by the start of their windows, with
// those that are open at the moment at hand. Guards with other windows are never
// compared, nor is one that the strongest so far on the other side leaves alone.
type sweep struct {
	rules            []eval.Rule
	floors, ceilings []int
	highest, lowest  int // the strongest floor and ceiling so far; -1: none
	meets            int
	found            []Finding
}

func (s *sweep) contradictions(group []int) []Finding {
	slices.SortFunc(group, func(a, b int) int { return cmp.Or(cmp.Compare(s.rules[a].From, s.rules[b].From), a-b) })
	s.highest, s.lowest = -1, -1
	for _, i := range group {
		if s.rules[i].Kind == eval.Floor {
			s.floor(i)
		} else {
			s.ceiling(i)
		}
		if len(s.found) >= maxGuards || s.meets > maxMeets {
			break
		}
	}
	if s.meets > maxMeets {
		s.found = append(s.found, Finding{
			Code: "limit", Rules: []int{slices.Min(group)}, Stage: eval.StageGuard,
			Text: fmt.Sprintf("its scope has so many floors and ceilings that more than %d pairs would have to be compared", maxMeets),
		})
	}
	return s.found
}

func (s *sweep) floor(i int) {
	if s.lowest >= 0 && s.above(i, s.lowest) {
		s.ceilings = s.against(i, s.ceilings)
	}
	s.floors = append(s.floors, i)
	if s.highest < 0 || s.above(i, s.highest) {
		s.highest = i
	}
}

func (s *sweep) ceiling(i int) {
	if s.highest >= 0 && s.above(s.highest, i) {
		s.floors = s.against(i, s.floors)
	}
	s.ceilings = append(s.ceilings, i)
	if s.lowest < 0 || s.above(s.lowest, i) {
		s.lowest = i
	}
}

// above reports whether one guard's amount is above another's.
func (s *sweep) above(i, j int) bool {
	return s.rules[i].Effect.Number.Cmp(s.rules[j].Effect.Number) > 0
}

// against compares a guard with those of the other side that are open, and
// returns those that still are.
func (s *sweep) against(i int, others []int) []int {
	others = slices.DeleteFunc(others, func(j int) bool { return s.rules[j].Until <= s.rules[i].From })
	for _, j := range others {
		floor, ceiling := i, j
		if s.rules[i].Kind == eval.Ceiling {
			floor, ceiling = j, i
		}
		s.meets++
		if !s.above(floor, ceiling) || !meet(&s.rules[i], &s.rules[j]) || len(s.found) >= maxGuards {
			continue
		}
		s.found = append(s.found, Finding{
			Code: "floor_above_ceiling", Rules: []int{min(i, j), max(i, j)}, Stage: eval.StageGuard,
			Text: fmt.Sprintf("floor %s is above ceiling %s", s.rules[floor].ID, s.rules[ceiling].ID),
		})
	}
	return others
}
