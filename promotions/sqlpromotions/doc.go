// Package sqlpromotions keeps a ledger's accounts and entries in PostgreSQL or
// SQLite, by database/sql and whatever driver the program has. It imports none.
//
//	db, err := sql.Open("sqlite", "file:shop.db?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)") // modernc.org/sqlite
//	...
//	store, err := sqlpromotions.New(db, sqlpromotions.Config{Dialect: sqlpromotions.SQLite, Prefix: "promotions_"})
//	...
//	err = store.Migrate(ctx)
//
// With another driver and dialect it is the same. Without a prefix the tables have plain names, such as accounts.
//
// # Tables
//
// Two, beside the migrations that engines of one prefix share. Times are
// microseconds since 1970 in UTC; an entry's key is bytes, so that its order is
// that of its bytes in every database.
//
//	accounts  id, unit, reserved, committed
//	entries   entry_key, version, state, fingerprint, debits, reversals, result, expires
//
// # Writes
//
// The row of an account that every order debits is locked until the commit is on
// the disk; one transaction for each order would have them wait for the disk in
// turn. So on a *sql.DB the calls of Apply that come while a transaction of this
// store is under way wait, and the next takes up to 64 of them: it locks their
// accounts and entries, decides on each in the order of arrival as if the ones
// before it were written, writes what is accepted and commits once. A refusal
// writes nothing and holds up nobody.
//
// A caller that leaves while its write waits gets the cause, and nothing was
// written; while a transaction has it, its write may stand, and a repeat is
// promotions.ErrConflict then. The transaction goes on as long as one of its callers
// is there.
//
// Locks are taken in the same order everywhere, accounts by id and then entries by
// key, so that nodes never wait for each other in a circle. In PostgreSQL, at READ
// COMMITTED, they are row locks, and other accounts go on; SQLite begins immediate.
// It should be opened in WAL mode with a busy timeout of 5 s.
//
// # The caller's transaction
//
// [New] takes a *sql.Tx as well. What the store does then stands or falls with that
// transaction: each call runs at once, neither commits nor repeats, and undoes what
// it did by a savepoint where it fails. The rows that it locked stay locked until the
// caller's transaction ends.
package sqlpromotions
