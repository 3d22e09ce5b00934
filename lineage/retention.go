package lineage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

// pruneBatch is how many records one call of the store removes or rewrites.
const pruneBatch = 1000

// Prune removes what [Config.Retention] does not keep: the raw bytes of records older than
// Raw, and records older than Runs, but not those of a job's newest KeepPerJob runs, nor
// those that an answer still rests on: which begin or end a stretch of equal snapshots, or
// hold owners, tags, aliases or a schema that are in force. So no answer within the horizon
// changes. It reads the whole log; ingestion goes on meanwhile. It is idempotent.
func (e *Engine) Prune(ctx context.Context) error {
	now := e.cfg.Now()
	p := pruner{
		raw: micros(now.Add(-e.cfg.Retention.Raw)), runs: micros(now.Add(-e.cfg.Retention.Runs)),
		keep: e.cfg.Retention.KeepPerJob, failed: e.cfg.AssertFailed, old: map[runName]*oldRun{}, byJob: map[JobRef][]*oldRun{},
	}
	err := e.do(ctx, func(_ context.Context, w *writer) error {
		p.bounds = w.fold.rests(w.closeAfter)
		return nil
	})
	if err == nil {
		err = p.scan(ctx, e.store)
	}
	if err == nil {
		err = p.prune(ctx, e.store)
	}
	if err != nil {
		return fmt.Errorf("lineage: prune: %w", err)
	}
	return nil
}

// bounds are the records that a fold rests on.
type bounds struct {
	ids   map[RecordID]bool
	spans map[JobRef][]omission // ascending
}

// An omission is a stretch of assertions that omit some output. Whether they were enough to end
// its edges must be told from those that are left.
type omission struct {
	first, last timeline.Key
	need        int
}

// rests returns what the fold rests on: the ends of stretches, and boundaries.
func (f *fold) rests(closeAfter int) bounds {
	b := bounds{ids: map[RecordID]bool{}, spans: map[JobRef][]omission{}}
	for _, l := range f.lines {
		for _, s := range l.Stretches {
			b.ids[s.First.ID], b.ids[s.Last.ID] = true, true
			if need := min(s.Count, closeAfter) - 2; l.layer == layerOutputs && need > 0 {
				job := nodeID(f.names.nodes, l.job).Job()
				b.spans[job] = append(b.spans[job], omission{s.First, s.Last, need})
			}
		}
	}
	for _, list := range f.ops {
		for _, o := range list {
			b.ids[o.key.ID] = true
		}
	}
	return b
}

// takes reports whether an assertion is one of those that a span needs.
func (b *bounds) takes(job JobRef, k timeline.Key) bool {
	list := b.spans[job]
	for i := range list { // Spans of several origins may overlap.
		if s := &list[i]; s.need > 0 && s.first.Compare(k) < 0 && k.Compare(s.last) < 0 {
			s.need--
			return true
		}
	}
	return false
}

// An oldRun is a run as the log has it.
type oldRun struct {
	newest   timeline.Key
	terminal timeline.Key // the newest
	ended    EventType    // of it; Untyped: none
	begun    bool         // more is known of it than that it was seen
	streams  bool
	said     []timeline.Key // of events that name outputs
	ids      []RecordID
	rests    bool
}

// assertions returns when the run asserts its outputs; see readRun.
func (x *oldRun) assertions(failed bool) []timeline.Key {
	switch {
	case len(x.said) == 0 || x.ended == Untyped && (!x.streams || !x.begun):
		return nil
	case x.ended != Untyped && x.ended != Complete && !failed:
		return nil
	case x.streams:
		return x.said
	}
	return []timeline.Key{x.terminal}
}

// A pruner finds what may go.
type pruner struct {
	raw, runs int64
	keep      int
	failed    bool // Config.AssertFailed
	bounds    bounds
	old       map[runName]*oldRun
	byJob     map[JobRef][]*oldRun
	bare, all []RecordID
}

// scan reads the log.
func (p *pruner) scan(ctx context.Context, store Store) error {
	for r, err := range store.Records(ctx, 0) {
		if err != nil {
			return err
		}
		if r.Tombstone != nil {
			continue
		}
		k := keyOf(&r)
		if k.Time < p.raw && r.Event.Raw != nil {
			p.bare = append(p.bare, r.ID)
		}
		if r.Event.Run == nil {
			if k.Time < p.runs && !p.bounds.ids[r.ID] {
				p.all = append(p.all, r.ID)
			}
			continue
		}
		p.run(&r, k)
	}
	return nil
}

func (p *pruner) run(r *Record, k timeline.Key) {
	name := runName{r.Event.Run.ID, r.Event.Job.Ref}
	x := p.old[name]
	if x == nil {
		x = &oldRun{newest: k}
		p.old[name] = x
		p.byJob[name.job] = append(p.byJob[name.job], x)
	}
	if x.newest.Compare(k) < 0 {
		x.newest = k
	}
	if r.Event.Run.Type.Terminal() && x.terminal.Compare(k) < 0 {
		x.terminal, x.ended = k, r.Event.Run.Type
	}
	x.begun = x.begun || r.Event.Run.Type != Untyped && r.Event.Run.Type != Other
	x.streams = x.streams || strings.EqualFold(r.Event.Job.Processing, Streaming)
	if len(r.Event.Outputs) > 0 {
		x.said = append(x.said, k)
	}
	x.rests = x.rests || p.bounds.ids[r.ID]
	if k.Time < p.runs {
		x.ids = append(x.ids, r.ID)
	}
}

// prune removes the runs of which all is old and nothing rests.
func (p *pruner) prune(ctx context.Context, store Store) error {
	for job, runs := range p.byJob {
		slices.SortFunc(runs, func(a, b *oldRun) int { return b.newest.Compare(a.newest) })
		for i, x := range runs {
			if i >= p.keep && x.newest.Time < p.runs && !x.rests && !p.needs(job, x) {
				p.all = append(p.all, x.ids...)
			}
		}
	}
	for part, ids := range map[Part][]RecordID{PartRaw: p.bare, PartAll: p.all} {
		for chunk := range slices.Chunk(ids, pruneBatch) {
			if err := store.Prune(ctx, part, chunk); err != nil {
				return err
			}
		}
	}
	return nil
}

// needs reports whether a span takes an assertion of a run, and has it taken.
func (p *pruner) needs(job JobRef, x *oldRun) bool {
	taken := false
	for _, k := range x.assertions(p.failed) {
		taken = p.bounds.takes(job, k) || taken
	}
	return taken
}
