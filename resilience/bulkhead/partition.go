package bulkhead

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Rest is the name in weights that stands for all names not listed: one partition for all of them.
const Rest = "*"

// maxWeight bounds a weight, so that limit times weight and the sum of weights are exact.
const maxWeight = 1 << 30

// Partitioned divides the slots of one limit into shares, one for each partition: a tenant, a kind of request. A share that its partition
// leaves idle is lent to those who need it; what is lent is not recalled, but comes back first to a partition that waits for its share. It
// is safe for concurrent use; NewPartitioned makes it.
type Partitioned struct {
	set atomic.Pointer[settings] // written under mu

	mu      sync.Mutex // guards the rest
	inUse   int
	parts   map[string]*part // those that have a weight
	all     []*part          // and others that still have calls or waiters, by name
	waiting []*part          // those that have waiters
	past    Stats            // the totals of partitions that are no more
}

// part is one partition. The lock of its owner guards it.
type part struct {
	owner  *Partitioned
	name   string
	weight int64
	share  int
	listed bool // has a weight, and not only calls that drain
	inUse  int
	queue  queue
	given  uint64              // permits
	full   uint64              // callers refused at once
	ends   [stopped + 1]uint64 // how many waiters ended, by fate
	ready  *FullError          // the refusal where all is as full as it gets
}

// NewPartitioned returns a bulkhead that lets limit calls run at once, 0 to MaxLimit, and gives each partition a share by its weight, 1 to
// 2^30: limit·weight/total by largest remainder, the first name where remainders are equal. So a small weight can have a share of 0, and
// lives on what others lend. The weight of Rest is that of all names not listed.
//
// Values that are out of range or contradict each other are an ErrConfig that names every problem.
func NewPartitioned(limit int, weights map[string]int, cfg Config) (*Partitioned, error) {
	p := new(Partitioned)
	if err := p.Reconfigure(limit, weights, cfg); err != nil {
		return nil, err
	}
	return p, nil
}

// Acquire is AcquireAt with priority 0.
func (p *Partitioned) Acquire(ctx context.Context, name string) (Permit, error) {
	return p.AcquireAt(ctx, name, 0)
}

// AcquireAt returns the permit for one call of a partition, after a wait in its queue if there is one. Callers must give it back. It fails
// with a *FullError, with an ErrPartition, or, wrapped, with the cause of ctx if that is done before there is a slot, be it before the
// call. The priority matters to Config.ShedLowest only, and within the partition.
//
// Newcomers do not overtake. A slot that becomes free goes to a waiting partition: those that use less than their share come first, then
// the lowest use for its weight, then who has waited longest. It costs two uncontended locks, and where callers wait a look at each
// partition that waits.
func (p *Partitioned) AcquireAt(ctx context.Context, name string, priority int) (Permit, error) {
	permit, done, err := p.enter(ctx, name)
	if done {
		return permit, err
	}
	q, w, err := p.join(name, priority)
	switch {
	case err != nil:
		return Permit{}, err
	case w == nil:
		return Permit{part: q}, nil
	}
	expired, stop := w.expiry()
	defer stop()
	switch end, refusal := q.look(w, w.wait(ctx, expired)); end {
	case granted:
		return Permit{part: q}, nil
	case left:
		return Permit{}, errGone(ctx)
	default:
		return Permit{}, p.set.Load().reject(refusal)
	}
}

// Resize changes the limit and the weights, as Reconfigure does.
func (p *Partitioned) Resize(limit int, weights map[string]int) error {
	return p.Reconfigure(limit, weights, p.set.Load().Config)
}

