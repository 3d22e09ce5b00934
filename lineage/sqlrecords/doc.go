// Package sqlrecords keeps lineage's log of records in PostgreSQL or SQLite, by
// database/sql and whatever driver the program has. It imports none.
//
//	db, err := sql.Open("sqlite", "file:lineage.db?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)") // modernc.org/sqlite
//	...
//	store, err := sqlrecords.New(db, sqlrecords.Config{Dialect: sqlrecords.SQLite, Prefix: "lineage_"})
//	...
//	err = store.Migrate(ctx)
//
// With another driver and dialect it is the same. Without a prefix the tables have plain
// names, such as records.
//
// # Tables
//
// Beside the migrations, which engines of one prefix share. Times are microseconds since
// 1970 in UTC; names are kept as bytes and found by their SHA-256, so that none is too
// long for an index and none is changed by a collation.
//
//	counter           the last cursor that was given
//	records           cursor, id, learnt, time, head, body, raw, size in bytes, hashes of run and job
//	bodies            hash, body: what is said of jobs and datasets, once for all runs that say it
//	checkpoint        version, cursor, fingerprint of the one that is there
//	checkpoint_parts  its data in rows of 1 MiB, each with a CRC-32C
//
// # Writes
//
// A sequence of the database would give cursors in the order in which transactions begin,
// and a reader at 10 would miss the 9 that commits later. So the cursors come from the row
// of the counter, which a transaction locks until it has committed: writers follow each
// other, and their order is that of the commits. Larger batches pay for the lock once; an
// engine makes them of the calls that come together. Pruning takes the same lock, since a
// batch may be about to use the last record's body.
//
// A checkpoint is written part by part, in a transaction each, so that it holds up no
// batch. The last transaction makes it the one that is there and removes those before
// the previous one, whose readers may go on.
//
// SQLite should be opened in WAL mode with a busy timeout of 5 s.
//
// # Reads
//
// A sequence reads pages of at most 512 records and about 8 MiB, and holds no connection
// between them. [Store.Records] ends at the cursor that was the last at its call; records
// that are pruned while it is under way are left out where it has not come to them.
//
// # The caller's transaction
//
// [New] takes a *sql.Tx as well. What the store does then stands or falls with that
// transaction, and the counter stays locked until it ends.
package sqlrecords
