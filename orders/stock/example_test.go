package stock_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/tenon-go/tenon/orders/stock"
)

// Two shoppers want the same mug. The first does not pay in time.
func ExampleStore() {
	ctx, store := context.Background(), stock.NewMemoryStore()
	mug := stock.Key{SKU: "mug", Location: "berlin"}
	if err := store.SetOnHand(ctx, mug, 1); err != nil {
		log.Fatal(err)
	}
	noon := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	reserve := func(at time.Time, id string) {
		hold := stock.Hold{ID: id, Lines: []stock.Line{{Key: mug, Quantity: 1}}, Until: at.Add(10 * time.Minute)}
		err := store.Reserve(ctx, at, hold)
		if short := (*stock.ShortError)(nil); errors.As(err, &short) {
			fmt.Println(id, "is too late:", short.Short[0])
		} else if err != nil {
			log.Fatal(err)
		}
	}
	reserve(noon, "ann")
	reserve(noon.Add(time.Minute), "bob")
	reserve(noon.Add(10*time.Minute), "bob")
	if err := store.Commit(ctx, noon.Add(11*time.Minute), "bob"); err != nil {
		log.Fatal(err)
	}
	err := store.Commit(ctx, noon.Add(12*time.Minute), "ann")
	fmt.Println(err, errors.Is(err, stock.ErrEnded))
	levels, err := store.Levels(ctx, []stock.Key{mug})
	fmt.Println(levels, err)
	// Output:
	// bob is too late: mug@berlin: 1 asked, 0 left
	// stock: commit "ann": it was expired: hold has ended true
	// [mug@berlin: 0 on hand, 0 reserved] <nil>
}
