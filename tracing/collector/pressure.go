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
	tooLarge      = "request larger than MaxBytes"
	shortestWait  = 500 * time.Millisecond
	longestWait   = 5 * time.Second
	refusingFor   = time.Second // after the last refusal
)

// Admit charges bytes until release is called, or refuses with a *tracing.OverloadError; more than MaxBytes can ever hold Is tracing.ErrPermanent.
// Receivers call it before they read a body, which is not handed to Ingest after a refusal: so that counts as a refused request of that size.
func (c *Collector) Admit(bytes int64) (release func(), err error) {
	bytes = max(bytes, 0)
	if c.gate.isClosed() {
		return nil, c.count(bytes, tracing.Closing)
	}
	if bytes > c.hard {
		_ = c.count(bytes, tooLarge)
		return nil, &tooLargeError{need: bytes, limit: c.hard}
	}
	if !c.reserveBelow(bytes, c.hard) {
		c.lacks(bytes)
		return nil, c.count(bytes, c.short())
	}
	return sync.OnceFunc(func() { c.used.Add(-bytes) }), nil
}

// welcome refuses a request before it is parsed where that is of no use. One that is taken again was counted before, and is asked only later
// whether it fits.
func (c *Collector) welcome(size int64, closed bool, again Epoch) error {
	switch {
	case again > 0 && closed:
		return c.overload(tracing.Closing)
	case again > 0:
	case closed:
		return c.count(size, tracing.Closing)
	case c.used.Load() >= c.hard:
		return c.count(size, c.short())
	}
	return nil
}

// refuse is the answer to a request that does not fit. Of one that comes for the first time a receiver has charged the body too.
func (c *Collector) refuse(size, need int64, again Epoch) error {
	all := need
	if again == 0 {
		all += size
	}
	switch {
	case all > c.cfg.MaxBytes && again == 0:
		_ = c.count(size, tooLarge)
		fallthrough
	case all > c.cfg.MaxBytes:
		return &tooLargeError{need: all, limit: c.cfg.MaxBytes}
	case again == 0:
		c.lacks(need)
		return c.count(size, c.short())
	}
	c.wanted.Store(need)
	return c.overload(c.short())
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
	if in.least > c.cfg.MaxBytes || !c.reserve(reading-in.reading, 0) {
		return errNoRoom
	}
	in.reading = reading
	return nil
}

// unread counts a request that could not be read to its end, and returns its error.
func (c *Collector) unread(in *intake, size int64, err error) error {
	if errors.Is(err, errNoRoom) {
		return c.refuse(size, in.least, 0)
	}
	c.tallyMu.Lock()
	defer c.tallyMu.Unlock()
	one := Volume{1, size}
	c.tally.offered, c.tally.torn = c.tally.offered.plus(one), c.tally.torn.plus(one)
	return err
}

// count counts a refused request and returns its error.
func (c *Collector) count(size int64, reason string) error {
	one, now := Volume{1, size}, c.now()
	c.tallyMu.Lock()
	defer c.tallyMu.Unlock()
	if reason != tooLarge {
		c.refusal, c.refusedAt = reason, now
	}
	c.tally.offered, c.tally.refused = c.tally.offered.plus(one), c.tally.refused.plus(one)
	c.tally.because(FateRefused, reason, 0, 0, 1)
	return c.overload(reason)
}

// refusing returns why a request was refused lately; "" = none was.
func (c *Collector) refusing() string {
	now := c.now()
	c.tallyMu.Lock()
	defer c.tallyMu.Unlock()
	if now-c.refusedAt >= int64(refusingFor) {
		return ""
	}
	return c.refusal
}

// short names what is short.
func (c *Collector) short() string {
	if c.queue.failing() {
		return shortOfMemory + ", as the output fails"
	}
	return shortOfMemory
}

// overload tells when there should be room again: as long as it takes to get down to SoftRatio at the rate of now. Before anything was given back,
// traces are waited for to be quiet, if the output works.
func (c *Collector) overload(reason string) error {
	var wait time.Duration
	over, rate := c.used.Load()-c.soft, c.drain.Load()
	switch {
	case reason == shortOfDisk:
		wait = longestWait
	case over <= 0:
	case rate > 0:
		wait = time.Duration(min(float64(over)/float64(rate)*1e9, float64(longestWait)))
	case c.queue.failing():
		wait = longestWait
	default:
		wait = min(c.cfg.Quiet, longestWait)
	}
	// A fifth at random, so that not all come back at once.
	wait = time.Duration(float64(max(wait, shortestWait)) * (0.8 + 0.4*rand.Float64())) //nolint:forbidigo,gosec // Jitter, not a secret.
	return &tracing.OverloadError{RetryAfter: min(max(wait, shortestWait), longestWait), Cause: reason}
}

// reserve charges the bytes of a request if they fit.
func (c *Collector) reserve(bytes int64, again Epoch) bool {
	if again > 0 {
		return c.charge(bytes, c.cfg.MaxBytes)
	}
	return c.reserveBelow(bytes, c.cfg.MaxBytes)
}

// reserveBelow charges bytes if they fit below a limit, and leave the room that what is read again waits for: others come without end.
func (c *Collector) reserveBelow(bytes, limit int64) bool {
	return c.charge(bytes, min(limit, c.cfg.MaxBytes-c.wanted.Load()))
}

func (c *Collector) charge(bytes, limit int64) bool {
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
	weight float64 // its bytes times its age, which may be more than an integer holds
}

// relieve makes room: first by traces that are kept already by one span, then by those that look complete, at last, so that there is always
// progress, by incomplete ones, those first that hold most for longest.
func (c *Collector) relieve() {
	defer c.deciding.leave(c.deciding.begin())
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
			if !c.isShort() {
				return
			}
			c.decide(one.s, one.id, step.why, step.partial)
		}
	}
}

// lacks has room made for what was refused, until its sender is back.
func (c *Collector) lacks(bytes int64) {
	c.lack.Store(bytes)
	c.lackUntil.Store(c.now() + int64(2*longestWait))
}

// comfort returns how much is held before traces are decided sooner: less than SoftRatio says where a large request needs room.
func (c *Collector) comfort() int64 {
	if c.now() >= c.lackUntil.Load() {
		return c.soft
	}
	return min(c.soft, c.cfg.MaxBytes-c.lack.Load())
}

// isShort tells whether more is to be decided to make room. What was decided so, and is on its way to the output, gives back its room by itself,
// unless the output fails.
func (c *Collector) isShort() bool {
	used, most := c.used.Load(), c.comfort()
	return used >= most && (used-c.pressed.Load() >= most || c.queue.failing())
}

// candidates returns the open traces that are chosen, the heaviest first.
func (c *Collector) candidates(now int64, choose func(*shard, *header) bool) []candidate {
	var all []candidate
	for _, s := range c.shards {
		s.mu.Lock()
		for id, h := range s.byID {
			if t := s.header(h); t.state == open && choose(s, t) {
				all = append(all, candidate{s, id, float64(t.chain.Size()) * float64(now-t.first+1)})
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

// gauge notes how fast memory is given back while it is short, given how long ago it did so last.
func (c *Collector) gauge(freed int64, since time.Duration) {
	before := c.drain.Load()
	switch {
	case c.used.Load() < c.soft:
		c.drain.Store(0)
	case since <= 0:
	case before == 0:
		c.drain.Store(int64(float64(freed) / since.Seconds()))
	default:
		c.drain.Store((before*7 + int64(float64(freed)/since.Seconds())) / 8)
	}
}
