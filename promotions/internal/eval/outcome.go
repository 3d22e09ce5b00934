package eval

import (
	"cmp"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
)

// An Outcome is what an evaluation says beside State.Fired. Texts are read with
// Machine.Text.
type Outcome struct {
	Rejected []Rejection // in canonical order
	Near     []NearMiss  // the nearest first
	Gifts    []GiftState
	Optimal  bool
	Bound    int64
	Nodes    int
}

// A Rejection is a candidate that did not fire.
type Rejection struct {
	Candidate, Other      int32 // Other is -1 for none
	Reason                Reason
	Path, Field, Op, Want string
	Have                  Text
}

// A NearMiss is a candidate that one threshold keeps from firing.
type NearMiss struct {
	Candidate       int32
	Field           string
	Have, Need, Gap Text
	gap, need       int64 // in the last digit of the two
}

// A GiftState is what a gift promotion grants, and what the cart has of it.
type GiftState struct {
	Candidate        int32
	Entitled, InCart int64
}

// maxNear is how many near misses are told.
const maxNear = 5

func (o *Outcome) reset() {
	*o = Outcome{Rejected: o.Rejected[:0], Near: o.Near[:0], Gifts: o.Gifts[:0], Optimal: true}
}

// A Text is a text of an outcome, by its place among all of them, so that one allocation
// serves all.
type Text struct{ from, to int }

// Text returns a text of the outcome.
func (m *Machine) Text(t Text) string { return m.texts[t.from:t.to] }

// minor writes an amount in major units.
func (m *Machine) minor(n int64) Text { return m.scaled(n, m.in.Currency.Digits()) }

// scaled writes n x 10^-digits.
func (m *Machine) scaled(n int64, digits int) Text {
	from := len(m.ink)
	m.ink = strconv.AppendInt(m.ink, n, 10)
	if digits > 0 {
		start := from
		if n < 0 {
			start++
		}
		for len(m.ink)-start <= digits {
			m.ink = slices.Insert(m.ink, start, '0')
		}
		m.ink = slices.Insert(m.ink, len(m.ink)-digits, '.')
	}
	return Text{from, len(m.ink)}
}

func (m *Machine) write(s string) Text {
	from := len(m.ink)
	m.ink = append(m.ink, s...)
	return Text{from, len(m.ink)}
}

// reject records that a candidate does not fire.
func (m *Machine) reject(at int32, r refusal) {
	c := &m.Candidates[at]
	c.final = r.reason
	if m.in.Scope == None {
		return
	}
	out := Rejection{Candidate: at, Other: r.other, Reason: r.reason}
	if r.account >= 0 {
		a := &m.accounts[r.account]
		out.Field = a.name
		if left := m.State.counts[a.left]; a.money {
			out.Want, out.Have = money.New(a.limit, m.in.Currency).Text(), m.minor(left)
		} else {
			out.Want, out.Have = strconv.FormatInt(a.limit, 10), m.scaled(left, 0)
		}
	}
	if r.reason == ConditionFailed {
		m.describe(c, &out)
		m.near(at, c)
	}
	m.Outcome.Rejected = append(m.Outcome.Rejected, out)
}

// accept takes a rejection back.
func (m *Machine) accept(at int32) { m.Candidates[at].final = Fires }

// describe says which part of a condition failed, and what the cart has.
func (m *Machine) describe(c *Candidate, out *Rejection) {
	m.State.showNow()
	if leaf := c.P.When.Node().Leaf; leaf != nil && leaf.Op != predicate.Exists {
		if field, have, ok := m.number(leaf.Field); ok { // as below, without its allocations
			out.Path, out.Field, out.Op, out.Want, out.Have = "when", field, string(leaf.Op), wanted(leaf.Values), have
			return
		}
	}
	why := c.P.When.Why(m.cart)
	out.Path = "when"
	if why.Path != "" {
		out.Path += "." + why.Path
	}
	if why.Extern != "" {
		m.describeSum(why.Index, out)
	} else {
		out.Field, out.Op, out.Want = why.Leaf.Field, string(why.Leaf.Op), wanted(why.Leaf.Values)
		if _, have, ok := m.number(why.Leaf.Field); ok {
			out.Have = have
		} else if why.Known {
			out.Have = m.write(why.Got)
		}
	}
	if why.Not {
		out.Op = "not " + out.Op
	}
}

// number writes what the cart has for a field of numbers.
func (m *Machine) number(name string) (field string, have Text, ok bool) {
	switch name {
	case "cart.subtotal":
		return name, m.minor(m.subtotal), true
	case "cart.subtotal_now":
		return name, m.minor(m.State.now), true
	case "cart.units":
		return name, m.scaled(m.units, 0), true
	default:
		return "", Text{}, false
	}
}

