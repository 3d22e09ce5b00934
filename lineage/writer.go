package lineage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"
)

// rebaseEdges is the least number of entries over a base that make a new one worth while.
const rebaseEdges = 64 << 10

// A writer is the one goroutine of an engine that changes its graph.
type writer struct {
	e *Engine
	*replica
	broken  bool          // the fold failed on the way: all must be read anew
	wait    time.Duration // until the next poll
	bases   chan *base    // not nil while a base is being laid out
	saving  chan error    // not nil while a checkpoint is being saved
	version int64         // of the checkpoint in the store
	saved   int64         // records when one was saved last
	ignored int64         // checkpoints that could not be used
}

// run serves calls, tasks and the clock until the context ends.
func (w *writer) run(ctx context.Context) {
	w.wait = w.e.cfg.Poll
	timer := time.NewTimer(max(w.wait, 0)) //nolint:forbidigo // it paces polls; nothing is decided by it
	if w.wait < 0 {
		timer.Stop()
	}
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			w.rest()
			return
		case c := <-w.e.calls:
			w.commit(ctx, w.gather(c))
		case task := <-w.e.tasks:
			task(ctx, w)
		case b := <-w.bases:
			w.bases = nil
			if w.fold.since != nil { // Else all was laid out, or read, anew meanwhile.
				w.g = w.fold.rebase(b)
				w.publish(w.e.state.Load().status.Err)
			}
		case err := <-w.saving:
			w.saving = nil
			w.stored(ctx, err)
		case <-timer.C:
			w.poll(ctx)
			timer.Reset(w.wait)
		}
		w.relay()
		w.checkpoint(ctx)
	}
}

// rest waits for what goes on in the background.
func (w *writer) rest() {
	if w.bases != nil {
		<-w.bases
	}
	if w.saving != nil {
		<-w.saving //nolint:errcheck // nobody is left to mend it
	}
}

// gather takes the calls that wait, so that they share one Append.
func (w *writer) gather(first *call) []*call {
	calls, n := []*call{first}, len(first.records)
	for n < batchRecords {
		select {
		case c := <-w.e.calls:
			calls, n = append(calls, c), n+len(c.records)
		default:
			return calls
		}
	}
	return calls
}

// commit stores the records of calls and folds them.
func (w *writer) commit(ctx context.Context, calls []*call) {
	var batch []Record
	for _, c := range calls {
		batch = append(batch, c.records...)
	}
	receipts, err := w.append(ctx, batch)
	for _, c := range calls {
		if c.err = err; err == nil {
			c.receipts, receipts = receipts[:len(c.records)], receipts[len(c.records):]
		}
		close(c.done)
	}
}

func (w *writer) append(ctx context.Context, batch []Record) ([]Receipt, error) {
	learnt := utc(w.e.cfg.Now())
	for i := range batch {
		batch[i].Learnt = learnt
	}
	receipts, err := w.store.Append(ctx, batch)
	if err != nil {
		return nil, err
	}
	if len(receipts) != len(batch) {
		return nil, fmt.Errorf("the store gave %d receipts for %d records", len(receipts), len(batch))
	}
	if err := w.follow(ctx, batch, receipts); err != nil {
		return nil, err
	}
	return receipts, nil
}

// follow folds records that were just stored. Only where others stored some in between, or
// stored these before, must the log be read.
func (w *writer) follow(ctx context.Context, batch []Record, receipts []Receipt) error {
	var own []Record
	next, straight := w.cursor+1, !w.broken
	for i, r := range receipts {
		switch {
		case r.Duplicate && r.Cursor < next:
		case r.Duplicate || r.Cursor != next:
			straight = false
		default:
			batch[i].Cursor = r.Cursor
			own = append(own, batch[i])
			next++
		}
	}
	if !straight {
		return w.tail(ctx)
	}
	if len(own) == 0 {
		return nil
	}
	if err := w.read(ctx, own); err != nil {
		w.broken = true
		return err
	}
	if len(w.remains) > 0 { // The node was erased between the check and now.
		return w.tail(ctx)
	}
	w.publish(nil)
	return nil
}

// tail reads the log to its end.
func (w *writer) tail(ctx context.Context) error {
	if w.broken {
		w.reset()
	}
	tombs := w.tombs.clone()
	err := w.readAll(ctx, nil)
	w.broken = err != nil
	if err != nil {
		return err
	}
	if !maps.Equal(tombs, w.tombs) {
		w.e.known.forget()
	}
	w.publish(nil)
	return nil
}

// poll looks for records of others. While the log cannot be read it looks less and less
// often.
func (w *writer) poll(ctx context.Context) {
	err := w.tail(ctx)
	if err == nil {
		w.wait = w.e.cfg.Poll
		return
	}
	w.wait = min(2*w.wait, max(w.e.cfg.Poll, maxWait))
	s := *w.e.state.Load()
	s.status.Err = fmt.Errorf("lineage: tail: %w", err)
	w.e.state.Store(&s)
	if !errors.Is(err, ErrClosed) {
		w.log(ctx, "lineage: the log cannot be read", err)
	}
}

// maxWait is the longest pause between polls of a log that cannot be read.
const maxWait = 5 * time.Second

func (w *writer) log(ctx context.Context, what string, err error) {
	if w.e.cfg.Logger != nil {
		w.e.cfg.Logger.WarnContext(ctx, what, slog.Any("error", err))
	}
}

// publish shows the graph to readers.
func (w *writer) publish(err error) {
	w.e.state.Store(&state{
		g: w.g, tombs: w.tombs.clone(), read: w.e.cfg.Now(),
		status: Status{Cursor: w.cursor, Records: w.records, Nodes: len(w.g.nodes), Edges: w.g.edges, Conflicts: w.conflicts, Ignored: w.ignored, Err: err},
	})
}

// load reads the checkpoint and the log after it.
func (w *writer) load(ctx context.Context) error {
	if err := w.resume(ctx); err != nil {
		return err
	}
	err := w.readAll(ctx, w.progress("load"))
	if err == nil && w.g.delta > max(rebaseEdges, w.g.edges/20) {
		w.layOut()
	}
	return err
}

// readAll reads the log to its end, and takes out of it what was erased but for a crash, or
// came from an engine that did not know yet.
func (w *writer) readAll(ctx context.Context, progress func()) error {
	for {
		if err := w.catchUp(ctx, progress); err != nil || len(w.remains) == 0 {
			return err
		}
		if err := w.rewrite(ctx, w.remains); err != nil {
			return fmt.Errorf("lineage: erase: %w", err)
		}
		w.reset()
	}
}

func (w *writer) progress(phase string) func() {
	tell := w.e.cfg.Progress
	if tell == nil {
		return nil
	}
	return func() { tell(Progress{Phase: phase, Records: int(w.records), Edges: w.g.edges}) }
}

// relay lays out a new base in the background, where enough lies over the present one.
func (w *writer) relay() {
	if w.bases != nil || w.broken || !w.g.worn(20) {
		return
	}
	g, done := w.g, make(chan *base, 1)
	w.bases, w.fold.since, w.fold.laid = done, new([2]map[int32]bool{{}, {}}), g.changes
	go func() { done <- layOut(g, flatten(g)) }()
}
