package breaker_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience/breaker"
)

// box is a breaker in a test.
type box struct {
	*breaker.Breaker
	t *testing.T
}

// made returns a breaker of cfg.
func made(tb testing.TB, cfg breaker.Config) *breaker.Breaker {
	tb.Helper()
	b, err := breaker.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// bubble runs a test of a breaker of cfg in a bubble, where sleeping takes no time. What the test leaves out of the config has no jitter.
func bubble(t *testing.T, cfg breaker.Config, run func(b box)) {
	t.Helper()
	if cfg.OpenJitter == 0 {
		cfg.OpenJitter = -1
	}
	synctest.Test(t, func(t *testing.T) { run(box{made(t, cfg), t}) })
}

// outcomes are the letters of scripts: S success, F failure, X excluded, U unused.
var outcomes = map[rune]breaker.Outcome{ //nolint:gochecknoglobals // an immutable table
	'S': breaker.Success, 'F': breaker.Failure, 'X': breaker.Excluded, 'U': breaker.Unused,
}

// calls makes a call for each letter, one after the other, and returns how many were refused.
func (b box) calls(script string) (refused int) {
	b.t.Helper()
	for _, letter := range script {
		ticket, err := b.Allow()
		switch {
		case err == nil:
			b.Record(ticket, outcomes[letter])
		case errors.Is(err, breaker.ErrOpen):
			refused++
		default:
			b.t.Fatal(err)
		}
	}
	return refused
}

// allow starts a call.
func (b box) allow() breaker.Ticket {
	b.t.Helper()
	ticket, err := b.Allow()
	if err != nil {
		b.t.Fatal(err)
	}
	return ticket
}

// record ends a call.
func (b box) record(ticket breaker.Ticket, letter rune) { b.Record(ticket, outcomes[letter]) }

// command puts the breaker into a state.
func (b box) command(to breaker.State) {
	b.t.Helper()
	if err := b.Command(to); err != nil {
		b.t.Fatal(err)
	}
}

// sleep lets time pass, and those timers finish that are due.
func (b box) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// in fails unless the breaker is in a state.
func (b box) in(want breaker.State) {
	b.t.Helper()
	if got := b.State(); got != want {
		b.t.Fatalf("the state is %v, want %v", got, want)
	}
}

// counted fails unless the counts are so.
func (b box) counted(want breaker.Counts) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.Counts()); diff != "" {
		b.t.Fatalf("counts (-want +got):\n%s", diff)
	}
}

// late fails unless so many results were late.
func (b box) late(want uint64) {
	b.t.Helper()
	if got := b.Stats().Late; got != want {
		b.t.Fatalf("%d late, want %d", got, want)
	}
}

// journal keeps the changes that are reported to it, some of them by timers.
type journal struct {
	mu      sync.Mutex
	changes []breaker.Change
}

// add is an OnChange.
func (j *journal) add(c breaker.Change) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.changes = append(j.changes, c)
}

// all returns them.
func (j *journal) all() []breaker.Change {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.changes)
}

// moves returns them without details.
func (j *journal) moves() []string {
	var moves []string
	for _, c := range j.all() {
		moves = append(moves, fmt.Sprintf("%v to %v", c.From, c.To))
	}
	return moves
}
