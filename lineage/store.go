package lineage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"
)

// A Store is a log of records with a checkpoint beside it.
//
// What every store promises, and lineagetest.TestStore checks:
//
//   - It is safe for concurrent use by many engines, in one process or in many.
//   - A write happens as a whole or not at all, also where its context ends on the way.
//     Only if the answer to a finished write is lost can a write have happened that
//     reported an error; repeating it is then a duplicate.
//   - Errors carry the sentinels named here; an ended context is reported as such.
//   - Times come back in UTC and to the microsecond.
//   - After an error a sequence ends. Sequences can be ranged over again, which asks
//     again.
type Store interface {
	// Append stores a batch, all or nothing, and returns a receipt for each record in
	// the order given. It sets the cursors: they rise in the order of commits, so that
	// no cursor ever appears below one that a reader has seen. A record whose ID is
	// known, from before or from earlier in the batch, is a Duplicate and changes
	// nothing: the first Learnt stays. Cursors in the batch are not read.
	Append(ctx context.Context, batch []Record) ([]Receipt, error)

	// Records yields the records past a cursor, ascending, as they were at the call.
	Records(ctx context.Context, after Cursor) iter.Seq2[Record, error]

	// Record returns one record. ErrNotFound.
	Record(ctx context.Context, id RecordID) (Record, error)

	// Runs yields the records of run events that a query selects, newest first by
	// (time, ID). Pages do not shift when records are appended meanwhile.
	Runs(ctx context.Context, q RunQuery) iter.Seq2[Record, error]

	// SaveCheckpoint replaces the checkpoint if c.Version is one more than that of the
	// one that is there (0: none), else ErrConflict. The old one stays until the new one
	// is whole.
	SaveCheckpoint(ctx context.Context, c Checkpoint, data io.Reader) error

	// Checkpoint returns the checkpoint; the caller closes the data. ErrNotFound. Reading
	// data that is torn is an error before io.EOF.
	Checkpoint(ctx context.Context) (Checkpoint, io.ReadCloser, error)

	// Prune removes the raw bytes of records or the records. It is idempotent and
	// ignores unknown IDs; a body goes with its last record.
	Prune(ctx context.Context, part Part, ids []RecordID) error
}

// A Cursor is a place in a log. The zero cursor is before the first record.
type Cursor int64

// A RecordID is the SHA-256 of an event's canonical form; see [EventID].
type RecordID [32]byte

// String returns the ID in hexadecimal.
func (id RecordID) String() string { return hex.EncodeToString(id[:]) }

// A Record is an event as stored, or a tombstone.
type Record struct {
	ID        RecordID
	Cursor    Cursor
	Learnt    time.Time // when the first engine took it
	Event     Event
	Tombstone *Tombstone // instead of an event: a node was erased
}

// A Tombstone erases one node from every event not later than itself.
type Tombstone struct {
	Hash   [32]byte // of the node's text form: its name is not kept
	Time   time.Time
	Reason string
}

// A Receipt says where a record went.
type Receipt struct {
	ID        RecordID
	Cursor    Cursor // of the first record with this ID
	Duplicate bool
}

// A RunKey is a place among the records of runs.
type RunKey struct {
	Time time.Time
	ID   RecordID
}

// A RunQuery selects records of run events. A zero field selects nothing: all is taken.
type RunQuery struct {
	Job    JobRef
	Run    string
	Before RunKey // only what is older by (time, ID); the zero key: from the newest
	Limit  int    // at most so many; 0: all
}

// A Checkpoint describes the data that [Store.SaveCheckpoint] keeps.
type Checkpoint struct {
	Version     int64
	Cursor      Cursor // of the last record in it
	Fingerprint string // of the format and of the configuration that the data depends on
}

// A Part says what [Store.Prune] removes.
type Part uint8

// The parts of a record.
const (
	PartRaw Part = iota + 1 // Event.Raw
	PartAll                 // the record
)

