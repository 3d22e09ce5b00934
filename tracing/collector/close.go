package collector

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/internal/sketch"
	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/trace"
)

const (
	slots         = 128 // of a wheel
	ticksPerQuiet = 64
	shortestTick  = time.Millisecond
	longestTick   = 100 * time.Millisecond
)

// A wheel has the open traces of a shard by when to look at them next. What is later than the wheel goes round is looked at in between.
type wheel struct {
	tick  int64 // nanoseconds
	done  int64 // the last tick that was looked at
	first [slots]uint32
}

func newWheel(quiet time.Duration) wheel {
	return wheel{tick: int64(min(max(quiet/ticksPerQuiet, shortestTick), longestTick))}
}

// schedule has a trace looked at when it is due.
func (s *shard) schedule(h uint32, now, due int64) {
	w, t := &s.wheel, s.header(h)
	w.remove(s, t)
	tick := (due + w.tick - 1) / w.tick
	soonest := max(w.done, now/w.tick) + 1
	tick = min(max(tick, soonest), w.done+slots-1)
	slot := tick % slots
	t.slot, t.prev, t.next = uint8(slot+1), 0, w.first[slot]
	if t.next != 0 {
		s.header(t.next).prev = h
	}
	w.first[slot] = h
}

// remove takes a trace out.
func (w *wheel) remove(s *shard, t *header) {
	if t.slot == 0 {
		return
	}
	if t.prev == 0 {
		w.first[t.slot-1] = t.next
	} else {
		s.header(t.prev).next = t.next
	}
	if t.next != 0 {
		s.header(t.next).prev = t.prev
	}
	t.slot, t.prev, t.next = 0, 0, 0
}

// A due is a trace that closes.
type due struct {
	id  trace.TraceID
	why tracing.Closed
}

// turn moves the wheel to now and returns the traces that close.
func (s *shard) turn(now int64, into []due) []due {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &s.wheel
	upto := now / w.tick
	for tick := max(w.done+1, upto-slots+1); tick <= upto; tick++ {
		w.done = tick
		h := w.first[tick%slots]
		w.first[tick%slots] = 0
		for h != 0 {
			t := s.header(h)
			next := t.next
			t.slot, t.prev, t.next = 0, 0, 0
			if why, again := s.ripe(t, now); why != tracing.ClosedUnknown {
				into = append(into, due{t.id, why})
			} else {
				s.schedule(h, now, again)
			}
			h = next
		}
	}
	w.done = max(w.done, upto)
	return into
}

// ripe returns why a trace closes now, or when to look again.
func (s *shard) ripe(t *header, now int64) (why tracing.Closed, again int64) {
	oldest := t.first + int64(s.c.cfg.MaxAge)
	if now >= oldest {
		return tracing.ClosedAge, 0
	}
	if !t.rooted {
		return tracing.ClosedUnknown, oldest
	}
	quiet := int64(s.quiet(t))
	switch {
	case now < t.last+quiet:
		again = t.last + quiet
	case s.missing(s.list(t)) == 0:
		return tracing.ClosedComplete, 0
	case now >= t.last+3*quiet:
		return tracing.ClosedMissingParents, 0
	default:
		again, t.patient = t.last+3*quiet, true
	}
	return tracing.ClosedUnknown, min(again, oldest)
}

// missing returns how many spans are named as parents that are not there. Parents of local roots are elsewhere.
func (s *shard) missing(all []record) int {
	s.ids, s.parents = s.ids[:0], s.parents[:0]
	for _, r := range all {
		s.ids = append(s.ids, r.id)
		if r.origin&flagRoot == 0 && r.parent != 0 {
			s.parents = append(s.parents, r.parent)
		}
	}
	slices.Sort(s.ids)
	slices.Sort(s.parents)
	count, at := 0, 0
	for i, parent := range s.parents {
		if i > 0 && parent == s.parents[i-1] {
			continue
		}
		for at < len(s.ids) && s.ids[at] < parent {
			at++
		}
		if at == len(s.ids) || s.ids[at] != parent {
			count++
		}
	}
	return count
}

// quiet returns how long nothing has to come for a trace with a root.
func (s *shard) quiet(t *header) time.Duration {
	if s.c.learnt == nil {
		return s.c.cfg.Quiet
	}
	return s.c.learnt.quiet(t.operation, t.probe)
}

