package orders

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders/internal/enum"
)

// An OrderID names an order. Its text is that of the checkout it came of: a checkout
// has one order at most.
type OrderID string

// An Order is what was sold. [FoldOrder] makes it again from its events.
type Order struct {
	ID         OrderID           `json:"id"`
	Version    int64             `json:"version"` // grows by one with each commit
	Events     int64             `json:"events"`  // the number of its last event
	State      OrderState        `json:"state"`
	Reason     string            `json:"reason,omitzero"` // ON_HOLD: why
	Policy     Policy            `json:"policy"`
	Placed     time.Time         `json:"placed"`
	At         time.Time         `json:"at"` // of the last commit
	Checkout   CheckoutID        `json:"checkout"`
	Cart       CartID            `json:"cart"`
	Buyer      Buyer             `json:"buyer"`
	Address    Address           `json:"address"`
	Attributes map[string]string `json:"attributes,omitzero"`

	Lines       []CartLine       `json:"lines"`
	Priced      Priced           `json:"priced"`
	Adjustments []Adjustment     `json:"adjustments,omitzero"`
	Units       map[string]Units `json:"units"` // by line
	Redeemed    bool             `json:"redeemed,omitzero"`

	Total       money.Amount  `json:"total"`
	Cancelled   money.Amount  `json:"cancelled"`             // of the total, what was cancelled
	ShippingDue bool          `json:"shipping_due,omitzero"` // no shipment and no cancellation has settled shipping yet
	Due         money.Amount  `json:"due"`                   // deferred: what shipments and Capture have asked for so far
	Tenders     []OrderTender `json:"tenders,omitzero"`

	Steps         []Step         `json:"steps,omitzero"`  // those that are open
	Counts        map[string]int `json:"counts,omitzero"` // of steps by kind, for their keys
	HandedOver    bool           `json:"handed_over,omitzero"`
	Cancellations int            `json:"cancellations,omitzero"`
	Payments      PaymentSet     `json:"payments,omitzero"`
	Differs       bool           `json:"differs,omitzero"` // the gateway's events make another balance than the outcomes
}

// Units are what became of the units of a line: Shipped + Cancelled ≤ Quantity.
type Units struct {
	Quantity  int64 `json:"quantity"`
	Shipped   int64 `json:"shipped"`
	Cancelled int64 `json:"cancelled"`
	Stopping  int64 `json:"stopping"` // the warehouse is being asked to keep them
}

// Open returns the units that are neither shipped nor cancelled nor being stopped.
func (u Units) Open() int64 { return u.Quantity - u.Shipped - u.Cancelled - u.Stopping }

// An OrderTender is a tender and the money that went through it. Authorised ≥
// Captured ≥ Refunded.
type OrderTender struct {
	Tender     Tender            `json:"tender"`
	Key        string            `json:"key"` // of its authorisation
	Ref        string            `json:"ref,omitzero"`
	Authorised money.Amount      `json:"authorised"`
	Captured   money.Amount      `json:"captured"`
	Refunded   money.Amount      `json:"refunded"`
	Capturing  money.Amount      `json:"capturing"` // asked, not answered
	Refunding  money.Amount      `json:"refunding"`
	Voided     bool              `json:"voided,omitzero"` // what is not captured is released, or on the way to it
	Lapsed     bool              `json:"lapsed,omitzero"` // the authorisation is no longer valid
	Before     []Authorisation   `json:"before,omitzero"` // those that this one took the place of, the oldest first
	Details    map[string]string `json:"details,omitzero"`
}

// An Authorisation is one that has lapsed and was renewed, with its own part of the money:
// what was captured under it, and what of that was given back or is on its way.
type Authorisation struct {
	Key      string       `json:"key"`
	Ref      string       `json:"ref,omitzero"`
	Captured money.Amount `json:"captured"`
	Refunded money.Amount `json:"refunded"`
}

// before returns an earlier authorisation, nil without one.
func (t *OrderTender) before(key string) *Authorisation {
	for i := range t.Before {
		if t.Before[i].Key == key {
			return &t.Before[i]
		}
	}
	return nil
}

// An OrderCommand is what [DecideOrder] decides: [Capture], [Ship], [CancelOrder],
// [Release], [Report], [Observe] or [Resolve].
type OrderCommand interface{ orderCommand() string }

