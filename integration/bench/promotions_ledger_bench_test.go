package bench_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/integration/dbtest"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/sqlpromotions"
)

// The account for which everybody queues, and a limit that never refuses.
const (
	hotAccount = "promotion/hot/uses"
	hotLimit   = 1 << 50
	reservers  = 64 // goroutines
)

// hotResult is what each order takes: one use of the hot promotion.
func hotResult() promotions.Result {
	eur := money.MustISO("EUR")
	m := func(minor int64) money.Amount { return money.New(minor, eur) }
	r := promotions.Result{
		Subtotal: m(1000), Discount: m(100), Total: m(900), Net: m(900), Tax: m(0), Gross: m(900), Optimal: true, Bound: m(100),
		Applied: []promotions.Application{{
			Promotion: "hot", Stage: "default", Amount: m(100), Times: 1,
			Shares: []promotions.Share{{Target: "l", To: 1, Amount: m(100), Net: m(100), Tax: m(0)}},
		}},
		Debits: []promotions.Debit{{Promotion: "hot", Account: hotAccount, Unit: promotions.UnitUses, Amount: 1, Limit: hotLimit}},
	}
	r.Fingerprint[0] = 1
	return r
}

// together has 64 goroutines do what is to be done n times, and returns how often
// that was in a second.
func together(b *testing.B, n int, do func(i int64) error) (perSecond float64) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range reservers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(start).Seconds()
}

// BenchmarkReserveHot measures reservations on one promotion, beside a ledger that
// locks the account's row, checks, and writes the same rows, one transaction for
// each, on the same pool. Commits are on the disk.
func BenchmarkReserveHot(b *testing.B) {
	b.Run("store=memory", func(b *testing.B) {
		reserveHot(b, promotions.NewMemoryStore(), nil)
	})
	b.Run("store=SQLite", func(b *testing.B) {
		db := dbtest.SQLite(b)
		reserveHot(b, sqlStore(b, db, sqlpromotions.SQLite), rowLock{db, "begin immediate", readHot}.reserve)
	})
	b.Run("store=PostgreSQL", func(b *testing.B) {
		dbtest.Durable(b)
		db := dbtest.PostgreSQL(b)
		reserveHot(b, sqlStore(b, db, sqlpromotions.PostgreSQL), rowLock{db, "begin", readHot + " for update"}.reserve)
	})
}

func sqlStore(b *testing.B, db *sql.DB, dialect sqlpromotions.Dialect) promotions.Store {
	b.Helper()
	pool := reservers
	if dialect == sqlpromotions.SQLite {
		pool = 4 // one writes at a time, and who polls for its lock among many may never get it
	}
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	s, err := sqlpromotions.New(db, sqlpromotions.Config{Dialect: dialect})
	if err == nil {
		err = s.Migrate(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func reserveHot(b *testing.B, s promotions.Store, peer func(ctx context.Context, key string, r promotions.Result) error) {
	b.Helper()
	l, err := promotions.New(s, promotions.Config{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, result := b.Context(), hotResult()
	if _, err := l.Reserve(ctx, "first", result); err != nil {
		b.Fatal(err)
	}
	run := time.Now().UnixNano() // keys differ from one run of a benchmark to the next
	b.ResetTimer()
	ours := together(b, b.N, func(i int64) error {
		_, err := l.Reserve(ctx, fmt.Sprintf("ours-%d-%d", run, i), result)
		return err
	})
	b.StopTimer()
	b.ReportMetric(ours, "attempts/s")
	if peer == nil {
		return
	}
	theirs := together(b, b.N, func(i int64) error { return peer(ctx, fmt.Sprintf("peer-%d-%d", run, i), result) })
	b.ReportMetric(theirs, "forupdate/s")
	b.ReportMetric(ours/theirs, "x-forupdate")
	accounts, err := l.Balances(ctx, []string{hotAccount})
	if want := int64(2*b.N + 1); err != nil || accounts[0].Reserved < want {
		b.Errorf("reserved are %v, %v, want at least %d", accounts, err, want)
	}
}

// A rowLock is a ledger as it is usually written. It asks for what it needs and no
// more, and is told that the account is there.
type rowLock struct {
	db          *sql.DB
	begin, read string
}

const readHot = "select reserved, committed from accounts where id = $1"

func (p rowLock) reserve(ctx context.Context, key string, r promotions.Result) (err error) {
	result, err := r.MarshalJSON()
	if err != nil {
		return err
	}
	debits, err := json.Marshal(r.Debits)
	if err != nil {
		return err
	}
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, p.begin); err != nil {
		return err
	}
	end := "rollback"
	defer func() {
		_, failed := conn.ExecContext(ctx, end)
		err = errors.Join(err, failed)
	}()
	var reserved, committed int64
	row := conn.QueryRowContext(ctx, p.read, hotAccount)
	if err := row.Scan(&reserved, &committed); err != nil {
		return err
	}
	if reserved+committed+1 > hotLimit {
		return promotions.ErrLimit
	}
	if _, err := conn.ExecContext(ctx, "update accounts set reserved = $1 where id = $2", reserved+1, hotAccount); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `insert into entries (entry_key, version, state, fingerprint, debits, reversals, result, expires)
values ($1, 1, 'RESERVED', $2, $3, '[]', $4, $5)`, []byte(key), r.Fingerprint[:], string(debits), result, time.Now().Add(15*time.Minute).UnixMicro())
	if err == nil {
		end = "commit"
	}
	return err
}
