package sqlkit_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/tenon-go/tenon/internal/sqlkit"
)

// inCallersTx runs test in both dialects in a caller's transaction that has put
// "mine", and then commits it.
func inCallersTx(t *testing.T, test func(f *fake, kit *sqlkit.Kit), want ...string) {
	t.Helper()
	for _, d := range []sqlkit.Dialect{sqlkit.PostgreSQL, sqlkit.SQLite} {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			f, db := newFake(t, d)
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := put(nil, "mine")(t.Context(), tx); err != nil {
				t.Fatal(err)
			}
			test(f, newKit(t, tx, d))
			checkFacts(f)
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			checkFacts(f, append([]string{"mine"}, want...)...)
		})
	}
}

func TestCallersTransactionIsCommittedByItsCaller(t *testing.T) {
	t.Parallel()
	inCallersTx(t, func(f *fake, kit *sqlkit.Kit) {
		for _, fact := range []string{"a", "b"} {
			if err := kit.InTx(f.Context(), put(nil, fact)); err != nil {
				f.Error(err)
			}
		}
	}, "a", "b")
}

func TestCallersTransactionGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	inCallersTx(t, func(f *fake, kit *sqlkit.Kit) {
		full := errors.New("disk full")
		for n := range 3 { // savepoint, put, put
			if n == 0 && kit.Dialect() == sqlkit.PostgreSQL {
				continue // a caller's transaction is over where not even a savepoint can be set
			}
			f.fault(fault{skip: n, err: full})
			if err := kit.InTx(f.Context(), put(nil, "a", "b")); !errors.Is(err, full) {
				f.Errorf("statement %d: %v, want %v", n, err, full)
			}
		}
		if err := kit.InTx(f.Context(), put(nil, "a", "mine")); !kit.IsUnique(err) {
			f.Errorf("a fact that is there: %v, want the driver's error", err)
		}
		if err := kit.InTx(f.Context(), put(errStore, "a")); !errors.Is(err, errStore) {
			f.Errorf("%v, want fn's error", err)
		}
		if err := kit.InTx(f.Context(), put(nil, "b")); err != nil {
			f.Error(err)
		}
	}, "b")
}

func TestCallersTransactionIsNotRepeated(t *testing.T) {
	t.Parallel()
	inCallersTx(t, func(f *fake, kit *sqlkit.Kit) {
		want := contention(kit.Dialect())
		f.fault(fault{on: "put", err: want})
		if err := kit.InTx(f.Context(), put(nil, "a")); !errors.Is(err, want) {
			f.Errorf("%v, want the driver's error", err)
		}
		if n := f.statements("savepoint"); n != 1 {
			f.Errorf("fn ran %d times, want once", n)
		}
	})
}

func TestCallersTransactionOutlivesPanicAndEndedContext(t *testing.T) {
	t.Parallel()
	inCallersTx(t, func(f *fake, kit *sqlkit.Kit) {
		func() {
			defer func() {
				if got := recover(); fmt.Sprint(got) != errStore.Error() {
					f.Errorf("recovered %v, want the panic", got)
				}
			}()
			err := kit.InTx(f.Context(), func(ctx context.Context, tx sqlkit.DB) error {
				panic(put(errStore, "a")(ctx, tx))
			})
			f.Errorf("returned %v", err)
		}()
		cause := errors.New("the customer left")
		for _, at := range []string{"put b", "put nothing"} {
			ctx, cancel := context.WithCancelCause(f.Context())
			f.fault(fault{on: at, do: func(context.Context) { cancel(cause) }})
			err := kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error {
				defer cancel(cause)
				return put(nil, "a", "b")(ctx, tx)
			})
			if !errors.Is(err, cause) {
				f.Errorf("at %s: %v, want %v", at, err, cause)
			}
		}
	})
}

func TestSavepointsNest(t *testing.T) {
	t.Parallel()
	inCallersTx(t, func(f *fake, kit *sqlkit.Kit) {
		err := kit.InTx(f.Context(), func(ctx context.Context, tx sqlkit.DB) error {
			if err := put(nil, "a")(ctx, tx); err != nil {
				return err
			}
			inner := sqlkit.Savepoint(ctx, tx, func(ctx context.Context, tx sqlkit.DB) error {
				if err := sqlkit.Savepoint(ctx, tx, put(nil, "b")); err != nil {
					f.Error(err)
				}
				return errStore
			})
			if !errors.Is(inner, errStore) {
				f.Errorf("%v, want the inner error", inner)
			}
			return put(nil, "c")(ctx, tx)
		})
		if err != nil {
			f.Error(err)
		}
	}, "a", "c")
}

func TestSavepointUndoesWithinOwnTransaction(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		err := kit.InTx(f.Context(), func(ctx context.Context, tx sqlkit.DB) error {
			if err := put(nil, "a")(ctx, tx); err != nil {
				return err
			}
			if err := sqlkit.Savepoint(ctx, tx, put(nil, "b", "a")); !kit.IsUnique(err) {
				f.Errorf("%v, want the driver's error", err)
			}
			return put(nil, "c")(ctx, tx)
		})
		if err != nil {
			f.Error(err)
		}
		checkFacts(f, "a", "c")
	})
}

func TestCallersTransactionEndsWhereItsSavepointIsLost(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for name, faults := range map[string][]fault{
		"dropped":       {{on: "put a", err: full, drop: true}},
		"not restored":  {{on: "put a", err: full}, {on: "rollback to", err: errors.New("no answer")}},
		"not released":  {{on: "put a", err: full}, {on: "release", err: errors.New("no answer")}},
		"release fails": {{on: "release", times: 2, err: full}},
	} {
		for _, d := range []sqlkit.Dialect{sqlkit.PostgreSQL, sqlkit.SQLite} {
			f, db := newFake(t, d)
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range faults {
				f.fault(x)
			}
			if err := newKit(t, tx, d).InTx(t.Context(), put(nil, "a")); !errors.Is(err, full) {
				t.Errorf("%v, %s: %v, want %v", d, name, err, full)
			}
			if err := put(nil, "alone")(t.Context(), tx); !errors.Is(err, sql.ErrTxDone) {
				t.Errorf("%v, %s: the next statement: %v, want sql.ErrTxDone", d, name, err)
			}
			if err := tx.Commit(); !errors.Is(err, sql.ErrTxDone) {
				t.Errorf("%v, %s: commit: %v, want sql.ErrTxDone", d, name, err)
			}
			checkFacts(f)
		}
	}
}

func TestTransactionThatLostItsSavepointIsNotCommitted(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		f.fault(fault{on: "put b", err: errors.New("disk full"), drop: true})
		err := kit.InTx(f.Context(), func(ctx context.Context, tx sqlkit.DB) error {
			if err := put(nil, "a")(ctx, tx); err != nil {
				return err
			}
			return errors.Join(nil, ignore(sqlkit.Savepoint(ctx, tx, put(nil, "b"))))
		})
		if err == nil || errors.Is(err, sqlkit.ErrOutcomeUnknown) {
			f.Errorf("%v, want an error and a known outcome", err)
		}
		checkFacts(f)
	})
}

// ignore stands for a store that drops an error against the rules.
func ignore(error) error { return nil }
