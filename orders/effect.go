package orders

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders/internal/enum"
)

// An Effect is a promise to call someone outside, or a timer. It is stored with the
// state that made it and stays until its outcome is stored. Its key never changes:
// whoever is called gets it as idempotency key, so that calling again moves nothing
// twice.
type Effect struct {
	Key      string     `json:"key"` // begins with the id of its checkout or order and a slash; at most 350 bytes
	Kind     EffectKind `json:"kind"`
	Checkout CheckoutID `json:"checkout,omitzero"` // whose it is: of the two ids one is empty
	Order    OrderID    `json:"order,omitzero"`
	Due      time.Time  `json:"due"`              // not before
	Attempt  int        `json:"attempt,omitzero"` // how many have been reported
	// Doubt says that the gateway may know the key: look it up before calling. A row
	// whose last lease ended without a report is in doubt too; see [Claimed].
	Doubt bool `json:"doubt,omitzero"`
	// Payload is, by kind, the JSON of a [PaymentRequest], [HandOver], [StopRequest],
	// [RedeemRequest] or [ReverseRequest]; of a timer nothing.
	Payload json.RawMessage `json:"payload,omitzero"`
}

// An EffectKind says whom an effect calls.
type EffectKind uint8

// The kinds of effects.
const (
	EffectTimer     EffectKind = iota // nobody: the checkout's time is over ([Expire])
	EffectAuthorise                   // Gateway.Authorise
	EffectCapture                     // Gateway.Capture
	EffectVoid                        // Gateway.Void
	EffectRefund                      // Gateway.Refund
	EffectRecheck                     // Gateway.Lookup of PaymentRequest.OfKey: did a request that was given up arrive after all?
	EffectHold                        // Redeemer.Hold
	EffectCommit                      // Redeemer.Commit
	EffectRelease                     // Redeemer.Release
	EffectReverse                     // Redeemer.Reverse
	EffectHandOver                    // Fulfilment.HandOver
	EffectStop                        // Fulfilment.Stop
)

//nolint:gochecknoglobals // an immutable table
var effectKinds = []string{
	"timer", "authorise", "capture", "void", "refund", "recheck",
	"hold", "commit", "release", "reverse", "hand_over", "stop",
}

// String returns "authorise" and the like.
func (k EffectKind) String() string { return enum.Name(effectKinds, "EffectKind", k) }

// MarshalText returns String; a value without a name is an error.
func (k EffectKind) MarshalText() ([]byte, error) { return enum.Text(effectKinds, "effect kind", k) }

// UnmarshalText reads what MarshalText writes.
func (k *EffectKind) UnmarshalText(text []byte) error {
	return enum.Parse(effectKinds, "effect kind", text, k)
}

// Gateway reports whether the effect asks a payment gateway, whose answer can be
// looked up by key.
func (k EffectKind) Gateway() bool { return k >= EffectAuthorise && k <= EffectRecheck }

// An Outcome is the answer to an effect. The zero Outcome is [Unknown].
type Outcome struct {
	Status OutcomeStatus `json:"status"`
	Ref    string        `json:"ref,omitzero"`    // the gateway's name for the movement
	Code   string        `json:"code,omitzero"`   // for programs; see CodeLapsed
	Reason string        `json:"reason,omitzero"` // for the buyer
	// Amount is what was done of what was asked; zero of no currency: all of it.
	// A gift card with less on it than asked says how much.
	Amount money.Amount `json:"amount"`
	Action *BuyerAction `json:"action,omitzero"` // with Waiting: what the buyer must do; nil: only wait
	// Details are kept with the tender: auth code, ARN, last four digits, what a dispute
	// asks for later. Never a card number.
	Details map[string]string `json:"details,omitzero"`
}

// CodeLapsed is the Code of a refused capture whose authorisation is no longer
// valid: the next Capture authorises anew.
const CodeLapsed = "authorisation_lapsed"

// An OutcomeStatus says how an effect went.
type OutcomeStatus uint8

// The outcomes. Only Done and Refused are final.
const (
	Unknown  OutcomeStatus = iota // no answer, or none that can be understood: it may have happened
	Done                          // it happened
	Refused                       // it did not happen and will not
	Waiting                       // the buyer must act, or the gateway still works
	NotSent                       // not a byte was sent: dial failed, breaker open
	NotFound                      // from Lookup only: the gateway does not know the key
)

