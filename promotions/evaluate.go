package promotions

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions/internal/eval"
	"github.com/tenon-go/tenon/promotions/internal/search"
)

// What an evaluation may be asked for.
const (
	defaultNodes = 50_000
	maxNodesRun  = 10_000_000
	defaultNear  = 30
)

// Evaluate says what fires on a cart, for how much, and why the rest does not. It is
// pure: the same set, cart and options give the same result. It is safe for concurrent
// use. What is wrong with the cart or the options is [ErrInvalid], or [ErrRange] where
// it is too much, all at once in an *[InvalidError].
//
// It takes time in proportion to the promotions that the cart's keys reach, and not to
// the quantities of its lines.
func (s *Snapshot) Evaluate(c Cart, opt Options) (Result, error) {
	var r Result
	err := s.EvaluateInto(c, opt, &r)
	return r, err
}

// EvaluateInto is Evaluate into a result whose memory it uses again: what r held before
// is lost. On an error r is unchanged.
func (s *Snapshot) EvaluateInto(c Cart, opt Options, r *Result) error {
	if err := opt.check(); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	e := s.evaluation()
	defer s.release(e)
	fingerprint, text, err := c.fingerprint(e.text)
	e.text = text
	if err != nil {
		return err
	}
	e.begin(&c, &opt)
	e.machine.Run(&e.input, e.solve)
	if err := e.settle(&c, s.set.Policy.Rounding.Mode); err != nil {
		return err
	}
	e.result(&c, r)
	r.NextChange, r.Digest, r.Fingerprint = s.compiled.NextEdge(c.At), s.digest, fingerprint
	return nil
}

// bounds are the limits of the accounts that decide on a checked cart.
func (s *Snapshot) bounds(c *Cart) map[string]bound {
	e := s.evaluation()
	defer s.release(e)
	e.begin(c, &Options{})
	e.machine.Read(&e.input)
	var bounds map[string]bound
	e.machine.Accounts(func(name string, budget bool, limit int64) {
		b, known := bounds[name]
		if !known {
			b.limit = limit
		}
		b.limit = min(b.limit, limit)
		if budget {
			b.currency = c.Currency
		}
		if bounds == nil {
			bounds = map[string]bound{}
		}
		bounds[name] = b
	})
	return bounds
}

func (o *Options) check() error {
	var e InvalidError
	if o.Nodes < 0 || o.Nodes > maxNodesRun {
		e.add("", fmt.Errorf("option Nodes: %d is not 0 to %d: %w", o.Nodes, maxNodesRun, ErrRange))
	}
	if o.NearPercent < -1 || o.NearPercent > 100 {
		e.add("", fmt.Errorf("option NearPercent: %d is not -1 to 100: %w", o.NearPercent, ErrRange))
	}
	if o.WhyNot > None {
		e.add("", fmt.Errorf("option WhyNot: %d is no scope", o.WhyNot))
	}
	return e.orNil()
}

// An evaluation is the memory of one evaluation after the other.
type evaluation struct {
	machine *eval.Machine
	solve   eval.Solver // keeps memory of its own
	input   eval.Input
	text    []byte // of the fingerprint
	left    map[string]Left
	settled []settled // by target
	shares  []sharedTax
	order   []int32
	runs    []eval.Run
	debits  []eval.Debit
	weights []int64
	amounts []money.Amount
}

func (s *Snapshot) evaluation() *evaluation {
	if e, ok := s.machines.Get().(*evaluation); ok {
		return e
	}
	return &evaluation{machine: eval.NewMachine(s.compiled), solve: new(search.Solver).Solve}
}

// release lets go of the cart, so that a pooled evaluation holds none.
func (s *Snapshot) release(e *evaluation) {
	clear(e.input.Targets)
	e.input = eval.Input{Targets: e.input.Targets[:0]}
	e.left = nil
	s.machines.Put(e)
}

