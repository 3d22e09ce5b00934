package contract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

func events(ctx context.Context, s orders.StockStore) error {
	add := func(list ...orders.Event) error { return s.Apply(ctx, orders.Change{At: at(), Events: list}) }
	named := event("checkout/x1", 2)
	named.Ref = "r1"
	unmatched := event("unmatched/psp", 0)
	unmatched.Ref = "r1"
	for _, list := range [][]orders.Event{{event("checkout/x1", 1), event("order/x1", 1)}, {named}, {unmatched}, {unmatched}} {
		if err := add(list...); err != nil {
			return err
		}
	}
	if err := conflict(add(event("checkout/x1", 2)), orders.ConflictCheckout, 2); err != nil {
		return err
	}
	if err := conflict(add(event("order/x1", 3)), orders.ConflictOrder, 1); err != nil {
		return err
	}
	for _, tt := range []struct {
		query orders.EventQuery
		want  []string
	}{
		{orders.EventQuery{}, []string{"checkout/x1 1", "order/x1 1", "checkout/x1 2", "unmatched/psp 1", "unmatched/psp 2"}},
		{orders.EventQuery{Aggregate: "checkout/x1"}, []string{"checkout/x1 1", "checkout/x1 2"}},
		{orders.EventQuery{Ref: "r1"}, []string{"checkout/x1 2", "unmatched/psp 1", "unmatched/psp 2"}},
		{orders.EventQuery{Ref: "r1", Aggregate: "unmatched/psp"}, []string{"unmatched/psp 1", "unmatched/psp 2"}},
		{orders.EventQuery{Ref: "none"}, nil},
	} {
		for skip := range len(tt.want) + 1 {
			if err := streamed(ctx, s, tt.query, skip, tt.want); err != nil {
				return fmt.Errorf("%+v after %d: %w", tt.query, skip, err)
			}
		}
	}
	return nil
}

// streamed compares the events after the first few with those that are wanted, twice.
func streamed(ctx context.Context, s orders.StockStore, q orders.EventQuery, skip int, want []string) error {
	var after int64
	for e, err := range s.Events(ctx, 0, q) {
		if err != nil {
			return err
		}
		if skip == 0 {
			break // early
		}
		skip, after = skip-1, e.Seq
		want = want[1:]
	}
	stream := s.Events(ctx, after, q)
	for range 2 {
		var got []string
		for e, err := range stream {
			if err != nil {
				return err
			}
			got = append(got, fmt.Sprintf("%s %d", e.Aggregate, e.Number))
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("got %q, want %q", got, want)
		}
	}
	return nil
}

func postings(ctx context.Context, s orders.StockStore) error {
	for n := range 5 {
		if err := s.Apply(ctx, orders.Change{At: at(), Postings: posting(fmt.Sprintf("p%d", n))}); err != nil {
			return err
		}
	}
	var keys []string
	var last int64
	for p, err := range s.Postings(ctx, 0) {
		if err != nil {
			return err
		}
		if p.Seq <= last || len(p.Postings) != 2 {
			return fmt.Errorf("%+v after %d", p, last)
		}
		last = p.Seq
		keys = append(keys, p.Key)
	}
	if !slices.Equal(keys, []string{"p0", "p1", "p2", "p3", "p4"}) {
		return fmt.Errorf("got %q", keys)
	}
	for p, err := range s.Postings(ctx, last) {
		return fmt.Errorf("%v after the last: %w", p, orNone(err))
	}
	return nil
}

func ownership(ctx context.Context, s orders.StockStore) error {
	c, e := cart(1), effect("x1/a/1", at())
	written := event("checkout/x1", 1)
	if err := s.Apply(ctx, orders.Change{At: at(), Carts: []orders.Cart{c}, Effects: []orders.Effect{e}, Events: []orders.Event{written}}); err != nil {
		return err
	}
	c.Lines[0].Quantity, c.Lines[0].Options["size"], e.Payload[0], written.Data[0] = 99, "changed", '!', '!'
	got, err := s.Cart(ctx, "c1")
	if err != nil {
		return err
	}
	got.Lines[0].Options["size"] = "changed too"
	if got, err = s.Cart(ctx, "c1"); err != nil {
		return err
	}
	if err := same("cart", got, cart(1)); err != nil {
		return err
	}
	claimed, err := claim(ctx, s, 0, 1, "")
	if err == nil {
		err = same("effect", claimed[0].Effect, effect("x1/a/1", at()))
	}
	if err != nil {
		return err
	}
	for seen, err := range s.Events(ctx, 0, orders.EventQuery{}) {
		if err != nil || string(seen.Data) != `{"n":1}` {
			return fmt.Errorf("event %s: %w", seen.Data, orNone(err))
		}
	}
	return nil
}

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
	return nil
}

//nolint:gocognit // a writer and a reader
func concurrentEvents(ctx context.Context, s orders.StockStore) error {
	const writers, each = 8, 12
	done := make(chan error, 1)
	go func() {
		done <- together(writers, func(w int) error {
			for n := range int64(each) {
				if err := s.Apply(ctx, orders.Change{At: at(), Events: []orders.Event{event(fmt.Sprintf("checkout/w%d", w), n+1)}}); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	var last int64
	next := map[string]int64{}
	total := 0
	read := func() error {
		for e, err := range s.Events(ctx, last, orders.EventQuery{}) {
			if err != nil {
				return err
			}
			if next[e.Aggregate]++; e.Number != next[e.Aggregate] || e.Seq <= last {
				return fmt.Errorf("event %d of %s, %d wanted", e.Number, e.Aggregate, next[e.Aggregate])
			}
			last = e.Seq
			total++
		}
		return nil
	}
	for writing := true; writing; {
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			writing = false
		case <-time.After(time.Millisecond): //nolint:forbidigo // the reader polls
		}
		if err := read(); err != nil {
			return err
		}
	}
	// What others have under way elsewhere may hold the end of the stream back for a while.
	for range 100 {
		if err := read(); err != nil || total == writers*each {
			return err
		}
		time.Sleep(20 * time.Millisecond) //nolint:forbidigo // as above
	}
	return fmt.Errorf("%d of %d events were seen", total, writers*each)
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
		own := slices.Clone(keys)
		if w%2 == 1 {
			slices.Reverse(own)
		}
		for n := range each {
			var lines []stock.Line
			for _, key := range own {
				lines = append(lines, stock.Line{Key: key, Quantity: 1})
			}
			move := stock.Move{Kind: stock.MoveReserve, Hold: fmt.Sprintf("h%d-%d", w, n), Lines: lines, Until: at().Add(time.Hour)}
			if err := s.Apply(ctx, orders.Change{At: at(), Stock: []stock.Move{move}}); err != nil {
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
		if l.Reserved != workers*each {
			return fmt.Errorf("%v, want %d reserved", l, workers*each)
		}
	}
	return nil
}
