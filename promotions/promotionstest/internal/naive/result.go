package naive

import (
	"cmp"
	"math/big"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// result states what a state means.
func (e *evaluation) result(s *state) promotions.Result {
	r := promotions.Result{Optimal: true, Gifts: e.gifts(), Codes: e.codes(s), Debits: e.debits(s), NextChange: e.nextChange()}
	for _, f := range s.fired {
		r.Applied = append(r.Applied, e.application(s, f))
	}
	for _, p := range e.order {
		if rejection, ok := e.rejected[p.ID]; ok && e.options.WhyNot != promotions.None {
			r.Rejected = append(r.Rejected, rejection)
		}
	}
	r.Near = e.near(s)
	for i := range s.targets {
		e.settle(s, i, &r)
	}
	r.Total = e.amount(minor(r.Subtotal) - minor(r.Discount))
	r.Bound = r.Discount
	return r
}

func (e *evaluation) amount(n int64) money.Amount { return money.New(n, e.cart.Currency) }

func (e *evaluation) application(s *state, f fired) promotions.Application {
	a := promotions.Application{Promotion: f.p.ID, Stage: e.stages[e.stageOf(f.p)].Name, Code: f.code, Amount: e.amount(f.amount), Times: f.times}
	for _, piece := range f.pieces {
		t := s.targets[piece.target]
		share := promotions.Share{Target: t.id, From: piece.from, To: piece.to, Amount: e.amount(piece.amount)}
		if t.charge != nil {
			share.From, share.To = 0, 0
		}
		a.Shares = append(a.Shares, share)
	}
	return a
}

// taxed is what a price is net, tax and gross.
func (e *evaluation) taxed(n int64, rate decimal.Decimal) (net, tax, gross int64) {
	mode := money.Rounding{Mode: e.set.Policy.Rounding.Mode}
	a := e.amount(n)
	if e.cart.PricesIncludeTax {
		before, tax, err := money.ExtractTax(a, rate, mode)
		return minor(must(before, err)), minor(tax), n
	}
	after, added, err := money.AddTax(a, rate, mode)
	return n, minor(added), minor(must(after, err))
}

// settle states a target in a result, and the tax that its shares took off.
func (e *evaluation) settle(s *state, index int, r *promotions.Result) {
	t := &s.targets[index]
	after := t.now()
	var rate decimal.Decimal
	if t.line != nil {
		rate = t.line.TaxRate
	} else {
		rate = t.charge.TaxRate
	}
	_, taxBefore, _ := e.taxed(t.total, rate)
	net, tax, gross := e.taxed(after, rate)
	sum := func(a *money.Amount, n int64) { *a = must(a.Add(e.amount(n))) }
	sum(&r.Subtotal, t.total)
	sum(&r.Discount, t.total-after)
	sum(&r.Net, net)
	sum(&r.Tax, tax)
	sum(&r.Gross, gross)
	if t.charge != nil {
		r.Shipping = append(r.Shipping, promotions.ChargeResult{
			ID: t.id, Before: e.amount(t.total), Discount: e.amount(t.total - after), After: e.amount(after),
			Net: e.amount(net), Tax: e.amount(tax), Gross: e.amount(gross),
		})
	} else {
		l := promotions.LineResult{
			ID: t.id, Before: e.amount(t.total), Discount: e.amount(t.total - after), After: e.amount(after),
			Net: e.amount(net), Tax: e.amount(tax), Gross: e.amount(gross),
		}
		for _, run := range t.runs {
			l.Runs = append(l.Runs, promotions.Run{From: run.from, To: run.to, Before: e.amount(run.before), After: e.amount(run.after)})
		}
		r.Lines = append(r.Lines, l)
	}
	e.shareTax(t.id, taxBefore-tax, r)
}

// shareTax splits the tax that a target lost over the shares that it gave.
func (e *evaluation) shareTax(id string, lost int64, r *promotions.Result) {
	var shares []*promotions.Share
	var weights []int64
	for i := range r.Applied {
		for j := range r.Applied[i].Shares {
			if share := &r.Applied[i].Shares[j]; share.Target == id {
				shares, weights = append(shares, share), append(weights, minor(share.Amount))
			}
		}
	}
	if len(shares) == 0 {
		return
	}
	for i, tax := range must(money.Allocate(e.amount(lost), weights, money.LargestRemainder)) {
		shares[i].Net, shares[i].Tax = shares[i].Amount, tax
		if e.cart.PricesIncludeTax {
			shares[i].Net = must(shares[i].Amount.Sub(tax))
		}
	}
}

// codes says what became of the codes of the cart.
func (e *evaluation) codes(s *state) []promotions.CodeStatus {
	var out []promotions.CodeStatus
	for _, typed := range e.cart.Codes {
		form, status := e.read(typed)
		c := promotions.CodeStatus{Code: typed, Status: [...]string{promotions.CodeKnown, promotions.CodeMistyped, promotions.CodeUnknown}[status]}
		if slices.ContainsFunc(s.fired, func(f fired) bool { return f.code != "" && f.code == form }) {
			c.Status = promotions.CodeUsed
		}
		out = append(out, c)
	}
	return out
}

// debits are what the promotions that fired take from accounts, in order of account.
func (e *evaluation) debits(s *state) []promotions.Debit {
	var out []promotions.Debit
	for i, f := range s.fired {
		earlier := &state{fired: s.fired[:i]}
		for _, a := range e.accounts(f.p, f.code) {
			d := promotions.Debit{Promotion: f.p.ID, Account: a.id, Unit: promotions.UnitUses, Amount: 1, Limit: a.limit, Keep: a.keep}
			if a.money {
				d.Unit, d.Amount = e.cart.Currency.String(), f.amount
			}
			if !a.code || e.debited(earlier, a) == 0 {
				out = append(out, d)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b promotions.Debit) int { return cmp.Compare(a.Account, b.Account) })
	return out
}

// nextChange is the next edge of a window.
func (e *evaluation) nextChange() time.Time {
	var next time.Time
	for _, p := range e.order {
		for _, edge := range []time.Time{p.From, p.Until} {
			if !e.cart.At.IsZero() && edge.After(e.cart.At) && (next.IsZero() || edge.Before(next)) {
				next = edge
			}
		}
	}
	return next
}

// near are rejected promotions that one leaf keeps from firing.
func (e *evaluation) near(s *state) []promotions.NearMiss {
	type miss struct {
		promotions.NearMiss
		gap *big.Rat
	}
	var found []miss
	for _, p := range e.order {
		if e.rejected[p.ID].Reason != promotions.ConditionFailed {
			continue
		}
		for _, l := range e.gaps(s, p) {
			found = append(found, miss{promotions.NearMiss{Promotion: p.ID, Field: l.field, Have: decimalText(l.have), Need: decimalText(l.need), Gap: decimalText(l.gap())}, l.gap()})
			break
		}
	}
	slices.SortStableFunc(found, func(a, b miss) int { return a.gap.Cmp(b.gap) })
	var out []promotions.NearMiss
	for _, m := range found[:min(len(found), 5)] {
		out = append(out, m.NearMiss)
	}
	return out
}

func decimalText(r *big.Rat) string {
	d := decimal.NewFromBigRat(r, 18)
	return d.String()
}

// leaf is a number that is short of a threshold.
type leaf struct {
	field      string
	have, need *big.Rat
}

func (l leaf) gap() *big.Rat { return new(big.Rat).Sub(l.need, l.have) }

// gaps are the leaves of a condition that alone keep it from being true, and whose
// gap is small enough to be told.
func (e *evaluation) gaps(s *state, p *promotions.Promotion) []leaf {
	most := cmp.Or(e.options.NearPercent, 30)
	var out []leaf
	for _, c := range leaves(p.When) {
		if most < 0 || !e.when(s, p.When, c) {
			continue
		}
		l, ok := e.short(s, c)
		limit := new(big.Rat)
		if ok {
			limit.Mul(l.need, big.NewRat(int64(most), 100))
		}
		if ok && l.gap().Sign() >= 0 && l.gap().Cmp(limit) <= 0 {
			out = append(out, l)
		}
	}
	return out
}

// leaves are the leaves of a condition and its conditions over lines.
func leaves(c *promotions.Condition) []*promotions.Condition {
	if c == nil || c.Not != nil { // more does not make a negation true
		return nil
	}
	if len(c.All)+len(c.Any) == 0 {
		return []*promotions.Condition{c}
	}
	var out []*promotions.Condition
	for _, list := range [][]promotions.Condition{c.All, c.Any} {
		for i := range list {
			out = append(out, leaves(&list[i])...)
		}
	}
	return out
}

// short is what a leaf has and needs, if it is one of those that a buyer can fill.
func (e *evaluation) short(s *state, c *promotions.Condition) (leaf, bool) {
	rising := func(op string) bool { return op == ">=" || op == ">" }
	if c.Lines != nil {
		count, amount := e.linesSums(s, c.Lines)
		var open []leaf
		for _, of := range []struct {
			field string
			have  *big.Rat
			c     *promotions.Comparison
		}{{"lines.count", count, c.Lines.Count}, {"lines.amount", amount, c.Lines.Amount}} {
			if of.c != nil && compare(value{num: of.have}, of.c.Op, of.c.Value) != isTrue {
				if !rising(of.c.Op) {
					return leaf{}, false
				}
				open = append(open, leaf{of.field, of.have, numberOf(textsOf(of.c.Value)[0])})
			}
		}
		if len(open) != 1 {
			return leaf{}, false
		}
		return open[0], true
	}
	switch c.Field {
	case "cart.subtotal", "cart.subtotal_now", "cart.units":
		return leaf{c.Field, e.cartSubject(s)(c.Field).num, numberOf(textsOf(c.Value)[0])}, rising(c.Op)
	default:
		return leaf{}, false
	}
}
