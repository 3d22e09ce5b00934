package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenon-go/tenon/promotions"
)

// A Case is one rule of the contract.
type Case struct {
	Name string
	Rule string // in words
	// Check says what a store does instead, which is empty before. Without a
	// FailAt where it needs one it is ErrNotOffered.
	Check func(context.Context, promotions.Store) error
}

// ErrNotOffered says that a store has no FailAt.
var ErrNotOffered = errors.New("the store offers no FaultInjector")

// Cases returns the rules, in the order in which they build on each other.
func Cases() []Case {
	return []Case{
		{"missing", "what is not there is ErrNotFound, an account of zero, and an empty sequence", checkMissing},
		{"written", "an entry comes back as it was written, its version grows by one, and it shares nothing with the caller", checkWritten},
		{"versions", "a write over another version than the one that is there is ErrConflict and changes nothing", checkVersions},
		{"repeat", "the same write a second time is ErrConflict and moves nothing", checkRepeat},
		{"limits", "a sum reaches its limit and does not pass it; a refusal says why", checkLimits},
		{"lowered", "a lowered limit stops what grows, and nothing else", checkLowered},
		{"all-or-none", "where the second of three accounts refuses, nothing is written; the first by id is named", checkAllOrNone},
		{"merged", "several moves of an account are one, with the smallest limit", checkMerged},
		{"units", "an account keeps its unit; another is ErrUnit and changes nothing", checkUnits},
		{"below-zero", "no sum falls below zero", checkBelowZero},
		{"sizes", "keys and results up to the limits are kept whole; beyond, they are ErrRange and change nothing", checkSizes},
		{"due", "what is due is what is reserved and whose time has come, the earliest first, as many as asked for", checkDue},
		{"entries", "entries come in order of key, after the one that is named; a sequence can be left and asked again", checkEntries},
		{"racers", "of 16 who write over one version at a time one succeeds, the others get ErrConflict", checkRacers},
		{"limit-racers", "of 64 who take one use each at a time as many succeed as the limit has", checkLimitRacers},
		{"crossing", "writes that name the same accounts in opposite orders all succeed", checkCrossing},
		{"readers", "accounts are read as they were at one moment", checkReaders},
		{"ended", "under a context that has ended every method reports so and changes nothing", checkEnded},
		{"cancelled", "a write whose context ends on the way happened wholly or not at all", checkCancelled},
		{"failed", "a write that fails at any step changed nothing", checkFailed},
		{"states", "a ledger keeps every row of the table of states", checkStates},
		{"kills", "a ledger that dies between any two of its calls leaves what a repeat or a sweep puts right", checkKills},
		{"histories", "random histories do what a sequential model does, and the sums are those of the entries", checkHistories},
	}
}

// noon is when everything happens.
func noon() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// The accounts of the cases, in order.
const (
	accountA = "code/A/uses"
	accountB = "promotion/b/budget"
	accountC = "promotion/c/uses"
)

// unitOf is what an account of the cases counts.
func unitOf(account string) string {
	if account == accountB {
		return "EUR"
	}
	return promotions.UnitUses
}

// reserve is a batch that makes a new entry and takes n from each account.
func reserve(key string, n, limit int64, accounts ...string) promotions.Batch {
	b := promotions.Batch{Key: key, Entry: promotions.Entry{State: promotions.Reserved, Expires: noon(), Result: json.RawMessage("{}")}}
	for _, id := range accounts {
		b.Entry.Debits = append(b.Entry.Debits, promotions.Debit{Promotion: "p", Account: id, Unit: unitOf(id), Amount: n, Limit: limit})
		b.Moves = append(b.Moves, promotions.Move{Account: id, Unit: unitOf(id), Reserved: n, Limit: limit})
	}
	return b
}

// commit is the batch that commits an entry which reserve wrote.
func commit(e promotions.Entry) promotions.Batch {
	b := promotions.Batch{Key: e.Key, Version: e.Version, Entry: e}
	b.Entry.State = promotions.Committed
	for _, d := range e.Debits {
		b.Moves = append(b.Moves, promotions.Move{Account: d.Account, Unit: d.Unit, Reserved: -d.Amount, Committed: d.Amount, Limit: d.Limit})
	}
	return b
}

// A state is all that writes change.
type state struct {
	accounts string
	entries  string
}

// stateOf reads the state, and checks that the sums are those of the entries.
func stateOf(ctx context.Context, s promotions.Store) (state, error) {
	accounts, err := s.Accounts(ctx, []string{accountA, accountB, accountC})
	if err != nil {
		return state{}, err
	}
	entries, err := collect(ctx, s, "")
	if err != nil {
		return state{}, err
	}
	if err := Balanced(accounts, slices.Values(entries)); err != nil {
		return state{}, err
	}
	st := state{accounts: fmt.Sprint(accounts)}
	for _, e := range entries {
		st.entries += fmt.Sprintf("%s %d %s; ", e.Key, e.Version, e.State)
	}
	return st, nil
}

// collect returns the entries after a key.
func collect(ctx context.Context, s promotions.Store, after string) ([]promotions.Entry, error) {
	var list []promotions.Entry
	for e, err := range s.Entries(ctx, after) {
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// unchanged checks that a refused write changed nothing.
func unchanged(ctx context.Context, s promotions.Store, was state) error {
	now, err := stateOf(ctx, s)
	if err == nil && now != was {
		err = fmt.Errorf("it leaves %+v\nof %+v", now, was)
	}
	return err
}

// refused checks that a batch is refused with an error, and changes nothing.
func refused(ctx context.Context, s promotions.Store, what string, b promotions.Batch, want error) error {
	was, err := stateOf(ctx, s)
	if err != nil {
		return err
	}
	_, err = s.Apply(ctx, b)
	if err := wantError(what, err, want); err != nil {
		return err
	}
	if err := unchanged(ctx, s, was); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// wantError checks that an error is the one that the contract names.
func wantError(what string, err, want error) error {
	switch {
	case errors.Is(err, want):
		return nil
	case err == nil:
		return fmt.Errorf("%s gives no error, want %q", what, want.Error())
	case want == nil:
		return fmt.Errorf("%s gives %w", what, err)
	}
	return fmt.Errorf("%s gives %w, want %q", what, err, want.Error())
}

// wantAccounts checks sums, reserved and committed for each account.
func wantAccounts(ctx context.Context, s promotions.Store, want map[string][2]int64) error {
	for id, sums := range want {
		list, err := s.Accounts(ctx, []string{id})
		if err != nil {
			return err
		}
		if len(list) != 1 || list[0].ID != id || list[0].Reserved != sums[0] || list[0].Committed != sums[1] {
			return fmt.Errorf("account %s is %+v, want reserved %d, committed %d", id, list, sums[0], sums[1])
		}
	}
	return nil
}
