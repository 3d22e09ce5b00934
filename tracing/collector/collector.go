package collector

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
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
	shortestQuiet     = 200 * time.Millisecond // learnt, or under pressure
)

// A Config says how traces are held, decided and handed on. The zero Config keeps all.
type Config struct {
	// Policies decide, in order; nil = keep all.
	Policies []sampling.Policy

	// MaxBytes bounds what is held, bodies being read included; 0 = 256 MiB. It should be several times the largest request; one of more than
	// 16,384 spans takes 160 bytes for each of them while it is read. Beside it, each worker holds one batch.
	MaxBytes int64
	// SoftRatio of MaxBytes, above which traces are decided early to make room; 0 = 0.8, below 0.95.
	SoftRatio float64
	// Shards is how many traces can be worked on at once: a power of two, at most 4,096; 0 = 64. Decisions come in one order only with 1.
	Shards int

	// Quiet is how long nothing has to come for a trace that looks whole to be decided; 0 = 2 s.
	Quiet time.Duration
	// MaxAge is when a trace is decided whatever it looks like; 0 = 25 s, no less than Quiet.
	MaxAge time.Duration
	// Adaptive learns Quiet for each operation, between 200 ms and MaxAge.
	Adaptive bool
	// LocalRoots takes spans whose parent is in another process for roots, where only the spans of one process come.
	LocalRoots bool

	// MaxTraceBytes of Span messages and MaxTraceSpans are when a trace is decided at once; 0 = 16 MiB and 100,000.
	MaxTraceBytes int
	MaxTraceSpans int
	// Decisions is how many traces are remembered after their decision, 24 bytes each; 0 = 1,000,000.
	Decisions int
	// EarlyKeep hands on a trace as soon as one span alone keeps it.
	EarlyKeep bool
	// StampThreshold writes the threshold of the decision into the tracestate of the spans that leave.
	StampThreshold bool

	// WALDir is a directory of this collector alone, which is made if need be: requests are logged there until their spans met their fate, and a
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
	// Now is the clock by which spans arrive; nil = time.Now. It must be safe for concurrent use.
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
	errs.add(c.MaxBytes < 0, "MaxBytes %d: want 0 or more", c.MaxBytes)
	errs.add(c.SoftRatio < 0 || c.SoftRatio >= hardRatio, "SoftRatio %v: want 0 or more, and less than %v", c.SoftRatio, hardRatio)
	errs.add(c.Shards < 0 || c.Shards > maxShards || c.Shards&(c.Shards-1) != 0, "Shards %d: want a power of two, at most %d", c.Shards, maxShards)
	errs.add(c.Quiet < 0, "Quiet %v: want 0 or more", c.Quiet)
	errs.add(c.MaxAge < 0 || c.MaxAge > 0 && c.MaxAge < orDefault(c.Quiet, defaultQuiet), "MaxAge %v: want 0, or Quiet or more", c.MaxAge)
	errs.add(c.MaxTraceBytes < 0, "MaxTraceBytes %d: want 0 or more", c.MaxTraceBytes)
	errs.add(c.MaxTraceSpans < 0, "MaxTraceSpans %d: want 0 or more", c.MaxTraceSpans)
	errs.add(c.Decisions < 0, "Decisions %d: want 0 or more", c.Decisions)
	errs.add(c.SyncAck && c.WALDir == "", "SyncAck without WALDir")
	errs.add(c.Workers < 0, "Workers %d: want 0 or more", c.Workers)
	return errors.Join(errs...)
}

