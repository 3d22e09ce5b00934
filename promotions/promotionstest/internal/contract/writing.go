package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

func checkMissing(ctx context.Context, s promotions.Store) error {
	_, err := s.Entry(ctx, "o1")
	if err := wantError("an entry that is not there", err, promotions.ErrNotFound); err != nil {
		return err
	}
	got, err := s.Accounts(ctx, []string{accountB, accountA, accountB})
	if err != nil {
		return err
	}
	if want := []promotions.Account{{ID: accountB}, {ID: accountA}, {ID: accountB}}; !slices.Equal(got, want) {
		return fmt.Errorf("accounts are %v, want %v", got, want)
	}
	if got, err = s.Accounts(ctx, nil); err != nil || len(got) != 0 {
		return fmt.Errorf("no accounts: %v, %w", got, err)
	}
	keys, err := s.Due(ctx, noon(), 10)
	if err != nil || len(keys) != 0 {
		return fmt.Errorf("due is %v, %w", keys, err)
	}
	entries, err := collect(ctx, s, "")
	if err != nil || len(entries) != 0 {
		return fmt.Errorf("entries are %v, %w", entries, err)
	}
	return nil
}

func checkWritten(ctx context.Context, s promotions.Store) error {
	eur := money.MustISO("EUR")
	want := promotions.Entry{
		Key: "Order ü/1", State: promotions.Committed, Fingerprint: [32]byte{1, 31: 255}, Version: 1,
		Debits:    []promotions.Debit{{Promotion: "p", Account: accountB, Unit: "EUR", Amount: 1 << 62, Limit: 1<<63 - 1, Keep: true}, {Promotion: "q", Account: accountC, Unit: promotions.UnitUses, Amount: 1, Limit: 2}},
		Reversals: []promotions.Reversal{{Key: "r1", Amounts: map[string]money.Amount{"p": money.New(250, eur), "q": money.New(1, eur)}}, {Key: "r2"}},
		Result:    json.RawMessage(`{"a":"<é>","b": [1, 2]}`),
		Expires:   noon().Add(123456 * time.Microsecond),
	}
	b := promotions.Batch{Key: want.Key, Entry: want}
	b.Entry.Key, b.Entry.Version = "", 0
	b.Entry.Expires = want.Expires.Add(789).In(time.FixedZone("east", 7200))
	for version := int64(1); version <= 3; version++ {
		b.Version, want.Version = version-1, version
		wrote, err := s.Apply(ctx, b)
		if err != nil {
			return err
		}
		read, err := s.Entry(ctx, want.Key)
		if err != nil {
			return err
		}
		for _, got := range []promotions.Entry{wrote, read} {
			if !reflect.DeepEqual(got, want) {
				return fmt.Errorf("an entry is %+v, want %+v", got, want)
			}
			if got.Expires.Location() != time.UTC {
				return fmt.Errorf("a time in %v", got.Expires.Location())
			}
		}
		for _, mine := range [][]byte{read.Result, wrote.Result} { // the store has bytes of its own
			mine[0], mine[1] = 'x', 'y'
		}
	}
	return nil
}

func checkVersions(ctx context.Context, s promotions.Store) error {
	b := reserve("o1", 1, 10, accountA)
	for _, version := range []int64{-1, 1} {
		b.Version = version
		if err := refused(ctx, s, fmt.Sprintf("version %d of what is not there", version), b, promotions.ErrConflict); err != nil {
			return err
		}
	}
	b.Version = 0
	e, err := s.Apply(ctx, b)
	if err != nil {
		return err
	}
	if e, err = s.Apply(ctx, commit(e)); err != nil {
		return err
	}
	for _, version := range []int64{0, 1, 3} {
		b.Version = version
		if err := refused(ctx, s, fmt.Sprintf("version %d where 2 is there", version), b, promotions.ErrConflict); err != nil {
			return err
		}
	}
	if e.Version != 2 {
		return fmt.Errorf("after two writes it is version %d", e.Version)
	}
	return wantAccounts(ctx, s, map[string][2]int64{accountA: {0, 1}})
}

