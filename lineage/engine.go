package lineage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// An Engine folds a log of events into a graph and answers from it. It is safe for
// concurrent use; [New] is the only way to one.
//
// One goroutine writes. It takes what callers hand it at once into one Append, folds it,
// and publishes the next graph, which readers load without a lock. Engines on one store
// see each other's records by polling.
type Engine struct {
	store  Store
	cfg    Config
	state  atomic.Pointer[state]
	calls  chan *call
	tasks  chan func(context.Context, *writer)
	stop   context.CancelCauseFunc
	closed atomic.Bool   // Close was called
	done   chan struct{} // closed when the writer has ended
	known  knownViews
	reject atomic.Int64
}

// A state is what readers see.
type state struct {
	g      *graph
	tombs  tombs
	status Status
	read   time.Time // when the log was last read to its end
}

// A call is what one Ingest hands to the writer.
type call struct {
	records  []Record
	receipts []Receipt
	err      error
	done     chan struct{}
}

// New returns an engine with all that the store has: the checkpoint, if it is one of this
// configuration, and the log after it. The context bounds the loading only. What is wrong
// with the configuration is [ErrInvalid], all at once.
func New(ctx context.Context, store Store, cfg Config) (*Engine, error) {
	err := cfg.complete()
	if store == nil {
		err = errors.Join(fmt.Errorf("no store: %w", ErrInvalid), err)
	}
	if err != nil {
		return nil, fmt.Errorf("lineage: new: %w", err)
	}
	e := &Engine{store: store, cfg: cfg, calls: make(chan *call), tasks: make(chan func(context.Context, *writer)), done: make(chan struct{})}
	w := &writer{e: e, replica: newReplica(store, &e.cfg, time.Time{})}
	if err := w.load(ctx); err != nil {
		return nil, fmt.Errorf("lineage: new: %w", err)
	}
	w.publish(nil)
	life, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	e.stop = stop
	go func() {
		defer close(e.done)
		w.run(life)
	}()
	return e, nil
}

// complete sets defaults and says all that is wrong.
func (c *Config) complete() error {
	var errs []error
	check := func(bad bool, what string) {
		if bad {
			errs = append(errs, fmt.Errorf("%s: %w", what, ErrInvalid))
		}
	}
	check(c.Identity != nil && c.IdentityKey == "", "Config.Identity without Config.IdentityKey")
	check(c.MaxAhead < 0, "Config.MaxAhead is negative")
	check(c.Retention.Raw < 0 || c.Retention.Runs < 0 || c.Retention.KeepPerJob < 0, "Config.Retention is negative")
	check(c.Limits.Fields < 0 || c.Limits.Edges < 0 || c.Limits.NameBytes < 0, "Config.Limits is negative")
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default clock
	}
	c.CloseAfter = or(c.CloseAfter, 5)
	c.MaxAhead = or(c.MaxAhead, time.Hour)
	c.Retention.Raw = or(c.Retention.Raw, 30*24*time.Hour)
	c.Retention.Runs = or(c.Retention.Runs, 7*8766*time.Hour)
	c.Retention.KeepPerJob = or(c.Retention.KeepPerJob, 100)
	c.Poll = or(c.Poll, 100*time.Millisecond)
	c.CheckpointEvery = or(c.CheckpointEvery, 100_000)
	c.Limits.Fields = or(c.Limits.Fields, 100_000)
	c.Limits.Edges = or(c.Limits.Edges, 1_000_000)
	c.Limits.NameBytes = or(c.Limits.NameBytes, 4096)
	return errors.Join(errs...)
}

// or returns a default for zero.
func or[T ~int | ~int64](x, byDefault T) T {
	if x == 0 {
		return byDefault
	}
	return x
}

// Close stops the writer and what it does in the background, and waits for it. Calls under
// way end with [ErrClosed] or their answer, and every later one with ErrClosed; Status goes
// on to tell the last state, with ErrClosed as its error. Views that were made stay usable.
// To close again waits likewise, and does nothing else.
func (e *Engine) Close(ctx context.Context) error {
	e.closed.Store(true)
	e.stop(ErrClosed)
	select {
	case <-e.done:
		return nil
	default:
	}
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("lineage: close: %w", context.Cause(ctx))
	}
}

// open returns why the engine does not answer a call: it is closed, or the context has
// ended.
func (e *Engine) open(ctx context.Context) error {
	switch {
	case e.closed.Load():
		return ErrClosed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return nil
}

// ended returns the error of something that the writer did. One that Close has cut short is
// ErrClosed, whatever the store made of the context.
func (e *Engine) ended(err error) error {
	if err == nil || !e.closed.Load() || errors.Is(err, ErrClosed) || !errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrClosed, err)
}

