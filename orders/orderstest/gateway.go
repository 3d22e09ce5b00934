package orderstest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
)

// A Fault is what goes wrong with one call of a [Gateway].
type Fault string

// The faults. Of those that lose the answer the caller gets an error.
const (
	LostBefore   Fault = "lost_before"   // nothing has happened
	LostAfter    Fault = "lost_after"    // it has happened
	LostLate     Fault = "lost_late"     // it happens at the next Arrive
	NotSent      Fault = "not_sent"      // nothing has happened, and that is known
	Refuse       Fault = "refuse"        //
	Twice        Fault = "twice"         // the answer comes again, as a webhook
	WebhookFirst Fault = "webhook_first" // the webhook comes before the answer
	WebhookTwice Fault = "webhook_twice" // it comes twice, after the answer
	Partial      Fault = "partial"       // an authorisation of half of what was asked
	Buyer        Fault = "buyer"         // the buyer must act: see Approve
	Panics       Fault = "panics"        //
	Lags         Fault = "lags"          // a lookup that does not find yet what there is
)

// ErrNoAnswer is what a caller gets whose answer is lost.
var ErrNoAnswer = errors.New("no answer")

// A Script says which calls go wrong. Call is "authorise", "capture", "void", "refund" or
// "lookup", with a colon and a kind of tender for calls of that alone; Nth counts from 1,
// and 0 is all of them.
type Script struct {
	Call  string
	Nth   int
	Fault Fault
}

// A Gateway is a fake of a payment provider with books of its own: it knows what was done
// under each key, and repeats what it has answered. It is safe for concurrent use.
type Gateway struct {
	// Now is its clock, nil for time.Now. Set it, and Webhook and During, before use.
	Now func() time.Time
	// Webhook gets what it reports by itself; nil: nobody does.
	Webhook func(orders.PaymentEvent)
	// During is called within each call, before anything is done: what happens meanwhile.
	During func(call, key string)

	mu      sync.Mutex
	script  []Script
	calls   map[string]int
	answers map[string]orders.Outcome // by key
	books   map[string]*booked        // by the key of an authorisation
	waiting map[string]orders.PaymentRequest
	late    []func()
	asked   map[string]string // what came first under each key
	moved   map[string]int    // movements of money by key
	doubled []string
	refs    int
	log     []string
}

// booked is one authorisation and what became of it.
type booked struct{ authorised, captured, refunded, voided money.Amount }

var _ orders.Gateway = (*Gateway)(nil)

// NewGateway returns a gateway that follows a script.
func NewGateway(script ...Script) *Gateway {
	return &Gateway{
		script: script, calls: map[string]int{}, answers: map[string]orders.Outcome{}, books: map[string]*booked{},
		waiting: map[string]orders.PaymentRequest{}, asked: map[string]string{}, moved: map[string]int{},
	}
}

// Authorise implements orders.Gateway.
func (g *Gateway) Authorise(_ context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call("authorise", r, g.authorise)
}

// Capture implements orders.Gateway.
func (g *Gateway) Capture(_ context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call("capture", r, g.capture)
}

// Void implements orders.Gateway.
func (g *Gateway) Void(_ context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call("void", r, g.void)
}

// Refund implements orders.Gateway.
func (g *Gateway) Refund(_ context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return g.call("refund", r, g.refund)
}

// Lookup implements orders.Gateway.
func (g *Gateway) Lookup(_ context.Context, key string) (orders.Outcome, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch fault := g.next("lookup", ""); fault {
	case "":
	case NotSent:
		return orders.Outcome{Status: orders.NotSent}, nil
	case Lags:
		return orders.Outcome{Status: orders.NotFound}, nil
	default:
		return orders.Outcome{}, ErrNoAnswer
	}
	if _, ok := g.waiting[key]; ok {
		return orders.Outcome{Status: orders.Waiting, Action: action(key)}, nil
	}
	if o, ok := g.answers[key]; ok {
		return o, nil
	}
	return orders.Outcome{Status: orders.NotFound}, nil
}

