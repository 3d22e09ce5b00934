package sqlrecords

import (
	"context"
	"fmt"
	"iter"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/lineage"
)

// What one page holds at most; one record is a page however large it is.
const (
	pageRecords = 512
	pageBytes   = 8 << 20
)

// A size is how much a record takes.
type size struct {
	cursor lineage.Cursor
	bytes  int64
}

func scanSize(r sqlkit.Scanner) (size, error) {
	var x size
	err := r.Scan(&x.cursor, &x.bytes)
	return x, err
}

// fitting returns how many of the records fit on a page.
func fitting(list []size) int {
	total := int64(0)
	for i, x := range list {
		if total += x.bytes; i > 0 && total > pageBytes {
			return i
		}
	}
	return len(list)
}

// Record implements [lineage.Store].
func (s *Store) Record(ctx context.Context, id lineage.RecordID) (lineage.Record, error) {
	list, err := sqlkit.All(ctx, s.kit.DB(), scanRecord, s.q.record, id[:])
	if err == nil && len(list) == 0 {
		err = lineage.ErrNotFound
	}
	if err != nil {
		return lineage.Record{}, fail(ctx, err, "record %s", id)
	}
	return list[0], nil
}

// Records implements [lineage.Store].
func (s *Store) Records(ctx context.Context, after lineage.Cursor) iter.Seq2[lineage.Record, error] {
	return func(yield func(lineage.Record, error) bool) {
		var last lineage.Cursor
		if err := s.kit.DB().QueryRowContext(ctx, s.q.last).Scan(&last); err != nil {
			yield(lineage.Record{}, fail(ctx, err, "records after %d", after))
			return
		}
		for from := after; from < last; {
			list, to, err := s.page(ctx, from, last)
			if !yieldPage(ctx, list, err, yield) {
				return
			}
			from = to
		}
	}
}

// page returns the records of a page and up to which cursor it goes.
func (s *Store) page(ctx context.Context, after, last lineage.Cursor) ([]lineage.Record, lineage.Cursor, error) {
	sizes, err := sqlkit.All(ctx, s.kit.DB(), scanSize, s.q.sizes, int64(after), int64(last), pageRecords)
	if err != nil || len(sizes) == 0 {
		return nil, last, err
	}
	to := sizes[fitting(sizes)-1].cursor
	list, err := sqlkit.All(ctx, s.kit.DB(), scanRecord, s.q.page, int64(after), int64(to))
	return list, to, err
}

// yieldPage yields a page while its context lasts, and reports whether to go on.
func yieldPage(ctx context.Context, list []lineage.Record, err error, yield func(lineage.Record, error) bool) bool {
	for _, r := range list {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
			break
		}
		if !yield(r, nil) {
			return false
		}
	}
	if err != nil {
		yield(lineage.Record{}, fail(ctx, err, "read records"))
	}
	return err == nil
}

// Runs implements [lineage.Store].
func (s *Store) Runs(ctx context.Context, q lineage.RunQuery) iter.Seq2[lineage.Record, error] {
	return func(yield func(lineage.Record, error) bool) {
		for q, more := q, true; more; {
			var list []lineage.Record
			var err error
			list, more, err = s.runPage(ctx, &q)
			if !yieldPage(ctx, list, err, yield) {
				return
			}
		}
	}
}

// runPage returns a page of a query, whether there may be more, and leaves the query of
// what follows.
func (s *Store) runPage(ctx context.Context, q *lineage.RunQuery) ([]lineage.Record, bool, error) {
	limit := pageRecords
	if q.Limit > 0 {
		limit = min(limit, q.Limit)
	}
	query, args := s.q.runs(*q, limit)
	keys, err := sqlkit.All(ctx, s.kit.DB(), scanRunKey, query, args...)
	if err != nil || len(keys) == 0 {
		return nil, false, err
	}
	sizes := make([]size, len(keys))
	for i, k := range keys {
		sizes[i] = k.size
	}
	n := fitting(sizes)
	cursors := make([]any, n)
	for i, x := range sizes[:n] {
		cursors[i] = int64(x.cursor)
	}
	list, err := sqlkit.All(ctx, s.kit.DB(), scanRecord, s.q.records(n), cursors...)
	more := n < len(keys) || n == limit && n != q.Limit
	if q.Limit > 0 {
		q.Limit -= n
	}
	q.Before = keys[n-1].key
	return list, more, err
}

// A runKey is a place among the runs, and what is there.
type runKey struct {
	size
	key lineage.RunKey
}

func scanRunKey(r sqlkit.Scanner) (runKey, error) {
	var x runKey
	var at int64
	var id []byte
	if err := r.Scan(&x.cursor, &x.bytes, &at, &id); err != nil {
		return x, err
	}
	if len(id) != len(x.key.ID) {
		return x, fmt.Errorf("the record at cursor %d has an ID of %d bytes", x.cursor, len(id))
	}
	x.key = lineage.RunKey{Time: sqlkit.FromMicros(at), ID: lineage.RecordID(id)}
	return x, nil
}
