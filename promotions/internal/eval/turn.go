package eval

import (
	"net/url"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/internal/predicate"
)

// Reason is why a promotion did not fire, in the order in which reasons are looked for.
type Reason uint8

// The reasons; Fires is none.
const (
	Fires Reason = iota
	NotStarted
	Ended
	NoCode
	OtherCurrency
	NeedsCustomer
	LimitReached
	ConditionFailed
	ExclusiveOther
	Stopped
	GroupFull
	Conflicts
	NoEffect
	BudgetExceeded
	NotBest
)

// A refusal is a reason and what is behind it: the promotion in the way, or the account.
type refusal struct {
	reason  Reason
	other   int32 // a candidate, or -1
	account int32 // in Machine.accounts, or -1
}

func refuse(r Reason) refusal { return refusal{r, -1, -1} }

// Turn is a candidate's turn: it takes what its effect takes in this state, and returns
// Fires, or changes nothing.
func (s *State) Turn(candidate int32) Reason {
	r := s.plan(candidate, &s.m.plan)
	if r.reason == Fires {
		s.apply(candidate, &s.m.plan)
	}
	return r.reason
}

// plan finds what a candidate would take, or why nothing.
func (s *State) plan(candidate int32, out *plan) refusal {
	c := &s.m.Candidates[candidate]
	out.reset()
	if r := s.eligible(c); r.reason != Fires {
		return r
	}
	if r := s.barred(candidate, c); r.reason != Fires {
		return r
	}
	targets, r := s.open(c)
	if r.reason != Fires {
		return r
	}
	return s.effect(c, targets, out)
}

// eligible looks at what a candidate asks of the cart, not of other promotions.
func (s *State) eligible(c *Candidate) refusal {
	if c.reason != Fires {
		return refuse(c.reason)
	}
	if r := s.affords(c); r.reason != Fires {
		return r
	}
	if c.P.now {
		s.showNow()
		if c.P.When.Eval(s.m.cart) != predicate.True {
			return refuse(ConditionFailed)
		}
	} else if !c.when {
		return refuse(ConditionFailed)
	}
	return refuse(Fires)
}

// affords looks for an account that has nothing left.
func (s *State) affords(c *Candidate) refusal {
	for i := c.accounts.from; i < c.accounts.to; i++ {
		if a := &s.m.accounts[i]; s.counts[a.left] <= 0 && !s.paid(a) {
			return refusal{LimitReached, -1, i}
		}
	}
	return refuse(Fires)
}

// showNow gives conditions the subtotal of this state.
func (s *State) showNow() {
	digits := uint8(s.m.in.Currency.Digits()) //nolint:gosec // at most 18
	s.m.cart.SetNumber(cartSubtotalNow, predicate.NumFromInt(s.now, digits))
}

// barred looks for what has fired and keeps a candidate from the whole cart.
func (s *State) barred(candidate int32, c *Candidate) refusal {
	if alone := s.m.alone; alone >= 0 && alone != candidate {
		return refusal{ExclusiveOther, alone, -1}
	}
	if len(s.fired) > 0 && c.P.Stack.Exclusive == InCart {
		return refusal{ExclusiveOther, s.fired[0].Candidate, -1}
	}
	if s.inStage > 0 {
		other := s.fired[len(s.fired)-s.inStage].Candidate
		if c.P.Stack.Exclusive == InStage || s.m.Candidates[other].P.Stack.Exclusive != NotExclusive {
			return refusal{ExclusiveOther, other, -1}
		}
	}
	if s.stopped >= 0 {
		return refusal{Stopped, s.stopped, -1}
	}
	if c.P.group >= 0 && s.counts[c.P.group] <= 0 {
		return refusal{GroupFull, s.lastOf(c.P.group), -1}
	}
	if most := s.m.set.Stages[c.P.Stage].MaxPerOrder; most > 0 && s.inStage >= most {
		return refusal{GroupFull, s.fired[len(s.fired)-1].Candidate, -1}
	}
	if len(c.P.excludes) > 0 || c.P.class != 0 {
		for i := range s.fired {
			other := s.fired[i].Candidate
			if o := &s.m.Candidates[other]; !combine(c.P, o.P, o.pos) {
				return refusal{Conflicts, other, -1}
			}
		}
	}
	return refuse(Fires)
}

