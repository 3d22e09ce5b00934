package orders

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders/internal/enum"
)

// A PaymentEvent is one thing that was said about a movement of money: by the gateway
// in a webhook, or by one of our own outcomes. Events are a set: they may come in any
// order and more than once. A shop with several gateways puts the gateway's name into the
// references that its adapters give: they are compared whatever the source.
type PaymentEvent struct {
	Source string        `json:"source"`       // who says so: the gateway's name; empty: our own outcome
	ID     string        `json:"id"`           // unique per source
	Key    string        `json:"key,omitzero"` // the effect's, when the gateway echoes it
	Ref    string        `json:"ref,omitzero"` // the gateway's name for the movement; empty: it stands alone
	Kind   PaymentKind   `json:"kind"`
	Status PaymentStatus `json:"status"`
	Amount money.Amount  `json:"amount"`
	At     time.Time     `json:"at"`
}

// A PaymentKind says which movement an event is about.
type PaymentKind uint8

// The kinds of movements.
const (
	PaymentAuthorisation PaymentKind = iota
	PaymentCharge
	PaymentRefund
	PaymentCancel // of an authorisation
)

//nolint:gochecknoglobals // an immutable table
var paymentKinds = []string{"authorisation", "charge", "refund", "cancel"}

// String returns "charge" and the like.
func (k PaymentKind) String() string { return enum.Name(paymentKinds, "PaymentKind", k) }

// MarshalText returns String; a value without a name is an error.
func (k PaymentKind) MarshalText() ([]byte, error) {
	return enum.Text(paymentKinds, "payment kind", k)
}

// UnmarshalText reads what MarshalText writes.
func (k *PaymentKind) UnmarshalText(text []byte) error {
	return enum.Parse(paymentKinds, "payment kind", text, k)
}

// A PaymentStatus says what happened to a movement.
type PaymentStatus uint8

// The statuses of movements.
const (
	PaymentRequested  PaymentStatus = iota // it is on its way
	PaymentSucceeded                       // it took place
	PaymentFailed                          // it did not
	PaymentAdjusted                        // of an authorisation: Amount is what is authorised now
	PaymentChargeback                      // of a charge: the buyer's bank took it back
	PaymentReversed                        // of a refund: it came back
)

//nolint:gochecknoglobals // an immutable table
var paymentStatuses = []string{"request", "success", "failure", "adjustment", "back", "reverse"}

// String returns "success" and the like.
func (s PaymentStatus) String() string { return enum.Name(paymentStatuses, "PaymentStatus", s) }

// MarshalText returns String; a value without a name is an error.
func (s PaymentStatus) MarshalText() ([]byte, error) {
	return enum.Text(paymentStatuses, "payment status", s)
}

// UnmarshalText reads what MarshalText writes.
func (s *PaymentStatus) UnmarshalText(text []byte) error {
	return enum.Parse(paymentStatuses, "payment status", text, s)
}

// A PaymentSet is payment events by source and id.
type PaymentSet map[string]map[string]PaymentEvent

// A Balance is what a set of payment events comes to. Authorised is what can still be
// charged; it is never below zero. Charged can be, after a chargeback of what was
// refunded. The pending amounts are asked for and not answered.
type Balance struct {
	Authorised, Charged, Refunded, Cancelled                      money.Amount
	AuthorisePending, ChargePending, RefundPending, CancelPending money.Amount
}

// Observed says what an observed payment event was.
type Observed struct {
	Duplicate bool // known already; nothing was written
	Unmatched bool // of no checkout that is known yet; kept
	Late      bool // money for a checkout that was given up; it is given back
	Differs   bool // the gateway's events make another balance than the outcomes
}