// A Collector holds the spans of traces until these are whole, decides which to keep, and hands them on. [New] makes it; Close ends it. It is a
// tracing.Sink and a tracing.Admitter, and safe for concurrent use.
type Collector struct {
	out    Output
	cfg    Config
	base   time.Time // instants are counted from here
	seed   maphash.Seed
	soft   int64 // bytes
	hard   int64
	shards []*shard
	slabs  *arena.Pool // of all shards
	jury   atomic.Pointer[sampling.Jury]
	learnt *learner // nil = not Adaptive
	intake sync.Pool
	courts sync.Pool
	queue  queue
	past   *past // the last decisions
	policy names // numbers of policies in what is remembered
	faults faults

	used   atomic.Int64 // bytes held
	unsent atomic.Int64 // spans that were left when Close ran out of time
	freed  atomic.Int64 // bytes given back so far
	drain  atomic.Int64 // bytes a second that are given back, by and by

	gate   sync.RWMutex // held by calls that take requests; written by what has to come between them
	epoch  Epoch
	closed bool

	deciding sync.RWMutex // held while closers decide

	log     *wal.Log      // nil = none
	minding chan struct{} // ends what minds the log
	logger  sync.WaitGroup
	reading atomic.Uint64 // the epoch of the log that is read again; 0 = none

	tallyMu sync.Mutex
	tally   tally // what is counted before spans reach a shard

	policiesMu sync.Mutex // orders calls of SetPolicies

	stop    chan struct{}   // ends the closers
	ctx     context.Context //nolint:containedctx // That of the workers' calls of Output.Put.
	cancel  context.CancelCauseFunc
	running sync.WaitGroup
	ended   chan struct{} // Close is through
}

// New returns a collector that hands what it keeps to out, and starts its goroutines. What it finds in WALDir it takes by and by, beside what
// comes. The error Is tracing.ErrConfig and names every problem, of policies too; or it is that of opening WALDir.
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
		out: out, cfg: cfg, base: cfg.Now(), seed: maphash.MakeSeed(),
		soft: int64(float64(cfg.MaxBytes) * cfg.SoftRatio), hard: int64(float64(cfg.MaxBytes) * hardRatio),
		slabs: arena.NewPool(int(min(max(cfg.MaxBytes/int64(cfg.Shards)/4, minSlab), maxSlab))),
		past:  newPast(), epoch: 1, tally: newTally(),
		stop: make(chan struct{}), minding: make(chan struct{}), ended: make(chan struct{}), ctx: ctx, cancel: cancel,
	}
	c.jury.Store(jury)
	c.intake.New = func() any { return newIntake(c) }
	c.courts.New = func() any { return newCourt() }
	c.queue.init()
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
	if fs != nil {
		c.logger.Go(c.sync)
		c.logger.Go(c.mind)
		c.logger.Go(func() { c.readAgain(fs, again) })
	}
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

// Flush decides about all traces that are open and waits until the output took what is kept of them. It returns context.Cause(ctx), wrapped, if
// ctx ends first.
func (c *Collector) Flush(ctx context.Context) error {
	c.closeAll()
	if err := c.queue.drained(ctx); err != nil {
		return fmt.Errorf("collector: flush: %w", err)
	}
	return nil
}

// Close takes no more requests, decides about all traces that are open, waits until the output took what is kept of them, and ends the
// goroutines. If ctx ends first, what is left counts as failed, and the error says how many spans; with WALDir they come again. After the first call others wait for its end.
func (c *Collector) Close(ctx context.Context) error {
	c.gate.Lock()
	first := !c.closed
	c.closed = true
	c.gate.Unlock()
	if !first {
		select {
		case <-c.ended:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("collector: close: %w", context.Cause(ctx))
		}
	}
	defer close(c.ended)
	c.closeAll()
	err := c.queue.drained(ctx)
	if c.log != nil {
		c.endLog(err == nil)
	}
	close(c.stop)
	c.cancel(tracing.ErrClosed) // Ends what Put does; the workers fail the rest.
	c.running.Wait()
	c.failRest()
	for _, s := range c.shards { // Nothing is held any more, and nothing is taken.
		s.mu.Lock()
		s.arena.Release()
		s.mu.Unlock()
	}
	c.slabs.Release()
	if err != nil {
		return fmt.Errorf("collector: close: %d spans were not handed on: %w", c.unsent.Load(), err)
	}
	return nil
}

// now returns the instant in nanoseconds since the collector was made.
func (c *Collector) now() int64 { return int64(c.cfg.Now().Sub(c.base)) }

// at returns an instant.
func (c *Collector) at(now int64) time.Time { return c.base.Add(time.Duration(now)).UTC() }