// watch looks at every step-th shard from the first on whenever a tick has passed, until the collector stops. The first of them minds memory.
func (c *Collector) watch(first, step int) {
	tick := time.Duration(c.shards[0].wheel.tick)
	ticker := time.NewTicker(tick) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	defer ticker.Stop()
	var dues []due
	looked, freed := c.now(), int64(0)
	for {
		select {
		case <-c.stop:
			return
		case <-ticker.C:
		}
		now := c.now()
		for i := first; i < len(c.shards); i += step {
			dues = c.closeRipe(c.shards[i], now, dues[:0])
		}
		if first > 0 {
			continue
		}
		if c.isShort() {
			c.relieve()
		}
		total := c.freed.Load()
		c.gauge(total-freed, time.Duration(now-looked))
		looked, freed = now, total
	}
}

func (c *Collector) closeRipe(s *shard, now int64, dues []due) []due {
	defer c.deciding.leave(c.deciding.begin())
	dues = s.turn(now, dues)
	for _, one := range dues {
		c.decide(s, one.id, one.why, false)
	}
	return dues
}

// closeAll decides about all traces that are open, and returns when all that began to be decided before are.
func (c *Collector) closeAll() {
	c.decideAll()
	c.deciding.pass() // Closers are through,
	c.gate.pass()     // and so are calls of Ingest.
}

func (c *Collector) decideAll() {
	defer c.deciding.leave(c.deciding.begin())
	for _, s := range c.shards {
		s.mu.Lock()
		ids := make([]trace.TraceID, 0, len(s.byID))
		for id, h := range s.byID {
			if s.header(h).state == open {
				ids = append(ids, id)
			}
		}
		s.mu.Unlock()
		slices.SortFunc(ids, func(a, b trace.TraceID) int { return slices.Compare(a[:], b[:]) })
		for _, id := range ids {
			c.decide(s, id, tracing.ClosedFlush, false)
		}
	}
}

const (
	maxOperations = 4096 // that learn apart; the rest shares number 0
	learnEvery    = 64   // traces from one look at a quantile to the next
	learntEnough  = 100  // traces
	learntHalve   = 100_000
	learntShare   = 0.999
	sketchError   = 32 // the part of a quantile that it may be too small by
	probeEvery    = 64 // traces
)

// A learner knows how long after their roots spans of an operation come. Once it does, traces end by what it knows, and show nothing later: so it
// learns from probes alone, a few traces that wait longer.
type learner struct {
	most, initial time.Duration
	mu            sync.Mutex
	numbers       map[uint64]uint16
	roots         [maxOperations]uint32 // that were seen
	sketches      [maxOperations]*sketch.Sketch
	quiets        [maxOperations]atomic.Int64 // 0 = not learnt yet
}

// root counts a root of an operation, whose number it returns, and tells whether its trace is a probe. All are until something is learnt.
func (l *learner) root(seed maphash.Seed, service, name string) (number uint16, probe bool) {
	key := bits.RotateLeft64(maphash.String(seed, service), 1) ^ maphash.String(seed, name)
	l.mu.Lock()
	defer l.mu.Unlock()
	number, known := l.numbers[key]
	if !known && len(l.numbers) < maxOperations-1 {
		number = uint16(len(l.numbers) + 1) //nolint:gosec // Below 4,096.
		l.numbers[key] = number
	}
	l.roots[number]++
	return number, l.roots[number]%probeEvery == 0 || l.quiets[number].Load() == 0
}

// quiet returns what is learnt of an operation. A probe waits so much longer that what is learnt can grow.
func (l *learner) quiet(number uint16, probe bool) time.Duration {
	learnt := time.Duration(l.quiets[number].Load())
	switch {
	case probe:
		return min(max(l.initial, 2*learnt), l.most)
	case learnt > 0:
		return learnt
	}
	return l.initial
}

// learn takes over how long after its root the last span of a probe came.
func (l *learner) learn(number uint16, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sketches[number]
	if s == nil {
		s = &sketch.Sketch{}
		l.sketches[number] = s
	}
	s.Add(max(took, 0))
	if n := s.Count(); n >= learntEnough && (n%learnEvery == 0 || int64(took) > l.quiets[number].Load()) {
		learnt := s.Quantile(learntShare)
		learnt += learnt / sketchError // What comes at that very time is not to be cut.
		l.quiets[number].Store(int64(min(max(learnt, shortestQuiet), l.most)))
	}
	if s.Count() >= learntHalve {
		s.Halve()
	}
}
