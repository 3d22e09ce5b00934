// Package sqlkit is what the suite's stores on database/sql share: the two
// dialects, table prefixes, transactions, migrations and a few helpers for rows.
// It imports no driver.
//
// A store makes a [Kit] of the caller's database and its own [Config], has its
// statements written by [Kit.SQL] once, reads by [Kit.DB], writes in [Kit.InTx]
// and brings its tables with [Kit.Migrate]:
//
//	//go:embed migrations/*.sql
//	var migrations embed.FS
//
//	func New(db DB, cfg Config) (*Store, error) {
//		kit, err := sqlkit.New(db, sqlkit.Config{Engine: "pricing", Dialect: cfg.Dialect, Prefix: cfg.Prefix})
//		...
//	}
//
// A store's importers cannot name this package. So its New declares the
// interface of three methods that [DB] is, and its package re-exports the rest
// that they need:
//
//	type Dialect = sqlkit.Dialect
//
//	const (
//		PostgreSQL = sqlkit.PostgreSQL
//		SQLite     = sqlkit.SQLite
//	)
//
//	var (
//		ErrMigration      = sqlkit.ErrMigration
//		ErrOutcomeUnknown = sqlkit.ErrOutcomeUnknown
//	)
//
// # Types
//
// One text of a statement serves both dialects where the types are these:
//
//	text, bigint, integer    as they are
//	{blob}                   bytea in PostgreSQL, blob in SQLite
//	times                    bigint: microseconds since 1970, UTC; see [Micros]
//
// # SQLite's settings
//
// They belong to whoever opens the database: WAL, so that readers and the writer
// do not wait for each other; a busy timeout, so that writers queue instead of
// failing; foreign keys on. A driver must take several statements in one
// ExecContext without arguments, as those of both dialects do, and report errors
// in one of the ways that [Kit.IsUnique] lists.
package sqlkit
