package orders

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tenon-go/tenon/orders/internal/mergepatch"
	"github.com/tenon-go/tenon/orders/stock"
)

// DecideCheckout returns what a command changes, or why it cannot be: a pure function
// of its arguments, at being the time. It never changes c.
//
// A repeated command whose work is done returns the zero Decision, and so does every
// command of a PLACED checkout: the state is the answer. An error means that nothing
// happens: *[TransitionError] where the table has no such line, [ErrNotFound] for a
// report of a step that the checkout never had, and those of the commands: of Begin
// *[CartChangedError], *[TotalChangedError], [ErrLocked]; of Begin and Pay [ErrTenderSum],
// [ErrCurrency], [ErrExpired]; *[InvalidError].
func DecideCheckout(c Checkout, cmd Command, at time.Time) (Decision, error) {
	r := newCheckoutRun(c, at)
	err := r.command(cmd)
	if err = cmp.Or(err, r.failed); err != nil {
		return Decision{}, fmt.Errorf("orders: %s: checkout %s: %w", cmd.checkoutCommand(), cmp.Or(c.ID, r.c.ID), err)
	}
	return r.decision(), nil
}

// A checkoutRun is a decision about a checkout that is being made.
type checkoutRun struct {
	run

	was, c  Checkout // as of the last event, and now
	answer  StockAnswer
	hold    string // the hold that the stock moves are about
	cart    bool   // the cart is written
	reserve bool   // c.Hold is new
	extend  bool   // c.Hold lasts longer
	release bool
	commit  bool
}

func newCheckoutRun(c Checkout, at time.Time) *checkoutRun {
	r := &checkoutRun{was: c, c: c.clone(), hold: c.Hold}
	r.run = run{
		at: at.UTC().Truncate(time.Microsecond), jitter: 1, policy: c.Policy, currency: c.Cart.Currency, checkout: c.ID,
		steps: &r.c.Steps, payments: &r.c.Payments, emit: r.event,
	}
	return r
}

// clone returns a copy that can be changed. What is never changed in place is shared.
func (c Checkout) clone() Checkout {
	c.Tenders, c.Steps, c.Payments = slices.Clone(c.Tenders), slices.Clone(c.Steps), c.Payments.clone()
	return c
}

// event appends an event with all that has changed since the one before.
func (r *checkoutRun) event(kind string, e Event) {
	if len(r.d.Events) == 0 {
		r.c.Version++
		r.c.At = r.at
	}
	r.c.Events++
	data, err := mergepatch.Diff(r.was, r.c)
	if err != nil {
		r.failed = cmp.Or(r.failed, err)
	}
	e.Aggregate, e.Number, e.Form, e.Kind, e.At, e.Data = checkoutAggregate(r.c.ID), r.c.Events, EventForm, kind, r.at, data
	r.d.Events = append(r.d.Events, e)
	r.was = r.c.clone()
}

func checkoutAggregate(id CheckoutID) string { return "checkout/" + string(id) }

// move goes through the table.
func (r *checkoutRun) move(on Trigger) {
	to, ok := Next(r.c.State, on)
	if !ok {
		r.failed = cmp.Or(r.failed, error(&TransitionError{From: r.c.State.String(), Command: on.String()}))
		return
	}
	r.c.State = to
}

// decision puts together what was decided.
func (r *checkoutRun) decision() Decision {
	d := r.d
	if len(d.Events) == 0 {
		return d
	}
	c := r.c
	d.Checkout = &c
	if r.cart {
		cart := c.Cart
		d.Cart = &cart
	}
	switch {
	case r.reserve:
		d.Stock = append(d.Stock, stock.Move{Kind: stock.MoveReserve, Hold: r.hold, Lines: c.Cart.units(), Until: c.Until})
	case r.extend && r.answer == HoldThere && !r.commit && !r.release:
		d.Stock = append(d.Stock, stock.Move{Kind: stock.MoveExtend, Hold: r.hold, Until: c.Until})
	}
	if r.commit {
		d.Stock = append(d.Stock, stock.Move{Kind: stock.MoveCommit, Hold: r.hold})
	}
	if r.release {
		d.Stock = append(d.Stock, stock.Move{Kind: stock.MoveRelease, Hold: r.hold})
	}
	return d
}

