package contract

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// writers is how many write at a time.
const writers = 8

// A follower reads a log by its cursors while others write.
type follower struct {
	seen map[lineage.RecordID]lineage.Cursor
	last lineage.Cursor
}

func (f *follower) read(ctx context.Context, s lineage.Store) error {
	for r, err := range s.Records(ctx, f.last) {
		if err != nil {
			return err
		}
		if r.Cursor <= f.last {
			return fmt.Errorf("past cursor %d a record has %d", f.last, r.Cursor)
		}
		if f.seen == nil {
			f.seen = map[lineage.RecordID]lineage.Cursor{}
		}
		f.seen[r.ID], f.last = r.Cursor, r.Cursor
	}
	return nil
}

// saw checks that the reader saw all records where they are.
func (f *follower) saw(all []lineage.Record) error {
	for _, r := range all {
		if f.seen[r.ID] != r.Cursor {
			return fmt.Errorf("the record at cursor %d appeared behind a reader, or moved: it was seen at %d", r.Cursor, f.seen[r.ID])
		}
	}
	return nil
}

// appendEach appends batches, and calls then with the receipts after each.
func appendEach(ctx context.Context, s lineage.Store, batches iter.Seq[[]lineage.Record], then func([]lineage.Receipt) error) error {
	for batch := range batches {
		receipts, err := s.Append(ctx, batch)
		if err == nil {
			err = then(receipts)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkWriters(ctx context.Context, s lineage.Store) error {
	const batches, size = 12, 3
	var wg sync.WaitGroup
	followers := make([]follower, writers)
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			errs[w] = appendEach(ctx, s, slices.Chunk(runs(fmt.Sprintf("j%d", w), batches*size), size), func([]lineage.Receipt) error {
				return followers[w].read(ctx, s)
			})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	all, err := everything(ctx, s)
	if err != nil {
		return err
	}
	if err := ascending(all); err != nil {
		return err
	}
	if len(all) != writers*batches*size {
		return fmt.Errorf("%d records are there of %d that were appended", len(all), writers*batches*size)
	}
	for w := range followers {
		f := &followers[w]
		if err := f.read(ctx, s); err != nil {
			return err
		}
		if err := f.saw(all); err != nil {
			return err
		}
	}
	return nil
}

func checkSameWriters(ctx context.Context, s lineage.Store) error {
	list := runs("j", 40)
	receipts := make([][]lineage.Receipt, writers)
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			errs[w] = appendEach(ctx, s, slices.Chunk(list, 5), func(some []lineage.Receipt) error {
				receipts[w] = append(receipts[w], some...)
				return nil
			})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i := range list {
		first := 0
		for w := range writers {
			r := receipts[w][i]
			if r.Cursor != receipts[0][i].Cursor || r.ID != list[i].ID {
				return fmt.Errorf("of record %d one writer has %+v, another %+v", i, receipts[0][i], r)
			}
			if !r.Duplicate {
				first++
			}
		}
		if first != 1 {
			return fmt.Errorf("%d writers were first with record %d", first, i)
		}
	}
	return logIs(ctx, s, "the log", list)
}

func checkWholeBatches(ctx context.Context, s lineage.Store) error {
	const least, most, size, reads = 20, 2000, 7, 40
	var read atomic.Int64 // how often the reader looked
	done := make(chan error, 1)
	go func() {
		for n := 0; n < least || n < most && read.Load() < reads; n++ {
			if _, err := s.Append(ctx, runs(fmt.Sprintf("j%d", n), size)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	var f follower
	var failed error
	for running := true; running; read.Add(1) {
		select {
		case err := <-done:
			failed, running = errors.Join(failed, err), false
		default:
		}
		if failed == nil {
			failed = f.read(ctx, s)
		}
		if n := len(f.seen); failed == nil && n%size != 0 {
			failed = fmt.Errorf("a reader saw %d records, where batches have %d", n, size)
		}
	}
	return failed
}

// half is a count of records that are there of a batch.
func half(ctx context.Context, s lineage.Store, batch []lineage.Record) (int, error) {
	there := 0
	for _, r := range batch {
		_, err := s.Record(ctx, r.ID)
		switch {
		case err == nil:
			there++
		case !errors.Is(err, lineage.ErrNotFound):
			return 0, err
		}
	}
	return there, nil
}

func checkCancelled(ctx context.Context, s lineage.Store) error {
	var want []lineage.Record
	for i := range 40 {
		batch := runs(fmt.Sprintf("j%d", i), 25)
		brief, cancel := context.WithTimeoutCause(ctx, time.Duration(i)*100*time.Microsecond, errLeft)
		_, err := s.Append(brief, batch)
		cancel()
		there, readErr := half(ctx, s, batch)
		switch {
		case readErr != nil:
			return readErr
		case err == nil && there != len(batch):
			return fmt.Errorf("of a batch without error %d of %d records are there", there, len(batch))
		case there != 0 && there != len(batch):
			return fmt.Errorf("of a batch whose context ended %d of %d records are there", there, len(batch))
		case err != nil && !errors.Is(err, errLeft):
			return fmt.Errorf("a batch whose context ended: %w", err)
		}
		if there > 0 {
			want = append(want, batch...)
		}
	}
	return logIs(ctx, s, "the log", want)
}

// mostSteps bounds how many steps a write of the cases can have.
const mostSteps = 60

func checkFailed(ctx context.Context, s lineage.Store) error {
	f, ok := s.(FaultInjector)
	if !ok {
		return ErrNotOffered
	}
	list := runs("j", 6)
	if _, err := s.Append(ctx, list[:2]); err != nil {
		return err
	}
	if err := save(ctx, s, 1, "first"); err != nil {
		return err
	}
	for _, w := range []struct {
		name  string
		write func() error
		after []lineage.Record
	}{
		{"Append", func() error { _, err := s.Append(ctx, list); return err }, list},
		{"Prune", func() error { return s.Prune(ctx, lineage.PartAll, ids(list[1:4])) }, []lineage.Record{list[0], list[4], list[5]}},
	} {
		before, err := everything(ctx, s)
		if err != nil {
			return err
		}
		if err := failEach(f, w.write, func() error { return logIs(ctx, s, w.name+" that failed", before) }); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if err := logIs(ctx, s, w.name, w.after); err != nil {
			return err
		}
	}
	data := megabytes(2<<20 + 5)
	if err := failEach(f, func() error { return save(ctx, s, 2, data) }, func() error { return saved(ctx, s, 1, "first") }); err != nil {
		return fmt.Errorf("SaveCheckpoint: %w", err)
	}
	return saved(ctx, s, 2, data)
}

// failEach fails a write at its first step, its second and so on, until it succeeds.
func failEach(f FaultInjector, write, unchanged func() error) error {
	for n := 1; n <= mostSteps; n++ {
		f.FailAt(n)
		err := write()
		f.FailAt(0)
		if err == nil {
			if n == 1 {
				return errors.New("no step of it fails")
			}
			return nil
		}
		if err := unchanged(); err != nil {
			return fmt.Errorf("failed at step %d: %w", n, err)
		}
	}
	return fmt.Errorf("it still fails at step %d", mostSteps)
}
