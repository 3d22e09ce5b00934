package contract

import (
	"context"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/orders"
)

// claim leases up to n effects at a time after at.
func claim(ctx context.Context, s orders.StockStore, after time.Duration, n int, checkout orders.CheckoutID) ([]orders.Claimed, error) {
	return s.Claim(ctx, orders.ClaimRequest{At: at().Add(after), Worker: "w", Lease: time.Minute, Limit: n, Checkout: checkout})
}

// want compares the keys and fences of claimed effects.
func want(claimed []orders.Claimed, texts ...string) error {
	var got []string
	for _, c := range claimed {
		text := fmt.Sprintf("%s %d", c.Effect.Key, c.Fence)
		if c.Abandoned {
			text += " abandoned"
		}
		got = append(got, text)
	}
	return same("claimed", got, texts)
}

func claims(ctx context.Context, s orders.StockStore) error {
	e := []orders.Effect{effect("x1/b/1", at().Add(time.Second)), effect("x1/a/1", at().Add(time.Second)), effect("x1/c/1", at()), effect("x1/later/1", at().Add(time.Hour))}
	other := effect("x2/a/1", at())
	other.Checkout = "x2"
	if err := s.Apply(ctx, orders.Change{At: at(), Effects: append(e, other)}); err != nil {
		return err
	}
	claimed, err := claim(ctx, s, time.Second, 2, "x1")
	if err != nil {
		return err
	}
	if err := want(claimed, "x1/c/1 1", "x1/a/1 1"); err != nil {
		return err
	}
	if err := same("effect", claimed[0].Effect, e[2]); err != nil {
		return err
	}
	if !claimed[0].Until.Equal(at().Add(time.Second + time.Minute)) {
		return fmt.Errorf("leased until %v", claimed[0].Until)
	}
	if claimed, err = claim(ctx, s, time.Second, 10, ""); err == nil {
		err = want(claimed, "x2/a/1 1", "x1/b/1 1")
	}
	if err != nil {
		return err
	}
	// The lease of one ends with an Ack, those of the others by themselves.
	if err := s.Apply(ctx, orders.Change{At: at(), Acks: []orders.Ack{{Key: "x1/c/1", Fence: 1}}}); err != nil {
		return err
	}
	if err := conflict(s.Apply(ctx, orders.Change{At: at(), Acks: []orders.Ack{{Key: "x1/c/1", Fence: 1}}}), orders.ConflictEffect, 0); err != nil {
		return fmt.Errorf("an effect that is over: %w", err)
	}
	if claimed, err = claim(ctx, s, 2*time.Minute, 10, "x1"); err == nil {
		err = want(claimed, "x1/a/1 2 abandoned", "x1/b/1 2 abandoned")
	}
	if err != nil {
		return err
	}
	for _, late := range []struct {
		ack     orders.Ack
		current int64
	}{
		{orders.Ack{Key: "x1/a/1", Fence: 1}, 2},
		{orders.Ack{Key: "x1/a/1", Fence: 3}, 2},
		{orders.Ack{Key: "x1/later/1"}, 0}, // nobody has it
		{orders.Ack{Key: "x1/none/1", Fence: 1}, 0},
	} {
		if err := conflict(s.Apply(ctx, orders.Change{At: at(), Acks: []orders.Ack{late.ack}}), orders.ConflictEffect, late.current); err != nil {
			return fmt.Errorf("%+v: %w", late.ack, err)
		}
	}
	return nil
}

func terms(ctx context.Context, s orders.StockStore) error {
	if err := s.Apply(ctx, orders.Change{At: at(), Effects: []orders.Effect{effect("x1/a/1", at()), effect("x1/b/1", at())}}); err != nil {
		return err
	}
	if _, err := claim(ctx, s, 0, 10, ""); err != nil {
		return err
	}
	again := effect("x1/a/1", at().Add(time.Second))
	again.Attempt, again.Doubt = 1, true
	// One is acknowledged and goes on, the other is cancelled whoever has it.
	if err := s.Apply(ctx, orders.Change{At: at(), Acks: []orders.Ack{{Key: "x1/a/1", Fence: 1}}, Effects: []orders.Effect{again}, Cancel: []string{"x1/b/1", "x1/none/1"}}); err != nil {
		return err
	}
	claimed, err := claim(ctx, s, 10*time.Minute, 10, "")
	if err == nil {
		err = want(claimed, "x1/a/1 2")
	}
	if err == nil {
		err = same("effect", claimed[0].Effect, again)
	}
	if err != nil {
		return err
	}
	// New terms without an Ack leave the lease where it is.
	again.Attempt = 2
	if err := s.Apply(ctx, orders.Change{At: at(), Effects: []orders.Effect{again}}); err != nil {
		return err
	}
	if claimed, err = claim(ctx, s, 10*time.Minute, 10, ""); err != nil || len(claimed) > 0 {
		return fmt.Errorf("claimed %v of an effect that is leased: %w", claimed, orNone(err))
	}
	if err := s.Apply(ctx, orders.Change{At: at(), Acks: []orders.Ack{{Key: "x1/a/1", Fence: 2}}}); err != nil {
		return fmt.Errorf("whoever has the lease cannot report: %w", err)
	}
	return nil
}

