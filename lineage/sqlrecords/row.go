package sqlrecords

import (
	"crypto/sha256"
	"fmt"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/lineage"
)

// A row is a record as it is stored, its cursor apart.
type row struct {
	id                   []byte
	learnt, time         int64
	head, body, bodyHash []byte // body and bodyHash are nil for a tombstone
	raw                  any    // []byte or nil
	run, job             any    // likewise
}

func newRow(r *lineage.Record) row {
	x := row{id: r.ID[:], learnt: sqlkit.Micros(r.Learnt)}
	if t := r.Tombstone; t != nil {
		x.time, x.head = sqlkit.Micros(t.Time), append(append(make([]byte, 0, len(t.Hash)+len(t.Reason)), t.Hash[:]...), t.Reason...)
		return x
	}
	x.time = sqlkit.Micros(r.Event.Time)
	x.head, x.body = r.Event.Canonical()
	sum := sha256.Sum256(x.body)
	x.bodyHash = sum[:]
	if r.Event.Raw != nil {
		x.raw = r.Event.Raw
	}
	if r.Event.Run != nil {
		x.run = hashOf(r.Event.Run.ID)
		if r.Event.Job != nil {
			x.job = jobHash(r.Event.Job.Ref)
		}
	}
	return x
}

// args are the values of addRecords.
func (x *row) args(cursor lineage.Cursor) []any {
	size := len(x.head) + len(x.body)
	if raw, ok := x.raw.([]byte); ok {
		size += len(raw)
	}
	var body any
	if x.bodyHash != nil {
		body = x.bodyHash
	}
	return []any{int64(cursor), x.id, x.learnt, x.time, x.head, body, x.raw, size, x.run, x.job}
}

// scanRecord reads recordColumns.
func scanRecord(from sqlkit.Scanner) (lineage.Record, error) {
	var (
		r                         lineage.Record
		id, head, hash, body, raw []byte
		learnt, at                int64
	)
	if err := from.Scan(&r.Cursor, &id, &learnt, &at, &head, &hash, &body, &raw); err != nil {
		return r, err
	}
	if len(id) != len(r.ID) {
		return r, fmt.Errorf("the record at cursor %d has an ID of %d bytes", r.Cursor, len(id))
	}
	r.ID, r.Learnt = lineage.RecordID(id), sqlkit.FromMicros(learnt)
	if hash == nil {
		return r, readTombstone(&r, head, at)
	}
	if body == nil {
		return r, fmt.Errorf("record %s has lost its body: %w", r.ID, lineage.ErrInvalid)
	}
	e, err := lineage.ParseCanonical(head, body)
	if err != nil {
		return r, fmt.Errorf("record %s: %w", r.ID, err)
	}
	r.Event = e
	if raw != nil {
		r.Event.Raw = raw
	}
	return r, nil
}

// readTombstone reads what newRow made of a tombstone: its head is hash and reason.
func readTombstone(r *lineage.Record, head []byte, at int64) error {
	var t lineage.Tombstone
	if len(head) < len(t.Hash) {
		return fmt.Errorf("record %s is neither event nor tombstone: %w", r.ID, lineage.ErrInvalid)
	}
	t.Time, t.Reason = sqlkit.FromMicros(at), string(head[copy(t.Hash[:], head):])
	r.Tombstone = &t
	return nil
}
