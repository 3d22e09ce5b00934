// Command checkouttx begins a checkout, holds its promotion and writes a row of the host's own
// in one transaction: all stand, or none. What the outside is asked for comes after the commit.
//
// With -dsn postgres://... it does so on PostgreSQL, in a schema of this run's own; by default on
// SQLite in a temporary folder.
package main