// units are the lines as stock counts them.
func (c Cart) units() []stock.Line {
	lines := make([]stock.Line, len(c.Lines))
	for i, l := range c.Lines {
		lines[i] = stock.Line{Key: stock.Key{SKU: l.SKU, Location: l.Location}, Quantity: l.Quantity}
	}
	return lines
}

// command decides one command.
func (r *checkoutRun) command(cmd Command) error {
	switch cmd := cmd.(type) {
	case Report:
		return r.report(cmd)
	case Observe:
		return r.observe(cmd)
	case Resolve:
		return r.resolve(cmd)
	}
	if r.c.State == StatePlaced {
		return nil // the answer is the order
	}
	switch cmd := cmd.(type) {
	case Begin:
		return r.begin(cmd)
	case Pay:
		return r.pay(cmd.Tenders)
	case Confirm:
		return r.confirm()
	case Cancel:
		return r.cancel(cmp.Or(cmd.Reason, "cancelled by the buyer"))
	case Expire:
		return r.expire()
	}
	return r.refuse(cmd.checkoutCommand())
}

// refuse is the answer to a command that the table does not have.
func (r *checkoutRun) refuse(command string) error {
	return &TransitionError{From: r.c.State.String(), Command: command}
}

// begin locks the cart, and pays when tenders came along or nothing is to be paid.
func (r *checkoutRun) begin(b Begin) error {
	if r.c.State != StateNone {
		return r.refuse("begin")
	}
	r.c.ID, r.checkout, r.policy, r.currency = b.ID, b.ID, b.Policy, b.Cart.Currency
	total, err := b.check()
	if err != nil {
		return err
	}
	r.c = Checkout{
		ID: b.ID, State: StateNone, Policy: b.Policy, Began: r.at, Cart: b.Cart, Buyer: b.Buyer, Address: b.Address,
		Codes: orNone(b.Codes), Priced: b.Priced, Discounts: b.Discounts, Total: total, Hold: string(b.ID), Holds: 1,
	}
	if len(b.Attributes) > 0 {
		r.c.Attributes = maps.Clone(b.Attributes)
	}
	r.move(OnBegin)
	r.reserve, r.hold = true, r.c.Hold
	r.c.Cart.State, r.c.Cart.Lock = CartLocked, b.ID
	r.until(r.at.Add(b.Policy.HoldFor))
	r.timer(b.Policy.HoldFor)
	r.event("begun", Event{})
	if len(b.Tenders) > 0 || total.IsZero() {
		return r.pay(b.Tenders)
	}
	return nil
}

// orNone makes no difference between no list and an empty one.
func orNone[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Clone(list)
}

// timer sets when the checkout is given up.
func (r *checkoutRun) timer(after time.Duration) {
	r.c.GiveUp = r.at.Add(after)
	r.put(Effect{Key: r.timerKey(), Kind: EffectTimer, Checkout: r.c.ID, Due: r.c.GiveUp})
}

func (r *checkoutRun) timerKey() string { return string(r.c.ID) + "/timer" }

// until makes lock and hold last at least until t.
func (r *checkoutRun) until(t time.Time) {
	if !t.After(r.c.Until) {
		return
	}
	r.c.Until, r.c.Cart.Until = t.UTC().Truncate(time.Microsecond), t.UTC().Truncate(time.Microsecond)
	r.extend = true
	r.writeCart()
}

// writeCart makes one new version of the cart.
func (r *checkoutRun) writeCart() {
	if !r.cart {
		r.cart = true
		r.c.Cart.Version++
		r.c.Cart.At = r.at
	}
}

// pay takes up the tenders and asks for the first thing that they need.
func (r *checkoutRun) pay(tenders []Tender) error {
	if r.c.State != StateLocked {
		return r.refuse("pay")
	}
	if !r.at.Before(r.c.Until) {
		return ErrExpired
	}
	kept := slices.DeleteFunc(r.c.Tenders, func(t CheckoutTender) bool { return t.Authorised.Sign() == 0 })
	left, err := r.left(kept)
	if err != nil {
		return err
	}
	fresh, err := planTenders(tenders, kept, left)
	if err != nil {
		return err
	}
	r.c.Tenders = orNone(append(kept, fresh...))
	r.c.Refusal = nil
	r.move(OnPay)
	d := r.c.Discounts
	redeems := r.policy.Redeem && r.c.Redeem == RedeemNone && (d.Ref != "" || len(d.Adjustments) > 0)
	if redeems || left.Sign() > 0 {
		r.timer(r.policy.PayFor)
		r.until(r.at.Add(r.policy.PayFor + r.policy.UnknownFor))
	}
	if redeems {
		r.c.Redeem = RedeemAsked
		s := Step{Key: r.key(EffectHold), Kind: EffectHold}
		r.ask(s, r.payload(s))
	}
	r.event("paying", Event{})
	if !redeems {
		r.proceed()
	}
	return nil
}

