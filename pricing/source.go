package pricing

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenon-go/tenon/pricing/internal/limits"
)

// SourceConfig is a [Source]'s. Its zero value is ready to use.
type SourceConfig struct {
	// Every is the time from the end of a poll to the next; 0 means 5 s. An engine
	// is unsure once its last poll began longer than Lead - Skew - 5 s ago.
	Every time.Duration
	// Jitter is the part of that time by which it varies at random, up and down,
	// so that nodes that were started together do not poll together; 0 means 0.2,
	// and it is below 1.
	Jitter float64
	// MaxBackoff is the longest wait after failed polls, each of which doubles it;
	// 0 means 10 s, or Every if that is longer.
	MaxBackoff time.Duration
	// Timeout ends a poll that hangs; 0 means 1 minute.
	Timeout time.Duration
	// Rand returns a number in [0, 1); nil means rand.Float64.
	Rand func() float64
	// Now is the clock of Confirm; nil means the engine's.
	Now func() time.Time
	// OnError is told why a poll failed, once per poll and never twice at a time;
	// nil means slog.Default.
	OnError func(error)
}

func (c SourceConfig) withDefaults(e *Engine) (SourceConfig, error) {
	if c.Every == 0 {
		c.Every = 5 * time.Second
	}
	if c.Jitter == 0 {
		c.Jitter = 0.2
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = max(10*time.Second, c.Every)
	}
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	if c.Rand == nil {
		c.Rand = rand.Float64 //nolint:forbidigo // the default of an injected source
	}
	if c.Now == nil && e != nil {
		c.Now = e.cfg.Now
	}
	var errs []error
	if c.Every < 0 {
		errs = append(errs, fmt.Errorf("pricing: source: Every is %v, below zero", c.Every))
	}
	if !(c.Jitter >= 0 && c.Jitter < 1) { // also not a number
		errs = append(errs, fmt.Errorf("pricing: source: Jitter is %v, not in [0, 1)", c.Jitter))
	}
	if c.MaxBackoff < c.Every {
		errs = append(errs, fmt.Errorf("pricing: source: MaxBackoff is %v, below Every, %v", c.MaxBackoff, c.Every))
	}
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("pricing: source: Timeout is %v, below zero", c.Timeout))
	}
	return c, errors.Join(errs...)
}

// A Source feeds an [Engine] with the versions of a book as they are published.
// It polls: where nothing changed, a poll is one question to the store, and of a
// new version it fetches only the parts that the version before it did not have.
// It keeps the newest version's parts as they came, about the size of its JSON.
//
// Nothing that a store says is believed: the digest of every part and set is
// computed anew. A set that is incomplete or altered, or that does not compile,
// reaches the engine in no part; the engine goes on with what it has, and the
// next poll tries again. A version that is over by then no longer stops those
// after it: the engine then forgets all before the gap, rather than answer for
// its time with a version that was not in force.
type Source struct {
	reader reader
	engine *Engine
	cfg    SourceConfig
	busy   chan struct{} // full while a poll is under way; guards reader
}

// NewSource returns a source for that book of the store, which need not be there
// yet, or all that is wrong with what it is given. It starts nothing: call Run,
// or Refresh as often as you like.
func NewSource(store Store, book string, e *Engine, cfg SourceConfig) (*Source, error) {
	cfg, err := cfg.withDefaults(e)
	errs := []error{err}
	if store == nil {
		errs = append(errs, errors.New("pricing: source: no store"))
	}
	if e == nil {
		errs = append(errs, errors.New("pricing: source: no engine"))
	}
	if err := limits.Book(book); err != nil {
		errs = append(errs, fmt.Errorf("pricing: source: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Source{reader: reader{store: store, book: book}, engine: e, cfg: cfg, busy: make(chan struct{}, 1)}, nil
}

// Run polls at once and then until ctx ends, and returns its cause. Errors go to
// OnError.
func (s *Source) Run(ctx context.Context) error {
	wait := s.cfg.Every
	for {
		switch err := s.poll(ctx); {
		case ctx.Err() != nil:
			return fmt.Errorf("pricing: source %q: %w", s.reader.book, context.Cause(ctx))
		case err != nil:
			wait = min(2*wait, s.cfg.MaxBackoff)
			s.report(ctx, err)
		default:
			wait = s.cfg.Every
		}
		timer := time.NewTimer(s.jittered(wait)) //nolint:forbidigo // tested in testing/synctest
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("pricing: source %q: %w", s.reader.book, context.Cause(ctx))
		}
	}
}

// poll is a Refresh that cannot hang for ever.
func (s *Source) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.Timeout, fmt.Errorf("no answer within %v", s.cfg.Timeout))
	defer cancel()
	_, err := s.Refresh(ctx)
	return err
}

