package orders

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tenon-go/tenon/money"
)

// What the errors of this package and of its stores are, by [errors.Is]. Errors
// of stock (*stock.ShortError and the sentinels of package stock) come as they are.
var (
	// ErrNotFound says that there is no such cart, checkout, order, effect or key.
	ErrNotFound = errors.New("not found")
	// ErrLocked says that a checkout has locked the cart: pay or cancel that.
	ErrLocked = errors.New("cart is locked")
	// ErrExpired says that the checkout's lock is over; begin another one.
	ErrExpired = errors.New("checkout has expired")
	// ErrTenderSum says that the tenders do not add up to what is to be paid.
	ErrTenderSum = errors.New("tenders do not add up to the total")
	// ErrCurrency says that an amount is not in the currency of its cart.
	ErrCurrency = errors.New("another currency")
	// ErrKeyReused says that an idempotency key came with another request.
	ErrKeyReused = errors.New("key reused with another request")
	// ErrInProgress says that the same request is still being worked on; see [InProgressError].
	ErrInProgress = errors.New("in progress")
	// ErrInvalid says that the input cannot be meant; see [InvalidError].
	ErrInvalid = errors.New("invalid")
	// ErrTransition says that the state has no such command; see [TransitionError].
	ErrTransition = errors.New("not possible in this state")
	// ErrConflict says that another one was first; see [ConflictError].
	ErrConflict = errors.New("version conflict")
	// ErrBusy says that others were first again and again; try later.
	ErrBusy = errors.New("busy")
	// ErrNoLookup is what a [Gateway] returns from Lookup when it has none.
	ErrNoLookup = errors.New("gateway has no lookup")
	// ErrCartChanged says that the cart is not the one that was shown; see [CartChangedError].
	ErrCartChanged = errors.New("cart has changed")
	// ErrTotalChanged says that the total is not the one that was shown; see [TotalChangedError].
	ErrTotalChanged = errors.New("total has changed")
	// ErrDiscount says that a discount cannot be had; see [DiscountError].
	ErrDiscount = errors.New("discount refused")
	// ErrShipped says that units have left already; see [ShippedError].
	ErrShipped = errors.New("shipped already")
	// ErrHistory says that events do not make a state: one is missing, repeated,
	// of an unknown form, or torn.
	ErrHistory = errors.New("events make no state")
)

// An InvalidError lists all that is wrong with an input.
type InvalidError struct {
	Problems []string // such as "line l1: quantity 0: want 1 to 1000000"
}

// Error implements error.
func (e *InvalidError) Error() string { return "invalid: " + strings.Join(e.Problems, "; ") }

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// A TransitionError is a command that its aggregate's state does not have.
type TransitionError struct {
	From    string // the state's name
	Command string // the command's name
}

// Error implements error.
func (e *TransitionError) Error() string {
	return fmt.Sprintf("%s: not possible in state %s", e.Command, e.From)
}

// Is reports whether target is [ErrTransition].
func (e *TransitionError) Is(target error) bool { return target == ErrTransition }

// A ConflictError is a write that came too late: what it was decided on is no
// longer there. Read and decide again.
type ConflictError struct {
	Kind    ConflictKind
	ID      string // of the cart, checkout or order; the effect's or the request's key
	Current int64  // the stored version, 0 for none; of an effect, the stored fence
}

// Error implements error.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s %s: conflict: stored is %d", e.Kind, e.ID, e.Current)
}

// Is reports whether target is [ErrConflict].
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// A ConflictKind says what a [ConflictError] is about.
type ConflictKind string

// What can conflict.
const (
	ConflictCart     ConflictKind = "cart"     // its version, or another checkout of it lives
	ConflictCheckout ConflictKind = "checkout" // its version
	ConflictOrder    ConflictKind = "order"    // its version
	ConflictEffect   ConflictKind = "effect"   // its fence, or it is over
	ConflictRequest  ConflictKind = "request"  // the idempotency key is there
)

// An InProgressError is a request whose outcome another caller is waiting for.
type InProgressError struct {
	Checkout Checkout // as it stands
}

// Error implements error.
func (e *InProgressError) Error() string {
	return fmt.Sprintf("checkout %s: in progress, %s", e.Checkout.ID, e.Checkout.State)
}

// Is reports whether target is [ErrInProgress].
func (e *InProgressError) Is(target error) bool { return target == ErrInProgress }

// A CartChangedError is a checkout of another cart than the one that was shown.
type CartChangedError struct {
	Cart Cart // as it is now
}

// Error implements error.
func (e *CartChangedError) Error() string {
	return fmt.Sprintf("cart %s: changed, is version %d now", e.Cart.ID, e.Cart.Version)
}

// Is reports whether target is [ErrCartChanged].
func (e *CartChangedError) Is(target error) bool { return target == ErrCartChanged }

// A TotalChangedError is a checkout at another total than the one that was shown.
type TotalChangedError struct {
	Was, Is money.Amount
	Lines   []PricedLine // the prices now
}

// Error implements error.
func (e *TotalChangedError) Error() string {
	return fmt.Sprintf("total changed from %s to %s", e.Was, e.Is)
}

// Unwrap returns [ErrTotalChanged].
func (e *TotalChangedError) Unwrap() error { return ErrTotalChanged }

// A DiscountError is a discount that was promised and cannot be had, used up by
// others say. The next Begin shows the total without it.
type DiscountError struct {
	Codes  []string
	Reason string
}

// Error implements error.
func (e *DiscountError) Error() string {
	return fmt.Sprintf("discount of %q refused: %s", e.Codes, e.Reason)
}

// Is reports whether target is [ErrDiscount].
func (e *DiscountError) Is(target error) bool { return target == ErrDiscount }

// A ShippedError is a cancellation of units that had left the warehouse. They stay
// sold: their way back is a return.
type ShippedError struct {
	Lines []LineQty
}

// Error implements error.
func (e *ShippedError) Error() string { return fmt.Sprintf("shipped already: %v", e.Lines) }

// Is reports whether target is [ErrShipped].
func (e *ShippedError) Is(target error) bool { return target == ErrShipped }
