package naive

import (
	"math"
	"net/url"
	"slices"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// answer is what a promotion would do at its turn: its reason, or what it takes.
type answer struct {
	reason promotions.Reason
	other  string
	code   string
	plan   plan
}

// try gives a promotion its turn on a state, which it leaves as it is.
func (e *evaluation) try(s *state, p *promotions.Promotion) answer {
	code, reason := e.gate(s, p)
	if reason != "" {
		return answer{reason: reason}
	}
	if reason, other := e.barred(s, p); reason != "" {
		return answer{reason: reason, other: other, code: code}
	}
	targets, reason := e.targets(s, p)
	if reason != "" {
		return answer{reason: reason, code: code}
	}
	plan := e.effect(s, p, targets)
	plan, reason = e.cut(s, p, plan)
	return answer{reason: reason, code: code, plan: plan}
}

// gate is what does not depend on the other promotions of the stage: the code that
// opens the promotion, and the first reason that keeps it shut.
func (e *evaluation) gate(s *state, p *promotions.Promotion) (string, promotions.Reason) {
	at := e.cart.At
	if !p.From.IsZero() && (at.IsZero() || at.Before(p.From)) {
		return "", promotions.NotStarted
	}
	if !p.Until.IsZero() && (at.IsZero() || !at.Before(p.Until)) {
		return "", promotions.Ended
	}
	code, open := e.codeFor(s, p)
	if !open {
		return "", promotions.NoCode
	}
	if e.otherCurrency(p) {
		return "", promotions.OtherCurrency
	}
	if (p.Limits.PerCustomer > 0 || p.Limits.PerCodeCustomer > 0) && e.customer() == "" {
		return "", promotions.NeedsCustomer
	}
	if e.exhausted(s, p, code) {
		return "", promotions.LimitReached
	}
	if !e.when(s, p.When, nil) {
		return "", promotions.ConditionFailed
	}
	return code, ""
}

func (e *evaluation) customer() string {
	if e.cart.Customer == nil {
		return ""
	}
	return e.cart.Customer.ID
}

func (e *evaluation) otherCurrency(p *promotions.Promotion) bool {
	if !p.Currency.IsZero() && p.Currency != e.cart.Currency {
		return true
	}
	c := e.campaign(p)
	return c != nil && c.Budget.Sign() > 0 && e.campaignCurrency(c) != e.cart.Currency
}

// campaignCurrency is a campaign's own currency, or that of its promotions.
func (e *evaluation) campaignCurrency(c *promotions.Campaign) money.Currency {
	if !c.Currency.IsZero() {
		return c.Currency
	}
	for _, p := range e.order {
		if p.Limits.Campaign == c.ID && !p.Currency.IsZero() {
			return p.Currency
		}
	}
	return money.Currency{}
}

// codeFor is the code of the cart that opens a promotion: the first by its bytes
// whose accounts have something left, else the first; none where none is needed.
func (e *evaluation) codeFor(s *state, p *promotions.Promotion) (code string, open bool) {
	if len(p.Codes)+len(p.Batches) == 0 {
		return "", true
	}
	opening := e.opening(p)
	for _, code := range opening {
		if !e.codeExhausted(s, p, code) {
			return code, true
		}
	}
	if len(opening) == 0 {
		return "", false
	}
	return opening[0], true
}

// opening are the codes of the cart that open a promotion, by their bytes.
func (e *evaluation) opening(p *promotions.Promotion) []string {
	var out []string
	for _, typed := range e.cart.Codes {
		if form, status := e.read(typed); status == known && slices.ContainsFunc(e.opened(typed), func(q *promotions.Promotion) bool { return q == p }) {
			out = append(out, form)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// The three things that a code can be.
const (
	known = iota
	mistyped
	unknown
)

// read is the form of a code under which accounts are kept, and what it is.
func (e *evaluation) read(typed string) (form string, status int) {
	form = normal(typed)
	for _, p := range e.order {
		if slices.ContainsFunc(p.Codes, func(c string) bool { return normal(c) == form }) {
			return form, known
		}
	}
	status = unknown
	for _, b := range e.batches {
		canonical, ok := b.Check(typed)
		switch {
		case ok && slices.ContainsFunc(e.order, func(p *promotions.Promotion) bool { return slices.Contains(p.Batches, b.Batch()) }):
			return canonical, known
		case !ok && canonical != "":
			status = mistyped
		}
	}
	return form, status
}

// opened are the promotions that a code opens.
func (e *evaluation) opened(typed string) []*promotions.Promotion {
	var literal, generated []*promotions.Promotion
	for _, p := range e.order {
		if slices.ContainsFunc(p.Codes, func(c string) bool { return normal(c) == normal(typed) }) {
			literal = append(literal, p)
		}
		for _, b := range e.batches {
			if _, ok := b.Check(typed); ok && slices.Contains(p.Batches, b.Batch()) {
				generated = append(generated, p)
			}
		}
	}
	if len(literal) > 0 {
		return literal
	}
	return generated
}

// account is one that a promotion debits, by its limits.
type account struct {
	id    string
	limit int64
	money bool
	keep  bool
	code  bool // debited once per order
}

// accounts are those of a promotion under a code.
func (e *evaluation) accounts(p *promotions.Promotion, code string) []account {
	var out []account
	l, own := p.Limits, "promotion/"+p.ID
	customer, escaped := url.PathEscape(e.customer()), url.PathEscape(code)
	uses := func(limit int64, id string, ofCode bool) {
		if limit > 0 {
			out = append(out, account{id: id, limit: limit, keep: l.KeepAfterCancel, code: ofCode})
		}
	}
	uses(l.Uses, own+"/uses", false)
	uses(l.PerCustomer, own+"/customer/"+customer+"/uses", false)
	uses(l.PerCode, "code/"+escaped+"/uses", true)
	uses(l.PerCodeCustomer, "code/"+escaped+"/customer/"+customer+"/uses", true)
	if l.Budget.Sign() > 0 {
		out = append(out, account{id: own + "/budget", limit: e.minorOf(l.Budget, p.Currency), money: true})
	}
	if c := e.campaign(p); c != nil {
		uses(c.Uses, "campaign/"+c.ID+"/uses", false)
		if c.Budget.Sign() > 0 {
			out = append(out, account{id: "campaign/" + c.ID + "/budget", limit: e.minorOf(c.Budget, e.campaignCurrency(c)), money: true})
		}
	}
	return out
}

// debited is what the promotions so far took from an account.
func (e *evaluation) debited(s *state, a account) int64 {
	sum := int64(0)
	for _, f := range s.fired {
		for _, other := range e.accounts(f.p, f.code) {
			switch {
			case other.id != a.id:
			case a.money:
				sum += f.amount
			case a.code:
				sum = 1
			default:
				sum++
			}
		}
	}
	return sum
}

// left is what an account has left; ok is false where that is not limited.
func (e *evaluation) left(s *state, a account) (n int64, ok bool) {
	left, ok := e.options.Left[a.id]
	if !ok {
		return 0, false
	}
	if a.money {
		return minor(left.Amount) - e.debited(s, a), true
	}
	return left.Uses - e.debited(s, a), true
}

func (e *evaluation) exhausted(s *state, p *promotions.Promotion, code string) bool {
	return slices.ContainsFunc(e.accounts(p, code), func(a account) bool {
		if a.code {
			return false
		}
		left, ok := e.left(s, a)
		return ok && left <= 0
	}) || e.codeExhausted(s, p, code)
}

// codeExhausted does not look at an account that this order has debited.
func (e *evaluation) codeExhausted(s *state, p *promotions.Promotion, code string) bool {
	return slices.ContainsFunc(e.accounts(p, code), func(a account) bool {
		left, ok := e.left(s, a)
		return a.code && ok && e.debited(s, a) == 0 && left <= 0
	})
}

// barred is the constraint between promotions that keeps one from firing.
func (e *evaluation) barred(s *state, p *promotions.Promotion) (promotions.Reason, string) {
	stage := e.stageOf(p)
	var mates []fired // of its stage
	for _, f := range s.fired {
		if e.stageOf(f.p) == stage {
			mates = append(mates, f)
		}
	}
	for _, f := range s.fired {
		mate := e.stageOf(f.p) == stage
		if p.Stack.Exclusive == promotions.InCart || f.p.Stack.Exclusive == promotions.InCart ||
			mate && (p.Stack.Exclusive == promotions.InStage || f.p.Stack.Exclusive == promotions.InStage) {
			return promotions.ExclusiveOther, f.p.ID
		}
	}
	for _, f := range mates {
		if f.p.Stack.Stop || e.stages[stage].Mode == promotions.First {
			return promotions.Stopped, f.p.ID
		}
	}
	if most := e.stages[stage].MaxPerOrder; most > 0 && len(mates) >= most {
		return promotions.GroupFull, ""
	}
	if e.groupFull(stage, p.Stack.Group, mates) {
		return promotions.GroupFull, ""
	}
	for _, f := range s.fired {
		if slices.Contains(p.Stack.Excludes, f.p.ID) || slices.Contains(f.p.Stack.Excludes, p.ID) || !classesMeet(p.Stack, f.p.Stack) {
			return promotions.Conflicts, f.p.ID
		}
	}
	return "", ""
}

func (e *evaluation) groupFull(stage int, group string, mates []fired) bool {
	if group == "" {
		return false
	}
	limit, ok := e.stages[stage].Groups[group]
	if !ok {
		limit = 1
	}
	for _, f := range mates {
		if f.p.Stack.Group == group {
			limit--
		}
	}
	return limit <= 0
}

// classesMeet: both must list the other's; none combines with all.
func classesMeet(a, b promotions.Stack) bool {
	return a.Class == "" || b.Class == "" || slices.Contains(a.Combines, b.Class) && slices.Contains(b.Combines, a.Class)
}

// tagsMeet: each has a tag that the other combines with, or neither has any.
func tagsMeet(a, b promotions.Stack) bool {
	if len(a.Tags)+len(a.CombinesTags)+len(b.Tags)+len(b.CombinesTags) == 0 {
		return true
	}
	share := func(tags, combines []string) bool {
		return slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(combines, t) })
	}
	return share(a.Tags, b.CombinesTags) && share(b.Tags, a.CombinesTags)
}

// targets are those that a promotion may act on; none at all is no reason by itself.
func (e *evaluation) targets(s *state, p *promotions.Promotion) ([]int, promotions.Reason) {
	var out []int
	blocked := false
	for i := range s.targets {
		t := &s.targets[i]
		if !e.aims(s, p, t) {
			continue
		}
		if e.blocked(s, p, i) {
			blocked = true
			continue
		}
		out = append(out, i)
	}
	if len(out) == 0 && blocked {
		return nil, promotions.Conflicts
	}
	return out, ""
}

// aims reports whether a promotion is about a target.
func (e *evaluation) aims(s *state, p *promotions.Promotion, t *target) bool {
	switch p.Effect.(type) {
	case *promotions.FreeGift:
		return t.line != nil && t.line.Gift == p.ID
	case *promotions.BuyGet, *promotions.Bundle:
		return t.line != nil && e.where(s, p.Where, t)
	}
	if t.line != nil && p.Target == promotions.OnShipping || t.charge != nil && p.Target == promotions.OnLines {
		return false
	}
	return e.where(s, p.Where, t)
}

// blocked reports whether what took something from a target keeps a promotion off it.
func (e *evaluation) blocked(s *state, p *promotions.Promotion, target int) bool {
	stage, mates := e.stageOf(p), 0
	for _, f := range s.fired {
		if f.taken(target) == 0 {
			continue
		}
		if !tagsMeet(p.Stack, f.p.Stack) {
			return true
		}
		if e.stageOf(f.p) == stage {
			mates++
		}
	}
	most := e.stages[stage].MaxPerLine
	return most > 0 && mates >= most
}

// cut brings a plan down to the cap and to what the budgets leave.
func (e *evaluation) cut(s *state, p *promotions.Promotion, plan plan) (plan, promotions.Reason) {
	total := plan.total()
	most := total
	if d, ok := p.Effect.(*promotions.Discount); ok && d.Cap.Valid {
		most = min(most, e.minorOf(d.Cap.Decimal, p.Currency))
	}
	if most == 0 {
		return plan, promotions.NoEffect
	}
	budget := int64(math.MaxInt64)
	for _, a := range e.accounts(p, "") {
		if left, ok := e.left(s, a); ok && a.money {
			budget = min(budget, left)
		}
	}
	if budget < most && e.set.Policy.OverBudget == promotions.SkipOverBudget {
		return plan, promotions.BudgetExceeded
	}
	most = min(most, budget)
	if most < total {
		e.cutTo(plan, most)
	}
	return plan, ""
}

// cutTo splits a smaller total over the targets and pieces of a plan, in proportion
// to what they had.
func (e *evaluation) cutTo(plan plan, most int64) {
	had := make([]int64, len(plan))
	for i := range plan {
		had[i] = plan[i].total()
	}
	for i, share := range e.allocate(most, had, had, e.set.Policy.Allocation) {
		takes := make([]int64, len(plan[i].cuts))
		for j := range takes {
			takes[j] = plan[i].cuts[j].take
		}
		for j, take := range e.allocate(share, takes, takes, money.LargestRemainder) {
			plan[i].cuts[j].take = take
		}
	}
}

// allocate splits a total by weights under caps.
func (e *evaluation) allocate(total int64, weights, caps []int64, split money.Split) []int64 {
	if len(weights) == 0 {
		return nil
	}
	limits := make([]money.Amount, len(caps))
	for i := range caps {
		limits[i] = money.New(caps[i], e.cart.Currency)
	}
	shares, _, err := money.AllocateCapped(money.New(total, e.cart.Currency), weights, limits, split)
	return minors(must(shares, err))
}

func minors(amounts []money.Amount) []int64 {
	out := make([]int64, len(amounts))
	for i := range amounts {
		out[i] = minor(amounts[i])
	}
	return out
}
