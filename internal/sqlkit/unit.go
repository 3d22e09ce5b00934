package sqlkit

import (
	"context"
	"database/sql"
	"errors"
)

// A unit is a transaction under way.
type unit struct {
	db       DB
	commit   func() error
	rollback func() error // nil where the connection is fit for use after it
}

// begin starts a transaction on conn. Its statements go by ctx, its end by end.
func (k *Kit) begin(ctx, end context.Context, conn connection) (unit, error) {
	if k.dialect == SQLite {
		return beginImmediate(ctx, end, conn)
	}
	return beginReadCommitted(end, conn)
}

// beginReadCommitted takes end alone: database/sql rolls a transaction back by
// itself as soon as its context ends, also while COMMIT is under way.
func beginReadCommitted(end context.Context, conn connection) (unit, error) {
	tx, err := conn.BeginTx(end, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return unit{}, err
	}
	return unit{
		db:     tx,
		commit: tx.Commit,
		rollback: func() error {
			if err := tx.Rollback(); !errors.Is(err, sql.ErrTxDone) {
				return err
			}
			return nil // COMMIT has failed, which ends it too
		},
	}, nil
}

func beginImmediate(ctx, end context.Context, conn connection) (unit, error) {
	exec := func(statement string) error {
		_, err := conn.ExecContext(end, statement)
		return err
	}
	work := unit{
		db:     conn,
		commit: func() error { return exec("commit") },
		rollback: func() error {
			if exec("rollback") == nil {
				return nil
			}
			// SQLite rolls back by itself when the disk is full or a write is
			// interrupted; ROLLBACK then fails, and all is well if BEGIN does not.
			if err := exec("begin"); err != nil {
				return err
			}
			return exec("rollback")
		},
	}
	_, err := conn.ExecContext(ctx, "begin immediate")
	if err != nil && ctx.Err() != nil && work.rollback() != nil {
		discard(conn) // it may have begun before the interrupt came
	}
	return work, err
}
