package collector

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/arena"
	"github.com/tenon-go/tenon/tracing/internal/decided"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/trace"
)

// A word is what is remembered of a trace: whether it was kept, whether spans of it are missing for good, and the number of the policy.
type word = decided.Word

const (
	keptWord    word = decided.Kept
	partialWord word = 0x40
	policyMask  word = 0x3f
	lastNamed        = 61 // of the policies; the others are one
	otherPolicy      = "_other"
)

// names are the numbers of policies, from 1. Those from the 62nd on are one.
type names struct {
	mu    sync.Mutex
	known []string
}

// number returns that of a policy; 0 = none.
func (n *names) number(policy string) word {
	if policy == "" {
		return 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.Index(n.known, policy)
	if i < 0 && len(n.known) < lastNamed {
		i = len(n.known)
		n.known = append(n.known, strings.Clone(policy))
	}
	if i < 0 {
		return policyMask
	}
	return word(i + 1) //nolint:gosec // Up to 61.
}

func (n *names) name(w word) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch i := int(w & policyMask); {
	case i == 0:
		return ""
	case i <= len(n.known):
		return n.known[i-1]
	default:
		return otherPolicy
	}
}

// A pledge is what a policy said of a span: that it alone keeps the trace. One that panicked keeps it as well.
type pledge struct{ policy, reason string }

func (p pledge) panicked() bool { return strings.HasPrefix(p.reason, sampling.Panicked) }

const (
	maxTexts    = 1 << 12 // of panics that are told apart
	longestText = 1 << 10
	maxPledges  = 1<<16 - 1
)

// pledges are the numbers of pledges, from 1, so that headers have no pointers.
type pledges struct {
	mu      sync.Mutex
	known   []pledge
	numbers map[pledge]uint16
}

func (a *pledges) number(one pledge) uint16 {
	a.mu.Lock()
	defer a.mu.Unlock()
	one.reason = one.reason[:min(len(one.reason), longestText)]
	if number, ok := a.numbers[one]; ok {
		return number
	}
	if len(a.known) >= maxTexts && one.panicked() {
		one.reason = sampling.Panicked
	}
	if len(a.known) >= maxPledges-1 {
		one = pledge{otherPolicy, sampling.Panicked}
	}
	number, ok := a.numbers[one]
	if !ok {
		number = uint16(len(a.known) + 1) //nolint:gosec // Up to maxPledges.
		a.known = append(a.known, one)
		a.numbers[one] = number
	}
	return number
}

