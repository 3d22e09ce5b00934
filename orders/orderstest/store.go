package orderstest

import (
	"context"
	"errors"
	"testing"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest/internal/contract"
)

// TestStore checks that a store keeps the contract of [orders.Store]. NewStore returns a
// new, empty store for every case, and sees to its end by t.Cleanup.
func TestStore(t *testing.T, newStore func(t *testing.T) orders.StockStore) {
	t.Helper()
	for _, c := range contract.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Check(t.Context(), newStore(t)); err != nil {
				t.Error(&ContractError{Case: c.Name, Rule: c.Rule, Err: err})
			}
		})
	}
}

// CheckStore is TestStore for callers without a test: it returns all violations, each a
// [*ContractError], joined. An error of newStore ends it.
func CheckStore(ctx context.Context, newStore func() (orders.StockStore, error)) error {
	var errs []error
	for _, c := range contract.Cases() {
		s, err := newStore()
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if err := c.Check(ctx, s); err != nil {
			errs = append(errs, &ContractError{Case: c.Name, Rule: c.Rule, Err: err})
		}
	}
	return errors.Join(errs...)
}
