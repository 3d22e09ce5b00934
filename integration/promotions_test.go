package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/integration/dbtest"
	"github.com/tenon-go/tenon/integration/faulttest"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest"
	"github.com/tenon-go/tenon/promotions/sqlpromotions"
)

// A promotionsDB is one of the databases that ledgers are kept in.
type promotionsDB struct {
	name    string
	dialect sqlpromotions.Dialect
	driver  string
	dsn     func(testing.TB) string
}

func promotionsDBs() []promotionsDB {
	return []promotionsDB{
		{"SQLite", sqlpromotions.SQLite, dbtest.SQLiteDriver, dbtest.SQLiteDSN},
		{"PostgreSQL", sqlpromotions.PostgreSQL, dbtest.PostgreSQLDriver, dbtest.PostgreSQLDSN},
	}
}

// open returns one more pool on a database.
func (db promotionsDB) open(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	return faulttest.Open(tb, db.driver, dsn, new(faulttest.Faults))
}

// new returns a store on a pool.
func (db promotionsDB) new(tb testing.TB, pool sqlpromotions.DB, prefix string) *sqlpromotions.Store {
	tb.Helper()
	s, err := sqlpromotions.New(pool, sqlpromotions.Config{Dialect: db.dialect, Prefix: prefix})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// store returns a store on a pool, with its tables.
func (db promotionsDB) store(tb testing.TB, pool sqlpromotions.DB, prefix string) *sqlpromotions.Store {
	tb.Helper()
	s := db.new(tb, pool, prefix)
	if err := s.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

// A spreadLedger is many nodes: each call goes to the next of several pools. Its
// steps can be made to fail.
type spreadLedger struct {
	*faulttest.Faults
	nodes []promotions.Store
	calls atomic.Uint64
}

func (s *spreadLedger) next() promotions.Store {
	return s.nodes[s.calls.Add(1)%uint64(len(s.nodes))]
}

func (s *spreadLedger) Accounts(ctx context.Context, ids []string) ([]promotions.Account, error) {
	return s.next().Accounts(ctx, ids)
}

func (s *spreadLedger) Entry(ctx context.Context, key string) (promotions.Entry, error) {
	return s.next().Entry(ctx, key)
}

func (s *spreadLedger) Apply(ctx context.Context, b promotions.Batch) (promotions.Entry, error) {
	return s.next().Apply(ctx, b)
}

func (s *spreadLedger) Due(ctx context.Context, before time.Time, most int) ([]string, error) {
	return s.next().Due(ctx, before, most)
}

func (s *spreadLedger) Entries(ctx context.Context, after string) iter.Seq2[promotions.Entry, error] {
	return s.next().Entries(ctx, after)
}

// The contract holds for several processes as well: four pools share each ledger.
//
// Invariant: promotions L1.
// Invariant: promotions L2.
// Invariant: promotions L3.
// Invariant: promotions L4.
func TestSQLPromotionsKeepTheContract(t *testing.T) {
	t.Parallel()
	for _, db := range promotionsDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn := db.dsn(t)
			faults := new(faulttest.Faults)
			var pools []*sql.DB
			for range 4 {
				pools = append(pools, faulttest.Open(t, db.driver, dsn, faults))
			}
			ledgers := 0
			promotionstest.Run(t, func(t *testing.T) promotions.Store {
				t.Helper()
				ledgers++
				prefix := fmt.Sprintf("case%d_", ledgers)
				s := &spreadLedger{Faults: faults}
				for _, pool := range pools {
					s.nodes = append(s.nodes, db.new(t, pool, prefix))
				}
				db.store(t, pools[0], prefix) // makes the tables
				return s
			})
		})
	}
}

func TestThirdPartyLedgersInDatabases(t *testing.T) {
	t.Parallel()
	skipUnderRace(t)
	for _, db := range promotionsDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			pool := db.open(t, db.dsn(t))
			ledgers := 0
			promotionstest.LedgerCases(t, func(t *testing.T) promotions.Store {
				t.Helper()
				ledgers++
				return db.store(t, pool, fmt.Sprintf("case%d_", ledgers))
			})
		})
	}
}

// hotBatch reserves one use of a hot code.
func hotBatch(key string, limit int64) promotions.Batch {
	return promotions.Batch{
		Key:   key,
		Entry: promotions.Entry{State: promotions.Reserved, Expires: time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)},
		Moves: []promotions.Move{{Account: "code/HOT/uses", Unit: promotions.UnitUses, Reserved: 1, Limit: limit}},
	}
}

func reservedUses(t *testing.T, s promotions.Store) int64 {
	t.Helper()
	accounts, err := s.Accounts(t.Context(), []string{"code/HOT/uses"})
	if err != nil {
		t.Fatal(err)
	}
	return accounts[0].Reserved
}

func TestWritesThatComeTogetherShareACommit(t *testing.T) {
	t.Parallel()
	for _, db := range promotionsDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			shareACommit(t, db)
		})
	}
}