// begin makes the input of a cart that passed its check.
func (e *evaluation) begin(c *Cart, opt *Options) {
	in := &e.input
	*in = eval.Input{
		Currency: c.Currency, At: c.At, TaxIncluded: c.PricesIncludeTax, Codes: c.Codes, Attributes: c.Attributes,
		Targets: in.Targets[:0], Lines: len(c.Lines), Scope: eval.Scope(opt.WhyNot),
		Nodes: opt.Nodes, NearPercent: opt.NearPercent,
	}
	if in.Nodes == 0 {
		in.Nodes = defaultNodes
	}
	if in.NearPercent == 0 {
		in.NearPercent = defaultNear
	}
	if opt.Left != nil {
		e.left, in.Left = opt.Left, e.leftOf
	}
	if b := c.Customer; b != nil {
		in.Customer = eval.Customer{Known: true, ID: b.ID, Orders: b.Orders, Segments: b.Segments, Attributes: b.Attributes}
	}
	for i := range c.Lines {
		l := &c.Lines[i]
		t := eval.Target{
			Product: l.Product, Price: minor(l.Price), List: minor(l.List), Floor: minor(l.Floor), Total: minor(l.Total),
			Quantity: l.Quantity, Categories: l.Categories, Tags: l.Tags, Gift: l.Gift, TaxRate: l.TaxRate, Attributes: l.Attributes,
		}
		if l.Total == (money.Amount{}) {
			t.Total = t.Price * t.Quantity
		}
		in.Targets = append(in.Targets, t)
	}
	for i := range c.Shipping {
		s := &c.Shipping[i]
		price := minor(s.Price)
		in.Targets = append(in.Targets, eval.Target{
			Product: s.Method, Price: price, Total: price, Quantity: 1, TaxRate: s.TaxRate, Attributes: s.Attributes,
		})
	}
}

// minor is a checked amount in minor units.
func minor(a money.Amount) int64 {
	n, _ := a.Minor()
	return n
}

// leftOf is what is left in an account; false says that it holds another currency.
func (e *evaluation) leftOf(account string, budget bool) (int64, bool) {
	left, known := e.left[account]
	switch {
	case !known:
		return eval.Unlimited, true
	case !budget:
		return left.Uses, true
	}
	if left.Amount != (money.Amount{}) && left.Amount.Currency() != e.input.Currency {
		return 0, false
	}
	return minor(left.Amount), true
}

// reasons are by eval.Reason.
//
//nolint:gochecknoglobals // an immutable table
var reasons = [...]Reason{
	eval.NotStarted: NotStarted, eval.Ended: Ended, eval.NoCode: NoCode, eval.OtherCurrency: OtherCurrency,
	eval.NeedsCustomer: NeedsCustomer, eval.LimitReached: LimitReached, eval.ConditionFailed: ConditionFailed,
	eval.ExclusiveOther: ExclusiveOther, eval.Stopped: Stopped, eval.GroupFull: GroupFull, eval.Conflicts: Conflicts,
	eval.NoEffect: NoEffect, eval.BudgetExceeded: BudgetExceeded, eval.NotBest: NotBest,
}

// statuses are by eval.CodeStatus.
//
//nolint:gochecknoglobals // an immutable table
var statuses = [...]string{
	eval.CodeUnknown: CodeUnknown, eval.CodeMistyped: CodeMistyped, eval.CodeKnown: CodeKnown, eval.CodeUsed: CodeUsed,
}

// reuse returns a slice of n elements in the memory of an old one where it has room; the
// elements may hold anything. No elements are nil.
func reuse[T any](old []T, n int) []T {
	if n == 0 {
		return old[:0]
	}
	return slices.Grow(old[:0], n)[:n]
}

