package lineage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Erase takes a node out of all that was ever said: a dataset with its columns, a column,
// or a job with its runs. A tombstone with the hash of its name, the time and the reason
// stays, and hides the node in every event that is not later than the call, however late
// it arrives. Records that speak of other things too are kept without the node and without
// their raw bytes. A name that was an alias of the node, that it had before a rename or got
// by one, is a node of its own: erase it too. Where the new name of a dataset is erased, the
// old one is taken to be dropped then.
//
// The text of SQL statements is not looked into, views made before keep what they have, the
// IDs of rewritten records change, and what a database does with freed pages is its own.
//
// [ErrNotFound] if no event names the node, [ErrInvalid] if the ID names nothing. It reads the whole log, writes the records that
// it changes, and folds the log anew; ingestion waits. After an error some records may not
// be rewritten yet: the node is hidden all the same if the tombstone was stored, and the
// next engine, or a repeated call, goes on.
func (e *Engine) Erase(ctx context.Context, id NodeID, reason string) error {
	if err := e.open(ctx); err != nil {
		return fmt.Errorf("lineage: erase %s: %w", id, err)
	}
	if err := id.valid("erase"); err != nil {
		return err
	}
	if err := e.mentioned(ctx, id); err != nil {
		return fmt.Errorf("lineage: erase %s: %w", id, err)
	}
	err := e.do(ctx, func(life context.Context, w *writer) error { return w.erase(life, id, reason) })
	if err != nil {
		return fmt.Errorf("lineage: erase %s: %w", id, err)
	}
	return nil
}

// mentioned returns ErrNotFound if no event names a node. The graph numbers what asserted
// events name; the log has the others.
func (e *Engine) mentioned(ctx context.Context, id NodeID) error {
	if _, ok := e.state.Load().g.find(id); ok {
		return nil
	}
	t := tombs{sha256.Sum256([]byte(id.String())): forever}
	for r, err := range e.store.Records(ctx, 0) {
		if err != nil {
			return err
		}
		if r.Tombstone == nil && t.strip(&r.Event) != untouched {
			return nil
		}
	}
	return ErrNotFound
}

func (w *writer) erase(ctx context.Context, id NodeID, reason string) error {
	now := utc(w.e.cfg.Now())
	t := Tombstone{Hash: sha256.Sum256([]byte(id.String())), Time: now, Reason: reason}
	key := sha256.Sum256(append(t.Hash[:], "tombstone "+strconv.FormatInt(micros(now), 10)...))
	if _, err := w.store.Append(ctx, []Record{{ID: key, Learnt: now, Tombstone: &t}}); err != nil {
		return err
	}
	if err := w.tail(ctx); err != nil {
		return err
	}
	return w.replaceCheckpoint(ctx)
}

