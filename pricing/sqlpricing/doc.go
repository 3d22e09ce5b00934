// Package sqlpricing keeps price books in PostgreSQL or SQLite, by database/sql
// and whatever driver the program has. It imports none.
//
//	db, err := sql.Open("sqlite", "file:shop.db?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)") // modernc.org/sqlite
//	...
//	store, err := sqlpricing.New(db, sqlpricing.Config{Dialect: sqlpricing.SQLite, Prefix: "pricing_"})
//	...
//	err = store.Migrate(ctx)
//
// With another driver and dialect it is the same. Without a prefix the tables have plain names, such as books.
//
// # Tables
//
// Four, beside the migrations that engines of one prefix share. Times are
// microseconds since 1970 in UTC, digests the 32 bytes of a SHA-256.
//
//	books          name, draft_revision, last            the newest revision and version
//	versions       book, version, digest, policy, ...    version 0 is the draft
//	parts          book, digest, data                    canonical JSON, each once
//	version_parts  book, version, part, digest           the parts that are not empty
//
// A draft is kept as a version is, so that a publication copies 256 small rows
// and no rule. Versions share the parts in which they do not differ.
//
// # Transactions
//
// Each write is one transaction, and its first statement decides it: an update of
// the book's row that compares revision and version and must hit that row. It
// also locks the row, so that writers of one book follow each other; those of
// others go on, in PostgreSQL. What it writes afterwards nobody sees before the
// commit. Each read is one statement and so one state of the database, at any
// isolation level, save that long lists of heads and parts come in pages.
//
// PostgreSQL runs at READ COMMITTED; serialization failures and deadlocks are
// repeated. SQLite begins immediate. It should be opened in WAL mode with a busy
// timeout of 5 s, so that readers never wait and writers queue.
//
// # The caller's transaction
//
// [New] takes a *sql.Tx as well. What the store does then stands or falls with
// that transaction; the store neither commits nor repeats it, and undoes what an
// own failed write did by a savepoint. A publication in it should be committed
// within 5 s of its time, for engines count on that to know that they have every
// version.
package sqlpricing
