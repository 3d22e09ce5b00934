package orderstest_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
)

func TestMemoryStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	orderstest.TestStore(t, func(*testing.T) orders.StockStore { return orders.NewMemoryStore() })
}

// A broken store changes what is asked of a good one, or what it answers.
type broken struct {
	*orders.MemoryStore

	apply func(c *orders.Change)
	claim func(r *orders.ClaimRequest, claimed []orders.Claimed)
	half  bool
}

func (b *broken) Apply(ctx context.Context, c orders.Change) error {
	if b.half {
		// The stock is moved in a change of its own.
		moves := c.Stock
		c.Stock = nil
		if err := b.MemoryStore.Apply(ctx, c); err != nil {
			return err
		}
		return b.MemoryStore.Apply(ctx, orders.Change{At: c.At, Stock: moves})
	}
	if b.apply != nil {
		b.apply(&c)
	}
	return b.MemoryStore.Apply(ctx, c)
}

func (b *broken) Claim(ctx context.Context, r orders.ClaimRequest) ([]orders.Claimed, error) {
	if b.claim == nil {
		return b.MemoryStore.Claim(ctx, r)
	}
	claimed, err := b.MemoryStore.Claim(ctx, r)
	b.claim(&r, claimed)
	return claimed, err
}

// The suite fails each store that is broken on purpose.
func TestTheSuiteFailsBrokenStores(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		make func() *broken
		want []string // cases that must fail, others may
	}{
		{"a half-applied change", func() *broken { return &broken{half: true} }, []string{"all or nothing"}},
		{"keys that are not kept", func() *broken { return &broken{apply: func(c *orders.Change) { c.Record = nil }} }, []string{"requests"}},
		{"claims without a fence", func() *broken {
			return &broken{claim: func(_ *orders.ClaimRequest, claimed []orders.Claimed) {
				for i := range claimed {
					claimed[i].Fence = 1
				}
			}}
		}, []string{"claims"}},
		{"reports that nobody checks", func() *broken { return &broken{apply: func(c *orders.Change) { c.Acks = nil }} }, []string{"claims"}},
		{"reordered events", func() *broken {
			return &broken{apply: func(c *orders.Change) {
				c.Events = slices.Clone(c.Events)
				slices.Reverse(c.Events)
			}}
		}, []string{"events"}},
		{"a lost update", func() *broken {
			return &broken{apply: func(c *orders.Change) {
				if len(c.Carts) == 1 && c.Carts[0].Version == 3 {
					c.Carts = nil
				}
			}}
		}, []string{"versions", "concurrent changes"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := orderstest.CheckStore(ctx, func() (orders.StockStore, error) {
				b := tt.make()
				b.MemoryStore = orders.NewMemoryStore()
				return b, nil
			})
			for _, name := range tt.want {
				if !failed(err, name) {
					t.Errorf("case %q passes; the violations are %v", name, err)
				}
			}
		})
	}
}

func failed(err error, name string) bool {
	joined, ok := err.(interface{ Unwrap() []error })
	return ok && slices.ContainsFunc(joined.Unwrap(), func(err error) bool {
		var v *orderstest.ContractError
		return errors.As(err, &v) && v.Case == name
	})
}
