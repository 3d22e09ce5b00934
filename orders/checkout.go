package orders

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders/internal/enum"
)

// A CheckoutID names a checkout. It has no slash. The order that comes of it has the
// same text as its [OrderID].
type CheckoutID string

// A Checkout is one attempt to turn a frozen cart into an order. It holds all that
// its next decision needs; [FoldCheckout] makes it again from its events.
type Checkout struct {
	ID      CheckoutID `json:"id"`
	Version int64      `json:"version"` // grows by one with each commit
	Events  int64      `json:"events"`  // the number of its last event
	State   State      `json:"state"`
	Policy  Policy     `json:"policy"`
	Began   time.Time  `json:"began"`
	At      time.Time  `json:"at"` // of the last commit

	Cart       Cart              `json:"cart"` // as this checkout has locked it
	Buyer      Buyer             `json:"buyer"`
	Address    Address           `json:"address"`
	Codes      []string          `json:"codes,omitzero"`
	Attributes map[string]string `json:"attributes,omitzero"`
	Priced     Priced            `json:"priced"`
	Discounts  Discounts         `json:"discounts"`
	Total      money.Amount      `json:"total"` // all lines and shipping, net and taxes, with the adjustments

	Tenders  []CheckoutTender `json:"tenders,omitzero"` // what was authorised, and what the last Pay named, in their order
	Refusals int              `json:"refusals,omitzero"`
	Refusal  *Refusal         `json:"refusal,omitzero"` // why the last payment, discount or placing failed
	Action   *BuyerAction     `json:"action,omitzero"`  // AWAITING_BUYER: what to show
	Redeem   RedeemState      `json:"redeem,omitzero"`

	Hold        string    `json:"hold,omitzero"`         // the id of its hold of stock; empty: none
	Holds       int       `json:"holds,omitzero"`        // how many it has taken
	Until       time.Time `json:"until"`                 // when lock and hold end
	GiveUp      time.Time `json:"give_up"`               // when the timer gives up
	CancelAsked bool      `json:"cancel_asked,omitzero"` // as soon as the call in flight has an answer
	Cause       string    `json:"cause,omitzero"`        // why it is given up, in words

	Steps    []Step     `json:"steps,omitzero"` // every call it asked for, the timer apart, in their order
	Payments PaymentSet `json:"payments,omitzero"`
	Differs  bool       `json:"differs,omitzero"` // the gateway's events make another balance than the outcomes
}

// Redemption returns what its discounts were found for, as a [Redeemer] gets it. Who holds
// them in the transaction that begins the checkout calls Hold with it, and with Discounts:
// the Runner's own call then has the same answer and no further effect.
func (c Checkout) Redemption() Redemption {
	return Redemption{
		PriceRequest: PriceRequest{Cart: c.Cart, Buyer: c.Buyer, Address: c.Address, At: c.Began},
		Priced:       c.Priced, Codes: c.Codes,
	}
}

// A Policy is what a checkout is run by: set when it begins, kept to its end.
type Policy struct {
	Capture    CaptureMode   `json:"capture"`
	Redeem     bool          `json:"redeem,omitzero"` // discounts are held and committed
	HoldFor    time.Duration `json:"hold_for"`        // in LOCKED, nanoseconds
	PayFor     time.Duration `json:"pay_for"`         // in AUTHORISING
	BuyerFor   time.Duration `json:"buyer_for"`       // in AWAITING_BUYER
	UnknownFor time.Duration `json:"unknown_for"`     // how long a doubt may last before people are told
	Tries      int           `json:"tries"`           // the refusal at which it is given up
}

// A CaptureMode says when authorised money is taken.
type CaptureMode uint8

// The capture modes.
const (
	CaptureNow      CaptureMode = iota // when the order is placed
	CaptureDeferred                    // with each shipment
)

//nolint:gochecknoglobals // an immutable table
var captureModes = []string{"now", "deferred"}

// String returns "now" or "deferred".
func (m CaptureMode) String() string { return enum.Name(captureModes, "CaptureMode", m) }

