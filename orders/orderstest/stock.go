package orderstest

import (
	"context"
	"testing"

	"github.com/tenon-go/tenon/orders/orderstest/internal/stockcontract"
	"github.com/tenon-go/tenon/orders/stock"
)

// TestStock checks that a store keeps the contract of [stock.Store], and those of
// stock.Applier and stock.Lister where it has these abilities. NewStore returns a
// new, empty store for every case, and sees to its end by t.Cleanup.
//
//	func TestStock(t *testing.T) {
//		orderstest.TestStock(t, func(t *testing.T) stock.Store { return newStock(t) })
//	}
//
// A store that is a [StockFaults] is also tested with a failure at each of its steps.
// The whole takes some thousand calls, of 16 goroutines at most.
func TestStock(t *testing.T, newStore func(t *testing.T) stock.Store) {
	t.Helper()
	testContract(t, stockcontract.Cases(), newStore)
}

// CheckStock is TestStock for callers without a test: it returns all violations,
// each a [*ContractError], joined. An error of newStore ends it.
func CheckStock(ctx context.Context, newStore func() (stock.Store, error)) error {
	return checkContract(ctx, stockcontract.Cases(), newStore)
}

// StockFaults is a store under test that can be made to fail half-way.
type StockFaults interface {
	stock.Store
	// FailAt makes the n-th step from now on fail, and only that one; 0 is none. A
	// step is what can fail by itself: a statement, a commit.
	FailAt(n int)
}
