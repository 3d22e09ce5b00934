package eval

import (
	"cmp"
	"slices"

	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
)

// A Machine answers queries of one set, one after the other, and keeps its
// memory between them. It is not safe for concurrent use.
type Machine struct {
	Query  Query
	Result Result

	set *Set
	arith

	values *predicate.Values
	filled bool           // values are those of the query; else they are empty
	coded  money.Currency // of code
	code   string

	near       []near
	parts      []part
	candidates []candidate

	qty     number
	value   number // running: of a unit or, with perLine, of the line
	perLine bool
	list    number // the value after the price stage

	ceiling, floor, advertised bound

	native bool // a stale rate leaves prices in the query's currency only
	steps  []step
	picks  []pick
	next   int64 // the earliest bound after Query.At; 0: none
}

// near is a node in scope. Its rank has the nearness bits alone; at is where the
// entries of the next stage of a short node begin.
type near struct {
	node
	at   uint32
	rank rank
}

// A part is a range of entries in scope: rules of one stage and scope, by rank.
type part struct {
	first, n uint32
	rank     rank
}

// A candidate is a rule that holds for the query and, once it has been tried,
// what it makes of the running value.
type candidate struct {
	key     rank
	rule    *entry
	perLine bool
	value   number
	via     path
}

// A pick is a rule that was preferred in its stage; idle, it changed nothing.
type pick struct {
	rule *entry
	idle bool
}

// NewMachine returns a machine for queries of the set. An exact one takes the
// rational path from the start, which changes no answer: tests compare the two.
func (s *Set) NewMachine(exact bool) *Machine {
	return &Machine{set: s, values: s.schema.NewValues(), arith: arith{slow: exact}}
}

// Release lets go of all that the last query handed in.
func (m *Machine) Release() {
	m.Query = Query{}
	m.empty()
}

// empty makes the values those of no query.
func (m *Machine) empty() {
	if m.filled {
		m.values.Reset()
		m.filled = false
	}
}

// begin forgets the last query's results and finds the nodes in scope.
func (m *Machine) begin() {
	m.empty()
	m.Result = Result{Steps: m.Result.Steps[:0]}
	m.exact, m.native = false, false
	m.qty = quantity(m.Query.Qty)
	m.value, m.list, m.perLine = number{}, number{}, false
	m.ceiling, m.floor, m.advertised = bound{}, bound{}, bound{}
	m.steps, m.picks = m.steps[:0], m.picks[:0]
	m.next = 0

	m.near = m.near[:0]
	if m.Query.Variant != "" {
		m.meet(Variant, m.Query.Variant, 0)
	}
	m.meet(Product, m.Query.Product, 1)
	for i, id := range m.Query.Categories {
		m.meet(Category, id, rank(2+i))
	}
	m.meet(Everything, "", 1<<scopeBits-1)
}

// meet puts the node of an id in scope, if there is one. A category that is
// named twice counts where it is nearest.
func (m *Machine) meet(level Level, id string, nearness rank) {
	n, ok := m.set.scopes[level][id]
	if !ok || slices.ContainsFunc(m.near, func(other near) bool { return other.node == n }) {
		return
	}
	m.near = append(m.near, near{node: n, at: n.first, rank: nearness << scopeShift})
}

// gather lists the rules of a stage in scope, and notes when one of their windows
// opens or closes next. The stages come in their order.
func (m *Machine) gather(stage Stage) {
	m.parts = m.parts[:0]
	for i := range m.near {
		switch n := &m.near[i]; {
		case n.stages&(1<<stage) == 0:
		case n.short > 0:
			m.reachShort(n, stage)
		default:
			m.reach(n.list(stage), n.rank)
		}
	}
}

func (m *Machine) reachShort(n *near, stage Stage) {
	entries, end := m.set.entries, n.first+uint32(n.short)
	for n.at < end && entries[n.at].stage < stage {
		n.at++
	}
	first := n.at
	for ; n.at < end && entries[n.at].stage == stage; n.at++ {
		if e := &entries[n.at]; n.dated {
			m.note(e.From)
			m.note(e.Until)
		}
	}
	m.parts = append(m.parts, part{first, n.at - first, n.rank})
}

