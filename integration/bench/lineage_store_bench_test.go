package bench_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/integration/dbtest"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/sqlrecords"
)

// Sizes that an environment variable can make smaller, for a run that only shows that the
// benchmarks work.
const (
	envLineageEdges = "TENON_LINEAGE_EDGES" // of BenchmarkLoad; that many in BenchmarkIngest, if fewer than a million
	envLineageRuns  = "TENON_LINEAGE_RUNS"  // of BenchmarkRunPage
	envLineageCalls = "TENON_LINEAGE_CALLS" // of BenchmarkVisible
)

func sizeFromEnv(b *testing.B, name string, usual int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%q is no size", name, text)
	}
	return n
}

// layeredOf returns the layered graph with about so many edges: 19 layers of datasets have
// 525 each.
func layeredOf(edges int) layered {
	return layered{layers: 20, datasets: max(1, (edges+5000)/10_000), runs: 1}
}

// batches returns the runs that make the graph, 100 a call, and the number of their edges.
func (l layered) batches() (calls [][]lineage.Event, edges int) {
	identity := []lineage.Transformation{{Type: lineage.Direct, Subtype: lineage.Identity}}
	node := func(n int32) lineage.NodeID {
		d, c := int(n)/layeredColumns, int(n)%layeredColumns
		return l.dataset(d/l.datasets, d%l.datasets).Column(columnName(c))
	}
	var call []lineage.Event
	l.each(func(layer, d, run int, picks []pick) {
		facts := make([]lineage.EdgeFact, len(picks))
		for i, p := range picks {
			facts[i] = lineage.EdgeFact{From: node(p.from), To: node(p.to), Kinds: identity}
		}
		edges += len(facts)
		name := fmt.Sprintf("job.layer%02d.dataset%04d", layer, d)
		call = append(call, lineage.Event{
			Time: l.at(run), Run: &lineage.RunFact{ID: fmt.Sprint(name, "-", run), Type: lineage.Complete},
			Job:     &lineage.JobFact{Ref: lineage.JobRef{Namespace: layeredSpace, Name: name}},
			Outputs: []lineage.DatasetFact{{Ref: l.dataset(layer, d), States: lineage.ColumnEdges, Edges: facts}},
		})
		if len(call) == 100 {
			calls, call = append(calls, call), nil
		}
	})
	if len(call) > 0 {
		calls = append(calls, call)
	}
	return calls, edges
}

func openLineage(b *testing.B, store lineage.Store, cfg lineage.Config) *lineage.Engine {
	b.Helper()
	e, err := lineage.New(b.Context(), store, cfg)
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func closeLineage(b *testing.B, e *lineage.Engine) {
	b.Helper()
	if err := e.Close(context.WithoutCancel(b.Context())); err != nil {
		b.Fatal(err)
	}
}

func ingestAll(b *testing.B, e *lineage.Engine, events []lineage.Event) {
	b.Helper()
	report, err := e.Ingest(b.Context(), events...)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Outcome != lineage.Applied {
			b.Fatalf("%s: %v", r.Outcome, r.Err)
		}
	}
}

// intern is the physical limit of an ingest: each edge's ends are looked up in a map, and
// their numbers appended.
func intern(calls [][]lineage.Event) (edges int) {
	numbers := map[lineage.NodeID]int32{}
	number := func(id lineage.NodeID) int32 {
		n, ok := numbers[id]
		if !ok {
			n = int32(len(numbers)) //nolint:gosec // a million at most
			numbers[id] = n
		}
		return n
	}
	var from, to []int32
	for _, call := range calls {
		for i := range call {
			for _, e := range call[i].Outputs[0].Edges {
				from, to = append(from, number(e.From)), append(to, number(e.To))
			}
		}
	}
	return min(len(from), len(to))
}

// BenchmarkIngest has one caller ingest a graph from nothing: events of 500 column edges
// in the mean, 100 a call, into the memory store. At least 300,000 edges/s are wanted.
// x-append is how many times as long that takes as to look the ends up and append them.
func BenchmarkIngest(b *testing.B) {
	l := layeredOf(min(1_000_000, sizeFromEnv(b, envLineageEdges, 1_000_000)))
	b.Run(fmt.Sprintf("edges=%dk", (l.layers-1)*l.datasets*525/1000), func(b *testing.B) {
		b.ReportAllocs()
		edges, floor := 0, time.Duration(0)
		for b.Loop() {
			b.StopTimer()
			calls, n := l.batches()
			edges += n
			begin := time.Now()
			if got := intern(calls); got != n {
				b.Fatalf("%d edges of %d", got, n)
			}
			floor += time.Since(begin)
			e := openLineage(b, lineage.NewMemoryStore(), lineage.Config{Poll: -1, CheckpointEvery: -1})
			runtime.GC()
			b.StartTimer()
			for _, call := range calls {
				ingestAll(b, e, call)
			}
			b.StopTimer()
			closeLineage(b, e)
			b.StartTimer()
		}
		b.ReportMetric(float64(edges)/b.Elapsed().Seconds(), "edges/s")
		b.ReportMetric(float64(b.Elapsed())/float64(floor), "x-append")
	})
}

