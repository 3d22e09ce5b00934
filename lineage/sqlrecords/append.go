package sqlrecords

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/lineage"
)

// errNothing ends a transaction that has nothing to write.
var errNothing = errors.New("nothing to write")

// Append implements [lineage.Store]. It is one transaction, in which other writers wait.
func (s *Store) Append(ctx context.Context, batch []lineage.Record) ([]lineage.Receipt, error) {
	if ctx.Err() != nil || len(batch) == 0 {
		return nil, fail(ctx, context.Cause(ctx), "append")
	}
	rows := make([]row, len(batch))
	for i := range batch {
		rows[i] = newRow(&batch[i])
	}
	var receipts []lineage.Receipt
	err := s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) (err error) {
		receipts, err = s.appendIn(ctx, tx, rows)
		return err
	})
	if err != nil && !errors.Is(err, errNothing) {
		return nil, fail(ctx, err, "append %d records", len(batch))
	}
	return receipts, nil
}

// appendIn writes rows under the counter's lock.
func (s *Store) appendIn(ctx context.Context, tx sqlkit.DB, rows []row) ([]lineage.Receipt, error) {
	last, err := s.lock(ctx, tx)
	if err != nil {
		return nil, err
	}
	cursors, err := s.known(ctx, tx, rows)
	if err != nil {
		return nil, err
	}
	receipts := make([]lineage.Receipt, len(rows))
	var added []row
	for i, x := range rows {
		id := lineage.RecordID(x.id)
		cursor, known := cursors[id]
		if !known {
			added = append(added, x)
			cursor = last + lineage.Cursor(len(added))
			cursors[id] = cursor
		}
		receipts[i] = lineage.Receipt{ID: id, Cursor: cursor, Duplicate: known}
	}
	if len(added) == 0 {
		return receipts, errNothing
	}
	if err := s.write(ctx, tx, added, last); err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, s.q.count, int64(last)+int64(len(added)))
	return receipts, err
}

// lock makes other writers wait until the transaction ends, and returns the last cursor.
func (s *Store) lock(ctx context.Context, tx sqlkit.DB) (lineage.Cursor, error) {
	var last lineage.Cursor
	err := tx.QueryRowContext(ctx, s.q.lock).Scan(&last)
	return last, err
}

// known returns the cursors of the rows that are there.
func (s *Store) known(ctx context.Context, tx sqlkit.DB, rows []row) (map[lineage.RecordID]lineage.Cursor, error) {
	cursors := make(map[lineage.RecordID]lineage.Cursor, len(rows))
	for page := range slices.Chunk(rows, sqlkit.MaxArgs) {
		args := make([]any, len(page))
		for i := range page {
			args[i] = page[i].id
		}
		known, err := sqlkit.All(ctx, tx, scanReceipt, s.q.known(len(args)), args...)
		if err != nil {
			return nil, err
		}
		for _, r := range known {
			cursors[r.ID] = r.Cursor
		}
	}
	return cursors, nil
}

func scanReceipt(from sqlkit.Scanner) (lineage.Receipt, error) {
	var id []byte
	var r lineage.Receipt
	err := from.Scan(&id, &r.Cursor)
	if copy(r.ID[:], id) != len(r.ID) && err == nil {
		err = fmt.Errorf("an ID of %d bytes", len(id))
	}
	return r, err
}

// write writes rows with the cursors that follow the last one, and their bodies first.
func (s *Store) write(ctx context.Context, tx sqlkit.DB, rows []row, last lineage.Cursor) error {
	var bodies, records []any
	seen := map[[32]byte]bool{}
	for i := range rows {
		if x := &rows[i]; x.bodyHash != nil && !seen[[32]byte(x.bodyHash)] {
			seen[[32]byte(x.bodyHash)] = true
			bodies = append(bodies, x.bodyHash, x.body)
		}
		last++
		records = append(records, rows[i].args(last)...)
	}
	if err := exec(ctx, tx, bodies, 2, s.q.addBodies); err != nil {
		return err
	}
	return exec(ctx, tx, records, recordFields, s.q.addRecords)
}

// exec runs a statement on as many arguments at a time as it can have.
func exec(ctx context.Context, tx sqlkit.DB, args []any, width int, query func(n int) string) error {
	for page := range slices.Chunk(args, sqlkit.MaxArgs/width*width) {
		if _, err := tx.ExecContext(ctx, query(len(page)/width), page...); err != nil {
			return err
		}
	}
	return nil
}

// Prune implements [lineage.Store]. It is one transaction, in which other writers wait.
func (s *Store) Prune(ctx context.Context, part lineage.Part, ids []lineage.RecordID) error {
	if ctx.Err() != nil || len(ids) == 0 {
		return fail(ctx, context.Cause(ctx), "prune")
	}
	args := make([]any, len(ids))
	for i := range ids {
		args[i] = ids[i][:]
	}
	err := s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error {
		if _, err := s.lock(ctx, tx); err != nil {
			return err
		}
		if part == lineage.PartRaw {
			return exec(ctx, tx, args, 1, s.q.dropRaw)
		}
		return s.remove(ctx, tx, args)
	})
	return fail(ctx, err, "prune %d records", len(ids))
}

// remove deletes records, and bodies with their last record.
func (s *Store) remove(ctx context.Context, tx sqlkit.DB, ids []any) error {
	var bodies []any
	for page := range slices.Chunk(ids, sqlkit.MaxArgs) {
		some, err := sqlkit.All(ctx, tx, scanBytes, s.q.bodiesOf(len(page)), page...)
		if err != nil {
			return err
		}
		bodies = append(bodies, some...)
	}
	if err := exec(ctx, tx, ids, 1, s.q.dropRecords); err != nil {
		return err
	}
	return exec(ctx, tx, bodies, 1, s.q.dropUnused)
}

func scanBytes(r sqlkit.Scanner) (any, error) {
	var b []byte
	err := r.Scan(&b)
	return b, err
}
