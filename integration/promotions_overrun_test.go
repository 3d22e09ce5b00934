package integration_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest"
	"github.com/tenon-go/tenon/promotions/sqlpromotions"
)

// The environment of a worker process: which database it is, where, how the worker
// is called, its seed, and when the clock of all workers began.
const (
	workerDB    = "TENON_WORKER_DB"
	workerDSN   = "TENON_WORKER_DSN"
	workerName  = "TENON_WORKER_NAME"
	workerSeed  = "TENON_WORKER_SEED"
	workerEpoch = "TENON_WORKER_EPOCH"
)

// overrunOf is the attack of all workers. Their clock runs faster than the world's,
// so that reservations of a second expire after 50 ms.
func overrunOf(name string, seed uint64, epoch time.Time) promotionstest.Overrun {
	const factor = 20
	return promotionstest.Overrun{
		Name: name, Seed: seed, Goroutines: 16, Uses: 40, Budget: 2500,
		Now: func() time.Time { return epoch.Add(factor * time.Since(epoch)) },
	}
}

// TestPromotionsWorker is what the worker processes run: an attack that only its end
// by force stops. It writes a line for each receipt.
func TestPromotionsWorker(t *testing.T) {
	name := os.Getenv(workerName)
	if name == "" {
		t.Skip("not a worker process")
	}
	seed, err1 := strconv.ParseUint(os.Getenv(workerSeed), 10, 64)
	epoch, err2 := strconv.ParseInt(os.Getenv(workerEpoch), 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	o := overrunOf(name, seed, time.UnixMicro(epoch))
	o.Attempts = 1 << 60
	o.Observe = func(key string, state promotions.State, cents int64) {
		if _, err := fmt.Fprintf(os.Stdout, "receipt %s %d %s\n", key, cents, state); err != nil {
			t.Error(err)
		}
	}
	for _, db := range promotionsDBs() {
		if db.name == os.Getenv(workerDB) {
			pool := db.open(t, os.Getenv(workerDSN))
			pool.SetMaxOpenConns(3) // in its short life a worker would else do nothing but connect
			_, err := o.Attack(t.Context(), db.new(t, pool, ""))
			t.Fatal(err)
		}
	}
	t.Fatal("no such database")
}

// Four processes attack one ledger, and each is killed again and again, wherever it
// stands.
//
// Invariant: promotions L1.
// Invariant: promotions L2.
// Invariant: promotions L4.
func TestNoLimitIsOverrunByProcessesThatAreKilled(t *testing.T) {
	skipUnderRace(t)
	if testing.Short() {
		t.Skip("it takes a while")
	}
	attempts := 5_000 // what the gate has time for
	if text := os.Getenv("TENON_OVERRUN_ATTEMPTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		attempts = n
	}
	for _, db := range promotionsDBs() {
		t.Run(db.name, func(t *testing.T) {
			b := &battle{db: db, dsn: db.dsn(t), attempts: int64(attempts), epoch: time.Now(), seed: uint64(time.Now().UnixNano()), cents: make(map[string]int64)}
			t.Logf("seed %d", b.seed)
			b.fight(t)
		})
	}
}

// A battle is the attack of the workers on one database, as their parent sees it.
type battle struct {
	db       promotionsDB
	dsn      string
	attempts int64
	epoch    time.Time
	seed     uint64

	receipts, tries, kills, audits atomic.Int64

	mu    sync.Mutex
	cents map[string]int64 // committed, by the last receipt of an order
}

func (b *battle) fight(t *testing.T) {
	t.Helper()
	pool := b.db.open(t, b.dsn)
	b.db.store(t, pool, "") // makes the tables
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(b.seed, uint64(i))) //nolint:gosec // i is small
			for ctx.Err() == nil && b.tries.Load() < b.attempts {
				if err := b.life(ctx, fmt.Sprintf("w%d", i), r); err != nil {
					t.Errorf("worker %d: %v", i, err)
					cancel()
				}
			}
		})
	}
	wg.Go(func() {
		const audits = 100
		for n := int64(1); ctx.Err() == nil && b.tries.Load() < b.attempts; time.Sleep(time.Millisecond) {
			if b.tries.Load() < n*b.attempts/audits {
				continue
			}
			n = b.tries.Load()*audits/b.attempts + 1
			if err := b.audit(ctx, pool); err != nil {
				t.Errorf("after %d attempts: %v", b.tries.Load(), err)
				cancel()
			}
		}
	})
	wg.Wait()
	b.conclude(t, pool)
	t.Logf("%s: %d attempts, %d receipts, %d kills, %d audits in %v", b.db.name, b.tries.Load(), b.receipts.Load(), b.kills.Load(), b.audits.Load(), time.Since(b.epoch).Round(time.Millisecond))
}

