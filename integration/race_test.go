package integration_test

import "testing"

// skipUnderRace skips what the race detector would only make slow: tests of one
// goroutine, and of processes that race where it does not look, in a database.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("nothing for the race detector to see, and ten times as slow under it")
	}
}
