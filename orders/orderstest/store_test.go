package orderstest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
)

func TestMemoryStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	orderstest.TestStore(t, func(*testing.T) orders.StockStore { return orders.NewMemoryStore() })
}

// A broken store breaks one promise, as a store written in good faith would, and keeps
// all others.
type broken struct {
	*orders.MemoryStore

	apply  func(ctx context.Context, s *orders.MemoryStore, c orders.Change) error
	claim  func(ctx context.Context, s *orders.MemoryStore, r orders.ClaimRequest) ([]orders.Claimed, error)
	events func(all iter.Seq2[orders.Event, error]) iter.Seq2[orders.Event, error]
}

func (b *broken) Apply(ctx context.Context, c orders.Change) error {
	if b.apply == nil {
		return b.MemoryStore.Apply(ctx, c)
	}
	return b.apply(ctx, b.MemoryStore, c)
}

func (b *broken) Claim(ctx context.Context, r orders.ClaimRequest) ([]orders.Claimed, error) {
	if b.claim == nil {
		return b.MemoryStore.Claim(ctx, r)
	}
	return b.claim(ctx, b.MemoryStore, r)
}

func (b *broken) Events(ctx context.Context, after int64, q orders.EventQuery) iter.Seq2[orders.Event, error] {
	all := b.MemoryStore.Events(ctx, after, q)
	if b.events == nil || q != (orders.EventQuery{}) {
		return all
	}
	return b.events(all)
}

// lostUpdate writes over whatever is there, a moment after it was looked at.
func lostUpdate(ctx context.Context, s *orders.MemoryStore, c orders.Change) error {
	time.Sleep(100 * time.Microsecond)
	err := s.Apply(ctx, c)
	if conflict, ok := errors.AsType[*orders.ConflictError](err); ok && conflict.Kind == orders.ConflictCart && len(c.Carts) == 1 {
		c.Carts = slices.Clone(c.Carts)
		c.Carts[0].Version = conflict.Current + 1
		return lostUpdate(ctx, s, c)
	}
	return err
}

// stockLast moves the stock when the rest is written.
func stockLast(ctx context.Context, s *orders.MemoryStore, c orders.Change) error {
	moves := c.Stock
	c.Stock = nil
	if err := s.Apply(ctx, c); err != nil {
		return err
	}
	return s.Apply(ctx, orders.Change{At: c.At, Stock: moves})
}

// moveByMove makes each move by itself, and the rest at last.
func moveByMove(ctx context.Context, s *orders.MemoryStore, c orders.Change) error {
	for _, m := range c.Stock {
		if err := s.Apply(ctx, orders.Change{At: c.At, Stock: []stock.Move{m}}); err != nil {
			return err
		}
	}
	c.Stock = nil
	return s.Apply(ctx, c)
}

// keyTwice lets a key that is there pass.
func keyTwice(ctx context.Context, s *orders.MemoryStore, c orders.Change) error {
	err := s.Apply(ctx, c)
	if conflict, ok := errors.AsType[*orders.ConflictError](err); ok && conflict.Kind == orders.ConflictRequest {
		c.Record = nil
		return s.Apply(ctx, c)
	}
	return err
}

// numberFirst looks for the next number of an event, and takes it a moment later.
func numberFirst(ctx context.Context, s *orders.MemoryStore, c orders.Change) error {
	c.Events = slices.Clone(c.Events)
	for i, e := range c.Events {
		if e.Number != 0 {
			continue
		}
		for known, err := range s.Events(ctx, 0, orders.EventQuery{Aggregate: e.Aggregate}) {
			if err != nil {
				return err
			}
			c.Events[i].Number = known.Number
		}
		c.Events[i].Number++
	}
	time.Sleep(time.Millisecond)
	return s.Apply(ctx, c)
}

// unfenced gives every lease the same fence.
func unfenced(ctx context.Context, s *orders.MemoryStore, r orders.ClaimRequest) ([]orders.Claimed, error) {
	claimed, err := s.Claim(ctx, r)
	for i := range claimed {
		claimed[i].Fence = 1
	}
	return claimed, err
}

// impatient takes effects from others long before their lease ends.
func impatient(ctx context.Context, s *orders.MemoryStore, r orders.ClaimRequest) ([]orders.Claimed, error) {
	claimed, err := s.Claim(ctx, r)
	if len(claimed) == 0 && err == nil {
		r.At = r.At.Add(r.Lease)
		claimed, err = s.Claim(ctx, r)
	}
	return claimed, err
}

// forgetful does not remember that an earlier lease ended without a report.
func forgetful(ctx context.Context, s *orders.MemoryStore, r orders.ClaimRequest) ([]orders.Claimed, error) {
	claimed, err := s.Claim(ctx, r)
	for i := range claimed {
		claimed[i].Abandoned = false
	}
	return claimed, err
}

