// Package integration holds what needs a driver or a server: it runs the suite's
// conformance suites against real databases. It is a module of its own, never
// tagged, so that no driver enters the go.mod of an importer.
//
// Package dbtest provides the databases: SQLite always, PostgreSQL from a server
// that TENON_POSTGRES_DSN names or from binaries that are installed.
package integration
