package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/integration/dbtest"
	"github.com/tenon-go/tenon/integration/faulttest"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
	"github.com/tenon-go/tenon/pricing/sqlpricing"
)

// A pricingDB is one of the databases that books are kept in.
type pricingDB struct {
	name    string
	dialect sqlpricing.Dialect
	driver  string
	dsn     func(testing.TB) string
}

func pricingDBs() []pricingDB {
	return []pricingDB{
		{"SQLite", sqlpricing.SQLite, dbtest.SQLiteDriver, dbtest.SQLiteDSN},
		{"PostgreSQL", sqlpricing.PostgreSQL, dbtest.PostgreSQLDriver, dbtest.PostgreSQLDSN},
	}
}

// open returns one more pool on a database.
func (db pricingDB) open(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	return faulttest.Open(tb, db.driver, dsn, new(faulttest.Faults))
}

// new returns a store on a pool.
func (db pricingDB) new(tb testing.TB, pool sqlpricing.DB, prefix string) *sqlpricing.Store {
	tb.Helper()
	s, err := sqlpricing.New(pool, sqlpricing.Config{Dialect: db.dialect, Prefix: prefix})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// store returns a store on a pool, with its tables.
func (db pricingDB) store(tb testing.TB, pool sqlpricing.DB, prefix string) *sqlpricing.Store {
	tb.Helper()
	s := db.new(tb, pool, prefix)
	if err := s.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

// A spread store is many nodes: each call goes to the next of several pools. Its
// steps can be made to fail.
type spread struct {
	*faulttest.Faults
	nodes []pricing.Store
	calls atomic.Uint64
}

func (s *spread) next() pricing.Store { return s.nodes[s.calls.Add(1)%uint64(len(s.nodes))] }

func (s *spread) Draft(ctx context.Context, book string) (pricing.Draft, error) {
	return s.next().Draft(ctx, book)
}

func (s *spread) SaveDraft(ctx context.Context, book string, d pricing.Draft) (pricing.Draft, error) {
	return s.next().SaveDraft(ctx, book, d)
}

func (s *spread) Publish(ctx context.Context, book string, p pricing.Publication) (pricing.Head, error) {
	return s.next().Publish(ctx, book, p)
}

func (s *spread) Heads(ctx context.Context, book string, after uint64) iter.Seq2[pricing.Head, error] {
	return s.next().Heads(ctx, book, after)
}

func (s *spread) Manifest(ctx context.Context, book string, version uint64) (pricing.Manifest, error) {
	return s.next().Manifest(ctx, book, version)
}

func (s *spread) Parts(ctx context.Context, book string, digests []pricing.Digest) iter.Seq2[pricing.Part, error] {
	return s.next().Parts(ctx, book, digests)
}

func (s *spread) Prune(ctx context.Context, book string, keep int, at time.Time) (int, error) {
	return s.next().Prune(ctx, book, keep, at)
}

// The contract holds for several processes as well: four pools share each book.
//
// Invariant: pricing P9.
func TestSQLPricingKeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, db := range pricingDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn := db.dsn(t)
			faults := new(faulttest.Faults)
			var pools []*sql.DB
			for range 4 {
				pools = append(pools, faulttest.Open(t, db.driver, dsn, faults))
			}
			books := 0
			pricingtest.TestStore(t, func(t *testing.T) pricing.Store {
				t.Helper()
				books++
				s := &spread{Faults: faults}
				for _, pool := range pools {
					s.nodes = append(s.nodes, db.new(t, pool, fmt.Sprintf("case%d_", books)))
				}
				db.store(t, pools[0], fmt.Sprintf("case%d_", books)) // makes the tables
				return s
			})
		})
	}
}

// BenchmarkSQLPricing measures with durable commits.
func BenchmarkSQLPricing(b *testing.B) {
	for _, db := range pricingDBs() {
		b.Run(db.name, func(b *testing.B) {
			if db.dialect == sqlpricing.PostgreSQL {
				dbtest.Durable(b)
			}
			pricingtest.BenchmarkStore(b, func(b *testing.B) pricing.Store {
				b.Helper()
				return db.store(b, db.open(b, db.dsn(b)), "")
			})
		})
	}
}