// lineageStores returns the same log as two processes would have it open, and the database
// that it is in, nil for none.
func lineageStores(b *testing.B, name string) (stores [2]lineage.Store, db *sql.DB) {
	b.Helper()
	sqlStore := func(db sqlrecords.DB, dialect sqlrecords.Dialect) lineage.Store {
		s, err := sqlrecords.New(db, sqlrecords.Config{Dialect: dialect})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Migrate(b.Context()); err != nil {
			b.Fatal(err)
		}
		return s
	}
	switch name {
	case "memory":
		s := lineage.NewMemoryStore()
		stores = [2]lineage.Store{s, s}
	case "sqlite":
		dsn := dbtest.SQLiteDSN(b)
		for i := range stores {
			db = dbtest.OpenSQLite(b, dsn)
			stores[i] = sqlStore(db, sqlrecords.SQLite)
		}
	case "postgres":
		dbtest.Durable(b)
		dsn := dbtest.PostgreSQLDSN(b)
		for i := range stores {
			db = dbtest.OpenPostgreSQL(b, dsn)
			stores[i] = sqlStore(db, sqlrecords.PostgreSQL)
		}
	}
	return stores, db
}

// smallEvent is a run of one of 50 jobs that makes a new dataset of ten columns.
func smallEvent(n int, at time.Time) lineage.Event {
	in := lineage.DatasetRef{Namespace: layeredSpace, Name: fmt.Sprint("in", n%50)}
	out := lineage.DatasetFact{Ref: lineage.DatasetRef{Namespace: layeredSpace, Name: fmt.Sprint("out", n)}, States: lineage.ColumnEdges}
	for c := range 10 {
		out.Edges = append(out.Edges, lineage.EdgeFact{From: in.Column(columnName(c)), To: out.Ref.Column(columnName(c))})
	}
	return lineage.Event{
		Time: at, Run: &lineage.RunFact{ID: fmt.Sprint("run", n), Type: lineage.Complete},
		Job:    &lineage.JobFact{Ref: lineage.JobRef{Namespace: layeredSpace, Name: fmt.Sprint("job", n)}},
		Inputs: []lineage.DatasetFact{{Ref: in}}, Outputs: []lineage.DatasetFact{out},
	}
}

// A sighting is an event that one engine has and the other is to see.
type sighting struct {
	node lineage.NodeID
	due  time.Time
}

// A watcher looks at the views of an engine, each millisecond, until they have what they
// are to have.
type watcher struct {
	engine  *lineage.Engine
	pending chan sighting
	took    []time.Duration
	err     error
}

func (w *watcher) run(ctx context.Context) {
	var waiting []sighting
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	open := true
	for open || len(waiting) > 0 {
		select {
		case s, ok := <-w.pending:
			if !ok {
				open, w.pending = false, nil
				continue
			}
			waiting = append(waiting, s)
		case <-tick.C:
			if waiting, w.err = w.look(ctx, waiting); w.err != nil {
				return
			}
		}
	}
}

// look drops what the view of now has. Its edge from the input must be there.
func (w *watcher) look(ctx context.Context, waiting []sighting) ([]sighting, error) {
	v, err := w.engine.View(ctx, lineage.At{})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for _, s := range waiting {
		if now.Sub(s.due) > time.Minute {
			return nil, fmt.Errorf("%s is not in the other engine's view after a minute", s.node)
		}
	}
	return slices.DeleteFunc(waiting, func(s sighting) bool {
		stats, err := v.Walk(ctx, s.node, lineage.Query{Direction: lineage.Upstream, Depth: 1}, func(lineage.Step) bool { return true })
		if errors.Is(err, lineage.ErrNotFound) || stats.Nodes == 0 {
			return false
		}
		w.took = append(w.took, now.Sub(s.due))
		return true
	}), nil
}

