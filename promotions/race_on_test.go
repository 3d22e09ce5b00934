//go:build race

package promotions_test

// raceEnabled is true under the race detector, which makes long loops ten times as
// long and has pools drop what they hold at random.
const raceEnabled = true