// Capture takes what is left to take.
type Capture struct{}

// Ship says that units have left.
type Ship struct{ Lines []LineQty }

// CancelOrder cancels units; no lines: all that have not left.
type CancelOrder struct {
	Lines  []LineQty
	Reason string
}

// Release lets an order that is on hold go on without the money that is missing. It
// stays receivable.
type Release struct{ By, Reason string }

func (Capture) orderCommand() string     { return "capture" }
func (Ship) orderCommand() string        { return "ship" }
func (CancelOrder) orderCommand() string { return "cancel" }
func (Release) orderCommand() string     { return "release" }
func (Report) orderCommand() string      { return "report" }
func (Observe) orderCommand() string     { return "observe" }
func (Resolve) orderCommand() string     { return "resolve" }

// An OrderState is where an order stands.
type OrderState uint8

// The states of an order. The zero value is no order.
const (
	OrderNone OrderState = iota
	OrderCapturing
	OrderPlaced // capture is deferred
	OrderReady  // paid; it can be shipped
	OrderOnHold // money is missing; see Reason
	OrderFulfilling
	OrderCompleted // shipped + cancelled = ordered
	OrderCancelling
	OrderCancelled
)

//nolint:gochecknoglobals // an immutable table
var orderStates = []string{
	"NONE", "CAPTURING", "PLACED", "READY", "ON_HOLD", "FULFILLING", "COMPLETED", "CANCELLING", "CANCELLED",
}

// String returns "READY" and the like.
func (s OrderState) String() string { return enum.Name(orderStates, "OrderState", s) }

// MarshalText returns String; a value without a name is an error.
func (s OrderState) MarshalText() ([]byte, error) {
	return enum.Text(orderStates, "order state", s)
}

// UnmarshalText reads what MarshalText writes.
func (s *OrderState) UnmarshalText(text []byte) error {
	return enum.Parse(orderStates, "order state", text, s)
}

// A Shipment is units that have left, under an idempotency key; without a key, each call
// is a shipment of its own.
type Shipment struct {
	Key   string
	Lines []LineQty
}

// A Cancellation is units that are no longer wanted, under an idempotency key; without a
// key, each call is a cancellation of its own.
type Cancellation struct {
	Key    string
	Lines  []LineQty // none: all that have not left
	Reason string
}

// The accounts that orders post to. Those that end in a slash go on with the order's
// id, or the jurisdiction.
const (
	accountReceivable = "receivable/"
	accountRefunds    = "refunds_payable/"
	accountClearing   = "psp_clearing"
	accountRevenue    = "revenue"
	accountShipping   = "shipping"
	accountTax        = "tax/"
)

// A portion is what some units of a line carry.
type portion struct {
	net   money.Amount
	taxes []Tax
	given []Adjustment
	total money.Amount
}

// share is what the next units of a line carry, those after all that have shipped or were
// cancelled: the quota of the line's net, of each tax and of each adjustment. So the parts
// of a line sum to it exactly, in whatever pieces it goes.
func (r *orderRun) share(l LineQty) portion {
	u := r.o.Units[l.Line]
	from := u.Shipped + u.Cancelled
	return r.portion(r.o.Priced.Lines, l.Line, u.Quantity, from, from+l.Quantity)
}

// shipping is what shipping costs as a whole.
func (r *orderRun) shipping() portion {
	sum := portion{net: money.New(0, r.currency), total: money.New(0, r.currency)}
	for _, l := range r.o.Priced.Shipping {
		p := r.portion(r.o.Priced.Shipping, l.ID, 1, 0, 1)
		sum.net, sum.total = r.plus(sum.net, p.net), r.plus(sum.total, p.total)
		sum.taxes, sum.given = append(sum.taxes, p.taxes...), append(sum.given, p.given...)
	}
	return sum
}

