package eval

import (
	"cmp"
	"slices"

	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/promotions/internal/consume"
)

// A Machine evaluates carts against one set, one after the other, in memory that it keeps.
// Its owner pools machines: each is for one goroutine.
type Machine struct {
	set *Set
	in  *Input

	// Candidates are the promotions that the cart reaches, in canonical order.
	Candidates []Candidate
	State      State
	Outcome    Outcome

	cart    *predicate.Values
	values  []*predicate.Values // by target
	methods []string

	subtotal, units int64
	alone           int32 // the exclusive candidate that stands alone, or -1

	codes    []code
	reached  []int32
	targets  []int32 // all targets, and then those that conditions chose
	accounts []account
	shared   map[string]int32 // cells of accounts that several candidates may name
	counts   []int64          // State.counts of an untouched cart
	sums     []sum            // by Set.Sums
	ink      []byte           // the outcome's texts while they are written
	texts    string

	// What a stage looks at.
	stage, optimals []int32
	bids            []bid
	bidPieces       []piece

	// Scratch of one turn.
	plan     plan
	split    splitter
	segments []segment
	open     []int32
	winners  []int32
	consume  consume.Solver
	classes  []consume.Class
	unitsOf  []unitClass // by class
	taken    []classTake
	needs    []int64
}

// A Candidate is a promotion that the cart's keys reach.
type Candidate struct {
	P    *Promotion
	Code int // the cart's code that opened it, -1 for none

	pos      int32
	reason   Reason // it is out whatever the others do
	final    Reason // what became of it
	when     bool   // its condition holds, unless that asks for the state
	targets  span   // in Machine.targets
	accounts span   // in Machine.accounts
}

// A span is a part of a slice.
type span struct{ from, to int32 }

// A code is one of the cart's codes.
type code struct {
	normal   string // "" for one that is unknown
	opens    []int32
	mistyped bool // of a batch's form, but for a wrong symbol
}

// A sum is what one of Set.Sums comes to on this cart.
type sum struct {
	done    bool
	holds   bool
	granted bool // taken as true, to see what would be
	count   int64
	minor   int64
}

// NewMachine returns a machine for a set.
func NewMachine(set *Set) *Machine {
	m := &Machine{set: set, cart: set.Carts.NewValues(), shared: map[string]int32{}}
	m.cart.SetExtern(LinesExtern, m.sumHolds)
	return m
}

// Run evaluates a cart. The outcome is in the exported fields, until the next run; the input
// must not change as long.
func (m *Machine) Run(in *Input, solve Solver) {
	m.Read(in)
	m.State.begin(m)
	m.stages(solve)
	m.finish()
}

// Read finds the candidates of a cart and their accounts, and runs nothing.
func (m *Machine) Read(in *Input) {
	m.begin(in)
	m.find()
	m.counts = append(m.counts[:0], m.set.groups...)
	m.accounts = m.accounts[:0]
	clear(m.shared)
	for i := range m.Candidates {
		m.judge(&m.Candidates[i])
	}
}

// Stage is the name of a promotion's stage.
func (m *Machine) Stage(p *Promotion) string { return m.set.Stages[p.Stage].Name }

// begin takes in a cart.
func (m *Machine) begin(in *Input) {
	m.in, m.alone, m.split.currency = in, -1, in.Currency
	m.Outcome.reset()
	m.fill()
	m.ink = m.ink[:0]
	m.sums = append(m.sums[:0], make([]sum, len(m.set.Sums))...)
	m.targets = m.targets[:0]
	for i := range in.Targets {
		m.targets = append(m.targets, int32(i))
	}
	m.readCodes()
}

// readCodes finds what the cart's codes open: literal codes first, then batches.
func (m *Machine) readCodes() {
	m.codes = m.codes[:0]
	for _, text := range m.in.Codes {
		normal := NormalCode(text)
		if opens, ok := m.set.byCode[normal]; ok {
			m.codes = append(m.codes, code{normal: normal, opens: opens})
		} else {
			m.codes = append(m.codes, m.set.generated(text))
		}
	}
}

// generated asks the batches about a code.
func (s *Set) generated(text string) code {
	var c code
	for i, batch := range s.Batches {
		canonical, ok := batch.Check(text)
		if ok {
			return code{normal: canonical, opens: s.byBatch[i]}
		}
		c.mistyped = c.mistyped || canonical != ""
	}
	return c
}

// find collects the candidates.
func (m *Machine) find() {
	m.Candidates = m.Candidates[:0]
	if m.in.Scope == All {
		for i := range m.set.Promotions {
			m.candidate(int32(i))
		}
		return
	}
	list := append(m.reached[:0], m.set.always...)
	for i := range m.codes {
		list = append(list, m.codes[i].opens...)
	}
	list = appendPostings(list, m.set.byCart, m.set.Carts, m.cart)
	for i := range m.in.Targets {
		list = appendPostings(list, m.set.byTarget, m.set.Targets, m.values[i])
		if gift := m.in.Targets[i].Gift; gift != "" {
			if pos, ok := m.set.byID[gift]; ok {
				list = append(list, pos)
			}
		}
	}
	slices.Sort(list)
	m.reached = list
	for i, pos := range list {
		if i == 0 || pos != list[i-1] {
			m.candidate(pos)
		}
	}
}

