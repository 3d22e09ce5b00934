package lineage

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Runs yields the runs that a query selects, newest first: a run stands where its newest
// event does, and the query's Before and Limit are of these places. A job or run that no
// event names is [ErrNotFound]; a job without a name or a negative limit is [ErrInvalid]. It reads the store as it goes; each run costs a look-up.
func (e *Engine) Runs(ctx context.Context, q RunQuery) iter.Seq2[Run, error] {
	return func(yield func(Run, error) bool) {
		if err := e.open(ctx); err != nil {
			yield(Run{}, fmt.Errorf("lineage: runs: %w", err))
			return
		}
		if err := q.valid(); err != nil {
			yield(Run{}, err)
			return
		}
		s := e.state.Load()
		if _, ok := s.g.find(q.Job.Node()); !ok && q.Job != (JobRef{}) {
			yield(Run{}, fmt.Errorf("lineage: runs of %s: %w", q.Job.Node(), ErrNotFound))
			return
		}
		n := 0
		for h, err := range e.histories(ctx, s, q) {
			if !yield(h.run, err) || err != nil {
				return
			}
			if n++; n == q.Limit {
				return
			}
		}
		if n == 0 && q.Run != "" && q.Before == (RunKey{}) {
			yield(Run{}, fmt.Errorf("lineage: run %q: %w", q.Run, ErrNotFound))
		}
	}
}

func (q RunQuery) valid() error {
	var errs []error
	if q.Job != (JobRef{}) {
		errs = append(errs, q.Job.Node().valid("runs: Job"))
	}
	if q.Limit < 0 {
		errs = append(errs, fmt.Errorf("lineage: runs: Limit %d is less than zero: %w", q.Limit, ErrInvalid))
	}
	return errors.Join(errs...)
}

// histories yields the histories of the runs that a query selects, each where its newest
// event stands. It does not look at the limit.
func (e *Engine) histories(ctx context.Context, s *state, q RunQuery) iter.Seq2[history, error] {
	return func(yield func(history, error) bool) {
		q.Limit = 0
		seen := map[runName]bool{}
		for x, err := range e.store.Runs(ctx, q) {
			var records []Record
			if err == nil {
				name := runName{x.Event.Run.ID, x.Event.Job.Ref}
				if seen[name] {
					continue // It stood where a newer event of it did.
				}
				seen[name] = true
				records, err = e.run(ctx, s, name)
			}
			if err != nil {
				yield(history{}, fmt.Errorf("lineage: runs: %w", err))
				return
			}
			if len(records) == 0 || records[len(records)-1].ID != x.ID {
				continue // It stands in an earlier page.
			}
			if !yield(readRun(records, e.cfg.AssertFailed), nil) {
				return
			}
		}
	}
}

// run returns the records of a run, ascending, without what was erased.
func (e *Engine) run(ctx context.Context, s *state, name runName) ([]Record, error) {
	var out []Record
	for x, err := range e.store.Runs(ctx, RunQuery{Run: name.id, Job: name.job}) {
		if err != nil {
			return nil, err
		}
		if s.tombs.strip(&x.Event) != dropped {
			out = append(out, x)
		}
	}
	slices.Reverse(out)
	return out, nil
}

// RunUpstream returns a run and those that it depends on: for each input the newest
// Complete run that wrote it and ended before this one began, of these the same, and so
// on; depth counts such steps, 0 is as far as they lead. The run itself comes first, then
// those one step away, and so on, each once, the newest first. [ErrNotFound] if no event
// names the run, [ErrInvalid] if it has no name or depth is negative. An input that no such
// run wrote adds nothing.
func (e *Engine) RunUpstream(ctx context.Context, runID string, depth int) ([]Run, error) {
	if runID == "" || depth < 0 {
		return nil, fmt.Errorf("lineage: upstream of run %q: its ID is empty, or depth %d is less than zero: %w", runID, depth, ErrInvalid)
	}
	s := e.state.Load()
	out := []Run{}
	seen := map[runName]bool{}
	for r, err := range e.Runs(ctx, RunQuery{Run: runID}) {
		if err != nil {
			return nil, err
		}
		out = append(out, r)
		seen[runName{r.ID, r.Job}] = true
	}
	for level, step := out, 1; len(level) > 0 && (depth == 0 || step <= depth); step++ {
		next, err := e.writers(ctx, s, level, seen)
		if err != nil {
			return nil, fmt.Errorf("lineage: upstream of run %q: %w", runID, err)
		}
		out, level = append(out, next...), next
	}
	return out, nil
}

// writers returns the runs that wrote what others read and that were not seen, the newest
// first.
func (e *Engine) writers(ctx context.Context, s *state, of []Run, seen map[runName]bool) ([]Run, error) {
	var out []Run
	for _, r := range of {
		for _, input := range r.Inputs {
			before, ok, err := e.writer(ctx, s, input, r.Began)
			if err != nil {
				return nil, err
			}
			if name := (runName{before.ID, before.Job}); ok && !seen[name] {
				seen[name] = true
				out = append(out, before)
			}
		}
	}
	slices.SortFunc(out, compareRuns)
	return out, nil
}

func compareRuns(a, b Run) int {
	if c := b.Ended.Compare(a.Ended); c != 0 {
		return c
	}
	if c := a.Job.Compare(b.Job); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

// writer returns the newest Complete run that wrote a dataset, under any of its names, and
// ended before an instant.
func (e *Engine) writer(ctx context.Context, s *state, of DatasetRef, before time.Time) (newest Run, found bool, err error) {
	v := newView(s.g, At{Time: before}, before)
	n, err := v.find(of.Node())
	if err != nil {
		return Run{}, false, nil //nolint:nilerr // what no event names nobody wrote
	}
	names := map[DatasetRef]bool{}
	jobs := map[JobRef]bool{}
	for _, p := range v.peers(n) {
		names[s.g.id(p).Dataset()] = true
		for _, x := range s.g.row(reverse, p, nil) {
			if id := s.g.id(x.node); s.g.nodes[x.node].kind == JobNode {
				jobs[id.Job()] = true
			}
		}
	}
	for job := range jobs {
		r, ok, err := e.wrote(ctx, s, job, names, before)
		if err != nil {
			return Run{}, false, err
		}
		if ok && (!found || compareRuns(r, newest) < 0) {
			newest, found = r, true
		}
	}
	return newest, found, nil
}

// wrote returns the newest Complete run of a job that wrote one of the names.
func (e *Engine) wrote(ctx context.Context, s *state, job JobRef, names map[DatasetRef]bool, before time.Time) (Run, bool, error) {
	for x, err := range e.store.Runs(ctx, RunQuery{Job: job, Before: RunKey{Time: before}}) {
		if err != nil {
			return Run{}, false, err
		}
		if !x.Event.Run.Type.Terminal() {
			continue
		}
		records, err := e.run(ctx, s, runName{x.Event.Run.ID, job})
		if err != nil {
			return Run{}, false, err
		}
		if len(records) == 0 {
			continue
		}
		r := readRun(records, e.cfg.AssertFailed).run
		if r.State == RunComplete && r.Ended.Before(before) && slices.ContainsFunc(r.Outputs, func(d DatasetRef) bool { return names[d] }) {
			return r, true, nil
		}
	}
	return Run{}, false, nil
}
