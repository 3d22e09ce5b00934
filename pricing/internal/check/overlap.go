package check

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// rank is all that decides between two candidates of one stage and scope, the
// condition's leaves aside.
type rank struct {
	place
	priority  int32
	minQty    int64
	exclusive bool
}

func rankOf(r *eval.Rule) rank {
	return rank{place: placeOf(r), priority: r.Priority, minQty: r.MinQty, exclusive: r.Exclusive}
}

// byRankAlone reports whether nothing but the rank decides in a stage, so that
// equal ranks are an error when a query meets them.
func byRankAlone(policy eval.Policy, stage eval.Stage) bool {
	if policy.Ties != eval.TiesError || stage == eval.StageGuard {
		return false
	}
	return stage == eval.StagePrice || stage == eval.StageRound || policy.Combine[stage] == eval.CombineFirst
}

// ambiguous finds rules of equal rank and equal condition whose windows meet and
// whose effects differ. Their quantities meet always: equal ranks have the same
// lower bound.
func ambiguous(policy eval.Policy, rules []eval.Rule) []Finding {
	type key struct {
		rank
		condition string
	}
	groups := map[key][]int{}
	for _, i := range crowded(policy, rules) {
		k := key{rankOf(&rules[i]), rules[i].When.Canonical()}
		groups[k] = append(groups[k], i)
	}
	var found []Finding
	for _, group := range groups {
		if len(group) > 1 {
			found = append(found, clashes(rules, group)...)
		}
	}
	return found
}

// crowded returns the rules that share their rank with another one, and perhaps
// some that share its hash: most rules of a large set are alone with theirs, and
// this keeps them out of the grouping, which costs ten times as much.
func crowded(policy eval.Policy, rules []eval.Rule) []int {
	seed := maphash.MakeSeed()
	hashes := make([]uint64, len(rules))
	count := make(map[uint64]int32, len(rules))
	for i := range rules {
		if byRankAlone(policy, rules[i].Kind.Stage()) {
			hashes[i] = maphash.Comparable(seed, rankOf(&rules[i]))
			count[hashes[i]]++
		}
	}
	var out []int
	for i, h := range hashes {
		if count[h] > 1 {
			out = append(out, i)
		}
	}
	return out
}

// clashes sweeps the windows of one group in order of their start. A run of
// windows that touch is one cluster, and a finding names every rule of it that
// meets a rule with another effect. O(n log n).
func clashes(rules []eval.Rule, group []int) []Finding {
	slices.SortFunc(group, func(a, b int) int { return cmp.Or(cmp.Compare(rules[a].From, rules[b].From), a-b) })
	effects := make([]string, len(group))
	for k, i := range group {
		effects[k] = effectKey(&rules[i].Effect)
	}
	clash := make([]bool, len(group))
	sweepEarlier(rules, group, effects, clash)
	sweepLater(rules, group, effects, clash)

	var found []Finding
	var cluster []int
	end := int64(math.MinInt64)
	flush := func() {
		if len(cluster) > 0 {
			slices.Sort(cluster)
			found = append(found, clashFinding(rules, cluster))
		}
		cluster = nil
	}
	for k, i := range group {
		if rules[i].From >= end {
			flush()
		}
		end = max(end, rules[i].Until)
		if clash[k] {
			cluster = append(cluster, i)
		}
	}
	flush()
	return found
}

// sweepEarlier marks rules that meet an earlier one with another effect. Of the
// rules before it only two matter: the one that ends last, and the one that ends
// last among those with another effect than that.
func sweepEarlier(rules []eval.Rule, group []int, effects []string, clash []bool) {
	type last struct {
		until  int64
		effect string
	}
	first, second := last{until: math.MinInt64}, last{until: math.MinInt64}
	for k, i := range group {
		from, mine := rules[i].From, last{rules[i].Until, effects[k]}
		other := first
		if first.effect == mine.effect {
			other = second
		}
		clash[k] = clash[k] || other.until > from
		switch {
		case mine.effect == first.effect:
			first.until = max(first.until, mine.until)
		case mine.until > first.until:
			first, second = mine, first
		case mine.until > second.until:
			second = mine
		}
	}
}

// sweepLater marks rules that meet a later one with another effect: the next one
// with another effect is the first to start.
func sweepLater(rules []eval.Rule, group []int, effects []string, clash []bool) {
	next := len(group) // first index after k whose effect differs from effects[k]
	for k := len(group) - 2; k >= 0; k-- {
		if effects[k+1] != effects[k] {
			next = k + 1
		}
		if next < len(group) && rules[group[next]].From < rules[group[k]].Until {
			clash[k] = true
		}
	}
}

// maxNames is how many rules a text names; the finding has all of them.
const maxNames = 10

func clashFinding(rules []eval.Rule, cluster []int) Finding {
	names := make([]string, 0, maxNames+1)
	for _, i := range cluster[:min(len(cluster), maxNames)] {
		names = append(names, rules[i].ID)
	}
	if more := len(cluster) - maxNames; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	r := &rules[cluster[0]]
	return Finding{
		Code: "ambiguous", Rules: cluster, Stage: r.Kind.Stage(),
		Text: fmt.Sprintf("rules of equal rank in stage %v meet and differ: %s; a priority or the policy's ties can decide", r.Kind.Stage(), strings.Join(names, ", ")),
	}
}
