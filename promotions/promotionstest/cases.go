package promotionstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// A ledgerCase is a script of a third party against a ledger.
type ledgerCase struct {
	TTL      int64             `json:"ttl_s"`
	Before   map[string]string // committed balances by account
	Rules    json.RawMessage
	Carts    map[string]json.RawMessage
	Steps    []ledgerStep
	Balances map[string]struct{ Reserved, Committed string }
}

type ledgerStep struct {
	Op, Order, Cart string
	Amounts         map[string]string
	Seconds         int64
	Want            struct {
		Error, Discount, Total string
		Rejected               map[string]string
	}
}

// LedgerCases runs the scripts of third parties in promotions/ledger.json, of the
// folder that TENON_TESTDATA names, on a store: newStore returns a new, empty one
// for each. Without that file it skips the test.
func LedgerCases(t *testing.T, newStore func(t *testing.T) promotions.Store) {
	t.Helper()
	ours := func(name string) bool { return name == "ledger.json" }
	casetest.RunIf(t, "promotions", ours, func(t *testing.T, c casetest.Case) bool {
		t.Helper()
		var script ledgerCase
		c.Decode(t, &script)
		if err := script.run(t.Context(), newStore(t)); err != nil {
			t.Error(err)
		}
		return true
	})
}

// A ledgerRun is a script under way.
type ledgerRun struct {
	*ledgerCase
	now      time.Time
	ledger   *promotions.Ledger
	snapshot *promotions.Snapshot
	carts    map[string]promotions.Cart
	currency money.Currency
}

// run runs a script on an empty store.
func (c *ledgerCase) run(ctx context.Context, store promotions.Store) error {
	r := &ledgerRun{ledgerCase: c, now: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC), carts: make(map[string]promotions.Cart)}
	set, err := promotions.Parse(strings.NewReader(string(c.Rules)))
	if err != nil {
		return err
	}
	if r.snapshot, err = promotions.Compile(set, promotions.CompileConfig{}); err != nil {
		return err
	}
	for name, raw := range c.Carts {
		cart, err := promotions.ParseCart(strings.NewReader(string(raw)))
		if err != nil {
			return fmt.Errorf("cart %s: %w", name, err)
		}
		r.carts[name], r.currency = cart, cart.Currency
	}
	cfg := promotions.Config{TTL: time.Duration(c.TTL) * time.Second, Now: func() time.Time { return r.now }}
	if r.ledger, err = promotions.New(store, cfg); err != nil {
		return err
	}
	if err := r.open(ctx, store); err != nil {
		return fmt.Errorf("opening balances: %w", err)
	}
	for i, step := range c.Steps {
		if err := r.step(ctx, fmt.Sprintf("step-%d", i), step); err != nil {
			return fmt.Errorf("step %d, %s %s: %w", i, step.Op, step.Order, err)
		}
	}
	return r.compare(ctx)
}

// open writes the opening balances.
func (r *ledgerRun) open(ctx context.Context, store promotions.Store) error {
	b := promotions.Batch{Key: "opening", Entry: promotions.Entry{State: promotions.Committed}}
	for _, id := range slices.Sorted(maps.Keys(r.Before)) {
		n, unit, err := r.balance(id, r.Before[id])
		if err != nil {
			return err
		}
		b.Entry.Debits = append(b.Entry.Debits, promotions.Debit{Account: id, Unit: unit, Amount: n, Limit: n})
		b.Moves = append(b.Moves, promotions.Move{Account: id, Unit: unit, Committed: n, Limit: -1})
	}
	if len(b.Moves) == 0 {
		return nil
	}
	_, err := store.Apply(ctx, b)
	return err
}

// balance reads a balance as accounts keep it.
func (r *ledgerRun) balance(account, text string) (n int64, unit string, err error) {
	if strings.HasSuffix(account, "/uses") {
		_, err = fmt.Sscan(text, &n)
		return n, promotions.UnitUses, err
	}
	a, err := money.Parse(text, r.currency)
	n, _ = a.Minor()
	return n, r.currency.String(), err
}

func (r *ledgerRun) step(ctx context.Context, name string, s ledgerStep) error {
	var receipt promotions.Receipt
	var err error
	switch s.Op {
	case "advance":
		r.now = r.now.Add(time.Duration(s.Seconds) * time.Second)
	case "sweep":
		_, err = r.ledger.Sweep(ctx, 1000)
	case "redeem":
		receipt, err = r.ledger.Redeem(ctx, s.Order, r.snapshot, r.carts[s.Cart], promotions.Options{WhyNot: promotions.All})
	case "commit":
		_, err = r.ledger.Commit(ctx, s.Order)
	case "release":
		_, err = r.ledger.Release(ctx, s.Order)
	case "reverse":
		reversal := promotions.Reversal{Key: name}
		for id, text := range s.Amounts {
			amount, bad := money.Parse(text, r.currency)
			if bad != nil {
				return bad
			}
			if reversal.Amounts == nil {
				reversal.Amounts = make(map[string]money.Amount)
			}
			reversal.Amounts[id] = amount
		}
		_, err = r.ledger.Reverse(ctx, s.Order, reversal)
	default:
		return errors.New("no such op")
	}
	if err := wantLedgerError(err, s.Want.Error); err != nil || s.Op != "redeem" || s.Want.Error != "" {
		return err
	}
	return wantRedeemed(receipt.Result, s)
}

func wantLedgerError(err error, name string) error {
	want, known := map[string]error{
		"": nil, "not_found": promotions.ErrNotFound, "state": promotions.ErrState, "conflict": promotions.ErrConflict,
		"expired": promotions.ErrExpired, "amount": promotions.ErrAmount,
	}[name]
	if !known || !errors.Is(err, want) {
		return fmt.Errorf("got %v, want %q", err, name) //nolint:errorlint // for reading
	}
	return nil
}

func wantRedeemed(result promotions.Result, s ledgerStep) error {
	if got := result.Discount.Text(); s.Want.Discount != "" && got != s.Want.Discount {
		return fmt.Errorf("discount %s, want %s", got, s.Want.Discount)
	}
	if got := result.Total.Text(); s.Want.Total != "" && got != s.Want.Total {
		return fmt.Errorf("total %s, want %s", got, s.Want.Total)
	}
	rejected := make(map[string]string)
	for _, x := range result.Rejected {
		rejected[x.Promotion] = string(x.Reason)
	}
	for id, want := range s.Want.Rejected {
		if rejected[id] != want {
			return fmt.Errorf("%s is rejected for %q, want %q", id, rejected[id], want)
		}
	}
	return nil
}

// compare checks the balances at the end.
func (r *ledgerRun) compare(ctx context.Context) error {
	for id, want := range r.Balances {
		list, err := r.ledger.Balances(ctx, []string{id})
		if err != nil {
			return err
		}
		reserved, _, err1 := r.balance(id, want.Reserved)
		committed, _, err2 := r.balance(id, want.Committed)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		if got := list[0]; got.Reserved != reserved || got.Committed != committed {
			return fmt.Errorf("%s has %d and %d, want %d and %d", id, got.Reserved, got.Committed, reserved, committed)
		}
	}
	return nil
}