// BenchmarkVisible has 8 writers make 200 calls a second by the clock, of one event each,
// to the first of two engines on one store, and then half of them to each. All times are
// taken from the moment when a call was due: ms-ingest is the p99 until Ingest has returned
// (at most 20 ms is wanted), ms-visible the p99 until the other engine's view has the edge
// (500 ms), both of the worse way, and each the median of the rounds: one second in which
// the machine stands still is else the p99 of all. Commits are on the disk: ms-commit is the
// p99 of a row that is inserted and committed at the same clock in a round between, which no
// store can be below, and x-commit is how many times as long an Ingest takes.
func BenchmarkVisible(b *testing.B) {
	for _, name := range []string{"memory", "sqlite", "postgres"} {
		b.Run(name, func(b *testing.B) {
			stores, db := lineageStores(b, name)
			var engines [2]*lineage.Engine
			for i, s := range stores {
				engines[i] = openLineage(b, s, lineage.Config{CheckpointEvery: -1})
				defer closeLineage(b, engines[i])
			}
			calls, next := sizeFromEnv(b, envLineageCalls, 1000), 0
			var committed []time.Duration         // of each round the p99, as are the following
			var ingested, seen [2][]time.Duration // with writers at one engine, and at two
			for b.Loop() {
				if db != nil {
					committed = append(committed, percentile99(commits(b, db, calls)))
				}
				for i := range 2 {
					round := &visibleRound{engines: engines, writeTo: i + 1, first: next, calls: calls}
					round.run(b)
					next += calls
					ingested[i], seen[i] = append(ingested[i], percentile99(round.ingested)), append(seen[i], percentile99(round.seen))
				}
			}
			ingest := milliseconds(max(median(ingested[0]), median(ingested[1])))
			b.ReportMetric(ingest, "ms-ingest")
			b.ReportMetric(milliseconds(max(median(seen[0]), median(seen[1]))), "ms-visible")
			if db != nil {
				floor := milliseconds(median(committed))
				b.ReportMetric(floor, "ms-commit")
				b.ReportMetric(ingest/floor, "x-commit")
			}
		})
	}
}

// paced has 8 writers make calls 0, 1, ..., 200 a second, and returns how long each took
// from the moment when it was due.
func paced(b *testing.B, calls int, call func(writer, n int, due time.Time) error) []time.Duration {
	b.Helper()
	const writers, every = 8, time.Second / 200
	var next atomic.Int64
	var mu sync.Mutex
	var took []time.Duration
	var writing sync.WaitGroup
	begin := time.Now()
	for w := range writers {
		writing.Go(func() {
			for n := int(next.Add(1)) - 1; n < calls; n = int(next.Add(1)) - 1 {
				due := begin.Add(time.Duration(n) * every)
				time.Sleep(time.Until(due))
				if err := call(w, n, due); err != nil {
					b.Error(err)
					return
				}
				d := time.Since(due)
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	return took
}

// commits inserts rows of the size of a small event, one a transaction and one after the
// other, as there is one counter to be locked.
func commits(b *testing.B, db *sql.DB, calls int) []time.Duration {
	b.Helper()
	if _, err := db.ExecContext(b.Context(), `create table if not exists floor (n bigint not null, learnt bigint not null, line text not null)`); err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	const query = `insert into floor (n, learnt, line) values ($1, $2, $3)`
	line := strings.Repeat("x", 1000)
	return paced(b, calls, func(_, n int, due time.Time) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := db.ExecContext(b.Context(), query, n, due.UnixMicro(), line)
		return err
	})
}

// A visibleRound makes calls first, first+1, ..., 200 a second.
type visibleRound struct {
	engines        [2]*lineage.Engine
	writeTo        int // engines
	first, calls   int
	ingested, seen []time.Duration
}

func (r *visibleRound) run(b *testing.B) {
	b.Helper()
	var watchers [2]*watcher
	var watching sync.WaitGroup
	for i := range watchers {
		watchers[i] = &watcher{engine: r.engines[1-i], pending: make(chan sighting, r.calls)}
		watching.Go(func() { watchers[i].run(b.Context()) })
	}
	r.ingested = paced(b, r.calls, func(w, n int, due time.Time) error {
		to := w % r.writeTo
		event := smallEvent(r.first+n, due)
		_, err := r.engines[to].Ingest(b.Context(), event)
		watchers[to].pending <- sighting{event.Outputs[0].Ref.Column(columnName(0)), due}
		return err
	})
	for _, w := range watchers {
		close(w.pending)
	}
	watching.Wait()
	for _, w := range watchers {
		if w.err != nil {
			b.Fatal(w.err)
		}
		r.seen = append(r.seen, w.took...)
	}
}

func percentile99(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)*99/100]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// A logOnly store has no checkpoint.
type logOnly struct{ lineage.Store }

func (logOnly) Checkpoint(context.Context) (lineage.Checkpoint, io.ReadCloser, error) {
	return lineage.Checkpoint{}, nil, lineage.ErrNotFound
}

// BenchmarkLoad starts an engine on ten million edges in SQLite: from a checkpoint (less
// than 30 s is wanted) and by replay of the log. MB-resident is what the heap has in use
// after a collection more than before the start (less than 1,000 is wanted).
func BenchmarkLoad(b *testing.B) {
	l := layeredOf(sizeFromEnv(b, envLineageEdges, 10_000_000))
	dsn := dbtest.SQLiteDSN(b)
	newStore := func(b *testing.B) lineage.Store {
		b.Helper()
		s, err := sqlrecords.New(dbtest.OpenSQLite(b, dsn), sqlrecords.Config{Dialect: sqlrecords.SQLite})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Migrate(b.Context()); err != nil {
			b.Fatal(err)
		}
		return s
	}
	want := seedCheckpoint(b, newStore(b), l)
	for _, c := range []struct {
		name  string
		store func(lineage.Store) lineage.Store
	}{
		{"checkpoint", func(s lineage.Store) lineage.Store { return s }},
		{"replay", func(s lineage.Store) lineage.Store { return logOnly{s} }},
	} {
		b.Run(c.name, func(b *testing.B) {
			store := newStore(b)
			if _, data, err := store.Checkpoint(b.Context()); c.name == "checkpoint" {
				if err != nil {
					b.Skip("no checkpoint was saved:", err)
				}
				_ = data.Close()
			}
			for b.Loop() {
				b.StopTimer()
				before := heapInUse()
				b.StartTimer()
				e := openLineage(b, c.store(store), lineage.Config{Poll: -1, CheckpointEvery: -1})
				b.StopTimer()
				if got := e.Status(); got.Edges != want.Edges || got.Records != want.Records || got.Cursor != want.Cursor {
					b.Fatalf("loaded %+v, saved %+v", got, want)
				}
				b.ReportMetric(float64(heapInUse()-before)/1e6, "MB-resident")
				closeLineage(b, e)
				b.StartTimer()
			}
		})
	}
}

// seedCheckpoint fills a store with the graph, and waits for a checkpoint of all of it.
func seedCheckpoint(b *testing.B, store lineage.Store, l layered) lineage.Status {
	b.Helper()
	e := openLineage(b, store, lineage.Config{Poll: -1, CheckpointEvery: (l.layers - 1) * l.datasets})
	l.fill(b, e)
	status := e.Status()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		c, data, err := store.Checkpoint(b.Context())
		if err != nil {
			continue // Not yet.
		}
		_ = data.Close()
		if c.Cursor == status.Cursor {
			break
		}
	}
	closeLineage(b, e)
	return status
}

// heapInUse is what is reachable, in bytes.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // What finalizers held is free after the second.
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse) //nolint:gosec // no heap is as large as that
}

