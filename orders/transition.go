package orders

import (
	"iter"
	"slices"

	"github.com/tenon-go/tenon/orders/internal/enum"
)

// A State is where a checkout stands. The zero value is no checkout.
type State uint8

// The states of a checkout.
const (
	StateNone State = iota
	StateLocked
	StateAuthorising
	StateAwaitingBuyer
	StatePlaced
	StateCancelling
	StateCancelled

	stateCount
)

//nolint:gochecknoglobals // an immutable table
var states = []string{"NONE", "LOCKED", "AUTHORISING", "AWAITING_BUYER", "PLACED", "CANCELLING", "CANCELLED"}

// String returns "LOCKED" and the like.
func (s State) String() string { return enum.Name(states, "State", s) }

// MarshalText returns String; a value without a name is an error.
func (s State) MarshalText() ([]byte, error) { return enum.Text(states, "state", s) }

// UnmarshalText reads what MarshalText writes.
func (s *State) UnmarshalText(text []byte) error { return enum.Parse(states, "state", text, s) }

// Live reports whether the checkout has its cart: neither placed nor cancelled.
func (s State) Live() bool {
	return s == StateLocked || s == StateAuthorising || s == StateAwaitingBuyer || s == StateCancelling
}

// A Trigger is what can happen to a checkout: a command, or an outcome with what it
// means there.
type Trigger uint8

// The triggers of a checkout.
const (
	OnBegin        Trigger = iota // prices, lock and hold
	OnPay                         // tenders that add up to the total
	OnDiscountHeld                // promotion hold Done
	OnDiscountLost                // promotion hold Refused
	OnAuthorised                  // Done, more tenders to go
	OnPaid                        // Done, the last tender; or nothing to pay
	OnShort                       // Done for less, and no later tender takes the rest
	OnSoldOut                     // Done, the last tender, but the hold is gone and sold
	OnWaiting                     // Waiting
	OnConfirm                     // the buyer is back
	OnRefused                     // Refused
	OnGiveUp                      // Refused for the last time
	OnRetry                       // NotSent, NotFound: same key again
	OnDoubt                       // Unknown: look up, then same key
	OnCancel                      // Cancel or expiry
	OnCancelAsked                 // Cancel or expiry with a call in flight or in doubt
	OnCompensated                 // the last compensation
	OnCompensating                // one more to go
	OnLate                        // money for a key that was given up
	OnFollowUp                    // the outcome of a call that moves nothing here

	triggerCount
)

//nolint:gochecknoglobals // an immutable table
var triggers = []string{
	"Begin", "Pay", "discount held", "discount lost", "authorised", "paid", "short", "sold out", "waiting", "Confirm",
	"refused", "refused at last", "not sent", "unknown", "Cancel, expiry", "Cancel, expiry in flight", "compensated",
	"compensating", "late money", "follow-up",
}

// String returns the trigger as the diagrams show it.
func (t Trigger) String() string { return enum.Name(triggers, "Trigger", t) }

// A Transition is one line of the checkout table.
type Transition struct {
	From State
	On   Trigger
	To   State
}

