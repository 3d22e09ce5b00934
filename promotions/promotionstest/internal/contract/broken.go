package contract

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/promotions"
)

// The broken stores show that the suite can fail: each breaks one promise of the
// contract, in the way that a store written in good faith would, and keeps all
// others.

// NewLostUpdateStore returns a store that never compares versions: who writes last
// wins.
func NewLostUpdateStore(s promotions.Store) promotions.Store { return lostUpdate{s} }

type lostUpdate struct{ promotions.Store }

// Apply writes over whatever is there.
func (s lostUpdate) Apply(ctx context.Context, b promotions.Batch) (promotions.Entry, error) {
	for {
		b.Version = 0
		if e, err := s.Entry(ctx, b.Key); err == nil {
			b.Version = e.Version
		}
		e, err := s.Store.Apply(ctx, b)
		if !errors.Is(err, promotions.ErrConflict) {
			return e, err
		}
	}
}

// NewSingleMoveStore returns a store that makes the moves of a batch one after the
// other, each with its own check, and stops at the first that is refused.
func NewSingleMoveStore(s promotions.Store) promotions.Store { return singleMove{s} }

type singleMove struct{ promotions.Store }

// Apply makes all moves but the last apart from the entry.
func (s singleMove) Apply(ctx context.Context, b promotions.Batch) (promotions.Entry, error) {
	now, err := s.Entry(ctx, b.Key)
	if err != nil && !errors.Is(err, promotions.ErrNotFound) {
		return now, err
	}
	if now.Version == b.Version {
		slices.SortStableFunc(b.Moves, func(x, y promotions.Move) int { return strings.Compare(x.Account, y.Account) })
		for len(b.Moves) > 1 && b.Moves[0].Account != b.Moves[1].Account {
			e, err := s.Store.Apply(ctx, promotions.Batch{Key: b.Key, Version: b.Version, Entry: now, Moves: b.Moves[:1]})
			if err != nil {
				return e, err
			}
			b.Version, b.Moves = e.Version, b.Moves[1:]
		}
	}
	return s.Store.Apply(ctx, b)
}

// NewRepeatDebitStore returns a store that takes the repeat of a write for a new
// one.
func NewRepeatDebitStore(s promotions.Store) promotions.Store { return repeatDebit{s} }

type repeatDebit struct{ promotions.Store }

// Apply writes once more what is there already.
func (s repeatDebit) Apply(ctx context.Context, b promotions.Batch) (promotions.Entry, error) {
	e, err := s.Store.Apply(ctx, b)
	if !errors.Is(err, promotions.ErrConflict) {
		return e, err
	}
	now, readErr := s.Entry(ctx, b.Key)
	if readErr != nil || now.State != b.Entry.State || now.Fingerprint != b.Entry.Fingerprint || now.Version != b.Version+1 {
		return e, err
	}
	b.Version = now.Version
	return s.Store.Apply(ctx, b)
}

// NewCheckThenActStore returns a store that reads the balances, decides, and then
// writes, without a lock from one to the other.
func NewCheckThenActStore(s promotions.Store) promotions.Store { return checkThenAct{s} }

type checkThenAct struct{ promotions.Store }

// Apply decides on balances that may have changed by the time it writes.
func (s checkThenAct) Apply(ctx context.Context, b promotions.Batch) (promotions.Entry, error) {
	var ids []string
	for _, m := range b.Moves {
		ids = append(ids, m.Account)
	}
	accounts, err := s.Accounts(ctx, ids)
	if err != nil {
		return promotions.Entry{}, err
	}
	balances := make(map[string]promotions.Account)
	for _, a := range accounts {
		balances[a.ID] = a
	}
	if _, err := b.Decide(b.Version, balances); err != nil {
		return promotions.Entry{}, s.because(ctx, b, err)
	}
	runtime.Gosched() // as from one statement to the next
	b.Moves = slices.Clone(b.Moves)
	for i := range b.Moves {
		b.Moves[i].Limit = -1
	}
	return s.Store.Apply(ctx, b)
}

// because keeps to the order of the contract's errors: the version comes first.
func (s checkThenAct) because(ctx context.Context, b promotions.Batch, err error) error {
	e, readErr := s.Entry(ctx, b.Key)
	if readErr != nil && !errors.Is(readErr, promotions.ErrNotFound) {
		return readErr
	}
	if e.Version != b.Version && !errors.Is(err, promotions.ErrRange) && !errors.Is(err, promotions.ErrInvalid) {
		return promotions.ErrConflict
	}
	return err
}
