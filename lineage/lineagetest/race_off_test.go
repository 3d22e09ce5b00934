//go:build !race

package lineagetest_test

// gateHistories is how many the gate looks at.
const gateHistories = 10_000