// Invariant: promotions L3.
func checkRepeat(ctx context.Context, s promotions.Store) error {
	b := reserve("o1", 1, 10, accountA)
	if _, err := s.Apply(ctx, b); err != nil {
		return err
	}
	return refused(ctx, s, "a repeat", b, promotions.ErrConflict)
}

// Invariant: promotions L1.
func checkLimits(ctx context.Context, s promotions.Store) error {
	if _, err := s.Apply(ctx, reserve("o1", 3, 10, accountB)); err != nil {
		return err
	}
	e, err := s.Apply(ctx, reserve("o2", 5, 10, accountB))
	if err != nil {
		return err
	}
	if _, err := s.Apply(ctx, commit(e)); err != nil {
		return err
	}
	over := reserve("o3", 3, 10, accountB)
	if err := refused(ctx, s, "one above the limit", over, promotions.ErrLimit); err != nil {
		return err
	}
	_, err = s.Apply(ctx, over)
	var limit *promotions.LimitError
	want := promotions.LimitError{Account: accountB, Limit: 10, Reserved: 3, Committed: 5, Asked: 3}
	if !errors.As(err, &limit) || *limit != want {
		return fmt.Errorf("the refusal is %v, want %v", err, &want) //nolint:errorlint // for reading
	}
	if _, err := s.Apply(ctx, reserve("o3", 2, 10, accountB)); err != nil {
		return fmt.Errorf("at the limit: %w", err)
	}
	if err := refused(ctx, s, "a full account", reserve("o4", 1, 10, accountB), promotions.ErrLimit); err != nil {
		return err
	}
	if err := refused(ctx, s, "a limit of 0", reserve("o4", 1, 0, accountA), promotions.ErrLimit); err != nil {
		return err
	}
	if _, err := s.Apply(ctx, reserve("o4", 1, -1, accountB)); err != nil {
		return fmt.Errorf("without a limit: %w", err)
	}
	return wantAccounts(ctx, s, map[string][2]int64{accountB: {6, 5}})
}

func checkLowered(ctx context.Context, s promotions.Store) error {
	first, err := s.Apply(ctx, reserve("o1", 6, 10, accountB))
	if err != nil {
		return err
	}
	if err := refused(ctx, s, "a new debit", reserve("o2", 1, 5, accountB), promotions.ErrLimit); err != nil {
		return err
	}
	if err := refused(ctx, s, "a debit of what does not grow enough to matter", reserve("o2", 1, 6, accountB), promotions.ErrLimit); err != nil {
		return err
	}
	shift := commit(first)
	shift.Moves[0].Limit = 5
	if first, err = s.Apply(ctx, shift); err != nil {
		return fmt.Errorf("a commit of what was reserved: %w", err)
	}
	back := promotions.Batch{Key: "o1", Version: first.Version, Entry: first, Moves: []promotions.Move{{Account: accountB, Unit: "EUR", Committed: -6, Limit: 1}}}
	back.Entry.State = promotions.Reversed
	if _, err := s.Apply(ctx, back); err != nil {
		return fmt.Errorf("what is given back: %w", err)
	}
	return wantAccounts(ctx, s, map[string][2]int64{accountB: {0, 0}})
}

// Invariant: promotions L4.
func checkAllOrNone(ctx context.Context, s promotions.Store) error {
	if _, err := s.Apply(ctx, reserve("full", 5, 5, accountB)); err != nil {
		return err
	}
	b := reserve("o1", 1, 5, accountA, accountB, accountC)
	if err := refused(ctx, s, "the second of three", b, promotions.ErrLimit); err != nil {
		return err
	}
	b = reserve("o1", 9, 5, accountC, accountA, accountB)
	_, err := s.Apply(ctx, b)
	var limit *promotions.LimitError
	if !errors.As(err, &limit) || limit.Account != accountA {
		return fmt.Errorf("of three that refuse it names %v, want %s", err, accountA) //nolint:errorlint // for reading
	}
	_, err = s.Apply(ctx, reserve("o1", 1, 6, accountC, accountA, accountB))
	return err
}

