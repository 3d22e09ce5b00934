package contract

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// A row is a history of one order, and what its last event comes to. The order takes
// 60 with cart x and 30 with cart y, of 100; another takes 50.
type row struct {
	events  string
	err     error
	state   promotions.State // "" is no entry
	version int64
	budget  [2]int64 // reserved and committed of the order's promotion
	uses    [2]int64 // of the order's code
	late    int
}

// rows are the table of states, line by line.
func rows() []row {
	const (
		reserved, committed = promotions.Reserved, promotions.Committed
		released, expired   = promotions.Released, promotions.Expired
		reversed            = promotions.Reversed
	)
	held60, held30, paid60 := [2]int64{60, 0}, [2]int64{30, 0}, [2]int64{0, 60}
	one, once, none := [2]int64{1, 0}, [2]int64{0, 1}, [2]int64{}
	return []row{
		// Redeem or reserve.
		{"x", nil, reserved, 1, held60, one, 0},
		{"x release x", nil, reserved, 3, held60, one, 0},
		{"x release y", nil, reserved, 3, held30, one, 0},
		{"x late sweep x", nil, reserved, 3, held60, one, 0},
		{"x late sweep y", nil, reserved, 3, held30, one, 0},
		// The same fingerprint again.
		{"x x", nil, reserved, 1, held60, one, 0},
		{"x late x", nil, reserved, 2, held60, one, 0},
		{"x late x sweep", nil, reserved, 2, held60, one, 0},
		// Another fingerprint.
		{"x y", nil, reserved, 2, held30, one, 0},
		{"y x", nil, reserved, 2, held60, one, 0},
		{"other y x", promotions.ErrLimit, reserved, 1, [2]int64{80, 0}, [2]int64{2, 0}, 0},
		// Commit.
		{"x commit", nil, committed, 2, paid60, once, 0},
		{"x late commit", nil, committed, 2, paid60, once, 0},
		// Release and sweep.
		{"x release", nil, released, 2, none, none, 0},
		{"x sweep", nil, reserved, 1, held60, one, 0},
		{"x late sweep", nil, expired, 2, none, none, 0},
		{"x late sweep sweep", nil, expired, 2, none, none, 0},
		// Commit of what has expired.
		{"x late sweep commit", nil, committed, 3, paid60, once, 1},
		{"x late sweep other commit", promotions.ErrExpired, expired, 2, [2]int64{50, 0}, one, 0},
		// Reverse.
		{"x commit part", nil, committed, 3, [2]int64{0, 35}, once, 0},
		{"x commit part rest", nil, reversed, 4, none, none, 0},
		{"x commit all", nil, reversed, 3, none, none, 0},
		{"x commit part all", nil, reversed, 4, none, none, 0},
		{"x commit more", promotions.ErrAmount, committed, 2, paid60, once, 0},
		{"x commit part more", promotions.ErrAmount, committed, 3, [2]int64{0, 35}, once, 0},
		{"x commit stranger", promotions.ErrAmount, committed, 2, paid60, once, 0},
		{"x commit negative", promotions.ErrInvalid, committed, 2, paid60, once, 0},
		{"x commit dollars", promotions.ErrInvalid, committed, 2, paid60, once, 0},
		// Redeem after the commit.
		{"x commit x", nil, committed, 2, paid60, once, 0},
		{"x commit y", promotions.ErrConflict, committed, 2, paid60, once, 0},
		{"x commit all x", nil, reversed, 3, none, none, 0},
		{"x commit all y", promotions.ErrConflict, reversed, 3, none, none, 0},
		// A known reversal key.
		{"x commit part part", nil, committed, 3, [2]int64{0, 35}, once, 0},
		{"x commit part part-again", nil, committed, 3, [2]int64{0, 35}, once, 0},
		{"x commit part part-other", promotions.ErrConflict, committed, 3, [2]int64{0, 35}, once, 0},
		{"x commit all all", nil, reversed, 3, none, none, 0},
		{"x commit part all part", nil, reversed, 4, none, none, 0},
		// Repeats.
		{"x release release", nil, released, 2, none, none, 0},
		{"x late sweep release", nil, expired, 2, none, none, 0},
		{"x commit commit", nil, committed, 2, paid60, once, 0},
		// Everything else.
		{"x commit release", promotions.ErrState, committed, 2, paid60, once, 0},
		{"x commit all release", promotions.ErrState, reversed, 3, none, none, 0},
		{"x release commit", promotions.ErrState, released, 2, none, none, 0},
		{"x commit all commit", promotions.ErrState, reversed, 3, none, none, 0},
		{"x part", promotions.ErrState, reserved, 1, held60, one, 0},
		{"x release all", promotions.ErrState, released, 2, none, none, 0},
		{"x late sweep all", promotions.ErrState, expired, 2, none, none, 0},
		{"x commit all more", promotions.ErrState, reversed, 3, none, none, 0},
		{"commit", promotions.ErrNotFound, "", 0, none, none, 0},
		{"release", promotions.ErrNotFound, "", 0, none, none, 0},
		{"all", promotions.ErrNotFound, "", 0, none, none, 0},
		{"get", promotions.ErrNotFound, "", 0, none, none, 0},
	}
}