// replaceCheckpoint saves a checkpoint in the place of one that has what was erased.
func (w *writer) replaceCheckpoint(ctx context.Context) error {
	if w.saving != nil {
		w.stored(ctx, <-w.saving)
		w.saving = nil
	}
	for {
		_, data, err := w.store.Checkpoint(ctx)
		if isNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := data.Close(); err != nil {
			return err
		}
		err = w.save()(ctx)
		w.stored(ctx, err)
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

// rewrite replaces the records that speak of what was erased by copies that do not.
func (w *writer) rewrite(ctx context.Context, ids []RecordID) error {
	for chunk := range slices.Chunk(ids, pruneBatch) {
		var copies []Record
		for _, id := range chunk {
			r, err := w.store.Record(ctx, id)
			if isNotFound(err) {
				continue
			}
			if err != nil {
				return err
			}
			if w.tombs.strip(&r.Event) == touched {
				r.ID, r.Cursor = EventID(r.Event), 0
				copies = append(copies, r)
			}
		}
		if _, err := w.store.Append(ctx, copies); err != nil {
			return err
		}
		if err := w.store.Prune(ctx, PartAll, chunk); err != nil {
			return err
		}
	}
	return nil
}

// tombs are the nodes that were erased: by the hash of their text the instant up to which
// events may not speak of them.
type tombs map[[32]byte]int64

// add notes a tombstone, and reports whether it says anything new.
func (t tombs) add(s *Tombstone) bool {
	at := micros(s.Time)
	if old, ok := t[s.Hash]; ok && old >= at {
		return false
	}
	t[s.Hash] = at
	return true
}

func (t tombs) clone() tombs { return maps.Clone(t) }

// What strip did to an event.
type stripped int

const (
	untouched stripped = iota
	touched            // something was taken out
	dropped            // nothing is left of it
)

// strip takes all that was erased out of an event. What it changes it copies.
func (t tombs) strip(e *Event) stripped {
	if len(t) == 0 {
		return untouched
	}
	s := stripper{tombs: t, at: micros(e.Time), known: map[NodeID]bool{}}
	return s.event(e)
}

type stripper struct {
	tombs   tombs
	at      int64
	known   map[NodeID]bool
	changed bool
}

// gone reports whether a node, or the dataset that it belongs to, was erased.
func (s *stripper) gone(id NodeID) bool {
	if id.IsZero() {
		return false
	}
	is, ok := s.known[id]
	if !ok {
		until, erased := s.tombs[sha256.Sum256([]byte(id.String()))]
		is = erased && s.at <= until || id.Kind == ColumnNode && s.gone(id.Dataset().Node())
		s.known[id] = is
	}
	s.changed = s.changed || is
	return is
}

func (s *stripper) event(e *Event) stripped {
	if e.Job != nil && s.gone(e.Job.Ref.Node()) {
		return dropped
	}
	out := *e
	out.Inputs, out.Outputs, out.JobEdges = s.facts(e.Inputs), s.facts(e.Outputs), s.edges(e.JobEdges)
	if e.Run != nil && e.Run.Parent != nil && s.gone(e.Run.Parent.Job.Node()) {
		run := *e.Run
		run.Parent = nil
		out.Run = &run
	}
	if !s.changed {
		return untouched
	}
	out.Raw = nil // It has the node too.
	if out.Job == nil && len(out.Outputs) == 0 {
		return dropped
	}
	*e = out
	return touched
}

// kept returns the elements that are not gone, in a list of its own if some are. It keeps
// nil and empty apart.
func kept[T any](list []T, gone func(*T) bool) []T {
	if !slices.ContainsFunc(list, func(x T) bool { return gone(&x) }) {
		return list
	}
	out := make([]T, 0, len(list))
	for i := range list {
		if !gone(&list[i]) {
			out = append(out, list[i])
		}
	}
	return out
}

func (s *stripper) edges(list []EdgeFact) []EdgeFact {
	return kept(list, func(e *EdgeFact) bool { return s.gone(e.From) || s.gone(e.To) })
}

func (s *stripper) facts(list []DatasetFact) []DatasetFact {
	list = slices.Clone(list)
	for i := range list { // What was renamed to what is gone does not come back.
		if d := &list[i]; d.Lifecycle.Change == Renamed && d.Lifecycle.From != (DatasetRef{}) && s.gone(d.Ref.Node()) {
			*d = DatasetFact{Ref: d.Lifecycle.From, Lifecycle: Lifecycle{Change: Dropped}}
		}
	}
	list = kept(list, func(d *DatasetFact) bool { return s.gone(d.Ref.Node()) })
	for i := range list {
		d := &list[i]
		d.Edges = s.edges(d.Edges)
		d.Fields = kept(d.Fields, func(f *Field) bool { return s.gone(d.Ref.Column(f.Path)) })
		d.Aliases = kept(d.Aliases, func(r *DatasetRef) bool { return s.gone(r.Node()) })
		if s.gone(d.Lifecycle.From.Node()) {
			d.Lifecycle = Lifecycle{}
		}
	}
	return list
}