//nolint:gochecknoglobals // an immutable table
var outcomeStatuses = []string{"unknown", "done", "refused", "waiting", "not_sent", "not_found"}

// String returns "done" and the like.
func (s OutcomeStatus) String() string { return enum.Name(outcomeStatuses, "OutcomeStatus", s) }

// MarshalText returns String; a value without a name is an error.
func (s OutcomeStatus) MarshalText() ([]byte, error) {
	return enum.Text(outcomeStatuses, "outcome", s)
}

// UnmarshalText reads what MarshalText writes.
func (s *OutcomeStatus) UnmarshalText(text []byte) error {
	return enum.Parse(outcomeStatuses, "outcome", text, s)
}

// A BuyerAction is what the buyer has to do before a payment goes on.
type BuyerAction struct {
	Kind string            `json:"kind"` // the gateway's: "redirect", "3ds"
	URL  string            `json:"url,omitzero"`
	Data map[string]string `json:"data,omitzero"`
}

// A Pricer prices carts. PriceCart returns one line for each cart line, by its id,
// all in the cart's currency and settled. It is called before anything is stored and
// may be called again. An error or a panic ends the caller's command.
type Pricer interface {
	PriceCart(ctx context.Context, r PriceRequest) (Priced, error)
}

// A Discounter finds the discounts of a priced cart. It reserves nothing. A code
// that gives nothing is no error; *[DiscountError] refuses the command.
type Discounter interface {
	Discount(ctx context.Context, r Redemption) (Discounts, error)
}

// A Redeemer keeps promised discounts for one checkout: budgets, coupons. Key is the
// checkout's id in all four methods. Each may be called again with the same arguments
// and must then have the same answer and no further effect; an error means that the
// outcome is unknown. Release of a key that was never held is Done.
type Redeemer interface {
	Hold(ctx context.Context, key string, until time.Time, r Redemption, d Discounts) (Outcome, error)
	Commit(ctx context.Context, key string) (Outcome, error)
	Release(ctx context.Context, key string) (Outcome, error)
	// Reverse gives back what was given with cancelled units; part names the
	// cancellation.
	Reverse(ctx context.Context, key, part string, given []Adjustment) (Outcome, error)
}

// A Gateway moves money. What it must promise:
//
//   - A call with a key that it has seen moves nothing more and answers as the first
//     one did, or as it stands now.
//   - An error means that the outcome is unknown. A refusal is an Outcome; so is
//     [NotSent], when nothing left this process.
//   - A void of a key that moved nothing is Done.
//   - Lookup finds what was done under a key, by whatever call; [NotFound] where
//     nothing was. It may lag. One that has none returns [ErrNoLookup]; see
//     [IdempotentGateway].
//
// It is called by many goroutines, and never with a store's transaction open.
type Gateway interface {
	Authorise(ctx context.Context, r PaymentRequest) (Outcome, error)
	Capture(ctx context.Context, r PaymentRequest) (Outcome, error)
	Void(ctx context.Context, r PaymentRequest) (Outcome, error)
	Refund(ctx context.Context, r PaymentRequest) (Outcome, error)
	Lookup(ctx context.Context, key string) (Outcome, error)
}

// An IdempotentGateway is a [Gateway] without lookup that says that its keys are
// idempotent for as long as an effect can be in doubt: it is then called again. One
// that does not say so leaves such an effect to a person (Resolve).
type IdempotentGateway interface {
	Gateway
	IdempotentKeys() bool
}

// A Fulfilment is the warehouse. Both methods may be called again with the same key
// and must then do nothing more. Stop is refused when units of it have left; then
// none of its lines is stopped. An error means that the outcome is unknown.
type Fulfilment interface {
	HandOver(ctx context.Context, h HandOver) (Outcome, error)
	Stop(ctx context.Context, key string, lines []LineQty) (Outcome, error)
}

// A PriceRequest is a cart to be priced.
type PriceRequest struct {
	Cart    Cart      `json:"cart"`
	Buyer   Buyer     `json:"buyer"`
	Address Address   `json:"address"`
	At      time.Time `json:"at"`
}