// Reconfigure changes limit, weights and config. It does not block: what there is more of is given to waiters at once, what there is less
// of takes effect as calls end. Permits and waiters stay with their partition, even if it is not listed any more, and who waits keeps the
// MaxWait it came with. Values that NewPartitioned would refuse are an ErrConfig and change nothing.
func (p *Partitioned) Reconfigure(limit int, weights map[string]int, cfg Config) error {
	var problems problems
	cfg.validate(&problems, limit)
	problems.check(len(weights) > 0, "weights: want at least one")
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		problems.check(weights[name] >= 1 && weights[name] <= maxWeight, "weight of %q %d: want 1 to %d", name, weights[name], maxWeight)
	}
	if err := problems.err(); err != nil {
		return err
	}
	set := newSettings(limit, cfg)
	now := set.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set.Store(set)
	p.relist(divide(limit, weights), weights)
	p.dispatch(now)
	return nil
}

// relist makes the partitions those that have a weight. mu is held.
func (p *Partitioned) relist(shares, weights map[string]int) {
	set := p.set.Load()
	known := make(map[string]*part, len(p.all))
	for _, q := range p.all {
		known[q.name] = q
		q.listed, q.share = false, 0
	}
	p.parts = make(map[string]*part, len(weights))
	for name, weight := range weights {
		q, ok := known[name]
		if !ok {
			q = &part{owner: p, name: name}
			p.all = append(p.all, q)
		}
		q.listed, q.weight, q.share = true, int64(weight), shares[name]
		p.parts[name] = q
	}
	slices.SortFunc(p.all, func(a, b *part) int { return cmp.Compare(a.name, b.name) })
	for _, q := range slices.Clone(p.all) {
		q.ready = &FullError{InUse: set.limit, Limit: set.limit, Waiting: set.Queue, Partition: q.name}
		q.retire()
	}
}

// Stats returns the present numbers. It takes the lock.
func (p *Partitioned) Stats() PartitionedStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := PartitionedStats{Stats: p.past, Parts: make([]PartStats, 0, len(p.all))}
	for _, q := range p.all {
		one := q.stats()
		all.Stats = all.plus(one.Stats)
		all.Parts = append(all.Parts, one)
	}
	all.Limit = p.set.Load().limit
	return all
}

// enter takes a slot for a newcomer if one is free. It does not return done if the caller may have to wait. Nobody waits while a slot is
// free, so there is nobody to overtake.
func (p *Partitioned) enter(ctx context.Context, name string) (permit Permit, done bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q, err := p.find(name)
	if err != nil {
		return Permit{}, true, err
	}
	if ctx.Err() != nil {
		q.ends[left]++
		return Permit{}, true, errGone(ctx)
	}
	return Permit{part: q}, q.take(), nil
}

// join puts a caller into the queue of its partition. Without a place there it returns no waiter, having taken a slot or with an error.
func (p *Partitioned) join(name string, priority int) (*part, *waiter, error) {
	now := p.set.Load().Now()
	p.mu.Lock()
	q, err := p.find(name) // the weights may have changed
	if err != nil || q.take() {
		p.mu.Unlock()
		return q, nil, err
	}
	set := p.set.Load()
	if !q.room(set, priority) {
		q.full++
		inUse, waiting, ready := p.inUse, q.queue.n, q.ready
		p.mu.Unlock()
		return q, nil, set.reject(ready.with(inUse, waiting))
	}
	w := newWaiter(&set.Config, priority, now)
	q.push(w)
	p.mu.Unlock()
	return q, w, nil
}

// find returns the partition of a name. mu is held.
func (p *Partitioned) find(name string) (*part, error) {
	if q, ok := p.parts[name]; ok {
		return q, nil
	}
	if q, ok := p.parts[Rest]; ok {
		return q, nil
	}
	return nil, errPartition(name)
}

// dispatch gives free slots to those who wait. mu is held.
func (p *Partitioned) dispatch(now time.Time) {
	set := p.set.Load()
	for p.inUse < set.limit && len(p.waiting) > 0 {
		q := slices.MinFunc(p.waiting, compare)
		q.take()
		q.end(q.queue.next(&set.Config, now), granted)
	}
}

