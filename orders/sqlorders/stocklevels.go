package sqlorders

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/orders/stock"
)

// A stockRow names a row of levels.
type stockRow struct {
	stock.Key

	bucket int
}

func (r stockRow) compare(other stockRow) int {
	return cmp.Or(r.Compare(other.Key), cmp.Compare(r.bucket, other.bucket))
}

// A stockChange is what steps do to a row, together.
type stockChange struct {
	onHand, reserved int64
	need             int64 // left in the row before, or one of the steps finds too little
	written          bool
}

// stockChanges are those of a transaction.
type stockChanges map[stockRow]*stockChange

func (c stockChanges) add(s stockStep, parts []stockPart) {
	for _, p := range parts {
		one := c[p.row]
		if one == nil {
			one = &stockChange{}
			c[p.row] = one
		}
		one.onHand += s.onHand * p.quantity
		one.reserved += s.reserved * p.quantity
		one.need = max(one.need, one.reserved-one.onHand)
	}
}

// write updates the rows in ascending order. errMiss where one has too little.
func (c stockChanges) write(ctx context.Context, tx sqlkit.DB, q *stockQueries) error {
	for _, row := range slices.SortedFunc(maps.Keys(c), stockRow.compare) {
		one := c[row]
		n, err := one.update(ctx, tx, q, row)
		switch {
		case err != nil:
			return err
		case n == 0 && one.need > 0:
			return errMiss
		case n == 0 && one.onHand > 0: // stock of a key that was never set
			if _, err := tx.ExecContext(ctx, q.addKey, row.SKU, row.Location); err != nil {
				return err
			}
			n, err = one.update(ctx, tx, q, row)
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("no row for %v, bucket %d", row.Key, row.bucket)
		}
		one.written = true
	}
	return nil
}

func (c *stockChange) update(ctx context.Context, tx sqlkit.DB, q *stockQueries, row stockRow) (int64, error) {
	if c.onHand == 0 && c.reserved == 0 && c.need == 0 {
		return 1, nil
	}
	return changed(ctx, tx, q.update, c.onHand, c.reserved, row.SKU, row.Location, row.bucket, c.need)
}

// A stockBucket is a row of levels as it is.
type stockBucket struct {
	row              stockRow
	onHand, reserved int64
}

func (b *stockBucket) left() int64 { return b.onHand - b.reserved }

func scanBucket(row sqlkit.Scanner) (*stockBucket, error) {
	b := &stockBucket{}
	return b, row.Scan(&b.row.SKU, &b.row.Location, &b.row.bucket, &b.onHand, &b.reserved)
}

// changed runs a statement and returns how many rows it changed.
func changed(ctx context.Context, tx sqlkit.DB, query string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// lockBuckets locks and returns all rows of a key, none where it is unknown. Row 0
// comes first and alone: with it locked no rows come or go, which a statement that
// waited for it would not see.
func (q *stockQueries) lockBuckets(ctx context.Context, tx sqlkit.DB, k stock.Key) ([]*stockBucket, error) {
	scan := func(row sqlkit.Scanner) (n int, err error) { return n, row.Scan(&n) }
	if _, err := sqlkit.All(ctx, tx, scan, q.lockKey, k.SKU, k.Location); err != nil {
		return nil, err
	}
	return sqlkit.All(ctx, tx, scanBucket, q.readKey, k.SKU, k.Location)
}

// setOnHand spreads n units over the buckets of a key.
func (q *stockQueries) setOnHand(ctx context.Context, tx sqlkit.DB, k stock.Key, n int64) error {
	if _, err := tx.ExecContext(ctx, q.addKey, k.SKU, k.Location); err != nil {
		return err
	}
	buckets, err := q.lockBuckets(ctx, tx, k)
	if err != nil {
		return err
	}
	reserved := int64(0)
	for _, b := range buckets {
		reserved += b.reserved
	}
	if n < reserved {
		return fmt.Errorf("%d on hand, %d reserved: %w", n, reserved, stock.ErrReserved)
	}
	return q.spread(ctx, tx, buckets, len(buckets), n-reserved)
}

// setBuckets makes rows for n buckets. A row beyond that stays as long as holds are
// in it, with nothing left.
func (q *stockQueries) setBuckets(ctx context.Context, tx sqlkit.DB, k stock.Key, n int) error {
	buckets, err := q.lockBuckets(ctx, tx, k)
	if err != nil {
		return err
	}
	if len(buckets) == 0 {
		return stock.ErrNotFound
	}
	if q.kit.Dialect() == SQLite {
		return nil
	}
	left := int64(0)
	for _, b := range buckets {
		left += b.left()
	}
	for i := range n {
		if slices.ContainsFunc(buckets, func(b *stockBucket) bool { return b.row.bucket == i }) {
			continue
		}
		if _, err := tx.ExecContext(ctx, q.addBucket, k.SKU, k.Location, i, 0); err != nil {
			return err
		}
		buckets = append(buckets, &stockBucket{row: stockRow{Key: k, bucket: i}})
	}
	return q.spread(ctx, tx, buckets, n, left)
}

// spread leaves as much in each of the first n buckets, nothing in the others, and
// removes those of the others that are empty.
func (q *stockQueries) spread(ctx context.Context, tx sqlkit.DB, buckets []*stockBucket, n int, left int64) error {
	slices.SortFunc(buckets, func(a, b *stockBucket) int { return a.row.compare(b.row) })
	changes := stockChanges{}
	for i, b := range buckets {
		if i >= n && b.reserved == 0 {
			if _, err := tx.ExecContext(ctx, q.dropBucket, b.row.SKU, b.row.Location, b.row.bucket); err != nil {
				return err
			}
			continue
		}
		share := int64(0)
		if i < n {
			share = left / int64(n-i)
			left -= share
		}
		changes[b.row] = &stockChange{onHand: share - b.left()}
	}
	return changes.write(ctx, tx, q)
}

// levels returns the levels of keys, all as of one moment.
func (q *stockQueries) levels(ctx context.Context, db sqlkit.DB, keys []stock.Key) ([]stock.Level, error) {
	levels := make([]stock.Level, len(keys))
	if len(keys) == 0 {
		return levels, nil
	}
	query, args := q.ofKeys(levelsOfKeys, keys)
	rows, err := sqlkit.All(ctx, db, func(row sqlkit.Scanner) (l stock.Level, err error) {
		return l, row.Scan(&l.SKU, &l.Location, &l.OnHand, &l.Reserved)
	}, query, args...)
	if err != nil {
		return nil, err
	}
	known := make(map[stock.Key]stock.Level, len(rows))
	for _, l := range rows {
		known[l.Key] = l
	}
	for i, k := range keys {
		levels[i] = known[k]
		levels[i].Key = k
	}
	return levels, nil
}
