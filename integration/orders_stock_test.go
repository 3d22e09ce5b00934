package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/integration/dbtest"
	"github.com/tenon-go/tenon/integration/faulttest"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/sqlorders"
	"github.com/tenon-go/tenon/orders/stock"
)

// A stockDB is one of the databases that stock is kept in.
type stockDB struct {
	name    string
	dialect sqlorders.Dialect
	driver  string
	dsn     func(testing.TB) string
}

func stockDBs() []stockDB {
	return []stockDB{
		{"SQLite", sqlorders.SQLite, dbtest.SQLiteDriver, dbtest.SQLiteDSN},
		{"PostgreSQL", sqlorders.PostgreSQL, dbtest.PostgreSQLDriver, dbtest.PostgreSQLDSN},
	}
}

// new returns the stock on a pool.
func (db stockDB) new(tb testing.TB, pool sqlorders.DB, prefix string) *sqlorders.Stock {
	tb.Helper()
	s, err := sqlorders.NewStock(pool, sqlorders.Config{Dialect: db.dialect, Prefix: prefix})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// stock returns the stock on a pool, with its tables.
func (db stockDB) stock(tb testing.TB, pool sqlorders.DB, prefix string) *sqlorders.Stock {
	tb.Helper()
	s := db.new(tb, pool, prefix)
	if err := s.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

// A spreadStock is many processes: each call goes to the next of several pools. Its
// steps can be made to fail.
type spreadStock struct {
	*faulttest.Faults

	nodes []*sqlorders.Stock
	calls atomic.Uint64
}

func (s *spreadStock) next() *sqlorders.Stock {
	return s.nodes[s.calls.Add(1)%uint64(len(s.nodes))]
}

func (s *spreadStock) Reserve(ctx context.Context, at time.Time, h stock.Hold) error {
	return s.next().Reserve(ctx, at, h)
}

func (s *spreadStock) Extend(ctx context.Context, at time.Time, id string, until time.Time) error {
	return s.next().Extend(ctx, at, id, until)
}

func (s *spreadStock) Release(ctx context.Context, at time.Time, id string) error {
	return s.next().Release(ctx, at, id)
}

func (s *spreadStock) Commit(ctx context.Context, at time.Time, id string) error {
	return s.next().Commit(ctx, at, id)
}

func (s *spreadStock) Expire(ctx context.Context, at time.Time, limit int) (int, error) {
	return s.next().Expire(ctx, at, limit)
}

func (s *spreadStock) Levels(ctx context.Context, keys []stock.Key) ([]stock.Level, error) {
	return s.next().Levels(ctx, keys)
}

func (s *spreadStock) SetOnHand(ctx context.Context, key stock.Key, n int64) error {
	return s.next().SetOnHand(ctx, key, n)
}

func (s *spreadStock) SetBuckets(ctx context.Context, key stock.Key, n int) error {
	return s.next().SetBuckets(ctx, key, n)
}

func (s *spreadStock) Apply(ctx context.Context, at time.Time, moves []stock.Move) error {
	return s.next().Apply(ctx, at, moves)
}

func (s *spreadStock) Holds(ctx context.Context) iter.Seq2[stock.Hold, error] {
	return s.next().Holds(ctx)
}

// spread returns what makes new stock on four pools of one database.
func (db stockDB) spread(t *testing.T) func(t *testing.T) stock.Store {
	t.Helper()
	dsn := db.dsn(t)
	faults := new(faulttest.Faults)
	var pools []*sql.DB
	for range 4 {
		pools = append(pools, faulttest.Open(t, db.driver, dsn, faults))
	}
	n := 0
	return func(t *testing.T) stock.Store {
		t.Helper()
		n++
		s := &spreadStock{Faults: faults}
		for _, pool := range pools {
			s.nodes = append(s.nodes, db.new(t, pool, fmt.Sprintf("case%d_", n)))
		}
		if err := s.nodes[0].Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// The contract holds for several processes as well: four pools share the stock.
//
// Invariant: orders O1.
// Invariant: orders O2.
func TestSQLStockKeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, db := range stockDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			orderstest.TestStock(t, db.spread(t))
		})
	}
}