// The database may fail at a step in a way that a repetition heals.
func TestAPublicationIsRepeatedWhereOthersAreInItsWay(t *testing.T) {
	busy := map[sqlpricing.Dialect]error{sqlpricing.PostgreSQL: stateError("40001"), sqlpricing.SQLite: codeError(5)}
	t.Parallel()
	for _, db := range pricingDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn := db.dsn(t)
			var faults faulttest.Faults
			s := db.store(t, faulttest.Open(t, db.driver, dsn, &faults), "")
			ctx := t.Context()
			saveDraft(t, s)
			for n := 1; ; n++ {
				faults.FailAtWith(n, busy[db.dialect])
				h, err := s.Publish(ctx, "eu", publication(uint64(n-1)))
				if err != nil {
					t.Fatalf("another transaction at step %d: %v", n, err)
				}
				if h.Version != uint64(n) {
					t.Fatalf("another transaction at step %d: version %d", n, h.Version)
				}
				if len(faults.Steps()) < n {
					break // it was over before
				}
			}
		})
	}
}

// Whose commit is not answered finds out by repeating it.
func TestALostAnswerToACommit(t *testing.T) {
	t.Parallel()
	for _, db := range pricingDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn := db.dsn(t)
			var faults faulttest.Faults
			s := db.store(t, faulttest.Open(t, db.driver, dsn, &faults), "")
			ctx := t.Context()
			saveDraft(t, s)
			faults.LoseCommit()
			if _, err := s.Publish(ctx, "eu", publication(0)); !errors.Is(err, sqlpricing.ErrOutcomeUnknown) {
				t.Fatalf("got %v, want ErrOutcomeUnknown", err)
			}
			if _, err := s.Publish(ctx, "eu", publication(0)); !errors.Is(err, pricing.ErrConflict) {
				t.Errorf("repeated: %v, want ErrConflict", err)
			}
			if got := versions(t, s); !slices.Equal(got, []uint64{1}) {
				t.Errorf("the versions are %v", got)
			}
		})
	}
}

type stateError string

func (e stateError) Error() string    { return "state " + string(e) }
func (e stateError) SQLState() string { return string(e) }

type codeError int

func (e codeError) Error() string { return fmt.Sprintf("code %d", int(e)) }
func (e codeError) Code() int     { return int(e) }

func TestWritesAreThoseOfTheCallersTransaction(t *testing.T) {
	t.Parallel()
	for _, db := range pricingDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			pool := db.open(t, db.dsn(t))
			outside := db.store(t, pool, "p_")
			rolledBack := writeInside(t, db, pool, outside)
			if err := rolledBack.Rollback(); err != nil {
				t.Fatal(err)
			}
			if _, err := outside.Draft(t.Context(), "eu"); !errors.Is(err, pricing.ErrNotFound) {
				t.Errorf("after a rollback, the draft is there: %v", err)
			}
			if got := versions(t, outside); len(got) > 0 {
				t.Errorf("after a rollback, the versions are %v", got)
			}
			committed := writeInside(t, db, pool, outside)
			if err := committed.Commit(); err != nil {
				t.Fatal(err)
			}
			if got := versions(t, outside); !slices.Equal(got, []uint64{1}) {
				t.Errorf("after a commit, the versions are %v", got)
			}
			complete(t, outside, 1)
		})
	}
}

// writeInside saves and publishes in a transaction, with a failure in between,
// and checks what can be seen inside and outside.
func writeInside(t *testing.T, db pricingDB, pool *sql.DB, outside pricing.Store) *sql.Tx {
	t.Helper()
	ctx := t.Context()
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	inside := db.new(t, tx, "p_")
	saveDraft(t, inside)
	if _, err := inside.Publish(ctx, "eu", publication(7)); !errors.Is(err, pricing.ErrConflict) {
		t.Fatalf("after a version that is not there: %v, want ErrConflict", err)
	}
	if _, err := inside.Publish(ctx, "eu", publication(0)); err != nil { // a conflict does not spoil the transaction
		t.Fatal(err)
	}
	if got := versions(t, inside); !slices.Equal(got, []uint64{1}) {
		t.Errorf("inside, the versions are %v", got)
	}
	complete(t, inside, 1)
	if got := versions(t, outside); len(got) > 0 {
		t.Errorf("outside, the versions are %v before the commit", got)
	}
	return tx
}

