package render

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/orders"
)

// A course is what happened to a checkout and its order. Every event is a moment.
type course struct {
	id       string
	moments  []moment
	checkout []stretch // of states
	order    []stretch
	hold     []stretch // of stock
	extended []int     // the moments at which the hold's end was put off
	until    time.Time // the end of the last hold, as it was put off last
	calls    []*call
}

// A moment is one event.
type moment struct {
	at                    time.Time
	order                 bool
	kind, key, by, reason string
	fromState, toState    string
}

// A stretch lasts from one moment to another; to is -1 while it lasts.
type stretch struct {
	from, to int
	name     string
}

// A call is a step and what was reported of it.
type call struct {
	order bool
	from  int
	to    int // -1: it is open
	marks []mark
	step  orders.Step // as it was last
}

// A mark is one report.
type mark struct {
	moment int
	status orders.OutcomeStatus
}

// A picture is what is shown of a checkout or an order, as of an event.
type picture struct {
	State string
	Hold  string
	Holds int
	Until time.Time
	Steps []orders.Step
}

// merge applies an event's merge patch, which gives scalars and lists as a whole.
func (p *picture) merge(e *orders.Event) error {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(e.Data, &fields)
	next := picture{State: p.State, Hold: p.Hold, Holds: p.Holds, Until: p.Until, Steps: p.Steps}
	set := func(name string, empty func(), into any) {
		if raw, changed := fields[name]; changed && err == nil {
			empty()
			err = json.Unmarshal(raw, into)
		}
	}
	set("state", func() { next.State = "" }, &next.State)
	set("hold", func() { next.Hold = "" }, &next.Hold)
	set("holds", func() { next.Holds = 0 }, &next.Holds)
	set("until", func() { next.Until = time.Time{} }, &next.Until)
	set("steps", func() { next.Steps = nil }, &next.Steps)
	if err != nil {
		return fmt.Errorf("%w: event %d of %s: %w", orders.ErrHistory, e.Number, e.Aggregate, err)
	}
	*p = next
	return nil
}

// follow makes a course of events. It is an error where they are not the whole history of one checkout, perhaps with that
// of its order.
func follow(events []orders.Event) (*course, error) {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b orders.Event) int {
		return int(min(max(a.Seq-b.Seq, -1), 1))
	})
	c := &course{}
	if err := c.check(events); err != nil {
		return nil, err
	}
	var checkout, order picture
	for n := range events {
		e := &events[n]
		now, states := &checkout, &c.checkout
		ofOrder := strings.HasPrefix(e.Aggregate, orderPrefix)
		if ofOrder {
			now, states = &order, &c.order
		}
		was := *now
		if err := now.merge(e); err != nil {
			return nil, err
		}
		c.moments = append(c.moments, moment{
			at: e.At, order: ofOrder, kind: e.Kind, key: e.Key, by: e.By, reason: e.Reason, fromState: was.State, toState: now.State,
		})
		if now.State != was.State {
			*states = turnTo(*states, n, now.State)
		}
		if !ofOrder {
			c.holds(n, &was, now)
		}
		for i := range now.Steps {
			c.reported(n, ofOrder, &now.Steps[i])
		}
		if ofOrder {
			c.ended(n, e, now.Steps)
		}
	}
	return c, nil
}

// check folds the events, which finds out whether they are all there.
func (c *course) check(events []orders.Event) error {
	of := func(prefix string) []orders.Event {
		return slices.DeleteFunc(slices.Clone(events), func(e orders.Event) bool { return !strings.HasPrefix(e.Aggregate, prefix) })
	}
	checkout, order := of(checkoutPrefix), of(orderPrefix)
	if len(checkout) == 0 || len(checkout)+len(order) < len(events) {
		return fmt.Errorf("%w: want the events of one checkout, and perhaps of its order", orders.ErrHistory)
	}
	whole, err := orders.FoldCheckout(slices.Values(checkout))
	if err != nil {
		return err
	}
	o, err := orders.FoldOrder(slices.Values(order))
	if err != nil {
		return err
	}
	if o.State != orders.OrderNone && o.Checkout != whole.ID {
		return fmt.Errorf("%w: order %s is not of checkout %s", orders.ErrHistory, o.ID, whole.ID)
	}
	c.id = string(whole.ID)
	return nil
}

// turnTo ends the last stretch and begins another one.
func turnTo(stretches []stretch, moment int, name string) []stretch {
	if n := len(stretches); n > 0 {
		stretches[n-1].to = moment
	}
	return append(stretches, stretch{from: moment, to: -1, name: name})
}

// holds follows the hold of stock: the checkout names it for as long as it has it.
func (c *course) holds(n int, was, now *picture) {
	if now.Hold != "" {
		c.until = now.Until
	}
	switch {
	case was.Hold == "" && now.Hold != "":
		c.hold = append(c.hold, stretch{from: n, to: -1, name: "held"})
	case was.Hold != "" && now.Hold == "":
		h := &c.hold[len(c.hold)-1]
		h.to = n
		switch {
		case now.State == orders.StatePlaced.String() && now.Holds > was.Holds:
			h.name = "swept, taken again and sold"
		case now.State == orders.StatePlaced.String():
			h.name = "sold"
		case now.State == orders.StateCancelled.String():
			h.name = "released"
		default:
			h.name = "swept, and sold to others"
		}
	case now.Hold != "" && now.Until.After(was.Until):
		c.extended = append(c.extended, n)
	}
}

// reported keeps what is new of a step. One that waits was not asked for yet.
func (c *course) reported(n int, ofOrder bool, p *orders.Step) {
	if p.Waits {
		return
	}
	i := slices.IndexFunc(c.calls, func(o *call) bool { return o.step.Key == p.Key })
	if i < 0 {
		c.calls = append(c.calls, &call{order: ofOrder, from: n, to: -1, step: *p})
		return
	}
	o := c.calls[i]
	if p.Attempt > o.step.Attempt || p.Status != o.step.Status {
		o.marks = append(o.marks, mark{n, p.Status})
	}
	if !p.Open && o.to < 0 {
		o.to = n
	}
	o.step = *p
}

// ended finds the calls of an order that are over: it keeps open ones only, and the event says how one ended.
func (c *course) ended(n int, e *orders.Event, open []orders.Step) {
	for _, o := range c.calls {
		if !o.order || o.to >= 0 || slices.ContainsFunc(open, func(p orders.Step) bool { return p.Key == o.step.Key }) {
			continue
		}
		o.to = n
		status := orders.Done
		if e.Key == o.step.Key && (strings.HasSuffix(e.Kind, "_refused") || e.Kind == "written_off") {
			status = orders.Refused
		}
		o.step.Status = status
		o.marks = append(o.marks, mark{n, status})
	}
}
