package integration_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/integration/dbtest"
	"github.com/tenon-go/tenon/integration/faulttest"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest"
	"github.com/tenon-go/tenon/lineage/sqlrecords"
)

// A lineageDB is one of the databases that records are kept in.
type lineageDB struct {
	name    string
	dialect sqlrecords.Dialect
	driver  string
	dsn     func(testing.TB) string
}

func lineageDBs() []lineageDB {
	return []lineageDB{
		{"SQLite", sqlrecords.SQLite, dbtest.SQLiteDriver, dbtest.SQLiteDSN},
		{"PostgreSQL", sqlrecords.PostgreSQL, dbtest.PostgreSQLDriver, dbtest.PostgreSQLDSN},
	}
}

// new returns a store on a pool.
func (db lineageDB) new(tb testing.TB, pool sqlrecords.DB, prefix string) *sqlrecords.Store {
	tb.Helper()
	s, err := sqlrecords.New(pool, sqlrecords.Config{Dialect: db.dialect, Prefix: prefix})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// store returns a store on a pool, with its tables.
func (db lineageDB) store(tb testing.TB, pool sqlrecords.DB, prefix string) *sqlrecords.Store {
	tb.Helper()
	s := db.new(tb, pool, prefix)
	if err := s.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

// A spreadLog is many nodes: each call goes to the next of several pools. Its steps can
// be made to fail, and its checkpoint be torn.
type spreadLog struct {
	*faulttest.Faults
	nodes  []lineage.Store
	pool   *sql.DB
	prefix string
	calls  atomic.Uint64
}

func (s *spreadLog) next() lineage.Store { return s.nodes[s.calls.Add(1)%uint64(len(s.nodes))] }

func (s *spreadLog) Append(ctx context.Context, batch []lineage.Record) ([]lineage.Receipt, error) {
	return s.next().Append(ctx, batch)
}

func (s *spreadLog) Records(ctx context.Context, after lineage.Cursor) iter.Seq2[lineage.Record, error] {
	return s.next().Records(ctx, after)
}

func (s *spreadLog) Record(ctx context.Context, id lineage.RecordID) (lineage.Record, error) {
	return s.next().Record(ctx, id)
}

func (s *spreadLog) Runs(ctx context.Context, q lineage.RunQuery) iter.Seq2[lineage.Record, error] {
	return s.next().Runs(ctx, q)
}

func (s *spreadLog) SaveCheckpoint(ctx context.Context, c lineage.Checkpoint, data io.Reader) error {
	return s.next().SaveCheckpoint(ctx, c, data)
}

func (s *spreadLog) Checkpoint(ctx context.Context) (lineage.Checkpoint, io.ReadCloser, error) {
	return s.next().Checkpoint(ctx)
}

func (s *spreadLog) Prune(ctx context.Context, part lineage.Part, ids []lineage.RecordID) error {
	return s.next().Prune(ctx, part, ids)
}

// TearCheckpoint implements [lineagetest.Tearer]: the last part loses its end.
func (s *spreadLog) TearCheckpoint(ctx context.Context) error {
	table := s.prefix + "checkpoint_parts"
	_, err := s.pool.ExecContext(ctx, `update `+table+` set data = substr(data, 1, length(data) - 1) where part = (select max(part) from `+table+`)`) //nolint:gosec // a name of the test's own
	return err
}

// The contract holds for several processes as well: four pools share each log.
func TestSQLRecordsKeepTheContract(t *testing.T) {
	t.Parallel()
	for _, db := range lineageDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn := db.dsn(t)
			faults := new(faulttest.Faults)
			var pools []*sql.DB
			for range 4 {
				pools = append(pools, faulttest.Open(t, db.driver, dsn, faults))
			}
			logs := 0
			lineagetest.TestStore(t, func(t *testing.T) lineage.Store {
				t.Helper()
				logs++
				prefix := fmt.Sprintf("case%d_", logs)
				s := &spreadLog{Faults: faults, pool: pools[0], prefix: prefix}
				for _, pool := range pools {
					s.nodes = append(s.nodes, db.new(t, pool, prefix))
				}
				db.store(t, pools[0], prefix) // makes the tables
				return s
			})
		})
	}
}

// A pool of one connection is enough, also where the loop over a sequence writes.
func TestSQLRecordsNeedOneConnection(t *testing.T) {
	t.Parallel()
	for _, db := range lineageDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			pool := faulttest.Open(t, db.driver, db.dsn(t), new(faulttest.Faults))
			pool.SetMaxOpenConns(1)
			logs := 0
			lineagetest.TestStore(t, func(t *testing.T) lineage.Store {
				t.Helper()
				logs++
				return db.store(t, pool, fmt.Sprintf("case%d_", logs))
			})
		})
	}
}

// lineageRecord is a run that reads in and writes out.
func lineageRecord(i int, size int) lineage.Record {
	in, out := lineage.DatasetRef{Namespace: "db", Name: "in"}, lineage.DatasetRef{Namespace: "db", Name: "out"}
	e := lineage.Event{
		Origin: lineage.Observed, Time: time.Date(2026, time.March, 1, 12, 0, i, 0, time.UTC),
		Run: &lineage.RunFact{ID: fmt.Sprintf("run %d", i), Type: lineage.Complete}, Job: &lineage.JobFact{Ref: lineage.JobRef{Namespace: "jobs", Name: "j"}},
		Inputs: []lineage.DatasetFact{{Ref: in}}, Outputs: []lineage.DatasetFact{{Ref: out}},
		Raw: bytes.Repeat([]byte{byte(i)}, size), //nolint:gosec // it is small
	}
	return lineage.Record{ID: lineage.EventID(e), Learnt: e.Time, Event: e}
}