// lateEvents shows an event before the one that was numbered before it: as a sequence
// does whose numbers are taken in one order and committed in another.
func lateEvents(all iter.Seq2[orders.Event, error]) iter.Seq2[orders.Event, error] {
	return func(yield func(orders.Event, error) bool) {
		var list []orders.Event
		for e, err := range all {
			if err != nil {
				yield(e, err)
				return
			}
			list = append(list, e)
		}
		for i, e := range list {
			if late := i == len(list)-2 && e.Seq%5 == 0; !late && !yield(e, nil) {
				return
			}
		}
	}
}

// The suite fails each store that is broken on purpose.
func TestTheSuiteFailsBrokenStores(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		broken broken
		want   []string // cases that must fail; others may
	}{
		"nothing is broken": {},
		"lost update":       {broken{apply: lostUpdate}, []string{"versions", "concurrent changes"}},
		"half a change":     {broken{apply: stockLast}, []string{"all or nothing"}},
		"half the stock":    {broken{apply: moveByMove}, []string{"stock in order"}},
		"a key twice":       {broken{apply: keyTwice}, []string{"requests", "concurrent firsts"}},
		"a number twice":    {broken{apply: numberFirst}, []string{"unnumbered events"}},
		"no fence":          {broken{claim: unfenced}, []string{"claims"}},
		"no lease":          {broken{claim: impatient}, []string{"concurrent claims", "times"}},
		"no memory":         {broken{claim: forgetful}, []string{"claims", "times"}},
		"late events":       {broken{events: lateEvents}, []string{"concurrent events"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := orderstest.CheckStore(t.Context(), func() (orders.StockStore, error) {
				b := tt.broken
				b.MemoryStore = orders.NewMemoryStore()
				return &b, nil
			})
			mustFail(t, err, tt.want)
		})
	}
}

func mustFail(t *testing.T, err error, want []string) {
	t.Helper()
	for _, name := range want {
		if !failed(err, name) {
			t.Errorf("case %q passes; the violations are %v", name, err)
		}
	}
	if len(want) == 0 && err != nil {
		t.Error(err)
	}
}

func failed(err error, name string) bool {
	joined, ok := err.(interface{ Unwrap() []error })
	return ok && slices.ContainsFunc(joined.Unwrap(), func(err error) bool {
		v, ok := errors.AsType[*orderstest.ContractError](err)
		return ok && v.Case == name
	})
}

// A breaking store fails at a step: between the parts of a change, or before it.
type breaking struct {
	*orders.MemoryStore

	inParts bool

	mu    sync.Mutex
	steps int // until it fails; 0: it does not
}

var _ orderstest.StoreFaults = (*breaking)(nil)

var errBroken = errors.New("broken")

func (b *breaking) FailAt(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.steps = n
}

func (b *breaking) step() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.steps--; b.steps == 0 {
		return errBroken
	}
	return nil
}

func (b *breaking) Apply(ctx context.Context, c orders.Change) error {
	parts := []orders.Change{c}
	if b.inParts {
		last := c
		last.Carts, last.Checkout = nil, nil
		parts = []orders.Change{{At: c.At, Carts: c.Carts, Checkout: c.Checkout}, last}
	}
	for _, part := range parts {
		if err := b.step(); err != nil {
			return err
		}
		if err := b.MemoryStore.Apply(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func TestTheSuiteFindsChangesThatBreakHalfWay(t *testing.T) {
	t.Parallel()
	for _, inParts := range []bool{false, true} {
		err := orderstest.CheckStore(t.Context(), func() (orders.StockStore, error) {
			return &breaking{MemoryStore: orders.NewMemoryStore(), inParts: inParts}, nil
		})
		if got := failed(err, "faults"); got != inParts {
			t.Errorf("in parts %t: the violations are %v", inParts, err)
		}
	}
}

// A sharing store hands out what it was given.
type sharing struct {
	*orders.MemoryStore

	orders sync.Map
}

func (s *sharing) Apply(ctx context.Context, c orders.Change) error {
	err := s.MemoryStore.Apply(ctx, c)
	if err == nil && c.Order != nil {
		s.orders.Store(c.Order.ID, *c.Order)
	}
	return err
}

func (s *sharing) Order(ctx context.Context, id orders.OrderID) (orders.Order, error) {
	if o, ok := s.orders.Load(id); ok && ctx.Err() == nil {
		return o.(orders.Order), nil //nolint:errcheck,forcetypeassert // there are no others
	}
	return s.MemoryStore.Order(ctx, id)
}

func TestTheSuiteFindsSharedMemory(t *testing.T) {
	t.Parallel()
	err := orderstest.CheckStore(t.Context(), func() (orders.StockStore, error) {
		return &sharing{MemoryStore: orders.NewMemoryStore()}, nil
	})
	mustFail(t, err, []string{"ownership"})
}
