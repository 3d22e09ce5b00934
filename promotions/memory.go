package promotions

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"
)

// A MemoryStore is a [Store] that lives as long as its process. It is a whole
// store, for tests and for programs that keep their ledger in one process, and is
// safe for concurrent use: writes wait for each other only where they name the
// same accounts or keys.
type MemoryStore struct {
	// Locks are taken in this order: accounts by id, then the key's of keys, then mu.
	// An entry has no lock of its own: one that is refused is then never made.
	keys [64]sync.Mutex
	seed maphash.Seed

	mu       sync.RWMutex
	accounts map[string]*memoryAccount
	entries  map[string]*memoryEntry
	due      dueHeap // the reserved entries
}

type memoryAccount struct {
	mu  sync.Mutex
	now Account
}

type memoryEntry struct {
	now Entry // guarded by the key's lock

	// What the heap knows, guarded by MemoryStore.mu.
	key     string
	expires time.Time
	place   int // -1: not in it
}

var _ Store = (*MemoryStore)(nil)

// NewMemoryStore returns an empty store in memory.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		seed:     maphash.MakeSeed(),
		accounts: make(map[string]*memoryAccount),
		entries:  make(map[string]*memoryEntry),
	}
}

// Accounts implements [Store].
func (s *MemoryStore) Accounts(ctx context.Context, ids []string) ([]Account, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("promotions: memory store: accounts: %w", context.Cause(ctx))
	}
	locked, unlock := s.lock(s.known(ids))
	for len(s.known(ids)) > len(locked) { // one came into being meanwhile, and perhaps with others that are locked
		unlock()
		locked, unlock = s.lock(s.known(ids))
	}
	defer unlock()
	list := make([]Account, len(ids))
	for i, id := range ids {
		list[i] = Account{ID: id}
		if a := locked[id]; a != nil {
			list[i] = a.now
		}
	}
	return list, nil
}

// known are those of these ids that have an account, in order, each once.
func (s *MemoryStore) known(ids []string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	known := make([]string, 0, len(ids))
	for _, id := range ids {
		if s.accounts[id] != nil {
			known = append(known, id)
		}
	}
	return ordered(known)
}

// ordered sorts ids and drops repetitions.
func ordered(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}

// lock locks accounts, whose ids are in order, and makes those that are not there.
func (s *MemoryStore) lock(ids []string) (locked map[string]*memoryAccount, unlock func()) {
	locked = make(map[string]*memoryAccount, len(ids))
	for _, id := range ids {
		a := s.account(id)
		a.mu.Lock()
		locked[id] = a
	}
	return locked, func() {
		for _, a := range locked {
			a.mu.Unlock()
		}
	}
}

// account returns an account, which it makes if it has to.
func (s *MemoryStore) account(id string) *memoryAccount {
	s.mu.RLock()
	a := s.accounts[id]
	s.mu.RUnlock()
	if a != nil {
		return a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a = s.accounts[id]; a == nil {
		a = &memoryAccount{now: Account{ID: id}}
		s.accounts[id] = a
	}
	return a
}

// Entry implements [Store].
func (s *MemoryStore) Entry(ctx context.Context, key string) (Entry, error) {
	if ctx.Err() != nil {
		return Entry{}, fmt.Errorf("promotions: memory store: entry %q: %w", key, context.Cause(ctx))
	}
	if e, ok := s.read(key); ok {
		return e, nil
	}
	return Entry{}, fmt.Errorf("promotions: memory store: entry %q: %w", key, ErrNotFound)
}

func (s *MemoryStore) read(key string) (Entry, bool) {
	defer s.lockKey(key)()
	e := s.entry(key)
	if e == nil {
		return Entry{}, false
	}
	return e.now.clone(), true
}

func (s *MemoryStore) lockKey(key string) (unlock func()) {
	mu := &s.keys[maphash.String(s.seed, key)%uint64(len(s.keys))]
	mu.Lock()
	return mu.Unlock
}

// entry returns an entry, nil where there is none. The key is locked.
func (s *MemoryStore) entry(key string) *memoryEntry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries[key]
}

// Apply implements [Store].
func (s *MemoryStore) Apply(ctx context.Context, b Batch) (Entry, error) {
	if ctx.Err() != nil {
		return Entry{}, fmt.Errorf("promotions: memory store: apply %q: %w", b.Key, context.Cause(ctx))
	}
	e, err := s.apply(b)
	if err != nil {
		return Entry{}, fmt.Errorf("promotions: memory store: apply %q: %w", b.Key, err)
	}
	return e, nil
}