// FoldPayment returns what a set of events comes to, on top of start. Order and
// repetition of the events make no difference: they are sorted by (At, Status, ID), and
// of those with the same source and id the first in that order counts.
//
// Per kind and reference a success counts unless a newer failure exists; a request
// is pending as long as there is neither. The newest adjustment takes the place of all
// authorisation events at or before it, and of start. Charges and cancellations, pending ones too, are
// taken from Authorised, refunds from Charged; a chargeback takes from Charged, a
// reversed refund moves back there. An event without a reference stands alone, and
// only adds to its own amount. Amounts of one currency are expected; one that does
// not add up is left out. O(n²): a payment has few.
func FoldPayment(start Balance, events []PaymentEvent) Balance {
	f := folder{balance: start}
	f.events = slices.Clone(events)
	slices.SortFunc(f.events, comparePayments)
	f.dropRepeated()
	from := f.adjust()
	for i := range f.events {
		if f.events[i].Kind == PaymentAuthorisation && i < from {
			continue
		}
		f.event(i, &f.events[i])
	}
	if f.balance.Authorised.Sign() < 0 {
		f.balance.Authorised = f.minus(f.balance.Authorised, f.balance.Authorised)
	}
	return f.balance
}

// comparePayments orders events by time; of one moment a request comes before a
// success, and that before a failure.
func comparePayments(a, b PaymentEvent) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Source, b.Source),
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.Amount.String(), b.Amount.String()))
}

// A folder is a fold that is under way. Events are few: each looks at the others.
type folder struct {
	calc

	balance Balance
	events  []PaymentEvent
}

// dropRepeated leaves one event of each source and id.
func (f *folder) dropRepeated() {
	kept := f.events[:0]
	for _, e := range f.events {
		known := false
		for i := range kept {
			known = known || kept[i].ID == e.ID && kept[i].Source == e.Source
		}
		if !known {
			kept = append(kept, e)
		}
	}
	f.events = kept
}

// adjust starts from the newest adjustment, and returns how many events it takes the
// place of.
func (f *folder) adjust() int {
	for i, e := range slices.Backward(f.events) {
		if e.Kind == PaymentAuthorisation && e.Status == PaymentAdjusted {
			f.balance.Authorised = e.Amount
			from := i + 1
			for from < len(f.events) && f.events[from].At.Equal(e.At) {
				from++
			}
			return from
		}
	}
	return 0
}

// event adds one event, where it counts.
func (f *folder) event(i int, e *PaymentEvent) {
	switch e.Status {
	case PaymentSucceeded:
		if !f.has(e, func(j int, o *PaymentEvent) bool {
			return o.Status == PaymentFailed && o.At.Truncate(time.Second).After(e.At.Truncate(time.Second)) || o.Status == PaymentSucceeded && j > i
		}) {
			f.success(e)
		}
	case PaymentRequested:
		if !f.has(e, func(j int, o *PaymentEvent) bool {
			return o.Status == PaymentSucceeded || o.Status == PaymentFailed || o.Status == PaymentRequested && j > i
		}) {
			f.pending(e)
		}
	case PaymentChargeback:
		f.balance.Charged = f.minus(f.balance.Charged, e.Amount)
	case PaymentReversed:
		f.balance.Charged = f.plus(f.balance.Charged, e.Amount)
		f.balance.Refunded = f.minus(f.balance.Refunded, e.Amount)
	case PaymentFailed, PaymentAdjusted: // they only bear on others
	}
}

// has reports whether an event of the same movement fits.
func (f *folder) has(e *PaymentEvent, fits func(int, *PaymentEvent) bool) bool {
	if e.Ref == "" {
		return false
	}
	for j := range f.events {
		if o := &f.events[j]; o.Kind == e.Kind && o.Ref == e.Ref && fits(j, o) {
			return true
		}
	}
	return false
}

// success adds what took place, and takes it from where it came.
func (f *folder) success(e *PaymentEvent) {
	b := &f.balance
	switch e.Kind {
	case PaymentAuthorisation:
		b.Authorised = f.plus(b.Authorised, e.Amount)
	case PaymentCharge:
		b.Charged = f.plus(b.Charged, e.Amount)
	case PaymentRefund:
		b.Refunded = f.plus(b.Refunded, e.Amount)
	case PaymentCancel:
		b.Cancelled = f.plus(b.Cancelled, e.Amount)
	}
	f.take(e)
}