func TestSQLStockAnswersTheGivenCases(t *testing.T) {
	t.Parallel()
	for _, db := range stockDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			orderstest.TestStockCases(t, db.spread(t))
		})
	}
}

// stockAttempts is how many holds the proofs try: TENON_STOCK_ATTEMPTS, else 10,000.
func stockAttempts(t *testing.T) int {
	t.Helper()
	text := os.Getenv("TENON_STOCK_ATTEMPTS")
	if text == "" {
		return 10_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Four processes sell 1,000 units, on a row and in buckets, and look at every moment
// whether the books balance.
//
// Invariant: orders O1.
func TestSQLStockNeverOversells(t *testing.T) {
	t.Parallel()
	for _, db := range stockDBs() {
		for _, buckets := range []int{1, 16} {
			t.Run(fmt.Sprintf("%s/buckets=%d", db.name, buckets), func(t *testing.T) {
				t.Parallel()
				dsn := db.dsn(t)
				s := &spreadStock{}
				for range 4 {
					s.nodes = append(s.nodes, db.new(t, db.open(t, dsn), ""))
				}
				if err := s.nodes[0].Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				sellOut(t, s, buckets, balanceOf(t, db.open(t, dsn)))
			})
		}
	}
}

func sellOut(t *testing.T, s stock.Store, buckets int, balance func()) {
	t.Helper()
	const workers, units = 16, 1000
	n := stockAttempts(t) / 2 / workers // half of them by row, half in buckets
	key := stock.Key{SKU: "A"}
	if err := errors.Join(s.SetOnHand(t.Context(), key, units), s.SetBuckets(t.Context(), key, buckets)); err != nil {
		t.Fatal(err)
	}
	var sold atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range n {
				lines := []stock.Line{{Key: key, Quantity: int64(1 + i%3)}}
				err := s.Reserve(t.Context(), time.Unix(0, 0), stock.Hold{ID: fmt.Sprint(w, "/", i), Lines: lines, Until: time.Unix(600, 0)})
				if err == nil {
					sold.Add(lines[0].Quantity)
				} else if !errors.Is(err, stock.ErrShort) {
					t.Error(err)
					return
				}
				if i%50 == 0 {
					balance()
				}
			}
		})
	}
	wg.Wait()
	if sold.Load() != units {
		t.Errorf("sold %d of %d", sold.Load(), units)
	}
	if n, err := s.Expire(t.Context(), time.Unix(600, 0), units); err != nil || n == 0 {
		t.Error(n, err)
	}
	balance()
	levels, err := s.Levels(t.Context(), []stock.Key{key})
	if err != nil || levels[0].OnHand != units || levels[0].Reserved != 0 {
		t.Error(levels, err)
	}
}

// The same hold is asked for by many at once, where a dead one has the units: one sweeps and
// takes them, and the others find it taken.
//
// Invariant: orders O2.
func TestOneHoldThatManyAskForAtOnceIsOne(t *testing.T) {
	t.Parallel()
	for _, db := range stockDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn := db.dsn(t)
			s := &spreadStock{}
			for range 4 {
				s.nodes = append(s.nodes, db.new(t, db.open(t, dsn), ""))
			}
			if err := s.nodes[0].Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			for round := range 30 {
				askAtOnce(t, s, stock.Key{SKU: fmt.Sprint("sku", round)})
			}
		})
	}
}