// key is the next one of a kind of step.
func (r *checkoutRun) key(k EffectKind) string {
	n := 1
	for _, s := range r.c.Steps {
		if s.Kind == k {
			n++
		}
	}
	return fmt.Sprintf("%s/%s/%d", r.c.ID, k, n)
}

// payload is what the effect of a step says to whom it calls.
func (r *checkoutRun) payload(s Step) any {
	switch {
	case s.Kind == EffectHold:
		// Nobody extends it later, however the payment goes on.
		return RedeemRequest{Key: string(r.c.ID), Until: r.c.Until.Add(r.policy.BuyerFor + r.policy.UnknownFor)}
	case !s.Kind.Gateway():
		return RedeemRequest{Key: string(r.c.ID)}
	}
	p := PaymentRequest{Key: s.Key, OfKey: s.Of, Amount: s.Amount, Order: string(r.c.ID), Tender: s.Means}
	if of := r.step(s.Of); of != nil {
		p.OfRef, p.Tender = of.Ref, of.Means
	}
	return p
}

// proceed asks for the next authorisation, or places the order when there is nothing left
// to pay. The checkout is where an outcome was Done.
func (r *checkoutRun) proceed() {
	left, _ := r.left(r.c.Tenders)
	if left.Sign() <= 0 {
		r.place()
		return
	}
	next, amount, ok := r.nextTender(left)
	if !ok {
		r.c.Tenders = orNone(slices.DeleteFunc(r.c.Tenders, func(t CheckoutTender) bool { return t.Authorised.Sign() == 0 }))
		r.move(OnShort)
		r.timer(r.policy.HoldFor)
		r.until(r.c.GiveUp)
		r.event("short", Event{Reason: "missing " + left.String()})
		return
	}
	s := Step{Key: r.key(EffectAuthorise), Kind: EffectAuthorise, Tender: next.Tender.ID, Means: next.Tender, Amount: amount}
	next.Key, next.Asked = s.Key, amount
	r.move(OnAuthorised)
	r.timer(r.policy.PayFor)
	r.until(r.at.Add(r.policy.PayFor + r.policy.UnknownFor))
	r.ask(s, r.payload(s))
	r.event("authorising", Event{Key: s.Key})
}

// place makes the order, when the stock is there.
func (r *checkoutRun) place() {
	switch r.answer {
	case SoldOut:
		r.c.Hold = ""
		r.c.Refusal = &Refusal{Step: EffectAuthorise, Code: "sold_out", Reason: "sold out"}
		r.giveUp(OnSoldOut, "sold out")
		return
	case HoldGone:
		r.c.Holds++
		r.hold = fmt.Sprintf("%s/hold/%d", r.c.ID, r.c.Holds)
		r.until(r.at.Add(r.policy.UnknownFor))
		r.reserve = true
	case HoldThere:
	}
	r.move(OnPaid)
	r.commit = true
	r.over(r.timerKey())
	r.c.Action, r.c.Hold = nil, ""
	r.c.Cart.State, r.c.Cart.Until = CartOrdered, time.Time{}
	r.writeCart()
	r.c.Tenders = orNone(slices.DeleteFunc(r.c.Tenders, func(t CheckoutTender) bool { return t.Authorised.Sign() == 0 }))
	if r.c.Redeem == RedeemHeld {
		r.c.Redeem = RedeemEnded
		s := Step{Key: r.key(EffectCommit), Kind: EffectCommit}
		r.ask(s, r.payload(s))
	}
	o := placeOrder(r.c, r.at)
	r.failed = cmp.Or(r.failed, o.failed)
	r.d.Order = &o.o
	r.event("placed", Event{})
	r.d.Events = append(r.d.Events, o.d.Events...)
	r.d.Effects = append(r.d.Effects, o.d.Effects...)
	r.d.Postings = o.postings()
}