func wanted(values []predicate.Value) string {
	if len(values) == 1 {
		return values[0].Text
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.Text
	}
	return strings.Join(texts, ", ")
}

// describeSum names the comparison of a sum that failed, or that held under a not.
func (m *Machine) describeSum(index int, out *Rejection) {
	s, asked := m.sum(index), &m.set.Sums[index]
	bound := asked.Amount
	out.Field, out.Have = "lines.amount", m.minor(s.minor)
	if asked.Count != nil && (bound == nil || s.holds || !asked.Count.Holds(predicate.NumFromInt(s.count, 0))) {
		bound = asked.Count
		out.Field, out.Have = "lines.count", m.scaled(s.count, 0)
	}
	out.Op, out.Want = string(bound.Op), bound.Low.String()
	if bound.Op == predicate.Between {
		out.Want += ", " + bound.High.String()
	}
}

// A nearLeaf is a threshold that a buyer could reach by buying more.
type nearLeaf struct {
	field  string
	number int  // of the cart's field; LinesExtern's sum where it is negative
	sum    int  // in Set.Sums
	money  bool // else units
	need   decimal.Decimal
	above  bool // more than the threshold
	enough predicate.Num
}

// nearLeaves appends the thresholds of a condition.
func (s *Set) nearLeaves(n predicate.Node, list []nearLeaf) []nearLeaf {
	for _, part := range slices.Concat(n.All, n.Any) {
		list = s.nearLeaves(part, list)
	}
	if n.Extern != nil {
		return s.nearSums(n.Extern, list)
	}
	if n.Leaf == nil || n.Leaf.Op != predicate.Ge && n.Leaf.Op != predicate.Gt {
		return list
	}
	number := slices.IndexFunc(CartFields()[:cartShippingMethods], func(f predicate.Field) bool { return f.Name == n.Leaf.Field })
	if number < 0 {
		return list
	}
	return appendNear(list, n.Leaf.Op, n.Leaf.Values[0].Text, nearLeaf{field: n.Leaf.Field, number: number, money: number != cartUnits})
}

// nearSums appends those of "lines".
func (s *Set) nearSums(raw *predicate.Raw, list []nearLeaf) []nearLeaf {
	index := slices.IndexFunc(s.Sums, func(sum Sum) bool { return sum.JSON == string(raw.JSON) })
	if index < 0 {
		return list
	}
	if b := s.Sums[index].Count; b != nil {
		list = appendNear(list, b.Op, b.Low.String(), nearLeaf{field: "lines.count", number: -1, sum: index})
	}
	if b := s.Sums[index].Amount; b != nil {
		list = appendNear(list, b.Op, b.Low.String(), nearLeaf{field: "lines.amount", number: -1, sum: index, money: true})
	}
	return list
}

func appendNear(list []nearLeaf, op predicate.Op, need string, leaf nearLeaf) []nearLeaf {
	d, err := decimal.NewFromString(need)
	if err != nil || op != predicate.Ge && op != predicate.Gt || d.Exponent() < -maxNearDigits || d.NumDigits() > maxNearDigits {
		return list
	}
	leaf.need, leaf.above, leaf.enough = d, op == predicate.Gt, predicate.NumFromDecimal(d)
	if leaf.above {
		leaf.enough = predicate.NumFromDecimal(d.Add(decimal.New(1, 0)))
	}
	return append(list, leaf)
}

// maxNearDigits keeps thresholds within int64; no cart reaches one beyond.
const maxNearDigits = 18

// near records the least gap that would make a condition true if closed.
func (m *Machine) near(at int32, c *Candidate) {
	if m.in.NearPercent < 0 {
		return
	}
	best := NearMiss{Candidate: -1}
	for i := range c.P.near {
		leaf := &c.P.near[i]
		have, need, digits, ok := m.gap(leaf)
		if !ok || have > need || have == need && !leaf.above || farther(need-have, need, int64(m.in.NearPercent), 100) || !m.suffices(c, leaf) {
			continue
		}
		if best.Candidate < 0 || farther(best.gap, best.need, need-have, need) {
			best = NearMiss{at, leaf.field, m.scaled(have, digits), m.scaled(need, digits), m.scaled(need-have, digits), need - have, need}
		}
	}
	if best.Candidate >= 0 {
		m.Outcome.Near = append(m.Outcome.Near, best)
	}
}

// farther reports whether gap/need is above a/b.
func farther(gap, need, a, b int64) bool {
	hi1, lo1 := bits.Mul64(uint64(gap), uint64(b))  //nolint:gosec // none is negative
	hi2, lo2 := bits.Mul64(uint64(a), uint64(need)) //nolint:gosec // none is negative
	return cmp.Or(cmp.Compare(hi1, hi2), cmp.Compare(lo1, lo2)) > 0
}