func (m *Machine) candidate(pos int32) {
	m.Candidates = append(m.Candidates, Candidate{P: &m.set.Promotions[pos], pos: pos, Code: -1})
}

// appendPostings appends the promotions filed under the keys that values have.
func appendPostings(list []int32, postings [][][]int32, schema *predicate.Schema, v *predicate.Values) []int32 {
	for field, bySymbol := range postings {
		if len(bySymbol) == 0 {
			continue
		}
		if schema.Field(field).Kind == predicate.Set {
			for _, symbol := range v.Members(field) {
				if int(symbol) < len(bySymbol) {
					list = append(list, bySymbol[symbol]...)
				}
			}
		} else if symbol, ok := v.Symbol(field); ok && int(symbol) < len(bySymbol) {
			list = append(list, bySymbol[symbol]...)
		}
	}
	return list
}

// judge settles what no other promotion can change: the reasons up to a limit per customer,
// the accounts, the condition unless it asks for the state, and the targets.
func (m *Machine) judge(c *Candidate) {
	if c.reason = m.outside(c); c.reason != Fires {
		return
	}
	if c.reason = m.limits(c); c.reason != Fires {
		return
	}
	c.when = c.P.now || c.P.When.Eval(m.cart) == predicate.True
	if c.when {
		m.aim(c)
	}
}

// outside looks at the window, the codes, the currency and the customer.
func (m *Machine) outside(c *Candidate) Reason {
	p, at := c.P, m.in.At
	if !p.From.IsZero() && (at.IsZero() || at.Before(p.From)) {
		return NotStarted
	}
	if !p.Until.IsZero() && (at.IsZero() || !at.Before(p.Until)) {
		return Ended
	}
	if len(p.Codes)+len(p.Batches) > 0 {
		if c.Code = m.codeFor(c.pos); c.Code < 0 {
			return NoCode
		}
	}
	if !p.Currency.IsZero() && p.Currency != m.in.Currency {
		return OtherCurrency
	}
	if n := p.Limits.Campaign; n >= 0 {
		if campaign := &m.set.Campaigns[n]; campaign.Budget > 0 && campaign.Currency != m.in.Currency {
			return OtherCurrency
		}
	}
	if m.in.Customer.ID == "" && (p.Limits.PerCustomer > 0 || c.Code >= 0 && p.Limits.PerCodeCustomer > 0) {
		return NeedsCustomer
	}
	return Fires
}

// codeFor returns the cart's code that opens a promotion, the least by bytes, or -1.
func (m *Machine) codeFor(pos int32) int {
	best := -1
	for i := range m.codes {
		if _, opens := slices.BinarySearch(m.codes[i].opens, pos); opens && (best < 0 || m.codeLess(i, best)) {
			best = i
		}
	}
	return best
}

// codeLess orders codes by what they are, and then as they were typed.
func (m *Machine) codeLess(i, j int) bool {
	return cmp.Or(cmp.Compare(m.codes[i].normal, m.codes[j].normal), cmp.Compare(m.in.Codes[i], m.in.Codes[j])) < 0
}

// aim collects the targets of a candidate.
func (m *Machine) aim(c *Candidate) {
	from, to := m.in.Lines, m.in.Lines
	if c.P.Lines {
		from = 0
	}
	if c.P.Shipping {
		to = len(m.in.Targets)
	}
	_, gift := c.P.Effect.(*Gift)
	if c.P.Where == nil && !gift {
		c.targets = span{int32(from), int32(to)} //nolint:gosec // a cart is bounded
		return
	}
	c.targets.from = int32(len(m.targets)) //nolint:gosec // candidates x targets of a bounded cart
	for i := from; i < to; i++ {
		if gift && m.in.Targets[i].Gift == c.P.ID || !gift && c.P.Where.Eval(m.values[i]) == predicate.True {
			m.targets = append(m.targets, int32(i))
		}
	}
	c.targets.to = int32(len(m.targets)) //nolint:gosec // as above
}

func (m *Machine) targetsOf(c *Candidate) []int32 { return m.targets[c.targets.from:c.targets.to] }

// sumHolds answers "lines" conditions, adding each up once per cart.
func (m *Machine) sumHolds(index int) predicate.Verdict {
	s := m.sum(index)
	if s.holds || s.granted {
		return predicate.True
	}
	return predicate.False
}

func (m *Machine) sum(index int) *sum {
	s, asked := &m.sums[index], &m.set.Sums[index]
	if s.done {
		return s
	}
	s.done = true
	for i := range m.in.Lines {
		t := &m.in.Targets[i]
		if t.Gift == "" && asked.Where.Eval(m.values[i]) == predicate.True {
			s.count, s.minor = s.count+t.Quantity, s.minor+t.Total
		}
	}
	digits := uint8(m.in.Currency.Digits()) //nolint:gosec // at most 18
	s.holds = (asked.Count == nil || asked.Count.Holds(predicate.NumFromInt(s.count, 0))) &&
		(asked.Amount == nil || asked.Amount.Holds(predicate.NumFromInt(s.minor, digits)))
	return s
}
