package orders_test

import (
	"testing"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
)

// A process may stop anywhere.
//
// Invariant: orders O12
// Invariant: orders O4
// Invariant: orders O5.
func TestACrashAnywhereChargesOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	orderstest.TestCrashPoints(t, func(*testing.T) orders.StockStore { return orders.NewMemoryStore() })
}
