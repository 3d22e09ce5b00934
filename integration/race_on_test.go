//go:build race

package integration_test

// raceEnabled is true under the race detector, which makes SQLite ten times as slow: it is
// Go code too.
const raceEnabled = true
