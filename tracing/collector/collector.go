package collector

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/arena"
	"github.com/tenon-go/tenon/tracing/internal/wal"
	"github.com/tenon-go/tenon/tracing/sampling"
)

const (
	defaultMaxBytes   = 256 << 20
	leastMaxBytes     = 128 << 10 // twice what a receiver reads bodies into
	defaultSoftRatio  = 0.8
	hardRatio         = 0.95 // of MaxBytes, above which requests are refused before they are parsed
	defaultShards     = 64
	maxShards         = 1 << 12
	defaultQuiet      = 2 * time.Second
	defaultMaxAge     = 25 * time.Second
	defaultTraceBytes = 16 << 20
	defaultTraceSpans = 100_000
	defaultDecisions  = 1_000_000
	defaultWorkers    = 2
	maxDecisions      = 1 << 30
	longestAge        = 365 * 24 * time.Hour   // far from where sums of times overflow
	shortestQuiet     = 200 * time.Millisecond // learnt, or under pressure
	grace             = 500 * time.Millisecond // after the end of a context
)

// A Config says how traces are held, decided and handed on. The zero Config keeps all.
type Config struct {
	// Policies decide, in order; nil = keep all.
	Policies []sampling.Policy

	// MaxBytes bounds what is held, bodies being read included; 0 = 256 MiB, else no less than 128 KiB. It should be several times what the
	// largest request takes: its bytes as they come, and 2 KiB for each trace in it, or its bytes once more if these are more; while one of more
	// than 16,384 spans is read, 160 bytes for each of them. A request that would not fit if there were nothing else is refused for good. Beside
	// it, each worker holds one batch.
	MaxBytes int64
	// SoftRatio of MaxBytes, above which traces are decided early to make room; 0 = 0.8, below 0.95.
	SoftRatio float64
	// Shards is how many traces can be worked on at once: a power of two, at most 4,096; 0 = 64. Decisions come in one order only with 1.
	Shards int

	// Quiet is how long nothing has to come for a trace that looks whole to be decided; 0 = 2 s, at most a year.
	Quiet time.Duration
	// MaxAge is when a trace is decided whatever it looks like; 0 = 25 s, no less than Quiet, at most a year.
	MaxAge time.Duration
	// Adaptive learns Quiet for each operation, between 200 ms and MaxAge. One trace in 64 waits for Quiet, or for
	// twice what is learnt, to show whether spans come later by now.
	Adaptive bool
	// LocalRoots takes spans whose parent is in another process for roots, where only the spans of one process come.
	LocalRoots bool

	// MaxTraceBytes of Span messages and MaxTraceSpans are when a trace is decided at once; 0 = 16 MiB and 100,000.
	MaxTraceBytes int
	MaxTraceSpans int
	// Decisions is how many traces are remembered after their decision, 24 bytes each; 0 = 1,000,000, at most 2^30.
	Decisions int
	// EarlyKeep hands on a trace as soon as one span alone keeps it.
	EarlyKeep bool
	// StampThreshold writes the threshold of the decision into the tracestate of the spans that leave.
	StampThreshold bool

	// WALDir is a directory of this collector alone, which is made if need be, and locked until Close or the end of the process: requests are logged there until their spans met their fate, and a
	// collector that is made there after a crash takes them again; "" = no log. Tap sees such spans again, and the output may get them again.
	WALDir string
	// SyncAck returns from Ingest when the request is on the disk. Without it, the last 5 ms or so before a power failure are lost.
	SyncAck bool

	// Tap sees every span that is taken, before sampling; nil = nobody. It is called by Ingest under no lock, and must not keep the view.
	Tap func(tracing.View)
	// OnDecision is called for each decision, under no lock; nil = nobody.
	OnDecision func(tracing.Decision)
	// Workers is how many calls of Output.Put there are at once; 0 = 2.
	Workers int
	// Now is the clock by which spans arrive; nil = time.Now. It must be safe for concurrent use. Where it jumps back, time goes on from there.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	c.MaxBytes = orDefault(c.MaxBytes, defaultMaxBytes)
	c.SoftRatio = orDefault(c.SoftRatio, defaultSoftRatio)
	c.Shards = orDefault(c.Shards, defaultShards)
	c.Quiet = orDefault(c.Quiet, defaultQuiet)
	c.MaxAge = orDefault(c.MaxAge, max(defaultMaxAge, c.Quiet))
	c.MaxTraceBytes = orDefault(c.MaxTraceBytes, defaultTraceBytes)
	c.MaxTraceSpans = orDefault(c.MaxTraceSpans, defaultTraceSpans)
	c.Decisions = orDefault(c.Decisions, defaultDecisions)
	c.Workers = orDefault(c.Workers, defaultWorkers)
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default clock
	}
	return c
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (c Config) validate(out Output) error {
	var errs problems
	errs.add(out == nil, "no output")
	errs.add(c.MaxBytes != 0 && c.MaxBytes < leastMaxBytes, "MaxBytes %d: want 0, or %d or more", c.MaxBytes, leastMaxBytes)
	errs.add(math.IsNaN(c.SoftRatio) || c.SoftRatio < 0 || c.SoftRatio >= hardRatio, "SoftRatio %v: want 0 or more, and less than %v", c.SoftRatio, hardRatio)
	errs.add(c.Shards < 0 || c.Shards > maxShards || c.Shards&(c.Shards-1) != 0, "Shards %d: want a power of two, at most %d", c.Shards, maxShards)
	errs.add(c.Quiet < 0 || c.Quiet > longestAge, "Quiet %v: want 0 or more, at most %v", c.Quiet, longestAge)
	young := c.MaxAge < 0 || c.MaxAge > 0 && c.MaxAge < orDefault(c.Quiet, defaultQuiet)
	errs.add(young || c.MaxAge > longestAge, "MaxAge %v: want 0, or Quiet or more, at most %v", c.MaxAge, longestAge)
	errs.add(c.MaxTraceBytes < 0, "MaxTraceBytes %d: want 0 or more", c.MaxTraceBytes)
	errs.add(c.MaxTraceSpans < 0, "MaxTraceSpans %d: want 0 or more", c.MaxTraceSpans)
	errs.add(c.Decisions < 0 || c.Decisions > maxDecisions, "Decisions %d: want 0 or more, at most %d", c.Decisions, maxDecisions)
	errs.add(c.SyncAck && c.WALDir == "", "SyncAck without WALDir")
	errs.add(c.Workers < 0, "Workers %d: want 0 or more", c.Workers)
	return errors.Join(errs...)
}

