package sqlorders

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

// Apply implements [orders.Store]. It locks in the order in which it writes: request,
// carts, checkout, order, effects, and last holds and levels of stock.
func (s *Store) Apply(ctx context.Context, c orders.Change) error {
	err := s.apply(ctx, c)
	if err != nil {
		return fmt.Errorf("sqlorders: apply: %w", err)
	}
	return nil
}

func (s *Store) apply(ctx context.Context, c orders.Change) error {
	if len(c.Stock) > 0 {
		if err := stock.CheckMoves(c.At, c.Stock); err != nil {
			return err
		}
	}
	return inRounds(ctx, s.kit, func(ctx context.Context, tx sqlkit.DB, round int) error {
		w := writer{Store: s, tx: tx, c: c}
		for _, step := range []func(context.Context) error{
			w.request, w.carts, w.checkout, w.order, w.acks, w.effects, w.events, w.postings,
		} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		if len(c.Stock) == 0 {
			return nil
		}
		return s.stock.q.apply(ctx, tx, sqlkit.Micros(c.At), c.Stock, round)
	})
}

// A writer writes one change in one transaction.
type writer struct {
	*Store

	tx sqlkit.DB
	c  orders.Change

	firstEvent int64 // its seq, 0 without events
}

func (w *writer) request(ctx context.Context) error {
	r := w.c.Record
	if r == nil {
		return nil
	}
	at := sqlkit.Micros(w.c.At)
	// A few that were to be kept until now go for each that comes.
	if _, err := w.tx.ExecContext(ctx, w.q.forget, at); err != nil {
		return err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	n, err := changed(ctx, w.tx, w.q.addRequest, r.Scope, r.Key, sqlkit.Micros(r.KeepUntil), string(body), at)
	if err == nil && n == 0 {
		err = &orders.ConflictError{Kind: orders.ConflictRequest, ID: r.Key}
	}
	return err
}

func (w *writer) carts(ctx context.Context) error {
	carts := slices.SortedFunc(slices.Values(w.c.Carts), func(a, b orders.Cart) int { return cmp.Compare(a.ID, b.ID) })
	for _, c := range carts {
		s := state{orders.ConflictCart, string(c.ID), c.Version, c}
		if err := w.put(ctx, s, w.q.addCart, w.q.putCart, w.q.cartVersion); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) checkout(ctx context.Context) error {
	c := w.c.Checkout
	if c == nil {
		return nil
	}
	cart, live := string(c.Cart.ID), 0
	if c.State.Live() {
		live = 1
	}
	s := state{orders.ConflictCheckout, string(c.ID), c.Version, c}
	err := w.put(ctx, s, w.q.addCheckout, w.q.putCheckout, w.q.checkoutVersion, cart, live)
	conflict, ok := errors.AsType[*orders.ConflictError](err)
	switch {
	case w.kit.IsUnique(err):
		// It comes back to life, and another one has the cart. PostgreSQL answers nothing more.
		return &orders.ConflictError{Kind: orders.ConflictCart, ID: cart, Current: c.Cart.Version}
	case ok && conflict.Current == c.Version-1:
		// It is new, and was not added: another one has the cart.
		version, err := w.version(ctx, w.q.cartVersion, cart)
		return cmp.Or(err, error(&orders.ConflictError{Kind: orders.ConflictCart, ID: cart, Current: version}))
	default:
		return err
	}
}

func (w *writer) order(ctx context.Context) error {
	o := w.c.Order
	if o == nil {
		return nil
	}
	return w.put(ctx, state{orders.ConflictOrder, string(o.ID), o.Version, o}, w.q.addOrder, w.q.putOrder, w.q.orderVersion)
}

// A state is an aggregate that takes the place of its version before.
type state struct {
	kind    orders.ConflictKind
	id      string
	version int64
	value   any
}

func (w *writer) put(ctx context.Context, s state, add, replace, current string, columns ...any) error {
	body, err := json.Marshal(s.value)
	if err != nil {
		return err
	}
	query := replace
	if s.version == 1 {
		query = add
	}
	n, err := changed(ctx, w.tx, query, append([]any{s.id, s.version, string(body)}, columns...)...)
	if err != nil || n == 1 {
		return err
	}
	version, err := w.version(ctx, current, s.id)
	return cmp.Or(err, error(&orders.ConflictError{Kind: s.kind, ID: s.id, Current: version}))
}

// version returns a stored number, 0 for none.
func (w *writer) version(ctx context.Context, query, id string) (n int64, err error) {
	err = w.tx.QueryRowContext(ctx, query, id).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return n, err
}

// acks ends leases and rows. Rows are locked in ascending order of their keys.
func (w *writer) acks(ctx context.Context) error {
	acks := slices.SortedFunc(slices.Values(w.c.Acks), func(a, b orders.Ack) int { return cmp.Compare(a.Key, b.Key) })
	for _, ack := range acks {
		done := 1
		if slices.ContainsFunc(w.c.Effects, func(e orders.Effect) bool { return e.Key == ack.Key }) {
			done = 0
		}
		n, err := changed(ctx, w.tx, w.q.ack, done, ack.Key, ack.Fence)
		if err != nil {
			return err
		}
		if n == 0 {
			fence, err := w.version(ctx, w.q.fence, ack.Key)
			return cmp.Or(err, error(&orders.ConflictError{Kind: orders.ConflictEffect, ID: ack.Key, Current: fence}))
		}
	}
	for _, key := range slices.Sorted(slices.Values(w.c.Cancel)) {
		if _, err := w.tx.ExecContext(ctx, w.q.cancel, key); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) effects(ctx context.Context) error {
	effects := slices.SortedFunc(slices.Values(w.c.Effects), func(a, b orders.Effect) int { return cmp.Compare(a.Key, b.Key) })
	at := sqlkit.Micros(w.c.At)
	for _, e := range effects {
		body, err := json.Marshal(e)
		if err != nil {
			return err
		}
		due, lease := sqlkit.Micros(e.Due), 0
		if w.c.Worker != "" && due <= at {
			lease = 1
		}
		var until sql.NullInt64
		if lease == 1 {
			until = sql.NullInt64{Int64: sqlkit.Micros(w.c.LeaseUntil), Valid: true}
		}
		owner := cmp.Or(string(e.Checkout), string(e.Order))
		if _, err := w.tx.ExecContext(ctx, w.q.putEffect, e.Key, owner, due, lease, until, w.c.Worker, string(body), at); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) events(ctx context.Context) error {
	if len(w.c.Events) == 0 {
		return nil
	}
	next, last, err := w.numbers(ctx)
	if err != nil {
		return err
	}
	w.firstEvent = next
	for i, e := range w.c.Events {
		if want := last[e.Aggregate] + 1; e.Number == 0 {
			e.Number = want
		} else if e.Number != want {
			return conflictOf(e, last[e.Aggregate])
		}
		last[e.Aggregate] = e.Number
		e.Seq = 0
		body, err := json.Marshal(e)
		if err != nil {
			return err
		}
		_, err = w.tx.ExecContext(ctx, w.q.addEvent, next+int64(i), e.Aggregate, e.Number, e.Ref, string(body))
		if w.kit.IsUnique(err) {
			return conflictOf(e, e.Number)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func conflictOf(e orders.Event, current int64) error {
	kind, id, _ := strings.Cut(e.Aggregate, "/")
	return &orders.ConflictError{Kind: orders.ConflictKind(kind), ID: id, Current: current}
}

// numbers returns the seq of the next event, and the last number of each aggregate
// that has events in the change.
func (w *writer) numbers(ctx context.Context) (next int64, last map[string]int64, err error) {
	var names []any
	var unversioned []string
	for _, e := range w.c.Events {
		if slices.Contains(names, any(e.Aggregate)) {
			continue
		}
		names = append(names, e.Aggregate)
		if e.Number == 0 && w.kit.Dialect() == sqlkit.PostgreSQL {
			unversioned = append(unversioned, e.Aggregate)
		}
	}
	for _, name := range slices.Sorted(slices.Values(unversioned)) {
		if _, err := w.tx.ExecContext(ctx, w.q.lockHistory, name); err != nil {
			return 0, nil, err
		}
	}
	last = make(map[string]int64)
	_, err = sqlkit.All(ctx, w.tx, func(row sqlkit.Scanner) (struct{}, error) {
		var name string
		var n int64
		err := row.Scan(&name, &n)
		if name == "" {
			next = n
		} else {
			last[name] = n
		}
		return struct{}{}, err
	}, w.q.numbersOf(len(names)), names...)
	return next, last, err
}

func (w *writer) postings(ctx context.Context) error {
	t := w.c.Postings
	if t.Key == "" {
		return nil
	}
	t.Seq = 0
	body, err := json.Marshal(t)
	if err != nil {
		return err
	}
	args := []any{string(body)}
	if w.kit.Dialect() == sqlkit.PostgreSQL {
		args = append(args, w.firstEvent)
	}
	_, err = w.tx.ExecContext(ctx, w.q.addPosting, args...)
	return err
}
