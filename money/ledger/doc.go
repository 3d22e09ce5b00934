// Package ledger keeps double-entry books in memory: postings that sum to zero.
//
// A Transaction moves amounts between accounts. Each of its postings adds an amount to one account: positive is a debit,
// negative a credit, and per currency they sum to zero. A Book takes transactions one by one, knows the balance of every
// account and refuses what would break it:
//
//	Post ──► Validate ──► key new? ──► balances in range? ──► posted
//	            │            │                  │
//	       ErrUnbalanced     │ same postings: nothing happens
//	       ErrPosting        │ other postings: ErrKeyReused
//	       money.ErrRange    └─ reverses another: ErrNotFound, ErrReversed
//
// A posted transaction is never changed. What was wrong is set right by its reversal, a transaction of the negated
// postings that names it; a transaction has at most one.
//
// An account is free text in a scheme of the host's own, such as "receivable/1042" or "psp_clearing". A key names a
// transaction for good: a host makes it from what happened, beginning with who says so ("orders/1042/captured"), so that
// saying it twice posts it once.
//
// # Guarantees
//
//   - The sum of all balances of a currency is zero, at any moment.
//   - Post and Reverse take effect completely or, when they return an error, not at all; both are idempotent by key.
//   - A Book is safe for concurrent use. Trial shows one moment.
//   - Post costs O(p log p) for p postings, Balance O(1), Trial O(n log n) for n balances. A Book holds every transaction
//     posted to it.
//
// # What it does not do
//
// It stores nothing: a host keeps its transactions and posts them again to a new Book. It knows no chart of accounts, no
// periods and no clock, and converts no currency: a sale in two currencies is two sums of zero in one transaction.
package ledger
