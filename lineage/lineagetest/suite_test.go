package lineagetest_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest"
	"github.com/tenon-go/tenon/lineage/lineagetest/internal/contract"
)

func TestTheMemoryStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	lineagetest.TestStore(t, func(*testing.T) lineage.Store { return lineage.NewMemoryStore() })
}

func TestAFaultyStoreWithoutFaultsKeepsTheContract(t *testing.T) {
	t.Parallel()
	lineagetest.TestStore(t, func(*testing.T) lineage.Store { return lineagetest.NewFaultyStore(lineage.NewMemoryStore()) })
}

// It is not parallel: a violation that is a race wants a reader that runs.
func TestTheSuiteFailsBrokenStores(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(lineage.Store) lineage.Store
		want []string // the cases that it fails
	}{
		{"a sound one", func(s lineage.Store) lineage.Store { return s }, nil},
		{"lost append", contract.NewLostAppendStore, []string{"receipts", "large-batch", "writers"}},
		{"reordered cursor", contract.NewReorderedCursorStore, []string{"writers"}},
		{"dropped body", contract.NewDroppedBodyStore, []string{"prune-all"}},
		{"single records", contract.NewSingleRecordStore, []string{"whole-batches"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := lineagetest.CheckStore(t.Context(), func() (lineage.Store, error) { return c.wrap(lineage.NewMemoryStore()), nil })
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

func violations(t *testing.T, err error) []*lineagetest.ContractError {
	t.Helper()
	if err == nil {
		return nil
	}
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) {
		t.Fatalf("%v is no list", err)
	}
	var all []*lineagetest.ContractError
	for _, one := range list.Unwrap() {
		var v *lineagetest.ContractError
		if !errors.As(one, &v) {
			t.Fatalf("%v is no ContractError", one)
		}
		all = append(all, v)
	}
	return all
}

func BenchmarkMemoryStore(b *testing.B) {
	lineagetest.BenchmarkStore(b, func(*testing.B) lineage.Store { return lineage.NewMemoryStore() })
}
