package sqlkit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
)

// Migrate brings the database to the last of the [Steps] in fsys, in one
// transaction, as [Kit.InTx] has them: all steps that are missing, or nothing. A
// database that is up to date is only read. It can be repeated after any error,
// ErrOutcomeUnknown included.
//
// The table <prefix>migrations remembers engine, number, name and SHA-256 of what
// was applied; engines that share a prefix share it. Migrators exclude each other
// by a lock, PostgreSQL's an advisory one of that table's name and SQLite's the
// write lock: a second one waits as long as ctx allows and has nothing left to do.
//
// ErrMigration, before anything is written, where a step was edited after it was
// applied, or the database has one that fsys lacks.
func (k *Kit) Migrate(ctx context.Context, fsys fs.FS) error {
	steps, err := Steps(fsys, k.dialect)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", k.engine, err)
	}
	attempts := k.attempts
	if k.dialect == SQLite {
		attempts = math.MaxInt // busy means that another migrator is at work: it will end
	}
	err = k.inTx(ctx, attempts, func(ctx context.Context, tx DB) error {
		return k.migrate(ctx, tx, steps)
	})
	if err != nil {
		return fmt.Errorf("migrate %s: %w", k.engine, err)
	}
	return nil
}

func (k *Kit) migrate(ctx context.Context, tx DB, steps []Step) error {
	if err := k.lock(ctx, tx); err != nil {
		return err
	}
	exists, err := k.hasTable(ctx, tx)
	if err != nil {
		return err
	}
	var applied []Step
	if exists {
		if applied, err = k.applied(ctx, tx); err != nil {
			return err
		}
	}
	if err := compare(applied, steps); err != nil {
		return err
	}
	if !exists {
		if err := k.createTable(ctx, tx); err != nil {
			return err
		}
	}
	for _, step := range steps[len(applied):] {
		if err := k.apply(ctx, tx, step); err != nil {
			return fmt.Errorf("step %d %s: %w", step.Number, step.Name, err)
		}
	}
	return nil
}

// lock keeps other migrators of the table out until the transaction ends. In
// SQLite the transaction itself does.
func (k *Kit) lock(ctx context.Context, tx DB) error {
	if k.dialect == SQLite {
		return nil
	}
	sum := sha256.Sum256([]byte("tenon " + k.table))
	key := int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // any 64 bits will do
	if _, err := tx.ExecContext(ctx, "select pg_advisory_xact_lock($1)", key); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

func (k *Kit) hasTable(ctx context.Context, tx DB) (bool, error) {
	query := "select count(to_regclass($1))" // null where there is none, which count passes over
	if k.dialect == SQLite {
		query = "select count(*) from sqlite_master where type = 'table' and name = ?"
	}
	var n int
	if err := tx.QueryRowContext(ctx, query, k.table).Scan(&n); err != nil {
		return false, fmt.Errorf("look for %s: %w", k.table, err)
	}
	return n > 0, nil
}

func (k *Kit) createTable(ctx context.Context, tx DB) error {
	_, err := tx.ExecContext(ctx, k.SQL(`create table {prefix}migrations (
	engine text not null,
	number integer not null,
	name text not null,
	sha256 text not null,
	primary key (engine, number)
)`))
	if err != nil {
		return fmt.Errorf("create %s: %w", k.table, err)
	}
	return nil
}

func (k *Kit) applied(ctx context.Context, tx DB) ([]Step, error) {
	scan := func(row Scanner) (s Step, err error) {
		err = row.Scan(&s.Number, &s.Name, &s.SHA256)
		return s, err
	}
	query := k.SQL("select number, name, sha256 from {prefix}migrations where engine = ? order by number")
	steps, err := All(ctx, tx, scan, query, k.engine)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", k.table, err)
	}
	return steps, nil
}

// compare checks that what was applied is what steps begin with.
func compare(applied, steps []Step) error {
	for i, old := range applied {
		switch {
		case old.Number != i+1:
			return fmt.Errorf("%w: step %d was applied and step %d was not", ErrMigration, old.Number, i+1)
		case i >= len(steps):
			return fmt.Errorf("%w: step %d %s is not known here: a newer program applied it", ErrMigration, old.Number, old.Name)
		case old.SHA256 != steps[i].SHA256:
			return fmt.Errorf("%w: step %d %s was edited after it was applied: SHA-256 was %s, is %s",
				ErrMigration, old.Number, steps[i].Name, old.SHA256, steps[i].SHA256)
		case old.Name != steps[i].Name:
			return fmt.Errorf("%w: step %d was applied as %s and is called %s", ErrMigration, old.Number, old.Name, steps[i].Name)
		}
	}
	return nil
}

// apply runs a step and remembers it.
func (k *Kit) apply(ctx context.Context, tx DB, step Step) error {
	if _, err := tx.ExecContext(ctx, k.names.Replace(step.SQL)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, k.SQL("insert into {prefix}migrations (engine, number, name, sha256) values (?, ?, ?, ?)"),
		k.engine, step.Number, step.Name, step.SHA256)
	return err
}
