package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/tenon-go/tenon/lineage"
)

func checkPruneRaw(ctx context.Context, s lineage.Store) error {
	list := runs("j", 6)
	if _, err := s.Append(ctx, list); err != nil {
		return err
	}
	want := append([]lineage.Record{}, list...)
	gone := []lineage.RecordID{list[1].ID, {9}, list[4].ID, list[1].ID}
	want[1].Event.Raw, want[4].Event.Raw = nil, nil
	for range 2 {
		if err := s.Prune(ctx, lineage.PartRaw, gone); err != nil {
			return err
		}
		if err := logIs(ctx, s, "the log without raw bytes", want); err != nil {
			return err
		}
	}
	receipts, err := s.Append(ctx, list[1:2])
	if err != nil {
		return err
	}
	if !receipts[0].Duplicate {
		return errors.New("a record without its raw bytes is not known")
	}
	return logIs(ctx, s, "the log after a duplicate", want)
}

func checkPruneAll(ctx context.Context, s lineage.Store) error {
	list := append(runs("j", 5), runs("other", 1)...)
	if _, err := s.Append(ctx, list); err != nil {
		return err
	}
	left := []lineage.Record{list[1], list[3], list[4]}
	gone := append(ids(list[:1]), list[2].ID, list[5].ID, lineage.RecordID{9})
	for range 2 {
		if err := s.Prune(ctx, lineage.PartAll, gone); err != nil {
			return err
		}
		if err := logIs(ctx, s, "what is left", left); err != nil {
			return err
		}
	}
	_, err := s.Record(ctx, list[0].ID)
	if err := wantError("Record of a pruned ID", err, lineage.ErrNotFound); err != nil {
		return err
	}
	for q, want := range map[lineage.RunQuery][]lineage.Record{
		{Job: job("other")}: nil, {Run: "j-0"}: nil, {Run: "j-1"}: left[:1], {}: {left[2], left[1], left[0]},
	} {
		got, err := collect(s.Runs(ctx, q))
		if err != nil {
			return err
		}
		if err := sameRecords(fmt.Sprintf("the query %+v", q), got, want); err != nil {
			return err
		}
	}
	receipts, err := s.Append(ctx, []lineage.Record{list[5], list[0]}) // one whose body is gone, one whose body is there
	if err != nil {
		return err
	}
	if receipts[0].Duplicate || receipts[1].Duplicate {
		return errors.New("a pruned record is still known")
	}
	return logIs(ctx, s, "the log after pruned records came again", append(left, list[5], list[0]))
}

func checkPruneLast(ctx context.Context, s lineage.Store) error {
	list := runs("j", 4)
	first, err := s.Append(ctx, list[:3])
	if err != nil {
		return err
	}
	if err := s.Prune(ctx, lineage.PartAll, ids(list[:3])); err != nil {
		return err
	}
	next, err := s.Append(ctx, list[3:])
	if err != nil {
		return err
	}
	if next[0].Cursor <= first[2].Cursor {
		return fmt.Errorf("after cursor %d was pruned, the next record has %d", first[2].Cursor, next[0].Cursor)
	}
	return nil
}

// save saves a checkpoint.
func save(ctx context.Context, s lineage.Store, version int64, data string) error {
	c := lineage.Checkpoint{Version: version, Cursor: lineage.Cursor(100 * version), Fingerprint: fmt.Sprintf("print \x00 %d", version)}
	return s.SaveCheckpoint(ctx, c, bytes.NewReader([]byte(data)))
}

// saved checks which checkpoint is there.
func saved(ctx context.Context, s lineage.Store, version int64, data string) error {
	c, got, err := load(ctx, s)
	if err != nil {
		return err
	}
	if want := (lineage.Checkpoint{Version: version, Cursor: lineage.Cursor(100 * version), Fingerprint: fmt.Sprintf("print \x00 %d", version)}); c != want {
		return fmt.Errorf("the checkpoint is %+v, want %+v", c, want)
	}
	if got != data {
		return fmt.Errorf("checkpoint %d has %d bytes %.20q, want %d bytes %.20q", version, len(got), got, len(data), data)
	}
	return nil
}

func load(ctx context.Context, s lineage.Store) (lineage.Checkpoint, string, error) {
	c, r, err := s.Checkpoint(ctx)
	if err != nil {
		return c, "", err
	}
	data, err := io.ReadAll(r)
	return c, string(data), errors.Join(err, r.Close())
}