// A pool of one connection serves also those who write in a loop over what they read.
func TestAConnectionIsEnough(t *testing.T) {
	t.Parallel()
	for _, db := range pricingDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			pool, ctx := db.open(t, db.dsn(t)), t.Context()
			pool.SetMaxOpenConns(1)
			s := db.store(t, pool, "")
			saveDraft(t, s)
			if _, err := s.Publish(ctx, "eu", publication(0)); err != nil {
				t.Fatal(err)
			}
			pruneWhileReading(t, s)
			publishByConn(t, db, pool)
			if got := versions(t, s); !slices.Equal(got, []uint64{1, 2}) {
				t.Errorf("the versions are %v", got)
			}
		})
	}
}

// publishByConn publishes version 2 by a connection.
func publishByConn(t *testing.T, db pricingDB, pool *sql.DB) {
	t.Helper()
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := db.new(t, conn, "")
	if _, err := s.Publish(t.Context(), "eu", publication(1)); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func pruneWhileReading(t *testing.T, s pricing.Store) {
	t.Helper()
	ctx := t.Context()
	for h, err := range s.Heads(ctx, "eu", 0) {
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.Manifest(ctx, "eu", h.Version)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range s.Parts(ctx, "eu", m.Parts[:]) {
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Prune(ctx, "eu", 5, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestMigratorsTakeTurns(t *testing.T) {
	t.Parallel()
	for _, db := range pricingDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn := db.dsn(t)
			var wg sync.WaitGroup
			for range 4 {
				pool := db.open(t, dsn)
				wg.Go(func() {
					s, err := sqlpricing.New(pool, sqlpricing.Config{Dialect: db.dialect, Prefix: "p_"})
					if err == nil {
						err = s.Migrate(t.Context())
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			var n int
			row := db.open(t, dsn).QueryRowContext(t.Context(), "select count(*) from p_migrations where engine = 'pricing' and number = 1")
			if err := row.Scan(&n); err != nil || n != 1 {
				t.Errorf("the first step is there %d times, %v", n, err)
			}
		})
	}
}

func TestAMigrationThatWasEditedStopsBeforeAnyWrite(t *testing.T) {
	t.Parallel()
	for _, db := range pricingDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			pool := db.open(t, db.dsn(t))
			s := db.store(t, pool, "")
			for what, change := range map[string]string{
				"edited":               "update migrations set sha256 = 'another'",
				"of a newer program":   "insert into migrations (engine, number, name, sha256) values ('pricing', 2, 'newer', 'x')",
				"under another number": "update migrations set number = 2",
			} {
				if err := migrateAfter(t, db, pool, change); !errors.Is(err, sqlpricing.ErrMigration) {
					t.Errorf("%s: %v, want ErrMigration", what, err)
				}
			}
			if err := s.Migrate(t.Context()); err != nil {
				t.Errorf("as it was: %v", err)
			}
		})
	}
}

// migrateAfter drops a table, changes what the database remembers, migrates, and
// checks that the table was not made again; then all is as before.
func migrateAfter(t *testing.T, db pricingDB, pool *sql.DB, change string) error {
	t.Helper()
	ctx := t.Context()
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	exec := func(statement string) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec("drop table version_parts")
	exec(change)
	s := db.new(t, tx, "")
	migrated := s.Migrate(ctx)
	exec("create table version_parts (x integer)")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	return migrated
}

// Whatever keeps a set, the same query costs the same, and every step is the same.
//
// Invariant: pricing P1.
func TestAQuoteIsTheSameFromEveryStore(t *testing.T) {
	t.Parallel()
	stores := map[string]pricing.Store{"memory": pricing.NewMemoryStore()}
	for _, db := range pricingDBs() {
		stores[db.name] = db.store(t, db.open(t, db.dsn(t)), "")
	}
	books := make(map[string]*pricing.Book)
	for name, s := range stores {
		b, err := pricing.NewBook(s, "eu", pricing.BookConfig{})
		if err != nil {
			t.Fatal(err)
		}
		books[name] = b
	}
	version := uint64(0)
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		rs := pricingtest.RandomRules(r)
		direct, err := pricing.Compile(rs)
		if err != nil {
			continue // most seeds compile
		}
		var queries []pricing.Query
		for range 50 {
			queries = append(queries, pricingtest.RandomQuery(r, rs))
		}
		for name, b := range books {
			if err := samePrices(direct, storeAndRead(t, b, version, rs), queries); err != nil {
				t.Fatalf("seed %d: %s gives %v", seed, name, err)
			}
		}
		version++
	}
	if version < 15 {
		t.Errorf("only %d of 30 sets compile", version)
	}
}

// samePrices compares two snapshots of a set.
func samePrices(a, b *pricing.Snapshot, queries []pricing.Query) error {
	if a.Digest() != b.Digest() {
		return fmt.Errorf("digest %s, want %s", b.Digest(), a.Digest())
	}
	for i, q := range queries {
		want, wantErr := a.Price(q)
		got, gotErr := b.Price(q)
		got.Version = want.Version
		if diff := cmp.Diff(want, got, sameQuote()); diff != "" || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
			return fmt.Errorf("for query %d (-want +got):\n%s%v, want %v", i, diff, gotErr, wantErr) //nolint:errorlint // for reading
		}
	}
	return nil
}

// sameQuote compares amounts and rates by all their digits, errors by their words.
func sameQuote() cmp.Options {
	return cmp.Options{
		cmp.Comparer(func(a, b money.Amount) bool { return a == b }),
		cmp.Comparer(func(a, b money.Currency) bool { return a == b }),
		cmp.Comparer(func(a, b decimal.Decimal) bool { return a.String() == b.String() }),
		cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) }),
	}
}

