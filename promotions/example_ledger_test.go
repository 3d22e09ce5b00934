package promotions_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/tenon-go/tenon/promotions"
)

// A code for one order: reserved when it is placed, committed when it is paid, given back
// when it is cancelled.
func ExampleLedger() {
	ctx := context.Background()
	s := compiled(`{"promotions": [{"id": "hello", "codes": ["HELLO"], "currency": "EUR", "limits": {"per_code": 1}, "effect": {"kind": "amount", "value": "5.00", "per": "order"}}]}`)
	cart, err := promotions.ParseCart(strings.NewReader(`{"currency": "EUR", "codes": ["HELLO"], "lines": [{"id": "a", "price": "20.00"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	ledger, err := promotions.New(promotions.NewMemoryStore(), promotions.Config{})
	if err != nil {
		log.Fatal(err)
	}
	show := func(event string, r promotions.Receipt, err error) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-8s %s %s, %s off\n", event, r.Key, r.State, r.Result.Discount)
	}
	first, err := ledger.Redeem(ctx, "order-1", s, cart, promotions.Options{})
	show("redeem", first, err)
	second, err := ledger.Redeem(ctx, "order-2", s, cart, promotions.Options{})
	show("redeem", second, err)
	first, err = ledger.Commit(ctx, "order-1")
	show("commit", first, err)
	first, err = ledger.Reverse(ctx, "order-1", promotions.Reversal{Key: "cancelled"})
	show("reverse", first, err)
	third, err := ledger.Redeem(ctx, "order-3", s, cart, promotions.Options{})
	show("redeem", third, err)
	third, err = ledger.Release(ctx, "order-3")
	show("release", third, err)
	// Output:
	// redeem   order-1 RESERVED, 5.00 EUR off
	// redeem   order-2 RESERVED, 0.00 EUR off
	// commit   order-1 COMMITTED, 5.00 EUR off
	// reverse  order-1 REVERSED, 5.00 EUR off
	// redeem   order-3 RESERVED, 5.00 EUR off
	// release  order-3 RELEASED, 5.00 EUR off
}

// A payment that took longer than the reservation: it holds while what it needs is free.
func ExampleLedger_Commit_late() {
	ctx := context.Background()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := compiled(`{"promotions": [{"id": "sale", "currency": "EUR", "limits": {"uses": 1}, "effect": {"kind": "percent", "value": "10"}}]}`)
	cart, err := promotions.ParseCart(strings.NewReader(`{"currency": "EUR", "lines": [{"id": "a", "price": "20.00"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	ledger, err := promotions.New(promotions.NewMemoryStore(), promotions.Config{
		Now:    func() time.Time { return now },
		OnLate: func(e promotions.Entry) { fmt.Println("late:", e.Key) },
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range []string{"order-1", "order-2"} {
		if _, err := ledger.Redeem(ctx, key, s, cart, promotions.Options{}); err != nil {
			log.Fatal(err)
		}
		now = now.Add(time.Hour)
		n, err := ledger.Sweep(ctx, 100)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("swept", n)
	}
	_, err = ledger.Commit(ctx, "order-1")
	fmt.Println("order-1:", err)
	_, err = ledger.Commit(ctx, "order-2")
	fmt.Println("order-2 expired:", errors.Is(err, promotions.ErrExpired))
	// Output:
	// swept 1
	// swept 1
	// late: order-1
	// order-1: <nil>
	// order-2 expired: true
}
