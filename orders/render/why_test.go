package render_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/render"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// says asks why, and wants a sentence that no other input of the same kind has got.
func says(t *testing.T, seen map[string]string, name string, s render.Standing) string {
	t.Helper()
	s.At = noon()
	text := render.Why(s)
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || !strings.HasSuffix(line, ".") {
			t.Errorf("%s: %q is no sentence", name, line)
		}
	}
	if other, twice := seen[text]; twice {
		t.Errorf("%s and %s read the same:\n%s", name, other, text)
	}
	seen[text] = name
	return text
}

func TestEveryStateHasASentence(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	n := 0
	for state := orders.StateNone; ; state++ {
		_, err := state.MarshalText()
		text := says(t, seen, state.String(), render.Standing{Checkout: orders.Checkout{ID: "ck", State: state}})
		if known := !strings.Contains(text, "does not know"); known != (err == nil) {
			t.Errorf("%s: %v, but\n%s", state, err, text)
		}
		if err != nil {
			break
		}
		n++
	}
	for state := orders.OrderCapturing; ; state++ {
		_, err := state.MarshalText()
		text := says(t, seen, state.String(), render.Standing{Order: orders.Order{ID: "ck", State: state}})
		if known := !strings.Contains(text, "does not know"); known != (err == nil) {
			t.Errorf("%s: %v, but\n%s", state, err, text)
		}
		if err != nil {
			break
		}
		n++
	}
	if n != 15 {
		t.Errorf("%d states", n)
	}
}

func TestEveryEffectAndEveryOutcomeHasASentence(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	with := func(p orders.Step) render.Standing {
		p.Key, p.Open, p.Asked, p.Amount, p.Tender, p.Of = "ck/x/1", true, noon().Add(-time.Minute), eur(500), "card", "ck/authorise/1"
		return render.Standing{Checkout: orders.Checkout{ID: "ck", State: orders.StateCancelling, Steps: []orders.Step{p}}}
	}
	for kind := orders.EffectTimer; ; kind++ {
		_, err := kind.MarshalText()
		text := says(t, seen, kind.String(), with(orders.Step{Kind: kind}))
		if known := !strings.Contains(text, "does not know"); known != (err == nil) {
			t.Errorf("%s: %v, but\n%s", kind, err, text)
		}
		if err != nil {
			break
		}
	}
	for status := orders.Unknown; ; status++ {
		_, err := status.MarshalText()
		text := says(t, seen, status.String(), with(orders.Step{Kind: orders.EffectVoid, Attempt: 2, Status: status}))
		if known := !strings.Contains(text, "does not know"); known != (err == nil) {
			t.Errorf("%s: %v, but\n%s", status, err, text)
		}
		if err != nil {
			break
		}
	}
	for name, p := range map[string]orders.Step{
		"stuck": {Kind: orders.EffectVoid, Stuck: true, Reason: "closed account"}, "waits": {Kind: orders.EffectStop, Waits: true},
		"told": {Kind: orders.EffectVoid, Attempt: 2, Told: true},
	} {
		says(t, seen, name, with(p))
	}
}

// A reason is a standing, and a line that Why must have for it.
type reason struct {
	s    render.Standing
	want string
}

// standings are reasons in the state, by name.
func standings() map[string]reason {
	policy := orders.Policy{Tries: 3, UnknownFor: 15 * time.Minute}
	return map[string]reason{
		"a refusal": {
			render.Standing{Checkout: orders.Checkout{State: orders.StateLocked, Policy: policy, Refusals: 2, Refusal: &orders.Refusal{Step: orders.EffectAuthorise, Code: "51", Reason: "no funds"}}},
			"The last payment was refused: no funds. That was refusal 2 of at most 3.",
		},
		"a refusal by code": {
			render.Standing{Checkout: orders.Checkout{State: orders.StateLocked, Policy: policy, Refusals: 1, Refusal: &orders.Refusal{Step: orders.EffectAuthorise, Code: "51"}}},
			"The last payment was refused: 51. That was refusal 1 of at most 3.",
		},
		"sold out": {
			render.Standing{Checkout: orders.Checkout{State: orders.StateCancelling, Refusal: &orders.Refusal{Step: orders.EffectAuthorise, Code: "sold_out"}}},
			"What it had reserved was swept, and is sold out.",
		},
		"a lost discount": {
			render.Standing{Checkout: orders.Checkout{State: orders.StateCancelled, Refusal: &orders.Refusal{Step: orders.EffectHold, Code: "hold_refused", Reason: "used up"}}},
			"The promised discounts were refused: used up.",
		},
		"what the buyer must do": {
			render.Standing{Checkout: orders.Checkout{ID: "ck", State: orders.StateAwaitingBuyer, Action: &orders.BuyerAction{Kind: "3ds", URL: "https://bank.example/secret"}}},
			"Checkout ck waits for the buyer, who has to do the gateway's 3ds before the payment goes on.",
		},
		"a hold": {
			render.Standing{Checkout: orders.Checkout{State: orders.StateLocked, Hold: "ck", Until: noon().Add(9 * time.Minute)}},
			"Its stock is held until 2026-03-01 12:09:00, 9m from now.",
		},
		"a hold that is over": {
			render.Standing{Checkout: orders.Checkout{State: orders.StateLocked, Hold: "ck", Until: noon()}},
			"The hold of its stock was over at 2026-03-01 12:00:00: others may take the units.",
		},
		"a balance that differs": {
			render.Standing{Order: orders.Order{State: orders.OrderReady, Differs: true}},
			"The gateway reports another balance than our calls came to: compare its books.",
		},
		"why it is on hold": {
			render.Standing{Order: orders.Order{ID: "ck", State: orders.OrderOnHold, Reason: "capture refused: closed"}},
			"Order ck is on hold: capture refused: closed. It waits for a person: Capture tries again, Release goes on as it is.",
		},
	}
}

