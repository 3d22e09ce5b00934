package pricing

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/pricing/internal/limits"
)

// NewMemoryStore returns an empty store in memory. It is a whole store, with the
// digests and the sharing of every other, for tests and for programs that load
// their prices when they start.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{books: make(map[string]*memoryBook)}
}

// A MemoryStore is a [Store] that lives as long as its process. It is safe for
// concurrent use.
type MemoryStore struct {
	mu    sync.RWMutex
	books map[string]*memoryBook
}

type memoryBook struct {
	revision uint64
	draft    Manifest
	last     uint64          // the newest version's number
	versions []memoryVersion // ascending; without those pruned
	parts    map[Digest][]byte
}

type memoryVersion struct {
	head     Head
	manifest Manifest
}

var _ Store = (*MemoryStore)(nil)

// Draft implements [Store].
func (s *MemoryStore) Draft(ctx context.Context, book string) (Draft, error) {
	if err := ended(ctx, "draft", book); err != nil {
		return Draft{}, err
	}
	revision, m, parts, err := s.draft(book)
	if err != nil {
		return Draft{}, fmt.Errorf("pricing: memory store: draft of %q: %w", book, err)
	}
	rs, err := Join(m, parts)
	if err != nil {
		return Draft{}, fmt.Errorf("pricing: memory store: draft of %q: %w", book, err)
	}
	return Draft{Revision: revision, Rules: rs}, nil
}

func (s *MemoryStore) draft(book string) (uint64, Manifest, []Part, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.books[book]
	if !ok {
		return 0, Manifest{}, nil, ErrNotFound
	}
	var parts []Part
	for _, d := range b.draft.Parts {
		if d != (Digest{}) {
			parts = append(parts, Part{Digest: d, Data: b.parts[d]})
		}
	}
	return b.revision, b.draft, parts, nil
}

