package eval

import (
	"cmp"
	"slices"
	"time"

	"github.com/tenon-go/tenon/internal/predicate"
)

// index is what New adds to a Set: ways from a cart to the promotions that can concern it,
// by their positions in canonical order.
type index struct {
	// Postings by field and symbol, of conditions on the cart and on targets.
	byCart, byTarget [][][]int32
	byCode           map[string][]int32
	byBatch          [][]int32
	always           []int32
	byID             map[string]int32
	// What groups there are: their limits, by the number in compiled.group.
	groups []int64
	// Tagged says that some promotion has tags, so that each must be compared on a line.
	tagged bool
	linked bool        // tagged, or a stage has MaxPerLine
	edges  []time.Time // of windows, ascending
}

// compiled is what New adds to a Promotion.
type compiled struct {
	now            bool // When reads cart.subtotal_now
	consuming      bool
	group          int32   // in index.groups, -1 for none
	excludes       []int32 // both ways
	class          int32   // 0 is none
	combines       []int32 // classes
	tags, tagsWith []int32
	uses, budget   string // accounts
	near           []nearLeaf
}

// New completes a set: canonical order, references by position, and the index. The
// promotions' slice is sorted in place.
func New(s Set) *Set {
	slices.SortFunc(s.Promotions, func(a, b Promotion) int {
		return cmp.Or(cmp.Compare(a.Stage, b.Stage), cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID))
	})
	s.index = index{
		byCode: map[string][]int32{}, byBatch: make([][]int32, len(s.Batches)),
		byID: make(map[string]int32, len(s.Promotions)),
	}
	for i := range s.Promotions {
		s.byID[s.Promotions[i].ID] = int32(i)
	}
	s.bounds()
	s.stacks()
	for i := range s.Promotions {
		s.complete(&s.Promotions[i])
	}
	for i := range s.Campaigns {
		c := &s.Campaigns[i]
		c.uses, c.budget = "campaign/"+c.ID+"/uses", "campaign/"+c.ID+"/budget"
	}
	s.file()
	slices.SortFunc(s.edges, time.Time.Compare)
	s.edges = slices.Compact(s.edges)
	return &s
}

// Always is how many promotions no key of a cart narrows down.
func (s *Set) Always() int { return len(s.always) }

// NextEdge returns the first edge of a window after a time; zero is none. A cart without
// a time is in no window, whatever the hour.
func (s *Set) NextEdge(at time.Time) time.Time {
	if at.IsZero() {
		return time.Time{}
	}
	i, found := slices.BinarySearchFunc(s.edges, at, time.Time.Compare)
	if found {
		i++
	}
	if i == len(s.edges) {
		return time.Time{}
	}
	return s.edges[i]
}

// bounds finds the promotions of each stage.
func (s *Set) bounds() {
	i := 0
	for n := range s.Stages {
		s.Stages[n].first = i
		for i < len(s.Promotions) && s.Promotions[i].Stage == n {
			i++
		}
		s.Stages[n].end = i
	}
}

// stacks gives numbers to groups, classes, tags and excluded promotions.
func (s *Set) stacks() {
	type groupKey struct {
		stage int
		name  string
	}
	groups, classes, tags := map[groupKey]int32{}, map[string]int32{}, map[string]int32{}
	for i := range s.Promotions {
		p := &s.Promotions[i]
		p.group = -1
		if p.Stack.Group != "" {
			key := groupKey{p.Stage, p.Stack.Group}
			n, known := groups[key]
			if !known {
				n = int32(len(s.groups)) //nolint:gosec // at most one per promotion
				groups[key] = n
				limit := max(s.Stages[p.Stage].Groups[p.Stack.Group], 1)
				s.groups = append(s.groups, int64(limit))
			}
			p.group = n
		}
		if p.Stack.Class != "" {
			p.class = numbers(classes, p.Stack.Class)[0]
			p.combines = numbers(classes, p.Stack.Combines...)
		}
		p.tags, p.tagsWith = numbers(tags, p.Stack.Tags...), numbers(tags, p.Stack.CombinesTags...)
		s.tagged = s.tagged || len(p.tags)+len(p.tagsWith) > 0
		for _, id := range p.Stack.Excludes {
			if other, ok := s.byID[id]; ok {
				p.excludes = append(p.excludes, other)
				s.Promotions[other].excludes = append(s.Promotions[other].excludes, int32(i))
			}
		}
	}
}

// numbers returns the numbers of names, from 1, making those that are new.
func numbers(known map[string]int32, names ...string) []int32 {
	var list []int32
	for _, name := range names {
		n, ok := known[name]
		if !ok {
			n = int32(len(known) + 1) //nolint:gosec // bounded by the size of the set
			known[name] = n
		}
		list = append(list, n)
	}
	return list
}