func shareACommit(t *testing.T, db promotionsDB) {
	t.Helper()
	var faults faulttest.Faults
	s := db.store(t, faulttest.Open(t, db.driver, db.dsn(t), &faults), "")
	const writers, limit = 500, 300
	faults.FailAt(1 << 30) // it writes down every step, and fails none
	var refused atomic.Int64
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			_, err := s.Apply(t.Context(), hotBatch(fmt.Sprintf("o%03d", i), limit))
			if errors.Is(err, promotions.ErrLimit) {
				refused.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	commits := 0
	for _, step := range faults.Steps() {
		if step == "commit" {
			commits++
		}
	}
	if got := reservedUses(t, s); got != limit || refused.Load() != writers-limit {
		t.Errorf("%d are reserved and %d refused, of a limit of %d", got, refused.Load(), limit)
	}
	t.Logf("%d writes took %d commits", limit, commits)
	if commits < limit/64 || commits > limit/4 {
		t.Errorf("%d writes took %d commits", limit, commits)
	}
}

// A writer that leaves takes nobody with it.
func TestACallerThatLeavesGetsItsCauseAndTheOthersTheirWrites(t *testing.T) {
	t.Parallel()
	for _, db := range promotionsDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			leaveAGroup(t, db)
		})
	}
}

func leaveAGroup(t *testing.T, db promotionsDB) {
	t.Helper()
	s := db.store(t, db.open(t, db.dsn(t)), "")
	left := errors.New("the buyer left")
	var written, gone atomic.Int64
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if i%4 == 0 {
				time.AfterFunc(time.Duration(i)*50*time.Microsecond, func() { cancel(left) })
			}
			_, err := s.Apply(ctx, hotBatch(fmt.Sprintf("o%03d", i), 1000))
			switch {
			case err == nil:
				written.Add(1)
			case errors.Is(err, left) && i%4 == 0:
				gone.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if _, err := s.Apply(t.Context(), hotBatch("last", 1000)); err != nil { // it comes after all of them
		t.Fatal(err)
	}
	entries := int64(0)
	for _, err := range s.Entries(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		entries++
	}
	got := reservedUses(t, s)
	t.Logf("%d written, %d left, %d reserved", written.Load(), gone.Load(), got)
	if got != entries || got < written.Load()+1 || got > written.Load()+gone.Load()+1 {
		t.Errorf("%d are reserved by %d entries", got, entries)
	}
}

// A ledger in the caller's transaction stands or falls with it.
func TestALedgerInTheCallersTransaction(t *testing.T) {
	t.Parallel()
	for _, db := range promotionsDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			inTheCallersTransaction(t, db)
		})
	}
}

func inTheCallersTransaction(t *testing.T, db promotionsDB) {
	t.Helper()
	ctx, pool := t.Context(), db.open(t, db.dsn(t))
	outside := db.store(t, pool, "p_")
	for _, end := range []struct {
		do   func(*sql.Tx) error
		want int64
	}{{(*sql.Tx).Rollback, 0}, {(*sql.Tx).Commit, 2}} {
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		inside := db.new(t, tx, "p_")
		for _, key := range []string{"o1", "o2"} {
			if _, err := inside.Apply(ctx, hotBatch(key, 2)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := inside.Apply(ctx, hotBatch("o3", 2)); !errors.Is(err, promotions.ErrLimit) { // it does not spoil the transaction
			t.Errorf("over the limit: %v", err)
		}
		if _, err := inside.Apply(ctx, hotBatch("o1", 9)); !errors.Is(err, promotions.ErrConflict) {
			t.Errorf("a repeat: %v", err)
		}
		if in, out := reservedUses(t, inside), reservedUses(t, outside); in != 2 || out != 0 {
			t.Errorf("inside %d are reserved, outside %d", in, out)
		}
		if err := end.do(tx); err != nil {
			t.Fatal(err)
		}
		if got := reservedUses(t, outside); got != end.want {
			t.Errorf("afterwards %d are reserved, want %d", got, end.want)
		}
	}
}

// Whose commit is not answered repeats the call, and has it once.
//
// Invariant: promotions L3.
func TestALostCommitOfALedgerIsRepeated(t *testing.T) {
	t.Parallel()
	for _, db := range promotionsDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			var faults faulttest.Faults
			s := db.store(t, faulttest.Open(t, db.driver, db.dsn(t), &faults), "")
			l, err := promotions.New(s, promotions.Config{})
			if err != nil {
				t.Fatal(err)
			}
			r := promotions.Result{Debits: []promotions.Debit{{Promotion: "p", Account: "code/HOT/uses", Unit: promotions.UnitUses, Amount: 1, Limit: 9}}}
			faults.LoseCommit()
			if _, err := l.Reserve(t.Context(), "o1", r); !errors.Is(err, sqlpromotions.ErrOutcomeUnknown) {
				t.Fatalf("got %v, want ErrOutcomeUnknown", err)
			}
			if receipt, err := l.Reserve(t.Context(), "o1", r); err != nil || receipt.Version != 1 {
				t.Errorf("repeated: version %d, %v", receipt.Version, err)
			}
			if got := reservedUses(t, s); got != 1 {
				t.Errorf("%d are reserved", got)
			}
		})
	}
}
