package simulate

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/tenon-go/tenon/promotions"
)

// accounts are what a stream of carts has used so far. It is as much of a
// promotions.Store as a Preview asks for, which keeps no orders.
type accounts map[string]promotions.Account

var _ promotions.Store = accounts(nil)

var errKeepsNothing = errors.New("a simulation keeps no orders")

// Accounts implements promotions.Store.
func (a accounts) Accounts(_ context.Context, ids []string) ([]promotions.Account, error) {
	found := make([]promotions.Account, len(ids))
	for i, id := range ids {
		found[i] = a[id]
		found[i].ID = id
	}
	return found, nil
}

// Entry implements promotions.Store: there is none.
func (a accounts) Entry(context.Context, string) (promotions.Entry, error) {
	return promotions.Entry{}, promotions.ErrNotFound
}

// Apply implements promotions.Store: it refuses.
func (a accounts) Apply(context.Context, promotions.Batch) (promotions.Entry, error) {
	return promotions.Entry{}, errKeepsNothing
}

// Due implements promotions.Store: nothing is.
func (a accounts) Due(context.Context, time.Time, int) ([]string, error) { return nil, nil }

// Entries implements promotions.Store: there are none.
func (a accounts) Entries(context.Context, string) iter.Seq2[promotions.Entry, error] {
	return func(func(promotions.Entry, error) bool) {}
}

// take debits what a cart took; without limits there is nothing to debit.
func (a accounts) take(debits []promotions.Debit) {
	if a == nil {
		return
	}
	for _, d := range debits {
		account := a[d.Account]
		account.ID, account.Unit = d.Account, d.Unit
		account.Committed += d.Amount
		a[d.Account] = account
	}
}