// MarshalText returns String; a value without a name is an error.
func (m CaptureMode) MarshalText() ([]byte, error) {
	return enum.Text(captureModes, "capture mode", m)
}

// UnmarshalText reads what MarshalText writes.
func (m *CaptureMode) UnmarshalText(text []byte) error {
	return enum.Parse(captureModes, "capture mode", text, m)
}

// Priced is a cart's price: of each line as a whole, and of shipping.
type Priced struct {
	Lines    []PricedLine `json:"lines,omitzero"`
	Shipping []PricedLine `json:"shipping,omitzero"` // ids of their own
	Version  string       `json:"version,omitzero"`  // of the prices
}

// A PricedLine is what a line costs as a whole, settled, zero or more.
type PricedLine struct {
	ID    string       `json:"id"`
	Net   money.Amount `json:"net"`
	Taxes []Tax        `json:"taxes,omitzero"`
}

// A Tax is what one jurisdiction gets of a line.
type Tax struct {
	Jurisdiction string       `json:"jurisdiction"`
	Amount       money.Amount `json:"amount"`
}

// Discounts are what is taken off a priced cart.
type Discounts struct {
	Adjustments []Adjustment `json:"adjustments,omitzero"`
	Version     string       `json:"version,omitzero"` // of the promotions
	Ref         string       `json:"ref,omitzero"`     // opaque, handed back to Redeemer.Hold
}

// An Adjustment takes something off a line or off shipping. Net and taxes are zero or
// less; the discounter gives the tax, here they are only added up.
type Adjustment struct {
	Target string       `json:"target"` // a line's or shipping's id
	Label  string       `json:"label,omitzero"`
	Code   string       `json:"code,omitzero"`
	Ref    string       `json:"ref,omitzero"` // its promotion
	Net    money.Amount `json:"net"`
	Taxes  []Tax        `json:"taxes,omitzero"`
}

// A Tender is one means of payment with what it is to pay.
type Tender struct {
	ID     string       `json:"id"` // unique among the tenders of a checkout, 1 to 64 of a-z, A-Z, 0-9, - and _; empty: given
	Kind   string       `json:"kind,omitzero"`
	Token  string       `json:"token,omitzero"` // the gateway's, never a card number
	Amount money.Amount `json:"amount"`         // zero: the rest, for at most one
}

// maxTender is how long the id of a tender may be: it is a part of effects' keys.
const maxTender = 64

func (t Tender) checkID() []string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	if len(t.ID) > maxTender || strings.Trim(t.ID, plain) != "" {
		return []string{fmt.Sprintf("tender %q: want an id of 1 to %d of a-z, A-Z, 0-9, - and _", t.ID, maxTender)}
	}
	return nil
}

// A CheckoutTender is a tender and how far it has come.
type CheckoutTender struct {
	Tender     Tender            `json:"tender"`
	Key        string            `json:"key,omitzero"` // of its authorisation, once asked for
	Ref        string            `json:"ref,omitzero"`
	Asked      money.Amount      `json:"asked"`
	Authorised money.Amount      `json:"authorised"`
	Refused    bool              `json:"refused,omitzero"`
	Details    map[string]string `json:"details,omitzero"`
}

// A Refusal is why something failed, for the buyer.
type Refusal struct {
	Step   EffectKind `json:"step"`
	Tender string     `json:"tender,omitzero"`
	Code   string     `json:"code,omitzero"` // the gateway's; "sold_out" and "hold_refused" are ours
	Reason string     `json:"reason,omitzero"`
}

// A RedeemState is how far the promised discounts have come.
type RedeemState uint8

// The states of redemption.
const (
	RedeemNone    RedeemState = iota // nothing asked for
	RedeemAsked                      // held, perhaps
	RedeemHeld                       // held
	RedeemRefused                    // not to be had
	RedeemEnded                      // committed or released, or on the way to it
)

//nolint:gochecknoglobals // an immutable table
var redeemStates = []string{"none", "asked", "held", "refused", "ended"}