// pending adds what is on its way.
func (f *folder) pending(e *PaymentEvent) {
	b := &f.balance
	switch e.Kind {
	case PaymentAuthorisation:
		b.AuthorisePending = f.plus(b.AuthorisePending, e.Amount)
	case PaymentCharge:
		b.ChargePending = f.plus(b.ChargePending, e.Amount)
	case PaymentRefund:
		b.RefundPending = f.plus(b.RefundPending, e.Amount)
	case PaymentCancel:
		b.CancelPending = f.plus(b.CancelPending, e.Amount)
	}
	f.take(e)
}

// take takes a movement from where it came, when it has a reference.
func (f *folder) take(e *PaymentEvent) {
	b := &f.balance
	switch {
	case e.Ref == "" || e.Kind == PaymentAuthorisation:
	case e.Kind == PaymentRefund:
		b.Charged = f.minus(b.Charged, e.Amount)
	default:
		b.Authorised = f.minus(b.Authorised, e.Amount)
	}
}

// A calc adds amounts that are known to fit, and remembers when they did not.
type calc struct{ failed error }

// plus returns a + b; a where that is no amount.
func (k *calc) plus(a, b money.Amount) money.Amount {
	sum, err := a.Add(b)
	if err != nil {
		k.failed = cmp.Or(k.failed, err)
		return a
	}
	return sum
}

// minus returns a - b; a where that is no amount.
func (k *calc) minus(a, b money.Amount) money.Amount { return k.plus(a, b.Neg()) }

// least returns the smaller one.
func (k *calc) least(a, b money.Amount) money.Amount {
	if k.minus(a, b).Sign() <= 0 {
		return a
	}
	return b
}

// clone returns a copy that can be added to.
func (s PaymentSet) clone() PaymentSet {
	out := maps.Clone(s)
	for source, events := range out {
		out[source] = maps.Clone(events)
	}
	return out
}

// seen keeps a payment event, and reports whether it is new.
func (r *run) seen(e PaymentEvent) bool {
	set := *r.payments
	if _, known := set[e.Source][e.ID]; known {
		return false
	}
	if set == nil {
		set = PaymentSet{}
		*r.payments = set
	}
	if set[e.Source] == nil {
		set[e.Source] = map[string]PaymentEvent{}
	}
	set[e.Source][e.ID] = e
	return true
}

// differs reports whether what the gateway says makes another balance than our own
// outcomes alone. A movement is known by our key where any event has told which
// reference is whose: a gateway may leave out either.
func (s PaymentSet) differs() bool {
	type movement struct {
		kind PaymentKind
		ref  string
	}
	keys := map[movement]string{}
	all := s.list()
	for _, e := range all {
		if e.Key != "" && e.Ref != "" {
			keys[movement{e.Kind, e.Ref}] = e.Key
		}
	}
	var own []PaymentEvent
	for i := range all {
		e := &all[i]
		if e.Ref = cmp.Or(e.Key, keys[movement{e.Kind, e.Ref}], e.Ref); e.Source == "" {
			own = append(own, *e)
		}
	}
	if len(own) == len(all) {
		return false
	}
	a, b := FoldPayment(Balance{}, own), FoldPayment(Balance{}, all)
	same := func(a, b money.Amount) bool { c, err := a.Cmp(b); return err == nil && c == 0 }
	return !same(a.Authorised, b.Authorised) || !same(a.Charged, b.Charged) ||
		!same(a.Refunded, b.Refunded) || !same(a.Cancelled, b.Cancelled)
}

// check returns what is wrong with an event that a gateway sent.
func (e PaymentEvent) check(c money.Currency) error {
	var p []string
	if e.Source == "" || e.ID == "" {
		p = append(p, "event: source or id is missing")
	}
	for _, text := range []string{e.Source, e.ID, e.Key, e.Ref} {
		if !utf8.ValidString(text) {
			p = append(p, fmt.Sprintf("event: %q is not UTF-8", text))
		}
	}
	if e.At.IsZero() {
		p = append(p, "event: time is missing")
	}
	if int(e.Kind) >= len(paymentKinds) || int(e.Status) >= len(paymentStatuses) {
		p = append(p, fmt.Sprintf("event: %s, %s: no such kind or status", e.Kind, e.Status))
	}
	if e.Amount.Sign() < 0 || !e.Amount.IsSettled() {
		p = append(p, fmt.Sprintf("event: amount %s: want whole minor units, not below zero", e.Amount))
	}
	if len(p) > 0 {
		return &InvalidError{Problems: p}
	}
	if got := e.Amount.Currency(); !got.IsZero() && got != c {
		return fmt.Errorf("event: %w: %s in an order of %s", ErrCurrency, e.Amount, c)
	}
	return nil
}

