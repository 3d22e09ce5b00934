package stock

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"
)

// A MemoryStore is a [Store], [Applier] and [Lister] in memory. It is safe for
// concurrent use: calls of other SKUs and holds seldom wait for each other.
type MemoryStore struct {
	seed   maphash.Seed
	shards [shardCount]shard
}

var _ interface {
	Store
	Applier
	Lister
} = (*MemoryStore)(nil)

// shardCount is that of the bits in a mask.
const shardCount = 64

// A shard is the levels of some SKUs and the holds of some ids.
type shard struct {
	mu     sync.Mutex
	levels map[Key]*level
	holds  map[string]*hold // the ended ones too
	live   map[string]*hold
}

type level struct {
	onHand, reserved int64
	holds            map[*hold]struct{} // the live ones
	next             time.Time          // none of them ends sooner
}

// A hold is written with all shards of its id and its lines locked, so that one of
// them is enough to read it.
type hold struct {
	id    string
	lines []Line // as by Sum; never written
	until time.Time
	state state
}

type state string

const (
	live      state = "live"
	committed state = "committed"
	released  state = "released"
	expired   state = "expired"
)

// A mask is a set of shards.
type mask uint64

const all = ^mask(0)

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	s := &MemoryStore{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i] = shard{levels: map[Key]*level{}, holds: map[string]*hold{}, live: map[string]*hold{}}
	}
	return s
}

// Reserve implements [Store].
func (s *MemoryStore) Reserve(ctx context.Context, at time.Time, h Hold) error {
	return s.one(ctx, at, Move{Kind: MoveReserve, Hold: h.ID, Lines: h.Lines, Until: h.Until})
}

// Extend implements [Store].
func (s *MemoryStore) Extend(ctx context.Context, at time.Time, id string, until time.Time) error {
	return s.one(ctx, at, Move{Kind: MoveExtend, Hold: id, Until: until})
}

// Release implements [Store].
func (s *MemoryStore) Release(ctx context.Context, at time.Time, id string) error {
	return s.one(ctx, at, Move{Kind: MoveRelease, Hold: id})
}

// Commit implements [Store].
func (s *MemoryStore) Commit(ctx context.Context, at time.Time, id string) error {
	return s.one(ctx, at, Move{Kind: MoveCommit, Hold: id})
}

func (s *MemoryStore) one(ctx context.Context, at time.Time, m Move) error {
	err := m.Check(at)
	if err == nil {
		err = s.apply(ctx, at, []Move{m})
	}
	if err != nil {
		return fmt.Errorf("stock: %w", err)
	}
	return nil
}

// Apply implements [Applier].
func (s *MemoryStore) Apply(ctx context.Context, at time.Time, moves []Move) error {
	err := CheckMoves(at, moves)
	if err == nil {
		err = s.apply(ctx, at, moves)
	}
	if err != nil {
		return fmt.Errorf("stock: apply: %w", err)
	}
	return nil
}

// errLocks says that a change needs more shards than it has locked.
var errLocks = errors.New("more shards needed")

// apply makes the moves with all their shards locked. Which these are, it only
// learns under way, from the holds that it finds.
func (s *MemoryStore) apply(ctx context.Context, at time.Time, moves []Move) error {
	var m mask
	for _, move := range moves {
		m |= s.maskOf(move.Hold, move.Lines)
	}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c := change{store: s, at: at, locked: m}
		err := c.make(moves)
		if !errors.Is(err, errLocks) {
			return err
		}
		m |= c.needed
	}
}

// maskOf returns the shards of a hold. No id, or no lines, have none.
func (s *MemoryStore) maskOf(id string, lines []Line) (m mask) {
	if id != "" {
		m = 1 << s.index(id)
	}
	for _, l := range lines {
		m |= 1 << s.index(l.SKU)
	}
	return m
}

func (s *MemoryStore) index(name string) uint64 { return maphash.String(s.seed, name) % shardCount }

// lock locks shards in ascending order, the same for everyone.
func (s *MemoryStore) lock(m mask) {
	for rest := m; rest != 0; rest &= rest - 1 {
		s.shards[bits.TrailingZeros64(uint64(rest))].mu.Lock()
	}
}

func (s *MemoryStore) unlock(m mask) {
	for rest := m; rest != 0; rest &= rest - 1 {
		s.shards[bits.TrailingZeros64(uint64(rest))].mu.Unlock()
	}
}

func (s *MemoryStore) level(k Key) *level { return s.shards[s.index(k.SKU)].levels[k] }

// take reserves a hold's units, give gives them back.
func (s *MemoryStore) take(h *hold) {
	for _, line := range h.lines {
		l := s.level(line.Key)
		l.reserved += line.Quantity
		l.holds[h] = struct{}{}
		l.next = earlier(l.next, h.until)
	}
	s.shards[s.index(h.id)].live[h.id] = h
}

