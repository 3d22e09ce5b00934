package orders_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
)

// A notifying store wraps another one, and tells a listener of each commit with events: a relay
// of the outbox then need not poll. It embeds the store's type, not orders.Store: the optional
// abilities, Stock and those of a database, stay visible.
type notifying struct {
	*orders.MemoryStore

	wake chan struct{} // with room for one
}

func (s *notifying) Apply(ctx context.Context, c orders.Change) error {
	err := s.MemoryStore.Apply(ctx, c)
	if err == nil && len(c.Events) > 0 {
		select {
		case s.wake <- struct{}{}:
		default: // it has not looked yet at what was there before
		}
	}
	return err
}

// A forgetful store keeps no requests: for it, a second click is another order.
type forgetful struct{ *orders.MemoryStore }

func (s *forgetful) Apply(ctx context.Context, c orders.Change) error {
	c.Record = nil
	return s.MemoryStore.Apply(ctx, c)
}

// A store of your own is proven by orderstest.TestStore in a test, which this is without one: it
// says which promise is not kept. TestCrashPoints then stops an engine on it before and after
// every step.
func Example_ownStore() {
	ctx := context.Background()
	err := orderstest.CheckStore(ctx, func() (orders.StockStore, error) {
		return &notifying{MemoryStore: orders.NewMemoryStore(), wake: make(chan struct{}, 1)}, nil
	})
	fmt.Println("notifying:", err)
	err = orderstest.CheckStore(ctx, func() (orders.StockStore, error) {
		return &forgetful{MemoryStore: orders.NewMemoryStore()}, nil
	})
	if broken, ok := errors.AsType[*orderstest.ContractError](err); ok {
		fmt.Println("forgetful:", broken.Rule)
	}
	// Output:
	// notifying: <nil>
	// forgetful: a key is kept once per scope until it may be forgotten
}
