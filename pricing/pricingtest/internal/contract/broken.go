package contract

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/pricing"
)

// The broken stores show that the suite can fail: each breaks one promise of the
// contract, in the way that a store written in good faith would, and keeps all
// others.

// NewLostUpdateStore returns a store that never compares: who writes last wins,
// and what others wrote meanwhile is overwritten without a word.
func NewLostUpdateStore() pricing.Store {
	return lostUpdate{pricing.NewMemoryStore()}
}

type lostUpdate struct{ pricing.Store }

// SaveDraft saves over whatever is there.
func (s lostUpdate) SaveDraft(ctx context.Context, book string, d pricing.Draft) (pricing.Draft, error) {
	for {
		d.Revision = 0
		if now, err := s.Draft(ctx, book); err == nil {
			d.Revision = now.Revision
		}
		saved, err := s.Store.SaveDraft(ctx, book, d)
		if !errors.Is(err, pricing.ErrConflict) {
			return saved, err
		}
	}
}

// Publish publishes whatever is there, after whatever is there.
func (s lostUpdate) Publish(ctx context.Context, book string, p pricing.Publication) (pricing.Head, error) {
	for {
		now, err := s.Draft(ctx, book)
		if err != nil {
			return pricing.Head{}, err
		}
		p.Revision, p.After = now.Revision, 0
		for h, err := range s.Heads(ctx, book, 0) {
			if err != nil {
				return pricing.Head{}, err
			}
			p.After = h.Version
		}
		h, err := s.Store.Publish(ctx, book, p)
		if !errors.Is(err, pricing.ErrConflict) {
			return h, err
		}
	}
}

// NewDirtyReadStore returns a store that writes a version's head first and what
// it stands for a moment later, without a transaction around them.
func NewDirtyReadStore() pricing.Store {
	return &dirtyRead{Store: pricing.NewMemoryStore(), early: make(map[string]pricing.Head)}
}

type dirtyRead struct {
	pricing.Store
	mu    sync.Mutex
	early map[string]pricing.Head // heads that are there before their parts
}

// Publish writes the head, then the rest.
func (s *dirtyRead) Publish(ctx context.Context, book string, p pricing.Publication) (pricing.Head, error) {
	s.announce(ctx, book, p)
	pause(ctx, 2*time.Millisecond) // as from one statement to the next
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.early, book)
	return s.Store.Publish(ctx, book, p)
}

// announce shows the head of a publication that will succeed.
func (s *dirtyRead) announce(ctx context.Context, book string, p pricing.Publication) {
	d, err := s.Draft(ctx, book)
	if err != nil || d.Revision != p.Revision {
		return
	}
	digest, err := digestOf(d.Rules)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := uint64(0)
	for h, err := range s.Store.Heads(ctx, book, 0) {
		if err != nil {
			return
		}
		last = h.Version
	}
	if last == p.After {
		s.early[book] = pricing.Head{Version: last + 1, Digest: digest, EffectiveFrom: p.EffectiveFrom, PublishedAt: p.At}
	}
}

// Heads yields the early head as well.
func (s *dirtyRead) Heads(ctx context.Context, book string, after uint64) iter.Seq2[pricing.Head, error] {
	return func(yield func(pricing.Head, error) bool) {
		for _, h := range s.heads(ctx, book, after) {
			if !yield(h.head, h.err) {
				return
			}
		}
	}
}

type headOrError struct {
	head pricing.Head
	err  error
}

func (s *dirtyRead) heads(ctx context.Context, book string, after uint64) []headOrError {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []headOrError
	for h, err := range s.Store.Heads(ctx, book, after) {
		list = append(list, headOrError{h, err})
	}
	failed := slices.ContainsFunc(list, func(h headOrError) bool { return h.err != nil })
	if h, ok := s.early[book]; ok && !failed && h.Version > after {
		list = append(list, headOrError{head: h})
	}
	return list
}

// NewWrongNotFoundStore returns a store that takes "no rows" for an empty answer:
// what is not there is a zero value, and no error.
func NewWrongNotFoundStore() pricing.Store {
	return wrongNotFound{pricing.NewMemoryStore()}
}

type wrongNotFound struct{ pricing.Store }

func (s wrongNotFound) Draft(ctx context.Context, book string) (pricing.Draft, error) {
	d, err := s.Store.Draft(ctx, book)
	return orNothing(d, err)
}

func (s wrongNotFound) Manifest(ctx context.Context, book string, version uint64) (pricing.Manifest, error) {
	m, err := s.Store.Manifest(ctx, book, version)
	return orNothing(m, err)
}

func (s wrongNotFound) Publish(ctx context.Context, book string, p pricing.Publication) (pricing.Head, error) {
	h, err := s.Store.Publish(ctx, book, p)
	return orNothing(h, err)
}

func orNothing[T any](v T, err error) (T, error) {
	if errors.Is(err, pricing.ErrNotFound) {
		return v, nil
	}
	return v, err
}