// String returns "held" and the like.
func (s RedeemState) String() string { return enum.Name(redeemStates, "RedeemState", s) }

// MarshalText returns String; a value without a name is an error.
func (s RedeemState) MarshalText() ([]byte, error) {
	return enum.Text(redeemStates, "redeem state", s)
}

// UnmarshalText reads what MarshalText writes.
func (s *RedeemState) UnmarshalText(text []byte) error {
	return enum.Parse(redeemStates, "redeem state", text, s)
}

// A Step is a call that was asked for, and what came of it.
type Step struct {
	Key      string        `json:"key"` // the effect's
	Kind     EffectKind    `json:"kind"`
	Tender   string        `json:"tender,omitzero"`
	Means    Tender        `json:"means,omitzero"` // of a checkout's authorisation: what it asks, whatever is tried later
	Of       string        `json:"of,omitzero"`    // the key of what is captured, voided, refunded, checked
	Amount   money.Amount  `json:"amount"`         // asked
	Open     bool          `json:"open,omitzero"`
	Stuck    bool          `json:"stuck,omitzero"` // open, and only Resolve ends it
	Status   OutcomeStatus `json:"status"`         // of the last report
	Sent     bool          `json:"sent,omitzero"`  // the other side may know the key
	Attempt  int           `json:"attempt,omitzero"`
	Doubt    bool          `json:"doubt,omitzero"` // the next attempt is a lookup
	Waits    bool          `json:"waits,omitzero"` // not asked for yet: the hand-over has no answer
	Told     bool          `json:"told,omitzero"`  // that it is in doubt for too long
	Asked    time.Time     `json:"asked"`
	Ref      string        `json:"ref,omitzero"`
	Code     string        `json:"code,omitzero"`
	Reason   string        `json:"reason,omitzero"`
	Lines    []LineQty     `json:"lines,omitzero"`    // of a hand-over or a stop
	Given    []Adjustment  `json:"given,omitzero"`    // of a reversal
	Returned bool          `json:"returned,omitzero"` // of an authorisation: a void is on the way
}

// A Command is what [DecideCheckout] decides: [Begin], [Pay], [Confirm], [Cancel],
// [Expire], [Report], [Observe] or [Resolve].
type Command interface{ checkoutCommand() string }

// Begin starts the checkout of an open cart; it is decided on the zero Checkout.
// Prices and discounts were asked for before.
type Begin struct {
	ID          CheckoutID
	Cart        Cart
	CartVersion int64 // the one that was shown; 0: any
	Buyer       Buyer
	Address     Address
	Codes       []string
	Expected    money.Amount // the total that was shown
	Tenders     []Tender     // none: only lock, price and hold
	Attributes  map[string]string
	Priced      Priced
	Discounts   Discounts
	Policy      Policy
}

// Pay names the tenders for what is not authorised yet.
type Pay struct{ Tenders []Tender }

// Confirm says that the buyer is back: the payment is looked up at once.
type Confirm struct{}

// Cancel gives a checkout up.
type Cancel struct{ Reason string }

// Expire is the timer's: it gives the checkout up when its time is over, and is put
// off when it is not.
type Expire struct{}

// Report is what came of an effect.
type Report struct {
	Key     string
	Outcome Outcome
	Lookup  bool // the outcome is that of a lookup
	// Stock says what a store answered to this report's decision before: with
	// HoldGone, decide again after stock.ErrEnded; with SoldOut, after the
	// *stock.ShortError of the decision with HoldGone.
	Stock StockAnswer
	// Seen are the gateway's events that nobody could place until now, by the
	// outcome's Ref.
	Seen []PaymentEvent
	// Jitter, 0 to 1, spreads the next attempt: it waits between half and all of
	// its back-off.
	Jitter float64
}

// A StockAnswer is what became of a hold that a decision relied on.
type StockAnswer uint8

// What a store can have answered.
const (
	HoldThere StockAnswer = iota // nothing unusual
	HoldGone                     // the hold was swept: take it again
	SoldOut                      // and there is nothing left to take
)