// result writes the outcome.
func (e *evaluation) result(c *Cart, r *Result) {
	m, cur := e.machine, c.Currency
	e.applied(c, r)
	e.targets(c, r)
	out := &m.Outcome
	r.Rejected = reuse(r.Rejected, len(out.Rejected))
	for i := range out.Rejected {
		from := &out.Rejected[i]
		r.Rejected[i] = Rejection{
			Promotion: m.Candidates[from.Candidate].P.ID, Reason: reasons[from.Reason],
			Path: from.Path, Field: from.Field, Op: from.Op, Want: from.Want, Have: m.Text(from.Have),
		}
		if from.Other >= 0 {
			r.Rejected[i].Other = m.Candidates[from.Other].P.ID
		}
	}
	r.Near = reuse(r.Near, len(out.Near))
	for i, n := range out.Near {
		r.Near[i] = NearMiss{m.Candidates[n.Candidate].P.ID, n.Field, m.Text(n.Have), m.Text(n.Need), m.Text(n.Gap)}
	}
	r.Gifts = reuse(r.Gifts, len(out.Gifts))
	for i, g := range out.Gifts {
		p := m.Candidates[g.Candidate].P
		gift, _ := p.Effect.(*eval.Gift)
		r.Gifts[i] = Gift{p.ID, gift.Product, g.Entitled, g.InCart}
	}
	r.Codes = reuse(r.Codes, len(c.Codes))
	for i, code := range c.Codes {
		r.Codes[i] = CodeStatus{code, statuses[m.Code(i)]}
	}
	r.Optimal, r.Bound, r.Nodes = out.Optimal, money.New(out.Bound, cur), out.Nodes
	e.debits = m.AppendDebits(e.debits[:0])
	r.Debits = reuse(r.Debits, len(e.debits))
	for i, d := range e.debits {
		p := m.Candidates[d.Candidate].P
		r.Debits[i] = Debit{p.ID, d.Account, UnitUses, d.Amount, d.Limit, p.Limits.KeepUses && !d.Money}
		if d.Money {
			r.Debits[i].Unit = cur.String()
		}
	}
}

// applied writes the applications, in the order in which they fired.
func (e *evaluation) applied(c *Cart, r *Result) {
	m, cur := e.machine, c.Currency
	fired := m.State.Fired()
	r.Applied = reuse(r.Applied, len(fired))
	n := 0
	for i := range fired {
		f := &fired[i]
		p := m.Candidates[f.Candidate].P
		shares := m.State.Shares(f)
		a := &r.Applied[i]
		*a = Application{
			Promotion: p.ID, Stage: m.Stage(p), Amount: money.New(f.Amount, cur), Times: f.Times,
			Shares: reuse(a.Shares, len(shares)),
		}
		if code := m.Candidates[f.Candidate].Code; code >= 0 {
			a.Code = c.Codes[code]
		}
		for j, share := range shares {
			tax := e.shares[n]
			n++
			a.Shares[j] = Share{
				Target: c.target(share.Target), From: share.From, To: share.To,
				Amount: money.New(share.Amount, cur), Net: money.New(tax.net, cur), Tax: money.New(tax.tax, cur),
			}
		}
	}
}

// target is the id of a line or charge.
func (c *Cart) target(i int32) string {
	if n := int(i) - len(c.Lines); n >= 0 {
		return c.Shipping[n].ID
	}
	return c.Lines[i].ID
}

// targets writes lines and charges, and the sums over both.
func (e *evaluation) targets(c *Cart, r *Result) {
	cur := c.Currency
	amount := func(n int64) money.Amount { return money.New(n, cur) }
	var sum settled
	r.Lines = reuse(r.Lines, len(c.Lines))
	for i := range c.Lines {
		t, l := &e.settled[i], &r.Lines[i]
		e.runs = e.machine.State.AppendRuns(e.runs[:0], i)
		*l = LineResult{
			c.Lines[i].ID, amount(t.before), amount(t.before - t.after), amount(t.after),
			amount(t.net), amount(t.tax), amount(t.net + t.tax), reuse(l.Runs, len(e.runs)),
		}
		for j, run := range e.runs {
			l.Runs[j] = Run{run.From, run.To, amount(run.Before), amount(run.After)}
		}
		sum.add(t)
	}
	r.Shipping = reuse(r.Shipping, len(c.Shipping))
	for i := range c.Shipping {
		t := &e.settled[len(c.Lines)+i]
		r.Shipping[i] = ChargeResult{
			c.Shipping[i].ID, amount(t.before), amount(t.before - t.after), amount(t.after),
			amount(t.net), amount(t.tax), amount(t.net + t.tax),
		}
		sum.add(t)
	}
	r.Subtotal, r.Discount, r.Total = amount(sum.before), amount(sum.before-sum.after), amount(sum.after)
	r.Net, r.Tax, r.Gross = amount(sum.net), amount(sum.tax), amount(sum.net+sum.tax)
}