// A Redemption is a priced cart and the codes that the buyer has entered.
type Redemption struct {
	PriceRequest

	Priced Priced
	Codes  []string
}

// A PaymentRequest asks a gateway for one movement of money. Capture, void and refund all
// name the authorisation, which may have several captures and several refunds: an adapter
// for a gateway that refunds a capture finds it by the authorisation. The amount of a void
// is what is left of it.
type PaymentRequest struct {
	Key    string       `json:"key"`            // the idempotency key
	OfKey  string       `json:"of_key"`         // the key of the authorisation; empty for one
	OfRef  string       `json:"of_ref"`         // the gateway's name for that, if it has given one
	Tender Tender       `json:"tender"`         // with its Token
	Amount money.Amount `json:"amount"`         // above zero
	Order  string       `json:"order,omitzero"` // the checkout's or the order's id, for the gateway's own records
}

// A HandOver gives an order to the warehouse. Address and Buyer are those of the
// checkout; Lines are the units that are neither cancelled nor shipped when it is first
// asked for: for what is cancelled later there is a Stop.
type HandOver struct {
	Key     string     `json:"key"`
	Order   OrderID    `json:"order"`
	Buyer   Buyer      `json:"buyer"`
	Address Address    `json:"address"`
	Lines   []CartLine `json:"lines"`
}

// A StopRequest is the payload of an [EffectStop].
type StopRequest struct {
	Key   string    `json:"key"`
	Lines []LineQty `json:"lines"`
}

// A RedeemRequest is the payload of an [EffectHold], [EffectCommit] or
// [EffectRelease]. What is redeemed stands in the checkout.
type RedeemRequest struct {
	Key   string    `json:"key"`
	Until time.Time `json:"until,omitzero"` // of a hold
}

// A ReverseRequest is the payload of an [EffectReverse].
type ReverseRequest struct {
	Key   string       `json:"key"`
	Part  string       `json:"part"`
	Given []Adjustment `json:"given"`
}

// A run is a decision that is being made: what checkouts and orders have in common.
type run struct {
	calc

	at       time.Time
	jitter   float64
	policy   Policy
	currency money.Currency
	checkout CheckoutID // whose effects: one of the two
	order    OrderID
	steps    *[]Step
	payments *PaymentSet
	word     bool                       // the outcome is an operator's
	emit     func(kind string, e Event) // appends an event with all that changed since the last one
	d        Decision
}

// step returns the step with a key, nil without one.
func (r *run) step(key string) *Step {
	for i := range *r.steps {
		if (*r.steps)[i].Key == key {
			return &(*r.steps)[i]
		}
	}
	return nil
}

// ask adds a step and its effect, due now unless the step waits. The steps that were
// pointed to before may have moved.
func (r *run) ask(s Step, payload any) {
	s.Open, s.Asked = true, r.at
	*r.steps = append(*r.steps, s)
	if !s.Waits {
		r.effect(s, r.at, payload)
	}
}

// effect adds a step's effect, or new terms for it.
func (r *run) effect(s Step, due time.Time, payload any) {
	data, err := json.Marshal(payload)
	if err != nil {
		r.failed = cmp.Or(r.failed, err)
	}
	r.put(Effect{
		Key: s.Key, Kind: s.Kind, Checkout: r.checkout, Order: r.order, Due: due.UTC().Truncate(time.Microsecond),
		Attempt: s.Attempt, Doubt: s.Doubt, Payload: data,
	})
}

// put adds an effect in place of what this decision has said of it before.
func (r *run) put(e Effect) {
	same := func(o Effect) bool { return o.Key == e.Key }
	r.d.Effects = append(slices.DeleteFunc(r.d.Effects, same), e)
}

// over ends an effect.
func (r *run) over(key string) {
	r.d.Effects = slices.DeleteFunc(r.d.Effects, func(o Effect) bool { return o.Key == key })
	if !slices.Contains(r.d.Cancel, key) {
		r.d.Cancel = append(r.d.Cancel, key)
	}
}

