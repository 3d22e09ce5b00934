package orders_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/orders"
)

// diagram draws transitions, those between the same two states on one line, as doc.go
// shows them.
func diagram(from, on, to []string) string {
	var b strings.Builder
	done := map[string]bool{}
	for i := range from {
		if done[from[i]+">"+to[i]] {
			continue
		}
		done[from[i]+">"+to[i]] = true
		var names []string
		for j := range from {
			if from[j] == from[i] && to[j] == to[i] {
				names = append(names, on[j])
			}
		}
		line := fmt.Sprintf("//\t%-14s ──► %-14s ", from[i], to[i])
		width := len([]rune(line))
		for k, name := range names {
			if k < len(names)-1 {
				name += "; "
			}
			if len([]rune(line))+len(name) > 118 {
				b.WriteString(strings.TrimRight(line, " ") + "\n")
				line = "//\t" + strings.Repeat(" ", width-3)
			}
			line += name
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func checkoutDiagram() string {
	var from, on, to []string
	for t := range orders.Transitions() {
		from, on, to = append(from, t.From.String()), append(on, t.On.String()), append(to, t.To.String())
	}
	return diagram(from, on, to)
}

func orderDiagram() string {
	var from, on, to []string
	for t := range orders.OrderTransitions() {
		from, on, to = append(from, t.From.String()), append(on, t.On.String()), append(to, t.To.String())
	}
	return diagram(from, on, to)
}

func TestDocShowsTheTables(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"checkout": checkoutDiagram(), "order": orderDiagram()} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("doc.go does not show the table of the %s; it is\n%s", name, want)
		}
	}
}

func TestNextIsTheTable(t *testing.T) {
	t.Parallel()
	lines := slices.Collect(orders.Transitions())
	for from := range orders.State(20) {
		for on := range orders.Trigger(40) {
			i := slices.IndexFunc(lines, func(l orders.Transition) bool { return l.From == from && l.On == on })
			to, ok := orders.Next(from, on)
			if ok != (i >= 0) || ok && to != lines[i].To || !ok && to != from {
				t.Errorf("Next(%s, %s) = %s, %v; line %d", from, on, to, ok, i)
			}
		}
	}
}