// A Collector holds the spans of traces until these are whole, decides which to keep, and hands them on. [New] makes it; Close ends it. It is a
// tracing.Sink and a tracing.Admitter, and safe for concurrent use.
type Collector struct {
	out     Output
	cfg     Config
	clock   clock
	seed    maphash.Seed
	soft    int64 // bytes
	hard    int64
	shards  []*shard
	slabs   *arena.Pool // of all shards
	jury    atomic.Pointer[sampling.Jury]
	learnt  *learner // nil = not Adaptive
	intake  sync.Pool
	courts  sync.Pool
	queue   queue
	past    *past // the last decisions
	policy  names // numbers of policies in what is remembered
	pledges pledges
	faults  faults

	used    atomic.Int64 // bytes held
	unsent  atomic.Int64 // spans that were left when Close ran out of time
	freed   atomic.Int64 // bytes given back so far
	drain   atomic.Int64 // bytes a second that are given back while memory is short, by and by; 0 = not known
	pressed atomic.Int64 // bytes of what was decided under pressure and the output does not have yet

	lack, lackUntil atomic.Int64 // bytes that a request needs that was refused, and the instant until which it may come again

	gate     gate       // of calls that take requests
	deciding gate       // of closers that decide
	turning  sync.Mutex // held while an epoch ends

	log     *wal.Log      // nil = none
	minding chan struct{} // ends what minds the log
	logger  sync.WaitGroup
	replay  replay
	reading atomic.Uint64 // the epoch of the log that is read again, or the first of which something could not be taken; 0 = none
	wanted  atomic.Int64  // bytes of room that what is read again waits for

	tallyMu   sync.Mutex
	tally     tally  // what is counted before spans reach a shard
	refusal   string // the reason of the last one that may pass; "" = none yet
	refusedAt int64

	policiesMu sync.Mutex // orders calls of SetPolicies

	stop    chan struct{}   // ends the closers
	ctx     context.Context //nolint:containedctx // That of the workers' calls of Output.Put.
	cancel  context.CancelCauseFunc
	running sync.WaitGroup
	ended   chan struct{} // Close is through
}

