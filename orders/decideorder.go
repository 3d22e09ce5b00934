package orders

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/money/ledger"
	"github.com/tenon-go/tenon/orders/internal/mergepatch"
	"github.com/tenon-go/tenon/orders/stock"
)

// DecideOrder returns what a command changes, or why it cannot be: a pure function of its
// arguments, at being the time. It never changes o.
//
// The zero Decision means that the state is the answer. Errors: *[TransitionError] where
// the table has no such line, *[InvalidError] for quantities that are not there,
// [ErrNotFound] for a report of an effect that the order never had.
func DecideOrder(o Order, cmd OrderCommand, at time.Time) (Decision, error) {
	r := newOrderRun(o, at)
	err := r.command(cmd)
	if err = cmp.Or(err, r.failed); err != nil {
		return Decision{}, fmt.Errorf("orders: %s: order %s: %w", cmd.orderCommand(), o.ID, err)
	}
	d := r.d
	if len(d.Events) > 0 {
		d.Order, d.Postings = &r.o, r.postings()
	}
	return d, nil
}

// An orderRun is a decision about an order that is being made.
type orderRun struct {
	run

	was, o Order // as of the last event, and now
	posts  map[string]money.Amount
}

func newOrderRun(o Order, at time.Time) *orderRun {
	r := &orderRun{was: o, o: o.clone(), posts: map[string]money.Amount{}}
	r.run = run{
		at: at.UTC().Truncate(time.Microsecond), jitter: 1, policy: o.Policy, currency: o.Total.Currency(), order: o.ID,
		steps: &r.o.Steps, payments: &r.o.Payments, emit: r.event,
	}
	return r
}

// clone returns a copy that can be changed. What is never changed in place is shared.
func (o Order) clone() Order {
	o.Tenders, o.Steps, o.Payments = slices.Clone(o.Tenders), slices.Clone(o.Steps), o.Payments.clone()
	o.Units, o.Counts = maps.Clone(o.Units), maps.Clone(o.Counts)
	for i := range o.Tenders {
		o.Tenders[i].Before = slices.Clone(o.Tenders[i].Before)
	}
	return o
}

// event appends an event with all that has changed since the one before.
func (r *orderRun) event(kind string, e Event) {
	if len(r.d.Events) == 0 {
		r.o.Version++
		r.o.At = r.at
	}
	r.o.Events++
	data, err := mergepatch.Diff(r.was, r.o)
	if err != nil {
		r.failed = cmp.Or(r.failed, err)
	}
	e.Aggregate, e.Number, e.Form, e.Kind, e.At, e.Data = orderAggregate(r.o.ID), r.o.Events, EventForm, kind, r.at, data
	r.d.Events = append(r.d.Events, e)
	r.was = r.o.clone()
}

func orderAggregate(id OrderID) string { return "order/" + string(id) }

// move goes through the table.
func (r *orderRun) move(on OrderTrigger) {
	to, ok := NextOrder(r.o.State, on)
	if !ok {
		r.failed = cmp.Or(r.failed, error(&TransitionError{From: r.o.State.String(), Command: on.String()}))
		return
	}
	if r.o.State = to; to != OrderOnHold {
		r.o.Reason = ""
	}
}

// refuse is the answer to a command that the table does not have.
func (r *orderRun) refuse(command string) error {
	return &TransitionError{From: r.o.State.String(), Command: command}
}

// command decides one command.
func (r *orderRun) command(cmd OrderCommand) error {
	switch cmd := cmd.(type) {
	case Capture:
		return r.capture()
	case Ship:
		return r.ship(cmd.Lines)
	case CancelOrder:
		return r.cancel(cmd)
	case Release:
		return r.releaseHold(cmd)
	case Report:
		return r.report(cmd)
	case Observe:
		return r.observe(cmd)
	case Resolve:
		return r.resolve(cmd)
	}
	return r.refuse(cmd.orderCommand())
}

