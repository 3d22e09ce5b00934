// Package faultyfs is a directory in memory for tests of what writes files: it fails on command, and forgets in a crash what was not synced.
package faultyfs
