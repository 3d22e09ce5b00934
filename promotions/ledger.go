package promotions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/money"
)

// A Ledger redeems promotions within their limits: it reserves what an order
// takes, and commits it, gives it back or lets it expire. It keeps nothing but in
// its [Store], so that any number of ledgers may share one. It is safe for
// concurrent use and starts nothing: the host calls [Ledger.Sweep] now and then.
//
// Every call may be repeated with the same key, whatever became of it: who got an
// error of the store or of the context does not know whether the call took effect,
// and a repeat never debits twice.
type Ledger struct {
	store Store
	cfg   Config
}

// Config of a [Ledger].
type Config struct {
	// TTL is how long a reservation lives, 1 s to 30 days; 0 means 15 minutes. It must
	// exceed the time that a payment may take.
	TTL time.Duration
	// Tries is how often a call starts again that others were faster than, 1 to
	// 50; 0 means 5.
	Tries int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// OnLate is told of each commit of a reservation that had expired and been
	// swept, whose debits still fit; nil: nobody is. It is not told where the answer of
	// the store is lost.
	OnLate func(Entry)
}

// A Receipt is what a ledger has under a key.
type Receipt struct {
	Key     string
	State   State
	Result  Result
	Expires time.Time
	Version int64
}

// A Reversal gives back what an order took, by promotion.
type Reversal struct {
	// Key names the reversal within its entry, so that a repeat is harmless: 1 to 200
	// bytes.
	Key string
	// Amounts by promotion, not negative, of the order's currency. Nil is all that is
	// left; a map without an amount above 0 is nothing, and leaves no trace.
	Amounts map[string]money.Amount
}