// settled is a line or charge after all discounts, and its tax then.
type settled struct{ before, after, net, tax, taxOff int64 }

func (s *settled) add(t *settled) {
	s.before, s.after, s.net, s.tax = s.before+t.before, s.after+t.after, s.net+t.net, s.tax+t.tax
}

// sharedTax is a share in the terms of the books.
type sharedTax struct{ net, tax int64 }

// settle takes the tax of every line and charge, once and to the minor unit, and splits
// what the discounts took off it over their shares. Only what tax adds to prices without
// it can be too large: ErrRange.
func (e *evaluation) settle(c *Cart, mode money.Mode) error {
	e.settled = e.settled[:0]
	taxed := false
	gross := int64(0)
	for i := range e.input.Targets {
		t := &e.input.Targets[i]
		s := settled{before: t.Total, after: e.machine.State.Total(i)}
		s.net = s.after
		if !t.TaxRate.IsZero() {
			taxed = true
			_, before, err1 := taxOf(s.before, c, t.TaxRate, mode)
			net, tax, err2 := taxOf(s.after, c, t.TaxRate, mode)
			if err := errors.Join(err1, err2); err != nil {
				return fmt.Errorf("promotions: tax of %s: %w: %w", c.target(int32(i)), ErrRange, err)
			}
			s.net, s.tax, s.taxOff = net, tax, before-tax
		}
		if s.net+s.tax > math.MaxInt64-gross || s.net+s.tax < 0 {
			return fmt.Errorf("promotions: the sum with tax is past 64 bits: %w", ErrRange)
		}
		gross += s.net + s.tax
		e.settled = append(e.settled, s)
	}
	e.shareTax(c, taxed)
	return nil
}

// taxOf is the net and the tax of an amount in the cart's price mode.
func taxOf(minorUnits int64, c *Cart, rate decimal.Decimal, mode money.Mode) (net, tax int64, err error) {
	amount, r := money.New(minorUnits, c.Currency), money.Rounding{Mode: mode}
	var t money.Amount
	if c.PricesIncludeTax {
		_, t, err = money.ExtractTax(amount, rate, r)
		return minorUnits - minor(t), minor(t), err
	}
	_, t, err = money.AddTax(amount, rate, r)
	return minorUnits, minor(t), err
}

// shareTax gives each share its part of the tax that was taken off its line.
func (e *evaluation) shareTax(c *Cart, taxed bool) {
	e.shares, e.order = e.shares[:0], e.order[:0]
	shares := e.machine.State.AllShares()
	for i := range shares {
		e.shares = append(e.shares, sharedTax{net: shares[i].Amount})
		e.order = append(e.order, int32(i))
	}
	if !taxed {
		return
	}
	slices.SortStableFunc(e.order, func(a, b int32) int { return cmp.Compare(shares[a].Target, shares[b].Target) })
	for from := 0; from < len(e.order); {
		target := shares[e.order[from]].Target
		to := from
		e.weights = e.weights[:0]
		for ; to < len(e.order) && shares[e.order[to]].Target == target; to++ {
			e.weights = append(e.weights, shares[e.order[to]].Amount)
		}
		e.split(money.New(e.settled[target].taxOff, c.Currency), shares, e.order[from:to])
		from = to
	}
}

// split spreads the tax of one line over its shares.
func (e *evaluation) split(tax money.Amount, shares []eval.Share, of []int32) {
	if len(e.amounts) < len(of) {
		e.amounts = make([]money.Amount, 2*len(of))
	}
	parts := e.amounts[:len(of)]
	if err := money.AllocateInto(parts, tax, e.weights, money.LargestRemainder); err != nil {
		panic("promotions: split of a checked cart: " + err.Error())
	}
	for i, at := range of {
		out := &e.shares[at]
		out.tax = minor(parts[i])
		if e.input.TaxIncluded {
			out.net = shares[at].Amount - out.tax
		}
	}
}