// Ingest stores events and folds them into the graph. The report says of each what became
// of it: one that is invalid, too large, too far in the future or past the retention
// horizon is Rejected, and the others are Applied all the same. What is Applied or
// Duplicate is in the views that are made after the call.
//
// An error says that nothing is known of any of the events but the rejected ones: the
// store failed, or the context ended. Repeat the call then; what was stored is Duplicate.
// The events belong to the engine from then on: their lists may not be written to.
//
// Calls at the same time share one [Store.Append].
func (e *Engine) Ingest(ctx context.Context, events ...Event) (Report, error) {
	if err := e.open(ctx); err != nil {
		return Report{}, fmt.Errorf("lineage: ingest: %w", err)
	}
	report := Report{Results: make([]Result, len(events))}
	c := &call{done: make(chan struct{})}
	tombs, now := e.state.Load().tombs, utc(e.cfg.Now())
	var at []int // of each record its result
	for i := range events {
		x, err := e.admit(&events[i], tombs, now)
		switch {
		case err != nil:
			err.Index = i
			report.Results[i] = Result{Outcome: Rejected, Err: err}
			e.reject.Add(1)
		default:
			c.records, at = append(c.records, x), append(at, i)
		}
	}
	if len(c.records) == 0 {
		return report, nil
	}
	if err := e.hand(ctx, c); err != nil {
		return report, fmt.Errorf("lineage: ingest: %w", err)
	}
	for i, r := range c.receipts {
		result := &report.Results[at[i]]
		result.ID, result.Outcome = r.ID, Applied
		if r.Duplicate {
			result.Outcome = Duplicate
		}
	}
	return report, nil
}

// hand gives a call to the writer and waits.
func (e *Engine) hand(ctx context.Context, c *call) error {
	select {
	case e.calls <- c:
	case <-e.done:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-c.done:
		return e.ended(c.err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// do lets the writer do something and waits.
func (e *Engine) do(ctx context.Context, task func(context.Context, *writer) error) error {
	answer := make(chan error, 1)
	select {
	case e.tasks <- func(life context.Context, w *writer) { answer <- task(life, w) }:
	case <-e.done:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-answer:
		return e.ended(err)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// View returns the graph at an instant or over a window. The zero At is now: it costs no
// I/O and takes no lock. An Until that is not after Time is [ErrInvalid].
//
// Known asks for the graph as it was believed at a recording time. It replays the log up to
// then, which is slow; the last four instants are kept.
func (e *Engine) View(ctx context.Context, at At) (*View, error) {
	if e.closed.Load() {
		return nil, fmt.Errorf("lineage: view: %w", ErrClosed)
	}
	if !at.Until.IsZero() && !at.Time.IsZero() && !utc(at.Until).After(utc(at.Time)) {
		return nil, fmt.Errorf("lineage: view: until %s is not after %s: %w", at.Until.Format(time.RFC3339Nano), at.Time.Format(time.RFC3339Nano), ErrInvalid)
	}
	now := e.cfg.Now()
	if at.Known.IsZero() {
		return newView(e.state.Load().g, at, now), nil
	}
	at.Known = utc(at.Known)
	g, err := e.known.get(ctx, e, at.Known)
	if err != nil {
		return nil, fmt.Errorf("lineage: view: %w", err)
	}
	return newView(g, at, now), nil
}

// Status returns the state of the engine, of a closed one the last. It takes no lock.
func (e *Engine) Status() Status {
	s := e.state.Load()
	out := s.status
	out.Lag = max(e.cfg.Now().Sub(s.read), 0)
	out.Rejected = e.reject.Load()
	if e.closed.Load() {
		out.Err = ErrClosed
	}
	return out
}

// knownViews are the graphs of the recording times that were asked for last.
type knownViews struct {
	mu    sync.Mutex
	views []*knownView // the newest use last
}

type knownView struct {
	at    time.Time
	ready chan struct{} // closed when g or err is there
	g     *graph
	err   error
}

// maxKnown is how many graphs of past beliefs are kept.
const maxKnown = 4

// get returns the graph as believed at a recording time. Callers that ask for one at the
// same time wait for the same replay; if it fails, for whatever reason, each replays on
// its own behalf.
func (k *knownViews) get(ctx context.Context, e *Engine, at time.Time) (*graph, error) {
	for {
		v, mine := k.claim(at)
		if mine {
			r := newReplica(e.store, &e.cfg, at)
			v.err = r.catchUp(ctx, nil)
			v.g = r.g
			if v.err != nil || !at.Before(utc(e.cfg.Now())) { // What is still learnt now must not be kept.
				k.drop(v)
			}
			close(v.ready)
			return v.g, v.err
		}
		select {
		case <-v.ready:
			if v.err == nil {
				return v.g, nil
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (k *knownViews) claim(at time.Time) (v *knownView, mine bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.views, func(v *knownView) bool { return v.at.Equal(at) })
	if mine = i < 0; mine {
		v = &knownView{at: at, ready: make(chan struct{})}
		if len(k.views) == maxKnown {
			k.views = slices.Delete(k.views, 0, 1)
		}
	} else {
		v = k.views[i]
		k.views = slices.Delete(k.views, i, i+1)
	}
	k.views = append(k.views, v)
	return v, mine
}

func (k *knownViews) drop(v *knownView) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.views = slices.DeleteFunc(k.views, func(x *knownView) bool { return x == v })
}

// forget drops all, for what they were made of was erased.
func (k *knownViews) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.views = nil
}
