package sqlorders

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/money/ledger"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

// A Store is an [orders.Store] in a database, with its stock in the same one. It is
// safe for concurrent use if its DB is a *sql.DB; with a *sql.Conn or *sql.Tx one call
// follows another. [ErrOutcomeUnknown] where a commit was not answered.
type Store struct {
	kit   *sqlkit.Kit
	q     queries
	stock *Stock
	inTx  bool
}

var _ interface {
	orders.StockStore
	orders.TransactionalStore
} = (*Store)(nil)

// New returns the store in db, a *sql.DB, *sql.Conn or *sql.Tx, or all that is wrong
// with its input. It does not touch the database: the tables come by Migrate.
func New(db DB, cfg Config) (*Store, error) {
	kit, err := sqlkit.New(db, sqlkit.Config{Engine: "orders", Dialect: cfg.Dialect, Prefix: cfg.Prefix})
	if err != nil {
		return nil, fmt.Errorf("sqlorders: new: %w", err)
	}
	_, inTx := db.(*sql.Tx)
	return &Store{kit: kit, q: newQueries(kit), stock: newStock(kit), inTx: inTx}, nil
}

// Migrate makes the tables, those of stock too, as [Stock.Migrate] does. In PostgreSQL it
// also sees whether the database came from another server, by a dump, and has the
// streams go on there: call it before anything is written to one that was restored.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.stock.Migrate(ctx); err != nil {
		return err
	}
	if s.kit.Dialect() != sqlkit.PostgreSQL {
		return nil
	}
	if err := s.catchUp(ctx); err != nil {
		return fmt.Errorf("sqlorders: migrate: streams: %w", err)
	}
	return nil
}

// catchUp puts the numbers of transactions above those that the streams have already.
func (s *Store) catchUp(ctx context.Context) error {
	var behind bool
	if err := s.kit.DB().QueryRowContext(ctx, s.q.outrun).Scan(&behind); err != nil || !behind {
		return err
	}
	return s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error {
		if _, err := tx.ExecContext(ctx, s.q.lockStreams); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, s.q.catchUp) // nothing, if another one did it meanwhile
		return err
	})
}

// Stock returns the stock that Apply moves.
func (s *Store) Stock() stock.Store { return s.stock }

// InTransaction reports whether the store is in a caller's transaction.
func (s *Store) InTransaction() bool { return s.inTx }

// Cart implements [orders.Store].
func (s *Store) Cart(ctx context.Context, id orders.CartID) (c orders.Cart, err error) {
	return c, s.read(ctx, "cart", s.q.cart, string(id), &c)
}

// Checkout implements [orders.Store].
func (s *Store) Checkout(ctx context.Context, id orders.CheckoutID) (c orders.Checkout, err error) {
	return c, s.read(ctx, "checkout", s.q.checkout, string(id), &c)
}

// Order implements [orders.Store].
func (s *Store) Order(ctx context.Context, id orders.OrderID) (o orders.Order, err error) {
	return o, s.read(ctx, "order", s.q.order, string(id), &o)
}

func (s *Store) read(ctx context.Context, what, query, id string, into any) error {
	if err := s.readBody(ctx, into, query, id); err != nil {
		return fmt.Errorf("sqlorders: %s %s: %w", what, id, err)
	}
	return nil
}

// readBody reads the JSON of one row.
func (s *Store) readBody(ctx context.Context, into any, query string, args ...any) error {
	var body string
	err := s.kit.DB().QueryRowContext(ctx, query, args...).Scan(&body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return orders.ErrNotFound
	case ctx.Err() != nil && err != nil:
		return errors.Join(err, context.Cause(ctx))
	case err != nil:
		return err
	}
	return json.Unmarshal([]byte(body), into)
}

// Replay implements [orders.Store].
func (s *Store) Replay(ctx context.Context, scope, key string) (r orders.Record, err error) {
	if err := s.readBody(ctx, &r, s.q.request, scope, key); err != nil {
		return orders.Record{}, fmt.Errorf("sqlorders: request %s of %s: %w", key, scope, err)
	}
	return r, nil
}

