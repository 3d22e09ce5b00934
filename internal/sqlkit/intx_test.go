package sqlkit_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/sqlkit"
)

var errStore = errors.New("a store's error")

// contention is an error by which another transaction is in the way.
func contention(d sqlkit.Dialect) error {
	if d == sqlkit.PostgreSQL {
		return pgError("40001")
	}
	return liteError(5)
}

// onPools runs test with InTx's own transactions: in both dialects, on a *sql.DB
// and on a *sql.Conn. Time in it is synctest's.
func onPools(t *testing.T, test func(f *fake, kit *sqlkit.Kit)) {
	t.Helper()
	for _, d := range []sqlkit.Dialect{sqlkit.PostgreSQL, sqlkit.SQLite} {
		t.Run(d.String()+"/DB", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, db := newFake(t, d)
				test(f, newKit(t, db, d))
			})
		})
		t.Run(d.String()+"/Conn", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, db := newFake(t, d)
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := conn.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
						t.Error(err)
					}
				})
				test(f, newKit(t, conn, d))
			})
		})
	}
}

// watch returns a function that returns the time since watch was called.
func watch() (elapsed func() time.Duration) {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

// put returns a function for InTx that adds facts and then returns result.
func put(result error, facts ...string) func(context.Context, sqlkit.DB) error {
	return func(ctx context.Context, tx sqlkit.DB) error {
		for _, fact := range facts {
			if _, err := tx.ExecContext(ctx, "put "+fact); err != nil {
				return fmt.Errorf("put %s: %w", fact, err)
			}
		}
		return result
	}
}

func checkFacts(f *fake, want ...string) {
	f.Helper()
	if diff := cmp.Diff(want, f.committed()); diff != "" {
		f.Errorf("facts (-want +got):\n%s", diff)
	}
}

// checkUsable shows that no transaction was left open: what is put now counts.
func checkUsable(f *fake, kit *sqlkit.Kit) {
	f.Helper()
	before := f.committed()
	if err := kit.InTx(context.WithoutCancel(f.Context()), put(nil, "later")); err != nil {
		f.Fatalf("the next transaction: %v", err)
	}
	checkFacts(f, append(before, "later")...)
}

func TestCommitMakesAllVisibleAtOnce(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		err := kit.InTx(f.Context(), func(ctx context.Context, tx sqlkit.DB) error {
			err := put(nil, "a", "b")(ctx, tx)
			checkFacts(f)
			return err
		})
		if err != nil {
			f.Fatal(err)
		}
		checkFacts(f, "a", "b")
		checkUsable(f, kit)
	})
}

func TestTransactionIsBegunAsTheDialectNeedsIt(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		if err := kit.InTx(f.Context(), put(nil)); err != nil {
			f.Fatal(err)
		}
		want := "begin read committed"
		if kit.Dialect() == sqlkit.SQLite {
			want = "begin immediate"
		}
		if f.statements(want) != 1 {
			f.Errorf("sent %q, want %q first", f.log, want)
		}
	})
}

func TestFailureAtAnyStatementLeavesNothing(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		refused := error(liteError(13)) // the disk is full
		if kit.Dialect() == sqlkit.PostgreSQL {
			refused = pgError("53100")
		}
		for n := range 4 { // begin, put, put, commit
			f.fault(fault{skip: n, err: refused})
			if err := kit.InTx(f.Context(), put(nil, "a", "b")); !errors.Is(err, refused) || errors.Is(err, sqlkit.ErrOutcomeUnknown) {
				f.Errorf("statement %d: %v, want %v", n, err, refused)
			}
			checkFacts(f)
		}
		if err := kit.InTx(f.Context(), put(errStore, "a")); !errors.Is(err, errStore) {
			f.Errorf("fn: %v, want its error", err)
		}
		checkFacts(f)
		checkUsable(f, kit)
	})
}

func TestPanicAndGoexitRollBack(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		func() {
			defer func() {
				if got := recover(); got != "boom" {
					f.Errorf("recovered %v, want the panic", got)
				}
			}()
			err := kit.InTx(f.Context(), func(ctx context.Context, tx sqlkit.DB) error {
				panic(fmt.Sprint("boom", put(nil, "a")(ctx, tx))[:4])
			})
			f.Errorf("returned %v", err)
		}()
		var wg sync.WaitGroup
		wg.Go(func() {
			err := kit.InTx(f.Context(), func(ctx context.Context, tx sqlkit.DB) error {
				if err := put(nil, "a")(ctx, tx); err != nil {
					return err
				}
				runtime.Goexit()
				return nil
			})
			f.Errorf("returned %v", err)
		})
		wg.Wait()
		checkFacts(f)
		checkUsable(f, kit)
	})
}

