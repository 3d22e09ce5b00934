package sqlorders

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/orders/stock"
)

// A Stock is a [stock.Store] in a database, with both of its optional abilities. It
// is safe for concurrent use if its DB is a *sql.DB; with a *sql.Conn or *sql.Tx one
// call follows another. [ErrOutcomeUnknown] where a commit was not answered.
type Stock struct {
	kit *sqlkit.Kit
	q   stockQueries
}

var _ interface {
	stock.Store
	stock.Applier
	stock.Lister
} = (*Stock)(nil)

// NewStock returns the stock in db, a *sql.DB, *sql.Conn or *sql.Tx, or all that is
// wrong with its input. It does not touch the database: the tables come by Migrate.
func NewStock(db DB, cfg Config) (*Stock, error) {
	kit, err := sqlkit.New(db, sqlkit.Config{Engine: "orders", Dialect: cfg.Dialect, Prefix: cfg.Prefix})
	if err != nil {
		return nil, fmt.Errorf("sqlorders: new stock: %w", err)
	}
	return newStock(kit), nil
}

func newStock(kit *sqlkit.Kit) *Stock { return &Stock{kit: kit, q: newStockQueries(kit)} }

// Migrate makes the tables, or brings those of an older program up to date, in one
// transaction. Migrators wait for each other; who comes second has nothing to do.
// [ErrMigration] before any write when a migration that the database has behind it
// is not, or no longer, the one that this program knows.
func (s *Stock) Migrate(ctx context.Context) error {
	if err := s.kit.Migrate(ctx, migrations); err != nil {
		return fmt.Errorf("sqlorders: %w", err)
	}
	return nil
}

// Reserve implements [stock.Store].
func (s *Stock) Reserve(ctx context.Context, at time.Time, h stock.Hold) error {
	return s.one(ctx, at, stock.Move{Kind: stock.MoveReserve, Hold: h.ID, Lines: h.Lines, Until: h.Until})
}

// Extend implements [stock.Store].
func (s *Stock) Extend(ctx context.Context, at time.Time, id string, until time.Time) error {
	return s.one(ctx, at, stock.Move{Kind: stock.MoveExtend, Hold: id, Until: until})
}

// Release implements [stock.Store].
func (s *Stock) Release(ctx context.Context, at time.Time, id string) error {
	return s.one(ctx, at, stock.Move{Kind: stock.MoveRelease, Hold: id})
}

// Commit implements [stock.Store].
func (s *Stock) Commit(ctx context.Context, at time.Time, id string) error {
	return s.one(ctx, at, stock.Move{Kind: stock.MoveCommit, Hold: id})
}

func (s *Stock) one(ctx context.Context, at time.Time, m stock.Move) error {
	err := m.Check(at)
	if err == nil {
		err = s.apply(ctx, at, []stock.Move{m})
	}
	if err != nil {
		return fmt.Errorf("sqlorders: %w", err)
	}
	return nil
}

// Apply implements [stock.Applier].
func (s *Stock) Apply(ctx context.Context, at time.Time, moves []stock.Move) error {
	err := stock.CheckMoves(at, moves)
	if err == nil {
		err = s.apply(ctx, at, moves)
	}
	if err != nil {
		return fmt.Errorf("sqlorders: apply: %w", err)
	}
	return nil
}

func (s *Stock) apply(ctx context.Context, at time.Time, moves []stock.Move) error {
	return inRounds(ctx, s.kit, func(ctx context.Context, tx sqlkit.DB, round int) error {
		return s.q.apply(ctx, tx, sqlkit.Micros(at), moves, round)
	})
}

// inRounds runs fn in a transaction as kit.InTx does, for each round until it has
// not missed. What fn does beside moving stock comes before, in every round anew.
func inRounds(ctx context.Context, kit *sqlkit.Kit, fn func(ctx context.Context, tx sqlkit.DB, round int) error) (err error) {
	for round := range lastRound + 1 {
		err = kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error { return fn(ctx, tx, round) })
		if !errors.Is(err, errMiss) {
			break
		}
	}
	return err
}

