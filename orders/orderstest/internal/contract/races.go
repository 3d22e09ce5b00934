package contract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

// together runs n workers and returns their errors.
func together(n int, work func(worker int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = work(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func concurrentChanges(ctx context.Context, s orders.StockStore) error {
	if err := s.Apply(ctx, orders.Change{At: at(), Carts: []orders.Cart{cart(1)}}); err != nil {
		return err
	}
	const writers, each = 16, 5
	err := together(writers, func(int) error {
		for made := 0; made < each; {
			c, err := s.Cart(ctx, "c1")
			if err != nil {
				return err
			}
			c.Version++
			c.Lines[0].Quantity++
			switch err := s.Apply(ctx, orders.Change{At: at(), Carts: []orders.Cart{c}}); {
			case err == nil:
				made++
			case !errors.Is(err, orders.ErrConflict):
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c, err := s.Cart(ctx, "c1")
	if err == nil && (c.Version != 1+writers*each || c.Lines[0].Quantity != 1+writers*each) {
		err = fmt.Errorf("%d changes made version %d and quantity %d", writers*each, c.Version, c.Lines[0].Quantity)
	}
	return err
}

func concurrentClaims(ctx context.Context, s orders.StockStore) error {
	const effects, workers = 60, 8
	var list []orders.Effect
	for n := range effects {
		list = append(list, effect(fmt.Sprintf("x1/e/%d", n), at()))
	}
	if err := s.Apply(ctx, orders.Change{At: at(), Effects: list}); err != nil {
		return err
	}
	var mu sync.Mutex
	seen := map[string]int{}
	err := together(workers, func(int) error {
		for empty := 0; empty < 3; {
			claimed, err := claim(ctx, s, 0, 7, "")
			if err != nil {
				return err
			}
			if len(claimed) == 0 {
				empty++
			}
			mu.Lock()
			for _, c := range claimed {
				seen[c.Effect.Key]++
			}
			mu.Unlock()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(seen) != effects {
		return fmt.Errorf("%d of %d effects were claimed", len(seen), effects)
	}
	for key, n := range seen {
		if n != 1 {
			return fmt.Errorf("%s was claimed %d times", key, n)
		}
	}
	return once(func(int) error {
		return s.Apply(ctx, orders.Change{At: at(), Acks: []orders.Ack{{Key: "x1/e/0", Fence: 1}}})
	})
}

// once wants one of 16 at a time to succeed, and conflicts of the others.
func once(try func(worker int) error) error {
	var made atomic.Int64
	err := together(16, func(w int) error {
		err := try(w)
		if errors.Is(err, orders.ErrConflict) {
			return nil
		}
		made.Add(1)
		return err
	})
	if err == nil && made.Load() != 1 {
		err = fmt.Errorf("%d were made, want one", made.Load())
	}
	return err
}

func concurrentFirsts(ctx context.Context, s orders.StockStore) error {
	err := once(func(w int) error {
		return s.Apply(ctx, orders.Change{At: at(), Checkout: checkout(orders.CheckoutID(fmt.Sprintf("x%d", w)), 1, orders.StateLocked)})
	})
	if err != nil {
		return fmt.Errorf("checkouts of one cart: %w", err)
	}
	err = once(func(w int) error {
		r := orders.Record{Scope: "s", Key: "k", Hash: fmt.Sprint(w), Aggregate: "cart/c1", At: at(), KeepUntil: at().Add(time.Hour)}
		return s.Apply(ctx, orders.Change{At: at(), Record: &r})
	})
	if err != nil {
		return fmt.Errorf("requests with one key: %w", err)
	}
	err = once(func(int) error {
		return s.Apply(ctx, orders.Change{At: at(), Events: []orders.Event{event("checkout/x1", 1)}})
	})
	if err != nil {
		return fmt.Errorf("events of one number: %w", err)
	}
	return nil
}

func concurrentEvents(ctx context.Context, s orders.StockStore) error {
	const writers, each = 8, 12
	var written error
	done := make(chan struct{})
	go func() {
		defer close(done)
		written = together(writers, func(w int) error {
			for n := range int64(each) {
				if err := s.Apply(ctx, orders.Change{At: at(), Events: []orders.Event{event(fmt.Sprintf("checkout/w%d", w), n+1)}}); err != nil {
					return err
				}
				// So that the reader comes between, also where writing takes no time.
				time.Sleep(time.Millisecond) //nolint:forbidigo // as it says
			}
			return nil
		})
	}()
	f := follower{s: s, next: map[string]int64{}}
	var err error
	for writing := true; writing; {
		select {
		case <-done:
			writing = false
		case <-time.After(100 * time.Microsecond): //nolint:forbidigo // the reader polls
		}
		if err == nil {
			err = f.read(ctx)
		}
	}
	if err = errors.Join(written, err); err != nil {
		return err
	}
	all, err := settled(writers*each, s.Events(ctx, 0, orders.EventQuery{}))
	if err == nil {
		err = f.read(ctx)
	}
	if err == nil && (f.total != writers*each || len(all) != f.total) {
		err = fmt.Errorf("%d of %d events were seen, and are there: %d", f.total, writers*each, len(all))
	}
	return err
}

// A follower reads on from where it was.
type follower struct {
	s     orders.StockStore
	last  int64
	total int
	next  map[string]int64 // the last number of each aggregate
}

func (f *follower) read(ctx context.Context) error {
	for e, err := range f.s.Events(ctx, f.last, orders.EventQuery{}) {
		if err != nil {
			return err
		}
		if f.next[e.Aggregate]++; e.Number != f.next[e.Aggregate] || e.Seq <= f.last {
			return fmt.Errorf("event %d of %s, %d wanted", e.Number, e.Aggregate, f.next[e.Aggregate])
		}
		f.last = e.Seq
		f.total++
	}
	return nil
}

func unnumberedEvents(ctx context.Context, s orders.StockStore) error {
	const writers, each = 8, 6
	err := together(writers, func(w int) error {
		for range each {
			list := []orders.Event{event("unmatched/a", 0), event("unmatched/b", 0)}
			if w%2 == 1 {
				slices.Reverse(list)
			}
			if err := s.Apply(ctx, orders.Change{At: at(), Events: list}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, aggregate := range []string{"unmatched/a", "unmatched/b"} {
		all, err := settled(writers*each, s.Events(ctx, 0, orders.EventQuery{Aggregate: aggregate}))
		if err != nil {
			return err
		}
		for i, e := range all {
			if e.Number != int64(i)+1 {
				return fmt.Errorf("%s: event %d is in place %d", aggregate, e.Number, i+1)
			}
		}
		if len(all) != writers*each {
			return fmt.Errorf("%s: %d of %d events", aggregate, len(all), writers*each)
		}
	}
	return nil
}

func oppositeOrders(ctx context.Context, s orders.StockStore) error {
	keys := []stock.Key{{SKU: "A"}, {SKU: "B"}, {SKU: "C"}}
	for _, key := range keys {
		if err := s.Stock().SetOnHand(ctx, key, 1000); err != nil {
			return err
		}
	}
	const workers, each = 8, 6
	err := together(workers, func(w int) error {
		lines := []stock.Line{line("A", 1), line("B", 1), line("C", 1)}
		if w%2 == 1 {
			slices.Reverse(lines)
		}
		for n := range each {
			// In a hold of its own each, and all in one.
			moves := []stock.Move{reserve(fmt.Sprintf("all-%d-%d", w, n), lines...)}
			for i, l := range lines {
				moves = append(moves, reserve(fmt.Sprintf("one-%d-%d-%d", w, n, i), l))
			}
			if err := s.Apply(ctx, orders.Change{At: at(), Stock: moves}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	levels, err := s.Stock().Levels(ctx, keys)
	if err != nil {
		return err
	}
	for _, l := range levels {
		if l.Reserved != 2*workers*each {
			return fmt.Errorf("%v, want %d reserved", l, 2*workers*each)
		}
	}
	return nil
}
