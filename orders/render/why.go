package render

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/orders"
)

// A Standing is what [Why] is asked about.
type Standing struct {
	At       time.Time
	Checkout orders.Checkout
	Order    orders.Order // the zero Order: there is none yet
	// Effects are those that are stored of the checkout and of its order: see orders.EffectLister. They alone know when a
	// call is tried again; without them, that is left out.
	Effects []orders.Effect
}

// Why says why a checkout, or the order that it became, stands where it stands, for the person whom a buyer asks: a sentence
// a line, the last of which says what comes next and when. Times are in UTC. What is shown of a buyer's action is its kind:
// the link is the buyer's alone.
func Why(s Standing) string {
	var w why
	if s.Order.State == orders.OrderNone {
		w.checkout(&s)
	} else {
		w.order(&s)
	}
	w.next(&s)
	return strings.Join(w.lines, "\n")
}

// A why collects sentences.
type why struct{ lines []string }

func (w *why) say(format string, args ...any) {
	w.lines = append(w.lines, printable(fmt.Sprintf(format, args...)))
}

// checkout says where the checkout stands, then what it has asked for.
func (w *why) checkout(s *Standing) {
	c := &s.Checkout
	cause := cmp.Or(c.Cause, "no reason was given")
	switch c.State {
	case orders.StateNone:
		w.say("There is no such checkout.")
		return
	case orders.StateLocked:
		w.say("Checkout %s waits for the buyer to pay %s; its cart is locked.", c.ID, c.Total)
	case orders.StateAuthorising:
		w.say("Checkout %s is being paid: %s in all.", c.ID, c.Total)
	case orders.StateAwaitingBuyer:
		w.say("Checkout %s waits for the buyer, who has to %s before the payment goes on.", c.ID, deed(c.Action))
	case orders.StatePlaced:
		w.say("Checkout %s has become an order.", c.ID)
	case orders.StateCancelling:
		w.say("Checkout %s is being given up: %s. What it did is being undone.", c.ID, cause)
	case orders.StateCancelled:
		w.say("Checkout %s was given up: %s. Its stock is back on sale and its cart is open again.", c.ID, cause)
	default:
		w.say("Checkout %s stands in %s, which this version does not know.", c.ID, c.State)
	}
	w.money(c)
	if c.CancelAsked && c.State.Live() && c.State != orders.StateCancelling {
		w.say("It is to be cancelled (%s), as soon as it is known what became of the call that is under way.", cause)
	}
	for i := range c.Steps {
		w.step(&c.Steps[i])
	}
	if c.Hold != "" && !c.Until.IsZero() {
		w.hold(s)
	}
	w.differs(c.Differs)
}

// deed is what the buyer has to do.
func deed(a *orders.BuyerAction) string {
	if a == nil || a.Kind == "" {
		return "wait for the gateway"
	}
	return "do the gateway's " + a.Kind
}

// money says what was authorised, and why the last try failed.
func (w *why) money(c *orders.Checkout) {
	for _, t := range c.Tenders {
		if t.Authorised.Sign() > 0 && c.State != orders.StatePlaced {
			w.say("%s is authorised by %s.", t.Authorised, tender(t.Tender))
		}
	}
	if r := c.Refusal; r != nil {
		switch {
		case r.Step == orders.EffectHold:
			w.say("The promised discounts were refused: %s.", cmp.Or(r.Reason, r.Code, "no reason was given"))
		case r.Code == "sold_out":
			w.say("What it had reserved was swept, and is sold out.")
		default:
			w.say("The last payment was refused: %s. That was refusal %d of at most %d.", cmp.Or(r.Reason, r.Code, "no reason was given"), c.Refusals, c.Policy.Tries)
		}
	}
}

// tender names a means of payment, without its token.
func tender(t orders.Tender) string {
	if t.Kind == "" || t.Kind == t.ID {
		return cmp.Or(t.ID, "the buyer")
	}
	return t.Kind + " " + t.ID
}

func (w *why) hold(s *Standing) {
	until := s.Checkout.Until
	if s.At.Before(until) {
		w.say("Its stock is held until %s, %s from now.", clock(until), span(until.Sub(s.At)))
		return
	}
	w.say("The hold of its stock was over at %s: others may take the units.", clock(until))
}

func (w *why) differs(differs bool) {
	if differs {
		w.say("The gateway reports another balance than our calls came to: compare its books.")
	}
}