// placeOrder makes the order of a checkout, with its first effects and postings.
func placeOrder(c Checkout, at time.Time) *orderRun {
	o := Order{
		ID: OrderID(c.ID), Policy: c.Policy, Placed: at, Checkout: c.ID, Cart: c.Cart.ID, Buyer: c.Buyer, Address: c.Address,
		Attributes: c.Attributes, Lines: c.Cart.Lines, Priced: c.Priced, Adjustments: c.Discounts.Adjustments,
		Redeemed: c.Redeem == RedeemEnded, Total: c.Total, Cancelled: money.New(0, c.Cart.Currency), ShippingDue: true,
		Due: money.New(0, c.Cart.Currency), Payments: c.Payments, Differs: c.Differs,
	}
	r := newOrderRun(Order{}, at)
	r.o = o.clone()
	r.order, r.policy, r.currency = o.ID, o.Policy, c.Cart.Currency
	r.o.Units = make(map[string]Units, len(o.Lines))
	for _, l := range o.Lines {
		r.o.Units[l.ID] = Units{Quantity: l.Quantity}
	}
	none := money.New(0, r.currency)
	for _, t := range c.Tenders {
		r.o.Tenders = append(r.o.Tenders, OrderTender{
			Tender: t.Tender, Key: t.Key, Ref: t.Ref, Authorised: t.Authorised, Details: t.Details,
			Captured: none, Refunded: none, Capturing: none, Refunding: none,
		})
	}
	r.postPlacing()
	switch {
	case o.Total.IsZero():
		r.move(OnPlaceFree)
		r.handOver()
	case o.Policy.Capture == CaptureDeferred:
		r.move(OnPlaceDeferred)
		r.handOver()
	default:
		r.move(OnPlaceNow)
		r.o.Due = o.Total
		r.take(o.Total)
	}
	r.event("placed", Event{})
	return r
}

// key is the next one of a kind of step.
func (r *orderRun) key(kind string) string {
	if r.o.Counts == nil {
		r.o.Counts = map[string]int{}
	}
	r.o.Counts[kind]++
	return fmt.Sprintf("%s/%s/%d", r.o.ID, kind, r.o.Counts[kind])
}

// tender returns the tender with an id; nil without one.
func (r *orderRun) tender(id string) *OrderTender {
	for i := range r.o.Tenders {
		if r.o.Tenders[i].Tender.ID == id {
			return &r.o.Tenders[i]
		}
	}
	return nil
}

// payload is what the effect of a step says to whom it calls.
func (r *orderRun) payload(s Step) any {
	switch s.Kind {
	case EffectHandOver:
		h := HandOver{Key: s.Key, Order: r.o.ID, Buyer: r.o.Buyer, Address: r.o.Address}
		for _, q := range s.Lines { // the same each time
			i := slices.IndexFunc(r.o.Lines, func(l CartLine) bool { return l.ID == q.Line })
			l := r.o.Lines[i]
			l.Quantity = q.Quantity
			h.Lines = append(h.Lines, l)
		}
		return h
	case EffectStop:
		return StopRequest{Key: s.Key, Lines: s.Lines}
	case EffectReverse:
		return ReverseRequest{Key: string(r.o.Checkout), Part: strings.TrimSuffix(s.Key, "/reverse"), Given: s.Given}
	default:
	}
	p := PaymentRequest{Key: s.Key, OfKey: s.Of, Amount: s.Amount, Order: string(r.o.ID)}
	if t := r.tender(s.Tender); t != nil {
		p.Tender = t.Tender
		if was := t.before(s.Of); was != nil {
			p.OfRef = was.Ref
		} else if t.Key == s.Of {
			p.OfRef = t.Ref
		}
	}
	return p
}

// current is the authorisation that a tender has now, with its own part of the money.
func (r *orderRun) current(t *OrderTender) Authorisation {
	a := Authorisation{Key: t.Key, Ref: t.Ref, Captured: t.Captured, Refunded: r.plus(t.Refunded, t.Refunding)}
	for _, was := range t.Before {
		a.Captured, a.Refunded = r.minus(a.Captured, was.Captured), r.minus(a.Refunded, was.Refunded)
	}
	return a
}