// storeAndRead publishes rs as the version after version and reads it again.
func storeAndRead(t *testing.T, b *pricing.Book, version uint64, rs pricing.RuleSet) *pricing.Snapshot {
	t.Helper()
	ctx := t.Context()
	d, err := b.Save(ctx, pricing.Draft{Revision: version, Rules: rs})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Publish(ctx, pricing.Publication{Revision: d.Revision, After: version, Immediate: true}); err != nil {
		t.Fatal(err)
	}
	s, err := b.Snapshot(ctx, version+1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Two nodes with everything at its default.
func TestAChangeReachesEveryNode(t *testing.T) {
	t.Parallel()
	for _, db := range pricingDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn := db.dsn(t)
			b, err := pricing.NewBook(db.store(t, db.open(t, dsn), ""), "eu", pricing.BookConfig{})
			if err != nil {
				t.Fatal(err)
			}
			release(t, b, 1, pricing.Publication{Immediate: true})
			nodes := []*pricing.Engine{startNode(t, db, dsn), startNode(t, db, dsn)}
			await(t, nodes, func(e *pricing.Engine) bool { return inForce(e) == 1 })

			published := time.Now()
			release(t, b, 2, pricing.Publication{Immediate: true})
			armed := release(t, b, 3, pricing.Publication{}) // with the lead
			await(t, nodes, func(e *pricing.Engine) bool { return inForce(e) == 2 })
			took := time.Since(published)
			t.Logf("an immediate change was on both nodes after %v", took.Round(time.Millisecond))
			if took >= 30*time.Second {
				t.Errorf("it took %v, want less than 30 s", took)
			}
			await(t, nodes, func(e *pricing.Engine) bool { _, ok := e.AtVersion(3); return ok })
			if early := time.Until(armed.EffectiveFrom); early < 7*time.Second { // what an engine counts on
				t.Errorf("the armed version was on both nodes only %v ahead", early)
			}
			for i, e := range nodes {
				if err := flips(e, query(t, armed.EffectiveFrom), 2, 3); err != nil {
					t.Errorf("node %d: %v", i, err)
				}
			}
		})
	}
}