// New returns a ledger on a store, or all that is wrong with its configuration.
func New(store Store, cfg Config) (*Ledger, error) {
	var errs []error
	if store == nil {
		errs = append(errs, fmt.Errorf("store: required: %w", ErrInvalid))
	}
	const minTTL, maxTTL, maxTries = time.Second, 30 * 24 * time.Hour, 50
	cfg.TTL, cfg.Tries = cmp.Or(cfg.TTL, 15*time.Minute), cmp.Or(cfg.Tries, 5)
	if cfg.TTL < minTTL || cfg.TTL > maxTTL {
		errs = append(errs, fmt.Errorf("TTL: %v is not %v to %v: %w", cfg.TTL, minTTL, maxTTL, ErrRange))
	}
	if cfg.Tries < 1 || cfg.Tries > maxTries {
		errs = append(errs, fmt.Errorf("tries: %d is not 1 to %d: %w", cfg.Tries, maxTries, ErrRange))
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	if cfg.OnLate == nil {
		cfg.OnLate = func(Entry) {}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("promotions: new ledger: %w", err)
	}
	return &Ledger{store: store, cfg: cfg}, nil
}

// Redeem evaluates a cart with what the limits have left, where what the key
// itself holds counts as free, and reserves what the result takes. A cart without
// a time gets the ledger's; Options.Left is the ledger's to set.
//
// The same cart again is the stored receipt, whatever set is current, renewed if
// it had expired. Another cart replaces the reservation in one step; after the
// commit it is [ErrConflict]. Others are [ErrInvalid] and [ErrRange] for the cart,
// key or options, [ErrBusy] where others were faster too often, and [ErrUnit]
// where an account counts in another unit than the set. All of them leave
// everything as it was.
func (l *Ledger) Redeem(ctx context.Context, key string, s *Snapshot, c Cart, opt Options) (Receipt, error) {
	receipt, err := l.redeem(ctx, key, s, c, opt)
	return wrap(receipt, "redeem", key, err)
}

func (l *Ledger) redeem(ctx context.Context, key string, s *Snapshot, c Cart, opt Options) (Receipt, error) {
	now := l.cfg.Now()
	if s == nil {
		return Receipt{}, fmt.Errorf("snapshot: required: %w", ErrInvalid)
	}
	if err := errors.Join(c.check(), opt.check()); err != nil {
		return Receipt{}, err
	}
	until := opt.Until
	switch {
	case until.IsZero():
		until = now.Add(l.cfg.TTL)
	case !until.After(now):
		return Receipt{}, fmt.Errorf("until: %v is not after %v: %w", until, now, ErrRange)
	}
	if c.At.IsZero() {
		c.At = now
	}
	fingerprint, _, err := c.fingerprint(nil)
	if err != nil {
		return Receipt{}, err
	}
	return l.take(ctx, key, taking{fingerprint, now, until, func(e Entry) (r Result, err error) {
		var held []Debit
		if e.State == Reserved {
			held = e.Debits
		}
		if opt.Left, err = l.left(ctx, s, &c, held); err != nil {
			return r, err
		}
		return s.Evaluate(c, opt)
	}}, ErrConflict, ErrLimit)
}

// Reserve reserves what this very result takes, by the states of [Ledger.Redeem]:
// the fingerprint of the result stands for the cart. A debit that does not fit is a
// *[LimitError]; then nothing is reserved, and what was reserved before stays so.
//
// The result must be one of [Snapshot.Evaluate]: what it says of amounts, accounts and
// limits is believed. Never take one from a client; give [Ledger.Redeem] its cart.
func (l *Ledger) Reserve(ctx context.Context, key string, r Result) (Receipt, error) {
	now := l.cfg.Now()
	receipt, err := l.take(ctx, key, taking{r.Fingerprint, now, now.Add(l.cfg.TTL), func(Entry) (Result, error) { return r, nil }}, ErrConflict)
	return wrap(receipt, "reserve", key, err)
}

// A taking is what is to be reserved.
type taking struct {
	fingerprint [32]byte
	now, until  time.Time
	// result is what is taken, over the entry that is there.
	result func(e Entry) (Result, error)
}

func (l *Ledger) take(ctx context.Context, key string, t taking, again ...error) (Receipt, error) {
	var fresh *Result // what was reserved now
	e, wrote, err := l.change(ctx, key, func(e Entry) (*Batch, error) {
		fresh = nil
		same := e.Fingerprint == t.fingerprint
		switch {
		case same && (e.State == Committed || e.State == Reversed):
			return nil, nil //nolint:nilnil // nothing to write
		case e.State == Committed || e.State == Reversed:
			return nil, fmt.Errorf("another cart is %s: %w", e.State, ErrConflict)
		case same && e.State == Reserved && e.Expires.After(t.now):
			return nil, nil //nolint:nilnil // nothing to write
		case same && e.State == Reserved:
			e.Expires = t.until
			return &Batch{Entry: e}, nil
		}
		r, err := t.result(e)
		if err != nil {
			return nil, err
		}
		fresh = &r
		return reservation(e, r, t)
	}, again...)
	if !wrote || fresh == nil {
		return receiptOf(e, err)
	}
	return Receipt{Key: e.Key, State: e.State, Result: *fresh, Expires: e.Expires, Version: e.Version}, nil
}

// reservation is the batch that reserves a result over the entry that is there.
func reservation(e Entry, r Result, t taking) (*Batch, error) {
	for i, d := range r.Debits {
		if d.Amount < 0 || d.Limit < 0 {
			return nil, fmt.Errorf("debits[%d]: %d of account %s, of at most %d, is below 0: %w", i, d.Amount, d.Account, d.Limit, ErrInvalid)
		}
	}
	data, err := r.MarshalJSON()
	if err != nil {
		return nil, err
	}
	b := &Batch{Entry: Entry{
		State: Reserved, Fingerprint: t.fingerprint, Debits: r.Debits, Result: data, Expires: t.until.UTC().Truncate(time.Microsecond),
	}}
	if e.State == Reserved {
		b.Moves = moves(e.Debits, -1, 0, false)
	}
	b.Moves = append(b.Moves, moves(r.Debits, 1, 0, true)...)
	return b, nil
}

// moves are debits times a sign for each sum, with or without their limits.
func moves(debits []Debit, reserved, committed int64, limits bool) []Move {
	list := make([]Move, len(debits))
	for i, d := range debits {
		list[i] = Move{Account: d.Account, Unit: d.Unit, Reserved: reserved * d.Amount, Committed: committed * d.Amount, Limit: -1}
		if limits {
			list[i].Limit = d.Limit
		}
	}
	return list
}

// Preview is the result that [Ledger.Redeem] would reserve under a new key. It
// reserves nothing.
func (l *Ledger) Preview(ctx context.Context, s *Snapshot, c Cart, opt Options) (Result, error) {
	r, err := l.preview(ctx, s, c, opt)
	if err != nil {
		return Result{}, fmt.Errorf("promotions: preview: %w", err)
	}
	return r, nil
}

func (l *Ledger) preview(ctx context.Context, s *Snapshot, c Cart, opt Options) (r Result, err error) {
	if s == nil {
		return r, fmt.Errorf("snapshot: required: %w", ErrInvalid)
	}
	if err := errors.Join(c.check(), opt.check()); err != nil {
		return r, err
	}
	if c.At.IsZero() {
		c.At = l.cfg.Now()
	}
	if opt.Left, err = l.left(ctx, s, &c, nil); err != nil {
		return r, err
	}
	return s.Evaluate(c, opt)
}

// left reads what the accounts of a cart's candidates have left, with what is held
// already.
func (l *Ledger) left(ctx context.Context, s *Snapshot, c *Cart, held []Debit) (map[string]Left, error) {
	bounds := s.bounds(c)
	if len(bounds) == 0 {
		return nil, nil //nolint:nilnil // absent is unlimited
	}
	ids := slices.Sorted(maps.Keys(bounds))
	accounts, err := l.store.Accounts(ctx, ids)
	if err != nil {
		return nil, err
	}
	mine := make(map[string]int64, len(held))
	for _, d := range held {
		mine[d.Account] += d.Amount
	}
	left := make(map[string]Left, len(ids))
	for _, a := range accounts {
		b := bounds[a.ID]
		rest := b.limit
		if a.Unit == b.unit() { // where it counts something else, the store will say so to who debits it
			rest = max(b.limit-a.Reserved-a.Committed+mine[a.ID], 0)
		}
		if b.currency.IsZero() {
			left[a.ID] = Left{Uses: rest}
		} else {
			left[a.ID] = Left{Amount: money.New(rest, b.currency)}
		}
	}
	return left, nil
}

// A bound is the limit of an account, of uses where it has no currency.
type bound struct {
	currency money.Currency
	limit    int64
}

func (b bound) unit() string {
	if b.currency.IsZero() {
		return UnitUses
	}
	return b.currency.String()
}

// Get returns the receipt under a key. [ErrNotFound].
func (l *Ledger) Get(ctx context.Context, key string) (Receipt, error) {
	e, err := l.store.Entry(ctx, key)
	receipt, err := receiptOf(e, err)
	return wrap(receipt, "get", key, err)
}

// Commit makes a reservation final. It never fails for a limit while the
// reservation is held, and it is held until it is released or swept, also past its
// expiry. Once it was swept, the debits must still fit: then Config.OnLate is told;
// else it is [ErrExpired]. What is committed stays so. [ErrNotFound]; [ErrState] of
// what was released or reversed.
func (l *Ledger) Commit(ctx context.Context, key string) (Receipt, error) {
	late := false
	e, wrote, err := l.change(ctx, key, func(e Entry) (*Batch, error) {
		late = e.State == Expired
		var b Batch
		switch e.State {
		case Committed:
			return nil, nil //nolint:nilnil // nothing to write
		case Reserved:
			b.Moves = moves(e.Debits, -1, 1, false)
		case Expired:
			b.Moves = moves(e.Debits, 0, 1, true)
		default:
			return nil, inState(e)
		}
		b.Entry = e
		b.Entry.State = Committed
		return &b, nil
	}, ErrConflict)
	if late && errors.Is(err, ErrLimit) {
		err = fmt.Errorf("%w: %w", ErrExpired, err)
	}
	if late && wrote {
		l.cfg.OnLate(e)
	}
	receipt, err := receiptOf(e, err)
	return wrap(receipt, "commit", key, err)
}

// Release gives back what is reserved. What was released or has expired stays so.
// [ErrNotFound]; [ErrState] after a commit.
func (l *Ledger) Release(ctx context.Context, key string) (Receipt, error) {
	e, _, err := l.change(ctx, key, func(e Entry) (*Batch, error) {
		switch e.State {
		case Released, Expired:
			return nil, nil //nolint:nilnil // nothing to write
		case Reserved:
			return freed(e, Released), nil
		default:
			return nil, inState(e)
		}
	}, ErrConflict)
	receipt, err := receiptOf(e, err)
	return wrap(receipt, "release", key, err)
}

// freed is the batch that gives back what an entry reserved.
func freed(e Entry, state State) *Batch {
	e.State = state
	return &Batch{Entry: e, Moves: moves(e.Debits, -1, 0, false)}
}

// inState is the error of a call that an entry's state does not allow.
func inState(e Entry) error {
	if e.Version == 0 {
		return ErrNotFound
	}
	return fmt.Errorf("it is %s: %w", e.State, ErrState)
}

// Sweep lets reservations expire whose time has come, the earliest first and at
// most so many, and returns how many it did. Any number of nodes may sweep; who
// commits at the same time wins or loses as a whole.
func (l *Ledger) Sweep(ctx context.Context, most int) (int, error) {
	n, err := l.sweep(ctx, most)
	if err != nil {
		return n, fmt.Errorf("promotions: sweep: %w", err)
	}
	return n, nil
}

func (l *Ledger) sweep(ctx context.Context, most int) (n int, err error) {
	if most < 1 {
		return 0, fmt.Errorf("%d at most: %w", most, ErrRange)
	}
	now := l.cfg.Now()
	keys, err := l.store.Due(ctx, now, most)
	if err != nil {
		return 0, err
	}
	for _, key := range keys {
		e, err := l.store.Entry(ctx, key)
		if err != nil {
			return n, err
		}
		if e.State != Reserved || e.Expires.After(now) {
			continue // somebody was faster
		}
		b := freed(e, Expired)
		b.Key, b.Version = key, e.Version
		switch _, err := l.store.Apply(ctx, *b); {
		case err == nil:
			n++
		case !errors.Is(err, ErrConflict):
			return n, err
		}
	}
	return n, nil
}

// Balances returns accounts in the order asked; one that was never debited is zero.
func (l *Ledger) Balances(ctx context.Context, ids []string) ([]Account, error) {
	accounts, err := l.store.Accounts(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("promotions: balances: %w", err)
	}
	return accounts, nil
}

// change writes what decide makes of the entry that is there (version 0: none), and
// starts again while the store's answer is one of these. It returns the entry as
// it is then, and whether it was written; decide returns nil for as it is.
func (l *Ledger) change(ctx context.Context, key string, decide func(Entry) (*Batch, error), again ...error) (e Entry, wrote bool, err error) {
	if err := checkKey("key", key, maxKey); err != nil {
		return Entry{}, false, err
	}
	var lost error
	for range l.cfg.Tries {
		e, err := l.store.Entry(ctx, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return Entry{}, false, err
		}
		b, err := decide(e)
		if err != nil || b == nil {
			return e, false, err
		}
		b.Key, b.Version = key, e.Version
		e, err = l.store.Apply(ctx, *b)
		if err == nil || !slices.ContainsFunc(again, func(target error) bool { return errors.Is(err, target) }) {
			return e, err == nil, err
		}
		lost = err
	}
	return Entry{}, false, fmt.Errorf("%w after %d tries: %v", ErrBusy, l.cfg.Tries, lost) //nolint:errorlint // ErrBusy alone is what the caller tests for
}

// receiptOf is the receipt of an entry.
func receiptOf(e Entry, err error) (Receipt, error) {
	if err != nil {
		return Receipt{}, err
	}
	r, err := resultOf(e)
	return Receipt{Key: e.Key, State: e.State, Result: r, Expires: e.Expires, Version: e.Version}, err
}

// resultOf is the result that an entry keeps; an opening balance has none.
func resultOf(e Entry) (r Result, err error) {
	if len(e.Result) > 0 {
		err = r.UnmarshalJSON(e.Result)
	}
	return r, err
}

func wrap(r Receipt, verb, key string, err error) (Receipt, error) {
	if err != nil {
		return Receipt{}, fmt.Errorf("promotions: %s %q: %w", verb, key, err)
	}
	return r, nil
}

// Reverse gives back a part of what a committed order took, or all that is left.
// When nothing is left of a promotion its use comes back as well, that of a code
// when nothing is left of all that it opened, unless the promotion keeps it. What a
// promotion took is read from the stored result, whether it had limits or not.
//
// The same reversal again is the receipt as it is, also without amounts; the same
// key with other amounts is [ErrConflict]. [ErrNotFound]; [ErrState] where nothing
// is committed; [ErrAmount] where more is asked than is left; [ErrInvalid] for
// amounts that are negative, unsettled or of another currency; [ErrRange] after 1,000
// reversals.
func (l *Ledger) Reverse(ctx context.Context, key string, r Reversal) (Receipt, error) {
	if err := checkKey("reversal", r.Key, maxKey); err != nil {
		return wrap(Receipt{}, "reverse", key, err)
	}
	e, _, err := l.change(ctx, key, func(e Entry) (*Batch, error) {
		if e.State != Committed && e.State != Reversed {
			return nil, inState(e)
		}
		if i := slices.IndexFunc(e.Reversals, func(known Reversal) bool { return known.Key == r.Key }); i >= 0 {
			if r.Amounts == nil || sameAmounts(r.Amounts, e.Reversals[i].Amounts) {
				return nil, nil //nolint:nilnil // nothing to write
			}
			return nil, fmt.Errorf("reversal %q had other amounts: %w", r.Key, ErrConflict)
		}
		if e.State == Reversed {
			return nil, inState(e)
		}
		return reverse(e, r)
	}, ErrConflict)
	receipt, err := receiptOf(e, err)
	return wrap(receipt, "reverse", key, err)
}

// sameAmounts compares amounts by value; 0 is the same as none.
func sameAmounts(a, b map[string]money.Amount) bool {
	covers := func(a, b map[string]money.Amount) bool {
		for id, x := range a {
			order, err := x.Cmp(b[id])
			if !x.IsZero() && (err != nil || order != 0) {
				return false
			}
		}
		return true
	}
	return covers(a, b) && covers(b, a)
}

// maxReversals is how often an entry can be reversed in part: each is kept with it.
const maxReversals = 1000

// reverse is the batch of a reversal of a committed entry.
func reverse(e Entry, r Reversal) (*Batch, error) {
	result, err := resultOf(e)
	if err != nil {
		return nil, err
	}
	t := newTotals(result, e.Reversals)
	before := make([]int64, len(e.Debits))
	for i, d := range e.Debits {
		before[i] = t.returned(d)
	}
	amounts, err := t.take(r.Amounts, result.Total.Currency())
	if err != nil {
		return nil, err
	}
	if r.Amounts != nil && len(amounts) == 0 {
		return nil, nil //nolint:nilnil // nothing to write
	}
	if len(e.Reversals) == maxReversals {
		return nil, fmt.Errorf("more than %d reversals: %w", maxReversals, ErrRange)
	}
	b := &Batch{Entry: e}
	b.Entry.Reversals = append(slices.Clone(e.Reversals), Reversal{Key: r.Key, Amounts: amounts})
	if t.reversed = t.nothingLeft(); t.reversed {
		b.Entry.State = Reversed
	}
	for i, d := range e.Debits {
		if back := t.returned(d) - before[i]; back != 0 {
			b.Moves = append(b.Moves, Move{Account: d.Account, Unit: d.Unit, Committed: -back, Limit: -1})
		}
	}
	return b, nil
}

// totals are what the promotions of an order took and gave back, in minor units.
type totals struct {
	taken, back map[string]int64
	code        map[string]string // by promotion
	reversed    bool              // the whole order is
}

func newTotals(r Result, reversals []Reversal) *totals {
	t := &totals{taken: make(map[string]int64), back: make(map[string]int64), code: make(map[string]string)}
	for _, a := range r.Applied {
		minor, _ := a.Amount.Minor()
		t.taken[a.Promotion] += minor
		t.code[a.Promotion] = a.Code
	}
	for _, reversal := range reversals {
		for id, amount := range reversal.Amounts {
			minor, _ := amount.Minor()
			t.back[id] += minor
		}
	}
	return t
}

// take gives back amounts, or all that is left, and returns what that was.
func (t *totals) take(asked map[string]money.Amount, c money.Currency) (map[string]money.Amount, error) {
	amounts := make(map[string]money.Amount)
	if asked == nil {
		for id, taken := range t.taken {
			if left := taken - t.back[id]; left > 0 {
				amounts[id] = money.New(left, c)
				t.back[id] = taken
			}
		}
		return amounts, nil
	}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(asked)) {
		amount := asked[id]
		minor, ok := amount.Minor()
		left := t.taken[id] - t.back[id]
		switch {
		case amount.Currency() != c && !amount.IsZero():
			errs = append(errs, fmt.Errorf("%s of %q, in an order of %s: %w: %w", amount, id, c, ErrInvalid, money.ErrCurrency))
		case !ok || minor < 0:
			errs = append(errs, fmt.Errorf("%s of %q is below 0 or no whole number of minor units: %w", amount, id, ErrInvalid))
		case minor > left:
			errs = append(errs, fmt.Errorf("%s of %q, of which %s is left: %w", amount, id, money.New(left, c), ErrAmount))
		case minor > 0:
			amounts[id] = amount
			t.back[id] += minor
		}
	}
	return amounts, errors.Join(errs...)
}

// nothingLeft reports whether all that was taken is given back.
func (t *totals) nothingLeft() bool {
	for id, taken := range t.taken {
		if t.back[id] < taken {
			return false
		}
	}
	return true
}

// over reports whether nothing is left of a promotion. One that took nothing goes
// with the whole order.
func (t *totals) over(id string) bool {
	return t.reversed || t.taken[id] > 0 && t.back[id] == t.taken[id]
}

// returned is how much of a debit is given back.
func (t *totals) returned(d Debit) int64 {
	over := t.over(d.Promotion)
	if strings.HasPrefix(d.Account, "code/") {
		for id, code := range t.code {
			over = over && (code != t.code[d.Promotion] || t.over(id))
		}
	}
	switch {
	case d.Keep:
		return 0
	case over:
		return d.Amount
	case d.Unit == UnitUses:
		return 0
	default:
		return min(t.back[d.Promotion], d.Amount)
	}
}