// taken is what captures have taken and are taking.
func (r *orderRun) taken() money.Amount {
	sum := money.New(0, r.currency)
	for _, t := range r.o.Tenders {
		sum = r.plus(r.plus(sum, t.Captured), t.Capturing)
	}
	return sum
}

// missing is what should have been taken and is not.
func (r *orderRun) missing() money.Amount { return r.minus(r.o.Due, r.taken()) }

// take asks for captures of an amount, from the tenders in their order, and returns what
// they do not cover.
func (r *orderRun) take(amount money.Amount) money.Amount {
	for i := range r.o.Tenders {
		t := &r.o.Tenders[i]
		room := r.minus(r.minus(t.Authorised, t.Captured), t.Capturing)
		part := r.least(room, amount)
		if t.Voided || t.Lapsed || part.Sign() <= 0 {
			continue
		}
		amount = r.minus(amount, part)
		t.Capturing = r.plus(t.Capturing, part)
		s := Step{Key: r.key("capture"), Kind: EffectCapture, Tender: t.Tender.ID, Of: t.Key, Amount: part}
		r.ask(s, r.payload(s))
	}
	return amount
}

// renew asks for new authorisations in place of those that have lapsed, each for all that
// may still be taken, later shipments among it, and returns what they do not cover.
func (r *orderRun) renew(amount money.Amount) money.Amount {
	owed := r.minus(r.minus(r.o.Total, r.o.Cancelled), r.taken())
	for i := range r.o.Tenders {
		t := &r.o.Tenders[i]
		part := r.least(r.minus(r.minus(t.Authorised, t.Captured), t.Capturing), owed)
		asked := func(s Step) bool { return s.Open && s.Kind == EffectAuthorise && s.Tender == t.Tender.ID }
		if !t.Lapsed || part.Sign() <= 0 || amount.Sign() <= 0 || slices.ContainsFunc(r.o.Steps, asked) {
			continue
		}
		owed = r.minus(owed, part)
		amount = r.minus(amount, r.least(part, amount))
		s := Step{Key: r.key("reauthorise"), Kind: EffectAuthorise, Tender: t.Tender.ID, Amount: part}
		r.ask(s, r.payload(s))
	}
	return amount
}

// capture takes all that is left.
func (r *orderRun) capture() error {
	for _, e := range r.o.Payments[lateSource] {
		if e.Kind == PaymentCharge && e.Status == PaymentSucceeded {
			return &InvalidError{Problems: []string{fmt.Sprintf("capture: %s was refused, and then done: see what the gateway has, and Release", e.Key)}}
		}
	}
	switch r.o.State {
	case OrderPlaced, OrderFulfilling:
		r.o.Due = r.minus(r.o.Total, r.o.Cancelled)
	case OrderOnHold:
	default:
		return r.refuse("capture")
	}
	r.move(OnCapture)
	if left := r.renew(r.take(r.missing())); left.Sign() > 0 {
		return &InvalidError{Problems: []string{fmt.Sprintf("capture: %s is authorised by no tender", left)}}
	}
	r.event("capturing", Event{})
	r.captured()
	return nil
}

// captured goes on when no capture is under way any more.
func (r *orderRun) captured() {
	open := func(s Step) bool { return s.Kind == EffectCapture || s.Kind == EffectAuthorise }
	if r.o.State != OrderCapturing || slices.ContainsFunc(r.o.Steps, open) {
		return
	}
	if r.missing().Sign() > 0 {
		r.hold("captured less than asked")
		return
	}
	r.goOn("captured", Event{})
}

// goOn leaves CAPTURING or ON_HOLD for where shipping stands.
func (r *orderRun) goOn(kind string, e Event) {
	shipped, left := r.progress()
	switch {
	case left == 0 && shipped == 0:
		r.move(OnCancelAll)
		r.event(kind, e)
		r.settled()
		return
	case left == 0:
		r.move(OnCapturedAll)
	case shipped > 0:
		r.move(OnCapturedPart)
	default:
		r.move(OnCaptured)
	}
	r.handOver()
	r.event(kind, e)
}

