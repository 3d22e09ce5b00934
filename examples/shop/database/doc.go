// Package database opens what the tables of a run live in, and removes it at the end.
package database