// lastOf returns the latest member of a group that has fired.
func (s *State) lastOf(group int32) int32 {
	for _, f := range slices.Backward(s.fired) {
		if s.m.Candidates[f.Candidate].P.group == group {
			return f.Candidate
		}
	}
	return -1
}

// open returns the targets of a candidate from which nothing that has fired keeps it.
func (s *State) open(c *Candidate) ([]int32, refusal) {
	targets := s.m.targetsOf(c)
	if !s.m.set.linked || len(s.hits) == 0 {
		return targets, refuse(Fires)
	}
	var inWay int32 = -1
	open := s.m.open[:0]
	for _, t := range targets {
		if other := s.inWay(c, t); other >= 0 {
			inWay = other
		} else {
			open = append(open, t)
		}
	}
	s.m.open = open
	if len(open) == 0 && inWay >= 0 {
		return nil, refusal{Conflicts, inWay, -1}
	}
	return open, refuse(Fires)
}

// inWay returns a candidate that keeps another from a target, or -1.
func (s *State) inWay(c *Candidate, target int32) int32 {
	most, n := s.m.set.Stages[c.P.Stage].MaxPerLine, 0
	for at := s.targets[target].hits; at >= 0; at = s.hits[at].next {
		other := s.hits[at].candidate
		o := &s.m.Candidates[other]
		if o.P.Stage == c.P.Stage {
			n++
		}
		if most > 0 && n >= most || s.m.set.tagged && !meet(c.P, o.P) {
			return other
		}
	}
	return -1
}

// effect plans the effect on targets, within caps and budgets.
func (s *State) effect(c *Candidate, targets []int32, out *plan) refusal {
	switch e := c.P.Effect.(type) {
	case *Discount:
		s.discount(c.P, e, targets, out)
	case *BuyGet:
		s.buyGet(e, targets, out)
	case *Bundle:
		s.bundle(e, targets, out)
	case *Gift:
		s.gift(c, e, targets, out)
	}
	most := out.total
	if d, ok := c.P.Effect.(*Discount); ok && d.Cap != NoCap {
		most = min(most, d.Cap)
	}
	if most == 0 {
		return refuse(NoEffect)
	}
	return s.limit(c, most, out)
}

// limit cuts a plan once, to the least of what it may take and the budgets leave, or refuses
// it.
func (s *State) limit(c *Candidate, most int64, out *plan) refusal {
	for i := c.accounts.from; i < c.accounts.to; i++ {
		a := &s.m.accounts[i]
		if !a.money || s.counts[a.left] >= most {
			continue
		}
		if s.m.set.Policy.SkipOver {
			return refusal{BudgetExceeded, -1, i}
		}
		most = s.counts[a.left]
	}
	out.cut(most, &s.m.split, s.m.set.Policy.Allocation)
	return refuse(Fires)
}

// apply commits a plan that fires, with its slots and accounts.
func (s *State) apply(candidate int32, p *plan) {
	c := &s.m.Candidates[candidate]
	s.commit(candidate, p)
	s.inStage++
	if c.P.group >= 0 {
		s.addCount(c.P.group, -1)
	}
	if c.P.Stack.Stop {
		s.stopped = candidate
	}
	for i := c.accounts.from; i < c.accounts.to; i++ {
		a := &s.m.accounts[i]
		switch {
		case a.money:
			s.addCount(a.left, -p.total)
		case !s.paid(a):
			s.addCount(a.left, -1)
			if a.once >= 0 {
				s.addCount(a.once, 1)
			}
		}
	}
}

// paid reports whether an account of a code has been debited for this order, by another
// promotion that the code opens.
func (s *State) paid(a *account) bool { return a.once >= 0 && s.counts[a.once] > 0 }

// An account is a limit of a candidate.
type account struct {
	name  string
	money bool
	limit int64
	left  int32 // in State.counts
	once  int32 // for an account of a code: whether it has been debited; else -1
}