// progress returns how many units have shipped, and how many are neither shipped nor
// cancelled.
func (r *orderRun) progress() (shipped, left int64) {
	for _, u := range r.o.Units {
		shipped += u.Shipped
		left += u.Quantity - u.Shipped - u.Cancelled
	}
	return shipped, left
}

// handOver gives the order to the warehouse, once.
func (r *orderRun) handOver() {
	asked := func(s Step) bool { return s.Kind == EffectHandOver }
	if _, left := r.progress(); left == 0 || r.o.HandedOver || slices.ContainsFunc(r.o.Steps, asked) {
		return
	}
	s := Step{Key: r.key("hand_over"), Kind: EffectHandOver}
	for _, l := range r.o.Lines {
		if u := r.o.Units[l.ID]; u.Quantity > u.Shipped+u.Cancelled {
			s.Lines = append(s.Lines, LineQty{Line: l.ID, Quantity: u.Quantity - u.Shipped - u.Cancelled})
		}
	}
	r.ask(s, r.payload(s))
}

// hold stops an order because money is missing. One that is being cancelled goes on.
func (r *orderRun) hold(reason string) {
	if r.o.State == OrderCancelling || r.o.State == OrderCancelled {
		r.move(OnProgress)
	} else {
		r.move(OnMoneyMissing)
		r.o.Reason = reason
	}
	r.event("alert", Event{Reason: reason})
}

// releaseHold lets an order go on without the money.
func (r *orderRun) releaseHold(c Release) error {
	if r.o.State != OrderOnHold {
		return r.refuse("release")
	}
	if c.Reason == "" {
		return &InvalidError{Problems: []string{"release: reason is missing"}}
	}
	r.goOn("released", Event{By: c.By, Reason: c.Reason})
	return nil
}

// quantities returns units by line, added up, or what is wrong with them.
func (r *orderRun) quantities(lines []LineQty) ([]LineQty, error) {
	var problems []string
	sum := map[string]int64{}
	for _, l := range lines {
		if l.Quantity <= 0 || l.Quantity > stock.MaxQuantity {
			problems = append(problems, fmt.Sprintf("line %s: quantity %d: want 1 to %d", l.Line, l.Quantity, stock.MaxQuantity))
			continue
		}
		sum[l.Line] = min(sum[l.Line]+l.Quantity, stock.MaxQuantity+1)
	}
	out := make([]LineQty, 0, len(sum))
	for _, line := range slices.Sorted(maps.Keys(sum)) {
		u, known := r.o.Units[line]
		switch {
		case !known:
			problems = append(problems, fmt.Sprintf("line %s: not in the order", line))
		case sum[line] > u.Open():
			problems = append(problems, fmt.Sprintf("line %s: quantity %d: %d of %d are open", line, sum[line], u.Open(), u.Quantity))
		}
		out = append(out, LineQty{Line: line, Quantity: sum[line]})
	}
	if len(out) == 0 && len(problems) == 0 {
		problems = append(problems, "no units")
	}
	if len(problems) > 0 {
		return nil, &InvalidError{Problems: problems}
	}
	return out, nil
}

// ship keeps that units have left, and asks for their share where capture is deferred.
func (r *orderRun) ship(lines []LineQty) error {
	if _, ok := NextOrder(r.o.State, OnShip); !ok {
		return r.refuse("ship")
	}
	lines, err := r.quantities(lines)
	if err != nil {
		return err
	}
	sum := money.New(0, r.currency)
	for _, l := range lines {
		sum = r.plus(sum, r.share(l).total)
		u := r.o.Units[l.Line]
		u.Shipped += l.Quantity
		r.o.Units[l.Line] = u
	}
	if r.o.ShippingDue {
		r.o.ShippingDue = false
		sum = r.plus(sum, r.shipping().total)
	}
	on := OnShip
	if _, left := r.progress(); left == 0 {
		on = OnShipLast
	}
	r.move(on)
	short := money.New(0, r.currency)
	if r.policy.Capture == CaptureDeferred {
		before := r.o.Due
		r.o.Due = r.least(r.plus(before, sum), r.minus(r.o.Total, r.o.Cancelled))
		if due := r.minus(r.o.Due, before); due.Sign() > 0 {
			short = r.take(due)
		}
	}
	r.event("shipped", Event{})
	if short.Sign() > 0 {
		r.hold("no valid authorisation of " + short.String())
	}
	return nil
}

