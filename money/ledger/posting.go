package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/tenon-go/tenon/money"
)

// Posting adds an amount to an account: positive is a debit, negative a credit.
type Posting struct {
	Account string       `json:"account"`
	Amount  money.Amount `json:"amount"`
}

// Transaction is a set of postings that happened at once.
type Transaction struct {
	Key      string    // what happened, unique in its book
	At       time.Time // when; any zone, encoded in UTC
	Postings []Posting // in any order
	Why      string    // for people; may be empty
	Reverses string    // the key of the transaction that this one takes back; empty for every other
	Seq      int64     // the place in its store's stream, given by the store; a Book ignores it
}

// Validate returns everything that is wrong with t, joined, or nil: ErrPosting for an empty key, no
// postings, a posting of zero or to no account, and text that is not UTF-8, which has no encoding of
// its own; money.ErrRange for an amount that is not settled;
// ErrUnbalanced, with the difference, for a currency whose postings do not sum to zero.
func (t Transaction) Validate() error {
	var problems []error
	report := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if t.Key == "" {
		report("%w: no key", ErrPosting)
	}
	if !utf8.ValidString(t.Key + t.Why + t.Reverses) {
		report("%w: key, why or reverses is not UTF-8", ErrPosting)
	}
	if len(t.Postings) == 0 {
		report("%w: no postings", ErrPosting)
	}
	for i, p := range t.Postings {
		if p.Account == "" {
			report("%w: postings[%d] has no account", ErrPosting, i)
		}
		if !utf8.ValidString(p.Account) {
			report("%w: postings[%d] to %q: the account is not UTF-8", ErrPosting, i, p.Account)
		}
		switch {
		case !p.Amount.IsSettled():
			report("postings[%d] to %q: %s is not settled: %w", i, p.Account, p.Amount, money.ErrRange)
		case p.Amount.IsZero():
			report("%w: postings[%d] to %q is zero", ErrPosting, i, p.Account)
		}
	}
	problems = append(problems, unbalanced(t.Postings)...)
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("ledger: transaction %q: %w", t.Key, errors.Join(problems...))
}

// unbalanced returns an ErrUnbalanced for each currency whose postings do not sum to zero. It says
// nothing of a currency with amounts that are not settled: those are refused already.
func unbalanced(ps []Posting) []error {
	sums, unsettled := make(map[money.Currency]sum), make(map[money.Currency]bool)
	for _, p := range ps {
		c := p.Amount.Currency()
		minor, settled := p.Amount.Minor()
		sums[c] = sums[c].plus(minor)
		unsettled[c] = unsettled[c] || !settled
	}
	var problems []error
	for _, c := range slices.SortedFunc(maps.Keys(sums), money.Currency.Compare) {
		if sums[c] == (sum{}) || unsettled[c] {
			continue
		}
		off := "more than an amount can hold"
		if a, ok := sums[c].amount(c); ok {
			off = a.Text()
		}
		problems = append(problems, fmt.Errorf("%w: %s is off by %s", ErrUnbalanced, c, off))
	}
	return problems
}

// negated returns the postings that take ps back.
func negated(ps []Posting) []Posting {
	back := make([]Posting, len(ps))
	for i, p := range ps {
		back[i] = Posting{p.Account, p.Amount.Neg()}
	}
	return back
}

// samePostings reports whether a and b are the same postings in some order.
func samePostings(a, b []Posting) bool {
	return slices.Equal(slices.SortedFunc(slices.Values(a), comparePostings), slices.SortedFunc(slices.Values(b), comparePostings))
}

// comparePostings orders settled postings.
func comparePostings(p, q Posting) int {
	pMinor, _ := p.Amount.Minor()
	qMinor, _ := q.Amount.Minor()
	return cmp.Or(
		cmp.Compare(p.Account, q.Account),
		p.Amount.Currency().Compare(q.Amount.Currency()),
		cmp.Compare(pMinor, qMinor),
	)
}