func (a *pledges) of(number uint16) pledge {
	if number == 0 {
		return pledge{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known[number-1]
}

// A court is what a decision works with.
type court struct {
	s     *shard
	h     uint32
	trace sampling.Trace
	root  []byte
	raw   []byte
	views []tracing.View
	read  bool                   // views are there
	each  iter.Seq[tracing.View] // of this court: a function that is made once
}

func newCourt() *court {
	k := &court{}
	k.each = k.all
	return k
}

// all are views of copies of the spans of the trace, which nobody else changes, made when they are asked for.
func (k *court) all(yield func(tracing.View) bool) {
	if !k.read {
		k.copy()
	}
	for _, v := range k.views {
		if !yield(v) {
			return
		}
	}
}

func (k *court) copy() {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	t := k.s.header(k.h)
	k.raw, k.read = slices.Grow(k.raw[:0], int(t.chain.Size())), true
	for _, r := range k.s.list(t) {
		if r.origin&flagGone == 0 {
			from := len(k.raw)
			k.raw = k.s.raw(k.raw, r)
			k.views = append(k.views, k.s.view(k.raw[from:len(k.raw):len(k.raw)], r))
		}
	}
}

// rest forgets the trace.
func (k *court) rest() {
	clear(k.views)
	k.s, k.trace, k.views, k.read = nil, sampling.Trace{}, k.views[:0], false
	if cap(k.raw) > batchBytes || cap(k.views) > roomy {
		k.raw, k.views = nil, nil
	}
	if cap(k.root) > largeSpan {
		k.root = nil
	}
}

// decide closes a trace and decides about it, unless somebody else does so already. partial says that it is known not to be whole.
func (c *Collector) decide(s *shard, id trace.TraceID, why tracing.Closed, partial bool) {
	k, _ := c.courts.Get().(*court)
	defer func() {
		k.rest()
		c.courts.Put(k)
	}()
	at := c.at(c.now())
	s.mu.Lock()
	h, ok := s.byID[id]
	if !ok || s.header(h).state != open {
		s.mu.Unlock()
		return
	}
	t := s.header(h)
	t.state = closing
	s.wheel.remove(s, t)
	all := s.list(t)
	s.unique(t, all)
	s.call(k, h, all, at, why)
	early, reopened := t.early, t.reopened
	if t.probe && why == tracing.ClosedComplete {
		c.learnt.learn(t.operation, time.Duration(t.last-t.rootAt))
	}
	s.mu.Unlock()

	jury := c.jury.Load()
	decision, biased := jury.Decide(k.trace, at)
	decision.Reopened = reopened
	c.faults.policy(decision.Reason)
	if said := c.pledges.of(early); said.stands(jury, decision, k.trace.Floor) {
		decision.Keep, decision.Threshold, biased = true, k.trace.Floor, true
		decision.Policy, decision.Reason = said.policy, said.reason
	}

	s.mu.Lock()
	revival, revived := s.finish(h, decision, biased, partial)
	s.mu.Unlock()
	c.announce(decision)
	if revived {
		c.announce(revival)
	}
}

// stands tells whether a pledge decides, as its policy did not vote for the trace when it closed early, or panicked before, and no other dropped
// it. Policies may have been replaced since.
func (p pledge) stands(jury *sampling.Jury, decision tracing.Decision, floor tracing.Threshold) bool {
	dropped := decision.Policy != "" && decision.Threshold == tracing.MaxThreshold
	broken := decision.Closed == tracing.ClosedEarly && !decision.Keep || p.panicked() && decision.Threshold > floor
	return broken && !dropped && slices.Contains(jury.Policies(), p.policy)
}

// announce tells of a decision.
func (c *Collector) announce(decision tracing.Decision) {
	if c.cfg.OnDecision != nil {
		_ = c.faults.guard("OnDecision", func() error { c.cfg.OnDecision(decision); return nil }) // Counted.
	}
}

// call puts before a court what policies are asked about.
func (s *shard) call(k *court, h uint32, all []record, at time.Time, why tracing.Closed) {
	t := s.header(h)
	k.s, k.h = s, h
	k.trace = sampling.Trace{
		ID: t.id, Spans: int(t.spans), Errors: int(t.errors), Bytes: int(t.bytes), Start: at, End: at, Closed: why, Each: k.each,
	}
	one := &k.trace
	var odd int
	one.R, one.Floor, odd = t.claims.Result(t.id)
	s.tally.odd += int64(odd)
	if t.end > 0 {
		one.Start, one.End = instant(t.start), instant(t.end)
	}
	one.Missing = s.missing(all)
	for _, r := range all {
		if r.origin&flagRoot != 0 {
			k.root = s.raw(k.root[:0], r)
			one.Root = s.view(k.root, r)
			return
		}
	}
}

func (s *shard) view(raw []byte, r record) tracing.View {
	v, _ := tracing.NewView(s.origins[r.origin&originMask].origin, raw) // It was read before.
	return v
}

// unique marks the spans of a header that are there already, byte for byte, so that they do not leave twice.
func (s *shard) unique(t *header, all []record) {
	if len(all) < 2 {
		return
	}
	s.ids = s.ids[:0]
	for _, r := range all {
		s.ids = append(s.ids, r.id)
	}
	slices.Sort(s.ids)
	if len(slices.Compact(s.ids)) == len(all) { // As nearly always.
		return
	}
	type twin struct {
		record
		hash  uint64
		place int
	}
	twins := make([]twin, len(all))
	var scratch, other []byte
	for i, r := range all {
		scratch = s.raw(scratch[:0], r)
		twins[i] = twin{record: r, hash: maphash.Bytes(s.c.seed, scratch), place: i}
	}
	slices.SortFunc(twins, func(a, b twin) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.hash, b.hash), cmp.Compare(a.origin&originMask, b.origin&originMask), cmp.Compare(a.place, b.place))
	})
	first := twins[0]
	var gone []int
	for _, one := range twins[1:] {
		scratch, other = s.raw(scratch[:0], first.record), s.raw(other[:0], one.record)
		if one.id == first.id && one.hash == first.hash && first.origin&originMask == one.origin&originMask && bytes.Equal(scratch, other) {
			gone = append(gone, one.place)
		} else {
			first = one
		}
	}
	slices.Sort(gone)
	s.mark(t, all, gone)
}

// mark takes spans out of the counts of their header, and says so in the chain; gone are their places, in order.
func (s *shard) mark(t *header, all []record, gone []int) {
	r := s.arena.Reader(t.chain)
	for place, one := range all {
		s.arena.Skip(&r, recordHeader-4)
		flags := r
		s.arena.Skip(&r, 4+int(one.size))
		if len(gone) == 0 || place != gone[0] {
			continue
		}
		gone = gone[1:]
		all[place].origin |= flagGone
		s.arena.Overwrite(flags, binary.LittleEndian.AppendUint32(nil, all[place].origin))
		t.spans--
		t.bytes -= int64(one.size)
		if one.origin&flagError != 0 {
			t.errors--
		}
		s.tally.add(FateDuplicate, 1, int64(one.size))
		s.origins[one.origin&originMask].service.add(FateDuplicate, int64(one.size))
	}
}

