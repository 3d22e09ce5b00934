package collector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/wal"
)

// An Epoch is a stretch of what a collector took in, counted from 1.
type Epoch uint64

// An epochCount is how many headers hold an epoch.
type epochCount struct {
	epoch   Epoch
	headers int
}

// Advance ends the epoch of now and returns it: what was taken before the call belongs to it or to an earlier one, what comes later does not. It
// waits for nobody; a call of Ingest that began before belongs to the epochs that ended.
func (c *Collector) Advance() Epoch {
	c.turning.Lock()
	defer c.turning.Unlock()
	ended := c.gate.now()
	if c.log != nil { // First: what is of the epoch that ends may be in a file of the next, which stays for longer.
		c.logged(c.log.Rotate(uint64(ended + 1)))
	}
	c.gate.turn(ended + 1)
	return ended
}

// Settled returns the last epoch that has ended of which, and of all before it, every span met its fate: it was dropped, is with the output, or
// failed. 0 = none. What a source has until then need not be kept by it.
func (c *Collector) Settled() Epoch {
	settled := c.gate.oldest() - 1
	if reading := c.reading.Load(); reading > 0 {
		settled = min(settled, Epoch(reading)-1)
	}
	for _, s := range c.shards {
		s.mu.Lock()
		if len(s.epochs) > 0 {
			settled = min(settled, s.epochs[0].epoch-1)
		}
		s.mu.Unlock()
	}
	return settled
}

// holdEpoch counts a header of an epoch. Epochs come about in order, but for those that are read again.
func (s *shard) holdEpoch(e Epoch) {
	i, found := s.findEpoch(e)
	if !found {
		s.epochs = slices.Insert(s.epochs, i, epochCount{epoch: e})
	}
	s.epochs[i].headers++
}

func (s *shard) findEpoch(e Epoch) (int, bool) {
	return slices.BinarySearchFunc(s.epochs, e, func(c epochCount, e Epoch) int { return cmp.Compare(c.epoch, e) })
}

// lowerEpoch has a header hold an epoch, if that is older than the one it holds: so come spans that are read again, and those of calls that took
// until the next epoch.
func (s *shard) lowerEpoch(t *header, e Epoch) {
	if e < t.epoch {
		s.holdEpoch(e)
		s.releaseEpoch(t.epoch)
		t.epoch = e
	}
}

func (s *shard) releaseEpoch(e Epoch) {
	i, _ := s.findEpoch(e)
	if s.epochs[i].headers--; s.epochs[i].headers == 0 {
		s.epochs = slices.Delete(s.epochs, i, i+1)
	}
}

const (
	syncEvery   = 5 * time.Millisecond
	epochEvery  = time.Second
	epochBytes  = 16 << 20
	looksAtLog  = 20 // in epochEvery
	lookForRoom = 10 * time.Millisecond
	shortOfDisk = "log"
)

// openLog opens the log, and returns what is to be read again.
func (c *Collector) openLog(fs wal.FS) (again []wal.Old, err error) {
	c.log, again, err = wal.Open(fs)
	if errors.Is(err, wal.ErrInUse) {
		return nil, fmt.Errorf("collector: %w: %s", ErrInUse, c.cfg.WALDir)
	}
	if err != nil {
		return nil, fmt.Errorf("collector: %w", err)
	}
	c.gate.open(Epoch(c.log.Epoch()))
	if len(again) > 0 {
		c.reading.Store(again[0].Epoch)
	}
	c.replay.left.Store(int64(len(again)))
	return again, nil
}

// write logs a request, and with SyncAck waits until it is durable.
func (c *Collector) write(req []byte) error {
	if c.log == nil {
		return nil
	}
	wait, err := c.log.Append(req)
	if err == nil && c.cfg.SyncAck {
		err = wait()
	}
	c.logged(err)
	return err
}

// logged notes an error of the log.
func (c *Collector) logged(err error) {
	if err != nil {
		c.faults.disk(err)
	}
}

// sync syncs the log until the collector stops. It takes no lock of the collector: who holds one may wait for it.
func (c *Collector) sync() {
	c.every(syncEvery, func() { c.logged(c.log.Sync()) })
}

// mind ends epochs, and removes what is settled, until the collector stops.
func (c *Collector) mind() {
	looks := 0
	c.every(epochEvery/looksAtLog, func() {
		looks++
		whole := looks%looksAtLog == 0
		if size := c.log.Size(); size >= epochBytes || size > 0 && whole {
			c.Advance()
		}
		if whole {
			c.logged(c.log.Settle(uint64(c.Settled())))
		}
	})
}

func (c *Collector) every(interval time.Duration, do func()) {
	ticker := time.NewTicker(interval) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	defer ticker.Stop()
	for {
		select {
		case <-c.minding:
			return
		case <-ticker.C:
			do()
		}
	}
}

