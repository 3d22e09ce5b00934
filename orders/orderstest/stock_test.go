package orderstest_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/orderstest/internal/stockcontract"
	"github.com/tenon-go/tenon/orders/stock"
)

// Invariant: orders O1.
// Invariant: orders O2.
func TestTheMemoryStockKeepsTheContract(t *testing.T) {
	orderstest.TestStock(t, func(*testing.T) stock.Store { return stock.NewMemoryStore() })
}

func TestTheMemoryStockAnswersTheGivenCases(t *testing.T) {
	orderstest.TestStockCases(t, func(*testing.T) stock.Store { return stock.NewMemoryStore() })
}

func TestTheSuiteFailsBrokenStock(t *testing.T) {
	for _, c := range []struct {
		name     string
		newStore func() stock.Store
		want     []string // the cases that it fails
	}{
		{"a sound one", stockcontract.NewSoundStore, nil},
		{"read then write", stockcontract.NewReadThenWriteStore, []string{"oversell"}},
		{"half applied", stockcontract.NewHalfAppliedStore, []string{"all-or-none"}},
		{
			"never expiring", stockcontract.NewNeverExpiringStore,
			[]string{
				"buckets", "cancelled", "dead-holds", "expire", "expire-many", "extend",
				"micros", "refused-sweeps-nothing", "reserve-again", "sweepers",
			},
		},
		{"eager", stockcontract.NewEagerStore, []string{"dead-commit", "dead-holds", "refused-sweeps-nothing"}},
		{"first short", stockcontract.NewFirstShortStore, []string{"short-lists-all"}},
		{"forgetful", stockcontract.NewForgetfulStore, []string{"commit", "dead-holds", "release"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := orderstest.CheckStock(t.Context(), func() (stock.Store, error) { return c.newStore(), nil })
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

func violations(t *testing.T, err error) []*orderstest.ContractError {
	t.Helper()
	if err == nil {
		return nil
	}
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) {
		t.Fatalf("%v is no list", err)
	}
	var all []*orderstest.ContractError
	for _, one := range list.Unwrap() {
		var v *orderstest.ContractError
		if !errors.As(one, &v) {
			t.Fatalf("%v is no ContractError", one)
		}
		all = append(all, v)
	}
	return all
}

func TestCheckStockReportsThatThereIsNoStore(t *testing.T) {
	none := errors.New("no database")
	err := orderstest.CheckStock(t.Context(), func() (stock.Store, error) { return nil, none })
	if !errors.Is(err, none) {
		t.Errorf("got %v, want %v", err, none)
	}
}
