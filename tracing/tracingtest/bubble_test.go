package tracingtest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
)

// The recipe of the package's doc: each run of the test is the same, and takes no time.
func TestKeepsWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := collector.NewRecent(0)
		tail, err := collector.New(kept, collector.Config{Shards: 1, Policies: []sampling.Policy{sampling.Errors{}}})
		if err != nil {
			t.Fatal(err)
		}
		provider, err := tracing.New(tail, tracing.Config{}) // Both in the bubble: so their timers and goroutines are.
		if err != nil {
			t.Fatal(err)
		}
		defer func() { // Also in the bubble, which else waits for their goroutines, and this order, the maker of spans first.
			if err := errors.Join(provider.Close(t.Context()), tail.Close(t.Context())); err != nil {
				t.Error(err)
			}
		}()
		for _, step := range []struct{ cents, kept int }{{500, 0}, {20_000, 1}, {600, 1}} {
			charge(t.Context(), provider.Tracer("example.com/pay"), step.cents)
			if err := provider.Flush(t.Context()); err != nil { // Not left to MaxDelay, which may end in the instant of another step.
				t.Fatal(err)
			}
			time.Sleep(3 * time.Second) // More than Quiet and the 200 ms of a batch.
			synctest.Wait()
			if got := len(kept.All()); got != step.kept {
				t.Errorf("after %d cents %d traces are kept, want %d", step.cents, got, step.kept)
			}
		}
	})
}