// checkStates runs the table.
//
// Invariant: promotions L3.
// Invariant: promotions L5.
// Invariant: promotions L6.
func checkStates(ctx context.Context, s promotions.Store) error {
	for i, r := range rows() {
		if err := r.check(ctx, s, i); err != nil {
			return fmt.Errorf("%s: %w", r.events, err)
		}
	}
	return nil
}

func (r row) check(ctx context.Context, s promotions.Store, i int) error {
	c, late := &clock{now: noon()}, 0
	l, err := c.ledger(s, &late)
	if err != nil {
		return err
	}
	x := Order{Cart: 'x', Minor: 60, Promotion: fmt.Sprintf("p%d", i), Code: fmt.Sprintf("C%d", i), Budget: 100, Uses: 2}
	key := fmt.Sprintf("order %d", i)
	events := strings.Fields(r.events)
	for n, event := range events {
		err = happen(ctx, l, c, x, key, event)
		if err != nil && n < len(events)-1 {
			return fmt.Errorf("%s: %w", event, err)
		}
	}
	if err := wantError("the last", err, r.err); err != nil {
		return err
	}
	e, err := s.Entry(ctx, key)
	if err != nil && !errors.Is(err, promotions.ErrNotFound) {
		return err
	}
	budget, err1 := sums(ctx, s, x.BudgetAccount())
	uses, err2 := sums(ctx, s, x.CodeAccount())
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if got := (row{r.events, r.err, e.State, e.Version, budget, uses, late}); got != r {
		return fmt.Errorf("%+v, want %+v", got, r)
	}
	_, err = l.Sweep(ctx, maxSteps) // nothing of this row is in the way of the next
	c.advance(TTL)
	_, err2 = l.Sweep(ctx, maxSteps)
	return errors.Join(err, err2)
}

// happen is one event.
func happen(ctx context.Context, l *promotions.Ledger, c *clock, o Order, key, event string) error {
	var err error
	reverse := func(reversal string, minor int64, promotion, currency string) {
		r := promotions.Reversal{Key: reversal}
		if minor != 0 {
			r.Amounts = map[string]money.Amount{promotion: money.New(minor, money.MustISO(currency))}
		}
		_, err = l.Reverse(ctx, key, r)
	}
	switch event {
	case "x":
		_, err = l.Reserve(ctx, key, o.Result())
	case "y":
		o.Cart, o.Minor = 'y', 30
		_, err = l.Reserve(ctx, key, o.Result())
	case "other":
		o.Minor = 50
		_, err = l.Reserve(ctx, key+" other", o.Result())
	case "late":
		c.advance(TTL)
	case "sweep":
		_, err = l.Sweep(ctx, maxSteps)
	case "get":
		_, err = l.Get(ctx, key)
	case "commit":
		_, err = l.Commit(ctx, key)
	case "release":
		_, err = l.Release(ctx, key)
	case "part":
		reverse("r1", 25, o.Promotion, "EUR")
	case "part-again":
		reverse("r1", 0, "", "")
	case "part-other":
		reverse("r1", 26, o.Promotion, "EUR")
	case "rest":
		reverse("r2", 35, o.Promotion, "EUR")
	case "more":
		reverse("r3", 61, o.Promotion, "EUR")
	case "stranger":
		reverse("r3", 1, "another", "EUR")
	case "negative":
		reverse("r3", -1, o.Promotion, "EUR")
	case "dollars":
		reverse("r3", 1, o.Promotion, "USD")
	case "all":
		reverse("r4", 0, "", "")
	default:
		err = fmt.Errorf("no event %q", event)
	}
	return err
}
