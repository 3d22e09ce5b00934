//go:build !race

package promotions_test

const raceEnabled = false