// checkoutTable is every transition of a checkout, in the order in which the story
// goes.
//
//nolint:gochecknoglobals // an immutable table
var checkoutTable = []Transition{
	{StateNone, OnBegin, StateLocked},
	{StateLocked, OnPay, StateAuthorising},
	{StateLocked, OnCancel, StateCancelling},
	{StateLocked, OnLate, StateLocked},
	{StateLocked, OnFollowUp, StateLocked},
	{StateAuthorising, OnDiscountHeld, StateAuthorising},
	{StateAuthorising, OnDiscountLost, StateCancelling},
	{StateAuthorising, OnAuthorised, StateAuthorising},
	{StateAuthorising, OnPaid, StatePlaced},
	{StateAuthorising, OnShort, StateLocked},
	{StateAuthorising, OnSoldOut, StateCancelling},
	{StateAuthorising, OnWaiting, StateAwaitingBuyer},
	{StateAuthorising, OnConfirm, StateAuthorising},
	{StateAuthorising, OnRefused, StateLocked},
	{StateAuthorising, OnGiveUp, StateCancelling},
	{StateAuthorising, OnRetry, StateAuthorising},
	{StateAuthorising, OnDoubt, StateAuthorising},
	{StateAuthorising, OnCancel, StateCancelling},
	{StateAuthorising, OnCancelAsked, StateAuthorising},
	{StateAuthorising, OnLate, StateAuthorising},
	{StateAuthorising, OnFollowUp, StateAuthorising},
	{StateAwaitingBuyer, OnAuthorised, StateAuthorising},
	{StateAwaitingBuyer, OnPaid, StatePlaced},
	{StateAwaitingBuyer, OnShort, StateLocked},
	{StateAwaitingBuyer, OnSoldOut, StateCancelling},
	{StateAwaitingBuyer, OnWaiting, StateAwaitingBuyer},
	{StateAwaitingBuyer, OnConfirm, StateAwaitingBuyer},
	{StateAwaitingBuyer, OnRefused, StateLocked},
	{StateAwaitingBuyer, OnGiveUp, StateCancelling},
	{StateAwaitingBuyer, OnRetry, StateAwaitingBuyer},
	{StateAwaitingBuyer, OnDoubt, StateAwaitingBuyer},
	{StateAwaitingBuyer, OnCancel, StateCancelling},
	{StateAwaitingBuyer, OnCancelAsked, StateAwaitingBuyer},
	{StateAwaitingBuyer, OnLate, StateAwaitingBuyer},
	{StateAwaitingBuyer, OnFollowUp, StateAwaitingBuyer},
	{StatePlaced, OnPay, StatePlaced},
	{StatePlaced, OnConfirm, StatePlaced},
	{StatePlaced, OnCancel, StatePlaced},
	{StatePlaced, OnLate, StatePlaced},
	{StatePlaced, OnFollowUp, StatePlaced},
	{StateCancelling, OnCancel, StateCancelling},
	{StateCancelling, OnCompensating, StateCancelling},
	{StateCancelling, OnLate, StateCancelling},
	{StateCancelling, OnFollowUp, StateCancelling},
	{StateCancelling, OnCompensated, StateCancelled},
	{StateCancelled, OnCancel, StateCancelled},
	{StateCancelled, OnLate, StateCancelled},
	{StateCancelled, OnFollowUp, StateCancelled},
}

// nextState is checkoutTable for reading: StateNone where there is no line.
//
//nolint:gochecknoglobals // an immutable table
var nextState = func() (next [stateCount][triggerCount]State) {
	for _, t := range checkoutTable {
		next[t.From][t.On] = t.To
	}
	return next
}()

// Next returns the state that a trigger leads to, and whether the table has it. It is
// one read of an array and allocates nothing.
func Next(from State, on Trigger) (State, bool) {
	if from >= stateCount || on >= triggerCount {
		return from, false
	}
	if to := nextState[from][on]; to != StateNone {
		return to, true
	}
	return from, false
}

// Transitions yields the checkout table, in the order in which the story goes.
func Transitions() iter.Seq[Transition] {
	return slices.Values(checkoutTable)
}

// An OrderTrigger is what can happen to an order.
type OrderTrigger uint8

// The triggers of an order.
const (
	OnPlaceNow      OrderTrigger = iota // placing, money is taken at once
	OnPlaceDeferred                     // placing, money is taken with shipments
	OnPlaceFree                         // placing, nothing to pay
	OnCaptured                          // all captures Done, or released: nothing has shipped
	OnCapturedPart                      // the same, and units have shipped
	OnCapturedAll                       // the same, and nothing is left to ship
	OnMoneyMissing                      // a capture Refused or for less; a hand-over Refused
	OnCapture                           // Capture
	OnShip                              // Ship, more to go
	OnShipLast                          // Ship: shipped + cancelled = ordered
	OnCancelUnits                       // Cancel, more to go, or the warehouse is asked first
	OnCancelRest                        // Cancel: the rest has shipped
	OnCancelAll                         // Cancel: nothing is left
	OnSettled                           // all that a cancellation needs is done
	OnProgress                          // any other outcome

	orderTriggerCount
)