// confirm looks a payment up now.
func (r *checkoutRun) confirm() error {
	if _, ok := Next(r.c.State, OnConfirm); !ok {
		return r.refuse("confirm")
	}
	for i := range r.c.Steps {
		s := &r.c.Steps[i]
		if s.Open && s.Kind == EffectAuthorise && s.Doubt {
			r.move(OnConfirm)
			r.effect(*s, r.at, r.payload(*s))
			r.event("confirmed", Event{Key: s.Key})
			return r.failed
		}
	}
	return nil
}

// cancel gives the checkout up, at once or as soon as the call in flight has an answer.
func (r *checkoutRun) cancel(cause string) error {
	switch r.c.State {
	case StateCancelling, StateCancelled:
		return nil
	case StateLocked, StateAuthorising, StateAwaitingBuyer:
	default:
		return r.refuse("cancel")
	}
	if r.c.CancelAsked {
		return nil
	}
	for i := range r.c.Steps {
		s := &r.c.Steps[i]
		if !s.Open || s.Kind != EffectAuthorise && s.Kind != EffectHold || s.Status == Waiting && s.Kind == EffectAuthorise {
			continue
		}
		r.c.CancelAsked, r.c.Cause = true, cause
		r.move(OnCancelAsked)
		r.over(r.timerKey())
		s.Doubt = s.Kind.Gateway()
		r.effect(*s, r.at, r.payload(*s))
		r.event("cancel_asked", Event{Key: s.Key, Reason: cause})
		return nil
	}
	r.giveUp(OnCancel, cause)
	return nil
}

// expire gives up when the time is over, and waits on when it is not.
func (r *checkoutRun) expire() error {
	if s := r.c.State; s != StateLocked && s != StateAuthorising && s != StateAwaitingBuyer || r.c.CancelAsked {
		return nil
	}
	if r.at.Before(r.c.GiveUp) {
		r.put(Effect{Key: r.timerKey(), Kind: EffectTimer, Checkout: r.c.ID, Due: r.c.GiveUp})
		return nil
	}
	return r.cancel("expired")
}

// giveUp asks for all that has to be undone. Only what this checkout did itself is undone.
func (r *checkoutRun) giveUp(on Trigger, cause string) {
	r.move(on)
	r.over(r.timerKey())
	r.c.Cause, r.c.Action = cause, nil
	for i := range r.c.Steps {
		s := r.c.Steps[i]
		if s.Kind == EffectHold && s.Open {
			r.done(&r.c.Steps[i])
		}
		if s.Kind != EffectAuthorise || s.Returned {
			continue
		}
		if s.Open {
			r.done(&r.c.Steps[i])
		}
		if s.Sent && s.Status != Refused {
			r.giveBack(EffectVoid, s.Key)
		}
	}
	if r.c.Redeem == RedeemAsked || r.c.Redeem == RedeemHeld {
		r.c.Redeem = RedeemEnded
		s := Step{Key: r.key(EffectRelease), Kind: EffectRelease}
		r.ask(s, r.payload(s))
	}
	r.event("cancelling", Event{Reason: cause})
	r.settle()
}

// giveBack asks for a void or a refund of an authorisation.
func (r *checkoutRun) giveBack(kind EffectKind, key string) {
	of := r.step(key)
	of.Returned = true
	amount := of.Amount
	for _, t := range r.c.Tenders {
		if t.Key == key && t.Authorised.Sign() > 0 {
			amount = t.Authorised
		}
	}
	s := Step{Key: r.key(kind), Kind: kind, Tender: of.Tender, Of: key, Amount: amount}
	r.ask(s, r.payload(s))
}

// settle ends a checkout that has nothing left to undo.
func (r *checkoutRun) settle() {
	if r.c.State != StateCancelling {
		return
	}
	for _, s := range r.c.Steps {
		if s.Open && (s.Kind == EffectVoid || s.Kind == EffectRefund || s.Kind == EffectRelease) {
			return
		}
	}
	r.move(OnCompensated)
	if r.c.Hold != "" {
		r.release = true
	}
	r.c.Hold = ""
	r.c.Cart.State, r.c.Cart.Lock, r.c.Cart.Until = CartOpen, "", time.Time{}
	r.writeCart()
	r.event("cancelled", Event{})
}

