package sqlrecords

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/lineage"
)

// partBytes is how much of a checkpoint a row holds.
const partBytes = 1 << 20

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli) //nolint:gochecknoglobals // an immutable table

// A saved is the row of a checkpoint.
type saved struct {
	lineage.Checkpoint
	upload, parts int64
}

// stored returns the checkpoint that is there, zero for none.
func (s *Store) stored(ctx context.Context, db sqlkit.DB) (saved, error) {
	var c saved
	var fingerprint []byte
	err := db.QueryRowContext(ctx, s.q.checkpoint).Scan(&c.Version, &c.Cursor, &fingerprint, &c.upload, &c.parts)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	c.Fingerprint = string(fingerprint)
	return c, err
}

// SaveCheckpoint implements [lineage.Store]. Each mebibyte is a transaction of its own.
func (s *Store) SaveCheckpoint(ctx context.Context, c lineage.Checkpoint, data io.Reader) error {
	old, err := s.stored(ctx, s.kit.DB())
	if err == nil {
		err = follows(c, old)
	}
	if err == nil {
		err = s.save(ctx, c, data)
	}
	return fail(ctx, err, "save checkpoint %d", c.Version)
}

// follows is ErrConflict unless a checkpoint is the next.
func follows(c lineage.Checkpoint, old saved) error {
	if c.Version != old.Version+1 {
		return fmt.Errorf("version %d is there: %w", old.Version, lineage.ErrConflict)
	}
	return nil
}

func (s *Store) save(ctx context.Context, c lineage.Checkpoint, data io.Reader) error {
	next := saved{Checkpoint: c}
	if err := s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error {
		return tx.QueryRowContext(ctx, s.q.upload).Scan(&next.upload)
	}); err != nil {
		return err
	}
	part := make([]byte, partBytes)
	for more := true; more; {
		n, err := io.ReadFull(data, part)
		more = err == nil
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if n == 0 {
			break
		}
		if err := s.savePart(ctx, next, part[:n]); err != nil {
			return err
		}
		next.parts++
	}
	return s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error { return s.finish(ctx, tx, next) })
}

func (s *Store) savePart(ctx context.Context, c saved, data []byte) error {
	return s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error {
		_, err := tx.ExecContext(ctx, s.q.addPart, c.upload, c.parts, int64(crc32.Checksum(data, castagnoli)), data)
		return err
	})
}

// finish makes a checkpoint the one that is there. The one before keeps its parts for
// those who read it; what else is there was left by savers that failed or lost.
func (s *Store) finish(ctx context.Context, tx sqlkit.DB, c saved) error {
	if _, err := s.lock(ctx, tx); err != nil {
		return err
	}
	old, err := s.stored(ctx, tx)
	if err != nil {
		return err
	}
	if err := follows(c.Checkpoint, old); err != nil {
		return err
	}
	query := s.q.checkpointed
	if old.Version == 0 {
		query = s.q.firstCheckpoint
	}
	if _, err := tx.ExecContext(ctx, query, c.Version, int64(c.Cursor), []byte(c.Fingerprint), c.upload, c.parts); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, s.q.dropParts, c.upload, old.upload)
	return err
}

// Checkpoint implements [lineage.Store]. The data is read part by part; it can be read to
// its end unless two newer checkpoints come meanwhile.
func (s *Store) Checkpoint(ctx context.Context) (lineage.Checkpoint, io.ReadCloser, error) {
	c, err := s.stored(ctx, s.kit.DB())
	if err == nil && c.Version == 0 {
		err = lineage.ErrNotFound
	}
	if err != nil {
		return lineage.Checkpoint{}, nil, fail(ctx, err, "checkpoint")
	}
	next := func(part int64) ([]byte, error) { return s.part(ctx, c, part) }
	return c.Checkpoint, &parts{next: next}, nil
}

// part returns one part's data, io.EOF after the last.
func (s *Store) part(ctx context.Context, c saved, part int64) ([]byte, error) {
	if part == c.parts {
		return nil, io.EOF
	}
	var crc int64
	var data []byte
	err := s.kit.DB().QueryRowContext(ctx, s.q.part, c.upload, part).Scan(&crc, &data)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("it is not there: %w", lineage.ErrInvalid)
	}
	if err == nil && int64(crc32.Checksum(data, castagnoli)) != crc {
		err = fmt.Errorf("its checksum is wrong: %w", lineage.ErrInvalid)
	}
	return data, fail(ctx, err, "read checkpoint %d, part %d of %d", c.Version, part+1, c.parts)
}

// parts reads one part after the other.
type parts struct {
	next func(part int64) ([]byte, error)
	part int64
	rest []byte
	err  error // how it ended
}

func (p *parts) Read(buf []byte) (int, error) {
	for len(p.rest) == 0 && p.err == nil {
		p.rest, p.err = p.next(p.part)
		p.part++
	}
	if p.err != nil {
		return 0, p.err
	}
	n := copy(buf, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Close ends the reading.
func (p *parts) Close() error {
	p.rest, p.err = nil, errors.New("sqlrecords: read checkpoint: it is closed")
	return nil
}