// cancel takes units back: at once, or when the warehouse has let go of them.
func (r *orderRun) cancel(c CancelOrder) error {
	if _, ok := NextOrder(r.o.State, OnCancelUnits); !ok {
		return r.refuse("cancel")
	}
	lines := c.Lines
	if len(lines) == 0 {
		for _, l := range r.o.Lines {
			if n := r.o.Units[l.ID].Open(); n > 0 {
				lines = append(lines, LineQty{Line: l.ID, Quantity: n})
			}
		}
	}
	lines, err := r.quantities(lines)
	if err != nil {
		return err
	}
	r.o.Cancellations++
	n := r.o.Cancellations
	asked := slices.ContainsFunc(r.o.Steps, func(s Step) bool { return s.Kind == EffectHandOver })
	if !r.o.HandedOver && !asked {
		r.cancelled(n, lines, c.Reason)
		return nil
	}
	for _, l := range lines {
		u := r.o.Units[l.Line]
		u.Stopping += l.Quantity
		r.o.Units[l.Line] = u
	}
	r.move(OnCancelUnits)
	s := Step{Key: fmt.Sprintf("%s/cancel/%d/stop", r.o.ID, n), Kind: EffectStop, Lines: lines, Waits: asked}
	r.ask(s, r.payload(s))
	r.event("cancel_asked", Event{Key: s.Key, Reason: c.Reason})
	return nil
}

// cancelled takes units off the order: restocked, off the books, with the discounts and
// the money that they carry.
func (r *orderRun) cancelled(n int, lines []LineQty, reason string) {
	var given []Adjustment
	var back []stock.Line
	for _, l := range lines {
		p := r.share(l)
		given = append(given, p.given...)
		r.postBack(p, accountRevenue)
		u := r.o.Units[l.Line]
		u.Cancelled += l.Quantity
		r.o.Units[l.Line] = u
		i := slices.IndexFunc(r.o.Lines, func(o CartLine) bool { return o.ID == l.Line })
		back = append(back, stock.Line{Key: stock.Key{SKU: r.o.Lines[i].SKU, Location: r.o.Lines[i].Location}, Quantity: l.Quantity})
	}
	shipped, left := r.progress()
	if left == 0 && shipped == 0 && r.o.ShippingDue {
		r.o.ShippingDue = false
		p := r.shipping()
		given = append(given, p.given...)
		r.postBack(p, accountShipping)
	}
	r.o.Due = r.least(r.o.Due, r.minus(r.o.Total, r.o.Cancelled))
	r.d.Stock = append(r.d.Stock, stock.Move{Kind: stock.MoveRestock, Lines: back})
	if r.o.Redeemed && len(given) > 0 {
		s := Step{Key: fmt.Sprintf("%s/cancel/%d/reverse", r.o.ID, n), Kind: EffectReverse, Given: given}
		r.ask(s, r.payload(s))
	}
	switch {
	case left > 0 || r.o.State == OrderOnHold && shipped > 0 && r.missing().Sign() > 0, r.o.State == OrderCapturing:
		if r.o.State == OrderCapturing {
			r.move(OnProgress)
		} else {
			r.move(OnCancelUnits)
		}
	case shipped > 0:
		r.move(OnCancelRest)
	default:
		r.move(OnCancelAll)
	}
	r.moneyBack()
	r.event("units_cancelled", Event{Reason: reason})
	r.settled()
}