// report takes an outcome up.
func (r *checkoutRun) report(rep Report) error {
	s := r.step(rep.Key)
	if s == nil {
		return fmt.Errorf("%w: step %s", ErrNotFound, rep.Key)
	}
	r.answer, r.jitter = rep.Stock, rep.Jitter
	o := r.read(s, rep)
	switch {
	case !s.Open:
		r.late(s, o)
		return nil
	case r.known(s, o):
		return nil
	}
	r.record(s, o, rep.Seen)
	o = r.early(s, o)
	switch s.Kind {
	case EffectAuthorise:
		r.authorised(s, o)
	case EffectHold:
		r.held(s, o)
	default:
		r.undone(s, o)
	}
	r.compare(&r.c.Differs)
	return nil
}

// authorised is the outcome of an authorisation.
func (r *checkoutRun) authorised(s *Step, o Outcome) {
	switch {
	case r.c.CancelAsked && o.Status != Unknown:
		r.giveUpAsked(s, o)
	case o.Status == Done:
		r.done(s)
		r.c.Action = nil
		for i := range r.c.Tenders {
			if t := &r.c.Tenders[i]; t.Key == s.Key {
				t.Authorised, t.Ref, t.Details = o.Amount, s.Ref, o.Details
			}
		}
		r.event("authorised", Event{Key: s.Key, Ref: s.Ref})
		r.proceed()
	case o.Status == Refused:
		r.refused(s, o)
	default:
		r.waits(s, o)
	}
}

// giveUpAsked goes on with a cancellation, now that the call in flight has an answer.
func (r *checkoutRun) giveUpAsked(s *Step, o Outcome) {
	r.done(s)
	if o.Status == Done {
		for i := range r.c.Tenders {
			if t := &r.c.Tenders[i]; t.Key == s.Key {
				t.Authorised, t.Ref, t.Details = o.Amount, s.Ref, o.Details
			}
		}
	}
	if s.Kind == EffectHold && o.Status == Refused {
		r.c.Redeem = RedeemRefused
	}
	r.event("answered", Event{Key: s.Key, Ref: s.Ref, Reason: o.Status.String()})
	r.giveUp(OnCancel, r.c.Cause)
}

// refused lets the buyer try another way, some times.
func (r *checkoutRun) refused(s *Step, o Outcome) {
	r.done(s)
	r.c.Action = nil
	r.c.Refusals++
	r.c.Refusal = &Refusal{Step: s.Kind, Tender: s.Tender, Code: o.Code, Reason: o.Reason}
	for i := range r.c.Tenders {
		if t := &r.c.Tenders[i]; t.Key == s.Key {
			t.Refused, t.Ref = true, s.Ref
		}
	}
	if r.c.Refusals >= r.policy.Tries {
		r.giveUp(OnGiveUp, "refused too often")
		return
	}
	r.move(OnRefused)
	r.timer(r.policy.HoldFor)
	r.until(r.c.GiveUp)
	r.event("refused", Event{Key: s.Key, Ref: s.Ref, Reason: o.Reason})
}

// waits plans the next attempt of an authorisation or a promotion hold. What is held
// lasts longer than that.
func (r *checkoutRun) waits(s *Step, o Outcome) {
	kind, on := "not_sent", OnRetry
	switch {
	case o.Status == Unknown || s.Kind == EffectHold && o.Status == Waiting:
		kind, on = "in_doubt", OnDoubt
	case o.Status == NotFound:
		kind = "not_found"
	case o.Status == Waiting:
		kind, on = "waiting", OnWaiting
		if r.c.State == StateAuthorising {
			r.timer(r.policy.BuyerFor)
			r.until(r.at.Add(r.policy.BuyerFor + r.policy.UnknownFor))
		}
		if o.Action != nil {
			r.c.Action = o.Action
		}
	}
	r.move(on)
	due := r.again(s, o.Status, r.payload(*s))
	if o.Status == Unknown {
		r.until(due.Add(r.policy.UnknownFor))
	}
	r.event(kind, Event{Key: s.Key, Ref: s.Ref, Reason: o.Reason})
	r.tell(s)
}

