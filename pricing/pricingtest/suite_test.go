package pricingtest_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
	"github.com/tenon-go/tenon/pricing/pricingtest/internal/contract"
)

// Invariant: pricing P9.
func TestTheMemoryStoreKeepsTheContract(t *testing.T) {
	pricingtest.TestStore(t, func(*testing.T) pricing.Store { return pricing.NewMemoryStore() })
}

func TestAFaultyStoreWithoutFaultsKeepsTheContract(t *testing.T) {
	pricingtest.TestStore(t, func(*testing.T) pricing.Store { return pricingtest.NewFaultyStore(pricing.NewMemoryStore()) })
}

func TestTheSuiteFailsBrokenStores(t *testing.T) {
	for _, c := range []struct {
		name     string
		newStore func() pricing.Store
		want     []string // the cases that it fails
	}{
		{"a sound one", func() pricing.Store { return pricing.NewMemoryStore() }, nil},
		{
			"lost update", contract.NewLostUpdateStore,
			[]string{"draft-racers", "draft-revision", "publish-revision", "publishers"},
		},
		{"dirty read", contract.NewDirtyReadStore, []string{"readers"}},
		{"wrong not-found", contract.NewWrongNotFoundStore, []string{"books", "draft-revision", "missing", "prune"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := pricingtest.CheckStore(t.Context(), func() (pricing.Store, error) { return c.newStore(), nil })
			var got []string
			for _, v := range violations(t, err) {
				got = append(got, v.Case)
				t.Log(v)
			}
			slices.Sort(got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

func violations(t *testing.T, err error) []*pricingtest.ContractError {
	t.Helper()
	if err == nil {
		return nil
	}
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) {
		t.Fatalf("%v is no list", err)
	}
	var all []*pricingtest.ContractError
	for _, one := range list.Unwrap() {
		var v *pricingtest.ContractError
		if !errors.As(one, &v) {
			t.Fatalf("%v is no ContractError", one)
		}
		all = append(all, v)
	}
	return all
}

func TestCheckStoreReportsThatThereIsNoStore(t *testing.T) {
	none := errors.New("no database")
	err := pricingtest.CheckStore(t.Context(), func() (pricing.Store, error) { return nil, none })
	if !errors.Is(err, none) {
		t.Errorf("got %v, want %v", err, none)
	}
}