// finish carries out a decision.
func (s *shard) finish(h uint32, decision tracing.Decision, biased, partial bool) (revival tracing.Decision, revived bool) {
	c, t := s.c, s.header(h)
	before := s.charged
	defer func() { c.release(before - s.charged) }()
	delete(s.byID, t.id)
	w := c.policy.number(decision.Policy)
	part := tracing.PartWhole
	if decision.Closed == tracing.ClosedEarly {
		part = tracing.PartEarly
	}
	if decision.Keep {
		w |= keptWord
	}
	if partial {
		w |= partialWord
	}
	s.decided.Put(t.hash, w)
	c.past.add(decision)
	if biased {
		s.tally.biased++
	}
	wait := t.wait
	t.wait = 0
	if decision.Keep {
		s.tally.kept++
		s.leave(h, decision, part, partial)
	} else {
		s.tally.dropped++
		s.settle(h, FateSampledOut, cmp.Or(decision.Policy, sampling.NoPolicy))
	}
	if wait == 0 {
		return tracing.Decision{}, false
	}
	return s.fate(wait, w)
}

// leave hands the spans of a header to the workers.
func (s *shard) leave(h uint32, decision tracing.Decision, kind tracing.Part, partial bool) {
	t := s.header(h)
	t.state = leaving
	p := part{shard: s, header: h, decision: decision, kind: kind, partial: partial, size: s.outgoing(t)}
	if decision.Closed == tracing.ClosedPressure || decision.Closed == tracing.ClosedEarly {
		p.pressed = headerCharge + t.chain.Blocks()*arena.BlockSize
		s.c.pressed.Add(p.pressed)
	}
	s.c.queue.push(p)
}

// late deals with spans in a request whose trace was decided before.
func (s *shard) late(in *intake, i int, w word, now int64) (revival tracing.Decision, revived bool) {
	one := &in.traces[i]
	if w&keptWord == 0 && one.reason == "" {
		s.sampledOutLate(in, i, w)
		return tracing.Decision{}, false
	}
	h := s.add(one, waiting, now, in.epoch)
	s.putAll(s.header(h), in, i, now)
	return s.fate(h, w)
}

// sampledOutLate counts spans of a trace that was dropped without holding them.
func (s *shard) sampledOutLate(in *intake, i int, w word) {
	at, last := in.traces[i].from, int32(-1)
	var all Count
	for v := range in.groups.Views(i) {
		size := int64(len(v.Raw()))
		service := s.service(in.origins[in.of[at]].service)
		service.add(received, size)
		service.add(FateSampledOutLate, size)
		all = all.plus(Count{1, size})
		if in.of[at] != last {
			last = in.of[at]
			if lent := in.share(s.c, in.traces[i].hash, last); lent != nil {
				s.handBack(lent)
			}
		}
		at++
	}
	s.tally.add(received, all.Spans, all.Bytes)
	s.tally.add(FateSampledOutLate, all.Spans, all.Bytes)
	s.tally.because(FateSampledOutLate, cmp.Or(s.c.policy.name(w), sampling.NoPolicy), all.Spans, all.Bytes, 0)
}

// fate deals with spans that came after the decision, or while it was made. If one of them alone keeps a trace that was dropped, it is kept
// from now on, which is the decision that is returned.
func (s *shard) fate(h uint32, w word) (revival tracing.Decision, revived bool) {
	t := s.header(h)
	if w&keptWord == 0 && t.early == 0 {
		s.settle(h, FateSampledOutLate, cmp.Or(s.c.policy.name(w), sampling.NoPolicy))
		return tracing.Decision{}, false
	}
	s.unique(t, s.list(t))
	decision, known := s.c.past.get(t.id)
	if w&keptWord != 0 {
		if !known {
			decision = s.remembered(t, w)
			s.tally.biased++
		}
		s.leave(h, decision, tracing.PartLate, w&partialWord != 0)
		return tracing.Decision{}, false
	}
	_, floor, _ := t.claims.Result(t.id)
	said, reason := s.c.pledges.of(t.early), revivedReason
	if said.panicked() {
		reason = said.reason
	}
	decision = tracing.Decision{
		Trace: t.id, Keep: true, Policy: said.policy, Reason: reason, Threshold: floor,
		At: s.c.at(s.c.now()), Closed: tracing.ClosedEarly, Reopened: decision.Reopened,
	}
	s.decided.Revive(t.hash, s.c.policy.number(said.policy)|keptWord|partialWord)
	s.c.past.add(decision)
	s.tally.revived++
	s.tally.biased++
	s.leave(h, decision, tracing.PartLate, true)
	return decision, true
}

const revivedReason = "one late span is enough"

// remembered is what is left of a decision when its record is gone.
func (s *shard) remembered(t *header, w word) tracing.Decision {
	return tracing.Decision{
		Trace: t.id, Keep: w&keptWord != 0, Policy: s.c.policy.name(w), Reason: rememberedReason, Threshold: tracing.MaxThreshold,
	}
}

const rememberedReason = "remembered without its reason"
