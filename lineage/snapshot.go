package lineage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

// snapshot returns what a checkpoint has of a replica, which nothing changes any more: it
// costs the lines and their stretches, and none of the edges that these are made of.
func (r *replica) snapshot() *replica {
	f := r.fold
	lines := make([]line, len(f.lines))
	out := &fold{
		names: &names{nodes: f.names.nodes}, words: f.words, scopes: f.scopes, attrs: f.attrs, lines: make([]*line, len(f.lines)),
		given: maps.Clone(f.given), stated: maps.Clone(f.stated), loose: slices.Clone(f.loose), // Their lists are replaced, not written to.
	}
	for i, l := range f.lines {
		lines[i].scope = l.scope
		lines[i].Stretches, lines[i].Breaks = slices.Clone(l.Stretches), slices.Clone(l.Breaks)
		out.lines[i] = &lines[i]
	}
	return &replica{fold: out, cursor: r.cursor, records: r.records, conflicts: r.conflicts, tombs: r.tombs.clone(), runs: r.runs.Clone()}
}

// encode writes the replica as the data of a checkpoint.
func (r *replica) encode(to io.Writer) error {
	s := frames{out: to}
	r.transfer(&s)
	return s.err
}

// decode makes the replica the one that was encoded, or leaves it reset. It tells how many
// edges it has read.
func (r *replica) decode(ctx context.Context, data io.Reader, tell func(edges int)) error {
	s := frames{wire: wire{reading: true}, in: bufio.NewReader(data), tell: tell}
	r.reset()
	r.transfer(&s)
	if s.err == nil {
		if _, err := s.in.ReadByte(); !errors.Is(err, io.EOF) { // It says so too where the end is torn.
			s.fail(errTorn)
		}
	}
	err := s.err
	if err == nil {
		r.fold.reread = func(first, last timeline.Key, jobs []int32) ([]claim, error) { return r.reread(ctx, first, last, jobs) }
		r.g, err = r.fold.restore(r.cursor)
	}
	if err != nil {
		r.tombs = tombs{}
		r.reset()
	}
	return err
}

// save returns what stores the state as it is now. The state may go on meanwhile: the store
// reads as it writes.
func (w *writer) save() func(context.Context) error {
	now := w.snapshot()
	c := Checkpoint{Version: w.version + 1, Cursor: w.cursor, Fingerprint: w.e.cfg.fingerprint()}
	return func(ctx context.Context) error {
		data, to := io.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = to.CloseWithError(now.encode(to)) // It never fails.
		}()
		err := w.store.SaveCheckpoint(ctx, c, data)
		_ = data.CloseWithError(errors.New("lineage: the store read no further")) // Nor does this.
		<-done
		return err
	}
}

// resume starts from the checkpoint in the store, if there is one that fits.
func (w *writer) resume(ctx context.Context) error {
	c, data, err := w.store.Checkpoint(ctx)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lineage: read checkpoint: %w", err)
	}
	defer data.Close() //nolint:errcheck // it was only read
	w.version = c.Version
	err = fmt.Errorf("of another configuration: %w", ErrConflict)
	if c.Fingerprint == w.e.cfg.fingerprint() {
		err = w.decode(ctx, data, func(edges int) {
			if tell := w.e.cfg.Progress; tell != nil {
				tell(Progress{Phase: "load", Records: int(w.records), Edges: edges})
			}
		})
	}
	if err == nil && w.cursor != c.Cursor {
		w.reset()
		err = errTorn
	}
	if err != nil {
		w.ignored++
		w.log(ctx, "lineage: the checkpoint is not used", err)
	}
	w.saved = w.records
	return ctx.Err()
}

// checkpoint saves one in the background when enough records came since the last.
func (w *writer) checkpoint(ctx context.Context) {
	every := w.e.cfg.CheckpointEvery
	if every < 0 || w.saving != nil || w.broken || w.records-w.saved < int64(every) {
		return
	}
	w.saved = w.records
	save, done := w.save(), make(chan error, 1)
	w.saving = done
	go func() { done <- save(ctx) }()
}

// stored notes how saving went. Who comes second uses the other's version next time.
func (w *writer) stored(ctx context.Context, err error) {
	if err == nil {
		w.version++
		return
	}
	w.log(ctx, "lineage: the checkpoint could not be saved", err)
	if c, data, err := w.store.Checkpoint(ctx); err == nil {
		w.version = c.Version
		_ = data.Close() // It was not read.
	}
}