func checkMerged(ctx context.Context, s promotions.Store) error {
	e, err := s.Apply(ctx, reserve("o1", 60, 100, accountB))
	if err != nil {
		return err
	}
	replace := reserve("o1", 100, 100, accountB)
	replace.Version = e.Version
	give := promotions.Move{Account: accountB, Unit: "EUR", Reserved: -60, Limit: -1}
	replace.Moves = append(replace.Moves, give)
	if _, err := s.Apply(ctx, replace); err != nil {
		return fmt.Errorf("60 of 100 replaced by 100: %w", err)
	}
	two := reserve("o2", 2, 3, accountC, accountC)
	if err := refused(ctx, s, "2 and 2 of 3", two, promotions.ErrLimit); err != nil {
		return err
	}
	two = reserve("o2", 1, 9, accountC, accountC)
	two.Moves[1].Limit = 1
	if err := refused(ctx, s, "1 of 9 and 1 of 1", two, promotions.ErrLimit); err != nil {
		return err
	}
	two.Moves[1].Limit = 2
	if _, err := s.Apply(ctx, two); err != nil {
		return err
	}
	return wantAccounts(ctx, s, map[string][2]int64{accountB: {100, 0}, accountC: {2, 0}})
}

func checkUnits(ctx context.Context, s promotions.Store) error {
	b := reserve("o1", 1, 9, accountA)
	b.Moves[0].Unit = ""
	if err := refused(ctx, s, "no unit", b, promotions.ErrUnit); err != nil {
		return err
	}
	e, err := s.Apply(ctx, reserve("o1", 1, 9, accountA, accountB))
	if err != nil {
		return err
	}
	release := promotions.Batch{Key: "o1", Version: e.Version, Entry: e}
	release.Entry.State = promotions.Released
	for _, d := range e.Debits {
		release.Moves = append(release.Moves, promotions.Move{Account: d.Account, Unit: d.Unit, Reserved: -d.Amount, Limit: -1})
	}
	if _, err := s.Apply(ctx, release); err != nil {
		return err
	}
	other := reserve("o2", 1, 9, accountA, accountB)
	other.Moves[1].Unit = "USD"
	if err := refused(ctx, s, "an account of EUR that is empty, in USD", other, promotions.ErrUnit); err != nil {
		return err
	}
	got, err := s.Accounts(ctx, []string{accountB})
	if err != nil || got[0].Unit != "EUR" {
		return fmt.Errorf("the account is %v, %w", got, err)
	}
	return nil
}

func checkBelowZero(ctx context.Context, s promotions.Store) error {
	e, err := s.Apply(ctx, reserve("o1", 5, 9, accountB))
	if err != nil {
		return err
	}
	for _, m := range []promotions.Move{{Reserved: -6}, {Reserved: -5, Committed: -1}, {Committed: -1}, {Reserved: -6, Committed: 6}} {
		m.Account, m.Unit, m.Limit = accountB, "EUR", -1
		b := promotions.Batch{Key: "o1", Version: e.Version, Entry: e, Moves: []promotions.Move{m}}
		if err := refused(ctx, s, fmt.Sprintf("%+v", m), b, promotions.ErrState); err != nil {
			return err
		}
	}
	return nil
}

func checkSizes(ctx context.Context, s promotions.Store) error {
	const longest, largest = 200, 4 << 20
	for key, want := range map[string]error{"": promotions.ErrRange, strings.Repeat("k", longest+1): promotions.ErrRange, "a\x00b": promotions.ErrInvalid, "a\xffb": promotions.ErrInvalid} {
		if err := refused(ctx, s, fmt.Sprintf("a key of %d bytes", len(key)), reserve(key, 1, 9, accountA), want); err != nil {
			return err
		}
	}
	b := reserve(strings.Repeat("ü", longest/2), 1, 9, accountA)
	b.Entry.Result = bytes.Repeat([]byte(" "), largest+1)
	if err := refused(ctx, s, "a result over 4 MiB", b, promotions.ErrRange); err != nil {
		return err
	}
	b.Entry.Result = b.Entry.Result[:largest]
	if _, err := s.Apply(ctx, b); err != nil {
		return err
	}
	e, err := s.Entry(ctx, b.Key)
	if err == nil && len(e.Result) != largest {
		err = fmt.Errorf("of 4 MiB %d bytes are kept", len(e.Result))
	}
	return err
}