// complete fills what follows from the promotion alone.
func (s *Set) complete(p *Promotion) {
	switch p.Effect.(type) {
	case *BuyGet, *Bundle:
		p.consuming = true
	}
	p.Effect.complete()
	p.now = reads(p.When.Node(), "cart.subtotal_now")
	p.near = s.nearLeaves(p.When.Node(), nil)
	if p.Limits.Uses > 0 {
		p.uses = "promotion/" + p.ID + "/uses"
	}
	if p.Limits.Budget > 0 {
		p.budget = "promotion/" + p.ID + "/budget"
	}
	for _, edge := range []time.Time{p.From, p.Until} {
		if !edge.IsZero() {
			s.edges = append(s.edges, edge.UTC())
		}
	}
}

// reads reports whether a condition has a leaf on a field.
func reads(n predicate.Node, field string) bool {
	is := func(part predicate.Node) bool { return reads(part, field) }
	return n.Leaf != nil && n.Leaf.Field == field || n.Not != nil && reads(*n.Not, field) ||
		slices.ContainsFunc(n.All, is) || slices.ContainsFunc(n.Any, is)
}

// A filing counts and then keeps the postings of one schema's keys.
type filing struct {
	count    [][]int
	postings [][][]int32
}

// grow makes room for a key.
func grow[T any](table [][]T, k predicate.Key) [][]T {
	for len(table) <= k.Number {
		table = append(table, nil)
	}
	if have := len(table[k.Number]); have <= int(k.Symbol) {
		table[k.Number] = slices.Grow(table[k.Number], int(k.Symbol)+1-have)[:k.Symbol+1]
	}
	return table
}

// file puts each promotion under what a cart must have for it: one of its codes, or else
// the key that the fewest promotions need.
func (s *Set) file() {
	var carts, targets filing
	keys := make([]struct{ cart, target []predicate.Key }, len(s.Promotions))
	for i := range s.Promotions {
		p := &s.Promotions[i]
		if len(p.Codes)+len(p.Batches) > 0 {
			continue
		}
		keys[i].cart, keys[i].target = p.When.Required(), p.targetKeys()
		carts.add(keys[i].cart)
		targets.add(keys[i].target)
	}
	for i := range s.Promotions {
		p, pos := &s.Promotions[i], int32(i)
		if len(p.Codes)+len(p.Batches) > 0 {
			s.fileCodes(p, pos)
			continue
		}
		cart, nCart := carts.rarest(keys[i].cart)
		target, nTarget := targets.rarest(keys[i].target)
		switch {
		case nCart == 0 && nTarget == 0:
			s.always = append(s.always, pos)
		case nTarget == 0 || nCart != 0 && nCart <= nTarget:
			carts.put(cart, pos)
		default:
			targets.put(target, pos)
		}
	}
	s.linked = s.tagged || slices.ContainsFunc(s.Stages, func(t Stage) bool { return t.MaxPerLine > 0 })
	s.byCart, s.byTarget = carts.postings, targets.postings
}

func (s *Set) fileCodes(p *Promotion, pos int32) {
	for _, code := range p.Codes {
		s.byCode[code] = append(s.byCode[code], pos)
	}
	for _, batch := range p.Batches {
		s.byBatch[batch] = append(s.byBatch[batch], pos)
	}
}

// targetKeys are the keys without which no target matches; where a gift ignores its
// condition, or its line is its own key, there are none.
func (p *Promotion) targetKeys() []predicate.Key {
	if gift, ok := p.Effect.(*Gift); ok && gift.ForEach == 0 {
		return nil
	}
	return p.Where.Required()
}

func (f *filing) add(keys []predicate.Key) {
	for _, k := range keys {
		f.count = grow(f.count, k)
		f.count[k.Number][k.Symbol]++
	}
}

func (f *filing) rarest(keys []predicate.Key) (best predicate.Key, count int) {
	for _, k := range keys {
		if n := f.count[k.Number][k.Symbol]; count == 0 || n < count {
			best, count = k, n
		}
	}
	return best, count
}

func (f *filing) put(k predicate.Key, pos int32) {
	f.postings = grow(f.postings, k)
	f.postings[k.Number][k.Symbol] = append(f.postings[k.Number][k.Symbol], pos)
}

// combine reports whether two promotions may both stand in a cart.
func combine(a, b *Promotion, bPos int32) bool {
	if slices.Contains(a.excludes, bPos) {
		return false
	}
	if a.class == 0 || b.class == 0 {
		return true
	}
	return slices.Contains(a.combines, b.class) && slices.Contains(b.combines, a.class)
}

// meet reports whether two promotions may both take from one line.
func meet(a, b *Promotion) bool {
	if len(a.tags)+len(a.tagsWith)+len(b.tags)+len(b.tagsWith) == 0 {
		return true
	}
	return overlap(a.tags, b.tagsWith) && overlap(b.tags, a.tagsWith)
}

func overlap(a, b []int32) bool {
	return slices.ContainsFunc(a, func(n int32) bool { return slices.Contains(b, n) })
}