// limits finds the accounts of a candidate and what is left in them.
func (m *Machine) limits(c *Candidate) Reason {
	l := &c.P.Limits
	c.accounts.from = int32(len(m.accounts)) //nolint:gosec // at most seven per promotion
	c.accounts.to = c.accounts.from
	ok := m.limit(c, l.Uses, false, c.P.uses) && m.limit(c, l.Budget, true, c.P.budget)
	if l.PerCustomer > 0 {
		ok = ok && m.limit(c, l.PerCustomer, false, "promotion/"+c.P.ID+m.customer())
	}
	if c.Code >= 0 && l.PerCode+l.PerCodeCustomer > 0 {
		prefix := "code/" + url.PathEscape(m.codes[c.Code].normal)
		ok = ok && m.limit(c, l.PerCode, false, prefix+"/uses")
		if l.PerCodeCustomer > 0 {
			ok = ok && m.limit(c, l.PerCodeCustomer, false, prefix+m.customer())
		}
	}
	if l.Campaign >= 0 {
		campaign := &m.set.Campaigns[l.Campaign]
		ok = ok && m.limit(c, campaign.Uses, false, campaign.uses) && m.limit(c, campaign.Budget, true, campaign.budget)
	}
	if !ok {
		return OtherCurrency
	}
	return Fires
}

func (m *Machine) customer() string {
	return "/customer/" + url.PathEscape(m.in.Customer.ID) + "/uses"
}

// limit adds an account of a candidate, and is false where it is in another currency.
func (m *Machine) limit(c *Candidate, limit int64, money bool, name string) bool {
	if limit == 0 {
		return true
	}
	a := account{name: name, money: money, limit: limit, once: -1}
	promotions := strings.HasPrefix(name, "promotion/") // an account of this promotion alone
	if cell, known := m.shared[name]; known && !promotions {
		a.left = cell
		if strings.HasPrefix(name, "code/") {
			a.once = cell + 1
		}
	} else {
		left := int64(Unlimited)
		if m.in.Left != nil {
			var ok bool
			if left, ok = m.in.Left(name, money); !ok {
				return false
			}
		}
		a.left = int32(len(m.counts)) //nolint:gosec // at most seven per promotion
		m.counts = append(m.counts, left)
		if strings.HasPrefix(name, "code/") {
			a.once = a.left + 1
			m.counts = append(m.counts, 0)
		}
		if !promotions {
			m.shared[name] = a.left
		}
	}
	m.accounts = append(m.accounts, a)
	c.accounts.to++
	return true
}

// A Debit is what a candidate that fired takes from an account: minor units, or one use.
type Debit struct {
	Candidate     int32
	Account       string
	Money         bool
	Amount, Limit int64
}

// AppendDebits appends what has been taken, in order of account and then of firing. The
// account of a code is debited once, by the first promotion that it opened.
func (m *Machine) AppendDebits(list []Debit) []Debit {
	start := len(list)
	for i := range m.State.fired {
		f := &m.State.fired[i]
		c := &m.Candidates[f.Candidate]
		for _, a := range m.accounts[c.accounts.from:c.accounts.to] {
			d := Debit{f.Candidate, a.name, a.money, 1, a.limit}
			if a.money {
				d.Amount = f.Amount
			}
			if a.once < 0 || !slices.ContainsFunc(list[start:], func(o Debit) bool { return o.Account == a.name }) {
				list = append(list, d)
			}
		}
	}
	slices.SortStableFunc(list[start:], func(a, b Debit) int { return strings.Compare(a.Account, b.Account) })
	return list
}

// Accounts yields the accounts that decide on the candidates that Read found, in canonical
// order; of several with one name each. Promotions that are out whatever is left name none.
func (m *Machine) Accounts(yield func(name string, money bool, limit int64)) {
	for i := range m.Candidates {
		if c := &m.Candidates[i]; c.reason == Fires && c.when {
			for _, a := range m.accounts[c.accounts.from:c.accounts.to] {
				yield(a.name, a.money, a.limit)
			}
		}
	}
}
