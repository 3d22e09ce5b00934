// Package orders takes a cart through checkout and carries the order to its end: it never
// sells what is not there, never charges twice, and always knows where it stopped.
//
// # Model
//
// A [Cart] is the lines that a buyer may still change. A [Checkout] is one attempt to turn a
// frozen cart into an order: prices, a hold of stock, tenders, and a call to the gateway at a
// time. An [Order] is what was sold: captures, shipments, cancellations.
//
// An [Effect] is a promise to call someone, stored with the state that made it; what comes of
// it is an [Outcome]. Everything runs in one circle:
//
//	command ──► Decide ──► Apply ──► call ──► Outcome ─┐
//	              ▲       one commit                   │
//	              └────────────── Report ◄─────────────┘
//
// [DecideCheckout] and [DecideOrder] are pure: no clock, no I/O. [Store].Apply writes state, stock,
// events, request, effects and postings at once or not at all, and only then is anybody
// called, under a key that never changes. Who dies on the way leaves a leased effect; the
// next worker looks up what the gateway knows of its key before it calls again.
//
// A checkout ([Transitions]):
//
//	NONE           ──► LOCKED         Begin
//	LOCKED         ──► AUTHORISING    Pay
//	LOCKED         ──► CANCELLING     Cancel, expiry
//	LOCKED         ──► LOCKED         late money; follow-up
//	AUTHORISING    ──► AUTHORISING    discount held; authorised; Confirm; not sent; unknown; Cancel, expiry in flight;
//	                                  late money; follow-up
//	AUTHORISING    ──► CANCELLING     discount lost; sold out; refused at last; Cancel, expiry
//	AUTHORISING    ──► PLACED         paid
//	AUTHORISING    ──► LOCKED         short; refused
//	AUTHORISING    ──► AWAITING_BUYER waiting
//	AWAITING_BUYER ──► AUTHORISING    authorised
//	AWAITING_BUYER ──► PLACED         paid
//	AWAITING_BUYER ──► LOCKED         short; refused
//	AWAITING_BUYER ──► CANCELLING     sold out; refused at last; Cancel, expiry
//	AWAITING_BUYER ──► AWAITING_BUYER waiting; Confirm; not sent; unknown; Cancel, expiry in flight; late money;
//	                                  follow-up
//	PLACED         ──► PLACED         Pay; Confirm; Cancel, expiry; late money; follow-up
//	CANCELLING     ──► CANCELLING     Cancel, expiry; compensating; late money; follow-up
//	CANCELLING     ──► CANCELLED      compensated
//	CANCELLED      ──► CANCELLED      Cancel, expiry; late money; follow-up
//
// What the table does not have is *[TransitionError] and changes nothing. While a payment is
// Unknown, stock and money stay reserved. Before PLACED everything is undone: voids name the
// keys of this checkout only. After it everything goes forward. An order ([OrderTransitions]):
//
//	NONE           ──► CAPTURING      placed, capture now
//	NONE           ──► PLACED         placed, capture deferred
//	NONE           ──► READY          placed, nothing to pay
//	CAPTURING      ──► READY          captured, released
//	CAPTURING      ──► FULFILLING     captured, released after Ship
//	CAPTURING      ──► COMPLETED      captured, released after the last Ship
//	CAPTURING      ──► ON_HOLD        money missing
//	CAPTURING      ──► CANCELLING     Cancel all
//	CAPTURING      ──► CAPTURING      outcome
//	ON_HOLD        ──► CAPTURING      Capture
//	ON_HOLD        ──► READY          captured, released
//	ON_HOLD        ──► FULFILLING     captured, released after Ship
//	ON_HOLD        ──► COMPLETED      captured, released after the last Ship; Cancel the rest
//	ON_HOLD        ──► ON_HOLD        Cancel; money missing; outcome
//	ON_HOLD        ──► CANCELLING     Cancel all
//	PLACED         ──► CAPTURING      Capture
//	PLACED         ──► FULFILLING     Ship
//	PLACED         ──► COMPLETED      Ship the last
//	PLACED         ──► PLACED         Cancel; outcome
//	PLACED         ──► CANCELLING     Cancel all
//	PLACED         ──► ON_HOLD        money missing
//	READY          ──► FULFILLING     Ship
//	READY          ──► COMPLETED      Ship the last
//	READY          ──► READY          Cancel; outcome
//	READY          ──► CANCELLING     Cancel all
//	READY          ──► ON_HOLD        money missing
//	FULFILLING     ──► CAPTURING      Capture
//	FULFILLING     ──► FULFILLING     Ship; Cancel; outcome
//	FULFILLING     ──► COMPLETED      Ship the last; Cancel the rest
//	FULFILLING     ──► ON_HOLD        money missing
//	COMPLETED      ──► ON_HOLD        money missing
//	COMPLETED      ──► COMPLETED      outcome
//	CANCELLING     ──► CANCELLED      settled
//	CANCELLING     ──► CANCELLING     outcome
//	CANCELLED      ──► CANCELLED      outcome
//
// # Events
//
// Every commit appends events, numbered without a gap per aggregate; their Data are JSON merge
// patches (RFC 7396), and [FoldCheckout] and [FoldOrder] make the stored state of them. The kinds of a
// checkout are begun, paying, authorising, authorised, waiting, refused, short, not_sent,
// not_found, in_doubt, discount_held, confirmed, cancel_asked, answered, cancelling, refunding,
// returning, rechecked, cancelled and placed; those of an order placed, capturing, captured,
// released, shipped, cancel_asked, units_cancelled and cancelled. Both have the outcomes of
// other effects, such as capture_done, void_refused and refund_unknown, and observed, resolved,
// written_off, refused_late, done_late, payment_differs, payment_agrees and alert. For people are
// alert and payment_differs, and whatever is in doubt for long or Stuck.
//
// # Money
//
// What units carry of net, each tax and each adjustment is the quota of their line's, so that
// the parts of an order sum to it to the minor unit. Postings, in package ledger's form, under
// the key orders/<order>/v<version>:
//
//	placing    Dr receivable/<order>        Cr revenue, tax/<jurisdiction>, shipping
//	capture    Dr psp_clearing              Cr receivable/<order>
//	cancel     Dr revenue, tax, shipping    Cr receivable/<order>; what was captured: refunds_payable/<order>
//	refund     Dr refunds_payable/<order>   Cr psp_clearing
//
// [FoldPayment] makes a balance of what gateways report, in any order and however often.
//
// # Guarantees
//
// The invariants, by the numbers under which the tests prove them:
//
//   - O1. 0 ≤ reserved ≤ on hand, and reserved is the sum of the live holds, always.
//   - O2. A hold ends once: committed or released.
//   - O3. A checkout has one order at most, a scope and key one checkout, a cart one live checkout.
//   - O4. Under one effect key money moves at most once.
//   - O5. A CANCELLED checkout has no live authorisation and no hold once its effects are done.
//   - O6. Authorised ≥ captured ≥ refunded per tender; at placing the tenders sum to the total.
//   - O7. Shipped + cancelled ≤ ordered, per line.
//   - O8. Every posting sums to zero; the balances are a picture of the order.
//   - O9. The fold of the events is the stored state; their numbers have no gaps.
//   - O10. A refused command leaves the store byte-identical.
//   - O11. A webhook, permuted or doubled, changes nothing but the count of duplicates.
//   - O12. A crash at any point, then recovery, reaches the end of some run without a crash.
//
// A checkout with one tender is 4 commits to the hand-over, 3 with deferred capture.
//
// # What it does not do
//
// One seller; one currency per order ([ErrCurrency]); the host chooses the location. No
// subscriptions, payouts, tax calculation, fraud scoring, address checks, back-orders, returns.
//
// # Sources
//
// JSON merge patches are RFC 7396 (2014). The form of payment events, and the cases of their
// fold, follow the transaction items of Saleor (BSD-3-Clause).
package orders
