package promotions

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Store keeps accounts and entries for a [Ledger].
//
// What every store promises, and promotionstest.Run checks:
//
//   - It is safe for concurrent use, by goroutines and by processes.
//   - A write happens as a whole or not at all, also where its context ends on the
//     way. Only if the answer to a finished write is lost can a write have happened
//     that reported an error; repeating it is then [ErrConflict].
//   - Errors carry the sentinels named here, to be tested with [errors.Is]; an
//     ended context is reported as such.
//   - Times come back in UTC and to the microsecond.
//   - After an error a sequence ends. Sequences can be ranged over again, which
//     asks again.
type Store interface {
	// Accounts returns the accounts with these ids, in the order asked, as they
	// were at one moment. One that was never written is zero but for its ID.
	Accounts(ctx context.Context, ids []string) ([]Account, error)

	// Entry returns the entry under a key. ErrNotFound.
	Entry(ctx context.Context, key string) (Entry, error)

	// Apply writes b.Entry under b.Key, with version b.Version+1, and makes all of
	// b.Moves, or does nothing. It returns the entry as written. b.Version is the
	// version of the entry that it replaces, 0 where there is none: else ErrConflict. A
	// move that would bring an account above its limit is a *[LimitError], of the
	// first such account by id; one in another unit than the account's is ErrUnit;
	// one that would bring a sum below zero is ErrState. Several moves of one account
	// count as one, with the smallest limit. [Batch.Decide] is all of this.
	Apply(ctx context.Context, b Batch) (Entry, error)

	// Due returns the keys of reserved entries with Expires at or before a time, the
	// earliest first, at most so many of them.
	Due(ctx context.Context, before time.Time, most int) ([]string, error)

	// Entries yields the entries whose keys are above after, in order of key. The
	// sequence is live: what is written meanwhile may or may not be in it.
	Entries(ctx context.Context, after string) iter.Seq2[Entry, error]
}

// A Batch is one write of a store.
type Batch struct {
	Key     string
	Version int64 // of the entry that is replaced; 0: none
	Entry   Entry // its Key and Version are not read
	Moves   []Move
}

// What a store takes.
const (
	maxKey     = 200     // bytes of a key
	maxAccount = 1000    // bytes of an account's id
	maxResult  = 4 << 20 // bytes of a stored result
)

// Decide is what [Store.Apply] has to decide, for those who write a store: given
// the version of the entry that is there (0: none) and the balances of the
// accounts that the moves name (one that is not in the map was never written), it
// returns the accounts as they are after the batch, in order of id, or why it is
// refused. The caller holds its locks from before it read until it has written. It
// changes nothing, the map included.
//
// The errors are those of Apply and of [Batch.Check], and [ErrRange] for a sum past
// int64.
func (b Batch) Decide(version int64, balances map[string]Account) ([]Account, error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	if version != b.Version {
		return nil, fmt.Errorf("version %d, where %d is there: %w", b.Version, version, ErrConflict)
	}
	moves := slices.Clone(b.Moves)
	slices.SortStableFunc(moves, func(a, b Move) int { return cmp.Compare(a.Account, b.Account) })
	var after []Account
	for len(moves) > 0 {
		n := 1
		for n < len(moves) && moves[n].Account == moves[0].Account {
			n++
		}
		a := balances[moves[0].Account]
		a.ID = moves[0].Account
		if err := a.add(moves[:n]); err != nil {
			return nil, err
		}
		after, moves = append(after, a), moves[n:]
	}
	return after, nil
}

// add makes the moves of one account, as one.
func (a *Account) add(moves []Move) error {
	before, limit := *a, int64(-1)
	for _, m := range moves {
		if a.Unit == "" {
			a.Unit = m.Unit
		}
		if m.Unit != a.Unit || m.Unit == "" {
			return fmt.Errorf("account %s: %q, where it counts %q: %w", a.ID, m.Unit, a.Unit, ErrUnit)
		}
		if m.Limit >= 0 && (limit < 0 || m.Limit < limit) {
			limit = m.Limit
		}
		var ok [2]bool
		a.Reserved, ok[0] = sum(a.Reserved, m.Reserved)
		a.Committed, ok[1] = sum(a.Committed, m.Committed)
		if !ok[0] || !ok[1] {
			return fmt.Errorf("account %s: a sum past 64 bits: %w", a.ID, ErrRange)
		}
	}
	if a.Reserved < 0 || a.Committed < 0 {
		return fmt.Errorf("account %s: reserved %d, committed %d: %w", a.ID, a.Reserved, a.Committed, ErrState)
	}
	was := before.Reserved + before.Committed
	is, ok := sum(a.Reserved, a.Committed)
	switch {
	case !ok:
		return fmt.Errorf("account %s: a sum past 64 bits: %w", a.ID, ErrRange)
	case limit >= 0 && is > was && is > limit:
		return &LimitError{Account: a.ID, Limit: limit, Reserved: before.Reserved, Committed: before.Committed, Asked: is - was}
	}
	return nil
}

// sum adds, and is false where that wraps.
func sum(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

// Check refuses what no store takes, whatever is there: a key of none or over 200
// bytes, an account's id of none or over 1,000, a result over 4 MiB ([ErrRange]),
// text that is not UTF-8 or has a NUL, a state that there is not ([ErrInvalid]).
func (b Batch) Check() error {
	errs := []error{checkKey("key", b.Key, maxKey)}
	if len(b.Entry.Result) > maxResult {
		errs = append(errs, fmt.Errorf("a result of %d bytes, at most %d: %w", len(b.Entry.Result), maxResult, ErrRange))
	}
	switch b.Entry.State {
	case Reserved, Committed, Released, Expired, Reversed:
	default:
		errs = append(errs, fmt.Errorf("state %q: %w", b.Entry.State, ErrInvalid))
	}
	for _, m := range b.Moves {
		errs = append(errs, checkKey("account", m.Account, maxAccount))
		if m.Unit != "" {
			errs = append(errs, checkKey("unit", m.Unit, maxAccount))
		}
	}
	return errors.Join(errs...)
}

func checkKey(what, key string, most int) error {
	switch {
	case key == "" || len(key) > most:
		return fmt.Errorf("%s of %d bytes, want 1 to %d: %w", what, len(key), most, ErrRange)
	case !utf8.ValidString(key) || strings.Contains(key, "\x00"):
		return fmt.Errorf("%s %q is not UTF-8, or has a NUL: %w", what, key, ErrInvalid)
	}
	return nil
}

// A Move adds to the sums of an account. The limit binds where reserved +
// committed grows; a negative limit is none.
type Move struct {
	Account, Unit       string
	Reserved, Committed int64
	Limit               int64
}

// An Account is a counter of uses or of minor units. Its unit, a currency's text or
// "uses", is given by its first move and stays for ever.
type Account struct {
	ID, Unit            string
	Reserved, Committed int64
}

// UnitUses is the unit of accounts that count orders.
const UnitUses = "uses"

// An Entry is what one order has reserved or committed, under its key.
type Entry struct {
	Key         string
	State       State
	Fingerprint [32]byte
	Debits      []Debit
	Reversals   []Reversal
	Result      json.RawMessage // at most 4 MiB
	Expires     time.Time
	Version     int64 // grows by one per write
}

// State is the state of an [Entry].
type State string

// The states.
const (
	Reserved  State = "RESERVED"
	Committed State = "COMMITTED"
	Released  State = "RELEASED"
	Expired   State = "EXPIRED"
	Reversed  State = "REVERSED"
)