// moneyBack asks for refunds of what was captured for cancelled units, last tender first,
// and, once nothing is left to capture, for voids of what is still authorised.
func (r *orderRun) moneyBack() {
	owed := r.minus(r.o.Total, r.o.Cancelled)
	over := r.minus(money.New(0, r.currency), owed)
	for _, t := range r.o.Tenders {
		over = r.plus(over, r.minus(r.minus(t.Captured, t.Refunded), t.Refunding))
	}
	for i := range slices.Backward(r.o.Tenders) {
		t := &r.o.Tenders[i]
		part := r.least(r.minus(r.minus(t.Captured, t.Refunded), t.Refunding), over)
		if part.Sign() <= 0 {
			continue
		}
		over = r.minus(over, part)
		r.refund(t, part)
	}
	busy := func(s Step) bool { return s.Kind == EffectCapture || s.Kind == EffectAuthorise }
	if r.o.Cancellations == 0 || r.minus(owed, r.taken()).Sign() > 0 || slices.ContainsFunc(r.o.Steps, busy) {
		return
	}
	for i := range r.o.Tenders {
		t := &r.o.Tenders[i]
		rest := r.minus(t.Authorised, t.Captured)
		if t.Voided || t.Lapsed || rest.Sign() <= 0 {
			continue
		}
		t.Voided = true
		s := Step{Kind: EffectVoid, Tender: t.Tender.ID, Of: t.Key, Amount: rest, Key: r.cancelKey("void", t.Tender.ID)}
		r.ask(s, r.payload(s))
	}
}

// refund asks for the refund of a part of what a tender has paid, from the authorisation
// that it was captured under, the newest first.
func (r *orderRun) refund(t *OrderTender, part money.Amount) {
	r.post(accountReceivable+string(r.o.ID), part)
	r.post(accountRefunds+string(r.o.ID), part.Neg())
	ask := func(of Authorisation) money.Amount {
		some := r.least(r.minus(of.Captured, of.Refunded), part)
		if some.Sign() > 0 {
			part = r.minus(part, some)
			t.Refunding = r.plus(t.Refunding, some)
			s := Step{Kind: EffectRefund, Tender: t.Tender.ID, Of: of.Key, Amount: some, Key: r.cancelKey("refund", t.Tender.ID)}
			r.ask(s, r.payload(s))
		}
		return some
	}
	ask(r.current(t))
	for i := range slices.Backward(t.Before) {
		if some := ask(t.Before[i]); some.Sign() > 0 {
			t.Before[i].Refunded = r.plus(t.Before[i].Refunded, some)
		}
	}
}

// cancelKey names a step of the last cancellation, by tender.
func (r *orderRun) cancelKey(step, tender string) string {
	key := fmt.Sprintf("%s/cancel/%d/%s/%s", r.o.ID, r.o.Cancellations, step, tender)
	if r.o.Counts == nil {
		r.o.Counts = map[string]int{}
	}
	count := strings.TrimPrefix(key, string(r.o.ID)+"/")
	if r.o.Counts[count]++; r.o.Counts[count] > 1 {
		return fmt.Sprintf("%s/%d", key, r.o.Counts[count])
	}
	return key
}

// settled ends an order that is being cancelled and has nothing left to do.
func (r *orderRun) settled() {
	if r.o.State == OrderCancelling && len(r.o.Steps) == 0 {
		r.move(OnSettled)
		r.event("cancelled", Event{})
	}
}

// end takes a step off the order, whose outcome is final.
func (r *orderRun) end(key string) {
	r.over(key)
	r.o.Steps = orNone(slices.DeleteFunc(r.o.Steps, func(s Step) bool { return s.Key == key }))
}

// postings is the transaction of this decision, the zero Transaction when it posts
// nothing.
func (r *orderRun) postings() ledger.Transaction {
	t := ledger.Transaction{Key: fmt.Sprintf("orders/%s/v%d", r.o.ID, r.o.Version), At: r.at}
	for _, account := range slices.Sorted(maps.Keys(r.posts)) {
		if a := r.posts[account]; !a.IsZero() {
			t.Postings = append(t.Postings, ledger.Posting{Account: account, Amount: a})
		}
	}
	if len(t.Postings) == 0 {
		return ledger.Transaction{}
	}
	t.Why = r.d.Events[len(r.d.Events)-1].Kind
	return t
}