// order says where the order stands.
func (w *why) order(s *Standing) {
	o := &s.Order
	var ordered, shipped, cancelled int64
	for _, u := range o.Units {
		ordered, shipped, cancelled = ordered+u.Quantity, shipped+u.Shipped, cancelled+u.Cancelled
	}
	units := fmt.Sprintf("%d of %s shipped, %d cancelled", shipped, counted(ordered, "unit"), cancelled)
	switch o.State {
	case orders.OrderCapturing:
		w.say("Order %s is placed, and its money is being taken: %s in all.", o.ID, o.Total)
	case orders.OrderPlaced:
		w.say("Order %s is placed; its money, %s, is taken as it ships.", o.ID, o.Total)
	case orders.OrderReady:
		w.say("Order %s is paid and can ship.", o.ID)
	case orders.OrderOnHold:
		w.say("Order %s is on hold: %s. It waits for a person: Capture tries again, Release goes on as it is.", o.ID, cmp.Or(o.Reason, "no reason was given"))
	case orders.OrderFulfilling:
		w.say("Order %s is on its way: %s.", o.ID, units)
	case orders.OrderCompleted:
		w.say("Order %s is complete: %s.", o.ID, units)
	case orders.OrderCancelling:
		w.say("Order %s is being cancelled: what was taken is being given back.", o.ID)
	case orders.OrderCancelled:
		w.say("Order %s is cancelled.", o.ID)
	default:
		w.say("Order %s stands in %s, which this version does not know.", o.ID, o.State)
	}
	for i := range o.Tenders {
		w.taken(&o.Tenders[i])
	}
	for i := range s.Checkout.Steps {
		w.step(&s.Checkout.Steps[i])
	}
	for i := range o.Steps {
		w.step(&o.Steps[i])
	}
	if stands := []orders.OrderState{orders.OrderPlaced, orders.OrderReady, orders.OrderOnHold}; o.HandedOver && slices.Contains(stands, o.State) {
		w.say("The warehouse has it.")
	}
	w.differs(o.Differs)
}

// taken says what went through a tender.
func (w *why) taken(t *orders.OrderTender) {
	line := fmt.Sprintf("%s: %s authorised, %s captured", tender(t.Tender), t.Authorised, t.Captured)
	if t.Refunded.Sign() > 0 {
		line += fmt.Sprintf(", %s refunded", t.Refunded)
	}
	if t.Lapsed {
		line += "; the authorisation has lapsed"
	}
	w.say("%s.", line)
}