func (m *Machine) reach(i uint32, nearness rank) {
	l := &m.set.lists[i]
	if l.split == 0 {
		m.parts = append(m.parts, part{l.first, l.n, nearness})
		m.noteBounds(l)
		return
	}
	sp := &m.set.splits[l.split-1]
	if symbol, ok := m.ask().Symbol(sp.field); ok {
		if of, ok := sp.by[symbol]; ok {
			m.reach(of, nearness)
		}
	}
	m.reach(sp.rest, nearness)
}

func (m *Machine) noteBounds(l *list) {
	if l.bounds == 0 || !m.Query.Timed {
		return
	}
	bounds := m.set.bounds[l.firstBound : l.firstBound+l.bounds]
	if i, _ := slices.BinarySearch(bounds, m.Query.At+1); i < len(bounds) {
		m.note(bounds[i])
	}
}

// note keeps the earliest second, after the query's, at which the answer may change.
func (m *Machine) note(second int64) {
	if m.Query.Timed && second > m.Query.At && second != Forever && (m.next == 0 || second < m.next) {
		m.next = second
	}
}

// entriesOf returns the entries of a part.
func (m *Machine) entriesOf(p part) []entry { return m.set.entries[p.first : p.first+p.n] }

// top finds the candidates of the best rank among the gathered rules, by id. A
// rule that cannot reach the best so far is passed over before its condition is
// evaluated.
func (m *Machine) top(stage Stage) {
	m.candidates = m.candidates[:0]
	for _, p := range m.parts {
		m.topOf(stage, p)
	}
	if len(m.candidates) > 1 {
		slices.SortFunc(m.candidates, func(a, b candidate) int { return cmp.Compare(a.rule.number, b.rule.number) })
	}
}

func (m *Machine) topOf(stage Stage, p part) {
	entries := m.entriesOf(p)
	for i := range entries {
		e := &entries[i]
		key := e.key | p.rank
		if len(m.candidates) > 0 && key > m.candidates[0].key {
			return // so are all that follow, whatever the class of their currency
		}
		class, ok := m.class(e.Currency, stage)
		if !ok || m.native && class != 0 {
			continue
		}
		key |= class << classShift
		order := -1
		if len(m.candidates) > 0 {
			best := &m.candidates[0]
			order = cmp.Or(cmp.Compare(key, best.key), cmp.Compare(best.rule.MinQty, e.MinQty))
		}
		if order > 0 || !m.holds(e) {
			continue
		}
		if order < 0 {
			m.candidates = m.candidates[:0]
		}
		m.candidates = append(m.candidates, candidate{key: key, rule: e})
	}
}

// all finds the candidates among the gathered rules, by rank and then by id.
// Where one is exclusive, only exclusive ones are left.
func (m *Machine) all(stage Stage) {
	m.candidates = m.candidates[:0]
	for _, p := range m.parts {
		entries := m.entriesOf(p)
		for i := range entries {
			e := &entries[i]
			if len(m.candidates) > 0 && e.key.head() > m.candidates[0].key.head() {
				break
			}
			if _, ok := m.class(e.Currency, stage); !ok || !m.holds(e) {
				continue
			}
			if len(m.candidates) > 0 && e.key.head() < m.candidates[0].key.head() {
				m.candidates = m.candidates[:0]
			}
			m.candidates = append(m.candidates, candidate{key: e.key | p.rank, rule: e})
		}
	}
	if len(m.candidates) > 1 {
		slices.SortFunc(m.candidates, compareCandidates)
	}
}

func compareCandidates(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(b.rule.MinQty, a.rule.MinQty), cmp.Compare(a.rule.number, b.rule.number))
}

// class is how near a rule's currency is to the query's; ok is false where the
// rule does not count in the query's currency.
func (m *Machine) class(c money.Currency, stage Stage) (class rank, ok bool) {
	switch {
	case c == m.Query.Currency || c.IsZero():
		return 0, true
	case !m.set.Policy.Convert || stage != StagePrice && stage != StageGuard:
		return 0, false
	case c == m.set.Policy.Pivot:
		return 1, true
	default:
		return 2, true
	}
}

// holds reports whether a rule's window, quantity and condition do.
func (m *Machine) holds(e *entry) bool {
	return e.From <= m.Query.At && m.Query.At < e.Until &&
		e.MinQty <= m.Query.Qty && m.Query.Qty <= e.MaxQty &&
		(e.When == nil || e.When.Eval(m.ask()) == predicate.True)
}