// portion cuts the units from..to of n out of a line and of its adjustments.
func (r *orderRun) portion(lines []PricedLine, id string, n, from, to int64) portion {
	zero := money.New(0, r.currency)
	p := portion{net: zero, total: zero}
	cut := func(net money.Amount, taxes []Tax) (money.Amount, []Tax) {
		part := r.quota(net, n, from, to)
		p.net, p.total = r.plus(p.net, part), r.plus(p.total, part)
		var cut []Tax
		for _, t := range taxes {
			t.Amount = r.quota(t.Amount, n, from, to)
			p.total = r.plus(p.total, t.Amount)
			cut = append(cut, t)
		}
		p.taxes = append(p.taxes, cut...)
		return part, cut
	}
	for _, l := range lines {
		if l.ID == id {
			cut(l.Net, l.Taxes)
		}
	}
	for _, a := range r.o.Adjustments {
		if a.Target == id {
			a.Net, a.Taxes = cut(a.Net, a.Taxes)
			p.given = append(p.given, a)
		}
	}
	return p
}

// quota is money.Quota of an amount that is known to be settled.
func (r *orderRun) quota(a money.Amount, n, from, to int64) money.Amount {
	q, err := money.Quota(a, n, from, to)
	if err != nil {
		r.failed = cmp.Or(r.failed, err)
	}
	return q
}

// post adds to an account.
func (r *orderRun) post(account string, a money.Amount) {
	r.posts[account] = r.plus(r.posts[account], a)
}

// postSale posts the sale of a portion.
func (r *orderRun) postSale(p portion, account string) {
	r.post(accountReceivable+string(r.o.ID), p.total)
	r.post(account, p.net.Neg())
	for _, t := range p.taxes {
		r.post(accountTax+t.Jurisdiction, t.Amount.Neg())
	}
}

// postPlacing posts the sale of everything.
func (r *orderRun) postPlacing() {
	for _, l := range r.o.Lines {
		r.postSale(r.portion(r.o.Priced.Lines, l.ID, l.Quantity, 0, l.Quantity), accountRevenue)
	}
	r.postSale(r.shipping(), accountShipping)
}

// postBack takes a portion off the order and its sale off the books. What was captured
// for it moves on to refunds_payable when its refund is asked for.
func (r *orderRun) postBack(p portion, account string) {
	r.o.Cancelled = r.plus(r.o.Cancelled, p.total)
	p.total, p.net = p.total.Neg(), p.net.Neg()
	taxes := slices.Clone(p.taxes)
	for i := range taxes {
		taxes[i].Amount = taxes[i].Amount.Neg()
	}
	p.taxes = taxes
	r.postSale(p, account)
}

// report takes an outcome up.
func (r *orderRun) report(rep Report) error {
	s := r.step(rep.Key)
	if s == nil {
		if prefix, _, _ := strings.Cut(rep.Key, "/"); prefix != string(r.o.ID) || r.o.State == OrderNone {
			return fmt.Errorf("%w: step %s", ErrNotFound, rep.Key)
		}
		r.late(rep)
		return nil
	}
	r.jitter = rep.Jitter
	o := r.read(s, rep)
	if r.known(s, o) {
		return nil
	}
	r.record(s, o, rep.Seen)
	o = r.early(s, o)
	e := Event{Key: s.Key, Ref: s.Ref, Reason: o.Reason}
	switch o.Status {
	case Done:
		r.finished(*s, o, e)
	case Refused:
		r.refused(*s, o, e)
	default:
		r.move(OnProgress)
		r.again(s, o.Status, r.payload(*s))
		r.event(s.Kind.String()+"_"+o.Status.String(), e)
		r.tell(s)
	}
	r.compare(&r.o.Differs)
	r.settled()
	return nil
}

// lateSource is whose word a late outcome is, beside that which ended its step.
const lateSource = "late"

// late is the outcome of a step that has ended. What ended it stays. Its opposite is kept
// beside it, so that the balances differ and a person looks at it.
func (r *orderRun) late(rep Report) {
	own, moved := (*r.payments)[""][rep.Key]
	status, kind := PaymentSucceeded, "done_late"
	switch is := rep.Outcome.Status; {
	case moved && is == Done && own.Status == PaymentFailed:
	case moved && is == Refused && own.Status == PaymentSucceeded:
		status, kind = PaymentFailed, "refused_late"
	default:
		return
	}
	amount := rep.Outcome.Amount
	if amount.Currency().IsZero() {
		amount = own.Amount
	}
	e := PaymentEvent{
		Source: lateSource, ID: rep.Key, Key: rep.Key, Ref: cmp.Or(rep.Outcome.Ref, own.Ref), Kind: own.Kind,
		Status: status, Amount: amount, At: r.at,
	}
	if e.check(r.currency) == nil && r.seen(e) {
		r.event(kind, Event{Key: e.Key, Ref: e.Ref})
		r.compare(&r.o.Differs)
	}
}

