package pricing

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// commitTime is how long a publication may take from its At to its commit. It
// stands between a Book, which ends what takes longer, and an Engine, which
// counts on that.
const commitTime = 5 * time.Second

// Config is an [Engine]'s. Its zero value is ready to use.
type Config struct {
	// Keep is how many versions before the one in force stay, for AtVersion and
	// for queries of the past; 0 means 4.
	Keep int
	// Lead is the time from a version's publication until it is in force that the
	// engine may count on: not above the Lead of the Book that publishes. 0 means
	// 20 s; it must be longer than Skew + 5 s, the time that a publication may take.
	Lead time.Duration
	// Skew is how far the clocks of two nodes may differ; 0 means 2 s.
	Skew time.Duration
	// RefuseUnsure answers ErrUnsure where a quote would be Unsure.
	RefuseUnsure bool
	// Now is the clock, also for queries without At; nil means time.Now.
	Now func() time.Time
}

func (c Config) withDefaults() (Config, error) {
	if c.Keep == 0 {
		c.Keep = 4
	}
	if c.Lead == 0 {
		c.Lead = 20 * time.Second
	}
	if c.Skew == 0 {
		c.Skew = 2 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	var errs []error
	if c.Keep < 0 {
		errs = append(errs, fmt.Errorf("pricing: engine: Keep is %d, below zero", c.Keep))
	}
	if c.Skew < 0 {
		errs = append(errs, fmt.Errorf("pricing: engine: Skew is %v, below zero", c.Skew))
	}
	if c.Lead <= max(c.Skew, 0)+commitTime {
		errs = append(errs, fmt.Errorf("pricing: engine: Lead is %v, not above %v, which is Skew + %v", c.Lead, max(c.Skew, 0)+commitTime, commitTime))
	}
	return c, errors.Join(errs...)
}

// An Engine prices by the version that is in force at a query's second: the
// highest with an EffectiveFrom at or before it. Versions whose time is to come
// are armed: they flip by that comparison, on every node in the same second and
// without a timer. Feed it by a [Source], or by hand with Publish.
//
// Make one with [New]. An Engine serves any number of goroutines. Queries read one atomic pointer and
// never wait, for a Publish neither.
type Engine struct {
	cfg      Config
	writing  sync.Mutex // one writer of timeline at a time
	timeline atomic.Pointer[timeline]
}

// A timeline is what an engine knows at one moment. It never changes.
type timeline struct {
	versions  []*Snapshot // ascending by version
	forgot    bool        // there were versions below the first
	confirmed time.Time   // when the last whole poll began; zero: never polled
}

// New returns an engine without a version, or all that is wrong with cfg.
func New(cfg Config) (*Engine, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg}
	e.timeline.Store(&timeline{})
	return e, nil
}

// Publish adds a version, in force or armed, and lets go of those beyond
// Config.Keep. A version must be newer than all before: an older one that is not
// here, or one that is here with another digest or EffectiveFrom, is
// [ErrConflict]; the very same again changes nothing. Version 0, a draft, is
// [ErrState]. A zero EffectiveFrom has always been in force.
func (e *Engine) Publish(s *Snapshot) error {
	if s == nil {
		return fmt.Errorf("pricing: engine: publish: no snapshot: %w", ErrState)
	}
	return e.extend([]*Snapshot{s}, false)
}

// extend publishes ascending snapshots at once: a query sees all of them or
// none. After a gap, a version that could not be had, nothing before them may
// answer for its time, and all of it is forgotten.
func (e *Engine) extend(list []*Snapshot, gap bool) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	next := *e.timeline.Load()
	next.versions = slices.Clone(next.versions)
	if gap {
		next.versions, next.forgot = nil, true
	}
	for _, s := range list {
		if err := next.add(s); err != nil {
			return err
		}
	}
	next.trim(e.cfg.Keep, e.cfg.Now())
	e.timeline.Store(&next)
	return nil
}

