//go:build !race

package promotionstest_test

// standardAttempts is a look: the race detector has more.
const standardAttempts = 100_000
