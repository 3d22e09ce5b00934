//go:build race

package promotionstest_test

// standardAttempts is what the gate has time for: TENON_OVERRUN_ATTEMPTS has more.
const standardAttempts = 200_000