// flips checks that q costs what the version before says a second before its
// time, and what the version after says at it.
func flips(e *pricing.Engine, q pricing.Query, before, after uint64) error {
	flip := q.At
	q.At = time.Time{}
	if now, err := e.Price(q); err != nil || now.Unsure {
		return fmt.Errorf("now: unsure %v, %w", now.Unsure, err)
	}
	for _, c := range []struct {
		at   time.Time
		want uint64
	}{{flip.Add(-time.Second), before}, {flip, after}} {
		q.At = c.at
		got, err := e.Price(q)
		if price := fmt.Sprintf("%d.00", c.want); err != nil || got.Version != c.want || got.Unit.Text() != price {
			return fmt.Errorf("at %v: %v of version %d, %w; want %s of version %d", c.at, got.Unit, got.Version, err, price, c.want)
		}
	}
	return nil
}

// startNode starts an engine and its source on a pool of its own.
func startNode(t *testing.T, db pricingDB, dsn string) *pricing.Engine {
	t.Helper()
	e, err := pricing.New(pricing.Config{})
	if err != nil {
		t.Fatal(err)
	}
	store := db.new(t, db.open(t, dsn), "")
	source, err := pricing.NewSource(store, "eu", e, pricing.SourceConfig{OnError: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return e
}

// await returns when all nodes are so, and fails the test after 30 s.
func await(t *testing.T, nodes []*pricing.Engine, so func(*pricing.Engine) bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if !slices.ContainsFunc(nodes, func(e *pricing.Engine) bool { return !so(e) }) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("no change after 30 s")
		}
	}
}

func inForce(e *pricing.Engine) uint64 {
	s, err := e.At(time.Time{})
	if err != nil {
		return 0
	}
	return s.Version()
}

// release saves and publishes version v, in which p costs v euros.
func release(t *testing.T, b *pricing.Book, v uint64, p pricing.Publication) pricing.Head {
	t.Helper()
	rs, err := pricing.ParseRules(fmt.Appendf(nil,
		`{"rules": [{"id": "p", "kind": "base", "on": {"product": "p"}, "currency": "EUR", "amount": "%d.00"}]}`, v))
	if err != nil {
		t.Fatal(err)
	}
	d, err := b.Save(t.Context(), pricing.Draft{Revision: v - 1, Rules: rs})
	if err != nil {
		t.Fatal(err)
	}
	p.Revision, p.After = d.Revision, v-1
	h, err := b.Publish(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func query(t *testing.T, at time.Time) pricing.Query {
	t.Helper()
	q, err := pricing.ParseQuery([]byte(`{"product": "p", "currency": "EUR"}`))
	if err != nil {
		t.Fatal(err)
	}
	q.At = at
	return q
}

// saveDraft saves the first draft of a book.
func saveDraft(t *testing.T, s pricing.Store) {
	t.Helper()
	rs, _ := pricingtest.Workload(100, 1)
	if _, err := s.SaveDraft(t.Context(), "eu", pricing.Draft{Rules: rs}); err != nil {
		t.Fatal(err)
	}
}

// publication is one of the first revision.
func publication(after uint64) pricing.Publication {
	at := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	return pricing.Publication{Revision: 1, After: after, At: at, EffectiveFrom: at.Add(time.Minute)}
}

func versions(t *testing.T, s pricing.Store) []uint64 {
	t.Helper()
	var list []uint64
	for h, err := range s.Heads(t.Context(), "eu", 0) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, h.Version)
	}
	return list
}

// complete checks that a version can be read and compiled.
func complete(t *testing.T, s pricing.Store, version uint64) {
	t.Helper()
	b, err := pricing.NewBook(s, "eu", pricing.BookConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Snapshot(t.Context(), version); err != nil {
		t.Error(err)
	}
}
