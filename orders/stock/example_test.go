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
		if short, ok := errors.AsType[*stock.ShortError](err); ok {
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

// A hold has all of its lines or none. Who is short learns of every SKU what is left.
func ExampleStore_Reserve() {
	ctx, store := context.Background(), stock.NewMemoryStore()
	noon := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	cup, saucer, spoon := stock.Key{SKU: "cup"}, stock.Key{SKU: "saucer"}, stock.Key{SKU: "spoon"}
	for key, n := range map[stock.Key]int64{cup: 6, saucer: 4, spoon: 1} {
		if err := store.SetOnHand(ctx, key, n); err != nil {
			log.Fatal(err)
		}
	}
	set := func(id string, n int64) stock.Hold {
		return stock.Hold{ID: id, Until: noon.Add(10 * time.Minute), Lines: []stock.Line{
			{Key: spoon, Quantity: n}, {Key: cup, Quantity: n}, {Key: saucer, Quantity: n},
		}}
	}
	if short, ok := errors.AsType[*stock.ShortError](store.Reserve(ctx, noon, set("for-six", 6))); ok {
		for _, s := range short.Short {
			fmt.Println(s)
		}
	}
	for range 2 { // the same hold again is the same hold
		if err := store.Reserve(ctx, noon, set("for-one", 1)); err != nil {
			log.Fatal(err)
		}
	}
	levels, err := store.Levels(ctx, []stock.Key{cup, saucer, spoon})
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range levels {
		fmt.Println(l)
	}
	// Output:
	// saucer: 6 asked, 4 left
	// spoon: 6 asked, 1 left
	// cup: 6 on hand, 1 reserved
	// saucer: 4 on hand, 1 reserved
	// spoon: 1 on hand, 1 reserved
}