// Expire implements [stock.Store]. It sweeps up to 100 holds in one transaction.
func (s *Stock) Expire(ctx context.Context, at time.Time, limit int) (n int, err error) {
	const most = 100
	if limit < 1 {
		err = &stock.InvalidError{Problems: []string{fmt.Sprintf("limit %d: want at least 1", limit)}}
	}
	for swept := most; err == nil && n < limit && swept == most; {
		if swept, err = s.expire(ctx, at, min(most, limit-n)); err == nil {
			n += swept
		}
	}
	if err != nil {
		return n, fmt.Errorf("sqlorders: expire: %w", err)
	}
	return n, nil
}

func (s *Stock) expire(ctx context.Context, at time.Time, limit int) (n int, err error) {
	err = s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error {
		parts, err := sqlkit.All(ctx, tx, scanPart, s.q.expire, sqlkit.Micros(at), limit)
		if err != nil {
			return err
		}
		holds, changes := map[string]struct{}{}, stockChanges{}
		for _, p := range parts {
			holds[p.hold] = struct{}{}
		}
		n = len(holds)
		changes.add(stockStep{reserved: -1}, parts)
		return changes.write(ctx, tx, &s.q)
	})
	return n, err
}

// Levels implements [stock.Store].
func (s *Stock) Levels(ctx context.Context, keys []stock.Key) ([]stock.Level, error) {
	err := stock.CheckKeys(keys)
	var levels []stock.Level
	if err == nil {
		levels, err = s.q.levels(ctx, s.kit.DB(), keys)
	}
	if err != nil {
		return nil, fmt.Errorf("sqlorders: levels: %w", err)
	}
	return levels, nil
}

// SetOnHand implements [stock.Store].
func (s *Stock) SetOnHand(ctx context.Context, key stock.Key, n int64) error {
	err := stock.CheckOnHand(key, n)
	if err == nil {
		err = s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error { return s.q.setOnHand(ctx, tx, key, n) })
	}
	if err != nil {
		return fmt.Errorf("sqlorders: set %v: %w", key, err)
	}
	return nil
}

// SetBuckets implements [stock.Store]. In SQLite, which has one writer, it has no
// effect.
func (s *Stock) SetBuckets(ctx context.Context, key stock.Key, n int) error {
	err := stock.CheckBuckets(key, n)
	if err == nil {
		err = s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error { return s.q.setBuckets(ctx, tx, key, n) })
	}
	if err != nil {
		return fmt.Errorf("sqlorders: set buckets of %v: %w", key, err)
	}
	return nil
}

// Holds implements [stock.Lister]. It reads pages of 200 holds.
func (s *Stock) Holds(ctx context.Context) iter.Seq2[stock.Hold, error] {
	const size = 200
	return sqlkit.Pages(size, func(last *stock.Hold) ([]stock.Hold, error) {
		after := ""
		if last != nil {
			after = last.ID
		}
		holds, err := s.holds(ctx, after, size)
		if err != nil {
			return nil, fmt.Errorf("sqlorders: holds after %q: %w", after, err)
		}
		return holds, nil
	})
}

func (s *Stock) holds(ctx context.Context, after string, limit int) (holds []stock.Hold, err error) {
	rows, err := sqlkit.All(ctx, s.kit.DB(), func(row sqlkit.Scanner) (stock.Hold, error) {
		var h stock.Hold
		var l stock.Line
		var until int64
		err := row.Scan(&h.ID, &l.SKU, &l.Location, &l.Quantity, &until)
		h.Lines, h.Until = []stock.Line{l}, sqlkit.FromMicros(until)
		return h, err
	}, s.q.liveHolds, after, limit)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if n := len(holds); n > 0 && holds[n-1].ID == r.ID {
			holds[n-1].Lines = append(holds[n-1].Lines, r.Lines...)
			continue
		}
		holds = append(holds, r)
	}
	for i := range holds {
		holds[i].Lines = stock.Sum(holds[i].Lines)
	}
	return holds, nil
}
