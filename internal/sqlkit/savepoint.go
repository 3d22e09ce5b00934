package sqlkit

import (
	"context"
	"fmt"
)

// Savepoint runs fn within tx, the transaction that [Kit.InTx] handed out or a
// caller's, and undoes what fn did when it returns an error, panics, leaves by
// runtime.Goexit or finds ctx ended: tx is then as before, and can go on. fn runs
// once and keeps to the rules of InTx; savepoints nest.
//
// If the savepoint cannot be restored, because the connection is lost or SQLite
// has rolled back the whole transaction on its own, what tx holds is not known
// any more. A *sql.Tx is rolled back, so that its next statement fails with
// sql.ErrTxDone instead of taking effect alone. The error says so.
func Savepoint(ctx context.Context, tx DB, fn func(ctx context.Context, tx DB) error) (err error) {
	end, cancel := linger(ctx)
	defer cancel()
	if _, err := tx.ExecContext(ctx, "savepoint tenon"); err != nil {
		return because(ctx, fmt.Errorf("savepoint: %w", err))
	}
	kept := false
	defer func() {
		if kept {
			return
		}
		if lost := undo(end, tx); lost != nil {
			err = fmt.Errorf("%w; and the transaction is lost: %w", err, lost)
		}
	}()

	if err := fn(ctx, tx); err != nil {
		return because(ctx, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("not kept: %w", context.Cause(ctx))
	}
	if _, err := tx.ExecContext(end, "release savepoint tenon"); err != nil {
		return because(ctx, fmt.Errorf("release savepoint: %w", err))
	}
	kept = true
	return nil
}

// undo takes tx back to the innermost savepoint and removes that, or else ends tx.
func undo(ctx context.Context, tx DB) error {
	for _, statement := range []string{"rollback to savepoint tenon", "release savepoint tenon"} {
		_, err := tx.ExecContext(ctx, statement)
		if err == nil {
			continue
		}
		if whole, ok := tx.(transaction); ok {
			_ = whole.Rollback() // it is over either way, and err says why
		}
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