// add appends a newer version. It is called on a timeline that nobody else sees yet.
func (l *timeline) add(s *Snapshot) error {
	v := s.Version()
	if v == 0 {
		return fmt.Errorf("pricing: engine: publish: a draft has no version: %w", ErrState)
	}
	if len(l.versions) == 0 || v > l.versions[len(l.versions)-1].Version() {
		l.versions = append(l.versions, s)
		return nil
	}
	have, ok := l.version(v)
	switch {
	case !ok:
		return fmt.Errorf("pricing: engine: publish: version %d is older than version %d: %w",
			v, l.versions[len(l.versions)-1].Version(), ErrConflict)
	case have.Digest() != s.Digest():
		return fmt.Errorf("pricing: engine: publish: version %d is here with another digest: %w", v, ErrConflict)
	case !have.EffectiveFrom().Equal(s.EffectiveFrom()):
		return fmt.Errorf("pricing: engine: publish: version %d is here with another EffectiveFrom: %w", v, ErrConflict)
	}
	return nil
}

// trim forgets what lies more than keep versions before the one in force at now.
func (l *timeline) trim(keep int, now time.Time) {
	if drop := l.inForce(now) - keep; drop > 0 {
		l.versions = slices.Clone(l.versions[drop:])
		l.forgot = true
	}
}

// inForce returns the index of the version in force at at, or -1.
func (l *timeline) inForce(at time.Time) int {
	return lastEffective(l.versions, (*Snapshot).EffectiveFrom, at)
}

// lastEffective returns the index of what is in force at at, or -1, in a list by
// version: the highest that is effective, not the latest that became so, for a
// higher version in front of an armed one takes its place for good.
func lastEffective[T any](list []T, from func(T) time.Time, at time.Time) int {
	for i, v := range slices.Backward(list) {
		if !from(v).After(at) {
			return i
		}
	}
	return -1
}

func (l *timeline) version(v uint64) (*Snapshot, bool) {
	i, ok := slices.BinarySearchFunc(l.versions, v, func(s *Snapshot, v uint64) int {
		switch {
		case s.Version() < v:
			return -1
		case s.Version() > v:
			return 1
		}
		return 0
	})
	if !ok {
		return nil, false
	}
	return l.versions[i], true
}

// newest returns the highest version that the engine has, or nil.
func (e *Engine) newest() *Snapshot {
	l := e.timeline.Load()
	if len(l.versions) == 0 {
		return nil
	}
	return l.versions[len(l.versions)-1]
}

// At returns the version in force at a time, cut to its second; the zero time is
// now. [ErrState] before the first version is in force, [ErrNotFound] before the
// oldest of those kept.
func (e *Engine) At(at time.Time) (*Snapshot, error) {
	m, err := e.at(at)
	return m.snapshot, err
}

// AtVersion returns a version that the engine keeps, past, in force or armed.
// Older ones come by [Book.Snapshot].
func (e *Engine) AtVersion(v uint64) (*Snapshot, bool) {
	return e.timeline.Load().version(v)
}

// Confirm says that at asOf no version was published that the engine does not
// have. A [Source] calls it after each whole poll with the time at which that
// poll began. It never goes back. From the first Confirm on, a quote is Unsure
// (or ErrUnsure, by Config.RefuseUnsure) unless a poll began later than Lead -
// Skew - 5 s before its second: then, and as long as clocks agree within Skew,
// every version in force at that second is here, save one published as
// Immediate. An engine that was never confirmed is never unsure.
func (e *Engine) Confirm(asOf time.Time) {
	e.writing.Lock()
	defer e.writing.Unlock()
	next := *e.timeline.Load()
	if asOf.After(next.confirmed) {
		next.confirmed = asOf
		e.timeline.Store(&next)
	}
}

// A moment is what an engine knows about one second.
type moment struct {
	at       time.Time
	snapshot *Snapshot
	next     time.Time // when the next armed version takes over; zero: none
	unsure   bool
}

