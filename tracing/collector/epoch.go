package collector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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

// Advance ends the epoch of now and returns it: what was taken before the call belongs to it or to an earlier one, what comes later does not.
func (c *Collector) Advance() Epoch {
	c.gate.Lock()
	defer c.gate.Unlock()
	ended := c.epoch
	c.epoch++
	if c.log != nil {
		c.logged(c.log.Rotate(uint64(c.epoch)))
	}
	return ended
}

// Settled returns the last epoch that has ended of which, and of all before it, every span met its fate: it was dropped, is with the output, or
// failed. 0 = none. What a source has until then need not be kept by it.
func (c *Collector) Settled() Epoch {
	c.gate.RLock()
	settled := c.epoch - 1
	c.gate.RUnlock()
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

// holdEpoch counts a header of an epoch. Epochs come in order, but for those that are read again.
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
	c.epoch = Epoch(c.log.Epoch())
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

// readAgain takes in what was in the log when the collector was made. Where memory is short it waits.
func (c *Collector) readAgain(fs wal.FS, again []wal.Old) {
	defer close(c.replay.done)
	ctx := c.ctx
	for _, file := range again {
		c.reading.Store(file.Epoch)
		harm, err := wal.Read(fs, file.Name, func(req []byte) error { return c.takeAgain(ctx, req, Epoch(file.Epoch)) })
		c.faults.harm(harm)
		if err != nil { // It is not read to its end now: it stays, and so does all that comes after it.
			c.replay.err = err
			if !errors.Is(err, tracing.ErrClosed) {
				c.logged(err)
			}
			return
		}
		c.replay.left.Add(-1)
	}
	c.reading.Store(0)
}

// takeAgain takes a request of the log. One that is not taken for good was not taken before.
func (c *Collector) takeAgain(ctx context.Context, req []byte, epoch Epoch) error {
	for {
		_, err := c.ingest(ctx, req, epoch)
		overload, ok := errors.AsType[*tracing.OverloadError](err)
		if !ok {
			return context.Cause(ctx)
		}
		if errors.Is(err, tracing.ErrClosed) {
			return err
		}
		timer := time.NewTimer(overload.RetryAfter) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
		select {
		case <-timer.C:
		case <-c.minding:
			timer.Stop()
			return tracing.ErrClosed
		}
	}
}