// finished is the outcome Done.
func (r *orderRun) finished(s Step, o Outcome, e Event) {
	t := r.tender(s.Tender)
	kind := s.Kind.String() + "_done"
	switch s.Kind {
	case EffectCapture:
		r.end(s.Key)
		t.Capturing = r.minus(t.Capturing, s.Amount)
		t.Captured = r.plus(t.Captured, o.Amount)
		if was := t.before(s.Of); was != nil {
			was.Captured = r.plus(was.Captured, o.Amount)
		}
		r.post(accountClearing, o.Amount)
		r.post(accountReceivable+string(r.o.ID), o.Amount.Neg())
		r.move(OnProgress)
		r.moneyBack()
		r.event(kind, e)
		if r.minus(s.Amount, o.Amount).Sign() > 0 {
			r.hold(fmt.Sprintf("captured %s of %s", o.Amount, s.Amount))
		}
		r.captured()
	case EffectAuthorise:
		r.end(s.Key)
		t.Before = append(t.Before, r.current(t))
		t.Key, t.Ref, t.Lapsed, t.Details = s.Key, o.Ref, false, o.Details
		t.Authorised = r.plus(r.plus(t.Captured, t.Capturing), o.Amount)
		r.move(OnProgress)
		r.take(r.least(o.Amount, r.missing()))
		r.moneyBack() // all may have been cancelled meanwhile
		r.event(kind, e)
		r.captured()
	case EffectRefund:
		r.refunded(s, o, e)
	case EffectHandOver:
		r.end(s.Key)
		r.o.HandedOver = true
		r.move(OnProgress)
		r.stops()
		r.event(kind, e)
	case EffectStop:
		r.end(s.Key)
		r.unstop(s.Lines)
		r.cancelled(cancellation(s.Key), s.Lines, e.Reason)
	default:
		r.end(s.Key)
		r.move(OnProgress)
		r.event(kind, e)
	}
}

// cancellation is the number in the key of a stop.
func cancellation(key string) int {
	n := 0
	_, rest, _ := strings.Cut(key, "/cancel/")
	_, _ = fmt.Sscanf(rest, "%d", &n)
	return n
}

// refunded books what went back. A rest that did not is left to a person.
func (r *orderRun) refunded(s Step, o Outcome, e Event) {
	if !s.Returned {
		t := r.tender(s.Tender)
		t.Refunding = r.minus(t.Refunding, o.Amount)
		t.Refunded = r.plus(t.Refunded, o.Amount)
		r.post(accountRefunds+string(r.o.ID), o.Amount)
		r.post(accountClearing, o.Amount.Neg())
	}
	r.move(OnProgress)
	if rest := r.minus(s.Amount, o.Amount); rest.Sign() > 0 {
		p := r.step(s.Key)
		p.Amount, p.Reason = rest, "refunded for less, missing "+rest.String()
		r.event("refund_done", e)
		r.stuck(p)
		return
	}
	r.end(s.Key)
	r.event("refund_done", e)
}

// unstop takes units out of the hands of a stop.
func (r *orderRun) unstop(lines []LineQty) {
	for _, l := range lines {
		u := r.o.Units[l.Line]
		u.Stopping -= l.Quantity
		r.o.Units[l.Line] = u
	}
}

// stops asks for the stops that waited for the hand-over.
func (r *orderRun) stops() {
	for i := range r.o.Steps {
		if s := &r.o.Steps[i]; s.Waits {
			s.Waits, s.Asked = false, r.at
			r.effect(*s, r.at, r.payload(*s))
		}
	}
}

// stopped cancels what waited to be stopped: the warehouse never had it.
func (r *orderRun) stopped() {
	for _, w := range slices.Clone(r.o.Steps) {
		if w.Waits {
			r.end(w.Key)
			r.unstop(w.Lines)
			r.cancelled(cancellation(w.Key), w.Lines, "")
		}
	}
}

