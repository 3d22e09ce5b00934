package lease

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
	"time"
)

// A Table is rows by key. It is not safe for concurrent use. Make one with [New].
type Table[T any] struct {
	rows map[string]*row[T]
	// owned are the keys of an owner's rows that are not over.
	owned map[string][]string
	// queue has an entry for every due time that a row has or had; those that are no
	// longer its own are passed over when they come up.
	queue dueQueue
}

// A row stays when it is over: its fence goes on from there.
type row[T any] struct {
	value  T
	owner  string
	due    time.Time
	fence  int64
	leased time.Time // when its lease ends; zero: it has none
	over   bool
}

// A Lease is a row that a worker has until a time.
type Lease[T any] struct {
	Value     T
	Fence     int64
	Until     time.Time
	Abandoned bool // an earlier lease ended without an Ack
}

// New returns an empty table.
func New[T any]() *Table[T] {
	return &Table[T]{rows: make(map[string]*row[T]), owned: make(map[string][]string)}
}

// Fence returns the fence of a row that is not over, 0 without one.
func (t *Table[T]) Fence(key string) int64 {
	if r := t.rows[key]; r != nil && !r.over {
		return r.fence
	}
	return 0
}

// Put adds a row, or gives it new terms; a lease of it goes on. O(log n).
func (t *Table[T]) Put(key, owner string, due time.Time, value T) {
	r := t.rows[key]
	if r == nil {
		r = &row[T]{over: true}
		t.rows[key] = r
	}
	if r.over {
		r.over, r.owner = false, owner
		t.owned[owner] = append(t.owned[owner], key)
	}
	r.value, r.due = value, due
	heap.Push(&t.queue, entry{due, key})
}

// Ack ends a row's lease.
func (t *Table[T]) Ack(key string) { t.rows[key].leased = time.Time{} }

// End makes a row over, if there is one.
func (t *Table[T]) End(key string) {
	r := t.rows[key]
	if r == nil || r.over {
		return
	}
	owned := slices.DeleteFunc(t.owned[r.owner], func(k string) bool { return k == key })
	if t.owned[r.owner] = owned; len(owned) == 0 {
		delete(t.owned, r.owner)
	}
	*r = row[T]{fence: r.fence, over: true}
}

// Take leases a row, if it is due and not leased.
func (t *Table[T]) Take(key string, at, until time.Time) {
	if r := t.rows[key]; r != nil && r.claimable(at) {
		r.lease(until)
	}
}

func (r *row[T]) claimable(at time.Time) bool {
	return !r.over && !r.due.After(at) && !r.leased.After(at)
}

func (r *row[T]) lease(until time.Time) Lease[T] {
	abandoned := !r.leased.IsZero()
	r.fence++
	r.leased = until
	return Lease[T]{Value: r.value, Fence: r.fence, Until: until, Abandoned: abandoned}
}

// Claim leases at most limit rows, the earliest due first and of those due at once
// the smaller key. With an owner it looks at that one's rows alone. O(k log n) for k
// rows that are due, those that others have among them.
func (t *Table[T]) Claim(owner string, at, until time.Time, limit int) []Lease[T] {
	if owner != "" {
		return t.claimOwned(owner, at, until, limit)
	}
	var leases []Lease[T]
	var due []entry // in the queue again afterwards
	for len(leases) < limit && len(t.queue) > 0 && !t.queue[0].due.After(at) {
		e := heap.Pop(&t.queue).(entry) //nolint:errcheck,forcetypeassert // the queue has no others
		r := t.rows[e.key]
		if r.over || !r.due.Equal(e.due) {
			continue
		}
		due = append(due, e)
		if r.claimable(at) {
			leases = append(leases, r.lease(until))
		}
	}
	for _, e := range due {
		heap.Push(&t.queue, e)
	}
	return leases
}

// claimOwned claims of one owner's rows, which are few.
func (t *Table[T]) claimOwned(owner string, at, until time.Time, limit int) []Lease[T] {
	var due []entry
	for _, key := range t.owned[owner] {
		if r := t.rows[key]; r.claimable(at) {
			due = append(due, entry{r.due, key})
		}
	}
	slices.SortFunc(due, entry.compare)
	var leases []Lease[T]
	for _, e := range due[:min(len(due), limit)] {
		leases = append(leases, t.rows[e.key].lease(until))
	}
	return leases
}

// Owned returns an owner's rows that are not over, the earliest due first and of those due
// at once the smaller key.
func (t *Table[T]) Owned(owner string) []T {
	rows := make([]entry, len(t.owned[owner]))
	for i, key := range t.owned[owner] {
		rows[i] = entry{t.rows[key].due, key}
	}
	slices.SortFunc(rows, entry.compare)
	values := make([]T, len(rows))
	for i, e := range rows {
		values[i] = t.rows[e.key].value
	}
	return values
}

// A dueQueue is a heap, the earliest first.
type dueQueue []entry

type entry struct {
	due time.Time
	key string
}

func (e entry) compare(o entry) int {
	return cmp.Or(e.due.Compare(o.due), strings.Compare(e.key, o.key))
}

func (q *dueQueue) Len() int           { return len(*q) }
func (q *dueQueue) Less(i, j int) bool { return (*q)[i].compare((*q)[j]) < 0 }
func (q *dueQueue) Swap(i, j int)      { (*q)[i], (*q)[j] = (*q)[j], (*q)[i] }

// Push implements [heap.Interface].
func (q *dueQueue) Push(e any) { *q = append(*q, e.(entry)) } //nolint:errcheck,forcetypeassert // the queue has no others

// Pop implements [heap.Interface].
func (q *dueQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}
