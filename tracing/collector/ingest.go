package collector

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/arena"
	"github.com/tenon-go/tenon/tracing/internal/decided"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/trace"
)

// An intake is what one call of Ingest works with.
type intake struct {
	groups    otlp.Groups
	numbers   map[*tracing.Origin]int32
	resources map[resourceKey]resource
	origins   []originKey
	shares    []share // of each origin in each shard, as far as there are some
	of        []int32 // the origin of each span, trace by trace
	traces    []arrival
	epoch     Epoch
	huge      bool  // it has more spans than are worth room for good
	least     int64 // bytes that it takes at least
	reading   int64 // bytes charged for reading it
}

// An arrival is the spans of one trace in a request.
type arrival struct {
	id     trace.TraceID
	hash   uint64
	from   int // in of
	policy string
	reason string // why a span alone keeps the trace; "" = none does
}

// forgetful is how large an intake gets before it is not used again, in spans: one huge request should not hold its memory for good.
const forgetful = 100_000

func newIntake(c *Collector) *intake {
	in := &intake{numbers: map[*tracing.Origin]int32{}, resources: map[resourceKey]resource{}}
	in.groups.Room = func(spans, traces int) error { return c.room(in, spans, traces) }
	return in
}

// Ingest takes the spans of a request, of which it keeps no byte after it returned. On error nothing was taken: *tracing.RequestError is
// malformed, *tracing.OverloadError says when to come back, an error that Is tracing.ErrPermanent is too large for MaxBytes, which has to hold it
// beside the body that came. It is safe for concurrent use, and waits for nothing but the locks of shards and, with SyncAck, the disk.
func (c *Collector) Ingest(ctx context.Context, req []byte) (tracing.Result, error) {
	return c.ingest(ctx, req, 0)
}

// ingest takes a request, or takes it again from an epoch of the log.
func (c *Collector) ingest(ctx context.Context, req []byte, again Epoch) (tracing.Result, error) {
	if ctx.Err() != nil {
		return tracing.Result{}, fmt.Errorf("collector: ingest: %w", context.Cause(ctx))
	}
	call, closed := c.gate.enter()
	defer c.gate.leave(call)
	if err := c.welcome(int64(len(req)), closed, again); err != nil {
		return tracing.Result{}, err
	}
	in, _ := c.intake.Get().(*intake)
	defer c.giveBack(in)
	in.epoch = again
	result, err := in.groups.Read(req)
	if err != nil {
		return tracing.Result{}, c.unread(in, int64(len(req)), err)
	}
	need := max(in.measure(c), in.reading)
	if !c.reserve(need-in.reading, again) {
		return tracing.Result{}, c.refuse(int64(len(req)), need, again)
	}
	in.reading = 0 // It is part of need.
	epoch := again
	if epoch == 0 {
		epoch = call.epoch
		if err := c.write(req); err != nil {
			c.used.Add(-need)
			return tracing.Result{}, c.count(int64(len(req)), shortOfDisk)
		}
	}
	in.epoch = epoch
	c.took(req, result)
	c.show(in)
	now := c.now()
	for i := range in.traces {
		need -= c.place(in, i, now)
	}
	c.used.Add(-need) // What it did not take.
	return result, nil
}

func (c *Collector) giveBack(in *intake) {
	c.used.Add(-in.reading)
	in.reading = 0
	if in.huge {
		return
	}
	clear(in.numbers)
	clear(in.resources)
	clear(in.origins) // They would hold the request.
	in.origins, in.shares, in.of, in.traces = in.origins[:0], in.shares[:0], in.of[:0], in.traces[:0]
	c.intake.Put(in)
}

// measure looks at all spans, and returns how much memory they may take.
func (in *intake) measure(c *Collector) (need int64) {
	jury := c.jury.Load()
	var last *tracing.Origin
	var number int32
	for i := range in.groups.Len() {
		id, _ := in.groups.Trace(i)
		one := arrival{id: id, hash: maphash.Bytes(c.seed, id[:]), from: len(in.of)}
		size, run := int64(0), int32(-1)
		for v := range in.groups.Views(i) {
			if v.Origin() != last {
				last = v.Origin()
				number = in.number(c, &v)
			}
			if number != run {
				run = number
				need += in.charge(c, one.hash, number)
			}
			in.of = append(in.of, number)
			size += recordHeader + int64(len(v.Raw()))
			if one.reason == "" {
				one.policy, one.reason = jury.Early(v)
				c.faults.policy(one.reason)
			}
		}
		need += headerCharge + arena.BlocksFor(size)*arena.BlockSize
		in.traces = append(in.traces, one)
	}
	return need
}

