package orderstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/orders/stock"
)

// StockWorkload says what RecordStock does.
type StockWorkload struct {
	Seed    uint64
	Workers int         // at once, each one call after another
	Calls   int         // of each worker
	Keys    []stock.Key // at least one
	OnHand  int64       // of each key at the start
	Buckets int         // of each key; 0: as the store has them
}

// A StockCall is a call of a history: what went in, what came out, and when.
type StockCall struct {
	Worker     int
	Start, End int64 // nanoseconds from the start of the history, by a monotonic clock

	// Move is a move, of a kind; for Expire, with limit 1, and Levels the kind is 0.
	Move   stock.Move
	Levels bool
	At     time.Time

	Err  error         // nil, or one of the sentinels of stock
	Got  []stock.Level // of Levels, of all keys
	Left []stock.Shortage
	N    int // of Expire
}

// String returns the call and its answer, for people.
func (c StockCall) String() string {
	switch {
	case c.Levels:
		return fmt.Sprintf("levels: %v", c.Got)
	case c.Move.Kind == 0:
		return fmt.Sprintf("at %d: expire: %d", c.At.Unix(), c.N)
	}
	return fmt.Sprintf("at %d: %v %q %v until %d: %v %v", c.At.Unix(), c.Move.Kind, c.Move.Hold, c.Move.Lines, c.Move.Until.Unix(), c.Err, c.Left)
}

// RecordStock makes workers reserve, extend, release, commit, sweep and look at the
// same few units, and returns the history of their calls, for a checker of
// linearisability: some order of the calls, in which none comes before one that had
// ended when it started, explains every answer. Time goes on meanwhile, so that holds
// die. An error that no sentinel of package stock is ends it.
func RecordStock(ctx context.Context, s stock.Store, w StockWorkload) ([]StockCall, error) {
	for _, k := range w.Keys {
		if err := s.SetOnHand(ctx, k, w.OnHand); err != nil {
			return nil, err
		}
		if w.Buckets > 0 {
			if err := s.SetBuckets(ctx, k, w.Buckets); err != nil {
				return nil, err
			}
		}
	}
	r := &stockRecorder{StockWorkload: w, s: s, start: time.Now()} //nolint:forbidigo // it measures
	calls := make([][]StockCall, w.Workers)
	errs := make([]error, w.Workers)
	var wg sync.WaitGroup
	for i := range w.Workers {
		wg.Go(func() { calls[i], errs[i] = r.work(ctx, i) })
	}
	wg.Wait()
	var all []StockCall
	for _, c := range calls {
		all = append(all, c...)
	}
	return all, errors.Join(errs...)
}

type stockRecorder struct {
	StockWorkload

	s     stock.Store
	start time.Time
	clock atomic.Int64 // seconds of the store's time
	holds atomic.Int64
}

func (r *stockRecorder) work(ctx context.Context, worker int) (calls []StockCall, err error) {
	rnd := rand.New(rand.NewPCG(r.Seed, uint64(worker))) //nolint:gosec // a workload
	for range r.Calls {
		c := r.pick(rnd)
		c.Worker = worker
		c.Start = time.Since(r.start).Nanoseconds() //nolint:forbidigo // it measures
		err := r.call(ctx, &c)
		c.End = time.Since(r.start).Nanoseconds() //nolint:forbidigo // it measures
		if err != nil {
			return calls, err
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// pick returns a call. Half of them are on the hold that came last or the one before,
// so that workers meet.
func (r *stockRecorder) pick(rnd *rand.Rand) StockCall {
	now := r.clock.Add(int64(rnd.IntN(2)))
	c := StockCall{At: time.Unix(now, 0)}
	last := r.holds.Load()
	c.Move.Hold = fmt.Sprint("h", max(1, last-rnd.Int64N(4)))
	c.Move.Until = time.Unix(now+1+rnd.Int64N(12), 0)
	switch n := rnd.IntN(20); {
	case n < 8:
		c.Move.Kind = stock.MoveReserve
		c.Move.Hold = fmt.Sprint("h", r.holds.Add(rnd.Int64N(2)))
		for range 1 + rnd.IntN(3) {
			c.Move.Lines = append(c.Move.Lines, stock.Line{Key: r.Keys[rnd.IntN(len(r.Keys))], Quantity: 1 + rnd.Int64N(2)})
		}
	case n < 10:
		c.Move.Kind = stock.MoveExtend
	case n < 12:
		c.Move.Kind = stock.MoveRelease
	case n < 14:
		c.Move.Kind = stock.MoveCommit
	case n < 16:
		c.Move = stock.Move{}
	default:
		c.Move, c.Levels = stock.Move{}, true
	}
	return c
}

// call makes a call and notes its answer.
func (r *stockRecorder) call(ctx context.Context, c *StockCall) (err error) {
	m := c.Move
	switch {
	case c.Levels:
		c.Got, err = r.s.Levels(ctx, r.Keys)
	case m.Kind == stock.MoveReserve:
		err = r.s.Reserve(ctx, c.At, stock.Hold{ID: m.Hold, Lines: m.Lines, Until: m.Until})
	case m.Kind == stock.MoveExtend:
		err = r.s.Extend(ctx, c.At, m.Hold, m.Until)
	case m.Kind == stock.MoveRelease:
		err = r.s.Release(ctx, c.At, m.Hold)
	case m.Kind == stock.MoveCommit:
		err = r.s.Commit(ctx, c.At, m.Hold)
	default:
		c.N, err = r.s.Expire(ctx, c.At, 1)
	}
	if short := (*stock.ShortError)(nil); errors.As(err, &short) {
		c.Left = short.Short
	}
	for _, sentinel := range []error{stock.ErrShort, stock.ErrHold, stock.ErrEnded, stock.ErrNotFound} {
		if errors.Is(err, sentinel) {
			c.Err = sentinel
			return nil
		}
	}
	return err
}
