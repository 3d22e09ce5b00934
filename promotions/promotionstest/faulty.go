package promotionstest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/tenon-go/tenon/promotions"
)

// ErrInjected is the failure of a [FaultyStore] whose Faults name no other.
var ErrInjected = errors.New("injected fault")

// Faults say what a [FaultyStore] does wrong. The zero value is nothing.
type Faults struct {
	// Err makes every call fail, before it does anything.
	Err error
	// FailAt makes the n-th call from now on fail, before it does anything, and only
	// that one: with Err, or else ErrInjected. 0 is none.
	FailAt int
	// LoseAnswers makes Apply write and report ErrInjected nevertheless.
	LoseAnswers bool
}

// A FaultyStore passes calls on to a store and on command fails. It is for tests of
// what stands before a store, and safe for concurrent use.
type FaultyStore struct {
	store  promotions.Store
	mu     sync.Mutex
	faults Faults
	count  int // of calls since the last Inject
	read   []string
}

var _ FaultInjector = (*FaultyStore)(nil)

// NewFaultyStore returns a store that does what s does until it is told otherwise.
func NewFaultyStore(s promotions.Store) *FaultyStore { return &FaultyStore{store: s} }

// Inject replaces the faults.
func (f *FaultyStore) Inject(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults, f.count, f.read = faults, 0, nil
}

// FailAt injects a failure of the n-th call and nothing else, as [FaultInjector] has it.
func (f *FaultyStore) FailAt(n int) { f.Inject(Faults{FailAt: n}) }

// Calls is how many calls there were since the last Inject, failed ones included.
func (f *FaultyStore) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Read is which accounts were asked for since the last Inject.
func (f *FaultyStore) Read() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read
}

// enter counts a call and has it fail if it must.
func (f *FaultyStore) enter(ctx context.Context, read ...string) (Faults, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	f.read = append(f.read, read...)
	fails := f.faults.Err != nil && f.faults.FailAt == 0 || f.faults.FailAt == f.count
	switch {
	case ctx.Err() != nil:
		return f.faults, fmt.Errorf("faulty store: %w", context.Cause(ctx))
	case fails && f.faults.Err != nil:
		return f.faults, f.faults.Err
	case fails:
		return f.faults, ErrInjected
	}
	return f.faults, nil
}

// Accounts implements [promotions.Store].
func (f *FaultyStore) Accounts(ctx context.Context, ids []string) ([]promotions.Account, error) {
	if _, err := f.enter(ctx, ids...); err != nil {
		return nil, err
	}
	return f.store.Accounts(ctx, ids)
}

// Entry implements [promotions.Store].
func (f *FaultyStore) Entry(ctx context.Context, key string) (promotions.Entry, error) {
	if _, err := f.enter(ctx); err != nil {
		return promotions.Entry{}, err
	}
	return f.store.Entry(ctx, key)
}

// Apply implements [promotions.Store].
func (f *FaultyStore) Apply(ctx context.Context, b promotions.Batch) (promotions.Entry, error) {
	faults, err := f.enter(ctx)
	if err != nil {
		return promotions.Entry{}, err
	}
	e, err := f.store.Apply(ctx, b)
	if err == nil && faults.LoseAnswers {
		return promotions.Entry{}, ErrInjected
	}
	return e, err
}

// Due implements [promotions.Store].
func (f *FaultyStore) Due(ctx context.Context, before time.Time, most int) ([]string, error) {
	if _, err := f.enter(ctx); err != nil {
		return nil, err
	}
	return f.store.Due(ctx, before, most)
}

// Entries implements [promotions.Store].
func (f *FaultyStore) Entries(ctx context.Context, after string) iter.Seq2[promotions.Entry, error] {
	return func(yield func(promotions.Entry, error) bool) {
		if _, err := f.enter(ctx); err != nil {
			yield(promotions.Entry{}, err)
			return
		}
		f.store.Entries(ctx, after)(yield)
	}
}