// list returns the events, in the order in which they are folded.
func (s PaymentSet) list() []PaymentEvent {
	var out []PaymentEvent
	for _, events := range s {
		out = slices.AppendSeq(out, maps.Values(events))
	}
	slices.SortFunc(out, comparePayments)
	return out
}

// late is the outcome of a step that has ended. What ended it stays; money that comes
// all the same is given back.
func (r *checkoutRun) late(s *Step, o Outcome) {
	switch {
	case s.Kind != EffectAuthorise || o.Status != Done && o.Status != Refused:
	case o.Status == Done && s.Status != Done && (s.Status != Refused || !s.Returned):
		r.d.Observed.Late = true
		r.seen(PaymentEvent{
			ID: s.Key + "/late", Key: s.Key, Ref: cmp.Or(o.Ref, s.Ref), Kind: PaymentAuthorisation,
			Status: PaymentSucceeded, Amount: o.Amount, At: r.at,
		})
		s.Ref = cmp.Or(o.Ref, s.Ref)
		r.orphan(s)
	case o.Status == Refused && s.Status == Done:
		if r.seen(PaymentEvent{
			Source: lateSource, ID: s.Key, Key: s.Key, Ref: cmp.Or(o.Ref, s.Ref), Kind: PaymentAuthorisation,
			Status: PaymentFailed, Amount: o.Amount, At: r.at,
		}) {
			r.event("refused_late", Event{Key: s.Key, Ref: cmp.Or(o.Ref, s.Ref), Reason: o.Reason})
			r.compare(&r.c.Differs)
		}
	}
}

// orphan gives back money that came after its step was given up.
func (r *checkoutRun) orphan(s *Step) {
	key, ref := s.Key, s.Ref
	if s.Status != Refused {
		s.Status = Done
	}
	r.move(OnLate)
	r.event("alert", Event{Key: key, Ref: ref, Reason: "late money, given back"})
	r.giveBack(EffectVoid, key)
	r.event("returning", Event{Key: key, Ref: ref})
}

