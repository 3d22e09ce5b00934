package contract

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// A model is the ledger once more, for one order after the other and nothing else: a
// map, and the table of states read aloud.
type model struct {
	orders       map[string]*modelOrder
	budget, uses [2]int64 // reserved, committed
}

type modelOrder struct {
	state    promotions.State
	cart     byte
	minor    int64
	limits   [2]int64 // budget, uses
	expires  time.Time
	back     map[string]int64
	reversed int64
}

// fits takes from an index of both sums, if the limits allow.
func (m *model) fits(o *modelOrder, minor, uses int64) bool {
	return m.budget[0]+m.budget[1]+minor <= o.limits[0] && m.uses[0]+m.uses[1]+uses <= o.limits[1]
}

func (m *model) reserve(key string, o Order, now time.Time) error {
	next := &modelOrder{promotions.Reserved, o.Cart, o.Minor, [2]int64{o.Budget, o.Uses}, now.Add(TTL), map[string]int64{}, 0}
	was := m.orders[key]
	switch {
	case was == nil || was.state == promotions.Released || was.state == promotions.Expired:
		if !m.fits(next, next.minor, 1) {
			return promotions.ErrLimit
		}
		m.budget[0] += next.minor
		m.uses[0]++
	case was.cart == o.Cart:
		if was.state == promotions.Reserved && !was.expires.After(now) {
			was.expires = now.Add(TTL)
		}
		return nil
	case was.state != promotions.Reserved:
		return promotions.ErrConflict
	default:
		if more := next.minor - was.minor; more > 0 && m.budget[0]+m.budget[1]+more > next.limits[0] {
			return promotions.ErrLimit
		}
		m.budget[0] += next.minor - was.minor
	}
	m.orders[key] = next
	return nil
}

func (m *model) commit(key string) error {
	o := m.orders[key]
	switch {
	case o == nil:
		return promotions.ErrNotFound
	case o.state == promotions.Committed:
		return nil
	case o.state == promotions.Expired && !m.fits(o, o.minor, 1):
		return promotions.ErrExpired
	case o.state == promotions.Reserved:
		m.budget[0] -= o.minor
		m.uses[0]--
	case o.state != promotions.Expired:
		return promotions.ErrState
	}
	o.state = promotions.Committed
	m.budget[1] += o.minor
	m.uses[1]++
	return nil
}

func (m *model) free(key string, state promotions.State) error {
	o := m.orders[key]
	switch {
	case o == nil:
		return promotions.ErrNotFound
	case o.state == promotions.Released || o.state == promotions.Expired:
		return nil
	case o.state != promotions.Reserved:
		return promotions.ErrState
	}
	o.state = state
	m.budget[0] -= o.minor
	m.uses[0]--
	return nil
}

func (m *model) sweep(now time.Time) {
	for key, o := range m.orders {
		if o.state == promotions.Reserved && !o.expires.After(now) {
			_ = m.free(key, promotions.Expired) // it is reserved
		}
	}
}

func (m *model) reverse(key, reversal string, minor int64) error {
	o := m.orders[key]
	switch {
	case o == nil:
		return promotions.ErrNotFound
	case o.state != promotions.Committed && o.state != promotions.Reversed:
		return promotions.ErrState
	}
	if before, known := o.back[reversal]; known {
		if minor == 0 || minor == before {
			return nil
		}
		return promotions.ErrConflict
	}
	if o.state == promotions.Reversed {
		return promotions.ErrState
	}
	if minor == 0 {
		minor = o.minor - o.reversed
	}
	if minor > o.minor-o.reversed {
		return promotions.ErrAmount
	}
	o.back[reversal] = minor
	o.reversed += minor
	m.budget[1] -= minor
	if o.reversed == o.minor {
		o.state = promotions.Reversed
		m.uses[1]--
	}
	return nil
}

// checkHistories drives a ledger and the model with the same random events.
//
// Invariant: promotions L1.
// Invariant: promotions L2.
// Invariant: promotions L5.
func checkHistories(ctx context.Context, s promotions.Store) error {
	for seed := range uint64(12) {
		if err := history(ctx, s, seed); err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return nil
}

func history(ctx context.Context, s promotions.Store, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // so that a failure repeats
	c, late := &clock{now: noon()}, 0
	l, err := c.ledger(s, &late)
	if err != nil {
		return err
	}
	m := &model{orders: make(map[string]*modelOrder)}
	o := Order{Promotion: fmt.Sprintf("h%d", seed), Code: fmt.Sprintf("H%d", seed)}
	for n := range 150 {
		key := fmt.Sprintf("h%d order %d", seed, r.IntN(6))
		o.Budget, o.Uses = 100+20*r.Int64N(3), 3+r.Int64N(2)
		what, got, want := randomEvent(ctx, r, l, c, m, o, key)
		if !errors.Is(got, want) || got != nil && want == nil {
			return fmt.Errorf("event %d, %s of %s: %v, want %v", n, what, key, got, want) //nolint:errorlint // for reading
		}
		if err := m.compare(ctx, s, o, key); err != nil {
			return fmt.Errorf("event %d, %s of %s: %w", n, what, key, err)
		}
	}
	c.advance(2 * TTL)
	_, err = l.Sweep(ctx, maxSteps)
	return err
}

// randomEvent lets something happen to both.
func randomEvent(ctx context.Context, r *rand.Rand, l *promotions.Ledger, c *clock, m *model, o Order, key string) (what string, got, want error) {
	switch r.IntN(9) {
	case 0, 1, 2:
		o.Cart = byte(1 + r.IntN(3)) //nolint:gosec // 1 to 3
		o.Minor = 20 * int64(o.Cart)
		_, got = l.Reserve(ctx, key, o.Result())
		return fmt.Sprintf("reserve %d of %d", o.Minor, o.Budget), got, m.reserve(key, o, c.now)
	case 3, 4:
		_, got = l.Commit(ctx, key)
		return "commit", got, m.commit(key)
	case 5:
		_, got = l.Release(ctx, key)
		return "release", got, m.free(key, promotions.Released)
	case 6:
		c.advance(TTL / 4)
		_, got = l.Sweep(ctx, maxSteps)
		m.sweep(c.now)
		return "sweep", got, nil
	default:
		reversal, minor := fmt.Sprintf("r%d", r.IntN(4)), 10*r.Int64N(4)
		x := promotions.Reversal{Key: reversal}
		if minor > 0 {
			x.Amounts = map[string]money.Amount{o.Promotion: money.New(minor, money.MustISO("EUR"))}
		}
		_, got = l.Reverse(ctx, key, x)
		return fmt.Sprintf("reverse %s %d", reversal, minor), got, m.reverse(key, reversal, minor)
	}
}

// compare checks an order's state and both sums.
func (m *model) compare(ctx context.Context, s promotions.Store, o Order, key string) error {
	e, err := s.Entry(ctx, key)
	if err != nil && !errors.Is(err, promotions.ErrNotFound) {
		return err
	}
	var want promotions.State
	if mine := m.orders[key]; mine != nil {
		want = mine.state
	}
	budget, err1 := sums(ctx, s, o.BudgetAccount())
	uses, err2 := sums(ctx, s, o.CodeAccount())
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if got := slices.Concat(budget[:], uses[:]); e.State != want || !slices.Equal(got, slices.Concat(m.budget[:], m.uses[:])) {
		return fmt.Errorf("it is %q with sums %v, want %q with %v and %v", e.State, got, want, m.budget, m.uses)
	}
	return nil
}