// hourly is a job that has run each hour, for so many hours until 2026.
type hourly struct {
	job  lineage.JobRef
	runs int
}

// at returns when a run began.
func (h hourly) at(run int) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(run-h.runs) * time.Hour)
}

// fill has an engine ingest the start and the end of each run.
func (h hourly) fill(b *testing.B, e *lineage.Engine) {
	b.Helper()
	var call []lineage.Event
	for n := range h.runs {
		start, end := smallEvent(0, h.at(n)), smallEvent(0, h.at(n).Add(10*time.Minute))
		id := fmt.Sprint("run", n)
		start.Run, end.Run = &lineage.RunFact{ID: id, Type: lineage.Start}, &lineage.RunFact{ID: id, Type: lineage.Complete}
		start.Job, end.Job = &lineage.JobFact{Ref: h.job}, &lineage.JobFact{Ref: h.job}
		if call = append(call, start, end); len(call) >= 1000 || n == h.runs-1 {
			ingestAll(b, e, call)
			call = nil
		}
	}
}

// page reads the hundred runs before one.
func (h hourly) page(b *testing.B, e *lineage.Engine, newest int) {
	b.Helper()
	n := 0
	for r, err := range e.Runs(b.Context(), lineage.RunQuery{Job: h.job, Before: lineage.RunKey{Time: h.at(newest)}, Limit: 100}) {
		if n++; err != nil || r.State != lineage.RunComplete || !r.Began.Equal(h.at(newest-n)) {
			b.Fatalf("place %d of the page before run %d: %+v, %v", n, newest, r, err)
		}
	}
	if n != 100 {
		b.Fatalf("%d runs before run %d", n, newest)
	}
}

// BenchmarkRunPage reads a page of 100 runs, at 64 places in turn, of a job that has run
// each hour for seven years and told its start and its end, in SQLite.
func BenchmarkRunPage(b *testing.B) {
	h := hourly{lineage.JobRef{Namespace: layeredSpace, Name: "hourly"}, max(200, sizeFromEnv(b, envLineageRuns, 61_362))}
	b.Run(fmt.Sprint("runs=", h.runs), func(b *testing.B) {
		stores, _ := lineageStores(b, "sqlite")
		e := openLineage(b, stores[0], lineage.Config{
			Now: func() time.Time { return h.at(h.runs) }, Poll: -1, CheckpointEvery: -1,
		})
		defer closeLineage(b, e)
		h.fill(b, e)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			h.page(b, e, 100+(h.runs-100)*(i%64)/63)
		}
	})
}
