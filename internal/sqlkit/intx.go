package sqlkit

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// InTx runs fn in a transaction and commits what it did through tx, or nothing.
//
// On a *sql.DB or *sql.Conn the transaction is InTx's own: READ COMMITTED in
// PostgreSQL, whatever the server's default; BEGIN IMMEDIATE in SQLite, so that
// fn holds the one write lock from the start and what it reads stays true until
// it has written. (A deferred BEGIN, which is what database/sql has, fails
// there as soon as another wrote between its read and its write.) A *sql.Conn
// must not be within a transaction already, and is closed if the one on it cannot
// be ended.
//
//   - fn returns nil: the transaction is committed. If ctx has ended meanwhile it
//     is rolled back instead.
//   - fn returns an error, panics or leaves by runtime.Goexit: it is rolled back,
//     and the error is returned or the panic goes on.
//   - Another transaction is in the way (PostgreSQL 40001 and 40P01, SQLite's busy
//     and locked): it is rolled back and fn runs again, up to Config.Attempts
//     times, after a random wait of at most 5 ms that doubles up to 500 ms; SQLite's
//     busy timeout adds to each. The last error is returned.
//   - COMMIT is sent and not answered: [ErrOutcomeUnknown]. fn is not run again, as
//     it might take effect twice. Once sent, COMMIT is waited for also when ctx
//     ends, for up to 5 s more, since giving up early would only make a known
//     outcome unknown.
//
// So fn may run several times: it starts each time from what it captured, and has
// no effect but through tx. It returns every error that tx gave it, save of what
// it undid by [Savepoint]: after an error PostgreSQL accepts nothing more, and
// SQLite may have rolled back on its own. It closes its rows, and uses neither
// the kit nor tx once it has returned. Calling InTx from fn would wait for a
// second connection, for ever in a pool of one: pass tx on.
//
// On a caller's *sql.Tx InTx neither commits nor repeats: when its work takes
// effect, and at which isolation, is the caller's to say. fn then runs under a
// savepoint as in [Savepoint], so that its work is all or nothing also where the
// caller goes on after an error. Where others are in the way, the caller gets the
// driver's error and repeats its whole transaction. SQLite's caller should begin
// immediate, which drivers have a setting for.
//
// Where ctx has ended, the error is also context.Cause(ctx).
func (k *Kit) InTx(ctx context.Context, fn func(ctx context.Context, tx DB) error) error {
	return k.inTx(ctx, k.attempts, fn)
}

func (k *Kit) inTx(ctx context.Context, attempts int, fn func(context.Context, DB) error) error {
	if tx, ok := k.db.(transaction); ok {
		return Savepoint(ctx, tx, fn)
	}
	return k.repeat(ctx, attempts, func() (again bool, err error) {
		return k.once(ctx, fn)
	})
}

// once runs fn in one transaction, and reports whether another try might succeed.
func (k *Kit) once(ctx context.Context, fn func(context.Context, DB) error) (again bool, err error) {
	conn, release, err := k.pin(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	end, cancel := linger(ctx)
	defer cancel()

	work, err := k.begin(ctx, end, conn)
	if err != nil {
		// A pooled connection may have died unnoticed: another is tried.
		return errors.Is(err, driver.ErrBadConn) || k.isContention(err), fmt.Errorf("begin: %w", err)
	}
	committed := false
	defer func() {
		if !committed && work.rollback() != nil {
			discard(conn)
		}
	}()

	if err := fn(ctx, work.db); err != nil {
		return k.isContention(err), err
	}
	if ctx.Err() != nil {
		return false, fmt.Errorf("not committed: %w", context.Cause(ctx))
	}
	err = work.commit()
	switch {
	case err == nil:
		committed = true
		return false, nil
	case k.isContention(err):
		return true, fmt.Errorf("commit: %w", err)
	case k.isRefusal(err):
		return false, fmt.Errorf("commit: %w", err)
	default:
		return false, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
}

// pin returns a connection that stays the same until release.
func (k *Kit) pin(ctx context.Context) (conn connection, release func(), err error) {
	switch db := k.db.(type) {
	case pool:
		c, err := db.Conn(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("connect: %w", err)
		}
		return c, func() { _ = c.Close() }, nil // the transaction is over, and Close has nothing to add
	case connection:
		return db, func() {}, nil
	default:
		return nil, nil, fmt.Errorf("connect: %T cannot", k.db) // New refuses it
	}
}

// discard closes a connection that could not be rolled back. Whoever got it next
// from the pool would else write into a transaction that nobody commits.
func discard(conn connection) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}

// linger returns a context that outlives ctx by 5 s, long enough to end a
// transaction properly after its caller has left. cancel ends it at once.
func linger(ctx context.Context) (end context.Context, cancel context.CancelFunc) {
	const grace = 5 * time.Second
	end, now := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		defer now()
		limit, done := context.WithTimeout(end, grace)
		defer done()
		<-limit.Done()
	})
	return end, func() {
		stop()
		now()
	}
}
