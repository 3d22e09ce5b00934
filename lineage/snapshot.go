package lineage

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
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
