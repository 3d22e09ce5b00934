package ledger

import "errors"

// The refusals of this package, wrapped with the key of the transaction and what was wrong. An
// amount that is not settled and a balance that no amount can hold are money.ErrRange.
var (
	// ErrUnbalanced marks postings that do not sum to zero in each currency.
	ErrUnbalanced = errors.New("does not sum to zero")
	// ErrPosting marks a transaction that is not complete: no key, no postings, a posting of zero
	// or to no account, or a reversal whose postings are not those that it reverses, negated.
	ErrPosting = errors.New("invalid posting")
	// ErrKeyReused marks a key that was posted with other postings.
	ErrKeyReused = errors.New("key reused")
	// ErrNotFound marks a reversal of what was never posted.
	ErrNotFound = errors.New("not found")
	// ErrReversed marks a second reversal.
	ErrReversed = errors.New("reversed already")
)