// megabytes is data that is the same nowhere.
func megabytes(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func checkCheckpoint(ctx context.Context, s lineage.Store) error {
	for i, size := range []int{10, 0, 1 << 20, 3<<20 + 17, 1<<20 - 1} {
		data := megabytes(size)
		if err := save(ctx, s, int64(i+1), data); err != nil {
			return err
		}
		for range 2 {
			if err := saved(ctx, s, int64(i+1), data); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkCheckpointVersion(ctx context.Context, s lineage.Store) error {
	for _, version := range []int64{0, 2, -1} {
		if err := wantError(fmt.Sprintf("version %d as the first", version), save(ctx, s, version, "x"), lineage.ErrConflict); err != nil {
			return err
		}
	}
	for version := int64(1); version < 4; version++ {
		data := fmt.Sprintf("data of %d", version)
		if err := save(ctx, s, version, data); err != nil {
			return err
		}
		for _, other := range []int64{0, version - 1, version, version + 2} {
			if err := wantError(fmt.Sprintf("version %d after %d", other, version), save(ctx, s, other, "x"), lineage.ErrConflict); err != nil {
				return err
			}
		}
		if err := saved(ctx, s, version, data); err != nil {
			return err
		}
	}
	return nil
}

// A brokenSource ends in an error instead of io.EOF.
type brokenSource struct {
	io.Reader
	err error
}

func (r brokenSource) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = r.err
	}
	return n, err
}

func checkCheckpointSource(ctx context.Context, s lineage.Store) error {
	broken := errors.New("the source broke")
	half := func() io.Reader { return brokenSource{bytes.NewReader(make([]byte, 2<<20+1)), broken} }
	err := s.SaveCheckpoint(ctx, lineage.Checkpoint{Version: 1}, half())
	if err := wantError("a first checkpoint", err, broken); err != nil {
		return err
	}
	_, _, err = s.Checkpoint(ctx)
	if err := wantError("Checkpoint where none was whole", err, lineage.ErrNotFound); err != nil {
		return err
	}
	if err := save(ctx, s, 1, "whole"); err != nil {
		return err
	}
	err = s.SaveCheckpoint(ctx, lineage.Checkpoint{Version: 2}, half())
	if err := wantError("a second checkpoint", err, broken); err != nil {
		return err
	}
	if err := saved(ctx, s, 1, "whole"); err != nil {
		return err
	}
	if err := save(ctx, s, 2, "the next"); err != nil {
		return err
	}
	return saved(ctx, s, 2, "the next")
}

func checkCheckpointRacers(ctx context.Context, s lineage.Store) error {
	for version := int64(1); version < 4; version++ {
		errs := make([]error, writers)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() { errs[w] = save(ctx, s, version, racerData(w, version)) })
		}
		wg.Wait()
		winner := -1
		for w, err := range errs {
			switch {
			case err == nil && winner >= 0:
				return fmt.Errorf("racers %d and %d both saved version %d", winner, w, version)
			case err == nil:
				winner = w
			case !errors.Is(err, lineage.ErrConflict):
				return err
			}
		}
		if winner < 0 {
			return fmt.Errorf("nobody saved version %d", version)
		}
		if err := saved(ctx, s, version, racerData(winner, version)); err != nil {
			return err
		}
	}
	return nil
}

// racerData is more than one mebibyte, so that it has parts that could get mixed.
func racerData(w int, version int64) string {
	return string(bytes.Repeat([]byte{byte(w), byte(version)}, 1<<19+w)) //nolint:gosec // both are small
}

func checkCheckpointTorn(ctx context.Context, s lineage.Store) error {
	t, ok := s.(Tearer)
	if !ok {
		return ErrNotOffered
	}
	if err := save(ctx, s, 1, megabytes(2<<20)); err != nil {
		return err
	}
	if err := t.TearCheckpoint(ctx); err != nil {
		return err
	}
	if _, data, err := load(ctx, s); err == nil {
		return fmt.Errorf("a torn checkpoint reads as %d bytes", len(data))
	}
	if err := save(ctx, s, 2, "whole"); err != nil {
		return fmt.Errorf("after a torn checkpoint: %w", err)
	}
	return saved(ctx, s, 2, "whole")
}
