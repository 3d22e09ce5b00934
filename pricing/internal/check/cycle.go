package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// maxDepth is how many references a formula may follow to reach an amount.
const maxDepth = 8

// references finds formulas whose bases go in a circle, each circle once and in
// its order from the smallest id, and those that are deeper than maxDepth.
func references(rules []eval.Rule) []Finding {
	w := walk{rules: rules, depth: make([]int, len(rules)), place: make([]int, len(rules))}
	for i := range rules {
		w.from(i)
	}
	return w.found
}

// walk follows each reference once. A rule's depth is 1 plus the references it
// follows; cyclic marks those that end in a circle.
type walk struct {
	rules []eval.Rule
	depth []int
	place []int // 1 + position on the path of the moment
	found []Finding
}

const cyclic = -1

func (w *walk) from(i int) {
	var path []int
	for w.depth[i] == 0 {
		next, ok := baseRule(&w.rules[i])
		if !ok {
			w.depth[i] = 1
			break
		}
		path = append(path, i)
		w.place[i] = len(path)
		if at := w.place[next]; at > 0 {
			w.found = append(w.found, circle(w.rules, path[at-1:]))
			w.depth[next] = cyclic
		}
		i = next
	}
	for _, j := range slices.Backward(path) {
		w.place[j] = 0
		w.settle(j)
	}
}

func (w *walk) settle(i int) {
	next, _ := baseRule(&w.rules[i])
	if w.depth[next] == cyclic {
		w.depth[i] = cyclic
		return
	}
	w.depth[i] = w.depth[next] + 1
	if w.depth[i] > maxDepth+1 {
		w.found = append(w.found, Finding{
			Code: "depth", Rules: []int{i}, Stage: w.rules[i].Kind.Stage(),
			Text: fmt.Sprintf("formula base is more than %d references deep", maxDepth),
		})
	}
}

func baseRule(r *eval.Rule) (int, bool) {
	if f := r.Effect.Formula; f != nil && f.Base == eval.OfRule && f.Rule >= 0 {
		return f.Rule, true
	}
	return 0, false
}

func circle(rules []eval.Rule, path []int) Finding {
	at := slices.Index(path, slices.Min(path))
	ring := slices.Concat(path[at:], path[:at])
	names := make([]string, 0, len(ring)+1)
	for _, i := range append(slices.Clone(ring), ring[0]) {
		names = append(names, rules[i].ID)
	}
	return Finding{Code: "cycle", Rules: ring, Stage: rules[ring[0]].Kind.Stage(), Text: "formula bases go in a circle: " + strings.Join(names, " -> ")}
}