// compare orders partitions that wait: the smaller one is to have the next slot.
func compare(a, b *part) int {
	if a.needy() != b.needy() {
		if a.needy() {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(int64(a.inUse)*b.weight, int64(b.inUse)*a.weight),
		a.queue.oldest().since.Compare(b.queue.oldest().since),
		cmp.Compare(a.name, b.name),
	)
}

// needy reports whether the partition uses less than its share.
func (q *part) needy() bool { return q.inUse < q.share }

// take takes a slot if one is free.
func (q *part) take() bool {
	if q.owner.inUse >= q.owner.set.Load().limit {
		return false
	}
	q.owner.inUse++
	q.inUse++
	q.given++
	return true
}

// room reports whether a newcomer can wait, if need be by shedding somebody.
func (q *part) room(set *settings, priority int) bool {
	victim, ok := q.queue.room(set, priority)
	if victim != nil {
		q.end(victim, shed)
	}
	return ok
}

// push puts a caller into the queue.
func (q *part) push(w *waiter) {
	if q.queue.n == 0 {
		q.owner.waiting = append(q.owner.waiting, q)
	}
	q.queue.push(w)
}

// end takes a waiter out of the queue and tells it why.
func (q *part) end(w *waiter, why fate) {
	q.queue.remove(w)
	q.ends[why]++
	w.fate = why
	w.tell()
	if q.queue.n == 0 {
		i := slices.Index(q.owner.waiting, q)
		q.owner.waiting = slices.Delete(q.owner.waiting, i, i+1)
	}
}

// look decides about a waiter that was told to look or has a reason to leave, and returns what became of it.
func (q *part) look(w *waiter, why fate) (fate, *FullError) {
	p := q.owner
	now := p.set.Load().Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.fate == waits {
		q.end(w, why)
	}
	q.retire()
	if w.fate != shed && w.fate != waitedOut {
		return w.fate, nil
	}
	return w.fate, &FullError{
		InUse: p.inUse, Limit: p.set.Load().limit, Waiting: q.queue.n, Partition: q.name, Waited: now.Sub(w.since), Shed: w.fate == shed,
	}
}

// release gives a slot back.
func (q *part) release() {
	p := q.owner
	p.mu.Lock()
	defer p.mu.Unlock()
	if q.inUse == 0 {
		panic(releasedTwice)
	}
	q.inUse--
	p.inUse--
	if len(p.waiting) > 0 {
		p.dispatch(p.set.Load().Now())
	}
	q.retire()
}

// retire forgets a partition that has no weight, no calls and nobody who waits.
func (q *part) retire() {
	if q.listed || q.inUse > 0 || q.queue.n > 0 {
		return
	}
	p := q.owner
	if i := slices.Index(p.all, q); i >= 0 {
		p.past = p.past.plus(q.stats().Stats)
		p.all = slices.Delete(p.all, i, i+1)
	}
}

func (q *part) stats() PartStats {
	return PartStats{Name: q.name, Weight: int(q.weight), Stats: Stats{
		Limit:     q.share,
		InUse:     q.inUse,
		Waiting:   q.queue.n,
		Accepted:  q.given,
		Rejected:  q.full + q.ends[shed] + q.ends[waitedOut],
		Shed:      q.ends[shed],
		WaitedOut: q.ends[waitedOut],
		Left:      q.ends[left],
	}}
}

// divide returns the share of each weight: the integer part of limit·weight/total, and one more for the largest remainders, until all is
// given out.
func divide(limit int, weights map[string]int) map[string]int {
	var total int64
	for _, weight := range weights {
		total += int64(weight)
	}
	shares, left := make(map[string]int, len(weights)), limit
	for name, weight := range weights {
		shares[name] = int(int64(limit) * int64(weight) / total)
		left -= shares[name]
	}
	names := slices.SortedFunc(maps.Keys(weights), func(a, b string) int {
		return cmp.Or(
			cmp.Compare(int64(limit)*int64(weights[b])%total, int64(limit)*int64(weights[a])%total),
			cmp.Compare(a, b),
		)
	})
	for _, name := range names[:left] {
		shares[name]++
	}
	return shares
}