// endLog ends what minds the log. When all that was taken is with the output, nothing is left of it.
func (c *Collector) endLog(all bool) {
	close(c.minding)
	c.logger.Wait()
	if all {
		c.Advance()
		c.logged(c.log.Settle(uint64(c.Settled())))
	}
	c.logged(c.log.Close())
}

// A replay is the reading of what was in the log when the collector was made.
type replay struct {
	left atomic.Int64 // files
	done chan struct{}
	err  error // why it ended before its time; read it when done is closed
}

func (r *replay) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readAgain takes in what was in the log when the collector was made. Where memory is short it waits. What MaxBytes never holds stays in the log,
// and so do all files from its own on.
func (c *Collector) readAgain(fs wal.FS, again []wal.Old) {
	defer close(c.replay.done)
	ctx := c.ctx
	stays := uint64(0)
	for _, file := range again {
		c.reading.Store(cmp.Or(stays, file.Epoch))
		harm, err := wal.Read(fs, file.Name, func(req []byte) error {
			err := c.takeAgain(ctx, req, Epoch(file.Epoch))
			if large, ok := errors.AsType[*tooLargeError](err); ok {
				stays = cmp.Or(stays, file.Epoch)
				c.logged(large)
				c.replay.err = large
				return nil
			}
			return err
		})
		c.faults.harm(harm)
		if err != nil { // It is not read to its end now: it stays, and so does all that comes after it.
			c.replay.err = err
			if !errors.Is(err, tracing.ErrClosed) {
				c.logged(err)
			}
			return
		}
		if stays == 0 {
			c.replay.left.Add(-1)
		}
	}
	c.reading.Store(stays)
}

// takeAgain takes a request of the log, which has its turn before others as soon as there is room for it. One that is malformed was not taken
// before.
func (c *Collector) takeAgain(ctx context.Context, req []byte, epoch Epoch) error {
	defer c.wanted.Store(0)
	for {
		_, err := c.ingest(ctx, req, epoch)
		_, tooLarge := errors.AsType[*tooLargeError](err)
		switch {
		case tooLarge, errors.Is(err, tracing.ErrClosed):
			return err
		case !errors.Is(err, tracing.ErrOverload):
			return context.Cause(ctx)
		}
		if !c.roomFor(c.wanted.Load()) {
			return tracing.ErrClosed
		}
	}
}

// roomFor waits until there is room. It tells whether it is not the end of the log that came first.
func (c *Collector) roomFor(bytes int64) bool {
	ticker := time.NewTicker(lookForRoom) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	defer ticker.Stop()
	for c.used.Load()+bytes > c.cfg.MaxBytes {
		select {
		case <-ticker.C:
		case <-c.minding:
			return false
		}
	}
	return true
}

// A gate counts calls, in stints: who waits for those that are there, or ends an epoch, keeps no new ones out. It has to be opened before its use.
type gate struct {
	mu     sync.Mutex
	stints []*stint // in order: those that have calls, and at last that of now
	closed bool
}

// A stint is calls that came in one after the other, of one epoch.
type stint struct {
	epoch Epoch
	calls int
	ended bool
	over  chan struct{} // closed when it ended, and all calls left
}

func (g *gate) open(epoch Epoch) { g.stints = []*stint{{epoch: epoch, over: make(chan struct{})}} }

// enter counts a call, which has to leave the stint again. closed says that it is to be turned away.
func (g *gate) enter() (s *stint, closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s = g.stints[len(g.stints)-1]
	s.calls++
	return s, g.closed
}

// begin is enter where nobody is turned away.
func (g *gate) begin() *stint {
	s, _ := g.enter()
	return s
}

func (g *gate) leave(s *stint) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.calls--
	g.sweep(s)
}

// sweep takes out a stint that is over.
func (g *gate) sweep(s *stint) {
	if s.ended && s.calls == 0 {
		close(s.over)
		g.stints = slices.DeleteFunc(g.stints, func(other *stint) bool { return other == s })
	}
}

// turn begins the next stint, of an epoch; 0 = that of now.
func (g *gate) turn(epoch Epoch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stints[len(g.stints)-1]
	if epoch == 0 {
		epoch = s.epoch
	}
	g.stints = append(g.stints, &stint{epoch: epoch, over: make(chan struct{})})
	s.ended = true
	g.sweep(s)
}

// pass waits until all calls that are there have left.
func (g *gate) pass() {
	g.turn(0)
	g.mu.Lock()
	before := slices.Clone(g.stints[:len(g.stints)-1])
	g.mu.Unlock()
	for _, s := range before {
		<-s.over
	}
}

// close has calls turned away from now on. It tells whether nobody did so before.
func (g *gate) close() (first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	first, g.closed = !g.closed, true
	return first
}

func (g *gate) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// oldest returns the oldest epoch that has calls, or that of now.
func (g *gate) oldest() Epoch {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stints[0].epoch
}

// now returns the epoch of what comes.
func (g *gate) now() Epoch {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stints[len(g.stints)-1].epoch
}