func (s *Source) jittered(wait time.Duration) time.Duration {
	spread := (2*s.cfg.Rand() - 1) * s.cfg.Jitter
	return min(wait+time.Duration(spread*float64(wait)), s.cfg.MaxBackoff)
}

func (s *Source) report(ctx context.Context, err error) {
	if s.cfg.OnError != nil {
		s.cfg.OnError(err)
		return
	}
	slog.Default().ErrorContext(ctx, "price book not refreshed", "book", s.reader.book, "error", err)
}

// Refresh polls once: it loads all versions that the engine does not have, at
// first only those in force, armed or within Config.Keep, publishes them at once,
// and confirms the time at which it began. It returns how many it loaded, which
// can be some beside an error. Concurrent calls wait for each other.
//
// Errors are those of the store, [ErrTorn] for a set that is incomplete or
// altered, [ErrConflict] when the store has another set than the engine under
// the same version, none at all where there was one, or a newer one than asked
// for, and a [*CompileError].
func (s *Source) Refresh(ctx context.Context) (loaded int, err error) {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return 0, fmt.Errorf("pricing: source %q: %w", s.reader.book, context.Cause(ctx))
	}
	if loaded, err = s.refresh(ctx); err != nil {
		err = fmt.Errorf("pricing: source %q: %w", s.reader.book, err)
	}
	return loaded, err
}

func (s *Source) refresh(ctx context.Context) (int, error) {
	began := s.cfg.Now()
	heads, gap, err := s.newHeads(ctx)
	if err != nil {
		return 0, err
	}
	c := s.catchUp(ctx, heads, began)
	if len(c.list) > 0 {
		if err := s.engine.extend(c.list, c.gap || gap); err != nil {
			return 0, errors.Join(append(c.errs, err)...)
		}
	}
	if c.whole {
		s.engine.Confirm(began)
	}
	return len(c.list), errors.Join(c.errs...)
}

// newHeads returns the heads above the engine's newest version, and whether some
// below them are lost to pruning. It asks for the newest as well: a store that
// was restored from a backup may have given its number to another set since.
func (s *Source) newHeads(ctx context.Context) (heads []Head, gap bool, err error) {
	newest := s.engine.newest()
	var have, after uint64
	if newest != nil {
		have = newest.Version()
		after = have - 1
	}
	last := after
	for h, err := range s.reader.store.Heads(ctx, s.reader.book, after) {
		switch {
		case err != nil:
			return nil, false, err
		case h.Version != last+1 && (last != after || h.Version <= after):
			return nil, false, fmt.Errorf("version %d follows version %d: %w", h.Version, last, ErrTorn)
		case h.Version == have && (h.Digest != newest.Digest() || !h.EffectiveFrom.Equal(newest.EffectiveFrom())):
			return nil, false, fmt.Errorf("version %d is another one than the engine has: %w", have, ErrConflict)
		case h.Version != have:
			heads = append(heads, h)
		}
		last = h.Version
	}
	if last < have {
		return nil, false, fmt.Errorf("version %d, which the engine has, is gone: %w", have, ErrConflict)
	}
	return heads, len(heads) > 0 && heads[0].Version != have+1, nil
}