// held is the outcome of a promotion hold.
func (r *checkoutRun) held(s *Step, o Outcome) {
	switch {
	case r.c.CancelAsked && (o.Status == Done || o.Status == Refused || o.Status == NotSent && !s.Sent):
		if o.Status == NotSent {
			r.c.Redeem = RedeemNone
		}
		r.giveUpAsked(s, o)
	case o.Status == Done:
		r.done(s)
		r.c.Redeem = RedeemHeld
		r.move(OnDiscountHeld)
		r.event("discount_held", Event{Key: s.Key, Ref: s.Ref})
		r.proceed()
	case o.Status == Refused:
		r.done(s)
		r.c.Redeem = RedeemRefused
		r.c.Refusal = &Refusal{Step: s.Kind, Code: cmp.Or(o.Code, "hold_refused"), Reason: o.Reason}
		r.d.Answer = &DiscountError{Codes: r.c.Codes, Reason: o.Reason}
		r.giveUp(OnDiscountLost, "discount refused")
	default:
		r.waits(s, o)
	}
}

// undone is the outcome of what follows a decision: a compensation, a promotion commit,
// a look after a key that was given up.
func (r *checkoutRun) undone(s *Step, o Outcome) {
	key, kind, of := s.Key, s.Kind, s.Of
	e := Event{Key: key, Ref: s.Ref, Reason: o.Reason}
	if r.c.State == StateCancelling {
		r.move(OnCompensating)
	} else {
		r.move(OnFollowUp)
	}
	switch {
	case o.Status == Done && kind == EffectRecheck:
		r.done(s)
		r.event("rechecked", e)
		r.orphan(r.step(of))
	case o.Status == Done, o.Status == Refused && kind == EffectRecheck, o.Status == NotFound && kind == EffectRecheck:
		r.done(s)
		r.returned(kind, of)
		r.event(kind.String()+"_done", e)
	case o.Status == Refused:
		r.event(kind.String()+"_refused", e)
		r.instead(r.step(key), of)
	default:
		r.again(s, o.Status, r.payload(*s))
		r.event(kind.String()+"_"+o.Status.String(), e)
		r.tell(r.step(key))
	}
	r.settle()
}

// returned keeps that an authorisation was given back. A key that was voided although the
// gateway did not know it is looked up once more: the request may still be on its way.
func (r *checkoutRun) returned(kind EffectKind, key string) {
	if kind != EffectVoid && kind != EffectRefund {
		return
	}
	for i := range r.c.Tenders {
		if t := &r.c.Tenders[i]; t.Key == key {
			t.Authorised = r.minus(t.Authorised, t.Authorised)
		}
	}
	of := r.step(key)
	if kind == EffectVoid && of.Status == NotFound {
		s := Step{Key: r.key(EffectRecheck), Kind: EffectRecheck, Of: key, Tender: of.Tender, Amount: of.Amount}
		s.Open, s.Asked, s.Doubt = true, r.at, true
		r.c.Steps = append(r.c.Steps, s)
		r.effect(s, r.at.Add(r.policy.UnknownFor), r.payload(s))
	}
}

// instead does what is left after a refusal: a refund in place of a void; else people are
// told, and where money is at stake the step stays open for them.
func (r *checkoutRun) instead(s *Step, of string) {
	switch s.Kind {
	case EffectVoid:
		r.done(s)
		r.giveBack(EffectRefund, of)
		r.event("refunding", Event{Key: of})
	case EffectRefund:
		if !s.Stuck {
			r.stuck(s)
			return
		}
		r.done(s)
		r.event("written_off", Event{Key: s.Key})
	default:
		r.done(s)
		r.event("alert", Event{Key: s.Key, Reason: s.Kind.String() + " refused: " + s.Reason})
	}
}

// resolve is the word of an operator about an open step.
func (r *checkoutRun) resolve(res Resolve) error {
	if err := res.check(); err != nil {
		return err
	}
	s := r.step(res.Key)
	if s == nil || !s.Open {
		return fmt.Errorf("%w: open step %s", ErrNotFound, res.Key)
	}
	if err := r.checkWord(s, res); err != nil {
		return err
	}
	r.word = true
	r.event("resolved", Event{Key: res.Key, By: res.By, Reason: res.Reason})
	return r.report(res.Report)
}