//nolint:gochecknoglobals // an immutable table
var orderTriggers = []string{
	"placed, capture now", "placed, capture deferred", "placed, nothing to pay", "captured, released",
	"captured, released after Ship", "captured, released after the last Ship", "money missing", "Capture", "Ship",
	"Ship the last", "Cancel", "Cancel the rest", "Cancel all", "settled", "outcome",
}

// String returns the trigger as the diagrams show it.
func (t OrderTrigger) String() string { return enum.Name(orderTriggers, "OrderTrigger", t) }

// An OrderTransition is one line of the order table.
type OrderTransition struct {
	From OrderState
	On   OrderTrigger
	To   OrderState
}

//nolint:gochecknoglobals // an immutable table
var orderTable = []OrderTransition{
	{OrderNone, OnPlaceNow, OrderCapturing},
	{OrderNone, OnPlaceDeferred, OrderPlaced},
	{OrderNone, OnPlaceFree, OrderReady},
	{OrderCapturing, OnCaptured, OrderReady},
	{OrderCapturing, OnCapturedPart, OrderFulfilling},
	{OrderCapturing, OnCapturedAll, OrderCompleted},
	{OrderCapturing, OnMoneyMissing, OrderOnHold},
	{OrderCapturing, OnCancelAll, OrderCancelling},
	{OrderCapturing, OnProgress, OrderCapturing},
	{OrderOnHold, OnCapture, OrderCapturing},
	{OrderOnHold, OnCaptured, OrderReady},
	{OrderOnHold, OnCapturedPart, OrderFulfilling},
	{OrderOnHold, OnCapturedAll, OrderCompleted},
	{OrderOnHold, OnCancelUnits, OrderOnHold},
	{OrderOnHold, OnCancelRest, OrderCompleted},
	{OrderOnHold, OnCancelAll, OrderCancelling},
	{OrderOnHold, OnMoneyMissing, OrderOnHold},
	{OrderOnHold, OnProgress, OrderOnHold},
	{OrderPlaced, OnCapture, OrderCapturing},
	{OrderPlaced, OnShip, OrderFulfilling},
	{OrderPlaced, OnShipLast, OrderCompleted},
	{OrderPlaced, OnCancelUnits, OrderPlaced},
	{OrderPlaced, OnCancelAll, OrderCancelling},
	{OrderPlaced, OnMoneyMissing, OrderOnHold},
	{OrderPlaced, OnProgress, OrderPlaced},
	{OrderReady, OnShip, OrderFulfilling},
	{OrderReady, OnShipLast, OrderCompleted},
	{OrderReady, OnCancelUnits, OrderReady},
	{OrderReady, OnCancelAll, OrderCancelling},
	{OrderReady, OnMoneyMissing, OrderOnHold},
	{OrderReady, OnProgress, OrderReady},
	{OrderFulfilling, OnCapture, OrderCapturing},
	{OrderFulfilling, OnShip, OrderFulfilling},
	{OrderFulfilling, OnShipLast, OrderCompleted},
	{OrderFulfilling, OnCancelUnits, OrderFulfilling},
	{OrderFulfilling, OnCancelRest, OrderCompleted},
	{OrderFulfilling, OnMoneyMissing, OrderOnHold},
	{OrderFulfilling, OnProgress, OrderFulfilling},
	{OrderCompleted, OnMoneyMissing, OrderOnHold},
	{OrderCompleted, OnProgress, OrderCompleted},
	{OrderCancelling, OnSettled, OrderCancelled},
	{OrderCancelling, OnProgress, OrderCancelling},
	{OrderCancelled, OnProgress, OrderCancelled},
}

//nolint:gochecknoglobals // an immutable table
var nextOrderState = func() (next [OrderCancelled + 1][orderTriggerCount]OrderState) {
	for _, t := range orderTable {
		next[t.From][t.On] = t.To
	}
	return next
}()

// NextOrder returns the state that a trigger leads to, and whether the table has it.
func NextOrder(from OrderState, on OrderTrigger) (OrderState, bool) {
	if int(from) >= len(nextOrderState) || on >= orderTriggerCount {
		return from, false
	}
	if to := nextOrderState[from][on]; to != OrderNone {
		return to, true
	}
	return from, false
}

// OrderTransitions yields the order table, in the order in which the story goes.
func OrderTransitions() iter.Seq[OrderTransition] {
	return slices.Values(orderTable)
}
