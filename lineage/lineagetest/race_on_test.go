//go:build race

package lineagetest_test

// gateHistories is what the gate has time for.
const gateHistories = 300
