package contract

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// The broken stores show that the suite can fail: each breaks one promise of the
// contract, in the way that a store written in good faith would, and keeps the others.

// patience is how long a broken store waits for others to see what it does.
const patience = 100 * time.Millisecond

// NewLostAppendStore returns a store that hands out receipts before it writes, and loses
// the last record of a batch of several.
func NewLostAppendStore(s lineage.Store) lineage.Store { return &lostAppend{Store: s} }

type lostAppend struct{ lineage.Store }

// Append says that it stored what it did not.
func (s *lostAppend) Append(ctx context.Context, batch []lineage.Record) ([]lineage.Receipt, error) {
	n := len(batch)
	if n < 2 {
		return s.Store.Append(ctx, batch)
	}
	receipts, err := s.Store.Append(ctx, batch[:n-1])
	if err != nil {
		return nil, err
	}
	return append(receipts, lineage.Receipt{ID: batch[n-1].ID, Cursor: receipts[n-2].Cursor + 1}), nil
}

// NewReorderedCursorStore returns a store that takes its cursors from a sequence before
// it commits: who takes the smaller one may commit later.
func NewReorderedCursorStore(s lineage.Store) lineage.Store {
	return &reorderedCursor{Store: s, cursors: map[lineage.RecordID]lineage.Cursor{}}
}

type reorderedCursor struct {
	lineage.Store
	mu       sync.Mutex
	cursors  map[lineage.RecordID]lineage.Cursor // by the sequence
	next     lineage.Cursor
	drawn    int  // calls that have their cursors
	finished int  // calls that have committed
	waiting  bool // a call is slow to commit
}

// Append draws cursors, and every third call is slow to commit.
func (s *reorderedCursor) Append(ctx context.Context, batch []lineage.Record) ([]lineage.Receipt, error) {
	s.mu.Lock()
	for _, r := range batch {
		if s.cursors[r.ID] == 0 {
			s.next++
			s.cursors[r.ID] = s.next
		}
	}
	s.drawn++
	slow, finished := s.drawn%3 == 0 && !s.waiting, s.finished
	s.waiting = s.waiting || slow
	s.mu.Unlock()
	if slow {
		s.wait(ctx, finished+writers+1) // So somebody committed twice, and looked in between.
	}
	receipts, err := s.Store.Append(ctx, batch)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished++
	s.waiting = s.waiting && !slow
	for i := range receipts {
		receipts[i].Cursor = s.cursors[receipts[i].ID]
	}
	return receipts, err
}

// wait lets so many calls finish first, if others come.
func (s *reorderedCursor) wait(ctx context.Context, finished int) {
	brief, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for brief.Err() == nil {
		s.mu.Lock()
		over := s.finished >= finished
		s.mu.Unlock()
		if over {
			return
		}
		runtime.Gosched()
	}
}

// Prune forgets the cursors with the records.
func (s *reorderedCursor) Prune(ctx context.Context, part lineage.Part, ids []lineage.RecordID) error {
	err := s.Store.Prune(ctx, part, ids)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if part == lineage.PartAll && err == nil {
			delete(s.cursors, id)
		}
	}
	return err
}

// Records yields in the order of the sequence, of what is committed.
func (s *reorderedCursor) Records(ctx context.Context, after lineage.Cursor) iter.Seq2[lineage.Record, error] {
	return func(yield func(lineage.Record, error) bool) {
		list, err := collect(s.Store.Records(ctx, 0))
		s.mu.Lock()
		for i := range list {
			list[i].Cursor = s.cursors[list[i].ID]
		}
		s.mu.Unlock()
		slices.SortFunc(list, func(a, b lineage.Record) int { return cmp.Compare(a.Cursor, b.Cursor) })
		for _, r := range list {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
				break
			}
			if r.Cursor > after && !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(lineage.Record{}, err)
		}
	}
}

// Record has the cursor of the sequence.
func (s *reorderedCursor) Record(ctx context.Context, id lineage.RecordID) (lineage.Record, error) {
	r, err := s.Store.Record(ctx, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Cursor = s.cursors[id]
	return r, err
}

// NewDroppedBodyStore returns a store that keeps equal bodies once and drops one with the
// first of its records instead of with the last.
func NewDroppedBodyStore(s lineage.Store) lineage.Store {
	return &droppedBody{Store: s, dropped: map[string]bool{}}
}

type droppedBody struct {
	lineage.Store
	mu      sync.Mutex
	dropped map[string]bool
}

// Prune drops the bodies of the records.
func (s *droppedBody) Prune(ctx context.Context, part lineage.Part, ids []lineage.RecordID) error {
	if part == lineage.PartAll {
		for _, id := range ids {
			r, err := s.Record(ctx, id)
			if errors.Is(err, lineage.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			_, body := r.Event.Canonical()
			s.mu.Lock()
			s.dropped[string(body)] = true
			s.mu.Unlock()
		}
	}
	return s.Store.Prune(ctx, part, ids)
}

// Records joins heads with the bodies that are there.
func (s *droppedBody) Records(ctx context.Context, after lineage.Cursor) iter.Seq2[lineage.Record, error] {
	return func(yield func(lineage.Record, error) bool) {
		for r, err := range s.Store.Records(ctx, after) {
			if err == nil && s.lacks(r) {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (s *droppedBody) lacks(r lineage.Record) bool {
	_, body := r.Event.Canonical()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped[string(body)]
}

// NewSingleRecordStore returns a store that writes the records of a batch one after the
// other.
func NewSingleRecordStore(s lineage.Store) lineage.Store { return &singleRecord{Store: s} }

type singleRecord struct {
	lineage.Store
	reads atomic.Int64 // that have ended
	seen  atomic.Int64 // of them before the last Append
}

// Append commits each record, and after the first lets a reader look if there is one.
func (s *singleRecord) Append(ctx context.Context, batch []lineage.Record) ([]lineage.Receipt, error) {
	receipts, err := s.Store.Append(ctx, nil)
	for i := 0; err == nil && i < len(batch); i++ {
		var one []lineage.Receipt
		one, err = s.Store.Append(ctx, batch[i:i+1])
		receipts = append(receipts, one...)
		if i == 0 {
			s.wait(ctx)
		}
	}
	return receipts, err
}

// wait waits for a whole read, if somebody has read since the last batch.
func (s *singleRecord) wait(ctx context.Context) {
	reads := s.reads.Load()
	if s.seen.Swap(reads) == reads {
		return
	}
	brief, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for brief.Err() == nil && s.reads.Load() < reads+2 { // The first may have begun before the record.
		runtime.Gosched()
	}
}

// Records counts the reads.
func (s *singleRecord) Records(ctx context.Context, after lineage.Cursor) iter.Seq2[lineage.Record, error] {
	return func(yield func(lineage.Record, error) bool) {
		s.Store.Records(ctx, after)(yield)
		s.reads.Add(1)
	}
}
