package simulate

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/explain"
)

// Config says how carts are evaluated.
type Config struct {
	// Limits lets budgets and uses run down in the order of the stream, for each set by
	// itself from its full limits. Without, nothing is limited.
	Limits bool
	// Options are for every evaluation. With Limits, Left must be nil.
	Options promotions.Options
}

// A Diff is what becomes of carts under a new set instead of an old one.
type Diff struct {
	// Carts is how many there were, FailedCarts how many of them are in no sum.
	Carts, FailedCarts int
	Sums               []Sum   // by currency
	Fired              []Fired // by promotion and currency
	// Largest are the carts whose discount changes most in minor units, at most 20, the
	// largest change first.
	Largest []Change
	// Failed are the first hundred carts that could not be read or evaluated.
	Failed []Failure
}

// A Sum is the carts of one currency.
type Sum struct {
	Currency                 money.Currency
	Carts, Changed           int // Changed: whose discount is another one
	Subtotal                 money.Amount
	OldDiscount, NewDiscount money.Amount
	OldTotal, NewTotal       money.Amount
}

// Fired is how often a promotion fired, and what it took.
type Fired struct {
	Promotion          string
	Currency           money.Currency
	OldTimes, NewTimes int
	OldTaken, NewTaken money.Amount
}

// A Change is a cart whose discount changes.
type Change struct {
	Cart     int // its place in the stream, from 0
	Old, New money.Amount
	// OldWhy and NewWhy are the texts of package explain.
	OldWhy, NewWhy string
}

// A Failure is a cart that is in no sum.
type Failure struct {
	Cart int // its place in the stream, from 0
	Err  error
}

// What a Diff keeps at most.
const (
	mostLargest = 20
	mostFailed  = 100
)

// Run evaluates each cart under both sets. A cart that one of them refuses, or that the
// stream has an error for, is a [Failure], and the stream goes on. Run itself fails with
// promotions.ErrInvalid for arguments that cannot be meant, before it reads a cart, and
// with promotions.ErrRange where no amount holds a sum.
func Run(before, after *promotions.Snapshot, carts iter.Seq2[promotions.Cart, error], cfg Config) (Diff, error) {
	if before == nil || after == nil || carts == nil {
		return Diff{}, fmt.Errorf("simulate: %w: a snapshot or the carts are nil", promotions.ErrInvalid)
	}
	if cfg.Limits && cfg.Options.Left != nil {
		return Diff{}, fmt.Errorf("simulate: %w: Options.Left and Limits", promotions.ErrInvalid)
	}
	r := run{
		old: newSide(before, cfg), new: newSide(after, cfg),
		sums: map[money.Currency]*sum{}, fired: map[firedKey]*fired{},
	}
	for cart, err := range carts {
		n := r.diff.Carts
		r.diff.Carts++
		if err == nil {
			err = r.add(n, cart)
		}
		if err != nil {
			r.fail(n, err)
		}
	}
	return r.finish(before, after)
}

// A side evaluates carts under one set.
type side struct {
	snapshot *promotions.Snapshot
	opt      promotions.Options
	used     accounts // nil: without limits
	ledger   *promotions.Ledger
}

func newSide(s *promotions.Snapshot, cfg Config) side {
	d := side{snapshot: s, opt: cfg.Options}
	if cfg.Limits {
		d.used = accounts{}
		// A cart without a time has none here too.
		d.ledger, _ = promotions.New(d.used, promotions.Config{Now: func() time.Time { return time.Time{} }}) // the config is legal
	}
	return d
}

func (d side) evaluate(c promotions.Cart) (promotions.Result, error) {
	if d.used == nil {
		return d.snapshot.Evaluate(c, d.opt)
	}
	return d.ledger.Preview(context.Background(), d.snapshot, c, d.opt)
}

// run is a simulation that is under way.
type run struct {
	old, new side
	diff     Diff
	sums     map[money.Currency]*sum
	fired    map[firedKey]*fired
	largest  []change
}

type sum struct {
	carts, changed                                       int
	subtotal, oldDiscount, newDiscount, oldTotal, newSum money.Sum
}

type firedKey struct {
	promotion string
	currency  money.Currency
}

type fired struct {
	oldTimes, newTimes int
	oldTaken, newTaken money.Sum
}

// A change keeps what is explained at the end, if it is still one of the largest.
type change struct {
	n        int
	size     int64
	cart     promotions.Cart
	old, new promotions.Result
}