// A MemoryStore is a [Store] in memory. It keeps all promises of a store but to outlive
// its process. The zero value is not usable: [NewMemoryStore].
type MemoryStore struct {
	mu         sync.RWMutex
	log        []*Record // ascending by cursor; pruned ones are gone
	byID       map[RecordID]*Record
	byRun      map[string][]*Record // oldest first
	byJob      map[JobRef][]*Record // likewise
	cursor     Cursor
	checkpoint Checkpoint
	data       []byte
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{byID: map[RecordID]*Record{}, byRun: map[string][]*Record{}, byJob: map[JobRef][]*Record{}}
}

// Append implements [Store].
func (s *MemoryStore) Append(ctx context.Context, batch []Record) ([]Receipt, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("lineage: append: %w", context.Cause(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	receipts := make([]Receipt, len(batch))
	for i, r := range batch {
		known := s.byID[r.ID]
		receipts[i].Duplicate = known != nil
		if known == nil {
			s.cursor++
			r.Cursor, r.Learnt, r.Event.Time = s.cursor, utc(r.Learnt), utc(r.Event.Time)
			if r.Tombstone != nil {
				t := *r.Tombstone
				t.Time, r.Tombstone = utc(t.Time), &t
			}
			known = &r
			s.add(known)
		}
		receipts[i].ID, receipts[i].Cursor = r.ID, known.Cursor
	}
	return receipts, nil
}

// add indexes a record.
func (s *MemoryStore) add(r *Record) {
	s.log, s.byID[r.ID] = append(s.log, r), r
	if r.Event.Run == nil {
		return
	}
	insert := func(list []*Record) []*Record {
		i, _ := slices.BinarySearchFunc(list, r, compareRecords)
		return slices.Insert(list, i, r)
	}
	s.byRun[r.Event.Run.ID] = insert(s.byRun[r.Event.Run.ID])
	if r.Event.Job != nil {
		s.byJob[r.Event.Job.Ref] = insert(s.byJob[r.Event.Job.Ref])
	}
}

// compareRecords orders records by (time, ID).
func compareRecords(a, b *Record) int {
	return cmp.Or(a.Event.Time.Compare(b.Event.Time), bytes.Compare(a.ID[:], b.ID[:]))
}

// Records implements [Store].
func (s *MemoryStore) Records(ctx context.Context, after Cursor) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		s.mu.RLock()
		i, _ := slices.BinarySearchFunc(s.log, after+1, func(r *Record, c Cursor) int { return cmp.Compare(r.Cursor, c) })
		list := slices.Clone(s.log[i:])
		s.mu.RUnlock()
		yieldAll(ctx, list, yield)
	}
}

// yieldAll yields copies, while the context lasts.
func yieldAll(ctx context.Context, list []*Record, yield func(Record, error) bool) {
	for _, r := range list {
		if ctx.Err() != nil {
			yield(Record{}, fmt.Errorf("lineage: read records: %w", context.Cause(ctx)))
			return
		}
		if !yield(*r, nil) {
			return
		}
	}
}

// Record implements [Store].
func (s *MemoryStore) Record(ctx context.Context, id RecordID) (Record, error) {
	if ctx.Err() != nil {
		return Record{}, fmt.Errorf("lineage: record %s: %w", id, context.Cause(ctx))
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.byID[id]
	if r == nil {
		return Record{}, fmt.Errorf("lineage: record %s: %w", id, ErrNotFound)
	}
	return *r, nil
}

// Runs implements [Store].
func (s *MemoryStore) Runs(ctx context.Context, q RunQuery) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		s.mu.RLock()
		list := s.selectRuns(q)
		s.mu.RUnlock()
		yieldAll(ctx, list, yield)
	}
}

