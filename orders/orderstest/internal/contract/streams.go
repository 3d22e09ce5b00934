package contract

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/tenon-go/tenon/orders"
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
	all, err := settled(len(want), s.Events(ctx, 0, q))
	if err != nil {
		return err
	}
	var after int64
	if 0 < skip && skip <= len(all) {
		after = all[skip-1].Seq
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
		if !slices.Equal(got, want[skip:]) {
			return fmt.Errorf("got %q, want %q", got, want[skip:])
		}
	}
	return nil
}

// settled returns what a stream has once that is as much as is wanted. What others have
// under way elsewhere may hold its end back for a while.
func settled[T any](want int, stream iter.Seq2[T, error]) (all []T, err error) {
	for range 500 {
		all = nil
		for v, err := range stream {
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		if len(all) >= want {
			break
		}
		time.Sleep(10 * time.Millisecond) //nolint:forbidigo // it polls
	}
	return all, nil
}

// keysOf wants transactions with these keys, in this order.
func keysOf(ctx context.Context, s orders.StockStore, want []string) error {
	all, err := settled(len(want), s.Postings(ctx, 0))
	if err != nil {
		return err
	}
	var keys []string
	var last int64
	for _, p := range all {
		if p.Seq <= last {
			return fmt.Errorf("%s is %d, after %d", p.Key, p.Seq, last)
		}
		last = p.Seq
		keys = append(keys, p.Key)
	}
	return same("keys", keys, want)
}

func postings(ctx context.Context, s orders.StockStore) error {
	var want []string
	for n := range 5 {
		key := fmt.Sprintf("p%d", n)
		want = append(want, key)
		if err := s.Apply(ctx, orders.Change{At: at(), Postings: posting(key)}); err != nil {
			return err
		}
	}
	if err := keysOf(ctx, s, want); err != nil {
		return err
	}
	for p, err := range s.Postings(ctx, 0) {
		if err != nil {
			return err
		}
		written := posting("p0")
		written.Seq = p.Seq
		if err := same("posting", p, written); err != nil {
			return err
		}
		break // early
	}
	all, err := settled(5, s.Postings(ctx, 0))
	if err != nil {
		return err
	}
	for p, err := range s.Postings(ctx, all[4].Seq) {
		return fmt.Errorf("%v after the last: %w", p, orNone(err))
	}
	return nil
}

func longStreams(ctx context.Context, s orders.StockStore) error {
	const each, changes = 90, 7
	for n := range int64(changes) {
		var list []orders.Event
		for i := range int64(each) {
			list = append(list, event("checkout/x1", n*each+i+1))
		}
		if err := s.Apply(ctx, orders.Change{At: at(), Events: list, Postings: posting(fmt.Sprintf("p%d", n))}); err != nil {
			return err
		}
	}
	if err := longStream(each*changes, func(after int64) iter.Seq2[orders.Event, error] {
		return s.Events(ctx, after, orders.EventQuery{})
	}); err != nil {
		return err
	}
	return longStream(each*changes, func(after int64) iter.Seq2[orders.Event, error] {
		return s.Events(ctx, after, orders.EventQuery{Aggregate: "checkout/x1"})
	})
}

// longStream reads a stream in parts, each as long as the one before and one more.
func longStream(want int64, after func(int64) iter.Seq2[orders.Event, error]) error {
	if _, err := settled(int(want), after(0)); err != nil {
		return err
	}
	var last, number int64
	for part := 1; number < want; part++ {
		n := 0
		for e, err := range after(last) {
			if err != nil {
				return err
			}
			if e.Number != number+1 || e.Seq <= last {
				return fmt.Errorf("event %d is %d, after event %d, which is %d", e.Number, e.Seq, number, last)
			}
			last, number = e.Seq, e.Number
			if n++; n == part*20 {
				break
			}
		}
		if n == 0 {
			return fmt.Errorf("%d of %d events", number, want)
		}
	}
	for e, err := range after(last) {
		return fmt.Errorf("event %d after the last of %d: %w", e.Number, want, orNone(err))
	}
	return nil
}

func ownership(ctx context.Context, s orders.StockStore) error {
	change := owned()
	if err := s.Apply(ctx, change); err != nil {
		return err
	}
	spoil(&change)
	for range 2 { // what was read is spoilt as well, and read again
		got, err := readOwned(ctx, s)
		if err != nil {
			return err
		}
		if err := same("what is there", got, owned()); err != nil {
			return err
		}
		spoil(&got)
	}
	return nil
}

// owned is a change with slices and maps in all of its parts.
func owned() orders.Change {
	x := checkout("x1", 1, orders.StateLocked)
	x.Codes = []string{"code"}
	return orders.Change{
		At: at(), Carts: []orders.Cart{cart(1)}, Checkout: x,
		Order:    &orders.Order{ID: "x1", Version: 1, State: orders.OrderReady, Placed: at(), At: at(), Units: map[string]orders.Units{"l1": {Quantity: 1}}},
		Effects:  []orders.Effect{effect("x1/a/1", at())},
		Events:   []orders.Event{event("checkout/x1", 1)},
		Postings: posting("p1"),
	}
}

// spoil writes over all that a change refers to.
func spoil(c *orders.Change) {
	c.Carts[0].Lines[0].Quantity, c.Carts[0].Lines[0].Options["size"] = 99, "spoilt"
	c.Checkout.Codes[0], c.Checkout.Cart.Lines[0].SKU = "spoilt", "spoilt"
	c.Order.Units["l1"] = orders.Units{Quantity: 99}
	c.Effects[0].Payload[0], c.Events[0].Data[0] = '!', '!'
	c.Postings.Postings[0].Account = "spoilt"
}

// readOwned reads what owned wrote. It claims, so that it gives back what it took by
// new terms.
func readOwned(ctx context.Context, s orders.StockStore) (c orders.Change, err error) {
	c = orders.Change{At: at()}
	cart, err := s.Cart(ctx, "c1")
	if err != nil {
		return c, err
	}
	checkout, err := s.Checkout(ctx, "x1")
	if err != nil {
		return c, err
	}
	order, err := s.Order(ctx, "x1")
	if err != nil {
		return c, err
	}
	c.Carts, c.Checkout, c.Order = []orders.Cart{cart}, &checkout, &order
	claimed, err := claim(ctx, s, time.Hour, 1, "")
	if err != nil || len(claimed) != 1 {
		return c, fmt.Errorf("claimed %v: %w", claimed, orNone(err))
	}
	c.Effects = []orders.Effect{claimed[0].Effect}
	ack := orders.Ack{Key: claimed[0].Effect.Key, Fence: claimed[0].Fence}
	if err := s.Apply(ctx, orders.Change{At: at(), Acks: []orders.Ack{ack}, Effects: []orders.Effect{effect("x1/a/1", at())}}); err != nil {
		return c, err
	}
	if c.Events, err = settled(1, s.Events(ctx, 0, orders.EventQuery{})); err != nil {
		return c, err
	}
	posted, err := settled(1, s.Postings(ctx, 0))
	if err != nil {
		return c, err
	}
	if len(c.Events) != 1 || len(posted) != 1 {
		return c, fmt.Errorf("%d events and %d postings, want one of each", len(c.Events), len(posted))
	}
	c.Events[0].Seq, posted[0].Seq = 0, 0
	c.Postings = posted[0]
	return c, nil
}
