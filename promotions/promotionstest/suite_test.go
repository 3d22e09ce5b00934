package promotionstest_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest"
	"github.com/tenon-go/tenon/promotions/promotionstest/internal/contract"
)

// Invariant: promotions L1.
// Invariant: promotions L2.
// Invariant: promotions L3.
// Invariant: promotions L4.
// Invariant: promotions L5.
// Invariant: promotions L6.
func TestTheMemoryStoreKeepsTheContract(t *testing.T) {
	promotionstest.Run(t, func(*testing.T) promotions.Store { return promotions.NewMemoryStore() })
}

func TestAFaultyStoreWithoutFaultsKeepsTheContract(t *testing.T) {
	promotionstest.Run(t, func(*testing.T) promotions.Store {
		return promotionstest.NewFaultyStore(promotions.NewMemoryStore())
	})
}

func TestTheSuiteFailsBrokenStores(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(promotions.Store) promotions.Store
		want []string // the cases that it fails
	}{
		{"a sound one", func(s promotions.Store) promotions.Store { return s }, nil},
		{"check, then act", promotionstest.CheckThenAct, []string{"limit-racers"}},
		{"lost updates", contract.NewLostUpdateStore, []string{"versions"}},
		{"moves made singly", contract.NewSingleMoveStore, []string{"all-or-none"}},
		{"debits of repeats", contract.NewRepeatDebitStore, []string{"repeat"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := promotionstest.Check(t.Context(), func() (promotions.Store, error) { return c.wrap(promotions.NewMemoryStore()), nil })
			var got []string
			for _, v := range violations(t, err) {
				got = append(got, v.Case)
			}
			t.Log(err)
			for _, want := range c.want {
				if !slices.Contains(got, want) {
					t.Errorf("it passes %s", want)
				}
			}
			if c.want == nil && got != nil {
				t.Errorf("it fails (-want +got):\n%s", cmp.Diff(c.want, got))
			}
		})
	}
}

func violations(t *testing.T, err error) []*promotionstest.ContractError {
	t.Helper()
	if err == nil {
		return nil
	}
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) {
		t.Fatalf("%v is no list", err)
	}
	var all []*promotionstest.ContractError
	for _, one := range list.Unwrap() {
		var v *promotionstest.ContractError
		if !errors.As(one, &v) {
			t.Fatalf("%v is no ContractError", one)
		}
		all = append(all, v)
	}
	return all
}