// A resourceKey tells the resources of a request apart by where their bytes are: scopes of one resource have the same.
type resourceKey struct {
	resource, schema           *byte // nil = none
	resourceBytes, schemaBytes int
}

// A resource is what has to be known of one, once for all its scopes: it may be large, and they many.
type resource struct {
	hash    uint64
	service string
}

func (in *intake) resource(c *Collector, v *tracing.View) resource {
	o := v.Origin()
	key := resourceKey{first(o.Resource), first(o.ResourceSchema), len(o.Resource), len(o.ResourceSchema)}
	one, ok := in.resources[key]
	if !ok {
		one = resource{hashTexts(c.seed, 0, o.Resource, o.ResourceSchema), v.Service()}
		in.resources[key] = one
	}
	return one
}

func first(b []byte) *byte {
	if len(b) == 0 {
		return nil
	}
	return &b[0]
}

// number returns that of a view's origin in the request.
func (in *intake) number(c *Collector, v *tracing.View) int32 {
	o := v.Origin()
	number, ok := in.numbers[o]
	if !ok {
		number = int32(len(in.origins)) //nolint:gosec // Not more than spans of a request.
		in.numbers[o] = number
		from := in.resource(c, v)
		in.origins = append(in.origins, originKey{origin: o, hash: hashTexts(c.seed, from.hash, o.Scope, o.ScopeSchema), service: from.service})
		if n := len(in.shares) + len(c.shards); n <= maxShares {
			in.shares = slices.Grow(in.shares, len(c.shards))[:n]
			clear(in.shares[n-len(c.shards):])
		}
	}
	return number
}

// maxShares bounds what is remembered of origins and shards; beyond it each run of spans is charged, and looks for its origin.
const maxShares = 1 << 16

// A share is the runs of spans of one origin that a request has for one shard.
type share struct {
	left   int32  // runs to come
	number uint32 // of the origin in the shard, held from the first run to the last; 0 = none came yet
}

// share returns nil where there are too many.
func (in *intake) share(c *Collector, hash uint64, origin int32) *share {
	mask := uint64(len(c.shards) - 1)         //nolint:gosec // There is one at least.
	at := uint64(origin)*(mask+1) + hash&mask //nolint:gosec // Not negative.
	if at >= uint64(len(in.shares)) {
		return nil
	}
	return &in.shares[at]
}

// charge returns what a run of spans may take for its origin, where the first of a shard takes it for all.
func (in *intake) charge(c *Collector, hash uint64, origin int32) int64 {
	if one := in.share(c, hash, origin); one != nil {
		if one.left++; one.left > 1 {
			return 0
		}
	}
	return in.origins[origin].charge()
}

// hashTexts returns a hash of texts that go on from others, of which before is the hash.
func hashTexts(seed maphash.Seed, before uint64, texts ...[]byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], before)
	_, _ = h.Write(number[:]) // It never fails.
	for _, text := range texts {
		binary.LittleEndian.PutUint64(number[:], uint64(len(text)))
		_, _ = h.Write(number[:])
		_, _ = h.Write(text)
	}
	return h.Sum64()
}

// took counts a request that was taken, and the spans of it that were rejected.
func (c *Collector) took(req []byte, result tracing.Result) {
	c.tallyMu.Lock()
	defer c.tallyMu.Unlock()
	size := Volume{1, int64(len(req))}
	c.tally.offered, c.tally.taken = c.tally.offered.plus(size), c.tally.taken.plus(size)
	if result.Rejected == 0 {
		return
	}
	_ = tracing.Scan(req, func(v tracing.View, rejected tracing.Rejection) { // It was read before.
		if rejected != tracing.Fine {
			bytes := int64(len(v.Raw()))
			c.tally.add(received, 1, bytes)
			c.tally.add(FateRejected, 1, bytes)
			c.tally.because(FateRejected, string(rejected), 1, bytes, 0)
		}
	})
}