// selectRuns returns what a query selects, newest first, in a list of its own.
func (s *MemoryStore) selectRuns(q RunQuery) []*Record {
	list := s.byJob[q.Job]
	switch {
	case q.Run != "":
		list = s.byRun[q.Run]
	case q.Job == JobRef{}:
		list = nil
		for _, r := range s.log {
			if r.Event.Run != nil {
				list = append(list, r)
			}
		}
		slices.SortFunc(list, compareRecords)
	}
	end := len(list)
	if q.Before != (RunKey{}) {
		before := Record{ID: q.Before.ID, Event: Event{Time: utc(q.Before.Time)}}
		end, _ = slices.BinarySearchFunc(list, &before, compareRecords)
	}
	var out []*Record
	for i := end - 1; i >= 0 && (q.Limit == 0 || len(out) < q.Limit); i-- {
		if q.Job == (JobRef{}) || list[i].Event.Job != nil && list[i].Event.Job.Ref == q.Job {
			out = append(out, list[i])
		}
	}
	return out
}

// SaveCheckpoint implements [Store].
func (s *MemoryStore) SaveCheckpoint(ctx context.Context, c Checkpoint, data io.Reader) error {
	all, err := io.ReadAll(data)
	if err != nil {
		return fmt.Errorf("lineage: save checkpoint: %w", err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("lineage: save checkpoint: %w", context.Cause(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Version != s.checkpoint.Version+1 {
		return fmt.Errorf("lineage: save checkpoint %d, where %d is there: %w", c.Version, s.checkpoint.Version, ErrConflict)
	}
	s.checkpoint, s.data = c, all
	return nil
}

// Checkpoint implements [Store].
func (s *MemoryStore) Checkpoint(ctx context.Context) (Checkpoint, io.ReadCloser, error) {
	if ctx.Err() != nil {
		return Checkpoint{}, nil, fmt.Errorf("lineage: checkpoint: %w", context.Cause(ctx))
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.checkpoint.Version == 0 {
		return Checkpoint{}, nil, fmt.Errorf("lineage: checkpoint: %w", ErrNotFound)
	}
	return s.checkpoint, io.NopCloser(bytes.NewReader(s.data)), nil
}

// Prune implements [Store].
func (s *MemoryStore) Prune(ctx context.Context, part Part, ids []RecordID) error {
	if ctx.Err() != nil {
		return fmt.Errorf("lineage: prune: %w", context.Cause(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := map[*Record]bool{}
	for _, id := range ids {
		r := s.byID[id]
		switch {
		case r == nil:
		case part == PartRaw: // A reader may hold the old one: replace, do not write.
			bare := *r
			bare.Event.Raw = nil
			s.replace(r, &bare)
		default:
			gone[r] = true
			delete(s.byID, id)
		}
	}
	if len(gone) > 0 {
		s.remove(gone)
	}
	return nil
}

// replace puts a record in the place of one with the same keys.
func (s *MemoryStore) replace(old, by *Record) {
	swap := func(list []*Record) {
		if i := slices.Index(list, old); i >= 0 {
			list[i] = by
		}
	}
	s.byID[old.ID] = by
	i, _ := slices.BinarySearchFunc(s.log, old.Cursor, func(r *Record, c Cursor) int { return cmp.Compare(r.Cursor, c) })
	s.log[i] = by
	if old.Event.Run != nil {
		swap(s.byRun[old.Event.Run.ID])
		if old.Event.Job != nil {
			swap(s.byJob[old.Event.Job.Ref])
		}
	}
}

// remove takes records out of every list.
func (s *MemoryStore) remove(gone map[*Record]bool) {
	without := func(list []*Record) []*Record {
		return slices.DeleteFunc(list, func(r *Record) bool { return gone[r] })
	}
	s.log = without(s.log)
	for r := range gone {
		if r.Event.Run == nil {
			continue
		}
		s.byRun[r.Event.Run.ID] = without(s.byRun[r.Event.Run.ID])
		if r.Event.Job != nil {
			s.byJob[r.Event.Job.Ref] = without(s.byJob[r.Event.Job.Ref])
		}
	}
}
