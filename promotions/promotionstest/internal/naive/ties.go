package naive

import (
	"fmt"
	"slices"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// maxTies is how many ways to assign units are looked at.
const maxTies = 400

// Range is what package promotionstest exports as NaiveRange.
func Range(set promotions.Set, cfg promotions.CompileConfig, cart promotions.Cart, opt promotions.Options) (least, most money.Amount, ok bool) {
	e, s := begin(set, cfg, cart, opt)
	if len(e.stages) != 1 || e.stages[0].Mode != promotions.Optimal || e.exclusiveInCart(s) {
		return money.Amount{}, money.Amount{}, false
	}
	low, high, ok := e.reach(s, e.members(0))
	return e.amount(low), e.amount(high), ok
}

// reach is the most that a set of members takes, at the worst and at the best choice
// among assignments of units of equal sums. It is not ok where there are too many.
func (e *evaluation) reach(s *state, members []*promotions.Promotion) (least, most int64, ok bool) {
	sharing, others := e.hopeful(s, members)
	for _, places := range subsets(sharing) {
		amounts := make(map[string][]int64) // by set of members, for each choice in which it is legal
		choices := 1
		for i := 0; i < choices; i++ {
			after, legal := e.jointly(s, members, places, func(a *assignment) []application {
				ties := a.equals(a.all())
				choices = len(ties)
				return ties[i]
			})
			if choices > maxTies {
				return 0, 0, false
			}
			if legal {
				e.extend(choice{places: places, state: after}, members, others, len(s.fired), func(c choice) {
					key := fmt.Sprint(c.places)
					amounts[key] = append(amounts[key], c.amount)
				})
			}
		}
		for _, list := range amounts {
			most = max(most, slices.Max(list))
			if len(list) == choices {
				least = max(least, slices.Min(list))
			}
		}
	}
	return least, most, true
}

// equals are all uses of what is left that give as much as the best; of too many, some.
func (a *assignment) equals(left, apps []int64) [][]application {
	first := slices.IndexFunc(left, func(n int64) bool { return n > 0 })
	if first < 0 {
		return [][]application{nil}
	}
	key := fmt.Sprint(left, apps)
	if known, ok := a.ties[key]; ok {
		return known
	}
	want := a.best(left, apps).worth[0]
	var out [][]application
	rest := slices.Clone(left)
	rest[first] = 0
	if a.best(rest, apps).worth[0] == want {
		out = append(out, a.equals(rest, apps)...)
	}
	for i, m := range a.members {
		if m.max > 0 && apps[i] == 0 {
			continue
		}
		fewer := a.fewer(apps, i)
		a.applications(m, left, first, func(counts [][]int64, rest []int64) {
			use := application{member: i, counts: counts, shares: a.shares(m, counts)}
			worth := total(use.shares)
			if worth == 0 || a.best(rest, fewer).worth[0]+worth != want {
				return
			}
			for _, then := range a.equals(rest, fewer) {
				out = append(out, append([]application{use}, then...))
			}
		})
	}
	out = different(out)
	out = out[:min(len(out), maxTies+1)]
	a.ties[key] = out
	return out
}

// different leaves out what has the same applications in another order.
func different(list [][]application) [][]application {
	seen := make(map[string]bool)
	return slices.DeleteFunc(list, func(uses []application) bool {
		var texts []string
		for _, u := range uses {
			texts = append(texts, fmt.Sprint(u))
		}
		slices.Sort(texts)
		key := fmt.Sprint(texts)
		again := seen[key]
		seen[key] = true
		return again
	})
}
