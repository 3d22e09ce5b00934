package lineagetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest/internal/contract"
)

// TestStore checks that a store keeps the contract of [lineage.Store]. Open returns a new,
// empty one for every case, and sees to its end by t.Cleanup.
//
// A store that is a [FaultInjector] is also tested with a failure at each of its steps,
// one that is a [Tearer] with a torn checkpoint. The whole takes some thousand writes.
func TestStore(t *testing.T, open func(t *testing.T) lineage.Store) {
	t.Helper()
	for _, c := range contract.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			err := c.Check(t.Context(), open(t))
			if errors.Is(err, contract.ErrNotOffered) {
				t.Skip(err)
			}
			if err != nil {
				t.Error(&ContractError{Case: c.Name, Rule: c.Rule, Err: err})
			}
		})
	}
}

// CheckStore is TestStore for callers without a test: it returns all violations, each a
// [*ContractError], joined. An error of open ends it.
func CheckStore(ctx context.Context, open func() (lineage.Store, error)) error {
	var errs []error
	for _, c := range contract.Cases() {
		s, err := open()
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
	Case string // the case's name, as TestStore's subtest
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
	lineage.Store
	// FailAt makes the n-th step from now on fail, and only that one; 0 is none. A step is
	// what can fail by itself: a statement, a write, a commit.
	FailAt(n int)
}

// A Tearer is a store under test whose checkpoint can be damaged as a disk would.
type Tearer interface {
	lineage.Store
	// TearCheckpoint changes or cuts the data of the checkpoint that is there.
	TearCheckpoint(ctx context.Context) error
}
