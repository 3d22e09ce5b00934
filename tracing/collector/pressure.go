package collector

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/arena"
	"go.opentelemetry.io/otel/trace"
)

const (
	shortOfMemory = "memory"
	shortestWait  = 500 * time.Millisecond
	longestWait   = 5 * time.Second
)

// Admit charges bytes until release is called, or refuses with a *tracing.OverloadError; more than MaxBytes can ever hold Is tracing.ErrPermanent.
// Receivers call it before they read a body.
func (c *Collector) Admit(bytes int64) (release func(), err error) {
	bytes = max(bytes, 0)
	c.gate.RLock()
	defer c.gate.RUnlock()
	if c.closed {
		return nil, c.overload(tracing.Closing)
	}
	if bytes > c.hard {
		return nil, &tooLargeError{need: bytes, limit: c.hard}
	}
	if !c.reserveBelow(bytes, c.hard) {
		return nil, c.overload(c.short())
	}
	return sync.OnceFunc(func() { c.used.Add(-bytes) }), nil
}

// welcome refuses a request before it is parsed where that is of no use.
func (c *Collector) welcome(size int) error {
	switch {
	case c.closed:
		return c.count(size, tracing.Closing)
	case c.used.Load() >= c.hard:
		return c.count(size, c.short())
	}
	return nil
}

// refuse is the answer to a request that does not fit.
func (c *Collector) refuse(size int, need int64) error {
	if need > c.cfg.MaxBytes {
		_ = c.count(size, "request larger than MaxBytes")
		return &tooLargeError{need: need, limit: c.cfg.MaxBytes}
	}
	return c.count(size, c.short())
}

// What a request takes while it is read, beyond some thousands of spans.
const (
	viewCharge  = 160 // bytes for a span
	groupCharge = 160 // for a trace
)

// errNoRoom ends the reading of a request.
var errNoRoom = errors.New("no room")

// room charges what so many spans take while they are read. It is an error where they will not fit in any case, or not now. What is read again from
// the log, one request at a time, was taken before.
func (c *Collector) room(in *intake, spans, traces int) error {
	in.huge = spans > forgetful
	if in.epoch != 0 {
		return nil
	}
	reading := int64(spans)*viewCharge + int64(traces)*groupCharge
	in.least = reading + int64(traces)*(headerCharge+arena.BlockSize)
	if in.least > c.cfg.MaxBytes || !c.reserve(reading-in.reading) {
		return errNoRoom
	}
	in.reading = reading
	return nil
}

// unread counts a request that could not be read to its end, and returns its error.
func (c *Collector) unread(in *intake, size int, err error) error {
	if errors.Is(err, errNoRoom) {
		return c.refuse(size, in.least)
	}
	c.tallyMu.Lock()
	defer c.tallyMu.Unlock()
	one := Volume{1, int64(size)}
	c.tally.offered, c.tally.torn = c.tally.offered.plus(one), c.tally.torn.plus(one)
	return err
}

// count counts a refused request and returns its error.
func (c *Collector) count(size int, reason string) error {
	c.tallyMu.Lock()
	defer c.tallyMu.Unlock()
	one := Volume{1, int64(size)}
	c.tally.offered, c.tally.refused = c.tally.offered.plus(one), c.tally.refused.plus(one)
	c.tally.because(fateRefused, reason, 0, 0, 1)
	return c.overload(reason)
}

// short names what is short.
func (c *Collector) short() string {
	if c.queue.failing() {
		return shortOfMemory + ", as the output fails"
	}
	return shortOfMemory
}

// overload tells when there should be room again: as long as it takes to get down to SoftRatio at the rate of now.
func (c *Collector) overload(reason string) error {
	wait := longestWait
	if rate := c.drain.Load(); rate > 0 {
		over := float64(max(c.used.Load()-c.soft, 0))
		wait = time.Duration(min(over/float64(rate)*1e9, float64(longestWait)))
	}
	// A fifth at random, so that not all come back at once.
	wait = time.Duration(float64(max(wait, shortestWait)) * (0.8 + 0.4*rand.Float64())) //nolint:forbidigo,gosec // Jitter, not a secret.
	return &tracing.OverloadError{RetryAfter: min(max(wait, shortestWait), longestWait), Cause: reason}
}

// reserve charges bytes if they fit.
func (c *Collector) reserve(bytes int64) bool { return c.reserveBelow(bytes, c.cfg.MaxBytes) }

func (c *Collector) reserveBelow(bytes, limit int64) bool {
	for {
		used := c.used.Load()
		if used+bytes > limit {
			return false
		}
		if c.used.CompareAndSwap(used, used+bytes) {
			return true
		}
	}
}

// release gives back what spans held.
func (c *Collector) release(bytes int64) {
	c.used.Add(-bytes)
	c.freed.Add(bytes)
}

// A candidate is a trace that could make room.
type candidate struct {
	s      *shard
	id     trace.TraceID
	weight int64 // its bytes times its age
}

// relieve makes room: first by traces that are kept already by one span, then by those that look complete, at last, so that there is always
// progress, by incomplete ones, those first that hold most for longest.
func (c *Collector) relieve() {
	c.deciding.RLock()
	defer c.deciding.RUnlock()
	now := c.now()
	steps := [...]struct {
		why     tracing.Closed
		partial bool
		choose  func(*shard, *header) bool
	}{
		{tracing.ClosedEarly, false, func(_ *shard, t *header) bool { return t.early != 0 }},
		{tracing.ClosedPressure, false, func(s *shard, t *header) bool {
			return t.rooted && now-t.last >= int64(c.shrunk(s.quiet(t))) && s.missing(s.list(t)) == 0
		}},
		{tracing.ClosedPressure, true, func(_ *shard, t *header) bool { return now-t.first >= int64(c.cfg.Quiet) }},
	}
	others := 0
	for _, step := range steps {
		if step.partial && others > 0 {
			return // Incomplete ones are for when there is nothing else.
		}
		chosen := c.candidates(now, step.choose)
		others += len(chosen)
		for _, one := range chosen {
			if c.used.Load() < c.soft {
				return
			}
			c.decide(one.s, one.id, step.why, step.partial)
		}
	}
}

// candidates returns the open traces that are chosen, the heaviest first.
func (c *Collector) candidates(now int64, choose func(*shard, *header) bool) []candidate {
	var all []candidate
	for _, s := range c.shards {
		s.mu.Lock()
		for id, h := range s.byID {
			if t := s.header(h); t.state == open && choose(s, t) {
				all = append(all, candidate{s, id, t.chain.Size() * (now - t.first + 1) >> 10})
			}
		}
		s.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), slices.Compare(a.id[:], b.id[:]))
	})
	return all
}

// shrunk returns how long a complete trace has to be quiet under pressure: less the more memory is used.
func (c *Collector) shrunk(quiet time.Duration) time.Duration {
	share := float64(c.used.Load()-c.soft) / float64(max(c.hard-c.soft, 1))
	return max(quiet-time.Duration(min(max(share, 0), 1)*float64(quiet)), min(quiet, shortestQuiet))
}

// gauge notes how fast memory is given back, given how long ago it did so last.
func (c *Collector) gauge(freed int64, since time.Duration) {
	if since > 0 {
		rate := int64(float64(freed) / since.Seconds())
		c.drain.Store((c.drain.Load()*7 + rate) / 8)
	}
}
