package promotionstest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest/internal/contract"
)

// Run checks that a store keeps the contract of [promotions.Store], alone and under
// a [promotions.Ledger]. NewStore returns a new, empty store for every case, and sees
// to its end by t.Cleanup.
//
//	func TestStore(t *testing.T) {
//		promotionstest.Run(t, func(t *testing.T) promotions.Store { return newStore(t) })
//	}
//
// A store that is a [FaultInjector] is also tested with a failure at each of its
// steps. The whole takes some thousand writes.
func Run(t *testing.T, newStore func(t *testing.T) promotions.Store) {
	t.Helper()
	for _, c := range contract.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			err := c.Check(t.Context(), newStore(t))
			if errors.Is(err, contract.ErrNotOffered) {
				t.Skip(err)
			}
			if err != nil {
				t.Error(&ContractError{Case: c.Name, Rule: c.Rule, Err: err})
			}
		})
	}
}

// Check is Run for callers without a test: it returns all violations, each a
// [*ContractError], joined. An error of newStore ends it.
func Check(ctx context.Context, newStore func() (promotions.Store, error)) error {
	var errs []error
	for _, c := range contract.Cases() {
		s, err := newStore()
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if err := c.Check(ctx, s); err != nil && !errors.Is(err, contract.ErrNotOffered) {
			errs = append(errs, &ContractError{Case: c.Name, Rule: c.Rule, Err: err})
		}
	}
	return errors.Join(errs...)
}

// A ContractError is a rule of the contract that a store does not keep.
type ContractError struct {
	Case string // the case's name, as Run's subtest
	Rule string // the rule, in words
	Err  error  // what the store did instead
}

func (v *ContractError) Error() string {
	return fmt.Sprintf("%s: %s\nbut: %v", v.Case, v.Rule, v.Err)
}

// Unwrap returns what the store did instead.
func (v *ContractError) Unwrap() error { return v.Err }

// A FaultInjector is a store under test that can be made to fail half-way.
type FaultInjector interface {
	promotions.Store
	// FailAt makes the n-th step from now on fail, and only that one; 0 is none. A
	// step is what can fail by itself: a statement, a write, a commit.
	FailAt(n int)
}

// CheckThenAct returns a store that reads balances, decides, and then writes, as is
// often done: two orders at a time may take the same last use. It shows that [Run] and
// [Overrun] can fail.
func CheckThenAct(s promotions.Store) promotions.Store { return contract.NewCheckThenActStore(s) }
