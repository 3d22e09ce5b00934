// Package dbtest gives each test a database of its own: a file of SQLite, or a
// fresh database on a PostgreSQL server.
//
//	db := dbtest.PostgreSQL(t)
//
// A test that needs several pools, or passes its database on to other processes,
// takes the data source name instead, which other processes open with the drivers
// [SQLiteDriver] and [PostgreSQLDriver]:
//
//	dsn := dbtest.PostgreSQLDSN(t)
//	one, two := dbtest.OpenPostgreSQL(t, dsn), dbtest.OpenPostgreSQL(t, dsn)
//
// # Which PostgreSQL
//
// The first of these that there is:
//
//   - The server of TENON_POSTGRES_DSN, a URL or keywords and values. Its user must
//     be allowed to create databases. It is an error if it does not answer.
//   - A throw-away cluster made with installed binaries: those in the folder
//     TENON_POSTGRES_BIN, else on PATH, else where distributions put them. As root,
//     which the server refuses to run as, it belongs to the user postgres or nobody.
//   - None: the test is skipped with one line, or fails where CI=true.
//
// The cluster starts with the first test that wants it and serves the whole test
// binary, over a Unix socket that only its user and root can reach. A small shell
// process guards it: when the test binary ends, whatever way, it stops the server
// and removes the files.
//
// The cluster runs with fsync off: an operating system that crashed would lose
// data, which no test does to it, and commits take a fraction of their time. So
// nothing measured there says anything about durable commits until [Durable]
// has turned fsync on.
package dbtest