func TestEndedContextRollsBackWithItsCause(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		cause := errors.New("the customer left")
		for _, at := range []string{"begin", "put a", "put b"} {
			ctx, cancel := context.WithCancelCause(f.Context())
			f.fault(fault{on: at, do: func(context.Context) { cancel(cause) }})
			if err := kit.InTx(ctx, put(nil, "a", "b")); !errors.Is(err, cause) {
				f.Errorf("during %s: %v, want %v", at, err, cause)
			}
			checkFacts(f)
		}
		ctx, cancel := context.WithCancelCause(f.Context())
		err := kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error {
			defer cancel(cause)
			return put(nil, "a", "b")(ctx, tx)
		})
		if !errors.Is(err, cause) || f.statements("commit") != 0 {
			f.Errorf("before commit: %v with %d commits, want %v", err, f.statements("commit"), cause)
		}
		if err := kit.InTx(ctx, put(nil)); !errors.Is(err, cause) {
			f.Errorf("before begin: %v, want %v", err, cause)
		}
		checkFacts(f)
		checkUsable(f, kit)
	})
}

func TestTransactionBegunAsTheContextEndedIsNotLeftOpen(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		if kit.Dialect() == sqlkit.PostgreSQL {
			return // database/sql begins it, and sees to that
		}
		cause := errors.New("the customer left")
		ctx, cancel := context.WithCancelCause(f.Context())
		f.fault(fault{on: "begin", do: func(context.Context) { cancel(cause) }, err: context.Canceled, late: true})
		if err := kit.InTx(ctx, put(nil, "a")); !errors.Is(err, cause) {
			f.Errorf("%v, want %v", err, cause)
		}
		checkUsable(f, kit)
	})
}

func TestContentionIsRepeatedFromTheStart(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		for _, at := range []string{"begin", "put", "commit"} {
			f.fault(fault{on: at, times: 3, err: contention(kit.Dialect())})
			elapsed := watch()
			if err := kit.InTx(f.Context(), put(nil, at)); err != nil {
				f.Errorf("at %s: %v", at, err)
			}
			if got, want := elapsed(), (5+10+20)*time.Millisecond/2; got != want {
				f.Errorf("at %s: waited %v, want half of 5, 10 and 20 ms", at, got)
			}
		}
		checkFacts(f, "begin", "put", "commit")
	})
}

func TestContentionThatLastsIsGivenUp(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		want := contention(kit.Dialect())
		f.fault(fault{on: "put", times: 1000, err: want})
		elapsed := watch()
		err := kit.InTx(f.Context(), put(nil, "a"))
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "after 8 attempts") || f.statements("begin") != 8 {
			f.Errorf("%v with %d attempts, want 8", err, f.statements("begin"))
		}
		if got, limit := elapsed(), (5+10+20+40+80+160+320)*time.Millisecond/2; got != limit {
			f.Errorf("waited %v, want %v", got, limit)
		}
		checkFacts(f)
	})
}

func TestWaitForARepeatEndsWithTheContext(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		cause := errors.New("too late")
		ctx, cancel := context.WithTimeoutCause(f.Context(), 3*time.Millisecond, cause) // in the second wait, of 5 ms
		defer cancel()
		f.fault(fault{on: "put", times: 1000, err: contention(kit.Dialect())})
		elapsed := watch()
		err := kit.InTx(ctx, put(nil, "a"))
		if !errors.Is(err, cause) || !errors.Is(err, contention(kit.Dialect())) {
			f.Errorf("%v, want the cause and the last error", err)
		}
		if got := elapsed(); got != 3*time.Millisecond {
			f.Errorf("returned after %v, want 3 ms", got)
		}
	})
}

func TestLostCommitIsReportedAndNotRepeated(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		lost := []error{errors.New("connection reset"), liteError(10 | 4<<8), driver.ErrBadConn}
		if kit.Dialect() == sqlkit.PostgreSQL {
			lost = []error{errors.New("connection reset"), pgError("57P01"), pgError("08006"), pgError("40003"), driver.ErrBadConn}
		}
		for n, err := range lost {
			fact := fmt.Sprint("fact", string(rune('a'+n)))
			stands := n%2 == 0
			f.fault(fault{on: "commit", err: err, late: stands})
			before := f.committed()
			calls := 0
			got := kit.InTx(f.Context(), func(ctx context.Context, tx sqlkit.DB) error {
				calls++
				return put(nil, fact)(ctx, tx)
			})
			if !errors.Is(got, sqlkit.ErrOutcomeUnknown) || !errors.Is(got, err) || calls != 1 {
				f.Errorf("%v: got %v after %d calls, want one and ErrOutcomeUnknown", err, got, calls)
			}
			if stands {
				before = append(before, fact)
			}
			checkFacts(f, before...)
		}
	})
}

func TestRefusedCommitIsAKnownOutcome(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		refused := error(liteError(787)) // a foreign key, checked late
		if kit.Dialect() == sqlkit.PostgreSQL {
			refused = pgError("23503")
		}
		f.fault(fault{on: "commit", err: refused})
		if err := kit.InTx(f.Context(), put(nil, "a")); !errors.Is(err, refused) || errors.Is(err, sqlkit.ErrOutcomeUnknown) {
			f.Errorf("%v, want %v and a known outcome", err, refused)
		}
		checkFacts(f)
		checkUsable(f, kit)
	})
}

func TestCommitIsWaitedForAfterTheContext(t *testing.T) {
	t.Parallel()
	for answer, want := range map[time.Duration]error{4 * time.Second: nil, 6 * time.Second: sqlkit.ErrOutcomeUnknown} {
		onPools(t, func(f *fake, kit *sqlkit.Kit) {
			ctx, cancel := context.WithCancel(f.Context())
			f.fault(fault{on: "commit", do: func(ctx context.Context) {
				cancel()
				wait, stop := context.WithTimeout(ctx, answer)
				defer stop()
				<-wait.Done()
			}})
			elapsed := watch()
			if err := kit.InTx(ctx, put(nil, "a")); !errors.Is(err, want) {
				f.Errorf("answer after %v: %v, want %v", answer, err, want)
			}
			if got, limit := elapsed(), min(answer, 5*time.Second); got != limit {
				f.Errorf("answer after %v: returned after %v, want %v", answer, got, limit)
			}
		})
	}
}

func TestConnectionThatCannotBeRolledBackIsClosed(t *testing.T) {
	t.Parallel()
	for _, d := range []sqlkit.Dialect{sqlkit.PostgreSQL, sqlkit.SQLite} {
		f, db := newFake(t, d)
		kit := newKit(t, db, d)
		f.fault(fault{on: "rollback", err: errors.New("no answer")})
		if err := kit.InTx(t.Context(), put(errStore, "a")); !errors.Is(err, errStore) {
			t.Errorf("%v: %v, want fn's error", d, err)
		}
		if f.conns != 0 {
			t.Errorf("%v: %d connections are open, one with a transaction", d, f.conns)
		}
		checkUsable(f, kit)
	}
}

func TestSQLiteMayRollBackOfItsOwnAccord(t *testing.T) {
	t.Parallel()
	f, db := newFake(t, sqlkit.SQLite)
	kit := newKit(t, db, sqlkit.SQLite)
	full := liteError(13)
	f.fault(fault{on: "put b", err: full, drop: true})
	if err := kit.InTx(t.Context(), put(nil, "a", "b")); !errors.Is(err, full) {
		t.Errorf("%v, want %v", err, full)
	}
	checkFacts(f)
	if f.conns != 1 {
		t.Errorf("%d connections, want the one, which is as good as new", f.conns)
	}
	checkUsable(f, kit)
}

func TestConnectionThatDiedInThePoolIsReplaced(t *testing.T) {
	t.Parallel()
	for _, d := range []sqlkit.Dialect{sqlkit.PostgreSQL, sqlkit.SQLite} {
		f, db := newFake(t, d)
		f.fault(fault{on: "begin", times: 2, err: driver.ErrBadConn})
		if err := newKit(t, db, d).InTx(t.Context(), put(nil, "a")); err != nil {
			t.Errorf("%v: %v", d, err)
		}
		checkFacts(f, "a")
	}
}

func TestSQLiteWritersTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, db := newFake(t, sqlkit.SQLite)
		kit := newKit(t, db, sqlkit.SQLite)
		err := kit.InTx(t.Context(), func(ctx context.Context, tx sqlkit.DB) error {
			ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			defer cancel()
			other := kit.InTx(ctx, put(nil, "b")) // on a connection of its own
			if !errors.Is(other, liteError(5)) {
				t.Errorf("a second writer got %v, want busy", other)
			}
			return put(nil, "a")(context.WithoutCancel(ctx), tx)
		})
		if err != nil {
			t.Error(err)
		}
		checkFacts(f, "a")
	})
}
