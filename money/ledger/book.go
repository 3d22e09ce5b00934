package ledger

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/money"
)

// Book holds transactions and the balances that they make. The zero Book is empty and ready. It is
// safe for concurrent use and must not be copied after its first use.
type Book struct {
	mu       sync.RWMutex
	entries  map[string]*entry     // by key
	balances map[line]money.Amount // of every account and currency that was ever posted to
}

// entry is a posted transaction.
type entry struct {
	Transaction
	reversedBy string // the key of its reversal, or ""
}

// line is where a posting goes: one account has a balance in each of its currencies.
type line struct {
	account  string
	currency money.Currency
}

// Post adds t to the book. The same key with the same postings, in any order, is a no-op. Errors
// leave the book as it is: those of Validate; ErrKeyReused for a key that was posted with other
// postings, or as the reversal of another transaction or of none; where t reverses another, ErrNotFound when that was never posted, ErrReversed when it
// was reversed under another key, ErrPosting when the postings do not take it back; money.ErrRange
// when no amount holds a balance. The book keeps a copy of the postings.
func (b *Book) Post(t Transaction) error {
	if err := t.Validate(); err != nil {
		return err
	}
	t.Postings = slices.Clone(t.Postings)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.post(t); err != nil {
		return fmt.Errorf("ledger: post %q: %w", t.Key, err)
	}
	return nil
}

// Reverse posts the transaction that takes back the one with the given key, under newKey, and
// returns it. Made already under newKey it is returned again and nothing happens; made under
// another key it is ErrReversed. ErrNotFound when key was never posted; the other errors are those
// of Post.
func (b *Book) Reverse(key, newKey string, at time.Time) (Transaction, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, err := b.reverse(key, newKey, at)
	if err != nil {
		return Transaction{}, fmt.Errorf("ledger: reverse %q: %w", key, err)
	}
	t.Postings = slices.Clone(t.Postings)
	return t, nil
}

// Balance returns the sum of the postings of c to account: zero of c for an account that was never
// posted to.
func (b *Book) Balance(account string, c money.Currency) money.Amount {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if a, ok := b.balances[line{account, c}]; ok {
		return a
	}
	return money.New(0, c)
}

// Trial returns every balance with its account, by account and then currency, those of zero too.
// Per currency they sum to zero. Each iteration shows the book at the moment when it begins, and
// may post to it.
func (b *Book) Trial() iter.Seq2[string, money.Amount] {
	return func(yield func(string, money.Amount) bool) {
		for _, l := range b.snapshot() {
			if !yield(l.account, l.balance) {
				return
			}
		}
	}
}

// trialLine is one line of a trial balance.
type trialLine struct {
	line
	balance money.Amount
}

// snapshot returns the trial balance of now.
func (b *Book) snapshot() []trialLine {
	b.mu.RLock()
	lines := make([]trialLine, 0, len(b.balances))
	for l, a := range b.balances {
		lines = append(lines, trialLine{l, a})
	}
	b.mu.RUnlock()
	slices.SortFunc(lines, func(x, y trialLine) int {
		return cmp.Or(cmp.Compare(x.account, y.account), x.currency.Compare(y.currency))
	})
	return lines
}

// post adds a valid t whose postings are the book's own. The caller holds mu.
func (b *Book) post(t Transaction) error {
	if old, ok := b.entries[t.Key]; ok {
		if old.Reverses == t.Reverses && samePostings(old.Postings, t.Postings) {
			return nil
		}
		return ErrKeyReused
	}
	reversed, err := b.takenBack(t)
	if err != nil {
		return err
	}
	changed, err := b.changed(t.Postings)
	if err != nil {
		return err
	}
	if b.entries == nil {
		b.entries, b.balances = make(map[string]*entry), make(map[line]money.Amount)
	}
	b.entries[t.Key] = &entry{Transaction: t}
	maps.Copy(b.balances, changed)
	if reversed != nil {
		reversed.reversedBy = t.Key
	}
	return nil
}

// reverse makes the reversal of key and posts it. The caller holds mu.
func (b *Book) reverse(key, newKey string, at time.Time) (Transaction, error) {
	old, ok := b.entries[key]
	if !ok {
		return Transaction{}, ErrNotFound
	}
	switch _, used := b.entries[newKey]; {
	case newKey == "":
		return Transaction{}, fmt.Errorf("%w: no key", ErrPosting)
	case old.reversedBy == newKey:
		return b.entries[newKey].Transaction, nil
	case old.reversedBy != "":
		return Transaction{}, fmt.Errorf("%w by %q", ErrReversed, old.reversedBy)
	case used:
		return Transaction{}, fmt.Errorf("%w: %q", ErrKeyReused, newKey)
	}
	t := Transaction{Key: newKey, At: at, Postings: negated(old.Postings), Reverses: key}
	return t, b.post(t)
}

// takenBack returns the entry that t takes back, nil when t is no reversal. The caller holds mu.
func (b *Book) takenBack(t Transaction) (*entry, error) {
	if t.Reverses == "" {
		return nil, nil //nolint:nilnil // most transactions reverse nothing
	}
	old, ok := b.entries[t.Reverses]
	switch {
	case !ok:
		return nil, fmt.Errorf("reverses %q: %w", t.Reverses, ErrNotFound)
	case old.reversedBy != "":
		return nil, fmt.Errorf("reverses %q: %w by %q", t.Reverses, ErrReversed, old.reversedBy)
	case !samePostings(t.Postings, negated(old.Postings)):
		return nil, fmt.Errorf("reverses %q: %w: the postings are not its own, negated", t.Reverses, ErrPosting)
	}
	return old, nil
}

// changed returns the balances that ps make of the present ones. The caller holds mu.
func (b *Book) changed(ps []Posting) (map[line]money.Amount, error) {
	sums := make(map[line]sum, len(ps))
	for _, p := range ps {
		l := line{p.Account, p.Amount.Currency()}
		if _, ok := sums[l]; !ok {
			before, _ := b.balances[l].Minor()
			sums[l] = sum{}.plus(before)
		}
		minor, _ := p.Amount.Minor() // settled, or Validate had refused it
		sums[l] = sums[l].plus(minor)
	}
	changed := make(map[line]money.Amount, len(sums))
	for l, s := range sums {
		a, ok := s.amount(l.currency)
		if !ok {
			return nil, fmt.Errorf("balance of %q in %s: %w", l.account, l.currency, money.ErrRange)
		}
		changed[l] = a
	}
	return changed, nil
}