// life is one worker from its start until it is killed, 20 to 200 ms after its first
// attempt.
func (b *battle) life(ctx context.Context, name string, r *rand.Rand) error {
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestPromotionsWorker$", "-test.timeout=5m") //nolint:gosec // this program
	cmd.Env = append(os.Environ(), workerDB+"="+b.db.name, workerDSN+"="+b.dsn, workerName+"="+name,
		workerSeed+"="+strconv.FormatUint(r.Uint64(), 10), workerEpoch+"="+strconv.FormatInt(b.epoch.UnixMicro(), 10))
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(stdout)
	var other []string
	for first := true; lines.Scan(); {
		if !b.receipt(lines.Text()) {
			other = append(other, lines.Text())
			continue
		}
		if first {
			first = false
			wait := 20*time.Millisecond + time.Duration(r.Int64N(int64(180*time.Millisecond)))
			timer := time.AfterFunc(wait, func() { _ = cmd.Process.Kill() }) // it may have ended by itself, which is found out below
			defer timer.Stop()
		}
	}
	err = cmd.Wait()
	if ctx.Err() == nil && !strings.Contains(fmt.Sprint(err), "killed") {
		return fmt.Errorf("it was not killed: %w\n%s", err, strings.Join(other, "\n"))
	}
	b.kills.Add(1)
	return nil
}

// receipt takes in a worker's line.
func (b *battle) receipt(line string) bool {
	fields := strings.Split(line, " ") // the state may be empty
	if len(fields) != 4 || fields[0] != "receipt" {
		return false
	}
	cents, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return false
	}
	b.receipts.Add(1)
	switch state := promotions.State(fields[3]); state {
	case "", promotions.Reserved:
		b.tries.Add(1)
	case promotions.Committed, promotions.Reversed:
		b.mu.Lock()
		b.cents[fields[1]] = cents
		b.mu.Unlock()
	case promotions.Released, promotions.Expired:
	}
	return true
}

// audit reads accounts and entries as they were at one moment.
func (b *battle) audit(ctx context.Context, pool *sql.DB) (err error) {
	opts := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	if b.db.dialect == sqlpromotions.SQLite {
		opts = nil // its transactions are that by themselves
	}
	tx, err := pool.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	s, err := sqlpromotions.New(tx, sqlpromotions.Config{Dialect: b.db.dialect})
	if err != nil {
		return err
	}
	b.audits.Add(1)
	return overrunOf("audit", 0, b.epoch).Audit(ctx, s)
}

// conclude checks the end: the sums, each receipt, and that a sweep gives back all
// that the dead had reserved.
func (b *battle) conclude(t *testing.T, pool *sql.DB) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	s := b.db.new(t, pool, "")
	if err := b.audit(ctx, pool); err != nil {
		t.Error(err)
	}
	seen := 0
	for e, err := range s.Entries(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		said, known := b.cents[e.Key]
		if !known {
			continue
		}
		seen++
		has := centsOf(t, e)
		// What a worker was about to say when it was killed is not known: it can only have reversed more.
		if e.State != promotions.Committed && e.State != promotions.Reversed || has > said {
			t.Errorf("%s is %s with %d cents, the last receipt said %d", e.Key, e.State, has, said)
		}
	}
	if seen != len(b.cents) {
		t.Errorf("of %d orders with a receipt of their commit %d are there", len(b.cents), seen)
	}
	later := time.Now().Add(24 * time.Hour)
	l, err := promotions.New(s, promotions.Config{Now: func() time.Time { return later.Add(time.Hour * 24 * 365) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Sweep(ctx, 100_000); err != nil {
		t.Fatal(err)
	}
	accounts, err := l.Balances(ctx, []string{"code/HOT/uses", "promotion/hot/budget"})
	if err != nil || accounts[0].Reserved+accounts[1].Reserved != 0 {
		t.Errorf("after a sweep: %v, %v", accounts, err)
	}
	if err := b.audit(ctx, pool); err != nil {
		t.Error(err)
	}
}

// centsOf is what an entry has of the budget once it is committed.
func centsOf(t *testing.T, e promotions.Entry) int64 {
	t.Helper()
	var cents int64
	for _, d := range e.Debits {
		if d.Unit != promotions.UnitUses {
			cents += d.Amount
		}
	}
	for _, r := range e.Reversals {
		for _, amount := range r.Amounts {
			n, ok := amount.Minor()
			if !ok {
				t.Errorf("%s reverses %s", e.Key, amount)
			}
			cents -= n
		}
	}
	return cents
}