// step says how far a call has come that has not ended.
func (w *why) step(p *orders.Step) {
	if !p.Open {
		return
	}
	what := errand(p)
	since := clock(p.Asked)
	switch {
	case p.Stuck:
		w.say("%s was refused (%s). Nobody is called any more: a person has to find out, and to Resolve %s.", what, cmp.Or(p.Reason, p.Code, "no reason was given"), p.Key)
		return
	case p.Waits:
		w.say("%s waits until the hand-over has an answer.", what)
		return
	case p.Attempt == 0 && p.Kind == orders.EffectRecheck:
		w.say("%s is planned.", what)
		return
	case p.Attempt == 0:
		w.say("%s was asked for at %s and has no answer yet.", what, since)
		return
	}
	switch p.Status {
	case orders.Unknown:
		line := fmt.Sprintf("%s is in doubt since %s: after %s nobody knows whether it happened", what, since, counted(p.Attempt, "attempt"))
		if p.Kind.Gateway() {
			line += "; it is looked up before anything else is done"
		}
		if p.Told {
			line += "; people were told"
		}
		w.say("%s.", line)
	case orders.Waiting:
		w.say("%s is not settled: the other side is still at it, asked %s since %s.", what, times(p.Attempt), since)
	case orders.NotSent:
		w.say("%s could not be sent, %s since %s: nothing has left here. It is tried again under the same key.", what, times(p.Attempt), since)
	case orders.NotFound:
		w.say("%s is not known to the gateway, which was asked %s since %s. It is called again under the same key.", what, times(p.Attempt), since)
	case orders.Done, orders.Refused:
		w.say("%s was answered %s and is not over.", what, p.Status)
	default:
		w.say("%s was answered %s, which this version does not know.", what, p.Status)
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// errand names a step and its key, at the beginning of a sentence.
func errand(p *orders.Step) string { return task(p) + " (" + p.Key + ")" }

// task names what a step asks for.
func task(p *orders.Step) string {
	switch p.Kind {
	case orders.EffectTimer: // no step is one, but whoever made this one shall read what it says
		return "The time limit of the checkout"
	case orders.EffectAuthorise:
		return fmt.Sprintf("The authorisation of %s by %s", p.Amount, p.Tender)
	case orders.EffectCapture:
		return fmt.Sprintf("The capture of %s from %s", p.Amount, p.Tender)
	case orders.EffectVoid:
		return fmt.Sprintf("The void of %s of %s", p.Amount, p.Tender)
	case orders.EffectRefund:
		return fmt.Sprintf("The refund of %s to %s", p.Amount, p.Tender)
	case orders.EffectRecheck:
		return fmt.Sprintf("A last look whether %s has arrived after all", p.Of)
	case orders.EffectHold:
		return "The hold of the promised discounts"
	case orders.EffectCommit:
		return "The redemption of the promised discounts"
	case orders.EffectRelease:
		return "The release of the promised discounts"
	case orders.EffectReverse:
		return "The return of the discounts of cancelled units"
	case orders.EffectHandOver:
		return "The hand-over to the warehouse"
	case orders.EffectStop:
		var n int64
		for _, l := range p.Lines {
			n += l.Quantity
		}
		return "The request to the warehouse to keep " + counted(n, "unit")
	default:
		return "A call that this version does not know, " + p.Kind.String()
	}
}

// A turn is something that will happen by itself.
type turn struct {
	what string
	due  time.Time
	key  string
}

// next says what is the first thing to happen by itself, and when.
func (w *why) next(s *Standing) {
	steps := slices.Concat(s.Checkout.Steps, s.Order.Steps)
	var turns []turn
	retried := false
	known := func(key string) bool {
		return slices.ContainsFunc(s.Effects, func(e orders.Effect) bool { return e.Key == key })
	}
	for i := range s.Effects {
		turns = append(turns, s.turn(steps, &s.Effects[i]))
	}
	for i := range steps {
		p := &steps[i]
		switch {
		case !p.Open || p.Stuck || p.Waits || known(p.Key):
		case p.Attempt > 0:
			retried = true
		case p.Kind == orders.EffectRecheck:
			turns = append(turns, turn{errand(p), p.Asked.Add(s.Checkout.Policy.UnknownFor), p.Key})
		default:
			turns = append(turns, turn{errand(p) + " is called", p.Asked, p.Key})
		}
	}
	if c := &s.Checkout; c.State.Live() && c.State != orders.StateCancelling && !c.CancelAsked && !c.GiveUp.IsZero() {
		turns = append(turns, turn{timeLimit, c.GiveUp, string(c.ID) + "/timer"})
	}
	if retried {
		w.say("What has no answer is tried again by itself, after pauses that grow from a second to an hour.")
	}
	if len(turns) == 0 {
		if !retried {
			w.say("Next: nothing happens by itself.")
		}
		return
	}
	first := slices.MinFunc(turns, func(a, b turn) int { return cmp.Or(a.due.Compare(b.due), strings.Compare(a.key, b.key)) })
	when := "in " + span(first.due.Sub(s.At)) + ", at " + clock(first.due)
	if !first.due.After(s.At) {
		when = "due since " + clock(first.due)
	}
	w.say("Next: %s, %s.", lower(first.what), when)
}

// timeLimit is what a timer does.
const timeLimit = "The checkout is given up unless it moves on"

// turn says what an effect will do. Its step says it in more detail, where there is one.
func (s *Standing) turn(steps []orders.Step, e *orders.Effect) turn {
	what := "The effect " + e.Key
	if i := slices.IndexFunc(steps, func(p orders.Step) bool { return p.Key == e.Key }); i >= 0 {
		what = errand(&steps[i])
	}
	switch {
	case e.Kind == orders.EffectTimer:
		what = timeLimit
	case e.Kind == orders.EffectRecheck:
	case e.Doubt:
		what += " is looked up"
	case e.Attempt > 0:
		what += " is called again"
	default:
		what += " is called"
	}
	return turn{what, e.Due, e.Key}
}

// lower lets a sentence go on after a colon. Every errand begins with an English word.
func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }
