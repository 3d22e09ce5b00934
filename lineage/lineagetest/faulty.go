package lineagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"testing/iotest"

	"github.com/tenon-go/tenon/lineage"
)

// ErrInjected is the failure of a [FaultyStore] that was told no other.
var ErrInjected = errors.New("injected fault")

// A Fault says what happens to one call of a [FaultyStore].
type Fault uint8

// The faults. After, in a call that reads a sequence, is after its first record.
const (
	Pass   Fault = iota // the call does what it should
	Before              // it fails before it does anything
	After               // it does what it should and fails nevertheless
)

// A FaultyStore passes calls on to a store and fails on command. It is for tests of what
// stands before a store, and safe for concurrent use.
type FaultyStore struct {
	store lineage.Store

	mu      sync.Mutex
	pattern []Fault
	down    error
	calls   int
	torn    bool // the checkpoint
}

var (
	_ FaultInjector = (*FaultyStore)(nil)
	_ Tearer        = (*FaultyStore)(nil)
)

// NewFaultyStore returns a store that does what s does until it is told otherwise.
func NewFaultyStore(s lineage.Store) *FaultyStore { return &FaultyStore{store: s} }

// Inject says what happens to the calls from now on, one fault for each; the calls that
// follow them pass.
func (f *FaultyStore) Inject(pattern ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pattern, f.calls = pattern, 0
}

// FailAt makes the n-th call from now on fail before it does anything.
func (f *FaultyStore) FailAt(n int) {
	if n == 0 {
		f.Inject()
		return
	}
	f.Inject(append(make([]Fault, n-1), Before)...)
}

// Down makes every call fail with an error, before it does anything, until Down(nil).
func (f *FaultyStore) Down(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = err
}

// TearCheckpoint lets the checkpoint that is there end in an error after half of its data,
// until another one is saved.
func (f *FaultyStore) TearCheckpoint(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.torn = true
	return nil
}

// Calls is how many calls there were since the last Inject, failed ones included.
func (f *FaultyStore) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// enter returns how a call has to fail: at once, or afterwards.
func (f *FaultyStore) enter(ctx context.Context) (before, after error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := Pass
	if f.calls < len(f.pattern) {
		fault = f.pattern[f.calls]
	}
	f.calls++
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("faulty store: %w", context.Cause(ctx)), nil
	case f.down != nil:
		return f.down, nil
	case fault == Before:
		return ErrInjected, nil
	case fault == After:
		return nil, ErrInjected
	}
	return nil, nil
}

// Append implements [lineage.Store].
func (f *FaultyStore) Append(ctx context.Context, batch []lineage.Record) ([]lineage.Receipt, error) {
	before, after := f.enter(ctx)
	if before != nil {
		return nil, before
	}
	receipts, err := f.store.Append(ctx, batch)
	if err == nil && after != nil {
		return nil, after
	}
	return receipts, err
}

// Records implements [lineage.Store].
func (f *FaultyStore) Records(ctx context.Context, after lineage.Cursor) iter.Seq2[lineage.Record, error] {
	return f.sequence(ctx, f.store.Records(ctx, after))
}

// Runs implements [lineage.Store].
func (f *FaultyStore) Runs(ctx context.Context, q lineage.RunQuery) iter.Seq2[lineage.Record, error] {
	return f.sequence(ctx, f.store.Runs(ctx, q))
}

func (f *FaultyStore) sequence(ctx context.Context, s iter.Seq2[lineage.Record, error]) iter.Seq2[lineage.Record, error] {
	return func(yield func(lineage.Record, error) bool) {
		before, after := f.enter(ctx)
		if before != nil {
			yield(lineage.Record{}, before)
			return
		}
		if after == nil {
			s(yield)
			return
		}
		for r, err := range s {
			if !yield(r, err) || err != nil {
				return
			}
			break
		}
		yield(lineage.Record{}, after)
	}
}

// Record implements [lineage.Store].
func (f *FaultyStore) Record(ctx context.Context, id lineage.RecordID) (lineage.Record, error) {
	before, after := f.enter(ctx)
	if err := errors.Join(before, after); err != nil {
		return lineage.Record{}, err
	}
	return f.store.Record(ctx, id)
}

// SaveCheckpoint implements [lineage.Store].
func (f *FaultyStore) SaveCheckpoint(ctx context.Context, c lineage.Checkpoint, data io.Reader) error {
	before, after := f.enter(ctx)
	if before != nil {
		return before
	}
	if err := f.store.SaveCheckpoint(ctx, c, data); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.torn = false
	return after
}

// Checkpoint implements [lineage.Store].
func (f *FaultyStore) Checkpoint(ctx context.Context) (lineage.Checkpoint, io.ReadCloser, error) {
	before, after := f.enter(ctx)
	if err := errors.Join(before, after); err != nil {
		return lineage.Checkpoint{}, nil, err
	}
	c, data, err := f.store.Checkpoint(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil || !f.torn {
		return c, data, err
	}
	all, err := io.ReadAll(data)
	torn := io.MultiReader(bytes.NewReader(all[:len(all)/2]), iotest.ErrReader(ErrInjected))
	return c, io.NopCloser(torn), errors.Join(err, data.Close())
}

// Prune implements [lineage.Store].
func (f *FaultyStore) Prune(ctx context.Context, part lineage.Part, ids []lineage.RecordID) error {
	before, after := f.enter(ctx)
	if before != nil {
		return before
	}
	if err := f.store.Prune(ctx, part, ids); err != nil {
		return err
	}
	return after
}
