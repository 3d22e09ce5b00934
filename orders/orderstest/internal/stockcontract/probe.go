package stockcontract

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tenon-go/tenon/orders/stock"
)

// ErrNotOffered says that a store lacks the optional ability that a case is about.
var ErrNotOffered = errors.New("not offered")

// A Case is one rule of the contract.
type Case struct {
	Name  string
	Rule  string
	Check func(ctx context.Context, s stock.Store) error
}

// A probe drives a store and collects what it does wrong.
type probe struct {
	ctx  context.Context //nolint:containedctx // it lives as long as one case
	s    stock.Store
	errs []error
}

func check(run func(p *probe)) func(context.Context, stock.Store) error {
	return func(ctx context.Context, s stock.Store) error {
		p := &probe{ctx: ctx, s: s}
		run(p)
		return errors.Join(p.errs...)
	}
}

func (p *probe) failf(format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf(format, args...)) //nolint:err113 // for people
}

// is wants one of the errors of a store, or none.
func (p *probe) is(what string, got, want error) {
	if (got == nil) != (want == nil) || !errors.Is(got, want) {
		p.failf("%s: %v, want %v", what, got, want)
	}
}

// at returns the time s seconds after a start.
func at(s int) time.Time {
	return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(s) * time.Second)
}

func key(sku string) stock.Key { return stock.Key{SKU: sku, Location: "main"} }

func line(sku string, n int64) stock.Line { return stock.Line{Key: key(sku), Quantity: n} }

func (p *probe) set(sku string, n int64) {
	p.is(fmt.Sprintf("set %s to %d", sku, n), p.s.SetOnHand(p.ctx, key(sku), n), nil)
}

func (p *probe) reserve(s int, id string, until int, want error, lines ...stock.Line) {
	err := p.s.Reserve(p.ctx, at(s), stock.Hold{ID: id, Lines: lines, Until: at(until)})
	p.is(fmt.Sprintf("at %d: reserve %q until %d", s, id, until), err, want)
}

func (p *probe) extend(s int, id string, until int, want error) {
	p.is(fmt.Sprintf("at %d: extend %q to %d", s, id, until), p.s.Extend(p.ctx, at(s), id, at(until)), want)
}

func (p *probe) release(s int, id string, want error) {
	p.is(fmt.Sprintf("at %d: release %q", s, id), p.s.Release(p.ctx, at(s), id), want)
}

func (p *probe) commit(s int, id string, want error) {
	p.is(fmt.Sprintf("at %d: commit %q", s, id), p.s.Commit(p.ctx, at(s), id), want)
}

func (p *probe) expire(s, limit, want int) {
	n, err := p.s.Expire(p.ctx, at(s), limit)
	p.is(fmt.Sprintf("at %d: expire", s), err, nil)
	if n != want {
		p.failf("at %d: expired %d of at most %d, want %d", s, n, limit, want)
	}
}

func (p *probe) short(s int, h stock.Hold, want ...stock.Shortage) {
	err := p.s.Reserve(p.ctx, at(s), h)
	var short *stock.ShortError
	if !errors.As(err, &short) {
		p.failf("at %d: reserve %q: %v, want a *ShortError", s, h.ID, err)
		return
	}
	p.is("a *ShortError", err, stock.ErrShort)
	if diff := different(want, short.Short); diff != "" {
		p.failf("at %d: reserve %q: short (-want +got):\n%s", s, h.ID, diff)
	}
}

func hold(id string, until int, lines ...stock.Line) stock.Hold {
	return stock.Hold{ID: id, Lines: lines, Until: at(until)}
}

// levels wants on hand and reserved by SKU, and that the live holds add up to it.
func (p *probe) levels(want map[string][2]int64) {
	skus := slices.Sorted(maps.Keys(want))
	keys := make([]stock.Key, len(skus))
	for i, sku := range skus {
		keys[i] = key(sku)
	}
	levels, err := p.s.Levels(p.ctx, keys)
	if p.is("levels", err, nil); err != nil {
		return
	}
	got := map[string][2]int64{}
	for _, l := range levels {
		got[l.SKU] = [2]int64{l.OnHand, l.Reserved}
	}
	if diff := different(want, got); diff != "" {
		p.failf("[on hand, reserved] (-want +got):\n%s", diff)
	}
	p.balance(levels)
}

// balance checks levels against the live holds, while nobody changes them.
func (p *probe) balance(levels []stock.Level) {
	for _, l := range levels {
		if l.Reserved < 0 || l.Reserved > l.OnHand {
			p.failf("%v: %d of %d reserved", l.Key, l.Reserved, l.OnHand)
		}
	}
	if _, ok := p.s.(stock.Lister); !ok {
		return
	}
	held := map[stock.Key]int64{}
	for _, h := range p.holds() {
		for _, l := range h.Lines {
			held[l.Key] += l.Quantity
		}
	}
	for _, l := range levels {
		if held[l.Key] != l.Reserved {
			p.failf("%v: %d reserved, and live holds of %d", l.Key, l.Reserved, held[l.Key])
		}
	}
}

// holds returns the live holds, nil where the store does not list them.
func (p *probe) holds() (holds []stock.Hold) {
	lister, ok := p.s.(stock.Lister)
	if !ok {
		return nil
	}
	for h, err := range lister.Holds(p.ctx) {
		if err != nil {
			p.failf("holds: %w", err)
			return holds
		}
		holds = append(holds, h)
	}
	return holds
}

// A picture is all that can be seen of some keys: to compare before and after.
func (p *probe) picture(skus ...string) string {
	keys := make([]stock.Key, len(skus))
	for i, sku := range skus {
		keys[i] = key(sku)
	}
	levels, err := p.s.Levels(p.ctx, keys)
	p.is("levels", err, nil)
	return fmt.Sprint(levels, p.holds())
}

// different says what two values are where they are not the same.
func different(want, got any) string {
	w, g := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got)
	if w == g {
		return ""
	}
	return fmt.Sprintf("-want %s\n+got  %s", w, g)
}
