package guard_test

import (
	"errors"
	"testing"

	"github.com/tenon-go/tenon/resilience/guard"
)

// errDown is what most attempts of these tests end with: transient for the default classifier.
var errDown = errors.New("down")

// must returns the value of a constructor that does not fail here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// made returns the guard of a good config.
func made(tb testing.TB, cfg guard.Config) *guard.Guard {
	tb.Helper()
	g, err := guard.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}