func (r *run) add(n int, c promotions.Cart) error {
	was, err := r.old.evaluate(c)
	if err != nil {
		return fmt.Errorf("old set: %w", err)
	}
	is, err := r.new.evaluate(c)
	if err != nil {
		return fmt.Errorf("new set: %w", err)
	}
	r.old.used.take(was.Debits)
	r.new.used.take(is.Debits)
	s := r.sums[c.Currency]
	if s == nil {
		s = &sum{}
		r.sums[c.Currency] = s
	}
	s.carts++
	s.subtotal.Add(was.Subtotal)
	s.oldDiscount.Add(was.Discount)
	s.newDiscount.Add(is.Discount)
	s.oldTotal.Add(was.Total)
	s.newSum.Add(is.Total)
	for _, a := range was.Applied {
		f := r.firing(a.Promotion, c.Currency)
		f.oldTimes++
		f.oldTaken.Add(a.Amount)
	}
	for _, a := range is.Applied {
		f := r.firing(a.Promotion, c.Currency)
		f.newTimes++
		f.newTaken.Add(a.Amount)
	}
	if was.Discount != is.Discount {
		s.changed++
		r.keep(change{n: n, size: distance(was.Discount, is.Discount), cart: c, old: was, new: is})
	}
	return nil
}

// distance is that of two settled amounts, in minor units.
func distance(a, b money.Amount) int64 {
	x, _ := a.Minor()
	y, _ := b.Minor()
	return max(x-y, y-x)
}

func (r *run) firing(promotion string, c money.Currency) *fired {
	key := firedKey{promotion, c}
	f := r.fired[key]
	if f == nil {
		f = &fired{}
		zero := money.New(0, c)
		f.oldTaken.Add(zero)
		f.newTaken.Add(zero)
		r.fired[key] = f
	}
	return f
}

// keep keeps the largest changes, of equal ones the first in the stream.
func (r *run) keep(c change) {
	i, _ := slices.BinarySearchFunc(r.largest, c, func(a, b change) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.n, b.n))
	})
	if i < mostLargest {
		r.largest = slices.Insert(r.largest, i, c)
		r.largest = r.largest[:min(len(r.largest), mostLargest)]
	}
}

func (r *run) fail(n int, err error) {
	r.diff.FailedCarts++
	if len(r.diff.Failed) < mostFailed {
		r.diff.Failed = append(r.diff.Failed, Failure{n, err})
	}
}

func (r *run) finish(before, after *promotions.Snapshot) (Diff, error) {
	d := r.diff
	for _, c := range slices.SortedFunc(maps.Keys(r.sums), money.Currency.Compare) {
		s := r.sums[c]
		one := Sum{Currency: c, Carts: s.carts, Changed: s.changed}
		if err := amounts(into(&one.Subtotal, &s.subtotal), into(&one.OldDiscount, &s.oldDiscount),
			into(&one.NewDiscount, &s.newDiscount), into(&one.OldTotal, &s.oldTotal), into(&one.NewTotal, &s.newSum)); err != nil {
			return Diff{}, err
		}
		d.Sums = append(d.Sums, one)
	}
	keys := slices.SortedFunc(maps.Keys(r.fired), func(a, b firedKey) int {
		return cmp.Or(cmp.Compare(a.promotion, b.promotion), a.currency.Compare(b.currency))
	})
	for _, key := range keys {
		f := r.fired[key]
		one := Fired{Promotion: key.promotion, Currency: key.currency, OldTimes: f.oldTimes, NewTimes: f.newTimes}
		if err := amounts(into(&one.OldTaken, &f.oldTaken), into(&one.NewTaken, &f.newTaken)); err != nil {
			return Diff{}, err
		}
		d.Fired = append(d.Fired, one)
	}
	for _, c := range r.largest {
		one := Change{Cart: c.n, Old: c.old.Discount, New: c.new.Discount}
		var err error
		if one.OldWhy, err = why(before, c.cart, c.old); err != nil {
			return Diff{}, err
		}
		if one.NewWhy, err = why(after, c.cart, c.new); err != nil {
			return Diff{}, err
		}
		d.Largest = append(d.Largest, one)
	}
	return d, nil
}

func why(s *promotions.Snapshot, c promotions.Cart, r promotions.Result) (string, error) {
	var text bytes.Buffer
	if err := explain.Text(&text, s, c, r); err != nil {
		return "", fmt.Errorf("simulate: %w", err)
	}
	return text.String(), nil
}

// A pair is a sum and where its amount goes.
type pair struct {
	to   *money.Amount
	from *money.Sum
}

func into(to *money.Amount, from *money.Sum) pair { return pair{to, from} }

func amounts(pairs ...pair) error {
	for _, p := range pairs {
		a, err := p.from.Amount()
		if err != nil {
			return fmt.Errorf("simulate: %w: %w", promotions.ErrRange, err)
		}
		*p.to = a
	}
	return nil
}