// observe takes up what a gateway reports by itself.
func (r *checkoutRun) observe(obs Observe) error {
	e := obs.Event
	if r.c.State == StateNone {
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
	r.answer, r.jitter = obs.Stock, obs.Jitter
	s := r.match(e)
	r.event("observed", Event{Key: e.Key, Ref: e.Ref, Reason: e.Kind.String() + " " + e.Status.String()})
	if s == nil {
		r.compare(&r.c.Differs)
		return nil
	}
	kind, _ := paymentKind(s.Kind)
	o, final := e.outcome()
	if !final || kind != e.Kind {
		r.compare(&r.c.Differs)
		return nil
	}
	err := r.report(Report{Key: s.Key, Outcome: o, Stock: obs.Stock, Jitter: obs.Jitter})
	r.compare(&r.c.Differs)
	return err
}

// unmatched begins the aggregate of events that belong to no checkout yet.
const unmatched = "unmatched/"

// Observe takes what a gateway reports by itself, once the host has checked its
// signature. It calls nobody: what follows is left to a Runner. Events may come in any order, twice, and
// before the answer that they are about.
func (s *Orders) Observe(ctx context.Context, e PaymentEvent) (Observed, error) {
	seen, err := s.observe(ctx, e)
	if err != nil {
		return Observed{}, fmt.Errorf("orders: observe %s of %s: %w", e.ID, e.Source, err)
	}
	return seen, nil
}

func (s *Orders) observe(ctx context.Context, e PaymentEvent) (Observed, error) {
	seen, found, err := s.observeMatched(ctx, e)
	if err != nil || found {
		return seen, err
	}
	if seen, err = s.keepUnmatched(ctx, e); err != nil {
		return seen, err
	}
	// The answer that it is about may have been written just before it was.
	late, found, err := s.observeMatched(ctx, e)
	if err != nil || !found {
		return seen, err
	}
	return late, nil
}

// observeMatched decides an event on the checkout or order that it is about.
func (s *Orders) observeMatched(ctx context.Context, e PaymentEvent) (seen Observed, found bool, err error) {
	id, err := s.owner(ctx, e)
	if err != nil || id == "" {
		return seen, false, err
	}
	w, err := s.commit(ctx, "", func(ctx context.Context, at time.Time, answer StockAnswer) (a attempt, err error) {
		observe := Observe{Event: e, Stock: answer, Jitter: s.cfg.Rand()}
		// Its version says in the commit whether the checkout still stands where it decides
		// whose the event is.
		c, err := s.store.Checkout(ctx, CheckoutID(id))
		if err != nil {
			return a, err
		}
		if c.State == StatePlaced && !c.keeps(e) {
			return s.decide(ctx, "", OrderID(id), observe, at)
		}
		a.known = knownSteps(c.Steps)
		a.decision, err = DecideCheckout(c, observe, at)
		return a, err
	})
	return w.observed, true, err
}

// keeps reports whether an event is about a payment that a placed checkout did not hand on to
// its order: one that was refused, or what gave it back.
func (c Checkout) keeps(e PaymentEvent) bool {
	s := newCheckoutRun(c, c.At).match(e)
	return s != nil && (s.Kind != EffectAuthorise || s.Status != Done || s.Returned)
}

// owner returns the id of the checkout, which is that of its order, that an event is
// about: by the effect's key, else by the gateway's reference.
func (s *Orders) owner(ctx context.Context, e PaymentEvent) (string, error) {
	if id, _, ok := strings.Cut(e.Key, "/"); ok {
		switch _, err := s.store.Checkout(ctx, CheckoutID(id)); {
		case err == nil:
			return id, nil
		case !errors.Is(err, ErrNotFound):
			return "", err
		}
	}
	if e.Ref == "" {
		return "", nil
	}
	for known, err := range s.store.Events(ctx, 0, EventQuery{Ref: e.Ref}) {
		if err != nil {
			return "", err
		}
		if kind, id, _ := strings.Cut(known.Aggregate, "/"); kind+"/" != unmatched {
			return id, nil
		}
	}
	return "", nil
}

// keepUnmatched keeps an event that nobody can place yet.
func (s *Orders) keepUnmatched(ctx context.Context, e PaymentEvent) (Observed, error) {
	if err := e.check(e.Amount.Currency()); err != nil {
		return Observed{}, err
	}
	aggregate := unmatched + e.Source
	name := sha256.Sum256([]byte(e.ID))
	key := hex.EncodeToString(name[:])
	for known, err := range s.store.Events(ctx, 0, EventQuery{Aggregate: aggregate, Ref: e.Ref}) {
		if err != nil {
			return Observed{}, err
		}
		var old PaymentEvent
		if json.Unmarshal(known.Data, &old) == nil && old.ID == e.ID {
			return Observed{Duplicate: true, Unmatched: true}, nil
		}
	}
	data, err := json.Marshal(e)
	if err != nil {
		return Observed{}, err
	}
	_, err = s.commit(ctx, "", func(ctx context.Context, at time.Time, _ StockAnswer) (attempt, error) {
		if _, err := s.replay(ctx, aggregate, key, key); err != nil { // it comes twice at once
			return attempt{}, err
		}
		return attempt{record: s.record(aggregate, key, key, aggregate, at), decision: Decision{Events: []Event{{
			Aggregate: aggregate, Form: EventForm, Kind: "unmatched", At: at, Key: e.Key, Ref: e.Ref, Data: data,
		}}}}, nil
	})
	if errors.Is(err, errReplayed) {
		return Observed{Duplicate: true, Unmatched: true}, nil
	}
	return Observed{Unmatched: true}, err
}