// done ends a step and its effect.
func (r *run) done(s *Step) {
	s.Open, s.Stuck, s.Doubt = false, false, false
	r.over(s.Key)
}

// stuck leaves a step to a person: it stays open, and nobody is called.
func (r *run) stuck(s *Step) {
	s.Stuck, s.Doubt = true, false
	r.over(s.Key)
	r.emit("alert", Event{Key: s.Key, Ref: s.Ref, Reason: s.Kind.String() + " refused: " + s.Reason})
}

// again plans the next attempt of a step after an outcome that ends nothing, and returns
// when it is due. People are told once.
func (r *run) again(s *Step, status OutcomeStatus, payload any) time.Time {
	s.Attempt++
	s.Doubt = s.Kind.Gateway() && (status == Unknown || status == Waiting)
	due := r.at.Add(r.backoff(s, status))
	r.effect(*s, due, payload)
	return due
}

// known reports whether an outcome says nothing new of a step that was left to a person:
// only its success ends that, another part of one of which a part is done, or a word.
func (r *run) known(s *Step, o Outcome) bool {
	if !s.Stuck || r.word {
		return false
	}
	part := s.Status == Done // and what is asked is the rest
	return o.Status != Done || part && (o.Ref == "" || o.Ref == s.Ref)
}

// tell makes one alert of a doubt that has lasted too long.
func (r *run) tell(s *Step) {
	if s.Status == Waiting || s.Told || r.at.Sub(s.Asked) < r.policy.UnknownFor {
		return
	}
	s.Told = true
	r.emit("alert", Event{Key: s.Key, Ref: s.Ref, Reason: s.Kind.String() + " is in doubt since " + s.Asked.Format(time.RFC3339)})
}

// The pace of attempts: doubled from the first to the second bound, and, once people have
// been told, as long as it has taken so far, to the third.
const (
	firstBackoff  = time.Second
	lastBackoff   = time.Minute
	hourlyBackoff = time.Hour
)

// backoff returns how long the next attempt waits. The first doubt is looked up at
// once, and so is called again what the first lookup did not find: the buyer waits.
func (r *run) backoff(s *Step, status OutcomeStatus) time.Duration {
	n := s.Attempt
	switch {
	case status == Unknown && s.Kind.Gateway():
		n--
	case status == NotFound:
		n -= 2
	}
	if n <= 0 {
		return 0
	}
	d := lastBackoff
	if elapsed := r.at.Sub(s.Asked); elapsed >= r.policy.UnknownFor {
		d = max(lastBackoff, min(elapsed, hourlyBackoff))
	} else if n < 7 {
		d = min(firstBackoff<<(n-1), lastBackoff)
	}
	return d/2 + time.Duration(float64(d/2)*min(max(r.jitter, 0), 1))
}

// read makes sense of an outcome: what cannot be true is no answer.
func (r *run) read(s *Step, rep Report) Outcome {
	o := rep.Outcome
	bad := ""
	switch got := o.Amount.Currency(); {
	case int(o.Status) >= len(outcomeStatuses):
		bad = "no such status: " + o.Status.String()
	case o.Status == NotSent && rep.Lookup:
		bad = "lookup not sent"
	case o.Status == NotFound && (!rep.Lookup || !s.Kind.Gateway()):
		bad = "not found, without a lookup"
	case o.Status == Done && s.Kind.Gateway() && (!got.IsZero() && got != r.currency || o.Amount.Sign() < 0 || !o.Amount.IsSettled()):
		bad = "amount " + o.Amount.String() + " cannot be"
	}
	if bad != "" {
		o = Outcome{Ref: o.Ref, Code: o.Code, Reason: bad}
	}
	if o.Amount.Currency().IsZero() {
		o.Amount = s.Amount
	}
	if o.Status == Done {
		o.Amount = r.least(o.Amount, s.Amount)
	}
	return o
}

