package pricingtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/tenon-go/tenon/pricing"
)

// ErrInjected is the failure of a [FaultyStore] whose Faults name no other.
var ErrInjected = errors.New("injected fault")

// Faults say what a [FaultyStore] does wrong. The zero value is nothing.
type Faults struct {
	// Err makes every call fail, before it does anything.
	Err error
	// FailAt makes the n-th call from now on fail, before it does anything, and
	// only that one: with Err, or else ErrInjected. 0 is none.
	FailAt int
	// Delay holds every call up, or until its context ends.
	Delay time.Duration
	// TearParts alters a byte of every part, LoseParts leaves every second one out.
	TearParts, LoseParts bool
	// NewerSets makes Manifest answer with the version after the one asked for,
	// where there is one, OtherDigests changes the digest of every head.
	NewerSets, OtherDigests bool
}

// Calls count what was asked of a [FaultyStore], failed calls included.
type Calls struct {
	Drafts, Saves, Publications, Heads, Manifests, Prunes int
	// Parts are those that were asked for, not the calls.
	Parts int
}

// All is the number of calls, one for each part.
func (c Calls) All() int {
	return c.Drafts + c.Saves + c.Publications + c.Heads + c.Manifests + c.Prunes + c.Parts
}

// A FaultyStore passes calls on to a store and on command does so wrongly. It is
// for tests of what stands before a store, and safe for concurrent use.
type FaultyStore struct {
	store  pricing.Store
	mu     sync.Mutex
	faults Faults
	count  int // of calls since the last Inject
	calls  Calls
}

var _ FaultInjector = (*FaultyStore)(nil)

// NewFaultyStore returns a store that does what s does until it is told otherwise.
func NewFaultyStore(s pricing.Store) *FaultyStore { return &FaultyStore{store: s} }

// Inject replaces the faults.
func (f *FaultyStore) Inject(faults Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults, f.count = faults, 0
}

// FailAt injects a failure of the n-th call and nothing else, as [FaultInjector] has it.
func (f *FaultyStore) FailAt(n int) { f.Inject(Faults{FailAt: n}) }

// Calls returns the counts since the last call of Calls.
func (f *FaultyStore) Calls() Calls {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = Calls{}
	return calls
}

// enter counts a call and has it fail or wait if it must.
func (f *FaultyStore) enter(ctx context.Context, count func(*Calls)) (Faults, error) {
	f.mu.Lock()
	faults := f.faults
	f.count++
	fails := faults.Err != nil && faults.FailAt == 0 || faults.FailAt == f.count
	count(&f.calls)
	f.mu.Unlock()

	if faults.Delay > 0 {
		timer, stop := context.WithTimeout(ctx, faults.Delay)
		<-timer.Done()
		stop()
	}
	switch {
	case ctx.Err() != nil:
		return faults, fmt.Errorf("faulty store: %w", context.Cause(ctx))
	case fails && faults.Err != nil:
		return faults, faults.Err
	case fails:
		return faults, ErrInjected
	}
	return faults, nil
}

// Draft implements [pricing.Store].
func (f *FaultyStore) Draft(ctx context.Context, book string) (pricing.Draft, error) {
	if _, err := f.enter(ctx, func(c *Calls) { c.Drafts++ }); err != nil {
		return pricing.Draft{}, err
	}
	return f.store.Draft(ctx, book)
}

// SaveDraft implements [pricing.Store].
func (f *FaultyStore) SaveDraft(ctx context.Context, book string, d pricing.Draft) (pricing.Draft, error) {
	if _, err := f.enter(ctx, func(c *Calls) { c.Saves++ }); err != nil {
		return pricing.Draft{}, err
	}
	return f.store.SaveDraft(ctx, book, d)
}

// Publish implements [pricing.Store].
func (f *FaultyStore) Publish(ctx context.Context, book string, p pricing.Publication) (pricing.Head, error) {
	if _, err := f.enter(ctx, func(c *Calls) { c.Publications++ }); err != nil {
		return pricing.Head{}, err
	}
	return f.store.Publish(ctx, book, p)
}

// Heads implements [pricing.Store].
func (f *FaultyStore) Heads(ctx context.Context, book string, after uint64) iter.Seq2[pricing.Head, error] {
	return func(yield func(pricing.Head, error) bool) {
		faults, err := f.enter(ctx, func(c *Calls) { c.Heads++ })
		if err != nil {
			yield(pricing.Head{}, err)
			return
		}
		for h, err := range f.store.Heads(ctx, book, after) {
			if faults.OtherDigests {
				h.Digest[0] ^= 1
			}
			if !yield(h, err) {
				return
			}
		}
	}
}

// Manifest implements [pricing.Store].
func (f *FaultyStore) Manifest(ctx context.Context, book string, version uint64) (pricing.Manifest, error) {
	faults, err := f.enter(ctx, func(c *Calls) { c.Manifests++ })
	if err != nil {
		return pricing.Manifest{}, err
	}
	if faults.NewerSets {
		if m, err := f.store.Manifest(ctx, book, version+1); err == nil {
			return m, nil
		}
	}
	return f.store.Manifest(ctx, book, version)
}

// Parts implements [pricing.Store].
func (f *FaultyStore) Parts(ctx context.Context, book string, digests []pricing.Digest) iter.Seq2[pricing.Part, error] {
	return func(yield func(pricing.Part, error) bool) {
		faults, err := f.enter(ctx, func(c *Calls) { c.Parts += len(digests) })
		if err != nil {
			yield(pricing.Part{}, err)
			return
		}
		n := 0
		for p, err := range f.store.Parts(ctx, book, digests) {
			if n++; faults.LoseParts && n%2 == 0 {
				continue
			}
			if faults.TearParts && len(p.Data) > 0 {
				p.Data = bytes.Clone(p.Data)
				p.Data[len(p.Data)/2] ^= 1
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// Prune implements [pricing.Store].
func (f *FaultyStore) Prune(ctx context.Context, book string, keep int, at time.Time) (int, error) {
	if _, err := f.enter(ctx, func(c *Calls) { c.Prunes++ }); err != nil {
		return 0, err
	}
	return f.store.Prune(ctx, book, keep, at)
}
