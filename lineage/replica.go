package lineage

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/tenon-go/tenon/lineage/internal/bloom"
	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

// A replica is a log as far as it was read, folded into a graph. It is its owner's alone.
type replica struct {
	store        Store
	closeAfter   int
	assertFailed bool
	known        time.Time // not zero: what was learnt later is not there

	fold      *fold
	g         *graph
	cursor    Cursor // of the last record read
	tombs     tombs
	erased    bool       // a tombstone came for what is folded: all must be folded anew
	remains   []RecordID // records that speak of what was erased
	runs      bloom.Set  // runs that were named, and perhaps some others
	recent    map[runName]*recentRun
	uses      int64 // of recent
	pending   map[RecordID]bool
	records   int64
	conflicts int64
}

// A runName is a run. Its job belongs to it: some producers use an ID for more than one.
type runName struct {
	id  string
	job JobRef
}

func (n runName) hash() uint64 {
	h := fnv.New64a()
	for _, s := range []string{n.id, n.job.Namespace, n.job.Name} {
		_, _ = h.Write([]byte(s)) // A hash takes all.
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64() * 0x9E3779B97F4A7C15 // FNV's high bits differ little in short names.
}

// A recentRun spares reading a run's events again while it is under way. Until it ends, each
// of its events stands for itself: it asserts at once if the run streams, or not at all.
type recentRun struct {
	streams bool
	records []Record // of a run that does not stream
	used    int64
}

// maxRecent is how many runs are remembered. A run that is forgotten is read again.
const maxRecent = 1024

func newReplica(store Store, cfg *Config, known time.Time) *replica {
	r := &replica{store: store, closeAfter: cfg.CloseAfter, assertFailed: cfg.AssertFailed, known: known, tombs: tombs{}}
	r.reset()
	return r
}

// reset forgets all but the tombstones.
func (r *replica) reset() {
	r.fold = newFold(r.closeAfter)
	r.g, r.cursor, r.erased, r.remains = r.fold.rows.g, 0, false, nil
	r.runs, r.recent = nil, map[runName]*recentRun{}
	r.records, r.conflicts = 0, 0
}

// A job is what one run, or one event without a run, changes.
type change struct {
	name    runName
	records []Record   // new ones
	before  []Record   // of the run
	under   *recentRun // the run is under way, and what was before is not needed
}

// read folds records that follow the last one, ascending. After an error the replica must
// be reset.
func (r *replica) read(ctx context.Context, batch []Record) error {
	if len(batch) == 0 {
		return nil
	}
	last := batch[len(batch)-1].Cursor
	changes := r.changes(batch)
	if r.erased {
		r.cursor = last
		return nil
	}
	for _, c := range changes {
		if err := r.prepare(ctx, c); err != nil {
			return err
		}
	}
	r.cursor = last
	r.fold.reread = func(first, last timeline.Key, jobs []int32) ([]claim, error) { return r.reread(ctx, first, last, jobs) }
	for _, c := range changes {
		r.apply(c)
	}
	g, err := r.fold.settle(last)
	if err != nil {
		return err
	}
	r.g = g
	return nil
}

// changes sorts a batch by run.
func (r *replica) changes(batch []Record) []*change {
	var out []*change
	runs := map[runName]*change{}
	r.pending = map[RecordID]bool{}
	for _, x := range batch {
		if t := x.Tombstone; t != nil {
			r.erased = r.tombs.add(t) || r.erased
			continue
		}
		if !r.knows(&x) {
			continue
		}
		did := r.tombs.strip(&x.Event)
		if did != untouched {
			r.remains = append(r.remains, x.ID)
		}
		if did == dropped {
			continue
		}
		r.pending[x.ID] = true
		r.records++
		if x.Event.Run == nil {
			out = append(out, &change{records: []Record{x}})
			continue
		}
		name := runName{x.Event.Run.ID, x.Event.Job.Ref}
		c := runs[name]
		if c == nil {
			c = &change{name: name}
			runs[name] = c
			out = append(out, c)
		}
		c.records = append(c.records, x)
	}
	return out
}

// knows reports whether a record was there at the time that the replica is of.
func (r *replica) knows(x *Record) bool { return r.known.IsZero() || !x.Learnt.After(r.known) }

// prepare reads what was there of a run, before anything is changed.
func (r *replica) prepare(ctx context.Context, c *change) error {
	if c.name.id == "" {
		return nil
	}
	if !r.runs.Add(c.name.hash()) {
		return nil
	}
	if recent := r.recent[c.name]; recent != nil {
		decides := func(x Record) bool {
			return x.Event.Run.Type.Terminal() || !recent.streams && x.Event.streams()
		}
		if !slices.ContainsFunc(c.records, decides) {
			c.under = recent
			return nil
		}
		if !recent.streams {
			c.before = recent.records
			return nil
		}
	}
	var err error
	c.before, err = r.run(ctx, c.name)
	return err
}

// run returns the records of a run that are folded.
func (r *replica) run(ctx context.Context, name runName) ([]Record, error) {
	var out []Record
	for x, err := range r.store.Runs(ctx, RunQuery{Run: name.id, Job: name.job}) {
		if err != nil {
			return nil, fmt.Errorf("lineage: read run %q: %w", name.id, err)
		}
		if r.folded(&x) {
			out = append(out, x)
		}
	}
	return out, nil
}

// folded reports whether a record from the store is folded, and takes out of it what was
// erased.
func (r *replica) folded(x *Record) bool {
	return x.Tombstone == nil && x.Cursor <= r.cursor && !r.pending[x.ID] && r.knows(x) && r.tombs.strip(&x.Event) != dropped
}

// apply folds one change.
func (r *replica) apply(c *change) {
	switch {
	case c.name.id == "":
		k := keyOf(&c.records[0])
		r.fold.replace(nil, []claim{{key: k, facets: true, asserts: true, event: &c.records[0].Event}})
		i, _ := slices.BinarySearchFunc(r.fold.loose, k, timeline.Key.Compare)
		r.fold.loose = slices.Insert(r.fold.loose, i, k)
	case c.under != nil:
		for i := range c.records {
			e := &c.records[i].Event
			r.fold.replace(nil, []claim{{key: keyOf(&c.records[i]), facets: true, asserts: c.under.streams && e.namesData(), event: e}})
		}
		if !c.under.streams {
			c.under.records = append(c.under.records, c.records...)
		}
		r.remember(c.name, c.under)
	default:
		r.applyRun(c)
	}
	for i := range c.records {
		delete(r.pending, c.records[i].ID)
	}
}

func (r *replica) applyRun(c *change) {
	var before history
	if len(c.before) > 0 {
		before = readRun(c.before, r.assertFailed)
	}
	all := slices.Concat(c.before, c.records)
	after := readRun(all, r.assertFailed)
	r.fold.replace(before.claims, after.claims)
	if after.run.Conflict && !before.run.Conflict {
		r.conflicts++
	}
	switch {
	case !after.run.Ended.IsZero(), after.streaming && after.run.State == RunSeen:
		delete(r.recent, c.name)
	case after.streaming:
		r.remember(c.name, &recentRun{streams: true})
	default:
		r.remember(c.name, &recentRun{records: all})
	}
}

// remember keeps a run that is under way.
func (r *replica) remember(name runName, run *recentRun) {
	r.uses++
	run.used = r.uses
	if r.recent[name] = run; len(r.recent) <= maxRecent {
		return
	}
	for name, x := range r.recent { // Half at once, so that it costs little for each.
		if x.used <= r.uses-maxRecent/2 {
			delete(r.recent, name)
		}
	}
}

// reread returns what was claimed by jobs, and by events without a run, from one key to
// another.
func (r *replica) reread(ctx context.Context, first, last timeline.Key, jobs []int32) ([]claim, error) {
	var out []claim
	for _, job := range jobs {
		if job < 0 {
			continue
		}
		claims, err := r.rereadJob(ctx, first, last, nodeID(r.fold.names.nodes, job).Job())
		if err != nil {
			return nil, err
		}
		out = append(out, claims...)
	}
	i, _ := slices.BinarySearchFunc(r.fold.loose, first, timeline.Key.Compare)
	for ; i < len(r.fold.loose) && r.fold.loose[i].Compare(last) < 0; i++ {
		x, err := r.store.Record(ctx, r.fold.loose[i].ID)
		if isNotFound(err) {
			continue // It was pruned: it bounds nothing.
		}
		if err != nil {
			return nil, fmt.Errorf("lineage: read again: %w", err)
		}
		if r.folded(&x) {
			out = append(out, claim{key: keyOf(&x), facets: true, asserts: true, event: &x.Event})
		}
	}
	return out, nil
}

// rereadJob returns what the runs of a job claimed that have an event from one key to
// another.
func (r *replica) rereadJob(ctx context.Context, first, last timeline.Key, job JobRef) ([]claim, error) {
	runs := map[string]bool{}
	for x, err := range r.store.Runs(ctx, RunQuery{Job: job, Before: RunKey{Time: timeOf(last.Time), ID: last.ID}}) {
		if err != nil {
			return nil, fmt.Errorf("lineage: read runs of %s: %w", job.Node(), err)
		}
		if keyOf(&x).Compare(first) < 0 {
			break
		}
		runs[x.Event.Run.ID] = true
	}
	var out []claim
	for id := range runs {
		records, err := r.run(ctx, runName{id, job})
		if err != nil {
			return nil, err
		}
		if len(records) > 0 {
			out = append(out, readRun(records, r.assertFailed).claims...)
		}
	}
	return out, nil
}

// Bounds of a batch that is folded at once.
const (
	batchRecords = 4096
	batchEdges   = 1 << 18
)

// catchUp reads the log to its end.
func (r *replica) catchUp(ctx context.Context, progress func()) error {
	for {
		if err := r.readOn(ctx, progress); err != nil {
			return err
		}
		if !r.erased {
			return nil
		}
		r.reset() // All tombstones are known now, so that this happens once.
	}
}

// layOut makes one base of all rows.
func (r *replica) layOut() {
	r.fold.since, r.fold.laid = new([2]map[int32]bool{{}, {}}), r.g.changes
	r.g = r.fold.rebase(layOut(r.g, flatten(r.g)))
}

func (r *replica) readOn(ctx context.Context, progress func()) error {
	var batch []Record
	size := 0
	flush := func() error {
		err := r.read(ctx, batch)
		batch, size = batch[:0], 0
		if err == nil && r.g.worn(1) {
			r.layOut()
		}
		if err == nil && progress != nil {
			progress()
		}
		return err
	}
	for x, err := range r.store.Records(ctx, r.cursor) {
		if err != nil {
			return fmt.Errorf("lineage: read log: %w", err)
		}
		batch = append(batch, x)
		size += x.Event.size()
		if len(batch) == batchRecords || size > batchEdges {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(batch) > 0 {
		return flush()
	}
	return nil
}