// refused is the outcome Refused.
func (r *orderRun) refused(s Step, o Outcome, e Event) {
	kind := s.Kind.String() + "_refused"
	switch s.Kind {
	case EffectCapture:
		r.end(s.Key)
		t := r.tender(s.Tender)
		t.Capturing = r.minus(t.Capturing, s.Amount)
		t.Lapsed = t.Lapsed || o.Code == CodeLapsed
		r.move(OnProgress)
		r.moneyBack()
		r.event(kind, e)
		r.hold("capture refused: " + cmp.Or(o.Reason, o.Code))
	case EffectAuthorise:
		r.end(s.Key)
		r.move(OnProgress)
		r.event(kind, e)
		r.hold("authorisation refused: " + cmp.Or(o.Reason, o.Code))
	case EffectVoid:
		r.end(s.Key)
		r.move(OnProgress)
		again := Step{
			Kind: EffectRefund, Tender: s.Tender, Of: s.Of, Amount: s.Amount, Returned: true, Key: r.cancelKey("unvoided", s.Tender),
		}
		r.ask(again, r.payload(again))
		r.event(kind, e)
	case EffectRefund:
		r.move(OnProgress)
		r.event(kind, e)
		if p := r.step(s.Key); !p.Stuck {
			r.stuck(p)
			return
		}
		r.end(s.Key)
		r.event("written_off", Event{Key: s.Key})
	case EffectHandOver:
		r.end(s.Key)
		r.move(OnProgress)
		r.event(kind, e)
		r.hold("hand-over refused: " + cmp.Or(o.Reason, o.Code))
		r.stopped()
	case EffectStop:
		r.end(s.Key)
		r.unstop(s.Lines)
		r.d.Answer = &ShippedError{Lines: s.Lines}
		r.move(OnProgress)
		r.event(kind, e)
	default:
		r.end(s.Key)
		r.move(OnProgress)
		r.event(kind, e)
		r.event("alert", Event{Key: s.Key, Reason: s.Kind.String() + " refused: " + o.Reason})
	}
}

// observe takes up what a gateway reports by itself.
func (r *orderRun) observe(obs Observe) error {
	e := obs.Event
	if r.o.State == OrderNone {
		return r.refuse("observe")
	}
	if err := e.check(r.currency); err != nil {
		return err
	}
	e.At = e.At.UTC().Truncate(time.Microsecond)
	if !r.seen(e) {
		r.d.Observed.Duplicate = true
		return nil
	}
	s := r.match(e)
	r.event("observed", Event{Key: e.Key, Ref: e.Ref, Reason: e.Kind.String() + " " + e.Status.String()})
	o, final := e.outcome()
	var err error
	if s != nil && final {
		if kind, _ := paymentKind(s.Kind); kind == e.Kind {
			err = r.report(Report{Key: s.Key, Outcome: o, Jitter: obs.Jitter})
		}
	}
	r.compare(&r.o.Differs)
	if FoldPayment(Balance{}, r.payments.list()).Charged.Sign() < 0 {
		r.event("alert", Event{Ref: e.Ref, Reason: "charged is below zero"})
	}
	return err
}

// resolve is the word of an operator about an open step.
func (r *orderRun) resolve(res Resolve) error {
	if err := res.check(); err != nil {
		return err
	}
	s := r.step(res.Key)
	if s == nil {
		return fmt.Errorf("%w: open step %s", ErrNotFound, res.Key)
	}
	if err := r.checkWord(s, res); err != nil {
		return err
	}
	r.word = true
	r.event("resolved", Event{Key: res.Key, By: res.By, Reason: res.Reason})
	return r.report(res.Report)
}

// FoldOrder makes an order of all of its events; see [FoldCheckout].
func FoldOrder(events iter.Seq[Event]) (Order, error) {
	var o Order
	last, err := fold(events, &o, func() string { return orderAggregate(o.ID) })
	if err == nil && last != o.Events {
		err = fmt.Errorf("%w: its last event is %d of %d", ErrHistory, last, o.Events)
	}
	if err != nil {
		return Order{}, fmt.Errorf("orders: fold order: %w", err)
	}
	return o, nil
}