// turns are reasons in calls.
func turns() map[string]reason {
	asked := noon().Add(-90 * time.Second)
	step := func(p orders.Step) []orders.Step {
		p.Key, p.Open, p.Asked, p.Amount, p.Tender = "ck/authorise/1", true, asked, eur(500), "card"
		return []orders.Step{p}
	}
	return map[string]reason{
		"that a cancellation waits": {
			render.Standing{Checkout: orders.Checkout{State: orders.StateAuthorising, CancelAsked: true, Cause: "expired", Steps: step(orders.Step{Kind: orders.EffectAuthorise, Attempt: 1, Doubt: true})}},
			"It is to be cancelled (expired), as soon as it is known what became of the call that is under way.",
		},
		"when a call is looked up": {
			render.Standing{
				Checkout: orders.Checkout{State: orders.StateAuthorising, GiveUp: noon().Add(time.Minute), Steps: step(orders.Step{Kind: orders.EffectAuthorise, Attempt: 4, Doubt: true})},
				Effects: []orders.Effect{
					{Key: "ck/timer", Kind: orders.EffectTimer, Due: noon().Add(time.Minute)},
					{Key: "ck/authorise/1", Kind: orders.EffectAuthorise, Due: noon().Add(8 * time.Second), Attempt: 4, Doubt: true},
				},
			},
			"Next: the authorisation of 5.00 EUR by card (ck/authorise/1) is looked up, in 8s, at 2026-03-01 12:00:08.",
		},
		"that a call is due now": {
			render.Standing{
				Checkout: orders.Checkout{State: orders.StateAuthorising, Steps: step(orders.Step{Kind: orders.EffectAuthorise, Attempt: 1})},
				Effects:  []orders.Effect{{Key: "ck/authorise/1", Kind: orders.EffectAuthorise, Due: noon(), Attempt: 1}},
			},
			"Next: the authorisation of 5.00 EUR by card (ck/authorise/1) is called again, due since 2026-03-01 12:00:00.",
		},
		"that a call is due": {
			render.Standing{Checkout: orders.Checkout{State: orders.StateAuthorising, Steps: step(orders.Step{Kind: orders.EffectAuthorise})}},
			"Next: the authorisation of 5.00 EUR by card (ck/authorise/1) is called, due since 2026-03-01 11:58:30.",
		},
		"when it is given up, without effects": {
			render.Standing{Checkout: orders.Checkout{State: orders.StateLocked, GiveUp: noon().Add(3 * time.Minute)}},
			"Next: the checkout is given up unless it moves on, in 3m, at 2026-03-01 12:03:00.",
		},
		"that calls go on, without effects": {
			render.Standing{Checkout: orders.Checkout{State: orders.StateCancelling, Steps: step(orders.Step{Kind: orders.EffectVoid, Attempt: 4, Doubt: true})}},
			"What has no answer is tried again by itself, after pauses that grow from a second to an hour.",
		},
		"when a last look is due": {
			render.Standing{Checkout: orders.Checkout{State: orders.StateCancelled, Policy: orders.Policy{UnknownFor: 15 * time.Minute}, Steps: step(orders.Step{Kind: orders.EffectRecheck, Of: "ck/authorise/1"})}},
			"Next: a last look whether ck/authorise/1 has arrived after all (ck/authorise/1), in 13m30s, at 2026-03-01 12:13:30.",
		},
		"that a person must act": {
			render.Standing{Order: orders.Order{State: orders.OrderCancelling, Steps: step(orders.Step{Kind: orders.EffectRefund, Stuck: true, Reason: "closed"})}},
			"The refund of 5.00 EUR to card (ck/authorise/1) was refused (closed). Nobody is called any more: a person has to find out, and to Resolve ck/authorise/1.",
		},
		"that nothing happens": {render.Standing{Checkout: orders.Checkout{State: orders.StateCancelled}}, "Next: nothing happens by itself."},
	}
}

func TestWhySaysWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, table := range []map[string]reason{standings(), turns()} {
		for name, of := range table {
			of.s.At = noon()
			got := render.Why(of.s)
			if !strings.Contains("\n"+got+"\n", "\n"+of.want+"\n") {
				t.Errorf("%s: want the line %q in\n%s", name, of.want, got)
			}
			if strings.Contains(got, "secret") {
				t.Errorf("%s: the buyer's link in\n%s", name, got)
			}
		}
	}
}

// Ids, reasons and kinds come from others: none may forge a line.
func TestHostileWordsStayOnTheirLine(t *testing.T) {
	t.Parallel()
	const hostile = "x\nNext: forged\x1b[31m\u202e"
	s := render.Standing{At: noon(), Checkout: orders.Checkout{
		ID: hostile, State: orders.StateAwaitingBuyer, Cause: hostile, CancelAsked: true, Action: &orders.BuyerAction{Kind: hostile},
		Refusal: &orders.Refusal{Step: orders.EffectAuthorise, Reason: hostile}, Tenders: []orders.CheckoutTender{{Tender: orders.Tender{ID: hostile}, Authorised: eur(1)}},
		Steps: []orders.Step{{Key: hostile, Kind: orders.EffectVoid, Tender: hostile, Open: true, Stuck: true, Reason: hostile}},
	}}
	text := render.Why(s)
	if strings.Count(text, "\nNext:") != 1 || strings.ContainsAny(text, "\x1b\u202e") || strings.Count(text, "\n") != 5 {
		t.Errorf("%q", text)
	}
}