// show lets the tap see all spans.
func (c *Collector) show(in *intake) {
	if c.cfg.Tap == nil {
		return
	}
	for i := range in.traces {
		for v := range in.groups.Views(i) {
			_ = c.faults.guard("Tap", func() error { c.cfg.Tap(v); return nil }) // Counted.
		}
	}
}

// place puts the spans of a trace where they belong, and returns how much memory that took.
func (c *Collector) place(in *intake, i int, now int64) int64 {
	one := &in.traces[i]
	s := c.shardOf(one.hash)
	s.mu.Lock()
	before := s.charged
	h, known := s.byID[one.id]
	if !known {
		word, remembered := s.decided.Get(one.hash)
		if remembered == decided.Known {
			revival, revived := s.late(in, i, word, now)
			taken := s.charged - before
			s.mu.Unlock()
			if revived {
				c.announce(revival)
			}
			return taken
		}
		h = s.open(one, now, in.epoch, remembered == decided.Forgotten)
	}
	t := s.header(h)
	if t.state == closing {
		if t.wait == 0 {
			t.wait = s.add(one, waiting, now, in.epoch)
		}
		t = s.header(t.wait)
	}
	s.putAll(t, in, i, now)
	over := t.bytes > int64(c.cfg.MaxTraceBytes) || int(t.spans) > c.cfg.MaxTraceSpans
	early := t.early != 0 && c.cfg.EarlyKeep
	due := t.state == open && (over || early)
	if t.state == open && t.rooted && t.slot == 0 {
		s.schedule(h, now, min(now+int64(s.quiet(t)), t.first+int64(c.cfg.MaxAge)))
	}
	taken := s.charged - before
	s.mu.Unlock()
	if due {
		why := tracing.ClosedSize
		if early {
			why = tracing.ClosedEarly
		}
		c.decide(s, one.id, why, false)
	}
	return taken
}

// open begins a trace.
func (s *shard) open(one *arrival, now int64, epoch Epoch, reopened bool) uint32 {
	h := s.add(one, open, now, epoch)
	s.byID[one.id] = h
	s.tally.opened++
	s.header(h).reopened = reopened
	s.schedule(h, now, now+int64(s.c.cfg.MaxAge))
	return h
}

// putAll adds the spans of a trace in a request to a header.
func (s *shard) putAll(t *header, in *intake, i int, now int64) {
	one := &in.traces[i]
	s.lowerEpoch(t, in.epoch)
	at, last, number := one.from, int32(-1), uint32(0)
	for v := range in.groups.Views(i) {
		var lent *share
		if in.of[at] != last {
			last = in.of[at]
			number, lent = s.borrow(in, one.hash, last)
		}
		at++
		s.put(t, &v, number)
		if lent != nil { // The header holds it now.
			s.handBack(lent)
		}
		if t.state == open && !t.rooted && s.root(&v) {
			t.rooted, t.rootAt = true, now
			if s.c.learnt != nil {
				t.operation, t.probe = s.c.learnt.root(s.c.seed, in.origins[last].service, v.Name())
			}
			s.wheel.remove(s, t) // It is due earlier than it was.
		}
	}
	t.last = now
	if t.patient { // What came may be what was missing.
		t.patient = false
		s.wheel.remove(s, t)
	}
	if t.early == 0 && one.reason != "" {
		t.early = s.c.pledges.number(pledge{one.policy, one.reason})
	}
}

// borrow returns the number of an origin for a run of spans, and what to hand back; nil = nothing.
func (s *shard) borrow(in *intake, hash uint64, origin int32) (number uint32, lent *share) {
	lent = in.share(s.c, hash, origin)
	if lent == nil {
		return s.intern(&in.origins[origin]), nil
	}
	if lent.number == 0 {
		lent.number = s.intern(&in.origins[origin])
		s.origins[lent.number].refs++
	}
	return lent.number, lent
}

// handBack says that a run of spans is dealt with.
func (s *shard) handBack(lent *share) {
	if lent.left--; lent.left == 0 && lent.number > 0 {
		s.dropOrigin(lent.number)
	}
}

// root tells whether a span is one.
func (s *shard) root(v *tracing.View) bool {
	return !v.Parent().IsValid() || s.c.cfg.LocalRoots && v.Remote()
}

func (c *Collector) shardOf(hash uint64) *shard {
	return c.shards[hash&uint64(len(c.shards)-1)] //nolint:gosec // There is one at least.
}

var _ tracing.Admitter = (*Collector)(nil)