func inline(ctx context.Context, s orders.StockStore) error {
	change := orders.Change{
		At: at(), Worker: "me", LeaseUntil: at().Add(time.Minute),
		Effects: []orders.Effect{effect("x1/now/1", at()), effect("x1/later/1", at().Add(time.Hour))},
	}
	if err := s.Apply(ctx, change); err != nil {
		return err
	}
	claimed, err := claim(ctx, s, time.Second, 10, "")
	if err != nil || len(claimed) > 0 {
		return fmt.Errorf("claimed %v of what is leased: %w", claimed, orNone(err))
	}
	// The fence of a new one is 1, and the next one where it is acknowledged.
	change.Acks, change.Effects = []orders.Ack{{Key: "x1/now/1", Fence: 1}}, change.Effects[:1]
	if err := s.Apply(ctx, change); err != nil {
		return err
	}
	return s.Apply(ctx, orders.Change{At: at(), Acks: []orders.Ack{{Key: "x1/now/1", Fence: 2}}})
}

func times(ctx context.Context, s orders.StockStore) error {
	e := effect("x1/a/1", at())
	if err := s.Apply(ctx, orders.Change{At: at(), Effects: []orders.Effect{e}, Events: []orders.Event{event("checkout/x1", 1)}}); err != nil {
		return err
	}
	zone := time.FixedZone("", 3600)
	for _, tt := range []struct {
		after time.Duration
		want  []string
	}{
		{-time.Microsecond, nil},
		{0, []string{"x1/a/1 1"}},
		{time.Minute - time.Microsecond, nil},
		{time.Minute, []string{"x1/a/1 2 abandoned"}},
	} {
		now := at().Add(tt.after)
		claimed, err := s.Claim(ctx, orders.ClaimRequest{At: now.In(zone), Worker: "w", Lease: time.Minute, Limit: 1})
		if err == nil {
			err = want(claimed, tt.want...)
		}
		if err != nil {
			return fmt.Errorf("%v after it was due: %w", tt.after, err)
		}
		for _, c := range claimed {
			if until := now.Add(time.Minute); c.Until != until || c.Effect.Due != at() {
				return fmt.Errorf("leased until %v and due at %v, want %v and %v", c.Until, c.Effect.Due, until, at())
			}
		}
	}
	for e, err := range s.Events(ctx, 0, orders.EventQuery{Aggregate: "checkout/x1"}) {
		if err != nil || e.At != at() {
			return fmt.Errorf("an event at %v, want %v: %w", e.At, at(), orNone(err))
		}
	}
	return nil
}

// listedEffects is of an ability that a store need not have.
func listedEffects(ctx context.Context, s orders.StockStore) error {
	lister, ok := s.(orders.EffectLister)
	if !ok {
		return nil
	}
	e := []orders.Effect{effect("x1/b/1", at().Add(time.Second)), effect("x1/a/1", at().Add(time.Second)), effect("x1/c/1", at()), effect("x1/over/1", at())}
	other := effect("x2/a/1", at())
	other.Checkout = "x2"
	if err := s.Apply(ctx, orders.Change{At: at(), Effects: append(e, other)}); err != nil {
		return err
	}
	if err := s.Apply(ctx, orders.Change{At: at(), Cancel: []string{"x1/over/1"}}); err != nil {
		return err
	}
	for range 2 { // the second time as the first: nothing was leased
		listed, err := lister.Effects(ctx, "x1")
		if err != nil {
			return err
		}
		if err := same("effects", listed, []orders.Effect{e[2], e[1], e[0]}); err != nil {
			return err
		}
	}
	claimed, err := claim(ctx, s, time.Second, 10, "x1")
	if err == nil {
		err = want(claimed, "x1/c/1 1", "x1/a/1 1", "x1/b/1 1")
	}
	return err
}