// next counts a call and returns its fault.
func (g *Gateway) next(call, tender string) Fault {
	names := []string{call, call + ":" + tender}
	for _, name := range names {
		g.calls[name]++
	}
	for _, s := range g.script {
		for _, name := range names {
			if s.Call == name && (s.Nth == 0 || s.Nth == g.calls[name]) {
				return s.Fault
			}
		}
	}
	return ""
}

func (g *Gateway) call(name string, r orders.PaymentRequest, do func(orders.PaymentRequest) orders.Outcome) (orders.Outcome, error) {
	if g.During != nil {
		g.During(name, r.Key)
	}
	g.mu.Lock()
	fault := g.next(name, r.Tender.Kind)
	if what := fmt.Sprintf("%s of %q, %s by %s", name, r.OfKey, r.Amount, r.Tender.ID); cmp.Or(g.asked[r.Key], what) != what {
		g.doubled = append(g.doubled, fmt.Sprintf("%s: %s, then %s", r.Key, g.asked[r.Key], what))
	} else {
		g.asked[r.Key] = what
	}
	g.log = append(g.log, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", name, r.Key, r.Amount, fault)))
	if fault == Panics {
		g.mu.Unlock()
		panic("the gateway's client panics")
	}
	o, err, events := g.answer(name, r, do, fault)
	g.mu.Unlock()
	if g.Webhook != nil {
		for _, e := range events {
			g.Webhook(e)
		}
	}
	return o, err
}

// answer does what a fault leaves of a call. Events are what comes as webhooks.
func (g *Gateway) answer(name string, r orders.PaymentRequest, do func(orders.PaymentRequest) orders.Outcome, fault Fault) (o orders.Outcome, err error, events []orders.PaymentEvent) { //nolint:revive,staticcheck // the events come along
	once := func() orders.Outcome {
		if known, ok := g.answers[r.Key]; ok {
			return known
		}
		g.answers[r.Key] = do(r)
		return g.answers[r.Key]
	}
	switch fault {
	case LostBefore:
		return o, ErrNoAnswer, nil
	case LostAfter:
		once()
		return o, ErrNoAnswer, nil
	case LostLate:
		g.late = append(g.late, func() { once() })
		return o, ErrNoAnswer, nil
	case NotSent:
		return orders.Outcome{Status: orders.NotSent}, nil, nil
	case Refuse:
		do = func(orders.PaymentRequest) orders.Outcome {
			return orders.Outcome{Status: orders.Refused, Code: "declined", Reason: "declined"}
		}
		return once(), nil, nil
	case Buyer:
		if _, known := g.answers[r.Key]; !known {
			g.waiting[r.Key] = r
			return orders.Outcome{Status: orders.Waiting, Action: action(r.Key)}, nil, nil
		}
		return once(), nil, nil
	case Partial:
		half, _ := r.Amount.MulDiv(1, 2, money.Rounding{})
		r.Amount = half
		return once(), nil, nil
	default:
		o = once()
		return o, nil, g.webhooks(name, r, o, fault)
	}
}

func (g *Gateway) webhooks(name string, r orders.PaymentRequest, o orders.Outcome, fault Fault) []orders.PaymentEvent {
	if fault != Twice && fault != WebhookFirst && fault != WebhookTwice || o.Status != orders.Done {
		return nil
	}
	kinds := map[string]orders.PaymentKind{
		"authorise": orders.PaymentAuthorisation, "capture": orders.PaymentCharge, "void": orders.PaymentCancel, "refund": orders.PaymentRefund,
	}
	now := time.Now //nolint:forbidigo // the default clock
	if g.Now != nil {
		now = g.Now
	}
	e := orders.PaymentEvent{
		Source: "fake", ID: "event/" + o.Ref, Key: r.Key, Ref: o.Ref, Kind: kinds[name], Status: orders.PaymentSucceeded, Amount: o.Amount, At: now(),
	}
	if fault == WebhookTwice {
		return []orders.PaymentEvent{e, e}
	}
	return []orders.PaymentEvent{e}
}

func action(key string) *orders.BuyerAction {
	return &orders.BuyerAction{Kind: "redirect", URL: "https://bank.example/" + key}
}

// done moves money under a key.
func (g *Gateway) done(key string, amount money.Amount) orders.Outcome {
	if g.moved[key]++; g.moved[key] > 1 {
		g.doubled = append(g.doubled, key+": moved again")
	}
	g.refs++
	return orders.Outcome{Status: orders.Done, Ref: fmt.Sprintf("ref-%d", g.refs), Amount: amount}
}

func refused(code string) orders.Outcome {
	return orders.Outcome{Status: orders.Refused, Code: code, Reason: code}
}

func (g *Gateway) authorise(r orders.PaymentRequest) orders.Outcome {
	zero := money.New(0, r.Amount.Currency())
	g.books[r.Key] = &booked{r.Amount, zero, zero, zero}
	return g.done(r.Key, r.Amount)
}

// open is what of an authorisation can still be captured.
func (b *booked) open() money.Amount { return minus(minus(b.authorised, b.captured), b.voided) }

func minus(a, b money.Amount) money.Amount {
	d, err := a.Sub(b)
	if err != nil {
		panic(err) // one currency, small amounts
	}
	return d
}

func less(a, b money.Amount) bool { return minus(a, b).Sign() < 0 }

func plus(a, b money.Amount) money.Amount { return minus(a, b.Neg()) }

func (g *Gateway) capture(r orders.PaymentRequest) orders.Outcome {
	b := g.books[r.OfKey]
	switch {
	case b == nil:
		return refused("unknown")
	case less(b.open(), r.Amount):
		return refused(orders.CodeLapsed)
	}
	b.captured = plus(b.captured, r.Amount)
	return g.done(r.Key, r.Amount)
}

func (g *Gateway) void(r orders.PaymentRequest) orders.Outcome {
	b := g.books[r.OfKey]
	delete(g.waiting, r.OfKey)
	if b == nil {
		return g.done(r.Key, money.Amount{}) // it moved nothing
	}
	if b.captured.Sign() > 0 && b.open().Sign() == 0 {
		return refused("captured")
	}
	rest := b.open()
	b.voided = plus(b.voided, rest)
	return g.done(r.Key, rest)
}

func (g *Gateway) refund(r orders.PaymentRequest) orders.Outcome {
	b := g.books[r.OfKey]
	switch {
	case b == nil:
		return refused("unknown")
	case less(minus(b.captured, b.refunded), r.Amount):
		return refused("too much")
	}
	b.refunded = plus(b.refunded, r.Amount)
	return g.done(r.Key, r.Amount)
}

// Approve is the buyer who acts: the payment that waits for it is authorised.
func (g *Gateway) Approve() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, r := range g.waiting {
		if _, known := g.answers[key]; !known {
			g.answers[key] = g.authorise(r)
		}
		delete(g.waiting, key)
	}
}

// Arrive lets happen what was lost on its way.
func (g *Gateway) Arrive() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, do := range g.late {
		do()
	}
	g.late = nil
}

// Lapse ends all authorisations, as time does.
func (g *Gateway) Lapse() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.books {
		b.voided = plus(b.voided, b.open())
	}
}

// Books are what is authorised and not captured, and what is captured less what was
// refunded, by the gateway's own account.
func (g *Gateway) Books(c money.Currency) (live, captured money.Amount) {
	g.mu.Lock()
	defer g.mu.Unlock()
	live, captured = money.New(0, c), money.New(0, c)
	for _, b := range g.books {
		live, captured = plus(live, b.open()), plus(captured, minus(b.captured, b.refunded))
	}
	return live, captured
}

// Doubled are the keys that moved money twice, or that came with two different requests.
func (g *Gateway) Doubled() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.doubled)
}

// Log is the calls that moved or could have moved money, with their faults.
func (g *Gateway) Log() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.log)
}