// at looks a second up in the timeline, from one load of it.
func (e *Engine) at(at time.Time) (moment, error) {
	if at.IsZero() {
		at = e.cfg.Now()
	}
	m := moment{at: at.UTC().Truncate(time.Second)}
	l := e.timeline.Load()
	i := l.inForce(m.at)
	if i < 0 {
		if l.forgot {
			return m, fmt.Errorf("pricing: engine: %s is before the oldest version kept: %w", m.at.Format(time.RFC3339), ErrNotFound)
		}
		return m, fmt.Errorf("pricing: engine: no version in force at %s: %s: %w", m.at.Format(time.RFC3339), l.waiting(), ErrState)
	}
	m.snapshot = l.versions[i]
	for _, s := range l.versions[i+1:] { // all of them armed, or inForce had found them
		m.next = earlier(m.next, s.EffectiveFrom())
	}
	if !l.confirmed.IsZero() {
		m.unsure = !l.confirmed.After(m.at.Add(e.cfg.Skew + commitTime - e.cfg.Lead))
	}
	if m.unsure && e.cfg.RefuseUnsure {
		return m, fmt.Errorf("pricing: engine: last poll began %s: %w", l.confirmed.Format(time.RFC3339), ErrUnsure)
	}
	return m, nil
}

// waiting says what there is where no version is in force yet.
func (l *timeline) waiting() string {
	if len(l.versions) == 0 {
		return "none was published to the engine, by hand or by a source of a book of that name"
	}
	first := l.versions[0]
	for _, s := range l.versions {
		if s.EffectiveFrom().Before(first.EffectiveFrom()) {
			first = s
		}
	}
	return fmt.Sprintf("version %d is armed for %s", first.Version(), first.EffectiveFrom().Format(time.RFC3339))
}

// earlier returns the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Price answers a query by the version in force at its second; without At, at
// that of Config.Now. Beside the errors of a [Snapshot]: those of At, and
// [ErrUnsure] by Config.RefuseUnsure.
func (e *Engine) Price(q Query) (Quote, error) {
	var quote Quote
	err := e.PriceInto(&q, &quote)
	return quote, err
}

// PriceInto is Price into dst, whose steps it reuses: it allocates nothing where
// the snapshot does not. On an error dst holds Err alone.
func (e *Engine) PriceInto(q *Query, dst *Quote) error {
	m, err := e.at(q.At)
	if err != nil {
		return failQuote(dst, err)
	}
	return m.priceInto(q, dst)
}

// priceInto prices q at the moment's second.
func (m *moment) priceInto(q *Query, dst *Quote) error {
	if q.At.IsZero() {
		filled := *q // the query is the caller's and may be shared
		filled.At = m.at
		q = &filled
	}
	if err := m.snapshot.PriceInto(q, dst); err != nil {
		return err
	}
	m.mark(dst)
	return nil
}

// mark adds to a quote what only the engine knows.
func (m *moment) mark(q *Quote) {
	q.NextChange = earlier(q.NextChange, m.next)
	q.Unsure = m.unsure
}

// PriceBatch prices all queries by one version at one second: the one second of
// those with an At, else that of Config.Now. Each line's error is in its quote;
// the returned one is about the call, and then in every quote too: [ErrQuery] for
// lists of unequal length or two seconds, and those that Price adds to a
// Snapshot's.
func (e *Engine) PriceBatch(qs []Query, dst []Quote) error {
	if err := checkBatch(qs, dst); err != nil {
		return failAll(dst, err)
	}
	var at time.Time
	for i := range qs {
		if at = qs[i].At; !at.IsZero() {
			break
		}
	}
	m, err := e.at(at)
	if err != nil {
		return failAll(dst, err)
	}
	for i := range qs {
		_ = m.priceInto(&qs[i], &dst[i]) // the line's error is in its quote
	}
	return nil
}

// Explain answers as Price does and says why each other rule in scope did not
// apply, as [Snapshot.Explain] does; the error is one that Price adds to a
// Snapshot's, or the Snapshot's own.
func (e *Engine) Explain(q Query) (Explanation, error) {
	m, err := e.at(q.At)
	if err != nil {
		return Explanation{Quote: Quote{Err: err}}, err
	}
	q.At = m.at // the query is a copy
	x, err := m.snapshot.Explain(q)
	if err == nil && x.Err == nil {
		m.mark(&x.Quote)
	}
	return x, err
}