// gap returns what the cart has and needs, as integers with as many digits as both need.
func (m *Machine) gap(leaf *nearLeaf) (have, need int64, digits int, ok bool) {
	switch {
	case leaf.number < 0 && leaf.money:
		have = m.sum(leaf.sum).minor
	case leaf.number < 0:
		have = m.sum(leaf.sum).count
	case leaf.number == cartSubtotal:
		have = m.subtotal
	case leaf.number == cartSubtotalNow:
		have = m.State.now
	default:
		have = m.units
	}
	own := 0
	if leaf.money {
		own = m.in.Currency.Digits()
	}
	digits = max(own, int(-leaf.need.Exponent()))
	have, ok = raise(have, digits-own)
	if !ok {
		return 0, 0, 0, false
	}
	need, ok = raise(leaf.need.CoefficientInt64(), digits+int(leaf.need.Exponent()))
	return have, need, digits, ok
}

// raise is n x 10^digits, and whether that fits.
func raise(n int64, digits int) (int64, bool) {
	for range digits {
		hi, lo := bits.Mul64(uint64(n), 10) //nolint:gosec // not negative
		if n < 0 || hi != 0 || lo > Unlimited {
			return 0, false
		}
		n = int64(lo)
	}
	return n, n >= 0
}

// suffices reports whether a condition would be true with one threshold reached.
func (m *Machine) suffices(c *Candidate, leaf *nearLeaf) bool {
	m.State.showNow()
	if leaf.number < 0 {
		s, asked := m.sum(leaf.sum), &m.set.Sums[leaf.sum]
		digits := uint8(m.in.Currency.Digits()) //nolint:gosec // at most 18
		if leaf.money && asked.Count != nil && !asked.Count.Holds(predicate.NumFromInt(s.count, 0)) ||
			!leaf.money && asked.Amount != nil && !asked.Amount.Holds(predicate.NumFromInt(s.minor, digits)) {
			return false
		}
		s.granted = true
		defer func() { s.granted = false }()
		return c.P.When.Eval(m.cart) == predicate.True
	}
	m.cart.SetNumber(leaf.number, leaf.enough)
	holds := c.P.When.Eval(m.cart) == predicate.True
	m.showCart()
	return holds
}

// finish orders and completes the outcome.
func (m *Machine) finish() {
	o := &m.Outcome
	o.Rejected = slices.DeleteFunc(o.Rejected, func(r Rejection) bool { return m.Candidates[r.Candidate].final == Fires })
	slices.SortFunc(o.Rejected, func(a, b Rejection) int { return cmp.Compare(a.Candidate, b.Candidate) })
	o.Near = slices.DeleteFunc(o.Near, func(n NearMiss) bool { return m.Candidates[n.Candidate].final == Fires })
	slices.SortStableFunc(o.Near, func(a, b NearMiss) int {
		switch {
		case farther(a.gap, a.need, b.gap, b.need):
			return 1
		case farther(b.gap, b.need, a.gap, a.need):
			return -1
		default:
			return cmp.Compare(a.Candidate, b.Candidate)
		}
	})
	o.Near = o.Near[:min(len(o.Near), maxNear)]
	for i := range m.Candidates {
		if gift, ok := m.Candidates[i].P.Effect.(*Gift); ok {
			m.countGift(int32(i), gift)
		}
	}
	m.texts = string(m.ink)
}

// countGift records what a gift promotion grants and the cart has.
func (m *Machine) countGift(at int32, gift *Gift) {
	c := &m.Candidates[at]
	out := GiftState{Candidate: at}
	if c.final == Fires || c.final == NoEffect || c.final == BudgetExceeded {
		out.Entitled = m.entitled(c.P, gift)
	}
	for i := range m.in.Lines {
		if m.in.Targets[i].Gift == c.P.ID {
			out.InCart += m.in.Targets[i].Quantity
		}
	}
	if out.Entitled+out.InCart > 0 {
		m.Outcome.Gifts = append(m.Outcome.Gifts, out)
	}
}

// CodeStatus is what became of a code.
type CodeStatus uint8

// The statuses.
const (
	CodeUnknown CodeStatus = iota
	CodeMistyped
	CodeKnown
	CodeUsed
)

// Code says what became of one of the cart's codes.
func (m *Machine) Code(i int) CodeStatus {
	c := &m.codes[i]
	for _, f := range m.State.fired {
		if by := m.Candidates[f.Candidate].Code; by >= 0 && m.codes[by].normal == c.normal {
			return CodeUsed
		}
	}
	switch {
	case len(c.opens) > 0:
		return CodeKnown
	case c.mistyped:
		return CodeMistyped
	default:
		return CodeUnknown
	}
}