// record keeps an outcome with its step, and with the payments.
func (r *run) record(s *Step, o Outcome, seen []PaymentEvent) {
	id, ref := s.Key, cmp.Or(o.Ref, s.Ref)
	if s.Stuck && s.Status == Done { // a part was known; this is another movement
		id, ref = s.Key+"/rest", o.Ref
	}
	s.Status, s.Code, s.Reason = o.Status, o.Code, o.Reason
	s.Ref = cmp.Or(o.Ref, s.Ref)
	s.Sent = s.Sent || o.Status != NotSent
	for _, e := range seen {
		if e.Ref != "" && e.Ref == o.Ref && e.check(r.currency) == nil {
			r.seen(e)
		}
	}
	kind, moves := paymentKind(s.Kind)
	if !moves {
		return
	}
	e := PaymentEvent{ID: id, Key: id, Ref: ref, Kind: kind, Amount: o.Amount, At: r.at}
	switch o.Status {
	case Done:
		e.Status = PaymentSucceeded
	case Refused:
		e.Status = PaymentFailed
	case Waiting:
		e.ID += "/request"
	default:
		return
	}
	r.seen(e)
}

// early returns what the gateway has said of a movement before it answered that this is to
// come, if that is final; else the outcome.
func (r *run) early(s *Step, o Outcome) Outcome {
	kind, moves := paymentKind(s.Kind)
	if o.Status != Waiting || !moves || s.Ref == "" {
		return o
	}
	for _, e := range slices.Backward(r.payments.list()) { // the newest first
		if said, final := e.outcome(); final && e.Source != "" && e.Kind == kind && e.Ref == s.Ref && (e.Key == "" || e.Key == s.Key) {
			said = r.read(s, Report{Key: s.Key, Outcome: said})
			r.record(s, said, nil)
			return said
		}
	}
	return o
}

// paymentKind returns which movement of money an effect is.
func paymentKind(k EffectKind) (PaymentKind, bool) {
	switch k {
	case EffectAuthorise:
		return PaymentAuthorisation, true
	case EffectCapture:
		return PaymentCharge, true
	case EffectVoid:
		return PaymentCancel, true
	case EffectRefund:
		return PaymentRefund, true
	default:
		return 0, false
	}
}

// compare says, once, that the gateway's events and our own outcomes make different
// balances, and once that they agree again.
func (r *run) compare(differs *bool) {
	is := r.payments.differs()
	if is == *differs {
		return
	}
	*differs = is
	if is {
		r.d.Observed.Differs = true
		r.emit("payment_differs", Event{})
		return
	}
	r.emit("payment_agrees", Event{})
}

// match returns the step that a gateway's event is about: by our key, else, where the key
// is none of ours, by its own name for the movement.
func (r *run) match(e PaymentEvent) *Step {
	if owner, _, _ := strings.Cut(e.Key, "/"); owner == cmp.Or(string(r.checkout), string(r.order)) {
		return r.step(e.Key)
	}
	for i := range *r.steps {
		s := &(*r.steps)[i]
		if kind, ok := paymentKind(s.Kind); ok && kind == e.Kind && e.Ref != "" && s.Ref == e.Ref {
			return s
		}
	}
	return nil
}

// outcome returns what a gateway's event says of its step, if that is final.
func (e PaymentEvent) outcome() (Outcome, bool) {
	o := Outcome{Ref: e.Ref, Amount: e.Amount}
	switch e.Status {
	case PaymentSucceeded:
		o.Status = Done
	case PaymentFailed:
		o.Status = Refused
	default:
		return o, false
	}
	return o, true
}

// check returns what is wrong with an operator's word.
func (c Resolve) check() error {
	var p []string
	if c.By == "" || c.Reason == "" {
		p = append(p, "resolve: who says so, or why, is missing")
	}
	if s := c.Outcome.Status; s != Done && s != Refused {
		p = append(p, fmt.Sprintf("resolve: %s: want done or refused", s))
	}
	if len(p) > 0 {
		return &InvalidError{Problems: p}
	}
	return nil
}

// checkWord returns what is wrong with an operator's word about a step.
func (r *run) checkWord(s *Step, c Resolve) error {
	a := c.Outcome.Amount
	if a.Currency().IsZero() || !s.Kind.Gateway() {
		return nil
	}
	if over, err := a.Cmp(s.Amount); err != nil || over > 0 || a.Sign() < 0 || !a.IsSettled() {
		return &InvalidError{Problems: []string{fmt.Sprintf("resolve: amount %s: want at most %s", a, s.Amount)}}
	}
	return nil
}