// New returns a collector that hands what it keeps to out, and starts its goroutines. What it finds in WALDir it takes by and by, beside what
// comes. The error Is tracing.ErrConfig and names every problem, of policies too; or it is that of opening WALDir,
// and Is ErrInUse while another collector has that.
func New(out Output, cfg Config) (*Collector, error) {
	if cfg.WALDir == "" {
		return newOn(nil, out, cfg)
	}
	return newOn(wal.Dir(cfg.WALDir), out, cfg)
}

// newOn is New with the log on fs; nil = none.
func newOn(fs wal.FS, out Output, cfg Config) (*Collector, error) {
	jury, err := sampling.NewJury(cfg.Policies)
	if err = errors.Join(cfg.validate(out), err); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &Collector{
		out: out, cfg: cfg, clock: clock{now: cfg.Now, base: cfg.Now()}, seed: maphash.MakeSeed(),
		soft: int64(float64(cfg.MaxBytes) * cfg.SoftRatio), hard: int64(float64(cfg.MaxBytes) * hardRatio),
		slabs: arena.NewPool(int(min(max(cfg.MaxBytes/int64(cfg.Shards)/4, minSlab), maxSlab))),
		past:  newPast(), tally: newTally(), replay: replay{done: make(chan struct{})},
		stop: make(chan struct{}), minding: make(chan struct{}), ended: make(chan struct{}), ctx: ctx, cancel: cancel,
	}
	c.jury.Store(jury)
	c.intake.New = func() any { return newIntake(c) }
	c.courts.New = func() any { return newCourt() }
	c.pledges.numbers = map[pledge]uint16{}
	c.queue.init()
	c.gate.open(1)
	c.deciding.open(0)
	if cfg.Adaptive {
		c.learnt = &learner{most: cfg.MaxAge, initial: cfg.Quiet, numbers: map[uint64]uint16{}}
	}
	var again []wal.Old
	if fs != nil {
		if again, err = c.openLog(fs); err != nil {
			cancel(err)
			return nil, err
		}
	}
	for range cfg.Shards {
		c.shards = append(c.shards, newShard(c))
	}
	c.start(fs, again)
	return c, nil
}

// start starts the goroutines.
func (c *Collector) start(fs wal.FS, again []wal.Old) {
	for range c.cfg.Workers {
		c.running.Go(c.work)
	}
	closers := min(runtime.GOMAXPROCS(0), c.cfg.Shards)
	for i := range closers {
		c.running.Go(func() { c.watch(i, closers) })
	}
	if fs == nil {
		close(c.replay.done)
		return
	}
	c.logger.Go(c.sync)
	c.logger.Go(c.mind)
	c.running.Go(func() { c.readAgain(fs, again) }) // It may call what blocks.
}

// SetPolicies decides by others from now on. Those of the same name and settings as before go on with their state. The error is that of New, and
// then nothing changes.
func (c *Collector) SetPolicies(policies []sampling.Policy) error {
	c.policiesMu.Lock()
	defer c.policiesMu.Unlock()
	jury, err := c.jury.Load().With(policies)
	if err != nil {
		return fmt.Errorf("collector: %w", err)
	}
	c.jury.Store(jury)
	return nil
}

