package pricingtest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// What a test does with TestStore, a program can do with CheckStore.
func ExampleCheckStore() {
	err := pricingtest.CheckStore(context.Background(), func() (pricing.Store, error) {
		return pricing.NewMemoryStore(), nil
	})
	fmt.Println("violations:", err)
	// Output: violations: <nil>
}

// A host's own code meets a store that answers with altered parts.
func ExampleFaultyStore() {
	ctx := context.Background()
	store := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
	book, err := pricing.NewBook(store, "eu", pricing.BookConfig{})
	if err != nil {
		log.Fatal(err)
	}
	rules, _ := pricingtest.Workload(100, 1)
	draft, err := book.Save(ctx, pricing.Draft{Rules: rules})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := book.Publish(ctx, pricing.Publication{Revision: draft.Revision}); err != nil {
		log.Fatal(err)
	}
	store.Inject(pricingtest.Faults{TearParts: true})
	_, err = book.Snapshot(ctx, 1)
	fmt.Println("torn:", errors.Is(err, pricing.ErrTorn))
	store.Inject(pricingtest.Faults{})
	_, err = book.Snapshot(ctx, 1)
	fmt.Println("healed:", err == nil)
	// Output:
	// torn: true
	// healed: true
}