func askAtOnce(t *testing.T, s stock.Store, key stock.Key) {
	t.Helper()
	begin, later := time.Unix(0, 0), time.Unix(1000, 0)
	hold := stock.Hold{ID: key.SKU + "/dead", Lines: []stock.Line{{Key: key, Quantity: 1}}, Until: time.Unix(600, 0)}
	if err := errors.Join(s.SetOnHand(t.Context(), key, 1), s.Reserve(t.Context(), begin, hold)); err != nil {
		t.Fatal(err)
	}
	hold.ID, hold.Until = key.SKU+"/new", time.Unix(2000, 0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := s.Reserve(t.Context(), later, hold); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	levels, err := s.Levels(t.Context(), []stock.Key{key})
	if err != nil || levels[0].OnHand != 1 || levels[0].Reserved != 1 {
		t.Error(levels, err)
	}
}

// open returns one more pool on a database.
func (db stockDB) open(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	return faulttest.Open(tb, db.driver, dsn, new(faulttest.Faults))
}

// balanceOf returns what compares each row of levels with the live holds in it, as of
// one moment.
func balanceOf(t *testing.T, pool *sql.DB) func() {
	t.Helper()
	return func() {
		var wrong int
		err := pool.QueryRowContext(t.Context(), `select count(*) from stock_levels l where reserved < 0 or reserved > on_hand or reserved <> (
select coalesce(sum(quantity), 0) from stock_holds h
where h.sku = l.sku and h.location = l.location and h.bucket = l.bucket and h.state = 'live')`).Scan(&wrong)
		if err != nil || wrong != 0 {
			t.Errorf("%d rows are wrong, %v", wrong, err)
		}
	}
}

// Whose commit is not answered repeats the call, and it takes effect once.
func TestAStockCallWithoutAnAnswerIsRepeated(t *testing.T) {
	t.Parallel()
	for _, db := range stockDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			var faults faulttest.Faults
			s := db.stock(t, faulttest.Open(t, db.driver, db.dsn(t), &faults), "")
			ctx, key, now := t.Context(), stock.Key{SKU: "A"}, time.Unix(0, 0)
			if err := s.SetOnHand(ctx, key, 5); err != nil {
				t.Fatal(err)
			}
			hold := stock.Hold{ID: "h", Lines: []stock.Line{{Key: key, Quantity: 2}}, Until: time.Unix(9, 0)}
			for _, call := range []func() error{
				func() error { return s.Reserve(ctx, now, hold) },
				func() error { return s.Commit(ctx, now, "h") },
			} {
				faults.LoseCommit()
				if err := call(); !errors.Is(err, sqlorders.ErrOutcomeUnknown) {
					t.Errorf("got %v, want ErrOutcomeUnknown", err)
				}
				if err := call(); err != nil {
					t.Errorf("again: %v", err)
				}
			}
			if levels, err := s.Levels(ctx, []stock.Key{key}); err != nil || levels[0].Left() != 3 {
				t.Error(levels, err)
			}
		})
	}
}

// In a caller's transaction stock moves with all else, and a refusal leaves the rest
// of it in place.
func TestStockMovesInTheCallersTransaction(t *testing.T) {
	t.Parallel()
	for _, db := range stockDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			pool := db.open(t, db.dsn(t))
			s, key := db.stock(t, pool, ""), stock.Key{SKU: "A"}
			hold := stock.Hold{ID: "dead", Lines: []stock.Line{{Key: key, Quantity: 4}}, Until: time.Unix(200, 0)}
			if err := errors.Join(s.SetOnHand(t.Context(), key, 5), s.Reserve(t.Context(), time.Unix(100, 0), hold)); err != nil {
				t.Fatal(err)
			}
			for _, end := range []struct {
				how  func(*sql.Tx) error
				want int64
			}{{(*sql.Tx).Rollback, 4}, {(*sql.Tx).Commit, 3}} {
				tx, err := pool.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				reserveTwice(t, db.new(t, tx, ""), key)
				if err := end.how(tx); err != nil {
					t.Fatal(err)
				}
				if levels, err := s.Levels(t.Context(), []stock.Key{key}); err != nil || levels[0].Reserved != end.want {
					t.Error(levels, err)
				}
			}
		})
	}
}

// reserveTwice takes three units, for which it has to sweep, and not another three.
func reserveTwice(t *testing.T, s *sqlorders.Stock, key stock.Key) {
	t.Helper()
	hold := stock.Hold{ID: "one", Lines: []stock.Line{{Key: key, Quantity: 3}}, Until: time.Unix(400, 0)}
	if err := s.Reserve(t.Context(), time.Unix(300, 0), hold); err != nil {
		t.Error(err)
	}
	hold.ID = "two"
	if err := s.Reserve(t.Context(), time.Unix(300, 0), hold); !errors.Is(err, stock.ErrShort) {
		t.Errorf("got %v, want ErrShort", err)
	}
}