// Observe is what a gateway reports by itself. The host has checked its signature.
type Observe struct {
	Event  PaymentEvent
	Stock  StockAnswer // as in [Report]
	Jitter float64
}

// Resolve is an operator's word on what came of an effect, with a reason.
type Resolve struct {
	Report

	By, Reason string
}

func (Begin) checkoutCommand() string   { return "begin" }
func (Pay) checkoutCommand() string     { return "pay" }
func (Confirm) checkoutCommand() string { return "confirm" }
func (Cancel) checkoutCommand() string  { return "cancel" }
func (Expire) checkoutCommand() string  { return "expire" }
func (Report) checkoutCommand() string  { return "report" }
func (Observe) checkoutCommand() string { return "observe" }
func (Resolve) checkoutCommand() string { return "resolve" }

// BeginRequest asks for a checkout of a cart. Two requests are the same when all of
// it and the cart's lines are.
type BeginRequest struct {
	Buyer      Buyer // for pricer, warehouse and order; zero: the cart's owner, with whom it is not compared
	Address    Address
	Codes      []string
	Expected   money.Amount // the total that the buyer was shown
	Tenders    []Tender     // none: Pay follows
	Attributes map[string]string
}

// PayRequest names the tenders of a payment, under an idempotency key; without a key, each
// call is a payment of its own.
type PayRequest struct {
	Key     string
	Tenders []Tender
}

// checkID returns what is wrong with an id that begins the keys of effects.
func checkID(id string) []string {
	if id == "" || len(id) > maxText || strings.Contains(id, "/") || !utf8.ValidString(id) {
		return []string{fmt.Sprintf("checkout %q: want an id of 1 to %d bytes without a slash", id, maxText)}
	}
	return nil
}

// maxText is how long ids and names may be: stores index them.
const maxText = 255

// check returns the total of a begin, or what is wrong with it.
func (b Begin) check() (money.Amount, error) {
	switch {
	case b.Cart.State == CartLocked:
		return money.Amount{}, ErrLocked
	case b.Cart.State != CartOpen:
		return money.Amount{}, &InvalidError{Problems: []string{fmt.Sprintf("cart %s: %s, by checkout %s", b.Cart.ID, b.Cart.State, b.Cart.Lock)}}
	case b.CartVersion != 0 && b.CartVersion != b.Cart.Version:
		return money.Amount{}, &CartChangedError{Cart: b.Cart}
	}
	total, err := totalOf(b.Cart, b.Priced, b.Discounts, append(checkID(string(b.ID)), b.Policy.check()...))
	if err != nil {
		return money.Amount{}, err
	}
	same, err := total.Cmp(b.Expected)
	if err != nil {
		return money.Amount{}, fmt.Errorf("expected: %w: %s for %s", ErrCurrency, b.Expected, total)
	}
	if same != 0 {
		return money.Amount{}, &TotalChangedError{Was: b.Expected, Is: total, Lines: b.Priced.Lines}
	}
	return total, nil
}

// totalOf returns what a cart costs, or all problems, those found before among them.
func totalOf(c Cart, priced Priced, d Discounts, problems []string) (money.Amount, error) {
	if len(c.Lines) == 0 {
		problems = append(problems, fmt.Sprintf("cart %s: empty", c.ID))
	}
	t := totals{currency: c.Currency}
	t.priced(c, priced, d)
	switch problems = append(problems, t.problems...); {
	case t.failed != nil:
		return money.Amount{}, t.failed
	case len(problems) > 0:
		return money.Amount{}, &InvalidError{Problems: problems}
	}
	return t.total, nil
}

// check returns what is wrong with a policy.
func (p Policy) check() []string {
	var problems []string
	for _, d := range []struct {
		name string
		is   time.Duration
	}{{"HoldFor", p.HoldFor}, {"PayFor", p.PayFor}, {"BuyerFor", p.BuyerFor}, {"UnknownFor", p.UnknownFor}} {
		if d.is <= 0 {
			problems = append(problems, fmt.Sprintf("policy: %s %s: want more than zero", d.name, d.is))
		}
	}
	if p.Tries < 1 {
		problems = append(problems, fmt.Sprintf("policy: Tries %d: want 1 or more", p.Tries))
	}
	return problems
}

