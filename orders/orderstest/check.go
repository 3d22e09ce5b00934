package orderstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/money/ledger"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

// Check reads all that a store has and returns what is not as it must be: events whose
// fold is not the stored state, gaps in their numbers, postings that do not sum to zero,
// more orders than checkouts, more shipped and cancelled than ordered, tenders that took
// more than they had, a checkout that was given up with a hold. With a time, holds that
// ended before it must be gone.
func Check(ctx context.Context, store orders.StockStore, at time.Time) error {
	histories := map[string][]orders.Event{}
	var errs []error
	var last int64
	for e, err := range store.Events(ctx, 0, orders.EventQuery{}) {
		if err != nil {
			return err
		}
		if e.Seq <= last {
			errs = append(errs, fmt.Errorf("event %d after %d", e.Seq, last))
		}
		last = e.Seq
		histories[e.Aggregate] = append(histories[e.Aggregate], e)
	}
	for aggregate, events := range histories {
		for i, e := range events {
			if e.Number != int64(i)+1 {
				errs = append(errs, fmt.Errorf("%s: event %d has the number %d", aggregate, i+1, e.Number))
			}
		}
		kind, id, _ := strings.Cut(aggregate, "/")
		switch kind {
		case "checkout":
			errs = append(errs, checkCheckout(ctx, store, orders.CheckoutID(id), events))
		case "order":
			errs = append(errs, checkOrder(ctx, store, orders.OrderID(id), events))
		}
	}
	var book ledger.Book
	for p, err := range store.Postings(ctx, 0) {
		if err != nil {
			return err
		}
		if err := book.Post(p); err != nil {
			errs = append(errs, fmt.Errorf("posting %s: %w", p.Key, err))
		}
	}
	return errors.Join(append(errs, checkHolds(ctx, store, at))...)
}

func checkCheckout(ctx context.Context, store orders.StockStore, id orders.CheckoutID, events []orders.Event) error {
	stored, err := store.Checkout(ctx, id)
	if err != nil {
		return err
	}
	folded, err := orders.FoldCheckout(slices.Values(events))
	if err != nil {
		return err
	}
	if err := same(folded, stored); err != nil {
		return fmt.Errorf("checkout %s: %w", id, err)
	}
	_, err = store.Order(ctx, orders.OrderID(id))
	if placed := err == nil; placed != (stored.State == orders.StatePlaced) {
		return fmt.Errorf("checkout %s is %s, its order is there: %t", id, stored.State, placed)
	}
	return nil
}

func checkOrder(ctx context.Context, store orders.StockStore, id orders.OrderID, events []orders.Event) error {
	stored, err := store.Order(ctx, id)
	if err != nil {
		return err
	}
	folded, err := orders.FoldOrder(slices.Values(events))
	if err != nil {
		return err
	}
	if err := same(folded, stored); err != nil {
		return fmt.Errorf("order %s: %w", id, err)
	}
	for line, u := range stored.Units {
		if u.Shipped+u.Cancelled > u.Quantity {
			return fmt.Errorf("order %s, line %s: %d shipped and %d cancelled of %d", id, line, u.Shipped, u.Cancelled, u.Quantity)
		}
	}
	for _, t := range stored.Tenders {
		if less(t.Authorised, t.Captured) || less(t.Captured, t.Refunded) {
			return fmt.Errorf("order %s, tender %s: %v authorised, %v captured, %v refunded", id, t.Tender.ID, t.Authorised, t.Captured, t.Refunded)
		}
	}
	return nil
}

// same compares the JSON of two states.
func same(folded, stored any) error {
	a, err := json.Marshal(folded)
	if err != nil {
		return err
	}
	b, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	if string(a) != string(b) {
		return fmt.Errorf("its events make\n%s\nstored is\n%s", a, b)
	}
	return nil
}

// checkHolds compares levels with live holds.
func checkHolds(ctx context.Context, store orders.StockStore, at time.Time) error {
	shown, ok := store.Stock().(stock.Lister)
	if !ok {
		return nil
	}
	held := map[stock.Key]int64{}
	var errs []error
	for h, err := range shown.Holds(ctx) {
		if err != nil {
			return err
		}
		if !at.IsZero() && !h.Until.After(at) {
			errs = append(errs, fmt.Errorf("hold %s ended at %v and is there at %v", h.ID, h.Until, at))
		}
		for _, l := range h.Lines {
			held[l.Key] += l.Quantity
		}
	}
	for key, n := range held {
		levels, err := store.Stock().Levels(ctx, []stock.Key{key})
		if err != nil {
			return err
		}
		if l := levels[0]; l.Reserved != n || l.Reserved > l.OnHand {
			errs = append(errs, fmt.Errorf("%v, live holds have %d", l, n))
		}
	}
	return errors.Join(errs...)
}
