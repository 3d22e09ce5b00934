//go:build !race

package money_test

// raceEnabled is true under the race detector, which makes long loops ten times as long.
const raceEnabled = false
