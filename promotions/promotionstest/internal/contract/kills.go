package contract

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/tenon-go/tenon/promotions"
)

var errKilled = errors.New("killed")

// A dying store stops its process at one of its calls: before the call happened, or
// after it happened and before its answer.
type dying struct {
	promotions.Store
	at    int // the call; 0: none
	after bool
	calls int
}

// die runs a call, unless it has come to its end.
func die[T any](d *dying, call func() (T, error)) (T, error) {
	var none T
	d.calls++
	switch {
	case d.at == 0 || d.calls < d.at:
		return call()
	case d.calls == d.at && d.after:
		if v, err := call(); err != nil {
			return v, err // it was not the end that it was to be
		}
	}
	return none, errKilled
}

func (d *dying) Accounts(ctx context.Context, ids []string) ([]promotions.Account, error) {
	return die(d, func() ([]promotions.Account, error) { return d.Store.Accounts(ctx, ids) })
}

func (d *dying) Entry(ctx context.Context, key string) (promotions.Entry, error) {
	return die(d, func() (promotions.Entry, error) { return d.Store.Entry(ctx, key) })
}

func (d *dying) Apply(ctx context.Context, b promotions.Batch) (promotions.Entry, error) {
	return die(d, func() (promotions.Entry, error) { return d.Store.Apply(ctx, b) })
}

func (d *dying) Due(ctx context.Context, before time.Time, most int) ([]string, error) {
	return die(d, func() ([]string, error) { return d.Store.Due(ctx, before, most) })
}

func (d *dying) Entries(ctx context.Context, after string) iter.Seq2[promotions.Entry, error] {
	return d.Store.Entries(ctx, after)
}

// checkKills goes through every call of every history, dies there, and starts again.
//
// Invariant: promotions L2.
// Invariant: promotions L4.
func checkKills(ctx context.Context, s promotions.Store) error {
	run := 0
	for _, events := range []string{
		"x", "x y", "x commit", "x release x", "x late x", "x late sweep", "x late sweep commit",
		"x commit part", "x commit part rest", "x commit all", "x late sweep y commit part all",
	} {
		for at := 1; ; at++ {
			over := false
			for _, after := range []bool{false, true} {
				run++
				k := kill{events: strings.Fields(events), key: fmt.Sprintf("order %d", run), dying: &dying{Store: s, at: at, after: after}}
				k.order = Order{Cart: 'x', Minor: 60, Promotion: fmt.Sprintf("p%d", run), Code: fmt.Sprintf("C%d", run), Budget: 100, Uses: 2}
				if err := k.check(ctx, s); err != nil {
					return fmt.Errorf("%s, killed at call %d (after it: %t): %w", events, at, after, err)
				}
				over = k.dying.calls < at
			}
			if over {
				break
			}
		}
	}
	return nil
}

// A kill is a history whose process dies on the way.
type kill struct {
	events []string
	key    string
	order  Order
	dying  *dying
}

func (k *kill) check(ctx context.Context, s promotions.Store) error {
	c, late := &clock{now: noon()}, 0
	l, err := c.ledger(k.dying, &late)
	if err != nil {
		return err
	}
	for _, event := range k.events {
		err := happen(ctx, l, c, k.order, k.key, event)
		if errors.Is(err, errKilled) {
			if err := k.balanced(ctx, s); err != nil {
				return err
			}
			if l, err = c.ledger(s, &late); err != nil { // the process that starts again
				return err
			}
			err = happen(ctx, l, c, k.order, k.key, event)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", event, err)
		}
		if err := k.balanced(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", event, err)
		}
	}
	return k.compare(ctx, s, c)
}

// balanced checks that the order's accounts have what its entry says.
func (k *kill) balanced(ctx context.Context, s promotions.Store) error {
	e, err := s.Entry(ctx, k.key)
	if err != nil && !errors.Is(err, promotions.ErrNotFound) {
		return err
	}
	accounts, err := s.Accounts(ctx, []string{k.order.CodeAccount(), k.order.BudgetAccount()})
	if err != nil {
		return err
	}
	return Balanced(accounts, func(yield func(promotions.Entry) bool) { yield(e) })
}

// compare checks that all is as if nobody had died, and that what is reserved comes
// back by itself.
func (k *kill) compare(ctx context.Context, s promotions.Store, c *clock) error {
	quiet, late := &clock{now: noon()}, 0
	twin := k.order
	twin.Promotion, twin.Code = twin.Promotion+"-twin", twin.Code+"-TWIN"
	l, err := quiet.ledger(s, &late)
	if err != nil {
		return err
	}
	for _, event := range k.events {
		if err := happen(ctx, l, quiet, twin, k.key+" twin", event); err != nil {
			return fmt.Errorf("undisturbed, %s: %w", event, err)
		}
	}
	mine, err1 := s.Entry(ctx, k.key)
	other, err2 := s.Entry(ctx, k.key+" twin")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if mine.State != other.State || mine.Version != other.Version || len(mine.Reversals) != len(other.Reversals) {
		return fmt.Errorf("it is %s version %d, undisturbed %s version %d", mine.State, mine.Version, other.State, other.Version)
	}
	if l, err = c.ledger(s, &late); err != nil {
		return err
	}
	c.advance(2 * TTL)
	if _, err := l.Sweep(ctx, maxSteps); err != nil {
		return err
	}
	if got, err := sums(ctx, s, k.order.BudgetAccount()); err != nil || got[0] != 0 {
		return fmt.Errorf("after a sweep %d are still reserved, %w", got[0], err)
	}
	return k.balanced(ctx, s)
}
