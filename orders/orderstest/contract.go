package orderstest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tenon-go/tenon/orders/orderstest/internal/stockcontract"
)

// A ContractError is a rule of a contract that an implementation does not keep.
type ContractError struct {
	Case string // the case's name, as that of the subtest
	Rule string // the rule, in words
	Err  error  // what was done instead
}

// Error implements error.
func (v *ContractError) Error() string { return fmt.Sprintf("%s: %s\nbut: %v", v.Case, v.Rule, v.Err) }

// Unwrap returns what was done instead.
func (v *ContractError) Unwrap() error { return v.Err }

// A contractCase is a rule of a contract and its check on a new, empty store.
type contractCase[S any] = struct {
	Name  string
	Rule  string
	Check func(ctx context.Context, s S) error
}

func testContract[C ~contractCase[S], S any](t *testing.T, cases []C, newStore func(t *testing.T) S) {
	t.Helper()
	for _, c := range cases {
		c := contractCase[S](c)
		t.Run(c.Name, func(t *testing.T) {
			err := c.Check(t.Context(), newStore(t))
			if errors.Is(err, stockcontract.ErrNotOffered) {
				t.Skip(err)
			}
			if err != nil {
				t.Error(&ContractError{Case: c.Name, Rule: c.Rule, Err: err})
			}
		})
	}
}

func checkContract[C ~contractCase[S], S any](ctx context.Context, cases []C, newStore func() (S, error)) error {
	var errs []error
	for _, c := range cases {
		c := contractCase[S](c)
		s, err := newStore()
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if err := c.Check(ctx, s); err != nil && !errors.Is(err, stockcontract.ErrNotOffered) {
			errs = append(errs, &ContractError{Case: c.Name, Rule: c.Rule, Err: err})
		}
	}
	return errors.Join(errs...)
}