// Flush waits until what was found in WALDir is taken again, decides about all traces that are open, and waits until the output took what is kept
// of them. It returns context.Cause(ctx), wrapped, if ctx ends first, and an error if the log was not read to its end.
func (c *Collector) Flush(ctx context.Context) error {
	err := c.replay.wait(ctx)
	decided := make(chan struct{})
	go func() { // It ends when policies return.
		defer close(decided)
		c.closeAll()
	}()
	if late := soon(ctx, decided); late != nil {
		return fmt.Errorf("collector: flush: a callback does not return: %w", late)
	}
	if undelivered := c.queue.drained(ctx); undelivered != nil {
		err = c.blame(undelivered)
	}
	if err != nil {
		return fmt.Errorf("collector: flush: %w", err)
	}
	return nil
}

// Close takes no more requests, decides about all traces that are open, waits until the output took what is kept of them, and ends the
// goroutines. If ctx ends first, what is left counts as failed, and the error says how many spans; with WALDir they come again. What the
// output refused for good, before or meanwhile, is no error here but in Ledger.Failed. Callbacks that do not return within a second then are left
// behind: what hangs on them counts when they do. Close what sends to it first, a tracing.Provider above all: what comes later is refused. It does
// not wait for what is read again from WALDir, which stays there: call Flush before. After the first call others wait for its end.
func (c *Collector) Close(ctx context.Context) error {
	if !c.gate.close() {
		select {
		case <-c.ended:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("collector: close: %w", context.Cause(ctx))
		}
	}
	decided := make(chan struct{})
	go func() {
		defer close(decided)
		c.gate.pass()
		c.closeAll()
	}()
	err := soon(ctx, decided)
	if err == nil {
		err = c.queue.drained(ctx)
	}
	if c.log != nil {
		c.endLog(err == nil)
	}
	close(c.stop)
	c.cancel(tracing.ErrClosed) // Ends what Put does; the workers fail the rest.
	go func() {
		defer close(c.ended)
		<-decided
		c.empty()
	}()
	if late := soon(ctx, c.ended); late != nil {
		left := c.unsent.Load() + c.Ledger().InFlight.Spans
		return fmt.Errorf("collector: close: a callback does not return, %d spans were not handed on: %w", left, late)
	}
	if err != nil {
		return fmt.Errorf("collector: close: %d spans were not handed on: %w", c.unsent.Load(), c.blame(err))
	}
	return nil
}

// soon waits until done is closed, and for a while longer than ctx: what minds that is through then.
func soon(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return context.Cause(ctx)
	}
}

// empty waits for the goroutines and lets go of all that is held. Nothing is taken any more.
func (c *Collector) empty() {
	c.running.Wait()
	c.failRest()
	for _, s := range c.shards {
		s.mu.Lock()
		s.arena.Release()
		s.mu.Unlock()
	}
	c.slabs.Release()
}

// now returns the instant in nanoseconds since the collector was made.
func (c *Collector) now() int64 { return c.clock.read() }

// at returns an instant.
func (c *Collector) at(now int64) time.Time { return c.clock.at(now) }

// A clock counts nanoseconds since it was made.
type clock struct {
	now func() time.Time

	mu   sync.Mutex
	base time.Time // instants are counted from here
	last int64     // about the latest that was read
}

// leap is how much a clock goes back at once that jumps. By less it may be read in another order than it went.
const leap = time.Second

// read returns the instant of now. Where the clock jumps back, it goes on from the latest, or nothing would close until the clock is there again.
func (c *clock) read() int64 {
	now, jumped := c.look(false)
	if jumped { // If it was not only that others looked later and were here before.
		now, _ = c.look(true)
	}
	return now
}

func (c *clock) look(again bool) (now int64, jumped bool) {
	at := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	now = int64(at.Sub(c.base))
	jumped = now < c.last-int64(leap)
	if jumped && again {
		c.base = at.Add(-time.Duration(c.last))
		return c.last, true
	}
	c.last = max(c.last, now)
	return now, jumped
}

func (c *clock) at(now int64) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Add(time.Duration(now)).UTC()
}
