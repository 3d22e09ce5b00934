package pricing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/pricing/internal/limits"
)

// BookConfig is a [Book]'s. Its zero value is ready to use.
type BookConfig struct {
	// Lead is the least time from a publication until it is in force, so that
	// every node has it by then; 0 means 20 s. It must be longer than the 5 s that
	// a publication may take, and is not below the Lead of any Engine that reads
	// the book.
	Lead time.Duration
	// Now is the clock of publications; nil means time.Now.
	Now func() time.Time
}

// A Book is a named line of versions in a store, as those who edit prices see
// it: save a draft, publish it, read an old version again. It is safe for
// concurrent use.
type Book struct {
	store Store
	name  string
	cfg   BookConfig
}

// NewBook returns the book of that name; it need not be in the store yet. It
// reports all that is wrong with what it is given.
func NewBook(store Store, name string, cfg BookConfig) (*Book, error) {
	if cfg.Lead == 0 {
		cfg.Lead = 20 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	var errs []error
	if store == nil {
		errs = append(errs, errors.New("pricing: book: no store"))
	}
	if err := limits.Book(name); err != nil {
		errs = append(errs, fmt.Errorf("pricing: book: %w", err))
	}
	if cfg.Lead <= commitTime {
		errs = append(errs, fmt.Errorf("pricing: book %q: Lead is %v, not above %v", name, cfg.Lead, commitTime))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Book{store: store, name: name, cfg: cfg}, nil
}

// Draft returns the draft as it was saved last. [ErrNotFound] without one.
func (b *Book) Draft(ctx context.Context) (Draft, error) {
	d, err := b.store.Draft(ctx, b.name)
	if err != nil {
		return Draft{}, fmt.Errorf("pricing: book %q: draft: %w", b.name, err)
	}
	return d, nil
}

// Newest returns the head of the newest version, in force or armed: its Version
// is the After of the next publication. [ErrNotFound] before the first.
func (b *Book) Newest(ctx context.Context) (Head, error) {
	heads, err := b.heads(ctx)
	if err == nil && len(heads) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Head{}, fmt.Errorf("pricing: book %q: newest version: %w", b.name, err)
	}
	return heads[len(heads)-1], nil
}

// Save stores a draft over the revision that it names, 0 for the book's first,
// and returns it with the next one. A draft need not compile yet. [ErrConflict]
// when the stored draft has another revision: somebody else saved.
func (b *Book) Save(ctx context.Context, d Draft) (Draft, error) {
	saved, err := b.store.SaveDraft(ctx, b.name, d)
	if err != nil {
		return Draft{}, fmt.Errorf("pricing: book %q: save: %w", b.name, err)
	}
	return saved, nil
}

// Publish makes the reviewed draft the next version. It compiles it first: what
// does not compile is a [*CompileError] and is never published. What compiles and
// is probably not meant, such as sales that may meet for some customers, is for
// [Analyse] to say before. The time of the publication is the clock's, whatever
// p.At says.
//
// A zero p.EffectiveFrom means the publication plus Lead, rounded up to a second;
// with p.Immediate, the second of the publication. One that is set must be a whole
// second, and [ErrState] is one that is nearer than Lead (with Immediate: that
// lies in the past).
//
// [ErrState] is also a version that would come into force before, or together
// with, an armed one, which then never would: p.Supersede says that this is
// meant. [ErrConflict] when the draft or the book has moved on since the review;
// [ErrNotFound] without a draft. What is not committed after 5 s is given up, for
// engines count on that.
func (b *Book) Publish(ctx context.Context, p Publication) (Head, error) {
	head, err := b.publish(ctx, p)
	if err != nil {
		return Head{}, fmt.Errorf("pricing: book %q: publish revision %d as version %d: %w", b.name, p.Revision, p.After+1, err)
	}
	return head, nil
}

func (b *Book) publish(ctx context.Context, p Publication) (Head, error) {
	draft, err := b.store.Draft(ctx, b.name)
	if err != nil {
		return Head{}, err
	}
	if draft.Revision != p.Revision {
		return Head{}, fmt.Errorf("the draft has revision %d: %w", draft.Revision, ErrConflict)
	}
	snapshot, err := Compile(draft.Rules)
	if err != nil {
		return Head{}, err
	}
	heads, err := b.heads(ctx)
	if err != nil {
		return Head{}, err
	}
	if newest := newestOf(heads); newest != p.After {
		return Head{}, fmt.Errorf("the newest version is %d: %w", newest, ErrConflict)
	}
	// The clock is read as late as can be: the deadline counts from here.
	p.At = b.cfg.Now().UTC().Truncate(time.Microsecond)
	if p.EffectiveFrom, err = b.effectiveFrom(p); err != nil {
		return Head{}, err
	}
	if err := limits.Publication(p.At, p.EffectiveFrom, p.By, p.Note); err != nil {
		return Head{}, err
	}
	if armed, ok := inTheWay(heads, p); ok && !p.Supersede {
		return Head{}, fmt.Errorf("version %d is armed for %s and would never be in force: %w",
			armed.Version, armed.EffectiveFrom.Format(time.RFC3339), ErrState)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, commitTime, errSlow)
	defer cancel()
	head, err := b.store.Publish(ctx, b.name, p)
	if err == nil && head.Digest != snapshot.Digest() {
		return Head{}, fmt.Errorf("the store published another draft than it gave out: %w", ErrTorn)
	}
	return head, err
}

var errSlow = fmt.Errorf("not committed within %v", commitTime)

// effectiveFrom is when a publication at p.At is in force, with the time that it
// names checked.
func (b *Book) effectiveFrom(p Publication) (time.Time, error) {
	earliest := p.At.Truncate(time.Second)
	if !p.Immediate {
		earliest = p.At.Add(b.cfg.Lead + time.Second - 1).Truncate(time.Second)
	}
	from := p.EffectiveFrom.UTC()
	switch {
	case p.EffectiveFrom.IsZero():
		return earliest, nil
	case from.Before(earliest) && p.Immediate:
		return from, fmt.Errorf("EffectiveFrom %s is in the past: %w", from.Format(time.RFC3339), ErrState)
	case from.Before(earliest):
		return from, fmt.Errorf("EffectiveFrom %s is nearer than %v, at %s at the earliest: %w",
			from.Format(time.RFC3339), b.cfg.Lead, earliest.Format(time.RFC3339), ErrState)
	}
	return from, nil
}

// heads returns all heads of the book.
func (b *Book) heads(ctx context.Context) ([]Head, error) {
	var heads []Head
	for h, err := range b.store.Heads(ctx, b.name, 0) {
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, nil
}

func newestOf(heads []Head) uint64 {
	if len(heads) == 0 {
		return 0
	}
	return heads[len(heads)-1].Version
}

// inTheWay returns the first armed version that would never be in force once p
// is: of all that are effective the highest counts, and p's is the highest. One
// that a later version stands in front of already is dead as it is.
func inTheWay(heads []Head, p Publication) (Head, bool) {
	for i, h := range heads {
		if !h.EffectiveFrom.After(p.At) || h.EffectiveFrom.Before(p.EffectiveFrom) {
			continue
		}
		dead := false
		for _, later := range heads[i+1:] {
			dead = dead || !later.EffectiveFrom.After(h.EffectiveFrom)
		}
		if !dead {
			return h, true
		}
	}
	return Head{}, false
}

// Snapshot reads a published version and compiles it, however old: with its
// query, it gives the same quote again. [ErrNotFound] without that version, also
// once it was pruned; [ErrTorn] when what the store has is not what was
// published.
func (b *Book) Snapshot(ctx context.Context, version uint64) (*Snapshot, error) {
	s, err := b.snapshot(ctx, version)
	if err != nil {
		return nil, fmt.Errorf("pricing: book %q: version %d: %w", b.name, version, err)
	}
	return s, nil
}

func (b *Book) snapshot(ctx context.Context, version uint64) (*Snapshot, error) {
	if version == 0 {
		return nil, ErrNotFound // a draft is no version
	}
	for h, err := range b.store.Heads(ctx, b.name, version-1) {
		if err != nil {
			return nil, err
		}
		if h.Version != version {
			break
		}
		r := reader{store: b.store, book: b.name}
		return r.load(ctx, h)
	}
	return nil, ErrNotFound
}