// A sequence of large records is read in pages that fit into memory, and in order.
func TestSQLRecordsReadLargeRecordsPageByPage(t *testing.T) { //nolint:gocognit // one story, checked as it goes
	t.Parallel()
	for _, db := range lineageDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			s := db.store(t, faulttest.Open(t, db.driver, db.dsn(t), new(faulttest.Faults)), "")
			const n = 12
			for i := range n {
				if _, err := s.Append(t.Context(), []lineage.Record{lineageRecord(i, 3<<20)}); err != nil {
					t.Fatal(err)
				}
			}
			for name, sequence := range map[string]iter.Seq2[lineage.Record, error]{
				"Records": s.Records(t.Context(), 0), "Runs": s.Runs(t.Context(), lineage.RunQuery{Limit: n}),
			} {
				var got []int
				for r, err := range sequence {
					if err != nil {
						t.Fatal(err)
					}
					if len(r.Event.Raw) != 3<<20 {
						t.Fatalf("%s: %d raw bytes", name, len(r.Event.Raw))
					}
					got = append(got, int(r.Event.Raw[0]))
				}
				for i, x := range got {
					if want := map[string]int{"Records": i, "Runs": n - 1 - i}[name]; x != want || len(got) != n {
						t.Fatalf("%s: the order is %v", name, got)
					}
				}
			}
		})
	}
}

// A log in the caller's transaction stands or falls with it.
func TestRecordsInTheCallersTransaction(t *testing.T) { //nolint:gocognit // one story, checked as it goes
	t.Parallel()
	for _, db := range lineageDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			pool := faulttest.Open(t, db.driver, db.dsn(t), new(faulttest.Faults))
			outside := db.store(t, pool, "l_")
			for i, end := range []struct {
				do   func(*sql.Tx) error
				want int
			}{{(*sql.Tx).Rollback, 0}, {(*sql.Tx).Commit, 2}} {
				tx, err := pool.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				inside := db.new(t, tx, "l_")
				for _, r := range []lineage.Record{lineageRecord(10*i, 1), lineageRecord(10*i+1, 1), lineageRecord(10*i, 1)} {
					if _, err := inside.Append(t.Context(), []lineage.Record{r}); err != nil {
						t.Fatal(err)
					}
				}
				if got := countRecords(t, inside); got != 2 {
					t.Errorf("inside there are %d records", got)
				}
				if err := end.do(tx); err != nil {
					t.Fatal(err)
				}
				if got := countRecords(t, outside); got != end.want {
					t.Errorf("afterwards there are %d records, want %d", got, end.want)
				}
			}
		})
	}
}

func countRecords(t *testing.T, s lineage.Store) int {
	t.Helper()
	n := 0
	for _, err := range s.Records(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// Whose commit is not answered repeats the batch, and has it once.
func TestALostCommitOfRecordsIsRepeated(t *testing.T) {
	t.Parallel()
	for _, db := range lineageDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			var faults faulttest.Faults
			s := db.store(t, faulttest.Open(t, db.driver, db.dsn(t), &faults), "")
			batch := []lineage.Record{lineageRecord(1, 1), lineageRecord(2, 1)}
			faults.LoseCommit()
			if _, err := s.Append(t.Context(), batch); !errors.Is(err, sqlrecords.ErrOutcomeUnknown) {
				t.Fatalf("got %v, want ErrOutcomeUnknown", err)
			}
			receipts, err := s.Append(t.Context(), batch)
			if err != nil || !receipts[0].Duplicate || !receipts[1].Duplicate {
				t.Errorf("repeated: %+v, %v", receipts, err)
			}
			if got := countRecords(t, s); got != len(batch) {
				t.Errorf("there are %d records", got)
			}
		})
	}
}

// Whoever reads a checkpoint can go on when the next one comes; after two more, reading
// fails instead of mixing them.
func TestACheckpointCanBeReadWhileTheNextIsSaved(t *testing.T) { //nolint:gocognit // one story, checked as it goes
	t.Parallel()
	for _, db := range lineageDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			s := db.store(t, faulttest.Open(t, db.driver, db.dsn(t), new(faulttest.Faults)), "")
			save := func(version int64) {
				t.Helper()
				data := bytes.Repeat([]byte{byte(version)}, 3<<20) //nolint:gosec // it is small
				if err := s.SaveCheckpoint(t.Context(), lineage.Checkpoint{Version: version}, bytes.NewReader(data)); err != nil {
					t.Fatal(err)
				}
			}
			save(1)
			for _, newer := range []int64{1, 2} {
				c, r, err := s.Checkpoint(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				begun := make([]byte, 10)
				if _, err := io.ReadFull(r, begun); err != nil {
					t.Fatal(err)
				}
				for i := range newer {
					save(c.Version + 1 + i)
				}
				rest, err := io.ReadAll(r)
				if whole := err == nil; whole != (newer == 1) {
					t.Errorf("after %d newer ones reading gives %d bytes, %v", newer, len(rest), err)
				}
				if bytes.Count(rest, begun[:1]) != len(rest) {
					t.Error("two checkpoints are mixed")
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