func (s *MemoryStore) apply(b Batch) (Entry, error) {
	if err := b.Check(); err != nil {
		return Entry{}, err
	}
	ids := make([]string, len(b.Moves))
	for i, m := range b.Moves {
		ids[i] = m.Account
	}
	locked, unlock := s.lock(ordered(ids))
	defer unlock()
	defer s.lockKey(b.Key)()
	e := s.entry(b.Key)
	if e == nil {
		e = &memoryEntry{key: b.Key, place: -1}
	}
	balances := make(map[string]Account, len(locked))
	for id, a := range locked {
		balances[id] = a.now
	}
	after, err := b.Decide(e.now.Version, balances)
	if err != nil {
		return Entry{}, err
	}
	for _, a := range after {
		locked[a.ID].now = a
	}
	e.now = b.Entry.clone()
	e.now.Key, e.now.Version = b.Key, b.Version+1
	s.schedule(e)
	return e.now.clone(), nil
}

// schedule puts an entry where readers and the heap find it.
func (s *MemoryStore) schedule(e *memoryEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[e.key] = e
	e.expires = e.now.Expires
	switch reserved := e.now.State == Reserved; {
	case reserved && e.place < 0:
		heap.Push(&s.due, e)
	case reserved:
		heap.Fix(&s.due, e.place)
	case e.place >= 0:
		heap.Remove(&s.due, e.place)
	}
}

// Due implements [Store].
func (s *MemoryStore) Due(ctx context.Context, before time.Time, most int) ([]string, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("promotions: memory store: due: %w", context.Cause(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	var taken []*memoryEntry
	for len(s.due) > 0 && len(keys) < most && !s.due[0].expires.After(before) {
		e, ok := heap.Pop(&s.due).(*memoryEntry)
		if !ok {
			panic("promotions: memory store: the heap holds entries alone")
		}
		keys, taken = append(keys, e.key), append(taken, e)
	}
	for _, e := range taken {
		heap.Push(&s.due, e)
	}
	return keys, nil
}

// Entries implements [Store]. The keys are those of the moment in which the loop
// begins, the entries as they are when it comes to them.
func (s *MemoryStore) Entries(ctx context.Context, after string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, key := range s.above(after) {
			if ctx.Err() != nil {
				yield(Entry{}, fmt.Errorf("promotions: memory store: entries: %w", context.Cause(ctx)))
				return
			}
			if e, ok := s.read(key); ok && !yield(e, nil) {
				return
			}
		}
		if ctx.Err() != nil {
			yield(Entry{}, fmt.Errorf("promotions: memory store: entries: %w", context.Cause(ctx)))
		}
	}
}

func (s *MemoryStore) above(after string) []string {
	s.mu.RLock()
	keys := make([]string, 0, len(s.entries))
	for key := range s.entries {
		if key > after {
			keys = append(keys, key)
		}
	}
	s.mu.RUnlock()
	slices.Sort(keys)
	return keys
}

// clone returns a copy that shares nothing, its time as stores keep it.
func (e Entry) clone() Entry {
	e.Debits = slices.Clone(e.Debits)
	e.Reversals = slices.Clone(e.Reversals)
	for i := range e.Reversals {
		e.Reversals[i].Amounts = maps.Clone(e.Reversals[i].Amounts)
	}
	e.Result = slices.Clone(e.Result)
	e.Expires = e.Expires.UTC().Truncate(time.Microsecond)
	return e
}

// A dueHeap has the entry that expires first on top.
type dueHeap []*memoryEntry

// Len implements [heap.Interface].
func (h *dueHeap) Len() int { return len(*h) }

// Less implements [heap.Interface].
func (h *dueHeap) Less(i, j int) bool {
	a, b := (*h)[i], (*h)[j]
	return cmp.Or(a.expires.Compare(b.expires), cmp.Compare(a.key, b.key)) < 0
}

// Swap implements [heap.Interface].
func (h *dueHeap) Swap(i, j int) {
	list := *h
	list[i], list[j] = list[j], list[i]
	list[i].place, list[j].place = i, j
}

// Push implements [heap.Interface].
func (h *dueHeap) Push(x any) {
	e, ok := x.(*memoryEntry)
	if !ok {
		panic("promotions: memory store: the heap holds entries alone")
	}
	e.place = len(*h)
	*h = append(*h, e)
}

// Pop implements [heap.Interface].
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	last.place = -1
	*h = (*h)[:len(*h)-1]
	return last
}