// page is how many rows of a stream are read at once.
const page = 200

// Events implements [orders.Store].
func (s *Store) Events(ctx context.Context, after int64, q orders.EventQuery) iter.Seq2[orders.Event, error] {
	query, args := s.q.eventsOf(q)
	return stream(ctx, s, "events", query, args, after, func(e *orders.Event) *int64 { return &e.Seq })
}

// Postings implements [orders.Store].
func (s *Store) Postings(ctx context.Context, after int64) iter.Seq2[ledger.Transaction, error] {
	return stream(ctx, s, "postings", s.q.postings, nil, after, func(t *ledger.Transaction) *int64 { return &t.Seq })
}

// stream yields the rows of a query in the order of their seq, page by page.
func stream[T any](ctx context.Context, s *Store, what, query string, args []any, after int64, seq func(*T) *int64) iter.Seq2[T, error] {
	scan := func(row sqlkit.Scanner) (v T, err error) {
		var n int64
		var body string
		if err := row.Scan(&n, &body); err != nil {
			return v, err
		}
		err = json.Unmarshal([]byte(body), &v)
		*seq(&v) = n
		return v, err
	}
	return sqlkit.Pages(page, func(last *T) ([]T, error) {
		from := after
		if last != nil {
			from = *seq(last)
		}
		rows, err := sqlkit.All(ctx, s.kit.DB(), scan, query, append([]any{from, page}, args...)...)
		if err != nil {
			return nil, fmt.Errorf("sqlorders: %s after %d: %w", what, from, err)
		}
		return rows, nil
	})
}

// Effects implements [orders.EffectLister].
func (s *Store) Effects(ctx context.Context, id orders.CheckoutID) ([]orders.Effect, error) {
	effects, err := sqlkit.All(ctx, s.kit.DB(), func(row sqlkit.Scanner) (e orders.Effect, err error) {
		var body string
		if err := row.Scan(&body); err != nil {
			return e, err
		}
		return e, json.Unmarshal([]byte(body), &e)
	}, s.q.owned, string(id))
	if err != nil {
		return nil, fmt.Errorf("sqlorders: effects of %s: %w", id, err)
	}
	return effects, nil
}

// Claim implements [orders.Store]. In PostgreSQL it passes over rows that others are
// about to claim.
func (s *Store) Claim(ctx context.Context, r orders.ClaimRequest) (claimed []orders.Claimed, err error) {
	err = s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error {
		claimed, err = s.claim(ctx, tx, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sqlorders: claim: %w", err)
	}
	return claimed, nil
}

func (s *Store) claim(ctx context.Context, tx sqlkit.DB, r orders.ClaimRequest) ([]orders.Claimed, error) {
	at, until := sqlkit.Micros(r.At), sqlkit.Micros(r.At.Add(r.Lease))
	query, args := s.q.due, []any{at, r.Limit}
	if r.Checkout != "" {
		query, args = s.q.dueOf, append(args, string(r.Checkout))
	}
	claimed, err := sqlkit.All(ctx, tx, func(row sqlkit.Scanner) (c orders.Claimed, err error) {
		var leased sql.NullInt64
		var body string
		if err := row.Scan(&c.Fence, &leased, &body); err != nil {
			return c, err
		}
		c.Fence++
		c.Until, c.Abandoned = sqlkit.FromMicros(until), leased.Valid
		return c, json.Unmarshal([]byte(body), &c.Effect)
	}, query, args...)
	if err != nil || len(claimed) == 0 {
		return nil, err
	}
	args = []any{until, r.Worker}
	for _, c := range claimed {
		args = append(args, c.Effect.Key)
	}
	_, err = tx.ExecContext(ctx, s.q.leaseMany(len(claimed)), args...)
	return claimed, err
}