// A catchUp is what one poll brings.
type catchUp struct {
	list  []*Snapshot // ascending; to be published at once
	gap   bool        // a version before them was left out
	whole bool        // nothing is missing that is in force or armed
	errs  []error
}

// catchUp loads the versions that count at now: the one in force, those armed,
// and Keep past ones. A past one that cannot be had is no reason to price by an
// even older one; without the one in force, nothing is used.
func (s *Source) catchUp(ctx context.Context, heads []Head, now time.Time) (c catchUp) {
	current := lastEffective(heads, Head.effectiveFrom, now)
	first := max(0, current-s.engine.cfg.Keep)
	c.gap = first > 0
	for i := first; i < len(heads); i++ {
		snapshot, err := s.reader.load(ctx, heads[i])
		if err == nil {
			c.list = append(c.list, snapshot)
			continue
		}
		c.errs = append(c.errs, fmt.Errorf("version %d: %w", heads[i].Version, err))
		if i <= current {
			c.list, c.gap = nil, true
		}
		if i >= current || ctx.Err() != nil {
			return c
		}
	}
	c.whole = true
	return c
}

func (h Head) effectiveFrom() time.Time { return h.EffectiveFrom }

// A reader reads published versions and keeps the parts of the last one, by
// digest, so as not to fetch again what the next one shares with it.
type reader struct {
	store Store
	book  string
	parts map[Digest][]byte
}

// load reads the version of a head and compiles it. What the store says has to
// fit together: the head's digest to the manifest, the manifest's to the parts.
func (r *reader) load(ctx context.Context, h Head) (*Snapshot, error) {
	m, err := r.store.Manifest(ctx, r.book, h.Version)
	switch {
	case err != nil:
		return nil, err
	case m.Version > h.Version:
		return nil, fmt.Errorf("the store answers with version %d: %w", m.Version, ErrConflict)
	case m.Version != h.Version:
		return nil, fmt.Errorf("the store answers with version %d: %w", m.Version, ErrTorn)
	case m.Digest() != h.Digest:
		return nil, fmt.Errorf("the manifest is not that of the head: %w", ErrTorn)
	}
	if err := r.fetch(ctx, m); err != nil {
		return nil, err
	}
	parts := make([]Part, 0, len(m.Parts))
	for _, d := range m.Parts {
		if d != (Digest{}) {
			parts = append(parts, Part{Digest: d, Data: r.parts[d]})
		}
	}
	rs, err := Join(m, parts)
	if err != nil {
		return nil, err
	}
	r.keep(parts)
	rs.Version, rs.EffectiveFrom = h.Version, h.EffectiveFrom
	return Compile(rs)
}

// fetch asks for the parts of m that are not here. Those that arrive whole stay,
// also when others do not, so that a retry has less to ask for.
func (r *reader) fetch(ctx context.Context, m Manifest) error {
	missing := make(map[Digest]bool)
	for _, d := range m.Parts {
		if _, ok := r.parts[d]; !ok && d != (Digest{}) {
			missing[d] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if r.parts == nil {
		r.parts = make(map[Digest][]byte, len(missing))
	}
	for p, err := range r.store.Parts(ctx, r.book, slices.Collect(maps.Keys(missing))) {
		switch {
		case err != nil:
			return err
		case !missing[p.Digest]:
			return fmt.Errorf("part %x was not asked for: %w", p.Digest[:4], ErrTorn)
		case sha256.Sum256(p.Data) != p.Digest:
			return fmt.Errorf("part %x is altered: %w", p.Digest[:4], ErrTorn)
		}
		r.parts[p.Digest] = p.Data
		delete(missing, p.Digest)
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d parts are missing: %w", len(missing), ErrTorn)
	}
	return nil
}

// keep lets go of all parts but these.
func (r *reader) keep(parts []Part) {
	clear(r.parts)
	for _, p := range parts {
		r.parts[p.Digest] = p.Data
	}
}