// SaveDraft implements [Store].
func (s *MemoryStore) SaveDraft(ctx context.Context, book string, d Draft) (Draft, error) {
	if err := ended(ctx, "save draft", book); err != nil {
		return Draft{}, err
	}
	if err := limits.Book(book); err != nil {
		return Draft{}, fmt.Errorf("pricing: memory store: save draft: %w", err)
	}
	d.Rules.Version, d.Rules.EffectiveFrom = 0, time.Time{}
	m, parts, err := Cut(d.Rules)
	if err != nil {
		return Draft{}, fmt.Errorf("pricing: memory store: save draft of %q: %w", book, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.books[book]
	if !ok {
		b = &memoryBook{parts: make(map[Digest][]byte)}
	}
	if b.revision != d.Revision {
		return Draft{}, fmt.Errorf("pricing: memory store: save draft of %q over revision %d, which is %d: %w",
			book, d.Revision, b.revision, ErrConflict)
	}
	for _, p := range parts {
		b.parts[p.Digest] = p.Data
	}
	b.draft = m
	b.revision++
	s.books[book] = b
	d.Revision = b.revision
	return d, nil
}

// Publish implements [Store].
func (s *MemoryStore) Publish(ctx context.Context, book string, p Publication) (Head, error) {
	if err := ended(ctx, "publish", book); err != nil {
		return Head{}, err
	}
	if err := limits.Publication(p.At, p.EffectiveFrom, p.By, p.Note); err != nil {
		return Head{}, fmt.Errorf("pricing: memory store: publish %q: %w", book, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.books[book]
	switch {
	case !ok:
		return Head{}, fmt.Errorf("pricing: memory store: publish %q: %w", book, ErrNotFound)
	case b.revision != p.Revision:
		return Head{}, fmt.Errorf("pricing: memory store: publish %q: the draft has revision %d, not %d: %w",
			book, b.revision, p.Revision, ErrConflict)
	case b.last != p.After:
		return Head{}, fmt.Errorf("pricing: memory store: publish %q: the newest version is %d, not %d: %w",
			book, b.last, p.After, ErrConflict)
	}
	v := memoryVersion{manifest: b.draft, head: Head{
		Version:       b.last + 1,
		Digest:        b.draft.Digest(),
		EffectiveFrom: p.EffectiveFrom.UTC(),
		PublishedAt:   p.At.UTC().Truncate(time.Microsecond),
		By:            p.By,
		Note:          p.Note,
		Immediate:     p.Immediate,
	}}
	v.manifest.Version = v.head.Version
	b.last++
	b.versions = append(b.versions, v)
	return v.head, nil
}

// Heads implements [Store]. The sequence is that of one moment.
func (s *MemoryStore) Heads(ctx context.Context, book string, after uint64) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		if err := ended(ctx, "heads", book); err != nil {
			yield(Head{}, err)
			return
		}
		for _, h := range s.heads(book, after) {
			if !yield(h, nil) {
				return
			}
		}
	}
}

func (s *MemoryStore) heads(book string, after uint64) []Head {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.books[book]
	if !ok {
		return nil
	}
	var heads []Head
	for i := len(b.versions) - 1; i >= 0 && b.versions[i].head.Version > after; i-- {
		heads = append(heads, b.versions[i].head)
	}
	slices.Reverse(heads)
	return heads
}

// Manifest implements [Store].
func (s *MemoryStore) Manifest(ctx context.Context, book string, version uint64) (Manifest, error) {
	if err := ended(ctx, "manifest", book); err != nil {
		return Manifest{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if b, ok := s.books[book]; ok {
		for _, v := range slices.Backward(b.versions) {
			if v.head.Version == version {
				m := v.manifest
				m.Policy = bytes.Clone(m.Policy)
				return m, nil
			}
		}
	}
	return Manifest{}, fmt.Errorf("pricing: memory store: manifest of %q version %d: %w", book, version, ErrNotFound)
}

// Parts implements [Store].
func (s *MemoryStore) Parts(ctx context.Context, book string, digests []Digest) iter.Seq2[Part, error] {
	return func(yield func(Part, error) bool) {
		seen := make(map[Digest]bool, len(digests))
		for _, d := range digests {
			if d == (Digest{}) || seen[d] {
				continue
			}
			seen[d] = true
			if err := ended(ctx, "parts", book); err != nil {
				yield(Part{}, err)
				return
			}
			data, ok := s.part(book, d)
			if !ok {
				yield(Part{}, fmt.Errorf("pricing: memory store: part %x of %q is missing: %w", d[:4], book, ErrTorn))
				return
			}
			if !yield(Part{Digest: d, Data: bytes.Clone(data)}, nil) {
				return
			}
		}
	}
}

func (s *MemoryStore) part(book string, d Digest) ([]byte, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.books[book]
	if !ok {
		return nil, false
	}
	data, ok := b.parts[d]
	return data, ok
}

// Prune implements [Store].
func (s *MemoryStore) Prune(ctx context.Context, book string, keep int, at time.Time) (int, error) {
	if err := ended(ctx, "prune", book); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.books[book]
	if !ok {
		return 0, nil
	}
	end := min(lastEffective(b.versions, memoryVersion.effectiveFrom, at), len(b.versions)-max(keep, 0))
	n := 0
	for n < end && !b.versions[n].head.EffectiveFrom.After(at) {
		n++
	}
	b.versions = slices.Delete(b.versions, 0, n)
	b.collect()
	return n, nil
}

func (v memoryVersion) effectiveFrom() time.Time { return v.head.EffectiveFrom }

// collect removes the parts that nothing refers to.
func (b *memoryBook) collect() {
	used := make(map[Digest]bool, len(b.parts))
	mark := func(m *Manifest) {
		for _, d := range m.Parts {
			used[d] = true
		}
	}
	mark(&b.draft)
	for i := range b.versions {
		mark(&b.versions[i].manifest)
	}
	for d := range b.parts {
		if !used[d] {
			delete(b.parts, d)
		}
	}
}

func ended(ctx context.Context, op, book string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("pricing: memory store: %s %q: %w", op, book, context.Cause(ctx))
	}
	return nil
}