// left is what no authorisation covers.
func (r *checkoutRun) left(tenders []CheckoutTender) (money.Amount, error) {
	left := r.c.Total
	for _, t := range tenders {
		left = r.minus(left, t.Authorised)
	}
	return left, r.failed
}

// planTenders returns the tenders of a payment, which have to add up to what is left.
func planTenders(tenders []Tender, kept []CheckoutTender, left money.Amount) ([]CheckoutTender, error) {
	var k calc
	var out []CheckoutTender
	var problems []string
	fixed, open := k.minus(left, left), 0
	for i, t := range tenders {
		if got := t.Amount.Currency(); !got.IsZero() && got != left.Currency() {
			return nil, fmt.Errorf("tender %q: %w: %s for %s", t.ID, ErrCurrency, t.Amount, left)
		}
		if t.Amount.Sign() < 0 || !t.Amount.IsSettled() {
			return nil, fmt.Errorf("tender %q: %w: %s", t.ID, ErrTenderSum, t.Amount)
		}
		if t.Amount.IsZero() {
			open++
		}
		fixed = k.plus(fixed, t.Amount)
		if t.ID == "" {
			t.ID = "t" + strconv.Itoa(len(kept)+i+1)
		}
		problems = append(problems, t.checkID()...)
		same := func(o CheckoutTender) bool { return o.Tender.ID == t.ID }
		if slices.ContainsFunc(kept, same) || slices.ContainsFunc(out, same) {
			problems = append(problems, fmt.Sprintf("tender %q: twice", t.ID))
		}
		out = append(out, CheckoutTender{Tender: t})
	}
	if len(problems) > 0 {
		return nil, &InvalidError{Problems: problems}
	}
	over := k.minus(fixed, left).Sign()
	if open > 1 || over > 0 || over < 0 && open == 0 || k.failed != nil {
		return nil, fmt.Errorf("%w: %s of %s, %d for the rest", ErrTenderSum, fixed, left, open)
	}
	if left.IsZero() {
		out = nil
	}
	return out, nil
}

// nextTender returns the next tender to authorise, with its amount: its own, or what the
// later ones leave. There is none when they cannot add up.
func (r *checkoutRun) nextTender(left money.Amount) (*CheckoutTender, money.Amount, bool) {
	fixed := r.minus(left, left)
	rest := -1
	next := -1
	for i, t := range r.c.Tenders {
		if t.Key != "" {
			continue
		}
		if t.Tender.Amount.IsZero() {
			rest = i
		}
		fixed = r.plus(fixed, t.Tender.Amount)
	}
	over := r.minus(left, fixed)
	if over.Sign() < 0 || over.Sign() > 0 && rest < 0 {
		return nil, over, false
	}
	for i, t := range r.c.Tenders {
		if t.Key == "" && (i != rest || over.Sign() > 0) {
			next = i
			break
		}
	}
	if next < 0 {
		return nil, over, false
	}
	if next == rest {
		return &r.c.Tenders[next], over, true
	}
	return &r.c.Tenders[next], r.c.Tenders[next].Tender.Amount, true
}

// FoldCheckout makes a checkout of all of its events, in their order. [ErrHistory] where
// one is missing, repeated, of another aggregate, of a form that this version does not
// know, or does not fit. Seq is not looked at. No events are the zero Checkout.
func FoldCheckout(events iter.Seq[Event]) (Checkout, error) {
	var c Checkout
	last, err := fold(events, &c, func() string { return checkoutAggregate(c.ID) })
	if err == nil && last != c.Events {
		err = fmt.Errorf("%w: its last event is %d of %d", ErrHistory, last, c.Events)
	}
	if err != nil {
		return Checkout{}, fmt.Errorf("orders: fold checkout: %w", err)
	}
	return c, nil
}