func TestNextOrderIsTheTable(t *testing.T) {
	t.Parallel()
	orderLines := slices.Collect(orders.OrderTransitions())
	for from := range orders.OrderState(20) {
		for on := range orders.OrderTrigger(40) {
			i := slices.IndexFunc(orderLines, func(l orders.OrderTransition) bool { return l.From == from && l.On == on })
			to, ok := orders.NextOrder(from, on)
			if ok != (i >= 0) || ok && to != orderLines[i].To || !ok && to != from {
				t.Errorf("NextOrder(%s, %s) = %s, %v; line %d", from, on, to, ok, i)
			}
		}
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { orders.Next(orders.StateLocked, orders.OnPay) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Invariant: orders O10.
func TestCommandOutsideTheTableIsRefused(t *testing.T) {
	t.Parallel()
	commands := map[string]orders.Command{
		"begin": begin(orders.CaptureNow), "pay": orders.Pay{Tenders: []orders.Tender{card(0)}}, "confirm": orders.Confirm{}, "cancel": orders.Cancel{},
	}
	trigger := map[string][]orders.Trigger{
		"begin": {orders.OnBegin}, "pay": {orders.OnPay}, "confirm": {orders.OnConfirm}, "cancel": {orders.OnCancel, orders.OnCancelAsked},
	}
	for state, c := range checkouts(t) {
		for name, cmd := range commands {
			legal := state == orders.StatePlaced // the answer is the order
			for _, on := range trigger[name] {
				_, ok := orders.Next(state, on)
				legal = legal || ok
			}
			before := encode(t, c)
			d, err := orders.DecideCheckout(c, cmd, start())
			if legal != (err == nil) {
				t.Errorf("%s in %s: %v, in the table: %v", name, state, err, legal)
			}
			if err != nil && (!errors.Is(err, orders.ErrTransition) || d.Checkout != nil || len(d.Events)+len(d.Effects)+len(d.Stock) > 0) {
				t.Errorf("%s in %s: %v, and %+v", name, state, err, d)
			}
			if encode(t, c) != before {
				t.Errorf("%s in %s has changed its argument", name, state)
			}
		}
	}
}

// Invariant: orders O10.
func TestOrderCommandOutsideTheTableIsRefused(t *testing.T) {
	t.Parallel()
	commands := map[string]orders.OrderCommand{
		"capture": orders.Capture{}, "ship": orders.Ship{Lines: []orders.LineQty{{Line: "l1", Quantity: 1}}},
		"cancel": orders.CancelOrder{}, "release": orders.Release{By: "op", Reason: "trusted"},
	}
	legal := map[string]string{
		"capture": "ON_HOLD PLACED FULFILLING", "ship": "PLACED READY FULFILLING", "cancel": "PLACED READY ON_HOLD FULFILLING", "release": "ON_HOLD",
	}
	for state := range orders.OrderCancelled + 1 {
		for name, cmd := range commands {
			o := placed(t, orders.CaptureDeferred).order
			o.State = state
			before := encode(t, o)
			_, err := orders.DecideOrder(o, cmd, start())
			if want := slices.Contains(strings.Fields(legal[name]), state.String()); want != (err == nil) || err != nil && !errors.Is(err, orders.ErrTransition) {
				t.Errorf("%s in %s: %v, in the table: %v", name, state, err, want)
			}
			if encode(t, o) != before {
				t.Errorf("%s in %s has changed its argument", name, state)
			}
		}
	}
}

// checkouts has one checkout in each state.
func checkouts(t *testing.T) map[orders.State]orders.Checkout {
	t.Helper()
	all := map[orders.State]orders.Checkout{orders.StateNone: {}}
	s := newSim(t)
	s.must(begin(orders.CaptureNow))
	all[s.checkout.State] = s.checkout
	s.must(orders.Pay{Tenders: []orders.Tender{card(0)}})
	all[s.checkout.State] = s.checkout
	s.report("ck1/authorise/1", orders.Outcome{Status: orders.Waiting}, false)
	all[s.checkout.State] = s.checkout
	s.must(orders.Cancel{})
	all[s.checkout.State] = s.checkout
	s.drain()
	all[s.checkout.State] = s.checkout
	p := placed(t, orders.CaptureNow)
	all[p.checkout.State] = p.checkout
	if len(all) != 7 {
		t.Fatalf("%d states", len(all))
	}
	return all
}

// must is do, which has to succeed.
func (s *sim) must(cmd orders.Command) orders.Decision {
	s.t.Helper()
	d, err := s.do(cmd)
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	s.check()
	return d
}

// mustOrder is doOrder, which has to succeed.
func (s *sim) mustOrder(cmd orders.OrderCommand) orders.Decision {
	s.t.Helper()
	d, err := s.doOrder(cmd)
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	s.check()
	return d
}

// placed is an order of a gift card and a card whose first effects are done.
func placed(t failer, mode orders.CaptureMode) *sim {
	t.Helper()
	s := newSim(t)
	s.must(begin(mode, gift(3000), card(14540)))
	s.perform("ck1/authorise/1")
	s.perform("ck1/authorise/2")
	s.drain()
	return s
}

// BenchmarkStep is the checkout's way from nothing to placed, through one redirect.
func BenchmarkStep(b *testing.B) {
	path := [...]orders.Trigger{orders.OnBegin, orders.OnPay, orders.OnAuthorised, orders.OnWaiting, orders.OnConfirm, orders.OnPaid}
	b.ReportAllocs()
	for b.Loop() {
		state := orders.StateNone
		for _, on := range path {
			to, ok := orders.Next(state, on)
			if !ok {
				b.Fatal(state, on)
			}
			state = to
		}
	}
}