func (s *MemoryStore) give(h *hold) {
	for _, line := range h.lines {
		l := s.level(line.Key)
		l.reserved -= line.Quantity
		delete(l.holds, h)
	}
	delete(s.shards[s.index(h.id)].live, h.id)
}

func (s *MemoryStore) addOnHand(lines []Line, sign int64) {
	for _, line := range lines {
		s.level(line.Key).onHand += sign * line.Quantity
	}
}

// known returns the level of a key, which it makes where there is none.
func (s *MemoryStore) known(k Key) *level {
	levels := s.shards[s.index(k.SKU)].levels
	l := levels[k]
	if l == nil {
		l = &level{holds: map[*hold]struct{}{}, next: never()}
		levels[k] = l
	}
	return l
}

// Expire implements [Store].
func (s *MemoryStore) Expire(ctx context.Context, at time.Time, limit int) (n int, err error) {
	if limit < 1 {
		return 0, fmt.Errorf("stock: expire: %w", &InvalidError{Problems: []string{fmt.Sprintf("limit %d: want at least 1", limit)}})
	}
	dead := s.collect(func(h *hold) bool { return !h.until.After(at) })
	slices.SortFunc(dead, func(a, b Hold) int { return a.Until.Compare(b.Until) })
	for _, d := range dead {
		if ctx.Err() != nil {
			return n, fmt.Errorf("stock: expire: %w", context.Cause(ctx))
		}
		if n == limit {
			break
		}
		if s.expire(at, d) {
			n++
		}
	}
	return n, nil
}

// expire ends a hold, unless it has been ended or extended since it was collected.
func (s *MemoryStore) expire(at time.Time, d Hold) bool {
	m := s.maskOf(d.ID, d.Lines)
	s.lock(m)
	defer s.unlock(m)
	h := s.shards[s.index(d.ID)].live[d.ID]
	if h == nil || h.until.After(at) {
		return false
	}
	c := change{store: s, at: at, locked: m}
	c.finish(h, expired)
	return true
}

// collect returns copies of the live holds that want is true of, in no order.
func (s *MemoryStore) collect(want func(*hold) bool) (holds []Hold) {
	for i := range s.shards {
		one := &s.shards[i]
		one.mu.Lock()
		for _, h := range one.live {
			if want(h) {
				holds = append(holds, Hold{ID: h.id, Lines: slices.Clone(h.lines), Until: h.until})
			}
		}
		one.mu.Unlock()
	}
	return holds
}

// Holds implements [Lister]. It copies all live holds before the first is yielded.
func (s *MemoryStore) Holds(ctx context.Context) iter.Seq2[Hold, error] {
	return func(yield func(Hold, error) bool) {
		holds := s.collect(func(*hold) bool { return true })
		slices.SortFunc(holds, func(a, b Hold) int { return strings.Compare(a.ID, b.ID) })
		for _, h := range holds {
			if ctx.Err() != nil {
				yield(Hold{}, fmt.Errorf("stock: holds: %w", context.Cause(ctx)))
				return
			}
			if !yield(h, nil) {
				return
			}
		}
	}
}

// Levels implements [Store].
func (s *MemoryStore) Levels(ctx context.Context, keys []Key) ([]Level, error) {
	err := CheckKeys(keys)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("stock: levels: %w", err)
	}
	var m mask
	for _, k := range keys {
		m |= 1 << s.index(k.SKU)
	}
	s.lock(m)
	defer s.unlock(m)
	levels := make([]Level, len(keys))
	for i, k := range keys {
		levels[i].Key = k
		if l := s.level(k); l != nil {
			levels[i].OnHand, levels[i].Reserved = l.onHand, l.reserved
		}
	}
	return levels, nil
}

// SetOnHand implements [Store].
func (s *MemoryStore) SetOnHand(ctx context.Context, key Key, n int64) error {
	err := CheckOnHand(key, n)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = s.setOnHand(key, n)
	}
	if err != nil {
		return fmt.Errorf("stock: set %v: %w", key, err)
	}
	return nil
}

func (s *MemoryStore) setOnHand(key Key, n int64) error {
	m := mask(1) << s.index(key.SKU)
	s.lock(m)
	defer s.unlock(m)
	l := s.known(key)
	if n < l.reserved {
		return fmt.Errorf("%d on hand, %d reserved: %w", n, l.reserved, ErrReserved)
	}
	l.onHand = n
	return nil
}

// SetBuckets implements [Store]. There are none in memory, where a shard is locked
// for some hundred nanoseconds.
func (s *MemoryStore) SetBuckets(ctx context.Context, key Key, n int) error {
	err := CheckBuckets(key, n)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		m := mask(1) << s.index(key.SKU)
		s.lock(m)
		if s.level(key) == nil {
			err = ErrNotFound
		}
		s.unlock(m)
	}
	if err != nil {
		return fmt.Errorf("stock: set buckets of %v: %w", key, err)
	}
	return nil
}

// toMicros rounds down to what every store can keep.
func toMicros(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// never returns a time that is after those of all holds.
func never() time.Time { return time.Unix(1<<40, 0) }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
